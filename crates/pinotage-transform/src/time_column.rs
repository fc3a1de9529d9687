//! The table's time column must hold times that a controller accepts.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType as Arrow, Int32Type, Int64Type, TimestampMillisecondType};
use pinotage_spec::{DateTimeFormat, FieldSpec, VALID_TIME_MILLIS, Value};

use crate::outcome::Outcome;
use crate::{dictionary, rule, timestamp};

/// Whether a null is stored as a time that a controller accepts.
pub(crate) fn default_is_valid(field: &FieldSpec) -> bool {
    let Some(format) = field.date_time.as_ref().map(|spec| &spec.format) else { return true };
    is_valid(match &field.default_null_value {
        Value::Int(number) => millis_of_number(format, i64::from(*number)),
        Value::Long(number) => millis_of_number(format, *number),
        Value::String(text) => format.text_to_millis(text),
        _ => None,
    })
}

/// Records nulls, and times outside of 1971 to 2071 or against the column's format.
pub(crate) fn check(field: &FieldSpec, array: &ArrayRef, outcome: &mut Outcome<'_>) {
    let Some(format) = field.date_time.as_ref().map(|spec| &spec.format) else { return };
    if array.null_count() > 0 && !default_is_valid(field) {
        for at in (0..array.len()).filter(|at| array.is_null(*at)) {
            outcome.bad(at, rule::NULL_TIME, "a time", "null");
        }
    }
    let mut numbers = |get: &dyn Fn(usize) -> i64| {
        // Neighbours are often equal, and patterns are slow.
        let mut last = None;
        for at in (0..array.len()).filter(|at| array.is_valid(*at)) {
            let number = get(at);
            if last == Some(number) || is_valid(millis_of_number(format, number)) {
                last = Some(number);
            } else {
                outcome.bad(at, rule::TIME_OUT_OF_RANGE, expected(format), number);
            }
        }
    };
    match array.data_type() {
        arrow if dictionary::is_text(arrow) => {
            let rows = array.as_dictionary::<Int32Type>();
            let texts = rows.values().as_string::<i32>();
            let valid: Vec<bool> =
                texts.iter().map(|text| is_valid(text.and_then(|text| format.text_to_millis(text)))).collect();
            for (at, key) in rows.keys().iter().enumerate() {
                let Some(key) = key.map(|key| key as usize).filter(|key| !valid[*key]) else { continue };
                outcome.bad(at, rule::TIME_OUT_OF_RANGE, expected(format), texts.value(key));
            }
        }
        Arrow::Int32 => numbers(&|at| i64::from(array.as_primitive::<Int32Type>().value(at))),
        Arrow::Int64 => numbers(&|at| array.as_primitive::<Int64Type>().value(at)),
        Arrow::Timestamp(..) => numbers(&|at| timestamp::stored(array)[at]),
        Arrow::Utf8 => {
            let texts = array.as_string::<i32>();
            let mut last = None;
            for (at, text) in texts.iter().enumerate() {
                let Some(text) = text else { continue };
                if last == Some(text) || is_valid(format.text_to_millis(text)) {
                    last = Some(text);
                } else {
                    outcome.bad(at, rule::TIME_OUT_OF_RANGE, expected(format), text);
                }
            }
        }
        _ => {}
    }
}

/// The time of each row of a time column of a canonical batch, in milliseconds since the epoch; none without a time.
pub fn times(field: &FieldSpec, array: &ArrayRef) -> Vec<Option<i64>> {
    let Some(format) = field.date_time.as_ref().map(|spec| &spec.format) else { return vec![None; array.len()] };
    let number = |number: Option<i64>| number.and_then(|number| millis_of_number(format, number));
    match array.data_type() {
        Arrow::Int32 => array.as_primitive::<Int32Type>().iter().map(|value| number(value.map(i64::from))).collect(),
        Arrow::Int64 => array.as_primitive::<Int64Type>().iter().map(number).collect(),
        Arrow::Timestamp(..) => array.as_primitive::<TimestampMillisecondType>().iter().map(number).collect(),
        _ => match cast(array, &Arrow::Utf8) {
            Ok(texts) => {
                let texts = texts.as_string::<i32>().iter();
                texts.map(|text| text.and_then(|text| format.text_to_millis(text))).collect()
            }
            Err(_) => vec![None; array.len()],
        },
    }
}

/// The latest time in a time column of a canonical batch, in milliseconds since the epoch; none without a time.
pub fn latest_time(field: &FieldSpec, array: &ArrayRef) -> Option<i64> {
    times(field, array).into_iter().flatten().max()
}

/// Numbers in a column with a pattern (20231114) are read as their text.
fn millis_of_number(format: &DateTimeFormat, number: i64) -> Option<i64> {
    match format {
        DateTimeFormat::SimpleDate { .. } => format.text_to_millis(&number.to_string()),
        _ => Some(format.number_to_millis(number)),
    }
}

fn is_valid(millis: Option<i64>) -> bool {
    millis.is_some_and(|millis| VALID_TIME_MILLIS.contains(&millis))
}

fn expected(format: &DateTimeFormat) -> String {
    match format {
        DateTimeFormat::SimpleDate { pattern, .. } => format!("a time between 1971 and 2071 as `{pattern}`"),
        DateTimeFormat::Epoch { unit, size: 1 } => {
            format!("a time between 1971 and 2071 in {}", unit.name().to_lowercase())
        }
        _ => "a time between 1971 and 2071".into(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int32Array, StringArray, TimestampMillisecondArray};
    use pinotage_spec::Schema;

    use super::*;

    #[test]
    fn the_latest_time_is_one_by_the_format() {
        let day = 1_700_006_400_000;
        let cases: [(&str, &str, ArrayRef); 4] = [
            ("INT", "1:DAYS:EPOCH", Arc::new(Int32Array::from(vec![Some(19_000), None, Some(19_676)]))),
            // The larger number is the earlier day.
            ("INT", "1:DAYS:SIMPLE_DATE_FORMAT:ddMMyyyy", Arc::new(Int32Array::from(vec![30_102_023, 15_112_023]))),
            (
                "STRING",
                "1:DAYS:SIMPLE_DATE_FORMAT:yyyy-MM-dd",
                Arc::new(StringArray::from(vec!["2023-11-15", "no day"])),
            ),
            ("TIMESTAMP", "TIMESTAMP", Arc::new(TimestampMillisecondArray::from(vec![day, day - 1]))),
        ];
        for (data_type, format, array) in cases {
            let schema = format!(
                r#"{{"schemaName": "t", "dateTimeFieldSpecs": [{{"name": "d", "dataType": "{data_type}", "format": "{format}", "granularity": "1:DAYS"}}]}}"#
            );
            let schema = Schema::from_json(&schema).unwrap();
            let field = schema.field("d").unwrap();
            assert_eq!(latest_time(field, &array), Some(day), "{format}");
            assert_eq!(super::times(field, &array).len(), array.len());
            assert_eq!(latest_time(field, &array.slice(0, 0)), None);
        }
    }
}

//! The table's time column must hold times that a controller accepts.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType as Arrow, Int32Type, Int64Type};
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

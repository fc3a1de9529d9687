//! Timestamps, dates and the values of a time column.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int32Array, Int64Array, StringArray, StringBuilder, TimestampMillisecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType as Arrow, Date32Type, Int32Type, Int64Type, TimeUnit as ArrowUnit, TimestampMillisecondType,
};
use chrono::{DateTime, TimeZone};
use chrono_tz::Tz;
use pinotage_common::{Error, Result};
use pinotage_spec::{DataType, DateTimeFormat, FieldSpec, Value, parse_timestamp};

use crate::conform::ConformOptions;
use crate::outcome::Outcome;
use crate::rule;

/// A value of a canonical time column.
pub(crate) fn value_at(array: &ArrayRef, row: usize) -> Option<Value> {
    Some(match array.data_type() {
        Arrow::Int32 => Value::Int(array.as_primitive::<Int32Type>().value(row)),
        Arrow::Int64 => Value::Long(array.as_primitive::<Int64Type>().value(row)),
        Arrow::Timestamp(..) => Value::Long(array.as_primitive::<TimestampMillisecondType>().value(row)),
        Arrow::Utf8 => Value::String(array.as_string::<i32>().value(row).to_owned()),
        _ => return None,
    })
}

/// Milliseconds since the epoch of a stored value; `None` when it does not follow the format.
pub(crate) fn millis_of(format: &DateTimeFormat, value: &Value) -> Option<i64> {
    match value {
        Value::Int(number) => Some(format.number_to_millis(i64::from(*number))),
        Value::Long(number) => Some(format.number_to_millis(*number)),
        Value::String(text) => format.text_to_millis(text),
        _ => None,
    }
}

/// Anything to a TIMESTAMP.
pub(crate) fn to_timestamp(array: &ArrayRef, options: &ConformOptions, outcome: &mut Outcome<'_>) -> Result<ArrayRef> {
    let millis: Int64Array = match array.data_type() {
        Arrow::Timestamp(unit, zone) => timestamps(array, *unit, zone.is_none(), options, outcome)?,
        Arrow::Int64 => array.as_primitive::<Int64Type>().clone(),
        Arrow::Date32 | Arrow::Date64 => {
            days(array)?.iter().map(|day| day.map(|day| i64::from(day) * 86_400_000)).collect()
        }
        _ => {
            let texts = array.as_string::<i32>();
            texts
                .iter()
                .enumerate()
                .map(|(at, text)| {
                    let text = text?.trim();
                    let millis = text.parse().ok().or_else(|| parse_timestamp(text, options.time_zone));
                    if millis.is_none() {
                        outcome.bad(
                            at,
                            rule::WRONG_TYPE,
                            "a timestamp such as 2023-11-14 22:13:20, or milliseconds",
                            text,
                        );
                    }
                    millis
                })
                .collect()
        }
    };
    Ok(Arc::new(TimestampMillisecondArray::new(millis.values().clone(), millis.nulls().cloned()).with_timezone("UTC")))
}

/// Milliseconds of timestamps of any unit; those without a zone are local times of the option's zone.
fn timestamps(
    array: &ArrayRef,
    unit: ArrowUnit,
    local: bool,
    options: &ConformOptions,
    outcome: &mut Outcome<'_>,
) -> Result<Int64Array> {
    let failed = |error| Error::unexpected("cannot read timestamps").caused_by(error);
    let counts = cast(array, &Arrow::Int64).map_err(failed)?;
    let counts = counts.as_primitive::<Int64Type>();
    let shift = |millis: i64| {
        if local && options.time_zone != Tz::UTC { local_millis(millis, options.time_zone) } else { Some(millis) }
    };
    Ok(counts
        .iter()
        .enumerate()
        .map(|(at, count)| {
            let count = count?;
            let millis = match unit {
                ArrowUnit::Second => count.checked_mul(1000),
                ArrowUnit::Millisecond => Some(count),
                ArrowUnit::Microsecond => Some(count.div_euclid(1000)),
                ArrowUnit::Nanosecond => Some(count.div_euclid(1_000_000)),
            };
            let lost = match unit {
                ArrowUnit::Microsecond => count.rem_euclid(1000) != 0,
                ArrowUnit::Nanosecond => count.rem_euclid(1_000_000) != 0,
                _ => false,
            };
            if lost && options.timestamp_loss_is_error {
                outcome.bad(at, rule::NOT_EXACT, "a timestamp of whole milliseconds", &count.to_string());
            } else if lost {
                outcome.change(at, rule::TIMESTAMP_FLOORED, &count.to_string());
            }
            let millis = millis.and_then(shift);
            if millis.is_none() {
                outcome.bad(at, rule::OUT_OF_RANGE, "a timestamp within 64 bits of milliseconds", &count.to_string());
            }
            millis
        })
        .collect())
}

/// The instant of a wall clock's reading.
fn local_millis(millis: i64, zone: Tz) -> Option<i64> {
    let local = DateTime::from_timestamp_millis(millis)?.naive_utc();
    let earliest = zone.from_local_datetime(&local).earliest().or_else(|| {
        // A reading that the clock skipped counts from before the change.
        zone.from_local_datetime(&local.checked_sub_signed(chrono::TimeDelta::hours(1))?)
            .earliest()?
            .checked_add_signed(chrono::TimeDelta::hours(1))
    })?;
    Some(earliest.timestamp_millis())
}

fn days(array: &ArrayRef) -> Result<Int32Array> {
    let days = cast(array, &Arrow::Date32).map_err(|error| Error::unexpected("cannot read dates").caused_by(error))?;
    let days = days.as_primitive::<Date32Type>();
    Ok(Int32Array::new(days.values().clone(), days.nulls().cloned()))
}

/// Dates and timestamps to a number by the column's format.
pub(crate) fn to_epoch(
    field: &FieldSpec,
    array: &ArrayRef,
    options: &ConformOptions,
    outcome: &mut Outcome<'_>,
) -> Result<ArrayRef> {
    let millis = to_timestamp(array, options, outcome)?;
    let millis = millis.as_primitive::<TimestampMillisecondType>();
    let step = match field.date_time.as_ref().map(|spec| &spec.format) {
        Some(DateTimeFormat::Epoch { unit, size }) => unit.to_millis(1).saturating_mul(*size).max(1),
        _ => 1,
    };
    let numbers: Int64Array = millis
        .iter()
        .enumerate()
        .map(|(at, millis)| {
            let millis = millis?;
            if millis.rem_euclid(step) != 0 {
                outcome.bad(at, rule::NOT_EXACT, &format!("a time of whole steps of {step} ms"), &millis.to_string());
            }
            Some(millis.div_euclid(step))
        })
        .collect();
    let numbers: ArrayRef = Arc::new(numbers);
    crate::number::to_number(field.data_type, &numbers, outcome)
}

/// Dates to text: ISO, which is also what the pattern `yyyy-MM-dd` asks for.
pub(crate) fn dates_to_text(field: &FieldSpec, array: &ArrayRef, outcome: &mut Outcome<'_>) -> Result<StringArray> {
    debug_assert_eq!(field.data_type, DataType::String);
    let format = field.date_time.as_ref().map(|spec| &spec.format);
    let write = |day: i32| {
        let instant = DateTime::from_timestamp_millis(i64::from(day) * 86_400_000)?;
        let text = match format {
            Some(DateTimeFormat::SimpleDate { pattern, .. }) if pattern == "yyyyMMdd" => {
                instant.format("%Y%m%d").to_string()
            }
            _ => instant.format("%Y-%m-%d").to_string(),
        };
        Some(text).filter(|text| format.is_none_or(|format| format.text_to_millis(text).is_some()))
    };
    // Columns of dates hold few different days.
    let mut written: HashMap<i32, Option<String>> = HashMap::new();
    let mut builder = StringBuilder::new();
    for (at, day) in days(array)?.iter().enumerate() {
        let text = day.and_then(|day| written.entry(day).or_insert_with(|| write(day)).as_deref());
        if let (Some(day), None) = (day, text) {
            outcome.bad(
                at,
                rule::WRONG_TYPE,
                "a date that the column's format can write",
                &format!("day {day} since 1970"),
            );
        }
        builder.append_option(text);
    }
    Ok(builder.finish())
}

//! TIMESTAMP, and counts of time since the epoch.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, TimestampMillisecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType as Arrow, Int32Type, Int64Type, TimeUnit, TimestampMillisecondType};
use chrono::{DateTime, TimeDelta, TimeZone};
use chrono_tz::Tz;
use pinotage_common::{Error, Result};
use pinotage_spec::{DataType, DateTimeFormat, FieldSpec, parse_timestamp};

use crate::conform::ConformOptions;
use crate::number::{self, trim};
use crate::outcome::Outcome;
use crate::{date, rule};

/// Timestamps, dates, 64-bit milliseconds and text.
pub(crate) fn to_timestamp(array: &ArrayRef, options: &ConformOptions, outcome: &mut Outcome<'_>) -> Result<ArrayRef> {
    if *array.data_type() == DataType::Timestamp.to_arrow() {
        return Ok(Arc::clone(array));
    }
    let millis = to_millis(array, options, outcome)?;
    let (_, values, nulls) = millis.into_parts();
    Ok(Arc::new(TimestampMillisecondArray::new(values, nulls).with_timezone("UTC")))
}

/// Milliseconds since the epoch.
fn to_millis(array: &ArrayRef, options: &ConformOptions, outcome: &mut Outcome<'_>) -> Result<Int64Array> {
    Ok(match array.data_type() {
        Arrow::Timestamp(unit, zone) => instants(array, *unit, zone.is_none(), options, outcome)?,
        Arrow::Int64 => array.as_primitive::<Int64Type>().clone(),
        Arrow::Date32 | Arrow::Date64 => {
            date::days(array, outcome)?.unary::<_, Int64Type>(|day| i64::from(day) * date::DAY_MILLIS)
        }
        _ => texts(array, options, outcome),
    })
}

fn texts(array: &ArrayRef, options: &ConformOptions, outcome: &mut Outcome<'_>) -> Int64Array {
    let texts = array.as_string::<i32>();
    let mut values = Vec::with_capacity(texts.len());
    for (at, text) in texts.iter().enumerate() {
        let trimmed = text.map_or("0", trim);
        let millis = trimmed.parse().ok().or_else(|| parse_timestamp(trimmed, options.time_zone));
        match millis {
            None => {
                outcome.bad(at, rule::WRONG_TYPE, "a timestamp such as 2023-11-14 22:13:20, or milliseconds", trimmed)
            }
            Some(_) if has_microseconds(trimmed) => lost(at, trimmed, options, outcome),
            Some(_) => {}
        }
        values.push(millis.unwrap_or(0));
    }
    Int64Array::new(values.into(), texts.nulls().cloned())
}

/// The text has more than milliseconds.
fn has_microseconds(text: &str) -> bool {
    let Some((_, fraction)) = text.split_once('.') else { return false };
    fraction.bytes().take_while(u8::is_ascii_digit).skip(3).any(|digit| digit != b'0')
}

fn lost(at: usize, value: impl std::fmt::Display, options: &ConformOptions, outcome: &mut Outcome<'_>) {
    if options.timestamp_loss_is_error {
        outcome.bad(at, rule::NOT_EXACT, "a timestamp of whole milliseconds", value);
    } else {
        outcome.change(at, rule::TIMESTAMP_FLOORED, value);
    }
}

/// Timestamps of any unit; those without a zone are local times of the option's zone.
fn instants(
    array: &ArrayRef,
    unit: TimeUnit,
    is_local: bool,
    options: &ConformOptions,
    outcome: &mut Outcome<'_>,
) -> Result<Int64Array> {
    const RANGE: &str = "a timestamp that 64 bits of milliseconds hold";
    let counts =
        cast(array, &Arrow::Int64).map_err(|error| Error::unexpected("cannot read timestamps").caused_by(error))?;
    let counts = counts.as_primitive::<Int64Type>();
    let step = match unit {
        TimeUnit::Second | TimeUnit::Millisecond => 1,
        TimeUnit::Microsecond => 1_000,
        TimeUnit::Nanosecond => 1_000_000,
    };
    if step > 1 && counts.values().iter().any(|count| count % step != 0) {
        for (at, count) in counts.iter().enumerate() {
            if let Some(count) = count.filter(|count| count % step != 0) {
                lost(at, count, options, outcome);
            }
        }
    }
    let millis = match unit {
        TimeUnit::Second => checked(counts, |seconds| seconds.checked_mul(1000), RANGE, outcome),
        TimeUnit::Millisecond => counts.clone(),
        TimeUnit::Microsecond | TimeUnit::Nanosecond => counts.unary(|count| count.div_euclid(step)),
    };
    if !is_local || options.time_zone == Tz::UTC {
        return Ok(millis);
    }
    Ok(checked(&millis, |millis| local_millis(millis, options.time_zone), "a time that a calendar holds", outcome))
}

fn checked(
    array: &Int64Array,
    convert: impl Fn(i64) -> Option<i64>,
    expected: &str,
    outcome: &mut Outcome<'_>,
) -> Int64Array {
    let mut values = Vec::with_capacity(array.len());
    for (at, value) in array.values().iter().enumerate() {
        values.push(convert(*value).unwrap_or_else(|| {
            if array.is_valid(at) {
                outcome.bad(at, rule::OUT_OF_RANGE, expected, value);
            }
            0
        }));
    }
    Int64Array::new(values.into(), array.nulls().cloned())
}

/// The instant of a wall clock's reading; one that occurs twice is the first, one that is skipped moves forward.
pub(crate) fn local_millis(millis: i64, zone: Tz) -> Option<i64> {
    let local = DateTime::from_timestamp_millis(millis)?.naive_utc();
    let instant = match zone.from_local_datetime(&local).earliest() {
        Some(instant) => instant,
        None => {
            let hour = TimeDelta::hours(1);
            zone.from_local_datetime(&local.checked_sub_signed(hour)?).earliest()?.checked_add_signed(hour)?
        }
    };
    Some(instant.timestamp_millis())
}

/// Dates and timestamps to the count of a date-time column: exact, or a bad row. A column that is no date-time column has the days
/// of dates and the milliseconds of timestamps, as Pinot's readers of files make them.
pub(crate) fn to_count(
    field: &FieldSpec,
    array: &ArrayRef,
    options: &ConformOptions,
    outcome: &mut Outcome<'_>,
) -> Result<ArrayRef> {
    use pinotage_spec::TimeUnit as Unit;
    let (unit, size) = match field.date_time.as_ref().map(|spec| &spec.format) {
        Some(DateTimeFormat::Epoch { unit, size }) => (*unit, (*size).max(1)),
        None if matches!(array.data_type(), Arrow::Date32 | Arrow::Date64) => (Unit::Days, 1),
        _ => (Unit::Milliseconds, 1),
    };
    let millis = to_millis(array, options, outcome)?;
    let counts = match unit {
        Unit::Nanoseconds | Unit::Microseconds => {
            let factor = if unit == Unit::Nanoseconds { 1_000_000 } else { 1_000 };
            let scaled = |millis: i64| millis.checked_mul(factor).filter(|count| count % size == 0);
            checked(&millis, |millis| Some(scaled(millis)? / size), "a time that the column can count", outcome)
        }
        _ => {
            let step = unit.to_millis(1).saturating_mul(size);
            if millis.values().iter().any(|millis| millis % step != 0) {
                for (at, value) in millis.iter().enumerate() {
                    if let Some(value) = value.filter(|millis| millis % step != 0) {
                        outcome.bad(at, rule::NOT_EXACT, format_args!("a time of whole steps of {step} ms"), value);
                    }
                }
            }
            millis.unary(|millis| millis.div_euclid(step))
        }
    };
    let counts: ArrayRef = Arc::new(counts);
    match field.data_type {
        DataType::Int => number::convert::<Int32Type>(&counts, outcome),
        _ => Ok(counts),
    }
}

/// The stored milliseconds of a canonical TIMESTAMP column.
pub(crate) fn stored(array: &ArrayRef) -> &[i64] {
    array.as_primitive::<TimestampMillisecondType>().values()
}

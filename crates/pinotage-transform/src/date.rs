//! Dates: days, and their text by a column's pattern.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, DictionaryArray, Int32Array, StringBuilder};
use arrow::compute::{max, min};
use arrow::datatypes::{DataType as Arrow, Date32Type, Date64Type, Int32Type};
use chrono::{DateTime, Datelike, NaiveDate};
use foldhash::fast::FixedState;
use pinotage_common::Result;
use pinotage_spec::{DateTimeFormat, FieldSpec};

use crate::number::failed;
use crate::outcome::Outcome;
use crate::{rule, timestamp};

/// Milliseconds of a day.
pub(crate) const DAY_MILLIS: i64 = 86_400_000;

/// Days since the epoch. A 64-bit date has to be a whole day.
pub(crate) fn days(array: &ArrayRef, outcome: &mut Outcome<'_>) -> Result<Int32Array> {
    if array.data_type() == &Arrow::Date32 {
        let days = array.as_primitive::<Date32Type>();
        return Ok(Int32Array::new(days.values().clone(), days.nulls().cloned()));
    }
    let millis = array.as_primitive::<Date64Type>();
    let mut days = Vec::with_capacity(millis.len());
    for (at, value) in millis.values().iter().enumerate() {
        let day = i32::try_from(value.div_euclid(DAY_MILLIS));
        if millis.is_valid(at) && (day.is_err() || value % DAY_MILLIS != 0) {
            outcome.bad(at, rule::NOT_EXACT, "a date without a time of day", value);
        }
        days.push(day.unwrap_or(0));
    }
    Ok(Int32Array::new(days.into(), millis.nulls().cloned()))
}

/// Whether dates can be written in a format at all.
pub(crate) fn can_write(format: &DateTimeFormat) -> bool {
    let DateTimeFormat::SimpleDate { pattern, .. } = format else { return false };
    let mut text = String::new();
    let sample = NaiveDate::from_ymd_opt(2023, 11, 14).unwrap_or_default();
    write(pattern, sample, &mut text).is_some() && format.text_to_millis(&text).is_some()
}

/// Dates as text, a dictionary of the days that occur: by the pattern of a date-time column, else ISO.
///
/// A date that is not the same when read back (as with the pattern `yyyy-MM`) is a bad row.
pub(crate) fn to_text(
    field: &FieldSpec,
    array: &ArrayRef,
    outcome: &mut Outcome<'_>,
) -> Result<DictionaryArray<Int32Type>> {
    let format = field.date_time.as_ref().map(|spec| &spec.format);
    let days = days(array, outcome)?;
    let mut known = Known::of(&days);
    let mut writable = Vec::new();
    let mut texts = StringBuilder::new();
    let mut text = String::new();
    let mut keys = Vec::with_capacity(days.len());
    for (at, day) in days.values().iter().enumerate() {
        if days.is_null(at) {
            keys.push(0);
            continue;
        }
        let key = known.key(*day);
        if *key == UNKNOWN {
            *key = writable.len() as i32;
            text.clear();
            writable.push(write_day(format, *day, &mut text).is_some());
            texts.append_value(&text);
        }
        let key = *key;
        if !writable[key as usize] {
            outcome.bad(at, rule::NOT_EXACT, "a date that the column's format holds", format_args!("day {day}"));
        }
        keys.push(key);
    }
    let keys = Int32Array::new(keys.into(), days.nulls().cloned());
    DictionaryArray::try_new(keys, Arc::new(texts.finish())).map_err(failed)
}

/// A day whose text is not written yet.
const UNKNOWN: i32 = -1;

/// The keys of days: by place where they lie close together, as dates of real tables do, else by hash.
enum Known {
    Dense { first: i32, keys: Vec<i32> },
    Sparse(HashMap<i32, i32, FixedState>),
}

impl Known {
    fn of(days: &Int32Array) -> Self {
        let (Some(first), Some(last)) = (min(days), max(days)) else { return Self::Sparse(HashMap::default()) };
        match usize::try_from(i64::from(last) - i64::from(first)) {
            Ok(span) if span <= 4 * days.len() => Self::Dense { first, keys: vec![UNKNOWN; span + 1] },
            _ => Self::Sparse(HashMap::default()),
        }
    }

    /// The key of a day, [`UNKNOWN`] until it is set. The day is one of those that it was made for.
    fn key(&mut self, day: i32) -> &mut i32 {
        match self {
            Self::Dense { first, keys } => &mut keys[(day - *first) as usize],
            Self::Sparse(keys) => keys.entry(day).or_insert(UNKNOWN),
        }
    }
}

/// Writes a day as text; `None` when the format has no place for it.
fn write_day(format: Option<&DateTimeFormat>, day: i32, text: &mut String) -> Option<()> {
    let date = DateTime::from_timestamp_millis(i64::from(day) * DAY_MILLIS)?.date_naive();
    let Some(DateTimeFormat::SimpleDate { pattern, zone }) = format else {
        // Java writes years of four digits as they are and longer ones with a sign; chrono does the same, but slower.
        let (year, month, day) = (date.year(), date.month(), date.day());
        let Ok(year @ 0..=9999) = u32::try_from(year) else { return write!(text, "{date}").ok() };
        let digit = |number: u32, place: u32| b'0' + (number / place % 10) as u8;
        let iso = [
            digit(year, 1000),
            digit(year, 100),
            digit(year, 10),
            digit(year, 1),
            b'-',
            digit(month, 10),
            digit(month, 1),
            b'-',
            digit(day, 10),
            digit(day, 1),
        ];
        text.push_str(std::str::from_utf8(&iso).ok()?);
        return Some(());
    };
    write(pattern, date, text)?;
    let midnight = timestamp::local_millis(i64::from(day) * DAY_MILLIS, *zone);
    (format?.text_to_millis(text) == midnight && midnight.is_some()).then_some(())
}

/// Writes a date, at midnight, by a Java pattern; `None` for letters that a date has no answer to.
fn write(pattern: &str, date: NaiveDate, out: &mut String) -> Option<()> {
    let mut chars = pattern.chars().peekable();
    while let Some(letter) = chars.next() {
        if letter == '\'' {
            let literal: String = chars.by_ref().take_while(|c| *c != '\'').collect();
            out.push_str(if literal.is_empty() { "'" } else { &literal });
            continue;
        }
        let mut width = 1;
        while chars.next_if_eq(&letter).is_some() {
            width += 1;
        }
        match (letter, width) {
            ('y' | 'u' | 'Y', 2) => write!(out, "{:02}", date.year().rem_euclid(100)),
            ('y' | 'u' | 'Y', _) => write!(out, "{:0width$}", date.year()),
            ('M', 3) => write!(out, "{}", date.format("%b")),
            ('M', 4..) => write!(out, "{}", date.format("%B")),
            ('M', _) => write!(out, "{:0width$}", date.month()),
            ('d', _) => write!(out, "{:0width$}", date.day()),
            ('D', _) => write!(out, "{:0width$}", date.ordinal()),
            ('E', 1..=3) => write!(out, "{}", date.format("%a")),
            ('E', _) => write!(out, "{}", date.format("%A")),
            ('H' | 'K' | 'm' | 's' | 'S', _) => write!(out, "{:0width$}", 0),
            ('h', _) => write!(out, "{:0width$}", 12),
            ('a', _) => write!(out, "AM"),
            (letter, _) if letter.is_ascii_alphabetic() => return None,
            (other, width) => {
                out.extend(std::iter::repeat_n(other, width));
                Ok(())
            }
        }
        .ok()?;
    }
    Some(())
}

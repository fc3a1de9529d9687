//! Dates: days, and their text by a column's pattern.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, DictionaryArray, Int32Array, StringArray, StringBuilder};
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

/// The days that have places of their own: 1900 to 2099, nearly all that occur.
const NEAR_DAYS: std::ops::Range<i32> = -25_567..47_482;

/// So many texts are remembered at most.
const MOST_TEXTS: usize = 1 << 16;

/// The texts of the days of a column. They stay from batch to batch, and so does the dictionary as long as no new day comes:
/// a segment builder looks each text up once.
#[derive(Debug, Default)]
pub(crate) struct DateTexts {
    /// The key of each near day, and one more: 0 is none.
    near: Vec<i32>,
    far: HashMap<i32, i32, FixedState>,
    texts: StringBuilder,
    /// Whether the day of a key is the same when read back.
    writable: Vec<bool>,
    /// The texts, all but those that came since.
    dictionary: Option<Arc<StringArray>>,
}

impl DateTexts {
    fn key(&mut self, format: Option<&DateTimeFormat>, day: i32) -> i32 {
        let next = self.writable.len() as i32;
        let key = match NEAR_DAYS.contains(&day) {
            true => {
                if self.near.is_empty() {
                    self.near = vec![0; NEAR_DAYS.len()];
                }
                let place = &mut self.near[(day - NEAR_DAYS.start) as usize];
                if *place == 0 {
                    *place = next + 1;
                }
                *place - 1
            }
            false => *self.far.entry(day).or_insert(next),
        };
        if key == next {
            let mut text = String::new();
            self.writable.push(write_day(format, day, &mut text).is_some());
            self.texts.append_value(&text);
        }
        key
    }

    fn dictionary(&mut self) -> Arc<StringArray> {
        match &self.dictionary {
            Some(same) if same.len() == self.writable.len() => Arc::clone(same),
            _ => Arc::clone(self.dictionary.insert(Arc::new(self.texts.finish_cloned()))),
        }
    }
}

/// Dates as text, a dictionary of the days that have occurred: by the pattern of a date-time column, else ISO.
///
/// A date that is not the same when read back (as with the pattern `yyyy-MM`) is a bad row.
pub(crate) fn to_text(
    field: &FieldSpec,
    array: &ArrayRef,
    known: &mut DateTexts,
    outcome: &mut Outcome<'_>,
) -> Result<DictionaryArray<Int32Type>> {
    let format = field.date_time.as_ref().map(|spec| &spec.format);
    let days = days(array, outcome)?;
    if known.writable.len() > MOST_TEXTS {
        *known = DateTexts::default();
    }
    let mut keys = Vec::with_capacity(days.len());
    for (at, day) in days.values().iter().enumerate() {
        if days.is_null(at) {
            keys.push(0);
            continue;
        }
        let key = known.key(format, *day);
        if !known.writable[key as usize] {
            outcome.bad(at, rule::NOT_EXACT, "a date that the column's format holds", format_args!("day {day}"));
        }
        keys.push(key);
    }
    let keys = Int32Array::new(keys.into(), days.nulls().cloned());
    DictionaryArray::try_new(keys, known.dictionary()).map_err(failed)
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

#[cfg(test)]
mod tests {
    use arrow::array::Date32Array;

    use super::*;

    /// The texts of a column stay; a new day makes a new dictionary, behind whose old keys is what was there.
    #[test]
    fn texts_stay_from_batch_to_batch() {
        let schema = r#"{"schemaName": "t", "dimensionFieldSpecs": [{"name": "d", "dataType": "STRING"}]}"#;
        let schema = pinotage_spec::Schema::from_json(schema).unwrap();
        let field = schema.field("d").unwrap();
        let mut known = DateTexts::default();
        let mut written = |days: Vec<Option<i32>>| {
            let array: ArrayRef = Arc::new(Date32Array::from(days));
            let found = to_text(field, &array, &mut known, &mut Outcome::new("d", false)).unwrap();
            let texts = found.downcast_dict::<StringArray>().unwrap();
            let rows: Vec<Option<String>> = texts.into_iter().map(|text| text.map(str::to_owned)).collect();
            (rows.iter().flatten().cloned().collect::<Vec<_>>().join(" "), Arc::clone(found.values()))
        };
        // The last day of 1899 and the first beyond 2099 have no place of their own.
        let (first, dictionary) = written(vec![Some(0), Some(-25_568), None, Some(47_482), Some(0)]);
        assert_eq!(first, "1970-01-01 1899-12-31 2100-01-01 1970-01-01");
        let (second, same) = written(vec![Some(47_482), Some(-25_568)]);
        assert_eq!(second, "2100-01-01 1899-12-31");
        assert!(Arc::ptr_eq(&dictionary, &same));
        let (third, longer) = written(vec![Some(-25_567), Some(0), Some(19_782)]);
        assert_eq!((third.as_str(), longer.len()), ("1900-01-01 1970-01-01 2024-02-29", 5));
        // Beyond so many days it begins anew.
        written((0..=MOST_TEXTS as i32).map(Some).collect());
        assert_eq!(written(vec![Some(1)]).1.len(), 1);
    }
}

//! Date-time formats of a column (`DateTimeFormatSpec`) and how their values become milliseconds.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;
use pinotage_common::{Error, Result};

/// The only times that Pinot accepts for a segment and for a time column's default: 1971-01-01 to 2071-01-01 UTC, both
/// (`TimeUtils.VALID_TIME_INTERVAL`), in milliseconds.
pub const VALID_TIME_MILLIS: std::ops::RangeInclusive<i64> = 31_536_000_000..=3_187_296_000_000;

/// A `java.util.concurrent.TimeUnit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum TimeUnit {
    Nanoseconds,
    Microseconds,
    Milliseconds,
    Seconds,
    Minutes,
    Hours,
    Days,
}

impl TimeUnit {
    const ALL: [(TimeUnit, &'static str); 7] = [
        (TimeUnit::Nanoseconds, "NANOSECONDS"),
        (TimeUnit::Microseconds, "MICROSECONDS"),
        (TimeUnit::Milliseconds, "MILLISECONDS"),
        (TimeUnit::Seconds, "SECONDS"),
        (TimeUnit::Minutes, "MINUTES"),
        (TimeUnit::Hours, "HOURS"),
        (TimeUnit::Days, "DAYS"),
    ];

    /// Java's name.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(unit, _)| *unit == self).map_or("MILLISECONDS", |(_, name)| name)
    }

    /// Reads Java's name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, name)| name.eq_ignore_ascii_case(text)).map(|(unit, _)| *unit)
    }

    /// Milliseconds of a value in this unit, saturating; smaller units round towards negative infinity.
    pub fn to_millis(self, value: i64) -> i64 {
        match self {
            Self::Nanoseconds => value.div_euclid(1_000_000),
            Self::Microseconds => value.div_euclid(1_000),
            Self::Milliseconds => value,
            Self::Seconds => value.saturating_mul(1_000),
            Self::Minutes => value.saturating_mul(60_000),
            Self::Hours => value.saturating_mul(3_600_000),
            Self::Days => value.saturating_mul(86_400_000),
        }
    }
}

/// The format of a date-time column.
///
/// # Pinot equivalent
///
/// `DateTimeFormatSpec`: both `1:DAYS:EPOCH` and `EPOCH|DAYS|1` are read.
#[derive(Debug, Clone, PartialEq)]
pub enum DateTimeFormat {
    /// A count of `size` units since the epoch.
    Epoch {
        /// The unit.
        unit: TimeUnit,
        /// How many units one step of the column is.
        size: i64,
    },
    /// Milliseconds since the epoch in a TIMESTAMP column.
    Timestamp,
    /// Text by a pattern, in a time zone.
    SimpleDate {
        /// The pattern as Java writes it.
        pattern: String,
        /// The zone of values without one.
        zone: Tz,
    },
}

impl DateTimeFormat {
    /// Reads a `format` of a schema.
    ///
    /// # Errors
    ///
    /// `invalid-config` for a text that Pinot would refuse; `unsupported` for pattern letters that cannot be parsed here.
    pub fn parse(text: &str) -> Result<Self> {
        let bad = || {
            Error::invalid_config(format!("`{text}` is not a date-time format"))
                .action("use `EPOCH|MILLISECONDS|1`, `TIMESTAMP` or `SIMPLE_DATE_FORMAT|yyyy-MM-dd`")
        };
        // Old form size:unit:kind[:pattern]; the pattern may itself hold colons.
        if text.as_bytes().first().is_some_and(u8::is_ascii_digit) {
            let mut parts = text.splitn(4, ':');
            let size: i64 = parts.next().and_then(|size| size.parse().ok()).ok_or_else(bad)?;
            let unit = parts.next().and_then(TimeUnit::parse).ok_or_else(bad)?;
            return match (parts.next().map(str::to_ascii_uppercase).as_deref(), parts.next()) {
                (Some("EPOCH"), None) => Ok(Self::Epoch { unit, size }),
                (Some("TIMESTAMP"), None) => Ok(Self::Timestamp),
                (Some("SIMPLE_DATE_FORMAT"), Some(pattern)) => Self::simple_date(pattern),
                _ => Err(bad()),
            };
        }
        let mut parts = text.splitn(3, '|');
        match parts.next().map(str::to_ascii_uppercase).as_deref() {
            Some("TIMESTAMP") => Ok(Self::Timestamp),
            Some("EPOCH") => Ok(Self::Epoch {
                unit: match parts.next() {
                    None => TimeUnit::Milliseconds,
                    Some(unit) => TimeUnit::parse(unit).ok_or_else(bad)?,
                },
                size: match parts.next() {
                    None => 1,
                    Some(size) => size.parse().ok().filter(|size| *size > 0).ok_or_else(bad)?,
                },
            }),
            Some("SIMPLE_DATE_FORMAT") => {
                let pattern = parts.next().unwrap_or("yyyy-MM-dd HH:mm:ss");
                let zone = match parts.next() {
                    None => Tz::UTC,
                    Some(zone) => parse_zone(zone)?,
                };
                Self::with_zone(pattern, zone)
            }
            _ => Err(bad()),
        }
    }

    /// `yyyyMMdd tz(Asia/Tokyo)`, the old way to name a zone.
    fn simple_date(pattern: &str) -> Result<Self> {
        if let Some((pattern, zone)) = pattern.split_once("tz(") {
            let zone = parse_zone(zone.trim_end().trim_end_matches(')'))?;
            return Self::with_zone(pattern.trim(), zone);
        }
        Self::with_zone(pattern, Tz::UTC)
    }

    fn with_zone(pattern: &str, zone: Tz) -> Result<Self> {
        to_chrono(pattern)?;
        Ok(Self::SimpleDate { pattern: pattern.into(), zone })
    }

    /// The unit of a segment's time interval (`segment.time.unit`) for this column.
    pub fn segment_unit(&self) -> TimeUnit {
        match self {
            Self::Epoch { unit, .. } => *unit,
            Self::Timestamp | Self::SimpleDate { .. } => TimeUnit::Milliseconds,
        }
    }

    /// Milliseconds since the epoch of a number in the column.
    pub fn number_to_millis(&self, value: i64) -> i64 {
        match self {
            Self::Epoch { unit, size } => unit.to_millis(value.saturating_mul(*size)),
            Self::Timestamp | Self::SimpleDate { .. } => value,
        }
    }

    /// Milliseconds since the epoch of a text in the column; `None` when it does not follow the format.
    pub fn text_to_millis(&self, text: &str) -> Option<i64> {
        match self {
            Self::Epoch { .. } => text.parse().ok().map(|value| self.number_to_millis(value)),
            Self::Timestamp => parse_timestamp(text, Tz::UTC),
            Self::SimpleDate { pattern, zone } => {
                let format = to_chrono(pattern).ok()?;
                parse_with(&format, text, *zone)
            }
        }
    }
}

/// Reads a zone's name; Java's three-letter names that chrono does not know are refused.
fn parse_zone(name: &str) -> Result<Tz> {
    name.trim().parse().map_err(|_| {
        Error::invalid_config(format!("`{name}` is not a time zone"))
            .action("use a name of the tz database such as `Europe/Oslo` or `UTC`")
    })
}

/// Reads the texts that Pinot reads for a TIMESTAMP: ISO dates and times with blank or `T`, with a zone or in `zone`.
///
/// # Pinot equivalent
///
/// `TimestampUtils.toTimestamp`; text without a zone is there read in the JVM's default zone.
pub fn parse_timestamp(text: &str, zone: Tz) -> Option<i64> {
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Some(instant.timestamp_millis());
    }
    for format in ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"] {
        if let Ok(local) = NaiveDateTime::parse_from_str(text, format) {
            return local_to_millis(local, zone);
        }
    }
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    local_to_millis(date.and_time(NaiveTime::MIN), zone)
}

/// The first instant of a local time; a time skipped by a clock change moves forward as Java's does.
fn local_to_millis(local: NaiveDateTime, zone: Tz) -> Option<i64> {
    match zone.from_local_datetime(&local).earliest() {
        Some(instant) => Some(instant.timestamp_millis()),
        None => {
            let hour_before = local.checked_sub_signed(chrono::TimeDelta::hours(1))?;
            let instant = zone.from_local_datetime(&hour_before).earliest()?;
            Some(instant.timestamp_millis() + 3_600_000)
        }
    }
}

/// Formats milliseconds by a chrono format in UTC.
pub(crate) fn format_utc(millis: i64, format: &str) -> Option<String> {
    Some(DateTime::<Utc>::from_timestamp_millis(millis)?.format(format).to_string())
}

fn parse_with(format: &str, text: &str, zone: Tz) -> Option<i64> {
    if let Ok(instant) = DateTime::parse_from_str(text, format) {
        return Some(instant.timestamp_millis());
    }
    // Java takes 0 minutes, day 1 and month 1 where the pattern names none; chrono wants them said.
    for (suffix, extra) in [("", ""), ("%M", "00")] {
        let (text, format) = (format!("{text}\u{1}{extra}"), format!("{format}\u{1}{suffix}"));
        if let Ok(local) = NaiveDateTime::parse_from_str(&text, &format) {
            return local_to_millis(local, zone);
        }
    }
    for (suffix, extra) in [("", ""), ("%d", "01"), ("%m%d", "0101")] {
        let (text, format) = (format!("{text}\u{1}{extra}"), format!("{format}\u{1}{suffix}"));
        if let Ok(date) = NaiveDate::parse_from_str(&text, &format) {
            return local_to_millis(date.and_time(NaiveTime::MIN), zone);
        }
    }
    None
}

/// Translates a Java pattern to chrono's.
fn to_chrono(pattern: &str) -> Result<String> {
    let mut out = String::new();
    let chars: Vec<char> = pattern.chars().collect();
    let mut at = 0;
    while at < chars.len() {
        let letter = chars[at];
        let run = chars[at..].iter().take_while(|c| **c == letter).count();
        if letter == '\'' {
            at += 1;
            let literal: String = chars[at..].iter().take_while(|c| **c != '\'').collect();
            at += literal.chars().count() + 1;
            out.push_str(if literal.is_empty() { "'" } else { &literal });
            continue;
        }
        at += run;
        out.push_str(match (letter, run) {
            ('y' | 'Y' | 'u', 2) => "%y",
            ('y' | 'Y' | 'u', _) => "%Y",
            ('M', 1 | 2) => "%m",
            ('M', 3) => "%b",
            ('M', _) => "%B",
            ('d', _) => "%d",
            ('D', _) => "%j",
            ('E', 1..=3) => "%a",
            ('E', _) => "%A",
            ('H' | 'k', _) => "%H",
            ('h' | 'K', _) => "%I",
            ('m', _) => "%M",
            ('s', _) => "%S",
            ('S', 3) => "%3f",
            ('S', 6) => "%6f",
            ('S', 9) => "%9f",
            ('a', _) => "%p",
            ('Z', 1) => "%z",
            ('Z' | 'X', 2) => "%:z",
            ('%', _) => "%%",
            (letter, _) if letter.is_ascii_alphabetic() => {
                return Err(Error::unsupported(format!(
                    "the letter `{letter}` of the date-time pattern `{pattern}` cannot be parsed"
                ))
                .action("use the letters y M d D E H h m s S a Z"));
            }
            (other, run) => {
                out.extend(std::iter::repeat_n(other, run));
                continue;
            }
        });
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_of_a_format_are_read() {
        let days = DateTimeFormat::Epoch { unit: TimeUnit::Days, size: 1 };
        assert_eq!(DateTimeFormat::parse("1:DAYS:EPOCH").unwrap(), days);
        assert_eq!(DateTimeFormat::parse("EPOCH|DAYS").unwrap(), days);
        assert_eq!(DateTimeFormat::parse("TIMESTAMP").unwrap(), DateTimeFormat::Timestamp);
        assert!(DateTimeFormat::parse("EPOCH|FORTNIGHTS").is_err());
        assert!(DateTimeFormat::parse("1:DAYS").is_err());
        assert!(DateTimeFormat::parse("SIMPLE_DATE_FORMAT|yyyy|Middle/Earth").is_err());
    }

    #[test]
    fn texts_become_millis() {
        for (format, text, millis) in [
            ("SIMPLE_DATE_FORMAT|yyyy-MM-dd", "2023-11-10", 1_699_574_400_000),
            ("1:DAYS:SIMPLE_DATE_FORMAT:yyyyMMdd", "20231114", 1_699_920_000_000),
            ("1:DAYS:SIMPLE_DATE_FORMAT:yyyyMMdd tz(America/New_York)", "20231114", 1_699_938_000_000),
            ("SIMPLE_DATE_FORMAT|yyyy-MM-dd HH:mm:ss", "2023-11-14 22:13:20", 1_700_000_000_000),
            ("SIMPLE_DATE_FORMAT|yyyy-MM-dd'T'HH:mm:ss.SSS", "2023-11-14T22:13:20.123", 1_700_000_000_123),
            ("SIMPLE_DATE_FORMAT|yyyy-MM-dd-HH", "2023-11-14-22", 1_699_999_200_000),
            ("SIMPLE_DATE_FORMAT|yyyy-MM", "2023-11", 1_698_796_800_000),
            ("SIMPLE_DATE_FORMAT|yyyy", "2023", 1_672_531_200_000),
            ("TIMESTAMP", "2023-11-14T22:13:20Z", 1_700_000_000_000),
            ("EPOCH|HOURS|6", "2", 43_200_000),
        ] {
            let format = DateTimeFormat::parse(format).unwrap();
            assert_eq!(format.text_to_millis(text), Some(millis), "{format:?} {text}");
        }
        assert_eq!(DateTimeFormat::parse("SIMPLE_DATE_FORMAT|yyyy-MM-dd").unwrap().text_to_millis("10/11/2023"), None);
    }
}

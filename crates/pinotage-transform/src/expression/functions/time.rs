//! Calendars, texts of times, and the formats of Pinot's columns.

use chrono::{DateTime, Datelike, TimeZone, Timelike};
use chrono_tz::Tz;
use pinotage_spec::{CalendarUnit, DateTimeFormat, TimeUnit};

use super::super::calendar;
use super::super::column::{Cell, Kind};
use super::super::convert::timestamp;
use super::super::function::{Answer, Function, Prepared, Row, Want};
use super::super::joda::Pattern;
use super::{LONG, STRING, plain, value};

const TIMESTAMP: Want = value(Kind::Timestamp);
const BEYOND: &str = "a time beyond the years of a calendar";

fn beyond() -> String {
    BEYOND.to_owned()
}

fn pattern<'a>(row: &Row<'a>, at: usize) -> Result<&'a Pattern, String> {
    match row.prepared(at) {
        Some(Prepared::Pattern(pattern)) => Ok(pattern),
        _ => Err("no pattern".into()),
    }
}

fn unit(row: &Row<'_>, at: usize) -> Result<CalendarUnit, String> {
    match row.prepared(at) {
        Some(Prepared::Unit(unit)) => Ok(*unit),
        _ => Err("no unit".into()),
    }
}

fn time_unit(row: &Row<'_>, at: usize) -> TimeUnit {
    if let Some(Prepared::TimeUnit(unit)) = row.prepared(at) { *unit } else { TimeUnit::Milliseconds }
}

/// `TimeUnit.convert`: towards zero, as far as 64 bits go.
fn nanos(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Nanoseconds => 1,
        TimeUnit::Microseconds => 1_000,
        other => other.to_millis(1) * 1_000_000,
    }
}

fn converted(count: i64, from: TimeUnit, to: TimeUnit) -> i64 {
    let (from, to) = (nanos(from), nanos(to));
    if from >= to { count.saturating_mul(from / to) } else { count / (to / from) }
}

fn print<'a>(row: Row<'a>, zone: Tz) -> Answer<'a> {
    Ok(Cell::text(pattern(&row, 1)?.print(row.long(0), zone).ok_or_else(beyond)?))
}

fn read<'a>(row: Row<'a>, zone: Tz) -> Answer<'a> {
    let text = row.text(0);
    let millis = pattern(&row, 1)?.read(text, zone);
    millis.map(Cell::Long).ok_or_else(|| format!("`{text}`, which does not follow the pattern"))
}

fn truncated<'a>(row: Row<'a>, zone: Tz, input: TimeUnit, output: TimeUnit) -> Answer<'a> {
    let millis = converted(row.long(1), input, TimeUnit::Milliseconds);
    let floor = calendar::floor(unit(&row, 0)?, millis, zone).ok_or_else(beyond)?;
    Ok(Cell::Long(converted(floor, TimeUnit::Milliseconds, output)))
}

fn part(row: Row<'_>, zone: Tz, part: fn(&DateTime<Tz>) -> u32) -> Answer<'static> {
    let instant = DateTime::from_timestamp_millis(row.long(0)).ok_or_else(beyond)?;
    Ok(Cell::Int(part(&zone.from_utc_datetime(&instant.naive_utc())) as i32))
}

macro_rules! calendar {
    ($names:expr, $about:literal, $part:expr) => {
        [
            plain($names, &[LONG], Kind::Int, concat!($about, ", in UTC"), |row| part(row, Tz::UTC, $part)),
            plain($names, &[LONG, Want::Zone], Kind::Int, concat!($about, ", in a zone"), |row| {
                part(row, row.zone(1), $part)
            }),
        ]
    };
}

const YEAR: [Function; 2] = calendar!(&["year"], "of milliseconds", |time| time.year() as u32);
const WEEKYEAR: [Function; 2] =
    calendar!(&["yearOfWeek", "yow"], "the year of the ISO week", |time| time.iso_week().year() as u32);
const QUARTER: [Function; 2] = calendar!(&["quarter"], "1 to 4", |time| time.month0() / 3 + 1);
const MONTH: [Function; 2] = calendar!(&["month", "monthOfYear"], "1 to 12", |time| time.month());
const WEEK: [Function; 2] = calendar!(&["weekOfYear", "week"], "the ISO week", |time| time.iso_week().week());
const DAY_OF_YEAR: [Function; 2] = calendar!(&["dayOfYear", "doy"], "1 to 366", |time| time.ordinal());
const DAY: [Function; 2] = calendar!(&["dayOfMonth", "day"], "1 to 31", |time| time.day());
const WEEKDAY: [Function; 2] =
    calendar!(&["dayOfWeek", "dow"], "1 is Monday", |time| time.weekday().number_from_monday());
const HOUR: [Function; 2] = calendar!(&["hour"], "0 to 23", |time| time.hour());
const MINUTE: [Function; 2] = calendar!(&["minute"], "0 to 59", |time| time.minute());
const SECOND: [Function; 2] = calendar!(&["second"], "0 to 59", |time| time.second());
const MILLISECOND: [Function; 2] = calendar!(&["millisecond"], "0 to 999", |time| time.timestamp_subsec_millis());

fn extract<'a>(row: Row<'a>) -> Answer<'a> {
    let get: fn(&DateTime<Tz>) -> u32 = match row.text(0) {
        "YEAR" => |time| time.year() as u32,
        "QUARTER" => |time| time.month0() / 3 + 1,
        "MONTH" => |time| time.month(),
        "WEEK" => |time| time.iso_week().week(),
        "DAY" => |time| time.day(),
        "DOY" => |time| time.ordinal(),
        "DOW" => |time| time.weekday().number_from_monday(),
        "HOUR" => |time| time.hour(),
        "MINUTE" => |time| time.minute(),
        "SECOND" => |time| time.second(),
        other => return Err(format!("`{other}`, which is no part of a time")),
    };
    let instant = DateTime::from_timestamp_millis(row.long(1)).ok_or_else(beyond)?;
    Ok(Cell::Int(get(&instant.with_timezone(&Tz::UTC)) as i32))
}

/// `OffsetDateTime.parse`
fn from_iso<'a>(row: Row<'a>) -> Answer<'a> {
    let text = row.text(0);
    let bytes = text.as_bytes();
    // Seconds may be left out; chrono wants them, and would take a blank for the `T`.
    let minutes_only = bytes.get(16).is_some_and(|byte| matches!(byte, b'Z' | b'+' | b'-'));
    let mut full = match minutes_only {
        true => format!("{}:00{}", text.get(..16).unwrap_or_default(), text.get(16..).unwrap_or_default()),
        false => text.to_owned(),
    };
    // So may the minutes of an offset.
    if full.len() > 19 && full.as_bytes().get(full.len() - 3).is_some_and(|byte| matches!(byte, b'+' | b'-')) {
        full.push_str(":00");
    }
    let read = DateTime::parse_from_rfc3339(&full).ok().filter(|_| bytes.get(10).is_some_and(|byte| byte | 32 == b't'));
    read.map(|time| Cell::Long(time.timestamp_millis())).ok_or_else(|| format!("`{text}`, which is no ISO 8601 time"))
}

/// `Instant.toString`
fn to_iso<'a>(row: Row<'a>) -> Answer<'a> {
    let millis = row.long(0);
    let time = DateTime::from_timestamp_millis(millis).ok_or_else(beyond)?;
    if !(0..=9999).contains(&time.year()) {
        return Err(beyond());
    }
    let format = if millis.rem_euclid(1000) == 0 { "%Y-%m-%dT%H:%M:%SZ" } else { "%Y-%m-%dT%H:%M:%S%.3fZ" };
    Ok(Cell::text(time.format(format).to_string()))
}

/// The input of `dateTimeConvert`, in milliseconds.
fn format_to_millis(text: &str, format: &DateTimeFormat, pattern: Option<&Pattern>) -> Result<i64, String> {
    let bad = || format!("`{text}`, which does not follow the input format");
    match format {
        DateTimeFormat::Epoch { unit, size } => {
            let count: i64 = text.parse().map_err(|_| bad())?;
            Ok(converted(count.wrapping_mul(*size), *unit, TimeUnit::Milliseconds))
        }
        DateTimeFormat::Timestamp => timestamp(text).ok_or_else(bad),
        DateTimeFormat::SimpleDate { zone, .. } => {
            pattern.and_then(|pattern| pattern.read(text, *zone)).ok_or_else(bad)
        }
    }
}

/// `truncateDateTime`: the field of the granularity to a multiple of its size, what is smaller to its start.
fn truncate(millis: i64, size: i64, unit: TimeUnit, zone: Tz) -> Option<i64> {
    let step = |field: CalendarUnit, larger: CalendarUnit| {
        let start = calendar::floor(larger, millis, zone)?;
        let floor = calendar::floor(field, millis, zone)?;
        let local = DateTime::from_timestamp_millis(floor)?.with_timezone(&zone);
        let back = match field {
            CalendarUnit::Millisecond => i64::from(local.timestamp_subsec_millis()) % size,
            CalendarUnit::Second => i64::from(local.second()) % size * 1_000,
            CalendarUnit::Minute => i64::from(local.minute()) % size * 60_000,
            _ => i64::from(local.hour()) % size * 3_600_000,
        };
        Some((floor - back).max(start))
    };
    match unit {
        TimeUnit::Milliseconds => step(CalendarUnit::Millisecond, CalendarUnit::Second),
        TimeUnit::Seconds => step(CalendarUnit::Second, CalendarUnit::Minute),
        TimeUnit::Minutes => step(CalendarUnit::Minute, CalendarUnit::Hour),
        TimeUnit::Hours => step(CalendarUnit::Hour, CalendarUnit::Day),
        TimeUnit::Days => {
            let local = DateTime::from_timestamp_millis(millis)?.with_timezone(&zone).naive_local();
            let day = (i64::from(local.day()) - 1) / size * size + 1;
            let date = local.date().with_day(u32::try_from(day).ok()?)?.and_time(chrono::NaiveTime::MIN);
            crate::timestamp::local_millis(date.and_utc().timestamp_millis(), zone)
        }
        TimeUnit::Nanoseconds | TimeUnit::Microseconds => Some(millis),
    }
}

fn date_time_convert<'a>(row: Row<'a>, bucket: Option<Tz>) -> Answer<'a> {
    let (
        Some(Prepared::Format(input, read)),
        Some(Prepared::Format(output, write)),
        Some(Prepared::Granularity(size, unit)),
    ) = (row.prepared(1), row.prepared(2), row.prepared(3))
    else {
        return Err("no formats".into());
    };
    let millis = format_to_millis(row.text(0), input, read.as_ref())?;
    let floored = match (output, bucket) {
        (DateTimeFormat::SimpleDate { zone, .. }, bucket) => truncate(millis, *size, *unit, bucket.unwrap_or(*zone)),
        (_, Some(zone)) => truncate(millis, *size, *unit, zone),
        (_, None) => {
            let step = converted(*size, *unit, TimeUnit::Milliseconds);
            if step == 0 {
                return Err("a granularity of less than a millisecond".into());
            }
            Some(millis / step * step)
        }
    };
    let floored = floored.ok_or_else(beyond)?;
    match output {
        DateTimeFormat::SimpleDate { zone, .. } => {
            let text = write.as_ref().and_then(|pattern| pattern.print(floored, *zone));
            text.map(Cell::value).ok_or_else(beyond)
        }
        DateTimeFormat::Epoch { unit, size } => {
            Ok(Cell::value(converted(floored, TimeUnit::Milliseconds, *unit) / (*size).max(1)))
        }
        // Its text, in the zone of the JVM.
        DateTimeFormat::Timestamp => Err("TIMESTAMP as the output format".into()),
    }
}

pub(crate) const ALL: &[Function] = &[
    plain(&["toDateTime"], &[LONG, Want::Print], Kind::String, "milliseconds by a pattern, in UTC", |row| {
        print(row, Tz::UTC)
    }),
    plain(&["toDateTime"], &[LONG, Want::Print, Want::Zone], Kind::String, "in a zone", |row| print(row, row.zone(2))),
    plain(&["fromDateTime"], &[STRING, Want::Read], Kind::Long, "milliseconds of a text by a pattern, in UTC", |row| {
        read(row, Tz::UTC)
    }),
    plain(&["fromDateTime"], &[STRING, Want::Read, Want::Zone], Kind::Long, "in a zone", |row| read(row, row.zone(2))),
    plain(
        &["fromDateTime"],
        &[STRING, Want::Read, Want::Zone, LONG],
        Kind::Long,
        "with what a text that does not follow becomes",
        |row| read(row, row.zone(2)).or(Ok(Cell::Long(row.long(3)))),
    ),
    plain(&["dateTrunc"], &[Want::Unit, LONG], Kind::Long, "the start of the unit, in UTC", |row| {
        truncated(row, Tz::UTC, TimeUnit::Milliseconds, TimeUnit::Milliseconds)
    }),
    plain(&["dateTrunc"], &[Want::Unit, LONG, Want::TimeUnit], Kind::Long, "of a count of a time unit", |row| {
        truncated(row, Tz::UTC, time_unit(&row, 2), time_unit(&row, 2))
    }),
    plain(&["dateTrunc"], &[Want::Unit, LONG, Want::TimeUnit, Want::Zone], Kind::Long, "in a zone", |row| {
        truncated(row, row.zone(3), time_unit(&row, 2), time_unit(&row, 2))
    }),
    plain(
        &["dateTrunc"],
        &[Want::Unit, LONG, Want::TimeUnit, Want::Zone, Want::TimeUnit],
        Kind::Long,
        "counted in another time unit",
        |row| truncated(row, row.zone(3), time_unit(&row, 2), time_unit(&row, 4)),
    ),
    plain(
        &["dateTimeConvert"],
        &[STRING, Want::Format, Want::Format, Want::Granularity],
        Kind::Any,
        "from one format to another, in steps of the granularity",
        |row| date_time_convert(row, None),
    ),
    plain(
        &["dateTimeConvert"],
        &[STRING, Want::Format, Want::Format, Want::Granularity, Want::Zone],
        Kind::Any,
        "with the steps in a zone",
        |row| date_time_convert(row, Some(row.zone(4))),
    ),
    plain(&["toTimestamp"], &[LONG], Kind::Timestamp, "of milliseconds", |row| Ok(row.cell(0))),
    plain(&["fromTimestamp"], &[TIMESTAMP], Kind::Long, "milliseconds of it", |row| Ok(row.cell(0))),
    plain(&["fromIso8601"], &[STRING], Kind::Long, "milliseconds of `2023-11-14T22:13:20Z`", from_iso),
    plain(&["toIso8601"], &[LONG], Kind::String, "`2023-11-14T22:13:20Z` of milliseconds", to_iso),
    plain(
        &["timestampAdd", "dateAdd"],
        &[Want::Unit, LONG, LONG],
        Kind::Long,
        "milliseconds so many units later",
        |row| calendar::add(unit(&row, 0)?, row.long(2), row.long(1)).map(Cell::Long).ok_or_else(beyond),
    ),
    plain(
        &["timestampDiff", "dateDiff"],
        &[Want::Unit, LONG, LONG],
        Kind::Long,
        "whole units from the first time to the second",
        |row| calendar::between(unit(&row, 0)?, row.long(1), row.long(2)).map(Cell::Long).ok_or_else(beyond),
    ),
    plain(&["extract"], &[Want::Constant, LONG], Kind::Int, "`EXTRACT(YEAR FROM a)`, in UTC", extract),
    plain(&["timezoneHour"], &[Want::Zone, LONG], Kind::Int, "whole hours of the zone's offset", |row| {
        Ok(Cell::Int(offset_minutes(&row)? / 60))
    }),
    plain(&["timezoneMinute"], &[Want::Zone, LONG], Kind::Int, "the rest of them, in minutes", |row| {
        Ok(Cell::Int(offset_minutes(&row)? % 60))
    }),
];

fn offset_minutes(row: &Row<'_>) -> Result<i32, String> {
    use chrono::Offset as _;
    let instant = DateTime::from_timestamp_millis(row.long(1)).ok_or_else(beyond)?;
    Ok(row.zone(0).offset_from_utc_datetime(&instant.naive_utc()).fix().local_minus_utc() / 60)
}

/// The parts of a calendar, each in UTC and in a zone.
pub(crate) const CALENDAR: &[&[Function]] =
    &[&YEAR, &WEEKYEAR, &QUARTER, &MONTH, &WEEK, &DAY_OF_YEAR, &DAY, &WEEKDAY, &HOUR, &MINUTE, &SECOND, &MILLISECOND];

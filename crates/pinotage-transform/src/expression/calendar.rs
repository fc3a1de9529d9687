//! Arithmetic of times by units of the calendar: `dateTrunc` and its relatives.

use chrono::{DateTime, Datelike, Offset, TimeZone};
use chrono_tz::Tz;
use pinotage_spec::CalendarUnit;

/// The start of the unit that a time lies in; `None` beyond the years of a calendar.
pub(crate) fn floor(unit: CalendarUnit, millis: i64, zone: Tz) -> Option<i64> {
    let instant = DateTime::from_timestamp_millis(millis)?;
    let offset = i64::from(zone.offset_from_utc_datetime(&instant.naive_utc()).fix().local_minus_utc()) * 1000;
    let start = unit.floor(millis + offset);
    // The offset of the time itself, where that fits the start.
    let near = start - offset;
    if unit <= CalendarUnit::Hour {
        return Some(near);
    }
    let near_local = DateTime::from_timestamp_millis(near)?.with_timezone(&zone).naive_local();
    if near_local.and_utc().timestamp_millis() == start {
        return Some(near);
    }
    crate::timestamp::local_millis(start, zone)
}

/// So many units later, in UTC; `None` beyond 64 bits or the years of a calendar.
pub(crate) fn add(unit: CalendarUnit, millis: i64, units: i64) -> Option<i64> {
    if let Some(step) = unit.millis() {
        return millis.checked_add(units.checked_mul(step)?);
    }
    let instant = DateTime::from_timestamp_millis(millis)?.naive_utc();
    let months = units.checked_mul(unit.months())?;
    let size = chrono::Months::new(u32::try_from(months.unsigned_abs()).ok()?);
    let moved = if months < 0 { instant.checked_sub_months(size)? } else { instant.checked_add_months(size)? };
    Some(moved.and_utc().timestamp_millis())
}

/// How many whole units lie between two times, in UTC.
pub(crate) fn between(unit: CalendarUnit, from: i64, to: i64) -> Option<i64> {
    if let Some(step) = unit.millis() {
        return Some(to.checked_sub(from)? / step);
    }
    let (early, late) = if from <= to { (from, to) } else { (to, from) };
    let (a, b) = (DateTime::from_timestamp_millis(early)?, DateTime::from_timestamp_millis(late)?);
    let months = (i64::from(b.year()) - i64::from(a.year())) * 12 + i64::from(b.month()) - i64::from(a.month());
    let mut units = months / unit.months();
    while units > 0 && add(unit, early, units)? > late {
        units -= 1;
    }
    Some(if from <= to { units } else { -units })
}

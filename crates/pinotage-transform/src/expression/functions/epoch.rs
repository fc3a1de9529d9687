//! Counts of time since the epoch. Java's conversions round towards zero, also before 1970.

use super::super::column::{Cell, Kind};
use super::super::function::{Answer, Function};
use super::{LONG, plain};

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60_000;
const HOUR: i64 = 3_600_000;
const DAY: i64 = 86_400_000;

fn divided(value: i64, by: i64) -> Result<i64, String> {
    if by == 0 { Err("a division by zero".into()) } else { Ok(value.wrapping_div(by)) }
}

fn rounded(value: i64, to: i64) -> Answer<'static> {
    Ok(Cell::Long(divided(value, to)?.wrapping_mul(to)))
}

macro_rules! unit {
    ($to:literal, $rounded:literal, $bucket:literal, $from:literal, $from_bucket:literal, $millis:ident) => {
        [
            plain(&[$to], &[LONG], Kind::Long, "of milliseconds", |row| Ok(Cell::Long(row.long(0) / $millis))),
            plain(&[$rounded], &[LONG, LONG], Kind::Long, "of milliseconds, in steps of so many units", |row| {
                rounded(row.long(0) / $millis, row.long(1))
            }),
            plain(&[$bucket], &[LONG, LONG], Kind::Long, "of milliseconds, divided by so many units", |row| {
                Ok(Cell::Long(divided(row.long(0) / $millis, row.long(1))?))
            }),
            plain(&[$from], &[LONG], Kind::Long, "milliseconds of it", |row| {
                Ok(Cell::Long(row.long(0).saturating_mul($millis)))
            }),
            plain(&[$from_bucket], &[LONG, LONG], Kind::Long, "milliseconds of it times the second", |row| {
                Ok(Cell::Long(row.long(0).wrapping_mul(row.long(1)).saturating_mul($millis)))
            }),
        ]
    };
}

const SECONDS: [Function; 5] = unit!(
    "toEpochSeconds",
    "toEpochSecondsRounded",
    "toEpochSecondsBucket",
    "fromEpochSeconds",
    "fromEpochSecondsBucket",
    SECOND
);
const MINUTES: [Function; 5] = unit!(
    "toEpochMinutes",
    "toEpochMinutesRounded",
    "toEpochMinutesBucket",
    "fromEpochMinutes",
    "fromEpochMinutesBucket",
    MINUTE
);
const HOURS: [Function; 5] =
    unit!("toEpochHours", "toEpochHoursRounded", "toEpochHoursBucket", "fromEpochHours", "fromEpochHoursBucket", HOUR);
const DAYS: [Function; 5] =
    unit!("toEpochDays", "toEpochDaysRounded", "toEpochDaysBucket", "fromEpochDays", "fromEpochDaysBucket", DAY);

const ROUND: Function =
    plain(&["round"], &[LONG, LONG], Kind::Long, "towards zero to a multiple of the second", |row| {
        rounded(row.long(0), row.long(1))
    });

pub(crate) const ALL: &[Function] = &{
    let ([a, b, c, d, e], [f, g, h, i, j]) = (SECONDS, MINUTES);
    let ([k, l, m, n, o], [p, q, r, s, t]) = (HOURS, DAYS);
    [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, ROUND]
};

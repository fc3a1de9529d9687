//! Units of the calendar, and what a time is when it is cut to one.

const MINUTE: i64 = 60_000;
const DAY: i64 = 86_400_000;

/// A unit that times are cut to.
///
/// # Pinot equivalent
///
/// `TimestampIndexGranularity`, and `DateTimeUtils.getTimestampField`
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum CalendarUnit {
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

impl CalendarUnit {
    /// Every unit, the smallest first.
    pub const ALL: [Self; 9] = [
        Self::Millisecond,
        Self::Second,
        Self::Minute,
        Self::Hour,
        Self::Day,
        Self::Week,
        Self::Month,
        Self::Quarter,
        Self::Year,
    ];

    /// Pinot's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Millisecond => "MILLISECOND",
            Self::Second => "SECOND",
            Self::Minute => "MINUTE",
            Self::Hour => "HOUR",
            Self::Day => "DAY",
            Self::Week => "WEEK",
            Self::Month => "MONTH",
            Self::Quarter => "QUARTER",
            Self::Year => "YEAR",
        }
    }

    /// Reads a name in any case.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|unit| unit.name().eq_ignore_ascii_case(text))
    }

    /// Milliseconds of a unit that is always as long.
    pub const fn millis(self) -> Option<i64> {
        Some(match self {
            Self::Millisecond => 1,
            Self::Second => 1_000,
            Self::Minute => MINUTE,
            Self::Hour => 60 * MINUTE,
            Self::Day => DAY,
            Self::Week => 7 * DAY,
            Self::Month | Self::Quarter | Self::Year => return None,
        })
    }

    /// Months of a unit of months.
    pub const fn months(self) -> i64 {
        match self {
            Self::Year => 12,
            Self::Quarter => 3,
            _ => 1,
        }
    }

    /// The start of the unit that a time lies in, in milliseconds since the epoch, both in UTC. As in Java, the start wraps where 64 bits
    /// do not reach.
    ///
    /// ```
    /// # use pinotage_spec::CalendarUnit;
    /// // Thursday, 29 February 2024, 12:34:56.789
    /// assert_eq!(CalendarUnit::Week.floor(1_709_210_096_789), 1_708_905_600_000);
    /// assert_eq!(CalendarUnit::Quarter.floor(1_709_210_096_789), 1_704_067_200_000);
    /// ```
    ///
    /// # Pinot equivalent
    ///
    /// `DateTimeUtils.getTimestampField(…).roundFloor`, by Joda's ISO calendar
    pub fn floor(self, millis: i64) -> i64 {
        match (self, self.millis()) {
            // The epoch was a Thursday.
            (Self::Week, Some(week)) => {
                let since_monday = (millis.rem_euclid(week) + 3 * DAY) % week;
                millis.wrapping_sub(since_monday)
            }
            (_, Some(unit)) => millis.wrapping_sub(millis.rem_euclid(unit)),
            (_, None) => {
                let (year, month) = year_and_month(millis.div_euclid(DAY));
                let month = (month - 1) / self.months() * self.months() + 1;
                first_day(year, month).wrapping_mul(DAY)
            }
        }
    }
}

/// Year and month (1 to 12) of a day since the epoch, in the proleptic Gregorian calendar. Years are counted from March, so that the leap
/// day is the last.
fn year_and_month(day: i64) -> (i64, i64) {
    let day = day + 719_468;
    let (era, of_era) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + i64::from(month <= 2), month)
}

/// The first day of a month (1 to 12), in days since the epoch.
fn first_day(year: i64, month: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, Timelike};

    use super::*;

    fn by_chrono(unit: CalendarUnit, at: NaiveDateTime) -> NaiveDateTime {
        let (date, time) = (at.date(), at.time());
        let midnight = |date: NaiveDate| date.and_time(NaiveTime::MIN);
        match unit {
            CalendarUnit::Millisecond => at,
            CalendarUnit::Second => date.and_hms_opt(time.hour(), time.minute(), time.second()).unwrap(),
            CalendarUnit::Minute => date.and_hms_opt(time.hour(), time.minute(), 0).unwrap(),
            CalendarUnit::Hour => date.and_hms_opt(time.hour(), 0, 0).unwrap(),
            CalendarUnit::Day => midnight(date),
            CalendarUnit::Week => midnight(date - Days::new(date.weekday().num_days_from_monday().into())),
            CalendarUnit::Month => midnight(date.with_day(1).unwrap()),
            CalendarUnit::Quarter => {
                midnight(NaiveDate::from_ymd_opt(date.year(), date.month0() / 3 * 3 + 1, 1).unwrap())
            }
            CalendarUnit::Year => midnight(NaiveDate::from_ymd_opt(date.year(), 1, 1).unwrap()),
        }
    }

    #[test]
    fn times_are_cut_as_by_the_calendar() {
        // Some 27 days apart, and on both sides of turns of the year; from the year -3000 to 7000.
        for step in -60_000..60_000_i64 {
            let millis = step * 2_345_678_901 + step % 7;
            let at = DateTime::from_timestamp_millis(millis).unwrap().naive_utc();
            for unit in CalendarUnit::ALL {
                let expected = by_chrono(unit, at).and_utc().timestamp_millis();
                assert_eq!(unit.floor(millis), expected, "{unit:?} of {at}");
                assert_eq!(unit.floor(expected), expected);
                assert!(unit.floor(expected - 1) < expected);
            }
        }
    }

    #[test]
    fn every_time_has_a_start() {
        for millis in [i64::MIN, i64::MIN + 1, -1, 0, i64::MAX] {
            for unit in CalendarUnit::ALL {
                let start = unit.floor(millis);
                assert!(start <= millis || millis < i64::MIN + 400 * DAY, "{unit:?} of {millis} is {start}");
            }
        }
    }
}

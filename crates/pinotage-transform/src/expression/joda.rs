//! Date-time patterns as Joda-Time reads and prints them (`DateTimeFormat.forPattern`), in English.
//!
//! The patterns of [`DateTimeFormat`](pinotage_spec::DateTimeFormat) say how a column's values become times; here every digit
//! counts, as the texts themselves are stored.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Offset, TimeZone, Timelike};
use chrono_tz::Tz;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const HALVES: [&str; 2] = ["AM", "PM"];

/// A part of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Year,
    Weekyear,
    Week,
    Month,
    Day,
    DayOfYear,
    DayOfWeek,
    Half,
    /// 0 to 23
    Hour,
    /// 1 to 24
    ClockHour,
    /// 0 to 11
    HourOfHalf,
    /// 1 to 12
    ClockHourOfHalf,
    Minute,
    Second,
}

#[derive(Debug, Clone, PartialEq)]
enum Item {
    Literal(String),
    Number {
        field: Field,
        min: usize,
        max: usize,
    },
    Text {
        field: Field,
        long: bool,
    },
    /// The year's last two digits, which are only printed: what they mean when read depends on the present year.
    ShortYear(Field),
    Fraction(usize),
    Offset {
        colon: bool,
    },
}

/// A pattern that was read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pattern {
    items: Vec<Item>,
    /// What of it cannot be read, only printed.
    print_only: Option<&'static str>,
}

/// `DateTimeFormat.parseToken`: a run of a letter, or what is no letter, behind a quote.
fn tokens(pattern: &str) -> Vec<String> {
    let chars: Vec<char> = pattern.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        if c.is_ascii_alphabetic() {
            let run = chars[at..].iter().take_while(|other| **other == c).count();
            tokens.push(std::iter::repeat_n(c, run).collect());
            at += run;
            continue;
        }
        let mut literal = String::from("'");
        let mut quoted = false;
        while let Some(&c) = chars.get(at) {
            if c == '\'' {
                if chars.get(at + 1) == Some(&'\'') {
                    literal.push(c);
                    at += 1;
                } else {
                    quoted = !quoted;
                }
            } else if !quoted && c.is_ascii_alphabetic() {
                break;
            } else {
                literal.push(c);
            }
            at += 1;
        }
        tokens.push(literal);
    }
    tokens
}

fn is_numeric(token: &str) -> bool {
    match token.chars().next() {
        Some('M') => token.len() <= 2,
        Some(c) => "CxyYdhHmsSeDFwWkK".contains(c),
        None => false,
    }
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    ///
    /// What of it is not supported.
    pub(crate) fn parse(pattern: &str) -> Result<Self, String> {
        let tokens = tokens(pattern);
        let mut items = Vec::with_capacity(tokens.len());
        let mut print_only = None;
        for (at, token) in tokens.iter().enumerate() {
            let Some(letter) = token.chars().next() else { continue };
            let run = token.len();
            let number = |field, max| Item::Number { field, min: run, max };
            items.push(match letter {
                '\'' => Item::Literal(token[1..].to_owned()),
                'y' | 'Y' | 'x' => {
                    let field = if letter == 'x' { Field::Weekyear } else { Field::Year };
                    if run == 2 {
                        print_only = Some("a year of two digits");
                        Item::ShortYear(field)
                    } else {
                        let followed = tokens.get(at + 1).is_some_and(|next| is_numeric(next));
                        number(field, if followed { run } else { 9 })
                    }
                }
                'M' if run >= 3 => Item::Text { field: Field::Month, long: run >= 4 },
                'M' => number(Field::Month, 2),
                'd' => number(Field::Day, 2),
                'D' => number(Field::DayOfYear, 3),
                'E' => Item::Text { field: Field::DayOfWeek, long: run >= 4 },
                'e' => number(Field::DayOfWeek, 1),
                'w' => number(Field::Week, 2),
                'a' => Item::Text { field: Field::Half, long: true },
                'H' => number(Field::Hour, 2),
                'k' => number(Field::ClockHour, 2),
                'K' => number(Field::HourOfHalf, 2),
                'h' => number(Field::ClockHourOfHalf, 2),
                'm' => number(Field::Minute, 2),
                's' => number(Field::Second, 2),
                'S' if run <= 9 => Item::Fraction(run),
                'Z' if run <= 2 => Item::Offset { colon: run == 2 },
                _ => return Err(format!("`{token}` of the date-time pattern `{pattern}`")),
            });
            if matches!(letter, 'x' | 'w' | 'e' | 'E') {
                print_only = Some("weeks and days of the week");
            }
            if run > 20 {
                return Err(format!("`{token}` of the date-time pattern `{pattern}`"));
            }
        }
        if items.is_empty() {
            return Err("an empty date-time pattern".into());
        }
        Ok(Self { items, print_only })
    }

    /// Whether texts of the pattern can be read too.
    ///
    /// # Errors
    ///
    /// What cannot be read of it.
    pub(crate) fn reads(&self) -> Result<(), String> {
        self.print_only.map_or(Ok(()), |what| Err(format!("{what} in a pattern that texts are read by")))
    }

    /// The text of a time in milliseconds; `None` beyond the years of a calendar.
    pub(crate) fn print(&self, millis: i64, zone: Tz) -> Option<String> {
        let local = zone.from_utc_datetime(&DateTime::from_timestamp_millis(millis)?.naive_utc());
        let mut out = String::new();
        for item in &self.items {
            match item {
                Item::Literal(text) => out.push_str(text),
                Item::Number { field, min, .. } => pad(&mut out, number_of(&local, *field), *min),
                Item::ShortYear(field) => pad(&mut out, number_of(&local, *field).rem_euclid(100), 2),
                Item::Text { field, long } => {
                    let text = texts(*field).get(number_of(&local, *field) as usize - first(*field))?;
                    out.push_str(if *long { text } else { &text[..3] });
                }
                Item::Fraction(digits) => {
                    let millis = format!("{:03}000000", local.timestamp_subsec_millis());
                    out.push_str(millis.get(..*digits)?);
                }
                Item::Offset { colon } => {
                    let seconds = local.offset().fix().local_minus_utc();
                    out.push(if seconds < 0 { '-' } else { '+' });
                    let seconds = seconds.unsigned_abs();
                    let colon = if *colon { ":" } else { "" };
                    out.push_str(&format!("{:02}{colon}{:02}", seconds / 3600, seconds / 60 % 60));
                }
            }
        }
        Some(out)
    }

    /// Reads a text, in a zone if it names none, to milliseconds; `None` for a text that does not follow the pattern.
    pub(crate) fn read(&self, text: &str, zone: Tz) -> Option<i64> {
        let mut parts = Parts::default();
        let mut rest = text;
        for item in &self.items {
            rest = match item {
                Item::Literal(literal) => without_case(rest, literal)?,
                Item::Number { field, max, .. } => {
                    let (value, rest) = digits(rest, *max, *field == Field::Year)?;
                    parts.set(*field, value);
                    rest
                }
                Item::Text { field, .. } => {
                    let (value, rest) = name(rest, texts(*field))?;
                    parts.set(*field, value as i64 + first(*field) as i64);
                    rest
                }
                Item::Fraction(max) => {
                    let length = rest.bytes().take(*max).take_while(u8::is_ascii_digit).count();
                    let millis = format!("{:0<3}", &rest[..length]);
                    parts.millis = millis.get(..3).filter(|_| length > 0)?.parse().ok()?;
                    &rest[length..]
                }
                Item::Offset { .. } => {
                    let (seconds, rest) = offset(rest)?;
                    parts.offset = Some(seconds);
                    rest
                }
                Item::ShortYear(_) => return None,
            };
        }
        if !rest.is_empty() {
            return None;
        }
        parts.millis(zone)
    }
}

fn number_of(local: &DateTime<Tz>, field: Field) -> i64 {
    i64::from(match field {
        Field::Year => return local.year().into(),
        Field::Weekyear => return local.iso_week().year().into(),
        Field::Week => local.iso_week().week(),
        Field::Month => local.month(),
        Field::Day => local.day(),
        Field::DayOfYear => local.ordinal(),
        Field::DayOfWeek => local.weekday().number_from_monday(),
        Field::Half => local.hour() / 12,
        Field::Hour => local.hour(),
        Field::ClockHour => (local.hour() + 23) % 24 + 1,
        Field::HourOfHalf => local.hour() % 12,
        Field::ClockHourOfHalf => (local.hour() + 11) % 12 + 1,
        Field::Minute => local.minute(),
        Field::Second => local.second(),
    })
}

fn texts(field: Field) -> &'static [&'static str] {
    match field {
        Field::Month => &MONTHS,
        Field::Half => &HALVES,
        _ => &WEEKDAYS,
    }
}

/// The number of a field's first text.
fn first(field: Field) -> usize {
    usize::from(field != Field::Half)
}

fn pad(out: &mut String, value: i64, min: usize) {
    if value < 0 {
        out.push('-');
    }
    out.push_str(&format!("{:0min$}", value.unsigned_abs()));
}

/// What follows a literal. Its letters may be of either case.
fn without_case<'a>(text: &'a str, literal: &str) -> Option<&'a str> {
    let mut chars = text.chars();
    for wanted in literal.chars() {
        let found = chars.next()?;
        if found != wanted && !found.to_uppercase().eq(wanted.to_uppercase()) {
            return None;
        }
    }
    Some(chars.as_str())
}

/// A number of so many digits at most, and what follows.
fn digits(text: &str, max: usize, signed: bool) -> Option<(i64, &str)> {
    let (sign, unsigned) = match text.as_bytes().first() {
        Some(b'-') if signed => (-1, &text[1..]),
        Some(b'+') if signed => (1, &text[1..]),
        _ => (1, text),
    };
    let length = unsigned.bytes().take(max).take_while(u8::is_ascii_digit).count();
    let value: i64 = unsigned[..length].parse().ok()?;
    Some((sign * value, &unsigned[length..]))
}

/// The longest name that a text begins with: long or short, as it is, in capitals or in small letters.
fn name<'a>(text: &'a str, names: &[&str]) -> Option<(usize, &'a str)> {
    let mut best: Option<(usize, usize)> = None;
    for (at, long) in names.iter().enumerate() {
        for form in [long, long.get(..3).unwrap_or(long)] {
            let Some(found) = text.get(..form.len()) else { continue };
            let fits = found == form || found == form.to_uppercase() || found == form.to_lowercase();
            if fits && best.is_none_or(|(_, length)| length < form.len()) {
                best = Some((at, form.len()));
            }
        }
    }
    best.map(|(at, length)| (at, &text[length..]))
}

/// `Z`, `+01`, `+0130` or `+01:30`, in seconds.
fn offset(text: &str) -> Option<(i64, &str)> {
    if let Some(rest) = text.strip_prefix(['Z', 'z']) {
        return Some((0, rest));
    }
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let two = |text: &str, max: i64| {
        let value = text.get(..2).filter(|two| two.bytes().all(|byte| byte.is_ascii_digit()))?.parse::<i64>().ok()?;
        (value <= max).then_some(value)
    };
    let rest = &text[1..];
    let hours = two(rest, 23)?;
    let rest = rest.get(2..)?;
    let after = rest.strip_prefix(':').unwrap_or(rest);
    match two(after, 59) {
        Some(minutes) => Some((sign * (hours * 3600 + minutes * 60), after.get(2..)?)),
        None => Some((sign * hours * 3600, rest)),
    }
}

/// What a text says; what it does not say is that of the epoch, or the year 2000.
#[derive(Default)]
struct Parts {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    half: Option<i64>,
    hour: Option<i64>,
    hour_of_half: Option<i64>,
    minute: i64,
    second: i64,
    millis: i64,
    offset: Option<i64>,
    out_of_range: bool,
}

impl Parts {
    fn set(&mut self, field: Field, value: i64) {
        let mut within = |range: std::ops::RangeInclusive<i64>| self.out_of_range |= !range.contains(&value);
        match field {
            Field::Year => self.year = Some(value),
            Field::Month => self.month = Some(value),
            Field::Day => self.day = Some(value),
            Field::DayOfYear => self.day_of_year = Some(value),
            Field::Half => self.half = Some(value),
            Field::Hour => {
                within(0..=23);
                self.hour = Some(value);
            }
            Field::ClockHour => {
                within(1..=24);
                self.hour = Some(value % 24);
            }
            Field::HourOfHalf => {
                within(0..=11);
                self.hour_of_half = Some(value);
            }
            Field::ClockHourOfHalf => {
                within(1..=12);
                self.hour_of_half = Some(value % 12);
            }
            Field::Minute => self.minute = value,
            Field::Second => self.second = value,
            // Patterns with these are only printed.
            Field::Weekyear | Field::Week | Field::DayOfWeek => self.out_of_range = true,
        }
    }

    fn millis(&self, zone: Tz) -> Option<i64> {
        if self.out_of_range {
            return None;
        }
        let says_day = self.month.is_some() || self.day.is_some() || self.day_of_year.is_some();
        let year = i32::try_from(self.year.unwrap_or(if says_day { 2000 } else { 1970 })).ok()?;
        let small = |value: i64| u32::try_from(value).ok();
        let date = match self.day_of_year {
            // Sets the month too, before which the text's own comes.
            Some(day) if self.month.is_none() && self.day.is_none() => NaiveDate::from_yo_opt(year, small(day)?)?,
            Some(_) => return None,
            None => NaiveDate::from_ymd_opt(year, small(self.month.unwrap_or(1))?, small(self.day.unwrap_or(1))?)?,
        };
        let hour = match (self.hour, self.half, self.hour_of_half) {
            (Some(hour), None, None) => hour,
            (None, half, hour) => half.unwrap_or(0) * 12 + hour.unwrap_or(0),
            // One would be set after the other.
            _ => return None,
        };
        let time = chrono::NaiveTime::from_hms_opt(small(hour)?, small(self.minute)?, small(self.second)?)?;
        let local = date.and_time(time).checked_add_signed(chrono::TimeDelta::milliseconds(self.millis))?;
        match self.offset {
            Some(seconds) => Some(local.and_utc().timestamp_millis() - seconds * 1000),
            None => local_to_utc(local, zone),
        }
    }
}

/// The first instant of a local time; none when clocks skip it.
fn local_to_utc(local: NaiveDateTime, zone: Tz) -> Option<i64> {
    zone.from_local_datetime(&local).earliest().map(|instant| instant.timestamp_millis())
}

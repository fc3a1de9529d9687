//! What a function is, and the registry of all of them.

use chrono_tz::Tz;
use pinotage_spec::{CalendarUnit, DateTimeFormat, TimeUnit};
use regex::Regex;
use serde_json::Value;

use super::column::{Cell, Column, Kind};
use super::functions;
use super::java_regex;
use super::joda::Pattern;
use super::json_path::JsonPath;
use super::parse::canonical;

/// What a parameter takes. All but the first are texts that are known before the first row, and read then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want {
    Value(Kind),
    /// A date-time pattern that times are printed by.
    Print,
    /// A date-time pattern that texts are read by.
    Read,
    Zone,
    Path,
    /// A text of JSON, or a nested value.
    Json,
    Regex,
    /// A pattern that no empty text matches: where Java and Rust find one behind another match differs.
    FullRegex,
    /// `DAY` of `dateTrunc`.
    Unit,
    /// `MILLISECONDS`
    TimeUnit,
    /// `1:DAYS:EPOCH`
    Format,
    /// `1:DAYS`
    Granularity,
    /// A text that is the same for all rows.
    Constant,
}

impl Want {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Value(kind) => kind.name(),
            Self::Print | Self::Read => "'pattern'",
            Self::Zone => "'zone'",
            Self::Path => "'path'",
            Self::Json => "JSON",
            Self::Regex | Self::FullRegex => "'regex'",
            Self::Unit => "'unit'",
            Self::TimeUnit => "'time unit'",
            Self::Format => "'format'",
            Self::Granularity => "'granularity'",
            Self::Constant => "'text'",
        }
    }

    /// Reads the constant of a parameter.
    ///
    /// # Errors
    ///
    /// What of it is not supported, or wrong.
    pub(crate) fn prepare(self, text: &str) -> Result<Prepared, String> {
        let wrong = |what: &str| format!("`{text}`, which is no {what}");
        let pattern = |text: &str| Pattern::parse(text);
        Ok(match self {
            Self::Value(_) | Self::Json | Self::Constant => Prepared::Text(text.to_owned()),
            Self::Print => Prepared::Pattern(pattern(text)?),
            Self::Read => {
                let pattern = pattern(text)?;
                pattern.reads()?;
                Prepared::Pattern(pattern)
            }
            Self::Zone => Prepared::Zone(text.parse().map_err(|_| wrong("time zone that is known"))?),
            Self::Path => Prepared::Path(JsonPath::parse(text)?),
            Self::Regex => Prepared::Regex(java_regex::compile(text)?),
            Self::FullRegex => {
                let regex = java_regex::compile(text)?;
                if regex.is_match("") {
                    return Err(format!("the pattern `{text}`, which an empty text matches"));
                }
                Prepared::Regex(regex)
            }
            Self::Unit => Prepared::Unit(CalendarUnit::parse(text).ok_or_else(|| wrong("unit such as DAY"))?),
            Self::TimeUnit => Prepared::TimeUnit(TimeUnit::parse(text).ok_or_else(|| wrong("unit such as DAYS"))?),
            Self::Format => {
                let format = DateTimeFormat::parse(text).map_err(|_| wrong("date-time format that is supported"))?;
                let pattern = match &format {
                    DateTimeFormat::SimpleDate { pattern, .. } => Some(Pattern::parse(pattern)?),
                    _ => None,
                };
                Prepared::Format(format, pattern)
            }
            Self::Granularity => {
                let bad = || wrong("granularity such as 1:DAYS");
                let (size, unit) = match text.split_once('|') {
                    Some((unit, size)) => (size, unit),
                    None => text.split_once(':').unwrap_or(("1", text)),
                };
                let size: i64 = size.parse().ok().filter(|size| *size > 0).ok_or_else(bad)?;
                Prepared::Granularity(size, TimeUnit::parse(unit).ok_or_else(bad)?)
            }
        })
    }
}

/// A constant that was read before the first row.
#[derive(Debug, Clone)]
pub(crate) enum Prepared {
    Text(String),
    Pattern(Pattern),
    Zone(Tz),
    Path(JsonPath),
    Regex(Regex),
    Unit(CalendarUnit),
    TimeUnit(TimeUnit),
    Format(DateTimeFormat, Option<Pattern>),
    Granularity(i64, TimeUnit),
}

/// An argument of a call.
#[derive(Debug)]
pub(crate) enum Argument {
    Column(Column),
    Prepared(Prepared),
}

/// The arguments of a call in one row. A getter of another kind than the parameter's gives nothing useful; the registry's
/// test calls every function.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) arguments: &'a [Argument],
    pub(crate) row: usize,
}

impl<'a> Row<'a> {
    pub(crate) fn cell(&self, at: usize) -> Cell<'a> {
        match self.arguments.get(at) {
            Some(Argument::Column(column)) => column.cell(self.row),
            _ => Cell::Null,
        }
    }

    pub(crate) fn int(&self, at: usize) -> i32 {
        if let Cell::Int(value) = self.cell(at) { value } else { 0 }
    }

    pub(crate) fn long(&self, at: usize) -> i64 {
        if let Cell::Long(value) = self.cell(at) { value } else { 0 }
    }

    pub(crate) fn double(&self, at: usize) -> f64 {
        if let Cell::Double(value) = self.cell(at) { value } else { 0.0 }
    }

    pub(crate) fn text(&self, at: usize) -> &'a str {
        match self.arguments.get(at) {
            Some(Argument::Prepared(Prepared::Text(text))) => text,
            _ => match self.cell(at) {
                Cell::Text(std::borrow::Cow::Borrowed(text)) => text,
                _ => "",
            },
        }
    }

    pub(crate) fn bytes(&self, at: usize) -> &'a [u8] {
        if let Cell::Bytes(std::borrow::Cow::Borrowed(bytes)) = self.cell(at) { bytes } else { &[] }
    }

    pub(crate) fn value(&self, at: usize) -> &'a Value {
        if let Cell::Value(std::borrow::Cow::Borrowed(value)) = self.cell(at) { value } else { &Value::Null }
    }

    pub(crate) fn list(&self, at: usize) -> &'a [Value] {
        if let Value::Array(items) = self.value(at) { items } else { &[] }
    }

    pub(crate) fn prepared(&self, at: usize) -> Option<&'a Prepared> {
        match self.arguments.get(at) {
            Some(Argument::Prepared(prepared)) => Some(prepared),
            _ => None,
        }
    }

    pub(crate) fn zone(&self, at: usize) -> Tz {
        if let Some(Prepared::Zone(zone)) = self.prepared(at) { *zone } else { Tz::UTC }
    }
}

/// What a call gives for one row, or why it fails.
pub(crate) type Answer<'a> = Result<Cell<'a>, String>;

/// A function.
pub(crate) struct Function {
    /// As Pinot writes them; the first is the main one.
    pub(crate) names: &'static [&'static str],
    pub(crate) wants: &'static [Want],
    pub(crate) gives: Kind,
    /// Takes nulls; others give null where an argument is.
    pub(crate) nullable: bool,
    pub(crate) kernel: for<'a> fn(Row<'a>) -> Answer<'a>,
    /// What it does, in half a line.
    pub(crate) about: &'static str,
}

/// The groups of the reference page.
pub(crate) const GROUPS: [(&str, &[&[Function]]); 12] = [
    ("Counts of time", &[functions::epoch::ALL]),
    ("Times", &[functions::time::ALL]),
    ("Calendars", functions::time::CALENDAR),
    ("Texts", &[functions::text::ALL]),
    ("Bytes and encodings", &[functions::bytes::ALL]),
    ("Hash codes and checksums", &[functions::hash::ALL]),
    ("URLs", &[functions::url::ALL]),
    ("Places", &[functions::place::ALL]),
    ("JSON", &[functions::json::ALL]),
    ("Numbers", &[functions::number::ALL]),
    ("Conditions", &[functions::condition::ALL]),
    (
        "Lists",
        &[
            functions::list::ALL,
            functions::list::INT_LISTS,
            functions::list::STRING_LISTS,
            functions::list::PUSH_INT,
            functions::list::PUSH_LONG,
            functions::list::PUSH_DOUBLE,
            functions::list::PUSH_STRING,
        ],
    ),
];

/// Functions that the planner knows by itself, as what they give depends on what they get.
pub(crate) const SPECIAL: [(&str, &str, &str); 10] = [
    ("isnull", "isNull(a)", "`a IS NULL`"),
    ("isnotnull", "isNotNull(a)", "`a IS NOT NULL`"),
    ("and", "and(a, b, …)", "three-valued: null where the others do not decide; `a AND b`"),
    ("or", "or(a, b, …)", "three-valued; `a OR b`"),
    ("not", "not(a)", "null of null; `NOT a`"),
    ("case", "case(condition, value, …, otherwise)", "also `caseWhen` and `CASE WHEN … THEN … ELSE … END`"),
    ("casewhen", "caseWhen(condition, value, …, otherwise)", "as `case`"),
    ("coalesce", "coalesce(a, b, …)", "the first that is not null"),
    ("nullif", "nullIf(a, b)", "null where both are equal, which needs the same type"),
    ("cast", "cast(a, 'type')", "to INT, LONG, FLOAT, DOUBLE, BOOLEAN, TIMESTAMP, STRING, BYTES; `CAST(a AS type)`"),
];

/// Every function.
pub(crate) fn all() -> impl Iterator<Item = &'static Function> {
    GROUPS.iter().flat_map(|(_, lists)| lists.iter()).flat_map(|list| list.iter())
}

/// The function of a canonical name with so many parameters.
pub(crate) fn find(name: &str, parameters: usize) -> Option<&'static Function> {
    all().find(|function| function.wants.len() == parameters && function.names.iter().any(|it| canonical(it) == name))
}

/// The functions of a canonical name, whatever their parameters.
pub(crate) fn named(name: &str) -> impl Iterator<Item = &'static Function> {
    all().filter(move |function| function.names.iter().any(|it| canonical(it) == name))
}

//! How many bad rows a job forgives.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Bad rows that an input may have: a number of rows (`100`) or a share of its rows (`1%`).
///
/// A number is judged while the input is read, a share when it has been read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ErrorBudget {
    /// At most so many rows.
    Rows(u64),
    /// At most so many of a hundred rows, 0 to 100.
    Percent(f64),
}

impl ErrorBudget {
    /// Whether `bad` rows are too many before the input's size is known.
    pub fn is_spent(self, bad: u64) -> bool {
        matches!(self, Self::Rows(limit) if bad > limit)
    }

    /// Whether `bad` of `rows` rows are too many.
    pub fn is_exceeded(self, bad: u64, rows: u64) -> bool {
        match self {
            Self::Rows(limit) => bad > limit,
            Self::Percent(percent) => bad as f64 * 100.0 > percent * rows as f64,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        match text.strip_suffix('%') {
            Some(number) => {
                number.trim().parse().ok().filter(|percent| (0.0..=100.0).contains(percent)).map(Self::Percent)
            }
            None => text.parse().ok().map(Self::Rows),
        }
    }
}

impl fmt::Display for ErrorBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rows(rows) => write!(f, "{rows}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl Serialize for ErrorBudget {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Rows(rows) => serializer.serialize_u64(*rows),
            Self::Percent(_) => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for ErrorBudget {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = ErrorBudget;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of rows such as `100` or a share of them such as `1%`")
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<ErrorBudget, E> {
                Ok(ErrorBudget::Rows(value))
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<ErrorBudget, E> {
                ErrorBudget::parse(value).ok_or_else(|| E::invalid_value(de::Unexpected::Str(value), &self))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for ErrorBudget {
    fn schema_name() -> Cow<'static, str> {
        "ErrorBudget".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["integer", "string"],
            "minimum": 0,
            "pattern": "^[0-9]+(\\.[0-9]+)?%$|^[0-9]+$",
            "examples": [100, "1%"]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_shares() {
        for (text, bad, rows, exceeded) in [
            ("2", 2, 2, false),
            ("2", 3, 1000, true),
            ("1%", 10, 1000, false),
            ("1%", 11, 1000, true),
            ("0%", 1, 9, true),
            ("100%", 9, 9, false),
        ] {
            assert_eq!(ErrorBudget::parse(text).unwrap().is_exceeded(bad, rows), exceeded, "{text} {bad} {rows}");
        }
        for text in ["", "%", "-1", "101%", "1.5", "NaN%", "ten"] {
            assert_eq!(ErrorBudget::parse(text), None, "{text}");
        }
    }
}

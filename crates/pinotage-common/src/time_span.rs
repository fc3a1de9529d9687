//! Durations with units, as they stand in job files.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::Error;

/// A length of time, written as `500ms`, `30s`, `10m`, `12h` or `7d`.
///
/// A number without a unit is refused: other tools take it for seconds or for milliseconds.
///
/// # Examples
///
/// ```
/// use pinotage_common::TimeSpan;
/// assert_eq!("90s".parse::<TimeSpan>()?.duration().as_secs(), 90);
/// assert_eq!(TimeSpan::secs(600).to_string(), "10m");
/// # Ok::<(), pinotage_common::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeSpan(Duration);

/// Units with their milliseconds, the longest suffix first where one ends in another.
const UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

impl TimeSpan {
    /// `n` milliseconds.
    pub const fn millis(n: u64) -> Self {
        Self(Duration::from_millis(n))
    }

    /// `n` seconds.
    pub const fn secs(n: u64) -> Self {
        Self(Duration::from_secs(n))
    }

    /// The same as the standard library has it.
    pub const fn duration(self) -> Duration {
        self.0
    }
}

impl FromStr for TimeSpan {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let bad = || {
            Error::invalid_config(format!("expected a length of time such as `30s`, found `{text}`"))
                .action("write a whole number followed by ms, s, m, h or d")
        };
        let lower = text.trim().to_ascii_lowercase();
        let (digits, unit) = UNITS
            .iter()
            .find_map(|(name, unit)| lower.strip_suffix(name).map(|digits| (digits, *unit)))
            .ok_or_else(bad)?;
        let number: u64 = digits.trim().parse().map_err(|_| bad())?;
        number.checked_mul(unit).map(Self::millis).ok_or_else(bad)
    }
}

impl fmt::Display for TimeSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        let (name, unit) = UNITS
            .iter()
            .rev()
            .find(|(_, unit)| millis != 0 && millis.is_multiple_of(u128::from(*unit)))
            .copied()
            .unwrap_or(("ms", 1));
        write!(f, "{}{name}", millis / u128::from(unit))
    }
}

impl Serialize for TimeSpan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TimeSpan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(|error: Error| de::Error::custom(error.message()))
    }
}

impl JsonSchema for TimeSpan {
    fn schema_name() -> Cow<'static, str> {
        "TimeSpan".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A length of time: a whole number with ms, s, m, h or d.",
            "examples": ["30s"]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_prints() {
        for millis in [0, 1, 999, 1_000, 1_001, 90_000, 600_000, 7_200_000, 86_400_000 * 7] {
            let span = TimeSpan::millis(millis);
            assert_eq!(span.to_string().parse::<TimeSpan>().unwrap(), span);
        }
    }

    #[test]
    fn refuses_nonsense_overflow_and_numbers_without_a_unit() {
        for text in ["", "s", "30", "-1s", "1.5h", "99999999999999999999d", "5 fortnights"] {
            assert!(text.parse::<TimeSpan>().is_err(), "{text}");
        }
    }
}

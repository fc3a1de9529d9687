//! How hard archives are compressed, as it stands in job files.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use crate::Error;

/// How hard the archives of segments are compressed: from 0, not at all, to 9.
///
/// The rows and the checksum of a segment do not depend on it, and whoever reads one level reads them all.
///
/// # Examples
///
/// ```
/// use pinotage_common::ArchiveLevel;
/// assert_eq!(ArchiveLevel::default(), ArchiveLevel::try_from(2)?);
/// assert!(ArchiveLevel::try_from(10).is_err());
/// # Ok::<(), pinotage_common::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u8")]
pub struct ArchiveLevel(u8);

impl ArchiveLevel {
    /// The number, 9 at most.
    pub const fn number(self) -> u8 {
        self.0
    }
}

impl Default for ArchiveLevel {
    /// The first level that shrinks a segment by more than what its packed ids and chunks leave: docs/evidence/archive-levels.md.
    fn default() -> Self {
        Self(2)
    }
}

impl TryFrom<u8> for ArchiveLevel {
    type Error = Error;

    fn try_from(number: u8) -> Result<Self, Error> {
        match number {
            0..=9 => Ok(Self(number)),
            _ => Err(Error::invalid_config(format!("expected a level from 0 to 9, found {number}"))
                .action("write 0 for archives that cost no time, 2 for smaller ones, 9 for the smallest")),
        }
    }
}

impl fmt::Display for ArchiveLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl JsonSchema for ArchiveLevel {
    fn schema_name() -> Cow<'static, str> {
        "ArchiveLevel".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "integer", "minimum": 0, "maximum": 9, "description": "From 0 to 9."})
    }
}

//! What a release of Pinot can do: the one table of choices that depend on it.

use std::fmt;
use std::str::FromStr;

use pinotage_common::{Error, Result};
use serde::Deserialize;

use crate::{ColumnPlan, Schema, StarTreePlans, TableConfig};

/// A release of Pinot, by its first two numbers. As an option it is text such as `1.4` or `1.5.1`, [`Self::OLDEST`] or later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct PinotVersion {
    major: u16,
    minor: u16,
}

impl PinotVersion {
    /// The oldest release that Pinotage supports.
    pub const OLDEST: Self = Self { major: 0, minor: 11 };

    /// Reads what a controller says of itself, such as `1.5.1-020ff0d…` or `1.6.0-SNAPSHOT`.
    ///
    /// # Errors
    ///
    /// `unsupported` for a text that does not begin with two numbers.
    pub fn parse(text: &str) -> Result<Self> {
        let mut numbers = text.trim().split(['.', '-', '+']).map(str::parse::<u16>);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(major)), Some(Ok(minor))) => Ok(Self { major, minor }),
            _ => Err(Error::unsupported(format!("expected a release of Pinot such as `1.5.1`, found `{text}`"))
                .action("name the release by the option `pinotVersion`")),
        }
    }

    /// The newest release that Pinotage is tested with.
    pub const NEWEST: Self = Self { major: 1, minor: 5 };

    /// What is stored depends on the release: how columns are computed, or what its servers load.
    pub fn matters_to(schema: &Schema, table: &TableConfig) -> bool {
        let made = |version| {
            let columns = ColumnPlan::resolve_for(schema, table, version).ok()?;
            let star_trees = StarTreePlans::resolve(table, &columns, version).ok()?;
            Some(format!("{columns:?} {star_trees:?}"))
        };
        table.transforms().next().is_some()
            || schema.derived().next().is_some()
            || made(Self::OLDEST) != made(Self::NEWEST)
    }

    /// A column that is computed takes the place of a list or map of its name in the rows.
    pub fn transforms_replace_lists(self) -> bool {
        self >= Self { major: 1, minor: 2 }
    }

    /// `ingestionConfig.continueOnError` makes a column null when its expression fails.
    pub fn transforms_continue_on_error(self) -> bool {
        self >= Self { major: 0, minor: 12 }
    }

    /// Servers send null bitmaps and compare as SQL does (`enableNullHandling`, which needs DataTable V4).
    pub fn sends_nulls(self) -> bool {
        self >= Self { major: 1, minor: 0 }
    }

    /// Servers aggregate whole numbers as such (`SUMLONG`, `MINLONG`, `MAXLONG`), and leave out nulls as SQL does. Releases
    /// between 1.0 and this one are not known to get all nulls right.
    pub fn aggregates_longs_and_nulls(self) -> bool {
        self >= Self { major: 1, minor: 5 }
    }

    /// Servers put nulls where `NULLS FIRST` and `NULLS LAST` say. Releases between 1.0 and this one are not known to.
    pub fn orders_nulls(self) -> bool {
        self >= Self { major: 1, minor: 5 }
    }

    /// Servers send columns with several values of BYTES or BIG_DECIMAL a row.
    pub fn sends_lists_of_bytes(self) -> bool {
        self >= Self { major: 1, minor: 6 }
    }

    /// Servers load star-trees whose metrics of bytes (AVG, MINMAXRANGE, sketches) are of raw index version 4, which is the
    /// default. Without it they fail to load the segment: there such metrics have to be of `indexVersion` 2. 0.12 does not; 1.0
    /// was not tried. Metrics of numbers are loaded by all.
    pub fn loads_star_tree_bytes(self) -> bool {
        self >= Self { major: 1, minor: 1 }
    }

    /// Servers load star-trees with COUNTMV, SUMMV and AVGMV. 1.4 does not.
    pub fn loads_star_tree_lists(self) -> bool {
        self >= Self { major: 1, minor: 5 }
    }

    /// The newest version of chunks in which servers load raw columns. 0.11 loads lists in 2 and 3 only; 0.12 nothing of version 4
    /// but numbers, as its servers ask for the codec of a column and its readers of text do not tell it. 1.0 and 1.2 were not tried.
    pub fn newest_raw_chunks(self, single_value: bool) -> u8 {
        match (self.major, self.minor) {
            (0, 11) if single_value => 4,
            (0, _) | (1, 0) => 3,
            (1, 1 | 2) => 4,
            _ => 5,
        }
    }

    /// Raw columns may be compressed by GZIP. 1.1 does not know it; 1.2 was not tried.
    pub fn has_gzip(self) -> bool {
        self >= Self { major: 1, minor: 3 }
    }

    /// A timestamp index is one wherever a field config has granularities. 0.11 also wants `TIMESTAMP` in its `indexTypes` and a
    /// column of that type, and drops the range indexes of others when it loads them.
    pub fn takes_any_timestamp_config(self) -> bool {
        self >= Self { major: 0, minor: 12 }
    }

    /// Segments may have MAP columns. 1.1 does not know them; 1.2 was not tried.
    pub fn has_maps(self) -> bool {
        self >= Self { major: 1, minor: 3 }
    }

    /// Upsert tables delete the rows of a key (`deleteRecordColumn`), compare by several columns, and forget keys
    /// (`metadataTTL`).
    pub fn upsert_deletes(self) -> bool {
        self >= Self { major: 1, minor: 0 }
    }

    /// Partial upsert keeps the greatest and the smallest value (`MAX`, `MIN`).
    pub fn upsert_keeps_extremes(self) -> bool {
        self >= Self { major: 0, minor: 12 }
    }

    /// Partial upsert takes a new value even if it is null (`FORCE_OVERWRITE`).
    pub fn upsert_forces_overwrite(self) -> bool {
        self >= Self { major: 1, minor: 4 }
    }

    /// The name of a segment uploaded to a REALTIME table says its partition, and of equal rows in two segments the one in the
    /// segment with the later creation time counts. Before, the partition is that of the segment's metadata, and the row that
    /// was loaded first counts.
    pub fn loads_uploaded_names(self) -> bool {
        self >= Self { major: 1, minor: 2 }
    }

    /// Servers tell which rows of an upsert table count (`validDocIdsBitmap`).
    pub fn tells_valid_docs(self) -> bool {
        self >= Self { major: 1, minor: 1 }
    }
}

/// What a user asks for; a controller may be older, and is told so where that matters.
impl FromStr for PinotVersion {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let version = Self::parse(text)?;
        if version < Self::OLDEST {
            return Err(Error::unsupported(format!("expected Pinot {} or later, found `{text}`", Self::OLDEST))
                .action("segments of this project need servers of a later release"));
        }
        Ok(version)
    }
}

impl TryFrom<String> for PinotVersion {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl fmt::Display for PinotVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_read_as_controllers_write_them() {
        let version = |text| PinotVersion::parse(text).unwrap();
        assert_eq!(version("0.11.0-1b4d6b6b0a27422c1552ea1a936ad145056f7033"), PinotVersion::OLDEST);
        assert!(version("1.6.0-SNAPSHOT") > version("1.5.1"));
        assert!(!version("0.12.1").sends_nulls() && version("1.0.0").sends_nulls());
        assert!(!version("0.12.1").loads_star_tree_bytes() && version("1.1.0").loads_star_tree_bytes());
        let chunks = |text| [true, false].map(|single| version(text).newest_raw_chunks(single));
        assert_eq!(
            [chunks("0.11.0"), chunks("0.12.1"), chunks("1.1.0"), chunks("1.3.0")],
            [[4, 3], [3, 3], [4, 4], [5, 5]]
        );
        assert!(PinotVersion::parse("Unknown").is_err());
        assert_eq!("1.10".parse::<PinotVersion>().unwrap(), PinotVersion { major: 1, minor: 10 });
        assert!("0.10.0".parse::<PinotVersion>().is_err() && "latest".parse::<PinotVersion>().is_err());
    }
}

//! Segment names (`org.apache.pinot.segment.spi.creator.name`).

use pinotage_common::{Error, Result};

use crate::time_format::format_utc;

/// How the name of a segment is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SegmentNameGenerator {
    /// `prefix_min_max[_postfix][_sequence]`, with the time column's values as they are stored.
    Simple {
        /// Usually the table's name.
        prefix: String,
        /// Put behind the times.
        postfix: Option<String>,
    },
    /// `prefix_2023-11-14_2023-11-15[_postfix][_sequence]` for APPEND tables, without dates for REFRESH.
    NormalizedDate {
        /// Usually the table's name.
        prefix: String,
        /// Put behind the dates.
        postfix: Option<String>,
        /// The dates are part of the name (APPEND).
        append: bool,
        /// The dates end in the hour.
        hourly: bool,
    },
    /// One given name: only for a job that makes a single segment.
    Fixed {
        /// The name.
        name: String,
    },
}

/// What a generator is told about a segment.
#[derive(Debug, Clone, Default)]
pub struct SegmentNameParts {
    /// Smallest and greatest value of the time column as Pinot writes them.
    pub time_values: Option<(String, String)>,
    /// The same in milliseconds since the epoch.
    pub time_millis: Option<(i64, i64)>,
    /// Distinguishes segments of one job, for example `3` or `3_1`.
    pub sequence: Option<String>,
}

impl SegmentNameGenerator {
    /// The name of a segment.
    ///
    /// # Errors
    ///
    /// `invalid-config` when the result is no valid segment name.
    pub fn generate(&self, parts: &SegmentNameParts) -> Result<String> {
        let joined = |pieces: &[Option<&str>]| {
            pieces.iter().copied().flatten().filter(|piece| !piece.is_empty()).collect::<Vec<_>>().join("_")
        };
        let sequence = parts.sequence.as_deref();
        let name = match self {
            Self::Simple { prefix, postfix } => {
                let (min, max) = parts
                    .time_values
                    .as_ref()
                    .map_or((None, None), |(min, max)| (Some(min.as_str()), Some(max.as_str())));
                joined(&[Some(prefix), min, max, postfix.as_deref(), sequence])
            }
            Self::NormalizedDate { prefix, postfix, append, hourly } => {
                let format = if *hourly { "%Y-%m-%d-%H" } else { "%Y-%m-%d" };
                let dates = parts
                    .time_millis
                    .filter(|_| *append)
                    .map(|(min, max)| (format_utc(min, format), format_utc(max, format)));
                let (min, max) = dates.unwrap_or_default();
                joined(&[Some(prefix), min.as_deref(), max.as_deref(), postfix.as_deref(), sequence])
            }
            Self::Fixed { name } => name.clone(),
        };
        check_segment_name(&name)?;
        Ok(name)
    }
}

/// The name of a segment that is uploaded to a REALTIME table: Pinot takes its partition from it.
///
/// # Pinot equivalent
///
/// `UploadedRealtimeSegmentName`, of Pinot 1.2 and later
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadedRealtimeName<'a> {
    /// Whose segment it is.
    pub prefix: &'a str,
    /// The table's name without type.
    pub table: &'a str,
    /// The partition of the stream.
    pub partition: u32,
    /// The segment's creation time in milliseconds since the epoch. The name has its minute, for people.
    pub creation_millis: i64,
    /// What distinguishes segments of one prefix, partition and minute.
    pub suffix: &'a str,
}

impl UploadedRealtimeName<'_> {
    /// The name: `prefix__table__partition__20231114T2213Z__suffix`.
    ///
    /// # Errors
    ///
    /// `invalid-config` for a part that would be read back otherwise, because it is empty, has two underscores in a row or
    /// begins or ends with one; and those of [`check_segment_name`].
    pub fn generate(&self) -> Result<String> {
        for (part, text) in [("prefix", self.prefix), ("table", self.table), ("suffix", self.suffix)] {
            if text.is_empty() || text.contains("__") || text.starts_with('_') || text.ends_with('_') {
                return Err(Error::invalid_config(format!(
                    "`{text}` cannot be the {part} in the name of an uploaded segment: parts end at `__`"
                ))
                .action("use a name without two underscores in a row, and without one at its ends"));
            }
        }
        let Self { prefix, table, partition, suffix, .. } = self;
        let time = format_utc(self.creation_millis, "%Y%m%dT%H%MZ").ok_or_else(|| {
            Error::invalid_config(format!("{} is no creation time of a segment", self.creation_millis))
        })?;
        let name = format!("{prefix}__{table}__{partition}__{time}__{suffix}");
        check_segment_name(&name)?;
        Ok(name)
    }
}

/// Refuses names that Pinot or a file system cannot use.
///
/// # Errors
///
/// `invalid-config` for an empty name, one of the characters `\ / : * ? " < > |` or a control character, a name that
/// ends in `v3` (Pinot's loader takes such a folder for a v3 sub-folder), `.` and `..`, and more than 200 bytes.
pub fn check_segment_name(name: &str) -> Result<()> {
    let reason = if name.is_empty() || name == "." || name == ".." {
        "it is no name"
    } else if name.chars().any(|c| {
        matches!(c, '\\' | '/' | ':' | '*' | '?' | '"' | '<' | '>' | '|') || c.is_control() || c.is_whitespace()
    }) {
        "it has a blank or one of the characters \\ / : * ? \" < > |"
    } else if name.ends_with("v3") {
        "it ends in `v3`, and Pinot's loader would look for the segment inside itself"
    } else if name.len() > 200 {
        "it is longer than 200 bytes"
    } else {
        return Ok(());
    };
    Err(Error::invalid_config(format!("`{name}` cannot be a segment name: {reason}"))
        .action("change the table name, prefix or postfix that the name is made of"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(min: &str, max: &str, millis: (i64, i64), sequence: Option<&str>) -> SegmentNameParts {
        SegmentNameParts {
            time_values: Some((min.into(), max.into())),
            time_millis: Some(millis),
            sequence: sequence.map(str::to_owned),
        }
    }

    #[test]
    fn names_are_pinots() {
        let simple = SegmentNameGenerator::Simple { prefix: "pre".into(), postfix: Some("post".into()) };
        assert_eq!(simple.generate(&parts("1", "9", (1, 9), Some("3"))).unwrap(), "pre_1_9_post_3");
        let simple = SegmentNameGenerator::Simple { prefix: "pre".into(), postfix: None };
        assert_eq!(simple.generate(&SegmentNameParts::default()).unwrap(), "pre");
        let millis = (1_700_000_000_000, 1_700_086_400_000);
        let dated = |append, hourly, postfix: Option<&str>| SegmentNameGenerator::NormalizedDate {
            prefix: "tbl".into(),
            postfix: postfix.map(str::to_owned),
            append,
            hourly,
        };
        let named = |generator: SegmentNameGenerator| generator.generate(&parts("", "", millis, Some("2"))).unwrap();
        assert_eq!(named(dated(true, false, None)), "tbl_2023-11-14_2023-11-15_2");
        assert_eq!(named(dated(true, true, Some("px"))), "tbl_2023-11-14-22_2023-11-15-22_px_2");
        assert_eq!(named(dated(false, false, None)), "tbl_2");
    }

    #[test]
    fn names_of_uploaded_segments_have_five_parts() {
        let name = UploadedRealtimeName {
            prefix: "job-run",
            table: "sales_eu",
            partition: 7,
            creation_millis: 1_700_000_000_000,
            suffix: "12-0",
        };
        assert_eq!(name.generate().unwrap(), "job-run__sales_eu__7__20231114T2213Z__12-0");
        for wrong in ["", "a__b", "_a", "a_", "a/b"] {
            assert!(UploadedRealtimeName { prefix: wrong, ..name }.generate().is_err(), "{wrong}");
            assert!(UploadedRealtimeName { suffix: wrong, ..name }.generate().is_err(), "{wrong}");
        }
        assert!(UploadedRealtimeName { table: "a__b", ..name }.generate().is_err());
        assert!(UploadedRealtimeName { suffix: "v3", ..name }.generate().is_err());
    }

    #[test]
    fn names_that_do_not_load_are_refused() {
        for name in ["", "sales_v3", "a/b", "a b", "..", "x:y"] {
            assert!(check_segment_name(name).is_err(), "{name}");
        }
    }
}

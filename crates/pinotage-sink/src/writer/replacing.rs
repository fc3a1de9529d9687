//! What goes when segments come.

use std::collections::{BTreeMap, BTreeSet};

use pinotage_client::SegmentZkMetadata;
use pinotage_common::{Error, ErrorKind, Result};
use pinotage_spec::TableConfig;
use serde::Deserialize;

use super::{Destination, PinotSink, StagedSegment};
use crate::publish::{Foreign, Mark, other_states};
use crate::rewrite::OldSegment;
use crate::{Snapshot, needs_partitions};

/// What goes in the step in which the segments of a run come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Replacing {
    /// Nothing: they come beside what is there.
    #[default]
    Nothing,
    /// Nothing, and another run of the same job may have nothing there: its rows would be there twice. Tables that know rows by their
    /// keys have them once.
    First,
    /// What this run has begun of the same epoch in another process and not ended. If it has ended there, nothing comes.
    Epoch,
    /// All that queries see.
    Table,
    /// All rows of a time range.
    Times {
        /// The first millisecond of the range; none for all times before `to`.
        from: Option<i64>,
        /// The first one behind the range; none for all times from `from` on.
        to: Option<i64>,
        /// What happens to a segment that has other rows as well.
        straddling: Straddling,
    },
    /// All rows of the partitions that the new segments have.
    Partitions {
        /// What happens to a segment that has other rows as well.
        straddling: Straddling,
    },
}

/// What happens to a segment that has rows inside and outside of what is replaced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Straddling {
    /// It is an error that names it.
    #[default]
    Refuse,
    /// Its rows outside are written into segments of their own, which come in the same step.
    Rewrite,
}

/// The segments that something touches.
#[derive(Debug, Default)]
pub(super) struct Touched<'s> {
    /// Names and CRCs of those that go as they are.
    pub(super) leaving: BTreeMap<String, u64>,
    /// Those that may have rows outside, which stay.
    pub(super) straddling: Vec<&'s SegmentZkMetadata>,
}

/// Where the rows of a segment lie.
enum Lies {
    Inside,
    Outside,
    /// In both, or nobody knows; the error that says so.
    Across(Error),
}

impl Replacing {
    /// Segments that others have pushed go.
    pub fn overwrites(&self) -> bool {
        !matches!(self, Self::Nothing | Self::First | Self::Epoch)
    }

    /// Refuses tables whose segments cannot be replaced so.
    pub(super) fn check(&self, table: &TableConfig) -> Result<()> {
        if !self.overwrites() {
            return Ok(());
        }
        if table.json()["tableType"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("REALTIME"))
            || needs_partitions(table.json())
        {
            return Err(Error::unsupported(
                "rows of this table cannot be overwritten in one step: each key has one row, wherever it is",
            )
            .with("table", table.raw_name())
            .action(
                "append the rows, which take the place of those of their keys; delete others by the delete column",
            ));
        }
        let option =
            |key| Error::unsupported("the table config does not say which segments these are").with("option", key);
        match self {
            Self::Times { .. } if table.time_column().is_none() => {
                Err(option("segmentsConfig.timeColumnName")
                    .action("overwrite the whole table, or give it a time column"))
            }
            Self::Partitions { .. } if partition_column(table).is_none() => {
                Err(option("tableIndexConfig.segmentPartitionConfig.columnPartitionMap")
                    .action("overwrite the whole table or a time range, or partition the table"))
            }
            _ => Ok(()),
        }
    }

    /// What happens to segments with rows inside and outside.
    pub(super) fn straddling(&self) -> Straddling {
        match self {
            Self::Times { straddling, .. } | Self::Partitions { straddling } => *straddling,
            _ => Straddling::Refuse,
        }
    }

    /// The segments that go. `own` is what the names of this run begin with.
    ///
    /// # Errors
    ///
    /// `commit-conflict` for a segment that has rows inside and outside of what is replaced, if that is refused.
    pub(super) fn touched<'s>(
        &self,
        snapshot: &'s Snapshot,
        table: &TableConfig,
        coming: &[StagedSegment],
        own: &str,
    ) -> Result<Touched<'s>> {
        let mut touched = Touched::default();
        if !self.overwrites() {
            return Ok(touched);
        }
        let column = partition_column(table).unwrap_or_default();
        let partitions = partitions_of(coming, &column);
        for name in snapshot.visible().into_iter().filter(|name| !name.starts_with(own)) {
            let Some(segment) = snapshot.segments.get(name) else { continue };
            let lies = match self {
                Self::Times { from, to, .. } => of_range(segment, *from, *to),
                Self::Partitions { .. } => of_partitions(segment, &column, &partitions),
                _ => Lies::Inside,
            };
            match (lies, self.straddling()) {
                (Lies::Outside, _) => {}
                (Lies::Inside, _) => drop(touched.leaving.insert(name.to_owned(), segment.crc.unwrap_or_default())),
                (Lies::Across(error), Straddling::Refuse) => return Err(error),
                (Lies::Across(_), Straddling::Rewrite) => touched.straddling.push(segment),
            }
        }
        Ok(touched)
    }
}

impl PinotSink {
    /// Looks whether what is to go can go, before rows are written. Partitions are not known yet then.
    ///
    /// # Errors
    ///
    /// `commit-conflict` for a segment that has rows inside and outside of a range of times; if it is rewritten, `unsupported` for one
    /// that cannot be; `already-exists` for one that the same job has brought before, if it must not be there.
    pub fn check_replacing(&self, job: &str) -> Result<()> {
        let Destination::Table(to) = &self.destination else { return Ok(()) };
        match &self.replacing {
            Replacing::Times { .. } => {
                let snapshot = to.runtime.block_on(to.target.snapshot())?;
                let touched = self.replacing.touched(&snapshot, &self.table, &[], "\0")?;
                touched.straddling.into_iter().try_for_each(|segment| OldSegment::of(segment).map(drop))
            }
            Replacing::First if to.options.foreign == Foreign::Refuse && !needs_partitions(self.table.json()) => {
                let snapshot = to.runtime.block_on(to.target.snapshot())?;
                let mark = Mark { job: job.to_owned(), run: String::new(), epoch: u64::MAX };
                let before = other_states(&snapshot, &mark, false)?;
                let Some(segment) = before.first() else { return Ok(()) };
                Err(Error::new(ErrorKind::AlreadyExists, "the job has run before, and its rows would be there twice")
                    .with("table", to.target.key())
                    .with("segment", segment)
                    .with("segments", before.len())
                    .action(
                        "set `sink.push.foreign: replace` to bring these rows in their place, or `keep` to add them to those",
                    ))
            }
            _ => Ok(()),
        }
    }
}

/// The one column by which a table is partitioned.
fn partition_column(table: &TableConfig) -> Option<String> {
    let columns = table.json().pointer("/tableIndexConfig/segmentPartitionConfig/columnPartitionMap")?.as_object()?;
    columns.keys().next().cloned()
}

/// The partitions that occur in segments.
pub(super) fn partitions_of(segments: &[StagedSegment], column: &str) -> BTreeSet<u32> {
    segments.iter().filter_map(|segment| segment.partitions.get(column)).flatten().copied().collect()
}

fn of_range(segment: &SegmentZkMetadata, from: Option<i64>, to: Option<i64>) -> Lies {
    let (Some(start), Some(end)) = (segment.start_millis, segment.end_millis) else {
        return Lies::Across(straddles(segment, "does not say which times it has"));
    };
    let (from, to) = (from.unwrap_or(i64::MIN), to.unwrap_or(i64::MAX));
    if end < from || start >= to {
        return Lies::Outside;
    }
    match start >= from && end < to {
        true => Lies::Inside,
        false => Lies::Across(
            straddles(segment, "has rows inside and outside of the range that is overwritten")
                .with("segment times", format!("{start} to {end}"))
                .with("range", format!("{from} to before {to}")),
        ),
    }
}

fn of_partitions(segment: &SegmentZkMetadata, column: &str, touched: &BTreeSet<u32>) -> Lies {
    let own = segment.partitions.get(column).map(|found| found.partitions.as_slice()).unwrap_or_default();
    let inside = own.iter().filter(|partition| touched.contains(partition)).count();
    if own.is_empty() {
        return Lies::Across(straddles(segment, "does not say which partitions it has"));
    }
    match (inside, own.len()) {
        (0, _) => Lies::Outside,
        (some, all) if some == all => Lies::Inside,
        _ => Lies::Across(
            straddles(segment, "has rows of partitions that are overwritten, and of others")
                .with("partitions", format!("{own:?}")),
        ),
    }
}

fn straddles(segment: &SegmentZkMetadata, what: &str) -> Error {
    Error::new(ErrorKind::CommitConflict, format!("a segment {what}"))
        .with("segment", &segment.name)
        .action(
            "widen what is overwritten until it has all rows of the segment, or have its other rows written again (`overwrite.rewriteStraddling` of Spark)",
        )
}

#[cfg(test)]
mod tests {
    use pinotage_client::ColumnPartition;

    use super::*;

    /// Name, times, partitions.
    type Segment<'a> = (&'a str, Option<(i64, i64)>, &'a [u32]);

    fn snapshot(segments: &[Segment<'_>]) -> Snapshot {
        let record = |(name, times, partitions): &Segment<'_>| {
            let partition = ColumnPartition {
                function_name: "Murmur".into(),
                num_partitions: 8,
                partitions: partitions.to_vec(),
                function_config: None,
            };
            let segment = SegmentZkMetadata {
                name: (*name).to_owned(),
                crc: Some(7),
                start_millis: times.map(|(start, _)| start),
                end_millis: times.map(|(_, end)| end),
                partitions: [("key".to_owned(), partition)].into(),
                ..SegmentZkMetadata::default()
            };
            ((*name).to_owned(), segment)
        };
        let segments: BTreeMap<String, SegmentZkMetadata> = segments.iter().map(record).collect();
        Snapshot { assigned: segments.keys().cloned().collect(), segments, ..Snapshot::default() }
    }

    fn table() -> TableConfig {
        let partitions = serde_json::json!({"key": {"functionName": "Murmur", "numPartitions": 8}});
        TableConfig::from_document(serde_json::json!({
            "tableName": "t_OFFLINE", "tableType": "OFFLINE",
            "tableIndexConfig": {"segmentPartitionConfig": {"columnPartitionMap": partitions}},
        }))
        .unwrap()
    }

    fn leaving(
        replacing: &Replacing,
        snapshot: &Snapshot,
        touched: &[u32],
    ) -> std::result::Result<Vec<String>, String> {
        let coming = StagedSegment {
            name: "own_1".into(),
            file: String::new(),
            crc: 1,
            rows: 1,
            epoch: 1,
            creation_millis: 0,
            partitions: [("key".to_owned(), touched.iter().copied().collect())].into(),
        };
        let touched = replacing.touched(snapshot, &table(), &[coming], "own_").map_err(|error| error.to_string())?;
        let straddling = touched.straddling.into_iter().map(|segment| format!("across {}", segment.name));
        Ok(touched.leaving.into_keys().chain(straddling).collect())
    }

    #[test]
    fn segments_of_a_range_lie_inside() {
        let all = snapshot(&[("a", Some((0, 9)), &[]), ("b", Some((10, 19)), &[]), ("own_0", Some((5, 15)), &[])]);
        let times = |from, to| Replacing::Times { from, to, straddling: Straddling::Refuse };
        assert_eq!(leaving(&times(Some(0), Some(10)), &all, &[]).unwrap(), ["a"]);
        assert_eq!(leaving(&times(None, Some(20)), &all, &[]).unwrap(), ["a", "b"]);
        assert_eq!(leaving(&times(Some(10), None), &all, &[]).unwrap(), ["b"]);
        assert_eq!(leaving(&times(Some(20), None), &all, &[]).unwrap(), [""; 0]);
        for (from, to) in [(Some(0), Some(9)), (Some(1), Some(10)), (Some(9), Some(10))] {
            let error = leaving(&times(from, to), &all, &[]).unwrap_err();
            assert!(error.contains("commit-conflict") && error.contains("segment: a"), "{error}");
        }
        let rewritten = Replacing::Times { from: Some(5), to: Some(20), straddling: Straddling::Rewrite };
        assert_eq!(leaving(&rewritten, &all, &[]).unwrap(), ["b", "across a"]);
        let untimed = snapshot(&[("c", None, &[])]);
        assert!(leaving(&times(None, Some(5)), &untimed, &[]).unwrap_err().contains("segment: c"));
    }

    #[test]
    fn segments_of_partitions_have_no_others() {
        let all = snapshot(&[("a", None, &[1]), ("b", None, &[2, 3]), ("c", None, &[4])]);
        let partitions = |straddling| Replacing::Partitions { straddling };
        assert_eq!(leaving(&partitions(Straddling::Refuse), &all, &[1, 4]).unwrap(), ["a", "c"]);
        assert_eq!(leaving(&partitions(Straddling::Refuse), &all, &[2, 3, 7]).unwrap(), ["b"]);
        assert!(leaving(&partitions(Straddling::Refuse), &all, &[3]).unwrap_err().contains("segment: b"));
        assert_eq!(leaving(&partitions(Straddling::Rewrite), &all, &[3, 4]).unwrap(), ["c", "across b"]);
        assert_eq!(leaving(&Replacing::Table, &all, &[]).unwrap(), ["a", "b", "c"]);
        assert_eq!(leaving(&Replacing::Nothing, &all, &[1]).unwrap(), [""; 0]);
    }
}

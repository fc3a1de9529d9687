//! Segments for REALTIME tables: their names, their times, and where a partition is written down.

use pinotage_client::SegmentStatus;
use pinotage_common::{Error, Result};
use pinotage_segment::metadata::PartitionMetadata;
use pinotage_spec::{PartitionFunction, PinotVersion, TableConfig, UploadedRealtimeName, check_segment_name};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::StreamKey;
use crate::Snapshot;

/// Which row counts when one from the stream and an uploaded one have the same key and compare as equal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Ties {
    /// That of the stream.
    #[default]
    Live,
    /// The uploaded one, against rows that the stream brought before. Those that it brings into a segment that was consuming
    /// already win while that segment consumes.
    Backfill,
}

/// What an uploaded segment is made of, for its name.
#[derive(Debug, Clone, Copy)]
pub struct UploadedSegment<'a> {
    /// The table's name without type.
    pub table: &'a str,
    /// The job's name.
    pub job: &'a str,
    /// The id of its run.
    pub run: &'a str,
    /// The epoch that sealed it.
    pub epoch: u64,
    /// The partition of the stream that all its rows are in.
    pub partition: u32,
    /// What distinguishes segments of a partition and epoch.
    pub seq: u32,
    /// When it was built, as [`CreationTimes`] says.
    pub creation_millis: i64,
}

impl UploadedSegment<'_> {
    /// The name: from Pinot 1.2 on one that says the partition, `<job>-<run>__<table>__<partition>__<time>__<epoch>-<seq>`;
    /// for older releases, that take those for names of their own, `<table>_<job>_<run>_<epoch>_<partition>_<seq>`.
    ///
    /// # Errors
    ///
    /// `invalid-config` for a table or job whose name cannot be part of it.
    pub fn name(&self, version: PinotVersion) -> Result<String> {
        let Self { table, job, run, epoch, partition, seq, creation_millis } = *self;
        if version.loads_uploaded_names() {
            let (prefix, suffix) = (format!("{job}-{run}"), format!("{epoch}-{seq}"));
            return UploadedRealtimeName { prefix: &prefix, table, partition, creation_millis, suffix: &suffix }
                .generate();
        }
        let name = format!("{table}_{job}_{run}_{epoch}_{partition}_{seq}");
        if name.contains("__") {
            return Err(Error::invalid_config(format!(
                "`{name}` cannot be the name of an uploaded segment: Pinot {version} takes what has `__` for one of a stream"
            ))
            .action("give the job a name without two underscores in a row, and without one at its ends"));
        }
        check_segment_name(&name)?;
        Ok(name)
    }
}

/// What a segment's metadata has to say about its partition, for [`SegmentBuilder::set_partition`]; nothing where the name
/// says it, or the table config's own function does.
///
/// Before Pinot 1.2 a server knows the partition from the metadata of one column alone. Where the producer writes keys
/// otherwise than as text, or the table config partitions nothing, the stream key's first column gets it.
///
/// # Errors
///
/// `unsupported` when brokers would look for values in this partition that are not there, because they prune by partitions.
///
/// [`SegmentBuilder::set_partition`]: pinotage_segment::write::SegmentBuilder::set_partition
pub fn partition_metadata(
    table: &TableConfig,
    key: &StreamKey,
    partition: u32,
    version: PinotVersion,
) -> Result<Option<(String, PartitionMetadata)>> {
    if version.loads_uploaded_names() || says_partition(table, key)? {
        return Ok(None);
    }
    let pruners = table.json()["routing"]["segmentPrunerTypes"].as_array();
    if pruners
        .into_iter()
        .flatten()
        .any(|pruner| pruner.as_str().is_some_and(|name| name.eq_ignore_ascii_case("partition")))
    {
        return Err(Error::unsupported(format!(
            "the partition function of the table config is not the stream's, and brokers of Pinot {version} leave out segments by it"
        ))
        .with("option", "routing.segmentPrunerTypes")
        .action("take `partition` out of it, or use Pinot 1.2 or later"));
    }
    let column = key.columns.first().cloned().unwrap_or_default();
    let metadata = PartitionMetadata {
        function: "Murmur".into(),
        num_partitions: key.partitions,
        partitions: vec![partition],
        config: Vec::new(),
    };
    Ok(Some((column, metadata)))
}

/// The table config partitions one column, as the stream does.
fn says_partition(table: &TableConfig, key: &StreamKey) -> Result<bool> {
    let map = table.json().pointer("/tableIndexConfig/segmentPartitionConfig/columnPartitionMap");
    let mut columns = map.and_then(|map| map.as_object()).into_iter().flat_map(|map| map.keys());
    let (Some(column), None) = (columns.next(), columns.next()) else { return Ok(false) };
    let is_key = key.columns.len() == 1 && key.columns[0] == *column && key.is_text();
    Ok(table.partition(column)?.is_some_and(|config| {
        is_key && config.function == PartitionFunction::Murmur && config.num_partitions == key.partitions
    }))
}

/// The partitions of a table's stream, as its segments are named: each partition has at least the one that consumes. Nothing
/// where no stream has begun.
///
/// # Errors
///
/// `unsupported` for a table of several streams, whose partitions Pinot counts from 10,000 on for the second.
pub(super) fn stream_partitions(table: &Snapshot) -> Result<Option<u32>> {
    let of_stream = |name: &String| -> Option<u32> {
        let parts: Vec<&str> = name.split("__").collect();
        if parts.len() == 4 { parts[1].parse().ok() } else { None }
    };
    match table.segments.keys().filter_map(of_stream).max() {
        Some(greatest) if greatest >= 10_000 => {
            Err(Error::unsupported("segments cannot be pushed to a table of several streams")
                .action("which of them a row belongs to is not known here: load the rows through the streams"))
        }
        greatest => Ok(greatest.map(|greatest| greatest + 1)),
    }
}

/// The creation times of segments to be uploaded. With them Pinot, from 1.2 on, decides between rows that compare as equal: the
/// one in the later segment counts.
///
/// Who builds segments of a partition takes one for each, in the order of the rows, and keeps it with the segment: a segment
/// that is uploaded again must have the same one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CreationTimes {
    next: i64,
    end: i64,
}

/// Room for as many segments before the stream's.
const ROOM: i64 = 1_000_000_000;

/// Room for as many segments of a task in one epoch.
const ROOM_OF_EPOCH: i64 = 1000;

impl CreationTimes {
    /// Times behind those of all segments that were uploaded before, and before those of the stream's segments or, with
    /// [`Ties::Backfill`], behind them. `now` is in milliseconds since the epoch.
    ///
    /// # Errors
    ///
    /// `unsupported` for [`Ties::Backfill`] before Pinot 1.2, where the row that was loaded first counts.
    pub fn of(table: &Snapshot, ties: Ties, version: PinotVersion, now: i64) -> Result<Self> {
        let times = |uploaded: bool| {
            let segments = table
                .segments
                .values()
                .filter(move |segment| uploaded == matches!(segment.status, Some(SegmentStatus::Uploaded) | None));
            segments.filter_map(|segment| segment.creation_millis)
        };
        match ties {
            Ties::Live => {
                let end = times(false).min().unwrap_or(now);
                let last = times(true).filter(|time| *time < end).max();
                Ok(Self { next: last.map_or(end.saturating_sub(ROOM), |last| last.saturating_add(1)), end })
            }
            Ties::Backfill if version.loads_uploaded_names() => {
                let last = times(true).chain(times(false)).max();
                Ok(Self { next: last.map_or(now, |last| now.max(last.saturating_add(1))), end: i64::MAX })
            }
            Ties::Backfill => Err(Error::unsupported(format!(
                "Pinot {version} does not choose between equal rows of different segments: the one that was loaded first counts"
            ))
            .with("option", "upsert.ties")
            .action("leave the option out, or give the rows greater comparison values")),
        }
    }

    /// Times of the clock, for tables without a stream: [skip](Self::skip_to) to it before each.
    pub(crate) fn by_clock() -> Self {
        Self { next: 0, end: i64::MAX }
    }

    /// The next creation time is this one, unless a later one is next: segments up to there are on their way.
    pub fn skip_to(&mut self, millis: i64) {
        self.next = self.next.max(millis);
    }

    /// The same, behind the segments of so many epochs: for tasks that know no segments but their own.
    pub fn skip_epochs(&mut self, epochs: u64) {
        let room = i64::try_from(epochs).unwrap_or(i64::MAX).saturating_mul(ROOM_OF_EPOCH);
        self.next = self.next.saturating_add(room);
    }

    /// The creation time of the next segment.
    ///
    /// # Errors
    ///
    /// `unsupported` when none is left before those of the stream's segments.
    pub fn take(&mut self) -> Result<i64> {
        if self.next >= self.end {
            return Err(Error::unsupported(
                "no creation time is left between uploaded segments and those of the stream",
            )
            .action("let the stream's oldest segments go by retention, or set `upsert.ties` to `backfill`"));
        }
        self.next += 1;
        Ok(self.next - 1)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use pinotage_client::SegmentZkMetadata;
    use serde_json::json;

    use super::*;
    use crate::upsert::KeySerializer;

    const OLD: &str = "1.1.0";
    const NEW: &str = "1.2.0";

    fn version(text: &str) -> PinotVersion {
        PinotVersion::parse(text).unwrap()
    }

    #[test]
    fn names_are_those_that_the_release_reads() {
        let segment =
            UploadedSegment { table: "t", job: "j", run: "r", epoch: 3, partition: 7, seq: 1, creation_millis: 0 };
        assert_eq!(segment.name(version(NEW)).unwrap(), "j-r__t__7__19700101T0000Z__3-1");
        assert_eq!(segment.name(version(OLD)).unwrap(), "t_j_r_3_7_1");
        for job in ["a__b", "_a"] {
            assert!(UploadedSegment { job, ..segment }.name(version(NEW)).is_err(), "{job}");
            assert!(UploadedSegment { job, ..segment }.name(version(OLD)).is_err(), "{job}");
        }
    }

    #[test]
    fn a_partition_is_written_down_where_nothing_else_says_it() {
        let key = |serializer| StreamKey { columns: vec!["k".into()], serializer, partitions: 8 };
        let table = |map: serde_json::Value, pruners: serde_json::Value| {
            TableConfig::from_document(json!({"tableName": "t", "routing": {"segmentPrunerTypes": pruners},
                "tableIndexConfig": {"segmentPartitionConfig": {"columnPartitionMap": map}}}))
            .unwrap()
        };
        let murmur = |n: u32| json!({"k": {"functionName": "murmur", "numPartitions": n}});
        let said =
            |map, key: &StreamKey, release| partition_metadata(&table(map, json!(null)), key, 5, version(release));
        let (text, long) = (key(KeySerializer::String), key(KeySerializer::Long));
        assert_eq!(said(json!({}), &long, NEW).unwrap(), None);
        assert_eq!(said(murmur(8), &text, OLD).unwrap(), None);
        for (map, key) in
            [(json!({}), &text), (murmur(4), &text), (murmur(8), &long), (json!({"other": murmur(8)["k"]}), &text)]
        {
            let (column, metadata) = said(map, key, OLD).unwrap().unwrap();
            assert_eq!((column.as_str(), metadata.num_partitions, metadata.partitions), ("k", 8, vec![5]));
        }
        assert!(partition_metadata(&table(murmur(8), json!(["partition"])), &long, 5, version(OLD)).is_err());
    }

    #[test]
    fn times_stand_where_ties_want_them() {
        let snapshot = |segments: &[SegmentZkMetadata]| Snapshot {
            segments: segments.iter().map(|segment| (segment.name.clone(), segment.clone())).collect(),
            ..Snapshot::default()
        };
        let of = |status, name, creation| SegmentZkMetadata { status: Some(status), ..segment(name, creation) };
        let live = [of(SegmentStatus::Done, "a", 2_000_000_000), segment("b", 3_000_000_000)];
        let pushed = |name, creation| of(SegmentStatus::Uploaded, name, creation);
        let first = |table: &Snapshot, ties| {
            CreationTimes::of(table, ties, version(NEW), 4_000_000_000).and_then(|mut it| it.take())
        };
        assert_eq!(first(&snapshot(&live), Ties::Live).unwrap(), 1_000_000_000);
        assert_eq!(first(&snapshot(&live), Ties::Backfill).unwrap(), 4_000_000_000);
        assert_eq!(first(&snapshot(&[]), Ties::Live).unwrap(), 3_000_000_000);
        let more = [&live[..], &[pushed("c", 1_000_000_005), pushed("d", 5_000_000_000)]].concat();
        let mut times = CreationTimes::of(&snapshot(&more), Ties::Live, version(NEW), 0).unwrap();
        assert_eq!([times.take().unwrap(), times.take().unwrap()], [1_000_000_006, 1_000_000_007]);
        assert_eq!(first(&snapshot(&more), Ties::Backfill).unwrap(), 5_000_000_001);
        assert!(CreationTimes::of(&snapshot(&live), Ties::Backfill, version(OLD), 0).is_err());
        // Numbers that no clock gives.
        for creation in [i64::MIN, i64::MAX] {
            let senseless = snapshot(&[segment("a", creation), pushed("b", creation)]);
            assert!(first(&senseless, Ties::Live).is_err() || creation == i64::MAX);
            assert!(first(&senseless, Ties::Backfill).is_err() || creation == i64::MIN);
        }
        let full = [&live[..], &[pushed("c", 1_999_999_999)]].concat();
        assert!(first(&snapshot(&full), Ties::Live).is_err());
    }

    pub(in crate::upsert) fn segment(name: &str, creation: i64) -> SegmentZkMetadata {
        SegmentZkMetadata {
            name: name.into(),
            status: Some(SegmentStatus::InProgress),
            creation_millis: Some(creation),
            ..SegmentZkMetadata::default()
        }
    }
}

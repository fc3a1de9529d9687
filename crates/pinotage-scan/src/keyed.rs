//! Tables with primary keys: which segments have to be read together.
//!
//! A row of an upsert table counts until another one of its key comes, perhaps in another segment of its partition. So the
//! segments of a partition are read in one request, and by the same server; and what was read counts when the partition has
//! no new segments since, to which keys could have gone.

use std::collections::{BTreeMap, BTreeSet};

use pinotage_client::{Controller, TableType};
use pinotage_common::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use crate::split::{DirectSegment, Request, Split, ValidPartition, Work};
use crate::view::{HalfView, SegmentView};

/// Partitions of an upsert table, and all segments that they had.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Partitions {
    numbers: BTreeSet<Option<u32>>,
    segments: BTreeSet<String>,
}

impl Partitions {
    /// All segments of a half, those of some partitions of which are to be read.
    fn of(numbers: BTreeSet<Option<u32>>, all: &[SegmentView]) -> Self {
        let ours = all.iter().filter(|segment| numbers.contains(&partition(segment)));
        let segments = ours.map(|segment| segment.name().to_owned()).collect();
        Self { numbers, segments }
    }
}

impl Request {
    /// The request as it has to be now, when its partitions have other segments than they had; `None` when it holds.
    pub(crate) async fn renewed(&self, controller: &Controller, table: &str, half: TableType) -> Result<Option<Self>> {
        let Some(before) = &self.partitions else { return Ok(None) };
        let mut all = HalfView::take(controller, table, half).await?.segments;
        let now = Partitions::of(before.numbers.clone(), &all);
        if now == *before {
            return Ok(None);
        }
        all.retain(|segment| now.segments.contains(segment.name()) && segment.rows() != Some(0));
        let mut candidates = common_servers(&all)?;
        // Whoever was preferred still is.
        candidates.sort_by_key(|server| self.candidates.iter().position(|it| it == server).unwrap_or(usize::MAX));
        let segments = all.into_iter().map(|segment| segment.metadata.name).collect();
        Ok(Some(Self { segments, candidates, partitions: Some(now) }))
    }
}

/// The stream's partition of a segment; segments whose partition is not known stand together.
fn partition(segment: &SegmentView) -> Option<u32> {
    // <table>__<partition>__<sequence>__<time>
    let mut parts = segment.name().rsplit("__");
    if let (Some(_), Some(_), Some(partition), Some(_)) = (parts.next(), parts.next(), parts.next(), parts.next())
        && let Ok(partition) = partition.parse()
    {
        return Some(partition);
    }
    let mut columns = segment.metadata.partitions.values();
    match (columns.next().map(|column| column.partitions.as_slice()), columns.next()) {
        (Some([partition]), None) => Some(*partition),
        _ => None,
    }
}

/// Every segment's partition is known.
pub(crate) fn are_partitioned(segments: &[SegmentView]) -> bool {
    segments.iter().all(|segment| partition(segment).is_some())
}

fn by_partition(segments: Vec<SegmentView>) -> BTreeMap<Option<u32>, Vec<SegmentView>> {
    let mut partitions: BTreeMap<Option<u32>, Vec<SegmentView>> = BTreeMap::new();
    for segment in segments {
        partitions.entry(partition(&segment)).or_default().push(segment);
    }
    partitions
}

/// The servers that have all of these segments.
fn common_servers(segments: &[SegmentView]) -> Result<Vec<String>> {
    let mut sets = segments.iter().map(|segment| segment.replicas.iter().cloned().collect::<BTreeSet<_>>());
    let Some(first) = sets.next() else { return Ok(Vec::new()) };
    let all = sets.fold(first, |all, set| all.intersection(&set).cloned().collect());
    if all.is_empty() {
        let number = segments.first().and_then(partition);
        return Err(Error::new(ErrorKind::Unavailable, "no server has all segments of a partition")
            .with("partition", number.map_or("unknown".to_owned(), |number| number.to_string()))
            .action("wait until the servers have loaded what they are to have"));
    }
    Ok(all.into_iter().collect())
}

/// One request a server: the fewer servers, the more of the answer is of one moment. Where that would be more bytes than a
/// message may have, it is one for some of the partitions. `all` are the segments of an upsert
/// table, also those that are not read.
pub(crate) fn keyed_splits(
    half: usize,
    segments: Vec<SegmentView>,
    all: Option<&[SegmentView]>,
    max_bytes: u64,
    bytes: impl Fn(&SegmentView) -> u64,
) -> Result<Vec<Split>> {
    struct Group {
        bytes: u64,
        candidates: Vec<String>,
        numbers: BTreeSet<Option<u32>>,
        segments: Vec<SegmentView>,
    }
    let mut groups: Vec<Group> = Vec::new();
    for (number, mut segments) in by_partition(segments) {
        let servers = common_servers(&segments)?;
        let more: u64 = segments.iter().map(&bytes).sum();
        // Whoever has one partition is asked for all that it has.
        let asked = |group: &&mut Group| {
            group.candidates.first().is_some_and(|server| servers.contains(server))
                && group.bytes.saturating_add(more) <= max_bytes
        };
        match groups.iter_mut().find(asked) {
            Some(group) => {
                group.candidates.retain(|candidate| servers.contains(candidate));
                group.numbers.insert(number);
                group.bytes = group.bytes.saturating_add(more);
                group.segments.append(&mut segments);
            }
            None => {
                groups.push(Group { candidates: servers, numbers: BTreeSet::from([number]), segments, bytes: more })
            }
        }
    }
    let splits = groups.into_iter().map(|Group { bytes, candidates, numbers, segments }| Split {
        half,
        partition: None,
        expected_bytes: bytes,
        work: Work::Server(Request {
            partitions: all.map(|all| Partitions::of(numbers, all)),
            segments: segments.into_iter().map(|segment| segment.metadata.name).collect(),
            candidates,
        }),
    });
    Ok(splits.collect())
}

/// A split for each partition of an upsert table that is read directly.
pub(crate) fn valid_splits(
    half: usize,
    segments: Vec<SegmentView>,
    all: &[SegmentView],
    bytes: impl Fn(&SegmentView) -> u64,
) -> Result<Vec<Split>> {
    let split = |(number, segments): (Option<u32>, Vec<SegmentView>)| {
        let request = Request {
            segments: segments.iter().map(|segment| segment.name().to_owned()).collect(),
            candidates: common_servers(&segments)?,
            partitions: Some(Partitions::of(BTreeSet::from([number]), all)),
        };
        let expected_bytes = segments.iter().map(&bytes).sum();
        let whole = segments.into_iter().filter(|segment| !segment.only_on_servers);
        let segments: Vec<DirectSegment> = whole.map(DirectSegment::from).collect();
        let work = Work::Valid(ValidPartition { segments, request });
        Ok(Split { half, expected_bytes, partition: None, work })
    };
    by_partition(segments).into_iter().map(split).collect()
}

#[cfg(test)]
mod tests {
    use pinotage_client::SegmentZkMetadata;

    use super::*;

    fn segment(partition: u32, number: u32) -> SegmentView {
        let metadata = SegmentZkMetadata {
            name: format!("t__{partition}__{number}__20260101T0000Z"),
            crc: Some(1),
            total_docs: Some(1),
            ..SegmentZkMetadata::default()
        };
        SegmentView { metadata, only_on_servers: false, replicas: vec!["Server_a_1".into()] }
    }

    #[test]
    fn partitions_are_asked_for_together_as_far_as_a_message_reaches() {
        let all: Vec<SegmentView> =
            (0..4).flat_map(|partition| [segment(partition, 0), segment(partition, 1)]).collect();
        let splits = |max_bytes| {
            let splits = keyed_splits(0, all.clone(), Some(&all), max_bytes, |_| 10).unwrap();
            splits.iter().map(|split| (split.segments().count(), split.expected_bytes)).collect::<Vec<_>>()
        };
        assert_eq!(splits(u64::MAX), [(8, 80)]);
        assert_eq!(splits(50), [(4, 40), (4, 40)]);
        // A partition stays whole.
        assert_eq!(splits(1), [(2, 20); 4]);
    }
}

//! Parts of a scan that are read by themselves.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::keyed::Partitions;
use crate::partitioning::Partitioning;
use crate::view::SegmentView;

/// A part of a scan. It is read as a whole or not at all, at any place.
#[derive(Debug, Clone)]
pub struct Split {
    pub(crate) half: usize,
    pub(crate) work: Work,
    /// About how many bytes it gives.
    pub expected_bytes: u64,
    /// The partition that all its rows are of, if the plan is partitioned.
    pub partition: Option<u32>,
}

/// Who reads a split.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Work {
    /// A server.
    Server(Request),
    /// This process: one segment from where its archive is.
    Direct(DirectSegment),
    /// This process: the rows of an upsert table's partition that count. By a server if they change meanwhile.
    Valid(ValidPartition),
}

/// One request, to any of some servers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Request {
    pub(crate) segments: Vec<String>,
    /// The preferred one first.
    pub(crate) candidates: Vec<String>,
    /// The partitions of an upsert table that the segments are all of.
    pub(crate) partitions: Option<Partitions>,
}

/// A partition of an upsert table, of which all but what still grows is read directly.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ValidPartition {
    pub(crate) segments: Vec<DirectSegment>,
    /// How a server is asked for the whole partition.
    pub(crate) request: Request,
}

/// A segment that is read directly.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DirectSegment {
    pub(crate) name: String,
    pub(crate) url: String,
    pub(crate) crc: Option<u64>,
    pub(crate) size_bytes: Option<u64>,
    /// The servers that have it, too.
    pub(crate) replicas: Vec<String>,
}

impl From<SegmentView> for DirectSegment {
    fn from(segment: SegmentView) -> Self {
        Self {
            url: segment.metadata.download_url.unwrap_or_default(),
            crc: segment.metadata.crc,
            size_bytes: segment.metadata.size_bytes,
            name: segment.metadata.name,
            replicas: segment.replicas,
        }
    }
}

impl Split {
    /// The segments that it reads.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        let (many, one) = match &self.work {
            Work::Server(request) | Work::Valid(ValidPartition { request, .. }) => (request.segments.as_slice(), None),
            Work::Direct(segment) => (&[] as &[String], Some(segment.name.as_str())),
        };
        many.iter().map(String::as_str).chain(one)
    }

    /// The split without the segments that are not wanted; nothing when none is left.
    pub fn retain(&self, wanted: impl Fn(&str) -> bool) -> Option<Self> {
        let mut split = self.clone();
        match &mut split.work {
            Work::Server(Request { segments, .. }) => {
                let all = segments.len() as u64;
                segments.retain(|name| wanted(name));
                split.expected_bytes = split.expected_bytes / all.max(1) * segments.len() as u64;
                (!segments.is_empty()).then_some(split)
            }
            Work::Direct(segment) => wanted(&segment.name).then_some(split),
            // Only together its segments tell which rows count.
            Work::Valid(partition) => partition.request.segments.iter().any(|name| wanted(name)).then(|| self.clone()),
        }
    }

    /// It is a segment that is read directly: whoever reads it again gets its rows in the same order.
    pub fn is_one_segment(&self) -> bool {
        matches!(self.work, Work::Direct(_))
    }

    /// The instance ids of the servers that may be asked for it, the preferred one first; empty when it is read directly.
    pub fn servers(&self) -> &[String] {
        match &self.work {
            Work::Server(request) => &request.candidates,
            Work::Direct(_) | Work::Valid(_) => &[],
        }
    }
}

/// Requests: segments of the same servers, and of the same partition, together, each server in its turn, cut where the answer
/// becomes too large.
pub(crate) fn server_splits(
    half: usize,
    segments: Vec<SegmentView>,
    max_bytes: u64,
    partitioning: Option<&Partitioning>,
    bytes: impl Fn(&SegmentView) -> u64,
) -> Vec<Split> {
    let mut groups: BTreeMap<(Option<u32>, Vec<String>), Vec<SegmentView>> = BTreeMap::new();
    for segment in segments {
        let partition = partitioning.and_then(|it| it.number(&segment));
        groups.entry((partition, segment.replicas.clone())).or_default().push(segment);
    }
    let mut splits: Vec<Split> = Vec::new();
    for ((partition, replicas), segments) in groups {
        // At least one request a replica, so that all of them work; or a partition.
        let total: u64 = segments.iter().map(&bytes).sum();
        let share = if partition.is_some() { total } else { total / replicas.len().max(1) as u64 };
        let max_bytes = max_bytes.min(share);
        let mut left = 0;
        for segment in segments {
            let size = bytes(&segment);
            match splits.last_mut().filter(|_| left > 0) {
                Some(split) if left >= size => {
                    left -= size;
                    split.expected_bytes += size;
                    if let Work::Server(request) = &mut split.work {
                        request.segments.push(segment.metadata.name);
                    }
                }
                _ => {
                    let mut candidates = replicas.clone();
                    let turn = splits.len() % candidates.len().max(1);
                    candidates.rotate_left(turn);
                    left = max_bytes.saturating_sub(size);
                    let request = Request { segments: vec![segment.metadata.name], candidates, partitions: None };
                    splits.push(Split { half, work: Work::Server(request), expected_bytes: size, partition });
                }
            }
        }
    }
    splits
}

pub(crate) fn direct_splits(
    half: usize,
    segments: Vec<SegmentView>,
    partitioning: Option<&Partitioning>,
    bytes: impl Fn(&SegmentView) -> u64,
) -> impl Iterator<Item = Split> {
    segments.into_iter().map(move |segment| Split {
        half,
        expected_bytes: bytes(&segment),
        partition: partitioning.and_then(|it| it.number(&segment)),
        work: Work::Direct(segment.into()),
    })
}

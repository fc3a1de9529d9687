//! Parts of a scan that are read by themselves.

use std::collections::{BTreeMap, BTreeSet};

use pinotage_common::{Error, ErrorKind, Result};

use crate::view::SegmentView;

/// A part of a scan. It is read as a whole or not at all, at any place.
#[derive(Debug, Clone)]
pub struct Split {
    pub(crate) half: usize,
    pub(crate) work: Work,
    /// About how many bytes it gives.
    pub expected_bytes: u64,
}

/// Who reads a split.
#[derive(Debug, Clone)]
pub(crate) enum Work {
    /// One request, to any of the servers.
    Server { segments: Vec<String>, candidates: Vec<String> },
    /// One segment from where its archive is.
    Direct(DirectSegment),
}

/// A segment that is read directly.
#[derive(Debug, Clone)]
pub(crate) struct DirectSegment {
    pub(crate) name: String,
    pub(crate) url: String,
    pub(crate) crc: Option<u64>,
    pub(crate) size_bytes: Option<u64>,
}

impl Split {
    /// The segments that it reads.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        let (many, one) = match &self.work {
            Work::Server { segments, .. } => (segments.as_slice(), None),
            Work::Direct(segment) => (&[] as &[String], Some(segment.name.as_str())),
        };
        many.iter().map(String::as_str).chain(one)
    }

    /// The split without the segments that are not wanted; nothing when none is left.
    pub fn retain(&self, wanted: impl Fn(&str) -> bool) -> Option<Self> {
        let mut split = self.clone();
        match &mut split.work {
            Work::Server { segments, .. } => {
                let all = segments.len() as u64;
                segments.retain(|name| wanted(name));
                split.expected_bytes = split.expected_bytes / all.max(1) * segments.len() as u64;
                (!segments.is_empty()).then_some(split)
            }
            Work::Direct(segment) => wanted(&segment.name).then_some(split),
        }
    }

    /// The instance ids of the servers that may be asked for it, the preferred one first; empty when it is read directly.
    pub fn servers(&self) -> &[String] {
        match &self.work {
            Work::Server { candidates, .. } => candidates,
            Work::Direct(_) => &[],
        }
    }
}

/// Requests: segments of the same servers together, each server in its turn, cut where the answer becomes too large. A
/// table with primary keys gets one request a server, because only together its segments tell which rows count.
pub(crate) fn server_splits(
    half: usize,
    segments: Vec<SegmentView>,
    keyed: bool,
    max_bytes: u64,
    bytes: impl Fn(&SegmentView) -> u64,
) -> Result<Vec<Split>> {
    if keyed {
        return keyed_splits(half, segments, bytes);
    }
    let mut groups: BTreeMap<Vec<String>, Vec<SegmentView>> = BTreeMap::new();
    for segment in segments {
        groups.entry(segment.replicas.clone()).or_default().push(segment);
    }
    let mut splits: Vec<Split> = Vec::new();
    for (replicas, segments) in groups {
        // At least one request a replica, so that all of them work.
        let total: u64 = segments.iter().map(&bytes).sum();
        let max_bytes = max_bytes.min(total / replicas.len().max(1) as u64);
        let mut left = 0;
        for segment in segments {
            let size = bytes(&segment);
            match splits.last_mut().filter(|_| left > 0) {
                Some(split) if left >= size => {
                    left -= size;
                    split.expected_bytes += size;
                    if let Work::Server { segments, .. } = &mut split.work {
                        segments.push(segment.metadata.name);
                    }
                }
                _ => {
                    let mut candidates = replicas.clone();
                    let turn = splits.len() % candidates.len().max(1);
                    candidates.rotate_left(turn);
                    left = max_bytes.saturating_sub(size);
                    let work = Work::Server { segments: vec![segment.metadata.name], candidates };
                    splits.push(Split { half, work, expected_bytes: size });
                }
            }
        }
    }
    Ok(splits)
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

fn keyed_splits(half: usize, segments: Vec<SegmentView>, bytes: impl Fn(&SegmentView) -> u64) -> Result<Vec<Split>> {
    let mut partitions: BTreeMap<Option<u32>, Vec<SegmentView>> = BTreeMap::new();
    for segment in segments {
        partitions.entry(partition(&segment)).or_default().push(segment);
    }
    // Whoever has one partition is asked for all that it has: the fewer servers, the more of the answer is of one moment.
    let mut splits: Vec<(String, BTreeSet<String>, Split)> = Vec::new();
    for (partition, segments) in partitions {
        let mut sets = segments.iter().map(|segment| segment.replicas.iter().cloned().collect::<BTreeSet<_>>());
        let first = sets.next().unwrap_or_default();
        let all = sets.fold(first, |all, set| all.intersection(&set).cloned().collect());
        let Some(first) = all.first().cloned() else {
            return Err(Error::new(ErrorKind::Unavailable, "no server has all segments of a partition")
                .with("partition", partition.map_or("unknown".to_owned(), |number| number.to_string()))
                .action("wait until the servers have loaded what they are to have"));
        };
        let size = segments.iter().map(&bytes).sum();
        let names = segments.into_iter().map(|segment| segment.metadata.name);
        match splits.iter_mut().find(|(server, ..)| all.contains(server)) {
            Some((_, candidates, split)) => {
                candidates.retain(|candidate| all.contains(candidate));
                split.expected_bytes += size;
                if let Work::Server { segments, .. } = &mut split.work {
                    segments.extend(names);
                }
            }
            None => {
                let work = Work::Server { segments: names.collect(), candidates: Vec::new() };
                splits.push((first, all, Split { half, work, expected_bytes: size }));
            }
        }
    }
    let finished = splits.into_iter().map(|(server, others, mut split)| {
        if let Work::Server { candidates, .. } = &mut split.work {
            candidates.push(server.clone());
            candidates.extend(others.into_iter().filter(|other| *other != server));
        }
        split
    });
    Ok(finished.collect())
}

pub(crate) fn direct_splits(
    half: usize,
    segments: Vec<SegmentView>,
    row_bytes: u64,
    shrink: impl Fn(u64) -> u64,
) -> impl Iterator<Item = Split> {
    segments.into_iter().map(move |segment| Split {
        half,
        expected_bytes: shrink(crate::cost::rows(&segment.metadata)).saturating_mul(row_bytes),
        work: Work::Direct(DirectSegment {
            url: segment.metadata.download_url.unwrap_or_default(),
            crc: segment.metadata.crc,
            size_bytes: segment.metadata.size_bytes,
            name: segment.metadata.name,
        }),
    })
}

//! Whether servers have loaded what was pushed.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use pinotage_client::SegmentState;
use pinotage_common::{Error, ErrorKind, Result};

use crate::{LocalSegment, Target};

/// How long to wait for servers, and how often to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// After this time the rest counts as not loaded.
    pub limit: Duration,
    /// The first pause between two questions; it doubles up to 32 times as much, so that a long load asks seldom.
    pub pause: Duration,
}

impl Default for Waiting {
    fn default() -> Self {
        Self { limit: Duration::from_secs(600), pause: Duration::from_millis(100) }
    }
}

/// Waits until every replica of the segments is ONLINE and the cluster keeps them with our checksums and rows.
///
/// `loaded` is told how many are there, whenever it asked.
///
/// # Errors
///
/// `unavailable` naming segment, server and the server's own words when a server could not load one, at once; when the
/// time is over, naming what is missing; `commit-conflict` when a segment is there with other bytes.
pub async fn verify(
    target: &Target,
    segments: &[LocalSegment],
    waiting: &Waiting,
    mut loaded: impl FnMut(usize),
) -> Result<()> {
    let start = Instant::now();
    let mut pause = waiting.pause;
    let mut missing: BTreeSet<&str> = segments.iter().map(|segment| segment.name.as_str()).collect();
    loop {
        let wanted = target.controller.ideal_state(&target.table, target.table_type).await?;
        let found = target.controller.external_view(&target.table, target.table_type).await?;
        for name in std::mem::take(&mut missing) {
            let (replicas, states) = (wanted.get(name), found.get(name));
            let failed = states.and_then(|states| states.iter().find(|(_, state)| **state == SegmentState::Error));
            if let Some((server, _)) = failed {
                return Err(not_loaded(target, name, server).await);
            }
            let online = replicas.is_some_and(|replicas| {
                !replicas.is_empty()
                    && replicas.keys().all(|server| {
                        states.and_then(|states| states.get(server)).is_some_and(|state| *state == SegmentState::Online)
                    })
            });
            if !online {
                missing.insert(name);
            }
        }
        loaded(segments.len() - missing.len());
        if missing.is_empty() {
            break;
        }
        if start.elapsed() + pause > waiting.limit {
            let first = missing.first().copied().unwrap_or_default();
            return Err(Error::new(
                ErrorKind::Unavailable,
                format!(
                    "servers have not loaded {} of {} segments within {} s",
                    missing.len(),
                    segments.len(),
                    waiting.limit.as_secs()
                ),
            )
            .with("table", target.table_type.of(&target.table))
            .with("segment", first)
            .action("look at the servers' health and logs, then run again: what has been pushed stays pushed"));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(waiting.pause * 32);
    }
    let kept = target.controller.all_segment_metadata(&target.table, target.table_type).await?;
    for segment in segments {
        let found = kept.get(&segment.name).map(|found| (found.crc, found.total_docs));
        if found != Some((Some(segment.crc), Some(segment.num_docs))) {
            let (crc, docs) = found.unwrap_or_default();
            return Err(Error::new(
                ErrorKind::CommitConflict,
                format!(
                    "expected `{}` with CRC {} and {} rows in the cluster, found CRC {crc:?} and {docs:?} rows",
                    segment.name, segment.crc, segment.num_docs
                ),
            )
            .action("find out who else pushes segments of this name to the table"));
        }
    }
    Ok(())
}

/// The error of a segment that a server could not load, with the server's reason.
async fn not_loaded(target: &Target, segment: &str, server: &str) -> Error {
    let reason = target.controller.segment_failure(&target.table, target.table_type, segment, server).await;
    let error = Error::new(ErrorKind::Unavailable, "a server could not load a segment")
        .with("table", target.table_type.of(&target.table))
        .with("segment", segment)
        .with("server", server)
        .action("correct what the server says and run again; its log has more");
    match reason {
        Ok(Some(reason)) => error.with("reason", reason),
        Ok(None) => error.with("reason", "the server gives none"),
        Err(unknown) => error.with("reason", "not known").caused_by(unknown),
    }
}

//! Whether servers have loaded what was pushed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use pinotage_client::{SegmentState, SegmentStates};
use pinotage_common::{Error, ErrorKind, Result, Retry};

use crate::publish::PushObserver;
use crate::servers::{Loaded, Servers};
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

/// What servers may have had of the segments before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// Nothing: who has one of them ONLINE has these bytes.
    Nothing,
    /// Older bytes under the same names, which stay ONLINE until the new ones are loaded: each server is asked for the
    /// checksums of what it has loaded. Who cannot be asked is believed, and [`PushObserver::unconfirmed`] told.
    OlderBytes,
}

/// Waits until every replica of the segments is ONLINE and the cluster keeps them with our checksums and rows.
///
/// # Errors
///
/// `unavailable` naming segment, server and the server's own words when a server could not load one, at once; when the time
/// is over, naming what is missing and where; `commit-conflict` when a segment is there with other bytes.
pub async fn verify(
    target: &Target,
    segments: &[LocalSegment],
    before: Before,
    waiting: &Waiting,
    observer: &dyn PushObserver,
) -> Result<()> {
    let start = Instant::now();
    let mut pause = waiting.pause;
    let mut servers = Servers::new(target, observer);
    let mut missing: Vec<&LocalSegment> = segments.iter().collect();
    loop {
        let wanted = target.controller.ideal_state(&target.table, target.table_type).await?;
        let found = target.controller.external_view(&target.table, target.table_type).await?;
        for segment in &missing {
            let failed = found.get(&segment.name).and_then(|states| {
                states.iter().find(|(_, state)| **state == SegmentState::Error).map(|(server, _)| server)
            });
            if let Some(server) = failed {
                return Err(not_loaded(target, &segment.name, server).await);
            }
        }
        let loaded = match before {
            Before::Nothing => Loaded::new(),
            Before::OlderBytes => {
                let named = missing.iter().filter_map(|segment| wanted.get(&segment.name));
                servers.loaded(&named.flat_map(BTreeMap::keys).map(String::as_str).collect()).await
            }
        };
        missing.retain(|segment| lacking(segment, &wanted, &found, &loaded).is_some());
        observer.loaded(segments.len() - missing.len(), segments.len());
        let Some(first) = missing.first() else { break };
        if start.elapsed() + pause > waiting.limit {
            let server = lacking(first, &wanted, &found, &loaded).unwrap_or_default();
            return Err(late(target, first, server, (missing.len(), segments.len()), waiting).await);
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

/// A server that does not have the segment, empty when the segment is no server's yet; none when all have it.
fn lacking<'a>(
    segment: &LocalSegment,
    wanted: &'a SegmentStates,
    found: &SegmentStates,
    loaded: &Loaded,
) -> Option<&'a str> {
    let Some(replicas) = wanted.get(&segment.name).filter(|replicas| !replicas.is_empty()) else { return Some("") };
    let has = |server: &String| {
        let state = found.get(&segment.name).and_then(|states| states.get(server));
        let crcs = loaded.get(server).and_then(Option::as_ref);
        state == Some(&SegmentState::Online) && crcs.is_none_or(|crcs| crcs.get(&segment.name) == Some(&segment.crc))
    };
    replicas.keys().find(|server| !has(server)).map(String::as_str)
}

/// The error of a segment that a server could not load, with the server's reason.
async fn not_loaded(target: &Target, segment: &str, server: &str) -> Error {
    let reason = target.controller.segment_failure(&target.table, target.table_type, segment, server).await;
    let error = Error::new(ErrorKind::Unavailable, "a server could not load a segment")
        .with("table", target.table_type.of(&target.table))
        .with("segment", segment)
        .with("server", server)
        // The server would fail again.
        .retry_as(Retry::Permanent)
        .action("correct what the server says and run again; its log has more");
    match reason {
        Ok(Some(reason)) => error.with("reason", reason),
        Ok(None) => error.with("reason", "the server gives none"),
        Err(unknown) => error.with("reason", "not known").caused_by(unknown),
    }
}

/// The error of a segment that a server has not loaded in time.
async fn late(
    target: &Target,
    first: &LocalSegment,
    server: &str,
    (missing, all): (usize, usize),
    waiting: &Waiting,
) -> Error {
    let limit = waiting.limit.as_secs();
    let mut error = Error::new(
        ErrorKind::Unavailable,
        format!("servers have not loaded {missing} of {all} segments within {limit} s"),
    )
    .with("table", target.table_type.of(&target.table))
    .with("segment", &first.name)
    .action("look at the servers' health and logs, then run again: what has been pushed stays pushed");
    if !server.is_empty() {
        error = error.with("server", server);
        // One that has older bytes stays ONLINE, whatever went wrong with the new ones.
        let reason = target.controller.segment_failure(&target.table, target.table_type, &first.name, server).await;
        if let Ok(Some(reason)) = reason {
            error = error.with("reason", reason);
        }
    }
    error
}

//! What a table holds at one moment.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::try_join;
use pinotage_client::{
    Controller, SegmentState, SegmentStates, SegmentStatus, SegmentZkMetadata, TableType, hidden_segments,
};
use pinotage_common::{Error, ErrorKind, Result};

/// How often the cluster is looked at again when it changed meanwhile.
pub(crate) const LOOKS: usize = 10;

/// The pause before the next look.
pub(crate) const PAUSE: Duration = Duration::from_millis(300);

/// The segments of one half of a table that make up its rows at one moment.
#[derive(Debug, Clone)]
pub(crate) struct HalfView {
    pub(crate) segments: Vec<SegmentView>,
}

/// A segment and who has it.
#[derive(Debug, Clone)]
pub(crate) struct SegmentView {
    pub(crate) metadata: SegmentZkMetadata,
    /// It is still growing, or its archive is not there yet: only servers have its rows.
    pub(crate) only_on_servers: bool,
    /// The servers that have loaded it, by instance id, sorted.
    pub(crate) replicas: Vec<String>,
}

impl SegmentView {
    pub(crate) fn name(&self) -> &str {
        &self.metadata.name
    }

    /// The number of rows, where the cluster knows it.
    pub(crate) fn rows(&self) -> Option<u64> {
        self.metadata.total_docs.filter(|_| !self.only_on_servers)
    }
}

impl HalfView {
    /// Asks for the segments. Replacements and assignments are asked for before and after the rest, until both answers
    /// are the same: what is seen was all there at one moment. A segment that just began is waited for a little, until a
    /// server has it.
    pub(crate) async fn take(controller: &Controller, table: &str, half: TableType) -> Result<Self> {
        let mut before = try_join!(controller.lineage(table, half), controller.ideal_state(table, half))?;
        for look in 1..=LOOKS {
            let (records, view) =
                try_join!(controller.all_segment_metadata(table, half), controller.external_view(table, half))?;
            let after = try_join!(controller.lineage(table, half), controller.ideal_state(table, half))?;
            let hidden = hidden_segments(&after.0);
            if before == after
                && let Some(segments) = segments(&hidden, &after.1, records, &view)
            {
                let began = |segment: &SegmentView| segment.only_on_servers && segment.replicas.is_empty();
                if look == LOOKS || !segments.iter().any(began) {
                    return Ok(Self { segments });
                }
            }
            before = after;
            tokio::time::sleep(PAUSE).await;
        }
        Err(restless(&half.of(table)))
    }

    /// Whether queries see the same rows in both.
    pub(crate) fn has_rows_of(&self, other: &Self) -> bool {
        let rows = |segment: &SegmentView| {
            let metadata = &segment.metadata;
            (metadata.name.clone(), metadata.crc, metadata.end_millis, segment.replicas.is_empty())
        };
        self.segments.iter().map(rows).eq(other.segments.iter().map(rows))
    }
}

/// The view of a table did not come to rest.
pub(crate) fn restless(typed: &str) -> Error {
    Error::new(ErrorKind::Unavailable, "the table changes faster than it can be looked at")
        .with("table", typed)
        .action("try again when fewer segments come and go")
}

/// `None` when a segment is assigned whose record is gone: it is being deleted.
fn segments(
    hidden: &std::collections::BTreeSet<&str>,
    assigned: &SegmentStates,
    mut records: BTreeMap<String, SegmentZkMetadata>,
    view: &SegmentStates,
) -> Option<Vec<SegmentView>> {
    let mut segments = Vec::with_capacity(assigned.len());
    for (name, states) in assigned {
        let is = |wanted: SegmentState| states.values().any(|state| *state == wanted);
        let consuming = is(SegmentState::Consuming);
        if hidden.contains(name.as_str()) || !(consuming || is(SegmentState::Online)) {
            continue;
        }
        let metadata = records.remove(name)?;
        let unfinished = matches!(metadata.status, Some(SegmentStatus::InProgress | SegmentStatus::Committing));
        let serving = |state: &SegmentState| matches!(state, SegmentState::Online | SegmentState::Consuming);
        let replicas = view.get(name).into_iter().flatten().filter(|(_, state)| serving(state));
        segments.push(SegmentView {
            only_on_servers: consuming || unfinished,
            replicas: replicas.map(|(server, _)| server.clone()).collect(),
            metadata,
        });
    }
    Some(segments)
}

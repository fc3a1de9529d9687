//! One half of a table of a cluster, and what it holds now.

use std::collections::{BTreeMap, BTreeSet};

use pinotage_client::{
    Controller, LineageEntry, LineageState, SegmentState, SegmentZkMetadata, TableType, hidden_segments,
};
use pinotage_common::{Error, ErrorKind, Result};

/// One half of a table of a cluster.
#[derive(Debug, Clone)]
pub struct Target {
    /// The cluster's controller.
    pub controller: Controller,
    /// The table's name without its type, with its database if it is not that of the connection.
    pub table: String,
    /// The half.
    pub table_type: TableType,
}

/// What a table holds at one moment.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// What the cluster keeps about every segment, by name. A push that was cut short may leave something here that no
    /// server is to have.
    pub segments: BTreeMap<String, SegmentZkMetadata>,
    /// The segments that servers are to have.
    pub assigned: BTreeSet<String>,
    /// The segments that a server could not load. Pinot never tries again by itself.
    pub failed: BTreeSet<String>,
    /// The replacements, the oldest first.
    pub lineage: Vec<LineageEntry>,
}

impl Target {
    /// The OFFLINE half of a table.
    pub fn offline(controller: Controller, table: impl Into<String>) -> Self {
        Self { controller, table: table.into(), table_type: TableType::Offline }
    }

    /// The REALTIME half of a table.
    pub fn realtime(controller: Controller, table: impl Into<String>) -> Self {
        Self { controller, table: table.into(), table_type: TableType::Realtime }
    }

    /// Controller and table as states remember them: `http://host:9000/sales_OFFLINE`.
    pub fn key(&self) -> String {
        format!("{}/{}", self.controller.address(), self.table_type.of(&self.table))
    }

    /// Asks for everything that the table holds.
    ///
    /// # Errors
    ///
    /// `not-found` when there is no such table.
    pub async fn snapshot(&self) -> Result<Snapshot> {
        let segments = self.controller.all_segment_metadata(&self.table, self.table_type).await;
        let segments = segments.map_err(|error| match error.kind() {
            ErrorKind::NotFound => Error::not_found("there is no such table")
                .with("table", self.key())
                .action("correct its name or create it; check that the address is that of the cluster's controller")
                .caused_by(error),
            _ => error,
        })?;
        let assigned = self.controller.ideal_state(&self.table, self.table_type).await?.into_keys().collect();
        let view = self.controller.external_view(&self.table, self.table_type).await?;
        let failed = view.into_iter().filter(|(_, states)| states.values().any(|state| *state == SegmentState::Error));
        let failed = failed.map(|(name, _)| name).collect();
        let lineage = self.controller.lineage(&self.table, self.table_type).await?;
        Ok(Snapshot { segments, assigned, failed, lineage })
    }
}

impl Snapshot {
    /// The table has such a segment, whole.
    pub fn holds(&self, name: &str) -> bool {
        self.segment(name).is_some()
    }

    /// What the cluster keeps about a segment that the table has.
    pub fn segment(&self, name: &str) -> Option<&SegmentZkMetadata> {
        self.segments.get(name).filter(|_| self.assigned.contains(name))
    }

    /// A replacement that has not ended brings such a segment, or was taken back: queries do not see what has this name.
    pub fn is_brought(&self, name: &str) -> bool {
        let open = |entry: &&LineageEntry| entry.state != LineageState::Completed;
        self.lineage.iter().filter(open).any(|entry| entry.segments_to.iter().any(|it| it == name))
    }

    /// The segments that queries see: not what was replaced, and not what is about to replace it.
    pub fn visible(&self) -> BTreeSet<&str> {
        let hidden = hidden_segments(&self.lineage);
        let held = self.assigned.iter().map(String::as_str).filter(|name| self.segments.contains_key(*name));
        held.filter(|name| !hidden.contains(name)).collect()
    }
}

//! What a manifest says, for a person, while another process may write to it.

use std::path::Path;
use std::time::Duration;

use pinotage_common::{Error, Result};
use rusqlite::{Connection, OpenFlags};
use serde::Serialize;

use super::{Counts, FILE, Manifest, Pending, failed, unseen};

/// What a job that remembers its inputs has built.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InputsStatus {
    /// The id of the run, drawn when the state was made.
    pub run: String,
    /// Runs that had something to do.
    pub runs: u64,
    /// Inputs that are built, those that were put together with others included.
    pub inputs: u64,
    /// Their rows.
    pub counts: Counts,
    /// Segments that were built and belong to the job.
    pub segments: u64,
    /// The rows in them.
    pub segment_rows: u64,
    /// Segments that are in a cluster.
    pub pushed: u64,
    /// Segments that have to go from a cluster.
    pub retired: u64,
    /// Publications that were begun and of which nobody knows yet how they ended.
    pub pending: Vec<PendingStatus>,
}

/// A publication under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PendingStatus {
    /// The table.
    pub target: String,
    /// Segments that come.
    pub to: usize,
    /// Segments that go.
    pub from: usize,
}

const ALL: &str = "
    SELECT run.id, run.epoch,
        (SELECT count(*) FROM input WHERE hash IS NOT NULL AND fingerprint <> '') - (SELECT count(DISTINCT unit) FROM member),
        (SELECT coalesce(sum(read), 0) FROM built), (SELECT coalesce(sum(made), 0) FROM built),
        (SELECT coalesce(sum(written), 0) FROM built), (SELECT coalesce(sum(filtered), 0) FROM built),
        (SELECT coalesce(sum(quarantined), 0) FROM built), (SELECT coalesce(sum(merged), 0) FROM built),
        (SELECT count(*) FROM segment), (SELECT coalesce(sum(docs), 0) FROM segment),
        (SELECT count(*) FROM segment WHERE pushed IS NOT NULL), (SELECT count(*) FROM retired)
    FROM run";

impl Manifest {
    /// What the manifest in a state folder says now, whoever has it; none when there is none.
    ///
    /// # Errors
    ///
    /// `unsupported` for a state of a newer version, and for one of an older version, which the next run brings up to date.
    pub(crate) fn look(state: &Path) -> Result<Option<InputsStatus>> {
        if !Self::exists(state) {
            return Ok(None);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(state.join(FILE), flags).map_err(failed)?;
        connection.busy_timeout(Duration::from_secs(5)).map_err(failed)?;
        // One moment for all of it.
        let connection = connection.transaction().map_err(failed)?;
        if let (_, [_, ..]) = unseen(&connection)? {
            return Err(Error::unsupported("the job's state was written by an older version")
                .action("run the job once: that brings its state up to date"));
        }
        let built = "WITH built AS (SELECT * FROM input WHERE hash IS NOT NULL AND fingerprint <> '')";
        let mut status = connection
            .query_row(&format!("{built} {ALL}"), [], |row| {
                let number = |at| row.get::<_, i64>(at).map(|number| number as u64);
                Ok(InputsStatus {
                    run: row.get(0)?,
                    runs: number(1)?,
                    inputs: number(2)?,
                    counts: Counts {
                        read: number(3)?,
                        made: number(4)?,
                        written: number(5)?,
                        filtered: number(6)?,
                        quarantined: number(7)?,
                        merged: number(8)?,
                    },
                    segments: number(9)?,
                    segment_rows: number(10)?,
                    pushed: number(11)?,
                    retired: number(12)?,
                    pending: Vec::new(),
                })
            })
            .map_err(failed)?;
        let mut statement =
            connection.prepare("SELECT target, publication FROM pending ORDER BY target").map_err(failed)?;
        let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)));
        for row in rows.map_err(failed)? {
            let (target, text) = row.map_err(failed)?;
            let Pending { to, from } = Pending::parse(&text)?;
            status.pending.push(PendingStatus { target, to: to.len(), from: from.len() });
        }
        Ok(Some(status))
    }
}

//! Readers: splits to rows of the table, sent to the writers of their partitions.

use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use pinotage_common::{Error, Result};
use pinotage_connector::{
    BadRow, Cancel, Context, Next, Reader, Refused, Rows, Sink, Source, SplitState, by_partition, row_json,
};
use pinotage_transform::{BadValue, Changes, Conversion};

use super::gate::Gate;
use super::{ToWriter, is_stopped};
use crate::manifest::Counts;
use crate::prepare::Prepared;
use crate::quarantine::{BadRecord, Quarantine};
use crate::run::Observer;
use crate::sql::RowSql;
use crate::unit::SQL_ERROR;

/// How long a reader waits for rows before it looks whether an epoch ends.
const WAIT: Duration = Duration::from_millis(50);

/// What readers have taken since the last epoch, and how far they have come.
pub(super) struct Taken {
    /// By split.
    pub(super) splits: BTreeMap<String, SplitState>,
    /// Splits that nobody reads yet.
    pub(super) queue: VecDeque<SplitState>,
    /// The rows of all epochs.
    pub(super) counts: Counts,
    pub(super) changes: Changes,
    pub(super) bad: Quarantine,
}

/// What all readers share.
pub(super) struct Intake<'a> {
    pub(super) job: &'a Prepared,
    pub(super) source: &'a Arc<dyn Source>,
    pub(super) sink: &'a dyn Sink,
    pub(super) gate: &'a Gate,
    pub(super) taken: &'a Mutex<Taken>,
    pub(super) writers: Vec<SyncSender<ToWriter>>,
    pub(super) observer: &'a dyn Observer,
    pub(super) cancel: &'a Cancel,
}

/// What one reader needs beside that, for rows of some columns.
struct Desk {
    columns: SchemaRef,
    sql: Option<RowSql>,
    conversion: Conversion,
}

impl Desk {
    fn try_new(job: &Prepared, columns: SchemaRef) -> Result<Self> {
        let transform = job.plan.file.transform.as_ref();
        let sql = transform.map(|transform| RowSql::try_new(&transform.sql, &columns)).transpose()?;
        let selected = sql.as_ref().map_or_else(|| SchemaRef::clone(&columns), RowSql::schema);
        Ok(Self { conversion: Conversion::try_new(&job.destined(), &selected)?, sql, columns })
    }
}

impl Intake<'_> {
    /// Reads splits until there are none left, or the job is given up.
    pub(super) fn read(&self, task: u32, context: &Context) -> Result<()> {
        let mut desk = Desk::try_new(self.job, self.source.schema())?;
        // Of a source without an end all splits are read beside each other.
        let mut open: Vec<(String, Box<dyn Reader>)> = Vec::new();
        loop {
            while open.is_empty() || !self.source.is_bounded() {
                let Some(split) = self.next_split(task, context.tasks) else { break };
                let reader = self.source.open(&split.split, split.position.as_ref(), context)?;
                open.push((split.split.id, reader));
            }
            if open.is_empty() {
                return Ok(());
            }
            let wait = WAIT / open.len() as u32;
            let mut at = 0;
            while let Some((split, reader)) = open.get_mut(at) {
                if !self.gate.pass() || self.cancel.is_cancelled() {
                    return Ok(());
                }
                match reader.next(wait)? {
                    Next::Rows(rows) => {
                        // Each file decides for itself what it has as dictionaries.
                        if rows.batch.schema() != desk.columns {
                            desk = Desk::try_new(self.job, rows.batch.schema())?;
                        }
                        self.take(&desk, task, split, rows)?;
                    }
                    Next::Waiting => {}
                    Next::End => {
                        if let Some(state) = self.taken().splits.get_mut(split) {
                            state.ended = true;
                        }
                        open.remove(at);
                        continue;
                    }
                }
                at += 1;
            }
        }
    }

    pub(super) fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A split that nobody reads. Of a source without an end each reader takes its share at once.
    fn next_split(&self, task: u32, tasks: u32) -> Option<SplitState> {
        let mut taken = self.taken();
        if self.source.is_bounded() {
            return taken.queue.pop_front();
        }
        let all: Vec<&String> = taken.splits.keys().collect();
        let own = |split: &SplitState| {
            all.binary_search(&&split.split.id).is_ok_and(|at| at % tasks.max(1) as usize == task as usize)
        };
        let at = taken.queue.iter().position(own)?;
        taken.queue.remove(at)
    }

    /// Rows of a split go to their writers; only then they count.
    fn take(&self, desk: &Desk, task: u32, split: &str, rows: Rows) -> Result<()> {
        let Rows { batch, places, bad, position } = rows;
        let mut counts = Counts { read: (batch.num_rows() + bad.len()) as u64, ..Counts::default() };
        let mut rejected: Vec<BadRecord> = bad.into_iter().map(BadRecord::of_source).collect();
        let reject = |row: u32, fault: (Option<String>, &'static str, String)| {
            let (column, rule, message) = fault;
            let at = row as usize;
            let raw = places.raw(at).unwrap_or_else(|| row_json(&batch, at));
            BadRecord::of_source(BadRow { place: places.place(at), column, rule, message, raw })
        };
        let (selected, origin) = match &desk.sql {
            None => (batch.clone(), None),
            Some(sql) => {
                let selected = sql.apply(&batch)?;
                counts.filtered += (batch.num_rows() - selected.rows.len() - selected.bad.len()) as u64;
                rejected.extend(selected.bad.into_iter().map(|(row, message)| reject(row, (None, SQL_ERROR, message))));
                (selected.batch, Some(selected.rows))
            }
        };
        let converted = desk.conversion.convert_for(&selected, &refusal(self.sink))?;
        counts.filtered += converted.filtered;
        counts.made += converted.made;
        for value in converted.bad {
            let row = origin.as_ref().map_or(Some(value.row), |rows| rows.get(value.row as usize).copied());
            rejected.push(reject(row.unwrap_or_default(), (Some(value.column), value.rule, value.message)));
        }
        counts.written = converted.batch.num_rows() as u64;
        counts.quarantined = rejected.len() as u64;
        if !counts.are_complete() {
            return Err(Error::unexpected(format!("rows are missing: {counts:?}")).with("split", split));
        }
        let read = counts.read;
        self.send(task, converted.batch)?;
        let mut taken = self.taken();
        taken.counts.add(counts);
        taken.changes.add(&converted.changes);
        rejected.into_iter().try_for_each(|row| taken.bad.push(row))?;
        if let Some(state) = taken.splits.get_mut(split) {
            state.position = Some(position);
        }
        let budget = self.job.plan.file.limits.errors;
        if budget.is_spent(taken.counts.quarantined) {
            return Err(too_many(&taken, self.job));
        }
        drop(taken);
        self.observer.advanced(read, 0);
        Ok(())
    }

    /// Each row goes to the writer of its partition; where rows have none, to the writer of their reader.
    pub(super) fn send(&self, task: u32, batch: RecordBatch) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let writer = task % self.writers.len() as u32;
        by_partition(self.sink, batch, writer)?.into_iter().try_for_each(|(partition, part)| self.give(partition, part))
    }

    fn give(&self, partition: u32, batch: RecordBatch) -> Result<()> {
        let writer = &self.writers[partition as usize % self.writers.len()];
        // Who has gone says why himself.
        writer.send(ToWriter::Rows(partition, batch)).map_err(|_| is_stopped())
    }
}

/// What a sink does not take, as bad values.
pub(super) fn refusal(sink: &dyn Sink) -> impl Fn(&RecordBatch) -> Result<Vec<BadValue>> + '_ {
    |batch| {
        let bad = |Refused { row, column, rule, message }| BadValue {
            row,
            column: column.unwrap_or_default(),
            rule,
            message,
            value: String::new(),
        };
        Ok(sink.refused(batch)?.into_iter().map(bad).collect())
    }
}

/// The error of a job with too many bad rows.
pub(super) fn too_many(taken: &Taken, job: &Prepared) -> Error {
    let limit = job.plan.file.limits.errors;
    Error::invalid_data(format!("more than {limit} bad rows, of this epoch the first: {}", taken.bad.first()))
        .action("correct these rows, or raise `limits.errors`; then run again: the job goes on behind the last epoch")
}

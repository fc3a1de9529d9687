//! SQL over many rows: all splits of a source that has an end as one table, in one epoch.

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::compute::cast;
use pinotage_common::{Error, Result};
use pinotage_connector::{Context, Next, Position, Source, Split, row_json};
use pinotage_transform::Conversion;

use super::intake::{Intake, refusal, too_many};
use crate::manifest::Counts;
use crate::quarantine::BadRecord;
use crate::sql::{self, WholeSql};

/// How long a split is waited for.
const WAIT: Duration = Duration::from_millis(50);

/// The splits as the table `source`.
struct Splits {
    source: Arc<dyn Source>,
    splits: Vec<Split>,
    context: Context,
    found: Mutex<Found>,
}

#[derive(Default)]
struct Found {
    /// Good and bad rows of each split, and where it ends. A SELECT that names the table twice reads it twice and counts it once.
    rows: BTreeMap<String, (u64, u64, Option<Position>)>,
    bad: Vec<BadRecord>,
    read: u64,
    failure: Option<Error>,
}

impl Splits {
    fn found(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn scan_split(&self, split: &Split, send: &mut dyn FnMut(RecordBatch) -> bool) -> Result<bool> {
        let mut reader = self.source.open(split, None, &self.context)?;
        let (mut good, mut bad) = (0, 0);
        loop {
            let rows = match reader.next(WAIT)? {
                Next::Rows(rows) => rows,
                Next::Waiting if self.context.cancel.is_cancelled() => return Ok(false),
                Next::Waiting => continue,
                Next::End => return Ok(true),
            };
            good += rows.batch.num_rows() as u64;
            {
                let mut found = self.found();
                let told = found.rows.get(&split.id).cloned().unwrap_or_default();
                for row in rows.bad {
                    bad += 1;
                    if bad > told.1 {
                        found.bad.push(BadRecord::of_source(row));
                    }
                }
                found.read += (good + bad).saturating_sub(told.0 + told.1);
                let position = told.2.max(Some(rows.position));
                found.rows.insert(split.id.clone(), (told.0.max(good), told.1.max(bad), position));
            }
            if !send(plain(&rows.batch, &*self.source)?) {
                return Ok(false);
            }
        }
    }
}

/// The types that the SQL was planned for.
fn plain(batch: &RecordBatch, source: &dyn Source) -> Result<RecordBatch> {
    let schema = source.schema();
    let failed = |error| Error::unexpected("cannot give rows the columns of their source").caused_by(error);
    let columns = batch.columns().iter().zip(schema.fields()).map(|(column, field)| cast(column, field.data_type()));
    RecordBatch::try_new(Arc::clone(&schema), columns.collect::<std::result::Result<_, _>>().map_err(failed)?)
        .map_err(failed)
}

impl sql::Source for Splits {
    fn scan(&self, send: &mut dyn FnMut(RecordBatch) -> bool) -> Result<()> {
        for split in &self.splits {
            if !self.scan_split(split, send)? {
                break;
            }
        }
        Ok(())
    }

    fn fail(&self, error: Error) {
        self.found().failure.get_or_insert(error);
    }

    fn failure(&self) -> Option<Error> {
        self.found().failure.take()
    }
}

impl Intake<'_> {
    /// Reads everything through the SQL. Nothing counts before the last row: who dies on the way begins anew.
    pub(super) fn read_whole(&self, task: u32, memory: usize, context: &Context) -> Result<()> {
        let job = self.job;
        let Some(transform) = &job.plan.file.transform else {
            return Err(Error::unexpected("SQL over all rows that is not there"));
        };
        let spill = job.plan.staging.join("sql");
        let _ = fs::remove_dir_all(&spill);
        fs::create_dir_all(&spill).map_err(|error| Error::io(error, "cannot create the staging folder", &spill))?;
        let splits = self.taken().queue.iter().map(|state| state.split.clone()).collect();
        let source = Arc::clone(self.source);
        let splits = Arc::new(Splits { source, splits, context: context.clone(), found: Mutex::default() });
        let mut rows = WholeSql::start(&transform.sql, &self.source.schema(), Arc::clone(&splits), memory, &spill)?;
        let conversion = Conversion::try_new(&job.destined(), &job.selected)?;
        let made: Arc<str> = "transform.sql".into();
        let (mut counts, mut first, mut shown) = (Counts::default(), 0, 0);
        loop {
            let next = rows.next(&mut || {
                let (bad, read) = {
                    let mut found = splits.found();
                    (std::mem::take(&mut found.bad), found.read)
                };
                self.observer.advanced(read - shown, 0);
                shown = read;
                self.quarantine(bad)?;
                self.cancel.check()
            })?;
            let Some(batch) = next else { break };
            let converted = conversion.convert_for(&batch, &refusal(self.sink))?;
            counts.made += batch.num_rows() as u64 + converted.made;
            counts.filtered += converted.filtered;
            counts.written += converted.batch.num_rows() as u64;
            let bad = converted.bad.into_iter().map(|value| BadRecord {
                file: Arc::clone(&made),
                row_number: first + u64::from(value.row),
                line: None,
                offset: None,
                column: Some(value.column),
                rule: value.rule,
                message: value.message,
                raw: row_json(&batch, value.row as usize),
            });
            self.quarantine(bad.collect())?;
            first += batch.num_rows() as u64;
            self.taken().changes.add(&converted.changes);
            self.send(task, converted.batch)?;
        }
        drop(rows);
        let _ = fs::remove_dir_all(&spill);
        let found = std::mem::take(&mut *splits.found());
        let mut taken = self.taken();
        for (good, bad, _) in found.rows.values() {
            counts.read += good + bad;
            counts.filtered += good;
        }
        taken.counts.add(counts);
        taken.queue.clear();
        for (id, state) in &mut taken.splits {
            state.ended = true;
            state.position = found.rows.get(id).and_then(|(.., position)| position.clone());
        }
        match taken.counts.are_complete() {
            true => Ok(()),
            false => Err(Error::unexpected(format!("rows are missing: {:?}", taken.counts))),
        }
    }

    /// Bad rows, counted.
    fn quarantine(&self, bad: Vec<BadRecord>) -> Result<()> {
        let mut taken = self.taken();
        taken.counts.quarantined += bad.len() as u64;
        bad.into_iter().try_for_each(|row| taken.bad.push(row))?;
        match self.job.plan.file.limits.errors.is_spent(taken.counts.quarantined) {
            true => Err(too_many(&taken, self.job)),
            false => Ok(()),
        }
    }
}

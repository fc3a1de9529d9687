//! A split on its way to Java.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use futures::StreamExt as _;
use pinotage_common::{Error, ErrorKind, Result};
use pinotage_scan::{AggregateRequest, Batches, ScanPlan};
use tokio::sync::{Mutex, watch};

use crate::groups;
use crate::scan_table::{ReadTable, Task, aggregate_schema};

/// The form of splits.
const FORM: u32 = 1;

impl Task {
    /// The split as bytes, for states and other processes: its form (4, big-endian), then JSON.
    ///
    /// # Errors
    ///
    /// `unexpected` for what is no JSON.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut bytes = FORM.to_be_bytes().to_vec();
        serde_json::to_writer(&mut bytes, self)
            .map_err(|error| Error::unexpected("a split can be written as JSON").caused_by(error))?;
        Ok(bytes)
    }

    /// Reads what [`Task::to_bytes`] gives.
    ///
    /// # Errors
    ///
    /// `unsupported` for another form; `invalid-data` for what is no split.
    pub(crate) fn of_bytes(bytes: &[u8]) -> Result<Self> {
        let senseless = || Error::invalid_data("bytes of a split make no sense").action("restore an intact state");
        let (form, text) = bytes.split_first_chunk().ok_or_else(senseless)?;
        match u32::from_be_bytes(*form) {
            FORM => serde_json::from_slice(text).map_err(|error| senseless().caused_by(error)),
            other => Err(Error::unsupported(format!("a split has form {other}, and this version reads {FORM}"))
                .action("read it with the version that planned it, or plan again")),
        }
    }
}

/// What a reader has at the moment.
pub(crate) enum Next {
    Batch(RecordBatch),
    NotYet,
    End,
}

/// Reads a split.
pub(crate) struct Reader {
    batches: Mutex<Source>,
    cancelled: watch::Sender<bool>,
    schema: SchemaRef,
    /// Reading it again gives the rows in the same order.
    pub(crate) repeatable: bool,
    // Last: what reads lets go of its threads first.
    table: Arc<ReadTable>,
}

/// Where batches come from.
struct Source {
    batches: Batches,
    plan: Arc<ScanPlan>,
    aggregate: Option<Aggregation>,
    /// Rows that are still wanted.
    left: u64,
}

struct Aggregation {
    request: AggregateRequest,
    /// Servers aggregate; if they cannot, rows are read.
    by_servers: bool,
    /// Something was given.
    begun: bool,
}

impl Reader {
    /// Begins to read.
    pub(crate) fn open(task: Task) -> Result<Self> {
        let Task { origin, split, aggregate, first } = task;
        let table = ReadTable::shared(&origin)?;
        let scanner = &table.scanner;
        let mut plan = scanner.planned(split)?;
        let io = table.threads.io()?;
        let _entered = io.enter();
        if let Some(request) = aggregate {
            let schema = aggregate_schema(&plan.schema, &request)?;
            let by_servers = scanner.aggregated(&plan, &request).map(Arc::new);
            let plan = Arc::new(plan);
            let begun = |split: &pinotage_scan::Split| match &by_servers {
                Some(by_servers) => scanner.aggregate(by_servers, split),
                None => scanner.read(&plan, split),
            };
            let batches = begun(only(&plan)?);
            let aggregate = Some(Aggregation { request, by_servers: by_servers.is_some(), begun: false });
            let source = Source { batches, plan, aggregate, left: u64::MAX };
            return Ok(Self::of(source, schema, false, Arc::clone(&table)));
        }
        if let Some(first) = first
            && let Some(top) = scanner.first_rows(&plan, &first.order, first.rows)
        {
            plan = top;
        }
        let schema = table.decimals.schema(&plan.schema);
        let repeatable = only(&plan)?.is_one_segment();
        let left = plan.limit.filter(|_| plan.exact).unwrap_or(u64::MAX);
        let plan = Arc::new(plan);
        let source = Source { batches: scanner.read(&plan, only(&plan)?), plan, aggregate: None, left };
        Ok(Self::of(source, schema, repeatable, Arc::clone(&table)))
    }

    fn of(source: Source, schema: SchemaRef, repeatable: bool, table: Arc<ReadTable>) -> Self {
        Self { batches: Mutex::new(source), cancelled: watch::Sender::new(false), schema, repeatable, table }
    }

    /// The columns of all batches.
    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The next batch, if it comes in time; nothing comes behind an error.
    pub(crate) fn next(&self, wait: Duration) -> Result<Next> {
        let mut cancelled = self.cancelled.subscribe();
        self.table.threads.io()?.block_on(async {
            let mut source = self.batches.lock().await;
            tokio::select! {
                biased;
                _ = cancelled.wait_for(|is| *is) => {
                    Err(Error::new(ErrorKind::Cancelled, "the reader was asked to stop"))
                }
                next = source.next(&self.table, &self.schema) => next,
                () = tokio::time::sleep(wait) => Ok(Next::NotYet),
            }
        })
    }

    /// Ends the reading, from any thread.
    pub(crate) fn cancel(&self) {
        self.cancelled.send_replace(true);
    }
}

impl Source {
    /// May be dropped while it waits: nothing is lost then.
    async fn next(&mut self, table: &ReadTable, schema: &SchemaRef) -> Result<Next> {
        loop {
            if self.left == 0 {
                return Ok(Next::End);
            }
            let batch = match self.batches.next().await {
                None => return Ok(Next::End),
                Some(Ok(batch)) if batch.num_rows() == 0 => continue,
                Some(Ok(batch)) => batch,
                Some(Err(error)) => match &mut self.aggregate {
                    // More groups than servers take: the rows come instead, as nothing has come yet.
                    Some(aggregation)
                        if aggregation.by_servers
                            && !aggregation.begun
                            && error.kind() == ErrorKind::ResourceExhausted =>
                    {
                        aggregation.by_servers = false;
                        self.batches = table.scanner.read(&self.plan, only(&self.plan)?);
                        continue;
                    }
                    _ => return Err(error),
                },
            };
            let batch = match &mut self.aggregate {
                Some(aggregation) => {
                    aggregation.begun = true;
                    match aggregation.by_servers {
                        true => renamed(&batch, schema)?,
                        false => groups::of_rows(&batch, &aggregation.request, schema)?,
                    }
                }
                None => table.decimals.convert(batch, schema)?,
            };
            let rows = (batch.num_rows() as u64).min(self.left);
            self.left -= rows;
            return Ok(Next::Batch(batch.slice(0, rows as usize)));
        }
    }
}

/// A plan that came as a split has one.
fn only(plan: &ScanPlan) -> Result<&pinotage_scan::Split> {
    plan.splits.first().ok_or_else(|| Error::unexpected("a plan of a split has it"))
}

fn renamed(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), batch.columns().to_vec(), &options)
        .map_err(|error| Error::unexpected("cannot make a batch").caused_by(error))
}

//! A split on its way to Java.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use futures::StreamExt as _;
use pinotage_common::{Error, ErrorKind, Result};
use pinotage_scan::{AggregateRequest, Batches, ScanPlan};
use serde::Serialize;
use tokio::sync::{Mutex, watch};

use crate::groups;
use crate::scan_table::{Origin, Part, ReadTable, aggregate_schema};

/// The form of splits.
const FORM: u32 = 1;

/// A split with all that its reading needs. As bytes, for states and other processes, it is its form and the length of its
/// table (4 bytes each, big-endian), then both as JSON.
#[derive(Debug)]
pub(crate) struct Task {
    origin: Origin,
    part: Part,
}

fn json<T: Serialize>(value: &T) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|error| Error::unexpected("a split can be written as JSON").caused_by(error))
}

/// What the bytes of all splits of a plan begin with.
pub(crate) fn head(origin: &Origin) -> Result<Vec<u8>> {
    let table = json(origin)?;
    let length = u32::try_from(table.len()).map_err(|_| Error::unsupported("the table has too large a schema"))?;
    Ok([&FORM.to_be_bytes()[..], &length.to_be_bytes(), &table].concat())
}

/// What stands behind it.
pub(crate) fn tail(part: &Part) -> Result<Vec<u8>> {
    json(part)
}

impl Task {
    /// Reads a split.
    ///
    /// # Errors
    ///
    /// `unsupported` for another form; `invalid-data` for what is no split.
    pub(crate) fn of_bytes(bytes: &[u8]) -> Result<Self> {
        let senseless = || Error::invalid_data("bytes of a split make no sense").action("restore an intact state");
        let (form, rest) = bytes.split_first_chunk().ok_or_else(senseless)?;
        match u32::from_be_bytes(*form) {
            FORM => {}
            other => {
                return Err(Error::unsupported(format!("a split has form {other}, and this version reads {FORM}"))
                    .action("read it with the version that planned it, or plan again"));
            }
        }
        let (length, rest) = rest.split_first_chunk().ok_or_else(senseless)?;
        let (table, part) = rest.split_at_checked(u32::from_be_bytes(*length) as usize).ok_or_else(senseless)?;
        let bad = |error| senseless().caused_by(error);
        Ok(Self {
            origin: serde_json::from_slice(table).map_err(bad)?,
            part: serde_json::from_slice(part).map_err(bad)?,
        })
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
        let Task { origin, part: Part { split, aggregate, first } } = task;
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

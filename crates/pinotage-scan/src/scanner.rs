//! Reads the splits of a plan.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures::Stream;
use pinotage_client::Controller;
use pinotage_common::{Error, Result};
use pinotage_store::Store;
use roaring::RoaringBitmap;
use tokio::sync::{OnceCell, Semaphore, mpsc};
use tokio::task::JoinHandle;

use crate::aggregate::{AggregatePlan, AggregateRequest};
use crate::cache::{SegmentCache, blocking};
use crate::direct::DirectRead;
use crate::options::{Nulls, ScanOptions};
use crate::outlived::explained;
use crate::pace::Pace;
use crate::plan::{ScanPlan, ScanRequest};
use crate::server::Answer;
use crate::servers::Servers;
use crate::split::{DirectSegment, Split, Work};
use crate::spool::Budget;
use crate::table::Table;
use crate::top::OrderKey;

/// Batches that wait for whoever reads a split.
const WAITING: usize = 2;

/// Batches of direct reading that fit into the memory of a scan: some segments are read at the same time, and some batches of
/// each are on their way.
const BATCHES_IN_MEMORY: u64 = 32;

/// Smaller batches cost more time than they save memory.
const MIN_BATCH_BYTES: u64 = 64 << 10;

/// Where the batches of a split go.
type Sender = mpsc::Sender<Result<RecordBatch>>;

/// Reads a table. Clones share connections, limits and the cache of segments.
#[derive(Clone)]
pub struct Scanner(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) table: Table,
    pub(crate) options: ScanOptions,
    pub(crate) budget: Arc<Budget>,
    pub(crate) pace: Pace,
    pub(crate) servers: Servers,
    pub(crate) store: Store,
    cache: OnceCell<SegmentCache>,
    gates: Mutex<HashMap<String, Arc<Semaphore>>>,
}

impl Scanner {
    /// A reader of a table; nothing is sent.
    ///
    /// # Errors
    ///
    /// `invalid-config` for options that cannot work.
    pub fn new(table: Table, store: Store, options: ScanOptions) -> Result<Self> {
        options.validate()?;
        Ok(Self(Arc::new(Inner {
            budget: Budget::new(options.memory.bytes(), options.spill.clone()),
            pace: Pace::new(options.rows_per_second),
            servers: Servers::new(&table.controller, &options)?,
            store,
            cache: OnceCell::new(),
            gates: Mutex::default(),
            table,
            options,
        })))
    }

    /// The table.
    pub fn table(&self) -> &Table {
        &self.0.table
    }

    /// How it is read.
    pub fn options(&self) -> &ScanOptions {
        &self.0.options
    }

    /// Plans a scan: looks at the cluster and decides. Nothing is read of the segments, but for one question to the deep store
    /// whether it lets us in.
    ///
    /// # Errors
    ///
    /// `schema-mismatch` for columns that the table does not have; `unavailable` when a segment is on no server and cannot
    /// be read directly; `unsupported` when nobody can read the table exactly; those of asking the cluster.
    pub async fn plan(&self, request: &ScanRequest) -> Result<ScanPlan> {
        ScanPlan::make(&self.0, request).await
    }

    /// Reads a split of a plan. An answer of a server is given only when all of it is there. Has to be called in a tokio
    /// runtime; dropping the batches ends the reading.
    ///
    /// Errors come as items; nothing follows one. `commit-conflict` when segments of the split were deleted or replaced after
    /// the plan was made: a new plan may be read.
    pub fn read(&self, plan: &Arc<ScanPlan>, split: &Split) -> Batches {
        let (inner, plan, split) = (Arc::clone(&self.0), Arc::clone(plan), split.clone());
        let schema = Arc::clone(&plan.schema);
        let read = |sender| async move { inner.read(&plan, &split, &sender).await };
        Batches::spawn(schema, read)
    }

    /// Lets servers answer about the rows of a plan, where that gives exactly what the rows would.
    pub fn aggregated(&self, plan: &ScanPlan, request: &AggregateRequest) -> Option<AggregatePlan> {
        AggregatePlan::make(&self.0.table, plan, request)
    }

    /// Lets servers leave out rows that are not among the first ones of an order, where that is exact: the first rows of the
    /// table are among the rows of the plan. They come in any order, and there may be as many of each split.
    ///
    /// Nothing above 10,000 rows, which servers hold in memory.
    pub fn first_rows(&self, plan: &ScanPlan, order: &[OrderKey], rows: u64) -> Option<ScanPlan> {
        plan.first_rows(&self.0.table, order, rows)
    }

    /// What the rows of a split come to: one row for each group, or one for all. Groups of other splits may be the same.
    ///
    /// Errors come as items, as for [`Scanner::read`]; `resource-exhausted` when there are more groups than servers take.
    pub fn aggregate(&self, plan: &Arc<AggregatePlan>, split: &Split) -> Batches {
        let (inner, plan, split) = (Arc::clone(&self.0), Arc::clone(plan), split.clone());
        Batches::spawn(Arc::clone(plan.schema()), |sender| async move {
            let Work::Server(request) = &split.work else {
                return Err(Error::unexpected("servers aggregate what they have"));
            };
            let half = plan.rows().half(&split);
            inner.give(crate::server::read(&inner, &plan, half, request).await?, &sender).await
        })
    }
}

impl Inner {
    /// How many requests a server gets at a time.
    pub(crate) fn gate(&self, server: &str) -> Arc<Semaphore> {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        let gate = gates.entry(server.to_owned());
        Arc::clone(gate.or_insert_with(|| Arc::new(Semaphore::new(self.options.requests_per_server))))
    }

    pub(crate) fn controller(&self) -> &Controller {
        &self.table.controller
    }

    async fn read(self: &Arc<Self>, plan: &Arc<ScanPlan>, split: &Split, sender: &Sender) -> Result<()> {
        let answer = match &split.work {
            Work::Server(request) => crate::server::read(self, plan, plan.half(split), request).await?,
            Work::Valid(partition) => crate::valid::read(self, plan, split, partition).await?,
            Work::Direct(segment) => {
                return match self.read_direct(plan, split, segment, None, sender).await {
                    Err(error) => Err(explained(self, plan.half(split), split.segments(), error).await),
                    read => read,
                };
            }
        };
        self.give(answer, sender).await
    }

    /// Gives a complete answer.
    async fn give(self: &Arc<Self>, answer: Answer, sender: &Sender) -> Result<()> {
        let (spool, _permit) = answer;
        let (inner, sender, runtime) = (Arc::clone(self), sender.clone(), tokio::runtime::Handle::current());
        blocking(move || {
            spool.give(&mut |batch| {
                (0..batch.num_rows()).step_by(inner.options.batch_rows).all(|at| {
                    let batch = batch.slice(at, inner.options.batch_rows.min(batch.num_rows() - at));
                    runtime.block_on(inner.pace.pass(batch.num_rows()));
                    sender.blocking_send(Ok(batch)).is_ok()
                })
            })
        })
        .await
    }

    /// Gives the rows of a segment, or of some of its docs, as they are decoded.
    pub(crate) async fn read_direct(
        self: &Arc<Self>,
        plan: &Arc<ScanPlan>,
        split: &Split,
        segment: &DirectSegment,
        docs: Option<RoaringBitmap>,
        sender: &Sender,
    ) -> Result<()> {
        let half = plan.half(split);
        let typed = half.table_type.of(self.table.name());
        let located = |error: Error| error.with("table", &typed).with("segment", &segment.name);
        let cache = self
            .cache
            .get_or_try_init(|| async {
                SegmentCache::new(self.options.cache.as_deref(), self.options.cache_size.bytes())
            })
            .await?;
        let crc = segment.crc.ok_or_else(|| {
            located(
                Error::unsupported("the cluster does not tell the segment's CRC").action("read with `reader=server`"),
            )
        })?;
        let qualified = self.controller().http().qualified(&typed);
        let fetch = |archive: std::path::PathBuf| async move { self.fetch(&qualified, segment, &archive).await };
        let opened = cache.get(&typed, &segment.name, crc, fetch).await.map_err(located)?;
        let (inner, plan, split, sender) = (Arc::clone(self), Arc::clone(plan), split.clone(), sender.clone());
        let runtime = tokio::runtime::Handle::current();
        // Rows of some docs wait until those of all segments are there, and are given later.
        let paced = docs.is_none();
        blocking(move || {
            let half = plan.half(&split);
            let read = DirectRead {
                batch_schema: &plan.schema,
                table_schema: inner.table.schema(),
                predicate: half.predicate.as_ref(),
                batch_rows: inner.options.batch_rows,
                batch_bytes: (inner.options.memory.bytes() / BATCHES_IN_MEMORY).max(MIN_BATCH_BYTES) as usize,
                nulls: plan.nulls == Nulls::Sql,
                nullable: &|column| inner.table.is_nullable(column, plan.nulls),
            };
            read.read(&opened, docs, &mut |batch| {
                if paced {
                    runtime.block_on(inner.pace.pass(batch.num_rows()));
                }
                sender.blocking_send(Ok(batch)).is_ok()
            })
        })
        .await
        .map_err(located)?;
        // Nobody reads it any more.
        cache.make_room();
        Ok(())
    }
}

/// The batches of a split, see [`Scanner::read`].
pub struct Batches {
    schema: SchemaRef,
    receiver: mpsc::Receiver<Result<RecordBatch>>,
    task: JoinHandle<()>,
    ended: bool,
}

impl Batches {
    /// Reads in a task of its own.
    fn spawn<F: Future<Output = Result<()>> + Send + 'static>(
        schema: SchemaRef,
        read: impl FnOnce(Sender) -> F,
    ) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING);
        let reading = read(sender.clone());
        let task = tokio::spawn(async move {
            if let Err(error) = reading.await {
                // Whoever does not listen any more does not want to know.
                let _ = sender.send(Err(error)).await;
            }
        });
        Self { schema, receiver, task, ended: false }
    }

    /// The columns of every batch.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }
}

impl Stream for Batches {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let polled = self.receiver.poll_recv(context);
        match polled {
            Poll::Ready(Some(Ok(batch))) => Poll::Ready(Some(Ok(batch))),
            Poll::Ready(Some(Err(error))) => {
                self.ended = true;
                Poll::Ready(Some(Err(error)))
            }
            // All was sent, unless the task broke down: what it had left to send would be missing.
            Poll::Ready(None) => match Future::poll(Pin::new(&mut self.task), context) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(outcome) => {
                    self.ended = true;
                    Poll::Ready(
                        outcome.err().map(|error| Err(Error::unexpected("a reader broke down").caused_by(error))),
                    )
                }
            },
            Poll::Pending => Poll::Pending,
        }
    }
}

impl Drop for Batches {
    fn drop(&mut self) {
        self.task.abort();
    }
}

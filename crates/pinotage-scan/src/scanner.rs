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
use pinotage_store::{Location, Store};
use tokio::sync::{OnceCell, Semaphore, mpsc};
use tokio::task::JoinHandle;

use crate::cache::{SegmentCache, blocking};
use crate::direct::DirectRead;
use crate::options::{Nulls, ScanOptions};
use crate::pace::Pace;
use crate::plan::{ScanPlan, ScanRequest};
use crate::server::Servers;
use crate::split::{DirectSegment, Split, Work};
use crate::spool::Budget;
use crate::table::Table;

/// Batches that wait for whoever reads a split.
const WAITING: usize = 2;

/// Reads a table. Clones share connections, limits and the cache of segments.
#[derive(Clone)]
pub struct Scanner(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) table: Table,
    pub(crate) options: ScanOptions,
    pub(crate) budget: Arc<Budget>,
    pub(crate) pace: Pace,
    pub(crate) servers: Servers,
    store: Store,
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
            servers: Servers::new(&table.controller)?,
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

    /// Plans a scan, see [`ScanPlan::make`].
    ///
    /// # Errors
    ///
    /// Those of [`ScanPlan::make`].
    pub async fn plan(&self, request: &ScanRequest) -> Result<ScanPlan> {
        ScanPlan::make(&self.0.table, request, &self.0.options, &self.0.store).await
    }

    /// Reads a split of a plan. An answer of a server is given only when all of it is there. Has to be called in a tokio
    /// runtime; dropping the batches ends the reading.
    ///
    /// Errors come as items; nothing follows one.
    pub fn read(&self, plan: &Arc<ScanPlan>, split: &Split) -> Batches {
        let (sender, receiver) = mpsc::channel(WAITING);
        let (inner, plan, split) = (Arc::clone(&self.0), Arc::clone(plan), split.clone());
        let schema = Arc::clone(&plan.schema);
        let task = tokio::spawn(async move {
            let read = match &split.work {
                Work::Server { segments, candidates } => {
                    crate::server::read(&inner, &plan, &split, segments, candidates, &sender).await
                }
                Work::Direct(segment) => inner.read_direct(&plan, &split, segment, &sender).await,
            };
            if let Err(error) = read {
                // Whoever does not listen any more does not want to know.
                let _ = sender.send(Err(error)).await;
            }
        });
        Batches { schema, receiver, task, ended: false }
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

    async fn read_direct(
        self: &Arc<Self>,
        plan: &Arc<ScanPlan>,
        split: &Split,
        segment: &DirectSegment,
        sender: &mpsc::Sender<Result<RecordBatch>>,
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
        let fetch = |archive: std::path::PathBuf| async move { self.fetch(segment, &archive).await };
        let opened = cache.get(&typed, &segment.name, crc, fetch).await.map_err(located)?;
        let (inner, plan, split, sender) = (Arc::clone(self), Arc::clone(plan), split.clone(), sender.clone());
        let runtime = tokio::runtime::Handle::current();
        blocking(move || {
            let half = plan.half(&split);
            let read = DirectRead {
                batch_schema: &plan.schema,
                table_schema: inner.table.schema(),
                predicate: half.predicate.as_ref(),
                batch_rows: inner.options.batch_rows,
                nulls: plan.nulls == Nulls::Sql,
                nullable: &|column| inner.table.is_nullable(column, plan.nulls),
            };
            read.read(&opened, &mut |batch| {
                runtime.block_on(inner.pace.pass(batch.num_rows()));
                sender.blocking_send(Ok(batch)).is_ok()
            })
        })
        .await
        .map_err(located)?;
        // Nobody reads it any more.
        cache.make_room();
        Ok(())
    }

    /// Writes a segment's archive to a file.
    async fn fetch(&self, segment: &DirectSegment, archive: &std::path::Path) -> Result<()> {
        if is_controllers(&segment.url, self.table.name(), &segment.name) {
            // By the address that we know: the one in the record need not be reachable from here.
            let table = self.controller().http().qualified(self.table.name());
            return self.controller().download_segment(&table, &segment.name, archive).await.map(drop);
        }
        let limit = segment.size_bytes.map_or(u64::MAX, |bytes| bytes.saturating_mul(2));
        let location = Location::parse(&segment.url)?;
        self.store.get(&location, archive, limit, &pinotage_store::quiet).await.map(drop)
    }
}

/// The archive is one that the controller keeps, and not somewhere else on the web.
fn is_controllers(url: &str, table: &str, segment: &str) -> bool {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    rest.and_then(|rest| rest.split_once("/segments/")).is_some_and(|(host, path)| {
        let mut parts = path.split('/');
        let plain = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
        let is = |part: Option<&str>, name: &str| part.is_some_and(|part| part == name || !plain(name));
        !host.contains('/') && is(parts.next(), table) && is(parts.next(), segment) && parts.next().is_none()
    })
}

/// The batches of a split, see [`Scanner::read`].
pub struct Batches {
    schema: SchemaRef,
    receiver: mpsc::Receiver<Result<RecordBatch>>,
    task: JoinHandle<()>,
    ended: bool,
}

impl Batches {
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

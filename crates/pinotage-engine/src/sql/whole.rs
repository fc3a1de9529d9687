//! SQL over many rows at a time: all inputs as one table, with spill, in an order that depends on the rows alone.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::common::DataFusionError;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::execute_stream;
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;
use datafusion::physical_plan::streaming::PartitionStream;
use futures::StreamExt;
use pinotage_common::{Error, ErrorKind, Result};

use super::in_order::in_order;
use super::{Planner, invalid};

/// How often a waiting query looks whether it is still wanted.
const TICK: Duration = Duration::from_millis(100);

/// The rows of the table `source`.
pub(crate) trait Source: Send + Sync + 'static {
    /// Hands out every row, in order, until `send` says that nobody wants more. Called once for every time that the SQL
    /// names the table.
    fn scan(&self, send: &mut dyn FnMut(RecordBatch) -> bool) -> Result<()>;

    /// Keeps the error that ended a scan.
    fn fail(&self, error: Error);

    /// Gives that error out.
    fn failure(&self) -> Option<Error>;
}

/// A running SELECT.
pub(crate) struct WholeSql<S> {
    planner: Planner,
    rows: SendableRecordBatchStream,
    source: Arc<S>,
}

impl<S: Source> WholeSql<S> {
    /// Starts the SQL over a source, with so many bytes of memory and a folder to spill to.
    pub(crate) fn start(sql: &str, schema: &SchemaRef, source: Arc<S>, memory: usize, spill: &Path) -> Result<Self> {
        let disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::Directories(vec![spill.to_owned()]));
        let env = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(memory)))
            .with_disk_manager_builder(disk)
            .build()
            .map_err(invalid)?;
        let planner = Planner::try_new(env)?;
        let partition = Arc::new(Scan { schema: Arc::clone(schema), source: Arc::clone(&source) });
        let table = StreamingTable::try_new(Arc::clone(schema), vec![partition]).map_err(invalid)?;
        planner.context.register_table("source", Arc::new(table)).map_err(invalid)?;
        let context = &planner.context;
        let plan = planner
            .runtime
            .block_on(async {
                let logical = context.state().create_logical_plan(sql).await?;
                context.execute_logical_plan(logical).await?.create_physical_plan().await
            })
            .map_err(invalid)?;
        let rows = {
            let _entered = planner.runtime.enter();
            in_order(plan).and_then(|plan| execute_stream(plan, context.task_ctx())).map_err(invalid)?
        };
        Ok(Self { planner, rows, source })
    }

    /// The next rows. While they are waited for, `tick` is called; an error of it ends the query.
    pub(crate) fn next(&mut self, tick: &mut dyn FnMut() -> Result<()>) -> Result<Option<RecordBatch>> {
        let rows = &mut self.rows;
        let next = self.planner.runtime.block_on(async {
            loop {
                match tokio::time::timeout(TICK, rows.next()).await {
                    Ok(next) => return Ok(next),
                    Err(_) => tick()?,
                }
            }
        })?;
        tick()?;
        next.transpose().map_err(|error| self.source.failure().unwrap_or_else(|| failed(&error)))
    }
}

fn failed(error: &DataFusionError) -> Error {
    let error = error.find_root();
    let message = format!("the SQL failed: {}", error.strip_backtrace());
    match error {
        DataFusionError::ResourcesExhausted(_) => Error::new(ErrorKind::ResourceExhausted, message)
            .with("option", "limits.memory")
            .action("raise `limits.memory`, or make the SQL keep less at a time"),
        _ => Error::invalid_data(message)
            .with("option", "transform.sql")
            .action("correct the SQL or the rows; in SQL over many rows a failing row cannot be quarantined"),
    }
}

/// The one partition of `source`.
struct Scan<S> {
    schema: SchemaRef,
    source: Arc<S>,
}

impl<S> fmt::Debug for Scan<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scan")
    }
}

impl<S: Source> PartitionStream for Scan<S> {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        // Files are decoded on a thread of their own, two batches ahead.
        let mut builder = RecordBatchReceiverStreamBuilder::new(Arc::clone(&self.schema), 2);
        let (sender, source) = (builder.tx(), Arc::clone(&self.source));
        builder.spawn_blocking(move || {
            let scanned = source.scan(&mut |batch| sender.blocking_send(Ok(batch)).is_ok());
            if let Err(error) = scanned {
                let message = error.to_string();
                source.fail(error);
                let _ = sender.blocking_send(Err(DataFusionError::Execution(message)));
            }
            Ok(())
        });
        builder.build()
    }
}

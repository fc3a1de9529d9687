//! The answer of a query, batch by batch.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::common::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::StreamExt as _;
use pinotage_common::{Error, ErrorKind, Result};
use tokio::runtime::Runtime;

use super::cluster::ClusterTable;
use super::failed;
use super::local::LocalTable;
use super::rules::state;
use super::source::TableSource;

/// How often a query that waits looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(100);

/// How long readers may take to end.
const END: Duration = Duration::from_secs(2);

/// Named tables, and the threads that queries on them run in.
pub(crate) struct Session {
    context: SessionContext,
    /// Taken when it ends.
    runtime: Option<Runtime>,
    cancel: Arc<AtomicBool>,
}

impl Session {
    /// Opens the tables; `cancel` ends whatever waits. A query runs in these many partitions, by default one a core.
    pub(crate) fn open(
        tables: &[(String, TableSource)],
        partitions: Option<usize>,
        cancel: &Arc<AtomicBool>,
    ) -> Result<Arc<Self>> {
        let mut config = SessionConfig::new();
        config.options_mut().sql_parser.enable_ident_normalization = false;
        if let Some(partitions) = partitions {
            config = config.with_target_partitions(partitions);
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| Error::unexpected("cannot start a runtime").caused_by(error))?;
        let context = SessionContext::new_with_state(state(config));
        let session = Self { context, runtime: Some(runtime), cancel: Arc::clone(cancel) };
        for (name, source) in tables {
            let table: Arc<dyn TableProvider> = match source {
                TableSource::Local(path) => Arc::new(LocalTable::open(path)?),
                TableSource::Cluster { connection, table, options } => {
                    Arc::new(session.wait(ClusterTable::open(connection, table, options))?)
                }
            };
            session.context.register_table(name.as_str(), table).map_err(failed)?;
        }
        Ok(Arc::new(session))
    }

    /// How a query will be answered.
    pub(crate) fn plan(&self, sql: &str) -> Result<Arc<dyn ExecutionPlan>> {
        self.wait(async {
            let frame = self.context.sql(sql).await.map_err(|error| match error.find_root() {
                DataFusionError::External(_) => failed(error),
                _ => Error::invalid_config(format!("the SQL cannot be planned: {}", error.strip_backtrace()))
                    .action("correct the SQL; tables are named by `--table name=path`, and names are case-sensitive"),
            })?;
            frame.create_physical_plan().await.map_err(failed)
        })
    }

    /// Starts to answer.
    pub(crate) fn answer(self: &Arc<Self>, plan: Arc<dyn ExecutionPlan>) -> Result<Answer> {
        let stream = self.wait(async { execute_stream(plan, self.context.task_ctx()).map_err(failed) })?;
        Ok(Answer { schema: stream.schema(), stream, session: Arc::clone(self) })
    }

    /// Waits for work, unless it is to stop.
    fn wait<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let runtime = self.runtime.as_ref().ok_or_else(|| Error::unexpected("the runtime has ended"))?;
        runtime.block_on(async {
            let mut work = std::pin::pin!(work);
            loop {
                if self.cancel.load(Ordering::Relaxed) {
                    return Err(Error::new(ErrorKind::Cancelled, "the query was stopped"));
                }
                if let Ok(done) = tokio::time::timeout(LOOK, &mut work).await {
                    return done;
                }
            }
        })
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(END);
        }
    }
}

/// The batches of an answer, read as they are asked for. Nothing follows an error; dropping it ends the requests to servers.
///
/// Waits for others: not for use in an async runtime.
pub struct Answer {
    schema: SchemaRef,
    // Before the session: it ends first.
    stream: SendableRecordBatchStream,
    session: Arc<Session>,
}

impl Answer {
    /// Begins to answer a query over named tables. When `cancel` becomes true, the answer ends with an error.
    ///
    /// # Errors
    ///
    /// `not-found` for a path without data or a table that does not exist; `schema-mismatch` when segments of one folder
    /// differ; `invalid-config` for SQL that cannot be planned; `cancelled`; those of reaching a cluster. What goes wrong
    /// later, such as `corrupt-segment` for damaged data, comes as an item.
    pub fn open(sql: &str, tables: &[(String, TableSource)], cancel: &Arc<AtomicBool>) -> Result<Self> {
        let session = Session::open(tables, None, cancel)?;
        session.answer(session.plan(sql)?)
    }

    /// The columns of every batch.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }
}

impl Iterator for Answer {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let Self { stream, session, .. } = self;
        session.wait(async { stream.next().await.transpose().map_err(failed) }).transpose()
    }
}

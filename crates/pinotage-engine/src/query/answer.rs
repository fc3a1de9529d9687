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

use super::again::Again;
use super::cluster::ClusterTable;
use super::failed;
use super::local::LocalTable;
use super::rules::state;
use super::source::TableSource;
use super::warnings::Warnings;

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
    warnings: Warnings,
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
        let session =
            Self { context, runtime: Some(runtime), cancel: Arc::clone(cancel), warnings: Warnings::default() };
        for (name, source) in tables {
            let table: Arc<dyn TableProvider> = match source {
                TableSource::Local(path) => Arc::new(LocalTable::open(path)?),
                TableSource::Cluster { connection, table, options } => {
                    let warnings = session.warnings.clone();
                    Arc::new(session.wait(ClusterTable::open(connection, table, options, warnings))?)
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
        let stream = self.stream(plan)?;
        Ok(Answer { schema: stream.schema(), stream, session: Arc::clone(self), again: None })
    }

    /// Starts to answer. As long as no row was given, it starts over when a table has changed since the plan was made.
    pub(crate) fn answer_sql(self: &Arc<Self>, sql: &str) -> Result<Answer> {
        let answer = self.answer(self.plan(sql)?)?;
        Ok(Answer { again: Some((sql.to_owned(), Again::default())), ..answer })
    }

    /// Waits for another look when a plan is out of date; otherwise, or after too many looks, gives the error back.
    pub(crate) fn look_again(&self, error: Error, again: &mut Again) -> Result<()> {
        let Some(pause) = again.after(&error) else { return Err(error) };
        self.warnings.say("the table changed after it was looked at: it was looked at again, and reading started over");
        self.wait(async {
            tokio::time::sleep(pause).await;
            Ok(())
        })
    }

    /// What a person should know.
    pub(crate) fn warnings(&self) -> &Warnings {
        &self.warnings
    }

    fn stream(&self, plan: Arc<dyn ExecutionPlan>) -> Result<SendableRecordBatchStream> {
        self.wait(async { execute_stream(plan, self.context.task_ctx()).map_err(failed) })
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

/// The batches of an answer, read as they are asked for. Nothing follows an error. After it is dropped no server is asked any more;
/// servers of 1.5 work on what they were asked to its end.
///
/// Waits for others: not for use in an async runtime.
pub struct Answer {
    schema: SchemaRef,
    // Before the session: it ends first.
    stream: SendableRecordBatchStream,
    session: Arc<Session>,
    /// The query, as long as it can start over.
    again: Option<(String, Again)>,
}

impl Answer {
    /// Begins to answer a query over named tables. When `cancel` becomes true, the answer ends with an error.
    ///
    /// # Errors
    ///
    /// `not-found` for a path without data or a table that does not exist; `schema-mismatch` when segments of one folder
    /// differ; `invalid-config` for SQL that cannot be planned; `cancelled`; those of reaching a cluster. What goes wrong
    /// later, such as `corrupt-segment` for damaged data, comes as an item; so does `commit-conflict` when segments were
    /// deleted or replaced after the plan was made and rows were given already. Before that the query starts over; see
    /// [`Answer::whole`] for rows that wait.
    pub fn open(sql: &str, tables: &[(String, TableSource)], cancel: &Arc<AtomicBool>) -> Result<Self> {
        Session::open(tables, None, cancel)?.answer_sql(sql)
    }

    /// The columns of every batch.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// What a person should know about it. More may come with the batches.
    pub fn warnings(&self) -> &Warnings {
        self.session.warnings()
    }

    /// Gives all rows to `take`, which shows nothing of them before it has all: when a table has changed since the plan was
    /// made, it is called again with the rows as they are then, whatever it got before.
    ///
    /// # Errors
    ///
    /// Those of `take`, which gets those of the batches.
    pub fn whole<T>(
        mut self,
        mut take: impl FnMut(&SchemaRef, &mut dyn Iterator<Item = Result<RecordBatch>>) -> Result<T>,
    ) -> Result<T> {
        let schema = Arc::clone(&self.schema);
        let mut again = self.again.take();
        loop {
            match take(&schema, &mut self) {
                Ok(taken) => return Ok(taken),
                Err(error) => {
                    self.again = again.take();
                    self.start_over(error)?;
                    again = self.again.take();
                }
            }
        }
    }

    /// Whether the query has started over after an error.
    fn start_over(&mut self, error: Error) -> Result<()> {
        let Some((sql, again)) = &mut self.again else { return Err(error) };
        self.session.look_again(error, again)?;
        self.stream = self.session.stream(self.session.plan(sql)?)?;
        Ok(())
    }
}

impl Iterator for Answer {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Self { stream, session, .. } = self;
            match session.wait(async { stream.next().await.transpose().map_err(failed) }).transpose() {
                Some(Err(error)) => match self.start_over(error) {
                    Ok(()) => {}
                    Err(error) => return Some(Err(error)),
                },
                next => {
                    if next.as_ref().is_some_and(|batch| batch.as_ref().is_ok_and(|batch| batch.num_rows() > 0)) {
                        self.again = None;
                    }
                    return next;
                }
            }
        }
    }
}

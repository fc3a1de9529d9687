//! Rows into segments of a table, across epochs: the writer's half of a Pinot sink.
//!
//! A segment is sealed when it has enough rows, bytes or age, never because an epoch ends. What an epoch leaves open goes to
//! staging as the rows since the last one ([`delta`]), so that short epochs make no small segments; a sealed segment is
//! built beside the writing, and stays open in the sense of the epochs until it lies in staging as a whole. From there the
//! [`committer`] brings it into a table of a cluster or into a folder.

mod buffer;
mod build;
mod committable;
mod committer;
mod delta;
mod route;
mod task;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use pinotage_common::{Error, Result};
use pinotage_connector::{Committer, Context, Delivery, OpenBuffer, Sink, Writer};
use pinotage_spec::{Schema, TableConfig, check_segment_name};
use rayon::ThreadPool;

use crate::Target;
use crate::publish::{PushObserver, PushOptions};

pub use committable::{StagedSegment, staged_files};
use committer::SegmentCommitter;
use route::Route;
use task::TaskWriter;

/// When a segment is sealed, and how much may wait.
#[derive(Debug, Clone)]
pub struct Sealing {
    /// Rows of a segment at most.
    pub max_rows: usize,
    /// Memory that a segment takes at most while it is built and finished.
    pub max_bytes: u64,
    /// Memory of all open segments of a task together; beyond it the largest is sealed.
    pub task_bytes: u64,
    /// How old the first row of a segment may become.
    pub max_age: Option<Duration>,
    /// Sealed segments of a task that wait to be built; with one more, writing waits.
    pub queue: usize,
}

/// Where segments go.
#[derive(Clone)]
pub enum Destination {
    /// A folder of this machine.
    Folder {
        /// The folder.
        path: PathBuf,
        /// As archives (`tar.gz`), not as folders.
        archives: bool,
    },
    /// A table of a cluster.
    Table(Box<TableDestination>),
}

/// A table of a cluster that segments go to.
#[derive(Clone)]
pub struct TableDestination {
    /// The table.
    pub target: Target,
    /// Its config.
    pub config: serde_json::Value,
    /// How segments are pushed.
    pub options: PushOptions,
    /// Is told how it goes on.
    pub observer: Arc<dyn PushObserver + Send + Sync>,
    /// Where requests run.
    pub runtime: tokio::runtime::Handle,
}

/// Refuses tables whose rows would have to be ordered by key first.
///
/// # Errors
///
/// `unsupported` for upsert and dedup tables.
pub fn check_table(table: &TableConfig) -> Result<()> {
    match crate::needs_partitions(table.json()) {
        false => Ok(()),
        true => Err(Error::unsupported("upsert and dedup tables cannot be written by a job with epochs yet")
            .with("table", table.raw_name())
            .action("load them with a job of files, one partition of keys in each")),
    }
}

/// A Pinot table as a sink for canonical rows of its schema.
///
/// # Pinot equivalent
///
/// `PinotSink` of the Flink connector, with a committer.
pub struct PinotSink {
    schema: Schema,
    table: TableConfig,
    staging: PathBuf,
    sealing: Sealing,
    destination: Destination,
    route: Option<Route>,
    pool: Arc<ThreadPool>,
}

impl PinotSink {
    /// A sink that keeps what is not in the table yet in the folder `staging`.
    ///
    /// # Errors
    ///
    /// `invalid-config` for a table that partitions rows by more than one column; `unsupported` for one whose rows would have
    /// to be ordered by key first.
    pub fn try_new(
        (schema, table): (Schema, TableConfig),
        staging: PathBuf,
        sealing: Sealing,
        destination: Destination,
        pool: Arc<ThreadPool>,
    ) -> Result<Self> {
        if let Destination::Table(to) = &destination {
            crate::check_table(&to.config)?;
        }
        check_table(&table)?;
        let route = Route::of(&schema, &table)?;
        Ok(Self { schema, table, staging, sealing, destination, route, pool })
    }

    /// What the names of all segments of a run begin with.
    fn base_name(&self, context: &Context) -> String {
        format!("{}_{}_{}", self.table.raw_name(), context.job, context.run)
    }

    /// The folder of a run in staging.
    fn folder(&self, context: &Context) -> PathBuf {
        self.staging.join(&context.run)
    }
}

impl Sink for PinotSink {
    fn delivery(&self) -> Delivery {
        Delivery::Transactional
    }

    fn partitions(&self, batch: &RecordBatch) -> Result<Option<Vec<u32>>> {
        self.route.as_ref().map(|route| route.partitions(batch)).transpose()
    }

    fn open(&self, open: Vec<OpenBuffer>, context: &Context) -> Result<Box<dyn Writer>> {
        let folder = self.folder(context);
        std::fs::create_dir_all(&folder)
            .map_err(|error| Error::io(error, "cannot create the staging folder", &folder))?;
        let base_name = self.base_name(context);
        check_segment_name(&format!("{base_name}_0_0_0"))?;
        let shape = task::Shape {
            schema: self.schema.clone(),
            table: self.table.clone(),
            folder,
            sealing: self.sealing.clone(),
            archives: !matches!(self.destination, Destination::Folder { archives: false, .. }),
            base_name,
        };
        Ok(Box::new(TaskWriter::try_new(shape, Arc::clone(&self.pool), open, context)?))
    }

    fn committer(&self, context: &Context) -> Result<Box<dyn Committer>> {
        Ok(Box::new(SegmentCommitter::new(
            self.destination.clone(),
            self.folder(context),
            format!("{}_", self.base_name(context)),
            context,
        )))
    }
}

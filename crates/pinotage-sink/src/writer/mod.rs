//! Rows into segments of a table, across epochs: the writer's half of a Pinot sink.
//!
//! A segment is sealed when it has enough rows, bytes or age, never because an epoch ends. What an epoch leaves open goes to
//! staging as the rows since the last one ([`delta`]), so that short epochs make no small segments; a sealed segment is
//! built beside the writing, and stays open in the sense of the epochs until it lies in staging as a whole. From there the
//! [`committer`] brings it into a table of a cluster or into a folder.

mod buffer;
mod build;
mod carry;
mod committable;
mod committer;
mod content;
mod delta;
mod fence;
mod refuse;
mod replacing;
mod route;
mod staging;
mod task;
mod windows;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arrow::array::{Array as _, RecordBatch};
use pinotage_common::{ArchiveLevel, Error, Result};
use pinotage_connector::{Committer, Context, Delivery, OpenBuffer, Refused, Sink, Writer};
use pinotage_spec::{ColumnPlan, PartitionConfig, PinotVersion, Rollup, Schema, TableConfig, check_segment_name};
use rayon::ThreadPool;

use crate::Target;
use crate::publish::{PushObserver, PushOptions};
use crate::upsert::{CreationTimes, StreamKey, UpsertMode, UpsertTable, Watch};

use carry::Carrier;
pub use committable::{StagedSegment, latest_creation, staged_files};
use committer::SegmentCommitter;
pub use refuse::NO_KEY;
pub use replacing::{Replacing, Straddling};
use route::Route;
use staging::RunStaging;
pub use staging::{Staging, StagingStore};
use task::TaskWriter;
pub use windows::EventTime;
use windows::Windows;

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
    /// Rows go to segments by windows of their time.
    pub event_time: Option<EventTime>,
    /// Sealed segments of a task that wait to be built; with one more, writing waits.
    pub queue: usize,
}

impl Sealing {
    /// Segments of one task that fit into so much memory together: those that are open, built and waiting to be built.
    #[must_use]
    pub fn within(self, memory: u64) -> Self {
        let queue = self.queue as u64;
        let max_bytes = self.max_bytes.min(memory / (queue + 1));
        Self { max_bytes, task_bytes: memory - queue * max_bytes, ..self }
    }
}

/// Where segments go.
#[derive(Clone)]
pub enum Destination {
    /// A folder of this machine.
    Folder {
        /// The folder.
        path: PathBuf,
        /// As archives (`tar.gz`) of this level, not as folders.
        archives: Option<ArchiveLevel>,
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

/// What segments of a table with a stream have to agree with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// The release of the cluster.
    pub version: PinotVersion,
    /// Where the stream puts a row.
    pub key: StreamKey,
}

/// Which partition a row goes to.
enum Routing {
    /// Any.
    None,
    /// The table's.
    Table(Route),
    /// The stream's.
    Stream(StreamKey),
}

/// How rows are spread over partitions.
#[derive(Debug, Clone, Copy)]
pub enum Partitioning<'a> {
    /// By the table config.
    Column {
        /// The column that decides.
        column: &'a str,
        /// How it does.
        config: &'a PartitionConfig,
        /// The partition of rows without a value.
        of_null: u32,
    },
    /// As the stream's producer does.
    Stream(&'a StreamKey),
}

/// Refuses OFFLINE tables that rows cannot be written to in epochs.
///
/// # Errors
///
/// As [`PinotSink::try_new`].
pub fn check_offline(schema: &Schema, table: &TableConfig) -> Result<()> {
    check_pushed(schema, table).map(drop)
}

/// How rows of a table without a stream are kept and spread.
fn check_pushed(schema: &Schema, table: &TableConfig) -> Result<(Option<UpsertTable>, Routing)> {
    let upserts = UpsertTable::read(schema, table, PinotVersion::NEWEST)?;
    if upserts.is_none() && crate::needs_partitions(table.json()) {
        return Err(Error::unsupported("tables that drop duplicates cannot be written in epochs")
            .with("option", "dedupConfig")
            .action("load the rows through the table's stream"));
    }
    let routing = Route::of(schema, table)?.map_or(Routing::None, Routing::Table);
    if upserts.is_some() && matches!(routing, Routing::None) {
        return Err(Error::invalid_config("rows of a key belong together, and the table config partitions no column")
            .with("option", "tableIndexConfig.segmentPartitionConfig.columnPartitionMap")
            .action("partition the primary key's column there"));
    }
    Ok((upserts, routing))
}

/// A Pinot table as a sink for canonical rows of its schema.
///
/// # Pinot equivalent
///
/// `PinotSink` of the Flink connector, with a committer.
pub struct PinotSink {
    schema: Schema,
    table: TableConfig,
    version: PinotVersion,
    staging: Staging,
    sealing: Sealing,
    destination: Destination,
    routing: Routing,
    upserts: Option<UpsertTable>,
    rollup: Option<(Rollup, Vec<ColumnPlan>)>,
    upload: Option<Upload>,
    times: Arc<Mutex<Option<CreationTimes>>>,
    watch: Option<Arc<Watch>>,
    pool: Arc<ThreadPool>,
    shared_partitions: bool,
    names_apart: bool,
    replacing: Replacing,
}

impl PinotSink {
    /// A sink that keeps in `staging` what is not in the table yet.
    ///
    /// # Errors
    ///
    /// `invalid-config` for a table that partitions rows by more than one column, or rows of keys by none; `unsupported` for one
    /// that drops duplicates, and for a folder of segments that are no archives with a staging of an object store.
    pub fn try_new(
        documents: (Schema, TableConfig, PinotVersion),
        staging: impl Into<Staging>,
        sealing: Sealing,
        destination: Destination,
        pool: Arc<ThreadPool>,
    ) -> Result<Self> {
        let kept = check_pushed(&documents.0, &documents.1)?;
        Self::new(documents, (staging.into(), sealing, destination), kept, None, pool)
    }

    /// A sink into the REALTIME half of a table, beside its stream. Segments get their creation times from `times`, in the order
    /// in which they are sealed.
    ///
    /// # Errors
    ///
    /// Those of [`UpsertTable::read`] and [`StreamKey::check`].
    pub fn beside_stream(
        (schema, table): (Schema, TableConfig),
        staging: impl Into<Staging>,
        sealing: Sealing,
        destination: Destination,
        (upload, times): (Upload, CreationTimes),
        pool: Arc<ThreadPool>,
    ) -> Result<Self> {
        upload.key.check(&schema)?;
        let upserts = UpsertTable::read(&schema, &table, upload.version)?;
        let kept = (upserts, Routing::Stream(upload.key.clone()));
        let documents = (schema, table, upload.version);
        Self::new(documents, (staging.into(), sealing, destination), kept, Some((upload, times)), pool)
    }

    fn windows(&self) -> Result<Option<Windows>> {
        let Some(by) = &self.sealing.event_time else { return Ok(None) };
        EventTime::check_upserts(self.upserts.as_ref())?;
        Windows::of(by, &self.schema, &self.table, self.shared_partitions).map(Some)
    }

    fn new(
        (schema, table, version): (Schema, TableConfig, PinotVersion),
        (staging, sealing, destination): (Staging, Sealing, Destination),
        (upserts, routing): (Option<UpsertTable>, Routing),
        upload: Option<(Upload, CreationTimes)>,
        pool: Arc<ThreadPool>,
    ) -> Result<Self> {
        if staging.is_shared() && matches!(destination, Destination::Folder { archives: None, .. }) {
            return Err(Error::unsupported("object stores have archives of segments, and the output wants folders")
                .with("option", "staging")
                .action("set `sink.archive: tarGz`, or stage in a folder"));
        }
        if upload.is_none() {
            upserts.as_ref().map_or(Ok(()), UpsertTable::check_remembers)?;
        }
        let (upload, times) = upload.unzip();
        let times = times.or_else(|| upserts.is_some().then(CreationTimes::by_clock));
        let times = Arc::new(Mutex::new(times));
        let sink = Self {
            schema,
            table,
            version,
            staging,
            sealing,
            destination,
            routing,
            upserts,
            rollup: None,
            upload,
            times,
            watch: None,
            pool,
            shared_partitions: false,
            names_apart: false,
            replacing: Replacing::Nothing,
        };
        // What cannot be is refused here, and not by the first writer.
        sink.windows()?;
        Ok(sink)
    }

    /// How rows are spread; none for a table without partitions.
    pub fn partitioning(&self) -> Option<Partitioning<'_>> {
        match &self.routing {
            Routing::None => None,
            Routing::Table(route) => Some(route.partitioning()),
            Routing::Stream(key) => Some(Partitioning::Stream(key)),
        }
    }

    /// Rows take the place of earlier ones of their key.
    pub fn upserts(&self) -> Option<&UpsertTable> {
        self.upserts.as_ref()
    }

    /// Each task may have rows of each partition, and buffers of one partition come back from several tasks: for engines that
    /// spread rows and states in their own way, and [say](Writer::watermark) how far the time is.
    #[must_use]
    pub fn with_shared_partitions(self) -> Self {
        Self { shared_partitions: true, ..self }
    }

    /// Names of segments begin anywhere: for engines that may go on behind an older epoch than the table has segments of, and write other
    /// rows under the same epochs then.
    #[must_use]
    pub fn with_names_apart(self) -> Self {
        Self { names_apart: true, ..self }
    }

    /// Of rows of a key that compare as equal Pinot shows the one in the segment that was created later, whatever came later: segments of
    /// this sink are created behind those of earlier processes up to this time, though the clock may have been set back since.
    #[must_use]
    pub fn created_behind(self, millis: i64) -> Self {
        if let Some(times) = &mut *self.times.lock().unwrap_or_else(PoisonError::into_inner) {
            times.skip_to(millis.saturating_add(1));
        }
        self
    }

    /// Whom to ask how far the table has come, if its servers forget keys: rows that come too late are [refused](Sink::refused), and
    /// `margin` percent of the time to live before that. Nobody is asked before the first row.
    ///
    /// # Errors
    ///
    /// `invalid-config` for a margin that leaves nothing.
    pub fn watching(self, target: &Target, runtime: tokio::runtime::Handle, margin: u8) -> Result<Self> {
        let watch = match self.time_to_live() {
            Some(ttl) => Some(Arc::new(Watch::new(target.clone(), runtime, ttl, margin)?)),
            None => None,
        };
        Ok(Self { watch, ..self })
    }

    /// What goes in the step in which a committer's segments come into a table.
    ///
    /// # Errors
    ///
    /// `unsupported` for tables whose segments cannot be replaced so.
    pub fn replacing(self, replacing: Replacing) -> Result<Self> {
        replacing.check(&self.table)?;
        Ok(Self { replacing, ..self })
    }

    /// Removes all that staging has of a run. Nobody of the run is at work any more, or needs what it has staged.
    ///
    /// # Errors
    ///
    /// Those of the storage.
    pub fn forget(&self, context: &Context) -> Result<()> {
        self.staging(context)?.clear()
    }

    /// The [lives](Writer::life) of writers that have something in staging, of those at work too.
    ///
    /// # Errors
    ///
    /// Those of the storage.
    pub fn lives(&self, context: &Context) -> Result<BTreeSet<String>> {
        Ok(self.staging(context)?.lives()?.into_keys().collect())
    }

    /// Removes what writers have left in staging whose lives are over, but for files that a state needs.
    ///
    /// # Errors
    ///
    /// Those of the storage.
    pub fn forget_lives(&self, context: &Context, lives: &BTreeSet<String>, needed: &BTreeSet<String>) -> Result<()> {
        let staging = self.staging(context)?;
        for (life, files) in staging.lives()?.into_iter().filter(|(life, _)| lives.contains(life)) {
            staging.remove(files.iter().map(String::as_str).filter(|file| !needed.contains(*file)))?;
            staging.remove_if_empty(&life);
        }
        Ok(())
    }

    /// Sums rows up where a segment is sealed, as the table does while they come in. Rows then come with what they add in the place of
    /// metrics (`pinotage_transform::Contributions`).
    ///
    /// # Errors
    ///
    /// Those of [`Rollup::resolve`] and [`ColumnPlan::resolve`].
    pub fn rolling_up(mut self) -> Result<Self> {
        self.rollup = match Rollup::resolve(&self.schema, &self.table)? {
            Some(rollup) => Some((rollup, ColumnPlan::resolve(&self.schema, &self.table)?)),
            None => None,
        };
        Ok(self)
    }

    /// Rows of a partition stay together until the source ends: it has to have an end.
    pub fn merges_rows(&self) -> bool {
        self.upserts.as_ref().is_some_and(|upserts| upserts.mode == UpsertMode::Partial)
    }

    /// What the names of all segments of a run begin with.
    fn base_name(&self, context: &Context) -> String {
        format!("{}_{}_{}", self.table.raw_name(), context.job, context.run)
    }

    /// What writers of a run make of rows.
    fn shape(&self, context: &Context) -> Result<task::Shape> {
        Ok(task::Shape {
            schema: self.schema.clone(),
            table: self.table.clone(),
            version: self.version,
            staging: self.staging(context)?,
            sealing: self.sealing.clone(),
            windows: self.windows()?,
            shared_partitions: self.shared_partitions,
            names_apart: self.names_apart,
            archives: match &self.destination {
                Destination::Folder { archives, .. } => *archives,
                Destination::Table(table) => Some(table.options.archive_level),
            },
            job: context.job.clone(),
            run: context.run.clone(),
            upserts: self.upserts.clone(),
            rollup: self.rollup.clone(),
            upload: self.upload.clone(),
            times: Arc::clone(&self.times),
        })
    }

    /// What writes rows again that stay; nothing where no segment has them beside those that go.
    fn carrier(&self, context: &Context) -> Result<Option<Carrier>> {
        if self.replacing.straddling() == Straddling::Refuse {
            return Ok(None);
        }
        // Sealed by rows and bytes alone: done again, it makes the same segments. Rows of the table are what sums came to.
        let sealing = Sealing { max_age: None, ..self.sealing.clone() };
        let shape = task::Shape { sealing, shared_partitions: true, rollup: None, ..self.shape(context)? };
        let route = match &self.routing {
            Routing::Table(route) => Some(route.clone()),
            _ => None,
        };
        Carrier::try_new(shape, Arc::clone(&self.pool), route, self.replacing.clone()).map(Some)
    }

    /// The part of a run in staging.
    fn staging(&self, context: &Context) -> Result<RunStaging> {
        self.staging.of_run(&context.run)
    }
}

impl Sink for PinotSink {
    fn delivery(&self) -> Delivery {
        if self.upload.is_some() { Delivery::Idempotent } else { Delivery::Transactional }
    }

    fn partitions(&self, batch: &RecordBatch) -> Result<Option<Vec<u32>>> {
        match &self.routing {
            Routing::None => Ok(None),
            Routing::Table(route) => route.partitions(batch).map(Some),
            Routing::Stream(key) => {
                let partitions = key.partitions(batch)?;
                // A producer sends rows without a key anywhere. So may we where nothing is decided by keys.
                if self.upserts.is_some() && partitions.null_count() > 0 {
                    return Err(Error::invalid_data("a row has no key, so nobody knows its partition of the stream")
                        .with("columns", key.columns.join(", "))
                        .action("leave such rows out: a server would keep one for each partition that they are in"));
                }
                Ok(Some(partitions.values().to_vec()))
            }
        }
    }

    fn refused(&self, batch: &RecordBatch) -> Result<Vec<Refused>> {
        self.refusals(batch)
    }

    fn open(&self, open: Vec<OpenBuffer>, context: &Context) -> Result<Box<dyn Writer>> {
        let base_name = self.base_name(context);
        check_segment_name(&format!("{base_name}_0_0_0"))?;
        let shape = self.shape(context)?;
        shape.staging.create()?;
        Ok(Box::new(TaskWriter::try_new(shape, Arc::clone(&self.pool), open, context)?))
    }

    fn committer(&self, context: &Context) -> Result<Box<dyn Committer>> {
        Ok(Box::new(SegmentCommitter::new(
            self.destination.clone(),
            self.staging(context)?,
            format!("{}_", self.base_name(context)),
            (self.replacing.clone(), self.carrier(context)?),
            self.time_to_live(),
            context,
        )))
    }
}

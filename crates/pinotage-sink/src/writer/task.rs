//! The writer of one task.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{RecordBatch, new_null_array};
use arrow::datatypes::{FieldRef, Schema as ArrowSchema};
use pinotage_common::{ArchiveLevel, Error, Result};
use pinotage_connector::{Context, OpenBuffer, Prepared, Writer};
use pinotage_segment::write::ROWS_BETWEEN_CHECKS;
use pinotage_spec::{ColumnPlan, FieldSpec, PinotVersion, Rollup, Schema, TableConfig, arrow_field};
use rayon::ThreadPool;

use super::buffer::{Buffer, Names, Rows};
use super::build::{Builds, Sealed, Workbench};
use super::committable::{Kept, SealedAs};
use super::content::Content;
use super::staging::RunStaging;
use super::windows::{MAX_OPEN, Windows};
use super::{Sealing, StagedSegment, Upload, delta};
use crate::upsert::{CreationTimes, UploadedSegment, UpsertMode, UpsertTable};

/// What a writer makes of rows, and where.
#[derive(Clone)]
pub(super) struct Shape {
    pub(super) schema: Schema,
    pub(super) table: TableConfig,
    /// The release that segments are for.
    pub(super) version: PinotVersion,
    /// The run's part of staging.
    pub(super) staging: RunStaging,
    pub(super) sealing: Sealing,
    pub(super) windows: Option<Windows>,
    pub(super) archives: Option<ArchiveLevel>,
    /// Several tasks seal segments of one partition.
    pub(super) shared_partitions: bool,
    /// Other lives may have used the first names of an epoch.
    pub(super) names_apart: bool,
    pub(super) job: String,
    pub(super) run: String,
    /// A table that keeps one row of each key.
    pub(super) upserts: Option<UpsertTable>,
    /// A table that sums rows up, and its columns.
    pub(super) rollup: Option<(Rollup, Vec<ColumnPlan>)>,
    /// A table that a stream goes to as well.
    pub(super) upload: Option<Upload>,
    /// The creation times of segments, where they decide between rows.
    pub(super) times: Arc<Mutex<Option<CreationTimes>>>,
}

impl Shape {
    /// Rows that were kept before the schema had all its columns: they have none in the new ones.
    fn completed(&self, batch: RecordBatch) -> Result<RecordBatch> {
        let missing = |field: &&FieldSpec| batch.column_by_name(&field.name).is_none();
        let missing: Vec<&FieldSpec> = self.schema.fields().filter(missing).collect();
        if missing.is_empty() {
            return self.in_order(batch);
        }
        let mut fields: Vec<FieldRef> = batch.schema().fields().iter().cloned().collect();
        let mut columns = batch.columns().to_vec();
        for field in missing {
            let field = arrow_field(field, true);
            columns.push(new_null_array(field.data_type(), batch.num_rows()));
            fields.push(field.into());
        }
        let batch = RecordBatch::try_new(ArrowSchema::new(fields).into(), columns)
            .map_err(|error| Error::unexpected("cannot add columns to kept rows").caused_by(error))?;
        self.in_order(batch)
    }

    /// Rows that are summed up have their columns in the order of the schema.
    fn in_order(&self, batch: RecordBatch) -> Result<RecordBatch> {
        let Some((_, columns)) = &self.rollup else { return Ok(batch) };
        let schema = batch.schema();
        let places: std::result::Result<Vec<usize>, _> =
            columns.iter().map(|column| schema.index_of(&column.field.name)).collect();
        let ordered = places.and_then(|places| batch.project(&places));
        ordered.map_err(|error| Error::unexpected("cannot order the columns of kept rows").caused_by(error))
    }

    /// What a segment of a partition is that is sealed now.
    fn sealed(&self, partition: u32, epoch: u64, seq: u32, now_millis: i64) -> Result<SealedAs> {
        let table = self.table.raw_name();
        let (job, run) = (self.job.as_str(), self.run.as_str());
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(times), None) = (&mut *times, &self.upload) {
            times.skip_to(now_millis);
        }
        let creation_millis = times.as_mut().map_or(Ok(now_millis), CreationTimes::take)?;
        let Some(upload) = &self.upload else {
            let name = format!("{table}_{job}_{run}_{epoch}_{partition}_{seq}");
            return Ok(SealedAs { name, epoch, creation_millis });
        };
        let name = UploadedSegment { table, job, run, epoch, partition, seq, creation_millis }.name(upload.version)?;
        Ok(SealedAs { name, epoch, creation_millis })
    }
}

/// A segment that is full and not built yet.
struct Full {
    rows: Rows,
    sealed: SealedAs,
    /// All its rows are in files.
    is_kept: bool,
}

/// The partition of an open segment, and the begin of the window of its rows' time if they are of one.
type Key = (u32, Option<i64>);

/// Why a segment is sealed: the number that counts it.
#[derive(Clone, Copy)]
enum Reason {
    Rows,
    Bytes,
    Memory,
    Age,
    EventTime,
    Windows,
    End,
}

/// Their numbers, in that order.
const REASONS: [&str; 7] = [
    "segments sealed by rows",
    "segments sealed by bytes",
    "segments sealed by memory",
    "segments sealed by age",
    "segments sealed by event time",
    "segments sealed by open windows",
    "segments sealed by the end",
];

/// Takes the rows of a task into one open segment a partition, and window of time if rows are put together by that.
pub(super) struct TaskWriter {
    shape: Arc<Shape>,
    /// What that of the shape has become.
    sealing: Sealing,
    context: Context,
    pool: Arc<ThreadPool>,
    names: Names,
    /// Where the numbers of segments begin, if names are [apart](Shape::names_apart): drawn anew by each process.
    first_sequence: u32,
    /// The number of the next segment of a partition that is sealed in this epoch.
    sequences: BTreeMap<u32, u32>,
    open: BTreeMap<Key, Buffer>,
    windows: Option<Windows>,
    /// Segments that are full and not built yet, by name.
    sealed: BTreeMap<String, Full>,
    builds: Builds,
    built: Vec<StagedSegment>,
    /// Files that the epochs recorded until now may need, and later ones do not.
    old: Vec<String>,
    /// The same, of epochs that have been prepared and of which nobody has said that they are recorded.
    leaving: Vec<(u64, Vec<String>)>,
    sealed_segments: Arc<AtomicU64>,
    open_segments: Arc<AtomicU64>,
    sealed_by: [Arc<AtomicU64>; 7],
}

impl TaskWriter {
    pub(super) fn try_new(
        shape: Shape,
        pool: Arc<ThreadPool>,
        open: Vec<OpenBuffer>,
        context: &Context,
    ) -> Result<Self> {
        let names = Names::new(context.epoch + 1);
        let shape = Arc::new(shape);
        let bench = Workbench {
            shape: Arc::clone(&shape),
            life: names.life.clone(),
            pool: Arc::clone(&pool),
            superseded: context.metrics.counter("rows superseded"),
        };
        let builds = Builds::start(bench, shape.sealing.queue)?;
        let mut writer = Self {
            names,
            context: context.clone(),
            // Half of the numbers are for those that come behind it.
            first_sequence: fastrand::u32(..u32::MAX / 2 / context.tasks.max(1)),
            sequences: BTreeMap::new(),
            open: BTreeMap::new(),
            sealed: BTreeMap::new(),
            builds,
            built: Vec::new(),
            old: Vec::new(),
            leaving: Vec::new(),
            sealed_segments: context.metrics.counter("segments sealed"),
            sealed_by: REASONS.map(|name| context.metrics.counter(name)),
            windows: shape.windows.clone(),
            pool,
            sealing: shape.sealing.clone(),
            open_segments: context.metrics.counter("segments open"),
            shape,
        };
        for open in &open {
            writer.restore(open)?;
            writer.make_room()?;
        }
        Ok(writer)
    }

    /// Takes rows of earlier epochs up again.
    fn restore(&mut self, open: &OpenBuffer) -> Result<()> {
        let kept = Kept::of(open)?;
        // Several tasks may have had rows of the partition.
        let window = self.windows.as_ref().and_then(|windows| windows.known(kept.window));
        let key = (open.partition, window);
        let before = if kept.sealed.is_none() { self.open.remove(&key) } else { None };
        let mut buffer = match before {
            Some(mut buffer) => {
                buffer.kept.join(&kept);
                buffer
            }
            None => Buffer { content: Content::new(&self.shape)?, kept: Rows::restored(key, &kept) },
        };
        for file in &kept.files {
            // All of them, whatever a segment may have now.
            let mut append = |batch| {
                buffer.content.append(&self.shape, &self.pool, self.shape.completed(batch)?, usize::MAX).map(drop)
            };
            delta::read(&self.shape.staging, file, &mut append)?;
        }
        match kept.sealed {
            Some(sealed) => self.build(buffer.content, buffer.kept, sealed),
            None => {
                self.open.insert(key, buffer);
                Ok(())
            }
        }
    }

    fn append(&mut self, key: Key, batch: &RecordBatch) -> Result<()> {
        let mut start = 0;
        while start < batch.num_rows() {
            let buffer = match self.open.entry(key) {
                std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
                std::collections::btree_map::Entry::Vacant(entry) => entry.insert(Buffer {
                    content: Content::new(&self.shape)?,
                    kept: Rows::new(key, self.context.clock.now_millis()),
                }),
            };
            let before = buffer.content.num_rows();
            let (max_rows, can_be_sealed) = (self.sealing.max_rows, buffer.content.can_be_sealed());
            let next_check = ROWS_BETWEEN_CHECKS - buffer.content.num_taken() % ROWS_BETWEEN_CHECKS;
            // Rows of an earlier run may be more than a segment has now: they are sealed as they are.
            let counts = can_be_sealed && !buffer.content.is_rolled();
            let room = if counts { max_rows.saturating_sub(before) } else { usize::MAX };
            let wanted = (batch.num_rows() - start).min(room).min(next_check);
            let part = batch.slice(start, wanted);
            let rows = buffer.append((&self.shape, &mut self.names), &self.pool, part, max_rows)?;
            start += rows;
            let is_full = rows < wanted || counts && before + rows >= max_rows;
            let is_large = || buffer.content.peak_bytes() as u64 >= self.sealing.max_bytes;
            if can_be_sealed && (is_full || rows == next_check && is_large()) {
                self.seal(key, if is_full { Reason::Rows } else { Reason::Bytes })?;
            } else if rows == next_check {
                self.make_room()?;
            }
        }
        Ok(())
    }

    /// Seals the largest segments while all of them take too much.
    fn make_room(&mut self) -> Result<()> {
        let limit = self.sealing.task_bytes;
        loop {
            let sizes = self.open.iter().map(|(key, buffer)| (buffer.content.peak_bytes() as u64, *key));
            let (all, largest) =
                sizes.fold((0, (0, (0, None))), |(all, largest), size| (all + size.0, largest.max(size)));
            if all <= limit {
                return Ok(());
            }
            let Some(buffer) = self.open.get_mut(&largest.1) else { return Ok(()) };
            if buffer.content.can_be_sealed() {
                self.seal(largest.1, Reason::Memory)?;
                continue;
            }
            buffer.content.merge(&self.shape)?;
            if buffer.content.peak_bytes() as u64 >= largest.0 {
                return Err(buffer.content.too_large(limit));
            }
        }
    }

    /// Seals what is too old.
    fn seal_old(&mut self) -> Result<()> {
        let Some(age) = self.sealing.max_age else { return Ok(()) };
        let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
        let now = self.context.clock.now_millis();
        let is_old =
            |buffer: &Buffer| buffer.content.can_be_sealed() && now.saturating_sub(buffer.kept.since_millis) >= age;
        let old: Vec<Key> = self.open.iter().filter(|(_, buffer)| is_old(buffer)).map(|(key, _)| *key).collect();
        old.into_iter().try_for_each(|key| self.seal(key, Reason::Age))
    }

    /// Seals the windows that are over, and the earliest where too many are open.
    fn seal_windows(&mut self) -> Result<()> {
        let Some(windows) = &self.windows else { return Ok(()) };
        let is_over = |key: &&Key| key.1.is_some_and(|begin| windows.is_over(begin));
        let over: Vec<Key> = self.open.keys().filter(is_over).copied().collect();
        over.into_iter().try_for_each(|key| self.seal(key, Reason::EventTime))?;
        let mut begins: BTreeSet<i64> = self.open.keys().filter_map(|key| key.1).collect();
        while begins.len() > MAX_OPEN {
            let Some(first) = begins.pop_first() else { break };
            let early: Vec<Key> = self.open.keys().filter(|key| key.1 == Some(first)).copied().collect();
            early.into_iter().try_for_each(|key| self.seal(key, Reason::Windows))?;
        }
        Ok(())
    }

    fn seal(&mut self, key: Key, reason: Reason) -> Result<()> {
        let Some(mut buffer) = self.open.remove(&key) else { return Ok(()) };
        self.sealed_by[reason as usize].fetch_add(1, Ordering::Relaxed);
        let partition = key.0;
        let (first, step) = match self.shape.shared_partitions {
            true => (self.context.task, self.context.tasks.max(1)),
            false => (0, 1),
        };
        let first = if self.shape.names_apart { first + step * self.first_sequence } else { first };
        let sequence = self.sequences.entry(partition).or_insert(first);
        let now = self.context.clock.now_millis();
        let sealed = self.shape.sealed(partition, self.names.epoch, *sequence, now)?;
        *sequence += step;
        // Nobody reads rows from a segment that is being built. Where an epoch has ended since the first row the next end may be near, and
        // should not have to wait for that; otherwise epochs are longer than a segment takes, and nearly all are built before one ends.
        if buffer.kept.num_rows() > 0 && !matches!(reason, Reason::End) {
            buffer.write_rest(&self.shape, &mut self.names)?;
        }
        self.build(buffer.content, buffer.kept, sealed)
    }

    fn build(&mut self, content: Content, rows: Rows, sealed: SealedAs) -> Result<()> {
        self.sealed_segments.fetch_add(1, Ordering::Relaxed);
        let partition = rows.partition;
        let is_kept = !content.holds_rows() || rows.num_rows() == content.num_rows();
        self.sealed.insert(sealed.name.clone(), Full { rows, sealed: sealed.clone(), is_kept });
        let memory = usize::try_from(self.sealing.max_bytes).unwrap_or(usize::MAX);
        self.builds.give(Sealed { content, partition, sealed, memory })?;
        self.collect()
    }

    /// Waits for all segments that are being built.
    fn finish_builds(&mut self) -> Result<()> {
        while let Some(segment) = self.builds.wait()? {
            self.take(segment);
        }
        Ok(())
    }

    /// Takes what has been built by now.
    fn collect(&mut self) -> Result<()> {
        self.open_segments.store(self.open.len() as u64, Ordering::Relaxed);
        while let Some(segment) = self.builds.poll()? {
            self.take(segment);
        }
        Ok(())
    }

    fn take(&mut self, segment: StagedSegment) {
        if let Some(full) = self.sealed.remove(&segment.name) {
            self.old.extend(full.rows.give_up(self.shape.staging.folder()));
        }
        self.built.push(segment);
    }
}

impl Writer for TaskWriter {
    fn write(&mut self, partition: u32, batch: RecordBatch) -> Result<()> {
        match &mut self.windows {
            None => self.append((partition, None), &batch)?,
            Some(windows) => {
                for (window, part) in windows.parts(batch)? {
                    self.append((partition, window), &part)?;
                }
                self.seal_windows()?;
            }
        }
        self.collect()
    }

    fn prepare(&mut self, epoch: u64, last: bool) -> Result<Prepared> {
        if epoch < self.names.epoch {
            return Err(Error::unexpected(format!("epoch {epoch} ends where {} was expected", self.names.epoch)));
        }
        self.begin(epoch);
        self.seal_old()?;
        if last {
            let open: Vec<Key> = self.open.keys().copied().collect();
            open.into_iter().try_for_each(|key| self.seal(key, Reason::End))?;
            self.finish_builds()?;
        }
        self.collect()?;
        while self.sealed.values().any(|full| !full.is_kept) {
            let built = self.builds.wait()?.ok_or_else(|| Error::unexpected("a full segment is not being built"))?;
            self.take(built);
        }
        let mut prepared = Prepared::default();
        let mut new = Vec::new();
        for Full { rows, sealed, .. } in self.sealed.values_mut() {
            rows.keep(&self.shape, &mut self.names, &mut self.old)?;
            new.extend(rows.new_files());
            prepared.open.push(rows.kept(Some(sealed.clone())).to_open(rows.partition)?);
        }
        for buffer in self.open.values_mut() {
            buffer.write_rest(&self.shape, &mut self.names)?;
            buffer.kept.keep(&self.shape, &mut self.names, &mut self.old)?;
            new.extend(buffer.kept.new_files());
            prepared.open.push(buffer.kept.kept(None).to_open(buffer.kept.partition)?);
        }
        if !new.is_empty() {
            self.shape.staging.keep(&new)?;
        }
        // In the order in which they were sealed.
        self.built.sort_by_key(|segment| (segment.epoch, segment.creation_millis));
        for segment in self.built.drain(..) {
            prepared.committables.push(segment.to_committable()?);
        }
        self.leaving.push((epoch, std::mem::take(&mut self.old)));
        self.begin(epoch + 1);
        Ok(prepared)
    }

    fn begin(&mut self, epoch: u64) {
        if epoch > self.names.epoch {
            self.names.epoch = epoch;
            self.sequences.clear();
        }
    }

    fn watermark(&mut self, millis: i64) -> Result<()> {
        let Some(windows) = &mut self.windows else { return Ok(()) };
        windows.tell(millis);
        self.seal_windows()?;
        self.collect()
    }

    fn shrink(&mut self, memory: u64) -> Result<bool> {
        if self.shape.upserts.as_ref().is_some_and(|upserts| upserts.mode == UpsertMode::Partial) {
            return Ok(false);
        }
        self.sealing = self.sealing.clone().within(memory);
        let is_large = |buffer: &Buffer| buffer.content.peak_bytes() as u64 >= self.sealing.max_bytes;
        let large: Vec<Key> = self.open.iter().filter(|(_, buffer)| is_large(buffer)).map(|(key, _)| *key).collect();
        large.into_iter().try_for_each(|key| self.seal(key, Reason::Memory))?;
        self.make_room()?;
        self.finish_builds()?;
        self.collect()?;
        Ok(true)
    }

    fn life(&self) -> Option<&str> {
        Some(&self.names.life)
    }

    fn recorded(&mut self, epoch: u64) -> Result<()> {
        let (gone, leaving) = std::mem::take(&mut self.leaving).into_iter().partition(|(of, _)| *of <= epoch);
        self.leaving = leaving;
        let gone: Vec<(u64, Vec<String>)> = gone;
        self.shape.staging.remove(gone.iter().flat_map(|(_, names)| names).map(String::as_str))
    }
}

//! The writer of one task.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::RecordBatch;
use pinotage_common::{Error, Result};
use pinotage_connector::{Context, OpenBuffer, Prepared, Writer};
use pinotage_segment::write::{ROWS_BETWEEN_CHECKS, SegmentBuilder};
use pinotage_spec::{Schema, TableConfig};
use rayon::ThreadPool;

use super::buffer::{Buffer, Names, Rows};
use super::build::{Builds, Sealed, Workbench};
use super::committable::Kept;
use super::{Sealing, StagedSegment, delta};

/// What a writer makes of rows, and where.
pub(super) struct Shape {
    pub(super) schema: Schema,
    pub(super) table: TableConfig,
    /// The folder of the run in staging.
    pub(super) folder: PathBuf,
    pub(super) sealing: Sealing,
    pub(super) archives: bool,
    /// `<table>_<job>_<run>`
    pub(super) base_name: String,
}

/// Takes the rows of a task into one open segment a partition.
pub(super) struct TaskWriter {
    shape: Shape,
    context: Context,
    pool: Arc<ThreadPool>,
    names: Names,
    /// The number of the next segment of a partition that is sealed in this epoch.
    sequences: BTreeMap<u32, u64>,
    open: BTreeMap<u32, Buffer>,
    /// Segments that are full and not built yet, by name.
    sealed: BTreeMap<String, (Rows, u64)>,
    builds: Builds,
    built: Vec<StagedSegment>,
    /// Files that the epochs recorded until now may need, and later ones do not.
    old: Vec<String>,
    /// The same, of epochs that have been prepared and of which nobody has said that they are recorded.
    leaving: Vec<(u64, Vec<String>)>,
    sealed_segments: Arc<AtomicU64>,
}

impl TaskWriter {
    pub(super) fn try_new(
        shape: Shape,
        pool: Arc<ThreadPool>,
        open: Vec<OpenBuffer>,
        context: &Context,
    ) -> Result<Self> {
        let names = Names::new(context.epoch + 1);
        let bench = Workbench {
            folder: shape.folder.clone(),
            life: names.life.clone(),
            memory: usize::try_from(shape.sealing.max_bytes).unwrap_or(usize::MAX),
            archives: shape.archives,
            pool: Arc::clone(&pool),
        };
        let builds = Builds::start(bench, shape.sealing.queue)?;
        let mut writer = Self {
            names,
            context: context.clone(),
            sequences: BTreeMap::new(),
            open: BTreeMap::new(),
            sealed: BTreeMap::new(),
            builds,
            built: Vec::new(),
            old: Vec::new(),
            leaving: Vec::new(),
            sealed_segments: context.metrics.counter("segments sealed"),
            pool,
            shape,
        };
        open.iter().try_for_each(|open| writer.restore(open))?;
        Ok(writer)
    }

    /// Takes rows of earlier epochs up again.
    fn restore(&mut self, open: &OpenBuffer) -> Result<()> {
        let kept = Kept::of(open)?;
        let mut builder = SegmentBuilder::try_new(&self.shape.schema, &self.shape.table)?;
        for file in &kept.files {
            delta::read(&self.shape.folder, file, &mut |batch| self.pool.install(|| builder.append(&batch)))?;
        }
        let rows = Rows::restored(open.partition, &kept);
        match kept.sealed {
            Some((name, epoch)) => self.build(builder, rows, name, epoch),
            // Two buffers of one partition: tasks that had no partitions of their own were put together.
            None if self.open.contains_key(&open.partition) => {
                let (name, epoch) = self.name(open.partition);
                self.build(builder, rows, name, epoch)
            }
            None => {
                self.open.insert(open.partition, Buffer { builder, kept: rows });
                Ok(())
            }
        }
    }

    fn append(&mut self, partition: u32, batch: &RecordBatch) -> Result<()> {
        let mut start = 0;
        while start < batch.num_rows() {
            let buffer = match self.open.entry(partition) {
                std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
                std::collections::btree_map::Entry::Vacant(entry) => entry.insert(Buffer {
                    builder: SegmentBuilder::try_new(&self.shape.schema, &self.shape.table)?,
                    kept: Rows::new(partition, self.context.clock.now_millis()),
                }),
            };
            let before = buffer.builder.num_docs();
            let next_check = ROWS_BETWEEN_CHECKS - before % ROWS_BETWEEN_CHECKS;
            let rows = (batch.num_rows() - start).min(self.shape.sealing.max_rows - before).min(next_check);
            let part = batch.slice(start, rows);
            self.pool.install(|| buffer.builder.append(&part))?;
            buffer.kept.push(&self.shape, &mut self.names, part)?;
            start += rows;
            let is_full = before + rows >= self.shape.sealing.max_rows
                || rows == next_check && buffer.builder.peak_bytes() as u64 >= self.shape.sealing.max_bytes;
            if is_full {
                self.seal(partition)?;
            } else if rows == next_check {
                self.make_room()?;
            }
        }
        Ok(())
    }

    /// Seals the largest segments while all of them take too much.
    fn make_room(&mut self) -> Result<()> {
        loop {
            let sizes = self.open.iter().map(|(partition, buffer)| (buffer.builder.peak_bytes() as u64, *partition));
            let (all, largest) = sizes.fold((0, (0, 0)), |(all, largest), size| (all + size.0, largest.max(size)));
            if all <= self.shape.sealing.task_bytes {
                return Ok(());
            }
            self.seal(largest.1)?;
        }
    }

    /// Seals what is too old.
    fn seal_old(&mut self) -> Result<()> {
        let Some(age) = self.shape.sealing.max_age else { return Ok(()) };
        let now = self.context.clock.now_millis();
        let is_old = |buffer: &Buffer| now - buffer.kept.since_millis >= age.as_millis() as i64;
        let old: Vec<u32> =
            self.open.iter().filter(|(_, buffer)| is_old(buffer)).map(|(partition, _)| *partition).collect();
        old.into_iter().try_for_each(|partition| self.seal(partition))
    }

    fn seal(&mut self, partition: u32) -> Result<()> {
        let Some(Buffer { builder, kept }) = self.open.remove(&partition) else { return Ok(()) };
        let (name, epoch) = self.name(partition);
        self.build(builder, kept, name, epoch)
    }

    /// The next name of a segment of a partition.
    fn name(&mut self, partition: u32) -> (String, u64) {
        let epoch = self.names.epoch;
        let sequence = self.sequences.entry(partition).or_default();
        let name = format!("{}_{epoch}_{partition}_{sequence}", self.shape.base_name);
        *sequence += 1;
        (name, epoch)
    }

    fn build(&mut self, builder: SegmentBuilder, rows: Rows, name: String, epoch: u64) -> Result<()> {
        self.sealed_segments.fetch_add(1, Ordering::Relaxed);
        self.sealed.insert(name.clone(), (rows, epoch));
        let creation_time_millis = self.context.clock.now_millis();
        self.builds.give(Sealed { builder, name, epoch, creation_time_millis })?;
        self.collect()
    }

    /// Takes what has been built by now.
    fn collect(&mut self) -> Result<()> {
        while let Some(segment) = self.builds.poll()? {
            self.take(segment);
        }
        Ok(())
    }

    fn take(&mut self, segment: StagedSegment) {
        if let Some((rows, _)) = self.sealed.remove(&segment.name) {
            self.old.extend(rows.give_up(&self.shape.folder));
        }
        self.built.push(segment);
    }
}

impl Writer for TaskWriter {
    fn write(&mut self, partition: u32, batch: RecordBatch) -> Result<()> {
        self.append(partition, &batch)?;
        self.collect()
    }

    fn prepare(&mut self, epoch: u64, last: bool) -> Result<Prepared> {
        if epoch != self.names.epoch {
            return Err(Error::unexpected(format!("epoch {epoch} ends where {} was expected", self.names.epoch)));
        }
        self.seal_old()?;
        if last {
            let open: Vec<u32> = self.open.keys().copied().collect();
            open.into_iter().try_for_each(|partition| self.seal(partition))?;
            while let Some(segment) = self.builds.wait()? {
                self.take(segment);
            }
        }
        self.collect()?;
        let mut prepared = Prepared::default();
        let mut any = false;
        for (name, (rows, epoch)) in &mut self.sealed {
            any |= !rows.is_kept();
            rows.keep(&self.shape, &mut self.names, &mut self.old)?;
            prepared.open.push(rows.kept(Some((name.clone(), *epoch))).to_open(rows.partition)?);
        }
        for buffer in self.open.values_mut() {
            any |= !buffer.kept.is_kept();
            buffer.kept.keep(&self.shape, &mut self.names, &mut self.old)?;
            prepared.open.push(buffer.kept.kept(None).to_open(buffer.kept.partition)?);
        }
        if any {
            delta::sync(&self.shape.folder)?;
        }
        // In the order in which they were sealed.
        self.built.sort_by_key(|segment| segment.epoch);
        for segment in self.built.drain(..) {
            prepared.committables.push(segment.to_committable()?);
        }
        self.leaving.push((epoch, std::mem::take(&mut self.old)));
        self.names.epoch += 1;
        self.sequences.clear();
        Ok(prepared)
    }

    fn recorded(&mut self, epoch: u64) -> Result<()> {
        let (gone, leaving) = std::mem::take(&mut self.leaving).into_iter().partition(|(of, _)| *of <= epoch);
        self.leaving = leaving;
        let gone: Vec<(u64, Vec<String>)> = gone;
        delta::remove(&self.shape.folder, gone.iter().flat_map(|(_, names)| names).map(String::as_str))
    }
}

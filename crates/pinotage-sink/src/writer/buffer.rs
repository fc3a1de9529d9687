//! The rows of a segment that is not sealed yet.

use std::path::Path;

use arrow::array::RecordBatch;
use pinotage_common::Result;
use rayon::ThreadPool;

use super::committable::{Kept, SealedAs};
use super::content::Content;
use super::delta::{self, DeltaFile, DeltaWriter};
use super::task::Shape;

/// A buffer of more files gets one in their place.
const MAX_FILES: usize = 64;

/// An open segment, and where its rows are kept.
pub(super) struct Buffer {
    pub(super) content: Content,
    pub(super) kept: Rows,
}

impl Buffer {
    /// As [`Content::append`]. Rows that the content does not hold are written at once.
    pub(super) fn append(
        &mut self,
        (shape, names): (&Shape, &mut Names),
        pool: &ThreadPool,
        batch: RecordBatch,
        max_rows: usize,
    ) -> Result<usize> {
        let held = self.content.holds_rows();
        let unheld = (!held).then(|| batch.clone());
        let rows = self.content.append(shape, pool, batch, max_rows)?;
        if let Some(batch) = unheld.filter(|_| rows > 0) {
            self.kept.write(shape, names, &batch.slice(0, rows))?;
        }
        Ok(rows)
    }

    /// Writes the rows that are in no file yet.
    pub(super) fn write_rest(&mut self, shape: &Shape, names: &mut Names) -> Result<()> {
        let rest = self.content.rows_from(self.kept.num_rows());
        rest.into_iter().try_for_each(|batch| self.kept.write(shape, names, &batch?))
    }
}

/// Rows in staging, and those on their way there.
pub(super) struct Rows {
    pub(super) partition: u32,
    /// The begin of the window of their time, if they are of one.
    pub(super) window: Option<i64>,
    /// When the first one came.
    pub(super) since_millis: i64,
    /// Files that are complete and on disk.
    files: Vec<DeltaFile>,
    /// The last ones of them, which were made since the last epoch.
    new: usize,
    /// The file that rows go to, if there were any since the last epoch.
    open: Option<DeltaWriter>,
}

impl Rows {
    pub(super) fn new((partition, window): (u32, Option<i64>), since_millis: i64) -> Self {
        Self { partition, window, since_millis, files: Vec::new(), new: 0, open: None }
    }

    pub(super) fn restored(key: (u32, Option<i64>), kept: &Kept) -> Self {
        Self { files: kept.files.clone(), ..Self::new(key, kept.since_millis) }
    }

    /// Adds rows that another task has kept.
    pub(super) fn join(&mut self, kept: &Kept) {
        self.files.extend(kept.files.iter().cloned());
        self.since_millis = self.since_millis.min(kept.since_millis);
    }

    /// Rows in files, complete ones and the open one.
    pub(super) fn num_rows(&self) -> usize {
        let open = self.open.as_ref().map_or(0, DeltaWriter::num_rows);
        (self.files.iter().map(|file| file.rows).sum::<u64>() + open) as usize
    }

    /// Writes rows that have to be kept at the end of the epoch.
    fn write(&mut self, shape: &Shape, names: &mut Names, batch: &RecordBatch) -> Result<()> {
        let folder = shape.staging.folder();
        // Text may come as dictionaries in one batch and as it is in another.
        if let Some(open) = self.open.take_if(|open| open.schema() != &batch.schema()) {
            self.files.push(open.finish(folder)?);
            self.new += 1;
        }
        let open = match &mut self.open {
            Some(open) => open,
            None => self.open.insert(DeltaWriter::create(folder, names.next(self.partition), &batch.schema())?),
        };
        open.write(folder, batch)
    }

    /// Puts what was written on disk. [`Rows::new_files`] have to be kept behind it. Files that are not needed any more are added to `old`.
    pub(super) fn keep(&mut self, shape: &Shape, names: &mut Names, old: &mut Vec<String>) -> Result<()> {
        if let Some(open) = self.open.take() {
            self.files.push(open.finish(shape.staging.folder())?);
            self.new += 1;
        }
        if self.files.len() <= MAX_FILES {
            return Ok(());
        }
        let mut joined = Rows::new((self.partition, self.window), self.since_millis);
        for file in &self.files {
            delta::read(&shape.staging, file, &mut |batch| joined.write(shape, names, &batch))?;
        }
        if let Some(open) = joined.open.take() {
            joined.files.push(open.finish(shape.staging.folder())?);
        }
        self.new = joined.files.len();
        old.extend(std::mem::replace(&mut self.files, joined.files).into_iter().map(|file| file.name));
        Ok(())
    }

    /// The names of files that were made since this was asked last.
    pub(super) fn new_files(&mut self) -> impl Iterator<Item = String> {
        let first = self.files.len().saturating_sub(std::mem::take(&mut self.new));
        self.files[first..].iter().map(|file| file.name.clone())
    }

    /// What has to be recorded of them; all rows are on disk.
    pub(super) fn kept(&self, sealed: Option<SealedAs>) -> Kept {
        let window = self.window;
        Kept { version: 1, files: self.files.clone(), since_millis: self.since_millis, window, sealed }
    }

    /// No row is needed any more: names of files that an epoch may still have recorded, and what nobody knows goes at once.
    pub(super) fn give_up(self, folder: &Path) -> Vec<String> {
        if let Some(open) = self.open {
            open.remove(folder);
        }
        self.files.into_iter().map(|file| file.name).collect()
    }
}

/// Names of files that no other process chooses, not even one that is thought dead.
#[derive(Debug)]
pub(super) struct Names {
    /// The epoch under way.
    pub(super) epoch: u64,
    /// Drawn anew by each process.
    pub(super) life: String,
    next: u64,
}

impl Names {
    pub(super) fn new(epoch: u64) -> Self {
        Self { epoch, life: format!("{:08x}", fastrand::u32(..)), next: 0 }
    }

    fn next(&mut self, partition: u32) -> String {
        self.next += 1;
        format!("{partition}-{}-{}-{}.arrow", self.epoch, self.life, self.next)
    }
}

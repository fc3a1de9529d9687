//! Rows into segments, a new one whenever the last is full.

use std::fs;
use std::path::Path;

use arrow::array::RecordBatch;
use pinotage_common::{Error, ErrorKind, Result};
use pinotage_job::file::Archive;
use pinotage_job::{InputName, NamedInput};
use pinotage_segment::write::{NameInput, ROWS_BETWEEN_CHECKS, SegmentBuilder, Workspace};
use pinotage_spec::{Rollup, SegmentNameGenerator};
use pinotage_transform::Rolled;

use crate::manifest::SegmentRecord;
use crate::prepare::Prepared;

/// The open segment of a unit, and those that are full. Where a segment is full depends on the rows alone, not on threads.
pub(crate) struct Sealing<'a> {
    job: &'a Prepared,
    pool: &'a rayon::ThreadPool,
    /// The hidden folder that segments are written to.
    staging: &'a Path,
    names: &'a SegmentNameGenerator,
    sequence: u64,
    /// What the one segment is called, in a job that makes one of each input.
    named: Option<&'a NamedInput>,
    creation_time_millis: i64,
    open: SegmentBuilder,
    sealed: Vec<SegmentRecord>,
    /// Where the table aggregates, the rows come here first.
    rolling: Option<Rolling>,
}

/// The rows of the open segment, summed up.
struct Rolling {
    rollup: Rollup,
    rolled: Rolled,
    /// Rows of the segment that were taken in.
    taken: usize,
    /// Rows of all segments that became part of others.
    merged: u64,
}

impl Rolling {
    fn try_new(job: &Prepared) -> Result<Option<Self>> {
        let Some(rollup) = Rollup::resolve(&job.schema, &job.table)? else { return Ok(None) };
        let rolled = Rolled::try_new(&rollup, &job.columns)?;
        Ok(Some(Self { rollup, rolled, taken: 0, merged: 0 }))
    }
}

impl<'a> Sealing<'a> {
    pub(crate) fn try_new(
        job: &'a Prepared,
        pool: &'a rayon::ThreadPool,
        staging: &'a Path,
        names: &'a SegmentNameGenerator,
        (sequence, named): (u64, Option<&'a NamedInput>),
        creation_time_millis: i64,
    ) -> Result<Self> {
        let open = SegmentBuilder::try_new_for(&job.schema, &job.table, job.version)?;
        let (rolling, sealed) = (Rolling::try_new(job)?, Vec::new());
        Ok(Self { job, pool, staging, names, sequence, named, creation_time_millis, open, sealed, rolling })
    }

    pub(crate) fn append(&mut self, batch: &RecordBatch) -> Result<()> {
        if self.rolling.is_some() {
            return self.roll(batch);
        }
        let limits = &self.job.plan.file.sink.segment;
        let mut start = 0;
        while start < batch.num_rows() {
            let before = self.open.num_docs();
            // Batches end where parts of a file do, if it is read in parts; a check always comes behind the same rows.
            let next_check = ROWS_BETWEEN_CHECKS - before % ROWS_BETWEEN_CHECKS;
            let rows = (batch.num_rows() - start).min(limits.max_rows - before).min(next_check);
            self.pool.install(|| self.open.append(&batch.slice(start, rows)))?;
            start += rows;
            let is_large = || rows == next_check && self.open.peak_bytes() as u64 >= limits.max_bytes.bytes();
            if before + rows == limits.max_rows || is_large() {
                self.seal()?;
            }
        }
        Ok(())
    }

    /// Sums rows up until a segment is full of what comes out.
    fn roll(&mut self, batch: &RecordBatch) -> Result<()> {
        let limits = &self.job.plan.file.sink.segment;
        let mut start = 0;
        while let Some(rolling) = self.rolling.as_mut().filter(|_| start < batch.num_rows()) {
            let next_check = ROWS_BETWEEN_CHECKS - rolling.taken % ROWS_BETWEEN_CHECKS;
            let rows = batch.slice(start, next_check.min(batch.num_rows() - start));
            let taken = rolling.rolled.push(&rows, limits.max_rows)?;
            start += taken;
            rolling.taken += taken;
            // The builder takes them over while they are still held.
            let is_large = || taken == next_check && 2 * rolling.rolled.len_bytes() as u64 >= limits.max_bytes.bytes();
            if taken < rows.num_rows() || is_large() {
                self.seal_rolled()?;
            }
        }
        Ok(())
    }

    fn seal_rolled(&mut self) -> Result<()> {
        let Some(rolling) = &mut self.rolling else { return Ok(()) };
        let next = Rolled::try_new(&rolling.rollup, &self.job.columns)?;
        let rolled = std::mem::replace(&mut rolling.rolled, next);
        rolling.merged += (std::mem::take(&mut rolling.taken) - rolled.num_rows()) as u64;
        for batch in rolled.finish()? {
            self.pool.install(|| self.open.append(&batch))?;
        }
        match self.open.num_docs() {
            0 => Ok(()),
            _ => self.seal(),
        }
    }

    /// The segments, the last one included, and the rows that became part of others.
    pub(crate) fn finish(mut self) -> Result<(Vec<SegmentRecord>, u64)> {
        if self.rolling.is_some() {
            self.seal_rolled()?;
        }
        if self.open.num_docs() > 0 {
            self.seal()?;
        }
        Ok((self.sealed, self.rolling.map_or(0, |rolling| rolling.merged)))
    }

    fn seal(&mut self) -> Result<()> {
        let next = SegmentBuilder::try_new_for(&self.job.schema, &self.job.table, self.job.version)?;
        let full = std::mem::replace(&mut self.open, next);
        let numbered = || match self.sealed.len() {
            0 => self.sequence.to_string(),
            more => format!("{}_{more}", self.sequence),
        };
        let fixed;
        let name = match self.named.map(|named| &named.name) {
            None | Some(InputName::Numbered) => NameInput { generator: self.names, sequence: Some(numbered()) },
            Some(InputName::Sequence(sequence)) => NameInput { generator: self.names, sequence: sequence.clone() },
            Some(InputName::Whole(name)) => {
                fixed = SegmentNameGenerator::Fixed { name: name.clone() };
                NameInput { generator: &fixed, sequence: None }
            }
        };
        let below = self.named.map(|named| named.folder.clone()).unwrap_or_default();
        let folder = self.staging.join(&below);
        fs::create_dir_all(&folder).map_err(|error| Error::io(error, "cannot create the output folder", &folder))?;
        let memory = usize::try_from(self.job.plan.file.sink.segment.max_bytes.bytes()).unwrap_or(usize::MAX);
        let workspace = Workspace { folder: &folder, memory };
        let segment = self.pool.install(|| full.finish_in(workspace, &name, self.creation_time_millis))?;
        let path = match self.job.plan.archive {
            Archive::Directory => segment.write_dir(&folder)?,
            Archive::TarGz => segment.write_tar_gz(&folder, self.job.plan.file.sink.archive_level)?,
        };
        if self.sealed.iter().any(|other| other.name == segment.name()) {
            return Err(Error::new(
                ErrorKind::AlreadyExists,
                format!("two segments of this input would be named `{}`", segment.name()),
            )
            .action(
                "choose another `sink.segmentName.type`, or raise `sink.segment.maxRows` so that one segment is enough",
            ));
        }
        self.sealed.push(SegmentRecord::of(&segment, &below.join(path.file_name().unwrap_or_default())));
        Ok(())
    }
}

//! Rows into segments, a new one whenever the last is full.

use std::fs;
use std::path::Path;

use arrow::array::RecordBatch;
use pinotage_common::{Error, ErrorKind, Result};
use pinotage_job::file::Archive;
use pinotage_job::{InputName, NamedInput};
use pinotage_segment::write::{NameInput, ROWS_BETWEEN_CHECKS, SegmentBuilder, Workspace};
use pinotage_spec::SegmentNameGenerator;

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
        Ok(Self { job, pool, staging, names, sequence, named, creation_time_millis, open, sealed: Vec::new() })
    }

    pub(crate) fn append(&mut self, batch: &RecordBatch) -> Result<()> {
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

    /// The segments, the last one included.
    pub(crate) fn finish(mut self) -> Result<Vec<SegmentRecord>> {
        if self.open.num_docs() > 0 {
            self.seal()?;
        }
        Ok(self.sealed)
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
            Archive::TarGz => segment.write_tar_gz(&folder)?,
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

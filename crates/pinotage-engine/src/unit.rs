//! One input file: read, select, conform, build, and put in place all at once.

use std::fs;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use pinotage_common::{Error, ErrorKind, Result};
use pinotage_formats::{Format, SourceBatch, open};
use pinotage_job::Plan;
use pinotage_job::file::Archive;
use pinotage_segment::write::{NameInput, SegmentBuilder};
use pinotage_transform::{Changes, Conformer};

use crate::manifest::{Counts, Manifest, SegmentRecord};
use crate::quarantine::{self, BadRecord};
use crate::row_sql::RowSql;
use crate::run::{Observer, Prepared};

/// Rules of bad rows that only the engine knows.
const SQL_ERROR: &str = "sql-error";

/// A built input whose segments wait under temporary names.
pub(crate) struct Built {
    counts: Counts,
    segments: Vec<SegmentRecord>,
    changes: Changes,
    staging: PathBuf,
    /// The temporary and the final name of the quarantine file; without bad rows there is only the final name, to remove.
    quarantine: (Option<PathBuf>, PathBuf),
}

/// Builds the segments of one input into a hidden folder of the output.
#[allow(clippy::too_many_arguments)]
pub(crate) fn build(
    job: &Prepared,
    path: &Path,
    format: Format,
    sequence: u64,
    creation_time_millis: i64,
    pool: &rayon::ThreadPool,
    cancelled: &dyn Fn() -> bool,
    observer: &dyn Observer,
) -> Result<Built> {
    // The job's name keeps jobs apart that share an output.
    let staging = job.plan.output.join(format!(".staging-{}-{sequence}", job.plan.file.name));
    let _ = fs::remove_dir_all(&staging);
    let unit = Unit { job, path, sequence, creation_time_millis, pool, staging: staging.clone() };
    let built = unit.build(format, cancelled, observer).map_err(|error| {
        match error.context().iter().any(|(key, _)| *key == "file") {
            true => error,
            false => error.with("file", path.display()),
        }
    });
    if built.is_err() {
        let _ = fs::remove_dir_all(&staging);
    }
    built
}

struct Unit<'a> {
    job: &'a Prepared,
    path: &'a Path,
    sequence: u64,
    creation_time_millis: i64,
    pool: &'a rayon::ThreadPool,
    staging: PathBuf,
}

impl Unit<'_> {
    fn build(&self, format: Format, cancelled: &dyn Fn() -> bool, observer: &dyn Observer) -> Result<Built> {
        let plan = &self.job.plan;
        let text = matches!(format, Format::Csv | Format::Json);
        let mut reader = open(self.path, format, &self.job.read, text.then(|| self.job.source_schema.clone()))?;
        let source = reader.schema();
        let sql = plan.file.transform.as_ref().map(|transform| RowSql::try_new(&transform.sql, &source)).transpose()?;
        let selected = sql.as_ref().map_or(source, RowSql::schema);
        let conformer =
            Conformer::try_new(&self.job.columns, self.job.table.time_column(), &selected, self.job.conform)?;
        let mut counts = Counts::default();
        let mut changes = Changes::default();
        let mut bad: Vec<BadRecord> = Vec::new();
        let mut segments = Vec::new();
        let mut builder = self.builder()?;
        let mut bytes = 0;
        while let Some(rows) = reader.next_batch()? {
            if cancelled() {
                return Err(Error::new(
                    ErrorKind::Cancelled,
                    "the run was stopped; inputs that were complete are kept",
                ));
            }
            let read = (rows.batch.num_rows() + rows.bad.len()) as u64;
            counts.read += read;
            let now = reader.bytes_read();
            observer.advanced(read, now.saturating_sub(bytes));
            bytes = now;
            let good = self.conform(&conformer, sql.as_ref(), rows, &mut counts, &mut changes, &mut bad)?;
            if bad.len() as u64 > plan.file.limits.errors {
                return Err(too_many(&bad, plan.file.limits.errors));
            }
            self.append(good, &mut builder, &mut segments)?;
        }
        if builder.num_docs() > 0 {
            self.seal(builder, &mut segments)?;
        }
        counts.written = segments.iter().map(|segment| segment.num_docs).sum();
        counts.quarantined = bad.len() as u64;
        if counts.read != counts.written + counts.filtered + counts.quarantined {
            return Err(Error::unexpected(format!(
                "of {} rows {} were written, {} filtered and {} quarantined",
                counts.read, counts.written, counts.filtered, counts.quarantined
            )));
        }
        let name = format!("{}-{}.parquet", plan.file.name, self.sequence);
        let temporary = match bad.is_empty() {
            true => None,
            false => Some(quarantine::write(
                &plan.quarantine,
                &name,
                &plan.file.name,
                &self.path.display().to_string(),
                &bad,
            )?),
        };
        Ok(Built {
            counts,
            segments,
            changes,
            staging: self.staging.clone(),
            quarantine: (temporary, plan.quarantine.join(name)),
        })
    }

    fn builder(&self) -> Result<SegmentBuilder> {
        SegmentBuilder::try_new(&self.job.schema, &self.job.table)
    }

    /// Source rows to canonical rows; what does not get through is counted with its place in the file.
    fn conform(
        &self,
        conformer: &Conformer,
        sql: Option<&RowSql>,
        source: SourceBatch,
        counts: &mut Counts,
        changes: &mut Changes,
        bad: &mut Vec<BadRecord>,
    ) -> Result<RecordBatch> {
        let SourceBatch { batch, rows, bad: unreadable } = source;
        bad.extend(unreadable.into_iter().map(|row| BadRecord {
            row_number: row.row_number,
            line: row.line,
            offset: row.offset,
            column: row.column,
            rule: row.rule,
            message: row.message,
            raw: row.raw,
        }));
        let record = |row: u32, column: Option<String>, rule, message: String| BadRecord {
            row_number: rows.row_number(row as usize),
            line: rows.line(row as usize),
            offset: rows.offset(row as usize),
            column,
            rule,
            message,
            raw: rows.raw(row as usize).map_or_else(|| row_text(&batch, row as usize), <[u8]>::to_vec),
        };
        let (selected, origin) = match sql {
            None => (batch.clone(), None),
            Some(sql) => {
                let selected = sql.apply(&batch)?;
                counts.filtered += (batch.num_rows() - selected.rows.len() - selected.bad.len()) as u64;
                bad.extend(selected.bad.into_iter().map(|(row, message)| record(row, None, SQL_ERROR, message)));
                (selected.batch, Some(selected.rows))
            }
        };
        let conformed = conformer.conform(&selected)?;
        changes.add(&conformed.changes);
        for value in conformed.bad {
            let row = origin.as_ref().map_or(Some(value.row), |rows| rows.get(value.row as usize).copied());
            bad.push(record(row.unwrap_or_default(), Some(value.column), value.rule, value.message));
        }
        Ok(conformed.batch)
    }

    /// Adds rows, sealing a segment whenever it is full. Where it is full depends on the rows alone, not on threads.
    fn append(
        &self,
        batch: RecordBatch,
        builder: &mut SegmentBuilder,
        segments: &mut Vec<SegmentRecord>,
    ) -> Result<()> {
        let limits = &self.job.plan.file.sink.segment;
        let mut start = 0;
        while start < batch.num_rows() {
            let rows = (batch.num_rows() - start).min(limits.max_rows - builder.num_docs());
            self.pool.install(|| builder.append(&batch.slice(start, rows)))?;
            start += rows;
            if builder.num_docs() == limits.max_rows || builder.len_bytes() as u64 >= limits.max_bytes.bytes() {
                let full = std::mem::replace(builder, self.builder()?);
                self.seal(full, segments)?;
            }
        }
        Ok(())
    }

    fn seal(&self, builder: SegmentBuilder, segments: &mut Vec<SegmentRecord>) -> Result<()> {
        let sequence = match segments.len() {
            0 => self.sequence.to_string(),
            more => format!("{}_{more}", self.sequence),
        };
        let name = NameInput { generator: &self.job.names, sequence: Some(sequence) };
        let segment = self.pool.install(|| builder.finish(&name, self.creation_time_millis))?;
        fs::create_dir_all(&self.staging)
            .map_err(|error| Error::io(error, "cannot create the output folder", &self.staging))?;
        let path = match self.job.plan.file.sink.archive {
            Archive::Directory => segment.write_dir(&self.staging)?,
            Archive::TarGz => segment.write_tar_gz(&self.staging)?,
        };
        if segments.iter().any(|other| other.name == segment.name()) {
            return Err(Error::new(
                ErrorKind::AlreadyExists,
                format!("two segments of this input would be named `{}`", segment.name()),
            )
            .action(
                "choose another `sink.segmentName.type`, or raise `sink.segment.maxRows` so that one segment is enough",
            ));
        }
        segments.push(SegmentRecord {
            name: segment.name().to_owned(),
            file: path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
            crc: segment.crc(),
            num_docs: u64::from(segment.num_docs()),
        });
        Ok(())
    }
}

/// A row of a format without text, as JSON.
fn row_text(batch: &RecordBatch, row: usize) -> Vec<u8> {
    let mut writer = arrow::json::LineDelimitedWriter::new(Vec::new());
    match writer.write(&batch.slice(row, 1)).and_then(|()| writer.finish()) {
        Ok(()) => {
            let mut text = writer.into_inner();
            text.truncate(text.trim_ascii_end().len());
            text
        }
        Err(_) => Vec::new(),
    }
}

fn too_many(bad: &[BadRecord], limit: u64) -> Error {
    let shown: Vec<String> = bad.iter().take(3).map(BadRecord::describe).collect();
    Error::invalid_data(format!("more than {limit} bad rows, the first: {}", shown.join("; ")))
        .action("correct these rows, or raise `limits.errors`; nothing of this input was written")
}

impl Built {
    /// A segment of another input must not be replaced.
    pub(crate) fn check_names(&self, manifest: &Manifest, uri: &str) -> Result<()> {
        for segment in &self.segments {
            if let Some(owner) = manifest.owner(&segment.name)?.filter(|owner| owner != uri) {
                return Err(Error::new(
                    ErrorKind::AlreadyExists,
                    format!("the segment `{}` of `{owner}` has the same name", segment.name),
                )
                .action("choose another `sink.segmentName`, so that every input's segments have names of their own"));
            }
        }
        Ok(())
    }

    /// Moves segments and quarantine to their final names.
    ///
    /// A crash in between leaves whole segments that the manifest does not know; the next run builds the same ones over them.
    pub(crate) fn publish(self, plan: &Plan, old: &[SegmentRecord]) -> Result<(Counts, Vec<SegmentRecord>, Changes)> {
        for segment in &self.segments {
            let (from, to) = (self.staging.join(&segment.file), plan.output.join(&segment.file));
            let failed = |error| Error::io(error, "cannot put the segment in place", &to);
            if to.is_dir() {
                // A folder cannot be replaced in one step: the old one steps aside first.
                let aside = aside(plan, segment);
                let _ = fs::remove_dir_all(&aside);
                fs::rename(&to, &aside).map_err(failed)?;
                fs::rename(&from, &to).map_err(failed)?;
                let _ = fs::remove_dir_all(&aside);
            } else {
                fs::rename(&from, &to).map_err(failed)?;
            }
        }
        let (temporary, target) = &self.quarantine;
        match temporary {
            Some(temporary) => fs::rename(temporary, target)
                .map_err(|error| Error::io(error, "cannot put the quarantine in place", target))?,
            None if !old.is_empty() && target.exists() => {
                fs::remove_file(target)
                    .map_err(|error| Error::io(error, "cannot remove the old quarantine", target))?;
            }
            None => {}
        }
        let _ = fs::remove_dir_all(&self.staging);
        Ok((self.counts, self.segments, self.changes))
    }
}

/// Where a folder waits while it is replaced; a run that was killed right then leaves it for the next one to remove.
pub(crate) fn aside(plan: &Plan, segment: &SegmentRecord) -> PathBuf {
    plan.output.join(format!(".{}.old", segment.file))
}

/// Removes segments of an earlier version of the input that its new version does not have.
pub(crate) fn remove_old(plan: &Plan, old: &[SegmentRecord], new: &[SegmentRecord]) -> Result<()> {
    for segment in old.iter().filter(|segment| !new.iter().any(|kept| kept.file == segment.file)) {
        let path = plan.output.join(&segment.file);
        let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        match removed {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::io(error, "cannot remove the old segment", &path));
            }
            _ => {}
        }
    }
    Ok(())
}

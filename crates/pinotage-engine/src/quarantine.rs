//! Bad rows, as a Parquet file for each unit.

mod files;
mod parse;
mod replay;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use pinotage_common::{Error, ErrorKind, Result};
use pinotage_connector::row_json;
use pinotage_formats::{BadRow, RowPositions};

pub use files::{QuarantineFile, QuarantineFilter, QuarantineRows, quarantine_files};
pub(crate) use replay::{Replay, replay_plan};
pub use replay::{job_quarantine_files, prepare_replay};

/// The columns of a quarantine file: name, type, and whether a value may be missing.
const FIELDS: [(&str, DataType, bool); 11] = [
    ("file", DataType::Utf8, false),
    ("row_number", DataType::UInt64, false),
    ("line", DataType::UInt64, true),
    ("offset", DataType::UInt64, true),
    ("column", DataType::Utf8, true),
    ("rule", DataType::Utf8, false),
    ("message", DataType::Utf8, false),
    ("raw", DataType::Binary, false),
    ("job", DataType::Utf8, false),
    ("run", DataType::Utf8, false),
    ("epoch", DataType::UInt64, false),
];

/// Bad rows wait in memory for their file until they are so many or so large.
const BUFFERED_ROWS: usize = 1000;
const BUFFERED_BYTES: usize = 1 << 20;

/// A row that did not get into a segment.
#[derive(Debug, Clone)]
pub(crate) struct BadRecord {
    pub(crate) file: Arc<str>,
    pub(crate) row_number: u64,
    pub(crate) line: Option<u64>,
    pub(crate) offset: Option<u64>,
    pub(crate) column: Option<String>,
    pub(crate) rule: &'static str,
    pub(crate) message: String,
    pub(crate) raw: Vec<u8>,
}

impl BadRecord {
    /// A record that did not become a row.
    pub(crate) fn unreadable(file: &Arc<str>, row: BadRow) -> Self {
        let BadRow { row_number, line, offset, column, rule, message, raw } = row;
        Self { file: Arc::clone(file), row_number, line, offset, column, rule, message, raw }
    }

    /// A bad row of a source.
    pub(crate) fn of_source(row: pinotage_connector::BadRow) -> Self {
        let pinotage_connector::BadRow { place, column, rule, message, raw } = row;
        let pinotage_connector::Place { file, row_number, line, offset } = place;
        Self { file: file.into(), row_number, line, offset, column, rule, message, raw }
    }

    /// Row `row` of a batch of a file, which breaks a rule.
    pub(crate) fn of_row(
        file: &Arc<str>,
        batch: &RecordBatch,
        rows: &RowPositions,
        row: u32,
        (column, rule, message): (Option<String>, &'static str, String),
    ) -> Self {
        let row = row as usize;
        Self {
            file: Arc::clone(file),
            row_number: rows.row_number(row),
            line: rows.line(row),
            offset: rows.offset(row),
            column,
            rule,
            message,
            raw: rows.raw(row).map_or_else(|| row_json(batch, row), <[u8]>::to_vec),
        }
    }

    /// One line for a person.
    fn describe(&self) -> String {
        let place = match self.line {
            Some(line) => format!("line {line}"),
            None => format!("row {}", self.row_number),
        };
        let column = self.column.as_ref().map(|column| format!(", column `{column}`")).unwrap_or_default();
        format!("{place}{column}: {} ({})", self.message, self.rule)
    }
}

/// The job and run that a bad row belongs to.
#[derive(Debug, Clone)]
pub(crate) struct RunId {
    pub(crate) job: String,
    /// Drawn when the job's state was made.
    pub(crate) run: String,
    /// Counts the runs that had something to do, or the epochs of a job that runs in epochs, from 1.
    pub(crate) epoch: u64,
}

/// Writes the bad rows of one unit or epoch under a temporary name; whoever publishes it renames the file.
pub(crate) struct Quarantine {
    folder: PathBuf,
    name: String,
    id: RunId,
    buffer: Vec<BadRecord>,
    bytes: usize,
    written: u64,
    first: Vec<String>,
    writer: Option<(PathBuf, ArrowWriter<File>)>,
}

impl Quarantine {
    pub(crate) fn new(folder: &Path, name: &str, id: &RunId) -> Self {
        let (folder, name, id) = (folder.to_owned(), name.to_owned(), id.clone());
        Self { folder, name, id, buffer: Vec::new(), bytes: 0, written: 0, first: Vec::new(), writer: None }
    }

    pub(crate) fn push(&mut self, row: BadRecord) -> Result<()> {
        if self.first.len() < 3 {
            self.first.push(row.describe());
        }
        self.bytes += row.raw.len() + row.message.len();
        self.buffer.push(row);
        match self.buffer.len() >= BUFFERED_ROWS || self.bytes >= BUFFERED_BYTES {
            true => self.flush(),
            false => Ok(()),
        }
    }

    pub(crate) fn rows(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    /// The first rows, for a person.
    pub(crate) fn first(&self) -> String {
        self.first.join("; ")
    }

    /// The temporary file, complete and on disk; `None` without bad rows.
    pub(crate) fn finish(mut self) -> Result<Option<PathBuf>> {
        self.flush()?;
        let Some((path, writer)) = self.writer else { return Ok(None) };
        let file = writer.into_inner().map_err(|error| failed(&path, error))?;
        file.sync_all().map_err(|error| Error::io(error, "cannot write the quarantine", &path))?;
        Ok(Some(path))
    }

    fn flush(&mut self) -> Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let batch = self.batch()?;
        let (path, writer) = match &mut self.writer {
            Some(open) => open,
            None => {
                fs::create_dir_all(&self.folder)
                    .map_err(|error| Error::io(error, "cannot create the quarantine", &self.folder))?;
                let path = self.folder.join(format!(".{}.tmp", self.name));
                let file =
                    File::create(&path).map_err(|error| Error::io(error, "cannot write the quarantine", &path))?;
                let writer = ArrowWriter::try_new(file, batch.schema(), None).map_err(|error| failed(&path, error))?;
                self.writer.insert((path, writer))
            }
        };
        writer.write(&batch).map_err(|error| failed(path, error))?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        self.bytes = 0;
        Ok(())
    }

    fn batch(&self) -> Result<RecordBatch> {
        let rows = &self.buffer;
        let text = |of: &dyn Fn(&BadRecord) -> Option<String>| -> ArrayRef {
            Arc::new(rows.iter().map(of).collect::<StringArray>())
        };
        let number = |of: &dyn Fn(&BadRecord) -> Option<u64>| -> ArrayRef {
            Arc::new(rows.iter().map(of).collect::<UInt64Array>())
        };
        let columns = vec![
            text(&|row| Some(row.file.to_string())),
            number(&|row| Some(row.row_number)),
            number(&|row| row.line),
            number(&|row| row.offset),
            text(&|row| row.column.clone()),
            text(&|row| Some(row.rule.to_owned())),
            text(&|row| Some(row.message.clone())),
            Arc::new(BinaryArray::from_iter_values(rows.iter().map(|row| &row.raw))) as ArrayRef,
            text(&|_| Some(self.id.job.clone())),
            text(&|_| Some(self.id.run.clone())),
            number(&|_| Some(self.id.epoch)),
        ];
        let fields = FIELDS.map(|(name, data_type, nullable)| Field::new(name, data_type, nullable));
        RecordBatch::try_new(Arc::new(Schema::new(fields.to_vec())), columns)
            .map_err(|error| Error::unexpected("cannot make the quarantine's rows").caused_by(error))
    }
}

fn failed(path: &Path, error: parquet::errors::ParquetError) -> Error {
    Error::new(ErrorKind::Unavailable, "cannot write the quarantine").with("file", path.display()).caused_by(error)
}

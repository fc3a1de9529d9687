//! Bad rows, as a Parquet file for each input.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, RecordBatch, StringArray, UInt64Array};
use parquet::arrow::ArrowWriter;
use pinotage_common::{Error, Result};

/// A row that did not get into a segment.
#[derive(Debug, Clone)]
pub(crate) struct BadRecord {
    pub(crate) row_number: u64,
    pub(crate) line: Option<u64>,
    pub(crate) offset: Option<u64>,
    pub(crate) column: Option<String>,
    pub(crate) rule: &'static str,
    pub(crate) message: String,
    pub(crate) raw: Vec<u8>,
}

impl BadRecord {
    /// One line for a person.
    pub(crate) fn describe(&self) -> String {
        let place = match self.line {
            Some(line) => format!("line {line}"),
            None => format!("row {}", self.row_number),
        };
        let column = self.column.as_ref().map(|column| format!(", column `{column}`")).unwrap_or_default();
        format!("{place}{column}: {} ({})", self.message, self.rule)
    }
}

/// Writes the rows of one input under a temporary name; the caller renames it when the unit is complete.
pub(crate) fn write(folder: &Path, name: &str, job: &str, input: &str, rows: &[BadRecord]) -> Result<PathBuf> {
    fs::create_dir_all(folder).map_err(|error| Error::io(error, "cannot create the quarantine", folder))?;
    let path = folder.join(format!(".{name}.tmp"));
    let failed = |error: parquet::errors::ParquetError| {
        Error::new(pinotage_common::ErrorKind::Unavailable, "cannot write the quarantine")
            .with("file", path.display())
            .caused_by(error)
    };
    let text = |of: &dyn Fn(&BadRecord) -> Option<String>| -> ArrayRef {
        Arc::new(rows.iter().map(of).collect::<StringArray>())
    };
    let number =
        |of: &dyn Fn(&BadRecord) -> Option<u64>| -> ArrayRef { Arc::new(rows.iter().map(of).collect::<UInt64Array>()) };
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("file", text(&|_| Some(input.to_owned())), false),
        ("row_number", number(&|row| Some(row.row_number)), false),
        ("line", number(&|row| row.line), true),
        ("offset", number(&|row| row.offset), true),
        ("column", text(&|row| row.column.clone()), true),
        ("rule", text(&|row| Some(row.rule.to_owned())), false),
        ("message", text(&|row| Some(row.message.clone())), false),
        ("raw", Arc::new(BinaryArray::from_iter_values(rows.iter().map(|row| &row.raw))) as ArrayRef, false),
        ("job", text(&|_| Some(job.to_owned())), false),
    ])
    .map_err(|error| Error::unexpected("cannot make the quarantine's rows").caused_by(error))?;
    let file = File::create(&path).map_err(|error| Error::io(error, "cannot write the quarantine", &path))?;
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).map_err(failed)?;
    writer.write(&batch).map_err(failed)?;
    let file = writer.into_inner().map_err(failed)?;
    file.sync_all().map_err(|error| Error::io(error, "cannot write the quarantine", &path))?;
    Ok(path)
}

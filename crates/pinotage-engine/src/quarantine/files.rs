//! Quarantine files, as they lie in their folders.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, BooleanArray, RecordBatch, StringArray};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt64Type};
use pinotage_common::{Error, Result};
use pinotage_formats::{Format, ReadOptions, SourceReader, open};
use serde::Serialize;

/// Rows that are read at a time: each may be as large as a row can be.
const BATCH_ROWS: usize = 256;

/// A file of bad rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct QuarantineFile {
    /// Where it lies.
    pub path: PathBuf,
    /// The job that wrote it.
    pub job: String,
    /// The run of that job's state.
    pub run: String,
    /// The epoch of that run.
    pub epoch: u64,
    /// Its rows.
    pub rows: u64,
    /// Its rows by the rule that they break.
    pub rules: BTreeMap<String, u64>,
    /// Rows that have been replayed; none for a file that a replay does not look at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replayed: Option<u64>,
}

/// Which bad rows are wanted.
#[derive(Debug, Clone, Default)]
pub struct QuarantineFilter {
    /// Those that break this rule.
    pub rule: Option<String>,
    /// Those of this file, named as in the quarantine or by the end of that name.
    pub file: Option<String>,
    /// Those with a wrong value in this column.
    pub column: Option<String>,
    /// So many.
    pub limit: Option<usize>,
}

/// The names of the files in a folder that may be quarantine files, sorted; nothing when there is no such folder.
pub(crate) fn names(folder: &Path) -> Result<Vec<String>> {
    let failed = |error| Error::io(error, "cannot look into the quarantine", folder);
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
        // What begins with a point is being written, or waits for its epoch.
        if name.ends_with(".parquet") && !name.starts_with('.') {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// The files in a folder, by job, run and epoch.
///
/// # Errors
///
/// `schema-mismatch` for a file that has no bad rows in it; those of reading.
pub fn quarantine_files(folder: &Path) -> Result<Vec<QuarantineFile>> {
    let mut files = names(folder)?.iter().map(|name| describe(&folder.join(name))).collect::<Result<Vec<_>>>()?;
    files.sort_by(|one, other| {
        (&one.job, &one.run, one.epoch, &one.path).cmp(&(&other.job, &other.run, other.epoch, &other.path))
    });
    Ok(files)
}

fn describe(path: &Path) -> Result<QuarantineFile> {
    let mut file = QuarantineFile {
        path: path.to_owned(),
        job: String::new(),
        run: String::new(),
        epoch: 0,
        rows: 0,
        rules: BTreeMap::new(),
        replayed: None,
    };
    let mut reader = reader(path, Some(&["rule", "job", "run", "epoch"]))?;
    while let Some(rows) = reader.next_batch()? {
        let batch = BadRows::of(&rows.batch);
        for row in 0..rows.batch.num_rows() {
            if file.rows == 0 {
                let text = |name| batch.text(name, row).map(|text| text.unwrap_or_default().to_owned());
                (file.job, file.run, file.epoch) =
                    (text("job")?, text("run")?, batch.number("epoch", row)?.unwrap_or(0));
            }
            file.rows += 1;
            *file.rules.entry(batch.text("rule", row)?.unwrap_or_default().to_owned()).or_default() += 1;
        }
    }
    Ok(file)
}

/// Opens a quarantine file.
pub(crate) fn reader(path: &Path, columns: Option<&[&str]>) -> Result<Box<dyn SourceReader>> {
    let columns = columns.map(|columns| columns.iter().map(|name| (*name).to_owned()).collect());
    let options = ReadOptions { columns, batch_rows: BATCH_ROWS, ..ReadOptions::default() };
    let opened = open(path, Format::Parquet, &options, None).map_err(|error| {
        error.with("quarantine", path.display()).action("name a folder that has quarantine files alone")
    })?;
    Ok(opened)
}

/// A batch of a quarantine file.
pub(crate) struct BadRows<'a>(&'a RecordBatch);

impl<'a> BadRows<'a> {
    pub(crate) fn of(batch: &'a RecordBatch) -> Self {
        Self(batch)
    }

    fn column(&self, name: &str, is: &DataType) -> Result<&'a ArrayRef> {
        self.0.column_by_name(name).filter(|column| column.data_type() == is).ok_or_else(|| {
            Error::schema_mismatch("a file in the quarantine is none of bad rows")
                .with("column", name)
                .action("name a folder that has quarantine files alone")
        })
    }

    pub(crate) fn text(&self, name: &str, row: usize) -> Result<Option<&'a str>> {
        let column = self.column(name, &DataType::Utf8)?;
        Ok(column.is_valid(row).then(|| column.as_string::<i32>().value(row)))
    }

    pub(crate) fn number(&self, name: &str, row: usize) -> Result<Option<u64>> {
        let column = self.column(name, &DataType::UInt64)?;
        Ok(column.is_valid(row).then(|| column.as_primitive::<UInt64Type>().value(row)))
    }

    pub(crate) fn raw(&self, row: usize) -> Result<&'a [u8]> {
        Ok(self.column("raw", &DataType::Binary)?.as_binary::<i32>().value(row))
    }
}

/// The rows of quarantine files, one file after the other.
pub struct QuarantineRows {
    schema: SchemaRef,
    files: std::vec::IntoIter<PathBuf>,
    open: Option<Box<dyn SourceReader>>,
    filter: QuarantineFilter,
    left: usize,
}

impl QuarantineRows {
    /// The rows of some files that a filter lets pass.
    pub fn new(files: Vec<PathBuf>, filter: QuarantineFilter) -> Self {
        let fields = super::FIELDS.iter().map(|(name, data_type, nullable)| match *name {
            "raw" => Field::new(*name, DataType::Utf8, false),
            _ => Field::new(*name, data_type.clone(), *nullable),
        });
        Self {
            schema: Arc::new(Schema::new(fields.collect::<Vec<_>>())),
            files: files.into_iter(),
            open: None,
            left: filter.limit.unwrap_or(usize::MAX),
            filter,
        }
    }

    /// The columns, which are those of the files, with the bytes of a row as text.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn passes(&self, rows: &BadRows<'_>, row: usize) -> Result<bool> {
        let is = |wanted: &Option<String>, name| match wanted {
            None => Ok(true),
            Some(wanted) => rows.text(name, row).map(|found| found == Some(wanted)),
        };
        let file = match &self.filter.file {
            None => true,
            Some(wanted) => {
                let found = rows.text("file", row)?.unwrap_or_default();
                found.strip_suffix(wanted.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
            }
        };
        Ok(file && is(&self.filter.rule, "rule")? && is(&self.filter.column, "column")?)
    }

    fn filtered(&mut self, batch: &RecordBatch) -> Result<RecordBatch> {
        let rows = BadRows::of(batch);
        let mut keep = Vec::with_capacity(batch.num_rows());
        let mut raw = Vec::new();
        for row in 0..batch.num_rows() {
            let passes = self.left > 0 && self.passes(&rows, row)?;
            self.left -= usize::from(passes);
            keep.push(passes);
            raw.push(String::from_utf8_lossy(rows.raw(row)?));
        }
        let columns = self.schema.fields().iter().map(|field| match field.name().as_str() {
            "raw" => Ok(Arc::new(raw.iter().map(Some).collect::<StringArray>()) as ArrayRef),
            name => rows.column(name, field.data_type()).map(Arc::clone),
        });
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns.collect::<Result<_>>()?);
        batch
            .and_then(|batch| filter_record_batch(&batch, &BooleanArray::from(keep)))
            .map_err(|error| Error::schema_mismatch("a file in the quarantine is none of bad rows").caused_by(error))
    }

    fn step(&mut self) -> Result<Option<RecordBatch>> {
        while self.left > 0 {
            let Some(open) = &mut self.open else {
                let Some(path) = self.files.next() else { break };
                self.open = Some(reader(&path, None)?);
                continue;
            };
            match open.next_batch()? {
                None => self.open = None,
                Some(rows) => {
                    let batch = self.filtered(&rows.batch)?;
                    if batch.num_rows() > 0 {
                        return Ok(Some(batch));
                    }
                }
            }
        }
        Ok(None)
    }
}

impl Iterator for QuarantineRows {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.step();
        if next.is_err() {
            self.left = 0;
        }
        next.transpose()
    }
}

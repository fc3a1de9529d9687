//! One part of a folder: its rows in one file, or divided by a column's values.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array as _, RecordBatch, UInt32Array};
use arrow::compute::{cast, take_record_batch};
use arrow::datatypes::{DataType, SchemaRef};
use pinotage_common::{Error, Result};

use super::record::FileRecord;
use super::write::{RowFormat, WholeFile};

/// Files that one part writes at a time.
const MAX_OPEN: usize = 64;

/// What Hive calls the folder of rows without a value.
const NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// Where and how a part is written.
pub(super) struct PartWriter<'a> {
    pub(super) folder: &'a Path,
    /// The files' name without its end.
    pub(super) name: &'a str,
    pub(super) schema: &'a SchemaRef,
    pub(super) format: RowFormat,
    pub(super) partition_by: Option<&'a str>,
}

impl PartWriter<'_> {
    /// Writes all rows; the files are complete and in their places.
    pub(super) fn write(&self, rows: impl Iterator<Item = Result<RecordBatch>>) -> Result<Vec<FileRecord>> {
        let Some(column) = self.partition_by else {
            let path = self.path(Path::new(""), 0);
            let (rows, bytes) = super::write_file(&self.folder.join(&path), self.schema, self.format, rows)?;
            return Ok(vec![FileRecord { path, rows, bytes }]);
        };
        let at = self.schema.index_of(column).map_err(|error| Error::unexpected("no such column").caused_by(error))?;
        let others: Vec<usize> = (0..self.schema.fields().len()).filter(|other| *other != at).collect();
        let project = |error| Error::unexpected("cannot divide rows").caused_by(error);
        let schema = Arc::new(self.schema.project(&others).map_err(project)?);
        let mut done = Vec::new();
        let mut open = Open::new();
        for batch in rows {
            let batch = batch?;
            for (place, rows) in divided(&batch, at, column)? {
                if !open.contains_key(&place) && open.len() >= MAX_OPEN {
                    // All begin again, each value in a further file.
                    done.extend(close(&mut open)?);
                }
                let (_, file) = match open.entry(place) {
                    Entry::Occupied(file) => file.into_mut(),
                    Entry::Vacant(vacant) => {
                        let path = self.path(vacant.key(), done.len());
                        let file = WholeFile::create(self.folder.join(&path), &schema, self.format)?;
                        vacant.insert((path, file))
                    }
                };
                let rows = take_record_batch(&batch, &rows).and_then(|rows| rows.project(&others)).map_err(project)?;
                file.write(&rows)?;
            }
        }
        done.extend(close(&mut open)?);
        Ok(done)
    }

    fn path(&self, place: &Path, number: usize) -> PathBuf {
        let number = if number == 0 { String::new() } else { format!("-{number}") };
        place.join(format!("{}{number}.{}", self.name, self.format.extension()))
    }
}

/// Files by their folders, with their relative paths.
type Open = BTreeMap<PathBuf, (PathBuf, WholeFile)>;

fn close(open: &mut Open) -> Result<Vec<FileRecord>> {
    let close = |(path, file): (PathBuf, WholeFile)| {
        let (rows, bytes) = file.finish()?;
        Ok(FileRecord { path, rows, bytes })
    };
    std::mem::take(open).into_values().map(close).collect()
}

/// The rows of each value, by its folder.
fn divided(batch: &RecordBatch, at: usize, column: &str) -> Result<BTreeMap<PathBuf, UInt32Array>> {
    let values = batch.column(at);
    let texts = cast(values, &DataType::Utf8).map_err(|error| {
        Error::unsupported("rows cannot be divided by this column")
            .with("column", column)
            .action("name a column of numbers or texts")
            .caused_by(error)
    })?;
    let texts = arrow::array::AsArray::as_string::<i32>(&texts);
    let mut rows: BTreeMap<Option<&str>, Vec<u32>> = BTreeMap::new();
    for row in 0..texts.len() {
        rows.entry(texts.is_valid(row).then(|| texts.value(row))).or_default().push(row as u32);
    }
    let folder =
        |value: Option<&str>| PathBuf::from(format!("{}={}", escaped(column), value.map_or(NULL.into(), escaped)));
    Ok(rows.into_iter().map(|(value, rows)| (folder(value), UInt32Array::from(rows))).collect())
}

/// As Hive and Spark write names of folders, so that no value leaves its folder.
fn escaped(text: &str) -> String {
    if text.is_empty() {
        return NULL.into();
    }
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '#' | '%' | '\'' | '*' | '/' | ':' | '=' | '?' | '\\' | '{' | '}' | '[' | ']' | '^' => {
                escaped.push_str(&format!("%{:02X}", u32::from(c)));
            }
            c if c.is_ascii_control() => escaped.push_str(&format!("%{:02X}", u32::from(c))),
            c => escaped.push(c),
        }
    }
    escaped
}

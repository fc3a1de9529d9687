//! The sink of the recipe: files of JSON, a row a line. A file has some rows at least, so that short epochs make no small files.

use std::fs::{self, File};
use std::io::{ErrorKind as IoError, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use pinotage_common::{Error, ErrorKind, Result};
use pinotage_connector::kit::{SinkCase, SinkTarget};
use pinotage_connector::{Committable, Committer, Context, Delivery, OpenBuffer, Prepared, Sink, Writer, row_json};

/// The words in which open rows are kept: this, and the name of their file.
const KEPT: &str = "1 ";

/// The words of committables.
const VERSION: u32 = 1;

/// A folder. `rows` is what a file has at least.
#[derive(Clone)]
pub(crate) struct JsonLines {
    pub(crate) folder: PathBuf,
    pub(crate) rows: usize,
}

impl Sink for JsonLines {
    fn delivery(&self) -> Delivery {
        // A file comes once, by its name; those of an epoch come one by one.
        Delivery::Idempotent
    }

    fn open(&self, open: Vec<OpenBuffer>, context: &Context) -> Result<Box<dyn Writer>> {
        let mut lines = Vec::new();
        for buffer in open {
            let Some(name) = buffer.detail.strip_prefix(KEPT) else {
                return Err(Error::unsupported("open rows were kept by a later version").with("rows", buffer.detail));
            };
            let path = self.folder.join(name);
            let text = fs::read_to_string(&path).map_err(|error| Error::io(error, "cannot read open rows", &path))?;
            lines.extend(text.lines().map(str::to_owned));
        }
        let prefix = prefix(context);
        Ok(Box::new(LineWriter { sink: self.clone(), prefix, task: context.task, lines, old: Vec::new() }))
    }

    fn committer(&self, context: &Context) -> Result<Box<dyn Committer>> {
        Ok(Box::new(LineCommitter { folder: self.folder.clone(), prefix: prefix(context) }))
    }
}

/// What the names of all files of a run begin with, and of no other.
fn prefix(context: &Context) -> String {
    format!("{}_{}_", context.job, context.run)
}

struct LineWriter {
    sink: JsonLines,
    prefix: String,
    task: u32,
    /// Rows that are in no committable.
    lines: Vec<String>,
    /// Files with open rows, and the epochs whose records need them.
    old: Vec<(u64, PathBuf)>,
}

impl Writer for LineWriter {
    fn write(&mut self, _partition: u32, batch: RecordBatch) -> Result<()> {
        for row in 0..batch.num_rows() {
            self.lines.push(String::from_utf8_lossy(&row_json(&batch, row)).into_owned());
        }
        Ok(())
    }

    fn prepare(&mut self, epoch: u64, last: bool) -> Result<Prepared> {
        let mut prepared = Prepared::default();
        if self.lines.is_empty() {
            return Ok(prepared);
        }
        let rows = self.lines.len() as u64;
        let is_full = last || self.lines.len() >= self.sink.rows;
        let kind = if is_full { "json" } else { "open" };
        // Nobody but who has recorded this epoch refers to the file: one that a killed process left is overwritten.
        let name = format!(".{}{epoch}_{}.{kind}", self.prefix, self.task);
        let path = self.sink.folder.join(&name);
        let failed = |error| Error::io(error, "cannot write rows", &path);
        let mut file = File::create(&path).map_err(failed)?;
        let text = self.lines.join("\n") + "\n";
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
        if is_full {
            self.lines.clear();
            prepared.committables.push(Committable { version: VERSION, rows, detail: name });
        } else {
            self.old.push((epoch, path));
            prepared.open.push(OpenBuffer { partition: self.task, rows, detail: format!("{KEPT}{name}") });
        }
        Ok(prepared)
    }

    fn recorded(&mut self, epoch: u64) -> Result<()> {
        // Who goes on behind this epoch needs its own files, and none of earlier ones.
        let (gone, kept) = std::mem::take(&mut self.old).into_iter().partition(|(of, _)| *of < epoch);
        self.old = kept;
        let gone: Vec<(u64, PathBuf)> = gone;
        gone.iter().try_for_each(|(_, path)| remove(path))
    }
}

struct LineCommitter {
    folder: PathBuf,
    prefix: String,
}

impl LineCommitter {
    /// Where a file waits, and where it is seen.
    fn places(&self, committable: &Committable) -> Result<(PathBuf, PathBuf)> {
        match (committable.version, committable.detail.strip_prefix('.')) {
            (VERSION, Some(name)) => Ok((self.folder.join(&committable.detail), self.folder.join(name))),
            _ => Err(Error::unsupported("a later version has prepared this").with("version", committable.version)),
        }
    }
}

impl Committer for LineCommitter {
    fn commit(&mut self, committables: &[Committable]) -> Result<()> {
        for committable in committables {
            let (waits, seen) = self.places(committable)?;
            // An earlier call, perhaps of a process that was killed, has brought it in.
            if !seen.exists() {
                fs::rename(&waits, &seen).map_err(|error| Error::io(error, "cannot bring rows in", &waits))?;
            }
        }
        File::open(&self.folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|error| Error::io(error, "cannot bring rows in", &self.folder))
    }

    fn abort(&mut self, committables: &[Committable]) -> Result<()> {
        committables.iter().try_for_each(|committable| remove(&self.places(committable)?.0))
    }

    fn check(&mut self, epoch: u64) -> Result<()> {
        for name in names(&self.folder)? {
            let of_run = name.strip_prefix(&self.prefix).and_then(|rest| rest.split('_').next()?.parse::<u64>().ok());
            if of_run.is_some_and(|found| found > epoch) {
                return Err(Error::new(ErrorKind::CommitConflict, "the folder has a later epoch than the state")
                    .with("file", name)
                    .action("the state was set back or copied: bring back the latest one"));
            }
        }
        Ok(())
    }
}

fn names(folder: &Path) -> Result<Vec<String>> {
    let failed = |error| Error::io(error, "cannot list the folder", folder);
    let entries = fs::read_dir(folder).map_err(failed)?.collect::<std::io::Result<Vec<_>>>().map_err(failed)?;
    Ok(entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != IoError::NotFound => Err(Error::io(error, "cannot remove old rows", path)),
        _ => Ok(()),
    }
}

/// An empty folder for each case of the kit.
pub(crate) struct Folder {
    folder: tempfile::TempDir,
    rows: usize,
}

impl Folder {
    pub(crate) fn new(rows: usize) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), rows }
    }

    pub(crate) fn lines(&self) -> JsonLines {
        JsonLines { folder: self.folder.path().to_owned(), rows: self.rows }
    }
}

impl SinkTarget for Folder {
    fn sink(&self) -> Box<dyn Sink> {
        Box::new(self.lines())
    }

    fn rows(&self) -> Vec<RecordBatch> {
        let seen = names(self.folder.path()).unwrap().into_iter().filter(|name| !name.starts_with('.'));
        let open = |name| File::open(self.folder.path().join(name)).unwrap();
        seen.flat_map(|name| {
            let reader = arrow::json::ReaderBuilder::new(batch(0..0).schema());
            let batches = reader.build(std::io::BufReader::new(open(name))).unwrap();
            batches.map(|batch| batch.unwrap()).collect::<Vec<_>>()
        })
        .collect()
    }
}

pub(crate) fn batch(ids: std::ops::Range<i64>) -> RecordBatch {
    let names: ArrayRef = Arc::new(StringArray::from_iter_values(ids.clone().map(|id| format!("row {id}"))));
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(ids));
    RecordBatch::try_from_iter([("id", ids), ("name", names)]).unwrap()
}

pub(crate) fn epochs() -> Vec<RecordBatch> {
    vec![batch(0..40), batch(40..41), batch(41..120), batch(120..133)]
}

#[test]
fn holds_the_promises_of_sinks() {
    for rows in [1, 25, 1000] {
        SinkCase { make: &|| Box::new(Folder::new(rows)), epochs: &epochs() }.all();
    }
}

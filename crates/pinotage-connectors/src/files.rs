//! Files as a source: one split each, positions are records.

use std::fmt;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::BooleanArray;
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, SchemaRef};
use pinotage_common::{Error, ErrorKind, Result, Retry};
use pinotage_connector::{BadRow, Context, Next, Place, Places, Position, Reader, Rows, Source, Split, SplitState};
use pinotage_formats::{Format, ReadOptions, RowPositions, SourceBatch, SourceReader, open};
use xxhash_rust::xxh3::xxh3_64;

/// A file of the source.
#[derive(Debug, Clone)]
pub struct FileSplit {
    /// What it is called in states and quarantines; it stays the same.
    pub id: String,
    /// Where it lies.
    pub path: PathBuf,
    /// What it is.
    pub format: Format,
    /// Where it really lies, if that is not on this machine; then nothing is at `path`.
    pub elsewhere: Option<Arc<dyn Elsewhere>>,
}

/// A file that has to be brought here to be read.
pub trait Elsewhere: fmt::Debug + Send + Sync {
    /// A text that is another one when the file is.
    ///
    /// # Errors
    ///
    /// Those of looking at it.
    fn identity(&self) -> Result<String>;

    /// A copy, which goes with the value.
    ///
    /// # Errors
    ///
    /// Those of the transfer; `commit-conflict` when the file has changed.
    fn fetch(&self, context: &Context) -> Result<Box<dyn AsRef<Path> + Send>>;
}

/// Files that do not change while they are read. A file that is gone is no split any more; new ones are found by the next
/// start.
#[derive(Debug, Clone)]
pub struct Files {
    files: Vec<FileSplit>,
    options: ReadOptions,
    schema: SchemaRef,
}

impl Files {
    /// Files whose rows have the columns of a schema, usually inferred from the first one.
    pub fn new(files: Vec<FileSplit>, options: ReadOptions, schema: SchemaRef) -> Self {
        Self { files, options, schema }
    }
}

impl Source for Files {
    fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }

    fn is_bounded(&self) -> bool {
        true
    }

    fn plan(&self, known: &[SplitState]) -> Result<Vec<Split>> {
        let mut splits = Vec::new();
        for file in &self.files {
            let detail = file.elsewhere.as_ref().map_or_else(|| identity(&file.path), |elsewhere| elsewhere.identity());
            let detail = detail.map_err(|error| error.with("file", &file.id))?;
            let before = known.iter().find(|state| state.split.id == file.id);
            if before.is_some_and(|state| state.split.detail != detail) {
                return Err(Error::new(ErrorKind::CommitConflict, "a file has changed since it was read")
                    .with("file", &file.id)
                    .retry_as(Retry::Permanent)
                    .action("bring the old file back, and give new rows a file of their own: with `checkpoint` each file is read once"));
            }
            splits.push(Split { id: file.id.clone(), detail });
        }
        Ok(splits)
    }

    fn open(&self, split: &Split, behind: Option<&Position>, context: &Context) -> Result<Box<dyn Reader>> {
        let file = self.files.iter().find(|file| file.id == split.id).ok_or_else(|| {
            Error::not_found("a file is gone that was not read to its end")
                .with("file", &split.id)
                .action("bring it back, or give the job a new state")
        })?;
        let first = match behind {
            None => 0,
            Some(position) => position.as_number().ok_or_else(|| {
                Error::invalid_config(format!("`{}` is no position in a file", position.as_str()))
                    .with("file", &split.id)
            })?,
        };
        let text = matches!(file.format, Format::Csv | Format::Json);
        let copy = file.elsewhere.as_ref().map(|elsewhere| elsewhere.fetch(context)).transpose()?;
        let path = copy.as_ref().map_or(file.path.as_path(), |copy| (**copy).as_ref());
        let reader = open(path, file.format, &self.options, text.then(|| self.schema()))
            .map_err(|error| error.with("file", &split.id))?;
        if !same_columns(&reader.schema(), &self.schema) {
            return Err(Error::schema_mismatch("a file has other columns than the first one")
                .with("file", &split.id)
                .action("give files of other columns a job of their own"));
        }
        Ok(Box::new(FileReader { id: split.id.clone(), reader, _copy: copy, first, next: first }))
    }
}

/// Bytes at both ends of a file that tell it from another one.
const LOOKED_AT: u64 = 64 << 10;

/// What a file is: its size, and its first and last bytes. Who touches a file does not change it.
fn identity(path: &Path) -> Result<String> {
    let failed = |error| Error::io(error, "cannot read the file", path);
    let mut file = File::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    let mut bytes = Vec::new();
    (&mut file).take(LOOKED_AT).read_to_end(&mut bytes).map_err(failed)?;
    file.seek(SeekFrom::Start(size.saturating_sub(LOOKED_AT))).map_err(failed)?;
    file.take(LOOKED_AT).read_to_end(&mut bytes).map_err(failed)?;
    Ok(format!("{size}-{:016x}", xxh3_64(&bytes)))
}

/// Names and types are the same; what is null, and what is a dictionary, is up to each file.
fn same_columns(one: &SchemaRef, other: &SchemaRef) -> bool {
    let same = |(one, other): (&arrow::datatypes::FieldRef, &arrow::datatypes::FieldRef)| {
        let plain = |of: &arrow::datatypes::FieldRef| match of.data_type() {
            DataType::Dictionary(_, values) => (**values).clone(),
            other => other.clone(),
        };
        one.name() == other.name() && plain(one) == plain(other)
    };
    one.fields().len() == other.fields().len() && one.fields().iter().zip(other.fields()).all(same)
}

struct FileReader {
    id: String,
    reader: Box<dyn SourceReader>,
    /// What is read, if it was brought here.
    _copy: Option<Box<dyn AsRef<Path> + Send>>,
    /// Records before this one have been taken already.
    first: u64,
    /// The number of the next record.
    next: u64,
}

impl Reader for FileReader {
    fn next(&mut self, _wait: Duration) -> Result<Next> {
        let at = |error: Error| error.with("file", &self.id);
        loop {
            let Some(SourceBatch { batch, rows, bad }) = self.reader.next_batch().map_err(at)? else {
                return Ok(Next::End);
            };
            let last_good = rows.len().checked_sub(1).map(|last| rows.row_number(last));
            let Some(last) = last_good.max(bad.last().map(|bad| bad.row_number)) else { continue };
            if last < self.first {
                continue;
            }
            self.next = last + 1;
            // Numbers grow.
            let skipped = (0..rows.len()).take_while(|row| rows.row_number(*row) < self.first).count();
            let batch = match skipped {
                0 => batch,
                _ => {
                    let keep: BooleanArray = (0..rows.len()).map(|row| Some(row >= skipped)).collect();
                    filter_record_batch(&batch, &keep)
                        .map_err(|error| Error::unexpected("cannot leave out rows of a batch").caused_by(error))?
                }
            };
            let bad = bad.into_iter().filter(|bad| bad.row_number >= self.first).map(|bad| unreadable(&self.id, bad));
            return Ok(Next::Rows(Rows {
                batch,
                bad: bad.collect(),
                places: Box::new(FilePlaces { file: self.id.clone(), rows, skipped }),
                position: Position::number(self.next),
            }));
        }
    }
}

fn unreadable(file: &str, bad: pinotage_formats::BadRow) -> BadRow {
    let pinotage_formats::BadRow { row_number, line, offset, column, rule, message, raw } = bad;
    BadRow { place: Place { file: file.to_owned(), row_number, line, offset }, column, rule, message, raw }
}

#[derive(Debug)]
struct FilePlaces {
    file: String,
    rows: RowPositions,
    /// Rows of the batch that had been taken already.
    skipped: usize,
}

impl Places for FilePlaces {
    fn place(&self, row: usize) -> Place {
        let row = row + self.skipped;
        Place {
            file: self.file.clone(),
            row_number: self.rows.row_number(row),
            line: self.rows.line(row),
            offset: self.rows.offset(row),
        }
    }

    fn raw(&self, row: usize) -> Option<Vec<u8>> {
        self.rows.raw(row + self.skipped).map(<[u8]>::to_vec)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::fs;

    use pinotage_connector::kit::SourceCase;
    use pinotage_formats::infer_schema;

    use super::*;

    /// Rows, some of them bad, in two files and batches of 7.
    #[test]
    fn holds_the_promises_of_sources() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = Vec::new();
        for (name, rows) in [("a.csv", 50), ("b.csv", 3)] {
            let mut text = "id,name\n".to_owned();
            for row in 0..rows {
                match row % 10 {
                    4 => writeln!(text, "{row},too,many").unwrap(),
                    _ => writeln!(text, "{row},n{row}").unwrap(),
                }
            }
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            files.push(FileSplit { id: name.to_owned(), path, format: Format::Csv, elsewhere: None });
        }
        let options = ReadOptions { batch_rows: 7, ..ReadOptions::default() };
        let schema = infer_schema(&files[0].path, Format::Csv, &options).unwrap();
        let make =
            || Box::new(Files::new(files.clone(), options.clone(), SchemaRef::clone(&schema))) as Box<dyn Source>;
        SourceCase { make: &make, records: 53 }.all();
    }

    #[test]
    fn a_file_that_has_changed_is_not_read_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        fs::write(&path, "id\n1\n").unwrap();
        let schema = infer_schema(&path, Format::Csv, &ReadOptions::default()).unwrap();
        let file = FileSplit { id: "a.csv".into(), path: path.clone(), format: Format::Csv, elsewhere: None };
        let source = Files::new(vec![file], ReadOptions::default(), schema);
        let state = |split| SplitState { split, position: Some(Position::number(1)), ended: true };
        let known: Vec<_> = source.plan(&[]).unwrap().into_iter().map(state).collect();
        // The same bytes once more.
        fs::write(&path, "id\n1\n").unwrap();
        source.plan(&known).unwrap();
        fs::write(&path, "id\n1\n2\n").unwrap();
        let error = source.plan(&known).unwrap_err();
        assert!(error.to_string().contains("a.csv"), "{error}");
    }

    /// Behind the first rows of a file: it is gone, whether that is known or not, or another one is in its place.
    #[test]
    fn says_that_rows_are_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        let file = FileSplit { id: "a.csv".into(), path: path.clone(), format: Format::Csv, elsewhere: None };
        let options = ReadOptions { batch_rows: 2, ..ReadOptions::default() };
        let text = "id\n1\n2\n3\n4\n";
        fs::write(&path, text).unwrap();
        let schema = infer_schema(&path, Format::Csv, &options).unwrap();
        let gone = || fs::remove_file(&path).unwrap();
        let other = || fs::write(&path, "id\n1\n2\n").unwrap();
        for (lose, is_listed) in [(&gone as &dyn Fn(), true), (&gone, false), (&other, true)] {
            fs::write(&path, text).unwrap();
            let make = || {
                let files = if is_listed || path.exists() { vec![file.clone()] } else { Vec::new() };
                Box::new(Files::new(files, options.clone(), SchemaRef::clone(&schema))) as Box<dyn Source>
            };
            SourceCase { make: &make, records: 4 }.says_that_rows_are_gone(lose);
        }
    }

    #[test]
    fn a_file_that_is_gone_is_an_error() {
        let source = Files::new(Vec::new(), ReadOptions::default(), SchemaRef::new(arrow::datatypes::Schema::empty()));
        let split = Split { id: "gone.csv".into(), detail: String::new() };
        let error = source.open(&split, None, &Context::new("j", "r")).err().unwrap();
        assert!(error.to_string().contains("gone.csv"), "{error}");
    }
}

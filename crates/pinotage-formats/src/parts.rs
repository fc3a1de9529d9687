//! Parts of one text file, read at the same time and given in the order of the file.
//!
//! A part begins behind a line break. Whether a row begins there too is not known before: a line break may stand inside of
//! quotes. So a part counts only when the one before it has ended exactly where it begins; the first one begins behind the
//! header, and each then proves the next. When a row goes on into the next part, the rest of the file is read from the
//! start of that row's part, one row after the other.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use arrow::datatypes::SchemaRef;
use pinotage_common::{Error, Result};

use crate::compression::open_file;
use crate::{SourceBatch, SourceReader};

/// Bytes of a part, about.
pub(crate) const PART_BYTES: u64 = 8 << 20;

/// A line break is looked for in steps of so many bytes.
const STEP_BYTES: usize = 64 << 10;

/// Starts a task on another thread.
pub type Spawn = dyn Fn(Box<dyn FnOnce() + Send>) + Send + Sync;

/// A piece of a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part {
    /// Its first byte.
    pub(crate) start: u64,
    /// The first byte behind it; `None` is the end of the file.
    pub(crate) end: Option<u64>,
    /// The number that its first line gets.
    pub(crate) line: u64,
}

/// Reads the rows that begin in a part.
pub(crate) trait PartReader: SourceReader {
    /// Rows and lines read so far, counted from the start of the part.
    fn rows_and_lines(&self) -> (u64, u64);

    /// Whether no row goes on behind the part.
    fn is_whole(&self) -> bool;
}

/// Opens a part.
type Open = dyn Fn(Part) -> Result<Box<dyn PartReader>> + Send + Sync;

/// How a file is read in parts.
pub(crate) struct Parts {
    /// Where the first row may begin, and the lines before.
    pub(crate) first: u64,
    pub(crate) lines: u64,
    pub(crate) open: Arc<Open>,
}

/// All of a part.
struct WholePart {
    batches: Vec<SourceBatch>,
    rows: u64,
    lines: u64,
    is_whole: bool,
}

/// A file in parts, some of which are read ahead.
pub(crate) struct PartedReader {
    path: PathBuf,
    file: File,
    file_bytes: u64,
    schema: SchemaRef,
    open: Arc<Open>,
    spawn: Arc<Spawn>,
    part_bytes: u64,
    /// Parts that are read at the same time.
    ahead: usize,
    /// Where the next part begins; nothing when all have begun.
    next: Option<u64>,
    reading: VecDeque<(Part, Receiver<Result<WholePart>>)>,
    ready: VecDeque<SourceBatch>,
    /// Reads the rest one row after the other.
    rest: Option<Box<dyn PartReader>>,
    /// Rows, lines and bytes of the parts that are given.
    rows: u64,
    lines: u64,
    bytes: u64,
    finished: bool,
}

impl PartedReader {
    pub(crate) fn try_new(path: &Path, parts: Parts, part_bytes: u64, ahead: usize, spawn: Arc<Spawn>) -> Result<Self> {
        let file = open_file(path)?;
        let file_bytes = file.metadata().map_err(|error| Error::io(error, "cannot open", path))?.len();
        let Parts { first, lines, open } = parts;
        let schema = open(Part { start: first, end: Some(first), line: 1 })?.schema();
        Ok(Self {
            path: path.to_owned(),
            file,
            file_bytes,
            schema,
            open,
            spawn,
            part_bytes,
            ahead,
            next: Some(first),
            reading: VecDeque::new(),
            ready: VecDeque::new(),
            rest: None,
            rows: 0,
            lines,
            bytes: 0,
            finished: false,
        })
    }

    /// Begins parts until enough are read at the same time.
    fn begin(&mut self) -> Result<()> {
        while self.reading.len() < self.ahead
            && let Some(start) = self.next
        {
            let end = self.line_behind(start.saturating_add(self.part_bytes))?;
            self.next = end;
            let part = Part { start, end, line: 1 };
            let (sender, receiver) = sync_channel(1);
            let open = Arc::clone(&self.open);
            (self.spawn)(Box::new(move || {
                // Nobody waits for a part any more when the reader is gone.
                let _ = sender.send(read(&*open, part));
            }));
            self.reading.push_back((part, receiver));
        }
        Ok(())
    }

    /// The start of the first line behind a byte; nothing when the file ends before.
    fn line_behind(&mut self, mut offset: u64) -> Result<Option<u64>> {
        let failed = |error| Error::io(error, "cannot read", &self.path);
        if offset >= self.file_bytes {
            return Ok(None);
        }
        self.file.seek(SeekFrom::Start(offset)).map_err(failed)?;
        let mut bytes = vec![0; STEP_BYTES];
        loop {
            let read = self.file.read(&mut bytes).map_err(failed)?;
            if read == 0 {
                return Ok(None);
            }
            if let Some(at) = memchr::memchr(b'\n', bytes.get(..read).unwrap_or_default()) {
                let start = offset + at as u64 + 1;
                return Ok((start < self.file_bytes).then_some(start));
            }
            offset += read as u64;
        }
    }

    fn read(&mut self) -> Result<Option<SourceBatch>> {
        loop {
            if let Some(batch) = self.ready.pop_front() {
                return Ok(Some(batch));
            }
            if let Some(rest) = &mut self.rest {
                // Its lines are those of the file.
                return Ok(rest.next_batch()?.map(|batch| batch.behind(self.rows, 0)));
            }
            self.begin()?;
            let Some((part, receiver)) = self.reading.pop_front() else { return Ok(None) };
            let read = receiver.recv().map_err(|_| {
                Error::unexpected("a thread that read a part of the file has panicked")
                    .with("file", self.path.display())
            })?;
            match read {
                Ok(WholePart { batches, rows, lines, is_whole: true }) => {
                    let (before, lines_before) = (self.rows, self.lines);
                    self.ready.extend(batches.into_iter().map(|batch| batch.behind(before, lines_before)));
                    self.rows += rows;
                    self.lines += lines;
                    self.bytes = part.end.unwrap_or(self.file_bytes);
                }
                // Once more: an error names the line in the file then, and a row may be as long as it is.
                _ => {
                    self.reading.clear();
                    self.next = None;
                    self.rest = Some((self.open)(Part { end: None, line: self.lines + 1, ..part })?);
                }
            }
        }
    }
}

fn read(open: &Open, part: Part) -> Result<WholePart> {
    let mut reader = open(part)?;
    let mut batches = Vec::new();
    while let Some(batch) = reader.next_batch()? {
        batches.push(batch);
        if !reader.is_whole() {
            break;
        }
    }
    let (rows, lines) = reader.rows_and_lines();
    Ok(WholePart { batches, rows, lines, is_whole: reader.is_whole() })
}

impl SourceReader for PartedReader {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn next_batch(&mut self) -> Result<Option<SourceBatch>> {
        if self.finished {
            return Ok(None);
        }
        let result = self.read();
        self.finished = !matches!(result, Ok(Some(_)));
        result
    }

    fn bytes_read(&self) -> u64 {
        self.bytes + self.rest.as_ref().map_or(0, |rest| rest.bytes_read())
    }
}

#[cfg(test)]
mod tests {
    use arrow::util::display::array_value_to_string;
    use proptest::prelude::*;

    use super::*;
    use crate::{CsvOptions, Format, ReadOptions, csv, infer_schema, json, open};

    /// All that a reader says: a line a row, and how it ended.
    fn all(mut reader: Box<dyn SourceReader>) -> (Vec<(u64, String)>, Option<String>) {
        let mut rows = Vec::new();
        let error = loop {
            match reader.next_batch() {
                Ok(None) => break None,
                Err(error) => break Some(error.to_string()),
                Ok(Some(SourceBatch { batch, rows: places, bad })) => {
                    for row in 0..batch.num_rows() {
                        let cells = batch.columns().iter().map(|column| array_value_to_string(column, row).unwrap());
                        let place = (places.line(row), places.offset(row), places.raw(row).map(<[u8]>::to_vec));
                        rows.push((places.row_number(row), format!("{:?} {place:?}", cells.collect::<Vec<_>>())));
                    }
                    rows.extend(bad.into_iter().map(|bad| (bad.row_number, format!("{bad:?}"))));
                }
            }
        };
        rows.sort();
        (rows, error)
    }

    /// The same however it is read.
    fn check(text: &str, format: Format, options: &ReadOptions, part_bytes: u64) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows");
        std::fs::write(&path, text).unwrap();
        let schema = infer_schema(&path, format, options).unwrap();
        let expected = all(open(&path, format, options, Some(schema.clone())).unwrap());
        let parts = match format {
            Format::Csv => csv::CsvReader::parts(&path, options, Some(schema)).unwrap(),
            _ => json::JsonReader::parts(&path, options, Some(schema)).unwrap(),
        };
        let Some(parts) = parts else { return };
        let spawn: Arc<Spawn> = Arc::new(|task| drop(std::thread::spawn(task)));
        let found = all(Box::new(PartedReader::try_new(&path, parts, part_bytes, 3, spawn).unwrap()));
        assert_eq!(found, expected, "{text:?} in parts of {part_bytes}");
    }

    fn csv_options() -> ReadOptions {
        let csv = CsvOptions {
            header: false,
            column_names: Some(vec!["a".into(), "b".into()]),
            comment: Some(b'#'),
            ..CsvOptions::default()
        };
        ReadOptions { csv, max_row_bytes: 60, batch_rows: 3, ..ReadOptions::default() }
    }

    proptest! {
        #[test]
        fn csv_is_the_same_in_parts(
            pieces in prop::collection::vec(
                prop::sample::select(vec!["1,x", "\n", "\r\n", "\r", "\"", "\"a\nb\"", ",", "\n\n", "#,\"\n", "7,\"q\"\n", "é", " "]), 0..60),
            part_bytes in 1_u64..40,
        ) {
            check(&pieces.concat(), Format::Csv, &csv_options(), part_bytes);
        }

        #[test]
        fn json_is_the_same_in_parts(
            pieces in prop::collection::vec(
                prop::sample::select(vec!["{\"a\": 1}\n", "\n", "\r\n", "  ", "{\"a\": \"x\\n\"}", "5\n", "{\n", "}\n", "{\"b\": 2}\n"]), 0..40),
            part_bytes in 1_u64..40,
        ) {
            let options = ReadOptions { max_row_bytes: 200, batch_rows: 3, ..ReadOptions::default() };
            check(&format!("{{\"a\": 0}}\n{}", pieces.concat()), Format::Json, &options, part_bytes);
        }
    }

    #[test]
    fn what_is_behind_a_header_and_a_mark_is_the_same_in_parts() {
        let text = format!("\u{feff}a,b\n{}", "1,\"two\nlines\"\nx,y,z\n2,b\n".repeat(50));
        for part_bytes in [1, 7, 20, 1000] {
            check(&text, Format::Csv, &ReadOptions::default(), part_bytes);
        }
    }
}

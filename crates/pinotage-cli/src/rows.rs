//! Rows on stdout or in a file.

use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::util::pretty::pretty_format_batches_with_schema;
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};
use pinotage_common::{Error, Result};
use pinotage_engine::{Answer, RowFormat, RowWriter, write_file};

use crate::output::{bytes, print};

/// The rows of a table for people: its widths depend on all of them.
const TEXT_ROWS: usize = 10_000;

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// A table for people, of 10000 rows at most
    Text,
    /// One object a line
    Json,
    /// With a header; lists are written as JSON
    Csv,
    /// Arrow IPC: a stream on stdout, a file in a file
    Arrow,
    /// Into a file
    Parquet,
}

/// Where rows go.
#[derive(clap::Args)]
pub(crate) struct Target {
    /// How rows are written [default: as FILE's name ends, else text]
    #[arg(long, value_enum)]
    output: Option<Output>,
    /// A file in place of stdout; it appears when it is complete
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
}

impl Target {
    /// Writes an answer: what is seen as a whole only, starts over as long as it is not.
    pub(crate) fn write(&self, answer: Answer) -> Result<()> {
        let Some((path, format)) = self.file()? else {
            let schema = Arc::clone(answer.schema());
            return match self.output.unwrap_or(Output::Text) {
                Output::Text => answer.whole(|_, rows| First::of(Rows::new(rows, true)))?.print(&schema),
                output => write(&schema, answer, output),
            };
        };
        written(path, answer.whole(|schema, rows| write_file(path, schema, format, Rows::new(rows, true)))?)
    }

    /// Writes rows of files that do not change.
    pub(crate) fn write_rows(&self, schema: &SchemaRef, rows: impl Iterator<Item = Result<RecordBatch>>) -> Result<()> {
        match self.file()? {
            Some((path, format)) => written(path, write_file(path, schema, format, Rows::new(rows, true))?),
            None => write(schema, rows, self.output.unwrap_or(Output::Text)),
        }
    }

    /// The file, if rows go to one, and how they are written there.
    fn file(&self) -> Result<Option<(&Path, RowFormat)>> {
        let Some(path) = self.to.as_deref() else { return Ok(None) };
        let format = match self.output {
            Some(Output::Text) => None,
            Some(output) => Some(format(output, false)),
            None => RowFormat::of(path),
        };
        format.map(|format| Some((path, format))).ok_or_else(|| no_format(path))
    }
}

fn written(path: &Path, (rows, size): (u64, u64)) -> Result<()> {
    print(&format!("wrote {rows} rows into {}, {}\n", path.display(), bytes(size)))
}

fn no_format(path: &Path) -> Error {
    Error::invalid_config("a file needs a format")
        .with("file", path.display())
        .action("add `--output parquet`, `arrow`, `csv` or `json`")
}

fn format(output: Output, stream: bool) -> RowFormat {
    match output {
        Output::Json => RowFormat::Json,
        Output::Arrow if stream => RowFormat::ArrowStream,
        Output::Arrow => RowFormat::Arrow,
        Output::Parquet => RowFormat::Parquet,
        Output::Csv | Output::Text => RowFormat::Csv,
    }
}

/// Writes rows to stdout as they come.
pub(crate) fn write(
    schema: &SchemaRef,
    batches: impl Iterator<Item = Result<RecordBatch>>,
    output: Output,
) -> Result<()> {
    let mut batches = Rows::new(batches, output == Output::Text || !io::stdout().is_terminal());
    match output {
        Output::Text => First::of(batches)?.print(schema),
        Output::Parquet => Err(Error::invalid_config("parquet does not go to stdout").action("add `--to FILE`")),
        output => {
            let out = Stdout::default();
            let gone = Arc::clone(&out.gone);
            let mut writer = RowWriter::new(io::BufWriter::new(out), schema, format(output, true))?;
            while !gone.load(Ordering::Relaxed)
                && let Some(batch) = batches.next()
            {
                writer.write(&batch?)?;
            }
            writer.finish().map(drop)
        }
    }
}

/// The first rows, and whether there are more.
struct First {
    shown: Vec<RecordBatch>,
    more: bool,
}

impl First {
    fn of(batches: impl Iterator<Item = Result<RecordBatch>>) -> Result<Self> {
        let (mut shown, mut left, mut more) = (Vec::new(), TEXT_ROWS, false);
        for batch in batches {
            let batch = batch?;
            more = batch.num_rows() > left;
            shown.push(batch.slice(0, left.min(batch.num_rows())));
            left = left.saturating_sub(batch.num_rows());
            if more {
                break;
            }
        }
        Ok(Self { shown, more })
    }

    /// Prints them as a table.
    fn print(&self, schema: &SchemaRef) -> Result<()> {
        let table = pretty_format_batches_with_schema(Arc::clone(schema), &self.shown)
            .map_err(|error| Error::unexpected("cannot print the rows").caused_by(error))?;
        print(&format!("{table}\n"))?;
        if self.more {
            eprintln!("note: there are more rows; a table shows the first {TEXT_ROWS}, `--output csv` gives all");
        }
        Ok(())
    }
}

/// Standard output. A reader that has gone away is no error, but the end.
#[derive(Default)]
struct Stdout {
    gone: Arc<AtomicBool>,
}

impl Stdout {
    fn unless_gone<T>(&self, done: io::Result<T>, instead: T) -> io::Result<T> {
        match done {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.gone.store(true, Ordering::Relaxed);
                Ok(instead)
            }
            done => done,
        }
    }
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.unless_gone(io::stdout().write(bytes), bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.unless_gone(io::stdout().flush(), ())
    }
}

/// Counts rows on a terminal's stderr while they pass.
pub(crate) struct Rows<I> {
    batches: I,
    counter: Counter,
}

impl<I> Rows<I> {
    pub(crate) fn new(batches: I, visible: bool) -> Self {
        Self { batches, counter: if visible { Counter::new() } else { Counter::hidden() } }
    }
}

impl<I: Iterator<Item = Result<RecordBatch>>> Iterator for Rows<I> {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.batches.next();
        if let Some(Ok(batch)) = &next {
            self.counter.add(batch.num_rows() as u64);
        }
        next
    }
}

/// The number of rows so far, on stderr when it is a terminal.
pub(crate) struct Counter(ProgressBar);

impl Counter {
    pub(crate) fn new() -> Self {
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {pos} rows, {per_sec}, {elapsed} {msg}") {
            bar.set_style(style);
        }
        Self(bar)
    }

    fn hidden() -> Self {
        Self(ProgressBar::hidden())
    }

    pub(crate) fn add(&self, rows: u64) {
        self.0.inc(rows);
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

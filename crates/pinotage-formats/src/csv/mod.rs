//! CSV: a scanner of our own, a vector of rows at a time, straight into typed columns.

mod cells;
mod header;
mod infer;
mod scan;

use std::path::Path;
use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, SchemaRef};
use pinotage_common::{Error, Result};

pub(crate) use header::infer_schema;

use self::cells::{Cells, NullTexts};
use self::scan::{Field, Place, Scanned, Scanner};
use crate::column::Column;
use crate::options::{BATCH_TEXT_BYTES, project, projection};
use crate::parts::{Part, PartReader, Parts};
use crate::position::TextRows;
use crate::text::Text;
use crate::{BadRow, ReadOptions, RowPositions, SourceBatch, SourceReader, rule};

/// Rows scanned before their columns are parsed: fields and text of a vector stay in the processor's cache.
const VECTOR_ROWS: usize = 1024;

/// Reads a CSV file.
pub(crate) struct CsvReader {
    text: Text,
    scanner: Scanner,
    schema: SchemaRef,
    /// For every output column its place in the file, and the column under construction.
    columns: Vec<(usize, Column)>,
    names: Vec<String>,
    null_texts: NullTexts,
    multi_value_delimiter: u8,
    batch_rows: usize,
    next_row: u64,
    fields: Vec<Field>,
    scratch: Vec<u8>,
    finished: bool,
    /// Where the rows of a part end in the file, and whether a row did not end there.
    limit: Option<u64>,
    crossed: bool,
}

/// A batch while it is being read.
#[derive(Default)]
struct Pending {
    places: TextRows,
    numbers: Vec<u64>,
    bad: Vec<BadRow>,
    /// Whether a row keeps its place; empty while all do.
    dropped: Vec<u32>,
}

impl CsvReader {
    pub(crate) fn try_new(path: &Path, options: &ReadOptions, schema: Option<SchemaRef>) -> Result<Self> {
        Self::of(header::open(path, options, schema)?, path, options)
    }

    fn of(opened: header::Opened, path: &Path, options: &ReadOptions) -> Result<Self> {
        let header::Opened { text, scanner, names, full } = opened;
        let selected = projection(&full, options.columns.as_deref())?;
        let schema = project(&full, &selected)?;
        let mut columns = Vec::with_capacity(selected.len());
        for field in schema.fields() {
            if let DataType::List(_) = field.data_type()
                && options.csv.multi_value_delimiter.is_none()
            {
                return Err(Error::unsupported("expected single values in a CSV column, found it declared as a list")
                    .with("file", path.display())
                    .with("column", field.name())
                    .action("set `csv.multi_value_delimiter`; Pinot's own is `;`"));
            }
            if let DataType::Struct(_) = field.data_type() {
                return Err(Error::unsupported(
                    "expected single values in a CSV column, found it declared as an object",
                )
                .with("column", field.name())
                .action("declare the column as Utf8"));
            }
            // The header was matched to the schema by name, so every name is found.
            let place = names.iter().position(|name| name == field.name());
            columns.push((place.unwrap_or_default(), Column::try_new(field)?));
        }
        Ok(Self {
            text,
            scanner,
            schema,
            columns,
            names,
            null_texts: NullTexts::new(&options.csv.null_values),
            multi_value_delimiter: options.csv.multi_value_delimiter.unwrap_or(b';'),
            batch_rows: options.batch_rows,
            next_row: 0,
            fields: Vec::new(),
            scratch: Vec::new(),
            finished: false,
            limit: None,
            crossed: false,
        })
    }

    /// The parts of a file behind its header; nothing for a file that can only be read from its start.
    pub(crate) fn parts(path: &Path, options: &ReadOptions, schema: Option<SchemaRef>) -> Result<Option<Parts>> {
        let header::Opened { text, scanner, names, full } = header::open(path, options, schema)?;
        if !text.is_plain() {
            return Ok(None);
        }
        let (first, lines) = (text.base + scanner.position as u64, scanner.line - 1);
        let (path, options) = (path.to_owned(), options.clone());
        let open = move |part: Part| -> Result<Box<dyn PartReader>> {
            let text = Text::open_at(&path, part.start, options.max_row_bytes)?;
            let mut scanner = Scanner::new(&options.csv);
            scanner.line = part.line;
            let opened = header::Opened { text, scanner, names: names.clone(), full: full.clone() };
            let mut reader = Self::of(opened, &path, &options)?;
            reader.limit = part.end;
            Ok(Box::new(reader))
        };
        Ok(Some(Parts { first, lines, open: Arc::new(open) }))
    }

    /// Whether the next row, if there is one, belongs to another part.
    fn is_at_limit(&mut self) -> Result<bool> {
        let Some(limit) = self.limit else { return Ok(false) };
        loop {
            let (seen, is_all) = self.text.before(limit);
            if self.scanner.position > seen {
                return Ok(true);
            }
            // Blank lines behind the limit are the next part's.
            if self.scanner.skip_blank(self.text.bytes.get(..seen).unwrap_or_default(), is_all) {
                return Ok(false);
            }
            if is_all {
                return Ok(true);
            }
            self.text.fill_row(self.scanner.position, self.scanner.line)?;
        }
    }

    fn read(&mut self) -> Result<Option<SourceBatch>> {
        let first_row = self.next_row;
        let mut pending = Pending::default();
        let mut at_end = false;
        while !at_end
            && pending.places.spans.len() + pending.bad.len() < self.batch_rows
            && self.scanner.position < BATCH_TEXT_BYTES
        {
            let wanted = self.batch_rows - pending.places.spans.len() - pending.bad.len();
            at_end = self.read_vector(wanted.min(VECTOR_ROWS), &mut pending)?;
        }
        if self.next_row == first_row {
            return Ok(None);
        }
        self.finish(first_row, pending).map(Some)
    }

    /// Scans up to `wanted` rows, good or bad, and parses the good ones; true at the end of the file.
    fn read_vector(&mut self, wanted: usize, pending: &mut Pending) -> Result<bool> {
        self.fields.clear();
        self.scratch.clear();
        let width = self.names.len();
        let first = pending.places.spans.len();
        let mut at_end = false;
        for _ in 0..wanted {
            if self.scanner.position >= BATCH_TEXT_BYTES {
                break;
            }
            if self.is_at_limit()? {
                at_end = true;
                break;
            }
            let fields_before = self.fields.len();
            let scanned = loop {
                let scanned = self.scanner.next(&self.text.bytes, self.text.eof, &mut self.fields, &mut self.scratch);
                if scanned != Scanned::Incomplete {
                    break scanned;
                }
                self.text.fill_row(self.scanner.position, self.scanner.line)?;
            };
            let (place, problem) = match scanned {
                Scanned::Record(place) => {
                    let found = self.fields.len() - fields_before;
                    if found == width {
                        (place, None)
                    } else {
                        let message = format!("expected {width} fields, found {found}");
                        (place, Some((rule::ROW_WIDTH, message)))
                    }
                }
                Scanned::Malformed(place, problem) => {
                    let message = match self.scanner.line - place.line {
                        0 | 1 => problem.to_owned(),
                        lines => format!("{problem}; the record covers {lines} lines"),
                    };
                    (place, Some((rule::MALFORMED_CSV, message)))
                }
                Scanned::Incomplete | Scanned::End => {
                    at_end = true;
                    break;
                }
            };
            self.text.check_row(place.span.start, place.span.end, place.line)?;
            self.crossed |= self.limit.is_some_and(|limit| self.text.base + place.span.end as u64 > limit);
            let row_number = self.next_row;
            self.next_row += 1;
            match problem {
                None => {
                    let Place { span, line } = place;
                    pending.places.spans.push(span.start as u32..span.end as u32);
                    pending.places.lines.push(line);
                    pending.numbers.push(row_number);
                }
                Some((rule, message)) => {
                    self.fields.truncate(fields_before);
                    pending.bad.push(BadRow {
                        row_number,
                        line: Some(place.line),
                        offset: Some(self.text.base + place.span.start as u64),
                        column: None,
                        rule,
                        message,
                        raw: self.text.bytes.get(place.span).unwrap_or_default().to_vec(),
                    });
                }
            }
        }
        self.parse_vector(first, pending);
        Ok(at_end)
    }

    /// Parses the scanned fields column by column; `first` is the vector's first row in the batch.
    fn parse_vector(&mut self, first: usize, pending: &mut Pending) {
        let cells =
            Cells { text: &self.text.bytes, scratch: &self.scratch, fields: &self.fields, width: self.names.len() };
        let mut refusals: Vec<(usize, usize, cells::Refusal)> = Vec::new();
        for (i, (place, column)) in self.columns.iter_mut().enumerate() {
            cells.append(*place, column, &self.null_texts, self.multi_value_delimiter, &mut |row, refusal| {
                refusals.push((row, i, refusal))
            });
        }
        if refusals.is_empty() {
            return;
        }
        // One report a row: the leftmost column's.
        refusals.sort_by_key(|&(row, column, _)| (row, column));
        refusals.dedup_by_key(|&mut (row, ..)| row);
        for (row, column, refusal) in refusals {
            let (place, column) = &self.columns[column];
            let field = self.fields.get(row * self.names.len() + place);
            let found = field.map_or(&[][..], |field| field.bytes(cells.text, cells.scratch));
            let in_batch = first + row;
            let span = &pending.places.spans[in_batch];
            let raw = cells.text.get(span.start as usize..span.end as usize);
            pending.bad.push(BadRow {
                row_number: pending.numbers[in_batch],
                line: Some(pending.places.lines[in_batch]),
                offset: Some(self.text.base + u64::from(span.start)),
                column: Some(self.names[*place].clone()),
                rule: refusal.rule(),
                message: format!("expected {}, found `{}`", column.expectation(), excerpt(found)),
                raw: raw.unwrap_or_default().to_vec(),
            });
            pending.dropped.push(in_batch as u32);
        }
    }

    fn finish(&mut self, first_row: u64, mut pending: Pending) -> Result<SourceBatch> {
        let rows = pending.places.spans.len();
        let (text, base) = self.text.take(self.scanner.position);
        self.scanner.position = 0;
        pending.places.text = text;
        pending.places.base = base;
        let defect = |error| {
            Error::unexpected("cannot build a batch from CSV columns")
                .with("file", self.text.path().display())
                .caused_by(error)
        };
        let arrays = self
            .columns
            .iter_mut()
            .map(|(_, column)| column.finish())
            .collect::<Result<Vec<_>, _>>()
            .map_err(defect)?;
        let count = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), arrays, &count);
        let mut batch = batch.map_err(defect)?;
        let mut selected = None;
        if !pending.dropped.is_empty() {
            let mut keep = vec![true; rows];
            for &row in &pending.dropped {
                keep[row as usize] = false;
            }
            selected = Some((0..rows as u32).filter(|&row| keep[row as usize]).collect());
            batch = filter_record_batch(&batch, &BooleanArray::from(keep)).map_err(defect)?;
        }
        pending.bad.sort_by_key(|bad| bad.row_number);
        let numbers = if pending.bad.is_empty() { Vec::new() } else { pending.numbers };
        Ok(SourceBatch {
            batch,
            rows: RowPositions::of_text(first_row, pending.places, numbers, selected),
            bad: pending.bad,
        })
    }
}

/// A value for a message: at most 100 characters of it.
pub(crate) fn excerpt(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value.get(..400).unwrap_or(value));
    let mut short: String = text.chars().take(100).collect();
    if short.len() < text.len() || value.len() > 400 {
        short.push('…');
    }
    short
}

impl SourceReader for CsvReader {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
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
        self.text.bytes_read()
    }
}

impl PartReader for CsvReader {
    fn rows_and_lines(&self) -> (u64, u64) {
        (self.next_row, self.scanner.line - 1)
    }

    fn is_whole(&self) -> bool {
        !self.crossed
    }
}

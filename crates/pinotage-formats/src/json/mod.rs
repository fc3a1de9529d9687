//! JSON: rows found by a scanner, read straight into typed columns.

mod infer;
mod parse;
mod split;

use std::path::Path;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field, Schema, SchemaRef};
use pinotage_common::{Error, Result};
use serde_json::Value;

use self::infer::ObjectShape;
use self::parse::RowParser;
use self::split::{Found, Layout, Splitter};
use crate::column::{Column, Record};
use crate::guard::corrupt;
use crate::options::{BATCH_TEXT_BYTES, SAMPLE_TEXT_BYTES, nullable, project, projection};
use crate::parts::{Part, PartReader, Parts};
use crate::position::TextRows;
use crate::text::Text;
use crate::{BadRow, ReadOptions, RowPositions, SourceBatch, SourceReader, UnknownColumns};

/// Reads a JSON file.
pub(crate) struct JsonReader {
    text: Text,
    splitter: Splitter,
    schema: SchemaRef,
    record: Record,
    /// For every output column its place in the record.
    selected: Vec<usize>,
    parser: RowParser,
    batch_rows: usize,
    next_row: u64,
    finished: bool,
    /// Where the rows of a part end in the file.
    limit: Option<u64>,
}

pub(crate) fn infer_schema(path: &Path, options: &ReadOptions) -> Result<SchemaRef> {
    let (mut text, mut splitter) = open_text(path, options)?;
    sample(&mut text, &mut splitter, options)
}

fn open_text(path: &Path, options: &ReadOptions) -> Result<(Text, Splitter)> {
    let mut text = Text::open(path, options.max_row_bytes)?;
    let layout = loop {
        match Layout::detect(&text.bytes, text.eof) {
            Some(layout) => break layout,
            None => text.fill_row(0, 1)?,
        }
    };
    Ok((text, Splitter::new(layout)))
}

/// The next row of the text, up to a place in the file; reads more as needed. `None` at the end.
fn next_row(
    text: &mut Text,
    splitter: &mut Splitter,
    limit: Option<u64>,
) -> Result<Option<(std::ops::Range<usize>, u64)>> {
    loop {
        // Parts end where lines end, and so do the rows of a file that has parts.
        let (seen, is_all) = limit.map_or((text.bytes.len(), text.eof), |limit| text.before(limit));
        match splitter.next(text.bytes.get(..seen).unwrap_or_default(), is_all) {
            Found::Row { span, line } => {
                text.check_row(span.start, span.end, line)?;
                return Ok(Some((span, line)));
            }
            Found::Incomplete => text.fill_row(splitter.position, splitter.line)?,
            Found::End => return Ok(None),
            Found::Broken(at, problem) => {
                return Err(corrupt(text.path(), format!("expected an array of rows, {problem}"))
                    .with("line", splitter.line)
                    .with("offset", text.base + at as u64));
            }
        }
    }
}

/// Looks at the first rows. Rows that are not JSON objects are left to the reader, which reports them.
fn sample(text: &mut Text, splitter: &mut Splitter, options: &ReadOptions) -> Result<SchemaRef> {
    let mut shape = ObjectShape::default();
    for _ in 0..options.sample_rows {
        if splitter.position > SAMPLE_TEXT_BYTES {
            break;
        }
        let row = match next_row(text, splitter, None) {
            Ok(Some((span, _))) => text.bytes.get(span).unwrap_or_default(),
            Ok(None) => break,
            Err(error) => return Err(error),
        };
        if let Ok(Value::Object(object)) = serde_json::from_slice(row) {
            shape.add(&object);
        }
    }
    let mut fields = shape.fields();
    for field in &mut fields {
        if let Some(declared) = options.declared_field(field.name()) {
            *field = declared;
        }
    }
    // A declared key may come after the sample: it is a column, not an unknown key.
    let missing: Vec<Field> = options
        .declared
        .iter()
        .filter(|declared| fields.iter().all(|field| field.name() != declared.name()))
        .map(nullable)
        .collect();
    fields.extend(missing);
    Ok(Arc::new(Schema::new(fields)))
}

/// The columns of a file before projection, with the types that are declared.
fn full_schema(path: &Path, options: &ReadOptions, schema: Option<SchemaRef>) -> Result<SchemaRef> {
    let Some(schema) = schema else { return infer_schema(path, options) };
    let typed = |field: &Arc<Field>| options.declared_field(field.name()).unwrap_or_else(|| nullable(field));
    let fields: Vec<Field> = schema.fields().iter().map(typed).collect();
    Ok(Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone())))
}

impl JsonReader {
    pub(crate) fn try_new(path: &Path, options: &ReadOptions, schema: Option<SchemaRef>) -> Result<Self> {
        Self::of(open_text(path, options)?, full_schema(path, options, schema)?, options)
    }

    fn of((text, splitter): (Text, Splitter), full: SchemaRef, options: &ReadOptions) -> Result<Self> {
        let selected = projection(&full, options.columns.as_deref())?;
        Ok(Self {
            text,
            splitter,
            schema: project(&full, &selected)?,
            record: Record::try_new(full.fields(), Some(&selected))?,
            selected,
            parser: RowParser {
                ignore_unknown: options.unknown_columns == UnknownColumns::Ignore,
                scratch: Vec::new(),
            },
            batch_rows: options.batch_rows,
            next_row: 0,
            finished: false,
            limit: None,
        })
    }

    /// The parts of a file with a row a line; nothing for a file that can only be read from its start.
    pub(crate) fn parts(path: &Path, options: &ReadOptions, schema: Option<SchemaRef>) -> Result<Option<Parts>> {
        let schema = full_schema(path, options, schema)?;
        let (text, splitter) = open_text(path, options)?;
        if !text.is_plain() || !splitter.is_lines() {
            return Ok(None);
        }
        let (first, path, options) = (text.base, path.to_owned(), options.clone());
        let open = move |part: Part| -> Result<Box<dyn PartReader>> {
            let text = Text::open_at(&path, part.start, options.max_row_bytes)?;
            let mut splitter = Splitter::new(Layout::Lines);
            splitter.line = part.line;
            let mut reader = Self::of((text, splitter), Arc::clone(&schema), &options)?;
            reader.limit = part.end;
            Ok(Box::new(reader))
        };
        Ok(Some(Parts { first, lines: 0, open: Arc::new(open) }))
    }

    fn read(&mut self) -> Result<Option<SourceBatch>> {
        let first_row = self.next_row;
        let mut places = TextRows::default();
        let mut numbers = Vec::new();
        let mut bad = Vec::new();
        while places.spans.len() + bad.len() < self.batch_rows && self.splitter.position < BATCH_TEXT_BYTES {
            let Some((span, line)) = next_row(&mut self.text, &mut self.splitter, self.limit)? else {
                break;
            };
            let row_number = self.next_row;
            self.next_row += 1;
            let row = self.text.bytes.get(span.clone()).unwrap_or_default();
            match self.parser.add(row, &mut self.record, places.spans.len()) {
                Ok(()) => {
                    places.spans.push(span.start as u32..span.end as u32);
                    places.lines.push(line);
                    numbers.push(row_number);
                }
                Err(problem) => bad.push(BadRow {
                    row_number,
                    line: Some(line),
                    offset: Some(self.text.base + span.start as u64),
                    column: problem.column,
                    rule: problem.rule,
                    message: problem.message,
                    raw: row.to_vec(),
                }),
            }
        }
        if self.next_row == first_row {
            return Ok(None);
        }
        let rows = places.spans.len();
        (places.text, places.base) = self.text.take(self.splitter.position);
        self.splitter.position = 0;
        let arrays = self
            .selected
            .iter()
            .filter_map(|&i| self.record.columns.get_mut(i)?.as_mut().map(Column::finish))
            .collect::<Result<Vec<_>, _>>();
        let count = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = arrays
            .and_then(|arrays| RecordBatch::try_new_with_options(self.schema.clone(), arrays, &count))
            .map_err(|error| {
                Error::unexpected("cannot build a batch from JSON columns")
                    .with("file", self.text.path().display())
                    .caused_by(error)
            })?;
        let numbers = if bad.is_empty() { Vec::new() } else { numbers };
        Ok(Some(SourceBatch { batch, rows: RowPositions::of_text(first_row, places, numbers, None), bad }))
    }
}

impl SourceReader for JsonReader {
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

impl PartReader for JsonReader {
    fn rows_and_lines(&self) -> (u64, u64) {
        (self.next_row, self.splitter.line - 1)
    }

    fn is_whole(&self) -> bool {
        true
    }
}

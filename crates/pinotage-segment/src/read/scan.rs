//! Rows of a segment, batch by batch.

use std::sync::Arc;

use arrow::array::{Int32Array, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Field, Schema as ArrowSchema, SchemaRef};
use pinotage_common::{Error, ErrorKind, Result};
use pinotage_spec::Predicate;
use roaring::RoaringBitmap;

use super::Segment;
use super::column::Columns;
use super::predicate::Filter;
use crate::forward::Docs;

/// The column that is the number of a row's doc in its segment.
///
/// # Pinot equivalent
///
/// `CommonConstants.Segment.BuiltInVirtualColumn.DOCID`
pub const DOC_ID: &str = "$docId";

/// A selective filter gathers rows for a batch from at most so many times the docs of one, then gives what it has.
const MAX_LOOKED_AT: usize = 16;

/// The rows of the first batch where bytes are limited.
const FIRST_ROWS: usize = 64;

/// What a scan reads.
#[derive(Debug, Clone)]
pub struct ScanOptions {
    /// The columns, in this order; `None` is all, sorted by name. May be empty: the batches then only count rows. [`DOC_ID`] is
    /// the number of the doc: Int32.
    pub columns: Option<Vec<String>>,
    /// Which rows; `None` is all.
    pub predicate: Option<Predicate>,
    /// The most rows of a batch. A batch may have fewer: a filter keeps few, or the rows are very long.
    pub batch_rows: usize,
    /// About how many bytes a batch is to have at most, told from the one before it; the first one has few rows. A row that is
    /// longer comes alone. `None` is no limit.
    pub batch_bytes: Option<usize>,
    /// Docs of the null vectors become Arrow nulls; otherwise the stored default values are given.
    pub nulls: bool,
    /// The docs of which rows come, by their numbers in the segment; `None` is all.
    pub docs: Option<RoaringBitmap>,
}

impl Default for ScanOptions {
    fn default() -> Self {
        Self { columns: None, predicate: None, batch_rows: 8192, batch_bytes: None, nulls: true, docs: None }
    }
}

/// An iterator over the batches of a scan. Batches without rows are left out.
pub struct SegmentScan<'a> {
    schema: SchemaRef,
    columns: Columns<'a>,
    /// The columns of a batch; `None` are the docs' numbers.
    projected: Vec<Option<usize>>,
    filter: Option<Filter>,
    /// Docs outside of which none passes, when an index or the caller knows.
    candidates: Option<RoaringBitmap>,
    batch_rows: usize,
    /// The most rows of a batch, and its bytes, when these are limited.
    limits: Option<(usize, usize)>,
    next: usize,
    num_docs: usize,
    /// Halves of rows that were too long for one batch, the next one last.
    pending: Vec<Selected>,
}

/// Docs that pass.
enum Selected {
    Range(usize, usize),
    List(Vec<u32>),
}

impl Selected {
    fn docs(&self) -> Docs<'_> {
        match self {
            Self::Range(start, end) => Docs::Range(*start, *end),
            Self::List(list) => Docs::List(list),
        }
    }

    /// The first and the second half of at least two docs.
    fn halves(mut self) -> (Self, Self) {
        let middle = self.docs().len() / 2;
        match &mut self {
            Self::Range(start, end) => {
                let (start, end) = (*start, *end);
                (Self::Range(start, start + middle), Self::Range(start + middle, end))
            }
            Self::List(list) => {
                let second = list.split_off(middle);
                (self, Self::List(second))
            }
        }
    }
}

impl<'a> SegmentScan<'a> {
    pub(super) fn try_new(segment: &'a Segment, options: ScanOptions) -> Result<Self> {
        let names = options.columns.unwrap_or_else(|| segment.visible_columns().map(str::to_owned).collect());
        let num_docs = segment.metadata.num_docs as usize;
        let mut columns = Columns::new(segment, options.nulls);
        let (mut projected, mut fields) = (Vec::with_capacity(names.len()), Vec::with_capacity(names.len()));
        for name in &names {
            if name == DOC_ID {
                projected.push(None);
                fields.push(Field::new(DOC_ID, DataType::Int32, false));
                continue;
            }
            // A segment without rows has no indexes.
            if num_docs > 0 {
                projected.push(Some(columns.open(name)?));
            } else {
                segment.column_metadata(name)?;
            }
            fields.extend(segment.arrow_field(name, options.nulls));
        }
        let filter = match &options.predicate {
            Some(predicate) if num_docs > 0 => Some(Filter::try_new(predicate, &mut columns)?),
            _ => None,
        };
        let candidates = match &filter {
            Some(filter) => filter.candidates(&mut columns)?,
            None => None,
        };
        let candidates = match (candidates, options.docs) {
            (Some(candidates), Some(docs)) => Some(candidates & docs),
            (candidates, docs) => candidates.or(docs),
        };
        let batch_rows = options.batch_rows.max(1);
        let limits = options.batch_bytes.map(|bytes| (batch_rows, bytes));
        Ok(Self {
            schema: Arc::new(ArrowSchema::new(fields)),
            columns,
            projected,
            filter,
            candidates,
            batch_rows: if limits.is_some() { batch_rows.min(FIRST_ROWS) } else { batch_rows },
            limits,
            next: 0,
            num_docs,
            pending: Vec::new(),
        })
    }

    /// The schema of the batches.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// At most `count` of the docs that come next and may pass; `None` at the end.
    fn window(&mut self, count: usize) -> Option<Selected> {
        let start = self.next;
        if start >= self.num_docs {
            return None;
        }
        let Some(candidates) = &self.candidates else {
            self.next = self.num_docs.min(start.saturating_add(count));
            return Some(Selected::Range(start, self.next));
        };
        let docs: Vec<u32> = candidates.range(start as u32..self.num_docs as u32).take(count).collect();
        self.next = docs.last().map_or(self.num_docs, |last| *last as usize + 1);
        (!docs.is_empty()).then_some(Selected::List(docs))
    }

    /// The docs of the next batch; `None` at the end.
    fn select(&mut self) -> Result<Option<Selected>> {
        let mut selected = Vec::new();
        let mut looked_at = 0;
        while let Some(window) = self.window(self.batch_rows - selected.len()) {
            looked_at += window.docs().len();
            let passing = match &self.filter {
                Some(filter) => filter.select(&mut self.columns, window.docs())?,
                None => None,
            };
            match passing {
                None if selected.is_empty() => return Ok(Some(window)),
                None => selected.extend(window.docs().iter().map(|doc| doc as u32)),
                Some(docs) => selected.extend(docs),
            }
            let enough = selected.len() > self.batch_rows / 2
                || (!selected.is_empty() && looked_at / MAX_LOOKED_AT >= self.batch_rows);
            if enough {
                break;
            }
        }
        Ok((!selected.is_empty()).then_some(Selected::List(selected)))
    }

    /// Decodes the columns of chosen docs.
    fn read(&mut self, docs: Docs<'_>) -> Result<RecordBatch> {
        let mut arrays = Vec::with_capacity(self.projected.len());
        for column in &self.projected {
            arrays.push(match column {
                Some(column) => self.columns.get(*column)?.read(docs)?,
                None => Arc::new(Int32Array::from_iter_values(docs.iter().map(|doc| doc as i32))),
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(docs.len()));
        RecordBatch::try_new_with_options(self.schema(), arrays, &options)
            .map_err(|error| Error::unexpected("cannot make a batch").caused_by(error))
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            let selected = match self.pending.pop() {
                Some(selected) => Some(selected),
                None => self.select()?,
            };
            let Some(selected) = selected else { return Ok(None) };
            match self.read(selected.docs()) {
                // Arrow's offsets end at 2 GiB, which few long rows reach: half of them may fit.
                Err(error) if error.kind() == ErrorKind::ResourceExhausted && selected.docs().len() > 1 => {
                    let (first, second) = selected.halves();
                    self.pending.extend([second, first]);
                }
                result => {
                    let batch = result?;
                    self.learn(&batch);
                    return Ok(Some(batch));
                }
            }
        }
    }

    /// The rows of the next batch, if they are as long as those of this one; never many more at a time, because they need not be.
    fn learn(&mut self, batch: &RecordBatch) {
        let Some((rows, bytes)) = self.limits else { return };
        let row_bytes = batch.get_array_memory_size().div_ceil(batch.num_rows().max(1)).max(1);
        self.batch_rows = (bytes / row_bytes).clamp(1, rows.min(self.batch_rows.saturating_mul(8)));
    }
}

impl Iterator for SegmentScan<'_> {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let result = self.next_batch();
        if result.is_err() {
            // What follows an error is not to be trusted.
            self.next = self.num_docs;
            self.pending.clear();
        }
        result.transpose()
    }
}

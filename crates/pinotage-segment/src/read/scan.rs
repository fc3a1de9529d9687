//! Rows of a segment, batch by batch.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Schema as ArrowSchema, SchemaRef};
use pinotage_common::{Error, Result};
use pinotage_spec::Predicate;

use super::Segment;
use super::column::Column;
use super::predicate::Filter;

/// What a scan reads.
#[derive(Debug, Clone)]
pub struct ScanOptions {
    /// The columns, in this order; `None` is all, sorted by name. May be empty: the batches then only count rows.
    pub columns: Option<Vec<String>>,
    /// Which rows; `None` is all.
    pub predicate: Option<Predicate>,
    /// Docs looked at for one batch; a batch has at most so many rows.
    pub batch_rows: usize,
    /// Docs of the null vectors become Arrow nulls; otherwise the stored default values are given.
    pub nulls: bool,
}

impl Default for ScanOptions {
    fn default() -> Self {
        Self { columns: None, predicate: None, batch_rows: 8192, nulls: true }
    }
}

/// An iterator over the batches of a scan. Batches without rows are left out.
pub struct SegmentScan<'a> {
    schema: SchemaRef,
    columns: Vec<(String, Column<'a>)>,
    filter: Option<Filter<'a>>,
    batch_rows: usize,
    next: usize,
    num_docs: usize,
}

impl<'a> SegmentScan<'a> {
    pub(super) fn try_new(segment: &'a Segment, options: ScanOptions) -> Result<Self> {
        let names = options.columns.unwrap_or_else(|| segment.columns().map(str::to_owned).collect());
        let mut columns = Vec::with_capacity(names.len());
        let mut fields = Vec::with_capacity(names.len());
        let num_docs = segment.metadata.num_docs as usize;
        for name in names {
            // A segment without rows has no indexes.
            if num_docs > 0 {
                columns.push((name.clone(), Column::open(segment, &name, options.nulls)?));
            } else {
                segment.column_metadata(&name)?;
            }
            fields.extend(segment.arrow_field(&name, options.nulls));
        }
        let filter = match &options.predicate {
            Some(predicate) if num_docs > 0 => Some(Filter::try_new(segment, predicate, options.nulls)?),
            _ => None,
        };
        Ok(Self {
            schema: Arc::new(ArrowSchema::new(fields)),
            columns,
            filter,
            batch_rows: options.batch_rows.max(1),
            next: 0,
            num_docs,
        })
    }

    /// The schema of the batches.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// The rows of a range that pass; `None` when there are none, without decoding any other column.
    fn read(&mut self, docs: Range<usize>) -> Result<Option<RecordBatch>> {
        let passing = match &mut self.filter {
            Some(filter) => Some(filter.evaluate(docs.clone())?),
            None => None,
        };
        if passing.as_ref().is_some_and(|passing| passing.true_count() == 0) {
            return Ok(None);
        }
        let arrays = self
            .columns
            .iter_mut()
            .map(|(name, column)| column.read(docs.clone()).map_err(|error| error.with("column", &*name)))
            .collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(docs.len()));
        let failed = |error| Error::unexpected("cannot make a batch").caused_by(error);
        let batch = RecordBatch::try_new_with_options(self.schema(), arrays, &options).map_err(failed)?;
        match passing {
            Some(passing) if passing.true_count() < docs.len() => {
                filter_record_batch(&batch, &passing).map(Some).map_err(failed)
            }
            _ => Ok(Some(batch)),
        }
    }
}

impl Iterator for SegmentScan<'_> {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.next < self.num_docs {
            let docs = self.next..self.num_docs.min(self.next + self.batch_rows);
            self.next = docs.end;
            match self.read(docs) {
                Ok(None) => {}
                Ok(Some(batch)) => return Some(Ok(batch)),
                Err(error) => {
                    // What follows an error is not to be trusted.
                    self.next = self.num_docs;
                    return Some(Err(error));
                }
            }
        }
        None
    }
}

//! Rows of a segment that is not finished, as they came.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, DictionaryArray, Float32Array, Float64Array, Int32Array, Int64Array, ListArray,
    RecordBatch, TimestampMillisecondArray, make_array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{Field, FieldRef, Schema as ArrowSchema, SchemaRef};
use pinotage_common::{Error, ErrorKind, Result};
use pinotage_spec::{DataType, arrow_field};

use super::builder::{ROWS_BETWEEN_CHECKS, SegmentBuilder};
use super::column::{ColumnBuilder, Distinct};
use super::interner::BytesInterner;
use crate::read::array::{BytesBuilder, too_long};

/// Text of so few distinct values comes as a dictionary of all of them.
const DICTIONARY_VALUES: usize = 4096;

/// And of so few bytes.
const DICTIONARY_BYTES: usize = 1 << 20;

/// So many bytes of a column's values are in one batch at most, unless it has one row.
const BATCH_BYTES: usize = 16 << 20;

impl SegmentBuilder {
    /// The rows from one on, in batches of at most [`ROWS_BETWEEN_CHECKS`] rows, and of fewer where values are long: of the canonical
    /// types, all columns nullable, text of few distinct values as dictionaries. A builder that takes them in makes the same segment as
    /// one that took in what this one did.
    ///
    /// # Errors
    ///
    /// Each batch may be `resource-exhausted`: beyond 2 GiB in one value.
    pub fn rows_from(&self, first: usize) -> impl Iterator<Item = Result<RecordBatch>> + '_ {
        let columns: Vec<HeldColumn<'_>> = self.sources().map(HeldColumn::new).collect();
        let fields: Vec<FieldRef> = columns.iter().map(|column| FieldRef::clone(&column.field)).collect();
        let schema = SchemaRef::new(ArrowSchema::new(fields));
        let batch = move |docs: &Range<usize>| {
            let arrays = columns.iter().map(|column| column.rows(docs.clone()));
            RecordBatch::try_new(SchemaRef::clone(&schema), arrays.collect::<Result<_>>()?)
                .map_err(|error| Error::unexpected("cannot put columns together").caused_by(error))
        };
        let (mut start, mut rows) = (first, ROWS_BETWEEN_CHECKS);
        std::iter::from_fn(move || {
            while start < self.num_docs() {
                let docs = start..(start + rows).min(self.num_docs());
                match batch(&docs) {
                    Err(error) if error.kind() == ErrorKind::ResourceExhausted && docs.len() > 1 => {
                        rows = docs.len() / 2;
                    }
                    outcome => {
                        start = docs.end;
                        return Some(outcome);
                    }
                }
            }
            None
        })
    }
}

/// A column whose rows are asked for.
struct HeldColumn<'a> {
    column: &'a ColumnBuilder,
    field: FieldRef,
    /// All values, for text of few.
    dictionary: Option<ArrayRef>,
}

impl<'a> HeldColumn<'a> {
    fn new(column: &'a ColumnBuilder) -> Self {
        let spec = &column.plan.field;
        let field = arrow_field(spec, true);
        let is_text = spec.single_value && spec.data_type == DataType::String;
        let dictionary = match &column.distinct {
            Distinct::Bytes(values) if is_text => dictionary(values),
            _ => None,
        };
        let field = match &dictionary {
            Some(_) => Field::new_dictionary(
                field.name(),
                arrow::datatypes::DataType::Int32,
                arrow::datatypes::DataType::Utf8,
                true,
            ),
            None => field,
        };
        Self { column, field: field.into(), dictionary }
    }

    fn rows(&self, docs: Range<usize>) -> Result<ArrayRef> {
        let (nulls, one) = (self.nulls(&docs), docs.len() == 1);
        if self.column.plan.field.single_value {
            let ids = self.column.ids.slice(docs);
            return match &self.dictionary {
                Some(values) => {
                    let keys = Int32Array::new(ids.into_iter().map(|id| id as i32).collect(), nulls);
                    // Ids are those of the values.
                    Ok(Arc::new(
                        DictionaryArray::try_new(keys, Arc::clone(values))
                            .map_err(|error| Error::unexpected("ids beyond the values").caused_by(error))?,
                    ))
                }
                None => with_nulls(self.values(&ids, one)?, nulls),
            };
        }
        let ends = &self.column.ends;
        let start = docs.start.checked_sub(1).map_or(0, |before| ends[before]);
        let last = docs.end.checked_sub(1).map_or(0, |last| ends[last]);
        let offsets = std::iter::once(0).chain(ends[docs].iter().map(|end| (end - start) as i32));
        let offsets = OffsetBuffer::new(offsets.collect::<ScalarBuffer<i32>>());
        let values = self.values(&self.column.ids.slice(start as usize..last as usize), one)?;
        let arrow::datatypes::DataType::List(item) = self.field.data_type() else {
            return Err(Error::unexpected("the canonical type of many values is no list"));
        };
        let lists = ListArray::try_new(FieldRef::clone(item), offsets, values, nulls);
        Ok(Arc::new(lists.map_err(|error| Error::unexpected("cannot make lists").caused_by(error))?))
    }

    /// Values by their ids, in canonical types; too many bytes of them are an error, unless they are of one row.
    fn values(&self, ids: &[u32], one: bool) -> Result<ArrayRef> {
        let data_type = self.column.plan.field.data_type;
        let ids = || ids.iter().copied();
        Ok(match &self.column.distinct {
            Distinct::Int(values) if data_type == DataType::Boolean => {
                Arc::new(ids().map(|id| Some(values.get(id) != 0)).collect::<BooleanArray>())
            }
            Distinct::Int(values) => Arc::new(Int32Array::from_iter_values(ids().map(|id| values.get(id)))),
            Distinct::Long(values) if data_type == DataType::Timestamp => {
                let times = TimestampMillisecondArray::from_iter_values(ids().map(|id| values.get(id)));
                Arc::new(times.with_timezone("UTC"))
            }
            Distinct::Long(values) => Arc::new(Int64Array::from_iter_values(ids().map(|id| values.get(id)))),
            Distinct::Float(values) => Arc::new(Float32Array::from_iter_values(ids().map(|id| values.get(id)))),
            Distinct::Double(values) => Arc::new(Float64Array::from_iter_values(ids().map(|id| values.get(id)))),
            Distinct::Bytes(values) => {
                let mut builder = BytesBuilder::with_capacity(ids().len());
                let mut room = if one { usize::MAX } else { BATCH_BYTES };
                for value in ids().map(|id| values.get(id)) {
                    room = room.checked_sub(value.len()).ok_or_else(too_long)?;
                    builder.push(value)?;
                }
                // Decimals are still text.
                builder.finish(if data_type == DataType::BigDecimal { DataType::String } else { data_type })?
            }
        })
    }

    fn nulls(&self, docs: &Range<usize>) -> Option<NullBuffer> {
        let all = &self.column.null_docs;
        let at = |doc: usize| all.partition_point(|null| (*null as usize) < doc);
        let nulls = &all[at(docs.start)..at(docs.end)];
        if nulls.is_empty() {
            return None;
        }
        let mut valid = vec![true; docs.len()];
        nulls.iter().for_each(|doc| valid[*doc as usize - docs.start] = false);
        Some(valid.into())
    }
}

/// All values that a column holds once each, by their ids; none where there are many, or each row has its own.
fn dictionary(values: &BytesInterner) -> Option<ArrayRef> {
    let is_small = values.is_distinct() && values.len() <= DICTIONARY_VALUES && values.num_bytes() <= DICTIONARY_BYTES;
    if !is_small {
        return None;
    }
    let mut builder = BytesBuilder::with_capacity(values.len());
    (0..values.len() as u32).try_for_each(|id| builder.push(values.get(id))).ok()?;
    builder.finish(DataType::String).ok()
}

fn with_nulls(array: ArrayRef, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
    let Some(nulls) = nulls else { return Ok(array) };
    let data = array.into_data().into_builder().nulls(Some(nulls)).build();
    Ok(make_array(data.map_err(|error| Error::unexpected("cannot mark nulls").caused_by(error))?))
}

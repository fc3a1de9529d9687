//! Rows of a segment that is not finished, as they came.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, DictionaryArray, Float32Array, Float64Array, Int32Array, Int64Array, ListArray,
    PrimitiveArray, RecordBatch, TimestampMillisecondArray, make_array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::compute::cast;
use arrow::datatypes::{
    ArrowDictionaryKeyType, DataType as Arrow, FieldRef, Schema as ArrowSchema, SchemaRef, UInt8Type, UInt16Type,
};
use pinotage_common::{Error, ErrorKind, Result};
use pinotage_spec::{DataType, arrow_field};

use super::builder::{ROWS_BETWEEN_CHECKS, SegmentBuilder};
use super::column::{ColumnBuilder, Distinct};
use crate::read::array::{BytesBuilder, too_long};

/// A column whose rows have so many times fewer distinct values comes as a dictionary of all that it has.
const ROWS_OF_A_VALUE: usize = 4;

/// Unless its text has more bytes.
const DICTIONARY_BYTES: usize = 1 << 20;

/// So many bytes of texts and lists are in one batch at most, unless it has one row.
const BATCH_BYTES: usize = 16 << 20;

impl SegmentBuilder {
    /// The rows from one on, in batches of at most [`ROWS_BETWEEN_CHECKS`] rows, and of fewer where values are long: of the canonical
    /// types, all columns nullable, and packed: columns of few distinct values are dictionaries with keys of 8 or 16 bits. A builder that
    /// takes them in, [unpacked], makes the same segment as one that took in what this one did.
    ///
    /// # Errors
    ///
    /// Each batch may be `resource-exhausted`: beyond 2 GiB in one value.
    pub fn rows_from(&self, first: usize) -> impl Iterator<Item = Result<RecordBatch>> + '_ {
        let rows = self.num_docs().saturating_sub(first);
        let columns: Vec<HeldColumn<'_>> = self.sources().map(|column| HeldColumn::new(column, rows)).collect();
        let fields: Vec<FieldRef> = columns.iter().map(|column| FieldRef::clone(&column.field)).collect();
        let schema = SchemaRef::new(ArrowSchema::new(fields));
        let batch = move |docs: &Range<usize>| {
            let mut room = if docs.len() == 1 { usize::MAX } else { BATCH_BYTES };
            let arrays = columns.iter().map(|column| column.rows(docs.clone(), &mut room));
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

/// Rows that a builder gave back as one takes them in.
///
/// # Errors
///
/// `resource-exhausted` beyond 2 GiB of values in a column.
pub fn unpacked(rows: &RecordBatch) -> Result<RecordBatch> {
    let failed = |error| too_long().caused_by(error);
    let schema = rows.schema();
    let columns = schema.fields().iter().zip(rows.columns()).map(|(field, column)| match field.data_type() {
        Arrow::Dictionary(keys, values) if matches!(**keys, Arrow::UInt8 | Arrow::UInt16) => {
            let field = field.as_ref().clone().with_data_type((**values).clone());
            Ok((field.into(), cast(column, values).map_err(failed)?))
        }
        _ => Ok((FieldRef::clone(field), Arc::clone(column))),
    });
    let (fields, columns): (Vec<FieldRef>, Vec<ArrayRef>) = columns.collect::<Result<Vec<_>>>()?.into_iter().unzip();
    RecordBatch::try_new(ArrowSchema::new(fields).into(), columns)
        .map_err(|error| Error::unexpected("cannot put columns together").caused_by(error))
}

/// A column whose rows are asked for.
struct HeldColumn<'a> {
    column: &'a ColumnBuilder,
    field: FieldRef,
    /// All values by their ids, where there are few.
    dictionary: Option<ArrayRef>,
}

impl<'a> HeldColumn<'a> {
    fn new(column: &'a ColumnBuilder, rows: usize) -> Self {
        let field = arrow_field(&column.plan.field, true);
        let mut held = Self { column, field: field.into(), dictionary: None };
        let values = column.size().distinct;
        let is_packed = column.plan.field.single_value
            && column.plan.field.data_type != DataType::Boolean
            && values <= (rows / ROWS_OF_A_VALUE).min(1 << 16)
            && column.distinct.is_distinct()
            && column.distinct.text_bytes() <= DICTIONARY_BYTES;
        if is_packed && let Ok(all) = held.values(&(0..values as u32).collect::<Vec<_>>(), &mut { usize::MAX }) {
            let keys = if values <= 1 << 8 { Arrow::UInt8 } else { Arrow::UInt16 };
            let packed = Arrow::Dictionary(keys.into(), all.data_type().clone().into());
            held.field = held.field.as_ref().clone().with_data_type(packed).into();
            held.dictionary = Some(all);
        }
        held
    }

    /// The rows of some docs. What they take is taken off `room`, and an error when there is none.
    fn rows(&self, docs: Range<usize>, room: &mut usize) -> Result<ArrayRef> {
        let nulls = self.nulls(&docs);
        if self.column.plan.field.single_value {
            let ids = self.column.ids.slice(docs);
            return match (&self.dictionary, self.field.data_type()) {
                (Some(values), Arrow::Dictionary(keys, _)) if **keys == Arrow::UInt8 => {
                    packed::<UInt8Type>(ids.iter().map(|id| *id as u8), nulls, values)
                }
                (Some(values), _) => packed::<UInt16Type>(ids.iter().map(|id| *id as u16), nulls, values),
                (None, _) => with_nulls(self.values(&ids, room)?, nulls),
            };
        }
        let ends = &self.column.ends;
        let start = docs.start.checked_sub(1).map_or(0, |before| ends[before]);
        let last = docs.end.checked_sub(1).map_or(0, |last| ends[last]);
        let offsets = std::iter::once(0).chain(ends[docs].iter().map(|end| (end - start) as i32));
        let offsets = OffsetBuffer::new(offsets.collect::<ScalarBuffer<i32>>());
        *room = room.checked_sub(size_of::<u64>() * (last - start) as usize).ok_or_else(too_long)?;
        let values = self.values(&self.column.ids.slice(start as usize..last as usize), room)?;
        let Arrow::List(item) = self.field.data_type() else {
            return Err(Error::unexpected("the canonical type of many values is no list"));
        };
        let lists = ListArray::try_new(FieldRef::clone(item), offsets, values, nulls);
        Ok(Arc::new(lists.map_err(|error| Error::unexpected("cannot make lists").caused_by(error))?))
    }

    /// Values by their ids, in canonical types. Texts are taken off `room`, and an error when there is none.
    fn values(&self, ids: &[u32], room: &mut usize) -> Result<ArrayRef> {
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
                for value in ids().map(|id| values.get(id)) {
                    *room = room.checked_sub(value.len()).ok_or_else(too_long)?;
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

/// Rows by the ids of their values, none of which is beyond the width of a key.
fn packed<K: ArrowDictionaryKeyType>(
    ids: impl Iterator<Item = K::Native>,
    nulls: Option<NullBuffer>,
    values: &ArrayRef,
) -> Result<ArrayRef> {
    let keys = PrimitiveArray::<K>::new(ids.collect(), nulls);
    let rows = DictionaryArray::try_new(keys, Arc::clone(values));
    Ok(Arc::new(rows.map_err(|error| Error::unexpected("an id without a value").caused_by(error))?))
}

fn with_nulls(array: ArrayRef, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
    let Some(nulls) = nulls else { return Ok(array) };
    let data = array.into_data().into_builder().nulls(Some(nulls)).build();
    Ok(make_array(data.map_err(|error| Error::unexpected("cannot mark nulls").caused_by(error))?))
}

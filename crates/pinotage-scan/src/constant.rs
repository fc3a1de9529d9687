//! A column of one value.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, ListArray,
    MapArray, StringArray, TimestampMillisecondArray, new_empty_array,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType as Arrow, Field};
use pinotage_common::{Error, Result};
use pinotage_spec::{DataType, FieldSpec, Value};

/// So many rows of a column's default value; a row of a multi-value column has it once.
pub(crate) fn constant(field: &FieldSpec, data_type: &Arrow, rows: usize) -> Result<ArrayRef> {
    let failed = |error| Error::unexpected("cannot make a column").with("column", &field.name).caused_by(error);
    // A map's default is the empty one.
    if let Arrow::Map(entries, sorted) = data_type {
        let none = new_empty_array(entries.data_type()).as_struct().clone();
        let offsets = OffsetBuffer::from_lengths(std::iter::repeat_n(0, rows));
        let maps = MapArray::try_new(Arc::clone(entries), offsets, none, None, *sorted);
        return Ok(Arc::new(maps.map_err(failed)?));
    }
    let values: ArrayRef = match (&field.default_null_value, field.data_type) {
        (Value::Int(value), DataType::Boolean) => Arc::new(BooleanArray::from(vec![*value != 0; rows])),
        (Value::Int(value), _) => Arc::new(Int32Array::from_value(*value, rows)),
        (Value::Long(value), DataType::Timestamp) => {
            Arc::new(TimestampMillisecondArray::from_value(*value, rows).with_timezone("UTC"))
        }
        (Value::Long(value), _) => Arc::new(Int64Array::from_value(*value, rows)),
        (Value::Float(value), _) => Arc::new(Float32Array::from_value(*value, rows)),
        (Value::Double(value), _) => Arc::new(Float64Array::from_value(*value, rows)),
        (Value::BigDecimal(value), _) => {
            Arc::new(StringArray::from_iter_values(std::iter::repeat_n(value.to_plain_string(), rows)))
        }
        (Value::String(value), _) => Arc::new(StringArray::from_iter_values(std::iter::repeat_n(value, rows))),
        (Value::Bytes(value), _) => Arc::new(BinaryArray::from_iter_values(std::iter::repeat_n(value, rows))),
    };
    if field.single_value {
        return Ok(values);
    }
    let item = match data_type {
        Arrow::List(item) => Arc::clone(item),
        _ => Arc::new(Field::new("item", values.data_type().clone(), false)),
    };
    ListArray::try_new(item, OffsetBuffer::from_lengths(std::iter::repeat_n(1, rows)), values, None)
        .map(|list| Arc::new(list) as ArrayRef)
        .map_err(failed)
}

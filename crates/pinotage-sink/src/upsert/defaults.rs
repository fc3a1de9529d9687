//! What Pinot stores for a null.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, ListArray,
    MapArray, Scalar, StringArray, TimestampMillisecondArray, new_empty_array,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::{is_null, kernels::zip::zip};
use arrow::datatypes::{DataType as Arrow, Field};
use pinotage_common::{Error, Result};
use pinotage_spec::{DataType, FieldSpec, Value};

/// The column with the default value in place of nulls: what a server reads where it does not know of nulls.
pub(super) fn filled(column: &ArrayRef, field: &FieldSpec) -> Result<ArrayRef> {
    if column.null_count() == 0 {
        return Ok(column.clone());
    }
    let default = Scalar::new(default(field)?);
    let filled = is_null(column).and_then(|nulls| zip(&nulls, &default, column));
    filled.map_err(|error| mismatch(field, column.data_type()).caused_by(error))
}

/// The default value of a column, as an array of one.
pub(super) fn default(field: &FieldSpec) -> Result<ArrayRef> {
    let item: ArrayRef = match (&field.default_null_value, field.data_type) {
        (Value::Int(value), DataType::Boolean) => Arc::new(BooleanArray::from(vec![*value == 1])),
        (Value::Int(value), _) => Arc::new(Int32Array::from(vec![*value])),
        (Value::Long(value), DataType::Timestamp) => {
            Arc::new(TimestampMillisecondArray::from(vec![*value]).with_timezone("UTC"))
        }
        (Value::Long(value), _) => Arc::new(Int64Array::from(vec![*value])),
        (Value::Float(value), _) => Arc::new(Float32Array::from(vec![*value])),
        (Value::Double(value), _) => Arc::new(Float64Array::from(vec![*value])),
        (Value::BigDecimal(value), _) => Arc::new(StringArray::from(vec![value.to_plain_string()])),
        (Value::String(value), _) => Arc::new(StringArray::from(vec![value.as_str()])),
        (Value::Bytes(_), DataType::Map) => new_empty_map(field)?,
        (Value::Bytes(value), _) => Arc::new(BinaryArray::from(vec![value.as_slice()])),
    };
    if field.single_value {
        return Ok(item);
    }
    let element = Arc::new(Field::new("item", item.data_type().clone(), false));
    Ok(Arc::new(ListArray::new(element, OffsetBuffer::from_lengths([1]), item, None)))
}

/// A map without entries.
fn new_empty_map(field: &FieldSpec) -> Result<ArrayRef> {
    let map = field.data_type.to_arrow();
    let Arrow::Map(entries, _) = &map else { return Err(mismatch(field, &map)) };
    let no_entries = new_empty_array(entries.data_type());
    let no_entries = no_entries.as_struct().clone();
    Ok(Arc::new(MapArray::new(entries.clone(), OffsetBuffer::from_lengths([0]), no_entries, None, false)))
}

/// The error of a column that has not its canonical type.
pub(super) fn mismatch(field: &FieldSpec, found: &Arrow) -> Error {
    Error::schema_mismatch(format!("expected the canonical type of a {} column, found {found}", field.data_type))
        .with("column", &field.name)
}

#[cfg(test)]
mod tests {
    use arrow::array::new_null_array;
    use pinotage_spec::{FieldType, arrow_field};

    use super::*;

    #[test]
    fn nulls_of_all_types_are_filled() {
        use DataType::{BigDecimal, Boolean, Bytes, Double, Float, Int, Json, Long, Map, String, Timestamp};
        for data_type in [Int, Long, Float, Double, Boolean, Timestamp, String, Json, Bytes, BigDecimal, Map] {
            for single_value in [true, false] {
                let kind = if data_type == Map { FieldType::Complex } else { FieldType::Dimension };
                let field = FieldSpec {
                    single_value: single_value || data_type == Map,
                    ..FieldSpec::new("c", data_type, kind)
                };
                let canonical = arrow_field(&field, true);
                let filled = filled(&new_null_array(canonical.data_type(), 2), &field).unwrap();
                assert_eq!((filled.null_count(), filled.len()), (0, 2), "{data_type}");
                assert!(filled.data_type().equals_datatype(canonical.data_type()), "{data_type}");
            }
        }
    }
}

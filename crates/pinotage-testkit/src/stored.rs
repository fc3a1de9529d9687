//! Values as texts.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{
    DataType, Float32Type, Float64Type, Int32Type, Int64Type, TimestampMillisecondType, UInt64Type,
};
use pinotage_spec::java;
use serde_json::Value;

/// A stored value as Java writes it: every number and byte is seen.
///
/// # Panics
///
/// For a type that no column of Pinot has.
pub fn stored(array: &ArrayRef, at: usize) -> Value {
    if array.is_null(at) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::List(_) => {
            let items = array.as_list::<i32>().value(at);
            (0..items.len()).map(|item| stored(&items, item)).collect()
        }
        DataType::Utf8 => array.as_string::<i32>().value(at).into(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(at).to_string().into(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(at).to_string().into(),
        DataType::UInt64 => array.as_primitive::<UInt64Type>().value(at).to_string().into(),
        DataType::Float32 => java::float_to_string(array.as_primitive::<Float32Type>().value(at)).into(),
        DataType::Float64 => java::double_to_string(array.as_primitive::<Float64Type>().value(at)).into(),
        DataType::Boolean => i32::from(array.as_boolean().value(at)).to_string().into(),
        DataType::Binary => pinotage_spec::to_hex(array.as_binary::<i32>().value(at)).into(),
        DataType::Timestamp(..) => array.as_primitive::<TimestampMillisecondType>().value(at).to_string().into(),
        other => panic!("{other}"),
    }
}

//! Values of CHAR without the blanks that fill them up, as ORC's own library gives them.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, MapArray, StringArray, StructArray};
use arrow::error::ArrowError;
use orc_rust::schema::DataType as OrcType;

/// Whether there is a CHAR in a type.
pub(super) fn has_char(data_type: &OrcType) -> bool {
    match data_type {
        OrcType::Char { .. } => true,
        OrcType::Struct { children, .. } => children.iter().any(|child| has_char(child.data_type())),
        OrcType::List { child, .. } => has_char(child),
        OrcType::Map { key, value, .. } => has_char(key) || has_char(value),
        _ => false,
    }
}

/// The array of a column without them.
pub(super) fn strip(array: &ArrayRef, data_type: &OrcType) -> Result<ArrayRef, ArrowError> {
    if !has_char(data_type) {
        return Ok(Arc::clone(array));
    }
    let wrong = || ArrowError::SchemaError(format!("expected values of {data_type}, found {}", array.data_type()));
    Ok(match data_type {
        OrcType::Char { .. } => {
            let texts = array.as_string_opt::<i32>().ok_or_else(wrong)?;
            Arc::new(texts.iter().map(|text| text.map(|text| text.trim_end_matches(' '))).collect::<StringArray>())
        }
        OrcType::Struct { children, .. } => {
            let parts = array.as_struct_opt().ok_or_else(wrong)?;
            let columns = parts.columns().iter().zip(children).map(|(part, child)| strip(part, child.data_type()));
            let columns = columns.collect::<Result<_, _>>()?;
            Arc::new(StructArray::try_new(parts.fields().clone(), columns, parts.nulls().cloned())?)
        }
        OrcType::List { child, .. } => {
            let list = array.as_list_opt::<i32>().ok_or_else(wrong)?;
            let arrow::datatypes::DataType::List(item) = list.data_type() else { return Err(wrong()) };
            let values = strip(list.values(), child)?;
            Arc::new(ListArray::try_new(Arc::clone(item), list.offsets().clone(), values, list.nulls().cloned())?)
        }
        OrcType::Map { key, value, .. } => {
            let map = array.as_map_opt().ok_or_else(wrong)?;
            let arrow::datatypes::DataType::Map(entries, sorted) = map.data_type() else { return Err(wrong()) };
            let columns = vec![strip(map.keys(), key)?, strip(map.values(), value)?];
            let inner = StructArray::try_new(map.entries().fields().clone(), columns, None)?;
            let (offsets, nulls) = (map.offsets().clone(), map.nulls().cloned());
            Arc::new(MapArray::try_new(Arc::clone(entries), offsets, inner, nulls, *sorted)?)
        }
        _ => Arc::clone(array),
    })
}

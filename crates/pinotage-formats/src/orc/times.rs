//! Times in microseconds: from the exact nanoseconds that are decoded, without the end of Arrow's nanoseconds in 2262.

use std::sync::Arc;

use arrow::array::PrimitiveArray;
use arrow::array::{Array, ArrayRef, AsArray, ListArray, MapArray, RecordBatch, RecordBatchOptions, StructArray};
use arrow::datatypes::{DataType, Decimal128Type, Field, FieldRef, Fields, Schema, TimestampMicrosecondType};
use arrow::error::ArrowError;

const NANOS_OF_MICRO: i128 = 1_000;

/// The types that are decoded for the types that are handed out: 38 digits with 9 behind the point for times.
pub(super) fn decoded(fields: &Fields) -> Fields {
    let one = |field: &FieldRef| Arc::new(Field::clone(field).with_data_type(decoded_type(field.data_type())));
    fields.iter().map(one).collect()
}

fn decoded_type(data_type: &DataType) -> DataType {
    let one = |field: &FieldRef| Arc::new(Field::clone(field).with_data_type(decoded_type(field.data_type())));
    match data_type {
        DataType::Timestamp(..) => DataType::Decimal128(38, 9),
        DataType::Struct(fields) => DataType::Struct(decoded(fields)),
        DataType::List(item) => DataType::List(one(item)),
        DataType::Map(entries, sorted) => DataType::Map(one(entries), *sorted),
        other => other.clone(),
    }
}

/// The batch in the types that are handed out; what is finer than a microsecond is cut, down in time.
pub(super) fn in_microseconds(batch: &RecordBatch, schema: &Arc<Schema>) -> Result<RecordBatch, ArrowError> {
    let columns = batch.columns().iter().zip(schema.fields()).map(|(column, field)| convert(column, field.data_type()));
    let count = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns.collect::<Result<_, _>>()?, &count)
}

fn convert(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, ArrowError> {
    if array.data_type() == to {
        return Ok(Arc::clone(array));
    }
    let wrong = || ArrowError::SchemaError(format!("expected {to}, found {}", array.data_type()));
    let parts = |array: &StructArray, fields: &Fields| -> Result<StructArray, ArrowError> {
        let columns = array.columns().iter().zip(fields).map(|(column, field)| convert(column, field.data_type()));
        StructArray::try_new(fields.clone(), columns.collect::<Result<_, _>>()?, array.nulls().cloned())
    };
    Ok(match to {
        DataType::Timestamp(_, zone) => {
            let nanos = array.as_primitive_opt::<Decimal128Type>().ok_or_else(wrong)?;
            let micros: PrimitiveArray<TimestampMicrosecondType> = nanos.try_unary(|nanos| {
                i64::try_from(nanos.div_euclid(NANOS_OF_MICRO))
                    .map_err(|_| ArrowError::CastError(format!("a time of {nanos} ns is no time of Arrow")))
            })?;
            Arc::new(micros.with_timezone_opt(zone.clone()))
        }
        DataType::Struct(fields) => Arc::new(parts(array.as_struct_opt().ok_or_else(wrong)?, fields)?),
        DataType::List(item) => {
            let list = array.as_list_opt::<i32>().ok_or_else(wrong)?;
            let values = convert(list.values(), item.data_type())?;
            Arc::new(ListArray::try_new(Arc::clone(item), list.offsets().clone(), values, list.nulls().cloned())?)
        }
        DataType::Map(entries, sorted) => {
            let map = array.as_map_opt().ok_or_else(wrong)?;
            let DataType::Struct(fields) = entries.data_type() else { return Err(wrong()) };
            let inner = parts(map.entries(), fields)?;
            let (entries, offsets, nulls) = (Arc::clone(entries), map.offsets().clone(), map.nulls().cloned());
            Arc::new(MapArray::try_new(entries, offsets, inner, nulls, *sorted)?)
        }
        _ => return Err(wrong()),
    })
}

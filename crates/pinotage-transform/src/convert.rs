//! One value a row: any Arrow array to the canonical array of a column.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::DataType as Arrow;
use pinotage_common::{Error, Result};
use pinotage_spec::{DataType, FieldSpec};

use crate::accept::unpacked;
use crate::conform::ConformOptions;
use crate::outcome::Outcome;
use crate::{json, number, rule, text, time};

/// Converts an array; arrays that are canonical and need no change pass through uncopied.
pub(crate) fn convert(
    field: &FieldSpec,
    array: &ArrayRef,
    options: &ConformOptions,
    outcome: &mut Outcome<'_>,
) -> Result<ArrayRef> {
    let plain = unpacked(array.data_type());
    if plain == Arrow::Null {
        return Ok(new_null_array(&field.data_type.to_arrow(), array.len()));
    }
    let array = match plain == *array.data_type() {
        true => Arc::clone(array),
        false => cast(array, &plain).map_err(|error| Error::unexpected("cannot unpack values").caused_by(error))?,
    };
    match (field.data_type, array.data_type()) {
        (DataType::Int, Arrow::Int32) | (DataType::Long, Arrow::Int64) | (DataType::Boolean, Arrow::Boolean) => {
            Ok(array)
        }
        (DataType::Int | DataType::Long, Arrow::Date32 | Arrow::Date64 | Arrow::Timestamp(..)) => {
            time::to_epoch(field, &array, options, outcome)
        }
        (DataType::Int | DataType::Long | DataType::Float | DataType::Double, _) => {
            number::to_number(field.data_type, &array, outcome)
        }
        (DataType::Boolean, _) => number::to_boolean(&array, outcome),
        (DataType::BigDecimal, _) => number::to_decimal(field.allow_trailing_zeros, &array, outcome),
        (DataType::Timestamp, _) => time::to_timestamp(&array, options, outcome),
        (DataType::Json, _) => {
            let texts = json::to_json(&array, outcome)?;
            text::sanitize_text(field, texts, outcome)
        }
        (DataType::String, Arrow::Utf8) => text::sanitize_text(field, array.as_string::<i32>().clone(), outcome),
        (DataType::String, Arrow::Date32 | Arrow::Date64) => {
            let texts = time::dates_to_text(field, &array, outcome)?;
            text::sanitize_text(field, texts, outcome)
        }
        (DataType::String, Arrow::Binary) => {
            let texts = array.as_binary::<i32>().iter().map(|bytes| bytes.map(pinotage_spec::to_hex)).collect();
            text::sanitize_text(field, texts, outcome)
        }
        (DataType::String, _) => text::sanitize_text(field, number::to_text(&array)?, outcome),
        (DataType::Bytes, Arrow::Binary) => text::sanitize_bytes(field, array.as_binary::<i32>().clone(), outcome),
        (DataType::Bytes, _) => {
            let bytes: BinaryArray = array
                .as_string::<i32>()
                .iter()
                .enumerate()
                .map(|(at, hex)| {
                    let bytes = pinotage_spec::parse_hex(hex?);
                    if bytes.is_none() {
                        outcome.bad(at, rule::WRONG_TYPE, "bytes as hexadecimal text", hex.unwrap_or_default());
                    }
                    bytes
                })
                .collect();
            text::sanitize_bytes(field, bytes, outcome)
        }
    }
}

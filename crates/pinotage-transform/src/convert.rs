//! One value a row: any Arrow array to the canonical array of a column.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::{DataType as Arrow, Float32Type, Float64Type, Int32Type, Int64Type};
use pinotage_common::Result;
use pinotage_spec::{DataType, FieldSpec};

use crate::accept::unpacked;
use crate::conform::ConformOptions;
use crate::outcome::Outcome;
use crate::{boolean, bytes, date, decimal, dictionary, json, map, number, text, timestamp};

/// Converts an array; arrays that are canonical and need no change pass through uncopied.
pub(crate) fn convert(
    field: &FieldSpec,
    array: &ArrayRef,
    options: &ConformOptions,
    outcome: &mut Outcome<'_>,
) -> Result<ArrayRef> {
    if let Some(kept) = dictionary::keep(field, array, options)? {
        return Ok(kept);
    }
    let plain = unpacked(array.data_type());
    if plain == Arrow::Null {
        return Ok(new_null_array(&field.data_type.to_arrow(), array.len()));
    }
    // What does not fit after unpacking is more than 2 GiB of text.
    let array = match plain == *array.data_type() {
        true => Arc::clone(array),
        false => cast(array, &plain).map_err(|error| text::too_large().caused_by(error))?,
    };
    let is_time = matches!(array.data_type(), Arrow::Date32 | Arrow::Date64 | Arrow::Timestamp(..));
    match field.data_type {
        DataType::Int | DataType::Long if is_time => timestamp::to_count(field, &array, options, outcome),
        DataType::Int => number::convert::<Int32Type>(&array, outcome),
        DataType::Long => number::convert::<Int64Type>(&array, outcome),
        DataType::Float => {
            let floats = number::convert::<Float32Type>(&array, outcome)?;
            Ok(number::special_floats(floats, outcome))
        }
        DataType::Double => {
            if let Some(doubles) = number::short_decimals(&array) {
                return Ok(doubles);
            }
            let doubles = number::convert::<Float64Type>(&array, outcome)?;
            Ok(number::special_doubles(doubles, outcome))
        }
        DataType::Boolean => boolean::to_boolean(&array, outcome),
        DataType::BigDecimal => decimal::to_big_decimal(field, &array, outcome),
        DataType::Timestamp => timestamp::to_timestamp(&array, options, outcome),
        DataType::Bytes => bytes::to_bytes(field, &array, outcome),
        DataType::Map => map::to_map(&array, outcome),
        DataType::Json => text::sanitize(field, json::to_json(&array, outcome)?, outcome),
        DataType::String => {
            let texts = match array.data_type() {
                Arrow::Utf8 => array,
                Arrow::Binary => Arc::new(text::from_bytes(&array)?),
                _ if is_time => {
                    let mut known = outcome.dates.take().unwrap_or_default();
                    let texts: ArrayRef = Arc::new(date::to_text(field, &array, &mut known, outcome)?);
                    outcome.dates = Some(known);
                    if let Some(kept) = dictionary::keep(field, &texts, options)? {
                        return Ok(kept);
                    }
                    cast(&texts, &Arrow::Utf8).map_err(|error| text::too_large().caused_by(error))?
                }
                _ => Arc::new(text::from_number(&array)?),
            };
            text::sanitize(field, texts, outcome)
        }
    }
}

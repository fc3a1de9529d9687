//! BOOLEAN: what is not zero is true.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, BooleanBuilder};
use arrow::compute::cast;
use arrow::datatypes::DataType as Arrow;
use pinotage_common::Result;

use crate::number::{failed, trim};
use crate::outcome::Outcome;
use crate::{decimal, rule};

/// Numbers and text. Pinot takes every other text for false; a silent false is a loss, so it is a bad row here.
pub(crate) fn to_boolean(array: &ArrayRef, outcome: &mut Outcome<'_>) -> Result<ArrayRef> {
    match array.data_type() {
        Arrow::Boolean => Ok(Arc::clone(array)),
        Arrow::Utf8 => {
            let texts = array.as_string::<i32>();
            let mut builder = BooleanBuilder::with_capacity(texts.len());
            for (at, text) in texts.iter().enumerate() {
                let value = match text.map(trim) {
                    None => None,
                    Some(text) if text == "1" || text.eq_ignore_ascii_case("true") => Some(true),
                    Some(text) if text == "0" || text.eq_ignore_ascii_case("false") => Some(false),
                    Some(text) => {
                        outcome.bad(at, rule::WRONG_TYPE, "true, false, 1 or 0", text);
                        Some(false)
                    }
                };
                builder.append_option(value);
            }
            Ok(Arc::new(builder.finish()))
        }
        arrow if decimal::is_decimal(arrow) => {
            let mut values = vec![false; array.len()];
            decimal::each(array, |at, value| values[at] = value.integer() != Ok(0));
            Ok(Arc::new(BooleanArray::new(values.into(), array.nulls().cloned())))
        }
        _ => cast(array, &Arrow::Boolean).map_err(failed),
    }
}

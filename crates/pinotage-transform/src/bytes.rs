//! BYTES: from hexadecimal text, and the lengths of bytes.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryBuilder};
use arrow::datatypes::DataType as Arrow;
use pinotage_common::Result;
use pinotage_spec::{FieldSpec, MaxLengthStrategy, Value};

use crate::number::trim;
use crate::outcome::Outcome;
use crate::rule;

/// Bytes, or their hexadecimal text.
pub(crate) fn to_bytes(field: &FieldSpec, array: &ArrayRef, outcome: &mut Outcome<'_>) -> Result<ArrayRef> {
    if array.data_type() == &Arrow::Binary {
        return Ok(sanitize(field, Arc::clone(array), outcome));
    }
    let texts = array.as_string::<i32>();
    let mut builder = BinaryBuilder::with_capacity(texts.len(), texts.value_data().len() / 2);
    let mut bytes = Vec::new();
    for (at, text) in texts.iter().enumerate() {
        let Some(text) = text else {
            builder.append_null();
            continue;
        };
        bytes.clear();
        if !read_hex(trim(text).as_bytes(), &mut bytes) {
            outcome.bad(at, rule::WRONG_TYPE, "bytes as hexadecimal text", text);
        }
        builder.append_value(&bytes);
    }
    Ok(sanitize(field, Arc::new(builder.finish()), outcome))
}

fn read_hex(text: &[u8], out: &mut Vec<u8>) -> bool {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let (pairs, rest) = text.as_chunks::<2>();
    rest.is_empty()
        && pairs.iter().all(|[high, low]| match (digit(*high), digit(*low)) {
            (Some(high), Some(low)) => {
                out.push(high << 4 | low);
                true
            }
            _ => false,
        })
}

/// Cuts, substitutes or refuses what is longer than `maxLength`.
fn sanitize(field: &FieldSpec, values: ArrayRef, outcome: &mut Outcome<'_>) -> ArrayRef {
    let array = values.as_binary::<i32>();
    let is_long = |bytes: &[u8]| bytes.len() > field.max_length;
    if field.max_length_strategy == MaxLengthStrategy::NoAction || !array.iter().flatten().any(is_long) {
        return values;
    }
    let mut builder = BinaryBuilder::with_capacity(array.len(), array.value_data().len());
    for (at, bytes) in array.iter().enumerate() {
        let Some(bytes) = bytes.filter(|bytes| is_long(bytes)) else {
            builder.append_option(bytes);
            continue;
        };
        let found = format!("{} bytes", bytes.len());
        match (field.max_length_strategy, &field.default_null_value) {
            (MaxLengthStrategy::SubstituteDefaultValue, Value::Bytes(default)) => {
                outcome.change(at, rule::SUBSTITUTED, found);
                builder.append_value(default);
            }
            (MaxLengthStrategy::Error, _) => {
                outcome.bad(at, rule::TOO_LONG, format_args!("at most {} bytes", field.max_length), found);
                builder.append_value([]);
            }
            _ => {
                outcome.change(at, rule::TRIMMED, found);
                builder.append_value(&bytes[..field.max_length]);
            }
        }
    }
    Arc::new(builder.finish())
}

//! Lengths and NULs of text and bytes (`SanitizationTransformer`).

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BinaryArray, StringArray, StringBuilder};
use pinotage_common::Result;
use pinotage_spec::java::utf16_len;
use pinotage_spec::{DataType, FieldSpec, MaxLengthStrategy, Value};

use crate::outcome::Outcome;
use crate::rule;

/// Cuts, substitutes or refuses what the column does not allow.
pub(crate) fn sanitize_text(field: &FieldSpec, array: StringArray, outcome: &mut Outcome<'_>) -> Result<ArrayRef> {
    // In UTF-8 a text has at least as many bytes as UTF-16 units, so short ones need no counting.
    let long = field.max_length_strategy != MaxLengthStrategy::NoAction
        && array.offsets().windows(2).any(|ends| (ends[1] - ends[0]) as usize > field.max_length);
    if !long && !array.value_data().contains(&0) {
        return Ok(Arc::new(array));
    }
    let mut builder = StringBuilder::with_capacity(array.len(), array.value_data().len());
    for (at, text) in array.iter().enumerate() {
        match text {
            None => builder.append_null(),
            Some(text) => sanitize(field, at, text, &mut builder, outcome),
        }
    }
    Ok(Arc::new(builder.finish()))
}

fn sanitize(field: &FieldSpec, at: usize, text: &str, builder: &mut StringBuilder, outcome: &mut Outcome<'_>) {
    let cut = match text.find('\0') {
        Some(nul) => {
            outcome.change(at, rule::CUT_AT_NUL, text);
            &text[..nul]
        }
        None => text,
    };
    if utf16_len(cut) <= field.max_length {
        return builder.append_value(cut);
    }
    match field.max_length_strategy {
        MaxLengthStrategy::NoAction => builder.append_value(cut),
        MaxLengthStrategy::Error => {
            outcome.bad(at, rule::TOO_LONG, &format!("at most {} characters", field.max_length), cut);
            builder.append_value("");
        }
        MaxLengthStrategy::SubstituteDefaultValue => {
            outcome.change(at, rule::SUBSTITUTED, cut);
            builder.append_value(match &field.default_null_value {
                Value::String(default) => default,
                _ => "",
            });
        }
        MaxLengthStrategy::TrimLength => {
            outcome.change(at, rule::TRIMMED, cut);
            builder.append_value(trim(cut, field.max_length));
        }
    }
}

/// The first `units` UTF-16 units. Half a surrogate pair becomes `?`, as Java encodes it.
fn trim(text: &str, units: usize) -> String {
    let mut left = units;
    let mut trimmed = String::with_capacity(units);
    for c in text.chars() {
        if left < c.len_utf16() {
            if left == 1 {
                trimmed.push('?');
            }
            break;
        }
        left -= c.len_utf16();
        trimmed.push(c);
    }
    trimmed
}

/// As [`sanitize_text`], for bytes.
pub(crate) fn sanitize_bytes(field: &FieldSpec, array: BinaryArray, outcome: &mut Outcome<'_>) -> Result<ArrayRef> {
    debug_assert_eq!(field.data_type, DataType::Bytes);
    let long = |bytes: &[u8]| bytes.len() > field.max_length;
    if field.max_length_strategy == MaxLengthStrategy::NoAction || !array.iter().flatten().any(long) {
        return Ok(Arc::new(array));
    }
    let sanitized: BinaryArray = array
        .iter()
        .enumerate()
        .map(|(at, bytes)| {
            let bytes = bytes?;
            if !long(bytes) {
                return Some(bytes.to_vec());
            }
            let text = format!("{} bytes", bytes.len());
            match field.max_length_strategy {
                MaxLengthStrategy::Error => {
                    outcome.bad(at, rule::TOO_LONG, &format!("at most {} bytes", field.max_length), &text)
                }
                MaxLengthStrategy::SubstituteDefaultValue => {
                    outcome.change(at, rule::SUBSTITUTED, &text);
                    if let Value::Bytes(default) = &field.default_null_value {
                        return Some(default.clone());
                    }
                }
                _ => outcome.change(at, rule::TRIMMED, &text),
            }
            Some(bytes.get(..field.max_length).unwrap_or(bytes).to_vec())
        })
        .collect();
    Ok(Arc::new(sanitized))
}

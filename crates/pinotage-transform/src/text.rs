//! STRING: the text of anything, and the lengths and NULs of text (`SanitizationTransformer`).

use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray, StringArray, StringBuilder};
use arrow::compute::cast;
use arrow::datatypes::{ArrowPrimitiveType, DataType as Arrow, Float32Type, Float64Type, Int64Type, UInt64Type};
use pinotage_common::{Error, ErrorKind, Result};
use pinotage_spec::java::{self, cut_utf16, utf16_len};
use pinotage_spec::{FieldSpec, MaxLengthStrategy, Value};

use crate::number::failed;
use crate::outcome::Outcome;
use crate::{decimal, rule};

/// Texts of which some are replaced. Nothing is copied before the first one that is.
pub(crate) struct Rewrite<'a> {
    source: &'a StringArray,
    builder: Option<StringBuilder>,
    too_large: bool,
}

impl<'a> Rewrite<'a> {
    pub(crate) fn new(source: &'a StringArray) -> Self {
        Self { source, builder: None, too_large: false }
    }

    /// The next row stays, value or null.
    pub(crate) fn keep(&mut self, at: usize) {
        if self.builder.is_some() {
            let source = self.source;
            self.append(source.is_valid(at).then(|| source.value(at)));
        }
    }

    /// The next row becomes `text`.
    pub(crate) fn put(&mut self, at: usize, text: &str) {
        if self.builder.is_none() {
            if self.source.value(at) == text {
                return;
            }
            let mut builder = StringBuilder::with_capacity(self.source.len(), self.source.value_data().len());
            (0..at).for_each(|row| builder.append_option(self.source.is_valid(row).then(|| self.source.value(row))));
            self.builder = Some(builder);
        }
        self.append(Some(text));
    }

    fn append(&mut self, text: Option<&str>) {
        let Some(builder) = &mut self.builder else { return };
        let fits = text.is_none_or(|text| builder.values_slice().len() + text.len() <= i32::MAX as usize);
        self.too_large |= !fits;
        builder.append_option(text.filter(|_| fits));
    }

    pub(crate) fn finish(mut self) -> Result<StringArray> {
        if self.too_large {
            return Err(too_large());
        }
        Ok(self.builder.as_mut().map_or_else(|| self.source.clone(), StringBuilder::finish))
    }
}

pub(crate) fn too_large() -> Error {
    Error::new(ErrorKind::ResourceExhausted, "the text of one column of a batch is larger than 2 GiB")
        .action("read smaller batches")
}

/// Whole numbers as text.
pub(crate) fn from_integers(array: &ArrayRef) -> Result<StringArray> {
    if array.data_type() == &Arrow::UInt64 {
        return Ok(print(array.as_primitive::<UInt64Type>()));
    }
    Ok(print(cast(array, &Arrow::Int64).map_err(failed)?.as_primitive::<Int64Type>()))
}

fn print<T: ArrowPrimitiveType>(array: &PrimitiveArray<T>) -> StringArray
where
    T::Native: std::fmt::Display,
{
    let mut builder = StringBuilder::with_capacity(array.len(), array.len() * 8);
    for value in array {
        match value {
            None => builder.append_null(),
            Some(value) => {
                // Writing to memory cannot fail.
                let _ = write!(builder, "{value}");
                builder.append_value("");
            }
        }
    }
    builder.finish()
}

/// Numbers and truth values as Java prints them; decimals without exponent.
pub(crate) fn from_number(array: &ArrayRef) -> Result<StringArray> {
    Ok(match array.data_type() {
        Arrow::Boolean => {
            array.as_boolean().iter().map(|value| value.map(|value| if value { "true" } else { "false" })).collect()
        }
        Arrow::Float16 => return from_number(&cast(array, &Arrow::Float32).map_err(failed)?),
        Arrow::Float32 => array.as_primitive::<Float32Type>().iter().map(|v| v.map(java::float_to_string)).collect(),
        Arrow::Float64 => array.as_primitive::<Float64Type>().iter().map(|v| v.map(java::double_to_string)).collect(),
        arrow if decimal::is_decimal(arrow) => decimal::to_text(array, |decimal, out| decimal.plain(out)),
        _ => from_integers(array)?,
    })
}

/// Bytes as hexadecimal text.
pub(crate) fn from_bytes(array: &ArrayRef) -> Result<StringArray> {
    let bytes = array.as_binary::<i32>();
    if bytes.value_data().len() > i32::MAX as usize / 2 {
        return Err(too_large());
    }
    let mut builder = StringBuilder::with_capacity(bytes.len(), 2 * bytes.value_data().len());
    for value in bytes {
        let Some(value) = value else {
            builder.append_null();
            continue;
        };
        for byte in value {
            let _ = write!(builder, "{byte:02x}");
        }
        builder.append_value("");
    }
    Ok(builder.finish())
}

/// Cuts, substitutes or refuses what the column does not allow.
pub(crate) fn sanitize(field: &FieldSpec, texts: ArrayRef, outcome: &mut Outcome<'_>) -> Result<ArrayRef> {
    let array = texts.as_string::<i32>();
    let offsets = array.value_offsets();
    // In UTF-8 a text has at least as many bytes as UTF-16 units, so short ones need no counting.
    let long = field.max_length_strategy != MaxLengthStrategy::NoAction
        && offsets.windows(2).any(|ends| (ends[1] - ends[0]) as usize > field.max_length);
    let (start, end) = (offsets.first().map_or(0, |at| *at as usize), offsets.last().map_or(0, |at| *at as usize));
    if !long && !array.value_data()[start..end].contains(&0) {
        return Ok(texts);
    }
    let mut rewrite = Rewrite::new(array);
    for at in 0..array.len() {
        if array.is_null(at) {
            rewrite.keep(at);
        } else {
            sanitize_value(field, at, array.value(at), &mut rewrite, outcome);
        }
    }
    Ok(Arc::new(rewrite.finish()?))
}

fn sanitize_value(field: &FieldSpec, at: usize, text: &str, rewrite: &mut Rewrite<'_>, outcome: &mut Outcome<'_>) {
    let nul = text.find('\0');
    let cut = &text[..nul.unwrap_or(text.len())];
    let is_long = cut.len() > field.max_length && utf16_len(cut) > field.max_length;
    match field.max_length_strategy {
        _ if nul.is_none() && !is_long => rewrite.keep(at),
        MaxLengthStrategy::Error => {
            match nul {
                Some(_) => outcome.bad(at, rule::HAS_NUL, "a text without NUL", text),
                None => outcome.bad(at, rule::TOO_LONG, format_args!("at most {} characters", field.max_length), text),
            }
            rewrite.keep(at);
        }
        MaxLengthStrategy::SubstituteDefaultValue => {
            outcome.change(at, rule::SUBSTITUTED, text);
            rewrite.put(at, if let Value::String(default) = &field.default_null_value { default } else { "" });
        }
        MaxLengthStrategy::TrimLength | MaxLengthStrategy::NoAction => {
            if nul.is_some() {
                outcome.change(at, rule::CUT_AT_NUL, text);
            }
            // Pinot cuts at both where it cuts at all.
            if is_long && (nul.is_some() || field.max_length_strategy == MaxLengthStrategy::TrimLength) {
                outcome.change(at, rule::TRIMMED, text);
                let (whole, half) = cut_utf16(cut, field.max_length);
                if half { rewrite.put(at, &format!("{whole}?")) } else { rewrite.put(at, whole) }
            } else {
                rewrite.put(at, cut);
            }
        }
    }
}

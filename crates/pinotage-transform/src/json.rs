//! JSON as Pinot writes it: no blanks, key order kept, decimals without trailing zeros.

use std::fmt::Write as _;

use arrow::array::{Array, ArrayRef, AsArray, StringArray, StringBuilder};
use arrow::datatypes::{DataType as Arrow, Field};
use arrow::json::writer::{LineDelimited, WriterBuilder};
use arrow::record_batch::RecordBatch;
use pinotage_common::{Error, Result};
use pinotage_spec::Value;
use serde_json::Value as Json;

use crate::outcome::Outcome;
use crate::{number, rule};

/// Text is parsed and written again, structs and lists are written, numbers are their own text.
pub(crate) fn to_json(array: &ArrayRef, outcome: &mut Outcome<'_>) -> Result<StringArray> {
    match array.data_type() {
        Arrow::Utf8 => Ok(rewrite(array.as_string::<i32>(), outcome)),
        Arrow::Struct(_) | Arrow::Map(..) | Arrow::List(_) | Arrow::LargeList(_) | Arrow::FixedSizeList(..) => {
            nested(array, outcome)
        }
        _ => number::to_text(array),
    }
}

fn rewrite(texts: &StringArray, outcome: &mut Outcome<'_>) -> StringArray {
    let mut builder = StringBuilder::with_capacity(texts.len(), texts.value_data().len());
    let mut out = String::new();
    for (at, text) in texts.iter().enumerate() {
        let Some(text) = text else {
            builder.append_null();
            continue;
        };
        out.clear();
        if !text.is_empty() {
            match serde_json::from_str::<Json>(text) {
                Ok(json) => write(&json, &mut out),
                // What is no JSON is a JSON string, says Pinot; nesting beyond the parser's limit is not that.
                Err(error) if error.to_string().contains("recursion limit") => {
                    outcome.bad(at, rule::WRONG_TYPE, "JSON nested at most 128 levels deep", text);
                }
                Err(_) => write_string(text, &mut out),
            }
        }
        if out != text {
            outcome.change(at, rule::JSON_REWRITTEN, text);
        }
        builder.append_value(&out);
    }
    builder.finish()
}

/// Nested values through Arrow's own JSON writer, a line a row.
fn nested(array: &ArrayRef, outcome: &mut Outcome<'_>) -> Result<StringArray> {
    let failed = |error| Error::unexpected("cannot write nested values as JSON").caused_by(error);
    let field = Field::new("v", array.data_type().clone(), true);
    let schema = arrow::datatypes::Schema::new(vec![field]);
    let batch = RecordBatch::try_new(schema.into(), vec![ArrayRef::clone(array)]).map_err(failed)?;
    let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, LineDelimited>(Vec::new());
    writer.write(&batch).and_then(|()| writer.finish()).map_err(failed)?;
    let lines = String::from_utf8(writer.into_inner())
        .map_err(|error| Error::unexpected("JSON is no UTF-8").caused_by(error))?;
    // Each line is {"v":…}.
    let texts: StringArray = lines
        .lines()
        .enumerate()
        .map(|(at, line)| line.get(5..line.len().saturating_sub(1)).filter(|_| array.is_valid(at)))
        .collect();
    // Arrow's spelling of numbers becomes Pinot's; that is no change of the input.
    let mut quiet = Outcome::new(outcome.column, false);
    Ok(rewrite(&texts, &mut quiet))
}

fn write(json: &Json, out: &mut String) {
    match json {
        Json::Null => out.push_str("null"),
        Json::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Json::Number(number) => write_number(&number.to_string(), out),
        Json::String(text) => write_string(text, out),
        Json::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Json::Object(entries) => {
            out.push('{');
            for (at, (key, value)) in entries.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_string(key, out);
                out.push(':');
                write(value, out);
            }
            out.push('}');
        }
    }
}

/// Jackson keeps whole numbers and reads others as BigDecimal without trailing zeros.
fn write_number(text: &str, out: &mut String) {
    if !text.contains(['.', 'e', 'E']) {
        out.push_str(text);
        return;
    }
    match Value::parse(pinotage_spec::DataType::BigDecimal, text) {
        Ok(Value::BigDecimal(value)) => out.push_str(&Value::BigDecimal(value.normalized()).to_java_string()),
        _ => out.push_str(text),
    }
}

/// Jackson escapes quotes, backslashes and control characters, with upper-case digits.
fn write_string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if u32::from(c) < 0x20 => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

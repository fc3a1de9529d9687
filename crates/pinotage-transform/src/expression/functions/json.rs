//! JSON: a text, or a nested value that came as such.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde_json::Value;

use super::super::column::{Cell, Kind};
use super::super::convert::{double, number_cell};
use super::super::function::{Answer, Function, Prepared, Row, Want};
use super::{ANY, DOUBLE, LONG, STRING, nullable, plain};

/// A value as Jackson reads it: what follows it is not looked at.
fn parse(text: &str) -> Result<Value, String> {
    let wrong = || format!("`{}`, which is no JSON", short(text));
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let value = values.next().ok_or_else(wrong)?.map_err(|_| wrong())?;
    let after = text.as_bytes().get(values.byte_offset());
    match value {
        // A number ends where a blank does, a word where no letter follows.
        Value::Number(_) if after.is_some_and(|byte| *byte > b' ') => Err(wrong()),
        Value::Null | Value::Bool(_) if after.is_some_and(|byte| !byte.is_ascii() || byte.is_ascii_alphanumeric()) => {
            Err(wrong())
        }
        value => Ok(value),
    }
}

fn short(text: &str) -> &str {
    text.char_indices().nth(60).map_or(text, |(end, _)| &text[..end])
}

/// The argument that holds JSON.
fn document<'a>(row: &Row<'a>, at: usize) -> Result<Cow<'a, Value>, String> {
    match row.cell(at) {
        Cell::Text(text) => parse(&text).map(Cow::Owned),
        Cell::Value(Cow::Borrowed(Value::String(text))) => parse(text).map(Cow::Owned),
        Cell::Value(value) => Ok(value),
        _ => Err("null".into()),
    }
}

/// What is at the path; null is nothing.
fn read(row: &Row<'_>) -> Result<Option<Value>, String> {
    let Some(Prepared::Path(path)) = row.prepared(1) else { return Err("no path".into()) };
    let document = document(row, 0)?;
    if document.is_null() {
        return Err("the JSON value null".into());
    }
    Ok(path.read(&document).filter(|value| !value.is_null()))
}

/// `JsonUtils.objectToString` of what Jackson read: numbers in Java's form.
pub(crate) fn write(value: &Value, out: &mut String) -> Result<(), String> {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => match number_cell(number) {
            Some((_, Cell::Double(value))) if value.is_finite() => {
                out.push_str(&pinotage_spec::java::double_to_string(value));
            }
            Some((_, Cell::Int(value))) => _ = write!(out, "{value}"),
            Some((_, Cell::Long(value))) => _ = write!(out, "{value}"),
            // A whole number beyond 64 bits keeps its digits.
            None => out.push_str(number.as_str()),
            _ => return Err(format!("`{number}`, which no DOUBLE holds")),
        },
        Value::String(text) => quote(text, out),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write(item, out)?;
            }
            out.push(']');
        }
        Value::Object(map) => {
            out.push('{');
            for (at, (key, item)) in map.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                quote(key, out);
                out.push(':');
                write(item, out)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

fn quote(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            c if c < ' ' => _ = write!(out, "\\u{:04X}", c as u32),
            c => out.push(c),
        }
    }
    out.push('"');
}

fn written(value: &Value) -> Answer<'static> {
    let mut out = String::new();
    write(value, &mut out)?;
    Ok(Cell::text(out))
}

fn text_of(value: Value) -> Answer<'static> {
    match value {
        Value::String(text) => Ok(Cell::text(text)),
        other => written(&other),
    }
}

fn array(row: &Row<'_>) -> Result<Option<Vec<Value>>, String> {
    Ok(read(row)?.map(|value| match value {
        Value::Array(items) => items,
        other => vec![other],
    }))
}

/// The number at the path; `None` for what is none, and where nothing is.
fn long(row: &Row<'_>) -> Result<Option<i64>, String> {
    let Ok(Some(value)) = read(row) else { return Ok(None) };
    Ok(match &value {
        Value::Number(number) => match number_cell(number) {
            Some((_, Cell::Double(value))) => Some(value as i64),
            Some((_, Cell::Int(value))) => Some(value.into()),
            Some((_, Cell::Long(value))) => Some(value),
            // `BigInteger.longValue` keeps the lowest bits.
            _ => Some(number.as_str().parse::<i128>().map_err(|_| format!("`{number}`"))? as i64),
        },
        Value::String(text) => text.parse().ok(),
        _ => None,
    })
}

fn number(row: &Row<'_>) -> Option<f64> {
    match read(row).ok()?? {
        Value::Number(number) => double(number.as_str()),
        Value::String(text) => double(&text),
        _ => None,
    }
}

/// A list or map in a text; null for another text.
fn collection(row: &Row<'_>, opens: &[char]) -> Answer<'static> {
    let text = crate::number::trim(row.text(0));
    Ok(Cell::perhaps(text.starts_with(opens).then(|| parse(text).ok()).flatten(), Cell::value))
}

pub(crate) const ALL: &[Function] = &[
    plain(&["jsonPath"], &[Want::Json, Want::Path], Kind::Any, "the value at the path", |row| {
        Ok(Cell::perhaps(read(&row)?, Cell::value))
    }),
    plain(&["jsonPathString"], &[Want::Json, Want::Path], Kind::String, "its text, or its JSON", |row| {
        match read(&row)? {
            Some(value) => text_of(value),
            None => Ok(Cell::Null),
        }
    }),
    nullable(
        &["jsonPathString"],
        &[Want::Json, Want::Path, STRING],
        Kind::String,
        "else the third, also for what is no JSON",
        |row| match read(&row) {
            Ok(Some(value)) => text_of(value).or_else(|_| Ok(row.cell(2))),
            _ => Ok(row.cell(2)),
        },
    ),
    plain(
        &["jsonPathLong"],
        &[Want::Json, Want::Path],
        Kind::Long,
        "its number; the smallest LONG where there is none",
        |row| Ok(Cell::Long(long(&row)?.unwrap_or(i64::MIN))),
    ),
    nullable(&["jsonPathLong"], &[Want::Json, Want::Path, LONG], Kind::Long, "else the third", |row| {
        Ok(Cell::Long(long(&row)?.unwrap_or(row.long(2))))
    }),
    plain(&["jsonPathDouble"], &[Want::Json, Want::Path], Kind::Double, "its number; NaN where there is none", |row| {
        Ok(Cell::Double(number(&row).unwrap_or(f64::NAN)))
    }),
    nullable(&["jsonPathDouble"], &[Want::Json, Want::Path, DOUBLE], Kind::Double, "else the third", |row| {
        Ok(Cell::Double(number(&row).unwrap_or(row.double(2))))
    }),
    plain(&["jsonPathArray"], &[Want::Json, Want::Path], Kind::Any, "a list; a single value is a list of one", |row| {
        Ok(Cell::perhaps(array(&row)?, Cell::value))
    }),
    nullable(
        &["jsonPathArrayDefaultEmpty"],
        &[Want::Json, Want::Path],
        Kind::Any,
        "an empty list where there is none",
        |row| Ok(Cell::value(array(&row).ok().flatten().unwrap_or_default())),
    ),
    plain(&["jsonPathExists"], &[Want::Json, Want::Path], Kind::Boolean, "", |row| {
        Ok(Cell::Boolean(matches!(read(&row), Ok(Some(_)))))
    }),
    plain(&["jsonFormat"], &[ANY], Kind::String, "any value as JSON; a text in quotes", |row| written(row.value(0))),
    nullable(&["toJsonMapStr"], &[Want::Json], Kind::String, "a map as JSON", |row| match row.cell(0) {
        Cell::Null => Ok(Cell::text("null")),
        _ => match document(&row, 0)?.as_ref() {
            map @ (Value::Object(_) | Value::Null) => written(map),
            other => Err(format!("`{}`, which is no map", short(&other.to_string()))),
        },
    }),
    plain(&["jsonStringToArray"], &[STRING], Kind::Any, "the list in a text; null if there is none", |row| {
        collection(&row, &['['])
    }),
    plain(&["jsonStringToMap"], &[STRING], Kind::Any, "the map in a text; null if there is none", |row| {
        collection(&row, &['{'])
    }),
    plain(&["jsonStringToListOrMap"], &[STRING], Kind::Any, "either of them", |row| collection(&row, &['[', '{'])),
    plain(&["isJson"], &[STRING], Kind::Boolean, "", |row| {
        let text = row.text(0);
        // Nothing at all is no mistake to Jackson.
        Ok(Cell::Boolean(text.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')) || parse(text).is_ok()))
    }),
];

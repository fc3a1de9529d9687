//! Arguments to the kind that a function takes, as `FunctionInvoker.convertTypes` and `PinotDataType` do it.

use std::borrow::Cow;

use chrono::DateTime;
use chrono_tz::Tz;
use pinotage_spec::{java, parse_hex, parse_timestamp, to_hex};
use serde_json::{Number, Value};

use super::column::{Builder, Cell, Column, Kind};
use crate::number::trim;

/// Whether any value of a kind converts to another.
pub(crate) fn converts(from: Kind, to: Kind) -> bool {
    use Kind::{Any, Boolean, Bytes, Decimal, Float, Int, Null, String, Timestamp};
    match (from, to) {
        (Null, _) => true,
        (from, to) if from == to => true,
        (Bytes, to) => to == String,
        (Timestamp, to) => !matches!(to, Int | Float | Boolean | Any | Bytes | Decimal) && !to.is_list(),
        (Decimal, to) => matches!(to, Kind::Double | String),
        (Any | String, _) => true,
        (_, Bytes | Decimal) => false,
        (Int | Boolean | Float, Timestamp) => false,
        (Boolean, to) if to.is_list() => false,
        _ => true,
    }
}

/// Converts a column. The values that do not fit are null and told by row.
pub(crate) fn convert(column: Column, to: Kind, rows: usize, fail: &mut dyn FnMut(usize, String)) -> Column {
    if column.kind == to || to == Kind::Null {
        return column;
    }
    let mut builder = Builder::new(to, rows);
    let rows = if column.constant { 1 } else { rows };
    for row in 0..rows {
        match convert_cell(column.kind, column.cell(row), to) {
            Ok(cell) => builder.push(cell),
            Err(message) => {
                fail(row, message);
                builder.push(Cell::Null);
            }
        }
    }
    Column { constant: column.constant, ..builder.finish() }
}

/// Converts one value.
pub(crate) fn convert_cell<'a>(from: Kind, cell: Cell<'a>, to: Kind) -> Result<Cell<'a>, String> {
    let wrong = |shown: &dyn std::fmt::Display| Err(format!("expected {}, found `{shown}`", to.name()));
    if let Cell::Null = cell {
        return Ok(Cell::Null);
    }
    if let Cell::Value(value) = &cell {
        return match value {
            // Already what is wanted.
            _ if to == Kind::Any => Ok(cell),
            _ if to.is_list() => list(value, to).map(Cell::value),
            Cow::Borrowed(value) => from_value(value, to, from),
            Cow::Owned(value) => from_value(value, to, from).map(into_owned),
        };
    }
    if to == Kind::Any {
        return to_value(from, &cell).map(Cell::value);
    }
    if to.is_list() {
        let item = to_value(from, &cell)?;
        return list(&Value::Array(vec![item]), to).map(Cell::value);
    }
    if from == Kind::Timestamp {
        let Cell::Long(millis) = cell else { return Ok(Cell::Null) };
        return Ok(match to {
            Kind::Double => Cell::Double(millis as f64),
            Kind::String => Cell::text(timestamp_text(millis).ok_or("a timestamp that no calendar has")?),
            _ => Cell::Long(millis),
        });
    }
    Ok(match to {
        Kind::Int => Cell::Int(match cell {
            Cell::Int(value) => value,
            Cell::Long(value) => value as i32,
            Cell::Float(value) => value as i32,
            Cell::Double(value) => value as i32,
            Cell::Boolean(value) => i32::from(value),
            Cell::Text(text) => match trim(&text).parse() {
                Ok(value) => value,
                Err(_) => return wrong(&text),
            },
            _ => return wrong(&"bytes"),
        }),
        Kind::Long => Cell::Long(match cell {
            Cell::Int(value) => value.into(),
            Cell::Long(value) => value,
            Cell::Float(value) => value as i64,
            Cell::Double(value) => value as i64,
            Cell::Boolean(value) => value.into(),
            Cell::Text(text) => match trim(&text).parse() {
                Ok(value) => value,
                Err(_) => return wrong(&text),
            },
            _ => return wrong(&"bytes"),
        }),
        Kind::Float => Cell::Float(match cell {
            Cell::Int(value) => value as f32,
            Cell::Long(value) => value as f32,
            Cell::Float(value) => value,
            Cell::Double(value) => value as f32,
            Cell::Boolean(value) => f32::from(u8::from(value)),
            Cell::Text(text) => match float(&text) {
                Some(value) => value,
                None => return wrong(&text),
            },
            _ => return wrong(&"bytes"),
        }),
        Kind::Double => Cell::Double(match cell {
            Cell::Int(value) => value.into(),
            Cell::Long(value) => value as f64,
            Cell::Float(value) => value.into(),
            Cell::Double(value) => value,
            Cell::Boolean(value) => f64::from(u8::from(value)),
            Cell::Text(text) => match double(&text) {
                Some(value) => value,
                None => return wrong(&text),
            },
            _ => return wrong(&"bytes"),
        }),
        Kind::Boolean => Cell::Boolean(match cell {
            Cell::Int(value) => value != 0,
            Cell::Long(value) => value != 0,
            Cell::Float(value) => value != 0.0,
            Cell::Double(value) => value != 0.0,
            Cell::Boolean(value) => value,
            Cell::Text(text) => is_true(&text),
            _ => return wrong(&"bytes"),
        }),
        Kind::Timestamp => Cell::Long(match cell {
            Cell::Long(value) => value,
            Cell::Double(value) => value as i64,
            Cell::Text(text) => match timestamp(trim(&text)) {
                Some(millis) => millis,
                None => return wrong(&text),
            },
            _ => return wrong(&"another type"),
        }),
        Kind::String => match cell {
            Cell::Text(text) => Cell::Text(text),
            Cell::Int(value) => Cell::text(value.to_string()),
            Cell::Long(value) => Cell::text(value.to_string()),
            Cell::Float(value) => Cell::text(java::float_to_string(value)),
            Cell::Double(value) => Cell::text(java::double_to_string(value)),
            Cell::Boolean(value) => Cell::text(value.to_string()),
            Cell::Bytes(bytes) => Cell::text(to_hex(&bytes)),
            Cell::Null | Cell::Value(_) => Cell::Null,
        },
        Kind::Bytes => match cell {
            Cell::Text(text) => match parse_hex(trim(&text)) {
                Some(bytes) => Cell::Bytes(bytes.into()),
                None => return wrong(&text),
            },
            other => other,
        },
        _ => return wrong(&"another type"),
    })
}

fn into_owned(cell: Cell<'_>) -> Cell<'static> {
    match cell {
        Cell::Null => Cell::Null,
        Cell::Int(value) => Cell::Int(value),
        Cell::Long(value) => Cell::Long(value),
        Cell::Float(value) => Cell::Float(value),
        Cell::Double(value) => Cell::Double(value),
        Cell::Boolean(value) => Cell::Boolean(value),
        Cell::Text(text) => Cell::Text(text.into_owned().into()),
        Cell::Bytes(bytes) => Cell::Bytes(bytes.into_owned().into()),
        Cell::Value(value) => Cell::Value(Cow::Owned(value.into_owned())),
    }
}

/// A value of JSON as a single value; of a list the first item counts.
fn from_value<'a>(value: &'a Value, to: Kind, from: Kind) -> Result<Cell<'a>, String> {
    let (kind, cell) = match value {
        Value::Null => return Ok(Cell::Null),
        Value::Bool(value) => (Kind::Boolean, Cell::Boolean(*value)),
        Value::String(text) => (Kind::String, Cell::Text(Cow::Borrowed(text))),
        Value::Number(number) => match (from, number_cell(number)) {
            // The items of a list of floats are doubles.
            (_, Some(found)) => found,
            (_, None) if to == Kind::String => return Ok(Cell::text(number.as_str())),
            (_, None) => return Err(format!("`{number}` is beyond 64 bits")),
        },
        Value::Array(items) => match items.first() {
            // An `Object` that is no number, as Pinot takes lists for lists of objects.
            Some(Value::String(text)) if from == Kind::Any && to != Kind::String => {
                return Err(format!("expected {}, found a list with the text `{text}`", to.name()));
            }
            Some(item) => return from_value(item, to, from),
            None => return Err(format!("expected {}, found an empty list", to.name())),
        },
        Value::Object(_) => return Err(format!("expected {}, found a map", to.name())),
    };
    convert_cell(kind, cell, to)
}

/// A number as Jackson reads it: an INT where it fits, else a LONG; with a point or exponent a DOUBLE.
pub(crate) fn number_cell(number: &Number) -> Option<(Kind, Cell<'static>)> {
    let text = number.as_str();
    if text.contains(['.', 'e', 'E']) {
        return double(text).map(|value| (Kind::Double, Cell::Double(value)));
    }
    let value: i64 = text.parse().ok()?;
    Some(i32::try_from(value).map_or((Kind::Long, Cell::Long(value)), |value| (Kind::Int, Cell::Int(value))))
}

/// A single value as `Object`.
pub(crate) fn to_value(kind: Kind, cell: &Cell<'_>) -> Result<Value, String> {
    let number = |value: f64| match Number::from_f64(value) {
        Some(number) => Ok(Value::Number(number)),
        None => Err("a number that JSON cannot hold".to_owned()),
    };
    match cell {
        Cell::Null => Ok(Value::Null),
        Cell::Int(value) => Ok((*value).into()),
        Cell::Long(_) if kind == Kind::Timestamp => Err("a timestamp".into()),
        Cell::Long(value) => Ok((*value).into()),
        // By its own text: the double nearest to it has more digits.
        Cell::Float(value) => number(java::float_to_string(*value).parse().unwrap_or(f64::NAN)),
        Cell::Double(value) => number(*value),
        Cell::Boolean(value) => Ok((*value).into()),
        Cell::Text(text) => Ok(text.as_ref().into()),
        Cell::Bytes(_) => Err("bytes".into()),
        Cell::Value(value) => Ok(value.as_ref().clone()),
    }
}

/// A list of items of one kind; a single value is a list of one.
fn list(value: &Value, to: Kind) -> Result<Value, String> {
    let item = match to {
        Kind::Ints => Kind::Int,
        Kind::Longs => Kind::Long,
        Kind::Doubles => Kind::Double,
        _ => Kind::String,
    };
    let one = |value: &Value| -> Result<Value, String> {
        match from_value(value, item, Kind::Any)? {
            Cell::Null => Err("a list with a null".into()),
            cell => to_value(item, &cell),
        }
    };
    match value {
        Value::Array(items) => items.iter().map(one).collect::<Result<_, _>>().map(Value::Array),
        other => Ok(Value::Array(vec![one(other)?])),
    }
}

/// `BooleanUtils.toBoolean`
fn is_true(text: &str) -> bool {
    let text = trim(text);
    text.eq_ignore_ascii_case("true") || text == "1"
}

/// `Double.parseDouble`, without the hexadecimal form.
pub(crate) fn double(text: &str) -> Option<f64> {
    parse_float(text)
}

fn float(text: &str) -> Option<f32> {
    parse_float(text)
}

fn parse_float<T: std::str::FromStr>(text: &str) -> Option<T> {
    let text = trim(text);
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(digits, "NaN" | "Infinity") {
        return text.parse().ok();
    }
    let number = text.strip_suffix(['f', 'F', 'd', 'D']).unwrap_or(text);
    // Rust reads `inf` and `nan` too.
    let starts = number.strip_prefix(['+', '-']).unwrap_or(number);
    if !starts.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    number.parse().ok()
}

/// `TimestampUtils.toMillisSinceEpoch`, in UTC.
pub(crate) fn timestamp(text: &str) -> Option<i64> {
    // Java reads no sign before a year.
    text.parse().ok().or_else(|| parse_timestamp(text, Tz::UTC).filter(|_| !text.starts_with(['+', '-'])))
}

/// `Timestamp.toString`, in UTC.
fn timestamp_text(millis: i64) -> Option<String> {
    // Before it, Java's calendar is the Julian one.
    const GREGORIAN: i64 = -12_219_292_800_000;
    let instant = DateTime::from_timestamp_millis(millis).filter(|_| millis >= GREGORIAN)?;
    let text = instant.format("%Y-%m-%d %H:%M:%S%.3f").to_string();
    let short = text.trim_end_matches('0');
    Some(if short.ends_with('.') { format!("{short}0") } else { short.to_owned() })
}

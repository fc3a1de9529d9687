//! The values of one part of an expression: a column, or a constant.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BinaryBuilder, BooleanArray, BooleanBuilder, Float32Array, Float32Builder,
    Float64Array, Float64Builder, Int32Array, Int32Builder, Int64Array, Int64Builder, StringArray, StringBuilder,
};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType as Arrow, Float32Type, Float64Type, Int32Type, Int64Type, TimeUnit, TimestampMillisecondType,
};
use pinotage_common::{Error, Result};
use serde_json::Value;

use crate::accept::{item, unpacked};
use crate::{decimal, nested, text};

/// What a value is, as Java's class would say. Known before the first row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Int,
    Long,
    Float,
    Double,
    /// A decimal, held as its plain text.
    Decimal,
    Boolean,
    Timestamp,
    String,
    Bytes,
    Ints,
    Longs,
    Doubles,
    Strings,
    /// `Object`: each value has its own kind, out of those that JSON has.
    Any,
    /// Nothing but nulls.
    Null,
}

impl Kind {
    /// The name in Pinot's words.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Int => "INT",
            Self::Long => "LONG",
            Self::Float => "FLOAT",
            Self::Double => "DOUBLE",
            Self::Decimal => "BIG_DECIMAL",
            Self::Boolean => "BOOLEAN",
            Self::Timestamp => "TIMESTAMP",
            Self::String => "STRING",
            Self::Bytes => "BYTES",
            Self::Ints => "INT[]",
            Self::Longs => "LONG[]",
            Self::Doubles => "DOUBLE[]",
            Self::Strings => "STRING[]",
            Self::Any => "any value",
            Self::Null => "null",
        }
    }

    pub(crate) fn is_list(self) -> bool {
        matches!(self, Self::Ints | Self::Longs | Self::Doubles | Self::Strings)
    }

    /// The kind of a column that comes in; `None` for types that no function takes.
    pub(crate) fn of(arrow: &Arrow) -> Option<Self> {
        let plain = unpacked(arrow);
        if let Some(item) = item(&plain) {
            return Some(match Self::of(item) {
                Some(Self::Int) => Self::Ints,
                Some(Self::Long) => Self::Longs,
                Some(Self::Float | Self::Double) => Self::Doubles,
                Some(Self::String) => Self::Strings,
                _ if nested::can_write(&plain) => Self::Any,
                _ => return None,
            });
        }
        Some(match plain {
            Arrow::Null => Self::Null,
            Arrow::Boolean => Self::Boolean,
            Arrow::Int8 | Arrow::Int16 | Arrow::Int32 | Arrow::UInt8 | Arrow::UInt16 => Self::Int,
            Arrow::Int64 | Arrow::UInt32 => Self::Long,
            Arrow::Float16 | Arrow::Float32 => Self::Float,
            Arrow::Float64 => Self::Double,
            Arrow::Utf8 => Self::String,
            Arrow::Binary => Self::Bytes,
            Arrow::Timestamp(..) => Self::Timestamp,
            Arrow::UInt64 => Self::Decimal,
            _ if decimal::is_decimal(&plain) => Self::Decimal,
            Arrow::Struct(_) | Arrow::Map(..) if nested::can_write(&plain) => Self::Any,
            _ => return None,
        })
    }
}

/// The values, by kind: `Timestamp` lies in `Long`, `Decimal` in `Text`, lists and `Any` in `Values`.
#[derive(Debug, Clone)]
pub(crate) enum Data {
    Int(Int32Array),
    Long(Int64Array),
    Float(Float32Array),
    Double(Float64Array),
    Boolean(BooleanArray),
    Text(StringArray),
    Bytes(BinaryArray),
    /// `Value::Null` is null.
    Values(Vec<Value>),
}

/// One value for each row, or one for all of them.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) kind: Kind,
    pub(crate) data: Data,
    pub(crate) constant: bool,
}

fn failed(error: arrow::error::ArrowError) -> Error {
    text::too_large().caused_by(error)
}

impl Column {
    /// A column that came in.
    ///
    /// # Errors
    ///
    /// `unsupported` for a type of which [`Kind::of`] knows nothing.
    pub(crate) fn from_arrow(array: &ArrayRef) -> Result<Self> {
        let refuse = || Error::unsupported(format!("functions take no {}", array.data_type()));
        let kind = Kind::of(array.data_type()).ok_or_else(refuse)?;
        let to = |arrow: &Arrow| cast(array, arrow).map_err(failed);
        let data = match kind {
            Kind::Null => Data::Text(StringArray::new_null(array.len())),
            Kind::Boolean => Data::Boolean(to(&Arrow::Boolean)?.as_boolean().clone()),
            Kind::Int => Data::Int(to(&Arrow::Int32)?.as_primitive::<Int32Type>().clone()),
            Kind::Long => Data::Long(to(&Arrow::Int64)?.as_primitive::<Int64Type>().clone()),
            Kind::Float => Data::Float(to(&Arrow::Float32)?.as_primitive::<Float32Type>().clone()),
            Kind::Double => Data::Double(to(&Arrow::Float64)?.as_primitive::<Float64Type>().clone()),
            Kind::String => Data::Text(to(&Arrow::Utf8)?.as_string::<i32>().clone()),
            Kind::Decimal => Data::Text(to(&Arrow::Utf8)?.as_string::<i32>().clone()),
            Kind::Bytes => Data::Bytes(to(&Arrow::Binary)?.as_binary::<i32>().clone()),
            Kind::Timestamp => {
                let millis = to(&Arrow::Timestamp(TimeUnit::Millisecond, Some("UTC".into())))?;
                let millis = millis.as_primitive::<TimestampMillisecondType>();
                Data::Long(Int64Array::new(millis.values().clone(), millis.nulls().cloned()))
            }
            Kind::Ints | Kind::Longs | Kind::Doubles | Kind::Strings | Kind::Any => Data::Values(values(array)?),
        };
        Ok(Self { kind, data, constant: false })
    }

    /// The position of a row's value.
    fn at(&self, row: usize) -> usize {
        if self.constant { 0 } else { row }
    }

    pub(crate) fn is_null(&self, row: usize) -> bool {
        let at = self.at(row);
        match &self.data {
            Data::Int(array) => array.is_null(at),
            Data::Long(array) => array.is_null(at),
            Data::Float(array) => array.is_null(at),
            Data::Double(array) => array.is_null(at),
            Data::Boolean(array) => array.is_null(at),
            Data::Text(array) => array.is_null(at),
            Data::Bytes(array) => array.is_null(at),
            Data::Values(values) => values.get(at).is_none_or(Value::is_null),
        }
    }

    /// The value of a row. Borrowed where it can be.
    pub(crate) fn cell(&self, row: usize) -> Cell<'_> {
        if self.is_null(row) {
            return Cell::Null;
        }
        let at = self.at(row);
        match &self.data {
            Data::Int(array) => Cell::Int(array.value(at)),
            Data::Long(array) => Cell::Long(array.value(at)),
            Data::Float(array) => Cell::Float(array.value(at)),
            Data::Double(array) => Cell::Double(array.value(at)),
            Data::Boolean(array) => Cell::Boolean(array.value(at)),
            Data::Text(array) => Cell::Text(Cow::Borrowed(array.value(at))),
            Data::Bytes(array) => Cell::Bytes(Cow::Borrowed(array.value(at))),
            Data::Values(values) => values.get(at).map_or(Cell::Null, |value| Cell::Value(Cow::Borrowed(value))),
        }
    }

    /// A constant.
    pub(crate) fn literal(kind: Kind, cell: Cell<'_>) -> Self {
        let mut builder = Builder::new(kind, 1);
        builder.push(cell);
        Self { constant: true, ..builder.finish() }
    }
}

impl Column {
    /// Values of any kind.
    pub(crate) fn any(values: Vec<Value>) -> Self {
        Self { kind: Kind::Any, data: Data::Values(values), constant: false }
    }

    /// The values of an array of lists, maps, or JSON text.
    ///
    /// # Errors
    ///
    /// `unexpected` for a type that JSON cannot hold.
    pub(crate) fn values(array: &ArrayRef, is_json: bool) -> Result<Vec<Value>> {
        match array.as_string_opt::<i32>().filter(|_| is_json) {
            // A reader that found the end of a value found nothing wrong in it.
            Some(texts) => {
                Ok(texts.iter().map(|text| serde_json::from_str(text?).ok()).map(Option::unwrap_or_default).collect())
            }
            None => values(array),
        }
    }
}

/// Nested values and lists as JSON.
fn values(array: &ArrayRef) -> Result<Vec<Value>> {
    let lines =
        nested::lines(array).map_err(|error| Error::unexpected("cannot read nested values").caused_by(error))?;
    let mut values = Vec::with_capacity(array.len());
    for line in lines.split(|byte| *byte == b'\n').take(array.len()) {
        // Each line is {"v":…}. What is nested too deeply for a reader is nothing that a function can see.
        let value = serde_json::from_slice::<Value>(line).ok();
        values.push(value.and_then(|mut value| Some(value.get_mut("v")?.take())).unwrap_or(Value::Null));
    }
    values.resize(array.len(), Value::Null);
    Ok(values)
}

/// One value.
#[derive(Debug, Clone)]
pub(crate) enum Cell<'a> {
    Null,
    Int(i32),
    Long(i64),
    Float(f32),
    Double(f64),
    Boolean(bool),
    Text(Cow<'a, str>),
    Bytes(Cow<'a, [u8]>),
    Value(Cow<'a, Value>),
}

impl<'a> Cell<'a> {
    /// A text that was made.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(Cow::Owned(text.into()))
    }

    /// A value that was made.
    pub(crate) fn value(value: impl Into<Value>) -> Self {
        Self::Value(Cow::Owned(value.into()))
    }

    /// Null where there is none.
    pub(crate) fn perhaps<T>(value: Option<T>, make: impl FnOnce(T) -> Cell<'a>) -> Self {
        value.map_or(Self::Null, make)
    }
}

/// Collects the values of a column.
pub(crate) struct Builder {
    kind: Kind,
    data: BuilderData,
}

enum BuilderData {
    Int(Int32Builder),
    Long(Int64Builder),
    Float(Float32Builder),
    Double(Float64Builder),
    Boolean(BooleanBuilder),
    Text(StringBuilder),
    Bytes(BinaryBuilder),
    Values(Vec<Value>),
}

impl Builder {
    pub(crate) fn new(kind: Kind, rows: usize) -> Self {
        let data = match kind {
            Kind::Int => BuilderData::Int(Int32Builder::with_capacity(rows)),
            Kind::Long | Kind::Timestamp => BuilderData::Long(Int64Builder::with_capacity(rows)),
            Kind::Float => BuilderData::Float(Float32Builder::with_capacity(rows)),
            Kind::Double => BuilderData::Double(Float64Builder::with_capacity(rows)),
            Kind::Boolean => BuilderData::Boolean(BooleanBuilder::with_capacity(rows)),
            Kind::String | Kind::Decimal | Kind::Null => {
                BuilderData::Text(StringBuilder::with_capacity(rows, rows * 8))
            }
            Kind::Bytes => BuilderData::Bytes(BinaryBuilder::with_capacity(rows, rows * 8)),
            Kind::Ints | Kind::Longs | Kind::Doubles | Kind::Strings | Kind::Any => {
                BuilderData::Values(Vec::with_capacity(rows))
            }
        };
        Self { kind, data }
    }

    /// Adds a value, which is of the kind; another one is null.
    pub(crate) fn push(&mut self, cell: Cell<'_>) {
        match (&mut self.data, cell) {
            (BuilderData::Int(builder), Cell::Int(value)) => builder.append_value(value),
            (BuilderData::Int(builder), _) => builder.append_null(),
            (BuilderData::Long(builder), Cell::Long(value)) => builder.append_value(value),
            (BuilderData::Long(builder), _) => builder.append_null(),
            (BuilderData::Float(builder), Cell::Float(value)) => builder.append_value(value),
            (BuilderData::Float(builder), _) => builder.append_null(),
            (BuilderData::Double(builder), Cell::Double(value)) => builder.append_value(value),
            (BuilderData::Double(builder), _) => builder.append_null(),
            (BuilderData::Boolean(builder), Cell::Boolean(value)) => builder.append_value(value),
            (BuilderData::Boolean(builder), _) => builder.append_null(),
            (BuilderData::Text(builder), Cell::Text(value)) => builder.append_value(value),
            (BuilderData::Text(builder), _) => builder.append_null(),
            (BuilderData::Bytes(builder), Cell::Bytes(value)) => builder.append_value(value),
            (BuilderData::Bytes(builder), _) => builder.append_null(),
            (BuilderData::Values(values), Cell::Value(value)) => values.push(value.into_owned()),
            (BuilderData::Values(values), _) => values.push(Value::Null),
        }
    }

    pub(crate) fn finish(self) -> Column {
        let data = match self.data {
            BuilderData::Int(mut builder) => Data::Int(builder.finish()),
            BuilderData::Long(mut builder) => Data::Long(builder.finish()),
            BuilderData::Float(mut builder) => Data::Float(builder.finish()),
            BuilderData::Double(mut builder) => Data::Double(builder.finish()),
            BuilderData::Boolean(mut builder) => Data::Boolean(builder.finish()),
            BuilderData::Text(mut builder) => Data::Text(builder.finish()),
            BuilderData::Bytes(mut builder) => Data::Bytes(builder.finish()),
            BuilderData::Values(values) => Data::Values(values),
        };
        Column { kind: self.kind, data, constant: false }
    }
}

impl Data {
    /// The array of a column that is no list; `None` for lists.
    pub(crate) fn array(&self) -> Option<ArrayRef> {
        Some(match self {
            Self::Int(array) => Arc::new(array.clone()),
            Self::Long(array) => Arc::new(array.clone()),
            Self::Float(array) => Arc::new(array.clone()),
            Self::Double(array) => Arc::new(array.clone()),
            Self::Boolean(array) => Arc::new(array.clone()),
            Self::Text(array) => Arc::new(array.clone()),
            Self::Bytes(array) => Arc::new(array.clone()),
            Self::Values(_) => return None,
        })
    }
}

//! What an expression gives, as the Arrow column that the table's column is made of.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, Float32Array, Float64Builder, Int32Builder, Int64Array, Int64Builder, ListBuilder, StringBuilder,
    TimestampMillisecondArray,
};
use arrow::datatypes::{DataType as Arrow, Field, TimeUnit};
use pinotage_spec::{DataType, FieldSpec};
use serde_json::Value;

use super::column::{Cell, Column, Data, Kind};
use super::convert::{convert_cell, number_cell};
use super::plan::Failures;
use super::write_json;

/// How the values of a kind become a column of a table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    kind: Kind,
    to: DataType,
    single: bool,
}

impl Output {
    pub(crate) fn new(kind: Kind, field: &FieldSpec) -> Self {
        Self { kind, to: field.data_type, single: field.single_value }
    }

    /// Values as they are, lists and those of any type as text.
    pub(crate) fn plain(kind: Kind) -> Self {
        let to = match kind {
            Kind::Int => DataType::Int,
            Kind::Long => DataType::Long,
            Kind::Float => DataType::Float,
            Kind::Double => DataType::Double,
            _ => DataType::String,
        };
        Self { kind, to, single: true }
    }

    /// The Arrow type that comes out.
    pub(crate) fn arrow(&self) -> Arrow {
        let list = |item: Arrow| Arrow::List(Arc::new(Field::new("item", item, true)));
        match self.kind {
            _ if self.is_json() => Arrow::Utf8,
            Kind::Ints if !self.single => list(Arrow::Int32),
            Kind::Longs if !self.single => list(Arrow::Int64),
            Kind::Doubles if !self.single => list(Arrow::Float64),
            Kind::Ints | Kind::Longs | Kind::Doubles | Kind::Strings | Kind::Any if self.single => Arrow::Utf8,
            Kind::Ints | Kind::Longs | Kind::Doubles | Kind::Strings | Kind::Any => list(Arrow::Utf8),
            Kind::Int => Arrow::Int32,
            Kind::Long => Arrow::Int64,
            Kind::Float => Arrow::Float32,
            Kind::Double => match self.to {
                DataType::Float => Arrow::Float32,
                DataType::Timestamp => Arrow::Int64,
                _ => Arrow::Float64,
            },
            Kind::Boolean => Arrow::Boolean,
            Kind::Timestamp => match self.to {
                DataType::Long => Arrow::Int64,
                DataType::String => Arrow::Utf8,
                _ => Arrow::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
            },
            Kind::String | Kind::Decimal | Kind::Null => Arrow::Utf8,
            Kind::Bytes => Arrow::Binary,
        }
    }

    /// Lists and values of any type go into JSON as such.
    fn is_json(&self) -> bool {
        self.to == DataType::Json && (self.kind.is_list() || self.kind == Kind::Any)
    }

    /// The column. What does not fit is null, and told.
    pub(crate) fn make(&self, column: &Column, rows: usize, failures: &mut Failures) -> ArrayRef {
        match (&column.data, self.kind) {
            (Data::Double(values), Kind::Double) if !column.constant => match self.to {
                // Java's `floatValue` and `longValue`.
                DataType::Float => Arc::new(values.unary::<_, arrow::datatypes::Float32Type>(|value| value as f32)),
                DataType::Timestamp => Arc::new(values.unary::<_, arrow::datatypes::Int64Type>(|value| value as i64)),
                DataType::Int | DataType::Long => {
                    Arc::new(values.unary::<_, arrow::datatypes::Float64Type>(f64::trunc))
                }
                _ => Arc::new(values.clone()),
            },
            (Data::Long(values), Kind::Timestamp) if !column.constant && self.to != DataType::String => {
                match self.arrow() {
                    Arrow::Int64 => Arc::new(values.clone()),
                    _ => Arc::new(
                        TimestampMillisecondArray::new(values.values().clone(), values.nulls().cloned())
                            .with_timezone("UTC"),
                    ),
                }
            }
            (Data::Values(_), _) => self.values(column, rows, failures),
            (data, kind) if !column.constant && kind != Kind::Timestamp => match data.array() {
                Some(array) => array,
                None => self.values(column, rows, failures),
            },
            _ => self.each(column, rows, failures),
        }
    }

    /// A constant, or timestamps as text: value by value.
    fn each(&self, column: &Column, rows: usize, failures: &mut Failures) -> ArrayRef {
        let mut builder = super::column::Builder::new(self.kind, rows);
        if self.kind == Kind::Timestamp && self.to == DataType::String {
            builder = super::column::Builder::new(Kind::String, rows);
        }
        for row in 0..rows {
            let cell = column.cell(row);
            if let (Kind::Timestamp, DataType::String) = (self.kind, self.to) {
                match convert_cell(Kind::Timestamp, cell, Kind::String) {
                    Ok(cell) => builder.push(cell),
                    Err(message) => {
                        failures.entry(row as u32).or_insert(message);
                        builder.push(Cell::Null);
                    }
                }
            } else {
                builder.push(cell);
            }
        }
        let made = builder.finish();
        match (self.kind, self.to) {
            (Kind::Timestamp, DataType::String) => made.data.array(),
            _ => Some(self.make(&made, rows, failures)),
        }
        .unwrap_or_else(|| Arc::new(Int64Array::new_null(rows)))
    }

    /// `DataTypeTransformer` for lists and values of any type.
    fn values(&self, column: &Column, rows: usize, failures: &mut Failures) -> ArrayRef {
        let Data::Values(values) = &column.data else { return Arc::new(Float32Array::new_null(rows)) };
        let value = |row: usize| values.get(if column.constant { 0 } else { row }).unwrap_or(&Value::Null);
        let mut fail = |row: usize, message: String| _ = failures.entry(row as u32).or_insert(message);
        if self.is_json() {
            let mut builder = StringBuilder::with_capacity(rows, rows * 16);
            for row in 0..rows {
                match value(row) {
                    Value::Null => builder.append_null(),
                    // Text that is JSON already, or becomes a text of JSON.
                    Value::String(text) => builder.append_value(text),
                    other => {
                        let mut out = String::new();
                        if let Err(message) = write_json(other, &mut out) {
                            fail(row, message);
                        }
                        builder.append_value(out);
                    }
                }
            }
            return Arc::new(builder.finish());
        }
        if self.single {
            let mut builder = StringBuilder::with_capacity(rows, rows * 8);
            for row in 0..rows {
                match standardize(value(row), true).and_then(|value| self.text(value.as_slice().first())) {
                    Ok(text) => builder.append_option(text),
                    Err(message) => {
                        fail(row, message);
                        builder.append_null();
                    }
                }
            }
            return Arc::new(builder.finish());
        }
        let lists = (0..rows).map(|row| {
            standardize(value(row), false).unwrap_or_else(|message| {
                fail(row, message);
                Vec::new()
            })
        });
        let lists: Vec<Vec<&Value>> = lists.collect();
        match self.kind {
            Kind::Ints => {
                let mut builder = ListBuilder::new(Int32Builder::new());
                for items in lists {
                    builder.append_value(items.iter().map(|item| item.as_i64().map(|item| item as i32)));
                }
                Arc::new(builder.finish())
            }
            Kind::Longs => {
                let mut builder = ListBuilder::new(Int64Builder::new());
                lists.iter().for_each(|items| builder.append_value(items.iter().map(|item| item.as_i64())));
                Arc::new(builder.finish())
            }
            Kind::Doubles => {
                let mut builder = ListBuilder::new(Float64Builder::new());
                lists.iter().for_each(|items| builder.append_value(items.iter().map(|item| item.as_f64())));
                Arc::new(builder.finish())
            }
            _ => {
                let mut builder = ListBuilder::new(StringBuilder::new());
                for (row, items) in lists.iter().enumerate() {
                    for item in items {
                        match self.text(Some(item)) {
                            Ok(text) => builder.values().append_option(text),
                            Err(message) => _ = failures.entry(row as u32).or_insert(message),
                        }
                    }
                    builder.append(true);
                }
                Arc::new(builder.finish())
            }
        }
    }

    /// A single value as text.
    fn text(&self, value: Option<&&Value>) -> Result<Option<String>, String> {
        let Some(value) = value else { return Ok(None) };
        if let (DataType::Timestamp, Value::Number(number)) = (self.to, value)
            && number.as_str().parse::<i32>().is_ok()
        {
            return Err(format!("the INT {number}, of which Pinot makes no TIMESTAMP"));
        }
        if let (DataType::Int | DataType::Long, Value::Number(number)) = (self.to, value)
            && let Some((_, Cell::Double(value))) = number_cell(number)
            && value.abs() < i64::MAX as f64
        {
            return Ok(Some((value as i64).to_string()));
        }
        match convert_cell(Kind::Any, Cell::Value(std::borrow::Cow::Borrowed(value)), Kind::String)? {
            Cell::Text(text) => Ok(Some(text.into_owned())),
            _ => Ok(None),
        }
    }
}

/// `DataTypeTransformerUtils.standardize`: the values of lists and maps, without nulls; one of one is the value itself.
fn standardize(value: &Value, single: bool) -> Result<Vec<&Value>, String> {
    let items: Vec<&Value> = match value {
        Value::Null => return Ok(Vec::new()),
        Value::Array(items) => items.iter().collect(),
        Value::Object(map) => map.values().collect(),
        value => return Ok(vec![value]),
    };
    if let [one] = items.as_slice() {
        return standardize(one, single);
    }
    let mut kept = Vec::with_capacity(items.len());
    for item in items {
        kept.extend(standardize(item, true)?);
    }
    if single && kept.len() > 1 {
        return Err(format!("{} values where one is wanted", kept.len()));
    }
    Ok(kept)
}

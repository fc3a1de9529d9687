//! Columns under construction: what a value of text becomes in Arrow, and how a half-read row is taken back.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, ListArray, PrimitiveArray, StringArray, StructArray,
    TimestampMicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray, TimestampSecondArray, timezone::Tz,
};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::compute::kernels::cast_utils::string_to_datetime;
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Field, FieldRef, Fields, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, TimeUnit, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::error::ArrowError;
use chrono::{Datelike, NaiveDate};
use pinotage_common::{Error, Result};

use crate::number::{Reject, parse_bool, parse_f32, parse_f64, parse_hex, parse_i64, parse_u64, trim};

/// One column. Every `push` adds exactly one value or none.
pub(crate) struct Column {
    pub(crate) kind: Kind,
    pub(crate) nulls: Nulls,
    /// Text of JSON values, whatever they are ([`crate::json_values`]).
    pub(crate) is_json: bool,
    data_type: DataType,
}

/// Validity as one flag a row, allocated only from the first null on.
#[derive(Default)]
pub(crate) struct Nulls {
    len: usize,
    valid: Option<Vec<bool>>,
}

pub(crate) enum Kind {
    Boolean(Vec<bool>),
    Int8(Vec<i8>),
    Int16(Vec<i16>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    UInt8(Vec<u8>),
    UInt16(Vec<u16>),
    UInt32(Vec<u32>),
    UInt64(Vec<u64>),
    Float32(Vec<f32>),
    Float64(Vec<f64>),
    /// Days since 1970-01-01.
    Date32(Vec<i32>),
    Timestamp(Vec<i64>, TimeUnit, Tz),
    Utf8(Bytes),
    Binary(Bytes),
    List(Vec<i32>, Box<Column>, FieldRef),
    Struct(Record),
}

/// Values of varying length behind one another.
pub(crate) struct Bytes {
    pub(crate) values: Vec<u8>,
    pub(crate) offsets: Vec<i32>,
}

/// Named columns: a struct column, and the root of a JSON row.
pub(crate) struct Record {
    pub(crate) fields: Fields,
    /// `None` where the projection leaves the column out.
    pub(crate) columns: Vec<Option<Column>>,
    /// Position by name; used when a key does not come in the expected order.
    pub(crate) index: HashMap<Vec<u8>, usize>,
    /// The names in quotes and with a colon, as most JSON has them; empty for names that may be written in several ways.
    pub(crate) heads: Vec<Vec<u8>>,
}

impl Nulls {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(crate) fn push(&mut self, is_valid: bool) {
        if let Some(valid) = &mut self.valid {
            valid.push(is_valid);
        } else if !is_valid {
            let mut valid = vec![true; self.len];
            valid.push(false);
            self.valid = Some(valid);
        }
        self.len += 1;
    }

    fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
        if let Some(valid) = &mut self.valid {
            valid.truncate(len);
        }
    }

    fn finish(&mut self) -> Option<NullBuffer> {
        self.len = 0;
        self.valid.take().map(NullBuffer::from)
    }
}

impl Bytes {
    fn new() -> Self {
        Self { values: Vec::new(), offsets: vec![0] }
    }

    /// Ends the value whose bytes were appended to `values`.
    #[inline]
    pub(crate) fn end(&mut self) {
        // Batches of text are below 1 GiB, and no value is longer than its text.
        self.offsets.push(self.values.len() as i32);
    }

    fn truncate(&mut self, len: usize) {
        self.offsets.truncate(len + 1);
        self.values.truncate(self.offsets.last().map_or(0, |&end| end as usize));
    }

    fn finish(&mut self) -> (OffsetBuffer<i32>, Buffer) {
        // The next batch is most likely of the same size.
        let mut next = Vec::with_capacity(self.offsets.len());
        next.push(0);
        let offsets = std::mem::replace(&mut self.offsets, next);
        let room = Vec::with_capacity(self.values.len());
        let values = std::mem::replace(&mut self.values, room);
        (OffsetBuffer::new(offsets.into()), Buffer::from_vec(values))
    }
}

impl Record {
    /// The columns of `fields`; only those at `selected` are built, `None` builds all.
    pub(crate) fn try_new(fields: &Fields, selected: Option<&[usize]>) -> Result<Self> {
        let mut columns = Vec::with_capacity(fields.len());
        let mut index = HashMap::new();
        let mut heads = Vec::with_capacity(fields.len());
        for (i, field) in fields.iter().enumerate() {
            let wanted = selected.is_none_or(|selected| selected.contains(&i));
            columns.push(wanted.then(|| Column::try_new(field)).transpose()?);
            index.insert(field.name().as_bytes().to_vec(), i);
            let plain = !field.name().contains(|c: char| c.is_control() || c == '"' || c == '\\');
            heads.push(if plain { format!("\"{}\":", field.name()).into_bytes() } else { Vec::new() });
        }
        Ok(Self { fields: fields.clone(), columns, index, heads })
    }
}

impl Column {
    /// A column of the field's type.
    ///
    /// # Errors
    ///
    /// `unsupported` for a type that text cannot be read into exactly.
    pub(crate) fn try_new(field: &Field) -> Result<Self> {
        let kind = match field.data_type() {
            DataType::Boolean => Kind::Boolean(Vec::new()),
            DataType::Int8 => Kind::Int8(Vec::new()),
            DataType::Int16 => Kind::Int16(Vec::new()),
            DataType::Int32 => Kind::Int32(Vec::new()),
            DataType::Int64 => Kind::Int64(Vec::new()),
            DataType::UInt8 => Kind::UInt8(Vec::new()),
            DataType::UInt16 => Kind::UInt16(Vec::new()),
            DataType::UInt32 => Kind::UInt32(Vec::new()),
            DataType::UInt64 => Kind::UInt64(Vec::new()),
            DataType::Float32 => Kind::Float32(Vec::new()),
            DataType::Float64 => Kind::Float64(Vec::new()),
            DataType::Date32 => Kind::Date32(Vec::new()),
            DataType::Timestamp(unit, zone) => {
                let name = zone.as_deref().unwrap_or("UTC");
                let zone = Tz::from_str(name).map_err(|error| {
                    Error::invalid_config(format!("expected a time zone, found `{name}`"))
                        .with("column", field.name())
                        .caused_by(error)
                })?;
                Kind::Timestamp(Vec::new(), *unit, zone)
            }
            DataType::Utf8 => Kind::Utf8(Bytes::new()),
            DataType::Binary => Kind::Binary(Bytes::new()),
            DataType::List(item) => Kind::List(vec![0], Box::new(Column::try_new(item)?), item.clone()),
            DataType::Struct(fields) => Kind::Struct(Record::try_new(fields, None)?),
            other => {
                return Err(Error::unsupported(format!("expected a type that text can be read into, found {other}"))
                    .with("column", field.name())
                    .action("declare the column as Utf8 and convert it in the transform"));
            }
        };
        let is_json =
            *field.data_type() == DataType::Utf8 && field.metadata().contains_key(crate::options::JSON_VALUES);
        Ok(Self { kind, nulls: Nulls::default(), is_json, data_type: field.data_type().clone() })
    }

    pub(crate) fn len(&self) -> usize {
        self.nulls.len()
    }

    /// The type's name in messages to users.
    pub(crate) fn expectation(&self) -> String {
        match &self.kind {
            Kind::Boolean(_) => "a boolean".to_owned(),
            Kind::Utf8(_) => "text".to_owned(),
            Kind::Binary(_) => "bytes as hexadecimal digits".to_owned(),
            Kind::Date32(_) => "a date `yyyy-mm-dd`".to_owned(),
            Kind::Timestamp(_, unit, _) => {
                format!("a timestamp (ISO text or a count since 1970) exact to the {unit:?}")
            }
            Kind::Float32(_) | Kind::Float64(_) => format!("a number ({})", self.data_type),
            Kind::List(_, child, _) => format!("a list, each item {}", child.expectation()),
            Kind::Struct(_) => "an object".to_owned(),
            _ => format!("an integer ({})", self.data_type),
        }
    }

    pub(crate) fn is_text(&self) -> bool {
        matches!(self.kind, Kind::Utf8(_))
    }

    pub(crate) fn push_null(&mut self) {
        match &mut self.kind {
            Kind::Boolean(values) => values.push(false),
            Kind::Int8(values) => values.push(0),
            Kind::Int16(values) => values.push(0),
            Kind::Int32(values) | Kind::Date32(values) => values.push(0),
            Kind::Int64(values) | Kind::Timestamp(values, ..) => values.push(0),
            Kind::UInt8(values) => values.push(0),
            Kind::UInt16(values) => values.push(0),
            Kind::UInt32(values) => values.push(0),
            Kind::UInt64(values) => values.push(0),
            Kind::Float32(values) => values.push(0.0),
            Kind::Float64(values) => values.push(0.0),
            Kind::Utf8(bytes) | Kind::Binary(bytes) => bytes.end(),
            Kind::List(offsets, child, _) => offsets.push(child.len() as i32),
            Kind::Struct(record) => {
                for column in record.columns.iter_mut().flatten() {
                    column.push_null();
                }
            }
        }
        self.nulls.push(false);
    }

    /// Adds a value given as text: a CSV field, a JSON string or a JSON number. Lists and structs have no text form.
    /// `Utf8` takes the bytes as they are: the caller has checked that they are UTF-8.
    pub(crate) fn push_text(&mut self, text: &[u8]) -> Result<(), Reject> {
        match &mut self.kind {
            Kind::Boolean(values) => values.push(parse_bool(text)?),
            Kind::Int8(values) => values.push(narrow(parse_i64(text)?)?),
            Kind::Int16(values) => values.push(narrow(parse_i64(text)?)?),
            Kind::Int32(values) => values.push(narrow(parse_i64(text)?)?),
            Kind::Int64(values) => values.push(parse_i64(text)?),
            Kind::UInt8(values) => values.push(narrow(parse_u64(text)?)?),
            Kind::UInt16(values) => values.push(narrow(parse_u64(text)?)?),
            Kind::UInt32(values) => values.push(narrow(parse_u64(text)?)?),
            Kind::UInt64(values) => values.push(parse_u64(text)?),
            Kind::Float32(values) => values.push(parse_f32(text)?),
            Kind::Float64(values) => values.push(parse_f64(text)?),
            Kind::Date32(values) => values.push(parse_date(text)?),
            Kind::Timestamp(values, unit, zone) => {
                let value = parse_timestamp(text, *unit, zone)?;
                values.push(value);
            }
            Kind::Utf8(bytes) => {
                bytes.values.extend_from_slice(text);
                bytes.end();
            }
            Kind::Binary(bytes) => {
                parse_hex(trim(text), &mut bytes.values)?;
                bytes.end();
            }
            Kind::List(..) | Kind::Struct(_) => return Err(Reject::WrongType),
        }
        self.nulls.push(true);
        Ok(())
    }

    /// Takes back every value from `len` on.
    pub(crate) fn truncate(&mut self, len: usize) {
        match &mut self.kind {
            Kind::Boolean(values) => values.truncate(len),
            Kind::Int8(values) => values.truncate(len),
            Kind::Int16(values) => values.truncate(len),
            Kind::Int32(values) | Kind::Date32(values) => values.truncate(len),
            Kind::Int64(values) | Kind::Timestamp(values, ..) => values.truncate(len),
            Kind::UInt8(values) => values.truncate(len),
            Kind::UInt16(values) => values.truncate(len),
            Kind::UInt32(values) => values.truncate(len),
            Kind::UInt64(values) => values.truncate(len),
            Kind::Float32(values) => values.truncate(len),
            Kind::Float64(values) => values.truncate(len),
            Kind::Utf8(bytes) | Kind::Binary(bytes) => bytes.truncate(len),
            Kind::List(offsets, child, _) => {
                offsets.truncate(len + 1);
                child.truncate(offsets.last().map_or(0, |&end| end as usize));
            }
            Kind::Struct(record) => {
                for column in record.columns.iter_mut().flatten() {
                    column.truncate(len);
                }
            }
        }
        self.nulls.truncate(len);
    }

    /// The finished array; the column is empty again.
    pub(crate) fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let len = self.nulls.len();
        let nulls = self.nulls.finish();
        Ok(match &mut self.kind {
            Kind::Boolean(values) => Arc::new(BooleanArray::new(std::mem::take(values).into(), nulls)),
            Kind::Int8(values) => primitive::<Int8Type>(values, nulls)?,
            Kind::Int16(values) => primitive::<Int16Type>(values, nulls)?,
            Kind::Int32(values) => primitive::<Int32Type>(values, nulls)?,
            Kind::Int64(values) => primitive::<Int64Type>(values, nulls)?,
            Kind::UInt8(values) => primitive::<UInt8Type>(values, nulls)?,
            Kind::UInt16(values) => primitive::<UInt16Type>(values, nulls)?,
            Kind::UInt32(values) => primitive::<UInt32Type>(values, nulls)?,
            Kind::UInt64(values) => primitive::<UInt64Type>(values, nulls)?,
            Kind::Float32(values) => primitive::<Float32Type>(values, nulls)?,
            Kind::Float64(values) => primitive::<Float64Type>(values, nulls)?,
            Kind::Date32(values) => Arc::new(Date32Array::try_new(take(values), nulls)?),
            Kind::Timestamp(values, unit, _) => {
                let values = take(values);
                let zone = match &self.data_type {
                    DataType::Timestamp(_, zone) => zone.clone(),
                    _ => None,
                };
                match unit {
                    TimeUnit::Second => Arc::new(TimestampSecondArray::try_new(values, nulls)?.with_timezone_opt(zone)),
                    TimeUnit::Millisecond => {
                        Arc::new(TimestampMillisecondArray::try_new(values, nulls)?.with_timezone_opt(zone))
                    }
                    TimeUnit::Microsecond => {
                        Arc::new(TimestampMicrosecondArray::try_new(values, nulls)?.with_timezone_opt(zone))
                    }
                    TimeUnit::Nanosecond => {
                        Arc::new(TimestampNanosecondArray::try_new(values, nulls)?.with_timezone_opt(zone))
                    }
                }
            }
            Kind::Utf8(bytes) => {
                let (offsets, values) = bytes.finish();
                Arc::new(StringArray::try_new(offsets, values, nulls)?)
            }
            Kind::Binary(bytes) => {
                let (offsets, values) = bytes.finish();
                Arc::new(BinaryArray::try_new(offsets, values, nulls)?)
            }
            Kind::List(offsets, child, field) => {
                let offsets = std::mem::replace(offsets, vec![0]);
                Arc::new(ListArray::try_new(field.clone(), OffsetBuffer::new(offsets.into()), child.finish()?, nulls)?)
            }
            Kind::Struct(record) => {
                let arrays = record.columns.iter_mut().flatten().map(Column::finish).collect::<Result<Vec<_>, _>>()?;
                Arc::new(StructArray::try_new_with_length(record.fields.clone(), arrays, nulls, len)?)
            }
        })
    }
}

fn take<T: arrow::datatypes::ArrowNativeType>(values: &mut Vec<T>) -> ScalarBuffer<T> {
    let capacity = values.len();
    // The next batch is most likely of the same size.
    std::mem::replace(values, Vec::with_capacity(capacity)).into()
}

fn primitive<T: ArrowPrimitiveType>(
    values: &mut Vec<T::Native>,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef, ArrowError> {
    Ok(Arc::new(PrimitiveArray::<T>::try_new(take(values), nulls)?))
}

#[inline]
pub(crate) fn narrow<W, N: TryFrom<W>>(value: W) -> Result<N, Reject> {
    N::try_from(value).map_err(|_| Reject::OutOfRange)
}

fn parse_date(text: &[u8]) -> Result<i32, Reject> {
    let text = std::str::from_utf8(trim(text)).map_err(|_| Reject::WrongType)?;
    if text.len() != 10 {
        return Err(Reject::WrongType);
    }
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| Reject::WrongType)?;
    // Days since 0001-01-01, where 1970-01-01 is day 719,163.
    Ok(date.num_days_from_ce() - 719_163)
}

/// ISO text (in `zone` when it names none) or a count of units since 1970; digits finer than the unit are refused.
pub(crate) fn parse_timestamp(text: &[u8], unit: TimeUnit, zone: &Tz) -> Result<i64, Reject> {
    match parse_i64(text) {
        Err(Reject::WrongType) => {}
        count => return count,
    }
    let text = std::str::from_utf8(trim(text)).map_err(|_| Reject::WrongType)?;
    let time = string_to_datetime(zone, text).map_err(|_| Reject::WrongType)?;
    let (per_second, nanos_per_unit) = match unit {
        TimeUnit::Second => (1, 1_000_000_000),
        TimeUnit::Millisecond => (1_000, 1_000_000),
        TimeUnit::Microsecond => (1_000_000, 1_000),
        TimeUnit::Nanosecond => (1_000_000_000, 1),
    };
    let nanos = i64::from(time.timestamp_subsec_nanos());
    if nanos % nanos_per_unit != 0 {
        return Err(Reject::OutOfRange);
    }
    time.timestamp()
        .checked_mul(per_second)
        .and_then(|units| units.checked_add(nanos / nanos_per_unit))
        .ok_or(Reject::OutOfRange)
}

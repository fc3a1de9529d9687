//! Columns whose cells say where the value is: an offset into the variable-size data and a length.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, FixedSizeBinaryArray, Float32Array, Float64Array, Int32Array, Int64Array,
    ListArray, MapArray, StringArray, StringBuilder, StructArray, TimestampMillisecondArray,
};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::compute::take;
use arrow::datatypes::{DataType as Arrow, FieldRef};
use pinotage_common::Result;
use pinotage_spec::DataType;

use super::cursor::{Cursor, malformed};
use super::{Column, ColumnDataType, DataTable, decimal, invalid, too_long};

/// The bytes of a UUID.
const UUID_BYTES: usize = 16;

impl DataTable {
    /// What the cells of a column point to, each a number of items of `width` bytes; empty for nulls.
    ///
    /// No byte belongs to two cells: together they cannot be longer than the section.
    fn parts(&self, column: &Column, nulls: Option<&NullBuffer>, width: usize) -> Result<Vec<&[u8]>> {
        let mut left = self.variable.len();
        let part = |(row, cell): (usize, [u8; 8])| {
            if nulls.is_some_and(|nulls| nulls.is_null(row)) {
                return Ok(&[][..]);
            }
            let [start, count] = halves(cell);
            let part = usize::try_from(start).ok().zip(usize::try_from(count).ok()).and_then(|(start, count)| {
                let length = count.checked_mul(width)?;
                left = left.checked_sub(length)?;
                // Pinot does not care where something empty is.
                if length == 0 { Some(&[][..]) } else { self.variable.get(start..start.checked_add(length)?) }
            });
            part.ok_or_else(|| {
                let (length, start) = (self.variable.len(), i64::from(start));
                malformed(format!("a value inside the {length} bytes, found {count} × {width} bytes at {start}"))
            })
        };
        self.cells(column).enumerate().map(part).collect()
    }

    pub(super) fn binaries(&self, column: &Column, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
        binary(&self.parts(column, nulls.as_ref(), 1)?, nulls)
    }

    pub(super) fn decimals(&self, column: &Column, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
        decimal_texts(&self.parts(column, nulls.as_ref(), 1)?, nulls)
    }

    pub(super) fn uuids(&self, column: &Column, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
        uuids(&self.parts(column, nulls.as_ref(), 1)?, nulls)
    }

    pub(super) fn lists(&self, column: &Column, nulls: Option<NullBuffer>, asked: &Arrow) -> Result<ArrayRef> {
        use ColumnDataType::{Array, UuidArray};
        use DataType as T;
        let Arrow::List(item) = asked else { return Err(malformed("a list")) };
        let (counts, items): (Vec<usize>, ArrayRef) = match column.data_type {
            Array(T::Bytes) if self.version >= 4 => self.nested(column, nulls.as_ref(), |parts| binary(parts, None))?,
            Array(T::BigDecimal) => self.nested(column, nulls.as_ref(), |parts| decimal_texts(parts, None))?,
            UuidArray => self.nested(column, nulls.as_ref(), |parts| uuids(parts, None))?,
            Array(data_type) => {
                let width = match data_type {
                    T::Long | T::Double | T::Timestamp => 8,
                    _ => 4,
                };
                let parts = self.parts(column, nulls.as_ref(), width)?;
                let items = self.items(column, data_type, &parts)?;
                (parts.iter().map(|part| part.len() / width).collect(), items)
            }
            _ => return Err(malformed("a list")),
        };
        // Items take bytes of the section, so that there are fewer than 2³¹.
        let list = ListArray::try_new(item.clone(), OffsetBuffer::from_lengths(counts), items, nulls);
        Ok(Arc::new(list.map_err(invalid)?))
    }

    /// The items of all rows of a list whose items have a fixed width.
    fn items(&self, column: &Column, data_type: DataType, parts: &[&[u8]]) -> Result<ArrayRef> {
        use DataType as T;
        Ok(match data_type {
            T::Int => Arc::new(Int32Array::new(numbers(parts, i32::from_be_bytes), None)),
            T::Long => Arc::new(Int64Array::new(numbers(parts, i64::from_be_bytes), None)),
            T::Float => Arc::new(Float32Array::new(numbers(parts, f32::from_be_bytes), None)),
            T::Double => Arc::new(Float64Array::new(numbers(parts, f64::from_be_bytes), None)),
            T::Timestamp => {
                let values = numbers(parts, i64::from_be_bytes);
                Arc::new(TimestampMillisecondArray::new(values, None).with_timezone("UTC"))
            }
            T::Boolean => {
                let values: Vec<i32> = numbers(parts, i32::from_be_bytes).into();
                Arc::new(BooleanArray::from_iter(values.into_iter().map(|value| Some(value != 0))))
            }
            T::String | T::Bytes => {
                let texts = self.dictionary.of(&column.name)?;
                let ids: Vec<i32> = numbers(parts, i32::from_be_bytes).into();
                if data_type == T::String {
                    return Ok(Arc::new(texts.gather(&ids, None)?));
                }
                let (bytes, ids) = (from_hex(texts.all()?)?, texts.checked_ids(ids, None)?);
                take(&bytes, &ids, None).map_err(|error| too_long().caused_by(error))?
            }
            T::BigDecimal | T::Json | T::Map => return Err(malformed("a list of another type")),
        })
    }

    /// A list whose items have their length before them: how many each row has, and all of them.
    fn nested(
        &self,
        column: &Column,
        nulls: Option<&NullBuffer>,
        items: impl Fn(&[&[u8]]) -> Result<ArrayRef>,
    ) -> Result<(Vec<usize>, ArrayRef)> {
        let mut left = self.variable.len();
        let mut parts = Vec::new();
        let mut counts = Vec::with_capacity(self.num_rows);
        for (row, cell) in self.cells(column).enumerate() {
            let [start, count] = if nulls.is_some_and(|nulls| nulls.is_null(row)) { [0, 0] } else { halves(cell) };
            let (start, count) = usize::try_from(start)
                .ok()
                .zip(usize::try_from(count).ok())
                .ok_or_else(|| malformed(format!("a list, found {count} items at {start}")))?;
            let mut cursor = Cursor::new("list", self.variable.get(start..).unwrap_or_default());
            for _ in 0..count {
                let length = cursor.length()?;
                left = left.checked_sub(4 + length).ok_or_else(|| malformed("lists that share no bytes"))?;
                parts.push(cursor.bytes(length)?);
            }
            counts.push(count);
        }
        Ok((counts, items(&parts)?))
    }

    /// Pinot keeps the values as JSON; so does the array.
    pub(super) fn maps(&self, column: &Column, nulls: Option<NullBuffer>, asked: &Arrow) -> Result<ArrayRef> {
        let Arrow::Map(entries, sorted) = asked else { return Err(malformed("a map")) };
        let Arrow::Struct(fields) = entries.data_type() else { return Err(malformed("a map")) };
        let parts = self.parts(column, nulls.as_ref(), 1)?;
        // Nothing at all is a null, too.
        let present = NullBuffer::from_iter(parts.iter().map(|part| !part.is_empty()));
        let (mut keys, mut values) = (StringBuilder::new(), StringBuilder::new());
        let mut counts = Vec::with_capacity(parts.len());
        for part in parts {
            let mut cursor = Cursor::new("map", part);
            let count = if part.is_empty() { 0 } else { cursor.count(8)? };
            for _ in 0..count {
                keys.append_value(cursor.text()?);
                values.append_value(cursor.text()?);
            }
            counts.push(count);
        }
        let arrays: Vec<ArrayRef> = vec![Arc::new(keys.finish()), Arc::new(values.finish())];
        let pairs = StructArray::try_new(fields.clone(), arrays, None).map_err(invalid)?;
        let offsets = OffsetBuffer::from_lengths(counts);
        let nulls = Some(present).filter(|present| present.null_count() > 0);
        let map = MapArray::try_new(FieldRef::clone(entries), offsets, pairs, nulls, *sorted);
        Ok(Arc::new(map.map_err(invalid)?))
    }
}

/// Offset and length in a cell.
pub(super) fn halves(cell: [u8; 8]) -> [i32; 2] {
    let both = i64::from_be_bytes(cell);
    // The upper and the lower half.
    [(both >> 32) as i32, both as i32]
}

/// The binary values of hexadecimal texts.
pub(super) fn from_hex(texts: &StringArray) -> Result<BinaryArray> {
    let bytes = texts.iter().map(|text| {
        let text = text.unwrap_or_default();
        pinotage_spec::parse_hex(text).ok_or_else(|| malformed("bytes as hexadecimal text"))
    });
    Ok(BinaryArray::from_iter_values(bytes.collect::<Result<Vec<_>>>()?))
}

fn numbers<T, const N: usize>(parts: &[&[u8]], number: impl Fn([u8; N]) -> T) -> ScalarBuffer<T>
where
    T: arrow::datatypes::ArrowNativeType,
{
    let mut values = Vec::with_capacity(parts.iter().map(|part| part.len() / N).sum());
    for part in parts {
        values.extend(part.as_chunks::<N>().0.iter().map(|chunk| number(*chunk)));
    }
    values.into()
}

fn binary(parts: &[&[u8]], nulls: Option<NullBuffer>) -> Result<ArrayRef> {
    let offsets = OffsetBuffer::from_lengths(parts.iter().map(|part| part.len()));
    let values = Buffer::from(parts.concat());
    Ok(Arc::new(BinaryArray::try_new(offsets, values, nulls).map_err(invalid)?))
}

fn decimal_texts(parts: &[&[u8]], nulls: Option<NullBuffer>) -> Result<ArrayRef> {
    let (mut values, mut digits) = (Vec::new(), String::new());
    let mut ends = Vec::with_capacity(parts.len() + 1);
    ends.push(0);
    for (row, part) in parts.iter().enumerate() {
        if nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)) {
            decimal::append_plain(part, &mut digits, &mut values)
                .ok_or_else(|| malformed("a decimal of at least three bytes"))?;
        }
        ends.push(i32::try_from(values.len()).map_err(|_| too_long())?);
    }
    let offsets = OffsetBuffer::new(ends.into());
    Ok(Arc::new(StringArray::try_new(offsets, values.into(), nulls).map_err(invalid)?))
}

fn uuids(parts: &[&[u8]], nulls: Option<NullBuffer>) -> Result<ArrayRef> {
    let mut values = Vec::with_capacity(parts.len() * UUID_BYTES);
    for (row, part) in parts.iter().enumerate() {
        match part.len() {
            UUID_BYTES => values.extend(*part),
            _ if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) => values.extend([0; UUID_BYTES]),
            found => return Err(malformed(format!("a UUID of 16 bytes, found {found}"))),
        }
    }
    let array = FixedSizeBinaryArray::try_new(UUID_BYTES as i32, values.into(), nulls);
    Ok(Arc::new(array.map_err(invalid)?))
}

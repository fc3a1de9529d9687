//! Stored bytes to canonical Arrow arrays.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, MapArray,
    StringArray, StructArray, TimestampMillisecondArray,
};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::DataType as Arrow;
use pinotage_common::{Error, ErrorKind, Result};
use pinotage_spec::{BigDecimalBytes, DataType, StoredType};

use crate::forward::{be32, check_total};

/// Big-endian values of fixed width as an array; bytes beyond the last whole value are ignored.
pub(crate) fn fixed_array(data_type: DataType, bytes: &[u8]) -> ArrayRef {
    let words = || bytes.as_chunks::<4>().0.iter().map(|word| i32::from_be_bytes(*word));
    let longs = || bytes.as_chunks::<8>().0.iter().map(|word| i64::from_be_bytes(*word));
    match data_type {
        DataType::Boolean => Arc::new(words().map(|word| Some(word != 0)).collect::<BooleanArray>()),
        DataType::Int => Arc::new(Int32Array::from_iter_values(words())),
        DataType::Float => Arc::new(Float32Array::from_iter_values(words().map(|word| f32::from_bits(word as u32)))),
        DataType::Timestamp => Arc::new(TimestampMillisecondArray::from_iter_values(longs()).with_timezone("UTC")),
        DataType::Double => Arc::new(Float64Array::from_iter_values(longs().map(|word| f64::from_bits(word as u64)))),
        _ => Arc::new(Int64Array::from_iter_values(longs())),
    }
}

/// More values of variable width in one array than its offsets reach.
pub(crate) fn too_long() -> Error {
    Error::new(ErrorKind::ResourceExhausted, "expected less than 2 GiB of values in one batch")
        .action("read with smaller batches")
}

/// Values of variable width, collected one after the other.
#[derive(Default)]
pub(crate) struct BytesBuilder {
    offsets: Vec<i32>,
    bytes: Vec<u8>,
}

impl BytesBuilder {
    pub(crate) fn with_capacity(values: usize) -> Self {
        let mut offsets = Vec::with_capacity(values.min(1 << 20) + 1);
        offsets.push(0);
        Self { offsets, bytes: Vec::new() }
    }

    /// Adds a value.
    ///
    /// # Errors
    ///
    /// `resource-exhausted` beyond 2 GiB, which Arrow's 32-bit offsets cannot reach.
    pub(crate) fn push(&mut self, value: &[u8]) -> Result<()> {
        self.append(value)?;
        self.end();
        Ok(())
    }

    /// Adds a part of a value, which [`BytesBuilder::end`] ends.
    ///
    /// # Errors
    ///
    /// As [`BytesBuilder::push`].
    pub(crate) fn append(&mut self, part: &[u8]) -> Result<()> {
        let end = self.bytes.len().checked_add(part.len());
        end.and_then(|end| i32::try_from(end).ok()).ok_or_else(too_long)?;
        self.bytes.extend_from_slice(part);
        Ok(())
    }

    /// Ends a value whose parts were appended.
    pub(crate) fn end(&mut self) {
        // All parts together have passed the limit.
        self.offsets.push(self.bytes.len() as i32);
    }

    /// The array of a data type.
    ///
    /// # Errors
    ///
    /// `corrupt-segment` for text that is no UTF-8 and for bytes that are no decimal.
    pub(crate) fn finish(self, data_type: DataType) -> Result<ArrayRef> {
        let values_len = self.offsets.len().saturating_sub(1);
        let offsets = OffsetBuffer::new(ScalarBuffer::from(self.offsets));
        let values = Buffer::from_vec(self.bytes);
        if data_type.stored() == StoredType::BigDecimal {
            let bytes = BinaryArray::new(offsets, values, None);
            let mut texts = Self::with_capacity(values_len);
            for value in &bytes {
                let decimal = value.and_then(BigDecimalBytes::decode);
                let decimal = decimal.ok_or_else(|| Error::corrupt("expected decimals of at least three bytes"))?;
                // A scale of thousands of digits makes few bytes long, so the limit is checked here once more.
                texts.push(decimal.to_plain_string().as_bytes())?;
            }
            return texts.finish(DataType::String);
        }
        if data_type.stored() == StoredType::Bytes {
            return Ok(Arc::new(BinaryArray::new(offsets, values, None)));
        }
        if data_type.stored() == StoredType::Map {
            return maps(&BinaryArray::new(offsets, values, None));
        }
        let array = StringArray::try_new(offsets, values, None)
            .map_err(|error| Error::corrupt("expected text in UTF-8").caused_by(error))?;
        Ok(Arc::new(array))
    }
}

/// Maps from their stored bytes: the number of entries, then each key and each value behind its length.
///
/// # Pinot equivalent
///
/// `MapUtils.deserializeMap`, which also parses the values
fn maps(stored: &BinaryArray) -> Result<ArrayRef> {
    let (mut keys, mut values) = (BytesBuilder::with_capacity(stored.len()), BytesBuilder::with_capacity(stored.len()));
    let mut lengths = Vec::with_capacity(stored.len());
    for map in stored.iter().flatten() {
        let count = be32(map, 0)?;
        let mut at = 4;
        for _ in 0..count {
            for builder in [&mut keys, &mut values] {
                let start = at + 4;
                at = start + be32(map, at)?;
                let part = map.get(start..at);
                builder.push(part.ok_or_else(|| {
                    Error::corrupt(format!("expected {count} entries in a map of {} bytes", map.len()))
                })?)?;
            }
        }
        if at != map.len() {
            return Err(Error::corrupt(format!("expected a map of {at} bytes, found {}", map.len())));
        }
        lengths.push(count);
    }
    check_total(lengths.iter().sum())?;
    let Arrow::Map(entries, sorted) = DataType::Map.to_arrow() else {
        return Err(Error::unexpected("the canonical type of a map is none"));
    };
    let Arrow::Struct(fields) = entries.data_type() else {
        return Err(Error::unexpected("the entries of a map are no pairs"));
    };
    let failed = |error| Error::unexpected("cannot make maps").caused_by(error);
    let columns = vec![keys.finish(DataType::String)?, values.finish(DataType::String)?];
    let pairs = StructArray::try_new(fields.clone(), columns, None).map_err(failed)?;
    let maps = MapArray::try_new(entries, OffsetBuffer::from_lengths(lengths), pairs, None, sorted);
    Ok(Arc::new(maps.map_err(failed)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_map_is_refused() {
        let map = [0, 0, 0, 1, 0, 0, 0, 1, b'k', 0, 0, 0, 2, b'1', b'2'];
        let read = |bytes: &[u8]| {
            let mut builder = BytesBuilder::with_capacity(1);
            builder.push(bytes).unwrap();
            builder.finish(DataType::Map)
        };
        assert_eq!(*read(&map).unwrap().data_type(), DataType::Map.to_arrow());
        for at in 0..map.len() {
            assert!(read(&map[..at]).is_err());
            for bit in 0..8 {
                let mut damaged = map;
                damaged[at] ^= 1 << bit;
                let _ = read(&damaged);
            }
        }
        assert!(read(&[&map[..], &[0]].concat()).is_err());
    }
}

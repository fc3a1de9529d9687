//! Stored bytes to canonical Arrow arrays.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, StringArray,
    TimestampMillisecondArray,
};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use pinotage_common::{Error, ErrorKind, Result};
use pinotage_spec::{BigDecimalBytes, DataType, StoredType};

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
pub(super) fn too_long() -> Error {
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
        let end = self.bytes.len().checked_add(value.len()).and_then(|end| i32::try_from(end).ok());
        let end = end.ok_or_else(too_long)?;
        self.bytes.extend_from_slice(value);
        self.offsets.push(end);
        Ok(())
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
        let array = StringArray::try_new(offsets, values, None)
            .map_err(|error| Error::corrupt("expected text in UTF-8").caused_by(error))?;
        Ok(Arc::new(array))
    }
}

//! Reads the payload of a dictionary.

use std::cmp::Ordering;
use std::ops::Range;

use arrow::array::ArrayRef;
use pinotage_common::{Error, Result};
use pinotage_spec::java::compare_utf16;
use pinotage_spec::{BigDecimalBytes, CompareOp, DataType, StoredType, Value};

use crate::constants::{VAR_LENGTH_HEADER, VAR_LENGTH_MAGIC};
use crate::forward::be32;
use crate::metadata::ColumnMetadata;
use crate::read::array::{BytesBuilder, fixed_array};

/// A dictionary: value by id, and id by value.
///
/// # Pinot equivalent
///
/// `BaseImmutableDictionary` and its subclasses
#[derive(Debug, Clone, Copy)]
pub struct DictionaryReader<'a> {
    bytes: &'a [u8],
    len: usize,
    data_type: DataType,
    layout: Layout,
}

#[derive(Debug, Clone, Copy)]
enum Layout {
    /// Numbers, or values right-padded with NUL.
    Fixed(usize),
    /// The offset of the table of offsets.
    Variable(usize),
}

impl<'a> DictionaryReader<'a> {
    /// Opens the payload of a column's dictionary.
    ///
    /// # Errors
    ///
    /// `corrupt-segment` when the payload is not as long as the metadata says.
    pub fn try_new(bytes: &'a [u8], column: &ColumnMetadata) -> Result<Self> {
        let len = column.cardinality as usize;
        let data_type = column.data_type;
        let layout = match data_type.stored().fixed_width() {
            Some(width) => Layout::Fixed(width),
            None => match variable_offsets(bytes, len)? {
                Some(offsets) => Layout::Variable(offsets),
                None => Layout::Fixed(column.dictionary_entry_width as usize),
            },
        };
        // Values differ, so at most one of them is empty; any number of them would fit no bytes.
        if let Layout::Fixed(width) = layout
            && (len.checked_mul(width) != Some(bytes.len()) || (width == 0 && len > 1))
        {
            return Err(Error::corrupt(format!(
                "expected a dictionary of {len} values of {width} bytes, found {} bytes",
                bytes.len()
            )));
        }
        let reader = Self { bytes, len, data_type, layout };
        if let Layout::Variable(_) = layout {
            for id in 0..len as u32 {
                reader.bytes(id)?;
            }
        }
        Ok(reader)
    }

    /// Opens a dictionary of texts of variable length that says itself how many they are.
    ///
    /// # Errors
    ///
    /// `corrupt-segment` when the payload is none.
    pub(crate) fn of_texts(bytes: &'a [u8]) -> Result<Self> {
        let bad = || Error::corrupt(format!("expected a dictionary of texts, found {} bytes", bytes.len()));
        let len = be32(bytes, 8)?;
        let offsets = variable_offsets(bytes, len)?.ok_or_else(bad)?;
        let reader = Self { bytes, len, data_type: DataType::String, layout: Layout::Variable(offsets) };
        (0..len as u32).try_for_each(|id| reader.bytes(id).map(drop))?;
        Ok(reader)
    }

    /// The number of values.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True without values.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The stored bytes of a value, without padding.
    ///
    /// # Errors
    ///
    /// `corrupt-segment` for an id or an offset outside of the dictionary.
    pub fn bytes(&self, id: u32) -> Result<&'a [u8]> {
        let id = id as usize;
        let bad = || {
            Error::corrupt(format!("expected dictionary ids below {}, found {id}", self.len))
                .with("index", "dictionary")
        };
        if id >= self.len {
            return Err(bad());
        }
        match self.layout {
            Layout::Fixed(width) => {
                let value = self.bytes.get(id * width..(id + 1) * width).ok_or_else(bad)?;
                // The first NUL ends a string; other types are stored so only if all have one length.
                let end = match self.data_type.stored() {
                    StoredType::String => value.iter().position(|byte| *byte == 0).unwrap_or(width),
                    _ => width,
                };
                Ok(value.get(..end).unwrap_or(value))
            }
            Layout::Variable(offsets) => {
                let offset = |at: usize| {
                    let word = self.bytes.get(offsets + 4 * at..offsets + 4 * at + 4)?;
                    Some(u32::from_be_bytes(word.try_into().ok()?) as usize)
                };
                let range = offset(id).zip(offset(id + 1));
                range.and_then(|(start, end)| self.bytes.get(start..end)).ok_or_else(|| {
                    Error::corrupt(format!("expected value {id} inside the dictionary's {} bytes", self.bytes.len()))
                        .with("index", "dictionary")
                })
            }
        }
    }

    /// A value.
    ///
    /// # Errors
    ///
    /// As [`DictionaryReader::bytes`].
    pub fn value(&self, id: u32) -> Result<Value> {
        let bytes = self.bytes(id)?;
        decode(self.data_type.stored(), bytes)
            .ok_or_else(|| Error::corrupt(format!("value {id} is no {}", self.data_type)).with("index", "dictionary"))
    }

    /// All values as a canonical array.
    ///
    /// # Errors
    ///
    /// `corrupt-segment` for text that is no UTF-8.
    pub fn to_array(&self) -> Result<ArrayRef> {
        if self.data_type.stored().fixed_width().is_some() {
            return Ok(fixed_array(self.data_type, self.bytes));
        }
        let mut builder = BytesBuilder::with_capacity(self.len);
        for id in 0..self.len as u32 {
            builder.push(self.bytes(id)?)?;
        }
        builder.finish(self.data_type)
    }

    /// The values of some ids, in their order, as a canonical array; cheaper than all of them when few are wanted.
    ///
    /// # Errors
    ///
    /// As [`DictionaryReader::to_array`], and `corrupt-segment` for an id outside of the dictionary.
    pub fn take(&self, ids: &[u32]) -> Result<ArrayRef> {
        match self.data_type.stored().fixed_width() {
            Some(4) => return Ok(fixed_array(self.data_type, self.numbers::<4>(ids)?.as_flattened())),
            Some(_) => return Ok(fixed_array(self.data_type, self.numbers::<8>(ids)?.as_flattened())),
            None => {}
        }
        let mut builder = BytesBuilder::with_capacity(ids.len());
        for id in ids {
            builder.push(self.bytes(*id)?)?;
        }
        builder.finish(self.data_type)
    }

    /// The stored numbers of some ids.
    fn numbers<const N: usize>(&self, ids: &[u32]) -> Result<Vec<[u8; N]>> {
        let numbers = self.bytes.as_chunks::<N>().0;
        if let Some(id) = ids.iter().max().filter(|id| **id as usize >= numbers.len()) {
            self.bytes(*id)?;
        }
        Ok(ids.iter().map(|id| numbers.get(*id as usize).copied().unwrap_or([0; N])).collect())
    }

    /// The ids whose values stand so to a literal: at most two ranges, ascending.
    ///
    /// # Errors
    ///
    /// As [`DictionaryReader::bytes`]; `invalid-config` for a literal of another stored type.
    pub fn ids_where(&self, op: CompareOp, value: &Value) -> Result<[Range<u32>; 2]> {
        let (first, after) = (self.lower_bound(value, false)?, self.lower_bound(value, true)?);
        let len = self.len as u32;
        Ok(match op {
            CompareOp::Eq => [first..after, len..len],
            CompareOp::NotEq => [0..first, after..len],
            CompareOp::Lt => [0..first, len..len],
            CompareOp::LtEq => [0..after, len..len],
            CompareOp::Gt => [after..len, len..len],
            CompareOp::GtEq => [first..len, len..len],
        })
    }

    /// The id of a value, if it occurs.
    ///
    /// # Errors
    ///
    /// As [`DictionaryReader::bytes`].
    pub fn index_of(&self, value: &Value) -> Result<Option<u32>> {
        let id = self.lower_bound(value, false)?;
        Ok(((id as usize) < self.len && self.compare(id, value)?.is_eq()).then_some(id))
    }

    /// The first id whose value is not below `value`; with `after`, the first whose value is above it.
    ///
    /// # Errors
    ///
    /// As [`DictionaryReader::bytes`].
    pub fn lower_bound(&self, value: &Value, after: bool) -> Result<u32> {
        let (mut low, mut high) = (0, self.len as u32);
        while low < high {
            let middle = low + (high - low) / 2;
            let ordering = self.compare(middle, value)?;
            if ordering.is_lt() || (after && ordering.is_eq()) { low = middle + 1 } else { high = middle }
        }
        Ok(low)
    }

    fn compare(&self, id: u32, value: &Value) -> Result<Ordering> {
        if let Value::String(text) = value
            && self.data_type.stored() == StoredType::String
        {
            return Ok(compare_utf16(self.bytes(id)?, text.as_bytes()));
        }
        self.value(id)?.compare(value).ok_or_else(|| {
            Error::invalid_config(format!(
                "a {} column cannot be compared with `{}`",
                self.data_type,
                value.to_java_string()
            ))
        })
    }
}

/// The offset table of the variable layout, or `None` when the payload has the fixed one.
fn variable_offsets(bytes: &[u8], len: usize) -> Result<Option<usize>> {
    let word = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize);
    if bytes.len() < 20 || !bytes.starts_with(&VAR_LENGTH_MAGIC) || word(4) != Some(1) {
        return Ok(None);
    }
    let (count, offsets) = word(8).zip(word(12)).unwrap_or_default();
    let fits = count == len && offsets >= VAR_LENGTH_HEADER && offsets + 4 * (count + 1) <= bytes.len();
    if !fits {
        return Err(Error::corrupt(format!(
            "expected {len} offsets in a dictionary of {} bytes, found {count}",
            bytes.len()
        )));
    }
    Ok(Some(offsets))
}

/// One stored value.
pub(crate) fn decode(stored: StoredType, bytes: &[u8]) -> Option<Value> {
    Some(match stored {
        StoredType::Int => Value::Int(i32::from_be_bytes(bytes.try_into().ok()?)),
        StoredType::Long => Value::Long(i64::from_be_bytes(bytes.try_into().ok()?)),
        StoredType::Float => Value::Float(f32::from_be_bytes(bytes.try_into().ok()?)),
        StoredType::Double => Value::Double(f64::from_be_bytes(bytes.try_into().ok()?)),
        StoredType::BigDecimal => Value::BigDecimal(BigDecimalBytes::decode(bytes)?),
        StoredType::String => Value::String(std::str::from_utf8(bytes).ok()?.to_owned()),
        StoredType::Bytes => Value::Bytes(bytes.to_vec()),
        StoredType::Map => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::SegmentMetadata;

    #[test]
    fn many_values_of_no_bytes_are_refused() {
        let open = |cardinality: u32| {
            let text = format!(
                "segment.total.docs = 4\nsegment.dimension.column.names = a\ncolumn.a.columnType = DIMENSION\n\
                 column.a.dataType = STRING\ncolumn.a.cardinality = {cardinality}\n"
            );
            let metadata = SegmentMetadata::parse(text.as_bytes()).unwrap();
            DictionaryReader::try_new(&[], &metadata.columns["a"]).map(|dictionary| dictionary.len())
        };
        assert_eq!(open(1).unwrap(), 1);
        assert!(open(2_000_000_000).unwrap_err().to_string().contains("2000000000 values"));
    }
}

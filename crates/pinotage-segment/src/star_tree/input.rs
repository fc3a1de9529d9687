//! What a star-tree is made of: dictionary ids, numbers and hash codes of a segment's rows.

use pinotage_common::{Error, Result};
use pinotage_spec::{StoredType, murmur_bytes, murmur_long};

use crate::dictionary::{DictionaryReader, decode};
use crate::forward::{ChunkCache, Docs, ForwardReader, RawReader, be32};
use crate::metadata::ColumnMetadata;

/// Docs that are decoded at a time.
const STEP: usize = 8192;

/// A column of a segment, finished or opened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column<'a> {
    /// What the metadata says of it.
    pub(crate) metadata: &'a ColumnMetadata,
    /// The payload of its dictionary.
    pub(crate) dictionary: Option<&'a [u8]>,
    /// The payload of its forward index.
    pub(crate) forward: &'a [u8],
    /// The rows of the segment.
    pub(crate) num_docs: usize,
}

/// What an aggregation needs of a column's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// How many there are in each row.
    Count,
    /// Numbers.
    Number,
    /// `Object.hashCode`
    JavaHash,
    /// `MurmurHash.hash`
    Murmur,
}

/// The values of a column, those of all rows one after the other.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) numbers: Vec<f64>,
    pub(super) hashes: Vec<u32>,
    /// Multi-value: the number of values up to and including each row.
    ends: Option<Vec<u32>>,
}

impl Input {
    /// The places of a row's values.
    pub(super) fn row(&self, row: u32) -> std::ops::Range<usize> {
        let row = row as usize;
        match &self.ends {
            None => row..row + 1,
            Some(ends) => row.checked_sub(1).map_or(0, |before| ends[before] as usize)..ends[row] as usize,
        }
    }

    pub(super) fn is_multi_value(&self) -> bool {
        self.ends.is_some()
    }
}

impl<'a> Column<'a> {
    /// The dictionary id of every row of a dimension.
    pub(super) fn ids(&self) -> Result<Vec<u32>> {
        if !self.metadata.forward_is_dictionary || !self.metadata.single_value {
            return Err(Error::corrupt("expected a single-value column with a dictionary as dimension of a star-tree"));
        }
        let ids = ForwardReader::try_new(self.forward, self.metadata, self.num_docs)?.ids(0..self.num_docs)?;
        match ids.iter().find(|id| **id >= self.metadata.cardinality) {
            None => Ok(ids),
            Some(id) => {
                let cardinality = self.metadata.cardinality;
                Err(Error::corrupt(format!("expected dictionary ids below {cardinality}, found {id}")))
            }
        }
    }

    /// The values of every row.
    pub(super) fn input(&self, kind: Kind) -> Result<Input> {
        let mut out =
            Values { kind, stored: self.metadata.data_type.stored(), numbers: Vec::new(), hashes: Vec::new() };
        let forward = ForwardReader::try_new(self.forward, self.metadata, self.num_docs)?;
        let ends = match &forward {
            ForwardReader::Raw(raw) => self.raw(raw, &mut out)?,
            _ => self.encoded(&forward, &mut out)?,
        };
        Ok(Input { numbers: out.numbers, hashes: out.hashes, ends })
    }

    fn encoded(&self, forward: &ForwardReader<'_>, out: &mut Values) -> Result<Option<Vec<u32>>> {
        let dictionary = self.dictionary.ok_or_else(|| Error::corrupt("the column has no dictionary"))?;
        let dictionary = DictionaryReader::try_new(dictionary, self.metadata)?;
        let mut known = Values { numbers: Vec::new(), hashes: Vec::new(), ..*out };
        (0..dictionary.len() as u32).try_for_each(|id| known.push(dictionary.bytes(id)?))?;
        let mut ends = (!self.metadata.single_value).then(Vec::new);
        let mut total = 0;
        for docs in steps(self.num_docs) {
            let ids = match &mut ends {
                None => forward.ids(docs)?,
                Some(ends) => {
                    let (lengths, ids) = forward.lists(docs)?;
                    push_ends(ends, &mut total, lengths.into_iter())?;
                    ids
                }
            };
            for id in ids {
                let beyond = || Error::corrupt(format!("dictionary id {id} is beyond the dictionary"));
                match out.kind {
                    Kind::Count => {}
                    Kind::Number => out.numbers.push(*known.numbers.get(id as usize).ok_or_else(beyond)?),
                    _ => out.hashes.push(*known.hashes.get(id as usize).ok_or_else(beyond)?),
                }
            }
        }
        Ok(ends)
    }

    fn raw(&self, raw: &RawReader<'_>, out: &mut Values) -> Result<Option<Vec<u32>>> {
        let mut cache = ChunkCache::default();
        let width = out.stored.fixed_width();
        if self.metadata.single_value {
            let mut bytes = Vec::new();
            for docs in steps(self.num_docs) {
                match width {
                    None => raw.rows(docs, &mut cache, |row| out.push(row))?,
                    Some(width) => {
                        bytes.clear();
                        raw.fixed(docs, &mut cache, &mut bytes)?;
                        bytes.chunks_exact(width).try_for_each(|value| out.push(value))?;
                    }
                }
            }
            return Ok(None);
        }
        let (mut ends, mut total) = (Vec::new(), 0);
        for docs in steps(self.num_docs) {
            raw.rows(docs, &mut cache, |row| {
                let count = list(row, width, raw.is_counted(), |value| out.push(value))?;
                push_ends(&mut ends, &mut total, std::iter::once(count))
            })?;
        }
        Ok(Some(ends))
    }
}

fn steps(num_docs: usize) -> impl Iterator<Item = Docs<'static>> {
    (0..num_docs).step_by(STEP).map(move |start| Docs::Range(start, num_docs.min(start + STEP)))
}

fn push_ends(ends: &mut Vec<u32>, total: &mut usize, lengths: impl Iterator<Item = usize>) -> Result<()> {
    for len in lengths {
        *total += len;
        ends.push(u32::try_from(*total).map_err(|_| Error::corrupt("expected fewer than 2^32 values in a column"))?);
    }
    Ok(())
}

/// The values of a raw multi-value row, and how many they are.
fn list(row: &[u8], width: Option<usize>, counted: bool, mut value: impl FnMut(&[u8]) -> Result<()>) -> Result<usize> {
    let bad = || Error::corrupt(format!("expected values in a row of {} bytes", row.len()));
    if let Some(width) = width {
        let values = match counted {
            true => {
                let len = be32(row, 0)?.checked_mul(width).and_then(|len| len.checked_add(4)).ok_or_else(bad)?;
                row.get(4..len).ok_or_else(bad)?
            }
            false => row,
        };
        values.chunks_exact(width).try_for_each(value)?;
        return Ok(values.len() / width);
    }
    let count = be32(row, 0)?;
    let mut at = count.checked_add(1).and_then(|words| words.checked_mul(4)).ok_or_else(bad)?;
    for number in 0..count {
        let end = at.checked_add(be32(row, 4 + 4 * number)?).ok_or_else(bad)?;
        value(row.get(at..end).ok_or_else(bad)?)?;
        at = end;
    }
    Ok(count)
}

/// Values as they are wanted.
struct Values {
    kind: Kind,
    stored: StoredType,
    numbers: Vec<f64>,
    hashes: Vec<u32>,
}

impl Values {
    /// Takes a value by its bytes in a dictionary or a raw forward index.
    fn push(&mut self, bytes: &[u8]) -> Result<()> {
        let bad = || Error::corrupt("found a value that is not of its column's type");
        match self.kind {
            Kind::Count => {}
            Kind::Number => self.numbers.push(number(self.stored, bytes).ok_or_else(bad)?),
            Kind::JavaHash => self.hashes.push(java_hash(self.stored, bytes).ok_or_else(bad)?),
            Kind::Murmur => self.hashes.push(murmur(self.stored, bytes).ok_or_else(bad)?),
        }
        Ok(())
    }
}

fn word(bytes: &[u8]) -> Option<u32> {
    bytes.try_into().ok().map(u32::from_be_bytes)
}

fn long(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_be_bytes)
}

/// `Number.doubleValue`
fn number(stored: StoredType, bytes: &[u8]) -> Option<f64> {
    Some(match stored {
        StoredType::Int => f64::from(word(bytes)? as i32),
        StoredType::Long => long(bytes)? as i64 as f64,
        StoredType::Float => f64::from(f32::from_bits(word(bytes)?)),
        StoredType::Double => f64::from_bits(long(bytes)?),
        StoredType::BigDecimal => match decode(stored, bytes)? {
            // Both round to the nearest double.
            pinotage_spec::Value::BigDecimal(value) => value.to_string().parse().ok()?,
            _ => return None,
        },
        StoredType::String | StoredType::Bytes | StoredType::Map => return None,
    })
}

fn fold(word: u64) -> u32 {
    (word ^ (word >> 32)) as u32
}

/// `Object.hashCode`
fn java_hash(stored: StoredType, bytes: &[u8]) -> Option<u32> {
    Some(match stored {
        StoredType::Int => word(bytes)?,
        StoredType::Long => fold(long(bytes)?),
        // One NaN stands for all.
        StoredType::Float => match f32::from_bits(word(bytes)?) {
            value if value.is_nan() => 0x7fc0_0000,
            value => value.to_bits(),
        },
        StoredType::Double => match f64::from_bits(long(bytes)?) {
            value if value.is_nan() => fold(0x7ff8_0000_0000_0000),
            value => fold(value.to_bits()),
        },
        StoredType::String => std::str::from_utf8(bytes)
            .ok()?
            .encode_utf16()
            .fold(0u32, |hash, unit| hash.wrapping_mul(31).wrapping_add(u32::from(unit))),
        StoredType::BigDecimal | StoredType::Bytes | StoredType::Map => return None,
    })
}

/// `MurmurHash.hash`: numbers by their bits.
fn murmur(stored: StoredType, bytes: &[u8]) -> Option<u32> {
    Some(match stored {
        StoredType::Int | StoredType::Float => murmur_long(i64::from(word(bytes)? as i32)),
        StoredType::Long | StoredType::Double => murmur_long(long(bytes)? as i64),
        StoredType::String => murmur_bytes(bytes),
        StoredType::BigDecimal | StoredType::Bytes | StoredType::Map => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_codes_are_javas() {
        let hash = |stored, bytes: &[u8]| java_hash(stored, bytes).unwrap() as i32;
        assert_eq!(hash(StoredType::String, "hello 😀".as_bytes()), -790_961_295);
        assert_eq!(hash(StoredType::Long, &(-2i64).to_be_bytes()), 1);
        assert_eq!(hash(StoredType::Double, &1.5f64.to_be_bytes()), 1_073_217_536);
        assert_eq!(hash(StoredType::Float, &(-0.0f32).to_be_bytes()), i32::MIN);
    }

    #[test]
    fn a_row_that_claims_more_values_than_it_has_is_refused() {
        let row = |count: u32| [&count.to_be_bytes()[..], &[0; 8]].concat();
        assert_eq!(list(&row(2), Some(4), true, |_| Ok(())).unwrap(), 2);
        assert_eq!(list(&row(2), None, true, |_| Ok(())).unwrap(), 2);
        for count in [3, u32::MAX] {
            assert!(list(&row(count), Some(4), true, |_| Ok(())).is_err());
            assert!(list(&row(count), None, true, |_| Ok(())).is_err());
        }
    }
}

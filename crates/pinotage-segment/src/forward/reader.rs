//! Reads the payload of a forward index: dictionary ids, or the chunks of a raw one.

use std::ops::Range;

use pinotage_common::{Error, Result};

use super::raw::RawReader;
use crate::bits::{packed_len, unpack};
use crate::constants::{ENTRY_DICTIONARY_MAGIC, MULTI_VALUE_CHUNK};
use crate::metadata::ColumnMetadata;

/// A forward index.
///
/// # Pinot equivalent
///
/// `ForwardIndexReaderFactory` and the readers that it makes
#[derive(Debug)]
pub enum ForwardReader<'a> {
    /// Docs of each dictionary id, one after the other.
    Sorted {
        /// The first doc behind each id.
        ends: Vec<u32>,
    },
    /// A dictionary id per doc.
    SingleValue {
        /// The bit stream.
        stream: &'a [u8],
        /// Bits of an id.
        bits: u8,
    },
    /// Several dictionary ids per doc.
    MultiValue {
        /// The ids of all values.
        ids: Ids<'a>,
        /// The number of values up to and including each doc.
        ends: Vec<u32>,
    },
    /// Values without dictionary.
    Raw(RawReader<'a>),
}

/// Ids of a multi-value column.
#[derive(Debug)]
pub enum Ids<'a> {
    /// A bit stream and the bits of an id.
    Stream(&'a [u8], u8),
    /// Decoded, because rows share entries.
    Decoded(Vec<u32>),
}

impl<'a> ForwardReader<'a> {
    /// Opens the payload of a column's forward index.
    ///
    /// # Errors
    ///
    /// `corrupt-segment` when the payload is not what the metadata says; `unsupported` for a layout that cannot be read.
    pub fn try_new(bytes: &'a [u8], column: &ColumnMetadata, num_docs: usize) -> Result<Self> {
        Self::open(bytes, column, num_docs).map_err(|error| error.with("index", "forward_index"))
    }

    fn open(bytes: &'a [u8], column: &ColumnMetadata, num_docs: usize) -> Result<Self> {
        let bits = column.bits_per_id;
        if !column.forward_is_dictionary {
            return Ok(Self::Raw(RawReader::try_new(bytes, column, num_docs)?));
        }
        if !(1..=31).contains(&bits) {
            return Err(Error::corrupt(format!("expected dictionary ids of 1 to 31 bits, found {bits}")));
        }
        if !column.single_value {
            return multi_value(bytes, bits, column.num_values as usize, num_docs);
        }
        if column.sorted {
            return Ok(Self::Sorted { ends: sorted(bytes, column.cardinality as usize, num_docs)? });
        }
        check_len(bytes, packed_len(num_docs, bits))?;
        Ok(Self::SingleValue { stream: bytes, bits })
    }

    /// Dictionary ids of a range of docs of a single-value column.
    ///
    /// # Errors
    ///
    /// `corrupt-segment` when the index does not reach; `unexpected` for other columns.
    pub fn ids(&self, docs: Range<usize>) -> Result<Vec<u32>> {
        match self {
            Self::Sorted { ends } => {
                let mut id = ends.partition_point(|end| *end as usize <= docs.start);
                Ok(docs
                    .map(|doc| {
                        while ends.get(id).is_some_and(|end| *end as usize <= doc) {
                            id += 1;
                        }
                        id as u32
                    })
                    .collect())
            }
            Self::SingleValue { stream, bits } => unpacked(stream, *bits, docs),
            _ => Err(Error::unexpected("expected a single-value column with a dictionary")),
        }
    }

    /// Lengths of the rows of a range of docs of a multi-value column, and their dictionary ids.
    ///
    /// # Errors
    ///
    /// As [`ForwardReader::ids`].
    pub fn lists(&self, docs: Range<usize>) -> Result<(Vec<usize>, Vec<u32>)> {
        let Self::MultiValue { ids, ends } = self else {
            return Err(Error::unexpected("expected a multi-value column with a dictionary"));
        };
        let start_of =
            |doc: usize| doc.checked_sub(1).and_then(|before| ends.get(before)).map_or(0, |end| *end as usize);
        let rows = ends.get(docs.clone()).ok_or_else(|| Error::unexpected("docs beyond the segment"))?;
        let (first, mut start) = (start_of(docs.start), start_of(docs.start));
        let lengths = rows.iter().map(|end| *end as usize - std::mem::replace(&mut start, *end as usize)).collect();
        let values = first..start;
        let ids = match ids {
            Ids::Stream(stream, bits) => unpacked(stream, *bits, values)?,
            Ids::Decoded(ids) => ids.get(values).map(<[u32]>::to_vec).unwrap_or_default(),
        };
        Ok((lengths, ids))
    }
}

fn unpacked(stream: &[u8], bits: u8, range: Range<usize>) -> Result<Vec<u32>> {
    let mut ids = vec![0; range.len()];
    if unpack(stream, bits, range.start, &mut ids) {
        Ok(ids)
    } else {
        Err(Error::corrupt(format!("expected {} values of {bits} bits, found {} bytes", range.end, stream.len())))
    }
}

fn check_len(bytes: &[u8], expected: usize) -> Result<()> {
    if bytes.len() == expected {
        return Ok(());
    }
    Err(Error::corrupt(format!("expected {expected} bytes, found {}", bytes.len())))
}

fn sorted(bytes: &[u8], cardinality: usize, num_docs: usize) -> Result<Vec<u32>> {
    check_len(bytes, 8 * cardinality)?;
    let mut ends = Vec::with_capacity(cardinality);
    let mut next = 0u32;
    for (id, pair) in bytes.as_chunks::<8>().0.iter().enumerate() {
        let [a, b, c, d, e, f, g, h] = *pair;
        let (first, last) = (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]));
        if first != next || last < first || last as usize >= num_docs {
            return Err(Error::corrupt(format!(
                "expected docs {next} and on for dictionary id {id}, found {first} to {last}"
            ))
            .with("offset", 8 * id));
        }
        next = last + 1;
        ends.push(next);
    }
    if next as usize != num_docs {
        return Err(Error::corrupt(format!("expected {num_docs} docs, found {next}")));
    }
    Ok(ends)
}

fn multi_value(bytes: &[u8], bits: u8, num_values: usize, num_docs: usize) -> Result<ForwardReader<'_>> {
    let word = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?));
    if word(0) == Some(ENTRY_DICTIONARY_MAGIC) {
        return entry_dictionary(bytes, bits, num_docs)
            .unwrap_or_else(|| Err(Error::corrupt("expected a dictionary of multi-value entries")));
    }
    if num_docs == 0 || num_values < num_docs {
        return Err(Error::corrupt(format!("expected at least {num_docs} values, found {num_values}")));
    }
    let docs_per_chunk = MULTI_VALUE_CHUNK.div_ceil(num_values / num_docs);
    let starts_at = 4 * num_docs.div_ceil(docs_per_chunk);
    let bitmap_len = num_values.div_ceil(8);
    check_len(bytes, starts_at + bitmap_len + packed_len(num_values, bits))?;
    let (bitmap, stream) =
        bytes.get(starts_at..).and_then(|rest| rest.split_at_checked(bitmap_len)).unwrap_or_default();
    // Bit j is set where value j begins a row, so a row ends where the next begins.
    let mut ends = Vec::with_capacity(num_docs);
    for (at, byte) in bitmap.iter().enumerate() {
        let mut left = *byte;
        while left != 0 {
            let bit = left.leading_zeros();
            left &= !(0x80 >> bit);
            ends.push((8 * at) as u32 + bit);
        }
    }
    let begins = ends.first() == Some(&0)
        && ends.len() == num_docs
        && ends.last().is_some_and(|last| (*last as usize) < num_values);
    if !begins {
        return Err(Error::corrupt(format!("expected the beginnings of {num_docs} rows, found {}", ends.len())));
    }
    ends.remove(0);
    ends.push(num_values as u32);
    Ok(ForwardReader::MultiValue { ids: Ids::Stream(stream, bits), ends })
}

/// `FixedBitMVEntryDictForwardIndexReader`: rows are numbers of distinct entries. `None` when an offset does not fit.
fn entry_dictionary(bytes: &[u8], bits: u8, num_docs: usize) -> Option<Result<ForwardReader<'_>>> {
    let word = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize);
    let (width, entry_bits) = (*bytes.get(6)?, *bytes.get(7)?);
    let (unique, total, offsets_at, values_at) = (word(8)?, word(12)?, word(16)?, word(20)?);
    if bytes.get(4..6)? != [0, 1] || width != bits {
        return None;
    }
    let offset_bits = (usize::BITS - total.leading_zeros()).max(1) as u8;
    let read = |range: Range<usize>, bits: u8, count: usize| {
        let stream = bytes.get(range)?;
        // The stream bounds the count, so nothing large is allocated for a number that lies.
        if !(1..=31).contains(&bits) || packed_len(count, bits) > stream.len() {
            return None;
        }
        let mut out = vec![0; count];
        unpack(stream, bits, 0, &mut out).then_some(out)
    };
    let entries = read(24..offsets_at, entry_bits, num_docs)?;
    let offsets = read(offsets_at..values_at, offset_bits, unique.checked_add(1)?)?;
    let values = read(values_at..bytes.len(), width, total)?;
    let (mut ids, mut ends) = (Vec::new(), Vec::with_capacity(num_docs));
    for entry in entries {
        let range = *offsets.get(entry as usize)? as usize..*offsets.get(entry as usize + 1)? as usize;
        ids.extend_from_slice(values.get(range)?);
        ends.push(u32::try_from(ids.len()).ok()?);
    }
    Some(Ok(ForwardReader::MultiValue { ids: Ids::Decoded(ids), ends }))
}

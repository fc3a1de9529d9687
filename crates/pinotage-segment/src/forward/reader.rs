//! Reads the payload of a forward index: dictionary ids, or the chunks of a raw one.

use std::ops::Range;

use pinotage_common::{Error, ErrorKind, Result};
use pinotage_spec::StoredType;

use super::clp::ClpReader;
use super::docs::Docs;
use super::raw::RawReader;
use super::shared::SharedEntries;
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
        /// The bit stream of all ids.
        stream: &'a [u8],
        /// Bits of an id.
        bits: u8,
        /// The number of values up to and including each doc.
        ends: Vec<u32>,
    },
    /// Several dictionary ids per doc, each distinct row stored once.
    Shared(SharedEntries),
    /// Values without dictionary.
    Raw(RawReader<'a>),
    /// Log messages in parts.
    Clp(ClpReader<'a>),
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
            if column.data_type.stored() == StoredType::String && ClpReader::is_one(bytes) {
                return Ok(Self::Clp(ClpReader::try_new(bytes, num_docs)?));
            }
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

    /// Dictionary ids of docs of a single-value column.
    ///
    /// # Errors
    ///
    /// `corrupt-segment` when the index does not reach; `unexpected` for other columns.
    pub fn ids<'d>(&self, docs: impl Into<Docs<'d>>) -> Result<Vec<u32>> {
        let docs = docs.into();
        match self {
            Self::Sorted { ends } => {
                let mut ids = Vec::with_capacity(docs.len());
                for run in docs.runs() {
                    let mut id = ends.partition_point(|end| *end as usize <= run.start);
                    let mut doc = run.start;
                    while doc < run.end {
                        // Beyond the last id there is no doc; should there be one, its id is refused.
                        let end = ends.get(id).map_or(run.end, |end| run.end.min(*end as usize));
                        ids.extend(std::iter::repeat_n(id as u32, end - doc));
                        doc = end;
                        id += 1;
                    }
                }
                Ok(ids)
            }
            Self::SingleValue { stream, bits } => unpacked(stream, *bits, docs.runs(), docs.len()),
            _ => Err(Error::unexpected("expected a single-value column with a dictionary")),
        }
    }

    /// Lengths of the rows of docs of a multi-value column, and their dictionary ids.
    ///
    /// # Errors
    ///
    /// As [`ForwardReader::ids`]; `resource-exhausted` for more than 2³¹ - 1 values.
    pub fn lists<'d>(&self, docs: impl Into<Docs<'d>>) -> Result<(Vec<usize>, Vec<u32>)> {
        let docs = docs.into();
        match self {
            Self::MultiValue { stream, bits, ends } => {
                let end_of = |doc: usize| {
                    let end = ends.get(doc).ok_or_else(|| Error::unexpected("docs beyond the segment"))?;
                    Ok::<_, Error>(*end as usize)
                };
                let start_of = |doc: usize| doc.checked_sub(1).map_or(Ok(0), end_of);
                let mut lengths = Vec::with_capacity(docs.len());
                let mut ranges = Vec::new();
                for run in docs.runs() {
                    let first = start_of(run.start)?;
                    let mut start = first;
                    for doc in run {
                        let end = end_of(doc)?;
                        lengths.push(end - start);
                        start = end;
                    }
                    ranges.push(first..start);
                }
                let total = check_total(ranges.iter().map(ExactSizeIterator::len).sum())?;
                Ok((lengths, unpacked(stream, *bits, ranges.into_iter(), total)?))
            }
            Self::Shared(shared) => {
                let lengths: Vec<usize> = docs.iter().map(|doc| shared.entry(doc).len()).collect();
                let mut ids = Vec::with_capacity(check_total(lengths.iter().sum())?);
                docs.iter().for_each(|doc| ids.extend_from_slice(shared.entry(doc)));
                Ok((lengths, ids))
            }
            _ => Err(Error::unexpected("expected a multi-value column with a dictionary")),
        }
    }
}

/// Arrow's lists count with 32 bits.
pub(crate) fn check_total(values: usize) -> Result<usize> {
    if i32::try_from(values).is_ok() {
        return Ok(values);
    }
    Err(Error::new(
        ErrorKind::ResourceExhausted,
        format!("expected at most 2^31 - 1 values in one batch, found {values}"),
    )
    .action("read with smaller batches"))
}

/// Decodes ranges of a stream one after the other; they have `count` values in all.
fn unpacked(stream: &[u8], bits: u8, ranges: impl Iterator<Item = Range<usize>>, count: usize) -> Result<Vec<u32>> {
    let mut ids = vec![0; count];
    let mut rest = ids.as_mut_slice();
    for range in ranges {
        let read = match std::mem::take(&mut rest).split_at_mut_checked(range.len()) {
            Some((now, later)) => {
                rest = later;
                unpack(stream, bits, range.start, now)
            }
            None => false,
        };
        if !read {
            return Err(Error::corrupt(format!(
                "expected {} values of {bits} bits, found {} bytes",
                range.end,
                stream.len()
            )));
        }
    }
    Ok(ids)
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
            .with("byte", 8 * id));
        }
        next = last + 1;
        ends.push(next);
    }
    if next as usize != num_docs {
        return Err(Error::corrupt(format!("expected {num_docs} docs, found {next}")));
    }
    Ok(ends)
}

pub(super) fn multi_value(bytes: &[u8], bits: u8, num_values: usize, num_docs: usize) -> Result<ForwardReader<'_>> {
    let word = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?));
    if word(0) == Some(ENTRY_DICTIONARY_MAGIC) {
        return Ok(ForwardReader::Shared(SharedEntries::try_new(bytes, bits, num_values, num_docs)?));
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
    Ok(ForwardReader::MultiValue { stream, bits, ends })
}

//! Checks the JSON index. Conditions on JSON are not asked of segments yet, so no more is read of it.

use pinotage_common::{Error, Result};
use pinotage_spec::DataType;
use pinotage_spec::java::compare_utf16;

use super::inverted::InvertedReader;
use crate::constants::VAR_LENGTH_MAGIC;
use crate::dictionary::DictionaryReader;
use crate::metadata::ColumnMetadata;

/// The header of a JSON index.
const HEADER: usize = 32;

/// Checks that the parts of a JSON index fit each other and the segment.
///
/// # Pinot equivalent
///
/// `ImmutableJsonIndexReader`
pub(super) fn verify(bytes: &[u8], column: &ColumnMetadata, num_docs: usize) -> Result<()> {
    let bad = || Error::corrupt(format!("expected a JSON index in {} bytes", bytes.len()));
    let word = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let part = |at: usize| usize::try_from(u64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?)).ok();
    let split = || {
        let (dictionary, rest) = bytes.get(HEADER..)?.split_at_checked(part(8)?)?;
        let (inverted, docs) = rest.split_at_checked(part(16)?)?;
        (Some(docs.len()) == part(24) && dictionary.starts_with(&VAR_LENGTH_MAGIC))
            .then_some((dictionary, inverted, docs))
    };
    let (dictionary, inverted, docs) = split().ok_or_else(bad)?;
    if !matches!(word(0), Some(1 | 2)) {
        return Err(bad());
    }
    let (docs, rest) = docs.as_chunks::<4>();
    let docs = docs.iter().map(|doc| u32::from_le_bytes(*doc));
    if !rest.is_empty() || !docs.clone().is_sorted() || docs.clone().max().is_some_and(|doc| doc as usize >= num_docs) {
        return Err(Error::corrupt(format!("expected flat records of docs below {num_docs}")));
    }
    let count = word(HEADER + 8).ok_or_else(bad)?;
    let entries = ColumnMetadata { data_type: DataType::String, cardinality: count, ..column.clone() };
    let entries = DictionaryReader::try_new(dictionary, &entries)?;
    let bitmaps = InvertedReader::try_new(inverted, entries.len(), docs.len())?;
    let mut before: Option<&[u8]> = None;
    for id in 0..count {
        let entry = entries.bytes(id)?;
        if before.is_some_and(|before| compare_utf16(before, entry).is_ge()) {
            return Err(Error::corrupt(format!("expected ascending entries, found none after number {}", id - 1)));
        }
        before = Some(entry);
        bitmaps.docs(id as usize)?;
    }
    Ok(())
}

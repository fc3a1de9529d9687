//! Multi-value rows that share entries (`dictIdCompressionType: MV_ENTRY_DICT`).

use std::ops::Range;

use pinotage_common::{Error, Result};

use crate::bits::{bits_per_id, packed_len, unpack};

/// Each row is the number of an entry; equal rows have the same number.
///
/// # Pinot equivalent
///
/// `FixedBitMVEntryDictForwardIndexReader`
#[derive(Debug)]
pub struct SharedEntries {
    /// The entry of each doc.
    rows: Vec<u32>,
    /// Where each entry begins in `values`, and where the last one ends.
    starts: Vec<u32>,
    values: Vec<u32>,
}

impl SharedEntries {
    /// Reads a payload whose first word is the magic number.
    ///
    /// # Errors
    ///
    /// `corrupt-segment` when the header does not fit the payload, an entry does not exist, or the rows do not have
    /// `num_values` values in all.
    pub(super) fn try_new(bytes: &[u8], bits: u8, num_values: usize, num_docs: usize) -> Result<Self> {
        let shared = Self::read(bytes, bits, num_docs)
            .ok_or_else(|| Error::corrupt("expected a dictionary of multi-value entries"))?;
        let ascend = shared.starts.first() == Some(&0)
            && shared.starts.is_sorted()
            && shared.starts.last().is_some_and(|end| *end as usize == shared.values.len());
        let exist = shared.rows.iter().all(|row| (*row as usize) + 1 < shared.starts.len());
        if !ascend || !exist {
            return Err(Error::corrupt("expected multi-value entries that follow each other"));
        }
        // Rows may share a long entry, so only this sum tells how much the rows hold together.
        let found: usize = (0..num_docs).map(|doc| shared.entry(doc).len()).sum();
        if found != num_values {
            return Err(Error::corrupt(format!("expected {num_values} values, found {found}")));
        }
        Ok(shared)
    }

    fn read(bytes: &[u8], bits: u8, num_docs: usize) -> Option<Self> {
        let word = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize);
        let (width, entry_bits) = (*bytes.get(6)?, *bytes.get(7)?);
        let (unique, total, starts_at, values_at) = (word(8)?, word(12)?, word(16)?, word(20)?);
        let sensible = bytes.get(4..6)? == [0, 1]
            && width == bits
            && u32::try_from(unique).is_ok_and(|unique| entry_bits == bits_per_id(unique));
        if !sensible {
            return None;
        }
        let start_bits = (usize::BITS - total.leading_zeros()).max(1) as u8;
        let read = |range: Range<usize>, bits: u8, count: usize| {
            let stream = bytes.get(range)?;
            // The stream bounds the count, so nothing large is allocated for a number that lies.
            if !(1..=31).contains(&bits) || packed_len(count, bits) > stream.len() {
                return None;
            }
            let mut out = vec![0; count];
            unpack(stream, bits, 0, &mut out).then_some(out)
        };
        Some(Self {
            rows: read(24..starts_at, entry_bits, num_docs)?,
            starts: read(starts_at..values_at, start_bits, unique.checked_add(1)?)?,
            values: read(values_at..bytes.len(), width, total)?,
        })
    }

    /// The dictionary ids of a doc.
    pub(super) fn entry(&self, doc: usize) -> &[u32] {
        let row = self.rows.get(doc).map_or(usize::MAX - 1, |row| *row as usize);
        let range = self.starts.get(row).zip(self.starts.get(row + 1));
        range.and_then(|(start, end)| self.values.get(*start as usize..*end as usize)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bits::pack;
    use crate::constants::ENTRY_DICTIONARY_MAGIC;

    /// Docs [1, 2], [3], [1, 2] with ids of two bits.
    fn payload() -> Vec<u8> {
        let mut bytes = ENTRY_DICTIONARY_MAGIC.to_be_bytes().to_vec();
        bytes.extend([0, 1, 2, 1]);
        [2u32, 3, 25, 26].iter().for_each(|word| bytes.extend(word.to_be_bytes()));
        pack([0, 1, 0], 1, &mut bytes);
        pack([0, 2, 3], 2, &mut bytes);
        pack([1, 2, 3], 2, &mut bytes);
        bytes
    }

    #[test]
    fn rows_share_entries() {
        let shared = SharedEntries::try_new(&payload(), 2, 5, 3).unwrap();
        assert_eq!((shared.entry(0), shared.entry(1), shared.entry(2)), (&[1, 2][..], &[3][..], &[1, 2][..]));
        assert_eq!(shared.entry(3), &[] as &[u32]);
        assert!(SharedEntries::try_new(&payload(), 2, 4, 3).unwrap_err().to_string().contains("found 5"));
    }

    #[test]
    fn damage_is_refused() {
        let intact = payload();
        for at in 0..intact.len() {
            assert!(SharedEntries::try_new(&intact[..at], 2, 5, 3).is_err());
            for bit in 0..8 {
                let mut bytes = intact.clone();
                bytes[at] ^= 1 << bit;
                let _ = SharedEntries::try_new(&bytes, 2, 5, 3);
            }
        }
    }
}

//! Reads the bloom filter: which values a column may hold.

use pinotage_common::{Error, Result};
use pinotage_spec::{StoredType, Value};

use crate::index::bloom::places;

/// Where the bits begin.
const HEADER: usize = 14;

/// A bloom filter.
///
/// # Pinot equivalent
///
/// `OffHeapGuavaBloomFilterReader`
pub(super) struct BloomReader<'a> {
    words: &'a [[u8; 8]],
    hashes: u8,
}

impl<'a> BloomReader<'a> {
    pub(super) fn try_new(bytes: &'a [u8]) -> Result<Self> {
        let read = || {
            let count = u32::from_be_bytes(bytes.get(10..HEADER)?.try_into().ok()?) as usize;
            let (words, rest) = bytes.get(HEADER..)?.as_chunks::<8>();
            let sensible =
                bytes.starts_with(&[0, 0, 0, 1, 0, 0, 0, 1, 1]) && count > 0 && (count, rest.len()) == (words.len(), 0);
            sensible.then_some(Self { words, hashes: *bytes.get(9)? })
        };
        read().ok_or_else(|| Error::corrupt("expected a bloom filter of Guava, version 1").with("byte", 0))
    }

    /// False when the column surely does not hold a value. Of some types no text is known that all writers agree on.
    pub(super) fn may_hold(&self, value: &Value) -> bool {
        if matches!(value.stored_type(), StoredType::Float | StoredType::Double | StoredType::BigDecimal) {
            return true;
        }
        let text = value.to_java_string();
        places(text.as_bytes(), self.hashes, 64 * self.words.len() as u64)
            .all(|bit| self.words.get(bit / 64).is_some_and(|word| u64::from_be_bytes(*word) >> (bit % 64) & 1 == 1))
    }
}

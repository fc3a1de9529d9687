//! Reads the inverted index: for every dictionary id the docs that hold it.

use std::ops::Range;

use pinotage_common::{Error, Result};
use roaring::RoaringBitmap;

use super::null_vector::read_docs;
use crate::forward::be32;

/// The bitmaps of a column, each read when it is asked for.
///
/// # Pinot equivalent
///
/// `BitmapInvertedIndexReader`
pub(super) struct InvertedReader<'a> {
    bytes: &'a [u8],
    cardinality: usize,
    num_docs: usize,
}

impl<'a> InvertedReader<'a> {
    pub(super) fn try_new(bytes: &'a [u8], cardinality: usize, num_docs: usize) -> Result<Self> {
        let reader = Self { bytes, cardinality, num_docs };
        if bytes.len() < reader.table_len() {
            return Err(Error::corrupt(format!(
                "expected {cardinality} bitmaps after their offsets, found {} bytes",
                bytes.len()
            )));
        }
        Ok(reader)
    }

    fn table_len(&self) -> usize {
        4 * (self.cardinality + 1)
    }

    /// Where the bitmap of an id lies. Offsets count from the payload or from the first bitmap; the first one tells.
    fn range(&self, id: usize) -> Result<Range<usize>> {
        let first = be32(self.bytes, 0)?;
        let (start, end) = (be32(self.bytes, 4 * id)?, be32(self.bytes, 4 * id + 4)?);
        start
            .checked_sub(first)
            .zip(end.checked_sub(first))
            .map(|(start, end)| self.table_len() + start..self.table_len() + end)
            .filter(|range| id < self.cardinality && range.start <= range.end && range.end <= self.bytes.len())
            .ok_or_else(|| {
                Error::corrupt(format!("expected the bitmap of dictionary id {id} inside {} bytes", self.bytes.len()))
                    .with("byte", 4 * id)
            })
    }

    /// Bytes of the bitmap of an id.
    pub(super) fn len_bytes(&self, id: usize) -> Result<usize> {
        Ok(self.range(id)?.len())
    }

    /// The docs that hold an id.
    pub(super) fn docs(&self, id: usize) -> Result<RoaringBitmap> {
        let range = self.range(id)?;
        read_docs(self.bytes.get(range.clone()).unwrap_or_default(), self.num_docs)
            .map_err(|error| error.with("byte", range.start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::inverted;

    #[test]
    fn what_is_written_is_read_and_what_is_damaged_is_refused() {
        let bytes = crate::staged::written(|out| inverted::write([1, 0, 1, 2].into_iter(), None, 3, out)).unwrap();
        let reader = InvertedReader::try_new(&bytes, 3, 4).unwrap();
        let docs = |id| reader.docs(id).unwrap().iter().collect::<Vec<_>>();
        assert_eq!([docs(0), docs(1), docs(2)], [vec![1], vec![0, 2], vec![3]]);
        assert!(reader.docs(3).is_err());
        assert!(InvertedReader::try_new(&bytes[..15], 3, 4).is_err());
        // Doc 3 does not exist in a segment of three.
        assert!(InvertedReader::try_new(&bytes, 3, 3).unwrap().docs(2).is_err());
        for end in 16..bytes.len() {
            let reader = InvertedReader::try_new(&bytes[..end], 3, 4).unwrap();
            assert!((0..3).any(|id| reader.docs(id).is_err()));
        }
    }
}

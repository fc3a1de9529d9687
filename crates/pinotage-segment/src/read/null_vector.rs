//! Reads bitmaps of docs: the null vector, and what other indexes are made of.

use pinotage_common::{Error, Result};
use roaring::RoaringBitmap;

/// Reads a roaring bitmap in the portable format, checking its structure and that all docs exist.
///
/// # Pinot equivalent
///
/// `NullValueVectorReaderImpl`
pub(super) fn read_docs(bytes: &[u8], num_docs: usize) -> Result<RoaringBitmap> {
    let docs = RoaringBitmap::deserialize_from(bytes)
        .map_err(|error| Error::corrupt("expected a roaring bitmap").caused_by(error))?;
    match docs.max() {
        Some(last) if last as usize >= num_docs => {
            Err(Error::corrupt(format!("expected docs below {num_docs}, found {last}")))
        }
        _ => Ok(docs),
    }
}

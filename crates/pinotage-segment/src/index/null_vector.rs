//! The null vector: the doc ids whose value is null, as a roaring bitmap.

use pinotage_common::{Error, Result};
use roaring::RoaringBitmap;

use crate::staged::Out;

/// The payload of a null vector; `docs` ascend.
///
/// # Errors
///
/// `unexpected` when the doc ids do not ascend.
///
/// # Pinot equivalent
///
/// `NullValueVectorCreator`
pub(crate) fn write(docs: &[u32], out: &mut Out<'_>) -> Result<()> {
    write_bitmap(docs, out.buffer())?;
    out.settle()
}

/// Appends a run-optimised bitmap in the portable format.
pub(crate) fn write_bitmap(docs: &[u32], out: &mut Vec<u8>) -> Result<()> {
    let mut bitmap = RoaringBitmap::from_sorted_iter(docs.iter().copied())
        .map_err(|error| Error::unexpected("expected ascending doc ids").caused_by(error))?;
    bitmap.optimize();
    bitmap.serialize_into(out).map_err(|error| Error::unexpected("cannot serialise a bitmap").caused_by(error))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_worked_example_is_written() {
        let bytes = crate::staged::written(|out| super::write(&[1, 3], out)).unwrap();
        assert_eq!(bytes, [0x3a, 0x30, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 16, 0, 0, 0, 1, 0, 3, 0]);
    }
}

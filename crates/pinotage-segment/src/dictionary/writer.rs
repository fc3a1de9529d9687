//! Writes the payload of a dictionary (`SegmentDictionaryCreator`).

use pinotage_common::{Error, ErrorKind, Result};

use crate::constants::{VAR_LENGTH_HEADER, VAR_LENGTH_MAGIC};

/// A dictionary's payload and the width of its entries (0 for numbers), as the metadata repeats it.
pub(crate) struct DictionaryBytes {
    pub(crate) bytes: Vec<u8>,
    pub(crate) entry_width: u32,
}

/// Right-pads every value with NUL to the longest: the layout that Pinot uses for STRING by default.
pub(crate) fn write_fixed<'a>(values: impl ExactSizeIterator<Item = &'a [u8]>, width: usize) -> DictionaryBytes {
    let mut bytes = Vec::with_capacity(values.len() * width);
    for value in values {
        let end = bytes.len() + width;
        bytes.extend_from_slice(value);
        bytes.resize(end, 0);
    }
    DictionaryBytes { bytes, entry_width: width as u32 }
}

/// The `.vl;` container: a header, offsets, values back to back (`VarLengthValueWriter`).
///
/// # Errors
///
/// `resource-exhausted` when the payload passes 2 GiB, which its 32-bit offsets cannot reach.
pub(crate) fn write_var_length<'a>(
    values: impl ExactSizeIterator<Item = &'a [u8]> + Clone,
    longest: usize,
) -> Result<DictionaryBytes> {
    let first = VAR_LENGTH_HEADER + 4 * (values.len() + 1);
    let total = first + values.clone().map(<[u8]>::len).sum::<usize>();
    if i32::try_from(total).is_err() {
        return Err(Error::new(
            ErrorKind::ResourceExhausted,
            format!("expected a dictionary below 2 GiB, found {total} bytes"),
        )
        .action("make smaller segments, or list the column in `noDictionaryColumns`"));
    }
    let mut bytes = Vec::with_capacity(total);
    bytes.extend_from_slice(&VAR_LENGTH_MAGIC);
    for word in [1, values.len() as u32, VAR_LENGTH_HEADER as u32, first as u32] {
        bytes.extend_from_slice(&word.to_be_bytes());
    }
    let mut end = first;
    for value in values.clone() {
        end += value.len();
        bytes.extend_from_slice(&(end as u32).to_be_bytes());
    }
    values.for_each(|value| bytes.extend_from_slice(value));
    Ok(DictionaryBytes { bytes, entry_width: longest as u32 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_padded_to_the_longest() {
        let dictionary = write_fixed([b"Oslo".as_slice(), b"Paris", b"Rome"].into_iter(), 5);
        assert_eq!(dictionary.bytes, b"Oslo\0ParisRome\0");
    }

    #[test]
    fn offsets_are_absolute() {
        let dictionary = write_var_length([b"a".as_slice(), b"", b"ccc"].into_iter(), 3).unwrap();
        let words: Vec<u32> =
            dictionary.bytes[..32].as_chunks::<4>().0.iter().map(|word| u32::from_be_bytes(*word)).collect();
        assert_eq!(words, [0x2e76_6c3b, 1, 3, 16, 32, 33, 33, 36]);
        assert_eq!(&dictionary.bytes[32..], b"accc");
        assert_eq!(dictionary.entry_width, 3);
    }
}

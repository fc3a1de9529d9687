//! Writes the payload of a dictionary (`SegmentDictionaryCreator`).

use pinotage_common::{Error, ErrorKind, Result};

use crate::constants::{VAR_LENGTH_HEADER, VAR_LENGTH_MAGIC};
use crate::staged::Out;

/// Right-pads every value with NUL to the longest: the layout that Pinot uses for STRING by default.
pub(crate) fn write_fixed<'a>(values: impl Iterator<Item = &'a [u8]>, width: usize, out: &mut Out<'_>) -> Result<()> {
    for value in values {
        let bytes = out.buffer();
        let end = bytes.len() + width;
        bytes.extend_from_slice(value);
        bytes.resize(end, 0);
        out.settle()?;
    }
    Ok(())
}

/// The `.vl;` container: a header, offsets, values back to back (`VarLengthValueWriter`).
///
/// # Errors
///
/// `resource-exhausted` when the payload passes 2 GiB, which its 32-bit offsets cannot reach.
pub(crate) fn write_var_length<'a>(
    values: impl ExactSizeIterator<Item = &'a [u8]> + Clone,
    out: &mut Out<'_>,
) -> Result<()> {
    let first = VAR_LENGTH_HEADER + 4 * (values.len() + 1);
    let total = first + values.clone().map(<[u8]>::len).sum::<usize>();
    if i32::try_from(total).is_err() {
        return Err(Error::new(
            ErrorKind::ResourceExhausted,
            format!("expected a dictionary below 2 GiB, found {total} bytes"),
        )
        .action("make smaller segments, or list the column in `noDictionaryColumns`"));
    }
    out.extend(&VAR_LENGTH_MAGIC)?;
    for word in [1, values.len() as u32, VAR_LENGTH_HEADER as u32, first as u32] {
        out.extend(&word.to_be_bytes())?;
    }
    let mut end = first;
    for value in values.clone() {
        end += value.len();
        out.extend(&(end as u32).to_be_bytes())?;
    }
    let mut values = values;
    values.try_for_each(|value| out.extend(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::staged::written;

    #[test]
    fn values_are_padded_to_the_longest() {
        let values = [b"Oslo".as_slice(), b"Paris", b"Rome"].into_iter();
        assert_eq!(written(|out| write_fixed(values, 5, out)).unwrap(), b"Oslo\0ParisRome\0");
    }

    #[test]
    fn offsets_are_absolute() {
        let values = [b"a".as_slice(), b"", b"ccc"].into_iter();
        let bytes = written(|out| write_var_length(values, out)).unwrap();
        let words: Vec<u32> = bytes[..32].as_chunks::<4>().0.iter().map(|word| u32::from_be_bytes(*word)).collect();
        assert_eq!(words, [0x2e76_6c3b, 1, 3, 16, 32, 33, 33, 36]);
        assert_eq!(&bytes[32..], b"accc");
    }
}

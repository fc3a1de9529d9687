//! Maps as they are stored; [`crate::read`] takes them apart again.

use std::collections::HashSet;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, BinaryBuilder, MapArray, StructArray};
use pinotage_common::{Error, ErrorKind, Result};
use pinotage_spec::java::compare_utf16;

use super::interner::BytesInterner;

/// The number of entries, then each key and each value behind its length. Pinot keeps the order that a map of Java happens to have; here
/// keys come in Java's order of text, each with its last value.
///
/// # Errors
///
/// `schema-mismatch` for keys or values that are null; `resource-exhausted` beyond 2 GiB in a batch.
///
/// # Pinot equivalent
///
/// `MapUtils.serializeMap`
pub(super) fn stored(maps: &MapArray) -> Result<BinaryArray> {
    let mut out = BinaryBuilder::new();
    let mut row = Vec::new();
    for map in maps.iter() {
        row.clear();
        match map {
            None => out.append_null(),
            Some(map) => {
                write(&map, &mut row)?;
                if out.values_slice().len() + row.len() > i32::MAX as usize {
                    return Err(Error::new(
                        ErrorKind::ResourceExhausted,
                        "expected less than 2 GiB of maps in a batch",
                    ));
                }
                out.append_value(&row);
            }
        }
    }
    Ok(out.finish())
}

fn write(map: &StructArray, out: &mut Vec<u8>) -> Result<()> {
    let texts = |column: &ArrayRef| -> Result<_> {
        match column.null_count() {
            0 => Ok(column.as_string::<i32>().clone()),
            _ => Err(Error::schema_mismatch("expected maps without null keys, and `null` as JSON for null values")),
        }
    };
    let (keys, values) = (texts(map.column(0))?, texts(map.column(1))?);
    let mut entries: Vec<usize> = (0..map.len()).collect();
    // Stable, so that the last of equal keys stays the last.
    entries.sort_by(|a, b| compare_utf16(keys.value(*a).as_bytes(), keys.value(*b).as_bytes()));
    entries.dedup_by(|later, kept| {
        let equal = keys.value(*later) == keys.value(*kept);
        if equal {
            *kept = *later;
        }
        equal
    });
    out.extend((entries.len() as u32).to_be_bytes());
    for entry in entries {
        for text in [keys.value(entry), values.value(entry)] {
            out.extend((text.len() as u32).to_be_bytes());
            out.extend(text.as_bytes());
        }
    }
    Ok(())
}

/// The distinct keys with a value, which Pinot takes for a map's cardinality.
pub(super) fn count_keys(maps: &BytesInterner) -> usize {
    let mut keys = HashSet::new();
    for map in (0..maps.len() as u32).map(|id| maps.get(id)) {
        // They were written above, so their lengths are right.
        let mut rest = map.get(4..).unwrap_or_default();
        while let Some((key, more)) = part(rest) {
            let Some((value, more)) = part(more) else { break };
            if value != b"null" {
                keys.insert(key);
            }
            rest = more;
        }
    }
    keys.len()
}

fn part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_be_bytes(*len) as usize)
}

//! The inverted index: for every dictionary id the doc ids that hold it.

use pinotage_common::{Error, ErrorKind, Result};

use super::null_vector::write_bitmap;

/// The payload of an inverted index.
///
/// `ends` holds the number of values up to and including each doc of a multi-value column; `None` is single-value.
///
/// # Errors
///
/// `resource-exhausted` beyond 4 GiB.
///
/// # Pinot equivalent
///
/// `BitmapInvertedIndexWriter`
pub fn write(ids: &[u32], ends: Option<&[u32]>, cardinality: u32) -> Result<Vec<u8>> {
    let cardinality = cardinality as usize;
    // A counting sort of the docs by id: starts[id] is where the docs of an id begin.
    let mut starts = vec![0usize; cardinality + 1];
    ids.iter().for_each(|id| starts[*id as usize + 1] += 1);
    for id in 0..cardinality {
        starts[id + 1] += starts[id];
    }
    let mut next = starts.clone();
    let mut docs = vec![0u32; ids.len()];
    let mut place = |id: u32, doc: u32| {
        let at = &mut next[id as usize];
        docs[*at] = doc;
        *at += 1;
    };
    match ends {
        None => ids.iter().zip(0..).for_each(|(id, doc)| place(*id, doc)),
        Some(ends) => {
            let mut start = 0;
            for (end, doc) in ends.iter().zip(0..) {
                ids[start..*end as usize].iter().for_each(|id| place(*id, doc));
                start = *end as usize;
            }
        }
    }
    let mut bytes = vec![0; 4 * (cardinality + 1)];
    let mut distinct = Vec::new();
    for id in 0..=cardinality {
        let offset = u32::try_from(bytes.len()).map_err(|_| {
            Error::new(ErrorKind::ResourceExhausted, "expected an inverted index below 4 GiB")
                .action("make smaller segments (`segment.maxRows`)")
        })?;
        bytes[4 * id..4 * id + 4].copy_from_slice(&offset.to_be_bytes());
        if id < cardinality {
            // A doc that holds a value twice stands in its bitmap once.
            distinct.clear();
            distinct.extend_from_slice(&docs[starts[id]..starts[id + 1]]);
            distinct.dedup();
            write_bitmap(&distinct, &mut bytes)?;
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use roaring::RoaringBitmap;

    use super::*;

    fn bitmaps(bytes: &[u8], cardinality: usize) -> Vec<Vec<u32>> {
        let offset = |id: usize| u32::from_be_bytes(bytes[4 * id..4 * id + 4].try_into().unwrap()) as usize;
        assert_eq!(offset(cardinality), bytes.len());
        (0..cardinality)
            .map(|id| RoaringBitmap::deserialize_from(&bytes[offset(id)..offset(id + 1)]).unwrap().iter().collect())
            .collect()
    }

    #[test]
    fn each_id_has_its_docs_once() {
        assert_eq!(bitmaps(&write(&[1, 0, 1, 2], None, 3).unwrap(), 3), [vec![1], vec![0, 2], vec![3]]);
        let multi = write(&[0, 0, 1, 1, 0], Some(&[3, 4, 5]), 2).unwrap();
        assert_eq!(bitmaps(&multi, 2), [vec![0, 2], vec![0, 1]]);
    }
}

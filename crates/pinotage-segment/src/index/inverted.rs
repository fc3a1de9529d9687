//! The inverted index: for every dictionary id the doc ids that hold it.

use pinotage_common::{Error, ErrorKind, Result};

use super::null_vector::write_bitmap;
use crate::staged::Out;

/// Offsets that are written at a time.
const TABLE_PIECE: usize = 1 << 14;

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
pub(crate) fn write(
    ids: impl Iterator<Item = u32> + Clone,
    ends: Option<&[u32]>,
    cardinality: u32,
    out: &mut Out<'_>,
) -> Result<()> {
    let cardinality = cardinality as usize;
    // A counting sort of the docs by id: places[id] is where the docs of an id begin, and where they end once they are there.
    let mut places = vec![0u32; cardinality + 1];
    let mut num_values = 0;
    ids.clone().for_each(|id| {
        places[id as usize + 1] += 1;
        num_values += 1;
    });
    for id in 0..cardinality {
        places[id + 1] += places[id];
    }
    let mut docs = vec![0u32; num_values];
    let mut place = |id: u32, doc: u32| {
        let at = &mut places[id as usize];
        docs[*at as usize] = doc;
        *at += 1;
    };
    match ends {
        None => ids.zip(0..).for_each(|(id, doc)| place(id, doc)),
        Some(ends) => {
            let (mut doc, mut end) = (0, ends.iter().copied());
            let mut next = end.next().unwrap_or_default();
            ids.zip(0..).for_each(|(id, at)| {
                while at >= next {
                    next = end.next().unwrap_or(u32::MAX);
                    doc += 1;
                }
                place(id, doc);
            });
        }
    }
    out.reserve(4 * (cardinality + 1))?;
    let mut distinct = Vec::new();
    let mut start = 0;
    for (id, slot) in places.iter_mut().enumerate() {
        let offset = u32::try_from(out.len()).map_err(|_| {
            Error::new(ErrorKind::ResourceExhausted, "expected an inverted index below 4 GiB")
                .action("make smaller segments (`segment.maxRows`)")
        })?;
        // What is done with becomes the table.
        let end = std::mem::replace(slot, offset) as usize;
        if id < cardinality {
            // A doc that holds a value twice stands in its bitmap once.
            distinct.clear();
            distinct.extend_from_slice(&docs[start..end]);
            distinct.dedup();
            write_bitmap(&distinct, out.buffer())?;
            out.settle()?;
            start = end;
        }
    }
    let mut table = Vec::with_capacity(4 * TABLE_PIECE);
    for (number, offsets) in places.chunks(TABLE_PIECE).enumerate() {
        table.clear();
        table.extend(offsets.iter().flat_map(|offset| offset.to_be_bytes()));
        out.replace(4 * TABLE_PIECE * number, &table)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use roaring::RoaringBitmap;

    use super::*;
    use crate::staged::written;

    fn bitmaps(bytes: &[u8], cardinality: usize) -> Vec<Vec<u32>> {
        let offset = |id: usize| u32::from_be_bytes(bytes[4 * id..4 * id + 4].try_into().unwrap()) as usize;
        assert_eq!(offset(cardinality), bytes.len());
        (0..cardinality)
            .map(|id| RoaringBitmap::deserialize_from(&bytes[offset(id)..offset(id + 1)]).unwrap().iter().collect())
            .collect()
    }

    #[test]
    fn each_id_has_its_docs_once() {
        let single = written(|out| write([1, 0, 1, 2].into_iter(), None, 3, out)).unwrap();
        assert_eq!(bitmaps(&single, 3), [vec![1], vec![0, 2], vec![3]]);
        let multi = written(|out| write([0, 0, 1, 1, 0].into_iter(), Some(&[3, 4, 5]), 2, out)).unwrap();
        assert_eq!(bitmaps(&multi, 2), [vec![0, 2], vec![0, 1]]);
    }
}

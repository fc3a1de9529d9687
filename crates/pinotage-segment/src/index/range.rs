//! The range index: the docs whose value lies between two others.

use std::cmp::Ordering;

use pinotage_common::{Error, ErrorKind, Result};
use roaring::RoaringBitmap;

use super::slices::transpose;
use crate::constants::{RANGE_BLOCK, RANGE_COOKIE, RUN_SLICES};

/// The docs of one slice in one block, one bit each.
pub(crate) type Words = [u64; RANGE_BLOCK / 64];

/// The kinds of containers.
pub(crate) const BITMAP: u8 = 0;
pub(crate) const RUN: u8 = 1;
pub(crate) const ARRAY: u8 = 2;

/// The payload of version 2: the docs by each bit of their number. `min` was subtracted from the numbers, none of which is
/// above `max`.
///
/// # Errors
///
/// `resource-exhausted` beyond 2 GiB.
///
/// # Pinot equivalent
///
/// `BitSlicedRangeIndexCreator`, `RangeBitmap.Appender`
pub fn write_slices(numbers: impl Iterator<Item = u64>, num_docs: usize, min: i64, max: u64) -> Result<Vec<u8>> {
    let slices = (64 - (max | 1).leading_zeros()) as usize;
    let mask_len = slices.div_ceil(8);
    let blocks = num_docs.div_ceil(RANGE_BLOCK);
    let mut bytes = Vec::new();
    bytes.extend_from_slice(&2i32.to_be_bytes());
    bytes.extend_from_slice(&min.to_be_bytes());
    bytes.extend_from_slice(&RANGE_COOKIE.to_le_bytes());
    bytes.extend_from_slice(&[2, slices as u8]);
    bytes.extend_from_slice(&(blocks as u16).to_le_bytes());
    bytes.extend_from_slice(&(num_docs as u32).to_le_bytes());
    let masks_at = bytes.len();
    bytes.resize(masks_at + blocks * mask_len, 0);

    let mut numbers = numbers.fuse();
    let mut zeros = vec![[0; RANGE_BLOCK / 64]; slices];
    for block in 0..blocks {
        let docs = RANGE_BLOCK.min(num_docs - block * RANGE_BLOCK);
        zeros.iter_mut().for_each(|words: &mut Words| words.fill(0));
        for word in 0..docs.div_ceil(64) {
            let mut group = [0; 64];
            // Docs that do not exist have no zeros.
            for (zeros, number) in group.iter_mut().zip(numbers.by_ref().take(docs - 64 * word)) {
                *zeros = !number;
            }
            transpose(&mut group);
            zeros.iter_mut().zip(group).for_each(|(words, docs)| words[word] = docs);
        }
        let mut mask = 0u64;
        for (slice, words) in zeros.iter().enumerate() {
            if write_container(words, slice, &mut bytes) {
                mask |= 1 << slice;
            }
        }
        let mask_at = masks_at + block * mask_len;
        bytes[mask_at..mask_at + mask_len].copy_from_slice(&mask.to_le_bytes()[..mask_len]);
    }
    check_len(bytes)
}

/// Appends the docs of a slice in the form that Pinot chooses; false when there are none.
fn write_container(words: &Words, slice: usize, out: &mut Vec<u8>) -> bool {
    let count: u32 = words.iter().map(|word| word.count_ones()).sum();
    if count == 0 {
        return false;
    }
    let mut carry = 0;
    let starts = words.map(|word| {
        let starts = word & !(word << 1 | carry);
        carry = word >> 63;
        starts
    });
    let runs: u32 = starts.iter().map(|word| word.count_ones()).sum();
    let (runs_len, array_len, bitmap_len) = (2 + 4 * runs, 2 + 2 * count, 8192);
    // Low slices, which are dense mostly, are never arrays.
    let as_runs = if slice < RUN_SLICES { runs_len < bitmap_len } else { runs_len <= bitmap_len.min(array_len) };
    if as_runs {
        out.push(RUN);
        out.extend_from_slice(&(runs as u16).to_le_bytes());
        for start in docs_of(&starts) {
            let len = run_len(words, start);
            out.extend_from_slice(&(start as u16).to_le_bytes());
            out.extend_from_slice(&(len as u16 - 1).to_le_bytes());
        }
    } else if slice >= RUN_SLICES && count <= 4096 {
        out.push(ARRAY);
        out.extend_from_slice(&(count as u16).to_le_bytes());
        docs_of(words).for_each(|doc| out.extend_from_slice(&(doc as u16).to_le_bytes()));
    } else {
        out.push(BITMAP);
        out.extend_from_slice(&(count as u16).to_le_bytes());
        words.iter().for_each(|word| out.extend_from_slice(&word.to_le_bytes()));
    }
    true
}

fn docs_of(words: &Words) -> impl Iterator<Item = usize> + '_ {
    words.iter().enumerate().flat_map(|(at, word)| {
        let mut left = *word;
        std::iter::from_fn(move || {
            let bit = left.trailing_zeros() as usize;
            left &= left.wrapping_sub(1);
            (bit < 64).then_some(64 * at + bit)
        })
    })
}

/// The docs from one on until one is missing.
fn run_len(words: &Words, start: usize) -> usize {
    let mut end = start;
    while let Some(word) = words.get(end / 64) {
        let ones = (word >> (end % 64)).trailing_ones() as usize;
        end += ones;
        if ones == 0 || !end.is_multiple_of(64) {
            break;
        }
    }
    end - start
}

/// The payload of version 1: about twenty ranges of values with their docs. `values` holds each value with its doc, in
/// any order.
///
/// # Errors
///
/// `resource-exhausted` beyond 2 GiB.
///
/// # Pinot equivalent
///
/// `RangeIndexCreator`
pub(crate) fn write_ranges<T: Copy>(
    type_name: &str,
    mut values: Vec<(T, u32)>,
    compare: impl Fn(&T, &T) -> Ordering,
    put: impl Fn(T, &mut Vec<u8>),
) -> Result<Vec<u8>> {
    values.sort_unstable_by(|(a, doc), (b, other)| compare(a, b).then(doc.cmp(other)));
    let per_range = values.len().div_ceil(20);
    // Where each range begins: equal values are never divided.
    let mut starts = vec![0];
    let mut start = 0;
    for at in 1..values.len() {
        if at > start + per_range && compare(&values[at].0, &values[at - 1].0).is_ne() {
            starts.push(at);
            start = at;
        }
    }
    let mut bytes = Vec::new();
    bytes.extend_from_slice(&1i32.to_be_bytes());
    bytes.extend_from_slice(&(type_name.len() as i32).to_be_bytes());
    bytes.extend_from_slice(type_name.as_bytes());
    bytes.extend_from_slice(&(starts.len() as i32).to_be_bytes());
    starts
        .iter()
        .map(|start| values[*start].0)
        .chain(values.last().map(|last| last.0))
        .for_each(|it| put(it, &mut bytes));
    let mut offset_at = bytes.len();
    bytes.resize(offset_at + 8 * (starts.len() + 1), 0);
    let mut docs = Vec::new();
    for (range, start) in starts.iter().enumerate() {
        let end = starts.get(range + 1).copied().unwrap_or(values.len());
        docs.clear();
        docs.extend(values[*start..end].iter().map(|(_, doc)| *doc));
        docs.sort_unstable();
        docs.dedup();
        let bitmap = RoaringBitmap::from_sorted_iter(docs.iter().copied())
            .map_err(|error| Error::unexpected("expected ascending doc ids").caused_by(error))?;
        let offset = bytes.len() as u64;
        bytes[offset_at..offset_at + 8].copy_from_slice(&offset.to_be_bytes());
        offset_at += 8;
        bitmap
            .serialize_into(&mut bytes)
            .map_err(|error| Error::unexpected("cannot serialise a bitmap").caused_by(error))?;
    }
    let end = bytes.len() as u64;
    bytes[offset_at..offset_at + 8].copy_from_slice(&end.to_be_bytes());
    check_len(bytes)
}

fn check_len(bytes: Vec<u8>) -> Result<Vec<u8>> {
    if i32::try_from(bytes.len()).is_err() {
        return Err(Error::new(ErrorKind::ResourceExhausted, "expected a range index below 2 GiB")
            .action("make smaller segments (`segment.maxRows`)"));
    }
    Ok(bytes)
}

//! Reads the range index: the docs whose value lies between two others.

use pinotage_common::{Error, Result};
use pinotage_spec::{CompareOp, StoredType, Value};
use roaring::RoaringBitmap;

use super::compare::Test;
use super::null_vector::read_docs;
use crate::constants::{RANGE_BLOCK, RANGE_COOKIE};
use crate::index::range::{ARRAY, BITMAP, RUN, Words};
use crate::index::slices::{double_ordinal, float_ordinal, transpose};

/// Each range of numbers costs a pass over the slices; more of them are left to the forward index.
const MAX_RANGES: usize = 4;

/// Where the masks of version 2 begin.
const HEADER: usize = 22;

/// What a range index knows of a condition.
pub(super) struct Found {
    /// No other doc passes.
    pub(super) docs: RoaringBitmap,
    /// All of them pass; otherwise their values have to be looked at.
    pub(super) exact: bool,
}

/// A range index of either version.
pub(super) enum RangeReader<'a> {
    Slices(Slices<'a>),
    Ranges(Ranges<'a>),
}

/// Version 2: for every bit of the numbers, the docs where it is not set.
///
/// # Pinot equivalent
///
/// `BitSlicedRangeIndexReader`, `RangeBitmap`
pub(super) struct Slices<'a> {
    bytes: &'a [u8],
    min: i64,
    slices: usize,
    num_docs: usize,
    containers_at: usize,
}

/// Version 1: ranges of values, each with its docs.
///
/// # Pinot equivalent
///
/// `RangeIndexReaderImpl`
pub(super) struct Ranges<'a> {
    bytes: &'a [u8],
    /// The first value of each range, and the last value of all.
    bounds: Vec<Value>,
    offsets_at: usize,
    num_docs: usize,
}

impl<'a> RangeReader<'a> {
    /// Opens a range index of dictionary ids, or of values of a stored type.
    pub(super) fn try_new(bytes: &'a [u8], ids_or: Option<StoredType>, num_docs: usize) -> Result<Self> {
        let version = bytes.first_chunk().map(|word| i32::from_be_bytes(*word));
        match version {
            Some(2) => Slices::try_new(bytes, num_docs).map(Self::Slices),
            Some(1) => Ranges::try_new(bytes, ids_or.unwrap_or(StoredType::Int), num_docs).map(Self::Ranges),
            _ => Err(Error::corrupt("expected a range index of version 1 or 2")),
        }
    }

    /// The docs with an id that passes; `None` when there are too many ranges of them.
    pub(super) fn docs_of_ids(&self, ids: &[bool]) -> Result<Option<Found>> {
        match self {
            Self::Slices(slices) => {
                let mut start = 0;
                let mut ranges = Vec::new();
                for run in ids.chunk_by(|a, b| a == b) {
                    let end = start + run.len() as u64;
                    if run.first() == Some(&true) {
                        ranges.push((start, end - 1));
                    }
                    start = end;
                }
                if ranges.len() > MAX_RANGES {
                    return Ok(None);
                }
                Ok(Some(Found { docs: slices.docs(&ranges)?, exact: true }))
            }
            Self::Ranges(ranges) => {
                let id = |value: &Value| if let Value::Int(id) = value { usize::try_from(*id).ok() } else { None };
                ranges.docs(|first, last| {
                    let ids = ids.get(id(first)?..=id(last)?)?;
                    ids.iter().all(|pass| Some(pass) == ids.first()).then(|| ids.contains(&true))
                })
            }
        }
    }

    /// The docs with a value that passes; `None` when the index cannot tell.
    pub(super) fn docs_of_values(&self, test: &Test, stored: StoredType) -> Result<Option<Found>> {
        match self {
            Self::Ranges(ranges) => ranges.docs(|first, last| test.decide(Some(first), Some(last))),
            Self::Slices(slices) => slices.docs_of_values(test, stored),
        }
    }
}

impl<'a> Slices<'a> {
    fn try_new(bytes: &'a [u8], num_docs: usize) -> Result<Self> {
        let read = || {
            let min = i64::from_be_bytes(bytes.get(4..12)?.try_into().ok()?);
            let cookie = u16::from_le_bytes(bytes.get(12..14)?.try_into().ok()?);
            let blocks = u16::from_le_bytes(bytes.get(16..18)?.try_into().ok()?);
            let docs = u32::from_le_bytes(bytes.get(18..HEADER)?.try_into().ok()?);
            let (base, slices) = (*bytes.get(14)?, usize::from(*bytes.get(15)?));
            let containers_at = HEADER + usize::from(blocks) * slices.div_ceil(8);
            let sensible = (cookie, base) == (RANGE_COOKIE, 2)
                && (1..=64).contains(&slices)
                && usize::from(blocks) == num_docs.div_ceil(RANGE_BLOCK)
                && docs as usize == num_docs
                && containers_at <= bytes.len();
            sensible.then_some(Self { bytes, min, slices, num_docs, containers_at })
        };
        read().ok_or_else(|| Error::corrupt(format!("expected a range index of {num_docs} docs")))
    }

    /// The greatest number that the slices can hold.
    fn max(&self) -> u64 {
        u64::MAX >> (64 - self.slices)
    }

    /// Calls `slice` with each slice of each block, in order, and `done` at the end of a block with its number of docs.
    fn each<S>(
        &self,
        state: &mut S,
        mut slice: impl FnMut(&mut S, usize, &Words),
        mut done: impl FnMut(&mut S, usize, usize) -> Result<()>,
    ) -> Result<()> {
        let mask_len = self.slices.div_ceil(8);
        let mut at = self.containers_at;
        let mut words: Words = [0; RANGE_BLOCK / 64];
        for block in 0..self.num_docs.div_ceil(RANGE_BLOCK) {
            let docs = RANGE_BLOCK.min(self.num_docs - block * RANGE_BLOCK);
            let mask_at = HEADER + block * mask_len;
            let mask = self.bytes.get(mask_at..mask_at + mask_len).unwrap_or_default();
            let mask = mask.iter().rev().fold(0u64, |mask, byte| (mask << 8) | u64::from(*byte));
            if mask > self.max() {
                return Err(Error::corrupt(format!("expected {} slices", self.slices)).with("byte", mask_at));
            }
            for number in 0..self.slices {
                words.fill(0);
                if mask >> number & 1 == 1 {
                    let len = read_container(self.bytes.get(at..).unwrap_or_default(), docs, &mut words)
                        .ok_or_else(|| Error::corrupt("expected docs of a slice").with("byte", at))?;
                    at += len;
                }
                slice(state, number, &words);
            }
            done(state, block, docs)?;
        }
        if at != self.bytes.len() {
            return Err(Error::corrupt(format!("expected {at} bytes, found {}", self.bytes.len())));
        }
        Ok(())
    }

    /// The docs whose number lies in one of some ranges, both ends included.
    fn docs(&self, ranges: &[(u64, u64)]) -> Result<RoaringBitmap> {
        // For each range the docs up to its end, and the docs before it.
        struct Docs {
            up_to: Vec<(u64, Box<Words>)>,
            found: RoaringBitmap,
        }
        let max = self.max();
        let mut up_to = Vec::new();
        for (first, last) in ranges.iter().filter(|(first, last)| first <= last && *first <= max) {
            up_to.push(((*last).min(max), Box::new([u64::MAX; RANGE_BLOCK / 64])));
            // Numbers are never below 0: then nothing is before.
            let before = if *first == 0 { 0 } else { u64::MAX };
            up_to.push((first.saturating_sub(1), Box::new([before; RANGE_BLOCK / 64])));
        }
        let mut docs = Docs { up_to, found: RoaringBitmap::new() };
        if docs.up_to.is_empty() {
            return Ok(docs.found);
        }
        let starts: Vec<u64> = docs.up_to.iter().map(|(_, words)| words[0]).collect();
        self.each(
            &mut docs,
            |docs, number, zeros| {
                for ((limit, found), start) in docs.up_to.iter_mut().zip(&starts) {
                    // A number is up to a limit when it is so in its lower bits, unless this bit decides.
                    match (*start, *limit >> number & 1) {
                        (0, _) => {}
                        (_, 1) => found.iter_mut().zip(zeros).for_each(|(found, zeros)| *found |= zeros),
                        _ => found.iter_mut().zip(zeros).for_each(|(found, zeros)| *found &= zeros),
                    }
                }
            },
            |docs, block, count| {
                let mut bytes = Vec::with_capacity(RANGE_BLOCK / 8);
                for word in 0..RANGE_BLOCK / 64 {
                    let in_ranges = docs
                        .up_to
                        .as_chunks::<2>()
                        .0
                        .iter()
                        .fold(0, |any, [(_, up_to), (_, before)]| any | (up_to[word] & !before[word]));
                    let exist = match count.saturating_sub(64 * word) {
                        64.. => u64::MAX,
                        left => (1 << left) - 1,
                    };
                    bytes.extend_from_slice(&(in_ranges & exist).to_le_bytes());
                }
                docs.found |= RoaringBitmap::from_lsb0_bytes((block * RANGE_BLOCK) as u32, &bytes);
                docs.up_to.iter_mut().zip(&starts).for_each(|((_, words), start)| words.fill(*start));
                Ok(())
            },
        )?;
        Ok(docs.found)
    }

    fn docs_of_values(&self, test: &Test, stored: StoredType) -> Result<Option<Found>> {
        let Some((op, literals)) = test.comparison() else { return Ok(None) };
        let max = i128::from(self.max());
        let mut ranges = Vec::new();
        for literal in literals {
            let number = match literal {
                Value::Int(value) => i128::from(*value) - i128::from(self.min),
                Value::Long(value) => i128::from(*value) - i128::from(self.min),
                // NaN is the greatest to us and the least to the index.
                Value::Float(value) if !value.is_nan() => i128::from(float_ordinal(*value)),
                Value::Double(value) if !value.is_nan() => i128::from(double_ordinal(*value)),
                _ => return Ok(None),
            };
            ranges.extend(match op {
                CompareOp::Eq => [Some((number, number)), None],
                CompareOp::NotEq => [Some((0, number - 1)), Some((number + 1, max))],
                CompareOp::Lt => [Some((0, number - 1)), None],
                CompareOp::LtEq => [Some((0, number)), None],
                CompareOp::Gt => [Some((number + 1, max)), None],
                CompareOp::GtEq => [Some((number, max)), None],
            });
        }
        let ranges: Vec<(u64, u64)> = ranges
            .into_iter()
            .flatten()
            .map(|(first, last)| (first.max(0), last.min(max)))
            .filter(|(first, last)| first <= last)
            .map(|(first, last)| (first as u64, last as u64))
            .collect();
        if ranges.len() > MAX_RANGES {
            return Ok(None);
        }
        let docs = self.docs(&ranges)?;
        let unsure = self.docs(&unsure(test, stored))?;
        let exact = unsure.is_empty();
        Ok(Some(Found { docs: docs | unsure, exact }))
    }

    /// Compares the numbers of all docs with those that `numbers` gives from one doc up to another.
    pub(super) fn verify(&self, mut numbers: impl FnMut(usize, usize) -> Result<Vec<u64>>) -> Result<()> {
        let mut zeros: Vec<Words> = vec![[0; RANGE_BLOCK / 64]; self.slices];
        self.each(
            &mut zeros,
            |zeros, number, words| {
                if let Some(zeros) = zeros.get_mut(number) {
                    *zeros = *words;
                }
            },
            |zeros, block, count| {
                let start = block * RANGE_BLOCK;
                let expected = numbers(start, start + count)?;
                for (word, expected) in expected.chunks(64).enumerate() {
                    let mut group = [0; 64];
                    group.iter_mut().zip(zeros.iter()).for_each(|(group, zeros)| *group = zeros[word]);
                    transpose(&mut group);
                    let differs = expected.iter().zip(group).position(|(number, zeros)| *number != !zeros & self.max());
                    if let Some(doc) = differs {
                        let doc = start + 64 * word + doc;
                        return Err(Error::corrupt(format!("expected another value of doc {doc}")));
                    }
                }
                Ok(())
            },
        )
    }

    /// What was subtracted from the numbers.
    pub(super) fn min(&self) -> i64 {
        self.min
    }
}

/// The numbers that stand for two values of which one passes: NaN with the least value, and the two zeros.
fn unsure(test: &Test, stored: StoredType) -> Vec<(u64, u64)> {
    let pairs = match stored {
        StoredType::Float => [
            (0, Value::Float(f32::NEG_INFINITY), Value::Float(f32::NAN)),
            (float_ordinal(0.0), Value::Float(-0.0), Value::Float(0.0)),
        ],
        StoredType::Double => [
            (0, Value::Double(f64::NEG_INFINITY), Value::Double(f64::NAN)),
            (double_ordinal(0.0), Value::Double(-0.0), Value::Double(0.0)),
        ],
        _ => return Vec::new(),
    };
    let differ = pairs.into_iter().filter(|(_, one, other)| test.passes(one) != test.passes(other));
    differ.map(|(number, ..)| (number, number)).collect()
}

/// Sets the bits of a container's docs and returns its length; `None` for one that cannot be.
fn read_container(bytes: &[u8], num_docs: usize, words: &mut Words) -> Option<usize> {
    let kind = *bytes.first()?;
    let count = usize::from(u16::from_le_bytes(bytes.get(1..3)?.try_into().ok()?));
    let body = bytes.get(3..)?;
    let len = match kind {
        BITMAP => {
            let (bits, _) = body.get(..RANGE_BLOCK / 8)?.as_chunks::<8>();
            words.iter_mut().zip(bits).for_each(|(word, bits)| *word = u64::from_le_bytes(*bits));
            let found: usize = words.iter().map(|word| word.count_ones() as usize).sum();
            if found % RANGE_BLOCK != count || found == 0 {
                return None;
            }
            RANGE_BLOCK / 8
        }
        RUN => {
            let (runs, _) = body.get(..4 * count)?.as_chunks::<4>();
            let mut next = 0;
            for [a, b, c, d] in runs {
                let start = usize::from(u16::from_le_bytes([*a, *b]));
                let end = start + usize::from(u16::from_le_bytes([*c, *d])) + 1;
                if start < next || end > num_docs {
                    return None;
                }
                set_range(words, start, end);
                next = end;
            }
            4 * count
        }
        ARRAY => {
            let (docs, _) = body.get(..2 * count)?.as_chunks::<2>();
            let mut next = 0;
            for doc in docs {
                let doc = usize::from(u16::from_le_bytes(*doc));
                if doc < next {
                    return None;
                }
                *words.get_mut(doc / 64)? |= 1 << (doc % 64);
                next = doc + 1;
            }
            2 * count
        }
        _ => return None,
    };
    // No doc that the block does not have.
    let beyond = words.get(num_docs / 64).copied().unwrap_or(0) >> (num_docs % 64);
    let none_after = words.get(num_docs / 64 + 1..).unwrap_or_default().iter().all(|word| *word == 0);
    (beyond == 0 && none_after).then_some(3 + len)
}

fn set_range(words: &mut Words, start: usize, end: usize) {
    for at in start / 64..end.div_ceil(64) {
        let from = start.saturating_sub(64 * at).min(63);
        let to = (end - 64 * at).min(64);
        if let Some(word) = words.get_mut(at) {
            *word |= (u64::MAX >> (64 - to)) & (u64::MAX << from);
        }
    }
}

impl<'a> Ranges<'a> {
    fn try_new(bytes: &'a [u8], stored: StoredType, num_docs: usize) -> Result<Self> {
        Self::read(bytes, stored, num_docs)
            .ok_or_else(|| Error::corrupt(format!("expected a range index of values of type {stored:?}")))
    }

    fn read(bytes: &'a [u8], stored: StoredType, num_docs: usize) -> Option<Self> {
        let (name, width) = match stored {
            StoredType::Int => ("INT", 4),
            StoredType::Long => ("LONG", 8),
            StoredType::Float => ("FLOAT", 4),
            StoredType::Double => ("DOUBLE", 8),
            _ => return None,
        };
        let word = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize);
        let values_at = 12 + name.len();
        if word(4)? != name.len() || bytes.get(8..8 + name.len())? != name.as_bytes() {
            return None;
        }
        let count = word(8 + name.len())?;
        let offsets_at = values_at.checked_add(width * count.checked_add(1)?)?;
        // Every value has eight bytes of an offset, so the file is longer than what is made of it.
        if count == 0 || offsets_at.checked_add(8 * (count + 1))? > bytes.len() {
            return None;
        }
        let values = bytes.get(values_at..offsets_at)?.chunks_exact(width);
        let bounds: Option<Vec<Value>> = values
            .map(|value| {
                Some(match stored {
                    StoredType::Int => Value::Int(i32::from_be_bytes(value.try_into().ok()?)),
                    StoredType::Long => Value::Long(i64::from_be_bytes(value.try_into().ok()?)),
                    StoredType::Float => Value::Float(f32::from_be_bytes(value.try_into().ok()?)),
                    _ => Value::Double(f64::from_be_bytes(value.try_into().ok()?)),
                })
            })
            .collect();
        let bounds = bounds?;
        let ascend = bounds.windows(2).all(|pair| pair[0].compare(&pair[1]).is_some_and(|it| it.is_le()));
        ascend.then_some(Self { bytes, bounds, offsets_at, num_docs })
    }

    /// The number of ranges.
    pub(super) fn len(&self) -> usize {
        self.bounds.len() - 1
    }

    /// The docs of a range.
    pub(super) fn range(&self, range: usize) -> Result<RoaringBitmap> {
        let at = self.offsets_at + 8 * range;
        let offset = |at: usize| Some(u64::from_be_bytes(self.bytes.get(at..at + 8)?.try_into().ok()?));
        let ends = offset(at).zip(offset(at + 8));
        let ends = ends.and_then(|(start, end)| Some(usize::try_from(start).ok()?..usize::try_from(end).ok()?));
        let bytes = ends.and_then(|ends| self.bytes.get(ends)).ok_or_else(|| {
            Error::corrupt(format!("expected the docs of range {range} inside {} bytes", self.bytes.len()))
                .with("byte", at)
        })?;
        read_docs(bytes, self.num_docs)
    }

    /// The range that holds a value, if one does.
    pub(super) fn range_of(&self, value: &Value) -> Option<usize> {
        let after =
            self.bounds[..self.len()].partition_point(|first| value.compare(first).is_some_and(|it| it.is_ge()));
        let last = self.bounds.last()?;
        after.checked_sub(1).filter(|_| value.compare(last).is_some_and(|it| it.is_le()))
    }

    /// The docs of the ranges whose values pass, where `decide` is told the first value of a range and the one behind it.
    fn docs(&self, decide: impl Fn(&Value, &Value) -> Option<bool>) -> Result<Option<Found>> {
        let mut found = Found { docs: RoaringBitmap::new(), exact: true };
        for (range, bounds) in self.bounds.windows(2).enumerate() {
            let decided = decide(&bounds[0], &bounds[1]);
            if decided != Some(false) {
                found.docs |= self.range(range)?;
            }
            found.exact &= decided.is_some();
        }
        Ok(Some(found))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::index::range::write_slices;

    fn slices(numbers: &[u64], max: u64) -> Vec<u8> {
        write_slices(numbers.iter().copied(), numbers.len(), 0, max).unwrap()
    }

    fn naive(numbers: &[u64], ranges: &[(u64, u64)]) -> Vec<u32> {
        let passes = |number: &u64| ranges.iter().any(|(first, last)| (*first..=*last).contains(number));
        (0..).zip(numbers).filter(|(_, number)| passes(number)).map(|(doc, _)| doc).collect()
    }

    /// Numbers of which neighbours are equal, in runs of this length, so that containers of every kind come up.
    fn numbers(count: usize, run: usize, max: u64) -> Vec<u64> {
        let spread = |at: usize| ((at / run) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29);
        (0..count).map(|at| if max == u64::MAX { spread(at) } else { spread(at) % (max + 1) }).collect()
    }

    #[test]
    fn blocks_of_every_density_are_read() {
        for (count, run, max) in
            [(65_536, 1, 200), (65_537, 3000, 5_000_000), (140_000, 40, u64::MAX), (131_072, 7, 1), (1, 1, 0)]
        {
            let numbers = numbers(count, run, max);
            let bytes = slices(&numbers, max);
            let reader = Slices::try_new(&bytes, count).unwrap();
            reader.verify(|start, end| Ok(numbers[start..end].to_vec())).unwrap();
            for ranges in [
                vec![(0, max)],
                vec![(max / 3, max / 2)],
                vec![(numbers[count / 2], numbers[count / 2])],
                vec![(0, 0), (max, max)],
            ] {
                let found: Vec<u32> = reader.docs(&ranges).unwrap().iter().collect();
                assert_eq!(found, naive(&numbers, &ranges), "{count} {run} {max} {ranges:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn docs_are_those_in_the_ranges(
            numbers in proptest::collection::vec(prop_oneof![0..5u64, 0..1000u64, any::<u64>()], 1..300),
            ranges in proptest::collection::vec((prop_oneof![0..1000u64, any::<u64>()], prop_oneof![0..1000u64, any::<u64>()]), 0..4),
        ) {
            let max = numbers.iter().copied().max().unwrap();
            let bytes = slices(&numbers, max);
            let reader = Slices::try_new(&bytes, numbers.len()).unwrap();
            let found: Vec<u32> = reader.docs(&ranges).unwrap().iter().collect();
            prop_assert_eq!(found, naive(&numbers, &ranges));
        }

        #[test]
        fn damage_is_survived(
            numbers in proptest::collection::vec(0..1000u64, 1..200),
            at: proptest::sample::Index, bits in 1u8.., cut: proptest::sample::Index,
        ) {
            let mut bytes = slices(&numbers, 999);
            let at = at.index(bytes.len());
            bytes[at] ^= bits;
            let noticed = RangeReader::try_new(&bytes, None, numbers.len()).and_then(|reader| match reader {
                RangeReader::Slices(slices) => slices.verify(|start, end| Ok(numbers[start..end].to_vec())),
                RangeReader::Ranges(_) => Err(Error::corrupt("another version")),
            });
            // Of dictionary ids nothing is subtracted.
            prop_assert!(noticed.is_err() || (4..12).contains(&at));
            let _ = RangeReader::try_new(&bytes[..cut.index(bytes.len())], None, numbers.len())
                .and_then(|reader| reader.docs_of_ids(&[true, false]));
        }
    }
}

//! The values of a column in order of appearance: the distinct ones, or all of a raw column.

use std::cmp::Ordering;
use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use pinotage_spec::java::compare_utf16;

use super::blocks::{Blocks, ByteBlocks};
use super::builder::ROWS_BETWEEN_CHECKS;
use super::ids::Ids;
use super::ranking::Ranking;
use super::sketch::Sketch;
use super::slots::Slots;

/// A value of fixed width.
pub(super) trait Fixed: Copy + Send + Sync + 'static {
    /// Bytes in a dictionary or a raw index.
    const WIDTH: usize;
    /// The name of the type in a range index.
    const NAME: &'static str;
    /// What is compared in place of values.
    type Key: Ord + Copy + Send + Sync;
    /// The identity of a value: Java's `equals` of its boxed form.
    fn bits(self) -> u64;
    /// In Java's order, which is `compare` of the boxed form.
    fn key(self) -> Self::Key;
    /// Appends the big-endian bytes.
    fn write(self, out: &mut Vec<u8>);
}

macro_rules! fixed {
    ($type:ty, $key:ty, $name:literal, $bits:expr, $to_key:expr) => {
        impl Fixed for $type {
            const NAME: &'static str = $name;
            const WIDTH: usize = size_of::<$type>();
            type Key = $key;
            #[inline]
            fn bits(self) -> u64 {
                $bits(self)
            }
            #[inline]
            fn key(self) -> $key {
                $to_key(self)
            }
            fn write(self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_be_bytes());
            }
        }
    };
}

fixed!(i32, i32, "INT", |value| value as u32 as u64, |value| value);
fixed!(i64, i64, "LONG", |value| value as u64, |value| value);
// One NaN stands for all, behind all numbers. Of negative numbers all bits but the sign turn, which is the total order of IEEE 754.
fixed!(
    f32,
    i32,
    "FLOAT",
    |value: f32| u64::from(if value.is_nan() { f32::NAN } else { value }.to_bits()),
    |value: f32| {
        let bits = value.bits() as i32;
        bits ^ ((bits >> 31) as u32 >> 1) as i32
    }
);
fixed!(
    f64,
    i64,
    "DOUBLE",
    |value: f64| if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() },
    |value: f64| {
        let bits = value.bits() as i64;
        bits ^ ((bits >> 63) as u64 >> 1) as i64
    }
);

/// What a column knows of its values beside the values themselves.
enum Known {
    /// Each distinct value is held once; the table finds its id.
    Distinct(HashTable<u32>),
    /// A raw column holds its values as they come: their ids are their positions.
    Every(Sketch),
}

impl Known {
    fn new(distinct: bool) -> Self {
        if distinct { Self::Distinct(HashTable::new()) } else { Self::Every(Sketch::new()) }
    }

    fn len_bytes(&self) -> usize {
        match self {
            // The old and the new table are there together while it grows, which is counted before.
            Self::Distinct(table) if table.len() + ROWS_BETWEEN_CHECKS > table.capacity() => {
                3 * table.allocation_size()
            }
            Self::Distinct(table) => table.allocation_size(),
            Self::Every(sketch) => sketch.len_bytes(),
        }
    }

    /// Gives back what is needed only to take in values.
    fn close(&mut self) {
        if let Self::Distinct(table) = self {
            *table = HashTable::new();
        }
    }

    /// The distinct values among so many that are held.
    fn cardinality(&self, len: usize) -> usize {
        match self {
            Self::Distinct(_) => len,
            Self::Every(sketch) => sketch.cardinality(len),
        }
    }
}

/// A function of its own, so that it is the same for values that are looked up and values that are moved.
const HASHER: FixedState = FixedState::with_seed(0);

/// Values of fixed width.
pub(super) struct FixedInterner<T> {
    values: Blocks<T>,
    known: Known,
    slots: Slots,
}

impl<T: Fixed> FixedInterner<T> {
    /// Holds distinct values, or every value.
    pub(super) fn new(distinct: bool) -> Self {
        Self { values: Blocks::new(), known: Known::new(distinct), slots: Slots::default() }
    }

    /// The values held.
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// Each value is held once.
    pub(super) fn is_distinct(&self) -> bool {
        matches!(self.known, Known::Distinct(_))
    }

    #[inline]
    pub(super) fn get(&self, id: u32) -> T {
        self.values.get(id)
    }

    /// Takes in a run of values; equal neighbours, common in real columns, are looked up once.
    pub(super) fn intern_all(&mut self, values: impl Iterator<Item = T>, ids: &mut Ids) {
        let (held, slots) = (&mut self.values, &mut self.slots);
        match &mut self.known {
            Known::Distinct(table) => {
                let mut last: Option<(u64, u32)> = None;
                ids.extend(values.map(|value| match last {
                    Some((bits, id)) if bits == value.bits() => id,
                    _ => {
                        let bits = value.bits();
                        let id = slots.get(bits).unwrap_or_else(|| {
                            let id = intern_fixed(held, table, value);
                            slots.put(bits, id, held.len());
                            id
                        });
                        last = Some((bits, id));
                        id
                    }
                }));
            }
            Known::Every(sketch) => {
                let before = held.len();
                for value in values {
                    sketch.add(&value.bits().to_le_bytes());
                    held.push(value);
                }
                ids.extend_positions(held.len() - before);
            }
        }
    }

    pub(super) fn len_bytes(&self) -> usize {
        self.values.len_bytes() + self.known.len_bytes() + self.slots.len_bytes()
    }

    /// Gives back what is needed only to take in values.
    pub(super) fn close(&mut self) {
        self.known.close();
        self.slots = Slots::default();
    }

    /// The distinct values; an estimate of many when every value is held.
    pub(super) fn cardinality(&self) -> usize {
        self.known.cardinality(self.len())
    }

    pub(super) fn compare(&self, a: u32, b: u32) -> Ordering {
        self.get(a).key().cmp(&self.get(b).key())
    }

    /// The order of the distinct values.
    pub(super) fn ranking(&self) -> Ranking {
        Ranking::by_keys(self.values.iter().map(T::key), |_, _| Ordering::Equal)
    }
}

/// The id of a value, given out in order of appearance.
#[inline]
fn intern_fixed<T: Fixed>(held: &mut Blocks<T>, table: &mut HashTable<u32>, value: T) -> u32 {
    let bits = value.bits();
    let hash = HASHER.hash_one(bits);
    if let Some(id) = table.find(hash, |id| held.get(*id).bits() == bits) {
        return *id;
    }
    let id = held.len() as u32;
    held.push(value);
    table.insert_unique(hash, id, |id| HASHER.hash_one(held.get(*id).bits()));
    id
}

/// Byte strings: text, bytes, decimals.
pub(super) struct BytesInterner {
    values: ByteBlocks,
    known: Known,
}

impl BytesInterner {
    /// Holds distinct values, or every value.
    pub(super) fn new(distinct: bool) -> Self {
        Self { values: ByteBlocks::new(), known: Known::new(distinct) }
    }

    /// The values held.
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// Each value is held once.
    pub(super) fn is_distinct(&self) -> bool {
        matches!(self.known, Known::Distinct(_))
    }

    /// Bytes of the values held.
    pub(super) fn text_bytes(&self) -> usize {
        self.values.runs().map(<[u8]>::len).sum()
    }

    #[inline]
    pub(super) fn get(&self, id: u32) -> &[u8] {
        self.values.get(id)
    }

    /// Takes in a run of values; equal neighbours are looked up once.
    pub(super) fn intern_all<'a>(&mut self, values: impl Iterator<Item = &'a [u8]>, ids: &mut Ids) {
        let held = &mut self.values;
        match &mut self.known {
            Known::Distinct(table) => {
                let mut last: Option<(&[u8], u32)> = None;
                ids.extend(values.map(|value| match last {
                    Some((previous, id)) if previous == value => id,
                    _ => {
                        let id = intern_bytes(held, table, value);
                        last = Some((value, id));
                        id
                    }
                }));
            }
            Known::Every(sketch) => {
                let before = held.len();
                for value in values {
                    sketch.add(value);
                    held.push(value);
                }
                ids.extend_positions(held.len() - before);
            }
        }
    }

    /// Takes in values by their keys in a dictionary of the source; each key is looked up once.
    pub(super) fn intern_keys<'a>(
        &mut self,
        keys: impl Iterator<Item = usize>,
        value: impl Fn(usize) -> &'a [u8],
        known: &mut KnownIds,
        ids: &mut Ids,
    ) {
        let held = &mut self.values;
        match &mut self.known {
            Known::Distinct(table) => ids.extend(keys.map(|key| match known.0[key] {
                KnownIds::UNKNOWN => {
                    known.0[key] = intern_bytes(held, table, value(key));
                    known.0[key]
                }
                id => id,
            })),
            Known::Every(_) => self.intern_all(keys.map(value), ids),
        }
    }

    pub(super) fn len_bytes(&self) -> usize {
        self.values.len_bytes() + self.known.len_bytes()
    }

    /// Gives back what is needed only to take in values.
    pub(super) fn close(&mut self) {
        self.known.close();
    }

    /// The distinct values; an estimate of many when every value is held.
    pub(super) fn cardinality(&self) -> usize {
        self.known.cardinality(self.len())
    }

    pub(super) fn is_ascii(&self) -> bool {
        self.values.runs().all(<[u8]>::is_ascii)
    }

    /// The order of Java's strings is that of their bytes, because no character makes the two differ.
    fn is_bytewise(&self) -> bool {
        !self.values.runs().any(|run| run.iter().any(|byte| *byte >= 0xEE))
    }

    /// Java's order of strings.
    pub(super) fn text_order(&self) -> impl Fn(u32, u32) -> Ordering + Sync + '_ {
        let bytewise = self.is_bytewise();
        move |a, b| {
            let (a, b) = (self.get(a), self.get(b));
            if bytewise { a.cmp(b) } else { compare_utf16(a, b) }
        }
    }

    /// The distinct values in Java's order of strings.
    pub(super) fn text_ranking(&self) -> Ranking {
        if self.is_bytewise() { self.ranking() } else { Ranking::of(self.len(), self.text_order()) }
    }

    /// The distinct values in the order of their bytes.
    pub(super) fn ranking(&self) -> Ranking {
        let common = self.common_prefix();
        let key = |value: &[u8]| {
            let (mut key, rest) = ([0; 8], &value[common..]);
            let len = rest.len().min(8);
            key[..len].copy_from_slice(&rest[..len]);
            u64::from_be_bytes(key)
        };
        Ranking::by_keys(self.values.iter().map(key), |a, b| self.get(a).cmp(self.get(b)))
    }

    /// How many bytes all values begin with alike.
    fn common_prefix(&self) -> usize {
        let first = self.values.iter().next().unwrap_or_default();
        let alike = |value: &[u8], len: usize| value.iter().zip(&first[..len]).take_while(|(a, b)| a == b).count();
        self.values.iter().fold(first.len(), |len, value| if len == 0 { 0 } else { alike(value, len) })
    }

    /// Rebuilds the values one by one, keeping their ids.
    pub(super) fn map(
        &self,
        mut map: impl FnMut(&[u8], &mut Vec<u8>) -> pinotage_common::Result<()>,
    ) -> pinotage_common::Result<Self> {
        let mut mapped = Self::new(true);
        let mut value = Vec::new();
        for id in 0..self.len() as u32 {
            value.clear();
            map(self.get(id), &mut value)?;
            mapped.values.push(&value);
        }
        Ok(mapped)
    }
}

/// The ids of a source dictionary's keys, as far as they have occurred: what does not occur is no value of the column.
pub(super) struct KnownIds(Vec<u32>);

impl KnownIds {
    /// No column has so many distinct values.
    const UNKNOWN: u32 = u32::MAX;

    pub(super) fn new(keys: usize) -> Self {
        Self(vec![Self::UNKNOWN; keys])
    }

    pub(super) fn len_bytes(&self) -> usize {
        size_of::<u32>() * self.0.len()
    }
}

/// The id of a value, given out in order of appearance.
#[inline]
fn intern_bytes(held: &mut ByteBlocks, table: &mut HashTable<u32>, value: &[u8]) -> u32 {
    let hash = HASHER.hash_one(value);
    if let Some(id) = table.find(hash, |id| held.get(*id) == value) {
        return *id;
    }
    let id = held.len() as u32;
    held.push(value);
    table.insert_unique(hash, id, |id| HASHER.hash_one(held.get(*id)));
    id
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::collection;
    use proptest::prelude::*;

    use super::*;

    /// Ids as a map would give them out.
    fn ids_by_map<T: std::hash::Hash + Eq>(values: &[T]) -> Vec<u32> {
        let mut known = HashMap::new();
        values
            .iter()
            .map(|value| {
                let next = known.len() as u32;
                *known.entry(value).or_insert(next)
            })
            .collect()
    }

    proptest! {
        #[test]
        fn ids_are_those_of_a_map(numbers in collection::vec(prop_oneof![-3..3i64, 0..1000i64, any::<i64>()], 0..300), runs in 1..50usize) {
            let mut interner = FixedInterner::<i64>::new(true);
            let mut ids = Ids::default();
            numbers.chunks(runs).for_each(|run| interner.intern_all(run.iter().copied(), &mut ids));
            prop_assert!(ids.iter().eq(ids_by_map(&numbers)));
            prop_assert!(ids.iter().zip(&numbers).all(|(id, number)| interner.get(id) == *number));
            let texts: Vec<String> = numbers.iter().map(i64::to_string).collect();
            let (mut interner, mut ids) = (BytesInterner::new(true), Ids::default());
            texts.chunks(runs).for_each(|run| interner.intern_all(run.iter().map(String::as_bytes), &mut ids));
            prop_assert!(ids.iter().eq(ids_by_map(&texts)));
            // The same by keys of a dictionary that holds values twice and values that do not occur.
            let dictionary: Vec<&[u8]> = texts.iter().map(String::as_bytes).chain([b"absent".as_slice()]).collect();
            let (mut by_key, mut ids) = (BytesInterner::new(true), Ids::default());
            let mut known = KnownIds::new(dictionary.len());
            by_key.intern_keys(0..texts.len(), |key| dictionary[key], &mut known, &mut ids);
            prop_assert!(ids.iter().eq(ids_by_map(&texts)));
            prop_assert_eq!(by_key.len(), interner.len());
        }
    }

    proptest! {
        #[test]
        fn keys_rank_as_values_do(
            texts in collection::vec("(common )?(pre\u{0}?|prefix)?[a-c\u{E000}😀]{0,12}", 0..200),
            bits in collection::vec(prop_oneof![any::<u64>(), Just(f64::NAN.to_bits()), Just(0), Just(1 << 63)], 0..200),
        ) {
            let (mut interner, mut ids) = (BytesInterner::new(true), Ids::default());
            interner.intern_all(texts.iter().map(String::as_bytes), &mut ids);
            let (by_keys, by_values) = (interner.text_ranking(), Ranking::of(interner.len(), interner.text_order()));
            prop_assert_eq!((by_keys.rank, by_keys.order), (by_values.rank, by_values.order));
            let mut interner = FixedInterner::<f64>::new(true);
            interner.intern_all(bits.iter().map(|bits| f64::from_bits(*bits)), &mut ids);
            // Java's: one NaN, behind everything.
            let value = |id| Some(interner.get(id)).filter(|value| !value.is_nan()).unwrap_or(f64::NAN);
            let by_values = Ranking::of(interner.len(), |a, b| value(a).total_cmp(&value(b)));
            prop_assert_eq!(interner.ranking().order, by_values.order);
        }
    }

    #[test]
    fn ids_are_ranked_in_javas_order() {
        let mut interner = BytesInterner::new(true);
        let mut ids = Ids::default();
        let words = ["pear", "\u{FFFD}", "apple", "apple", "😀", "pear", "", "é"];
        interner.intern_all(words.iter().map(|word| word.as_bytes()), &mut ids);
        assert!(ids.iter().eq([0, 1, 2, 2, 3, 0, 4, 5]));
        let ranking = interner.text_ranking();
        let sorted: Vec<&[u8]> = ranking.order.iter().map(|id| interner.get(*id)).collect();
        assert_eq!(sorted, ["", "apple", "pear", "é", "😀", "\u{FFFD}"].map(str::as_bytes));
        assert_eq!(ranking.rank[0], 2);
    }

    #[test]
    fn floats_are_told_apart_as_java_does() {
        let mut interner = FixedInterner::<f64>::new(true);
        let mut ids = Ids::default();
        interner.intern_all([0.0, -0.0, f64::NAN, -f64::NAN, f64::INFINITY].into_iter(), &mut ids);
        assert!(ids.iter().eq([0, 1, 2, 2, 3]));
        let ranking = interner.ranking();
        assert_eq!(ranking.order, [1, 0, 3, 2]);
    }
}

//! The distinct values of a column, in order of appearance, and their final rank.

use std::cmp::Ordering;

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use pinotage_spec::java::compare_utf16;
use rayon::slice::ParallelSliceMut;
use std::hash::BuildHasher;

/// A value of fixed width.
pub(super) trait Fixed: Copy + Send + Sync + 'static {
    /// Bytes in a dictionary or a raw index.
    const WIDTH: usize;
    /// The identity of a value: Java's `equals` of its boxed form.
    fn bits(self) -> u64;
    /// Java's `compare` of the boxed form.
    fn compare(&self, other: &Self) -> Ordering;
    /// Appends the big-endian bytes.
    fn write(self, out: &mut Vec<u8>);
}

macro_rules! fixed {
    ($type:ty, $bits:expr, $compare:expr) => {
        impl Fixed for $type {
            const WIDTH: usize = size_of::<$type>();
            fn bits(self) -> u64 {
                $bits(self)
            }
            fn compare(&self, other: &Self) -> Ordering {
                $compare(self, other)
            }
            fn write(self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_be_bytes());
            }
        }
    };
}

fixed!(i32, |value| value as u32 as u64, Ord::cmp);
fixed!(i64, |value| value as u64, Ord::cmp);
// One NaN stands for all; `total_cmp` then is Java's order.
fixed!(f32, |value: f32| u64::from(if value.is_nan() { f32::NAN.to_bits() } else { value.to_bits() }), f32::total_cmp);
fixed!(f64, |value: f64| if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() }, f64::total_cmp);

/// Interns values of fixed width.
pub(super) struct FixedInterner<T> {
    pub(super) distinct: Vec<T>,
    table: HashTable<u32>,
    hasher: FixedState,
}

impl<T: Fixed> FixedInterner<T> {
    pub(super) fn new() -> Self {
        Self { distinct: Vec::new(), table: HashTable::new(), hasher: FixedState::with_seed(0) }
    }

    /// The id of a value, given out in order of appearance.
    #[inline]
    pub(super) fn intern(&mut self, value: T) -> u32 {
        let bits = value.bits();
        let hash = self.hasher.hash_one(bits);
        let distinct = &self.distinct;
        if let Some(id) = self.table.find(hash, |id| distinct[*id as usize].bits() == bits) {
            return *id;
        }
        let id = self.distinct.len() as u32;
        self.distinct.push(value);
        let (distinct, hasher) = (&self.distinct, &self.hasher);
        self.table.insert_unique(hash, id, |id| hasher.hash_one(distinct[*id as usize].bits()));
        id
    }

    /// Interns a run of values; equal neighbours, common in real columns, are looked up once.
    pub(super) fn intern_all(&mut self, values: impl Iterator<Item = T>, ids: &mut Vec<u32>) {
        let mut last: Option<(u64, u32)> = None;
        ids.extend(values.map(|value| match last {
            Some((bits, id)) if bits == value.bits() => id,
            _ => {
                let id = self.intern(value);
                last = Some((value.bits(), id));
                id
            }
        }));
    }

    pub(super) fn len_bytes(&self) -> usize {
        self.distinct.capacity() * T::WIDTH + self.table.capacity() * 5
    }

    pub(super) fn compare(&self, a: u32, b: u32) -> Ordering {
        self.distinct[a as usize].compare(&self.distinct[b as usize])
    }
}

/// Interns byte strings: text, bytes, decimals.
pub(super) struct BytesInterner {
    arena: Vec<u8>,
    /// Where each value ends in the arena.
    ends: Vec<usize>,
    table: HashTable<u32>,
    hasher: FixedState,
}

impl BytesInterner {
    pub(super) fn new() -> Self {
        Self { arena: Vec::new(), ends: Vec::new(), table: HashTable::new(), hasher: FixedState::with_seed(0) }
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn get(&self, id: u32) -> &[u8] {
        value_at(&self.arena, &self.ends, id)
    }

    /// The id of a value, given out in order of appearance.
    #[inline]
    pub(super) fn intern(&mut self, value: &[u8]) -> u32 {
        let hash = self.hasher.hash_one(value);
        let (arena, ends) = (&self.arena, &self.ends);
        if let Some(id) = self.table.find(hash, |id| value_at(arena, ends, *id) == value) {
            return *id;
        }
        let id = self.ends.len() as u32;
        self.arena.extend_from_slice(value);
        self.ends.push(self.arena.len());
        let (arena, ends, hasher) = (&self.arena, &self.ends, &self.hasher);
        self.table.insert_unique(hash, id, |id| hasher.hash_one(value_at(arena, ends, *id)));
        id
    }

    pub(super) fn intern_all<'a>(&mut self, values: impl Iterator<Item = &'a [u8]>, ids: &mut Vec<u32>) {
        let mut last: Option<(&[u8], u32)> = None;
        ids.extend(values.map(|value| match last {
            Some((previous, id)) if previous == value => id,
            _ => {
                let id = self.intern(value);
                last = Some((value, id));
                id
            }
        }));
    }

    pub(super) fn len_bytes(&self) -> usize {
        self.arena.capacity() + self.ends.capacity() * 8 + self.table.capacity() * 5
    }

    pub(super) fn is_ascii(&self) -> bool {
        self.arena.is_ascii()
    }

    /// Java's order of strings, by bytes where no character makes the two differ.
    pub(super) fn text_order(&self) -> impl Fn(u32, u32) -> Ordering + Sync + '_ {
        let bytewise = !self.arena.iter().any(|byte| *byte >= 0xEE);
        move |a, b| {
            let (a, b) = (self.get(a), self.get(b));
            if bytewise { a.cmp(b) } else { compare_utf16(a, b) }
        }
    }

    /// Rebuilds the values one by one, keeping their ids.
    pub(super) fn map(
        &self,
        mut map: impl FnMut(&[u8], &mut Vec<u8>) -> pinotage_common::Result<()>,
    ) -> pinotage_common::Result<Self> {
        let mut mapped = Self::new();
        for id in 0..self.len() as u32 {
            map(self.get(id), &mut mapped.arena)?;
            mapped.ends.push(mapped.arena.len());
        }
        Ok(mapped)
    }
}

fn value_at<'a>(arena: &'a [u8], ends: &[usize], id: u32) -> &'a [u8] {
    let id = id as usize;
    let start = if id == 0 { 0 } else { ends[id - 1] };
    &arena[start..ends[id]]
}

/// The final order of distinct values.
pub(super) struct Ranking {
    /// The rank of each id.
    pub(super) rank: Vec<u32>,
    /// One id of each rank, ascending.
    pub(super) order: Vec<u32>,
}

impl Ranking {
    /// Ranks ids `0..count`; values that compare equal share a rank (decimals written in two ways).
    pub(super) fn of(count: usize, compare: impl Fn(u32, u32) -> Ordering + Sync) -> Self {
        let mut order: Vec<u32> = (0..count as u32).collect();
        let by_value = |a: &u32, b: &u32| compare(*a, *b);
        if count > 1 << 14 {
            order.par_sort_unstable_by(by_value);
        } else {
            order.sort_unstable_by(by_value);
        }
        let mut rank = vec![0; count];
        let mut next = 0;
        for (place, id) in order.iter().enumerate() {
            if place > 0 && compare(order[place - 1], *id).is_ne() {
                next += 1;
            }
            rank[*id as usize] = next;
        }
        order.dedup_by(|a, b| rank[*a as usize] == rank[*b as usize]);
        Self { rank, order }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_ranked_in_javas_order() {
        let mut interner = BytesInterner::new();
        let mut ids = Vec::new();
        let words = ["pear", "\u{FFFD}", "apple", "apple", "😀", "pear", "", "é"];
        interner.intern_all(words.iter().map(|word| word.as_bytes()), &mut ids);
        assert_eq!(ids, [0, 1, 2, 2, 3, 0, 4, 5]);
        let ranking = Ranking::of(interner.len(), interner.text_order());
        let sorted: Vec<&[u8]> = ranking.order.iter().map(|id| interner.get(*id)).collect();
        assert_eq!(sorted, ["", "apple", "pear", "é", "😀", "\u{FFFD}"].map(str::as_bytes));
        assert_eq!(ranking.rank[0], 2);
    }

    #[test]
    fn floats_are_told_apart_as_java_does() {
        let mut interner = FixedInterner::<f64>::new();
        let mut ids = Vec::new();
        interner.intern_all([0.0, -0.0, f64::NAN, -f64::NAN, f64::INFINITY].into_iter(), &mut ids);
        assert_eq!(ids, [0, 1, 2, 2, 3]);
        let ranking = Ranking::of(4, |a, b| interner.compare(a, b));
        assert_eq!(ranking.order, [1, 0, 3, 2]);
    }
}

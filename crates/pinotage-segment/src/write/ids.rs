//! The ids of a column's values, in the order of the rows.

use std::ops::Range;

/// Ids are packed when so many have come.
const BLOCK: usize = 1 << 16;

/// The ids of a column's values. Most columns have few distinct values, so each block is as narrow as its largest id allows.
#[derive(Default)]
pub(super) struct Ids {
    /// So many values whose ids are their positions, as in a raw column that holds each of its values; then there are no others.
    positions: usize,
    packed: Vec<Block>,
    /// The ids behind the last block.
    open: Vec<u32>,
    /// The ids in blocks.
    num_packed: usize,
}

enum Block {
    Byte(Box<[u8]>),
    Short(Box<[u16]>),
    Word(Box<[u32]>),
}

impl Ids {
    pub(super) fn len(&self) -> usize {
        self.positions + self.num_packed + self.open.len()
    }

    /// More values whose ids are their positions.
    pub(super) fn extend_positions(&mut self, count: usize) {
        self.positions += count;
    }

    pub(super) fn extend(&mut self, ids: impl Iterator<Item = u32>) {
        self.open.extend(ids);
        // Blocks are of one size, so that what is held follows from the ids alone.
        let full = self.open.len() / BLOCK * BLOCK;
        if full > 0 {
            self.packed.extend(self.open[..full].chunks_exact(BLOCK).map(Block::of));
            self.num_packed += full;
            self.open.drain(..full);
        }
    }

    /// The ids one after the other.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> + Clone {
        let packed = self.packed.iter().flat_map(|block| block.to_vec());
        (0..self.positions as u32).chain(packed).chain(self.open.iter().copied())
    }

    /// The ids of some values.
    pub(super) fn slice(&self, values: Range<usize>) -> Vec<u32> {
        if self.positions > 0 {
            return (values.start as u32..values.end as u32).collect();
        }
        let mut ids = Vec::with_capacity(values.len());
        let mut at = values.start;
        while at < values.end.min(self.num_packed) {
            let start = at / BLOCK * BLOCK;
            let end = values.end.min(start + BLOCK);
            self.packed[at / BLOCK].append_to(at - start..end - start, &mut ids);
            at = end;
        }
        if at < values.end {
            ids.extend_from_slice(&self.open[at - self.num_packed..values.end - self.num_packed]);
        }
        ids
    }

    /// The ids by the number of their value.
    pub(super) fn lookup(&self) -> Lookup {
        Lookup((self.positions == 0).then(|| self.iter().collect()))
    }

    pub(super) fn len_bytes(&self) -> usize {
        let open = if self.packed.is_empty() { self.open.len().next_power_of_two() } else { BLOCK };
        self.packed.iter().map(Block::len_bytes).sum::<usize>() + size_of::<u32>() * open
    }
}

/// Ids by the number of their value; positions need no list.
pub(super) struct Lookup(Option<Vec<u32>>);

impl Lookup {
    #[inline]
    pub(super) fn get(&self, at: usize) -> u32 {
        self.0.as_ref().map_or(at as u32, |ids| ids[at])
    }
}

impl FromIterator<u32> for Ids {
    fn from_iter<I: IntoIterator<Item = u32>>(values: I) -> Self {
        let mut ids = Self::default();
        let mut values = values.into_iter();
        loop {
            let before = ids.len();
            ids.extend(values.by_ref().take(BLOCK));
            if ids.len() == before {
                return ids;
            }
        }
    }
}

impl Block {
    fn of(ids: &[u32]) -> Self {
        // No bit above that of the largest id.
        match ids.iter().fold(0, |bits, id| bits | id) {
            0..=0xFF => Self::Byte(ids.iter().map(|id| *id as u8).collect()),
            0x100..=0xFFFF => Self::Short(ids.iter().map(|id| *id as u16).collect()),
            _ => Self::Word(ids.into()),
        }
    }

    fn to_vec(&self) -> Vec<u32> {
        let mut ids = Vec::with_capacity(BLOCK);
        self.append_to(0..BLOCK, &mut ids);
        ids
    }

    fn append_to(&self, range: Range<usize>, ids: &mut Vec<u32>) {
        match self {
            Self::Byte(own) => ids.extend(own[range].iter().map(|id| u32::from(*id))),
            Self::Short(own) => ids.extend(own[range].iter().map(|id| u32::from(*id))),
            Self::Word(own) => ids.extend_from_slice(&own[range]),
        }
    }

    fn len_bytes(&self) -> usize {
        match self {
            Self::Byte(ids) => size_of_val(&**ids),
            Self::Short(ids) => size_of_val(&**ids),
            Self::Word(ids) => size_of_val(&**ids),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ids_come_back(bounds in proptest::collection::vec(1u32..100_000, 0..6), each in 1..BLOCK) {
            let all: Vec<u32> = bounds.iter().flat_map(|bound| (0..each as u32).map(move |i| i % bound)).collect();
            let mut ids = Ids::default();
            all.chunks(each).for_each(|some| ids.extend(some.iter().copied()));
            prop_assert_eq!(ids.len(), all.len());
            prop_assert!(ids.iter().eq(all.iter().copied()));
            let lookup = ids.lookup();
            prop_assert!((0..all.len()).all(|at| lookup.get(at) == all[at]));
            let (third, half) = (all.len() / 3, all.len() / 2);
            for range in [0..0, 0..all.len(), third..half, half..all.len(), all.len()..all.len()] {
                prop_assert_eq!(ids.slice(range.clone()), &all[range]);
            }
        }
    }

    #[test]
    fn positions_are_ids() {
        let mut ids = Ids::default();
        ids.extend_positions(2);
        ids.extend_positions(1);
        assert_eq!((ids.len(), ids.lookup().get(2)), (3, 2));
        assert!(ids.iter().eq(0..3));
        assert_eq!(ids.slice(1..3), [1, 2]);
    }
}

//! The final order of a column's distinct values.

use std::cmp::Ordering;

use rayon::slice::ParallelSliceMut;

/// The final order of distinct values.
pub(super) struct Ranking {
    /// The rank of each id.
    pub(super) rank: Vec<u32>,
    /// One id of each rank, ascending.
    pub(super) order: Vec<u32>,
}

/// So many are sorted by all threads.
const SORTED_TOGETHER: usize = 1 << 14;

impl Ranking {
    /// Ranks ids `0..count`; values that compare equal share a rank (decimals written in two ways).
    pub(super) fn of(count: usize, compare: impl Fn(u32, u32) -> Ordering + Sync) -> Self {
        let mut order: Vec<u32> = (0..count as u32).collect();
        let by_value = |a: &u32, b: &u32| compare(*a, *b);
        if count > SORTED_TOGETHER {
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

    /// Ranks distinct values, whose keys come in the order of their ids. Keys lie beside each other, so that most comparisons look
    /// at no value; `compare` decides between values with one key.
    pub(super) fn by_keys<K: Ord + Copy + Send + Sync>(
        keys: impl Iterator<Item = K>,
        compare: impl Fn(u32, u32) -> Ordering + Sync,
    ) -> Self {
        let mut sorted: Vec<(K, u32)> = keys.zip(0..).collect();
        let by_value = |a: &(K, u32), b: &(K, u32)| a.0.cmp(&b.0).then_with(|| compare(a.1, b.1));
        if sorted.len() > SORTED_TOGETHER {
            sorted.par_sort_unstable_by(by_value);
        } else {
            sorted.sort_unstable_by(by_value);
        }
        let mut rank = vec![0; sorted.len()];
        sorted.iter().zip(0..).for_each(|((_, id), place)| rank[*id as usize] = place);
        Self { rank, order: sorted.into_iter().map(|(_, id)| id).collect() }
    }
}

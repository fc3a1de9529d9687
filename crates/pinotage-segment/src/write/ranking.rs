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

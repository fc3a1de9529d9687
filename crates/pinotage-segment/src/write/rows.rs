//! Payloads of the rows of a raw forward index.

use super::ids::Lookup;
use super::interner::{BytesInterner, Fixed, FixedInterner};
use crate::forward::Rows;

/// Single-value rows of variable width.
pub(super) struct BytesRows<'a> {
    pub(super) values: &'a BytesInterner,
    pub(super) ids: &'a Lookup,
}

impl Rows for BytesRows<'_> {
    fn len_bytes(&self, doc: usize) -> usize {
        self.values.get(self.ids.get(doc)).len()
    }

    fn write(&self, doc: usize, out: &mut Vec<u8>) {
        out.extend_from_slice(self.values.get(self.ids.get(doc)));
    }
}

/// The ids of a multi-value row.
fn row(ids: &Lookup, ends: &[u32], doc: usize) -> impl ExactSizeIterator<Item = u32> + Clone {
    let start = if doc == 0 { 0 } else { ends[doc - 1] as usize };
    (start..ends[doc] as usize).map(|at| ids.get(at))
}

/// Multi-value rows of fixed width: a count (before version 5) and the values.
pub(super) struct FixedLists<'a, T> {
    pub(super) values: &'a FixedInterner<T>,
    pub(super) ids: &'a Lookup,
    pub(super) ends: &'a [u32],
    pub(super) counted: bool,
}

impl<T: Fixed> Rows for FixedLists<'_, T> {
    fn len_bytes(&self, doc: usize) -> usize {
        row(self.ids, self.ends, doc).len() * T::WIDTH + if self.counted { 4 } else { 0 }
    }

    fn write(&self, doc: usize, out: &mut Vec<u8>) {
        let row = row(self.ids, self.ends, doc);
        if self.counted {
            out.extend_from_slice(&(row.len() as u32).to_be_bytes());
        }
        row.for_each(|id| self.values.get(id).write(out));
    }
}

/// Multi-value rows of variable width: a count, the lengths, the values.
pub(super) struct BytesLists<'a> {
    pub(super) values: &'a BytesInterner,
    pub(super) ids: &'a Lookup,
    pub(super) ends: &'a [u32],
}

impl Rows for BytesLists<'_> {
    fn len_bytes(&self, doc: usize) -> usize {
        let row = row(self.ids, self.ends, doc);
        4 + row.map(|id| 4 + self.values.get(id).len()).sum::<usize>()
    }

    fn write(&self, doc: usize, out: &mut Vec<u8>) {
        let row = row(self.ids, self.ends, doc);
        out.extend_from_slice(&(row.len() as u32).to_be_bytes());
        for id in row.clone() {
            out.extend_from_slice(&(self.values.get(id).len() as u32).to_be_bytes());
        }
        row.for_each(|id| out.extend_from_slice(self.values.get(id)));
    }
}

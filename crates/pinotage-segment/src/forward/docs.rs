//! Which docs to decode: a range, or chosen ones.

use std::ops::Range;

/// Docs of a segment, ascending and without repetition.
///
/// A filter that keeps few docs decodes only those; neighbours are still decoded together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Docs<'a> {
    /// All docs from the first number to before the second.
    Range(usize, usize),
    /// Chosen docs.
    List(&'a [u32]),
}

impl From<Range<usize>> for Docs<'_> {
    fn from(range: Range<usize>) -> Self {
        Self::Range(range.start, range.end)
    }
}

impl<'a> From<&'a [u32]> for Docs<'a> {
    fn from(list: &'a [u32]) -> Self {
        Self::List(list)
    }
}

impl<'a> Docs<'a> {
    /// The number of docs.
    pub fn len(self) -> usize {
        match self {
            Self::Range(start, end) => end.saturating_sub(start),
            Self::List(list) => list.len(),
        }
    }

    /// True without docs.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The first doc.
    pub fn first(self) -> Option<usize> {
        match self {
            Self::Range(start, end) => (start < end).then_some(start),
            Self::List(list) => list.first().map(|doc| *doc as usize),
        }
    }

    /// Doc by doc.
    pub fn iter(self) -> impl Iterator<Item = usize> + 'a {
        let (range, list) = self.parts();
        range.chain(list.iter().map(|doc| *doc as usize))
    }

    /// The longest ranges of neighbours.
    pub fn runs(self) -> impl Iterator<Item = Range<usize>> + 'a {
        let (range, list) = self.parts();
        let runs = list.chunk_by(|a, b| a.checked_add(1) == Some(*b)).filter_map(|run| {
            let (first, last) = run.first().zip(run.last())?;
            Some(*first as usize..*last as usize + 1)
        });
        (!range.is_empty()).then_some(range).into_iter().chain(runs)
    }

    /// The docs before `end`, and the rest.
    pub fn split_before(self, end: usize) -> (Self, Self) {
        match self {
            Self::Range(start, stop) => {
                let middle = end.clamp(start, stop.max(start));
                (Self::Range(start, middle), Self::Range(middle, stop))
            }
            Self::List(list) => {
                let (before, after) = list.split_at(list.partition_point(|doc| (*doc as usize) < end));
                (Self::List(before), Self::List(after))
            }
        }
    }

    fn parts(self) -> (Range<usize>, &'a [u32]) {
        match self {
            Self::Range(start, end) => (start..end, &[]),
            Self::List(list) => (0..0, list),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_ranges_are_walked_alike() {
        let list = Docs::List(&[2, 3, 4, 9]);
        assert_eq!(list.runs().collect::<Vec<_>>(), [2..5, 9..10]);
        assert_eq!(list.iter().collect::<Vec<_>>(), [2, 3, 4, 9]);
        assert_eq!(list.split_before(4), (Docs::List(&[2, 3]), Docs::List(&[4, 9])));
        let range = Docs::from(2..5);
        assert_eq!(range.runs().collect::<Vec<_>>(), std::iter::once(2..5).collect::<Vec<_>>());
        assert_eq!(range.split_before(9), (Docs::Range(2, 5), Docs::Range(5, 5)));
        assert_eq!(range.split_before(0), (Docs::Range(2, 2), Docs::Range(2, 5)));
        assert_eq!(Docs::from(3..3).runs().count(), 0);
        assert_eq!(Docs::List(&[u32::MAX]).first(), Some(u32::MAX as usize));
    }
}

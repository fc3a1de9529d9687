//! Values that only grow in number, in blocks: more of them copy nothing, and memory is what they fill.

/// Values in a block.
const BLOCK: usize = 1 << 14;

/// Values of fixed width, by their number.
pub(super) struct Blocks<T> {
    blocks: Vec<Vec<T>>,
    len: usize,
}

impl<T: Copy> Blocks<T> {
    pub(super) fn new() -> Self {
        Self { blocks: Vec::new(), len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn get(&self, at: u32) -> T {
        self.blocks[at as usize / BLOCK][at as usize % BLOCK]
    }

    /// The values one after the other.
    pub(super) fn iter(&self) -> impl Iterator<Item = T> {
        self.blocks.iter().flatten().copied()
    }

    #[inline]
    pub(super) fn push(&mut self, value: T) {
        if self.len.is_multiple_of(BLOCK) {
            // The first block grows with its values, as many columns have few.
            self.blocks.push(if self.len == 0 { Vec::new() } else { Vec::with_capacity(BLOCK) });
        }
        self.blocks[self.len / BLOCK].push(value);
        self.len += 1;
    }

    pub(super) fn len_bytes(&self) -> usize {
        self.blocks.iter().map(|block| size_of::<T>() * block.capacity()).sum()
    }
}

/// Byte strings, by their number.
pub(super) struct ByteBlocks {
    blocks: Vec<ByteBlock>,
    len: usize,
}

struct ByteBlock {
    bytes: Vec<u8>,
    /// Where each value ends in the block.
    ends: Vec<usize>,
}

impl ByteBlocks {
    pub(super) fn new() -> Self {
        Self { blocks: Vec::new(), len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn get(&self, at: u32) -> &[u8] {
        let block = &self.blocks[at as usize / BLOCK];
        let at = at as usize % BLOCK;
        let start = if at == 0 { 0 } else { block.ends[at - 1] };
        &block.bytes[start..block.ends[at]]
    }

    /// The values one after the other.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.blocks.iter().flat_map(|block| {
            let starts = std::iter::once(0).chain(block.ends.iter().copied());
            starts.zip(&block.ends).map(|(start, end)| &block.bytes[start..*end])
        })
    }

    #[inline]
    pub(super) fn push(&mut self, value: &[u8]) {
        if self.len.is_multiple_of(BLOCK) {
            // The next block will be about as large as the last.
            let last = self.blocks.last().map_or(0, |block| block.bytes.len());
            let (bytes, ends) = (last + last / 16, if self.len == 0 { 0 } else { BLOCK });
            self.blocks.push(ByteBlock { bytes: Vec::with_capacity(bytes), ends: Vec::with_capacity(ends) });
        }
        let block = &mut self.blocks[self.len / BLOCK];
        block.bytes.extend_from_slice(value);
        block.ends.push(block.bytes.len());
        self.len += 1;
    }

    /// All bytes, in runs of whole values.
    pub(super) fn runs(&self) -> impl Iterator<Item = &[u8]> {
        self.blocks.iter().map(|block| block.bytes.as_slice())
    }

    pub(super) fn len_bytes(&self) -> usize {
        self.blocks.iter().map(|block| block.bytes.capacity() + size_of::<usize>() * block.ends.capacity()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_numbers_across_blocks() {
        let count = 2 * BLOCK as u32 + 3;
        let (mut numbers, mut texts) = (Blocks::new(), ByteBlocks::new());
        for number in 0..count {
            numbers.push(number);
            texts.push(&number.to_string().as_bytes()[..number as usize % 2]);
        }
        assert_eq!((numbers.len(), texts.len()), (count as usize, count as usize));
        for number in 0..count {
            assert_eq!(numbers.get(number), number);
            assert_eq!(texts.get(number), &number.to_string().as_bytes()[..number as usize % 2]);
        }
        assert_eq!(texts.runs().map(<[u8]>::len).sum::<usize>(), count as usize / 2);
    }
}

//! HyperLogLog as stream-lib lays it out: six registers of five bits a word.

/// Registers in a word.
const REGISTERS: usize = 6;
/// Bits of a register.
const BITS: usize = 5;

/// Sketches of one size, one after the other.
///
/// # Pinot equivalent
///
/// `com.clearspring.analytics.stream.cardinality.HyperLogLog`
#[derive(Debug)]
pub struct HyperLogLogs {
    log2m: u8,
    words: usize,
    registers: Vec<u32>,
}

impl HyperLogLogs {
    /// No sketch yet, of two to the power of `log2m` registers each.
    pub fn new(log2m: u8) -> Self {
        // `RegisterSet.getSizeForCount`
        let words = match (1 << log2m) / REGISTERS {
            0 => 1,
            words if words.is_multiple_of(32) => words,
            words => words + 1,
        };
        Self { log2m, words, registers: Vec::new() }
    }

    /// Bytes of a serialised sketch.
    pub fn len_bytes(&self) -> usize {
        8 + 4 * self.words
    }

    /// Begins an empty sketch.
    pub fn push(&mut self) {
        self.registers.resize(self.registers.len() + self.words, 0);
    }

    /// Adds a value by its hash to the last sketch.
    ///
    /// # Panics
    ///
    /// Before the first [`HyperLogLogs::push`].
    pub fn offer(&mut self, hash: u32) {
        self.offer_to(self.registers.len() / self.words - 1, hash);
    }

    /// Adds a value by its hash to a sketch.
    ///
    /// # Panics
    ///
    /// If there is no such sketch.
    pub fn offer_to(&mut self, sketch: usize, hash: u32) {
        let register = (hash >> (32 - u32::from(self.log2m))) as usize;
        let rest = (hash << self.log2m) | ((1 << (self.log2m - 1)) + 1);
        let shift = BITS * (register % REGISTERS);
        let word = &mut self.registers[sketch * self.words + register / REGISTERS];
        *word = max_registers(*word, (rest.leading_zeros() + 1) << shift);
    }

    /// Adds all of a sketch to the last one.
    ///
    /// # Panics
    ///
    /// If there is no such sketch.
    pub fn merge(&mut self, doc: usize) {
        let start = self.registers.len() - self.words;
        let (before, last) = self.registers.split_at_mut(start);
        for (word, other) in last.iter_mut().zip(&before[doc * self.words..]) {
            *word = max_registers(*word, *other);
        }
    }

    /// Appends the bytes of a sketch.
    ///
    /// # Panics
    ///
    /// If there is no such sketch.
    pub fn write(&self, doc: usize, out: &mut Vec<u8>) {
        out.extend_from_slice(&u32::from(self.log2m).to_be_bytes());
        out.extend_from_slice(&(4 * self.words as u32).to_be_bytes());
        for word in &self.registers[doc * self.words..(doc + 1) * self.words] {
            out.extend_from_slice(&word.to_be_bytes());
        }
    }
}

/// The greater of each pair of registers.
fn max_registers(a: u32, b: u32) -> u32 {
    (0..REGISTERS).fold(0, |word, register| {
        let mask = ((1 << BITS) - 1) << (BITS * register);
        word | (a & mask).max(b & mask)
    })
}

const M: u32 = 0x5bd1_e995;

/// `MurmurHash.hashLong`
pub fn murmur_long(value: i64) -> u32 {
    let mix = |word: u32| {
        let word = word.wrapping_mul(M);
        (word ^ (word >> 24)).wrapping_mul(M)
    };
    let low = mix(value as u32);
    finish(low.wrapping_mul(M) ^ mix((value >> 32) as u32))
}

/// `MurmurHash.hash` of bytes, whose last ones stand in another order than in the function it is named for, with signs.
pub fn murmur_bytes(bytes: &[u8]) -> u32 {
    let (words, rest) = bytes.as_chunks::<4>();
    let mut hash = u32::MAX ^ bytes.len() as u32;
    for word in words {
        let word = u32::from_le_bytes(*word).wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ (word ^ (word >> 24)).wrapping_mul(M);
    }
    if !rest.is_empty() {
        for (byte, shift) in rest.iter().rev().zip([0, 8, 16]) {
            hash ^= (i32::from(*byte as i8) as u32) << shift;
        }
        hash = hash.wrapping_mul(M);
    }
    finish(hash)
}

fn finish(hash: u32) -> u32 {
    let hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sketches_have_pinots_sizes() {
        let sizes = [1, 4, 8, 12].map(|log2m| HyperLogLogs::new(log2m).len_bytes());
        assert_eq!(sizes, [12, 20, 180, 2740]);
    }

    #[test]
    fn hashes_are_stream_libs() {
        let longs =
            [5, -7, 1.5f64.to_bits() as i64, i64::from((-2.25f32).to_bits() as i32)].map(|v| murmur_long(v) as i32);
        assert_eq!(longs, [-1_532_609_848, -1_995_426_631, -1_688_758_945, 1_995_399_854]);
        let texts = ["hello", "grüße", ""].map(|text| murmur_bytes(text.as_bytes()) as i32);
        assert_eq!(texts, [-1_816_943_331, -1_013_402_475, -1_285_986_640]);
    }

    #[test]
    fn the_union_of_two_sketches_is_the_sketch_of_both() {
        let mut sketches = HyperLogLogs::new(4);
        for range in [0..40, 40..90, 0..90] {
            sketches.push();
            range.for_each(|value| sketches.offer(murmur_long(value)));
        }
        sketches.push();
        sketches.merge(0);
        sketches.merge(1);
        let bytes = [2, 3].map(|doc| {
            let mut bytes = Vec::new();
            sketches.write(doc, &mut bytes);
            bytes
        });
        assert_eq!(bytes[0], bytes[1]);
    }
}

//! The bloom filter: which values a column may hold.

use pinotage_spec::BloomOptions;

const LN_2: f64 = std::f64::consts::LN_2;

/// The payload of a bloom filter of so many values, given by their texts.
///
/// # Pinot equivalent
///
/// `OnHeapGuavaBloomFilterCreator`, `BloomFilter` of Guava
pub fn write<T: AsRef<[u8]>>(values: impl Iterator<Item = T>, cardinality: usize, options: &BloomOptions) -> Vec<u8> {
    let count = cardinality.max(1) as f64;
    // With so many bits a value, the best share is a power of two.
    let least = options.max_bytes.map_or(0.0, |max| 2f64.powf(-(f64::from(max) * 8.0 / count * LN_2)));
    let share = options.false_positives.max(least);
    let bits = (-count * share.ln() / (LN_2 * LN_2)) as u64;
    let hashes = ((-share.ln() / LN_2).round() as u8).max(1);
    let mut words = vec![0u64; bits.div_ceil(64).max(1) as usize];
    let bits = 64 * words.len() as u64;
    for value in values {
        for bit in places(value.as_ref(), hashes, bits) {
            words[bit / 64] |= 1 << (bit % 64);
        }
    }
    let mut bytes = Vec::with_capacity(14 + 8 * words.len());
    // The kind of filter and its version, Guava's strategy.
    bytes.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 1, 1, hashes]);
    bytes.extend_from_slice(&(words.len() as u32).to_be_bytes());
    words.iter().for_each(|word| bytes.extend_from_slice(&word.to_be_bytes()));
    bytes
}

/// The bits of a value, below a number of them that is not 0.
pub(crate) fn places(value: &[u8], hashes: u8, bits: u64) -> impl Iterator<Item = usize> {
    let (first, second) = murmur3_x64(value);
    (0..u64::from(hashes)).map(move |round| {
        let hash = first.wrapping_add(round.wrapping_mul(second));
        ((hash & i64::MAX as u64) % bits) as usize
    })
}

/// MurmurHash3 of 128 bits for 64-bit machines, with seed 0: both halves.
fn murmur3_x64(data: &[u8]) -> (u64, u64) {
    const C1: u64 = 0x87c3_7b91_1142_53d5;
    const C2: u64 = 0x4cf5_ad43_2745_937f;
    let word = |bytes: &[u8]| bytes.iter().rev().fold(0u64, |word, byte| (word << 8) | u64::from(*byte));
    let low = |k: u64| k.wrapping_mul(C1).rotate_left(31).wrapping_mul(C2);
    let high = |k: u64| k.wrapping_mul(C2).rotate_left(33).wrapping_mul(C1);
    let (mut h1, mut h2) = (0u64, 0u64);
    let (blocks, tail) = data.as_chunks::<16>();
    for block in blocks {
        let (a, b) = block.split_at(8);
        h1 = (h1 ^ low(word(a))).rotate_left(27).wrapping_add(h2).wrapping_mul(5).wrapping_add(0x52dc_e729);
        h2 = (h2 ^ high(word(b))).rotate_left(31).wrapping_add(h1).wrapping_mul(5).wrapping_add(0x3849_5ab5);
    }
    let (a, b) = tail.split_at(tail.len().min(8));
    h1 ^= low(word(a)) ^ data.len() as u64;
    h2 ^= high(word(b)) ^ data.len() as u64;
    let finish = |mut h: u64| {
        h = (h ^ (h >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        h = (h ^ (h >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        h ^ (h >> 33)
    };
    h1 = h1.wrapping_add(h2);
    h2 = h2.wrapping_add(h1);
    (h1, h2) = (finish(h1), finish(h2));
    h1 = h1.wrapping_add(h2);
    (h1, h2.wrapping_add(h1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_murmurs() {
        assert_eq!(murmur3_x64(b""), (0, 0));
        assert_eq!(murmur3_x64(b"hello"), (0xcbd8_a7b3_41bd_9b02, 0x5b1e_906a_48ae_1d19));
    }
}

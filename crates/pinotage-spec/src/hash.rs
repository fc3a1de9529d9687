//! The hash functions that Pinot's partition functions and scalar functions share.

/// Kafka's MurmurHash2.
pub fn murmur2(data: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mut hash = 0x9747_b28c_u32 ^ data.len() as u32;
    let (words, tail) = data.as_chunks::<4>();
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(M);
        k = (k ^ (k >> 24)).wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ k;
    }
    if !tail.is_empty() {
        for (i, byte) in tail.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * i);
        }
        hash = hash.wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    hash ^ (hash >> 15)
}

/// `murmur3_x86_32`
pub fn murmur3_x86(data: &[u8], seed: u32) -> u32 {
    let mix = |k: u32| k.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
    let mut hash = seed;
    let (words, tail) = data.as_chunks::<4>();
    for word in words {
        hash ^= mix(u32::from_le_bytes(*word));
        hash = hash.rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    if !tail.is_empty() {
        let k = tail.iter().enumerate().fold(0, |k, (i, byte)| k | (u32::from(*byte) << (8 * i)));
        hash ^= mix(k);
    }
    hash ^= data.len() as u32;
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

/// The variant of Murmur3 of Infinispan and Debezium: both halves.
pub fn murmur3_x64(data: &[u8], seed: u32) -> (u64, u64) {
    let seed = i64::from(seed as i32) as u64;
    let mut h1 = 0x9368_e53c_2f6a_f274 ^ seed;
    let mut h2 = 0x586d_cd20_8f7c_d3fd ^ seed;
    let mut c1 = 0x87c3_7b91_1142_53d5_u64;
    let mut c2 = 0x4cf5_ad43_2745_937f_u64;
    let mut block = |k1: u64, k2: u64, h1: &mut u64, h2: &mut u64| {
        *h1 ^= k1.wrapping_mul(c1).rotate_left(23).wrapping_mul(c2);
        *h1 = h1.wrapping_add(*h2);
        *h2 = h2.rotate_left(41);
        *h2 ^= k2.wrapping_mul(c2).rotate_left(23).wrapping_mul(c1);
        *h2 = h2.wrapping_add(*h1);
        *h1 = h1.wrapping_mul(3).wrapping_add(0x52dc_e729);
        *h2 = h2.wrapping_mul(3).wrapping_add(0x3849_5ab5);
        c1 = c1.wrapping_mul(5).wrapping_add(0x7b7d_159c);
        c2 = c2.wrapping_mul(5).wrapping_add(0x6bce_6396);
    };
    let (blocks, tail) = data.as_chunks::<16>();
    for bytes in blocks {
        let (low, high) = bytes.split_at(8);
        let word = |half: &[u8]| half.iter().rev().fold(0u64, |word, byte| (word << 8) | u64::from(*byte));
        block(word(low), word(high), &mut h1, &mut h2);
    }
    if !tail.is_empty() {
        // The original extends the sign of each tail byte before shifting it to its place.
        let word = |bytes: &[u8]| {
            bytes.iter().enumerate().fold(0u64, |word, (i, byte)| word ^ ((i64::from(*byte as i8) as u64) << (8 * i)))
        };
        let (low, high) = tail.split_at(tail.len().min(8));
        block(word(low), word(high), &mut h1, &mut h2);
    }
    h2 ^= data.len() as u64;
    h1 = h1.wrapping_add(h2);
    h2 = h2.wrapping_add(h1);
    h1 = finish(h1);
    h2 = finish(h2);
    h1 = h1.wrapping_add(h2);
    (h1, h2.wrapping_add(h1))
}

fn finish(mut h: u64) -> u64 {
    h = (h ^ (h >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    h = (h ^ (h >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    h ^ (h >> 33)
}

/// Bytes as a number, the first one the lowest.
fn little(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

/// `murmur3_x64_128`: both halves.
pub fn murmur3_128(data: &[u8], seed: u32) -> (u64, u64) {
    const C1: u64 = 0x87c3_7b91_1142_53d5;
    const C2: u64 = 0x4cf5_ad43_2745_937f;
    let low = |k: u64| k.wrapping_mul(C1).rotate_left(31).wrapping_mul(C2);
    let high = |k: u64| k.wrapping_mul(C2).rotate_left(33).wrapping_mul(C1);
    let seed = i64::from(seed as i32) as u64;
    let (mut h1, mut h2) = (seed, seed);
    let (blocks, tail) = data.as_chunks::<16>();
    for block in blocks {
        let (k1, k2) = block.split_at(8);
        h1 = (h1 ^ low(little(k1))).rotate_left(27).wrapping_add(h2).wrapping_mul(5).wrapping_add(0x52dc_e729);
        h2 = (h2 ^ high(little(k2))).rotate_left(31).wrapping_add(h1).wrapping_mul(5).wrapping_add(0x3849_5ab5);
    }
    let (k1, k2) = tail.split_at(tail.len().min(8));
    h1 ^= low(little(k1));
    h2 ^= high(little(k2));
    h1 ^= data.len() as u64;
    h2 ^= data.len() as u64;
    h1 = h1.wrapping_add(h2);
    h2 = h2.wrapping_add(h1);
    (h1, h2) = (finish(h1), finish(h2));
    h1 = h1.wrapping_add(h2);
    (h1, h2.wrapping_add(h1))
}

/// MurmurHash2 of 64 bits (`MurmurHash64A`).
pub fn murmur2_64(data: &[u8], seed: u32) -> u64 {
    const M: u64 = 0xc6a4_a793_5bd1_e995;
    let mut hash = u64::from(seed) ^ (data.len() as u64).wrapping_mul(M);
    let (words, tail) = data.as_chunks::<8>();
    for word in words {
        let k = u64::from_le_bytes(*word).wrapping_mul(M);
        hash = (hash ^ (k ^ (k >> 47)).wrapping_mul(M)).wrapping_mul(M);
    }
    if !tail.is_empty() {
        hash = (hash ^ little(tail)).wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 47)).wrapping_mul(M);
    hash ^ (hash >> 47)
}

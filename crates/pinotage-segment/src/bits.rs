//! Bit streams, most significant bit first, as `PinotDataBitSet` lays them out.

/// Bits of a dictionary id in a column of this cardinality: at least one.
///
/// # Pinot equivalent
///
/// `PinotDataBitSet.getNumBitsPerValue(cardinality - 1)`
pub const fn bits_per_id(cardinality: u32) -> u8 {
    let bits = 32 - cardinality.saturating_sub(1).leading_zeros();
    if bits == 0 { 1 } else { bits as u8 }
}

/// Bytes of a stream of `count` values.
pub const fn packed_len(count: usize, bits: u8) -> usize {
    (count * bits as usize).div_ceil(8)
}

/// Appends values as a stream; the unused low bits of the last byte are 0.
pub fn pack(values: impl IntoIterator<Item = u32>, bits: u8, out: &mut Vec<u8>) {
    let bits = u32::from(bits);
    let mut buffer: u64 = 0;
    let mut filled: u32 = 0;
    values.into_iter().for_each(|value| {
        buffer = (buffer << bits) | u64::from(value);
        filled += bits;
        if filled >= 32 {
            filled -= 32;
            out.extend_from_slice(&((buffer >> filled) as u32).to_be_bytes());
        }
    });
    while filled > 0 {
        let take = filled.min(8);
        filled -= take;
        out.push((((buffer >> filled) as u32) << (8 - take)) as u8);
    }
}

/// Reads `out.len()` values from value number `start`.
///
/// Returns false, with `out` in an unknown state, when the stream is too short or `bits` is not 1 to 31.
#[must_use]
pub fn unpack(stream: &[u8], bits: u8, start: usize, out: &mut [u32]) -> bool {
    if !(1..=31).contains(&bits) || start.checked_add(out.len()).is_none_or(|end| packed_len(end, bits) > stream.len())
    {
        return false;
    }
    let width = usize::from(bits);
    let mask = (1u64 << bits) - 1;
    // Every eighth value begins at a byte.
    let done = match stream.get(start / 8 * width..).filter(|_| start.is_multiple_of(8)) {
        Some(stream) => unpack_groups(stream, bits, out),
        None => 0,
    };
    for (i, value) in out.iter_mut().enumerate().skip(done) {
        let bit = (start + i) * width;
        let byte = bit / 8;
        // Eight bytes hold any value of at most 31 bits at any bit offset; near the end fewer are left.
        let word = match stream.get(byte..byte + 8) {
            Some(window) => window.iter().fold(0u64, |word, byte| (word << 8) | u64::from(*byte)),
            None => {
                let tail = stream.get(byte..).unwrap_or_default();
                let word = tail.iter().fold(0u64, |word, byte| (word << 8) | u64::from(*byte));
                word << (8 * (8 - tail.len()))
            }
        };
        *value = ((word >> (64 - width - bit % 8)) & mask) as u32;
    }
    true
}

/// Reads values from the first one of a stream, eight at a time, and returns how many: not those at its end.
fn unpack_groups(stream: &[u8], bits: u8, out: &mut [u32]) -> usize {
    // With a width that is known, all places and shifts of a group are.
    macro_rules! of_width {
        ($($width:literal)*) => {
            match bits {
                $($width => groups::<$width>(stream, out),)*
                _ => 0,
            }
        };
    }
    of_width!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31)
}

fn groups<const WIDTH: usize>(stream: &[u8], out: &mut [u32]) -> usize {
    let mut done = 0;
    for (group, values) in out.as_chunks_mut::<8>().0.iter_mut().enumerate() {
        // Eight bytes hold any value, the last one of the group too.
        let Some(bytes) = stream.get(group * WIDTH..group * WIDTH + WIDTH + 8) else { break };
        for (i, value) in values.iter_mut().enumerate() {
            let bit = i * WIDTH;
            let word = bytes.get(bit / 8..).and_then(<[u8]>::first_chunk).copied().unwrap_or_default();
            *value = ((u64::from_be_bytes(word) >> (64 - WIDTH - bit % 8)) & ((1 << WIDTH) - 1)) as u32;
        }
        done += values.len();
    }
    done
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn widths_are_pinots() {
        let widths: Vec<u8> = [0, 1, 2, 3, 4, 5, 256, 257].map(bits_per_id).to_vec();
        assert_eq!(widths, [1, 1, 1, 2, 2, 3, 8, 9]);
    }

    #[test]
    fn the_worked_example_packs() {
        let mut out = Vec::new();
        pack([2, 0, 2, 3, 1], 2, &mut out);
        assert_eq!(out, [0x8b, 0x40]);
    }

    #[test]
    fn a_short_stream_is_refused() {
        assert!(!unpack(&[0xff], 3, 0, &mut [0; 3]));
        assert!(!unpack(&[0xff], 0, 0, &mut [0; 1]));
        assert!(!unpack(&[0xff], 32, 0, &mut [0; 1]));
        assert!(!unpack(&[0xff], 8, usize::MAX, &mut [0; 1]));
    }

    proptest! {
        #[test]
        fn unpacks_what_it_packs(bits in 1u8..=31, raw in proptest::collection::vec(any::<u32>(), 0..200), start in 0usize..50) {
            let values: Vec<u32> = raw.iter().map(|value| value & ((1u64 << bits) - 1) as u32).collect();
            let mut out = Vec::new();
            pack(values.iter().copied(), bits, &mut out);
            prop_assert_eq!(out.len(), packed_len(values.len(), bits));
            let start = start.min(values.len());
            let mut back = vec![0; values.len() - start];
            prop_assert!(unpack(&out, bits, start, &mut back));
            prop_assert_eq!(back, &values[start..]);
        }
    }
}

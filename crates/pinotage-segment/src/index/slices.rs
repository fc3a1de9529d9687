//! The bits of 64 numbers, and the numbers of 64 rows of bits.

/// Turns 64 numbers around: bit `r` of number `s` becomes bit `s` of number `r`.
pub(crate) fn transpose(rows: &mut [u64; 64]) {
    let mut width = 32;
    let mut mask = 0x0000_0000_FFFF_FFFF_u64;
    while width != 0 {
        for low in (0..64).filter(|row| row & width == 0) {
            let swap = ((rows[low] >> width) ^ rows[low | width]) & mask;
            rows[low] ^= swap << width;
            rows[low | width] ^= swap;
        }
        width >>= 1;
        mask ^= mask << width;
    }
}

/// A float as a number in the same order; NaN is with the least, and both zeros are one.
///
/// # Pinot equivalent
///
/// `FPOrdering.ordinalOf`
pub(crate) fn float_ordinal(value: f32) -> u64 {
    const SIGN: u32 = 1 << 31;
    let bits = value.to_bits();
    u64::from(match value {
        f32::INFINITY => u32::MAX,
        _ if value.is_nan() || value == f32::NEG_INFINITY => 0,
        _ if value == 0.0 => SIGN,
        _ if bits & SIGN != 0 => !bits,
        _ => bits ^ SIGN,
    })
}

/// As [`float_ordinal`], of a double.
pub(crate) fn double_ordinal(value: f64) -> u64 {
    const SIGN: u64 = 1 << 63;
    let bits = value.to_bits();
    match value {
        f64::INFINITY => u64::MAX,
        _ if value.is_nan() || value == f64::NEG_INFINITY => 0,
        _ if value == 0.0 => SIGN,
        _ if bits & SIGN != 0 => !bits,
        _ => bits ^ SIGN,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bits_are_turned_around_and_back(seed: u64, row in 0..64usize, slice in 0..64usize) {
            let mut rows = [0; 64];
            rows.iter_mut().zip(1u64..).for_each(|(row, at)| *row = seed.wrapping_mul(at).rotate_left(at as u32 % 64));
            let before = rows;
            transpose(&mut rows);
            prop_assert_eq!(rows[slice] >> row & 1, before[row] >> slice & 1);
            transpose(&mut rows);
            prop_assert_eq!(rows, before);
        }

        #[test]
        fn ordinals_are_in_order(a: f64, b: f64) {
            prop_assert_eq!(double_ordinal(a).cmp(&double_ordinal(b)), a.partial_cmp(&b).unwrap());
            let (a, b) = (a as f32, b as f32);
            prop_assert_eq!(float_ordinal(a).cmp(&float_ordinal(b)), a.partial_cmp(&b).unwrap());
        }
    }

    #[test]
    fn odd_numbers_have_pinots_ordinals() {
        let odd = [f64::NAN, f64::NEG_INFINITY, -f64::MAX, -0.0, 0.0, f64::INFINITY];
        assert_eq!(odd.map(double_ordinal), [0, 0, 1 << 52, 1 << 63, 1 << 63, u64::MAX]);
        let odd = [f32::NAN, f32::NEG_INFINITY, -f32::MAX, -0.0, 0.0, f32::INFINITY];
        assert_eq!(odd.map(float_ordinal), [0, 0, 1 << 23, 1 << 31, 1 << 31, u64::from(u32::MAX)]);
    }
}

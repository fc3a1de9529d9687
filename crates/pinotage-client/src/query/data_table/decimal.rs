//! BIG_DECIMAL as text.

use std::fmt::Write as _;

use bigdecimal::num_bigint::BigInt;

/// Appends the plain text of Pinot's bytes of a decimal, with all its digits: a 16-bit scale, then the unscaled value in
/// two's complement, big-endian. Nothing when there are fewer than three bytes.
/// `digits` is room to work in.
///
/// # Pinot equivalent
///
/// `BigDecimalUtils.deserialize` and `BigDecimal.toPlainString`
pub(super) fn append_plain(bytes: &[u8], digits: &mut String, out: &mut Vec<u8>) -> Option<()> {
    let (scale, unscaled) = bytes.split_first_chunk::<2>()?;
    let first = *unscaled.first()?;
    let scale = i16::from_be_bytes(*scale);
    digits.clear();
    let negative = first >= 0x80;
    let written = if unscaled.len() <= 16 {
        // Nearly all: no allocation.
        let mut wide = [if negative { 0xff } else { 0 }; 16];
        let (_, tail) = wide.split_at_mut(16 - unscaled.len());
        tail.copy_from_slice(unscaled);
        write!(digits, "{}", i128::from_be_bytes(wide).unsigned_abs())
    } else {
        write!(digits, "{}", BigInt::from_signed_bytes_be(unscaled).magnitude())
    };
    // A text always takes what is written to it.
    written.ok()?;
    let digits = digits.as_bytes();
    if negative {
        out.push(b'-');
    }
    match usize::try_from(scale) {
        Ok(0) => out.extend(digits),
        Ok(scale) => {
            let whole = digits.len().saturating_sub(scale);
            let (before, after) = digits.split_at(whole);
            out.extend(if before.is_empty() { b"0" } else { before });
            out.push(b'.');
            out.resize(out.len() + (scale - after.len()), b'0');
            out.extend(after);
        }
        Err(_) if digits == b"0" => out.push(b'0'),
        Err(_) => {
            out.extend(digits);
            out.resize(out.len() + usize::from(scale.unsigned_abs()), b'0');
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use pinotage_spec::BigDecimalBytes;

    use super::*;

    #[test]
    fn text_is_javas_plain_string() {
        for (text, plain) in [
            ("0", "0"),
            ("0.00", "0.00"),
            ("0E+3", "0"),
            ("1E+3", "1000"),
            ("-12E+2", "-1200"),
            ("0.001", "0.001"),
            ("-0.05", "-0.05"),
            ("123.45", "123.45"),
            ("-128", "-128"),
            ("170141183460469231731687303715884105727", "170141183460469231731687303715884105727"),
            ("-170141183460469231731687303715884105728.5", "-170141183460469231731687303715884105728.5"),
            (
                "12345678901234567890123456789012345678901234567890.12",
                "12345678901234567890123456789012345678901234567890.12",
            ),
        ] {
            let (mut bytes, mut out) = (Vec::new(), Vec::new());
            BigDecimalBytes::encode(&text.parse().unwrap(), &mut bytes).unwrap();
            append_plain(&bytes, &mut String::new(), &mut out).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), plain, "{text}");
        }
        assert!(append_plain(&[0, 1], &mut String::new(), &mut Vec::new()).is_none());
    }
}

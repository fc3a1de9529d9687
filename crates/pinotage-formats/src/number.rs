//! Numbers from text: strict, exact or correctly rounded, and without allocation.

/// Why a text is not a value of the column's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reject {
    /// Not of that kind at all.
    WrongType,
    /// Of that kind, but the type cannot hold it.
    OutOfRange,
}

pub(crate) fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = text {
        text = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

/// A decimal integer with an optional sign, blanks around it allowed. Leading zeros are read as Java reads them.
#[inline]
pub(crate) fn parse_i64(text: &[u8]) -> Result<i64, Reject> {
    let text = trim(text);
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    if digits.is_empty() {
        return Err(Reject::WrongType);
    }
    if digits.len() <= 18 {
        let mut value = 0i64;
        for &byte in digits {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return Err(Reject::WrongType);
            }
            value = value * 10 + i64::from(digit);
        }
        return Ok(if negative { -value } else { value });
    }
    if !digits.iter().all(u8::is_ascii_digit) {
        return Err(Reject::WrongType);
    }
    // Downwards, because i64::MIN has no positive twin.
    let mut value = 0i64;
    for &byte in digits {
        value = value
            .checked_mul(10)
            .and_then(|value| value.checked_sub(i64::from(byte - b'0')))
            .ok_or(Reject::OutOfRange)?;
    }
    if negative { Ok(value) } else { value.checked_neg().ok_or(Reject::OutOfRange) }
}

/// As [`parse_i64`] for values up to `u64::MAX`; a negative number is out of range.
pub(crate) fn parse_u64(text: &[u8]) -> Result<u64, Reject> {
    let text = trim(text);
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Reject::WrongType);
    }
    let mut value = 0u64;
    for &byte in digits {
        value = value
            .checked_mul(10)
            .and_then(|value| value.checked_add(u64::from(byte - b'0')))
            .ok_or(Reject::OutOfRange)?;
    }
    if negative && value != 0 {
        return Err(Reject::OutOfRange);
    }
    Ok(value)
}

const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// A decimal number, correctly rounded, or Java's `NaN`, `Infinity`, `-Infinity`. What would overflow to infinity is
/// out of range; what is nearer to zero than the smallest double is zero.
#[inline]
pub(crate) fn parse_f64(text: &[u8]) -> Result<f64, Reject> {
    let text = trim(text);
    if let Some((mantissa, scale, negative)) = short_decimal(text)
        && mantissa <= 1 << 53
    {
        // Both operands are exact, so the one division rounds once (Clinger's fast path).
        let value = mantissa as f64 / POWERS[scale];
        return Ok(if negative { -value } else { value });
    }
    parse_slow::<f64>(text, f64::is_infinite, f64::NAN, f64::INFINITY, f64::NEG_INFINITY)
}

/// As [`parse_f64`] for single precision, rounded once from the text.
pub(crate) fn parse_f32(text: &[u8]) -> Result<f32, Reject> {
    let text = trim(text);
    if let Some((mantissa, scale, negative)) = short_decimal(text)
        && mantissa <= 1 << 24
        && scale <= 10
    {
        let value = mantissa as f32 / POWERS[scale] as f32;
        return Ok(if negative { -value } else { value });
    }
    parse_slow::<f32>(text, f32::is_infinite, f32::NAN, f32::INFINITY, f32::NEG_INFINITY)
}

/// `[+-]digits[.digits]` of at most 18 digits as (mantissa, digits after the point, sign).
#[inline]
fn short_decimal(text: &[u8]) -> Option<(u64, usize, bool)> {
    let (negative, body) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    if body.is_empty() || body.len() > 19 {
        return None;
    }
    let mut mantissa = 0u64;
    let mut point = None;
    for (i, &byte) in body.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit <= 9 {
            mantissa = mantissa * 10 + u64::from(digit);
        } else if byte == b'.' && point.is_none() {
            point = Some(i);
        } else {
            return None;
        }
    }
    match point {
        None if body.len() <= 18 => Some((mantissa, 0, negative)),
        Some(at) if body.len() > 1 => Some((mantissa, body.len() - at - 1, negative)),
        _ => None,
    }
}

#[cold]
fn parse_slow<T: std::str::FromStr + Copy>(
    text: &[u8],
    is_infinite: fn(T) -> bool,
    nan: T,
    infinity: T,
    negative_infinity: T,
) -> Result<T, Reject> {
    match text {
        b"NaN" | b"+NaN" | b"-NaN" => return Ok(nan),
        b"Infinity" | b"+Infinity" => return Ok(infinity),
        b"-Infinity" => return Ok(negative_infinity),
        _ => {}
    }
    // The standard library also takes `inf` and `nan` in any case; a number has only these bytes.
    let numeric = |byte: &u8| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-');
    if !text.iter().all(numeric) {
        return Err(Reject::WrongType);
    }
    let text = std::str::from_utf8(text).map_err(|_| Reject::WrongType)?;
    let value: T = text.parse().map_err(|_| Reject::WrongType)?;
    if is_infinite(value) {
        return Err(Reject::OutOfRange);
    }
    Ok(value)
}

/// The digits of a whole number written with a point or an exponent (`1.0`, `12e2`), appended to `out`.
pub(crate) fn whole_digits(text: &[u8], out: &mut Vec<u8>) -> Result<(), Reject> {
    let (mantissa, exponent) = match memchr::memchr2(b'e', b'E', text) {
        Some(at) => (&text[..at], parse_i64(&text[at + 1..])?),
        None => (text, 0),
    };
    let (negative, mantissa) = match mantissa {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, mantissa),
    };
    let fraction = memchr::memchr(b'.', mantissa).map_or(0, |at| mantissa.len() - at - 1);
    let mut digits: Vec<u8> = mantissa.iter().copied().filter(|byte| *byte != b'.').collect();
    let mut exponent = exponent.saturating_sub(fraction as i64);
    while digits.last() == Some(&b'0') {
        digits.pop();
        exponent = exponent.saturating_add(1);
    }
    let zeros = digits.iter().take_while(|byte| **byte == b'0').count();
    digits.drain(..zeros);
    if digits.is_empty() {
        out.push(b'0');
        return Ok(());
    }
    if exponent < 0 {
        return Err(Reject::WrongType);
    }
    // No integer type has more than 20 digits, so the zeros are few.
    if exponent.saturating_add(digits.len() as i64) > 20 {
        return Err(Reject::OutOfRange);
    }
    if negative {
        out.push(b'-');
    }
    out.append(&mut digits);
    out.extend(std::iter::repeat_n(b'0', exponent as usize));
    Ok(())
}

/// `true` and `false` in any case, `1` and `0`.
pub(crate) fn parse_bool(text: &[u8]) -> Result<bool, Reject> {
    let text = trim(text);
    if text == b"1" || text.eq_ignore_ascii_case(b"true") {
        Ok(true)
    } else if text == b"0" || text.eq_ignore_ascii_case(b"false") {
        Ok(false)
    } else {
        Err(Reject::WrongType)
    }
}

/// Pairs of hexadecimal digits appended to `out`, as Pinot writes BYTES in text.
pub(crate) fn parse_hex(text: &[u8], out: &mut Vec<u8>) -> Result<(), Reject> {
    let start = out.len();
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let (pairs, rest) = text.as_chunks::<2>();
    for &[high, low] in pairs {
        match (digit(high), digit(low)) {
            (Some(high), Some(low)) => out.push(high << 4 | low),
            _ => {
                out.truncate(start);
                return Err(Reject::WrongType);
            }
        }
    }
    if rest.is_empty() {
        Ok(())
    } else {
        out.truncate(start);
        Err(Reject::WrongType)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn integers_at_the_borders() {
        for value in [0, 1, -1, i64::MAX, i64::MIN, i64::MAX - 1, 999_999_999_999_999_999] {
            assert_eq!(parse_i64(value.to_string().as_bytes()), Ok(value));
        }
        assert_eq!(parse_i64(b" +007 "), Ok(7));
        assert_eq!(parse_i64(b"0000000000000000000000000000007"), Ok(7));
        assert_eq!(parse_i64(b"9223372036854775808"), Err(Reject::OutOfRange));
        assert_eq!(parse_i64(b"-9223372036854775809"), Err(Reject::OutOfRange));
        for text in ["", " ", "-", "+", "1.5", "1e3", "0x1", "1 2", "--1", "1_000"] {
            assert_eq!(parse_i64(text.as_bytes()), Err(Reject::WrongType), "{text}");
        }
        assert_eq!(parse_u64(b"18446744073709551615"), Ok(u64::MAX));
        assert_eq!(parse_u64(b"-1"), Err(Reject::OutOfRange));
    }

    #[test]
    fn whole_numbers_are_found_exactly() {
        for (text, expected) in [
            ("1.0", Ok("1")),
            ("-12.50e1", Ok("-125")),
            ("0.00", Ok("0")),
            ("0e99", Ok("0")),
            ("9223372036854775807.0", Ok("9223372036854775807")),
            ("1.5", Err(Reject::WrongType)),
            ("1e-1", Err(Reject::WrongType)),
            ("1e400", Err(Reject::OutOfRange)),
            ("1e99999999999999999999", Err(Reject::OutOfRange)),
        ] {
            let mut out = Vec::new();
            let found = whole_digits(text.as_bytes(), &mut out).map(|()| String::from_utf8(out).unwrap());
            assert_eq!(found, expected.map(str::to_owned), "{text}");
        }
    }

    #[test]
    fn floats_spell_specials_as_java() {
        assert!(parse_f64(b"NaN").unwrap().is_nan());
        assert_eq!(parse_f64(b"-Infinity"), Ok(f64::NEG_INFINITY));
        assert_eq!(parse_f64(b"1e999"), Err(Reject::OutOfRange));
        assert_eq!(parse_f64(b"1e-999"), Ok(0.0));
        assert!(parse_f64(b"-0").unwrap().is_sign_negative());
        for text in ["", ".", "-", "inf", "nan", "infinity", "1e", "1.2.3", "1f", "0x1p3"] {
            assert_eq!(parse_f64(text.as_bytes()), Err(Reject::WrongType), "{text}");
        }
        assert_eq!(parse_f32(b"3.4e39"), Err(Reject::OutOfRange));
    }

    proptest! {
        #[test]
        fn floats_round_as_the_standard_library(text in "-?[0-9]{1,20}(\\.[0-9]{0,20})?(e-?[0-9]{1,2})?") {
            prop_assert_eq!(parse_f64(text.as_bytes()).unwrap().to_bits(), text.parse::<f64>().unwrap().to_bits());
            let single: f32 = text.parse().unwrap();
            if single.is_finite() {
                prop_assert_eq!(parse_f32(text.as_bytes()).unwrap().to_bits(), single.to_bits());
            }
        }

        #[test]
        fn integers_survive(value: i64) {
            prop_assert_eq!(parse_i64(value.to_string().as_bytes()), Ok(value));
        }
    }
}

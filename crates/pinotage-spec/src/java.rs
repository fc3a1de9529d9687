//! What Java does and Rust does not: UTF-16 order and the text of floating-point numbers.

use std::cmp::Ordering;

/// Compares as `String.compareTo` does: by UTF-16 code units.
///
/// UTF-8 bytes give the same order except where a supplementary character (lead byte `F0` and up) meets
/// U+E000 to U+FFFF (lead bytes `EE` and `EF`), which Java sorts last.
pub fn compare_utf16(a: &[u8], b: &[u8]) -> Ordering {
    let common = a.len().min(b.len());
    match a[..common].iter().zip(&b[..common]).find(|(x, y)| x != y) {
        None => a.len().cmp(&b.len()),
        Some((&x, &y)) => utf16_rank(x).cmp(&utf16_rank(y)),
    }
}

const fn utf16_rank(byte: u8) -> u8 {
    match byte {
        0xEE | 0xEF => byte + 0x10,
        _ => byte,
    }
}

/// `Double.toString`: shortest digits, at least one after the point, `E` outside 10⁻³..10⁷.
pub fn double_to_string(value: f64) -> String {
    if value.is_nan() {
        return "NaN".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.into();
    }
    layout(&format!("{value:e}"), value, |text| text.parse() == Ok(value.abs()))
}

/// `Float.toString`, as [`double_to_string`].
pub fn float_to_string(value: f32) -> String {
    if value.is_nan() || value.is_infinite() {
        return double_to_string(f64::from(value));
    }
    layout(&format!("{value:e}"), f64::from(value), |text| text.parse() == Ok(value.abs()))
}

/// Turns Rust's `-1.25e-7` into Java's layout. `is_same` tells whether a text is the number without its sign.
fn layout(scientific: &str, value: f64, is_same: impl Fn(&str) -> bool) -> String {
    let (sign, rest) = match scientific.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", scientific),
    };
    if value == 0.0 {
        return format!("{sign}0.0");
    }
    // Java has two digits at least, which among the smallest numbers are others than the only one and a zero: 4.9E-324.
    let two = Some(format!("{:.1e}", value.abs())).filter(|two| rest.find('e') == Some(1) && is_same(two));
    let rest = two.as_deref().map_or(rest.to_owned(), |two| two.replace(".0e", "e"));
    let (mantissa, exponent) = rest.split_once('e').unwrap_or((&rest, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let mut digits: String = mantissa.chars().filter(|c| *c != '.').collect();
    if let Some(even) = even_digits(&digits, value, is_same) {
        digits = even;
    }
    if !(-3..7).contains(&exponent) {
        let fraction = if digits.len() > 1 { &digits[1..] } else { "0" };
        return format!("{sign}{}.{fraction}E{exponent}", &digits[..1]);
    }
    if exponent < 0 {
        let zeros = "0".repeat((-exponent - 1) as usize);
        return format!("{sign}0.{zeros}{digits}");
    }
    let whole = exponent as usize + 1;
    if digits.len() <= whole {
        format!("{sign}{digits}{}.0", "0".repeat(whole - digits.len()))
    } else {
        format!("{sign}{}.{}", &digits[..whole], &digits[whole..])
    }
}

/// A number in the middle between two texts of the same length has the even one in Java, and the upper one in Rust. `None` where that
/// is the same.
fn even_digits(digits: &str, value: f64, is_same: impl Fn(&str) -> bool) -> Option<String> {
    if !digits.ends_with(['1', '3', '5', '7', '9']) {
        return None;
    }
    let bits = value.to_bits();
    let (exponent, fraction) = ((bits >> 52 & 0x7ff) as i32, bits & ((1 << 52) - 1));
    let mantissa = if exponent == 0 { fraction } else { fraction | 1 << 52 };
    // The number is a whole number divided by so many twos, and has as many decimals.
    let decimals = 1075 - exponent.max(1) - mantissa.trailing_zeros() as i32;
    let fives = u32::try_from(decimals).ok().filter(|decimals| (1..=26).contains(decimals))?;
    let exact = u128::from(mantissa >> mantissa.trailing_zeros()) * 5_u128.pow(fives);
    let (short, last) = (exact / 10, exact % 10);
    let is_between = last == 5 && short % 2 == 0 && short.to_string().len() == digits.len();
    let is_same = || is_same(&format!("{short}e-{}", fives - 1));
    (is_between && digits.parse() == Ok(short + 1) && is_same()).then(|| short.to_string())
}

/// The length of a string in UTF-16 code units, as `String.length`.
pub fn utf16_len(text: &str) -> usize {
    // Every character is one unit, but those of four UTF-8 bytes are two.
    text.bytes().filter(|byte| (byte & 0xC0) != 0x80).map(|byte| 1 + usize::from(byte >= 0xF0)).sum()
}

/// The first `units` UTF-16 units, and whether half a surrogate pair follows: Java encodes that as `?`.
pub fn cut_utf16(text: &str, units: usize) -> (&str, bool) {
    let mut left = units;
    for (at, c) in text.char_indices() {
        if left < c.len_utf16() {
            return (&text[..at], left == 1);
        }
        left -= c.len_utf16();
    }
    (text, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_that_of_utf16() {
        let mut words = vec!["null", "\u{FFFD}", "apple", "😀", "pear", "a,b ", "", "é"];
        words.sort_by(|a, b| compare_utf16(a.as_bytes(), b.as_bytes()));
        let mut expected = words.clone();
        expected.sort_by_key(|word| word.encode_utf16().collect::<Vec<_>>());
        assert_eq!(words, expected);
        assert!(compare_utf16("😀".as_bytes(), "\u{FFFD}".as_bytes()).is_lt());
    }

    #[test]
    fn numbers_read_as_in_java() {
        for (value, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (1e10, "1.0E10"),
            (1.5, "1.5"),
            (123456.789, "123456.789"),
            (9999999.0, "9999999.0"),
            (1e7, "1.0E7"),
            (0.001, "0.001"),
            (0.00012, "1.2E-4"),
            (f64::MIN_POSITIVE, "2.2250738585072014E-308"),
            (f64::MAX, "1.7976931348623157E308"),
            (-1234.5, "-1234.5"),
            // In the middle between two texts: the even one.
            (25.931_167_602_539_063, "25.931167602539062"),
            (-27.340_164_184_570_313, "-27.340164184570312"),
            (0.5, "0.5"),
            (2.5, "2.5"),
            (100.0, "100.0"),
        ] {
            assert_eq!(double_to_string(value), text);
        }
        assert_eq!(float_to_string(3.4028235e38), "3.4028235E38");
        assert_eq!(float_to_string(0.1), "0.1");
        let smallest = [1, 2, 3, 4].map(|bits| double_to_string(f64::from_bits(bits)));
        assert_eq!(smallest, ["4.9E-324", "9.9E-324", "1.5E-323", "2.0E-323"]);
        assert_eq!([float_to_string(f32::from_bits(1)), double_to_string(2e23)], ["1.4E-45", "2.0E23"]);
        assert_eq!(double_to_string(f64::NEG_INFINITY), "-Infinity");
    }

    #[test]
    fn length_counts_surrogate_pairs_twice() {
        assert_eq!(utf16_len("aé😀"), 4);
    }
}

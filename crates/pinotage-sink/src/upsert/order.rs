//! Pinot's order of comparison values, as bytes that compare so.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, BinaryBuilder, StringArray};
use arrow::buffer::{Buffer, OffsetBuffer};
use arrow::datatypes::DataType as Arrow;
use pinotage_common::{Error, Result};
use pinotage_spec::DataType;

/// Values whose order as Arrow's row format has it is that of Java: texts by UTF-16 units, decimals by number.
pub(super) fn ordered(column: &ArrayRef, data_type: DataType) -> Result<ArrayRef> {
    match (data_type, column.data_type()) {
        (DataType::String | DataType::Json, Arrow::Utf8) => Ok(Arc::new(utf16_ordered(column.as_string()))),
        (DataType::BigDecimal, Arrow::Utf8) => Ok(Arc::new(number_ordered(column.as_string())?)),
        _ => Ok(column.clone()),
    }
}

/// UTF-8 has the order of UTF-16 but for U+E000 to U+FFFF, which Java sorts behind supplementary characters
/// ([`pinotage_spec::java::compare_utf16`]): their first bytes go behind all others.
fn utf16_ordered(texts: &StringArray) -> BinaryArray {
    let values = texts.values();
    let moved = |byte: &u8| matches!(byte, 0xEE | 0xEF);
    let values = if values.iter().any(moved) {
        values.iter().map(|byte| if moved(byte) { byte + 0x10 } else { *byte }).collect::<Vec<u8>>().into()
    } else {
        Buffer::clone(values)
    };
    BinaryArray::new(OffsetBuffer::clone(texts.offsets()), values, texts.nulls().cloned())
}

fn number_ordered(texts: &StringArray) -> Result<BinaryArray> {
    let mut ordered = BinaryBuilder::new();
    let mut bytes = Vec::new();
    for text in texts {
        let Some(text) = text else {
            ordered.append_null();
            continue;
        };
        bytes.clear();
        write_number(text, &mut bytes).ok_or_else(|| {
            Error::invalid_data(format!("expected a decimal number without exponent, found `{text}`"))
        })?;
        ordered.append_value(&bytes);
    }
    Ok(ordered.finish())
}

/// Sign, the place of the first digit, the digits without zeros at the end; all but the sign turned over below zero.
fn write_number(text: &str, out: &mut Vec<u8>) -> Option<()> {
    let (digits, is_negative) = match text.strip_prefix('-') {
        Some(digits) => (digits, true),
        None => (text, false),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let all = || whole.bytes().chain(fraction.bytes());
    let Some(first) = all().position(|digit| digit != b'0') else {
        out.push(1);
        return Some(());
    };
    let last = all().enumerate().filter(|(_, digit)| *digit != b'0').last().map_or(first, |(at, _)| at);
    out.push(if is_negative { 0 } else { 2 });
    let start = out.len();
    // The place is below 2^62 either way, so the sum is positive and keeps its order as bytes.
    let place = i64::try_from(whole.len()).ok()? - i64::try_from(first).ok()? + (1 << 62);
    out.extend_from_slice(&place.to_be_bytes());
    out.extend(all().skip(first).take(last + 1 - first));
    // Below all digits, so that a number with more of them is greater.
    out.push(0);
    if is_negative {
        out[start..].iter_mut().for_each(|byte| *byte = !*byte);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_ordered_as_numbers() {
        let ascending = [
            "-1000", "-100.5", "-100", "-12", "-9.99", "-1.01", "-1", "-0.5", "-0.25", "-0.001", "0", "0.0001",
            "0.001", "0.25", "0.5", "1", "1.01", "9.99", "10", "12", "100", "100.5", "1000",
        ];
        let bytes = |text: &str| {
            let mut out = Vec::new();
            write_number(text, &mut out).unwrap();
            out
        };
        for pair in ascending.windows(2) {
            assert!(bytes(pair[0]) < bytes(pair[1]), "{pair:?}");
        }
        for (a, b) in [("1", "1.00"), ("0", "-0.0"), ("007", "7"), ("100", "100.0")] {
            assert_eq!(bytes(a), bytes(b));
        }
        for wrong in ["", "-", ".", "1e5", "one", "1.2.3", "--1"] {
            assert!(write_number(wrong, &mut Vec::new()).is_none(), "{wrong}");
        }
    }

    #[test]
    fn texts_are_ordered_as_java_orders_them() {
        let texts =
            ["", "a", "z", "\u{e9}", "\u{d7ff}", "\u{e000}", "\u{ffff}", "\u{10000}", "\u{10ffff}", "a\u{fffd}"];
        let ordered = utf16_ordered(&StringArray::from(texts.to_vec()));
        for (a, text) in texts.iter().enumerate() {
            for (b, other) in texts.iter().enumerate() {
                let expected = pinotage_spec::java::compare_utf16(text.as_bytes(), other.as_bytes());
                assert_eq!(ordered.value(a).cmp(ordered.value(b)), expected, "{text} {other}");
            }
        }
    }
}

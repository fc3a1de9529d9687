//! One value of a stored type: default null values, bounds, literals.

use std::cmp::Ordering;
use std::fmt::Write as _;

use bigdecimal::num_bigint::BigInt;
use bigdecimal::{BigDecimal, Zero};
use pinotage_common::{Error, Result};

use crate::java;
use crate::{DataType, StoredType};

/// A value as Pinot stores it.
///
/// Two values of different stored types do not compare.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// INT and BOOLEAN (0 or 1).
    Int(i32),
    /// LONG and TIMESTAMP (milliseconds since the epoch).
    Long(i64),
    /// FLOAT
    Float(f32),
    /// DOUBLE
    Double(f64),
    /// BIG_DECIMAL
    BigDecimal(BigDecimal),
    /// STRING and JSON
    String(String),
    /// BYTES, and the stored bytes of an empty MAP
    Bytes(Vec<u8>),
}

impl Value {
    /// Parses text as a value of a data type, as Pinot reads a `defaultNullValue` or a bound.
    ///
    /// # Errors
    ///
    /// `invalid-config` when the text is no such value.
    pub fn parse(data_type: DataType, text: &str) -> Result<Self> {
        let bad = || Error::invalid_config(format!("`{text}` is not a value of type {data_type}"));
        Ok(match data_type {
            DataType::Int => Self::Int(text.trim().parse().map_err(|_| bad())?),
            DataType::Long => Self::Long(text.trim().parse().map_err(|_| bad())?),
            DataType::Float => Self::Float(text.trim().parse().map_err(|_| bad())?),
            DataType::Double => Self::Double(text.trim().parse().map_err(|_| bad())?),
            DataType::BigDecimal => Self::BigDecimal(text.trim().parse().map_err(|_| bad())?),
            // Pinot: "true" in any case and "1" are true, all else is false; a typing error should not pass here.
            DataType::Boolean => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "1" => Self::Int(1),
                "false" | "0" => Self::Int(0),
                _ => return Err(bad()),
            },
            DataType::Timestamp => Self::Long(match text.trim().parse() {
                Ok(millis) => millis,
                Err(_) => crate::time_format::parse_timestamp(text.trim(), chrono_tz::UTC).ok_or_else(bad)?,
            }),
            DataType::String | DataType::Json => Self::String(text.into()),
            DataType::Bytes => Self::Bytes(parse_hex(text).ok_or_else(bad)?),
            // No other map can be a default.
            DataType::Map if text.trim() == "{}" => Self::Bytes(vec![0; 4]),
            DataType::Map => return Err(bad()),
        })
    }

    /// The stored type of this value.
    pub fn stored_type(&self) -> StoredType {
        match self {
            Self::Int(_) => StoredType::Int,
            Self::Long(_) => StoredType::Long,
            Self::Float(_) => StoredType::Float,
            Self::Double(_) => StoredType::Double,
            Self::BigDecimal(_) => StoredType::BigDecimal,
            Self::String(_) => StoredType::String,
            Self::Bytes(_) => StoredType::Bytes,
        }
    }

    /// The text that Pinot puts into `metadata.properties` (Java's `toString` of the stored type, bytes as hex).
    pub fn to_java_string(&self) -> String {
        match self {
            Self::Int(value) => value.to_string(),
            Self::Long(value) => value.to_string(),
            Self::Float(value) => java::float_to_string(*value),
            Self::Double(value) => java::double_to_string(*value),
            Self::BigDecimal(value) => big_decimal_to_java_string(value),
            Self::String(value) => value.clone(),
            Self::Bytes(value) => to_hex(value),
        }
    }

    /// The text that a partition function hashes: as [`Value::to_java_string`], but decimals without exponent.
    pub fn to_partition_string(&self) -> String {
        match self {
            Self::BigDecimal(value) => value.to_plain_string(),
            other => other.to_java_string(),
        }
    }

    /// Pinot's order of a dictionary; `None` for different stored types.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        Some(match (self, other) {
            (Self::Int(a), Self::Int(b)) => a.cmp(b),
            (Self::Long(a), Self::Long(b)) => a.cmp(b),
            // Java's `Double.compare`: NaN is greatest, -0.0 below 0.0.
            (Self::Float(a), Self::Float(b)) => java_total_cmp(f64::from(*a), f64::from(*b)),
            (Self::Double(a), Self::Double(b)) => java_total_cmp(*a, *b),
            (Self::BigDecimal(a), Self::BigDecimal(b)) => a.cmp(b),
            (Self::String(a), Self::String(b)) => java::compare_utf16(a.as_bytes(), b.as_bytes()),
            (Self::Bytes(a), Self::Bytes(b)) => a.cmp(b),
            _ => return None,
        })
    }
}

/// `Double.compare`: every NaN is equal and greatest.
fn java_total_cmp(a: f64, b: f64) -> Ordering {
    match (a.is_nan(), b.is_nan()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) => a.total_cmp(&b),
    }
}

/// `BigDecimal.toString`: plain while the scale is not negative and the exponent at least -6, else with `E`.
fn big_decimal_to_java_string(value: &BigDecimal) -> String {
    let (unscaled, scale) = value.as_bigint_and_exponent();
    let digits = unscaled.magnitude().to_string();
    let sign = if unscaled < BigInt::zero() { "-" } else { "" };
    let adjusted = digits.len() as i64 - 1 - scale;
    if scale == 0 {
        return format!("{sign}{digits}");
    }
    if scale > 0 && adjusted >= -6 {
        let scale = scale as usize;
        return if digits.len() > scale {
            let (whole, fraction) = digits.split_at(digits.len() - scale);
            format!("{sign}{whole}.{fraction}")
        } else {
            format!("{sign}0.{}{digits}", "0".repeat(scale - digits.len()))
        };
    }
    let mut text = format!("{sign}{}", &digits[..1]);
    if digits.len() > 1 {
        let _ = write!(text, ".{}", &digits[1..]);
    }
    if adjusted != 0 {
        let _ = write!(text, "E{adjusted:+}");
    }
    text
}

/// BIG_DECIMAL bytes: big-endian 16-bit scale, then the minimal two's complement of the unscaled value.
///
/// # Pinot equivalent
///
/// `BigDecimalUtils.serialize` and `deserialize`
pub struct BigDecimalBytes;

impl BigDecimalBytes {
    /// Serialises a value as it is; strip trailing zeros before if the column asks for it.
    ///
    /// # Errors
    ///
    /// `invalid-data` when the scale does not fit 16 bits.
    pub fn encode(value: &BigDecimal, out: &mut Vec<u8>) -> Result<()> {
        let (unscaled, scale) = value.as_bigint_and_exponent();
        let scale = i16::try_from(scale)
            .map_err(|_| Error::invalid_data(format!("expected a decimal scale within 16 bits, found {scale}")))?;
        out.extend_from_slice(&scale.to_be_bytes());
        out.extend_from_slice(&unscaled.to_signed_bytes_be());
        Ok(())
    }

    /// Reads what [`BigDecimalBytes::encode`] writes; `None` when there are fewer than three bytes.
    pub fn decode(bytes: &[u8]) -> Option<BigDecimal> {
        let (scale, unscaled) = bytes.split_first_chunk::<2>()?;
        if unscaled.is_empty() {
            return None;
        }
        Some(BigDecimal::from_bigint(BigInt::from_signed_bytes_be(unscaled), i64::from(i16::from_be_bytes(*scale))))
    }
}

/// Lower-case hexadecimal, Pinot's text for BYTES.
pub fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Reads hexadecimal text of either case; `None` for anything else.
pub fn parse_hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    text.as_bytes()
        .chunks_exact(2)
        .map(|pair| {
            let high = char::from(pair[0]).to_digit(16)?;
            let low = char::from(pair[1]).to_digit(16)?;
            Some((high * 16 + low) as u8)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> BigDecimal {
        text.parse().unwrap()
    }

    #[test]
    fn big_decimal_bytes_are_pinots() {
        for (text, hex) in [
            ("0", "000000"),
            ("1", "000001"),
            ("-1", "0000ff"),
            ("1.10", "00026e"),
            ("127", "00007f"),
            ("128", "00000080"),
            ("-128", "000080"),
            ("-129", "0000ff7f"),
            ("1E+3", "fffd01"),
            ("0.001", "000301"),
            ("12345678901234567890.5", "000106b14e9f812f366c39"),
        ] {
            let mut bytes = Vec::new();
            BigDecimalBytes::encode(&decimal(text), &mut bytes).unwrap();
            assert_eq!(to_hex(&bytes), hex, "{text}");
            assert_eq!(BigDecimalBytes::decode(&bytes), Some(decimal(text)));
        }
    }

    #[test]
    fn big_decimal_text_is_javas() {
        for (text, java) in [
            ("1E+3", "1E+3"),
            ("12E+3", "1.2E+4"),
            ("0.001", "0.001"),
            ("0.0000001", "1E-7"),
            ("-0.05", "-0.05"),
            ("123.45", "123.45"),
            ("0", "0"),
        ] {
            assert_eq!(Value::BigDecimal(decimal(text)).to_java_string(), java, "{text}");
        }
    }

    #[test]
    fn defaults_parse_by_type() {
        assert_eq!(Value::parse(DataType::Bytes, "01fF").unwrap(), Value::Bytes(vec![1, 255]));
        assert_eq!(Value::parse(DataType::Boolean, "TRUE").unwrap(), Value::Int(1));
        assert!(Value::parse(DataType::Bytes, "0é").is_err());
        assert!(Value::parse(DataType::Int, "3000000000").is_err());
    }
}

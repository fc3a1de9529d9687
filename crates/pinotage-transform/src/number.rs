//! INT, LONG, FLOAT and DOUBLE: exact, or a bad row.
//!
//! A FLOAT takes a double or a text when it holds the number exactly, or when the float's shortest text is the number: 0.1
//! is stored as 0.1, 0.123456789 is a bad row. A DOUBLE takes a decimal in the same way; text becomes the nearest double,
//! as in every language.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, Float32Array, Float64Array, PrimitiveArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType as Arrow, Decimal128Type, Float32Type, Float64Type, Int32Type, Int64Type, UInt64Type};
use arrow::error::ArrowError;
use pinotage_common::{Error, Result};
use pinotage_spec::{DataType, java};

use crate::outcome::{Outcome, Unfit};
use crate::{decimal, rule};

/// A column's number type.
pub(crate) trait Target: ArrowPrimitiveType {
    const TYPE: DataType;
    /// Source types that every value of which fits.
    fn holds(arrow: &Arrow) -> bool;
    fn from_i64(value: i64) -> Result<Self::Native, Unfit>;
    fn from_u64(value: u64) -> Result<Self::Native, Unfit>;
    fn from_f64(value: f64, scratch: &mut String) -> Result<Self::Native, Unfit>;
    fn from_text(text: &str, scratch: &mut String) -> Result<Self::Native, Unfit>;
    /// The value next to a text that none stands for exactly, where that is another one.
    fn nearest(_text: &str) -> Option<Self::Native> {
        None
    }
    fn from_decimal(value: &mut decimal::Decimal, scratch: &mut String) -> Result<Self::Native, Unfit>;
}

const INT: Unfit = (rule::OUT_OF_RANGE, "an INT");
const LONG: Unfit = (rule::OUT_OF_RANGE, "a LONG");
const WHOLE: Unfit = (rule::NOT_EXACT, "a whole number");
const FLOAT_EXACT: Unfit =
    (rule::NOT_EXACT, "a number that a FLOAT holds (CAST it AS FLOAT in the SQL transform to round)");
const DOUBLE_EXACT: Unfit = (rule::NOT_EXACT, "a number that a DOUBLE holds exactly");

macro_rules! integer_target {
    ($arrow:ty, $native:ty, $type:expr, $range:expr, [$($holds:pat_param)|+]) => {
        impl Target for $arrow {
            const TYPE: DataType = $type;
            fn holds(arrow: &Arrow) -> bool {
                matches!(arrow, $($holds)|+)
            }
            fn from_i64(value: i64) -> Result<$native, Unfit> {
                <$native>::try_from(value).map_err(|_| $range)
            }
            fn from_u64(value: u64) -> Result<$native, Unfit> {
                <$native>::try_from(value).map_err(|_| $range)
            }
            fn from_f64(value: f64, _: &mut String) -> Result<$native, Unfit> {
                if value.fract() != 0.0 && value.is_finite() {
                    return Err(WHOLE);
                }
                // The bounds are powers of two, so these comparisons are exact; NaN fails them.
                if value >= <$native>::MIN as f64 && value < -(<$native>::MIN as f64) { Ok(value as $native) } else { Err($range) }
            }
            fn from_text(text: &str, _: &mut String) -> Result<$native, Unfit> {
                use std::num::IntErrorKind::{NegOverflow, PosOverflow};
                text.parse::<$native>().map_err(|error| match error.kind() {
                    PosOverflow | NegOverflow => $range,
                    _ => (rule::WRONG_TYPE, "a whole number"),
                })
            }
            fn from_decimal(value: &mut decimal::Decimal, _: &mut String) -> Result<$native, Unfit> {
                <$native>::try_from(value.integer()?).map_err(|_| $range)
            }
        }
    };
}

integer_target!(
    Int32Type,
    i32,
    DataType::Int,
    INT,
    [Arrow::Boolean | Arrow::Int8 | Arrow::Int16 | Arrow::UInt8 | Arrow::UInt16]
);
integer_target!(
    Int64Type,
    i64,
    DataType::Long,
    LONG,
    [Arrow::Boolean | Arrow::Int8 | Arrow::Int16 | Arrow::Int32 | Arrow::UInt8 | Arrow::UInt16 | Arrow::UInt32]
);

impl Target for Float32Type {
    const TYPE: DataType = DataType::Float;
    fn holds(arrow: &Arrow) -> bool {
        matches!(arrow, Arrow::Boolean | Arrow::Int8 | Arrow::Int16 | Arrow::UInt8 | Arrow::UInt16 | Arrow::Float16)
    }
    fn from_i64(value: i64) -> Result<f32, Unfit> {
        if significant_bits(value.unsigned_abs()) <= f32::MANTISSA_DIGITS { Ok(value as f32) } else { Err(FLOAT_EXACT) }
    }
    fn from_u64(value: u64) -> Result<f32, Unfit> {
        if significant_bits(value) <= f32::MANTISSA_DIGITS { Ok(value as f32) } else { Err(FLOAT_EXACT) }
    }
    fn from_f64(value: f64, scratch: &mut String) -> Result<f32, Unfit> {
        let narrow = value as f32;
        if f64::from(narrow) == value || value.is_nan() {
            return Ok(narrow);
        }
        if narrow.is_infinite() {
            return Err((rule::OUT_OF_RANGE, "a FLOAT"));
        }
        scratch.clear();
        // Writing to a String cannot fail.
        let _ = write!(scratch, "{narrow:e}");
        if scratch.parse::<f64>() == Ok(value) { Ok(narrow) } else { Err(FLOAT_EXACT) }
    }
    fn from_text(text: &str, scratch: &mut String) -> Result<f32, Unfit> {
        Self::from_f64(double_from_text(text)?, scratch)
    }
    fn nearest(text: &str) -> Option<f32> {
        text.parse().ok().filter(|value: &f32| value.is_finite())
    }
    fn from_decimal(value: &mut decimal::Decimal, scratch: &mut String) -> Result<f32, Unfit> {
        Self::from_f64(value.double(scratch)?, scratch)
    }
}

impl Target for Float64Type {
    const TYPE: DataType = DataType::Double;
    fn holds(arrow: &Arrow) -> bool {
        Float32Type::holds(arrow) || matches!(arrow, Arrow::Int32 | Arrow::UInt32 | Arrow::Float32)
    }
    fn from_i64(value: i64) -> Result<f64, Unfit> {
        if significant_bits(value.unsigned_abs()) <= f64::MANTISSA_DIGITS {
            Ok(value as f64)
        } else {
            Err(DOUBLE_EXACT)
        }
    }
    fn from_u64(value: u64) -> Result<f64, Unfit> {
        if significant_bits(value) <= f64::MANTISSA_DIGITS { Ok(value as f64) } else { Err(DOUBLE_EXACT) }
    }
    fn from_f64(value: f64, _: &mut String) -> Result<f64, Unfit> {
        Ok(value)
    }
    fn from_text(text: &str, _: &mut String) -> Result<f64, Unfit> {
        double_from_text(text)
    }
    fn from_decimal(value: &mut decimal::Decimal, scratch: &mut String) -> Result<f64, Unfit> {
        value.double(scratch)
    }
}

/// How many bits a mantissa needs for a whole number.
fn significant_bits(value: u64) -> u32 {
    64 - value.leading_zeros() - if value == 0 { 0 } else { value.trailing_zeros() }
}

/// The nearest double. Of Java's spellings the hexadecimal ones and the suffixes `f` and `d` are not read.
fn double_from_text(text: &str) -> Result<f64, Unfit> {
    const WRONG: Unfit = (rule::WRONG_TYPE, "a number");
    const RANGE: Unfit = (rule::OUT_OF_RANGE, "a DOUBLE");
    let value: f64 = text.parse().map_err(|_| WRONG)?;
    if value.is_finite() {
        let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
        let vanished = value == 0.0 && mantissa.bytes().any(|byte| matches!(byte, b'1'..=b'9'));
        return if vanished { Err(RANGE) } else { Ok(value) };
    }
    // Rust reads `inf` too, and takes 1e999 for infinite.
    match text.strip_prefix(['+', '-']).unwrap_or(text) {
        "NaN" | "Infinity" => Ok(value),
        digits if digits.bytes().any(|byte| byte.is_ascii_digit()) => Err(RANGE),
        _ => Err(WRONG),
    }
}

/// `String.trim`
pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches(|c| c <= ' ')
}

pub(crate) fn failed(error: ArrowError) -> Error {
    Error::unexpected("cannot read numbers").caused_by(error)
}

/// Decimals of at most 15 digits to DOUBLE: every one of them is the shortest text of the double nearest to it, and a division of
/// two exactly held numbers rounds to that double. `None` when the column holds longer ones.
pub(crate) fn short_decimals(array: &ArrayRef) -> Option<ArrayRef> {
    let Arrow::Decimal128(_, scale @ 0..=22) = array.data_type() else { return None };
    let values = array.as_primitive::<Decimal128Type>();
    if values.values().iter().any(|value| value.unsigned_abs() >= 1_000_000_000_000_000) {
        return None;
    }
    let divisor = 10f64.powi(i32::from(*scale));
    // All of them fit 64 bits, which convert faster than 128.
    Some(Arc::new(values.unary::<_, Float64Type>(|value| value as i64 as f64 / divisor)))
}

/// Any number, or its text, to a number column.
pub(crate) fn convert<T: Target>(array: &ArrayRef, outcome: &mut Outcome<'_>) -> Result<ArrayRef> {
    let arrow = array.data_type();
    if *arrow == T::DATA_TYPE {
        return Ok(Arc::clone(array));
    }
    if T::holds(arrow) {
        return cast(array, &T::DATA_TYPE).map_err(failed);
    }
    let mut scratch = String::new();
    Ok(Arc::new(match arrow {
        Arrow::Utf8 => texts::<T>(array, outcome, &mut scratch),
        Arrow::UInt64 => each::<UInt64Type, T>(array.as_primitive(), outcome, T::from_u64, |value| value.to_string()),
        Arrow::Float16 | Arrow::Float32 | Arrow::Float64 => {
            let wide = cast(array, &Arrow::Float64).map_err(failed)?;
            each::<Float64Type, T>(
                wide.as_primitive(),
                outcome,
                |value| T::from_f64(value, &mut scratch),
                java::double_to_string,
            )
        }
        arrow if decimal::is_decimal(arrow) => {
            let mut values = vec![T::default_value(); array.len()];
            decimal::each(array, |at, value| match T::from_decimal(value, &mut scratch) {
                Ok(number) => values[at] = number,
                Err((rule, expected)) => {
                    let text = arrow::util::display::array_value_to_string(array, at).unwrap_or_default();
                    outcome.bad(at, rule, expected, text);
                }
            });
            PrimitiveArray::<T>::new(values.into(), array.nulls().cloned())
        }
        _ => {
            let wide = cast(array, &Arrow::Int64).map_err(failed)?;
            each::<Int64Type, T>(wide.as_primitive(), outcome, T::from_i64, |value| value.to_string())
        }
    }))
}

/// One value after the other; what is in the place of a null does not matter.
fn each<S: ArrowPrimitiveType, T: Target>(
    array: &PrimitiveArray<S>,
    outcome: &mut Outcome<'_>,
    mut convert: impl FnMut(S::Native) -> Result<T::Native, Unfit>,
    text: impl Fn(S::Native) -> String,
) -> PrimitiveArray<T> {
    let mut values = Vec::with_capacity(array.len());
    for (at, value) in array.values().iter().enumerate() {
        values.push(convert(*value).unwrap_or_else(|(rule, expected)| {
            if array.is_valid(at) {
                outcome.bad(at, rule, expected, text(*value));
            }
            T::default_value()
        }));
    }
    PrimitiveArray::new(values.into(), array.nulls().cloned())
}

fn texts<T: Target>(array: &ArrayRef, outcome: &mut Outcome<'_>, scratch: &mut String) -> PrimitiveArray<T> {
    let texts = array.as_string::<i32>();
    let mut values = Vec::with_capacity(texts.len());
    for at in 0..texts.len() {
        if texts.is_null(at) {
            values.push(T::default_value());
            continue;
        }
        let text = texts.value(at);
        let nearest = |unfit: Unfit| match outcome.nearest_float && unfit.0 == rule::NOT_EXACT {
            true => T::nearest(trim(text)).ok_or(unfit),
            false => Err(unfit),
        };
        values.push(T::from_text(trim(text), scratch).or_else(nearest).unwrap_or_else(|(rule, expected)| {
            outcome.bad(at, rule, format_args!("{expected} for {}", T::TYPE), text);
            T::default_value()
        }));
    }
    PrimitiveArray::new(values.into(), texts.nulls().cloned())
}

macro_rules! special_values {
    ($name:ident, $kind:ty, $array:ty) => {
        /// `SpecialValueTransformer`: NaN is null, -0.0 is 0.0.
        pub(crate) fn $name(array: ArrayRef, outcome: &mut Outcome<'_>) -> ArrayRef {
            let floats = array.as_primitive::<$kind>();
            if !floats.values().iter().any(|value| value.is_nan() || (*value == 0.0 && value.is_sign_negative())) {
                return array;
            }
            let floats: $array = floats
                .iter()
                .enumerate()
                .map(|(at, value)| match value {
                    Some(value) if value.is_nan() => {
                        outcome.change(at, rule::NAN_TO_NULL, "NaN");
                        None
                    }
                    Some(value) if value == 0.0 && value.is_sign_negative() => {
                        outcome.change(at, rule::NEGATIVE_ZERO, "-0.0");
                        Some(0.0)
                    }
                    other => other,
                })
                .collect();
            Arc::new(floats)
        }
    };
}

special_values!(special_doubles, Float64Type, Float64Array);
special_values!(special_floats, Float32Type, Float32Array);

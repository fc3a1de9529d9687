//! Numbers: exact, or a bad row.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, StringArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType as Arrow, Decimal128Type, Float32Type, Float64Type, Int64Type, UInt64Type};
use bigdecimal::{BigDecimal, ToPrimitive};
use pinotage_common::{Error, Result};
use pinotage_spec::{DataType, java};

use crate::outcome::Outcome;
use crate::rule;

/// A number of any source type, on its way.
enum Number<'a> {
    Integer(i128),
    Float(f64),
    Text(&'a str),
}

/// Why a number does not fit.
type Unfit = (&'static str, &'static str);

/// Calls `each` with every number of an array, nulls as `None`.
fn numbers<T>(
    array: &ArrayRef,
    mut each: impl FnMut(usize, Option<Number<'_>>) -> Option<T>,
) -> Result<Vec<Option<T>>> {
    let widened =
        |to: &Arrow| cast(array, to).map_err(|error| Error::unexpected("cannot read numbers").caused_by(error));
    let at = |array: &dyn Array, at: usize| array.is_valid(at);
    Ok(match array.data_type() {
        Arrow::Boolean => {
            let values = array.as_boolean();
            (0..values.len()).map(|i| each(i, at(values, i).then(|| Number::Integer(values.value(i).into())))).collect()
        }
        Arrow::UInt64 => {
            let values = array.as_primitive::<UInt64Type>();
            (0..values.len()).map(|i| each(i, at(values, i).then(|| Number::Integer(values.value(i).into())))).collect()
        }
        Arrow::Float16 | Arrow::Float32 | Arrow::Float64 => {
            let values = widened(&Arrow::Float64)?;
            let values = values.as_primitive::<Float64Type>();
            (0..values.len()).map(|i| each(i, at(values, i).then(|| Number::Float(values.value(i))))).collect()
        }
        Arrow::Utf8 | Arrow::Decimal128(..) | Arrow::Decimal256(..) => {
            let values = widened(&Arrow::Utf8)?;
            let values = values.as_string::<i32>();
            (0..values.len()).map(|i| each(i, at(values, i).then(|| Number::Text(values.value(i).trim())))).collect()
        }
        _ => {
            let values = widened(&Arrow::Int64)?;
            let values = values.as_primitive::<Int64Type>();
            (0..values.len()).map(|i| each(i, at(values, i).then(|| Number::Integer(values.value(i).into())))).collect()
        }
    })
}

/// Decimals of at most 15 digits to DOUBLE: every one of them is the shortest text of the double nearest to it, and a division of
/// two exactly held numbers rounds to that double. `None` when the column holds longer ones.
fn short_decimals(array: &ArrayRef) -> Option<Float64Array> {
    let Arrow::Decimal128(_, scale @ 0..=22) = array.data_type() else { return None };
    let values = array.as_primitive::<Decimal128Type>();
    if values.values().iter().any(|value| value.unsigned_abs() >= 1_000_000_000_000_000) {
        return None;
    }
    let divisor = 10f64.powi(i32::from(*scale));
    Some(values.unary(|value| value as f64 / divisor))
}

/// Any number, or its text, to INT, LONG, FLOAT or DOUBLE.
pub(crate) fn to_number(target: DataType, array: &ArrayRef, outcome: &mut Outcome<'_>) -> Result<ArrayRef> {
    let is_text = array.data_type() == &Arrow::Utf8;
    Ok(match target {
        DataType::Int => Arc::new(Int32Array::from(numbers(array, |at, number| {
            let value = fit(at, number?, is_text, target, outcome, |number| integer(number, is_text))?;
            i32::try_from(value).map_err(|_| outcome.bad(at, rule::OUT_OF_RANGE, "an INT", &value.to_string())).ok()
        })?)),
        DataType::Long => Arc::new(Int64Array::from(numbers(array, |at, number| {
            let value = fit(at, number?, is_text, target, outcome, |number| integer(number, is_text))?;
            i64::try_from(value).map_err(|_| outcome.bad(at, rule::OUT_OF_RANGE, "a LONG", &value.to_string())).ok()
        })?)),
        DataType::Float => {
            let from_float = matches!(array.data_type(), Arrow::Float16 | Arrow::Float32);
            let values = numbers(array, |at, number| {
                let number = number?;
                if let Number::Text(text) = number
                    && is_text
                {
                    return special(
                        at,
                        text.parse::<f32>().ok().filter(|v| v.is_finite() || is_infinity(text)),
                        text,
                        target,
                        outcome,
                    );
                }
                let wide = fit(at, number, is_text, target, outcome, |number| float(number, 1 << 24))?;
                let narrow = wide as f32;
                if narrow.is_infinite() && wide.is_finite() {
                    outcome.bad(at, rule::OUT_OF_RANGE, "a FLOAT", &wide.to_string());
                } else if !from_float
                    && f64::from(narrow) != wide
                    && !wide.is_nan()
                    && java::float_to_string(narrow) != java::double_to_string(wide)
                {
                    outcome.change(at, rule::ROUNDED, &wide.to_string());
                }
                Some(narrow)
            })?;
            Arc::new(special_floats(Float32Array::from(values), outcome))
        }
        _ => {
            if let Some(values) = short_decimals(array) {
                return Ok(Arc::new(values));
            }
            let values = numbers(array, |at, number| {
                let number = number?;
                if let Number::Text(text) = number
                    && is_text
                {
                    return special(
                        at,
                        text.parse::<f64>().ok().filter(|v| v.is_finite() || is_infinity(text)),
                        text,
                        target,
                        outcome,
                    );
                }
                fit(at, number, is_text, target, outcome, |number| float(number, 1 << 53))
            })?;
            Arc::new(special_doubles(Float64Array::from(values), outcome))
        }
    })
}

/// Rust reads `inf` and overflows to infinity; Java's spelling is the only infinity, and `1e999` is out of range.
fn is_infinity(text: &str) -> bool {
    matches!(text, "Infinity" | "-Infinity" | "+Infinity" | "NaN")
}

fn special<T>(at: usize, parsed: Option<T>, text: &str, target: DataType, outcome: &mut Outcome<'_>) -> Option<T> {
    if parsed.is_none() {
        let is_number = text.parse::<f64>().is_ok() && text.bytes().any(|byte| byte.is_ascii_digit());
        let rule = if is_number { rule::OUT_OF_RANGE } else { rule::WRONG_TYPE };
        outcome.bad(at, rule, &format!("a {target}"), text);
    }
    parsed
}

fn fit<T>(
    at: usize,
    number: Number<'_>,
    is_text: bool,
    target: DataType,
    outcome: &mut Outcome<'_>,
    convert: impl Fn(&Number<'_>) -> Result<T, Unfit>,
) -> Option<T> {
    match convert(&number) {
        Ok(value) => Some(value),
        Err((rule, what)) => {
            let text = match number {
                Number::Integer(value) => value.to_string(),
                Number::Float(value) => java::double_to_string(value),
                Number::Text(text) => text.to_owned(),
            };
            let rule = if is_text && rule == rule::NOT_EXACT { rule::WRONG_TYPE } else { rule };
            outcome.bad(at, rule, &format!("a {target} ({what})"), &text);
            None
        }
    }
}

/// A whole number. Text must be one as it stands: Pinot's `Integer.parseInt` refuses `1.0` too.
fn integer(number: &Number<'_>, is_text: bool) -> Result<i128, Unfit> {
    const WHOLE: Unfit = (rule::NOT_EXACT, "a whole number");
    match number {
        Number::Integer(value) => Ok(*value),
        Number::Float(value) if value.fract() == 0.0 && value.abs() < 1e30 => Ok(*value as i128),
        Number::Float(value) if value.is_finite() && value.fract() != 0.0 => Err(WHOLE),
        Number::Float(_) => Err((rule::OUT_OF_RANGE, "a whole number")),
        Number::Text(text) if is_text => {
            let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
            match text.parse::<i128>() {
                Ok(value) => Ok(value),
                Err(_) if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                    Err((rule::OUT_OF_RANGE, "a whole number"))
                }
                Err(_) => Err((rule::WRONG_TYPE, "a whole number")),
            }
        }
        Number::Text(text) => {
            let value: BigDecimal = text.parse().map_err(|_| WHOLE)?;
            if !value.is_integer() {
                return Err(WHOLE);
            }
            value.to_i128().ok_or((rule::OUT_OF_RANGE, "a whole number"))
        }
    }
}

/// A floating-point number; whole numbers up to `exact` are held exactly.
fn float(number: &Number<'_>, exact: i128) -> Result<f64, Unfit> {
    const EXACT: Unfit = (rule::NOT_EXACT, "a number that it holds exactly");
    match number {
        Number::Integer(value) if value.abs() <= exact => Ok(*value as f64),
        // Beyond, only numbers with enough trailing zero bits are exact.
        Number::Integer(value) if value.unsigned_abs() >> value.trailing_zeros().min(127) <= exact.unsigned_abs() => {
            Ok(*value as f64)
        }
        Number::Integer(_) => Err(EXACT),
        Number::Float(value) => Ok(*value),
        Number::Text(text) => {
            let value: f64 = text.parse().map_err(|_| (rule::WRONG_TYPE, "a number"))?;
            // The shortest text of the double is the decimal, digit by digit.
            let same = text.parse::<BigDecimal>().ok().zip(value.to_string().parse::<BigDecimal>().ok());
            if same.is_some_and(|(a, b)| a == b) { Ok(value) } else { Err(EXACT) }
        }
    }
}

macro_rules! special_values {
    ($name:ident, $array:ty, $doc:literal) => {
        #[doc = $doc]
        fn $name(array: $array, outcome: &mut Outcome<'_>) -> $array {
            if !array.values().iter().any(|value| value.is_nan() || (*value == 0.0 && value.is_sign_negative())) {
                return array;
            }
            array
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
                .collect()
        }
    };
}

special_values!(special_doubles, Float64Array, "`SpecialValueTransformer`: NaN is null, -0.0 is 0.0.");
special_values!(special_floats, Float32Array, "`SpecialValueTransformer`: NaN is null, -0.0 is 0.0.");

/// Numbers and text to BOOLEAN. Pinot takes any other text for false; a silent false is a loss, so it is a bad row here.
pub(crate) fn to_boolean(array: &ArrayRef, outcome: &mut Outcome<'_>) -> Result<ArrayRef> {
    Ok(Arc::new(BooleanArray::from(numbers(array, |at, number| match number? {
        Number::Integer(value) => Some(value != 0),
        Number::Float(value) => Some(value != 0.0),
        Number::Text(text) => match text.to_ascii_lowercase().as_str() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => {
                outcome.bad(at, rule::WRONG_TYPE, "true, false, 1 or 0", text);
                None
            }
        },
    })?)))
}

/// Numbers and text to BIG_DECIMAL as plain text.
pub(crate) fn to_decimal(keep_zeros: bool, array: &ArrayRef, outcome: &mut Outcome<'_>) -> Result<ArrayRef> {
    let narrow = array.as_primitive_opt::<Float32Type>();
    let texts = numbers(array, |at, number| {
        let text = match (number?, narrow) {
            (Number::Integer(value), _) => return Some(value.to_string()),
            // Through the text, as Pinot does: 1.1 is 1.1 and not 1.10000002384185791015625.
            (Number::Float(_), Some(floats)) => java::float_to_string(floats.value(at)),
            (Number::Float(value), None) => java::double_to_string(value),
            (Number::Text(text), _) => text.to_owned(),
        };
        let Ok(value) = text.parse::<BigDecimal>() else {
            outcome.bad(at, rule::WRONG_TYPE, "a decimal number", &text);
            return None;
        };
        // Scale and unscaled value are stored; beyond 16 bits of scale Pinot cannot.
        if value.fractional_digit_count().unsigned_abs() > 32_000 {
            outcome.bad(at, rule::OUT_OF_RANGE, "a decimal number of at most 32,000 digits", &text);
            return None;
        }
        if keep_zeros {
            return Some(value.to_plain_string());
        }
        let stripped = value.normalized();
        if stripped.fractional_digit_count() != value.fractional_digit_count() && value.fractional_digit_count() > 0 {
            outcome.change(at, rule::ZEROS_STRIPPED, &text);
        }
        Some(stripped.to_plain_string())
    })?;
    Ok(Arc::new(StringArray::from(texts)))
}

/// Numbers as Java prints them.
pub(crate) fn to_text(array: &ArrayRef) -> Result<StringArray> {
    if let Some(floats) = array.as_primitive_opt::<Float32Type>() {
        return Ok(floats.iter().map(|value| value.map(java::float_to_string)).collect());
    }
    let boolean = array.data_type() == &Arrow::Boolean;
    let texts = numbers(array, |_, number| {
        Some(match number? {
            Number::Integer(value) if boolean => (value != 0).to_string(),
            Number::Integer(value) => value.to_string(),
            Number::Float(value) => java::double_to_string(value),
            Number::Text(text) => text.to_owned(),
        })
    })?;
    Ok(StringArray::from(texts))
}

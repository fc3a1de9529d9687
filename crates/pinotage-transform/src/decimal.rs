//! Decimals of any precision, taken apart and written without ever becoming a binary number.

use std::fmt::{Display, Write as _};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray, StringBuilder};
use arrow::datatypes::{
    DataType as Arrow, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type,
};
use pinotage_common::Result;
use pinotage_spec::{FieldSpec, java};

use crate::number::trim;
use crate::outcome::{Outcome, Unfit};
use crate::text::Rewrite;
use crate::{number, rule};

/// The largest power of ten, up or down, that a BIG_DECIMAL can have here; Pinot stores 16 bits of scale.
const MAX_EXPONENT: i64 = 32_000;

/// A decimal number: `digits` times ten to the `exponent`. Its buffer is used again for the next one.
#[derive(Default)]
pub(crate) struct Decimal {
    negative: bool,
    /// Without leading zeros; empty for zero.
    digits: String,
    exponent: i64,
}

impl Decimal {
    /// Reads what `new BigDecimal(String)` reads.
    pub(crate) fn read(&mut self, text: &str) -> Result<(), Unfit> {
        const WRONG: Unfit = (rule::WRONG_TYPE, "a decimal number");
        let (negative, rest) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        let (mantissa, exponent) = match rest.find(['e', 'E']) {
            Some(at) => (&rest[..at], &rest[at + 1..]),
            None => (rest, "0"),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.len() + fraction.len() == 0 || !is_digits(whole) || !is_digits(fraction) {
            return Err(WRONG);
        }
        let unsigned = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if unsigned.is_empty() || !is_digits(unsigned) {
            return Err(WRONG);
        }
        let exponent: i32 =
            exponent.parse().map_err(|_| (rule::OUT_OF_RANGE, "a decimal number that Java can hold"))?;
        self.negative = negative;
        self.exponent = i64::from(exponent) - fraction.len() as i64;
        self.digits.clear();
        self.digits.push_str(whole.trim_start_matches('0'));
        let fraction = if self.digits.is_empty() { fraction.trim_start_matches('0') } else { fraction };
        self.digits.push_str(fraction);
        Ok(())
    }

    /// Takes an unscaled value and its scale.
    fn set(&mut self, unscaled: impl Display, scale: i8) {
        self.digits.clear();
        // Writing to a String cannot fail.
        let _ = write!(self.digits, "{unscaled}");
        self.negative = self.digits.starts_with('-');
        let from = self.digits.len() - self.digits.trim_start_matches(['-', '0']).len();
        self.digits.drain(..from);
        self.exponent = -i64::from(scale);
    }

    /// Drops trailing zeros; says whether a fraction had some.
    pub(crate) fn strip(&mut self) -> bool {
        let fraction_before = (-self.exponent).max(0);
        let len = self.digits.trim_end_matches('0').len();
        self.exponent = if len == 0 { 0 } else { self.exponent + (self.digits.len() - len) as i64 };
        self.digits.truncate(len);
        fraction_before > (-self.exponent).max(0)
    }

    /// `BigDecimal.toPlainString`
    pub(crate) fn plain(&self, out: &mut String) {
        if self.negative && !self.digits.is_empty() {
            out.push('-');
        }
        let zeros = |out: &mut String, count: i64| out.extend(std::iter::repeat_n('0', count.max(0) as usize));
        if self.exponent >= 0 {
            if self.digits.is_empty() {
                out.push('0');
            } else {
                out.push_str(&self.digits);
                zeros(out, self.exponent);
            }
            return;
        }
        let whole = self.digits.len() as i64 + self.exponent;
        if whole > 0 {
            let (whole, fraction) = self.digits.split_at(whole as usize);
            out.push_str(whole);
            out.push('.');
            out.push_str(fraction);
        } else {
            out.push_str("0.");
            zeros(out, -whole);
            out.push_str(&self.digits);
        }
    }

    /// `BigDecimal.toString`
    pub(crate) fn java(&self, out: &mut String) {
        let adjusted = self.digits.len() as i64 - 1 + self.exponent;
        if self.digits.is_empty() || self.exponent == 0 || (self.exponent < 0 && adjusted >= -6) {
            return self.plain(out);
        }
        if self.negative {
            out.push('-');
        }
        let (first, rest) = self.digits.split_at(1);
        out.push_str(first);
        if !rest.is_empty() {
            out.push('.');
            out.push_str(rest);
        }
        let _ = write!(out, "E{adjusted:+}");
    }

    fn check(&self) -> Result<(), Unfit> {
        if self.exponent.abs() > MAX_EXPONENT {
            return Err((rule::OUT_OF_RANGE, "a decimal number with an exponent of at most 32,000"));
        }
        Ok(())
    }

    /// The whole number that it is.
    pub(crate) fn integer(&mut self) -> Result<i64, Unfit> {
        const LONG: Unfit = (rule::OUT_OF_RANGE, "a whole number of 64 bits");
        self.strip();
        if self.exponent < 0 {
            return Err((rule::NOT_EXACT, "a whole number"));
        }
        if self.digits.len() as i64 + self.exponent > 19 {
            return Err(LONG);
        }
        let mut value: i128 = self.digits.parse().unwrap_or(0);
        value *= 10_i128.pow(self.exponent as u32);
        i64::try_from(if self.negative { -value } else { value }).map_err(|_| LONG)
    }

    /// The double that is written with the same digits.
    pub(crate) fn double(&mut self, scratch: &mut String) -> Result<f64, Unfit> {
        self.strip();
        scratch.clear();
        self.java(scratch);
        let value: f64 = scratch.parse().map_err(|_| (rule::WRONG_TYPE, "a number"))?;
        // Any 15 digits survive.
        if self.digits.len() > 15 {
            let digits = std::mem::take(&mut self.digits);
            let exponent = self.exponent;
            scratch.clear();
            let _ = write!(scratch, "{value:e}");
            let same = self.read(scratch).is_ok() && {
                self.strip();
                self.digits == digits && self.exponent == exponent
            };
            if !same {
                return Err((rule::NOT_EXACT, "a number that a double holds with all its digits"));
            }
        }
        Ok(value)
    }
}

/// Calls `each` with the decimal of every row that has one.
pub(crate) fn each(array: &ArrayRef, mut each: impl FnMut(usize, &mut Decimal)) {
    let mut decimal = Decimal::default();
    macro_rules! visit {
        ($kind:ty, $scale:expr) => {{
            let values = array.as_primitive::<$kind>();
            for (at, value) in values.values().iter().enumerate() {
                if values.is_valid(at) {
                    decimal.set(value, $scale);
                    each(at, &mut decimal);
                }
            }
        }};
    }
    match array.data_type() {
        Arrow::Decimal32(_, scale) => visit!(Decimal32Type, *scale),
        Arrow::Decimal64(_, scale) => visit!(Decimal64Type, *scale),
        Arrow::Decimal128(_, scale) => visit!(Decimal128Type, *scale),
        Arrow::Decimal256(_, scale) => visit!(Decimal256Type, *scale),
        _ => {}
    }
}

/// Whether a type is one of Arrow's decimals.
pub(crate) fn is_decimal(arrow: &Arrow) -> bool {
    matches!(arrow, Arrow::Decimal32(..) | Arrow::Decimal64(..) | Arrow::Decimal128(..) | Arrow::Decimal256(..))
}

/// Arrow decimals as text, by `write`.
pub(crate) fn to_text(array: &ArrayRef, write: impl Fn(&mut Decimal, &mut String)) -> StringArray {
    let mut builder = StringBuilder::with_capacity(array.len(), array.len() * 8);
    let mut out = String::new();
    let mut next = 0;
    each(array, |at, decimal| {
        (next..at).for_each(|_| builder.append_null());
        next = at + 1;
        out.clear();
        write(decimal, &mut out);
        builder.append_value(&out);
    });
    (next..array.len()).for_each(|_| builder.append_null());
    builder.finish()
}

/// Anything to BIG_DECIMAL as plain text. Floating-point numbers go through their text, as in Pinot: 1.1 is 1.1.
pub(crate) fn to_big_decimal(field: &FieldSpec, array: &ArrayRef, outcome: &mut Outcome<'_>) -> Result<ArrayRef> {
    let keep_zeros = field.allow_trailing_zeros;
    if is_decimal(array.data_type()) {
        return Ok(Arc::new(to_text(array, |decimal, out| {
            if !keep_zeros {
                decimal.strip();
            }
            decimal.plain(out);
        })));
    }
    let is_text = array.data_type() == &Arrow::Utf8;
    let texts = match array.data_type() {
        Arrow::Utf8 => array.as_string::<i32>().clone(),
        Arrow::Boolean => {
            crate::text::from_integers(&arrow::compute::cast(array, &Arrow::Int8).map_err(number::failed)?)?
        }
        Arrow::Float32 => array.as_primitive::<Float32Type>().iter().map(|v| v.map(java::float_to_string)).collect(),
        Arrow::Float64 => array.as_primitive::<Float64Type>().iter().map(|v| v.map(java::double_to_string)).collect(),
        _ => return Ok(Arc::new(crate::text::from_integers(array)?)),
    };
    let mut rewrite = Rewrite::new(&texts);
    let mut decimal = Decimal::default();
    let mut out = String::new();
    for at in 0..texts.len() {
        if texts.is_null(at) {
            rewrite.keep(at);
            continue;
        }
        let text = texts.value(at);
        if let Err((rule, expected)) = decimal.read(trim(text)).and_then(|()| decimal.check()) {
            outcome.bad(at, rule, expected, text);
            rewrite.keep(at);
            continue;
        }
        if !keep_zeros && decimal.strip() && is_text {
            outcome.change(at, rule::ZEROS_STRIPPED, text);
        }
        out.clear();
        decimal.plain(&mut out);
        rewrite.put(at, &out);
    }
    Ok(Arc::new(rewrite.finish()?))
}

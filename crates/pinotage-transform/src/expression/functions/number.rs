//! Numbers. Pinot's arithmetic is that of DOUBLE, whatever goes in.
//!
//! What is not here (`ln`, `exp`, `power`, `sin`) depends in its last digits on the machine, in Java as well.

use bigdecimal::{BigDecimal, RoundingMode};
use pinotage_spec::java;

use super::super::column::{Cell, Kind};
use super::super::function::{Answer, Function};
use super::{DOUBLE, INT, LONG, plain};

/// `Math.min` and `Math.max`: NaN wins, and -0.0 is less than 0.0.
pub(crate) fn extreme(a: f64, b: f64, least: bool) -> f64 {
    if a.is_nan() || b.is_nan() {
        return f64::NAN;
    }
    if (a.total_cmp(&b).is_lt()) == least { a } else { b }
}

/// `Math.round`
fn round(a: f64) -> f64 {
    let floor = a.floor();
    let rounded = if a - floor >= 0.5 { floor + 1.0 } else { floor };
    rounded as i64 as f64
}

/// By way of the decimal that is the number's text.
fn scaled(a: f64, scale: i32, mode: RoundingMode) -> Answer<'static> {
    if a.is_nan() || a.is_infinite() {
        return match mode {
            RoundingMode::HalfUp => Ok(Cell::Double(a)),
            _ => Err("a number that is no decimal".into()),
        };
    }
    if scale.unsigned_abs() > 400 {
        return Err(format!("a scale of {scale}"));
    }
    let text = java::double_to_string(a);
    let decimal: BigDecimal = text.parse().map_err(|_| format!("`{text}`"))?;
    let rounded = decimal.with_scale_round(scale.into(), mode).to_scientific_notation();
    let value: f64 = rounded.parse().map_err(|_| format!("`{rounded}`"))?;
    // Decimals have no zero with a sign.
    Ok(Cell::Double(if value == 0.0 { 0.0 } else { value }))
}

fn int_div(a: f64, b: f64) -> i64 {
    (a / b).floor() as i64
}

fn gcd(a: i64, b: i64) -> i64 {
    let (mut a, mut b) = (a, b);
    while a != 0 {
        (a, b) = (b.wrapping_rem(a), a);
    }
    b.wrapping_abs()
}

fn is_zero_or_overflow(a: f64, b: f64) -> bool {
    b == 0.0 || (a == i64::MIN as f64 && b == -1.0)
}

macro_rules! two {
    ($names:expr, $about:literal, $op:expr) => {
        plain($names, &[DOUBLE, DOUBLE], Kind::Double, $about, |row| {
            let op: fn(f64, f64) -> f64 = $op;
            Ok(Cell::Double(op(row.double(0), row.double(1))))
        })
    };
}

macro_rules! one {
    ($names:expr, $about:literal, $op:expr) => {
        plain($names, &[DOUBLE], Kind::Double, $about, |row| {
            let op: fn(f64) -> f64 = $op;
            Ok(Cell::Double(op(row.double(0))))
        })
    };
}

pub(crate) const ALL: &[Function] = &[
    two!(&["plus", "add"], "`a + b`", |a, b| a + b),
    two!(&["minus", "sub"], "`a - b`", |a, b| a - b),
    two!(&["times", "mult"], "`a * b`", |a, b| a * b),
    two!(&["divide", "div"], "`a / b`; by 0 it is infinite", |a, b| a / b),
    plain(&["divide", "div"], &[DOUBLE, DOUBLE, DOUBLE], Kind::Double, "by 0 it is the third", |row| {
        let (a, b) = (row.double(0), row.double(1));
        Ok(Cell::Double(if b == 0.0 { row.double(2) } else { a / b }))
    }),
    plain(&["intDiv"], &[DOUBLE, DOUBLE], Kind::Long, "rounded down", |row| {
        Ok(Cell::Long(int_div(row.double(0), row.double(1))))
    }),
    plain(&["intDivOrZero"], &[DOUBLE, DOUBLE], Kind::Long, "by 0 it is 0", |row| {
        let (a, b) = (row.double(0), row.double(1));
        Ok(Cell::Long(if is_zero_or_overflow(a, b) { 0 } else { int_div(a, b) }))
    }),
    two!(&["mod"], "`a % b`, with the sign of the first", |a, b| a % b),
    two!(&["moduloOrZero"], "by 0 it is 0", |a, b| if is_zero_or_overflow(a, b) { 0.0 } else { a % b }),
    two!(&["positiveModulo"], "never negative", |a, b| {
        let rest = a % b;
        if rest >= 0.0 { rest } else { rest + b.abs() }
    }),
    one!(&["negate"], "", |a| -a),
    two!(&["least", "min"], "the smaller", |a, b| extreme(a, b, true)),
    two!(&["greatest", "max"], "the larger", |a, b| extreme(a, b, false)),
    one!(&["abs"], "", f64::abs),
    one!(&["ceil", "ceiling"], "", f64::ceil),
    one!(&["floor"], "", f64::floor),
    one!(&["sqrt"], "", f64::sqrt),
    one!(&["sign"], "-1, 0 or 1", |a| if a == 0.0 || a.is_nan() { a } else { a.signum() }),
    one!(&["degrees"], "of radians", |a| a * 57.295_779_513_082_32),
    one!(&["radians"], "of degrees", |a| a * 0.017_453_292_519_943_295),
    one!(&["roundDecimal"], "to a whole number, halves up", |a| {
        if a.is_nan() || a.is_infinite() { a } else { round(a) }
    }),
    plain(&["roundDecimal"], &[DOUBLE, INT], Kind::Double, "to so many decimals, halves away from 0", |row| {
        scaled(row.double(0), row.int(1), RoundingMode::HalfUp)
    }),
    one!(&["truncate"], "towards zero", |a| {
        let sign = if a == 0.0 || a.is_nan() { a } else { a.signum() };
        sign * a.abs().floor()
    }),
    plain(&["truncate"], &[DOUBLE, INT], Kind::Double, "to so many decimals", |row| {
        scaled(row.double(0), row.int(1), RoundingMode::Down)
    }),
    plain(&["isNaN"], &[DOUBLE], Kind::Int, "1 or 0", |row| Ok(Cell::Int(i32::from(row.double(0).is_nan())))),
    plain(&["isFinite"], &[DOUBLE], Kind::Int, "1 or 0", |row| Ok(Cell::Int(i32::from(row.double(0).is_finite())))),
    plain(&["isInfinite"], &[DOUBLE], Kind::Int, "1 or 0", |row| Ok(Cell::Int(i32::from(row.double(0).is_infinite())))),
    two!(&["ifNotFinite"], "else the second", |a, b| if a.is_finite() { a } else { b }),
    plain(&["gcd"], &[LONG, LONG], Kind::Long, "", |row| Ok(Cell::Long(gcd(row.long(0), row.long(1))))),
    plain(&["lcm"], &[LONG, LONG], Kind::Long, "", |row| {
        let (a, b) = (row.long(0), row.long(1));
        if a == 0 || b == 0 {
            return Ok(Cell::Long(0));
        }
        Ok(Cell::Long(a.wrapping_abs().wrapping_div(gcd(a, b)).wrapping_mul(b.wrapping_abs())))
    }),
    plain(&["byteswapInt"], &[INT], Kind::Int, "", |row| Ok(Cell::Int(row.int(0).swap_bytes()))),
    plain(&["byteswapLong"], &[LONG], Kind::Long, "", |row| Ok(Cell::Long(row.long(0).swap_bytes()))),
];

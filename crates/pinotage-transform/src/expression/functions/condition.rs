//! Comparisons. They are those of DOUBLE; `=` and `<>` take numbers that differ by less than 10⁻⁷ for equal.

use super::super::column::{Cell, Kind};
use super::super::function::Function;
use super::{DOUBLE, plain};

const TOLERANCE: f64 = 1e-7;

macro_rules! comparison {
    ($name:literal, $about:literal, $op:expr) => {
        plain(&[$name], &[DOUBLE, DOUBLE], Kind::Boolean, $about, |row| {
            let op: fn(f64, f64) -> bool = $op;
            Ok(Cell::Boolean(op(row.double(0), row.double(1))))
        })
    };
}

pub(crate) const ALL: &[Function] = &[
    comparison!("equals", "`a = b`", |a, b| (a - b).abs() < TOLERANCE),
    comparison!("notEquals", "`a <> b`", |a, b| (a - b).abs() >= TOLERANCE),
    comparison!("greaterThan", "`a > b`", |a, b| a > b),
    comparison!("greaterThanOrEqual", "`a >= b`", |a, b| a >= b),
    comparison!("lessThan", "`a < b`", |a, b| a < b),
    comparison!("lessThanOrEqual", "`a <= b`", |a, b| a <= b),
    plain(&["between"], &[DOUBLE, DOUBLE, DOUBLE], Kind::Boolean, "`a BETWEEN b AND c`", |row| {
        Ok(Cell::Boolean(row.double(0) >= row.double(1) && row.double(0) <= row.double(2)))
    }),
];

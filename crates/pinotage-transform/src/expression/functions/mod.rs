//! Pinot's scalar functions, by group. Each stands once, with what it takes, gives and says of itself.

pub(super) mod bytes;
pub(super) mod condition;
pub(super) mod epoch;
pub(super) mod json;
pub(super) mod list;
pub(super) mod number;
pub(super) mod text;
pub(super) mod time;

use super::column::Kind;
use super::function::{Answer, Function, Row, Want};

/// Functions of Pinot that are refused by name, and why.
pub(super) const REFUSED: &[(&str, &str)] = &[
    ("now", "its rows would differ from run to run"),
    ("ago", "its rows would differ from run to run"),
    ("rand", "its rows would differ from run to run"),
    ("sleep", "it does nothing"),
    ("jsonExtractScalar", "Pinot has it in queries only; write `jsonPathString`, `jsonPathLong` or `jsonPathDouble`"),
    ("jsonExtractKey", "the order of its keys is that of Jayway's library"),
    ("toSphericalGeography", "shapes on the earth are not written yet"),
    ("toGeometry", "shapes are not written yet"),
    ("stPoint", "shapes are not written yet"),
    ("exp", "its last digits depend on the machine, in Pinot as well"),
    ("ln", "its last digits depend on the machine, in Pinot as well"),
    ("log", "its last digits depend on the machine, in Pinot as well"),
    ("log2", "its last digits depend on the machine, in Pinot as well"),
    ("log10", "its last digits depend on the machine, in Pinot as well"),
    ("power", "its last digits depend on the machine, in Pinot as well"),
    ("pow", "its last digits depend on the machine, in Pinot as well"),
    ("like", "Pinot compares without case by rules of Unicode"),
    ("in", "Pinot has it in queries only"),
    ("normalize", "forms of Unicode are not written yet"),
    ("sha224", "it is SHA3-224 in Pinot"),
];

const fn value(kind: Kind) -> Want {
    Want::Value(kind)
}

const INT: Want = value(Kind::Int);
const LONG: Want = value(Kind::Long);
const DOUBLE: Want = value(Kind::Double);
const STRING: Want = value(Kind::String);
const BYTES: Want = value(Kind::Bytes);
const ANY: Want = value(Kind::Any);

/// A function that gives null where an argument is null.
const fn plain(
    names: &'static [&'static str],
    wants: &'static [Want],
    gives: Kind,
    about: &'static str,
    kernel: for<'a> fn(Row<'a>) -> Answer<'a>,
) -> Function {
    Function { names, wants, gives, nullable: false, kernel, about }
}

/// A function that takes nulls.
const fn nullable(
    names: &'static [&'static str],
    wants: &'static [Want],
    gives: Kind,
    about: &'static str,
    kernel: for<'a> fn(Row<'a>) -> Answer<'a>,
) -> Function {
    Function { names, wants, gives, nullable: true, kernel, about }
}

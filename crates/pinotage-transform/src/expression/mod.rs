//! Pinot's ingestion expressions, evaluated on columns.
//!
//! `parse` reads the text, `plan` finds the functions and knows the kind of every part, and evaluates a batch; `function` is
//! the registry. Everything that is the same for all rows is computed, and refused, before the first row.

mod calendar;
mod column;
mod convert;
mod function;
mod functions;
mod java_regex;
mod joda;
mod json_path;
mod parse;
mod plan;
mod reference;
mod result;

pub(crate) use column::{Builder, Cell, Column, Kind};
pub(crate) use convert::{convert, convert_cell};
pub(crate) use functions::json::write as write_json;
pub(crate) use functions::number::extreme;
pub(crate) use parse::{Tree, shorten};
pub(crate) use plan::{Failures, Frame, Node, Scope};
pub use reference::function_reference;
pub(crate) use result::Output;

impl Tree {
    /// The names of the columns that it reads.
    pub(crate) fn columns(&self) -> Vec<&str> {
        match self {
            Self::Column(name) => vec![name],
            Self::Array(items) => items.iter().flat_map(Self::columns).collect(),
            Self::Call { arguments, .. } => arguments.iter().flat_map(Self::columns).collect(),
            _ => Vec::new(),
        }
    }
}

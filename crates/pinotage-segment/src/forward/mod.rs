//! Forward indexes: from a doc id to its value or dictionary id.

mod reader;
mod writer;

pub use reader::{ForwardReader, RawReader};
pub(crate) use writer::{Rows, multi_value_ids, raw_fixed, raw_variable, single_value_ids, sorted_ranges};

//! Forward indexes: from a doc id to its value or dictionary id.

mod raw;
mod reader;
mod writer;

pub(crate) use raw::be32;
pub use raw::{ChunkCache, RawReader};
pub use reader::{ForwardReader, Ids};
pub(crate) use writer::{Rows, multi_value_ids, raw_fixed, raw_variable, single_value_ids, sorted_ranges};

//! Forward indexes: from a doc id to its value or dictionary id.

mod clp;
mod docs;
mod raw;
mod reader;
mod shared;
mod writer;

pub use clp::{ClpCaches, ClpReader};
pub use docs::Docs;
pub(crate) use raw::be32;
pub use raw::{ChunkCache, RawReader};
pub use reader::ForwardReader;
pub(crate) use reader::check_total;
pub use shared::SharedEntries;
pub(crate) use writer::{Rows, multi_value_ids, raw_fixed, raw_variable, single_value_ids, sorted_ranges};

//! Dictionaries: the distinct values of a column in ascending order; a value's rank is its id.

mod reader;
mod writer;

pub use reader::DictionaryReader;
pub(crate) use reader::decode;
pub(crate) use writer::{DictionaryBytes, write_fixed, write_var_length};

//! Secondary indexes.

pub mod bloom;
mod flatten;
pub mod inverted;
pub mod json;
pub mod null_vector;
pub mod range;
pub(crate) mod slices;

//! Secondary indexes.

pub mod bloom;
pub(crate) mod flat_size;
mod flatten;
pub mod inverted;
pub mod json;
pub mod null_vector;
pub mod range;
pub(crate) mod slices;

//! Secondary indexes.

pub mod bloom;
pub mod inverted;
pub mod null_vector;
pub mod range;
pub(crate) mod slices;

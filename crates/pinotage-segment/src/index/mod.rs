//! Secondary indexes.

pub mod inverted;
pub mod null_vector;
pub mod range;
pub(crate) mod slices;

//! Secondary indexes.

pub mod inverted;
pub mod null_vector;

//! Aggregation at ingestion: rows with the same dimensions and times become one, whose metrics are computed of all of them.
//!
//! It is what a server does while it consumes, and no offline job of Pinot does. [`Contributions`] puts in the place of each
//! metric what a row adds to it, and finds the rows that add nothing that the metric could hold; [`Rolled`] sums up.

mod contributions;
mod rolled;

pub use contributions::Contributions;
pub use rolled::Rolled;

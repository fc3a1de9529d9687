//! What tests share: conformance cases that Pinot's own jars judge, the rows of golden segments, real clusters and real
//! object stores, and fake controllers that fail as a script says.
//!
//! A case is a schema, a table config and a function from row number to row, so a million rows need no memory. Its rows
//! are the *stored* values, worked out by hand here and by nothing that is under test; Pinot confirms them
//! (`java/conformance`, whose README has the exchange format).
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

pub mod cluster;
pub mod fake;
pub mod flink;
pub mod servers;
pub mod spark;

mod case;
mod cases;
mod dist;
mod row;
mod stored;

pub use case::Case;
pub use dist::{dist, done};
pub use row::{GoldenCase, cases_in, columns_to_batch, golden_cases, is_null, read_only_cases, rows_to_batch};
pub use stored::stored;

/// Whether the tests are to take their large sizes, as `cargo xtask test --full` says.
pub fn is_full() -> bool {
    std::env::var("PINOTAGE_TEST_SIZE").is_ok_and(|size| size == "full")
}

//! The embedded engine: runs a job in this process, and answers SQL on segments and files.
//!
//! A unit of work is one input file. Its segments, its quarantine and its line in the manifest appear together or not at
//! all; the manifest makes a second run do only what is missing.
#![forbid(unsafe_code)]

mod manifest;
mod quarantine;
mod query;
mod row_sql;
mod run;
mod unit;

pub use manifest::{Counts, SegmentRecord};
pub use query::query;
pub use run::{InputStatus, InputSummary, Observer, Prepared, RunOptions, Silent, Summary, prepare, run};

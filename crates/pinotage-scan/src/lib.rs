//! Reading tables of a Pinot cluster: complete or an error.
//!
//! [`Table`] is what there is to read, [`Scanner`] makes a [`ScanPlan`] (which segments are read, by whom and with which
//! filter) and reads its splits as Arrow. An [`AggregatePlan`] asks servers for numbers about the rows in place of the rows.
#![forbid(unsafe_code)]

mod aggregate;
mod boundary;
mod cache;
mod choice;
mod constant;
mod cost;
mod direct;
mod fetch;
mod keyed;
mod options;
mod outlived;
mod pace;
mod partitioning;
mod plan;
mod portable;
mod prune;
mod query;
mod reasons;
mod scanner;
mod server;
mod servers;
mod split;
mod spool;
mod table;
mod top;
mod valid;
mod view;

pub use aggregate::{Aggregate, AggregatePlan, AggregateRequest};
pub use options::{MissingSegments, Nulls, Reader, ScanOptions, Transport};
pub use partitioning::{ByPartition, Partitioning};
pub use plan::{HalfPlan, ScanPlan, ScanRequest};
pub use portable::{SplitDocument, TableDocument};
pub use scanner::{Batches, Scanner};
pub use split::Split;
pub use table::Table;
pub use top::OrderKey;

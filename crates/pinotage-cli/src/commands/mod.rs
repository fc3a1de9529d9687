//! One file a command.

pub(crate) mod check;
pub(crate) mod engine;
pub(crate) mod flink;
pub(crate) mod infer;
pub(crate) mod job;
pub(crate) mod place;
pub(crate) mod plan;
pub(crate) mod push;
pub(crate) mod quarantine;
pub(crate) mod reconcile;
pub(crate) mod run;
pub(crate) mod runs;
pub(crate) mod scan;
pub(crate) mod segment;
pub(crate) mod spark;
pub(crate) mod spec_push;
pub(crate) mod sql;
pub(crate) mod staging;
pub(crate) mod table;

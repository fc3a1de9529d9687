//! Segments into a cluster: the table is made to fit, segments are pushed, replaced in one step, and seen to be loaded.
//!
//! [`Target`] is one table of one cluster. [`bootstrap::compare`] says what is different there and
//! [`bootstrap::apply`] changes it. [`publish::publish`] brings segments in, in place of others; whatever happens in
//! between, calling it again with the same segments goes on where the first call ended. Nothing here knows an engine or
//! keeps a state of its own: the cluster is asked.
#![forbid(unsafe_code)]

pub mod bootstrap;
mod kinds;
pub mod publish;
pub mod rewrite;
mod segment;
mod servers;
mod target;
pub mod upsert;
mod verify;
pub mod writer;

pub use kinds::{check_rewritable, check_table, check_uploadable, needs_partitions, retention_millis};
pub use segment::{LocalSegment, StoredArchive};
pub use target::{Snapshot, Target};
pub use verify::{Before, Waiting, verify};

//! Rows for tables that keep one row of each primary key.
mod config;
mod defaults;
mod keys;
mod latest;
mod order;
mod parity;
pub mod partial;
mod stream_key;
mod ttl;
mod upload;

pub use config::{Strategy, UpsertColumn, UpsertMode, UpsertTable};
pub use latest::{Latest, Winners};
pub use parity::check_parity;
pub use stream_key::{KeySerializer, StreamKey};
pub use upload::{CreationTimes, Ties, UploadedSegment, partition_metadata};

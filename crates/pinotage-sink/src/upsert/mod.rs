//! Rows for tables that keep one row of each primary key.
mod config;
mod defaults;
mod keys;
mod latest;
mod order;
pub mod partial;
mod stream_key;

pub use config::{Strategy, UpsertColumn, UpsertMode, UpsertTable};
pub use latest::{Latest, Winners};
pub use stream_key::{KeySerializer, StreamKey};

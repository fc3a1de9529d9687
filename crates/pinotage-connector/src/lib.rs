//! The connector SDK: what a source and a sink promise, so that every engine can run them.
//!
//! A [`Source`] is cut into splits, each read by a [`Reader`] that says with every batch how far it has come. A [`Sink`] has
//! [`Writer`]s, which hand out at the end of each epoch what a [`Committer`] then brings into the target. Who runs them
//! writes positions, open rows and committables down in one step; after a crash it opens the same splits at the recorded
//! positions, gives the open rows back to writers, and commits once more what was recorded.
//!
//! Everything here blocks and knows no runtime: an engine gives each reader and writer a thread. Rows are Arrow.
//!
//! # Errors decide what happens
//!
//! | [`retry`](pinotage_common::Error::retry) of the error | what an engine does |
//! | --- | --- |
//! | `Temporary` | opens the split again where it was, or commits again, after a pause that grows |
//! | `Permanent` | stops; the last recorded epoch stays what it is, and the next start goes on from there |
//!
//! A row that cannot be read or written is no error: it is a [`BadRow`], and goes to the quarantine within its epoch.
//!
//! The [`kit`] holds a connector to all of that.
#![forbid(unsafe_code)]

mod context;
mod lives;
mod sink;
mod source;

pub mod kit;

pub use context::{Cancel, Clock, Context, Metrics, SystemClock};
pub use lives::Lives;
pub use sink::{Committable, Committer, Delivery, OpenBuffer, Prepared, Refused, Sink, Writer, by_partition, split_by};
pub use source::{BadRow, Next, Place, Places, Position, Reader, Rows, Source, Split, SplitState, row_json};

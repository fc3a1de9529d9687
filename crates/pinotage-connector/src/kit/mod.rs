//! What every connector has to hold: suites that a connector's tests call, one for each promise.
//!
//! They drive a connector as an engine does, and stop it as crashes do: a reader, writer or committer is dropped at each
//! step, and only what an engine would have recorded goes into the next life.
//!
//! # Panics
//!
//! All of them, where a promise is broken, saying which.

mod rows;
mod sink;
mod source;
mod writer;

pub use rows::row_texts;
pub use sink::{SinkCase, SinkTarget};
pub use source::SourceCase;

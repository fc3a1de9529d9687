//! The promises of the sink, on a real cluster.
#![allow(clippy::unwrap_used, missing_docs)]

mod bootstrap;
mod forms;
mod publish;
mod support;

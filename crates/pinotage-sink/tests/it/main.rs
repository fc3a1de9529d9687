//! The promises of the sink, on real clusters.
#![allow(clippy::unwrap_used, missing_docs)]

mod bad_input;
mod between;
mod bootstrap;
mod faults;
mod forms;
mod kinds;
mod places;
mod publish;
mod realtime;
mod refreshed;
mod staged;
mod support;
mod tables;
mod upsert;
mod windows;
mod writer;

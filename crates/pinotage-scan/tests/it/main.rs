//! Scans of real clusters.

mod aggregates;
mod agreement;
mod changes;
mod complete;
mod elsewhere;
mod hybrid;
mod realtime;
mod support;
mod top;
mod upsert;

//! Scans of real clusters.

mod aggregates;
mod agreement;
mod complete;
mod hybrid;
mod support;

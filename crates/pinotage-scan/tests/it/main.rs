//! Scans of real clusters.

mod agreement;
mod complete;
mod hybrid;
mod support;

//! pinotage-segment from outside.

mod conformance;
mod write;

//! pinotage-segment from outside.

mod conformance;
mod read;
mod write;

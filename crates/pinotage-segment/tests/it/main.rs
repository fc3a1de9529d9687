//! pinotage-segment from outside.

mod conformance;
mod properties;
mod read;
mod star_tree;
mod write;

//! pinotage-segment from outside.

mod rows;
mod write;

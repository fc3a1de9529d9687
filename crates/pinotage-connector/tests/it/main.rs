//! The example of the recipe, which holds all promises, and connectors that break one each.
#![allow(clippy::unwrap_used, missing_docs)]

mod broken_sinks;
mod broken_sources;
mod countdown;
mod json_lines;
mod recipe;

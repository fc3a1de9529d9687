//! pinotage-segment from outside.

mod conformance;
mod loaded;
mod loaded_by_releases;
mod lucene;
mod properties;
mod read;
mod releases;
mod star_tree;
mod truncated_times;
mod write;

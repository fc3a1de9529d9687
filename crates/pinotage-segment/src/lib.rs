//! Pinot segments as Arrow: [`write::SegmentBuilder`] turns record batches into a v3 segment that Pinot's own loader
//! opens, [`read::Segment`] turns a segment back into record batches.
//!
//! A segment is an immutable folder with the rows of one table, column by column. `v3/columns.psf` holds the bytes
//! of every index, `v3/index_map` says where each one lies, `v3/metadata.properties` describes the columns and
//! `v3/creation.meta` holds the checksum. The pages beside this crate's sources describe the bytes: `spec/layout.md` first,
//! `spec/worked-example.md` for a whole segment.
//!
//! Nothing here uses the network or knows an engine.

pub mod bits;
pub mod codec;
pub mod constants;
pub mod dictionary;
pub mod forward;
pub mod index;
pub mod metadata;
pub mod properties;
pub mod read;
pub mod star_tree;
pub mod write;

//! Record batches to a segment.
//!
//! [`SegmentBuilder`] interns every value as it comes: a row costs four bytes a value and each distinct value is
//! held once. `finish` ranks the distinct values in Pinot's order, and then every column is laid out on its own, in
//! parallel. The bytes depend on rows and configuration only, never on the number of threads.

mod archive;
mod builder;
mod built;
mod column;
mod interner;
mod layout;
mod rows;

pub use archive::archive_folder;
pub use builder::{NameInput, SegmentBuilder};
pub use built::{BuiltSegment, SegmentEntry};

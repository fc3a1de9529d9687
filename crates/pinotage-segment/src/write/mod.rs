//! Record batches to a segment.
//!
//! [`SegmentBuilder`] interns every value as it comes: a row costs one, two or four bytes a value and each distinct value
//! is held once. Raw columns hold their values as they come, and estimate how many are distinct. `finish` ranks the
//! distinct values in Pinot's order, and then every column is laid out on its own, as many at a time as the memory allows; its
//! payloads go to files without a name. The bytes depend on rows and configuration only, never on threads or memory.

mod archive;
mod blocks;
mod builder;
mod built;
mod column;
mod held;
mod ids;
mod interner;
mod layout;
mod maps;
mod ranking;
mod rows;
mod sketch;
mod slots;

pub use archive::archive_folder;
pub use builder::{NameInput, ROWS_BETWEEN_CHECKS, SegmentBuilder, Workspace};
pub use built::{BuiltSegment, PayloadBytes, SegmentEntry};
pub use held::unpacked;

//! Star-trees: rows of a segment that are summed up in advance, for every value of some dimensions and for any value.
//!
//! The table config says by which dimensions and which functions ([`pinotage_spec::StarTreePlan`]). A tree leads from
//! values of the dimensions to *star-tree docs*: docs of its own, with the dictionary ids of the dimensions and the sums
//! of the metrics. `spec/star-tree.md` has the bytes.
//!
//! [`StarTrees`] reads what a segment has; `SegmentBuilder::finish` writes what the table config wants.

mod builder;
mod estimate;
mod input;
mod java_map;
mod metadata;
mod metric;
mod reader;
mod tree;
mod verify;
mod writer;

pub(crate) use estimate::{Size, bytes as estimated_bytes};
pub(crate) use input::Column;
pub use metadata::{AggregationMetadata, StarTreeMetadata};
pub use reader::{StarTree, StarTrees};
pub use tree::StarTreeNode;
pub(crate) use verify::verify;
pub(crate) use writer::{StarTreeFiles, write};

/// The buffers of all trees, one behind the other.
pub(crate) const INDEX_FILE: &str = "star_tree_index";
/// Where each buffer lies in it.
pub(crate) const MAP_FILE: &str = "star_tree_index_map";

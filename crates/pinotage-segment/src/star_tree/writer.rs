//! The star-trees of a segment that is being finished.

use std::collections::BTreeMap;

use pinotage_common::Result;
use pinotage_spec::StarTreePlan;
use rayon::prelude::*;

use super::builder::{self, Built};
use super::input::Column;
use super::metadata::StarTreeMetadata;
use crate::properties::write_line;

/// The two files, and what the metadata says of them.
#[derive(Debug)]
pub(crate) struct StarTreeFiles {
    pub(crate) metadata: Vec<StarTreeMetadata>,
    /// The parts of `star_tree_index`, which follow each other without magic or padding.
    pub(crate) index: Vec<Vec<u8>>,
    /// `star_tree_index_map`
    pub(crate) map: String,
}

/// Builds trees, all at once or one after the other.
///
/// # Errors
///
/// Those of [`builder::build`].
///
/// # Pinot equivalent
///
/// `MultipleTreesBuilder`
pub(crate) fn write(
    plans: &[StarTreePlan],
    columns: &BTreeMap<String, Column<'_>>,
    num_rows: u32,
    at_once: bool,
) -> Result<StarTreeFiles> {
    let build = |(number, plan): (usize, &StarTreePlan)| {
        builder::build(plan, columns, num_rows).map_err(|error| error.with("star-tree", number))
    };
    let built: Vec<Built> = match at_once {
        true => plans.par_iter().enumerate().map(build).collect::<Result<_>>()?,
        false => plans.iter().enumerate().map(build).collect::<Result<_>>()?,
    };
    let mut files = StarTreeFiles { metadata: Vec::new(), index: Vec::new(), map: String::new() };
    let mut offset = 0;
    for (number, (plan, built)) in plans.iter().zip(built).enumerate() {
        let mut push = |column: &str, index: &str, bytes: Vec<u8>| {
            let key = format!("{number}.{column}.{index}");
            write_line(&format!("{key}.OFFSET"), &offset.to_string(), &mut files.map);
            write_line(&format!("{key}.SIZE"), &bytes.len().to_string(), &mut files.map);
            offset += bytes.len();
            files.index.push(bytes);
        };
        push("null", "STAR_TREE", built.tree);
        for (dimension, bytes) in plan.dimensions.iter().zip(built.dimensions) {
            push(dimension, "FORWARD_INDEX", bytes);
        }
        for (aggregation, bytes) in plan.aggregations.iter().zip(built.metrics) {
            push(&aggregation.metric(), "FORWARD_INDEX", bytes);
        }
        files.metadata.push(StarTreeMetadata::new(plan, built.num_docs));
    }
    Ok(files)
}

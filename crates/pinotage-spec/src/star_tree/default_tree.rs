//! The star-tree of a table that names none: `enableDefaultStarTree`.

use std::collections::BTreeSet;

use pinotage_common::{Error, Result};

use super::aggregation::{StarTreeAggregation, sort};
use super::{DEFAULT_MAX_LEAF_RECORDS, StarTreeFunction, StarTreePlan, StarTreePlans};
use crate::java::compare_utf16;
use crate::{DataType, FieldSpec, FieldType};

/// A dimension with more distinct values has no place in the default star-tree.
pub const DEFAULT_TREE_MAX_CARDINALITY: u32 = 10_000;

/// What decides whether a column is a dimension of the default star-tree.
#[derive(Debug, Clone, Copy)]
pub struct StarTreeCandidate<'a> {
    /// The column.
    pub field: &'a FieldSpec,
    /// It has a dictionary in this segment.
    pub has_dictionary: bool,
    /// Its distinct values in this segment.
    pub cardinality: u32,
}

impl StarTreePlans {
    /// The tree of `enableDefaultStarTree`: COUNT(*) and the SUM of every numeric metric, by all dimensions of at most
    /// 10,000 values and then by all times, those with most values first.
    ///
    /// # Errors
    ///
    /// `invalid-config` when there is no such dimension or time: servers could not load the segment either.
    ///
    /// # Pinot equivalent
    ///
    /// `StarTreeV2BuilderConfig.generateDefaultConfig`
    pub fn default_tree(columns: &[StarTreeCandidate<'_>]) -> Result<StarTreePlan> {
        let mut columns: Vec<_> = columns.iter().filter(|column| column.field.single_value).collect();
        columns.sort_by(|a, b| compare_utf16(a.field.name.as_bytes(), b.field.name.as_bytes()));
        let by_cardinality = |field_type: FieldType, most: u32| {
            let mut chosen: Vec<_> = columns
                .iter()
                .filter(|column| column.field.field_type == field_type && column.has_dictionary)
                .filter(|column| column.cardinality <= most)
                .collect();
            chosen.sort_by_key(|column| std::cmp::Reverse(column.cardinality));
            chosen.into_iter().map(|column| column.field.name.clone()).collect::<Vec<_>>()
        };
        let mut dimensions = by_cardinality(FieldType::Dimension, DEFAULT_TREE_MAX_CARDINALITY);
        dimensions.extend(by_cardinality(FieldType::DateTime, u32::MAX));
        if dimensions.is_empty() {
            return Err(no_dimension());
        }
        let is_number = |field: &FieldSpec| {
            use DataType::*;
            field.field_type == FieldType::Metric && matches!(field.data_type, Int | Long | Float | Double | BigDecimal)
        };
        let sums = columns.iter().filter(|column| is_number(column.field));
        let sums = sums.map(|column| StarTreeAggregation::new(StarTreeFunction::Sum, &column.field.name));
        let mut aggregations = vec![StarTreeAggregation::new(StarTreeFunction::Count, "*")];
        aggregations.extend(sums);
        sort(&mut aggregations);
        Ok(StarTreePlan {
            dimensions,
            skip_star_nodes: BTreeSet::new(),
            aggregations,
            max_leaf_records: DEFAULT_MAX_LEAF_RECORDS,
        })
    }
}

pub(super) fn no_dimension() -> Error {
    Error::invalid_config("no column can be a dimension of the default star-tree").action(
        "name the dimensions in `starTreeIndexConfigs`, or take `enableDefaultStarTree` out of the table config",
    )
}

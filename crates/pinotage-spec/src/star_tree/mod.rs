//! The star-trees of a table config: `starTreeIndexConfigs` and `enableDefaultStarTree`.

mod aggregation;
mod default_tree;
mod function;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;

use pinotage_common::{Error, Result};
use serde_json::Value as Json;

pub use aggregation::{DEFAULT_LOG2M, StarTreeAggregation};
pub use default_tree::{DEFAULT_TREE_MAX_CARDINALITY, StarTreeCandidate};
pub use function::StarTreeFunction;

use aggregation::Asked;
use default_tree::no_dimension;

use crate::schema::strings;
use crate::{ColumnPlan, DictionaryRule, FieldType, PinotVersion, TableConfig};

/// Records in a leaf of a star-tree at most, where the config names none (`StarTreeV2BuilderConfig`).
pub const DEFAULT_MAX_LEAF_RECORDS: u32 = 10_000;

/// One star-tree of a table.
///
/// # Pinot equivalent
///
/// `StarTreeV2BuilderConfig`
#[derive(Debug, Clone, PartialEq)]
pub struct StarTreePlan {
    /// `dimensionsSplitOrder`: single-value columns with dictionaries.
    pub dimensions: Vec<String>,
    /// `skipStarNodeCreationForDimensions`, in the order of Pinot's sorted set.
    pub skip_star_nodes: BTreeSet<String>,
    /// What is aggregated, in the order of Pinot's sorted map: by column, then by function.
    pub aggregations: Vec<StarTreeAggregation>,
    /// `maxLeafRecords`: a node with more records is split by the next dimension.
    pub max_leaf_records: u32,
}

impl fmt::Display for StarTreePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let metrics: Vec<String> = self.aggregations.iter().map(StarTreeAggregation::metric).collect();
        write!(f, "{} by {}", metrics.join(", "), self.dimensions.join(", "))
    }
}

/// The star-trees of a table.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StarTreePlans {
    /// Those that are written, in the order of the config and each once.
    pub trees: Vec<StarTreePlan>,
    /// `enableDefaultStarTree`: one more, whose dimensions depend on the segment ([`StarTreePlans::default_tree`]).
    pub default_tree: bool,
    /// Those that are not written, and for which function.
    pub left_to_server: Vec<String>,
    /// `enableDynamicStarTreeCreation`: servers build what a segment does not have when they load it. Without it they
    /// answer without.
    pub dynamic: bool,
}

impl StarTreePlans {
    /// Reads and checks the star-trees of a table whose columns are planned ([`ColumnPlan::resolve_for`]), for servers of a release.
    ///
    /// # Errors
    ///
    /// `invalid-config` for whatever Pinot's controller refuses or its builder fails at.
    ///
    /// # Pinot equivalent
    ///
    /// `TableConfigUtils.validateStarTreeIndexConfigs`
    pub fn resolve(table: &TableConfig, columns: &[ColumnPlan], version: PinotVersion) -> Result<Self> {
        let mut plans = Self {
            default_tree: table.index_flag("enableDefaultStarTree"),
            dynamic: table.index_flag("enableDynamicStarTreeCreation"),
            ..Self::default()
        };
        let configs = match table.index_config().get("starTreeIndexConfigs") {
            None | Some(Json::Null) => &[],
            Some(Json::Array(configs)) => configs.as_slice(),
            Some(_) => return Err(Error::invalid_config("expected a list of star-trees in `starTreeIndexConfigs`")),
        };
        if configs.is_empty() && !plans.default_tree {
            return Ok(plans);
        }
        if table.is_upsert() {
            return Err(Error::invalid_config(
                "a table with upserts cannot have star-trees: rows that no longer count would be in them",
            )
            .action("take `starTreeIndexConfigs` and `enableDefaultStarTree` out of the table config"));
        }
        for (number, config) in configs.iter().enumerate() {
            let tree = plans.read(config, columns, version);
            match tree.map_err(|error| error.with("starTreeIndexConfig", number + 1))? {
                Some(tree) if !plans.trees.contains(&tree) => plans.trees.push(tree),
                _ => {}
            }
        }
        let candidate = |column: &ColumnPlan| {
            column.field.single_value
                && column.field.field_type != FieldType::Metric
                && column.dictionary != DictionaryRule::Never
        };
        if plans.default_tree && !columns.iter().any(candidate) {
            return Err(no_dimension());
        }
        Ok(plans)
    }

    /// Whether the segment has a star-tree over this dimension, which then has to have a dictionary.
    pub fn has_dimension(&self, column: &str) -> bool {
        self.trees.iter().any(|tree| tree.dimensions.iter().any(|dimension| dimension == column))
    }

    /// One of `starTreeIndexConfigs`; `None` when it is left to the server.
    fn read(&mut self, config: &Json, columns: &[ColumnPlan], version: PinotVersion) -> Result<Option<StarTreePlan>> {
        let dimensions = strings(config, "dimensionsSplitOrder");
        if dimensions.is_empty() {
            return Err(Error::invalid_config("expected columns in `dimensionsSplitOrder`, found none")
                .action("name the dimensions that queries filter and group by, the one with most values first"));
        }
        for (place, dimension) in dimensions.iter().enumerate() {
            check_dimension(dimension, columns).map_err(|error| error.with("column", dimension))?;
            if dimensions[..place].contains(dimension) {
                return Err(
                    Error::invalid_config("`dimensionsSplitOrder` names a column twice").with("column", dimension)
                );
            }
        }
        let skip_star_nodes: BTreeSet<String> =
            strings(config, "skipStarNodeCreationForDimensions").into_iter().collect();
        if let Some(stray) = skip_star_nodes.iter().find(|column| !dimensions.contains(column)) {
            return Err(Error::invalid_config(
                "`skipStarNodeCreationForDimensions` names a column that is not in `dimensionsSplitOrder`",
            )
            .with("column", stray));
        }
        let aggregations = match Asked::read(config, columns, version)? {
            Asked::Written(aggregations) => aggregations,
            Asked::Left(left) => {
                self.left_to_server.push(format!("by {}, because of {}", dimensions.join(", "), left.join(", ")));
                return Ok(None);
            }
        };
        let max_leaf_records = match config.get("maxLeafRecords") {
            None | Some(Json::Null) => 0,
            Some(value) => integer(value).ok_or_else(|| {
                Error::invalid_config(format!("expected a number in `maxLeafRecords`, found {value}"))
            })?,
        };
        let max_leaf_records =
            if max_leaf_records <= 0 { DEFAULT_MAX_LEAF_RECORDS } else { max_leaf_records.unsigned_abs() };
        Ok(Some(StarTreePlan { dimensions, skip_star_nodes, aggregations, max_leaf_records }))
    }
}

fn check_dimension(dimension: &str, columns: &[ColumnPlan]) -> Result<()> {
    let Some(column) = columns.iter().find(|column| column.field.name == dimension) else {
        return Err(Error::invalid_config("`dimensionsSplitOrder` names a column that the schema does not have")
            .action("correct the name in the table config or add the column to the schema"));
    };
    if !column.field.single_value {
        return Err(Error::invalid_config("a multi-value column cannot be a dimension of a star-tree")
            .action("take the column out of `dimensionsSplitOrder`"));
    }
    if column.dictionary == DictionaryRule::Never {
        return Err(Error::invalid_config("a column without dictionary cannot be a dimension of a star-tree")
            .action("take the column out of `dimensionsSplitOrder` or give it a dictionary"));
    }
    Ok(())
}

/// An integer as Jackson reads it, as a number or as text.
fn integer(value: &Json) -> Option<i32> {
    match value {
        Json::String(text) => text.trim().parse().ok(),
        value => value.as_i64().and_then(|number| i32::try_from(number).ok()),
    }
}

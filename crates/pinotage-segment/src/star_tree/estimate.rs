//! What building a star-tree takes.

use pinotage_spec::{DataType, StarTreeFunction, StarTreePlan};

/// What is known of a column before it is laid out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) distinct: usize,
    pub(crate) values: usize,
}

/// Bytes that building a star-tree takes for so many rows, finished buffers included.
///
/// How many docs it gets depends on which values come together. Each level that is split doubles them at most, and levels are split for as
/// long as their nodes have more rows than a leaf may have; nor can there be more docs than combinations of values.
pub(crate) fn bytes(plan: &StarTreePlan, rows: usize, size: impl Fn(&str) -> Option<Size>) -> usize {
    let distinct = |name: &String| size(name).map_or(1, |size| size.distinct.max(1));
    let (mut combinations, mut docs, mut nodes) = (1_usize, rows, 1_usize);
    for dimension in &plan.dimensions {
        combinations = combinations.saturating_mul(distinct(dimension) + 1);
        if rows / nodes > plan.max_leaf_records as usize || nodes == 1 {
            docs = docs.saturating_mul(if plan.skip_star_nodes.contains(dimension) { 1 } else { 2 });
        }
        nodes = nodes.saturating_mul(distinct(dimension));
    }
    let docs = docs.min(combinations);
    let mut doc = 4 * plan.dimensions.len() + size_of::<super::StarTreeNode>();
    let mut bytes = rows * (4 * plan.dimensions.len() + 8);
    for aggregation in &plan.aggregations {
        let values = size(&aggregation.column).map_or(0, |size| size.values);
        bytes += 8 * values;
        doc += match aggregation.function {
            // Each value is in bitmaps of as many docs as levels were doubled.
            StarTreeFunction::DistinctCountBitmap => {
                bytes = bytes.saturating_add(4 * values.saturating_mul(docs.div_ceil(rows.max(1))));
                32
            }
            StarTreeFunction::DistinctCountHll => 8 + (1 << aggregation.log2m().unwrap_or_default()),
            function if function.stored() == DataType::Bytes => 16,
            _ => 8,
        };
    }
    // As they grow, and as they are written.
    bytes.saturating_add(docs.saturating_mul(3 * doc))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pinotage_spec::{ColumnPlan, PinotVersion, Schema, StarTreePlans, TableConfig};

    fn plan(leaf: u32, pairs: &str) -> StarTreePlan {
        let schema = r#"{"schemaName": "t", "dimensionFieldSpecs": [{"name": "a", "dataType": "INT"}, {"name": "b", "dataType": "INT"}]}"#;
        let table = format!(
            r#"{{"tableName": "t", "tableIndexConfig": {{"starTreeIndexConfigs": [{{"dimensionsSplitOrder": ["a", "b"],
                "functionColumnPairs": [{pairs}], "maxLeafRecords": {leaf}}}]}}}}"#
        );
        let table = TableConfig::from_json(&table).unwrap();
        let columns = ColumnPlan::resolve(&Schema::from_json(schema).unwrap(), &table).unwrap();
        StarTreePlans::resolve(&table, &columns, PinotVersion::NEWEST).unwrap().trees.remove(0)
    }

    #[test]
    fn more_docs_need_more_and_few_combinations_little() {
        let size = |distinct: usize| move |_: &str| Some(Size { distinct, values: 100_000 });
        let count = plan(10, r#""COUNT__*""#);
        let (few, many) = (bytes(&count, 100_000, size(3)), bytes(&count, 100_000, size(10_000)));
        assert!(few < 2_600_000 && many > 10 * few, "{few} {many}");
        assert!(bytes(&plan(1_000_000, r#""COUNT__*""#), 100_000, size(10_000)) <= many);
        assert!(bytes(&plan(10, r#""DISTINCTCOUNTHLL__a""#), 100_000, size(10_000)) > 3 * many);
    }
}

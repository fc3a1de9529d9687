use super::*;
use crate::{Codec, ForwardOptions, Schema};

const SCHEMA: &str = r#"{"schemaName": "t", "dimensionFieldSpecs": [
        {"name": "a", "dataType": "STRING"}, {"name": "b", "dataType": "INT"}, {"name": "raw", "dataType": "INT"},
        {"name": "list", "dataType": "INT", "singleValueField": false}, {"name": "y", "dataType": "BYTES"}],
    "metricFieldSpecs": [{"name": "m", "dataType": "DOUBLE"}],
    "dateTimeFieldSpecs": [{"name": "ts", "dataType": "LONG", "format": "EPOCH|MILLISECONDS", "granularity": "1:DAYS"}]}"#;

fn plans(index_config: &str) -> Result<StarTreePlans> {
    plans_for(index_config, PinotVersion::NEWEST)
}

fn plans_for(index_config: &str, version: PinotVersion) -> Result<StarTreePlans> {
    let schema = Schema::from_json(SCHEMA)?;
    let table = TableConfig::from_json(&format!(
        r#"{{"tableName": "t", "tableIndexConfig": {{"noDictionaryColumns": ["raw", "y"], {index_config}}}}}"#
    ))?;
    let columns = ColumnPlan::resolve(&schema, &table)?;
    StarTreePlans::resolve(&table, &columns, version)
}

fn trees(trees: &str) -> Result<StarTreePlans> {
    plans(&format!(r#""starTreeIndexConfigs": [{trees}]"#))
}

#[test]
fn metrics_stand_in_pinots_order_and_each_once() {
    let found = trees(
        r#"{"dimensionsSplitOrder": ["b", "a"], "skipStarNodeCreationForDimensions": ["a"],
            "functionColumnPairs": ["avg__m", "SUM__m", "sum_long__m", "DISTINCTCOUNTRAWHLL__a", "min__m", "max__b", "count__b", "SUMMV__list"]}"#,
    )
    .unwrap();
    let metrics: Vec<String> = found.trees[0].aggregations.iter().map(StarTreeAggregation::metric).collect();
    assert_eq!(metrics, ["count__*", "distinctCountHLL__a", "max__b", "sumMV__list", "min__m", "sum__m", "avg__m"]);
    assert_eq!(found.trees[0].max_leaf_records, 10_000);
    assert!(found.has_dimension("a") && !found.has_dimension("m"));
}

#[test]
fn options_of_an_aggregation_are_read() {
    let config = r#"{"dimensionsSplitOrder": ["a"], "maxLeafRecords": "7", "aggregationConfigs": [
        {"columnName": "b", "aggregationFunction": "distinctCountHll", "functionParameters": {"log2m": 12}, "compressionCodec": "LZ4",
         "indexVersion": 2, "targetMaxChunkSize": "16K", "targetDocsPerChunk": 5, "deriveNumDocsPerChunk": true}]}"#;
    let found = trees(&format!("{config}, {config}")).unwrap();
    assert_eq!((found.trees.len(), found.trees[0].max_leaf_records), (1, 7), "the same tree twice is one");
    let aggregation = &found.trees[0].aggregations[0];
    assert_eq!(aggregation.log2m().unwrap(), 12);
    let expected = ForwardOptions {
        codec: Codec::Lz4,
        version: 2,
        target_max_chunk_size: 16384,
        target_docs_per_chunk: Some(5),
        derive_num_docs_per_chunk: true,
    };
    assert_eq!(aggregation.forward, expected);
}

#[test]
fn what_cannot_be_written_is_left_to_the_server() {
    let found = plans(
        r#""enableDynamicStarTreeCreation": true, "starTreeIndexConfigs": [
            {"dimensionsSplitOrder": ["a", "b"], "functionColumnPairs": ["COUNT__*", "PERCENTILETDIGEST__m", "SUM__a", "AVG__y"]},
            {"dimensionsSplitOrder": ["a"], "functionColumnPairs": ["COUNT__*"]}]"#,
    )
    .unwrap();
    assert_eq!(found.left_to_server, ["by a, b, because of PERCENTILETDIGEST of `m`, SUM of `a`, AVG of `y`"]);
    assert!(found.dynamic);
    assert_eq!(found.trees.iter().map(ToString::to_string).collect::<Vec<_>>(), ["count__* by a"]);
}

#[test]
fn what_the_oldest_release_cannot_load_is_left_or_written_as_it_can() {
    let found = plans_for(
        r#""starTreeIndexConfigs": [
            {"dimensionsSplitOrder": ["a"], "functionColumnPairs": ["COUNT__*", "AVG__m", "DISTINCTCOUNTHLL__b"]},
            {"dimensionsSplitOrder": ["b"], "functionColumnPairs": ["SUMMV__list"]}]"#,
        PinotVersion::OLDEST,
    )
    .unwrap();
    let versions: Vec<u8> = found.trees[0].aggregations.iter().map(|metric| metric.forward.version).collect();
    assert_eq!((found.trees.len(), versions), (1, vec![4, 2, 2]));
    assert_eq!(found.left_to_server, ["by b, because of SUMMV of `list`"]);
}

#[test]
fn what_pinot_refuses_is_refused_by_name() {
    let tree = |dimensions: &str, rest: &str| format!(r#"{{"dimensionsSplitOrder": [{dimensions}], {rest}}}"#);
    let pairs = |list: &str| tree(r#""a""#, &format!(r#""functionColumnPairs": [{list}]"#));
    let count = r#""functionColumnPairs": ["COUNT__*"]"#;
    for (config, expected) in [
        (tree("", count), "dimensionsSplitOrder"),
        (tree(r#""x""#, count), "column: x"),
        (tree(r#""list""#, count), "multi-value"),
        (tree(r#""raw""#, count), "without dictionary"),
        (tree(r#""a", "a""#, count), "twice"),
        (
            tree(r#""a""#, r#""skipStarNodeCreationForDimensions": ["b"], "functionColumnPairs": ["COUNT__*"]"#),
            "skipStar",
        ),
        (tree(r#""a""#, r#""maxLeafRecords": "many", "functionColumnPairs": ["COUNT__*"]"#), "maxLeafRecords"),
        (tree(r#""a""#, r#""functionColumnPairs": []"#), "either"),
        (tree(r#""a""#, r#""functionColumnPairs": ["COUNT__*"], "aggregationConfigs": [{}]"#), "either"),
        (tree(r#""a""#, r#""aggregationConfigs": [{"columnName": "m"}]"#), "expected a function and a column"),
        (pairs(r#""SUM_m""#), "expected a function and a column"),
        (pairs(r#""SUM__m", "sum__m""#), "twice"),
        (pairs(r#""SUM__*""#), "column: *"),
        (pairs(r#""MODE__m""#), "MODE"),
        (pairs(r#""SUM__x""#), "column: x"),
    ] {
        let error = trees(&config).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("starTreeIndexConfig: 1"), "{config}: {error}");
    }
    let upsert =
        r#"{"tableName": "t", "upsertConfig": {"mode": "FULL"}, "tableIndexConfig": {"enableDefaultStarTree": true}}"#;
    let error = ColumnPlan::resolve(&Schema::from_json(SCHEMA).unwrap(), &TableConfig::from_json(upsert).unwrap());
    assert!(error.unwrap_err().to_string().contains("upserts"));
    assert!(plans(r#""starTreeIndexConfigs": {}"#).is_err());
}

#[test]
fn the_default_tree_takes_dimensions_by_cardinality_and_times_last() {
    let schema = Schema::from_json(SCHEMA).unwrap();
    let cardinality = |name: &str| match name {
        "a" => 5,
        "b" => 10_000,
        "ts" => 1_000_000,
        _ => 10_001,
    };
    let candidates: Vec<_> = schema
        .fields()
        .map(|field| StarTreeCandidate { field, has_dictionary: true, cardinality: cardinality(&field.name) })
        .collect();
    let tree = StarTreePlans::default_tree(&candidates).unwrap();
    assert_eq!(tree.to_string(), "count__*, sum__m by b, a, ts");
    assert!(StarTreePlans::default_tree(&candidates[4..5]).is_err());
}

#[test]
fn a_dimension_keeps_its_dictionary_where_others_are_optimized() {
    let schema = Schema::from_json(SCHEMA).unwrap();
    let table = TableConfig::from_json(
        r#"{"tableName": "t", "tableIndexConfig": {"optimizeDictionary": true,
            "starTreeIndexConfigs": [{"dimensionsSplitOrder": ["b"], "functionColumnPairs": ["COUNT__*"]}]}}"#,
    )
    .unwrap();
    let columns = ColumnPlan::resolve(&schema, &table).unwrap();
    assert_eq!(columns[1].dictionary, DictionaryRule::Always);
    assert!(matches!(columns[0].dictionary, DictionaryRule::IfSmaller { .. }));
}

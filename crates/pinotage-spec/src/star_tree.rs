//! The star-trees of a table config: `starTreeIndexConfigs` and `enableDefaultStarTree`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use pinotage_common::{Error, Result};
use serde_json::Value as Json;

use crate::column_plan::parse_data_size;
use crate::java::compare_utf16;
use crate::schema::strings;
use crate::table_config::is_true;
use crate::{
    Codec, ColumnPlan, DataType, DictionaryRule, FieldSpec, FieldType, ForwardOptions, Schema, StoredType, TableConfig,
};

/// Records in a leaf of a star-tree at most, where the config names none (`StarTreeV2BuilderConfig`).
pub const DEFAULT_MAX_LEAF_RECORDS: u32 = 10_000;

/// A dimension with more distinct values has no place in the default star-tree.
pub const DEFAULT_TREE_MAX_CARDINALITY: u32 = 10_000;

/// The registers of a HyperLogLog are two to this power where the config says nothing.
pub const DEFAULT_LOG2M: u8 = 8;

/// A function that a star-tree holds the values of; ordered as Pinot orders the metrics of one column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StarTreeFunction {
    /// Rows; its column is `*`.
    Count,
    /// The least number.
    Min,
    /// The greatest number.
    Max,
    /// The sum, as a double.
    Sum,
    /// Sum and count.
    Avg,
    /// The least and the greatest number.
    MinMaxRange,
    /// A bitmap of the values' hash codes.
    DistinctCountBitmap,
    /// A HyperLogLog of the values.
    DistinctCountHll,
    /// Values of a multi-value column.
    CountMv,
    /// Their sum.
    SumMv,
    /// Their sum and count.
    AvgMv,
}

impl StarTreeFunction {
    /// Every function that is written.
    pub const ALL: [Self; 11] = [
        Self::Count,
        Self::Min,
        Self::Max,
        Self::Sum,
        Self::Avg,
        Self::MinMaxRange,
        Self::DistinctCountBitmap,
        Self::DistinctCountHll,
        Self::CountMv,
        Self::SumMv,
        Self::AvgMv,
    ];

    /// Pinot's name, as it stands in a segment.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Min => "min",
            Self::Max => "max",
            Self::Sum => "sum",
            Self::Avg => "avg",
            Self::MinMaxRange => "minMaxRange",
            Self::DistinctCountBitmap => "distinctCountBitmap",
            Self::DistinctCountHll => "distinctCountHLL",
            Self::CountMv => "countMV",
            Self::SumMv => "sumMV",
            Self::AvgMv => "avgMV",
        }
    }

    /// Reads a name in any case and with any underscores; functions that are stored as another one are that one.
    pub fn parse(name: &str) -> Option<Self> {
        let name = normalized(name);
        let stored = match name.as_str() {
            "DISTINCTCOUNTRAWHLL" => "DISTINCTCOUNTHLL",
            "MINLONG" => "MIN",
            "MAXLONG" => "MAX",
            "SUMLONG" | "SUMINT" => "SUM",
            name => name,
        };
        Self::ALL.into_iter().find(|function| function.name().eq_ignore_ascii_case(stored))
    }

    /// How its values are stored: LONG, DOUBLE or BYTES (`ValueAggregatorFactory.getAggregatedValueType`).
    pub const fn stored(self) -> DataType {
        match self {
            Self::Count | Self::CountMv => DataType::Long,
            Self::Min | Self::Max | Self::Sum | Self::SumMv => DataType::Double,
            Self::Avg | Self::AvgMv | Self::MinMaxRange | Self::DistinctCountBitmap | Self::DistinctCountHll => {
                DataType::Bytes
            }
        }
    }

    /// Its values can be made of such a column; Pinot also takes numbers in text, and values that were aggregated before.
    pub fn accepts(self, field: &FieldSpec) -> bool {
        match (self, field.data_type.stored()) {
            (Self::Count | Self::CountMv, _) | (_, StoredType::Int | StoredType::Long) => true,
            (_, StoredType::Float | StoredType::Double) => true,
            (Self::DistinctCountBitmap | Self::DistinctCountHll, stored) => stored == StoredType::String,
            (_, stored) => stored == StoredType::BigDecimal && field.single_value,
        }
    }
}

/// Functions that Pinot aggregates in star-trees and that are not written: their sketches are those of Java libraries.
const LEFT_TO_SERVER: [&str; 17] = [
    "SUMPRECISION",
    "DISTINCTCOUNTHLLPLUS",
    "DISTINCTCOUNTRAWHLLPLUS",
    "DISTINCTCOUNTULL",
    "DISTINCTCOUNTRAWULL",
    "DISTINCTCOUNTTHETASKETCH",
    "DISTINCTCOUNTRAWTHETASKETCH",
    "DISTINCTCOUNTTUPLESKETCH",
    "DISTINCTCOUNTRAWINTEGERSUMTUPLESKETCH",
    "AVGVALUEINTEGERSUMTUPLESKETCH",
    "SUMVALUESINTEGERSUMTUPLESKETCH",
    "DISTINCTCOUNTCPCSKETCH",
    "DISTINCTCOUNTRAWCPCSKETCH",
    "PERCENTILEEST",
    "PERCENTILERAWEST",
    "PERCENTILETDIGEST",
    "PERCENTILERAWTDIGEST",
];

/// `AggregationFunctionType.getNormalizedAggregationFunctionName`
fn normalized(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '$')).collect::<String>().to_ascii_uppercase()
}

/// A function of a column, aggregated in advance.
#[derive(Debug, Clone, PartialEq)]
pub struct StarTreeAggregation {
    /// The function.
    pub function: StarTreeFunction,
    /// The column, `*` for COUNT.
    pub column: String,
    /// `functionParameters`, as text.
    pub parameters: BTreeMap<String, String>,
    /// How the values are laid out.
    pub forward: ForwardOptions,
}

impl StarTreeAggregation {
    /// With Pinot's defaults.
    fn new(function: StarTreeFunction, column: &str) -> Self {
        let column = if function == StarTreeFunction::Count { "*" } else { column }.to_owned();
        Self { function, column, parameters: BTreeMap::new(), forward: DEFAULT_FORWARD }
    }

    /// The name of the metric in the star-tree: `sum__price`.
    pub fn metric(&self) -> String {
        format!("{}__{}", self.function.name(), self.column)
    }

    /// The logarithm of a HyperLogLog's number of registers (`log2m`).
    ///
    /// # Errors
    ///
    /// `invalid-config` unless it is 1 to 24.
    pub fn log2m(&self) -> Result<u8> {
        match self.parameters.get("log2m") {
            None => Ok(DEFAULT_LOG2M),
            Some(text) => text.parse().ok().filter(|log2m| (1..=24).contains(log2m)).ok_or_else(|| {
                Error::invalid_config(format!("expected `log2m` from 1 to 24, found `{text}`"))
                    .action("correct `log2m` in `functionParameters`")
            }),
        }
    }
}

/// `AggregationSpec.DEFAULT`
const DEFAULT_FORWARD: ForwardOptions = ForwardOptions {
    codec: Codec::PassThrough,
    version: 4,
    target_max_chunk_size: 1 << 20,
    target_docs_per_chunk: Some(1000),
    derive_num_docs_per_chunk: false,
};

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
    /// Reads and checks the star-trees of a table whose columns are planned.
    ///
    /// # Errors
    ///
    /// `invalid-config` for whatever Pinot's controller refuses or its builder fails at.
    ///
    /// # Pinot equivalent
    ///
    /// `TableConfigUtils.validateStarTreeIndexConfigs`
    pub fn resolve(schema: &Schema, table: &TableConfig, columns: &[ColumnPlan]) -> Result<Self> {
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
            let tree = plans.read(config, schema, columns);
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

    /// One of `starTreeIndexConfigs`; `None` when it is left to the server.
    fn read(&mut self, config: &Json, schema: &Schema, columns: &[ColumnPlan]) -> Result<Option<StarTreePlan>> {
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
        let Some(aggregations) = self.read_aggregations(config, schema, &dimensions)? else { return Ok(None) };
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

    fn read_aggregations(
        &mut self,
        config: &Json,
        schema: &Schema,
        dimensions: &[String],
    ) -> Result<Option<Vec<StarTreeAggregation>>> {
        let list = |key: &str| config.get(key).and_then(Json::as_array).filter(|list| !list.is_empty());
        let entries = match (list("functionColumnPairs"), list("aggregationConfigs")) {
            (Some(pairs), None) | (None, Some(pairs)) => pairs,
            _ => {
                return Err(Error::invalid_config("expected either `functionColumnPairs` or `aggregationConfigs`")
                    .action("name functions and columns in one of them, such as `SUM__price`"));
            }
        };
        let (mut seen, mut left) = (BTreeSet::new(), Vec::new());
        let mut aggregations: Vec<StarTreeAggregation> = Vec::new();
        for entry in entries {
            let (function, column) = pair(entry)?;
            let name = normalized(&function);
            let found = StarTreeFunction::parse(&name);
            let column = if found == Some(StarTreeFunction::Count) { "*" } else { &column };
            // The percentile may stand behind the name.
            let known = if name.starts_with("PERCENTILE") {
                name.trim_end_matches(|c: char| c.is_ascii_digit())
            } else {
                &name
            };
            if found.is_none() && !LEFT_TO_SERVER.contains(&known) {
                return Err(Error::invalid_config(format!("`{function}` is no function that a star-tree can hold"))
                    .action("use COUNT, SUM, MIN, MAX, AVG, MINMAXRANGE, DISTINCTCOUNTHLL or DISTINCTCOUNTBITMAP"));
            }
            if !seen.insert((name.clone(), column.to_owned())) {
                return Err(Error::invalid_config(format!("found `{name}` of `{column}` twice in one star-tree"))
                    .action("remove one, or put it into a star-tree of its own"));
            }
            let field = match schema.field(column) {
                Some(field) => Some(field),
                None if found == Some(StarTreeFunction::Count) => None,
                None => {
                    return Err(Error::invalid_config(format!(
                        "`{name}` is of a column that the schema does not have"
                    ))
                    .with("column", column)
                    .action("correct the name in the table config or add the column to the schema"));
                }
            };
            match found {
                Some(function) if field.is_none_or(|field| function.accepts(field)) => {
                    let aggregation = aggregation(function, column, entry)?;
                    // Two functions may be stored as one; the first counts.
                    if !aggregations.iter().any(|other| (other.function, other.column.as_str()) == (function, column)) {
                        aggregations.push(aggregation);
                    }
                }
                _ => left.push(format!("{name} of `{column}`")),
            }
        }
        if !left.is_empty() {
            self.left_to_server.push(format!("by {}, because of {}", dimensions.join(", "), left.join(", ")));
            return Ok(None);
        }
        sort(&mut aggregations);
        Ok(Some(aggregations))
    }
}

fn no_dimension() -> Error {
    Error::invalid_config("no column can be a dimension of the default star-tree").action(
        "name the dimensions in `starTreeIndexConfigs`, or take `enableDefaultStarTree` out of the table config",
    )
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

/// Function and column of an entry in either list.
fn pair(entry: &Json) -> Result<(String, String)> {
    let text = |key: &str| entry.get(key).and_then(Json::as_str).map(str::to_owned);
    let pair = match entry {
        Json::String(pair) => pair.split_once("__").map(|(function, column)| (function.to_owned(), column.to_owned())),
        _ => text("aggregationFunction").zip(text("columnName")),
    };
    pair.ok_or_else(|| {
        Error::invalid_config(format!("expected a function and a column, found {entry}"))
            .action("write `SUM__price` in `functionColumnPairs`, or `aggregationFunction` and `columnName` in `aggregationConfigs`")
    })
}

fn aggregation(function: StarTreeFunction, column: &str, entry: &Json) -> Result<StarTreeAggregation> {
    let mut aggregation = StarTreeAggregation::new(function, column);
    if let Some(parameters) = entry.get("functionParameters").and_then(Json::as_object) {
        let text = |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        aggregation.parameters = parameters.iter().map(|(key, value)| (key.clone(), text(value))).collect();
    }
    if function == StarTreeFunction::DistinctCountHll {
        aggregation.log2m()?;
    }
    let forward = &mut aggregation.forward;
    let value = |key: &str| entry.get(key).filter(|value| !value.is_null());
    if let Some(codec) = value("compressionCodec").and_then(Json::as_str) {
        forward.codec = Codec::parse(codec)?;
    }
    let bad = |key: &str| Error::invalid_config(format!("expected another value for `{key}`, found {}", entry[key]));
    if let Some(version) = value("indexVersion") {
        let version = integer(version).and_then(|version| u8::try_from(version).ok());
        forward.version = version.filter(|version| (2..=5).contains(version)).ok_or_else(|| {
            bad("indexVersion").action("use 2 to 5, or leave the option out: 4 is what servers write themselves")
        })?;
    }
    if let Some(size) = value("targetMaxChunkSize") {
        let size = size.as_str().and_then(parse_data_size);
        forward.target_max_chunk_size = size.ok_or_else(|| bad("targetMaxChunkSize"))?;
    }
    if let Some(docs) = value("targetDocsPerChunk") {
        let docs = integer(docs).ok_or_else(|| bad("targetDocsPerChunk"))?;
        forward.target_docs_per_chunk = usize::try_from(docs).ok();
    }
    forward.derive_num_docs_per_chunk = value("deriveNumDocsPerChunk").is_some_and(is_true);
    Ok(aggregation)
}

/// An integer as Jackson reads it, as a number or as text.
fn integer(value: &Json) -> Option<i32> {
    match value {
        Json::String(text) => text.trim().parse().ok(),
        value => value.as_i64().and_then(|number| i32::try_from(number).ok()),
    }
}

fn sort(aggregations: &mut [StarTreeAggregation]) {
    aggregations.sort_by(|a, b| {
        compare_utf16(a.column.as_bytes(), b.column.as_bytes()).then_with(|| a.function.cmp(&b.function))
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = r#"{"schemaName": "t", "dimensionFieldSpecs": [
            {"name": "a", "dataType": "STRING"}, {"name": "b", "dataType": "INT"}, {"name": "raw", "dataType": "INT"},
            {"name": "list", "dataType": "INT", "singleValueField": false}, {"name": "y", "dataType": "BYTES"}],
        "metricFieldSpecs": [{"name": "m", "dataType": "DOUBLE"}],
        "dateTimeFieldSpecs": [{"name": "ts", "dataType": "LONG", "format": "EPOCH|MILLISECONDS", "granularity": "1:DAYS"}]}"#;

    fn plans(index_config: &str) -> Result<StarTreePlans> {
        let schema = Schema::from_json(SCHEMA)?;
        let table = TableConfig::from_json(&format!(
            r#"{{"tableName": "t", "tableIndexConfig": {{"noDictionaryColumns": ["raw", "y"], {index_config}}}}}"#
        ))?;
        let columns = ColumnPlan::resolve(&schema, &table)?;
        StarTreePlans::resolve(&schema, &table, &columns)
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
        let upsert = r#"{"tableName": "t", "upsertConfig": {"mode": "FULL"}, "tableIndexConfig": {"enableDefaultStarTree": true}}"#;
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
}

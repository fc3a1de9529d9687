//! The metrics of a star-tree, as a table config asks for them.

use std::collections::{BTreeMap, BTreeSet};

use pinotage_common::{Error, Result};
use serde_json::Value as Json;

use super::function::{StarTreeFunction, is_left_to_server, normalized};
use super::integer;
use crate::column_plan::parse_data_size;
use crate::java::compare_utf16;
use crate::table_config::is_true;
use crate::{Codec, ColumnPlan, DataType, ForwardOptions, PinotVersion};

/// The registers of a HyperLogLog are two to this power where the config says nothing.
pub const DEFAULT_LOG2M: u8 = 8;

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
    pub(super) fn new(function: StarTreeFunction, column: &str) -> Self {
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

/// The metrics that a star-tree asks for.
pub(super) enum Asked {
    /// In the order of Pinot's sorted map.
    Written(Vec<StarTreeAggregation>),
    /// Those because of which the star-tree is not written.
    Left(Vec<String>),
}

impl Asked {
    /// Reads `functionColumnPairs` or `aggregationConfigs` of a star-tree, for servers of a release.
    pub(super) fn read(config: &Json, columns: &[ColumnPlan], version: PinotVersion) -> Result<Self> {
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
            if found.is_none() && !is_left_to_server(&name) {
                return Err(Error::invalid_config(format!("`{function}` is no function that a star-tree can hold"))
                    .action("use COUNT, SUM, MIN, MAX, AVG, MINMAXRANGE, DISTINCTCOUNTHLL or DISTINCTCOUNTBITMAP"));
            }
            if !seen.insert((name.clone(), column.to_owned())) {
                return Err(Error::invalid_config(format!("found `{name}` of `{column}` twice in one star-tree"))
                    .action("remove one, or put it into a star-tree of its own"));
            }
            let field = columns.iter().map(|plan| &plan.field).find(|field| field.name == column);
            if field.is_none() && found != Some(StarTreeFunction::Count) {
                return Err(Error::invalid_config(format!("`{name}` is of a column that the schema does not have"))
                    .with("column", column)
                    .action("correct the name in the table config or add the column to the schema"));
            }
            match found {
                Some(function)
                    if field.is_none_or(|field| function.accepts(field)) && function.is_loaded_by(version) =>
                {
                    let mut aggregation = aggregation(function, column, entry)?;
                    if function.stored() == DataType::Bytes && !version.loads_star_tree_bytes() {
                        aggregation.forward.version = aggregation.forward.version.min(2);
                    }
                    // Two functions may be stored as one; the first counts.
                    if !aggregations.iter().any(|other| (other.function, other.column.as_str()) == (function, column)) {
                        aggregations.push(aggregation);
                    }
                }
                _ => left.push(format!("{name} of `{column}`")),
            }
        }
        if !left.is_empty() {
            return Ok(Self::Left(left));
        }
        sort(&mut aggregations);
        Ok(Self::Written(aggregations))
    }
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

/// Pinot's order of metrics.
pub(super) fn sort(aggregations: &mut [StarTreeAggregation]) {
    aggregations.sort_by(|a, b| {
        compare_utf16(a.column.as_bytes(), b.column.as_bytes()).then_with(|| a.function.cmp(&b.function))
    });
}

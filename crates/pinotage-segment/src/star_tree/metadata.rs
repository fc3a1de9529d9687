//! What `metadata.properties` says about star-trees.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use pinotage_common::{Error, Result};
use pinotage_spec::{Codec, StarTreeFunction, StarTreePlan};

use crate::properties::{Properties, write_line};

/// More trees than this are taken for damage: a table has one to ten.
const MAX_TREES: usize = 10_000;

/// What `metadata.properties` says about a star-tree (`startree.v2.<number>.*`).
///
/// # Pinot equivalent
///
/// `StarTreeV2Metadata`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StarTreeMetadata {
    /// `total.docs`: star-tree docs, which have nothing to do with the segment's docs.
    pub num_docs: u32,
    /// `split.order`
    pub dimensions: Vec<String>,
    /// `skip.star.node.creation`
    pub skip_star_nodes: BTreeSet<String>,
    /// `aggregation.*`
    pub aggregations: Vec<AggregationMetadata>,
    /// `max.leaf.records`
    pub max_leaf_records: u32,
}

/// What is said about a metric of a star-tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AggregationMetadata {
    /// `function.type`, as Pinot writes it, such as `distinctCountHLL`.
    pub function: String,
    /// `column.name`, `*` for COUNT.
    pub column: String,
    /// `function.parameters.*`
    pub parameters: BTreeMap<String, String>,
    /// `compression.codec`
    pub codec: String,
    /// `derive.num.docs.per.chunk`
    pub derive_num_docs_per_chunk: bool,
    /// `index.version`
    pub index_version: u8,
    /// `target.max.chunk.size.bytes`
    pub target_max_chunk_size: u32,
    /// `target.docs.per.chunk`; negative when only the size decides.
    pub target_docs_per_chunk: i32,
}

impl AggregationMetadata {
    /// The name of its forward index.
    pub fn metric(&self) -> String {
        format!("{}__{}", self.function, self.column)
    }

    /// The function, if it is one that Pinotage writes.
    pub fn known(&self) -> Option<StarTreeFunction> {
        StarTreeFunction::parse(&self.function)
    }
}

impl fmt::Display for StarTreeMetadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let metrics: Vec<String> = self.aggregations.iter().map(AggregationMetadata::metric).collect();
        write!(f, "{} by {}, {} docs", metrics.join(", "), self.dimensions.join(", "), self.num_docs)
    }
}

impl StarTreeMetadata {
    pub(super) fn new(plan: &StarTreePlan, num_docs: u32) -> Self {
        let aggregations = plan.aggregations.iter().map(|aggregation| AggregationMetadata {
            function: aggregation.function.name().to_owned(),
            column: aggregation.column.clone(),
            parameters: aggregation.parameters.clone(),
            codec: aggregation.forward.codec.name().to_owned(),
            derive_num_docs_per_chunk: aggregation.forward.derive_num_docs_per_chunk,
            index_version: aggregation.forward.version,
            target_max_chunk_size: aggregation.forward.target_max_chunk_size as u32,
            target_docs_per_chunk: aggregation.forward.target_docs_per_chunk.map_or(-1, |docs| docs as i32),
        });
        Self {
            num_docs,
            dimensions: plan.dimensions.clone(),
            skip_star_nodes: plan.skip_star_nodes.clone(),
            aggregations: aggregations.collect(),
            max_leaf_records: plan.max_leaf_records,
        }
    }

    /// Appends the lines of all star-trees, none without.
    pub(crate) fn write_all(trees: &[Self], out: &mut String) {
        if trees.is_empty() {
            return;
        }
        write_line("startree.v2.count", &trees.len().to_string(), out);
        for (number, tree) in trees.iter().enumerate() {
            let mut line = |key: &str, value: &str| write_line(&format!("startree.v2.{number}.{key}"), value, out);
            line("total.docs", &tree.num_docs.to_string());
            tree.dimensions.iter().for_each(|name| line("split.order", name));
            // Releases before 1.2 know only these.
            tree.aggregations.iter().for_each(|metric| line("function.column.pairs", &metric.metric()));
            line("aggregation.count", &tree.aggregations.len().to_string());
            for (place, metric) in tree.aggregations.iter().enumerate() {
                let mut line = |key: &str, value: &str| line(&format!("aggregation.{place}.{key}"), value);
                line("function.type", &metric.function);
                line("column.name", &metric.column);
                for (key, value) in &metric.parameters {
                    line(&format!("function.parameters.{key}"), value);
                }
                line("compression.codec", &metric.codec);
                line("derive.num.docs.per.chunk", &metric.derive_num_docs_per_chunk.to_string());
                line("index.version", &metric.index_version.to_string());
                line("target.max.chunk.size.bytes", &metric.target_max_chunk_size.to_string());
                line("target.docs.per.chunk", &metric.target_docs_per_chunk.to_string());
            }
            line("max.leaf.records", &tree.max_leaf_records.to_string());
            tree.skip_star_nodes.iter().for_each(|name| line("skip.star.node.creation", name));
        }
    }

    /// Reads all star-trees.
    ///
    /// # Errors
    ///
    /// `corrupt-segment` naming the key when a value that is needed is missing or makes no sense.
    pub(crate) fn parse_all(properties: &Properties) -> Result<Vec<Self>> {
        let count = optional(properties, "startree.v2.count")?.unwrap_or(0);
        if count > MAX_TREES {
            return Err(Error::corrupt(format!("expected at most {MAX_TREES} star-trees, found {count}")));
        }
        (0..count).map(|number| Self::parse(properties, &format!("startree.v2.{number}"))).collect()
    }

    fn parse(properties: &Properties, prefix: &str) -> Result<Self> {
        let key = |key: &str| format!("{prefix}.{key}");
        let missing = |key: String| Error::corrupt(format!("expected the key `{key}`, found none"));
        let dimensions = properties.get_list(&key("split.order")).to_vec();
        if dimensions.is_empty() {
            return Err(missing(key("split.order")));
        }
        let aggregations: usize = optional(properties, &key("aggregation.count"))?.unwrap_or(0);
        let pairs = properties.get_list(&key("function.column.pairs"));
        let aggregations = match aggregations {
            0 => pairs.iter().map(|pair| AggregationMetadata::of_pair(pair)).collect::<Result<Vec<_>>>()?,
            count if count <= MAX_TREES => (0..count)
                .map(|place| AggregationMetadata::parse(properties, &key(&format!("aggregation.{place}"))))
                .collect::<Result<_>>()?,
            count => return Err(Error::corrupt(format!("expected at most {MAX_TREES} aggregations, found {count}"))),
        };
        Ok(Self {
            num_docs: optional(properties, &key("total.docs"))?.ok_or_else(|| missing(key("total.docs")))?,
            dimensions,
            skip_star_nodes: properties.get_list(&key("skip.star.node.creation")).iter().cloned().collect(),
            aggregations,
            max_leaf_records: optional(properties, &key("max.leaf.records"))?.unwrap_or(0),
        })
    }
}

impl AggregationMetadata {
    /// Of writers that knew no options.
    fn of_pair(pair: &str) -> Result<Self> {
        let (function, column) = pair.split_once("__").ok_or_else(|| {
            Error::corrupt(format!("expected a function and a column in `function.column.pairs`, found `{pair}`"))
        })?;
        Ok(Self {
            function: function.to_owned(),
            column: column.to_owned(),
            parameters: BTreeMap::new(),
            codec: Codec::PassThrough.name().to_owned(),
            derive_num_docs_per_chunk: false,
            index_version: 4,
            target_max_chunk_size: 1 << 20,
            target_docs_per_chunk: 1000,
        })
    }

    fn parse(properties: &Properties, prefix: &str) -> Result<Self> {
        let key = |key: &str| format!("{prefix}.{key}");
        let text = |name: &str| {
            let key = key(name);
            let text = properties.get(&key).map(str::to_owned);
            text.ok_or_else(|| Error::corrupt(format!("expected the key `{key}`, found none")))
        };
        let mut read = Self::of_pair(&format!("{}__{}", text("function.type")?, text("column.name")?))?;
        let parameters = key("function.parameters.");
        read.parameters = properties
            .keys()
            .filter_map(|key| Some((key.strip_prefix(&parameters)?.to_owned(), properties.get(key)?.to_owned())))
            .collect();
        if let Some(codec) = properties.get(&key("compression.codec")) {
            read.codec = codec.to_owned();
        }
        let flag = properties.get(&key("derive.num.docs.per.chunk"));
        read.derive_num_docs_per_chunk = flag.is_some_and(|text| text.eq_ignore_ascii_case("true"));
        set(properties, &key("index.version"), &mut read.index_version)?;
        set(properties, &key("target.max.chunk.size.bytes"), &mut read.target_max_chunk_size)?;
        set(properties, &key("target.docs.per.chunk"), &mut read.target_docs_per_chunk)?;
        Ok(read)
    }
}

fn set<T: FromStr>(properties: &Properties, key: &str, value: &mut T) -> Result<()> {
    if let Some(found) = optional(properties, key)? {
        *value = found;
    }
    Ok(())
}

fn optional<T: FromStr>(properties: &Properties, key: &str) -> Result<Option<T>> {
    let number =
        |text: &str| text.parse().map_err(|_| Error::corrupt(format!("expected a number for `{key}`, found `{text}`")));
    properties.get(key).map(number).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_writers_named_functions_and_columns_alone() {
        let text = b"startree.v2.count = 1\nstartree.v2.0.total.docs = 5\nstartree.v2.0.split.order = a,b\n\
            startree.v2.0.function.column.pairs = count__*,sum__a__b\nstartree.v2.0.max.leaf.records = 7\n";
        let trees = StarTreeMetadata::parse_all(&Properties::parse(text)).unwrap();
        assert_eq!(trees[0].to_string(), "count__*, sum__a__b by a, b, 5 docs");
        let mut out = String::new();
        StarTreeMetadata::write_all(&trees, &mut out);
        assert_eq!(StarTreeMetadata::parse_all(&Properties::parse(out.as_bytes())).unwrap(), trees);
    }

    #[test]
    fn counts_that_make_no_sense_are_refused() {
        for text in [
            "startree.v2.count = 10001",
            "startree.v2.count = 1",
            "startree.v2.count = x",
            "startree.v2.count = 1\nstartree.v2.0.split.order = a",
            "startree.v2.count = 1\nstartree.v2.0.split.order = a\nstartree.v2.0.aggregation.count = 99999999",
        ] {
            let error = StarTreeMetadata::parse_all(&Properties::parse(text.as_bytes())).unwrap_err();
            assert_eq!(error.kind(), pinotage_common::ErrorKind::CorruptSegment, "{text}");
        }
    }
}

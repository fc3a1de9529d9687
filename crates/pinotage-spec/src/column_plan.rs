//! What a schema and a table config together say about each column of a segment.

use pinotage_common::{Error, Result};
use serde_json::Value as Json;

use crate::index_options::{BloomOptions, IndexConfigs, JsonOptions, RangeLayout, is_floating, is_ranged_raw};
use crate::partition::PartitionConfig;
use crate::table_config::is_true;
use crate::{FieldSpec, FieldType, PinotVersion, Schema, StarTreePlans, StoredType, TableConfig, TimestampIndex};

/// How a chunk of a raw forward index is compressed (`ChunkCompressionType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// As it is.
    PassThrough,
    /// A raw Snappy block.
    Snappy,
    /// One Zstandard frame.
    Zstandard,
    /// An LZ4 block.
    Lz4,
    /// A zlib stream and its length.
    Gzip,
}

impl Codec {
    /// Every codec.
    pub const ALL: [Codec; 5] = [Codec::PassThrough, Codec::Snappy, Codec::Zstandard, Codec::Lz4, Codec::Gzip];

    /// Pinot's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PassThrough => "PASS_THROUGH",
            Self::Snappy => "SNAPPY",
            Self::Zstandard => "ZSTANDARD",
            Self::Lz4 => "LZ4",
            Self::Gzip => "GZIP",
        }
    }

    pub(crate) fn parse(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|codec| codec.name().eq_ignore_ascii_case(text)).ok_or_else(|| {
            Error::unsupported(format!("compression codec `{text}` cannot be written"))
                .action("use PASS_THROUGH, SNAPPY, ZSTANDARD, LZ4 or GZIP")
        })
    }
}

/// Whether a column gets a dictionary (segment-format section 4.4).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum DictionaryRule {
    /// Always: Pinot's default, and whenever an index needs dictionary ids.
    Always,
    /// Never: configured without.
    Never,
    /// `optimizeDictionary`: only if it saves space.
    IfSmaller {
        /// Fixed width: raw when raw size divided by dictionary-encoded size is at most this.
        size_ratio: f64,
        /// Variable width: raw when the cardinality is at least this share of the rows; absent means dictionary.
        cardinality_ratio: Option<f64>,
    },
}

/// How a raw forward index is laid out (`ForwardIndexConfig`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForwardOptions {
    /// The codec of a chunk.
    pub codec: Codec,
    /// `rawIndexWriterVersion`: 2 to 5.
    pub version: u8,
    /// `targetMaxChunkSize` in bytes.
    pub target_max_chunk_size: usize,
    /// `targetDocsPerChunk`; `None` where Pinot has a negative number (only the size decides).
    pub target_docs_per_chunk: Option<usize>,
    /// `deriveNumDocsPerChunk`
    pub derive_num_docs_per_chunk: bool,
}

/// One column of a segment: everything that a writer has to know.
#[derive(Debug, Clone)]
pub struct ColumnPlan {
    /// The column.
    pub field: FieldSpec,
    /// Nulls are kept in a null vector, beside the default value.
    pub tracks_nulls: bool,
    /// Whether it gets a dictionary.
    pub dictionary: DictionaryRule,
    /// A dictionary of STRING has the variable-length layout (others choose by their lengths).
    pub var_length_dictionary: bool,
    /// The layout when it is raw.
    pub forward: ForwardOptions,
    /// An inverted index is written (not when the column turns out sorted: the forward index serves).
    pub inverted: bool,
    /// A range index is written, under the same condition.
    pub range: Option<RangeLayout>,
    /// A bloom filter is written.
    pub bloom: Option<BloomOptions>,
    /// A JSON index is written.
    pub json: Option<JsonOptions>,
    /// The rows of the segment are sorted by this column.
    pub sort: bool,
    /// The partitions of the column's values are recorded.
    pub partition: Option<PartitionConfig>,
    /// Configured indexes that the server builds when it loads the segment.
    pub left_to_server: Vec<&'static str>,
    /// The column is hidden, and made of another one.
    pub timestamp_index: Option<TimestampIndex>,
}

impl ColumnPlan {
    /// Resolves every column of the schema, in the schema's order.
    ///
    /// # Errors
    ///
    /// `invalid-config` when the table config names a column that the schema does not have, or contradicts itself.
    pub fn resolve(schema: &Schema, table: &TableConfig) -> Result<Vec<Self>> {
        let mut columns = Self::resolve_stored(schema, table)?;
        columns.retain(|column| column.timestamp_index.is_none());
        Ok(columns)
    }

    /// As [`ColumnPlan::resolve`], and behind them the hidden columns of timestamp indexes: all that a segment stores for servers of a
    /// release. What these cannot load is written as they can.
    ///
    /// # Errors
    ///
    /// As [`ColumnPlan::resolve`]; `unsupported` for columns and codecs that the release does not have.
    pub fn resolve_for(schema: &Schema, table: &TableConfig, version: PinotVersion) -> Result<Vec<Self>> {
        let mut columns = Self::resolve_stored(schema, table)?;
        columns.retain(|column| {
            let index = column.timestamp_index.as_ref();
            index.is_none_or(|index| version.takes_any_timestamp_config() || index.is_declared(schema, table))
        });
        for column in &mut columns {
            let missing = |what: String, instead: &str| {
                let error = Error::unsupported(format!("Pinot {version} has no {what}"));
                Err(error.with("column", &column.field.name).action(instead))
            };
            if column.dictionary != DictionaryRule::Always {
                let newest = version.newest_raw_chunks(column.field.single_value);
                column.forward.version = column.forward.version.min(newest);
            }
            if column.left_to_server.contains(&"vector") && column.dictionary != DictionaryRule::Always {
                let error = Error::unsupported(
                    "servers leave the vector index of a column without dictionary empty, and then cannot load the segment",
                );
                return Err(error.with("column", &column.field.name).action("give the column the encoding DICTIONARY"));
            }
            if column.field.field_type == FieldType::Complex && !version.has_maps() {
                return missing("MAP columns".into(), "declare the column as JSON");
            }
            if column.forward.codec == Codec::Gzip && !version.has_gzip() {
                return missing("codec GZIP".into(), "use ZSTANDARD, LZ4 or SNAPPY");
            }
        }
        Ok(columns)
    }

    fn resolve_stored(schema: &Schema, table: &TableConfig) -> Result<Vec<Self>> {
        let timestamps = TimestampIndex::all(schema, table)?;
        let hidden: Vec<FieldSpec> = timestamps.iter().map(TimestampIndex::field).collect();
        for (list, column) in table.named_columns() {
            if schema.field(&column).is_none() && hidden.iter().all(|field| field.name != column) {
                return Err(Error::invalid_config(format!("`{list}` names a column that the schema does not have"))
                    .with("column", column)
                    .action("correct the name in the table config or add the column to the schema"));
            }
        }
        if let Some(time) = table.time_column() {
            match schema.field(time) {
                None => {
                    return Err(Error::invalid_config("`timeColumnName` names a column that the schema does not have")
                        .with("column", time)
                        .action("correct the name in the table config or add the column to the schema"));
                }
                Some(field) if field.date_time.is_none() => {
                    return Err(Error::invalid_config("expected the time column in `dateTimeFieldSpecs`")
                        .with("column", time)
                        .action("move the column to `dateTimeFieldSpecs` with a `format` and a `granularity`"));
                }
                Some(_) => {}
            }
        }
        let indexes = timestamps.into_iter().map(Some);
        let mut columns: Vec<Self> = schema
            .fields()
            .map(|field| (field, None))
            .chain(hidden.iter().zip(indexes))
            .map(|(field, index)| {
                Self::resolve_column(schema, table, field, index).map_err(|error| error.with("column", &field.name))
            })
            .collect::<Result<_>>()?;
        let star_trees = StarTreePlans::resolve(table, &columns, PinotVersion::NEWEST)?;
        for column in columns.iter_mut().filter(|column| star_trees.has_dimension(&column.field.name)) {
            column.dictionary = DictionaryRule::Always;
        }
        Ok(columns)
    }

    fn resolve_column(
        schema: &Schema,
        table: &TableConfig,
        field: &FieldSpec,
        timestamp_index: Option<TimestampIndex>,
    ) -> Result<Self> {
        let name = field.name.as_str();
        let config = table.field_config(name);
        let indexes = IndexConfigs::of(table, name, timestamp_index.is_some());
        let sorted = table.sorted_column().as_deref() == Some(name) || indexes.has_type("SORTED");
        if sorted && !field.single_value {
            return Err(Error::invalid_config("a multi-value column cannot be the sorted column")
                .action("sort by a single-value column"));
        }
        let inverted = indexes.is_asked_for("inverted", "invertedIndexColumns", "INVERTED");
        let raw = indexes.is_listed("noDictionaryColumns")
            || table.index_config().get("noDictionaryConfig").and_then(|map| map.get(name)).is_some()
            || config.get("encodingType").and_then(Json::as_str).is_some_and(|kind| kind.eq_ignore_ascii_case("RAW"))
            || config.pointer("/indexes/dictionary/disabled").is_some_and(is_true);
        let raw = raw || field.field_type == FieldType::Complex;
        let inverted_or_fst = inverted || indexes.is_asked_for("fst", "fstIndexColumns", "FST");
        let partition = table.partition(name)?;
        if field.field_type == FieldType::Complex && (sorted || inverted_or_fst || partition.is_some()) {
            return Err(Error::invalid_config("a MAP column cannot be sorted by, have an index or be partitioned by")
                .action("leave the column out of the index configuration"));
        }
        let range = indexes.range(field, raw && !inverted_or_fst)?;
        let needs_ids = inverted_or_fst || (range.is_some() && !is_ranged_raw(field));
        let dictionary = if needs_ids {
            DictionaryRule::Always
        } else if raw {
            DictionaryRule::Never
        } else {
            Self::optimize(table, field)
        };
        let dictionary_config = config.pointer("/indexes/dictionary").unwrap_or(&Json::Null);
        Ok(Self {
            tracks_nulls: table.tracks_nulls(schema, field),
            dictionary,
            var_length_dictionary: indexes.is_listed("varLengthDictionaryColumns")
                || dictionary_config.get("useVarLengthDictionary").is_some_and(is_true),
            forward: forward_options(table, config, field)?,
            inverted,
            range,
            bloom: indexes.bloom(field)?,
            json: indexes.json(field)?,
            sort: sorted,
            partition,
            left_to_server: left_to_server(&indexes, field),
            timestamp_index,
            field: field.clone(),
        })
    }

    fn optimize(table: &TableConfig, field: &FieldSpec) -> DictionaryRule {
        let wanted = table.index_flag("optimizeDictionary")
            || (table.index_flag("optimizeDictionaryForMetrics") && field.field_type == FieldType::Metric);
        if !wanted || !field.single_value {
            return DictionaryRule::Always;
        }
        let number = |key: &str| table.index_config().get(key).and_then(Json::as_f64);
        DictionaryRule::IfSmaller {
            size_ratio: number("noDictionarySizeRatioThreshold").unwrap_or(0.85),
            cardinality_ratio: number("noDictionaryCardinalityRatioThreshold"),
        }
    }
}

fn left_to_server(indexes: &IndexConfigs<'_>, field: &FieldSpec) -> Vec<&'static str> {
    [
        ("bloom", "bloomFilterColumns", "BLOOM"),
        ("text", "textIndexColumns", "TEXT"),
        ("fst", "fstIndexColumns", "FST"),
        ("h3", "h3IndexColumns", "H3"),
        ("vector", "vectorIndexColumns", "VECTOR"),
    ]
    .into_iter()
    .filter(|(name, list, index_type)| indexes.is_asked_for(name, list, index_type))
    .filter(|(name, ..)| *name != "bloom" || is_floating(field))
    .map(|(name, ..)| name)
    .collect()
}

fn forward_options(table: &TableConfig, config: &Json, field: &FieldSpec) -> Result<ForwardOptions> {
    let forward = config.pointer("/indexes/forward").unwrap_or(&Json::Null);
    let properties = config.get("properties").unwrap_or(&Json::Null);
    let number = |key: &str, property: &str| -> Option<i64> {
        let value = forward.get(key).or_else(|| properties.get(property))?;
        value.as_i64().or_else(|| value.as_str()?.parse().ok())
    };
    let size = |key: &str, property: &str| -> Result<Option<usize>> {
        let text = match forward.get(key).or_else(|| properties.get(property)) {
            None | Some(Json::Null) => return Ok(None),
            Some(Json::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        parse_data_size(&text)
            .map(Some)
            .ok_or_else(|| Error::invalid_config(format!("`{text}` is not a size for `{key}`")))
    };
    let codec = [forward.get("compressionCodec"), forward.get("chunkCompressionType"), config.get("compressionCodec")]
        .into_iter()
        .flatten()
        .chain(table.index_config().get("noDictionaryConfig").and_then(|map| map.get(&field.name)))
        .find_map(Json::as_str);
    let codec = match codec {
        Some(codec) => Codec::parse(codec)?,
        None if field.field_type == FieldType::Metric => Codec::PassThrough,
        None => Codec::Lz4,
    };
    let version = number("rawIndexWriterVersion", "rawIndexWriterVersion").unwrap_or(4);
    if !(2..=5).contains(&version) {
        return Err(Error::unsupported(format!("expected `rawIndexWriterVersion` 2 to 5, found {version}"))
            .action("leave the option out: 4 is what servers write themselves"));
    }
    Ok(ForwardOptions {
        codec,
        version: version as u8,
        target_max_chunk_size: size("targetMaxChunkSize", "targetMaxChunkSize")?.unwrap_or(1 << 20),
        target_docs_per_chunk: match number("targetDocsPerChunk", "targetDocsPerChunk") {
            None => Some(1000),
            Some(docs) => usize::try_from(docs).ok(),
        },
        derive_num_docs_per_chunk: forward
            .get("deriveNumDocsPerChunk")
            .or_else(|| properties.get("deriveNumDocsPerChunkForRawIndex"))
            .is_some_and(is_true),
    })
}

/// `DataSizeUtils.toBytes`: `16K`, `1M`, `4096`.
pub(crate) fn parse_data_size(text: &str) -> Option<usize> {
    let upper = text.trim().to_ascii_uppercase();
    let upper = upper.strip_suffix('B').unwrap_or(&upper);
    let (digits, shift) = match upper.chars().last()? {
        'K' => (&upper[..upper.len() - 1], 10),
        'M' => (&upper[..upper.len() - 1], 20),
        'G' => (&upper[..upper.len() - 1], 30),
        _ => (upper, 0),
    };
    let number: f64 = digits.parse().ok().filter(|number: &f64| *number > 0.0 && *number < 1e12)?;
    let bytes = number * f64::from(1u32 << shift);
    (bytes >= 1.0 && bytes <= f64::from(i32::MAX)).then_some(bytes as usize)
}

impl ForwardOptions {
    /// Rows in one chunk of a fixed-width column: a power of two from version 4 on.
    pub fn fixed_docs_per_chunk(&self) -> usize {
        let docs = self.target_docs_per_chunk.unwrap_or(1000).max(1);
        if self.version >= 4 { docs.next_power_of_two() } else { docs }
    }
}

impl FieldSpec {
    /// As [`StoredType::fixed_width`] of the column.
    pub fn fixed_width(&self) -> Option<usize> {
        StoredType::fixed_width(self.data_type.stored())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(index_config: &str, fields: &str) -> Result<Vec<ColumnPlan>> {
        let schema = Schema::from_json(
            r#"{"schemaName": "t", "dimensionFieldSpecs": [{"name": "a", "dataType": "STRING"}, {"name": "b", "dataType": "INT"}],
                "metricFieldSpecs": [{"name": "m", "dataType": "DOUBLE"}]}"#,
        )?;
        let table = TableConfig::from_json(&format!(
            r#"{{"tableName": "t", "tableIndexConfig": {{{index_config}}}, "fieldConfigList": [{fields}]}}"#
        ))?;
        ColumnPlan::resolve(&schema, &table)
    }

    #[test]
    fn defaults_are_pinots() {
        let plan = plan("", "").unwrap();
        assert!(plan.iter().all(|column| column.dictionary == DictionaryRule::Always));
        assert_eq!(plan[0].forward.codec, Codec::Lz4);
        assert_eq!(plan[2].forward.codec, Codec::PassThrough);
        assert_eq!(plan[1].forward.fixed_docs_per_chunk(), 1024);
    }

    #[test]
    fn every_way_to_say_raw_is_understood() {
        for (index, fields) in [
            (r#""noDictionaryColumns": ["b"]"#, ""),
            (r#""noDictionaryConfig": {"b": "SNAPPY"}"#, ""),
            ("", r#"{"name": "b", "encodingType": "RAW"}"#),
            ("", r#"{"name": "b", "indexes": {"dictionary": {"disabled": true}}}"#),
        ] {
            assert_eq!(plan(index, fields).unwrap()[1].dictionary, DictionaryRule::Never, "{index} {fields}");
        }
    }

    #[test]
    fn an_inverted_index_needs_a_dictionary() {
        let plan = plan(r#""noDictionaryColumns": ["b"], "invertedIndexColumns": ["b"]"#, "").unwrap();
        assert_eq!(plan[1].dictionary, DictionaryRule::Always);
        assert!(plan[1].inverted);
    }

    #[test]
    fn the_oldest_release_gets_what_it_can_load() {
        let schema = |more: &str| {
            Schema::from_json(&format!(
                r#"{{"schemaName": "t", "dimensionFieldSpecs": [{{"name": "many", "dataType": "STRING", "singleValueField": false}},
                    {{"name": "ts", "dataType": "TIMESTAMP"}}, {{"name": "n", "dataType": "LONG"}}] {more}}}"#
            ))
            .unwrap()
        };
        let table = |fields: &str| {
            TableConfig::from_json(&format!(r#"{{"tableName": "t", "fieldConfigList": [{fields}]}}"#)).unwrap()
        };
        let raw = table(
            r#"{"name": "many", "encodingType": "RAW", "properties": {"rawIndexWriterVersion": "5"}},
               {"name": "n", "encodingType": "RAW", "properties": {"rawIndexWriterVersion": "5"}}"#,
        );
        let versions = |version| {
            let columns = ColumnPlan::resolve_for(&schema(""), &raw, version).unwrap();
            columns.iter().map(|column| column.forward.version).collect::<Vec<_>>()
        };
        assert_eq!(versions(PinotVersion::OLDEST), [3, 4, 4]);
        assert_eq!(versions(PinotVersion::NEWEST), [5, 4, 5]);
        assert!(PinotVersion::matters_to(&schema(""), &raw) && !PinotVersion::matters_to(&schema(""), &table("")));

        let days = r#""timestampConfig": {"granularities": ["DAY"]}"#;
        let times =
            table(&format!(r#"{{"name": "ts", {days}, "indexTypes": ["TIMESTAMP"]}}, {{"name": "n", {days}}}"#));
        let names = |version| {
            let columns = ColumnPlan::resolve_for(&schema(""), &times, version).unwrap();
            columns.into_iter().skip(3).map(|column| column.field.name).collect::<Vec<_>>()
        };
        assert_eq!(names(PinotVersion::OLDEST), ["$ts$DAY"]);
        assert_eq!(names(PinotVersion::NEWEST), ["$ts$DAY", "$n$DAY"]);

        let maps = schema(r#", "complexFieldSpecs": [{"name": "m", "dataType": "MAP"}]"#);
        let gzip = table(r#"{"name": "n", "encodingType": "RAW", "compressionCodec": "GZIP"}"#);
        for (schema, table, expected) in [(&maps, table(""), "MAP"), (&schema(""), gzip, "GZIP")] {
            let error = ColumnPlan::resolve_for(schema, &table, PinotVersion::OLDEST).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
            ColumnPlan::resolve_for(schema, &table, PinotVersion::NEWEST).unwrap();
        }
        let vector = r#""encodingType": "RAW", "indexTypes": ["VECTOR"]"#;
        let vector = table(&format!(r#"{{"name": "many", {vector}}}"#));
        assert!(ColumnPlan::resolve_for(&schema(""), &vector, PinotVersion::NEWEST).is_err());
    }

    #[test]
    fn what_a_map_cannot_have_is_refused() {
        let schema = r#"{"schemaName": "t", "complexFieldSpecs": [{"name": "m", "dataType": "MAP"}]}"#;
        for list in ["invertedIndexColumns", "sortedColumn", "rangeIndexColumns", "jsonIndexColumns"] {
            let table = format!(r#"{{"tableName": "t", "tableIndexConfig": {{"{list}": ["m"]}}}}"#);
            let table = TableConfig::from_json(&table).unwrap();
            assert!(ColumnPlan::resolve(&Schema::from_json(schema).unwrap(), &table).is_err(), "{list}");
        }
    }

    #[test]
    fn a_column_the_schema_lacks_is_named() {
        let error = plan(r#""sortedColumn": ["c"]"#, "").unwrap_err();
        assert!(error.to_string().contains("column: c"), "{error}");
    }

    #[test]
    fn forward_options_come_from_either_place() {
        let plan = plan(
            "",
            r#"{"name": "a", "encodingType": "RAW", "compressionCodec": "ZSTANDARD", "properties": {"rawIndexWriterVersion": "2", "targetMaxChunkSize": "16K"}},
               {"name": "b", "indexes": {"forward": {"compressionCodec": "GZIP", "targetDocsPerChunk": -1}, "inverted": {}, "bloom": {}, "h3": {}}}"#,
        )
        .unwrap();
        assert_eq!(plan[0].forward.codec, Codec::Zstandard);
        assert_eq!((plan[0].forward.version, plan[0].forward.target_max_chunk_size), (2, 16384));
        assert_eq!(plan[1].forward.codec, Codec::Gzip);
        assert_eq!(plan[1].forward.target_docs_per_chunk, None);
        assert_eq!(plan[1].bloom, Some(BloomOptions { false_positives: 0.05, max_bytes: None }));
        assert_eq!(plan[1].left_to_server, ["h3"]);
    }
    #[test]
    fn range_indexes_and_bloom_filters_come_from_any_place() {
        let range = |index: &str, fields: &str| plan(index, fields).unwrap()[1].range;
        assert_eq!(range(r#""rangeIndexColumns": ["b"]"#, ""), Some(RangeLayout::Slices));
        assert_eq!(range(r#""rangeIndexColumns": ["b"], "rangeIndexVersion": 1"#, ""), Some(RangeLayout::Ranges));
        assert_eq!(range("", r#"{"name": "b", "indexTypes": ["RANGE"]}"#), Some(RangeLayout::Slices));
        assert_eq!(range("", r#"{"name": "b", "indexes": {"range": {"version": 1}}}"#), Some(RangeLayout::Ranges));
        assert_eq!(range("", r#"{"name": "b", "indexes": {"range": {"disabled": true}}}"#), None);
        let raw = r#""noDictionaryColumns": ["a", "b"], "rangeIndexColumns": "#;
        assert!(plan(&format!(r#"{raw}["b"]"#), "").unwrap()[1].range.is_some());
        assert!(plan(&format!(r#"{raw}["a"]"#), "").unwrap_err().to_string().contains("range index"));
        let config =
            r#""bloomFilterConfigs": {"a": {"fpp": 0.01, "maxSizeInBytes": 100}}, "bloomFilterColumns": ["m"]"#;
        let plan_of = plan(config, "").unwrap();
        assert_eq!(plan_of[0].bloom, Some(BloomOptions { false_positives: 0.01, max_bytes: Some(100) }));
        assert_eq!((plan_of[2].bloom, &plan_of[2].left_to_server[..]), (None, &["bloom"][..]));
        assert!(plan("", r#"{"name": "a", "indexes": {"bloom": {"fpp": 2}}}"#).is_err());
    }
}

//! Tables of which each segment has rows of one partition: then equal values of a column are in splits of the same partition.

use pinotage_client::ColumnPartition;
use pinotage_spec::{DataType, FieldSpec, PartitionConfig, PartitionFunction, Predicate, Schema, TableConfig};
use serde::Deserialize;
use serde_json::json;

use crate::view::SegmentView;

/// Whether splits are to have rows of one partition each, where the table has partitions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ByPartition {
    /// They need not.
    #[default]
    No,
    /// Where equal values are in one partition for certain. Rows without a value are in that of the default which the column
    /// had when they were pushed, and no record says which one that was: they must not come.
    Exact,
    /// Also where rows without a value come, which relies on a default that has been the same for all segments.
    OneDefault,
}

/// What decides which partition a row is of.
#[derive(Debug, Clone, PartialEq)]
pub struct Partitioning {
    /// The column.
    pub column: String,
    /// How its values decide.
    pub config: PartitionConfig,
    /// The partition of rows without a value, which are stored with the column's default one; 0 where all rows that come have one.
    pub of_null: u32,
}

impl Partitioning {
    /// By the first column of which the table's config and the records of all segments say the same, each segment being of one
    /// partition. Segments that still grow are of those that the stream has, which need not be the same.
    pub(crate) fn of(
        wanted: ByPartition,
        schema: &Schema,
        config: &TableConfig,
        nullable: &dyn Fn(&str) -> bool,
        predicate: Option<&Predicate>,
        segments: &[SegmentView],
    ) -> Option<Self> {
        let by = |field: &FieldSpec| {
            let config = config.partition(&field.name).ok()??;
            let stored = field.default_null_value.to_partition_string();
            let of_null = match wanted {
                _ if !nullable(&field.name) => 0,
                ByPartition::OneDefault => config.partition(&stored).ok()?,
                _ if predicate.is_some_and(|it| it.excludes_null(&field.name)) => 0,
                _ => return None,
            };
            let found = Self { column: field.name.clone(), config, of_null };
            let all = segments.iter().all(|segment| found.number(segment).is_some());
            (all && takes(field, &found.config.function)).then_some(found)
        };
        if wanted == ByPartition::No || segments.is_empty() { None } else { schema.fields().find_map(by) }
    }

    /// The one partition of a segment.
    pub(crate) fn number(&self, segment: &SegmentView) -> Option<u32> {
        let record = segment.metadata.partitions.get(&self.column)?;
        let [number] = record.partitions.as_slice() else { return None };
        let same = recorded(record)
            .is_some_and(|it| it.function == self.config.function && it.num_partitions == self.config.num_partitions);
        (same && !segment.only_on_servers && *number < self.config.num_partitions).then_some(*number)
    }
}

/// Values that are equal to an engine have the same text in Pinot, which is what functions look at.
fn takes(field: &FieldSpec, function: &PartitionFunction) -> bool {
    let whole = matches!(field.data_type, DataType::Int | DataType::Long);
    let text = matches!(field.data_type, DataType::String | DataType::Bytes | DataType::Timestamp);
    field.single_value && (whole || (text && *function != PartitionFunction::Modulo))
}

/// The function that a segment's record names.
pub(crate) fn recorded(partition: &ColumnPartition) -> Option<PartitionConfig> {
    PartitionConfig::from_json(&json!({
        "functionName": partition.function_name,
        "numPartitions": partition.num_partitions,
        "functionConfig": partition.function_config,
    }))
    .ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use pinotage_client::SegmentZkMetadata;

    use super::*;

    const SCHEMA: &str = r#"{"schemaName": "t", "dimensionFieldSpecs": [{"name": "d", "dataType": "DOUBLE"},
        {"name": "k", "dataType": "STRING"}, {"name": "n", "dataType": "LONG"}]}"#;

    fn segment(column: &str, function_name: &str, num_partitions: u32, partitions: &[u32]) -> SegmentView {
        let partition = ColumnPartition {
            function_name: function_name.into(),
            num_partitions,
            partitions: partitions.to_vec(),
            function_config: None,
        };
        let metadata = SegmentZkMetadata {
            name: "s".into(),
            crc: Some(1),
            total_docs: Some(1),
            partitions: BTreeMap::from([(column.into(), partition)]),
            ..SegmentZkMetadata::default()
        };
        SegmentView { metadata, only_on_servers: false, replicas: Vec::new() }
    }

    fn of(column: &str, function: &str, segments: &[SegmentView]) -> Option<(String, u32)> {
        let found = found(ByPartition::OneDefault, column, function, segments, true, None)?;
        Some((found.column, found.config.num_partitions))
    }

    fn found(
        wanted: ByPartition,
        column: &str,
        function: &str,
        segments: &[SegmentView],
        nullable: bool,
        predicate: Option<&Predicate>,
    ) -> Option<Partitioning> {
        let map = json!({column: {"functionName": function, "numPartitions": 4}});
        let config = json!({"tableName": "t", "tableType": "OFFLINE",
            "tableIndexConfig": {"segmentPartitionConfig": {"columnPartitionMap": map}}});
        let (schema, config) = (Schema::from_json(SCHEMA).unwrap(), TableConfig::from_document(config).unwrap());
        Partitioning::of(wanted, &schema, &config, &|_| nullable, predicate, segments)
    }

    #[test]
    fn rows_without_a_value_are_of_a_partition_only_for_those_who_rely_on_one_default() {
        let segments = [segment("k", "Murmur", 4, &[0]), segment("k", "Murmur", 4, &[3])];
        let of_null = |wanted, nullable, predicate: Option<&Predicate>| {
            found(wanted, "k", "Murmur", &segments, nullable, predicate).map(|found| found.of_null)
        };
        let config = recorded(&segments[0].metadata.partitions["k"]).unwrap();
        let null = config.partition("null").unwrap();
        assert_ne!(null, 0);
        let [is, is_not] = [Predicate::IsNull("k".into()), Predicate::IsNotNull("k".into())];
        let cases = [
            (ByPartition::No, false, None, None),
            (ByPartition::Exact, false, None, Some(0)),
            (ByPartition::Exact, true, None, None),
            (ByPartition::Exact, true, Some(&is), None),
            (ByPartition::Exact, true, Some(&is_not), Some(0)),
            (ByPartition::OneDefault, false, None, Some(0)),
            (ByPartition::OneDefault, true, None, Some(null)),
            // As without it: what is left out while a query runs changes nothing about the partitions.
            (ByPartition::OneDefault, true, Some(&is_not), Some(null)),
        ];
        for (wanted, nullable, predicate, expected) in cases {
            assert_eq!(of_null(wanted, nullable, predicate), expected, "{wanted:?} {nullable} {predicate:?}");
        }
    }

    #[test]
    fn all_segments_have_to_be_of_one_partition_each_by_what_the_table_says() {
        let murmur = |partitions: &[u32]| segment("k", "murmur", 4, partitions);
        assert_eq!(of("k", "Murmur", &[murmur(&[0]), murmur(&[3]), murmur(&[3])]), Some(("k".into(), 4)));
        assert_eq!(of("k", "Murmur", &[]), None);
        let growing = SegmentView { only_on_servers: true, ..murmur(&[1]) };
        let others = [
            murmur(&[1, 2]),
            murmur(&[]),
            murmur(&[4]),
            segment("k", "Murmur", 8, &[1]),
            segment("k", "HashCode", 4, &[1]),
            segment("n", "Murmur", 4, &[1]),
            growing,
        ];
        for other in others {
            assert_eq!(of("k", "Murmur", &[murmur(&[0]), other.clone()]), None, "{other:?}");
        }
    }

    #[test]
    fn values_have_to_have_one_text() {
        for (column, function, there) in
            [("n", "Modulo", true), ("k", "Modulo", false), ("d", "Murmur", false), ("n", "Murmur", true)]
        {
            let found = of(column, function, &[segment(column, function, 4, &[2])]);
            assert_eq!(found.is_some(), there, "{column} {function}");
        }
    }
}

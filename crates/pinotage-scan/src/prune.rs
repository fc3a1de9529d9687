//! Segments in which no row can pass, told by what the cluster keeps about them.

use pinotage_client::SegmentZkMetadata;
use pinotage_spec::{CompareOp, DateTimeFormat, Predicate, Schema, Value};

use crate::partitioning::recorded;

/// What is known of a segment without opening it.
pub(crate) struct Known<'a> {
    pub(crate) schema: &'a Schema,
    pub(crate) time_column: Option<&'a str>,
    pub(crate) metadata: &'a SegmentZkMetadata,
}

impl Known<'_> {
    /// Whether a row of the segment may pass. A doubt means that one may.
    pub(crate) fn may_pass(&self, predicate: &Predicate) -> bool {
        match predicate {
            Predicate::Compare { column, op, value } => {
                self.time_may_pass(column, *op, value)
                    && (*op != CompareOp::Eq || self.partition_may_hold(column, std::slice::from_ref(value)))
            }
            Predicate::In { column, values } => {
                self.partition_may_hold(column, values)
                    && values.iter().any(|value| self.time_may_pass(column, CompareOp::Eq, value))
            }
            Predicate::And(parts) => parts.iter().all(|part| self.may_pass(part)),
            Predicate::Or(parts) => parts.iter().any(|part| self.may_pass(part)),
            // What holds for no row of the range could be said of the opposite too; it is rarely asked.
            Predicate::Not(_) | Predicate::Like { .. } | Predicate::IsNull(_) | Predicate::IsNotNull(_) => true,
        }
    }

    fn time_may_pass(&self, column: &str, op: CompareOp, value: &Value) -> bool {
        let range = self.metadata.start_millis.zip(self.metadata.end_millis);
        let (Some(time), Some((start, end))) = (self.time_column.filter(|time| *time == column), range) else {
            return true;
        };
        let Some((format, number)) = self.format(time).zip(number(value)) else { return true };
        let literal = format.number_to_millis(number);
        // The range is written in whole units: an end at a day means some time of that day.
        let unit = format.segment_unit().to_millis(1);
        let (start, end) = (start.saturating_sub(unit), end.saturating_add(unit));
        match op {
            CompareOp::Eq => start <= literal && literal <= end,
            CompareOp::Lt | CompareOp::LtEq => start <= literal,
            CompareOp::Gt | CompareOp::GtEq => end >= literal,
            CompareOp::NotEq => true,
        }
    }

    /// Formats whose numbers are ordered as their times are.
    fn format(&self, column: &str) -> Option<&DateTimeFormat> {
        let field = self.schema.field(column).filter(|field| field.single_value)?;
        let format = &field.date_time.as_ref()?.format;
        (!matches!(format, DateTimeFormat::SimpleDate { .. })).then_some(format)
    }

    /// Whether any of the values belongs to a partition that the segment has.
    fn partition_may_hold(&self, column: &str, values: &[Value]) -> bool {
        let Some(partition) = self.metadata.partitions.get(column) else { return true };
        let Some(function) = recorded(partition) else { return true };
        let held = |value: &Value| match function.partition(&value.to_partition_string()) {
            Ok(number) => partition.partitions.contains(&number),
            Err(_) => true,
        };
        partition.partitions.is_empty() || values.iter().any(held)
    }
}

fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Int(value) => Some(i64::from(*value)),
        Value::Long(value) => Some(*value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use pinotage_client::ColumnPartition;

    use super::*;

    const SCHEMA: &str = r#"{"schemaName": "t", "dimensionFieldSpecs": [{"name": "k", "dataType": "STRING"}],
        "dateTimeFieldSpecs": [{"name": "day", "dataType": "INT", "format": "EPOCH|DAYS|1", "granularity": "1:DAYS"},
            {"name": "text", "dataType": "STRING", "format": "SIMPLE_DATE_FORMAT|yyyy-MM-dd", "granularity": "1:DAYS"}]}"#;

    fn metadata(start_day: i64, end_day: i64, partitions: Vec<u32>) -> SegmentZkMetadata {
        let partition =
            ColumnPartition { function_name: "Murmur".into(), num_partitions: 4, partitions, function_config: None };
        SegmentZkMetadata {
            name: "s".into(),
            crc: Some(1),
            start_millis: Some(start_day * 86_400_000),
            end_millis: Some(end_day * 86_400_000),
            total_docs: Some(1),
            partitions: BTreeMap::from([("k".into(), partition)]),
            ..SegmentZkMetadata::default()
        }
    }

    fn compare(column: &str, op: CompareOp, value: Value) -> Predicate {
        Predicate::Compare { column: column.into(), op, value }
    }

    #[test]
    fn times_far_outside_prune_and_times_nearby_do_not() {
        use CompareOp::*;
        let schema = Schema::from_json(SCHEMA).unwrap();
        let metadata = metadata(100, 110, vec![0]);
        let known = |time| Known { schema: &schema, time_column: Some(time), metadata: &metadata };
        let cases =
            [(Eq, 90, false), (Eq, 100, true), (Eq, 110, true), (Eq, 112, false), (Lt, 98, false), (Lt, 101, true)];
        let more = [(LtEq, 98, false), (Gt, 110, true), (Gt, 112, false), (GtEq, 112, false), (NotEq, 5, true)];
        for (op, day, expected) in cases.into_iter().chain(more) {
            assert_eq!(known("day").may_pass(&compare("day", op, Value::Int(day))), expected, "{op:?} {day}");
            assert!(known("text").may_pass(&compare("day", op, Value::Int(day))));
        }
        assert!(known("text").may_pass(&compare("text", Eq, Value::String("1990-01-01".into()))));
        let either = Predicate::Or(vec![compare("day", Eq, Value::Int(1)), compare("day", Eq, Value::Int(105))]);
        assert!(known("day").may_pass(&either));
        assert!(known("day").may_pass(&Predicate::Not(Box::new(compare("day", Eq, Value::Int(105))))));
    }

    #[test]
    fn values_of_other_partitions_prune() {
        let schema = Schema::from_json(SCHEMA).unwrap();
        let all = recorded(&metadata(0, 0, vec![]).partitions["k"]).unwrap();
        let keys: Vec<String> = (0..20).map(|at| format!("key{at}")).collect();
        let metadata = metadata(0, 0, vec![2]);
        let known = Known { schema: &schema, time_column: None, metadata: &metadata };
        let mut pruned = 0;
        for key in &keys {
            let held = all.partition(key).unwrap() == 2;
            let value = Value::String(key.clone());
            assert_eq!(known.may_pass(&compare("k", CompareOp::Eq, value.clone())), held);
            assert!(known.may_pass(&compare("k", CompareOp::NotEq, value)));
            pruned += usize::from(!held);
        }
        assert!(pruned > 0 && pruned < keys.len());
        let all = Predicate::In { column: "k".into(), values: keys.into_iter().map(Value::String).collect() };
        assert!(known.may_pass(&all));
    }
}

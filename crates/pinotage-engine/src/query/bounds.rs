//! What segments say of themselves, as statistics of DataFusion: only what is so to the last bit.
//!
//! From exact numbers DataFusion answers COUNT, MIN and MAX without a row being read.

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::common::stats::{ColumnStatistics, Precision, Statistics};
use pinotage_segment::read::Segment;
use pinotage_spec::Value;

use super::parts::Part;

/// What is known of all rows of some parts together; nothing of files.
pub(super) fn statistics(parts: &[Part], schema: &Schema) -> Statistics {
    let mut statistics = Statistics::new_unknown(schema);
    let segments = parts.iter().map(|part| match part {
        Part::Segment(segment) => Some(segment.as_ref()),
        Part::File(..) => None,
    });
    let segments: Option<Vec<&Segment>> = segments.collect();
    let Some(mut segments) = segments else { return statistics };
    segments.retain(|segment| segment.metadata().num_docs > 0);
    let rows = segments.iter().map(|segment| segment.metadata().num_docs as usize).sum();
    statistics.num_rows = Precision::Exact(rows);
    for (field, column) in schema.fields().iter().zip(&mut statistics.column_statistics) {
        if let Some(known) = without_nulls(&segments, field) {
            *column = known;
        }
    }
    statistics
}

/// What is known of a column, if no segment has nulls of it: bounds are those of what is stored, default values in the place
/// of nulls among it.
fn without_nulls(segments: &[&Segment], field: &Field) -> Option<ColumnStatistics> {
    let mut bounds = Vec::with_capacity(segments.len());
    for segment in segments {
        if segment.has_null_vector(field.name()) {
            return None;
        }
        bounds.push(segment.metadata().columns.get(field.name())?.exact_bounds());
    }
    let all = |bounds: Vec<Option<&Value>>, greater: bool| {
        let bounds = bounds.into_iter().map(|bound| scalar(bound?, field.data_type())).collect::<Option<Vec<_>>>();
        let further = |a: ScalarValue, b: ScalarValue| if (a < b) == greater { b } else { a };
        bounds.and_then(|bounds| bounds.into_iter().reduce(further)).map_or(Precision::Absent, Precision::Exact)
    };
    Some(ColumnStatistics {
        null_count: Precision::Exact(0),
        min_value: all(bounds.iter().map(|bounds| bounds.0).collect(), false),
        max_value: all(bounds.iter().map(|bounds| bounds.1).collect(), true),
        ..ColumnStatistics::new_unknown()
    })
}

fn scalar(value: &Value, data_type: &DataType) -> Option<ScalarValue> {
    Some(match (value, data_type) {
        (Value::Int(value), DataType::Int32) => (*value).into(),
        (Value::Long(value), DataType::Int64) => (*value).into(),
        (Value::Long(value), DataType::Timestamp(TimeUnit::Millisecond, zone)) => {
            ScalarValue::TimestampMillisecond(Some(*value), zone.clone())
        }
        (Value::String(value), DataType::Utf8) => value.as_str().into(),
        _ => return None,
    })
}

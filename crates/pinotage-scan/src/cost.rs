//! What reading is expected to cost. Guesses: they decide who reads and how requests are cut, never which rows come.

use pinotage_client::SegmentZkMetadata;
use pinotage_spec::{CompareOp, FieldSpec, Predicate, StoredType};

/// Values of a row in a multi-value column.
const VALUES_PER_ROW: u64 = 3;

/// Rows of a segment of which the cluster does not tell any: one that is still growing.
const GROWING_ROWS: u64 = 500_000;

/// Bytes of one row in an answer.
pub(crate) fn row_bytes<'f>(fields: impl Iterator<Item = &'f FieldSpec>) -> u64 {
    let width = |field: &FieldSpec| match field.data_type.stored() {
        StoredType::Int | StoredType::Float => 4,
        StoredType::Long | StoredType::Double => 8,
        StoredType::BigDecimal => 16,
        StoredType::String | StoredType::Bytes => 24,
        StoredType::Map => 64,
    };
    fields.map(|field| width(field) * if field.single_value { 1 } else { VALUES_PER_ROW }).sum::<u64>().max(4)
}

/// Rows of a segment.
pub(crate) fn rows(metadata: &SegmentZkMetadata) -> u64 {
    metadata.total_docs.unwrap_or(GROWING_ROWS)
}

/// The share of rows that pass, from 0 to 1.
pub(crate) fn share(predicate: &Predicate) -> f64 {
    match predicate {
        Predicate::Compare { op: CompareOp::Eq, .. } => 0.01,
        Predicate::Compare { op: CompareOp::NotEq, .. } | Predicate::IsNotNull(_) => 1.0,
        Predicate::Compare { .. } => 0.25,
        Predicate::In { values, .. } => (0.01 * values.len() as f64).min(1.0),
        Predicate::Like { .. } | Predicate::IsNull(_) => 0.1,
        Predicate::And(parts) => parts.iter().map(share).product(),
        Predicate::Or(parts) => parts.iter().map(share).sum::<f64>().min(1.0),
        Predicate::Not(part) => (1.0 - share(part)).max(0.1),
    }
}

//! What every segment has to keep to, however spoilt.

use std::path::Path;

use pinotage_segment::read::{OpenOptions, ScanOptions, Segment, Severity};
use pinotage_spec::{CompareOp, DataType, Predicate, StoredType, TextPattern, Value};

/// A segment that claims more docs is not read to its end: a few bytes may well be that many sorted docs.
const MANY: usize = 1 << 16;

/// Batches that are read of such a segment.
const FIRST: usize = 4;

/// An archive may unpack to this much.
const UNPACKED: u64 = 4 << 20;

/// Opens, verifies and scans a segment.
pub(crate) fn judge(path: &Path) {
    let Ok(segment) = Segment::open_with(path, &OpenOptions { max_unpacked_bytes: UNPACKED }) else { return };
    let num_docs = segment.metadata().num_docs as usize;
    if num_docs > MANY {
        if let Ok(scan) = segment.scan(ScanOptions::default()) {
            scan.take(FIRST).for_each(drop);
        }
        return;
    }
    let intact = !segment.verify().unwrap().iter().any(|finding| finding.severity == Severity::Error);
    for nulls in [true, false] {
        for batch_rows in [7, 8192] {
            let rows = count(&segment, ScanOptions { nulls, batch_rows, ..ScanOptions::default() });
            assert!(rows.is_none_or(|rows| rows == num_docs), "{rows:?} rows of {num_docs} docs");
            assert!(rows.is_some() || !intact, "what is verified cannot be read");
        }
    }
    let docs = (0..num_docs as u32).step_by(3).collect();
    let some = count(&segment, ScanOptions { docs: Some(docs), ..ScanOptions::default() });
    assert!(some.is_none_or(|some| some == num_docs.div_ceil(3)), "{some:?} rows of every third of {num_docs} docs");
    for name in segment.columns() {
        // These indexes answer one of two opposite conditions; whether they say what the values say, only `verify` tells.
        let indexes = segment.indexes(name);
        let one_sided = indexes.iter().any(|index| matches!(index.id.as_str(), "range_index" | "bloom_filter"));
        for predicate in predicates(&segment, name) {
            let rows = |predicate: &Predicate| {
                let options = ScanOptions {
                    columns: Some(vec![name.to_owned()]),
                    predicate: Some(predicate.clone()),
                    nulls: false,
                    ..ScanOptions::default()
                };
                count(&segment, options)
            };
            let (kept, left) = (rows(&predicate), rows(&Predicate::Not(Box::new(predicate.clone()))));
            if let Some((kept, left)) = kept.zip(left).filter(|_| intact || !one_sided) {
                assert_eq!(kept + left, num_docs, "{predicate:?} and its opposite");
            }
            assert!(kept.is_some() || !intact, "what is verified cannot be filtered by {predicate:?}");
        }
    }
}

/// The rows of a scan that comes to its end.
fn count(segment: &Segment, options: ScanOptions) -> Option<usize> {
    let batch_rows = options.batch_rows;
    let batches: Vec<usize> =
        segment.scan(options).ok()?.map(|batch| Some(batch.ok()?.num_rows())).collect::<Option<_>>()?;
    assert!(batches.iter().all(|rows| (1..=batch_rows).contains(rows)), "batches of {batches:?} rows");
    Some(batches.iter().sum())
}

/// Conditions that ask bounds, dictionary, inverted index and values.
fn predicates(segment: &Segment, name: &str) -> Vec<Predicate> {
    let Some(column) = segment.metadata().columns.get(name) else { return Vec::new() };
    let column_name = || name.to_owned();
    let one = Value::parse(column.data_type, "1").ok();
    let values: Vec<Value> =
        [&column.min, &column.max, &column.default_null_value, &one].into_iter().flatten().cloned().collect();
    let mut predicates = vec![Predicate::IsNull(column_name())];
    if column.data_type == DataType::Map {
        // Maps are compared with nothing.
        return predicates;
    }
    for (at, value) in values.iter().enumerate() {
        let ops = if at % 2 == 0 {
            [CompareOp::Eq, CompareOp::Lt, CompareOp::GtEq]
        } else {
            [CompareOp::NotEq, CompareOp::LtEq, CompareOp::Gt]
        };
        predicates.extend(ops.map(|op| Predicate::Compare { column: column_name(), op, value: value.clone() }));
    }
    if column.data_type.stored() == StoredType::String {
        predicates.push(Predicate::Like { column: column_name(), pattern: TextPattern::like("%a_%") });
    }
    predicates.push(Predicate::In { column: column_name(), values });
    predicates
}

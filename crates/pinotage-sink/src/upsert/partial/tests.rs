//! What needs no judge; `tests/it/upsert/rows.rs` compares with Pinot.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, Int32Array, Int64Array, RecordBatch};
use arrow::datatypes::Int32Type;
use pinotage_common::ErrorKind;
use pinotage_spec::{PinotVersion, Schema, TableConfig};
use serde_json::json;

use super::super::UpsertTable;
use super::merge;

fn table() -> UpsertTable {
    let schema = Schema::from_document(json!({
        "schemaName": "t", "primaryKeyColumns": ["k"], "enableColumnBasedNullHandling": true,
        "dimensionFieldSpecs": [{"name": "k", "dataType": "LONG"}, {"name": "sum", "dataType": "INT"},
            {"name": "gone", "dataType": "BOOLEAN"}, {"name": "c", "dataType": "LONG"}],
    }));
    let table = TableConfig::from_document(json!({"tableName": "t", "upsertConfig": {"mode": "PARTIAL",
        "partialUpsertStrategies": {"sum": "INCREMENT"}, "comparisonColumns": ["c"], "deleteRecordColumn": "gone"}}));
    UpsertTable::read(&schema.unwrap(), &table.unwrap(), PinotVersion::NEWEST).unwrap().unwrap()
}

/// Key, sum, deletes, comparison value.
fn rows(rows: &[(i64, i32, bool, i64)]) -> RecordBatch {
    let longs =
        |of: fn(&(i64, i32, bool, i64)) -> i64| Arc::new(rows.iter().map(of).collect::<Int64Array>()) as ArrayRef;
    RecordBatch::try_from_iter([
        ("k", longs(|row| row.0)),
        ("sum", Arc::new(rows.iter().map(|row| row.1).collect::<Int32Array>()) as ArrayRef),
        ("gone", Arc::new(rows.iter().map(|row| Some(row.2)).collect::<BooleanArray>()) as ArrayRef),
        ("c", longs(|row| row.3)),
    ])
    .unwrap()
}

fn sums(rows: &RecordBatch) -> Vec<i32> {
    rows["sum"].as_primitive::<Int32Type>().values().to_vec()
}

#[test]
fn a_stream_in_parts_gives_what_it_gives_as_a_whole() {
    let all = [
        (1, 1, false, 1),
        (2, 10, false, 1),
        (1, 2, false, 2),
        (1, 100, false, 1),
        (2, 0, true, 2),
        (3, 5, false, 1),
        (2, 20, false, 3),
        (1, 4, false, 2),
        (2, 30, false, 3),
    ];
    let whole = merge(&table(), None, &rows(&all)).unwrap();
    assert_eq!((sums(&whole.rows), whole.superseded), (vec![5, 7, 50], 1));
    for part in 0..=all.len() {
        let first = merge(&table(), None, &rows(&all[..part])).unwrap();
        let second = merge(&table(), Some(&first.rows), &rows(&all[part..])).unwrap();
        assert_eq!(first.superseded + second.superseded, 1, "{part}");
        let mut sums = sums(&second.rows);
        sums.sort_unstable();
        assert_eq!(sums, [5, 7, 50], "{part}");
    }
}

#[test]
fn a_sum_that_does_not_fit_is_an_error() {
    let error = merge(&table(), None, &rows(&[(1, i32::MAX, false, 1), (1, 1, false, 2)])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert!(error.to_string().contains("sum"), "{error}");
}

#[test]
fn a_missing_column_is_an_error() {
    let rows = rows(&[(1, 1, false, 1)]).project(&[0, 1, 3]).unwrap();
    assert_eq!(merge(&table(), None, &rows).unwrap_err().kind(), ErrorKind::SchemaMismatch);
}

//! `maxLength`, `maxLengthExceedStrategy` and the checks of times beside Pinot's own transform pipeline.

use arrow::datatypes::DataType;
use pinotage_spec::{ColumnPlan, Schema, TableConfig};
use pinotage_transform::{ConformOptions, Conformer};
use serde_json::{Value, json};

use crate::transforms::{batch_of, judged, stored};

fn rows() -> Vec<Value> {
    let texts = [
        "abc",
        "abcde",
        "abcdef",
        "abcd\u{1F600}",
        "\u{1F600}\u{1F600}\u{1F600}",
        "a\0bcdefgh",
        "\0",
        "",
        "abcdefgh\0",
    ];
    let documents = ["{\"a\":1}", "{\"a\":1234567}", "\"\\u0000\"", "[1, 2, 3]", "{}", "1", "no json at all", "", "[]"];
    let bytes = ["", "00", "001122", "00112233", "ff", "ffffffffff", "aa", "bb", "cc"];
    let times = [
        1_700_000_000_000_i64,
        31_536_000_000,
        31_535_999_999,
        0,
        -1,
        3_187_296_000_000,
        i64::MAX,
        3_187_296_000_001,
        5,
    ];
    let mut rows: Vec<Value> = (0..9)
        .map(|at| {
            json!({"s": texts[at], "j": documents[at], "x": bytes[at], "ss": [texts[at], "z"], "ts": times[at], "id": at.to_string()})
        })
        .collect();
    rows.push(json!({"id": "9", "ts": 1_700_000_000_000_i64}));
    rows
}

const COLUMNS: [(&str, &str, DataType); 5] = [
    ("id", "STRING", DataType::Utf8),
    ("s", "STRING", DataType::Utf8),
    ("j", "STRING", DataType::Utf8),
    ("x", "BYTES", DataType::Binary),
    ("ts", "LONG", DataType::Int64),
];

fn table(ingestion: Value) -> Value {
    json!({"tableName": "t", "tableType": "OFFLINE", "segmentsConfig": {"replication": "1", "timeColumnName": "ts"},
        "tenants": {}, "tableIndexConfig": {}, "metadata": {}, "ingestionConfig": ingestion})
}

/// The column that is compared, the schema and the table.
fn cases() -> Vec<(String, &'static str, Value, Value)> {
    let time =
        json!({"name": "ts", "dataType": "LONG", "format": "1:MILLISECONDS:EPOCH", "granularity": "1:MILLISECONDS"});
    let mut cases = Vec::new();
    for (column, kind, limit) in [("s", "STRING", 5), ("ss", "STRING", 5), ("j", "JSON", 8), ("x", "BYTES", 3)] {
        for strategy in [None, Some("TRIM_LENGTH"), Some("ERROR"), Some("SUBSTITUTE_DEFAULT_VALUE"), Some("NO_ACTION")]
        {
            let mut field = json!({"name": column, "dataType": kind, "maxLength": limit});
            if let Some(strategy) = strategy {
                field["maxLengthExceedStrategy"] = strategy.into();
            }
            if column == "ss" {
                field["singleValueField"] = false.into();
            }
            if column == "s" && strategy.is_some() {
                field["defaultNullValue"] = "none".into();
            }
            let schema = json!({"schemaName": "t", "dimensionFieldSpecs": [{"name": "id", "dataType": "STRING"}, field],
                "dateTimeFieldSpecs": [time]});
            // Times that are not checked: those of the rows are checked below.
            cases.push((format!("{column} {strategy:?}"), column, schema, table(json!({}))));
        }
    }
    let schema = json!({"schemaName": "t", "dimensionFieldSpecs": [{"name": "id", "dataType": "STRING"}], "dateTimeFieldSpecs": [time]});
    cases.push(("ts".to_owned(), "ts", schema, table(json!({"rowTimeValueCheck": true}))));
    cases
}

#[test]
fn lengths_and_times_are_limited_as_in_pinot() {
    let (rows, cases) = (rows(), cases());
    let mut names: Vec<Value> = COLUMNS.iter().map(|(name, kind, _)| json!({"name": name, "type": kind})).collect();
    names.push(json!({"name": "ss", "type": "ANY"}));
    let asked: Vec<Value> =
        cases.iter().map(|(id, _, schema, table)| json!({"id": id, "schema": schema, "table": table})).collect();
    let Some(answers) = judged(&json!({"columns": names, "rows": rows, "cases": asked})) else { return };
    let mut columns: Vec<(&str, &str, DataType)> = COLUMNS.to_vec();
    columns.push(("ss", "ANY", DataType::new_list(DataType::Utf8, true)));
    let batch = batch_of(&columns, &rows);
    let (mut different, mut bad) = (Vec::new(), 0);
    for ((id, column, schema, table), theirs) in cases.iter().zip(&answers) {
        let (schema, table) =
            (Schema::from_document(schema.clone()).unwrap(), TableConfig::from_document(table.clone()).unwrap());
        let plan = ColumnPlan::resolve(&schema, &table).unwrap();
        let time = (*column == "ts").then_some("ts");
        let conformer = Conformer::try_new(&plan, time, &batch.schema(), ConformOptions::default()).unwrap();
        let made = conformer.conform(&batch).unwrap();
        let kept = made.kept.unwrap_or_else(|| (0..rows.len() as u32).collect());
        for (row, theirs) in theirs["rows"].as_array().unwrap().iter().enumerate() {
            let ours = kept.iter().position(|kept| *kept as usize == row);
            let array = made.batch.column_by_name(column).unwrap();
            let ours = ours.map_or(Value::from("bad"), |at| stored(array, at));
            let theirs = if theirs.is_string() { Value::from("bad") } else { theirs[0][*column].clone() };
            bad += usize::from(ours == "bad");
            if ours != theirs {
                different.push(format!("{id} row {row}: ours {ours}, Pinot's {theirs} of {}", rows[row]));
            }
        }
    }
    assert!(different.is_empty(), "{} differ:\n{}", different.len(), different.join("\n"));
    assert!(bad > 10, "{bad}");
}

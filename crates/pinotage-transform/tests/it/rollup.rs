//! Aggregation at ingestion beside a consuming segment of Pinot's (`java/conformance`).

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::DataType;
use pinotage_common::{ErrorKind, Result};
use pinotage_spec::{ColumnPlan, PinotVersion, Rollup, Schema, TableConfig};
use pinotage_testkit::stored;
use pinotage_transform::{ConformOptions, Conformed, Conformer, Contributions, Ingestion, Rolled, rule};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::transforms::{asked, batch_of};

fn columns() -> Vec<(&'static str, &'static str, DataType)> {
    vec![
        ("city", "STRING", DataType::Utf8),
        ("size", "INT", DataType::Int32),
        ("ts", "LONG", DataType::Int64),
        ("ok", "BOOLEAN", DataType::Boolean),
        ("amount", "DOUBLE", DataType::Float64),
        ("count", "INT", DataType::Int32),
        ("text", "STRING", DataType::Utf8),
        ("user", "STRING", DataType::Utf8),
        ("price", "FLOAT", DataType::Float32),
        ("serial", "LONG", DataType::Int64),
    ]
}

/// The metrics of a case: name, type and aggregation.
type Metrics = &'static [(&'static str, &'static str, &'static str)];

const CASES: [Metrics; 7] = [
    &[("a", "DOUBLE", "SUM(amount)"), ("n", "LONG", "COUNT(*)"), ("m", "INT", "count(user)")],
    &[
        ("a", "LONG", "SUM(count)"),
        ("n", "INT", "MIN(count)"),
        ("m", "INT", "MAX(\"count\")"),
        ("f", "FLOAT", "SUM(price)"),
    ],
    &[
        ("a", "DOUBLE", "MIN(amount)"),
        ("n", "FLOAT", "MAX(price)"),
        ("m", "LONG", "MIN(serial)"),
        ("t", "DOUBLE", "SUM(text)"),
    ],
    &[
        ("h", "BYTES", "DISTINCTCOUNTHLL(user)"),
        ("i", "BYTES", "DISTINCT_COUNT_HLL(serial, 4)"),
        ("f", "BYTES", "distinctCountHll(price, 12)"),
    ],
    &[
        ("h", "BYTES", "DISTINCTCOUNTHLL(city)"),
        ("a", "DOUBLE", "SUM(size)"),
        ("n", "LONG", "COUNT(city)"),
        ("b", "BYTES", "DISTINCTCOUNTHLL(amount, 5)"),
    ],
    &[
        ("a", "DOUBLE", "SUM(nowhere)"),
        ("n", "INT", "COUNT(nowhere)"),
        ("m", "INT", "MIN(nowhere)"),
        ("x", "DOUBLE", "MAX(nowhere)"),
        ("h", "BYTES", "DISTINCTCOUNTHLL(nowhere)"),
    ],
    &[("a", "DOUBLE", "SUM(twice)"), ("n", "DOUBLE", "MAX(size)")],
];

fn documents(metrics: Metrics) -> (Value, Value) {
    let fields: Vec<Value> = metrics.iter().map(|(name, kind, _)| json!({"name": name, "dataType": kind})).collect();
    let schema = json!({"schemaName": "t", "dimensionFieldSpecs": [{"name": "city", "dataType": "STRING"},
        {"name": "size", "dataType": "INT"}, {"name": "ok", "dataType": "BOOLEAN"}], "metricFieldSpecs": fields,
        "dateTimeFieldSpecs": [{"name": "ts", "dataType": "TIMESTAMP", "format": "TIMESTAMP", "granularity": "1:MILLISECONDS"}]});
    let configs: Vec<Value> = metrics
        .iter()
        .map(|(name, _, function)| json!({"columnName": name, "aggregationFunction": function}))
        .collect();
    let raw: Vec<&str> = metrics.iter().map(|(name, ..)| *name).collect();
    let computes = metrics.iter().any(|(.., function)| function.contains("twice"));
    let transforms =
        if computes { json!([{"columnName": "twice", "transformFunction": "mult(amount, 2)"}]) } else { json!([]) };
    let table = json!({"tableName": "t", "tableType": "REALTIME", "tenants": {}, "metadata": {},
        "segmentsConfig": {"replication": "1", "timeColumnName": "ts"},
        "tableIndexConfig": {"noDictionaryColumns": raw, "nullHandlingEnabled": true, "streamConfigs": {"streamType": "kafka",
            "stream.kafka.topic.name": "t", "stream.kafka.decoder.class.name": "d", "stream.kafka.consumer.factory.class.name": "f"}},
        "ingestionConfig": {"aggregationConfigs": configs, "transformConfigs": transforms}});
    (schema, table)
}

/// Bad rows with their rules.
type Bad = Vec<(u32, &'static str)>;

/// The rows that come out, and the bad ones.
fn rolled(schema: &Value, table: &Value, batches: &[RecordBatch]) -> Result<(Vec<Value>, Bad)> {
    let schema = Schema::from_document(schema.clone())?;
    let table = TableConfig::from_document(table.clone())?;
    let columns = ColumnPlan::resolve(&schema, &table)?;
    let rollup = Rollup::resolve(&schema, &table)?.unwrap();
    let mut rolled = Rolled::try_new(&rollup, &columns)?;
    let mut bad = Vec::new();
    for batch in batches {
        let ingestion = Ingestion::try_new(&schema, &table, &batch.schema(), PinotVersion::NEWEST)?;
        let batch = match &ingestion {
            Some(ingestion) => ingestion.apply(batch)?.batch,
            None => batch.clone(),
        };
        let conformer = Conformer::try_new(&columns, table.time_column(), &batch.schema(), ConformOptions::default())?;
        let mut conformed: Conformed = conformer.conform(&batch)?;
        let contributions = Contributions::try_new(&schema, &table, &columns, &batch.schema())?.unwrap();
        contributions.apply(&batch, &mut conformed)?;
        assert_eq!(conformed.batch.num_rows() + conformed.bad.len(), batch.num_rows());
        bad.extend(conformed.bad.iter().map(|value| (value.row, value.rule)));
        assert_eq!(rolled.push(&conformed.batch, usize::MAX)?, conformed.batch.num_rows());
    }
    let mut rows = Vec::new();
    for batch in rolled.finish()? {
        let schema = batch.schema();
        for row in 0..batch.num_rows() {
            let cells = schema.fields().iter().zip(batch.columns());
            rows.push(cells.map(|(field, array)| (field.name().clone(), stored(array, row))).collect());
        }
    }
    Ok((rows, bad))
}

/// Few dimensions, so that rows meet; values of every kind, and none.
fn rows() -> impl Strategy<Value = Vec<Value>> {
    let some = |values: &'static [&'static str]| prop::option::weighted(0.9, prop::sample::select(values));
    let row = (
        (
            some(&["Oslo", "Rome", "null", ""]),
            prop::option::weighted(0.9, 0..3_i32),
            prop::option::weighted(0.9, any::<bool>()),
        ),
        prop::sample::select(vec![1_700_000_000_000_i64, 0x0018_0000_0000]),
        prop::option::weighted(0.8, -1e6..1e6_f64),
        prop::option::weighted(0.8, -1000..1000_i32),
        some(&["1.5", " 7 ", "-0.25", "1e10"]),
        prop::option::weighted(0.8, "[a-zé😀]{0,3}"),
        prop::option::weighted(0.8, -100..100_i32),
        prop::option::weighted(0.8, -9_000_000_000_000_i64..9_000_000_000_000),
    );
    let row = row.prop_map(|((city, size, ok), ts, amount, count, text, user, price, serial)| {
        json!({"city": city, "size": size, "ok": ok, "ts": ts, "amount": amount, "count": count, "text": text, "user": user,
            "price": price.map(|price| f64::from(price) / 4.0), "serial": serial})
    });
    prop::collection::vec(row, 300)
}

#[test]
fn metrics_are_what_a_consuming_segment_makes_of_them() {
    let rows = rows().new_tree(&mut TestRunner::deterministic()).unwrap().current();
    let columns = columns();
    let names: Vec<Value> = columns.iter().map(|(name, kind, _)| json!({"name": name, "type": kind})).collect();
    let mut cases: Vec<(Value, Value)> = CASES.iter().map(|metrics| documents(metrics)).collect();
    // A controller takes an OFFLINE table that aggregates.
    let (schema, mut offline) = cases[0].clone();
    offline["tableType"] = "OFFLINE".into();
    cases.push((schema, offline));
    // `aggregateMetrics`
    let (schema, mut legacy) = documents(&[("amount", "DOUBLE", ""), ("count", "LONG", ""), ("price", "FLOAT", "")]);
    legacy["ingestionConfig"] = json!({});
    legacy["tableIndexConfig"]["aggregateMetrics"] = true.into();
    cases.push((schema, legacy));
    let questions: Vec<Value> = cases
        .iter()
        .enumerate()
        .map(|(id, (schema, table))| json!({"id": id, "schema": schema, "table": table}))
        .collect();
    let batches: Vec<RecordBatch> = rows.chunks(70).map(|rows| batch_of(&columns, rows)).collect();
    let ours: Vec<Vec<Value>> = cases
        .iter()
        .map(|(schema, table)| {
            let (rows, bad) = rolled(schema, table, &batches).unwrap();
            assert_eq!(bad, []);
            assert!(rows.len() < 120, "{}", rows.len());
            // However they come.
            let whole =
                rolled(schema, table, &[arrow::compute::concat_batches(&batches[0].schema(), &batches).unwrap()]);
            assert_eq!(whole.unwrap().0, rows);
            rows
        })
        .collect();
    let Some(answers) = asked("rollups", Some(&json!({"columns": names, "rows": rows, "cases": questions}))) else {
        return;
    };
    let answers: Vec<Value> = answers.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), cases.len());
    for ((case, ours), theirs) in cases.iter().zip(&ours).zip(&answers) {
        assert_eq!(theirs["plan"], Value::Null, "{case:?}");
        let theirs = theirs["rows"].as_array().unwrap();
        assert_eq!(ours.len(), theirs.len(), "{case:?}");
        for (row, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
            assert_eq!(ours, theirs, "row {row} of {case:?}");
        }
    }
}

#[test]
fn what_a_metric_cannot_hold_is_told() {
    let (schema, table) =
        documents(&[("a", "INT", "SUM(amount)"), ("n", "LONG", "SUM(serial)"), ("t", "DOUBLE", "SUM(text)")]);
    let row = |amount: f64, serial: i64, text: &str| json!({"city": "Oslo", "ts": 1, "ts": 1_700_000_000_000_i64, "amount": amount, "serial": serial, "text": text});
    let batch = |rows: &[Value]| batch_of(&columns(), rows);
    let rows =
        [row(1.5, 1, "1"), row(1.0, (1 << 53) + 1, "1"), row(2.0, 2, "many"), row(3e9, 2, "1"), row(7.0, 5, "8")];
    let (rows, bad) = rolled(&schema, &table, &[batch(&rows)]).unwrap();
    let rules = [(0, rule::NOT_EXACT), (1, rule::NOT_EXACT), (2, rule::WRONG_TYPE), (3, rule::OUT_OF_RANGE)];
    assert_eq!(bad, rules);
    assert_eq!((&rows[0]["a"], &rows[0]["n"], &rows[0]["t"]), (&json!("7"), &json!("5"), &json!("8.0")));
    for rows in [[row(2e9, 1, "1"), row(2e9, 1, "1")], [row(1.0, 1 << 53, "1"), row(1.0, 1 << 53, "1")]] {
        let error = rolled(&schema, &table, &[batch(&rows)]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{error}");
    }
}

#[test]
fn a_segment_is_full_of_what_comes_out() {
    let (schema, table) = documents(CASES[0]);
    let (schema, table) = (Schema::from_document(schema).unwrap(), TableConfig::from_document(table).unwrap());
    let columns_of = ColumnPlan::resolve(&schema, &table).unwrap();
    let rollup = Rollup::resolve(&schema, &table).unwrap().unwrap();
    let row = |city: &str| json!({"city": city, "ts": 1_700_000_000_000_i64, "amount": 1.0});
    let batch = batch_of(&columns(), &[row("a"), row("b"), row("a"), row("b"), row("c"), row("a")]);
    let conformer = Conformer::try_new(&columns_of, None, &batch.schema(), ConformOptions::default()).unwrap();
    let mut conformed = conformer.conform(&batch).unwrap();
    let contributions = Contributions::try_new(&schema, &table, &columns_of, &batch.schema()).unwrap().unwrap();
    contributions.apply(&batch, &mut conformed).unwrap();
    let mut rolled = Rolled::try_new(&rollup, &columns_of).unwrap();
    assert_eq!((rolled.push(&conformed.batch, 2).unwrap(), rolled.num_rows()), (4, 2));
    assert!(rolled.len_bytes() > 100);
    let counts = rolled.finish().unwrap()[0].column_by_name("n").unwrap().clone();
    assert_eq!((counts.len(), stored(&counts, 0), stored(&counts, 1)), (2, json!("2"), json!("2")));
}

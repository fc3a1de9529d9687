//! Expressions and conversions on columns: `cargo bench -p pinotage-transform --bench functions`.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use divan::Bencher;
use divan::counter::ItemsCount;
use pinotage_spec::{ColumnPlan, PinotVersion, Schema, TableConfig};
use pinotage_transform::{ConformOptions, Conformer, Ingestion};

const ROWS: usize = 8_192;

fn main() {
    divan::main();
}

/// The same rows in every run.
fn batch() -> RecordBatch {
    let numbers: Vec<u64> = std::iter::successors(Some(42_u64), |state| {
        Some(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407))
    })
    .map(|state| state >> 20)
    .take(ROWS)
    .collect();
    let text =
        |make: fn(u64) -> String| Arc::new(StringArray::from_iter_values(numbers.iter().map(|n| make(*n)))) as ArrayRef;
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("n", Arc::new(Int64Array::from_iter_values(numbers.iter().map(|n| (n % 1_000_000) as i64)))),
        ("d", Arc::new(Float64Array::from_iter_values(numbers.iter().map(|n| (n % 9_000_000) as f64 / 100.0)))),
        (
            "ts",
            Arc::new(Int64Array::from_iter_values(
                numbers.iter().map(|n| 1_600_000_000_000 + (n % 100_000_000_000) as i64),
            )),
        ),
        ("dt", text(|n| format!("202{}-{:02}-{:02} {:02}:17:03", n % 5, n % 12 + 1, n % 28 + 1, n % 24))),
        ("s", text(|n| format!("Customer {}", n % 10_000))),
        (
            "j",
            text(|n| {
                format!(
                    r#"{{"user": {{"id": {}, "name": "n{}"}}, "items": [{{"k": {}}}, {{"k": 2}}]}}"#,
                    n % 900,
                    n % 77,
                    n % 10
                )
            }),
        ),
        ("url", text(|n| format!("https://www.example.com/a/b{}?user={}&q=x#top", n % 40, n % 999))),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

#[divan::bench(args = [
    "plus(n, d)", "upper(s)", "concat(s, dt, '-')", "replace(s, 'tom', 'Tom')", "regexpExtract(s, '([0-9]+)', 1)", "split(dt, ' ')",
    "fromDateTime(dt, 'yyyy-MM-dd HH:mm:ss')", "toDateTime(ts, 'yyyy-MM-dd')", "dateTrunc('DAY', ts)",
    "dateTrunc('WEEK', ts, 'MILLISECONDS', 'Europe/Oslo')", "jsonPathLong(j, '$.user.id')", "jsonPathArray(j, '$.items[*].k')",
    "md5(toUtf8(s))", "urlDomain(url)", "extractURLParameter(url, 'user')", "murmurHash2UTF8(s)",
    "CASE WHEN n > 500000 THEN 'high' ELSE 'low' END",
])]
fn expression(bencher: Bencher, function: &str) {
    let list = function.starts_with("split") || function.starts_with("jsonPathArray");
    let schema = format!(
        r#"{{"schemaName": "t", "dimensionFieldSpecs": [{{"name": "out", "dataType": "STRING", "singleValueField": {}}}]}}"#,
        !list
    );
    let transform = serde_json::json!([{"columnName": "out", "transformFunction": function}]);
    let table = serde_json::json!({"tableName": "t", "ingestionConfig": {"transformConfigs": transform}});
    let (schema, table) = (Schema::from_json(&schema).unwrap(), TableConfig::from_document(table).unwrap());
    let batch = batch();
    let ingestion = Ingestion::try_new(&schema, &table, &batch.schema(), PinotVersion::NEWEST).unwrap().unwrap();
    bencher.counter(ItemsCount::new(ROWS)).bench_local(|| ingestion.apply(&batch).unwrap());
}

#[divan::bench(args = [("n", "INT"), ("n", "STRING"), ("d", "BIG_DECIMAL"), ("dt", "TIMESTAMP"), ("s", "STRING"), ("j", "JSON")])]
fn conversion(bencher: Bencher, (column, to): (&str, &str)) {
    let schema =
        format!(r#"{{"schemaName": "t", "dimensionFieldSpecs": [{{"name": "{column}", "dataType": "{to}"}}]}}"#);
    let table = TableConfig::from_json(r#"{"tableName": "t"}"#).unwrap();
    let plan = ColumnPlan::resolve(&Schema::from_json(&schema).unwrap(), &table).unwrap();
    let batch = batch();
    let conformer = Conformer::try_new(&plan, None, &batch.schema(), ConformOptions::default()).unwrap();
    bencher.counter(ItemsCount::new(ROWS)).bench_local(|| conformer.conform(&batch).unwrap());
}

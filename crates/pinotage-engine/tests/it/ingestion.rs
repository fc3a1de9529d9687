//! Columns that the table computes, and rows that it drops.

use std::fs;
use std::sync::atomic::AtomicBool;

use pinotage_common::{ErrorKind, Result};
use pinotage_engine::{RunOptions, Silent, Summary, prepare, run};
use pinotage_job::Plan;

use crate::Job;

const SCHEMA: &str = r#"{"schemaName": "t",
    "dimensionFieldSpecs": [{"name": "city", "dataType": "STRING"},
        {"name": "code", "dataType": "STRING", "transformFunction": "concat(upper(city), zip, '-')"}],
    "dateTimeFieldSpecs": [{"name": "day", "dataType": "INT", "format": "1:DAYS:EPOCH", "granularity": "1:DAYS"}]}"#;

const ROWS: &str =
    "city,zip,at\nOslo,0150,2023-11-14\nRome,00100,2023-11-15\nOslo,0151,never\nParis,75001,2023-11-16\n";

/// Runs a job over tables of these ingestion configs.
fn ingest(job: &Job, ingestion: &str) -> Result<Summary> {
    ingest_into(job, SCHEMA, ingestion)
}

fn ingest_into(job: &Job, schema: &str, ingestion: &str) -> Result<Summary> {
    let table = format!(r#"{{"tableName": "t", "tableType": "OFFLINE", "ingestionConfig": {ingestion}}}"#);
    fs::write(job.path().join("schema.json"), schema).unwrap();
    fs::write(job.path().join("table.json"), table).unwrap();
    let yaml = "name: j\nsource: {kind: files, paths: [in]}\nsink: {kind: pinot, table: t, output: out, schema: schema.json, \
                tableConfig: table.json}\nquarantine: bad\nlimits: {errors: 2}\n";
    let job = prepare(Plan::from_yaml(yaml, job.path())?, true)?;
    let cancel = AtomicBool::new(false);
    let options =
        RunOptions { force: false, dry_run: false, threads: Some(1), cancel: &cancel, creation_time_millis: 1 };
    run(&job, &options, &Silent)
}

const DAY: &str = r#"{"columnName": "day", "transformFunction": "toEpochDays(fromDateTime(at, 'yyyy-MM-dd'))"}"#;

#[test]
fn columns_are_computed_and_rows_dropped_as_the_table_says() {
    let job = Job::new(&[("a.csv", ROWS)]);
    let filter = r#""filterConfig": {"filterFunction": "strcmp(city, 'Paris') = 0"}"#;
    let config = format!(r#"{{"transformConfigs": [{DAY}], {filter}}}"#);
    let counts = ingest(&job, &config).unwrap().inputs[0].counts;
    assert_eq!((counts.read, counts.written, counts.filtered, counts.quarantined), (4, 2, 1, 1));
    // The text of the file counts, not the number in it.
    assert_eq!(job.ask("SELECT code, day FROM t ORDER BY code"), ["OSLO-0150 19675", "ROME-00100 19676"]);
    assert_eq!(
        job.ask_bad("SELECT row_number, \"column\", rule, cast(raw AS varchar) FROM bad"),
        ["2 day transform-failed Oslo,0151,never"]
    );
    // What is computed otherwise is built anew.
    assert_eq!(ingest(&job, &config).unwrap().inputs[0].counts.written, 2);
    ingest(&job, &format!(r#"{{"transformConfigs": [{DAY}]}}"#)).unwrap();
    assert_eq!(job.ask("SELECT count(*) FROM t"), ["3"]);
}

#[test]
fn columns_are_enriched_before_all_others() {
    let job = Job::new(&[("a.csv", ROWS)]);
    let enricher =
        r#"{"enricherType": "generateColumn", "properties": {"fieldToFunctionMap": {"city": "reverse(city)"}}}"#;
    let config = format!(r#"{{"enrichmentConfigs": [{enricher}], "transformConfigs": [{DAY}]}}"#);
    let counts = ingest(&job, &config).unwrap().inputs[0].counts;
    assert_eq!((counts.read, counts.written, counts.quarantined), (4, 3, 1));
    assert_eq!(
        job.ask("SELECT city, code FROM t ORDER BY city"),
        ["emoR EMOR-00100", "olsO OLSO-0150", "siraP SIRAP-75001"]
    );
}

#[test]
fn a_table_that_goes_on_has_null_where_an_expression_fails() {
    let job = Job::new(&[("a.csv", ROWS)]);
    let summary = ingest(&job, &format!(r#"{{"transformConfigs": [{DAY}], "continueOnError": true}}"#)).unwrap();
    assert_eq!(summary.inputs[0].counts.written, 4);
    assert_eq!(summary.changes.count("day", "transform-failed-to-null"), 1);
}

#[test]
fn an_expression_that_cannot_be_is_refused_before_the_first_row() {
    let job = Job::new(&[("a.csv", ROWS)]);
    for (function, kind, message, advice) in [
        ("toEpochDay(at)", ErrorKind::Unsupported, "there is no function `toEpochDay`", "toEpochDays"),
        ("Groovy({at.length()}, at)", ErrorKind::Unsupported, "is Groovy", "transform.sql"),
        ("toEpochDays()", ErrorKind::InvalidConfig, "with 0 arguments", "toEpochDays(LONG)"),
        ("toEpochDays(at", ErrorKind::InvalidConfig, "is no expression", "single quotes"),
        ("city = 'Oslo'", ErrorKind::InvalidConfig, "expected DOUBLE, found `Oslo`", "strcmp"),
        ("length(day)", ErrorKind::InvalidConfig, "need each other", "other columns"),
        ("fromDateTime(at, 'yy')", ErrorKind::Unsupported, "a year of two digits", "functions.md"),
    ] {
        let function = serde_json::Value::from(function);
        let config = format!(r#"{{"transformConfigs": [{{"columnName": "day", "transformFunction": {function}}}]}}"#);
        let error = ingest(&job, &config).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        let text = format!("{error} {}", error.advice());
        assert!(text.contains(message) && text.contains(advice) && text.contains("day"), "{text}");
    }
    assert!(job.segments().is_empty());
}

const NESTED: &str = r#"{"schemaName": "t", "dimensionFieldSpecs": [{"name": "id", "dataType": "STRING"},
    {"name": "p.size", "dataType": "INT"}, {"name": "p.l.k", "dataType": "INT"}, {"name": "late.x", "dataType": "STRING"}]}"#;

#[test]
fn items_of_lists_become_rows_all_of_them_or_none() {
    let rows = r#"{"id": "a", "p": {"size": 2, "l": [{"k": 1}, {"k": 2, "other": [1]}]}}
{"id": "b", "p": {"size": "many", "l": [{"k": 1}, {"k": 2}]}}
{"id": "c", "p": {"l": [{"k": 3}, {"k": "x"}]}}
{"id": "d", "p": [1, 2]}
{"id": "e", "p": {"l": [{"k": 5}, {"k": 6}]}}
{"id": "f", "p": "none", "late": {"x": 1.50}}
"#;
    let job = Job::new(&[("a.json", rows)]);
    let config =
        r#"{"complexTypeConfig": {"fieldsToUnnest": ["p.l"]}, "filterConfig": {"filterFunction": "\"p.l.k\" = 5"}}"#;
    let counts = ingest_into(&job, NESTED, config).unwrap().inputs[0].counts;
    assert_eq!((counts.read, counts.made, counts.written), (6, 2, 5), "{counts:?}");
    assert_eq!((counts.filtered, counts.quarantined), (1, 2), "{counts:?}");
    let min = i32::MIN;
    assert_eq!(
        job.ask(r#"SELECT id, "p.size", "p.l.k", "late.x" FROM t ORDER BY id, "p.l.k""#),
        [
            "a 2 1 null".to_owned(),
            "a 2 2 null".to_owned(),
            format!("d {min} {min} null"),
            format!("e {min} 6 null"),
            format!("f {min} {min} 1.5")
        ]
    );
    assert_eq!(
        job.ask_bad("SELECT row_number, \"column\", substr(cast(raw AS varchar), 1, 10) FROM bad ORDER BY row_number"),
        ["1 p.size {\"id\": \"b\"", "2 filterFunction {\"id\": \"c\""]
    );
    // Without unnesting the list is text.
    let config = r#"{"complexTypeConfig": {}}"#;
    let schema = NESTED.replace(r#""p.l.k", "dataType": "INT""#, r#""p.l", "dataType": "STRING""#);
    let counts = ingest_into(&job, &schema, config).unwrap().inputs[0].counts;
    assert_eq!((counts.read, counts.made, counts.written, counts.quarantined), (6, 0, 5, 1));
    assert_eq!(job.ask(r#"SELECT "p.l" FROM t WHERE id = 'a'"#), [r#"[{"k":1},{"k":2,"other":[1]}]"#]);
}

#[test]
fn what_is_not_carried_out_is_refused_by_name() {
    let job = Job::new(&[("a.json", "{\"id\": \"a\"}\n")]);
    for (config, kind, message) in [
        (r#"{"enrichmentConfigs": [{"enricherType": "clpEnricher"}]}"#, ErrorKind::Unsupported, "enrichmentConfigs"),
        (r#"{"enrichmentConfigs": [{"enricherType": "clpEnricher"}]}"#, ErrorKind::Unsupported, "`clpEnricher`"),
        (
            r#"{"complexTypeConfig": {}, "enrichmentConfigs": [{"enricherType": "generateColumn",
                "properties": {"fieldToFunctionMap": {"id": "upper(id)"}}, "preComplexTypeTransform": true}]}"#,
            ErrorKind::Unsupported,
            "before `complexTypeConfig`",
        ),
        (r#"{"schemaConformingTransformerV2Config": {"a": 1}}"#, ErrorKind::Unsupported, "TransformerV2Config"),
        (
            r#"{"aggregationConfigs": [{"columnName": "id", "aggregationFunction": "AVG(id)"}]}"#,
            ErrorKind::Unsupported,
            "aggregationConfigs",
        ),
        (
            r#"{"schemaConformingTransformerConfig": {"a": 1}}"#,
            ErrorKind::Unsupported,
            "schemaConformingTransformerConfig",
        ),
        (
            r#"{"complexTypeConfig": {"collectionNotUnnestedToJson": "SOME"}}"#,
            ErrorKind::InvalidConfig,
            "NON_PRIMITIVE",
        ),
        (r#"{"complexTypeConfig": {"fieldsToUnnest": ["p.l.k.in"]}}"#, ErrorKind::Unsupported, "p.l.k"),
    ] {
        let error = ingest_into(&job, NESTED, config).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        let text = format!("{error} {:?} {}", error.context(), error.advice());
        assert!(text.contains(message), "{text}");
    }
}

const SALES: &str = r#"{"schemaName": "t", "dimensionFieldSpecs": [{"name": "city", "dataType": "STRING"}],
    "metricFieldSpecs": [{"name": "total", "dataType": "DOUBLE"}, {"name": "sales", "dataType": "LONG"}]}"#;

#[test]
fn rows_of_a_table_that_aggregates_become_fewer() {
    let rows = "city,amount\nOslo,1.5\nRome,2\nOslo,3\nRome,many\nOslo,\n";
    let job = Job::new(&[("a.csv", rows)]);
    let config = |sum: &str| {
        format!(
            r#"{{"aggregationConfigs": [{{"columnName": "total", "aggregationFunction": "{sum}"}},
                {{"columnName": "sales", "aggregationFunction": "COUNT(*)"}}]}}, "tableIndexConfig": {{"noDictionaryColumns": ["total", "sales"]}}"#
        )
    };
    let summary = ingest_into(&job, SALES, &config("SUM(amount)")).unwrap();
    let counts = summary.inputs[0].counts;
    assert_eq!((counts.read, counts.written, counts.merged, counts.quarantined), (5, 2, 2, 1));
    assert_eq!(job.ask("SELECT city, total, sales FROM t ORDER BY city"), ["Oslo 4.5 3", "Rome 2.0 1"]);
    assert_eq!(job.ask_bad("SELECT row_number, \"column\", rule FROM bad"), ["3 total wrong-type"]);
    let error = ingest_into(&job, SALES, &config("PERCENTILEEST(amount)")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.advice().contains("GROUP BY"), "{error}");
}

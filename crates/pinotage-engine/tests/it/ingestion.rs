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
    let table = format!(r#"{{"tableName": "t", "tableType": "OFFLINE", "ingestionConfig": {ingestion}}}"#);
    fs::write(job.path().join("schema.json"), SCHEMA).unwrap();
    fs::write(job.path().join("table.json"), table).unwrap();
    let yaml = "name: j\nsource: {kind: files, paths: [in]}\nsink: {kind: pinot, table: t, output: out, schema: schema.json, \
                tableConfig: table.json}\nquarantine: bad\nlimits: {errors: 1}\n";
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

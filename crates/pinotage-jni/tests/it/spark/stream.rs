//! Structured streaming: each micro-batch once, whatever its query knows of it.

use std::fs;

use pinotage_testkit::cluster::{Cluster, eventually};
use serde_json::json;

use super::lines::Line;
use super::table::Table;
use super::{failed, ok, on_each_line};

fn options(table: &Table, rows: u64, further: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    let mut options = table.options(rows, further);
    options.push(("input", table.folder("stream").join("input").display().to_string()));
    options.push(("checkpoint", table.folder("stream").join("checkpoint").display().to_string()));
    options
}

/// Forgets that a batch has ended, as a driver that died right behind it does.
fn forget(table: &Table, batch: u64) {
    let commits = table.folder("stream").join("checkpoint/commits");
    for name in [format!("{batch}"), format!(".{batch}.crc")] {
        let _ = fs::remove_file(commits.join(name));
    }
}

on_each_line!(
    /// Four batches; the last one is made again, with other segments of the same rows, and left out.
    batches_are_there_once,
    |line| {
        let Some(table) = Table::create("spark_stream", line) else { return };
        let further = [("files", "4"), ("tasks", "2"), ("o:sink.segment.maxRows", "1500")];
        ok(line, "stream", &options(&table, 12_000, &further));
        table.is_exact(12_000);
        table.has_no_staging();
        forget(&table, 3);
        ok(line, "stream", &options(&table, 12_000, &[("files", "4"), ("tasks", "1")]));
        table.is_exact(12_000);
        table.has_no_staging();
    }
);

/// A query that is killed while a batch is published makes it anew.
#[test]
fn a_batch_that_was_begun_is_made_anew() {
    let line = Line::V4;
    let Some(table) = Table::create("spark_stream_killed", line) else { return };
    let further = [("files", "2"), ("tasks", "2"), ("o:sink.segment.maxRows", "500"), ("o:sink.push.parallelism", "1")];
    let Some(mut jvm) = line.start(&[]) else { return };
    jvm.begin("stream", &options(&table, 20_000, &further));
    super::kills::wait_until("a replacement", || table.is_being_published());
    jvm.kill();
    // Other tasks: its segments have other rows.
    ok(line, "stream", &options(&table, 20_000, &[("files", "2"), ("tasks", "3"), ("o:sink.segment.maxRows", "2500")]));
    table.is_exact(20_000);
    assert!(!table.is_being_published());
}

/// Rows of a batch that somebody has written again, beside others that were overwritten, are still that batch's.
#[test]
fn batches_that_were_written_again_are_known() {
    let line = Line::V4;
    let Some(table) = Table::create("spark_stream_again", line) else { return };
    ok(line, "stream", &options(&table, 8_000, &[("files", "2"), ("tasks", "1")]));
    table.is_exact(8_000);
    let range = "at~>=~timestamp_millis(1700000001000)~AND~at~<~timestamp_millis(1700000005000)";
    let rewriting = [
        ("mode", "where"),
        ("where", range),
        ("from", "1000"),
        ("tasks", "1"),
        ("o:overwrite.rewriteStraddling", "true"),
    ];
    ok(line, "write", &table.options(4_000, &rewriting));
    table.is_exact(8_000);
    assert_eq!(table.segments(), [1_000, 3_000, 4_000]);
    forget(&table, 1);
    ok(line, "stream", &options(&table, 8_000, &[("files", "2"), ("tasks", "1")]));
    table.is_exact(8_000);
}

/// A checkpoint that was set back would bring rows in again.
#[test]
fn a_checkpoint_that_was_set_back_is_refused() {
    let line = Line::V4;
    let Some(table) = Table::create("spark_stream_back", line) else { return };
    ok(line, "stream", &options(&table, 9_000, &[("files", "3"), ("tasks", "1")]));
    for batch in [1, 2] {
        forget(&table, batch);
        let _ = fs::remove_file(table.folder("stream").join(format!("checkpoint/offsets/{}", batch + 1)));
    }
    let error = failed(line, "stream", &options(&table, 9_000, &[("files", "3"), ("tasks", "1")])).unwrap();
    assert!(error.contains("commit-conflict"), "{error}");
    table.is_exact(9_000);
    // Another query of the same name would double rows as well.
    let other = table.folder("other").display().to_string();
    let mut again = options(&table, 9_000, &[("files", "3"), ("tasks", "1")]);
    again.retain(|(name, _)| *name != "checkpoint");
    again.push(("checkpoint", other));
    let error = failed(line, "stream", &again).unwrap();
    assert!(error.contains("commit-conflict"), "{error}");
    table.is_exact(9_000);
}

/// Rows beside a stream are exact by key, however often a batch comes.
#[test]
fn batches_go_beside_a_stream() {
    let line = Line::V4;
    let (Some(_), Some(cluster)) = (line.class_path(), Cluster::shared()) else { return };
    let name = "spark_stream_upsert";
    let topic = cluster.create_topic(name, 3);
    let schema = json!({
        "schemaName": name,
        "dimensionFieldSpecs": [{"name": "key", "dataType": "STRING"}, {"name": "id", "dataType": "LONG"}],
        "dateTimeFieldSpecs": [
            {"name": "at", "dataType": "TIMESTAMP", "format": "1:MILLISECONDS:TIMESTAMP", "granularity": "1:MILLISECONDS"}],
        "primaryKeyColumns": ["key"],
    });
    let config = json!({
        "tableName": format!("{name}_REALTIME"), "tableType": "REALTIME", "tenants": {}, "metadata": {},
        "segmentsConfig": {"timeColumnName": "at", "replication": "1", "replicasPerPartition": "1", "schemaName": name},
        "tableIndexConfig": {"loadMode": "MMAP", "streamConfigs": topic.stream_configs(1000)},
        "routing": {"instanceSelectorType": "strictReplicaGroup"},
        "upsertConfig": {"mode": "FULL"},
    });
    cluster.create_table(&schema, &config);
    let folder = tempfile::tempdir().unwrap();
    let path = |part: &str| folder.path().join(part).display().to_string();
    let columns =
        "key;CASE~WHEN~id%1000=7~THEN~CAST(1e20~AS~DECIMAL(38,0))~ELSE~CAST(id~AS~DECIMAL(38,0))~END~AS~id;at";
    let quarantine = folder.path().join("quarantine");
    fs::create_dir(&quarantine).unwrap();
    let mut options: Vec<(&str, String)> = vec![
        ("o:controller", cluster.controller.clone()),
        ("o:table", name.to_owned()),
        ("o:tableType", "realtime".to_owned()),
        ("o:staging", path("staging")),
        ("rows", "6000".to_owned()),
        ("files", "2".to_owned()),
        ("columns", columns.to_owned()),
        ("o:quarantine", path("quarantine")),
        ("input", path("input")),
        ("checkpoint", path("checkpoint")),
    ];
    for tasks in ["2", "3"] {
        options.retain(|(name, _)| *name != "tasks");
        options.push(("tasks", tasks.to_owned()));
        ok(line, "stream", &options);
        let sql = format!("SELECT COUNT(*), DISTINCTCOUNT(key), MIN(id), MAX(id) FROM {name}");
        // Keys are numbers modulo 500: the last 500 rows.
        let wanted = json!([500, 500, 5500.0, 5999.0]);
        eventually("the last row of each key", || {
            let row = cluster.query(&sql)["resultTable"]["rows"][0].clone();
            if row == wanted { Ok(()) } else { Err(row.to_string()) }
        });
        // A file for each batch, however often it was made.
        let refused: Vec<usize> = super::write::quarantined(&quarantine).iter().map(Vec::len).collect();
        assert_eq!(refused, [3, 3]);
        for name in ["1", ".1.crc"] {
            let _ = fs::remove_file(folder.path().join("checkpoint/commits").join(name));
        }
    }
}

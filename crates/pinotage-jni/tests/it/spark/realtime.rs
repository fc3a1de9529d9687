//! Batches that go beside a table's stream.

use pinotage_spec::kafka_partition;
use pinotage_testkit::cluster::eventually;
use serde_json::{Value as Json, json};

use super::lines::Line;
use super::table::Table;
use super::{failed, ok, on_each_line};

/// A REALTIME table of a stream of three partitions.
fn realtime(name: &str, line: Line, upserts: Option<Json>) -> Option<(Table, pinotage_testkit::cluster::Topic)> {
    let table = Table::unmade(name, line)?;
    let topic = table.cluster.create_topic(&table.name, 3);
    let mut schema = json!({
        "schemaName": table.name,
        "dimensionFieldSpecs": [
            {"name": "key", "dataType": "STRING"},
            {"name": "id", "dataType": "LONG"},
            {"name": "gone", "dataType": "BOOLEAN"}],
        "dateTimeFieldSpecs": [
            {"name": "at", "dataType": "TIMESTAMP", "format": "1:MILLISECONDS:TIMESTAMP", "granularity": "1:MILLISECONDS"}],
    });
    let mut config = json!({
        "tableName": format!("{}_REALTIME", table.name), "tableType": "REALTIME", "tenants": {}, "metadata": {},
        "segmentsConfig": {"timeColumnName": "at", "replication": "1", "replicasPerPartition": "1", "schemaName": table.name},
        "tableIndexConfig": {"loadMode": "MMAP", "streamConfigs": topic.stream_configs(1000)},
        "routing": {"instanceSelectorType": "strictReplicaGroup"},
    });
    if let Some(upserts) = upserts {
        schema["primaryKeyColumns"] = json!(["key"]);
        config["upsertConfig"] = upserts;
    }
    table.cluster.create_table(&schema, &config);
    Some((table, topic))
}

fn options(table: &Table, rows: u64, columns: &str, further: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    let own = [("o:tableType", "realtime"), ("columns", columns), ("tasks", "4")];
    table.options(rows, &[&own[..], further].concat())
}

fn is(table: &Table, sql: &str, wanted: &Json) {
    eventually(sql, || match &table.cluster.query(sql)["resultTable"]["rows"] {
        rows if rows == wanted => Ok(()),
        rows => Err(rows.to_string()),
    });
}

on_each_line!(
    /// Old rows of keys that the stream has lose, newer ones win, and rows that delete do; each key is in the partition that the
    /// stream has it in, or there would be two rows of it.
    keys_are_filled_in_and_deleted,
    |line| {
        let Some((table, topic)) = realtime("spark_backfill", line, Some(json!({"mode": "FULL", "deleteRecordColumn": "gone"}))) else { return };
        let name = &table.name;
        // The stream has the keys k0 to k99, at a time between those of the rows 250 and 251.
        for key in 0..100 {
            let text = format!("k{key}");
            let row = json!({"key": text, "id": -1, "gone": false, "at": 1_700_000_000_250_i64});
            topic.publish(kafka_partition(text.as_bytes(), 3), [row]);
        }
        table.cluster.await_count(name, 100);
        // Rows 0 to 499, one of each key.
        ok(line, "write", &options(&table, 500, "key;id;false~AS~gone;at", &[]));
        let all = format!("SELECT COUNT(*), DISTINCTCOUNT(key) FROM {name}");
        is(&table, &all, &json!([[500, 500]]));
        is(&table, &format!("SELECT COUNT(*) FROM {name} WHERE id = -1"), &json!([[100]]));
        // Rows 500 to 999: all of the keys again, later than the stream.
        ok(line, "write", &options(&table, 500, "key;id;false~AS~gone;at", &[("from", "500")]));
        is(&table, &format!("SELECT COUNT(*) FROM {name} WHERE id >= 500"), &json!([[500]]));
        is(&table, &all, &json!([[500, 500]]));
        // Of k0 to k49 rows that delete.
        ok(line, "write", &options(&table, 50, "key;id;true~AS~gone;at", &[("from", "1000")]));
        is(&table, &all, &json!([[450, 450]]));
        is(&table, &format!("SELECT COUNT(*) FROM {name} WHERE key IN ('k0', 'k49')"), &json!([[0]]));
        table.has_no_staging();
        let error = failed(line, "write", &options(&table, 1, "key;id;true~AS~gone;at", &[("mode", "overwrite")])).unwrap();
        assert!(error.contains("unsupported") && error.contains("append the rows"), "{error}");
    }
);

/// Without keys a row may be there twice: that is said before a task starts, and has to be accepted.
#[test]
fn without_keys_it_has_to_be_accepted() {
    let line = Line::V4;
    let Some((table, topic)) = realtime("spark_keyless", line, None) else { return };
    let row = json!({"key": "live", "id": -1, "gone": false, "at": 1_700_000_000_000_i64});
    topic.publish(kafka_partition(b"live", 3), [row]);
    table.cluster.await_count(&table.name, 1);
    let starts = [("failAt", "0"), ("failures", "9")];
    let error = failed(line, "write", &options(&table, 700, "key;id;false~AS~gone;at", &starts)).unwrap();
    assert!(
        error.contains("no primary key") && error.contains("`upsert.streamKey`") && !error.contains("fails here"),
        "{error}"
    );
    let key = [("o:sink.upsert.streamKey.columns", r#"["key"]"#), ("o:sink.upsert.streamKey.partitions", "3")];
    let further = [&key[..], &starts].concat();
    let error = failed(line, "write", &options(&table, 700, "key;id;false~AS~gone;at", &further)).unwrap();
    assert!(error.contains("unsupported") && error.contains("no primary key"), "{error}");
    assert!(error.contains("`delivery` = `atLeastOnce`") && !error.contains("fails here"), "{error}");
    let accepted = [&key[..], &[("o:delivery", "atLeastOnce")]].concat();
    ok(line, "write", &options(&table, 700, "key;id;false~AS~gone;at", &accepted));
    let sql = format!("SELECT COUNT(*), DISTINCTCOUNT(id) FROM {}", table.name);
    is(&table, &sql, &json!([[701, 701]]));
}

/// Rows of keys that servers may have forgotten end the job, and others come.
#[test]
fn rows_outside_the_time_to_live_are_refused() {
    let (line, upserts) = (Line::V4, json!({"mode": "FULL", "metadataTTL": 1000, "snapshot": "ENABLE"}));
    let Some((table, topic)) = realtime("spark_ttl", line, Some(upserts)) else { return };
    let row = json!({"key": "live", "id": -1, "gone": false, "at": 1_700_000_005_000_i64});
    topic.publish(kafka_partition(b"live", 3), [row]);
    table.cluster.await_count(&table.name, 1);
    let columns = "key;id;false~AS~gone;at";
    let error = failed(line, "write", &options(&table, 50, columns, &[("from", "4090")])).unwrap();
    assert!(error.contains("metadataTTL") && error.contains("behind the greatest"), "{error}");
    ok(line, "write", &options(&table, 50, columns, &[("from", "4100")]));
    is(&table, &format!("SELECT COUNT(*), MIN(id) FROM {} WHERE id > 0", table.name), &json!([[50, 4100.0]]));
}

//! Rows from Java into a real cluster.

use std::fs;

use pinotage_spec::kafka_partition;
use pinotage_testkit::cluster::{Cluster, eventually};
use serde_json::json;

use crate::java::check;

#[test]
fn rows_are_written_and_committed_once() {
    let Some(cluster) = Cluster::shared() else { return };
    let schema = json!({
        "schemaName": "fromjava",
        "dimensionFieldSpecs": [{"name": "id", "dataType": "LONG"}, {"name": "city", "dataType": "STRING"}],
        "metricFieldSpecs": [{"name": "price", "dataType": "DOUBLE"}],
    });
    let table = json!({
        "tableName": "fromjava_OFFLINE", "tableType": "OFFLINE",
        "segmentsConfig": {"replication": "1", "schemaName": "fromjava"},
        "tenants": {},
        "tableIndexConfig": {
            "nullHandlingEnabled": true,
            "segmentPartitionConfig": {"columnPartitionMap": {"city": {"functionName": "Murmur", "numPartitions": 3}}},
        },
        "metadata": {},
    });
    cluster.create_table(&schema, &table);
    let folder = tempfile::tempdir().unwrap();
    let options = json!({
        "name": "java",
        "sink": {
            "kind": "pinot", "table": "fromjava", "controller": cluster.controller, "segment": {"maxRows": 700},
        },
        "staging": folder.path().join("staging"),
    });
    let file = folder.path().join("options");
    fs::write(&file, options.to_string()).unwrap();
    if !check(&[], &["write", file.to_str().unwrap(), "3000"]) {
        return;
    }
    let rows = |sql: &str| cluster.query(sql)["resultTable"]["rows"].take();
    cluster.await_count("fromjava", 3000 * 3 + 1);
    assert_eq!(rows("SELECT DISTINCTCOUNT(id) FROM fromjava"), json!([[3000 * 3 + 1]]));
    // 0, 7, 14, … of each 3000 have no city.
    let nulls = rows("SET enableNullHandling=true; SELECT COUNT(*) FROM fromjava WHERE city IS NULL");
    assert_eq!(nulls, json!([[1 + 3 * 429]]));
    let left: Vec<_> = fs::read_dir(folder.path().join("staging")).unwrap().collect();
    assert!(left.len() <= 1, "{left:?}");
}

/// Rows from Java beside those of a stream: of each key the latest counts, wherever it came from.
#[test]
fn rows_go_beside_a_stream() {
    const TIME: i64 = 1_700_000_000_000;
    let Some(cluster) = Cluster::shared() else { return };
    let topic = cluster.create_topic("javaupsert", 4);
    let schema = json!({
        "schemaName": "javaupsert",
        "dimensionFieldSpecs": [{"name": "k", "dataType": "STRING"}, {"name": "v", "dataType": "STRING"}],
        "dateTimeFieldSpecs": [
            {"name": "t", "dataType": "LONG", "format": "1:MILLISECONDS:EPOCH", "granularity": "1:MILLISECONDS"},
        ],
        "primaryKeyColumns": ["k"],
    });
    let table = json!({
        "tableName": "javaupsert_REALTIME", "tableType": "REALTIME", "tenants": {}, "metadata": {},
        "segmentsConfig": {"timeColumnName": "t", "replication": "1", "replicasPerPartition": "1", "schemaName": "javaupsert"},
        "tableIndexConfig": {"loadMode": "MMAP", "streamConfigs": topic.stream_configs(1000)},
        "routing": {"instanceSelectorType": "strictReplicaGroup"},
        "upsertConfig": {"mode": "FULL"},
    });
    cluster.create_table(&schema, &table);
    // The stream has half of the keys.
    for key in 0..50 {
        let text = format!("key {key}");
        topic.publish(kafka_partition(text.as_bytes(), 4), [json!({"k": text, "v": "live", "t": TIME})]);
    }
    cluster.await_count("javaupsert", 50);
    let folder = tempfile::tempdir().unwrap();
    let options = json!({
        "name": "java",
        "sink": {
            "kind": "pinot", "table": "javaupsert", "tableType": "REALTIME", "controller": cluster.controller,
        },
        "staging": folder.path().join("staging"),
    });
    let file = folder.path().join("options");
    fs::write(&file, options.to_string()).unwrap();
    if !check(&[], &["upsert", file.to_str().unwrap(), "100", "3", &TIME.to_string()]) {
        return;
    }
    let expected = json!([["live", 25], ["second", 75]]);
    eventually("the latest of each key", || {
        let answer = cluster.query("SELECT v, COUNT(*) FROM javaupsert GROUP BY v ORDER BY v");
        match &answer["resultTable"]["rows"] {
            rows if *rows == expected => Ok(()),
            rows => Err(rows.to_string()),
        }
    });
}

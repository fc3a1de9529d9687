//! Rows from Java into a real cluster.

use std::fs;

use pinotage_spec::kafka_partition;
use pinotage_testkit::cluster::{Cluster, eventually};
use pinotage_testkit::servers::Server;
use serde_json::{Value as Json, json};

use crate::java::check;

#[test]
fn rows_are_written_and_committed_once() {
    let folder = tempfile::tempdir().unwrap();
    let staging = folder.path().join("staging");
    write_and_commit("fromjava", json!({"staging": staging}));
    for run in fs::read_dir(staging).into_iter().flatten() {
        let files = fs::read_dir(run.unwrap().path()).unwrap().map(|file| file.unwrap().path());
        let kept: Vec<_> = files.filter(|file| file.is_file()).collect();
        assert!(kept.is_empty(), "kept rows that nobody needs: {kept:?}");
    }
}

/// Another host goes on with what is in the bucket.
#[test]
fn rows_are_staged_in_an_object_store() {
    let Some(server) = Server::s3() else { return };
    server.make_s3_bucket("work");
    let s3 = json!({"endpoint": server.url, "region": "us-east-1", "accessKey": "key", "secretKey": "open-sesame"});
    write_and_commit("frombucket", json!({"staging": "s3://work/staging", "store": {"s3": s3}}));
    // What a task has built behind its last epoch is nobody's, and stays for a while; kept rows are not needed any more.
    let keys = server.s3_keys("work");
    assert!(keys.iter().all(|key| key.ends_with(".tar.gz")), "{keys:?}");
}

fn write_and_commit(name: &str, staging: Json) {
    let Some(cluster) = Cluster::shared() else { return };
    let schema = json!({
        "schemaName": name,
        "dimensionFieldSpecs": [{"name": "id", "dataType": "LONG"}, {"name": "city", "dataType": "STRING"}],
        "metricFieldSpecs": [{"name": "price", "dataType": "DOUBLE"}],
    });
    let table = json!({
        "tableName": format!("{name}_OFFLINE"), "tableType": "OFFLINE",
        "segmentsConfig": {"replication": "1", "schemaName": name},
        "tenants": {},
        "tableIndexConfig": {
            "nullHandlingEnabled": true,
            "segmentPartitionConfig": {"columnPartitionMap": {"city": {"functionName": "Murmur", "numPartitions": 3}}},
        },
        "metadata": {},
    });
    cluster.create_table(&schema, &table);
    let folder = tempfile::tempdir().unwrap();
    let mut options = json!({
        "name": "java",
        "sink": {"kind": "pinot", "table": name, "controller": cluster.controller, "segment": {"maxRows": 700}},
        "limits": {"errors": 1},
    });
    options.as_object_mut().unwrap().extend(staging.as_object().unwrap().clone());
    let file = folder.path().join("options");
    fs::write(&file, options.to_string()).unwrap();
    if !check(&[], &["write", file.to_str().unwrap(), "3000"]) {
        return;
    }
    let rows = |sql: &str| cluster.query(sql)["resultTable"]["rows"].take();
    cluster.await_count(name, 3000 * 3 + 1);
    assert_eq!(rows(&format!("SELECT DISTINCTCOUNT(id) FROM {name}")), json!([[3000 * 3 + 1]]));
    // 0, 7, 14, … of each 3000 have no city.
    let nulls = rows(&format!("SET enableNullHandling=true; SELECT COUNT(*) FROM {name} WHERE city IS NULL"));
    assert_eq!(nulls, json!([[1 + 3 * 429]]));
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

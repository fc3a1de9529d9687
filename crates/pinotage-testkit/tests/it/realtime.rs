//! REALTIME tables, which consume a stream.

use pinotage_testkit::cluster::{Cluster, Options, Tls, Topic, Version, eventually};
use serde_json::{Value as Json, json};

/// Creates a table of keys and values; the last row of a key counts with `upsert`.
pub(crate) fn create(cluster: &Cluster, table: &str, topic: &Topic, upsert: bool) {
    let schema = json!({
        "schemaName": table,
        "dimensionFieldSpecs": [
            {"name": "key", "dataType": "STRING"},
            {"name": "tags", "dataType": "STRING", "singleValueField": false},
        ],
        "metricFieldSpecs": [{"name": "value", "dataType": "LONG"}],
        "dateTimeFieldSpecs": [
            {"name": "at", "dataType": "LONG", "format": "1:MILLISECONDS:EPOCH", "granularity": "1:MILLISECONDS"},
        ],
        "primaryKeyColumns": ["key"],
    });
    let mut config = json!({
        "tableName": table,
        "tableType": "REALTIME",
        "segmentsConfig": {
            "schemaName": table, "timeColumnName": "at", "replication": "1", "replicasPerPartition": "1",
        },
        "tenants": {},
        "tableIndexConfig": {"loadMode": "MMAP", "streamConfigs": topic.stream_configs(10)},
        "metadata": {},
    });
    if upsert {
        config["routing"] = json!({"instanceSelectorType": "strictReplicaGroup"});
        config["upsertConfig"] = json!({"mode": "FULL"});
    }
    cluster.create_table(&schema, &config);
}

pub(crate) fn row(key: u64, value: u64) -> Json {
    json!({"key": format!("k{key}"), "tags": ["a", "b"], "value": value, "at": 1_700_000_000_000_u64 + value})
}

fn sum(cluster: &Cluster, table: &str) -> Json {
    cluster.query(&format!("SELECT SUM(value), COUNTMV(tags) FROM {table}"))["resultTable"]["rows"][0].clone()
}

/// The names of committed segments in the deep store.
pub(crate) fn committed(cluster: &Cluster, table: &str) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(cluster.deep_store.join(table))
        .map(|entries| entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect())
        .unwrap_or_default();
    names.retain(|name| name.starts_with(&format!("{table}__")) && !name.contains(".tmp."));
    names.sort();
    names
}

fn consumes_commits_and_upserts(cluster: &Cluster) {
    let topic = cluster.create_topic("plain", 2);
    create(cluster, "plain", &topic, false);
    topic.publish(0, (0..25).map(|n| row(n, n)));
    topic.publish(1, (25..28).map(|n| row(n, n)));
    cluster.await_count("plain", 28);
    topic.publish(1, (28..30).map(|n| row(n, n)));
    cluster.await_count("plain", 30);
    // 25 rows of a partition in segments of 10: two are full, one consumes.
    eventually("two segments in the deep store", || {
        let names = committed(cluster, "plain");
        if names.len() == 2 { Ok(()) } else { Err(format!("{names:?}")) }
    });
    assert!(committed(cluster, "plain")[1].starts_with("plain__0__1__"));
    assert_eq!(sum(cluster, "plain"), json!([435.0, 60]));

    let topic = cluster.create_topic("latest", 1);
    create(cluster, "latest", &topic, true);
    topic.publish(0, (0..15).map(|n| row(n % 5, n)));
    cluster.await_count("latest", 5);
    eventually("the last row of each key", || {
        let sum = sum(cluster, "latest");
        if sum[0].as_f64() == Some(60.0) { Ok(()) } else { Err(sum.to_string()) }
    });
    topic.publish(0, [row(0, 100)]);
    eventually("the row that replaces one in a committed segment", || {
        let sum = sum(cluster, "latest");
        if sum[0].as_f64() == Some(150.0) { Ok(()) } else { Err(sum.to_string()) }
    });
}

#[test]
fn rows_of_a_stream_are_counted_committed_and_upserted() {
    let Some(cluster) = Cluster::shared() else { return };
    consumes_commits_and_upserts(cluster);
}

#[test]
fn the_oldest_pinot_consumes_commits_and_upserts_too() {
    let Some(cluster) = Cluster::start(&Options { version: Version::V0_11, ..Options::default() }) else { return };
    consumes_commits_and_upserts(&cluster);
}

#[test]
fn segments_are_committed_with_users_and_certificates() {
    let Some(cluster) = Cluster::start(&Options { auth: true, tls: Tls::Mutual, ..Options::default() }) else { return };
    let topic = cluster.create_topic("plain", 1);
    create(&cluster, "plain", &topic, false);
    topic.publish(0, (0..15).map(|n| row(n, n)));
    cluster.await_count("plain", 15);
    eventually("a segment in the deep store", || {
        let names = committed(&cluster, "plain");
        if names.len() == 1 { Ok(()) } else { Err(format!("{names:?}")) }
    });
}

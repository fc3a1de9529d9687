//! A table with a stream is filled by jobs of any parallelism while the stream goes on.

use std::collections::BTreeMap;

use pinotage_spec::kafka_partition;
use pinotage_testkit::cluster::{Cluster, Topic, eventually};
use pinotage_testkit::is_full;
use serde_json::json;

use super::lines::Line;
use super::ok;

const PARTITIONS: u32 = 8;
const KEYS: u64 = 1_200;
const ROWS: u64 = 4_000;
const BEGIN: u64 = 1_700_000_000_000;

/// The time of a row is not in the order of the rows.
fn time(id: u64) -> u64 {
    BEGIN + id * 7_919 % 10_007
}

/// The latest of each key, as `(time, value)`.
type Latest = BTreeMap<String, (u64, String)>;

/// Keys get a live row; what is later than the one before counts, and of two of one time the live one.
fn live(topic: &Topic, latest: &mut Latest, ids: std::ops::Range<u64>, value: &str) {
    for id in ids {
        let (key, time) = (format!("k{}", id % KEYS), time(id * 3));
        let row = json!({"k": key, "v": value, "t": time});
        topic.publish(kafka_partition(key.as_bytes(), PARTITIONS), [row]);
        let known = latest.get(&key).map_or(0, |(time, _)| *time);
        if time >= known {
            latest.insert(key, (time, value.to_owned()));
        }
    }
}

fn fill(line: Line, parallelism: u32) {
    let (Some(_), Some(cluster)) = (line.class_path(), Cluster::shared()) else { return };
    let name = format!("flink_fill_{line:?}_{parallelism}").to_lowercase();
    let topic = cluster.create_topic(&name, PARTITIONS);
    let schema = json!({"schemaName": name, "primaryKeyColumns": ["k"],
        "dimensionFieldSpecs": [{"name": "k", "dataType": "STRING"}, {"name": "v", "dataType": "STRING"}],
        "dateTimeFieldSpecs": [{"name": "t", "dataType": "LONG", "format": "1:MILLISECONDS:EPOCH", "granularity": "1:MILLISECONDS"}]});
    let config = json!({
        "tableName": format!("{name}_REALTIME"), "tableType": "REALTIME", "tenants": {}, "metadata": {},
        "segmentsConfig": {"timeColumnName": "t", "replication": "1", "replicasPerPartition": "1", "schemaName": name},
        "tableIndexConfig": {"loadMode": "MMAP", "streamConfigs": topic.stream_configs(1000)},
        "routing": {"instanceSelectorType": "strictReplicaGroup"},
        "upsertConfig": {"mode": "FULL"}});
    cluster.create_table(&schema, &config);
    let mut latest = Latest::new();
    for id in 0..ROWS {
        let (key, row) = (format!("k{}", id % KEYS), (time(id), format!("filled {id}")));
        if latest.get(&key).is_none_or(|known| *known < row) {
            latest.insert(key, row);
        }
    }
    // Half of the keys before it, some of them and others behind it.
    live(&topic, &mut latest, 0..600, "before");
    cluster.await_count(&name, 600);
    let folder = tempfile::tempdir().unwrap();
    let path = |file: &str| folder.path().join(file).display().to_string();
    let script = format!(
        "CREATE TEMPORARY TABLE numbers (id BIGINT) WITH ('connector' = 'datagen', 'fields.id.kind' = 'sequence',
            'fields.id.start' = '0', 'fields.id.end' = '{}', 'rows-per-second' = '1500');
        CREATE TEMPORARY TABLE {name} (k STRING, v STRING, t BIGINT, PRIMARY KEY (k) NOT ENFORCED)
            WITH ('connector' = 'pinotage', 'controller' = '{}', 'staging' = '{}', 'table-type' = 'REALTIME',
                'sink.segment.max-rows' = '120', 'sink.publish.interval' = '1 s', 'limits.memory' = '256MiB');
        INSERT INTO {name} SELECT 'k' || CAST(MOD(id, {KEYS}) AS STRING), 'filled ' || CAST(id AS STRING),
            {BEGIN} + MOD(id * 7919, 10007) FROM numbers;",
        ROWS - 1,
        cluster.controller,
        path("staging"),
    );
    std::fs::write(path("script.sql"), script).unwrap();
    let checkpoints = format!("file://{}", path("checkpoints"));
    let options = [
        ("script", path("script.sql")),
        ("checkpointMillis", "500".to_owned()),
        ("checkpoints", checkpoints),
        ("parallelism", parallelism.to_string()),
    ];
    ok(line, "sql", &options);
    live(&topic, &mut latest, 500..900, "behind");
    let sql = format!("SELECT k, v, t FROM {name} LIMIT 10000");
    eventually("the latest row of each key", || {
        let answer = cluster.query(&sql);
        let rows = answer["resultTable"]["rows"].as_array().cloned().unwrap_or_default();
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let found: Latest = rows.iter().map(|row| (text(&row[0]), (row[2].as_u64().unwrap(), text(&row[1])))).collect();
        let wrong = latest.iter().find(|(key, row)| found.get(*key) != Some(*row));
        match wrong {
            None if rows.len() == latest.len() => Ok(()),
            _ => Err(format!("{} rows, {} keys, {wrong:?}", rows.len(), found.len())),
        }
    });
}

/// With fewer writers than partitions, and with as many.
#[test]
fn tables_with_a_stream_are_filled_at_any_parallelism() {
    let all: &[(Line, u32)] =
        &[(Line::V1_20, 3), (Line::V2, 8), (Line::V1_20, 1), (Line::V1_20, 8), (Line::V2, 1), (Line::V2, 3)];
    let taken = if is_full() { all } else { &all[..3] };
    taken.iter().for_each(|(line, parallelism)| fill(*line, *parallelism));
}

/// Rows of keys that servers may have forgotten go to the folder of the job for bad rows, and others come.
#[test]
fn rows_outside_the_time_to_live_are_refused() {
    let line = Line::V2;
    let (Some(_), Some(cluster)) = (line.class_path(), Cluster::shared()) else { return };
    let name = "flink_ttl";
    let topic = cluster.create_topic(name, PARTITIONS);
    let schema = json!({"schemaName": name, "primaryKeyColumns": ["k"],
        "dimensionFieldSpecs": [{"name": "k", "dataType": "STRING"}],
        "dateTimeFieldSpecs": [{"name": "t", "dataType": "LONG", "format": "1:MILLISECONDS:EPOCH", "granularity": "1:MILLISECONDS"}]});
    let config = json!({
        "tableName": format!("{name}_REALTIME"), "tableType": "REALTIME", "tenants": {}, "metadata": {},
        "segmentsConfig": {"timeColumnName": "t", "replication": "1", "replicasPerPartition": "1", "schemaName": name},
        "tableIndexConfig": {"loadMode": "MMAP", "streamConfigs": topic.stream_configs(1000)},
        "routing": {"instanceSelectorType": "strictReplicaGroup"},
        "upsertConfig": {"mode": "FULL", "metadataTTL": 1000, "snapshot": "ENABLE"}});
    cluster.create_table(&schema, &config);
    topic.publish(kafka_partition(b"live", PARTITIONS), [json!({"k": "live", "t": BEGIN + 5000})]);
    cluster.await_count(name, 1);
    let folder = tempfile::tempdir().unwrap();
    let path = |file: &str| folder.path().join(file).display().to_string();
    // A fifth of the time to live before its end, 200 rows are too late.
    let script = format!(
        "CREATE TEMPORARY TABLE numbers (id BIGINT) WITH ('connector' = 'datagen', 'fields.id.kind' = 'sequence',
            'fields.id.start' = '4000', 'fields.id.end' = '4299', 'rows-per-second' = '1000');
        CREATE TEMPORARY TABLE {name} (k STRING, t BIGINT, PRIMARY KEY (k) NOT ENFORCED)
            WITH ('connector' = 'pinotage', 'controller' = '{}', 'staging' = '{}', 'table-type' = 'REALTIME',
                'sink.upsert.ttl-margin' = '20', 'sink.quarantine' = 'file://{}', 'limits.errors' = '200');
        INSERT INTO {name} SELECT 'k' || CAST(id AS STRING), {BEGIN} + id FROM numbers;",
        cluster.controller,
        path("staging"),
        path("quarantine"),
    );
    std::fs::write(path("script.sql"), script).unwrap();
    let checkpoints = format!("file://{}", path("checkpoints"));
    let options =
        [("script", path("script.sql")), ("checkpointMillis", "500".to_owned()), ("checkpoints", checkpoints)];
    ok(line, "sql", &options);
    cluster.await_count(name, 101);
    let mut bad = 0;
    let mut folders = vec![folder.path().join("quarantine")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            match entry.file_type().unwrap().is_dir() {
                true => folders.push(entry.path()),
                false => {
                    let text = std::fs::read_to_string(entry.path()).unwrap();
                    bad += text
                        .lines()
                        .filter(|line| line.contains("outside-ttl") && line.contains("metadataTTL"))
                        .count();
                }
            }
        }
    }
    assert_eq!(bad, 200);
}

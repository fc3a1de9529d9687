//! SQL over tables that consume a stream: the answers are those of the rows that count.

use std::fs;
use std::path::Path;

use pinotage_testkit::cluster::{Cluster, Topic};
use serde_json::{Value as Json, json};

use crate::cluster_sql::{ask, push_rows};

const HOUR: u64 = 3_600_000;
const START: u64 = 19_723 * 24 * HOUR;

/// Questions, and what of them servers do.
const QUESTIONS: [(&str, &str); 9] = [
    ("SELECT COUNT(*) FROM t", "PinotAggregateExec"),
    ("SELECT COUNT(*), SUM(v), MIN(v), MAX(v), MIN(id), MAX(id), MAX(at) FROM t", "PinotAggregateExec"),
    ("SELECT city, COUNT(*), SUM(v), MIN(at) FROM t GROUP BY city", "PinotAggregateExec"),
    ("SELECT city, v, MAX(id) FROM t WHERE v < 7 AND city <> 'c3' GROUP BY city, v", "PinotAggregateExec"),
    ("SELECT COUNT(*), SUM(id) FROM t WHERE v > 100", "PinotAggregateExec"),
    ("SELECT id, city FROM t ORDER BY v DESC, id LIMIT 7", "each answer: order=["),
    ("SELECT id FROM t WHERE v < 7 ORDER BY at DESC, id LIMIT 5 OFFSET 3", "each answer: order=["),
    // Nobody knows how many rows will have come.
    ("SELECT AVG(v) FROM t", "PinotScanExec"),
    ("SELECT MIN(city), MAX(city) FROM t", "PinotScanExec"),
];

fn schema(name: &str, more: &Json) -> Json {
    let mut schema = json!({
        "schemaName": name,
        "dimensionFieldSpecs": [
            {"name": "id", "dataType": "LONG"}, {"name": "city", "dataType": "STRING"}, {"name": "v", "dataType": "INT"},
        ],
        "dateTimeFieldSpecs": [
            {"name": "at", "dataType": "LONG", "format": "1:MILLISECONDS:EPOCH", "granularity": "1:MILLISECONDS"},
        ],
    });
    schema.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    schema
}

fn config(name: &str, half: &str, topic: Option<&Topic>, more: &Json) -> Json {
    let mut config = json!({
        "tableName": name, "tableType": half, "tenants": {}, "metadata": {},
        "segmentsConfig": {
            "schemaName": name, "timeColumnName": "at", "replication": "1", "replicasPerPartition": "1",
            "segmentPushType": "APPEND", "segmentPushFrequency": "DAILY",
        },
        "tableIndexConfig": {"loadMode": "MMAP", "invertedIndexColumns": ["v"]},
    });
    if let Some(topic) = topic {
        config["tableIndexConfig"]["streamConfigs"] = topic.stream_configs(10);
    }
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    config
}

fn row(id: u64, version: u64, at: u64) -> Json {
    json!({"id": id, "city": format!("c{}", (id + version) % 5), "v": (id * 7 + version * 3) % 11, "at": at})
}

/// Every reader gives what DataFusion says of a file with the rows that count.
fn compare(cluster: &Cluster, name: &str, rows: &[Json], folder: &Path) {
    let file = folder.join("rows.json");
    fs::write(&file, rows.iter().map(|row| row.to_string() + "\n").collect::<String>()).unwrap();
    cluster.await_count(name, rows.len() as u64);
    for (sql, pushed) in QUESTIONS {
        let mut expected = crate::ask(sql, &[("t", file.clone())]);
        if !sql.contains(" ORDER BY ") {
            expected.sort();
        }
        for reader in ["server", "direct", "auto"] {
            assert_eq!(ask(cluster, name, reader, sql), expected, "{name}, {reader}: {sql}");
        }
        let plan = ask(cluster, name, "server", &format!("EXPLAIN {sql}")).join("\n");
        assert!(plan.contains(pushed), "{name}: {sql}\n{plan}");
    }
}

#[test]
fn answers_about_upsert_tables_are_of_the_rows_that_count() {
    let Some(cluster) = Cluster::shared() else { return };
    let (name, folder) = ("live_upsert", tempfile::tempdir().unwrap());
    let topic = cluster.create_topic(name, 2);
    let more = json!({"routing": {"instanceSelectorType": "strictReplicaGroup"}, "upsertConfig": {"mode": "FULL"}});
    let schema = schema(name, &json!({"primaryKeyColumns": ["id"]}));
    cluster.create_table(&schema, &config(name, "REALTIME", Some(&topic), &more));
    let publish = |rows: &[Json]| {
        for row in rows {
            topic.publish((row["id"].as_u64().unwrap() % 2) as u32, [row.clone()]);
        }
    };
    // More than the segments hold: some keys are replaced in committed segments, some by rows that are not.
    publish(&(0..50).map(|id| row(id, 0, START + id)).collect::<Vec<_>>());
    publish(&(0..17).map(|id| row(id, 1, START + 100 + id)).collect::<Vec<_>>());
    // Who has these has all before them.
    publish(&(1_000..1_002).map(|id| row(id, 0, START)).collect::<Vec<_>>());
    let newest = (0..17).map(|id| row(id, 1, START + 100 + id));
    let others = (17..50).map(|id| row(id, 0, START + id)).chain((1_000..1_002).map(|id| row(id, 0, START)));
    let rows: Vec<Json> = newest.chain(others).collect();
    compare(cluster, name, &rows, folder.path());
}

#[test]
fn answers_about_hybrid_tables_are_of_the_rows_that_count() {
    let Some(cluster) = Cluster::shared() else { return };
    let (name, folder) = ("live_hybrid", tempfile::tempdir().unwrap());
    let topic = cluster.create_topic(name, 2);
    let (schema, offline) = (schema(name, &json!({})), config(name, "OFFLINE", None, &json!({})));
    let day =
        |day: u64, first: u64| (0..8).map(move |at| row(first + day * 8 + at, 0, START + (day * 24 + at * 3) * HOUR));
    let pushed: Vec<Json> = (0..5).flat_map(|number| day(number, 0)).collect();
    push_rows(cluster, name, &schema, &offline, &pushed.iter().map(|row| row.to_string() + "\n").collect::<String>());
    cluster.await_count(name, pushed.len() as u64);
    cluster.create_table(&schema, &config(name, "REALTIME", Some(&topic), &json!({})));
    let published: Vec<Json> = (2..8).flat_map(|number| day(number, 1_000)).collect();
    published.iter().enumerate().for_each(|(at, row)| topic.publish((at % 2) as u32, [row.clone()]));
    // A day before the latest OFFLINE row.
    let meet = START + (3 * 24 + 21) * HOUR;
    let before = |row: &&Json| row["at"].as_u64().unwrap() <= meet;
    let rows = pushed.iter().filter(before).chain(published.iter().filter(|row| !before(row))).cloned();
    compare(cluster, name, &rows.collect::<Vec<_>>(), folder.path());
}

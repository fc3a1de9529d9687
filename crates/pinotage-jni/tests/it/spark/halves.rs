//! Tables with a stream: both halves, and keys that are updated.

use pinotage_testkit::cluster::{Cluster, eventually};
use serde_json::{Value as Json, json};

use super::lines::Line;
use super::ok;
use crate::tables::{broker_ids, build};
use pinotage_spec::{Schema, TableConfig};

const LINE: Line = Line::V4;
const DAY: i64 = 86_400_000;
const FIRST: i64 = 19_723 * DAY;

/// What the statements of a script give, in which `t` is a table.
fn answer(cluster: &Cluster, table: &str, options: &str, statements: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("script");
    let view = format!("VIEW t ('controller' = '{}', 'table' = '{table}'{options})", cluster.controller);
    std::fs::write(&script, format!("{view};\n{statements};")).unwrap();
    ok(LINE, "sql", &[("script", script.display().to_string())]).unwrap()
}

fn ids(answer: &str) -> Vec<i64> {
    let mut ids: Vec<i64> =
        answer.split_whitespace().map(|row| row.trim_matches(['[', ']']).parse().unwrap()).collect();
    ids.sort_unstable();
    ids
}

fn documents(name: &str, half: &str) -> (Json, Json) {
    let schema = json!({
        "schemaName": name,
        "dimensionFieldSpecs": [{"name": "id", "dataType": "LONG"}, {"name": "version", "dataType": "LONG"}],
        "dateTimeFieldSpecs": [
            {"name": "at", "dataType": "TIMESTAMP", "format": "1:MILLISECONDS:TIMESTAMP", "granularity": "1:DAYS"},
        ],
    });
    let config = json!({
        "tableName": name, "tableType": half, "tenants": {}, "metadata": {},
        "segmentsConfig": {
            "schemaName": name, "replication": "1", "replicasPerPartition": "1", "timeColumnName": "at",
            "segmentPushType": "APPEND", "segmentPushFrequency": "DAILY",
        },
        "tableIndexConfig": {"loadMode": "MMAP"},
    });
    (schema, config)
}

/// Where the halves meet the broker says, in a column that is a TIMESTAMP: each row once, with what is aggregated, and one half by
/// its type.
#[test]
fn both_halves_of_a_table_are_read_once() {
    let (Some(_), Some(cluster)) = (LINE.class_path(), Cluster::shared()) else { return };
    let name = "spark_halves";
    let (schema, offline) = documents(name, "OFFLINE");
    cluster.create_table(&schema, &offline);
    let topic = cluster.create_topic(name, 2);
    let (_, mut realtime) = documents(name, "REALTIME");
    realtime["tableIndexConfig"]["streamConfigs"] = topic.stream_configs(8);
    cluster.create_table(&schema, &realtime);
    let row = |id: i64, number: i64| json!({"id": id, "version": 0, "at": FIRST + number * DAY / 4});
    let parsed = (Schema::from_document(schema).unwrap(), TableConfig::from_document(offline).unwrap());
    for day in 0..3 {
        let folder = tempfile::tempdir().unwrap();
        let rows: Vec<Json> = (day * 4..day * 4 + 4).map(|number| row(number, number)).collect();
        let segment = build(&parsed.0, &parsed.1, &format!("{name}_{day}"), &rows, folder.path());
        cluster.upload(name, &segment);
    }
    for number in 4..20 {
        topic.publish((number % 2) as u32, [row(1000 + number, number)]);
    }
    cluster.await_count(&format!("{name}_REALTIME"), 16);
    let all = format!("SELECT id FROM {name} LIMIT 1000");
    // The boundary is a day before the latest row of OFFLINE, 11 quarters of a day behind the first one.
    let expected: Vec<i64> = (0..8).chain(1008..1020).collect();
    eventually("the broker sees both halves", || {
        let found = broker_ids(cluster, &all);
        if found == expected { Ok(()) } else { Err(format!("{found:?}")) }
    });
    for reader in ["server", "direct", "auto"] {
        let options = format!(", 'reader' = '{reader}'");
        assert_eq!(ids(&answer(cluster, name, &options, "SELECT id FROM t")), expected, "{reader}");
        let found =
            answer(cluster, name, &options, "SELECT COUNT(*), MIN(id), MAX(unix_millis(at)) FROM t WHERE version = 0");
        assert_eq!(found, format!("[20,0,{}]", FIRST + 19 * DAY / 4), "{reader}");
    }
    for (half, count) in [("offline", 12), ("realtime", 16)] {
        let options = format!(", 'tableType' = '{half}'");
        assert_eq!(answer(cluster, name, &options, "SELECT COUNT(*) FROM t"), format!("[{count}]"));
    }
}

/// Each key once, with its latest row, however many tasks there are; keys that were deleted do not come.
#[test]
fn a_table_with_upserts_has_each_key_once() {
    let (Some(_), Some(cluster)) = (LINE.class_path(), Cluster::shared()) else { return };
    let name = "spark_upserts";
    let topic = cluster.create_topic(name, 2);
    let (mut schema, mut config) = documents(name, "REALTIME");
    schema["primaryKeyColumns"] = json!(["id"]);
    config["tableIndexConfig"]["streamConfigs"] = topic.stream_configs(20);
    config["routing"] = json!({"instanceSelectorType": "strictReplicaGroup"});
    config["upsertConfig"] = json!({"mode": "FULL", "comparisonColumns": ["version"], "deleteRecordColumn": "gone"});
    schema["dimensionFieldSpecs"].as_array_mut().unwrap().push(json!({"name": "gone", "dataType": "BOOLEAN"}));
    cluster.create_table(&schema, &config);
    for version in 0..3_i64 {
        for id in 0..40_i64 {
            if id % (version + 1) == 0 {
                topic.publish((id % 2) as u32, [json!({"id": id, "version": version, "at": FIRST, "gone": false})]);
            }
        }
    }
    for id in 40..45_i64 {
        for gone in [false, true] {
            topic.publish((id % 2) as u32, [json!({"id": id, "version": i64::from(gone), "at": FIRST, "gone": gone})]);
        }
    }
    let latest = |id: i64| (0..3).rev().find(|version| id % (version + 1) == 0).unwrap();
    let wanted: i64 = (0..40).map(|id| latest(id) * 100 + id).sum();
    let sql = format!("SELECT COUNT(*), SUM(version * 100 + id) FROM {name}");
    eventually("the latest rows", || {
        let row = cluster.query(&sql)["resultTable"]["rows"][0].clone();
        if row == json!([40, wanted as f64]) { Ok(()) } else { Err(row.to_string()) }
    });
    for options in ["", ", 'reader' = 'server', 'requestSize' = '1KiB'", ", 'reader' = 'direct'"] {
        let found = answer(cluster, name, options, "SELECT id * 1000 + version FROM t");
        let expected: Vec<i64> = (0..40).map(|id| id * 1000 + latest(id)).collect();
        assert_eq!(ids(&found), expected, "{options}");
        assert_eq!(
            answer(cluster, name, options, "SELECT COUNT(*), SUM(version * 100 + id) FROM t"),
            format!("[40,{wanted}]")
        );
        assert_eq!(answer(cluster, name, options, "SELECT COUNT(*) FROM t"), "[40]", "{options}");
    }
}

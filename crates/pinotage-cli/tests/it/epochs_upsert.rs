//! Jobs that run in epochs into upsert tables, beside the stream that servers consume.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use pinotage_spec::PartitionConfig;
use pinotage_testkit::cluster::{Cluster, Topic, eventually};
use serde_json::{Value as Json, json};

use crate::epochs::Random;
use crate::kills::{kill, oldest, start};
use crate::{ok, pinotage};

const T: i64 = 1_700_000_000_000;
const PARTITIONS: u32 = 8;
const ROWS: u64 = 60_000;

/// By key: time and value.
pub(crate) type Table = BTreeMap<String, (i64, String)>;

/// A table that consumes, and what it should hold.
pub(crate) struct Stream<'a> {
    cluster: &'a Cluster,
    name: &'static str,
    topic: Topic,
    pub(crate) expected: Table,
}

impl<'a> Stream<'a> {
    pub(crate) fn new(cluster: &'a Cluster, name: &'static str) -> Self {
        let topic = cluster.create_topic(name, PARTITIONS);
        let time =
            json!({"name": "t", "dataType": "LONG", "format": "1:MILLISECONDS:EPOCH", "granularity": "1:MILLISECONDS"});
        let schema = json!({"schemaName": name, "primaryKeyColumns": ["k"], "dateTimeFieldSpecs": [time],
            "dimensionFieldSpecs": [{"name": "k", "dataType": "STRING"}, {"name": "v", "dataType": "STRING"}]});
        let table = json!({
            "tableName": format!("{name}_REALTIME"), "tableType": "REALTIME", "tenants": {}, "metadata": {},
            "segmentsConfig": {"timeColumnName": "t", "replication": "1", "replicasPerPartition": "1", "schemaName": name},
            "tableIndexConfig": {"loadMode": "MMAP", "streamConfigs": topic.stream_configs(40)},
            "routing": {"instanceSelectorType": "strictReplicaGroup"},
            "upsertConfig": {"mode": "FULL"},
        });
        cluster.create_table(&schema, &table);
        Self { cluster, name, topic, expected: Table::new() }
    }

    /// The stream brings a row; later ones of a key win when they are not older.
    pub(crate) fn produce(&mut self, rows: impl Iterator<Item = (String, i64)>) {
        let partitions =
            PartitionConfig::from_json(&json!({"functionName": "Murmur", "numPartitions": PARTITIONS})).unwrap();
        let mut by_partition: BTreeMap<u32, Vec<Json>> = BTreeMap::new();
        for (key, time) in rows {
            let row = json!({"k": key, "t": time, "v": "live"});
            by_partition.entry(partitions.partition(&key).unwrap()).or_default().push(row);
            self.expect(key, time, "live".into());
        }
        by_partition.into_iter().for_each(|(partition, rows)| self.topic.publish(partition, rows));
    }

    /// Of equal rows that of the stream, which comes here first, counts.
    pub(crate) fn expect(&mut self, key: String, time: i64, value: String) {
        match self.expected.get(&key) {
            Some((known, from)) if *known > time || *known == time && from == "live" => {}
            _ => drop(self.expected.insert(key, (time, value))),
        }
    }

    pub(crate) fn found(&self) -> Table {
        let sql = format!("SELECT k, t, v FROM {} LIMIT 100000", self.name);
        let answer = self.cluster.query(&sql);
        let rows = answer["resultTable"]["rows"].as_array().cloned().unwrap_or_default();
        let mut table = Table::new();
        for row in &rows {
            let (key, value) = (row[0].as_str().unwrap().to_owned(), row[2].as_str().unwrap().to_owned());
            let twice = table.insert(key, (row[1].as_i64().unwrap(), value));
            assert!(twice.is_none(), "a key is there twice: {row}");
        }
        table
    }

    pub(crate) fn shows_what_is_expected(&self) {
        eventually(&format!("{} rows of {}", self.expected.len(), self.name), || {
            let found = self.found();
            match found == self.expected {
                true => Ok(()),
                false => {
                    let other = self.expected.iter().find(|(key, row)| found.get(*key) != Some(row));
                    Err(format!("{} rows; {other:?} is {:?}", found.len(), other.and_then(|(key, _)| found.get(key))))
                }
            }
        });
    }
}

const GENERATOR: &str = "    splits: 3
    columns:
      k: {type: STRING, values: {key: {distinct: 500, prefix: k}}}
      v: {type: STRING, values: {key: {distinct: 50, prefix: v}}}
      t: {type: LONG, values: {sequence: {start: 1700000000000}}}
";

/// Rows of a job beside a stream: with any number of writers, killed or not, each key has the row that counts.
fn beside_a_stream(cluster: &Cluster, name: &'static str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let generated = format!("  kind: generator\n  generator:\n    rows: {ROWS}\n{GENERATOR}");
    // The same rows, all of them, for the reference in SQL.
    fs::write(
        path.join("all.yaml"),
        format!("name: all\nsource:\n{generated}sink: {{kind: pinot, table: all, output: all}}\ncheckpoint: {{}}\n"),
    )
    .unwrap();
    ok(path, &["run", "all.yaml"]);
    let mut stream = Stream::new(cluster, name);
    // Newer, older and equal to what the job brings, and keys of the stream alone.
    stream.produce((0..100).map(|key| (format!("k{key}"), T + 1_000_000)));
    stream.produce((100..200).map(|key| (format!("k{key}"), T - 1)));
    stream.produce((0..20).map(|key| (format!("live{key}"), T)));
    stream.shows_what_is_expected();
    let job = format!(
        "name: j\nsource:\n{generated}sink: {{kind: pinot, table: {name}, controller: '{}', tableType: REALTIME, segment: {{maxRows: 3000}},
  publish: {{interval: 200ms}}}}\ncheckpoint: {{interval: 50ms}}\n",
        cluster.controller
    );
    fs::write(path.join("job.yaml"), job).unwrap();
    let latest = "SELECT k, t, v FROM (SELECT k, t, v, row_number() OVER (PARTITION BY k ORDER BY t DESC) AS n FROM a) WHERE n = 1";
    let answer = ok(path, &["sql", latest, "--table", "a=all", "--output", "csv"]);
    for row in answer.lines().skip(1) {
        let parts: Vec<&str> = row.split(',').collect();
        stream.expect(parts[0].to_owned(), parts[1].parse().unwrap(), parts[2].to_owned());
    }
    assert_eq!(stream.expected.len(), 520);
    let mut random = Random::new();
    for threads in ["1", "3", "8"] {
        let child = start(path, &["run", "job.yaml", "--threads", threads]);
        std::thread::sleep(Duration::from_millis(300 + random.below(1500)));
        kill(child);
        // What the stream brings in between.
        stream.produce(std::iter::once((format!("live{threads}"), T + 5)));
    }
    let text = ok(path, &["run", "job.yaml", "--threads", "2"]);
    assert!(text.contains("complete") && text.contains("60000 rows read, 60000 written"), "{text}");
    stream.shows_what_is_expected();
    // Once more, with a state of its own: nothing changes, because keys count once.
    fs::remove_dir_all(path.join(".pinotage/j")).unwrap();
    ok(path, &["run", "job.yaml"]);
    stream.shows_what_is_expected();
}

#[test]
fn rows_come_beside_a_stream() {
    let Some(cluster) = Cluster::shared() else { return };
    beside_a_stream(cluster, "epochs_upsert");
}

#[test]
fn rows_come_beside_a_stream_of_the_oldest_pinot() {
    let Some(cluster) = oldest() else { return };
    beside_a_stream(cluster, "epochs_upsert");
}

/// A producer with another way to choose partitions is noticed before the first row.
#[test]
fn rows_that_the_stream_puts_elsewhere_stop_the_job() {
    let Some(cluster) = Cluster::shared() else { return };
    let stream = Stream::new(cluster, "epochs_elsewhere");
    (0..64).for_each(|row| stream.topic.publish(row % PARTITIONS, [json!({"k": format!("k{row}"), "t": T, "v": "x"})]));
    eventually("64 rows", || match stream.found().len() {
        64 => Ok(()),
        other => Err(other.to_string()),
    });
    let folder = tempfile::tempdir().unwrap();
    let job = format!(
        "name: j\nsource:\n  kind: generator\n  generator:\n    rows: 100\n{GENERATOR}sink: {{kind: pinot, table: epochs_elsewhere, controller: '{}', tableType: REALTIME}}\n",
        cluster.controller
    );
    fs::write(folder.path().join("job.yaml"), job).unwrap();
    let output = pinotage(folder.path(), &["run", "job.yaml"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && error.contains("partition"), "{error}");
    assert_eq!(stream.found().len(), 64);
}

/// Rows without a key go to the quarantine with their place, within their epoch; all others come.
#[test]
fn rows_without_a_key_are_quarantined() {
    let Some(cluster) = Cluster::shared() else { return };
    let mut stream = Stream::new(cluster, "epochs_keyless");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let mut text = "k,v,t\n".to_owned();
    for row in 0..5000_i64 {
        let key = if row % 100 == 7 { String::new() } else { format!("k{row}") };
        text.push_str(&format!("{key},v,{}\n", T + row));
        if !key.is_empty() {
            stream.expect(key, T + row, "v".into());
        }
    }
    fs::write(path.join("in.csv"), text).unwrap();
    let job = |errors: u32| {
        let job = format!(
            "name: j\nsource: {{kind: files, paths: [in.csv], csv: {{nullValues: ['']}}}}\nlimits: {{errors: {errors}}}\nquarantine: bad\n\
             sink: {{kind: pinot, table: epochs_keyless, controller: '{}', tableType: REALTIME}}\ncheckpoint: {{interval: 50ms}}\n",
            cluster.controller
        );
        fs::write(path.join("job.yaml"), job).unwrap();
    };
    job(20);
    let output = pinotage(path, &["run", "job.yaml"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && error.contains("more than 20 bad rows"), "{error}");
    job(50);
    let text = ok(path, &["run", "job.yaml"]);
    assert!(text.contains("5000 rows read, 4950 written, 0 filtered, 50 quarantined"), "{text}");
    let rows = ok(path, &["quarantine", "show", "job.yaml", "--rule", "no-key", "--output", "csv"]);
    assert!(rows.lines().count() == 51 && rows.contains(&format!("\",v,{}\"", T + 7)), "{rows}");
    stream.shows_what_is_expected();
    // Corrected, they come into the table as all rows do, once, beside what the stream brings.
    let text = fs::read_to_string(path.join("job.yaml")).unwrap();
    let sql = "transform: {sql: \"SELECT coalesce(k, concat('late', t)) AS k, v, t FROM source\"}\n";
    fs::write(path.join("job.yaml"), format!("{text}{sql}")).unwrap();
    stream.produce((0..10).map(|row| (format!("late{}", T + 7 + row * 100), T + 1_000_000)));
    for row in (0..5000_i64).filter(|row| row % 100 == 7) {
        stream.expect(format!("late{}", T + row), T + row, "v".into());
    }
    for _ in 0..2 {
        let text = ok(path, &["quarantine", "replay", "job.yaml"]);
        assert!(text.contains("50 rows read, 50 written, 0 filtered, 0 quarantined"), "{text}");
    }
    stream.shows_what_is_expected();
}

//! Jobs that run in epochs into upsert tables, beside the stream that servers consume.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
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
        Self::of(cluster, name, json!({"mode": "FULL"}))
    }

    fn of(cluster: &'a Cluster, name: &'static str, upserts: Json) -> Self {
        let topic = cluster.create_topic(name, PARTITIONS);
        let time =
            json!({"name": "t", "dataType": "LONG", "format": "1:MILLISECONDS:EPOCH", "granularity": "1:MILLISECONDS"});
        let schema = json!({"schemaName": name, "primaryKeyColumns": ["k"], "dateTimeFieldSpecs": [time],
            "dimensionFieldSpecs": [{"name": "k", "dataType": "STRING"}, {"name": "v", "dataType": "STRING"},
                {"name": "gone", "dataType": "BOOLEAN"}]});
        let table = json!({
            "tableName": format!("{name}_REALTIME"), "tableType": "REALTIME", "tenants": {}, "metadata": {},
            "segmentsConfig": {"timeColumnName": "t", "replication": "1", "replicasPerPartition": "1", "schemaName": name},
            "tableIndexConfig": {"loadMode": "MMAP", "streamConfigs": topic.stream_configs(40)},
            "routing": {"instanceSelectorType": "strictReplicaGroup"},
            "upsertConfig": upserts,
        });
        cluster.create_table(&schema, &table);
        Self { cluster, name, topic, expected: Table::new() }
    }

    /// The stream brings a row; later ones of a key win when they are not older.
    pub(crate) fn produce(&mut self, rows: impl Iterator<Item = (String, i64)>) {
        let rows: Vec<(String, i64)> = rows.collect();
        self.bring(&rows, false);
        rows.into_iter().for_each(|(key, time)| self.expect(key, time, "live".into()));
    }

    /// The stream deletes keys.
    fn delete(&mut self, rows: &[(String, i64)]) {
        self.bring(rows, true);
        rows.iter().for_each(|(key, _)| drop(self.expected.remove(key)));
    }

    fn bring(&self, rows: &[(String, i64)], gone: bool) {
        let partitions =
            PartitionConfig::from_json(&json!({"functionName": "Murmur", "numPartitions": PARTITIONS})).unwrap();
        let mut by_partition: BTreeMap<u32, Vec<Json>> = BTreeMap::new();
        for (key, time) in rows {
            let row = json!({"k": key, "t": time, "v": "live", "gone": gone});
            by_partition.entry(partitions.partition(key).unwrap()).or_default().push(row);
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

/// The numbers of the rows in the quarantine by their times, each of them once and all for the same reason.
fn outside(path: &std::path::Path) -> BTreeMap<i64, String> {
    let text = ok(path, &["quarantine", "show", "job.yaml", "--rule", "outside-ttl", "--output", "json"]);
    let mut found = BTreeMap::new();
    for line in text.lines() {
        let row: Json = serde_json::from_str(line).unwrap();
        let raw: Json = serde_json::from_str(row["raw"].as_str().unwrap()).unwrap();
        let (time, key) = (raw["t"].as_i64().unwrap(), raw["k"].as_str().unwrap().to_owned());
        assert!(row["column"] == "t" && found.insert(time, key).is_none(), "{row}");
    }
    found
}

/// Servers forget keys, and the stream moves on while the job is killed and goes on: rows that come too late are in the quarantine
/// once each, and each key has the row that counts of all others.
#[test]
fn rows_outside_the_time_to_live_are_quarantined() {
    let Some(cluster) = Cluster::shared() else { return };
    const ROWS: i64 = 30_000;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    // Of many keys there are only rows outside.
    let columns = GENERATOR.replace("distinct: 500,", "distinct: 5000,");
    let generated = format!("  kind: generator\n  generator:\n    rows: {ROWS}\n{columns}");
    fs::write(
        path.join("all.yaml"),
        format!("name: all\nsource:\n{generated}sink: {{kind: pinot, table: all, output: all}}\ncheckpoint: {{}}\n"),
    )
    .unwrap();
    ok(path, &["run", "all.yaml"]);
    let upserts = json!({"mode": "FULL", "metadataTTL": 20_000, "snapshot": "ENABLE"});
    let mut stream = Stream::of(cluster, "epochs_ttl", upserts);
    // So many that consuming segments end, and servers forget.
    stream.produce((0..50).map(|key| (format!("k{key}"), T)).chain((0..400).map(|key| (format!("old{key}"), T))));
    stream.produce((50..100).map(|key| (format!("k{key}"), T + ROWS)));
    stream.produce((0..400).map(|key| (format!("live{key}"), T + ROWS)));
    stream.shows_what_is_expected();
    let job = format!(
        "name: j\nsource:\n{generated}sink: {{kind: pinot, table: epochs_ttl, controller: '{}', tableType: REALTIME, segment: {{maxRows: 2000}},
  publish: {{interval: 200ms}}}}\ncheckpoint: {{interval: 50ms}}\nlimits: {{errors: {ROWS}}}\n",
        cluster.controller
    );
    fs::write(path.join("job.yaml"), job).unwrap();
    let mut random = Random::new();
    for step in 1..=3 {
        let child = start(path, &["run", "job.yaml", "--threads", "3"]);
        std::thread::sleep(Duration::from_millis(200 + random.below(1000)));
        kill(child);
        stream.produce(std::iter::once((format!("live{step}"), T + ROWS + 100 * step)));
    }
    let text = ok(path, &["run", "job.yaml"]);
    let outside = outside(path);
    let (written, bad) = (ROWS - outside.len() as i64, outside.len());
    assert!(text.contains(&format!("{ROWS} rows read, {written} written, 0 filtered, {bad} quarantined")), "{text}");
    // A tenth of the time to live before its end.
    let bound = |greatest: i64| T + greatest - 18_000;
    assert!((T..bound(ROWS)).all(|time| outside.contains_key(&time)), "rows outside are in the table");
    assert!(outside.keys().all(|time| *time < bound(ROWS + 300)), "rows inside are in the quarantine");
    let text = ok(path, &["sql", "SELECT k, t, v FROM a ORDER BY t", "--table", "a=all", "--output", "csv"]);
    for row in text.lines().skip(1) {
        let parts: Vec<&str> = row.split(',').collect();
        let time: i64 = parts[1].parse().unwrap();
        match outside.get(&time) {
            Some(key) => assert_eq!(key, parts[0]),
            None => stream.expect(parts[0].to_owned(), time, parts[2].to_owned()),
        }
    }
    // Of keys that servers had forgotten before there are both: so it is with the stream.
    stream.expected.retain(|key, _| key[1..].parse::<u32>().map_or(true, |key| key >= 50));
    let shown = |stream: &Stream| {
        eventually("each key once", || {
            let answer = cluster.query("SELECT k, t, v FROM epochs_ttl LIMIT 100000");
            let rows = answer["resultTable"]["rows"].as_array().cloned().unwrap_or_default();
            let known = |row: &&Json| stream.expected.contains_key(row[0].as_str().unwrap_or_default());
            let text = |row: &Json| format!("{} {} {}", row[0], row[1], row[2]);
            let mut found: Vec<String> = rows.iter().filter(known).map(text).collect();
            found.sort();
            let expected = stream.expected.iter().map(|(key, row)| format!("\"{key}\" {} \"{}\"", row.0, row.1));
            let mut expected: Vec<String> = expected.collect();
            expected.sort();
            (found == expected).then_some(()).ok_or_else(|| format!("{} rows of {}", found.len(), expected.len()))
        });
    };
    shown(&stream);
    // With a state of its own nothing changes, and after servers have forgotten once more.
    fs::remove_dir_all(path.join(".pinotage/j")).unwrap();
    ok(path, &["run", "job.yaml"]);
    shown(&stream);
    stream.produce((400..800).map(|key| (format!("live{key}"), T + ROWS + 300)));
    shown(&stream);
}

/// Rows that were accepted, and that the stream has left behind before they were loaded, come into no table: the job stops and says
/// which, until it begins anew.
#[test]
fn rows_that_the_stream_has_left_behind_stop_the_job() {
    let Some(cluster) = Cluster::shared() else { return };
    let upserts = json!({"mode": "FULL", "metadataTTL": 20_000, "snapshot": "ENABLE"});
    let mut stream = Stream::of(cluster, "epochs_left_behind", upserts);
    stream.produce(std::iter::once(("live".to_owned(), T)));
    stream.shows_what_is_expected();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let job = |more: &str| {
        let job = format!(
            "name: j\nsource:\n  kind: generator\n  generator:\n    rows: 4000\n{more}{GENERATOR}sink: {{kind: pinot, table: epochs_left_behind, controller: '{}', tableType: REALTIME}}\ncheckpoint: {{interval: 50ms}}\nlimits: {{errors: 4000}}\n",
            cluster.controller
        );
        fs::write(path.join("job.yaml"), job).unwrap();
    };
    job("    rowsPerSecond: 500\n");
    let mut command = Command::new(env!("CARGO_BIN_EXE_pinotage"));
    let mut child = command.args(["run", "job.yaml"]).current_dir(path).stderr(Stdio::piped()).spawn().unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap()).lines().map(|line| line.unwrap());
    let has_rows = |line: &String| line.starts_with("epoch ") && !line.contains(" 0 in open segments");
    assert!(told.any(|line| has_rows(&line)), "no epoch had rows");
    kill(child);
    stream.produce(std::iter::once(("live".to_owned(), T + 1_000_000)));
    stream.shows_what_is_expected();
    job("");
    for _ in 0..2 {
        let output = pinotage(path, &["run", "job.yaml"]);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && error.contains("rows came too late"), "{error}");
        assert!(error.contains("__epochs_left_behind__") && error.contains("with a new state"), "{error}");
        stream.shows_what_is_expected();
    }
    fs::remove_dir_all(path.join(".pinotage/j")).unwrap();
    let text = ok(path, &["run", "job.yaml"]);
    assert!(text.contains("4000 rows read, 0 written, 0 filtered, 4000 quarantined"), "{text}");
    stream.shows_what_is_expected();
}

/// A row that is older than a deletion that servers have forgotten would bring its key back.
#[test]
fn rows_older_than_forgotten_deletions_are_quarantined() {
    let Some(cluster) = Cluster::shared() else { return };
    let upserts = json!({"mode": "FULL", "deleteRecordColumn": "gone", "deletedKeysTTL": 1000});
    let mut stream = Stream::of(cluster, "epochs_deleted", upserts);
    let keys = || (0..100).map(|key| format!("k{key}"));
    stream.delete(&keys().map(|key| (key, T + 1)).collect::<Vec<_>>());
    stream.produce((0..800).map(|key| (format!("live{key}"), T + 5000)));
    stream.shows_what_is_expected();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let mut text = "k,v,t\n".to_owned();
    keys().for_each(|key| text.push_str(&format!("{key},v,{}\n", T + key[1..].parse::<i64>().unwrap() - 100)));
    for row in 0..100 {
        text.push_str(&format!("new{row},v,{}\n", T + 4200 + row));
        stream.expect(format!("new{row}"), T + 4200 + row, "v".into());
    }
    fs::write(path.join("in.csv"), text).unwrap();
    let job = format!(
        "name: j\nsource: {{kind: files, paths: [in.csv]}}\nlimits: {{errors: 100}}\n\
         sink: {{kind: pinot, table: epochs_deleted, controller: '{}', tableType: REALTIME}}\ncheckpoint: {{}}\n",
        cluster.controller
    );
    fs::write(path.join("job.yaml"), job).unwrap();
    let text = ok(path, &["run", "job.yaml"]);
    assert!(text.contains("200 rows read, 100 written, 0 filtered, 100 quarantined"), "{text}");
    let shown = ok(path, &["quarantine", "show", "job.yaml", "--rule", "outside-ttl", "--output", "csv"]);
    assert!(shown.lines().count() == 101 && shown.contains("deletedKeysTTL"), "{shown}");
    stream.shows_what_is_expected();
}

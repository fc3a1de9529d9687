//! Exports of tables that grow, of two halves, and with keys: exact after kills, whatever comes meanwhile.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use pinotage_testkit::cluster::{Cluster, Topic, eventually};
use pinotage_testkit::fake::{Gate, Request, Side};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::export::parts;
use crate::kills::{kill, oldest, start};
use crate::ok;

/// The time column's values are days.
const FIRST_DAY: u64 = 19_723;

fn schema(name: &str) -> Json {
    json!({
        "schemaName": name,
        "dimensionFieldSpecs": [{"name": "id", "dataType": "LONG"}],
        "metricFieldSpecs": [{"name": "version", "dataType": "LONG"}],
        "dateTimeFieldSpecs": [{"name": "day", "dataType": "INT", "format": "1:DAYS:EPOCH", "granularity": "1:DAYS"}],
    })
}

fn config(name: &str, half: &str) -> Json {
    json!({
        "tableName": format!("{name}_{half}"), "tableType": half, "tenants": {}, "metadata": {},
        "segmentsConfig": {
            "schemaName": name, "timeColumnName": "day", "replication": "1", "replicasPerPartition": "1",
            "segmentPushType": "APPEND",
        },
        "tableIndexConfig": {"loadMode": "MMAP"},
    })
}

/// A row: id, version, day.
type Row = (u64, u64, u64);

/// A table of a stream with two partitions, in segments of ten rows, and its export.
struct Growing {
    cluster: &'static Cluster,
    name: &'static str,
    topic: Topic,
    gate: Gate,
    folder: TempDir,
    published: Vec<Row>,
}

impl Growing {
    fn new(cluster: &'static Cluster, name: &'static str, upsert: bool) -> Self {
        let topic = cluster.create_topic(name, 2);
        let (mut schema, mut config) = (schema(name), config(name, "REALTIME"));
        config["tableIndexConfig"]["streamConfigs"] = topic.stream_configs(10);
        if upsert {
            schema["primaryKeyColumns"] = json!(["id"]);
            config["routing"] = json!({"instanceSelectorType": "strictReplicaGroup"});
            config["upsertConfig"] = json!({"mode": "FULL"});
        }
        cluster.create_table(&schema, &config);
        let (gate, folder) = (Gate::new(&cluster.controller), tempfile::tempdir().unwrap());
        Self { cluster, name, topic, gate, folder, published: Vec::new() }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Publishes rows, and waits until queries see them and segments of `full` rows are committed.
    fn publish(&mut self, rows: impl IntoIterator<Item = Row>) {
        for (id, version, day) in rows {
            self.published.push((id, version, day));
            self.topic.publish((id % 2) as u32, [json!({"id": id, "version": version, "day": day})]);
        }
        let sql = format!("SELECT COUNT(*), MAX(version) FROM {}_REALTIME OPTION(skipUpsert=true)", self.name);
        let rows = self.published.len() as u64;
        eventually("all rows that were published", || {
            let answer = self.cluster.query(&sql);
            if answer["resultTable"]["rows"][0][0].as_u64() == Some(rows) { Ok(()) } else { Err(answer.to_string()) }
        });
        let full: usize =
            [0, 1].map(|at| self.published.iter().filter(|row| row.0 % 2 == at).count() / 10).iter().sum();
        eventually("full segments are committed", || {
            let url = format!("{}/segments/{}?type=REALTIME", self.cluster.controller, self.name);
            let names = self.cluster.get_json(&url)[0]["REALTIME"].as_array().cloned().unwrap_or_default();
            let done = |name: &&Json| {
                let name = name.as_str().unwrap();
                let url = format!("{}/segments/{}_REALTIME/{name}/metadata", self.cluster.controller, self.name);
                self.cluster.get_json(&url)["segment.realtime.status"] == "DONE"
            };
            let done = names.iter().filter(done).count();
            if done == full { Ok(()) } else { Err(format!("{done} of {full}")) }
        });
    }

    fn url(&self, reader: &str) -> String {
        format!("{}/{}?reader={reader}", self.gate.url().replace("http://", "pinot://"), self.name)
    }

    /// An export that is killed at a call.
    fn killed(&self, reader: &str, call: impl FnMut(&Request) -> bool + Send + 'static) {
        let hold = self.gate.hold(Side::Before, call);
        let mut child = start(self.path(), &scan(&self.url(reader)));
        hold.await_call(&mut child);
        kill(child);
    }

    /// What an export that ends well leaves.
    fn exported(&self, reader: &str) -> Vec<Row> {
        ok(self.path(), &scan(&self.url(reader)));
        let mut rows = Vec::new();
        for file in parts(&self.path().join("out")) {
            let text = fs::read_to_string(file).unwrap();
            let row = |line: &str| {
                let numbers: Vec<u64> = line.split(',').map(|number| number.parse().unwrap()).collect();
                (numbers[0], numbers[1], numbers[2])
            };
            rows.extend(text.lines().skip(1).map(row));
        }
        rows.sort_unstable();
        rows
    }

    /// Asks for segments' archives.
    fn download(&self, mut number: usize) -> impl FnMut(&Request) -> bool + Send + 'static {
        let start = format!("/segments/{}/", self.name);
        move |request| {
            let segment = request.path.strip_prefix(&start).filter(|_| request.method == "GET");
            let is_one = segment.is_some_and(|name| name.contains("__") && !name.contains('/'));
            number -= usize::from(is_one);
            is_one && number == 0
        }
    }
}

fn scan(url: &str) -> Vec<&str> {
    vec!["scan", url, "--output", "out/", "--parallelism", "1", "--format", "csv", "--columns", "id,version,day"]
}

/// Between the plan and the first request to a server.
fn address(request: &Request) -> bool {
    request.method == "GET" && request.path.starts_with("/instances/")
}

fn sorted(rows: &[Row]) -> Vec<Row> {
    let mut rows = rows.to_vec();
    rows.sort_unstable();
    rows
}

/// What grew when a run was killed is whole when the next one comes, and more has begun.
fn grows(cluster: &'static Cluster) {
    let mut table = Growing::new(cluster, "export_growing", false);
    let rows = |ids: std::ops::Range<u64>| ids.map(|id| (id, 0, FIRST_DAY));
    table.publish(rows(0..50));
    for (round, reader) in ["direct", "direct", "server"].into_iter().enumerate() {
        let from = 50 + 30 * round as u64;
        if reader == "direct" {
            // Servers' parts come first: what grows is in a file when the second archive is asked for.
            table.killed(reader, table.download(2));
            assert!(parts(&table.path().join("out")).len() >= 2);
        } else {
            table.killed(reader, address);
        }
        table.publish(rows(from..from + 17));
        assert_eq!(table.exported(reader), sorted(&table.published), "{reader}, round {round}");
        // Nothing is new, and what grows is read again all the same.
        assert_eq!(table.exported(reader), sorted(&table.published), "{reader}, round {round}");
        table.publish(rows(from + 17..from + 30));
    }
    assert_eq!(table.exported("auto"), sorted(&table.published));
}

#[test]
fn exports_of_a_growing_table_are_exact() {
    let Some(cluster) = Cluster::shared() else { return };
    grows(cluster);
}

#[test]
fn exports_of_a_growing_table_of_the_oldest_pinot_are_exact() {
    let Some(cluster) = oldest() else { return };
    grows(cluster);
}

/// The last version of each key.
fn latest(rows: &[Row]) -> Vec<Row> {
    let latest: BTreeMap<u64, Row> = rows.iter().map(|row| (row.0, *row)).collect();
    latest.into_values().collect()
}

fn keyed(cluster: &'static Cluster) {
    let mut table = Growing::new(cluster, "export_upsert", true);
    let mut version = 0;
    // Of twelve keys, over and over again.
    let mut rows = |count: u64| {
        version += count;
        (version - count..version).map(|version| (version * 7 % 12, version, FIRST_DAY)).collect::<Vec<_>>()
    };
    table.publish(rows(45));
    assert_eq!(table.exported("server"), latest(&table.published));
    for count in [5, 33] {
        table.killed("server", address);
        table.publish(rows(count));
        assert_eq!(table.exported("auto"), latest(&table.published));
        // Rows of segments that are whole do not count any more.
        table.publish(rows(count));
        assert_eq!(table.exported("server"), latest(&table.published));
    }
}

#[test]
fn exports_of_an_upsert_table_have_each_key_once() {
    let Some(cluster) = Cluster::shared() else { return };
    keyed(cluster);
}

#[test]
fn exports_of_an_upsert_table_of_the_oldest_pinot_have_each_key_once() {
    let Some(cluster) = oldest() else { return };
    keyed(cluster);
}

/// The OFFLINE half of a table, a segment for each day.
struct Offline {
    folder: TempDir,
    rows: Vec<Row>,
}

impl Offline {
    fn new(table: &Growing) -> Self {
        let (name, folder) = (table.name, tempfile::tempdir().unwrap());
        let path = folder.path();
        fs::write(path.join("schema.json"), schema(name).to_string()).unwrap();
        fs::write(path.join("table.json"), config(name, "OFFLINE").to_string()).unwrap();
        table.cluster.post_json(&format!("{}/tables", table.cluster.controller), &config(name, "OFFLINE"));
        Self { folder, rows: Vec::new() }
    }

    /// Four rows.
    fn upload(&mut self, table: &Growing, day: u64) {
        let (path, name) = (self.folder.path(), table.name);
        let rows: Vec<Row> = (0..4).map(|at| (100_000 + day * 4 + at, 1, FIRST_DAY + day)).collect();
        let lines: String = rows.iter().map(|(id, version, day)| format!("{id},{version},{day}\n")).collect();
        fs::write(path.join("in.csv"), format!("id,version,day\n{lines}")).unwrap();
        let segment = format!("{name}_{day}");
        let job = format!(
            "name: {segment}\nsource: {{kind: files, paths: [in.csv]}}\nsink: {{kind: pinot, table: {name}, schema: schema.json, \
             tableConfig: table.json, output: out, segmentName: {{type: fixed, name: {segment}}}}}\n"
        );
        fs::write(path.join("job.yaml"), job).unwrap();
        ok(path, &["run", "job.yaml"]);
        table.cluster.upload(name, &path.join("out").join(segment));
        self.rows.extend(rows);
        let expected = self.expected(table);
        eventually("the broker knows where the halves meet", || {
            let answer = table.cluster.query(&format!("SELECT id, version, day FROM {name} LIMIT 100000"));
            let rows = answer["resultTable"]["rows"].as_array().cloned().unwrap_or_default();
            let number = |row: &Json, at: usize| row[at].as_u64().unwrap();
            let rows: Vec<Row> = rows.iter().map(|row| (number(row, 0), number(row, 1), number(row, 2))).collect();
            if sorted(&rows) == expected { Ok(()) } else { Err(answer.to_string()) }
        });
    }

    /// The halves meet a day before the last OFFLINE one.
    fn expected(&self, table: &Growing) -> Vec<Row> {
        let meet = self.rows.iter().map(|row| row.2).max().unwrap() - 1;
        let offline = self.rows.iter().filter(|row| row.2 <= meet);
        let realtime = table.published.iter().filter(|row| row.2 > meet);
        sorted(&offline.chain(realtime).copied().collect::<Vec<_>>())
    }
}

fn halves(cluster: &'static Cluster) {
    let mut table = Growing::new(cluster, "export_hybrid", false);
    // Seven rows a day.
    let rows = |days: std::ops::Range<u64>| (days.start * 7..days.end * 7).map(|id| (id, 0, FIRST_DAY + id / 7));
    table.publish(rows(0..8));
    let mut offline = Offline::new(&table);
    offline.upload(&table, 0);
    (1..4).for_each(|day| offline.upload(&table, day));
    for (at, reader) in ["direct", "server", "auto"].into_iter().enumerate() {
        let day = 4 + at as u64;
        if reader == "direct" {
            table.killed(reader, table.download(2));
        } else {
            table.killed("server", address);
        }
        // The halves meet a day later, and rows come to both.
        table.publish(rows(4 + day..5 + day));
        offline.upload(&table, day);
        assert_eq!(table.exported(reader), offline.expected(&table), "{reader}");
        assert_eq!(table.exported(reader), offline.expected(&table), "{reader}");
    }
}

#[test]
fn exports_of_a_table_of_two_halves_are_exact() {
    let Some(cluster) = Cluster::shared() else { return };
    halves(cluster);
}

#[test]
fn exports_of_a_table_of_two_halves_of_the_oldest_pinot_are_exact() {
    let Some(cluster) = oldest() else { return };
    halves(cluster);
}

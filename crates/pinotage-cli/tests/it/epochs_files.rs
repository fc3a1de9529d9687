//! Files with bad rows, in epochs and into real clusters: killed, over their budget, corrected and replayed.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use pinotage_testkit::cluster::{Cluster, eventually};
use pinotage_testkit::fake::{Gate, Side};
use pinotage_testkit::is_full;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::epochs::Random;
use crate::kills::{Call, kill, oldest, start};
use crate::{ok, pinotage};

const TABLE: &str = "epochs_files";

/// Keyed events in files and in partitions of the table; of each hundred rows one has no number.
struct Story<'a> {
    cluster: &'a Cluster,
    gate: Gate,
    folder: TempDir,
    files: u64,
    rows: u64,
}

impl<'a> Story<'a> {
    fn new(cluster: &'a Cluster) -> Self {
        let (files, rows) = if is_full() { (8, 625_000) } else { (4, 10_000) };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        fs::create_dir(path.join("in")).unwrap();
        for file in 0..files {
            let mut text = "id,key,n\n".to_owned();
            for row in 0..rows {
                let n = if row % 100 == 7 { "none".to_owned() } else { row.to_string() };
                writeln!(text, "{},k{},{n}", file * rows + row, row % 500).unwrap();
            }
            fs::write(path.join(format!("in/{file}.csv")), text).unwrap();
        }
        let schema = json!({"schemaName": TABLE, "dimensionFieldSpecs": [{"name": "id", "dataType": "LONG"},
            {"name": "key", "dataType": "STRING"}, {"name": "n", "dataType": "INT"}]});
        fs::write(path.join("schema.json"), schema.to_string()).unwrap();
        let partitions = json!({"key": {"functionName": "Murmur", "numPartitions": 8}});
        let config = json!({"tableName": format!("{TABLE}_OFFLINE"), "tableType": "OFFLINE", "tenants": {}, "metadata": {},
            "segmentsConfig": {"replication": "1", "segmentPushType": "APPEND"},
            "tableIndexConfig": {"loadMode": "MMAP", "segmentPartitionConfig": {"columnPartitionMap": partitions}}});
        fs::write(path.join("table.json"), config.to_string()).unwrap();
        Self { cluster, gate: Gate::new(&cluster.controller), folder, files, rows }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn all(&self) -> u64 {
        self.files * self.rows
    }

    fn bad(&self) -> u64 {
        self.all() / 100
    }

    /// The job, with texts that mean no value and so many bad rows at most.
    fn job(&self, nulls: &str, errors: u64) {
        let source = format!("source: {{kind: files, paths: [in], csv: {{nullValues: {nulls}}}}}\n");
        let more = format!(
            "sink: {{kind: pinot, table: {TABLE}, controller: '{}', schema: schema.json, tableConfig: table.json,
  segment: {{maxRows: {}}}, publish: {{interval: 300ms}}}}
checkpoint: {{interval: 30ms, restartDelay: 100ms}}\nlimits: {{errors: {errors}}}\nquarantine: bad\n",
            self.gate.url(),
            self.all() / 80
        );
        fs::write(self.path().join("job.yaml"), format!("name: j\n{source}{more}")).unwrap();
        let sink = format!("sink: {{kind: pinot, table: {TABLE}, schema: schema.json, output: expected}}\n");
        let expected = format!("name: expected\n{source}{sink}limits: {{errors: {errors}}}\n");
        fs::write(self.path().join("expected.yaml"), expected).unwrap();
    }

    /// Rows and distinct ids, as the broker has them.
    fn found(&self) -> Option<(u64, u64)> {
        let answer = self.cluster.query(&format!("SELECT COUNT(*), DISTINCTCOUNT(id) FROM {TABLE}"));
        let row = answer["resultTable"]["rows"][0].as_array()?;
        Some((row[0].as_u64()?, row[1].as_u64()?))
    }

    fn is_never_doubled(&self, most: u64) {
        let found = self.found();
        assert!(found.is_none_or(|(rows, ids)| rows == ids && rows <= most), "{found:?} of {most}");
    }

    fn has(&self, rows: u64) {
        eventually(&format!("{rows} rows"), || {
            let found = self.found();
            if found == Some((rows, rows)) { Ok(()) } else { Err(format!("{found:?}")) }
        });
    }

    /// Killed around calls of publications and at random, with another number of threads each time.
    fn killed(&self, command: &[&str], most: u64) {
        let mut random = Random::new();
        let begin = |threads: &str| start(self.path(), &[command, &["job.yaml", "--threads", threads]].concat());
        let calls =
            [(Call::START, Side::After, "1"), (Call::upload(2), Side::After, "3"), (Call::END, Side::Before, "8")];
        for (call, side, threads) in calls {
            let hold = self.gate.hold(side, call.is());
            let mut child = begin(threads);
            hold.await_call(&mut child);
            kill(child);
            self.is_never_doubled(most);
        }
        for kills in 0..if is_full() { 50 } else { 1 } {
            let child = begin(["2", "4"][kills % 2]);
            std::thread::sleep(Duration::from_millis(50 + random.below(if is_full() { 2500 } else { 500 })));
            kill(child);
            self.is_never_doubled(most);
        }
    }

    /// The table has the rows that the files have, compared value by value.
    fn is_reconciled(&self) {
        ok(self.path(), &["run", "expected.yaml"]);
        let table = format!("{}/{TABLE}", self.cluster.controller.replace("http://", "pinot://"));
        let text = ok(self.path(), &["reconcile", "expected", &table, "--by", "key"]);
        eprintln!("{text}");
        fs::remove_dir_all(self.path().join("expected")).unwrap();
        fs::remove_dir_all(self.path().join(".pinotage/expected")).unwrap();
    }

    /// Each bad row is in the quarantine once, with its place, its bytes and a reason.
    fn bad_rows_are_told(&self) {
        let mut places = std::collections::BTreeSet::new();
        let mut told = 0;
        for entry in fs::read_dir(self.path().join("bad")).unwrap() {
            let file = format!("q=bad/{}", entry.unwrap().file_name().into_string().unwrap());
            let sql = "SELECT file, line, \"offset\", rule, \"column\", message, arrow_cast(raw, 'Utf8') AS raw FROM q";
            for row in ok(self.path(), &["sql", sql, "--table", &file, "--output", "json"]).lines() {
                let row: Value = serde_json::from_str(row).unwrap();
                let line = row["line"].as_u64().unwrap();
                assert!(
                    row["column"] == "n" && row["rule"] == "wrong-type" && !row["message"].as_str().unwrap().is_empty()
                );
                // The header is the first line, and each row has its own number.
                let number = row["raw"].as_str().unwrap().split(',').next().unwrap().parse::<u64>().unwrap();
                assert_eq!((line - 2) % 100, 7, "{row}");
                assert!(number % self.rows == line - 2 && row["offset"].as_u64().is_some(), "{row}");
                told += 1;
                places.insert((row["file"].as_str().unwrap().to_owned(), line));
            }
        }
        assert_eq!((told, places.len() as u64), (self.bad(), self.bad()));
    }
}

fn files_come_once(cluster: &Cluster) {
    let story = Story::new(cluster);
    let (path, good) = (story.path(), story.all() - story.bad());
    // Over the budget the job stops, and with a larger one it goes on where it was.
    story.job("['']", story.bad() / 2);
    let output = pinotage(path, &["run", "job.yaml", "--threads", "2"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && error.contains(&format!("more than {} bad rows", story.bad() / 2)), "{error}");
    story.is_never_doubled(good);
    story.job("['']", story.bad());
    story.killed(&["run"], good);
    // At no moment there is more than has been read.
    let mut child = start(path, &["run", "job.yaml"]);
    while child.try_wait().unwrap().is_none() {
        story.is_never_doubled(good);
    }
    let text = ok(path, &["run", "job.yaml"]);
    let counts = format!("{} rows read, {good} written, 0 filtered, {} quarantined", story.all(), story.bad());
    assert!(text.contains(&counts) && text.contains("published 0 segments"), "{text}");
    story.has(good);
    story.is_reconciled();
    story.bad_rows_are_told();
    // Corrected, the job is whole, and killed replays change nothing of that.
    story.job("['', none]", story.bad());
    story.killed(&["quarantine", "replay"], story.all());
    for _ in 0..2 {
        let text = ok(path, &["quarantine", "replay", "job.yaml"]);
        assert!(text.contains(&format!("{0} rows read, {0} written", story.bad())), "{text}");
        story.has(story.all());
    }
    story.is_reconciled();
}

#[test]
fn files_come_once_whatever_is_killed() {
    let Some(cluster) = Cluster::shared() else { return };
    files_come_once(cluster);
}

#[test]
fn files_come_once_into_the_oldest_pinot() {
    let Some(cluster) = oldest() else { return };
    files_come_once(cluster);
}

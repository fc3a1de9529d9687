//! Jobs that run in epochs, into a folder: killed, stopped, with bad rows, with a state that is lost or old.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use pinotage_testkit::is_full;
use tempfile::TempDir;

use crate::kills::start;
use crate::{ok, pinotage};

/// Draws from a seed that is printed.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new() -> Self {
        let seed = u64::from(std::process::id());
        eprintln!("seed {seed}");
        Self(seed)
    }

    pub(crate) fn of(seed: u64) -> Self {
        let mut random = Self(seed);
        random.below(2);
        random
    }

    pub(crate) fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// Keyed events in eight partitions of the table.
pub(crate) fn events(rows: u64, more: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let job = format!(
        "name: j
source:
  kind: generator
  generator:
    rows: {rows}
    splits: 3
    columns:
      id: {{type: LONG, values: {{sequence: {{}}}}}}
      key: {{type: STRING, values: {{key: {{distinct: 500, prefix: k}}}}}}
sink: {{kind: pinot, table: t, schema: schema.json, tableConfig: table.json, output: out, segment: {{maxRows: {}}}}}
checkpoint: {{interval: 50ms}}
{more}",
        rows / 30
    );
    fs::write(folder.path().join("job.yaml"), job).unwrap();
    let schema = r#"{"schemaName": "t", "dimensionFieldSpecs": [{"name": "id", "dataType": "LONG"}, {"name": "key", "dataType": "STRING"}]}"#;
    fs::write(folder.path().join("schema.json"), schema).unwrap();
    let table = r#"{"tableName": "t", "tableType": "OFFLINE", "tableIndexConfig": {"segmentPartitionConfig": {"columnPartitionMap":
        {"key": {"functionName": "Murmur", "numPartitions": 8}}}}}"#;
    fs::write(folder.path().join("table.json"), table).unwrap();
    folder
}

fn segments(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder.join("out")).into_iter().flatten();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

pub(crate) fn count(folder: &Path) -> String {
    ok(
        folder,
        &[
            "sql",
            "SELECT count(*) AS rows, count(DISTINCT id) AS ids, sum(id) AS sum FROM t",
            "--table",
            "t=out",
            "--output",
            "csv",
        ],
    )
}

pub(crate) fn expected(rows: u64) -> String {
    format!("rows,ids,sum\n{rows},{rows},{}\n", rows * (rows - 1) / 2)
}

/// Whenever it is killed, the next run goes on: each row comes once, segments never change, and there are never more rows than
/// the source has.
#[test]
fn killed_runs_lose_nothing_and_write_nothing_twice() {
    let (rows, kills) = if is_full() { (5_000_000, 50) } else { (200_000, 3) };
    killed(events(rows, "").path(), rows, kills, &|| {});
}

/// The same of a job in a folder, with something that happens behind each kill.
pub(crate) fn killed(path: &Path, rows: u64, kills: u32, behind: &dyn Fn()) {
    let mut random = Random::new();
    let mut before = BTreeSet::new();
    for _ in 0..kills {
        let mut child = start(path, &["run", "job.yaml", "--threads", "2"]);
        std::thread::sleep(Duration::from_millis(20 + random.below(if is_full() { 3000 } else { 600 })));
        child.kill().unwrap();
        child.wait().unwrap();
        behind();
        let now = segments(path);
        assert!(before.is_subset(&now), "{before:?} {now:?}");
        before = now;
        if !before.is_empty() {
            let answer = count(path);
            let counts: Vec<u64> =
                answer.lines().nth(1).unwrap().split(',').take(2).map(|count| count.parse().unwrap()).collect();
            assert!(counts[0] == counts[1] && counts[0] <= rows, "{answer}");
        }
    }
    assert!(ok(path, &["run", "job.yaml", "--threads", "3"]).contains("complete"));
    assert_eq!(count(path), expected(rows));
    let after = segments(path);
    assert!(ok(path, &["run", "job.yaml"]).contains("published 0 segments"));
    assert_eq!(segments(path), after);
}

/// SIGTERM ends the epoch: the run says how far it has come and ends well, and the next one goes on behind it.
#[test]
fn a_stopped_run_goes_on() {
    let folder = events(200_000, "");
    let path = folder.path();
    let job = fs::read_to_string(path.join("job.yaml")).unwrap();
    fs::write(path.join("job.yaml"), job.replace("    splits: 3", "    splits: 3\n    rowsPerSecond: 50000")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_pinotage"));
    let child = command.args(["run", "job.yaml"]).current_dir(path).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = child.spawn().unwrap();
    // Read to the end: who cannot say anything any more would stop for that reason.
    let mut told = BufReader::new(child.stderr.take().unwrap()).lines();
    let first = told.by_ref().map(|line| line.unwrap()).find(|line| line.starts_with("epoch "));
    assert!(first.is_some(), "no epoch was told");
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let rest: Vec<String> = told.map(|line| line.unwrap()).collect();
    assert!(output.status.success() && text.contains("run the job again to go on"), "{}{text}{rest:?}", output.status);
    fs::write(path.join("job.yaml"), job).unwrap();
    assert!(ok(path, &["run", "job.yaml"]).contains("200000 rows read, 200000 written"));
    assert_eq!(count(path), expected(200_000));
}

/// Bad rows are in the quarantine once each, whatever is killed; beyond the budget the job stops and can go on.
#[test]
fn bad_rows_are_quarantined_within_their_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::create_dir(path.join("in")).unwrap();
    for file in 0..4 {
        let mut text = "id,n\n".to_owned();
        for row in 0..20_000 {
            let n = if row % 100 == 7 { "none".to_owned() } else { row.to_string() };
            writeln!(text, "{file}-{row},{n}").unwrap();
        }
        fs::write(path.join(format!("in/{file}.csv")), text).unwrap();
    }
    let schema = r#"{"schemaName": "t", "dimensionFieldSpecs": [{"name": "id", "dataType": "STRING"}, {"name": "n", "dataType": "INT"}]}"#;
    fs::write(path.join("schema.json"), schema).unwrap();
    let job = |errors: u32| {
        let text = format!(
            "name: j\nsource: {{kind: files, paths: [in]}}\nsink: {{kind: pinot, table: t, schema: schema.json, output: out, segment: {{maxRows: 9000}}}}\n\
             checkpoint: {{interval: 20ms}}\nlimits: {{errors: {errors}}}\nquarantine: bad\n"
        );
        fs::write(path.join("job.yaml"), text).unwrap();
    };
    job(500);
    let output = pinotage(path, &["run", "job.yaml", "--threads", "1"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && error.contains("more than 500 bad rows"), "{error}");
    job(800);
    let mut random = Random::new();
    for _ in 0..2 {
        let mut child = start(path, &["run", "job.yaml", "--threads", "2"]);
        std::thread::sleep(Duration::from_millis(20 + random.below(300)));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let summary = ok(path, &["run", "job.yaml"]);
    assert!(summary.contains("80000 rows read, 79200 written, 0 filtered, 800 quarantined"), "{summary}");
    let answer = ok(
        path,
        &["sql", "SELECT count(*) AS n, count(DISTINCT id) AS ids FROM t", "--table", "t=out", "--output", "csv"],
    );
    assert_eq!(answer, "n,ids\n79200,79200\n");
    let mut files: Vec<String> = Vec::new();
    for entry in fs::read_dir(path.join("bad")).unwrap() {
        files.push(entry.unwrap().file_name().into_string().unwrap());
    }
    assert!(files.iter().all(|file| file.ends_with(".parquet")), "{files:?}");
    let mut bad = BTreeSet::new();
    let mut all = 0;
    for file in files {
        let sql = "SELECT arrow_cast(raw, 'Utf8') AS raw, rule, line FROM q";
        let rows = ok(path, &["sql", sql, "--table", &format!("q=bad/{file}"), "--output", "csv"]);
        for row in rows.lines().skip(1) {
            all += 1;
            bad.insert(row.to_owned());
        }
    }
    assert_eq!((all, bad.len()), (800, 800), "{:?}", bad.first());
    assert!(bad.iter().any(|row| row.contains("3-19907,none") && row.ends_with(",19909")), "{:?}", bad.last());
}

/// Files are the same ones wherever the job is started from; new ones are read, and changed ones stop the job.
#[test]
fn files_are_read_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::create_dir(path.join("in")).unwrap();
    fs::write(path.join("in/a.csv"), "id,n\na1,1\na2,2\n").unwrap();
    let schema = r#"{"schemaName": "t", "dimensionFieldSpecs": [{"name": "id", "dataType": "STRING"}]}"#;
    fs::write(path.join("schema.json"), schema).unwrap();
    let job = "name: j\nsource: {kind: files, paths: [in]}\nsink: {kind: pinot, table: t, schema: schema.json, output: out}\ncheckpoint: {}\n";
    fs::write(path.join("job.yaml"), job).unwrap();
    assert!(ok(path, &["run", "job.yaml"]).contains("2 rows read"));
    assert_eq!(fs::read_dir(path.join(".pinotage/j/staging")).unwrap().count(), 0, "something is left in staging");
    let elsewhere = tempfile::tempdir().unwrap();
    let job = path.join("job.yaml");
    assert!(ok(elsewhere.path(), &["run", job.to_str().unwrap()]).contains(" 2 rows read"));
    fs::write(path.join("in/b.csv"), "id,n\nb1,1\n").unwrap();
    assert!(ok(path, &["run", "job.yaml"]).contains(" 3 rows read"));
    fs::write(path.join("in/a.csv"), "id,n\na1,1\na2,2\na3,3\n").unwrap();
    let output = pinotage(path, &["run", "job.yaml"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && error.contains("in/a.csv") && error.contains("has changed"), "{error}");
    let answer = ok(path, &["sql", "SELECT id FROM t ORDER BY id", "--table", "t=out", "--output", "csv"]);
    assert_eq!(answer, "id\na1\na2\nb1\n");
}

/// A state that is lost, copied or set back never makes rows come twice, and changes nothing that is there.
#[test]
fn lost_and_old_states_are_refused() {
    let folder = events(60_000, "");
    let path = folder.path();
    let slow = fs::read_to_string(path.join("job.yaml")).unwrap();
    let slow = slow
        .replace("    splits: 3", "    splits: 3\n    rowsPerSecond: 20000")
        .replace("maxRows: 2000", "maxRows: 500");
    fs::write(path.join("slow.yaml"), slow).unwrap();
    let mut child = start(path, &["run", "slow.yaml"]);
    while segments(path).is_empty() {
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let state = path.join(".pinotage/j");
    let copy = |to: &str| {
        let to = path.join(to);
        let _ = fs::remove_dir_all(&to);
        assert!(Command::new("cp").arg("-r").arg(&state).arg(&to).status().unwrap().success());
    };
    copy("early");
    ok(path, &["run", "job.yaml"]);
    copy("late");
    let before = segments(path);
    for (state, expected) in [(None, "with another state"), (Some("early"), "later epoch")] {
        fs::remove_dir_all(path.join(".pinotage/j")).unwrap();
        if let Some(state) = state {
            fs::rename(path.join(state), path.join(".pinotage/j")).unwrap();
        }
        let output = pinotage(path, &["run", "job.yaml"]);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && error.contains(expected), "{state:?}: {error}");
        assert_eq!(segments(path), before);
    }
    fs::remove_dir_all(&state).unwrap();
    fs::rename(path.join("late"), &state).unwrap();
    assert!(ok(path, &["run", "job.yaml"]).contains("complete"));
    assert_eq!(count(path), expected(60_000));
}

/// A table that sums rows up while they come in has the sums of all rows, whatever is killed, and fewer rows than came.
#[test]
fn rows_are_summed_up_where_a_segment_is_sealed() {
    let folder = events(if is_full() { 2_000_000 } else { 60_000 }, "");
    let path = folder.path();
    let rows: u64 = if is_full() { 2_000_000 } else { 60_000 };
    let schema = r#"{"schemaName": "t", "dimensionFieldSpecs": [{"name": "key", "dataType": "STRING"}],
        "metricFieldSpecs": [{"name": "total", "dataType": "LONG"}, {"name": "many", "dataType": "LONG"}, {"name": "top", "dataType": "LONG"}]}"#;
    fs::write(path.join("schema.json"), schema).unwrap();
    let table = fs::read_to_string(path.join("table.json")).unwrap();
    let sums = r#""tableType": "OFFLINE", "ingestionConfig": {"aggregationConfigs": [
        {"columnName": "total", "aggregationFunction": "SUM(id)"}, {"columnName": "many", "aggregationFunction": "COUNT(*)"},
        {"columnName": "top", "aggregationFunction": "MAX(id)"}]}"#;
    let table = table.replace(r#""tableType": "OFFLINE""#, sums);
    let raw = r#""tableIndexConfig": {"noDictionaryColumns": ["total", "many", "top"], "#;
    fs::write(path.join("table.json"), table.replace(r#""tableIndexConfig": {"#, raw)).unwrap();
    // Of some 62 keys of a partition a segment has so many, whatever rows they have.
    let job = fs::read_to_string(path.join("job.yaml")).unwrap();
    let small = format!("maxRows: {}", rows / 30);
    assert!(job.contains(&small));
    fs::write(path.join("job.yaml"), job.replace(&small, "maxRows: 55")).unwrap();
    let mut random = Random::new();
    for threads in ["1", "3", "2"] {
        let child = start(path, &["run", "job.yaml", "--threads", threads]);
        std::thread::sleep(Duration::from_millis(50 + random.below(500)));
        crate::kills::kill(child);
    }
    let text = ok(path, &["run", "job.yaml"]);
    assert!(text.contains(&format!("{rows} rows read")) && text.contains("complete"), "{text}");
    let sql = "SELECT sum(total) AS total, sum(many) AS many, max(top) AS top, count(DISTINCT key) AS keys, count(*) < sum(many) / 2 AS fewer FROM t";
    let answer = ok(path, &["sql", sql, "--table", "t=out", "--output", "csv"]);
    let expected = format!("{},{rows},{},500,true", rows * (rows - 1) / 2, rows - 1);
    assert_eq!(answer.lines().nth(1), Some(expected.as_str()), "{answer}");
}

/// SQL over many rows runs as one epoch of a source that has an end.
#[test]
fn sql_over_many_rows_is_one_epoch() {
    let sql =
        "transform: {sql: 'SELECT CAST(count(*) AS BIGINT) AS id, key FROM source WHERE id >= 1000 GROUP BY key'}\n";
    let folder = events(20_000, sql);
    let path = folder.path();
    let mut child = start(path, &["run", "job.yaml"]);
    std::thread::sleep(Duration::from_millis(150));
    child.kill().unwrap();
    child.wait().unwrap();
    let text = ok(path, &["run", "job.yaml"]);
    assert!(
        text.contains("epoch 1: 20000 rows read, 500 made, 500 written, 20000 filtered") && text.contains("complete"),
        "{text}"
    );
    assert_eq!(
        count(path).lines().nth(1).map(|row| row.rsplit(',').next().unwrap().to_owned()),
        Some("19000".to_owned())
    );
    let job = fs::read_to_string(path.join("job.yaml")).unwrap();
    fs::write(path.join("job.yaml"), job.replace("    rows: 20000\n", "").replace("name: j", "name: endless")).unwrap();
    let output = pinotage(path, &["check", "job.yaml"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && error.contains("Aggregate") && error.contains("has an end"), "{error}");
}

/// What would run is shown: no file, no folder for segments, but epochs.
#[test]
fn a_plan_shows_epochs() {
    let folder = events(100, "");
    let plan = ok(folder.path(), &["plan", "job.yaml"]);
    assert!(plan.contains("  read   100 rows of a generator, 3 splits\n"), "{plan}");
    assert!(plan.contains("  epoch  every 50ms; rows of segments that are not full wait in "), "{plan}");
    assert!(ok(folder.path(), &["check", "job.yaml"]).contains(": generated rows, 2 columns, can run"));
}

/// What cannot be is said before anything is read.
#[test]
fn what_cannot_run_in_epochs_is_refused_by_check() {
    let folder = events(100, "staging: 's3://bucket/staging'\n");
    let output = pinotage(folder.path(), &["check", "job.yaml"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && error.contains("staging"), "{error}");
    for (config, expected) in [
        (r#""dedupConfig": {"dedupEnabled": true}"#, "drop duplicates"),
        (r#""upsertConfig": {"mode": "FULL"}"#, "partitions no column"),
        (
            r#""upsertConfig": {"mode": "FULL", "comparisonColumns": ["id"], "metadataTTL": 10}"#,
            "upsertConfig.metadataTTL",
        ),
    ] {
        let folder = events(100, "");
        let path = folder.path();
        let schema = fs::read_to_string(path.join("schema.json")).unwrap();
        fs::write(
            path.join("schema.json"),
            schema.replace("\"schemaName\"", "\"primaryKeyColumns\": [\"key\"], \"schemaName\""),
        )
        .unwrap();
        let table = format!(r#"{{"tableName": "t", "tableType": "OFFLINE", {config}}}"#);
        fs::write(path.join("table.json"), table).unwrap();
        let job = fs::read_to_string(path.join("job.yaml")).unwrap();
        fs::write(path.join("job.yaml"), job.replace("output: out", "controller: 'localhost:1'")).unwrap();
        let output = pinotage(path, &["check", "job.yaml"]);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && error.contains(expected), "{config}: {error}");
    }
    // Whether rows came before servers had forgotten their keys is seen when somebody waits for them.
    let folder = events(100, "");
    let path = folder.path();
    let schema = fs::read_to_string(path.join("schema.json")).unwrap();
    let schema = schema.replace("\"schemaName\"", "\"primaryKeyColumns\": [\"key\"], \"schemaName\"");
    fs::write(path.join("schema.json"), schema).unwrap();
    let table = r#"{"tableName": "t", "tableType": "REALTIME", "upsertConfig": {"mode": "FULL", "comparisonColumns": ["id"], "metadataTTL": 10}}"#;
    fs::write(path.join("table.json"), table).unwrap();
    let job = fs::read_to_string(path.join("job.yaml")).unwrap().replace("output: out", "controller: 'localhost:1'");
    for (push, expected) in
        [("push: {waitSeconds: 0}", "sink.push.waitSeconds"), ("upsert: {ttlMargin: 100}", "ttlMargin")]
    {
        let job = job.replace("controller:", &format!("{push}, controller:"));
        fs::write(path.join("job.yaml"), job).unwrap();
        let output = pinotage(path, &["check", "job.yaml"]);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && error.contains(expected), "{error}");
    }
    fs::write(path.join("job.yaml"), &job).unwrap();
    ok(path, &["check", "job.yaml"]);
    // A table that is wholly what its job makes needs a job that comes to an end.
    let folder = events(100, "");
    let path = folder.path();
    let table = r#"{"tableName": "t", "tableType": "OFFLINE", "segmentsConfig": {"segmentPushType": "REFRESH"}}"#;
    fs::write(path.join("table.json"), table).unwrap();
    let job = fs::read_to_string(path.join("job.yaml")).unwrap().replace("output: out", "controller: 'localhost:1'");
    fs::write(path.join("job.yaml"), &job).unwrap();
    ok(path, &["check", "job.yaml"]);
    fs::write(path.join("job.yaml"), job.replace("    rows: 100\n", "")).unwrap();
    let output = pinotage(path, &["check", "job.yaml"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && error.contains("a REFRESH table is wholly what its job makes"), "{error}");
}

/// A file system of its own with so many bytes; nothing where that is not allowed.
pub(crate) struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    /// Gives it room.
    pub(crate) fn grow(&self, bytes: u64) {
        let size = format!("remount,size={bytes}");
        assert!(Command::new("mount").args(["-o", &size]).arg(&self.0).status().unwrap().success());
    }

    pub(crate) fn mount(at: &Path, bytes: u64) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let size = format!("size={bytes}");
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(at).stderr(Stdio::null()).status();
        if mount.is_ok_and(|status| status.success()) {
            return Some(Self(at.to_owned()));
        }
        eprintln!("SKIPPED: a full disk, because this user may not mount a small one");
        None
    }
}

impl SmallDisk {
    /// So many bytes more than what is there.
    pub(crate) fn leave(&self, bytes: u64) {
        let used = Command::new("du").args(["-s", "-B1"]).arg(&self.0).output().unwrap();
        let used: u64 = String::from_utf8_lossy(&used.stdout).split_whitespace().next().unwrap().parse().unwrap();
        // Whole pages; what is taken already cannot go.
        let size = format!("remount,size={}", (used + bytes).next_multiple_of(4096));
        Command::new("mount").args(["-o", &size]).arg(&self.0).stderr(Stdio::null()).status().unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// A disk that is full, of rows that wait or of the state, stops the job; with room again it goes on, and is exact.
#[test]
fn a_full_disk_costs_nothing() {
    for (folder, bytes) in [("staging", 300_000), (".pinotage/j", 60_000)] {
        let job = events(200_000, "staging: staging\n");
        let path = job.path();
        let text = fs::read_to_string(path.join("job.yaml")).unwrap();
        fs::write(path.join("job.yaml"), text.replace("50ms}", "50ms, restarts: 0}")).unwrap();
        let Some(disk) = SmallDisk::mount(&path.join(folder), bytes) else { return };
        let output = pinotage(path, &["run", "job.yaml"]);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{folder} has room");
        assert!(error.contains("full") || error.contains("No space"), "{folder}: {error}");
        disk.grow(64 << 20);
        assert!(ok(path, &["run", "job.yaml"]).contains("200000 rows read, 200000 written"), "{folder}");
        assert_eq!(count(path), expected(200_000), "{folder}");
    }
}

/// Staging may lie on another file system than the output, which no segment can be moved to in one step.
#[test]
fn staging_may_be_on_another_disk() {
    for archive in ["directory", "tarGz"] {
        let job = events(30_000, "staging: staging\n");
        let path = job.path();
        let text = fs::read_to_string(path.join("job.yaml")).unwrap();
        fs::write(path.join("job.yaml"), text.replace("output: out", &format!("output: out, archive: {archive}")))
            .unwrap();
        let Some(_disk) = SmallDisk::mount(&path.join("staging"), 64 << 20) else { return };
        assert!(ok(path, &["run", "job.yaml"]).contains("complete"));
        assert_eq!(count(path), expected(30_000));
        assert!(segments(path).iter().all(|name| !name.ends_with(".tmp")), "{:?}", segments(path));
    }
}

/// One writer fails at the end of an epoch while another one has nothing to do: the job ends with the reason, and goes on.
#[test]
fn a_writer_that_fails_alone_ends_the_job() {
    let job = events(200_000, "");
    let path = job.path();
    let text = fs::read_to_string(path.join("job.yaml")).unwrap();
    let text = text
        .replace("    splits: 3", "    splits: 3\n    rowsPerSecond: 20000")
        .replace("key: {distinct: 500, prefix: k}", "oneOf: [one]")
        .replace("maxRows: 6666", "maxBytes: 8MiB")
        .replace("50ms}", "50ms, restarts: 0}");
    fs::write(path.join("job.yaml"), &text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_pinotage"));
    let child = command.args(["run", "job.yaml", "--threads", "2"]).current_dir(path).stderr(Stdio::piped());
    let mut child = child.stdout(Stdio::null()).spawn().unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap()).lines().map(|line| line.unwrap());
    assert!(told.any(|line| line.starts_with("epoch ")), "no epoch was told");
    let staging = path.join(".pinotage/j/staging");
    fs::rename(&staging, path.join("away")).unwrap();
    let error: Vec<String> = told.collect();
    assert!(
        !child.wait().unwrap().success() && error.iter().any(|line| line.contains("cannot keep open rows")),
        "{error:?}"
    );
    fs::rename(path.join("away"), &staging).unwrap();
    fs::write(path.join("job.yaml"), text.replace("    rowsPerSecond: 20000\n", "")).unwrap();
    assert!(ok(path, &["run", "job.yaml"]).contains("200000 rows read, 200000 written"));
    assert_eq!(count(path), expected(200_000));
}

/// While nothing can be published no start reads more than may wait.
#[test]
fn starts_again_read_no_more_than_may_wait() {
    let job = events(200_000, "");
    let path = job.path();
    let text = fs::read_to_string(path.join("job.yaml")).unwrap();
    let text = text
        .replace("    splits: 3", "    splits: 3\n    rowsPerSecond: 20000")
        .replace("maxRows: 6666", "maxRows: 20")
        .replace("output: out,", "output: out, publish: {waiting: 2},")
        .replace("50ms}", "50ms, restarts: 2, restartDelay: 10ms}");
    fs::write(path.join("job.yaml"), &text).unwrap();
    fs::write(path.join("out"), "in the way").unwrap();
    let epoch = || {
        assert!(!pinotage(path, &["run", "job.yaml"]).status.success());
        let status: serde_json::Value =
            serde_json::from_str(&ok(path, &["runs", "job.yaml", "--output", "json"])).unwrap();
        status["epochs"]["epoch"].as_u64().unwrap()
    };
    assert_eq!(epoch(), epoch());
    fs::remove_file(path.join("out")).unwrap();
    fs::write(
        path.join("job.yaml"),
        text.replace("    rowsPerSecond: 20000\n", "").replace("maxRows: 20}", "maxRows: 9000}"),
    )
    .unwrap();
    assert!(ok(path, &["run", "job.yaml"]).contains("200000 rows read, 200000 written"));
    assert_eq!(count(path), expected(200_000));
}

/// Rows of three days, in turn: a segment of each day, whatever epochs there are.
#[test]
fn each_window_of_time_has_its_segment() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let schema = r#"{"schemaName": "t", "dimensionFieldSpecs": [{"name": "id", "dataType": "LONG"}], "dateTimeFieldSpecs": [
        {"name": "at", "dataType": "TIMESTAMP", "format": "1:MILLISECONDS:TIMESTAMP", "granularity": "1:MILLISECONDS"}]}"#;
    let table = r#"{"tableName": "t", "tableType": "OFFLINE", "segmentsConfig": {"timeColumnName": "at"}}"#;
    fs::write(path.join("schema.json"), schema).unwrap();
    fs::write(path.join("table.json"), table).unwrap();
    let begin = 1_700_006_400_000_u64;
    let row = |id: u64| format!("{{\"id\": {id}, \"at\": {}}}", begin + id % 3 * 86_400_000 + id);
    fs::write(path.join("in.json"), (0..3_000).map(row).collect::<Vec<_>>().join("\n")).unwrap();
    let job = "name: days\nsource: { kind: files, paths: [in.json] }\nsink:\n  kind: pinot\n  table: t\n  schema: schema.json\n  \
               tableConfig: table.json\n  output: out\n  segment: { eventTimeWindow: 1d, eventTimeLateness: 9d }\n\
               checkpoint: { interval: 10ms }\n";
    fs::write(path.join("job.yaml"), job).unwrap();
    let text = ok(path, &["run", "job.yaml"]);
    assert!(text.contains("published 3 segments"), "{text}");
    for entry in fs::read_dir(path.join("out")).unwrap().flatten().filter(|entry| entry.path().is_dir()) {
        let named = format!("t={}", entry.path().display());
        let sql = "SELECT count(*) AS n, max(at) - min(at) < INTERVAL '1 day' AS of_a_day FROM t";
        let answer = ok(path, &["sql", sql, "--table", &named, "--output", "csv"]);
        assert_eq!(answer.lines().nth(1), Some("1000,true"), "{answer}");
    }
    // Rows of a partial upsert stay together.
    let keyed = schema.replace(r#"{"schemaName": "t","#, r#"{"schemaName": "t", "primaryKeyColumns": ["id"],"#);
    let partial = r#"{"tableName": "t", "tableType": "OFFLINE", "segmentsConfig": {"timeColumnName": "at"},
        "tableIndexConfig": {"nullHandlingEnabled": true, "segmentPartitionConfig": {"columnPartitionMap": {"id": {"functionName": "Murmur", "numPartitions": 2}}}},
        "upsertConfig": {"mode": "PARTIAL", "partialUpsertStrategies": {}, "comparisonColumns": ["at"]}}"#;
    fs::write(path.join("schema.json"), keyed).unwrap();
    fs::write(path.join("table.json"), partial).unwrap();
    let on_flink = job.replace("  output: out\n", "  controller: '127.0.0.1:9'\n") + "staging: /shared\n";
    fs::write(path.join("flink.yaml"), on_flink).unwrap();
    let flink = ["--engine", "flink"];
    for (words, further) in
        [(["check", "job.yaml"], &[][..]), (["plan", "job.yaml"], &[]), (["check", "flink.yaml"], &flink)]
    {
        let output = pinotage(path, &[&words, further].concat());
        let why = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            output.status.code() == Some(2) && why.contains("partial upsert") && why.contains("eventTimeWindow"),
            "{words:?}: {why}"
        );
    }
    fs::write(path.join("schema.json"), schema).unwrap();
    fs::write(path.join("table.json"), table).unwrap();
    // Without epochs it has no meaning, and a column has to be a time.
    for (from, to) in [("checkpoint: { interval: 10ms }\n", ""), ("1d,", "1d, eventTimeColumn: id,")] {
        fs::write(path.join("job.yaml"), job.replace(from, to)).unwrap();
        let output = pinotage(path, &["check", "job.yaml"]);
        let why = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && why.contains("sink.segment.eventTime"), "{why}");
    }
}

//! `pinotage quarantine`: bad rows are listed, shown, and brought into the table once, whatever is killed.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use pinotage_testkit::cluster::{Cluster, eventually};
use pinotage_testkit::fake::{Gate, Side};
use pinotage_testkit::is_full;
use pinotage_testkit::servers::Postgres;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::epochs::Random;
use crate::kills::{Call, kill, oldest, start};
use crate::{ok, pinotage, shown};

/// Of a hundred rows one says `none` in place of its number, and of a thousand another one `never`. One file has its columns in
/// another order.
struct Story {
    folder: TempDir,
    files: u64,
    rows: u64,
    sink: String,
}

impl Story {
    fn new(files: u64, rows: u64, sink: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        fs::create_dir(path.join("in")).unwrap();
        for file in 0..files {
            let swapped = file == 1;
            let mut text = if swapped { "n,id\n" } else { "id,n\n" }.to_owned();
            for row in 0..rows {
                let id = file * rows + row;
                let n = match row % 1000 {
                    11 => "never".to_owned(),
                    rest if rest % 100 == 7 => "none".to_owned(),
                    _ => id.to_string(),
                };
                match swapped {
                    true => writeln!(text, "{n},{id}").unwrap(),
                    false => writeln!(text, "{id},{n}").unwrap(),
                }
            }
            fs::write(path.join(format!("in/{file}.csv")), text).unwrap();
        }
        let schema = r#"{"schemaName": "t", "dimensionFieldSpecs": [{"name": "id", "dataType": "LONG"}, {"name": "n", "dataType": "LONG"}]}"#;
        fs::write(path.join("schema.json"), schema).unwrap();
        let table = json!({"tableName": "t_OFFLINE", "tableType": "OFFLINE", "tenants": {}, "metadata": {},
            "segmentsConfig": {"replication": "1", "segmentPushType": "APPEND"}, "tableIndexConfig": {"loadMode": "MMAP"}});
        fs::write(path.join("table.json"), table.to_string()).unwrap();
        let story = Self { folder, files, rows, sink: sink.to_owned() };
        story.job("['']");
        story
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The job, with texts that mean no value.
    fn job(&self, nulls: &str) {
        let text = format!(
            "name: j\nsource: {{kind: files, paths: [in], csv: {{nullValues: {nulls}}}}}\n\
             sink: {{kind: pinot, table: t, schema: schema.json, tableConfig: table.json, segment: {{maxRows: {}}}, {}}}\n\
             checkpoint: {{interval: 20ms, restartDelay: 100ms}}\nlimits: {{errors: 2%}}\nquarantine: bad\n",
            self.all() / 20,
            self.sink
        );
        fs::write(self.path().join("job.yaml"), text).unwrap();
    }

    fn all(&self) -> u64 {
        self.files * self.rows
    }

    fn none(&self) -> u64 {
        self.all() / 100
    }

    fn never(&self) -> u64 {
        self.all() / 1000
    }

    fn list(&self) -> Vec<Value> {
        serde_json::from_str(&ok(self.path(), &["quarantine", "list", "job.yaml", "--output", "json"])).unwrap()
    }

    fn replay(&self) -> String {
        ok(self.path(), &["quarantine", "replay", "job.yaml"])
    }

    /// Rows and distinct ids in the output folder.
    fn found(&self) -> (u64, u64) {
        let sql = "SELECT count(*) AS n, count(DISTINCT id) AS ids FROM t";
        let answer = ok(self.path(), &["sql", sql, "--table", "t=out", "--output", "csv"]);
        let mut numbers = answer.lines().nth(1).unwrap().split(',').map(|number| number.parse().unwrap());
        (numbers.next().unwrap(), numbers.next().unwrap())
    }
}

/// One percent of the rows is bad; the job is corrected twice, and each replay killed: at the end every row is there once.
#[test]
fn a_corrected_job_is_whole_after_its_replays() {
    let (rows, kills) = if is_full() { (1_000_000, 20) } else { (20_000, 3) };
    let story = Story::new(4, rows, "output: out");
    let path = story.path();
    let mut text = shown(path, &["quarantine", "replay", "job.yaml"]);
    assert!(ok(path, &["run", "job.yaml"]).contains("complete"));
    let bad = story.none() + story.never();
    assert_eq!(story.found(), (story.all() - bad, story.all() - bad));

    // Nothing is better yet: all rows fail again, and none is lost or doubled.
    assert!(story.replay().contains(&format!("{bad} rows read, 0 written, 0 filtered, {bad} quarantined")));
    story.job("['', none]");
    let mut random = Random::new();
    for _ in 0..kills {
        let child = start(path, &["quarantine", "replay", "job.yaml", "--threads", "2"]);
        std::thread::sleep(Duration::from_millis(10 + random.below(200)));
        kill(child);
        let (rows, ids) = story.found();
        assert!(rows == ids && rows <= story.all(), "{rows} rows, {ids} ids");
    }
    story.replay();
    let now = story.all() - story.never();
    assert_eq!(story.found(), (now, now));
    // A replay that finds nothing new to bring changes nothing; rows that failed are tried again.
    story.replay();
    assert_eq!(story.found(), (now, now));
    let ids = "SELECT count(*) AS n, sum(CASE WHEN n IS NULL THEN 1 ELSE 0 END) AS gone, sum(CASE WHEN n <> id AND n > -1 THEN 1 ELSE 0 END) AS other FROM t";
    let answer = ok(path, &["sql", ids, "--table", "t=out", "--output", "csv"]);
    assert!(answer.lines().nth(1).unwrap().ends_with(",0"), "columns have changed places: {answer}");

    story.job("['', none, never]");
    story.replay();
    assert_eq!(story.found(), (story.all(), story.all()));
    let before = story.list();
    let summary = story.replay();
    assert!(summary.contains("published 0 segments") && story.list() == before, "{summary}");
    assert!(before.iter().all(|file| file["replayed"] == file["rows"]), "{before:?}");
    // The job itself knows nothing of it, and finds no foreign segments in its output.
    assert!(ok(path, &["run", "job.yaml"]).contains("published 0 segments"));
    let status: Value = serde_json::from_str(&ok(path, &["runs", "job.yaml", "--output", "json"])).unwrap();
    assert_eq!(status["replay"]["job"], "j-replay");
    assert_eq!(status["epochs"]["counts"]["quarantined"], bad);

    // A job that begins anew reads all rows again: what an earlier state has quarantined is not missing there.
    for folder in [".pinotage", "out"] {
        fs::remove_dir_all(path.join(folder)).unwrap();
    }
    assert!(ok(path, &["run", "job.yaml"]).contains("complete"));
    assert!(story.replay().contains("nothing to replay"));
    assert_eq!(story.found(), (story.all(), story.all()));
    text += &shown(path, &["quarantine", "replay", "bad"]);
    insta::assert_snapshot!("refused", text);
}

/// A state that is lost takes its replay's rows with it: the job reads them again with all others.
#[test]
fn rows_of_a_lost_replay_are_not_doubled() {
    let Some(cluster) = Cluster::shared() else { return };
    let story = Story::new(2, 1000, &format!("controller: '{}', push: {{foreign: replace}}", cluster.controller));
    let path = story.path();
    for file in ["schema.json", "table.json"] {
        let text = fs::read_to_string(path.join(file)).unwrap();
        let text = text.replace("\"t\"", "\"replay_lost\"").replace("t_OFFLINE", "replay_lost_OFFLINE");
        fs::write(path.join(file), text).unwrap();
    }
    let job = |nulls: &str| {
        story.job(nulls);
        let text = fs::read_to_string(path.join("job.yaml")).unwrap();
        fs::write(path.join("job.yaml"), text.replace("table: t,", "table: replay_lost,")).unwrap();
    };
    job("['']");
    ok(path, &["run", "job.yaml"]);
    job("['', none, never]");
    story.replay();
    ok(path, &["run", "job.yaml"]);
    cluster.await_count("replay_lost", 2000);
    fs::remove_dir_all(path.join(".pinotage/j")).unwrap();
    ok(path, &["run", "job.yaml"]);
    cluster.await_count("replay_lost", 2000);
}

/// Its own rows would be all that is left of the table.
#[test]
fn a_replay_into_a_refresh_table_is_refused() {
    let Some(cluster) = Cluster::shared() else { return };
    let story = Story::new(2, 1000, &format!("controller: '{}', push: {{foreign: replace}}", cluster.controller));
    let path = story.path();
    for (file, from, to) in [
        ("schema.json", "\"t\"", "\"replay_refused\""),
        ("table.json", "t_OFFLINE", "replay_refused_OFFLINE"),
        ("table.json", "APPEND", "REFRESH"),
        ("job.yaml", "table: t,", "table: replay_refused,"),
    ] {
        let text = fs::read_to_string(path.join(file)).unwrap();
        fs::write(path.join(file), text.replace(from, to)).unwrap();
    }
    ok(path, &["run", "job.yaml"]);
    let output = pinotage(path, &["quarantine", "replay", "job.yaml"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && error.contains("a replay makes some of its rows"), "{error}");
    cluster.await_count("replay_refused", 1978);
}

#[test]
fn bad_rows_are_listed_and_shown() {
    let story = Story::new(2, 1000, "output: out");
    let path = story.path();
    ok(path, &["run", "job.yaml", "--threads", "1"]);
    let list = story.list();
    assert_eq!(list.iter().map(|file| file["rows"].as_u64().unwrap()).sum::<u64>(), 22, "{list:?}");
    assert!(list.iter().all(|file| file["job"] == "j" && file["rules"]["wrong-type"] == file["rows"]), "{list:?}");
    let text = ok(path, &["quarantine", "list", "bad"]);
    assert!(text.contains("22 rows in ") && text.contains("wrong-type "), "{text}");
    let columns = |args: &[&str]| {
        let mut all = vec!["quarantine", "show", "job.yaml", "--output", "csv"];
        all.extend(args);
        let text = ok(path, &all);
        text.lines().skip(1).map(|line| line.split(',').skip(1).collect::<Vec<_>>().join(",")).collect::<Vec<_>>()
    };
    assert_eq!(columns(&[]).len(), 22);
    assert_eq!(columns(&["--limit", "3"]).len(), 3);
    assert_eq!(columns(&["--rule", "wrong-type"]).len(), 22);
    assert_eq!(columns(&["--rule", "out-of-range"]).len(), 0);
    assert_eq!(columns(&["--column", "id"]).len(), 0);
    assert_eq!(columns(&["--file", "n/1.csv"]).len(), 0, "a part of a name is none");
    let one = columns(&["--file", "1.csv", "--column", "n", "--limit", "1"]);
    assert!(one[0].starts_with("7,9,") && one[0].contains("\"none,1007\""), "{one:?}");
    let shown = ok(path, &["quarantine", "show", "job.yaml", "--limit", "1"]);
    assert!(shown.contains("| wrong-type |") && shown.contains("| 7,none "), "{shown}");

    let folder = crate::job("");
    let output = pinotage(folder.path(), &["quarantine", "replay", "job.yaml"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("remembers its inputs has no rows to replay"), "{error}");
    fs::create_dir(folder.path().join("other")).unwrap();
    ok(
        path,
        &[
            "sql",
            "SELECT 1 AS one",
            "--table",
            "t=out",
            "--to",
            folder.path().join("other/a.parquet").to_str().unwrap(),
        ],
    );
    let output = pinotage(folder.path(), &["quarantine", "list", "other"]);
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("quarantine"));
}

/// Into a cluster: killed around the calls of its publication, a replay brings each row once, beside what the job has brought.
#[test]
fn a_replay_into_a_cluster_is_exact() {
    let Some(cluster) = Cluster::shared() else { return };
    is_replayed_into(cluster);
}

#[test]
fn a_replay_into_the_oldest_pinot_is_exact() {
    let Some(cluster) = oldest() else { return };
    is_replayed_into(cluster);
}

fn is_replayed_into(cluster: &Cluster) {
    let gate = Gate::new(&cluster.controller);
    let story = Story::new(2, 20_000, &format!("controller: '{}', publish: {{interval: 100ms}}", gate.url()));
    let path = story.path();
    for file in ["schema.json", "table.json"] {
        let text = fs::read_to_string(path.join(file)).unwrap();
        fs::write(path.join(file), text.replace("\"t\"", "\"replayed\"").replace("t_OFFLINE", "replayed_OFFLINE"))
            .unwrap();
    }
    let name = |nulls: &str| {
        story.job(nulls);
        let text = fs::read_to_string(path.join("job.yaml")).unwrap();
        fs::write(
            path.join("job.yaml"),
            text.replace("table: t,", "table: replayed,").replace("maxRows: 2000", "maxRows: 100"),
        )
        .unwrap();
    };
    let found = || {
        let answer = cluster.query("SELECT COUNT(*), DISTINCTCOUNT(id) FROM replayed");
        let row = answer["resultTable"]["rows"][0].as_array().cloned()?;
        Some((row[0].as_u64()?, row[1].as_u64()?))
    };
    name("['']");
    fs::write(
        path.join("big.yaml"),
        fs::read_to_string(path.join("job.yaml"))
            .unwrap()
            .replace("maxRows: 100,", "maxRows: 9000,")
            .replace("maxRows: 100}", "maxRows: 9000}"),
    )
    .unwrap();
    assert!(ok(path, &["run", "big.yaml"]).contains("complete"));
    name("['', none, never]");
    for (call, side) in [
        (Call::START, Side::After),
        (Call::upload(2), Side::After),
        (Call::END, Side::Before),
        (Call::END, Side::After),
    ] {
        let hold = gate.hold(side, call.is());
        let mut child = start(path, &["quarantine", "replay", "job.yaml"]);
        hold.await_call(&mut child);
        kill(child);
        let (rows, ids) = found().unwrap();
        assert!(rows == ids && rows <= story.all(), "{rows} rows, {ids} ids");
    }
    assert!(story.replay().contains("complete"));
    let wanted = Some((story.all(), story.all()));
    eventually("every row once", || if found() == wanted { Ok(()) } else { Err(format!("{:?}", found())) });
    assert!(ok(path, &["run", "big.yaml"]).contains("published 0 segments"), "the job takes the replay for its own");
}

/// Rows of a format without text are in the quarantine as JSON, and come back with the types that they had.
#[test]
fn rows_of_formats_without_text_come_back_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::write(path.join("one.csv"), "one\n1\n").unwrap();
    let rows = "SELECT value AS id, CASE WHEN value % 10 = 3 THEN 5000000000 + value ELSE value END AS n,
        to_timestamp_millis(1700000000000 + value * 1001) AS at, arrow_cast(value / 8.0, 'Decimal128(12, 3)') AS price,
        make_array('a' || value, 'b\"' || value) AS tags, arrow_cast('raw' || value, 'Binary') AS bytes,
        CASE WHEN value % 20 = 3 THEN NULL ELSE 'naïve ' || value END AS name
        FROM (SELECT unnest(generate_series(0, 999)) AS value FROM one)";
    ok(path, &["sql", rows, "--table", "one=one.csv", "--to", "in.parquet"]);
    let schema = json!({"schemaName": "t", "dimensionFieldSpecs": [
        {"name": "id", "dataType": "LONG"}, {"name": "n", "dataType": "INT"}, {"name": "name", "dataType": "STRING"},
        {"name": "tags", "dataType": "STRING", "singleValueField": false}, {"name": "bytes", "dataType": "BYTES"}],
        "metricFieldSpecs": [{"name": "price", "dataType": "BIG_DECIMAL"}],
        "dateTimeFieldSpecs": [{"name": "at", "dataType": "TIMESTAMP", "format": "TIMESTAMP", "granularity": "1:MILLISECONDS"}]});
    fs::write(path.join("schema.json"), schema.to_string()).unwrap();
    let job = |more: &str| {
        let text = format!(
            "name: j\nsource: {{kind: files, paths: [in.parquet]}}\nsink: {{kind: pinot, table: t, schema: schema.json, output: out}}\n\
             checkpoint: {{interval: 20ms}}\nquarantine: bad\n{more}"
        );
        fs::write(path.join("job.yaml"), text).unwrap();
    };
    job("");
    assert!(ok(path, &["run", "job.yaml"]).contains("1000 rows read, 900 written, 0 filtered, 100 quarantined"));
    job("transform: {sql: 'SELECT id, n % 1000 AS n, at, price, tags, bytes, name FROM source'}\n");
    let replayed = ok(path, &["quarantine", "replay", "job.yaml"]);
    assert!(replayed.contains("100 rows read, 100 written, 0 filtered, 0 quarantined"), "{replayed}");
    let all = |table: &str| {
        let sql = "SELECT id, n % 1000 AS n, CAST(at AS bigint) AS at, CAST(price AS double) AS price, tags, bytes, coalesce(name, 'null') AS name
            FROM t ORDER BY id";
        ok(path, &["sql", sql, "--table", table, "--output", "csv"])
    };
    assert_eq!(all("t=out"), all("t=in.parquet"));
}

/// The replay of a job whose state is in a database keeps its own there too.
#[test]
fn a_replay_remembers_in_the_database_of_its_job() {
    let Some(server) = Postgres::start() else { return };
    let story = Story::new(2, 1000, "output: out");
    let path = story.path();
    let job = |nulls: &str| {
        story.job(nulls);
        let text = fs::read_to_string(path.join("job.yaml")).unwrap();
        fs::write(path.join("job.yaml"), format!("{text}state: '{}'\n", server.url("pinot"))).unwrap();
    };
    job("['']");
    assert!(ok(path, &["run", "job.yaml"]).contains("complete"));
    job("['', none, never]");
    for published in ["published 1 segments", "published 0 segments"] {
        let summary = story.replay();
        assert!(summary.contains(published), "{summary}");
        assert_eq!(story.found(), (2000, 2000));
    }
    assert!(ok(path, &["run", "job.yaml"]).contains("published 0 segments"));
}

/// Killed right before the record that has an epoch's bad rows, or right behind it: they are written, and count for nothing, or for
/// what they are. Each is told once all the same.
#[test]
fn bad_rows_are_told_once_when_a_process_dies_around_their_record() {
    let Some(server) = Postgres::start() else { return };
    for is_recorded in [false, true] {
        is_killed_around_a_record(&server, is_recorded);
    }
}

fn is_killed_around_a_record(server: &Postgres, is_recorded: bool) {
    let story = Story::new(2, 1000, "output: out");
    let path = story.path();
    let job = fs::read_to_string(path.join("job.yaml")).unwrap() + &format!("state: '{}'\n", server.url("pinot"));
    let name = format!("name: {}\n", if is_recorded { "behind" } else { "before" });
    fs::write(path.join("job.yaml"), job.replace("name: j\n", &name)).unwrap();
    // Another job makes the tables.
    let first = job.replace("name: j\n", "name: first\n").replace("output: out", "output: first");
    fs::write(path.join("first.yaml"), first.replace("quarantine: bad", "quarantine: first-bad")).unwrap();
    ok(path, &["run", "first.yaml"]);
    // The record that names a file of bad rows does not come to its end while the gate is closed.
    server.execute(
        "CREATE TABLE gate AS SELECT 1;
         CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            WHILE NEW.text LIKE '%.parquet%' AND EXISTS (SELECT 1 FROM gate) LOOP PERFORM pg_sleep(0.1); END LOOP;
            RETURN NEW; END $$;
         CREATE TRIGGER hold BEFORE INSERT OR UPDATE ON pinotage_document FOR EACH ROW EXECUTE FUNCTION hold();",
    );
    let mut child = start(path, &["run", "job.yaml", "--threads", "2"]);
    eventually("a record that is held", || {
        assert!(child.try_wait().unwrap().is_none(), "the job has ended");
        let waiting = server.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'");
        if waiting == "1" { Ok(()) } else { Err(waiting) }
    });
    let written: Vec<String> = fs::read_dir(path.join("bad"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(written.len() == 1 && written[0].starts_with('.'), "{written:?}");
    // Something stands where the file is to be: the process comes no further than the record.
    let obstacle = path.join("bad").join(written[0].trim_start_matches('.').trim_end_matches(".tmp"));
    if is_recorded {
        fs::create_dir_all(obstacle.join("in the way")).unwrap();
        server.execute("DELETE FROM gate");
        let recorded = "SELECT count(*) FROM pinotage_document WHERE job LIKE '%behind%' AND text LIKE '%.parquet%'";
        eventually("a record", || {
            let found = server.execute(recorded);
            if found == "0" { Err(found) } else { Ok(()) }
        });
    }
    kill(child);
    if is_recorded {
        fs::remove_dir_all(&obstacle).unwrap();
    }
    // Its connection does not know yet.
    server.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'pinot' AND pid <> pg_backend_pid()",
    );
    server.execute("DROP FUNCTION hold CASCADE; DROP TABLE gate; UPDATE pinotage_lease SET expires = '-infinity'");
    let bad = story.none() + story.never();
    let text = ok(path, &["run", "job.yaml"]);
    assert!(text.contains(&format!("2000 rows read, {} written, 0 filtered, {bad} quarantined", 2000 - bad)), "{text}");
    let told: u64 = story.list().iter().map(|file| file["rows"].as_u64().unwrap()).sum();
    assert_eq!(told, bad, "{:?}", story.list());
    assert_eq!(story.found(), (2000 - bad, 2000 - bad));
}

//! Jobs into a real cluster: every row is there once, whatever happens on the way.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pinotage_testkit::cluster::Cluster;
use pinotage_testkit::is_full;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::{flights, job, ok, pinotage, shown};

/// How long the broker may take to see a change.
const CHANGE_LIMIT: Duration = Duration::from_secs(60);

/// Waits until a query has this answer.
fn answers(cluster: &Cluster, sql: &str, expected: &Json) {
    let end = Instant::now() + CHANGE_LIMIT;
    loop {
        let answer = cluster.query(sql);
        if answer["resultTable"]["rows"] == *expected {
            return;
        }
        assert!(Instant::now() < end, "{sql}: {answer}, expected {expected}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A job over `in/*.csv` into a table of its own; the segments do not stay.
pub(crate) fn pushing_job(cluster: &Cluster, table: &str, table_config: &Json) -> TempDir {
    let folder = job("");
    let path = folder.path();
    let schema = fs::read_to_string(path.join("schema.json")).unwrap().replace("\"t\"", &format!("\"{table}\""));
    fs::write(path.join("schema.json"), schema).unwrap();
    let mut config = json!({"tableName": format!("{table}_OFFLINE"), "tableType": "OFFLINE", "tenants": {}, "metadata": {},
        "segmentsConfig": {"replication": "1", "segmentPushType": "APPEND"}, "tableIndexConfig": {"loadMode": "MMAP"}});
    for (key, value) in table_config.as_object().unwrap() {
        config[key] = value.clone();
    }
    fs::write(path.join("table.json"), config.to_string()).unwrap();
    let text = fs::read_to_string(path.join("job.yaml")).unwrap();
    let text = text
        .replace("table: t,", &format!("table: {table}, controller: \"{}\",", cluster.controller))
        .replace(", output: out", "");
    fs::write(path.join("job.yaml"), text).unwrap();
    folder
}

fn edit(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(path, text.replace(from, to)).unwrap();
}

#[test]
fn the_flights_example_loads_into_a_cluster_in_one_command() {
    let Some(cluster) = Cluster::shared() else { return };
    let folder = flights();
    let place = folder.path().join("flights");
    let text = ok(&place, &["run", "job.yaml", "--controller", &cluster.controller]);
    assert!(text.contains("create the table") && text.contains("pushed 1 segments"), "{text}");
    answers(cluster, "SELECT COUNT(*) FROM flights", &json!([[336_776]]));
    answers(
        cluster,
        "SELECT origin, COUNT(*), SUM(CASE WHEN cancelled THEN 1 ELSE 0 END) FROM flights GROUP BY origin ORDER BY origin",
        &json!([["EWR", 120_835, 3239.0], ["JFK", 111_279, 1863.0], ["LGA", 104_662, 3153.0]]),
    );
    assert!(ok(&place, &["run", "job.yaml", "--controller", &cluster.controller]).contains("nothing to do"));
    let all = ok(&place, &["push", "--list", "--table", &format!("pinot://{}/flights", &cluster.controller[7..])]);
    assert_eq!(all, "no replacements\n");
}

#[test]
fn only_what_is_missing_is_pushed_and_what_changed_is_replaced() {
    let Some(cluster) = Cluster::shared() else { return };
    let folder = pushing_job(cluster, "changing", &json!({}));
    let path = folder.path();
    let dry = ok(path, &["run", "job.yaml", "--dry-run"]);
    assert!(dry.contains("would create the schema") && dry.contains("would create the table"), "{dry}");
    assert!(ok(path, &["plan", "job.yaml"]).contains("removed once they are pushed"));
    let text = ok(path, &["run", "job.yaml"]);
    assert!(text.contains("pushed 2 segments") && text.contains(", 0 went"), "{text}");
    let sums = |rows: u64, sum: f64| answers(cluster, "SELECT COUNT(*), SUM(n) FROM changing", &json!([[rows, sum]]));
    sums(3, 6.0);
    assert!(ok(path, &["run", "job.yaml"]).contains("nothing to do"));
    assert_eq!(fs::read_dir(path.join(".pinotage/j/segments")).unwrap().count(), 0);

    fs::write(path.join("in/c.csv"), "city,n\nKyiv,10\n").unwrap();
    assert!(ok(path, &["run", "job.yaml"]).contains("pushed 1 segments"));
    sums(4, 16.0);
    fs::write(path.join("in/a.csv"), "city,n\nOslo,100\n").unwrap();
    let text = ok(path, &["run", "job.yaml"]);
    assert!(text.contains("pushed 1 segments") && text.contains(", 1 went"), "{text}");
    sums(3, 113.0);
    // An input that has gone leaves its rows where they are: the table is appended to.
    fs::remove_file(path.join("in/b.csv")).unwrap();
    assert!(ok(path, &["run", "job.yaml"]).contains("vanished"));
    sums(3, 113.0);

    // The state is lost: rows would be there twice.
    fs::remove_dir_all(path.join(".pinotage")).unwrap();
    let text = shown(path, &["run", "job.yaml"]);
    assert!(text.contains("exit 75") && text.contains("another state") && text.contains("sink.push.foreign"), "{text}");
    sums(3, 113.0);
    edit(&path.join("job.yaml"), "table: changing,", "table: changing, push: {foreign: replace},");
    ok(path, &["run", "job.yaml"]);
    sums(2, 110.0);
}

#[test]
fn small_inputs_are_pushed_together_and_replaced_together() {
    let Some(cluster) = Cluster::shared() else { return };
    let folder = pushing_job(cluster, "packed", &json!({}));
    let path = folder.path();
    let sums = |rows: u64, sum: f64| answers(cluster, "SELECT COUNT(*), SUM(n) FROM packed", &json!([[rows, sum]]));
    ok(path, &["run", "job.yaml"]);
    sums(3, 6.0);
    // The segments of each input go when that of both comes.
    edit(&path.join("job.yaml"), "kind: files,", "kind: files, packBytes: 1MiB,");
    let text = ok(path, &["run", "job.yaml"]);
    assert!(text.contains("pushed 1 segments") && text.contains(", 2 went"), "{text}");
    sums(3, 6.0);
    fs::write(path.join("in/c.csv"), "city,n\nKyiv,10\n").unwrap();
    let text = ok(path, &["run", "job.yaml"]);
    assert!(text.contains("pushed 1 segments") && text.contains(", 0 went"), "{text}");
    sums(4, 16.0);
    fs::write(path.join("in/a.csv"), "city,n\nOslo,100\n").unwrap();
    let text = ok(path, &["run", "job.yaml"]);
    assert!(text.contains("pushed 1 segments") && text.contains(", 1 went"), "{text}");
    sums(3, 113.0);
}

/// The state remembers tables by their address; the cluster's own marks tell that two addresses are one cluster.
#[test]
fn another_address_of_the_cluster_doubles_nothing() {
    let Some(cluster) = Cluster::shared() else { return };
    let folder = pushing_job(cluster, "two_addresses", &json!({}));
    let path = folder.path();
    ok(path, &["run", "job.yaml"]);
    let other = cluster.controller.replace("127.0.0.1", "localhost");
    assert_ne!(other, cluster.controller);
    let text = shown(path, &["run", "job.yaml", "--controller", &other]);
    assert!(text.contains("exit 75") && text.contains("another address"), "{text}");
    answers(cluster, "SELECT COUNT(*), SUM(n) FROM two_addresses", &json!([[3, 6.0]]));
    assert!(ok(path, &["run", "job.yaml"]).contains("nothing to do"));
}

#[test]
fn a_refresh_table_is_what_its_inputs_are_now() {
    let Some(cluster) = Cluster::shared() else { return };
    let refresh = json!({"segmentsConfig": {"replication": "1", "segmentPushType": "REFRESH"}});
    let folder = pushing_job(cluster, "refreshed", &refresh);
    let path = folder.path();
    ok(path, &["run", "job.yaml"]);
    let sums = |rows: u64, sum: f64| answers(cluster, "SELECT COUNT(*), SUM(n) FROM refreshed", &json!([[rows, sum]]));
    sums(3, 6.0);
    fs::remove_file(path.join("in/b.csv")).unwrap();
    fs::write(path.join("in/a.csv"), "city,n\nOslo,7\nBonn,8\n").unwrap();
    let text = ok(path, &["run", "job.yaml"]);
    assert!(text.contains("pushed 1 segments") && text.contains(", 2 went"), "{text}");
    sums(2, 15.0);
}

/// Said before anything is built, and once: here building fails at a row behind the first ones.
#[test]
fn rows_that_the_table_does_not_keep_are_told_before_they_are_built() {
    let Some(cluster) = Cluster::shared() else { return };
    let days = json!({"segmentsConfig": {"replication": "1", "segmentPushType": "APPEND", "timeColumnName": "n",
        "retentionTimeUnit": "DAYS", "retentionTimeValue": "30"}});
    let folder = pushing_job(cluster, "kept_for_days", &days);
    let path = folder.path();
    let n = r#"{"name": "n", "dataType": "INT"}]"#;
    let day = r#"], "dateTimeFieldSpecs": [{"name": "n", "dataType": "INT", "format": "1:DAYS:EPOCH", "granularity": "1:DAYS"}]"#;
    edit(&path.join("schema.json"), &format!(", {n}"), day);
    edit(&path.join("job.yaml"), "quarantine: bad", "quarantine: bad\nlimits: {errors: 0}");
    let today = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / 86_400;
    let old = |rows: usize, end: &str| format!("city,n\n{}{end}", "Oslo,16000\nBonn,16100\n".repeat(rows));
    fs::write(path.join("in/a.csv"), old(100_000, "Rome,many\n")).unwrap();
    fs::write(path.join("in/b.csv"), format!("city,n\nOslo,16000\nRome,{today}\n")).unwrap();
    let warnings = |args: &[&str], code: i32| {
        let output = pinotage(path, args);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{text}");
        text.lines().filter(|line| line.starts_with("warning: ")).map(str::to_owned).collect::<Vec<_>>()
    };
    let told = |inputs: &str, warnings: Vec<String>| {
        assert!(
            matches!(&warnings[..], [only] if only.contains(inputs) && only.contains("in/a.csv")
            && only.contains("up to 2014-01-30 00:00:00 UTC") && only.contains("older than the 30 days")),
            "{warnings:?}"
        );
    };
    told("1 of 2 inputs", warnings(&["check", "job.yaml", "--online"], 0));
    told("1 of 2 inputs", warnings(&["plan", "job.yaml"], 0));
    assert_eq!(warnings(&["check", "job.yaml"], 0), [""; 0]);
    told("1 of 2 inputs", warnings(&["run", "job.yaml", "--threads", "1"], 1));
    fs::write(path.join("in/a.csv"), old(1, "")).unwrap();
    told("1 of 2 inputs", warnings(&["run", "job.yaml"], 0));
    answers(cluster, "SELECT COUNT(*) FROM kept_for_days", &json!([[4]]));
    // Where the first rows tell nothing, the segments do.
    let sql = "\ntransform: {sql: \"SELECT city, MIN(n) AS n FROM source GROUP BY city\"}";
    edit(&path.join("job.yaml"), "quarantine: bad", &format!("quarantine: bad{sql}"));
    fs::remove_file(path.join("in/b.csv")).unwrap();
    let last = warnings(&["run", "job.yaml"], 0);
    assert!(matches!(&last[..], [only] if only.contains("1 of 1 segments")), "{last:?}");
}

/// Who asks all the time sees the old table or the new one, and never a part of either.
#[test]
fn a_refresh_happens_in_one_step_for_queries() {
    let Some(cluster) = Cluster::shared() else { return };
    let refresh = json!({"segmentsConfig": {"replication": "1", "segmentPushType": "REFRESH"}});
    let folder = pushing_job(cluster, "in_one_step", &refresh);
    let path = folder.path();
    // Five segments, all rows of which have the number of the round.
    let write = |round: u32| {
        for file in ["a", "b", "c", "d", "e"] {
            let rows = format!("Oslo,{round}\n").repeat(round as usize * 10);
            fs::write(path.join(format!("in/{file}.csv")), format!("city,n\n{rows}")).unwrap();
        }
    };
    write(1);
    ok(path, &["run", "job.yaml"]);
    let sql = "SELECT COUNT(*), MIN(n), MAX(n) FROM in_one_step";
    answers(cluster, sql, &json!([[50, 1.0, 1.0]]));
    let done = AtomicBool::new(false);
    let seen = std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let mut seen = Vec::new();
            while !done.load(Ordering::Relaxed) {
                let answer = cluster.query(sql);
                seen.push((answer["resultTable"]["rows"][0].clone(), answer["exceptions"].clone()));
            }
            seen
        });
        for round in 2..=4 {
            write(round);
            ok(path, &["run", "job.yaml"]);
            let round = f64::from(round);
            answers(cluster, sql, &json!([[(round * 50.0) as u64, round, round]]));
        }
        done.store(true, Ordering::Relaxed);
        asking.join().unwrap()
    });
    let whole = [1, 2, 3, 4].map(|round| json!([round * 50, f64::from(round), f64::from(round)]));
    assert!(seen.len() > 20, "only {} answers", seen.len());
    for (row, exceptions) in &seen {
        assert!(whole.contains(row) && exceptions == &json!([]), "{row} {exceptions}");
    }
    // The last table may come with nobody asking any more.
    assert!(whole[..3].iter().all(|row| seen.iter().any(|(found, _)| found == row)), "not every table was seen");
}

#[test]
fn the_table_is_made_to_fit_unless_the_job_must_not() {
    let Some(cluster) = Cluster::shared() else { return };
    let folder = pushing_job(cluster, "fitted", &json!({}));
    let path = folder.path();
    edit(&path.join("job.yaml"), "table: fitted,", "table: fitted, createTable: never,");
    let text = shown(path, &["run", "job.yaml"]);
    assert!(text.contains("exit 2") && text.contains("would have to create the schema"), "{text}");
    edit(&path.join("job.yaml"), "createTable: never,", "");
    ok(path, &["run", "job.yaml"]);
    answers(cluster, "SELECT COUNT(*) FROM fitted", &json!([[3]]));
    // Another job takes schema and config from the cluster.
    edit(&path.join("job.yaml"), "name: j", "name: k");
    edit(&path.join("job.yaml"), ", schema: schema.json, tableConfig: table.json", "");
    ok(path, &["run", "job.yaml"]);
    answers(cluster, "SELECT COUNT(*) FROM fitted", &json!([[6]]));
    assert!(ok(path, &["check", "job.yaml", "--online"]).contains("fitted_OFFLINE, can run"));
    edit(&path.join("job.yaml"), &cluster.controller, "http://127.0.0.1:9");
    assert!(ok(path, &["check", "job.yaml"]).contains("can run"));
    let text = shown(path, &["run", "job.yaml"]);
    assert!(text.contains("exit 75") && text.contains("nothing listens at 127.0.0.1:9"), "{text}");
}

/// Killed at random moments, from the first row to the last call: queries never see a row twice or half a run, and the
/// run that is left alone completes the work.
#[test]
fn killed_runs_lose_nothing_and_double_nothing() {
    let Some(cluster) = Cluster::shared() else { return };
    let folder = pushing_job(cluster, "killed", &json!({}));
    let path = folder.path();
    let seed = u64::from(std::process::id());
    eprintln!("seed {seed}");
    let (mut rows, mut value) = (0, 0);
    for round in 0..if is_full() { 60 } else { 6 } {
        // Each round changes one input and adds another.
        value += 1;
        fs::write(path.join("in/a.csv"), format!("city,n\n{}", format!("Oslo,{value}\n").repeat(20_000))).unwrap();
        fs::write(path.join(format!("in/r{round}.csv")), format!("city,n\n{}", "Rome,0\n".repeat(1000))).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_pinotage"))
            .args(["run", "job.yaml"])
            .current_dir(path)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(50 + (seed * 7919 + round * 104_729) % 1500));
        let _ = child.kill();
        child.wait().unwrap();
        if rows > 0 {
            // What the last whole run left, or what this one was to bring, and nothing between.
            let answer = cluster.query("SELECT COUNT(*), MIN(n), MAX(n) FROM killed WHERE city = 'Oslo'");
            let row = &answer["resultTable"]["rows"][0];
            assert_eq!(row[0], 20_000, "{answer}");
            assert_eq!(row[1], row[2], "{answer}");
        }
        if round % 2 == 1 {
            ok(path, &["run", "job.yaml"]);
            rows = 20_000 + 1 + 1000 * (round + 1);
            answers(cluster, "SELECT COUNT(*) FROM killed", &json!([[rows]]));
            answers(
                cluster,
                "SELECT MIN(n), MAX(n) FROM killed WHERE city = 'Oslo'",
                &json!([[f64::from(value), f64::from(value)]]),
            );
        }
    }
    assert!(ok(path, &["run", "job.yaml"]).contains("nothing to do"));
    assert_eq!(fs::read_dir(path.join(".pinotage/j/segments")).unwrap().count(), 0);
}

#[test]
fn segments_of_a_folder_are_pushed_and_replaced() {
    let Some(cluster) = Cluster::shared() else { return };
    let folder = pushing_job(cluster, "by_hand", &json!({}));
    let path = folder.path();
    ok(path, &["run", "job.yaml"]);
    // The same rows as folders, made without a cluster.
    edit(&path.join("job.yaml"), &format!("controller: \"{}\"", cluster.controller), "output: out");
    edit(&path.join("job.yaml"), "name: j", "name: k");
    ok(path, &["run", "job.yaml"]);
    let table = format!("pinot://{}/by_hand", &cluster.controller[7..]);
    let dry = ok(path, &["push", "out", "--table", &table, "--replace", "everything", "--dry-run"]);
    assert!(dry.contains("would push 2 segments, 2 would go"), "{dry}");
    let text = ok(path, &["push", "out", "--table", &table, "--replace", "everything"]);
    assert!(text.contains("pushed 2 segments") && text.contains("loaded by all their servers; 2 went"), "{text}");
    answers(cluster, "SELECT COUNT(*), SUM(n) FROM by_hand", &json!([[3, 6.0]]));
    assert!(ok(path, &["push", "out", "--table", &table]).contains("nothing to do"));
    assert!(ok(path, &["push", "--list", "--table", &table]).contains("Completed: 2 segments by 2"));
    let id = ok(path, &["push", "--list", "--table", &table]);
    let id = id.lines().last().unwrap().split(' ').next().unwrap();
    assert!(ok(path, &["push", "--revert", id, "--table", &table]).contains("queries see 2 segments again"));
    let text = shown(path, &["push", "--revert", "--table", &table]);
    assert!(text.contains("exit 2") && text.contains("no replacement is in progress"), "{text}");
    assert!(!pinotage(path, &["push", "in", "--table", &table]).status.success());
}

//! `pinotage scan` and the output of `pinotage sql`: files are whole, folders exact, whatever happens on the way.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use pinotage_testkit::cluster::Cluster;
use pinotage_testkit::fake::{Gate, Request, Side};
use serde_json::json;

use crate::cluster::pushing_job;
use crate::kills::{kill, start};
use crate::{ok, shown};

/// The files of an export, with their folders.
pub(crate) fn parts(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        match (path.is_dir(), name.starts_with("part-")) {
            (true, _) => found.extend(parts(&path)),
            (false, true) => found.push(path),
            // What a killed run was writing stays hidden until the next one.
            (false, false) => assert!(name.starts_with("_pinotage-export.") || name.starts_with('.'), "{name}"),
        }
    }
    found.sort();
    found
}

/// The rows of files as lines of CSV, sorted.
pub(crate) fn rows(files: &[PathBuf]) -> Vec<String> {
    let mut rows: Vec<String> = Vec::new();
    for file in files {
        let table = format!("t={}", file.display());
        let text = ok(Path::new("."), &["sql", "SELECT * FROM t", "--table", &table, "--output", "csv"]);
        rows.extend(text.lines().skip(1).map(str::to_owned));
    }
    rows.sort();
    rows
}

pub(crate) fn sorted(rows: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut rows: Vec<String> = rows.into_iter().collect();
    rows.sort();
    rows
}

/// The n-th download of a segment.
pub(crate) fn download(table: &'static str, mut number: usize) -> impl FnMut(&Request) -> bool + Send + 'static {
    move |request| {
        let segment = request.path.strip_prefix(&format!("/segments/{table}/"));
        let is_one =
            request.method == "GET" && segment.is_some_and(|name| name.starts_with(table) && !name.contains('/'));
        number -= usize::from(is_one);
        is_one && number == 0
    }
}

#[test]
fn a_folder_is_exact_after_kills_and_changes() {
    let Some(cluster) = Cluster::shared() else { return };
    let table = "exported";
    let folder = pushing_job(cluster, table, &json!({}));
    let path = folder.path();
    let write = |file: &str, city: &str, numbers: std::ops::Range<u32>| {
        let lines: Vec<String> = numbers.map(|n| format!("{city},{n}")).collect();
        fs::write(path.join(format!("in/{file}.csv")), format!("city,n\n{}\n", lines.join("\n"))).unwrap();
        lines
    };
    let a = write("a", "Oslo", 0..500);
    let (b, c) = (write("b", "Rome", 0..300), write("c", "Bonn", 0..20));
    ok(path, &["run", "job.yaml"]);
    cluster.await_count(table, 820);
    let gate = Gate::new(&cluster.controller);
    let url = format!("{}/{table}?reader=direct", gate.url().replace("http://", "pinot://"));
    let scan = ["scan", &url, "--output", "out/", "--parallelism", "1"];

    let plan = ok(path, &[&scan[..], &["--dry-run"]].concat());
    assert!(plan.contains("would read 3 segments") && plan.contains("reader: direct, because asked for"), "{plan}");
    assert!(!path.join("out").exists());
    // Each time one part more is complete.
    for complete in 1..=2 {
        let hold = gate.hold(Side::Before, download(table, 2));
        let mut child = start(path, &scan);
        hold.await_call(&mut child);
        kill(child);
        assert_eq!(parts(&path.join("out")).len(), complete);
    }
    let text = ok(path, &scan);
    assert!(text.contains("kept 2 files") && text.contains("into 1 files"), "{text}");
    assert_eq!(rows(&parts(&path.join("out"))), sorted([a, b.clone(), c.clone()].concat()));
    assert!(ok(path, &scan).contains("nothing to do"));
    assert_eq!(fs::read_dir(path.join("out")).unwrap().count(), 5, "three parts, their record and its lock");

    // A segment is replaced, another one is new, and a file is not what it was.
    let (a, d) = (write("a", "Oslo", 1000..1100), write("d", "Riga", 0..7));
    ok(path, &["run", "job.yaml"]);
    cluster.await_count(table, 427);
    let expected = sorted([a, b, c, d].concat());
    let text = ok(path, &scan);
    assert!(text.contains("kept 2 files") && text.contains("removed 1") && text.contains("into 2 files"), "{text}");
    assert_eq!(rows(&parts(&path.join("out"))), expected);
    let first = parts(&path.join("out")).remove(0);
    fs::write(&first, &fs::read(&first).unwrap()[1..]).unwrap();
    let text = ok(path, &scan);
    assert!(text.contains("kept 3 files") && text.contains("into 1 files"), "{text}");
    assert_eq!(rows(&parts(&path.join("out"))), expected);
    // By servers, whose requests have other bounds than the parts that are there.
    let by_server = url.replace("direct", "server");
    assert!(ok(path, &["scan", &by_server, "--output", "out"]).contains("nothing to do"));
    ok(path, &["scan", &by_server, "--output", "again/"]);
    assert_eq!(rows(&parts(&path.join("again"))), expected);

    let other = shown(path, &[&scan[..], &["--filter", "n > 1"]].concat());
    assert!(other.contains("already-exists") && other.contains("filter: none; now n > 1"), "{other}");
    let other = shown(path, &["scan", &url, "--output", "in/"]);
    assert!(other.contains("already-exists") && other.contains("other files"), "{other}");
    assert!(path.join("in/a.csv").exists());
}

#[test]
fn columns_filters_and_folders_by_value() {
    let Some(cluster) = Cluster::shared() else { return };
    let table = "exported_some";
    let folder = pushing_job(cluster, table, &json!({}));
    let path = folder.path();
    fs::write(path.join("in/b.csv"), "city,n\nRome,3\nA/B=C,4\n").unwrap();
    ok(path, &["run", "job.yaml"]);
    cluster.await_count(table, 4);
    for reader in ["server", "direct"] {
        let url = format!("pinot://{}/{table}?reader={reader}", &cluster.controller[7..]);
        let filter = "n > 1 AND city LIKE '%o%' OR n = 4";
        ok(path, &["scan", &url, "--output", "some.csv", "--columns", "n,city", "--filter", filter]);
        let text = fs::read_to_string(path.join("some.csv")).unwrap();
        let (head, lines) = text.split_once('\n').unwrap();
        assert_eq!(
            (head, sorted(lines.lines().map(str::to_owned))),
            ("n,city", vec!["3,Rome".into(), "4,A/B=C".into()])
        );

        let out = path.join(reader);
        ok(path, &["scan", &url, "--output", reader, "--partition-by", "city", "--format", "arrow"]);
        let folders =
            sorted(fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()));
        assert_eq!(folders[2..], ["city=A%2FB%3DC", "city=Oslo", "city=Paris", "city=Rome"]);
        assert_eq!(rows(&parts(&out)), ["1", "2", "3", "4"]);
        assert_eq!(rows(&parts(&out.join("city=Rome"))), ["3"]);

        let error = shown(path, &["scan", &url, "--output", "x.csv", "--filter", "n > 1 GROUP BY n"]);
        assert!(error.contains("invalid-config") && !path.join("x.csv").exists(), "{error}");
        let explained =
            ok(path, &["sql", "SELECT city FROM t WHERE n = 3", "--table", &format!("t={url}"), "--explain"]);
        assert!(explained.contains(&format!("reader={reader} (asked for)")), "{explained}");
        assert!(explained.contains("requests=") && explained.contains("filter=n = 3"), "{explained}");
    }
}

#[test]
fn a_folder_has_one_export_at_a_time() {
    let Some(cluster) = Cluster::shared() else { return };
    let table = "exported_twice";
    let folder = pushing_job(cluster, table, &json!({}));
    let path = folder.path();
    ok(path, &["run", "job.yaml"]);
    cluster.await_count(table, 3);
    let gate = Gate::new(&cluster.controller);
    let url = format!("{}/{table}?reader=direct", gate.url().replace("http://", "pinot://"));
    let scan = ["scan", &url, "--output", "out/", "--parallelism", "1"];
    let hold = gate.hold(Side::Before, download(table, 2));
    let mut first = start(path, &scan);
    hold.await_call(&mut first);
    let refused = shown(path, &scan);
    assert!(refused.contains("exit 75") && refused.contains("another export writes into the folder"), "{refused}");
    assert!(refused.contains(&format!("by: process {} since ", first.id())), "{refused}");
    assert_eq!(parts(&path.join("out")).len(), 1, "what the first one wrote stays");
    // Looking does no harm.
    assert!(ok(path, &[&scan[..], &["--dry-run"]].concat()).contains("would read 2 segments"));
    kill(first);
    let text = ok(path, &scan);
    assert!(text.contains("kept 1 files") && text.contains("into 1 files"), "{text}");
    assert_eq!(rows(&parts(&path.join("out"))), ["Oslo,1", "Paris,2", "Rome,3"]);
}

/// A file with many rows.
fn many(folder: &Path) {
    let lines: String = (0..200_000).map(|n| format!("city {},{n}\n", n % 977)).collect();
    fs::write(folder.join("many.csv"), format!("city,n\n{lines}")).unwrap();
}

#[test]
fn answers_go_to_files_and_pipes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    many(path);
    let all = ["sql", "SELECT * FROM t", "--table", "t=many.csv"];
    for name in ["a.parquet", "a.arrow", "a.csv", "a.json"] {
        let said = ok(path, &[&all[..], &["--to", name]].concat());
        assert!(said.starts_with("wrote ") && said.contains(&format!(" rows into {name}, ")), "{said}");
        let sums = ["sql", "SELECT count(*) AS c, sum(n) AS s FROM t", "--table"];
        assert_eq!(
            ok(path, &[&sums[..], &[&format!("t={name}"), "--output", "csv"]].concat()),
            "c,s\n200000,19999900000\n"
        );
    }
    // A table for people ends.
    let table = ok(path, &all);
    assert_eq!(table.lines().count(), 10_000 + 4);
    // A reader that goes away ends the query, and nobody complains.
    let mut child = Command::new(env!("CARGO_BIN_EXE_pinotage"))
        .args(all)
        .args(["--output", "csv"])
        .current_dir(path)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((line.as_str(), output.status.code(), output.stderr.as_slice()), ("city,n\n", Some(0), &[][..]));
    assert!(shown(path, &[&all[..], &["--to", "a.txt"]].concat()).contains("a file needs a format"));
}

#[test]
fn ctrl_c_ends_a_query_and_leaves_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    many(path);
    fs::write(path.join("a.csv"), "old").unwrap();
    let mut child = start(path, &["sql", "SELECT a.n FROM t a, t b", "--table", "t=many.csv", "--to", "a.csv"]);
    let unfinished = || fs::read_dir(path).unwrap().count() > 2;
    let end = Instant::now() + Duration::from_secs(60);
    while !unfinished() {
        assert!(Instant::now() < end && child.try_wait().unwrap().is_none(), "it does not write");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(2));
    assert!(!unfinished());
    assert_eq!(fs::read_to_string(path.join("a.csv")).unwrap(), "old");
}

//! The `pinotage` command as a person meets it: output, errors, exit codes.

mod build_memory;
mod cluster;
mod dist;
mod epochs;
mod epochs_cluster;
mod epochs_files;
mod epochs_random;
mod epochs_random_cluster;
mod epochs_stores;
mod epochs_upsert;
mod export;
mod export_changes;
mod export_growing;
mod export_memory;
mod flink;
mod hidden;
mod interrupt;
mod job_spec;
mod job_spec_examples;
mod job_spec_push;
mod job_spec_stores;
mod kills;
mod log;
mod many;
mod maps;
mod push;
mod quarantine;
mod reconcile;
mod rewrite_kills;
mod runs;
mod spark;
mod staging;
mod state_postgres;
mod table;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;

fn pinotage(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pinotage"))
        .args(args)
        .current_dir(folder)
        .env("SOURCE_DATE_EPOCH", "1700000000")
        .env("COLUMNS", "100")
        .output()
        .unwrap()
}

/// Exit code, stdout and stderr, with what differs from machine to machine taken out.
fn shown(folder: &Path, args: &[&str]) -> String {
    described(folder, args, &pinotage(folder, args))
}

fn described(folder: &Path, args: &[&str], output: &Output) -> String {
    let text = format!(
        "$ pinotage {}\nexit {}\n{}{}",
        args.join(" "),
        output.status.code().unwrap_or(-1),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    text.replace(&folder.display().to_string(), "[folder]")
}

fn ok(folder: &Path, args: &[&str]) -> String {
    let output = pinotage(folder, args);
    assert!(output.status.success(), "{}", described(folder, args, &output));
    String::from_utf8(output.stdout).unwrap()
}

/// The most memory of its own that a command had at a time, in MiB: mapped files do not count.
fn peak(folder: &Path, args: &[&str]) -> u64 {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pinotage"));
    let mut child = command.args(args).current_dir(folder).stdout(Stdio::null()).spawn().unwrap();
    let mut most = 0;
    let code = loop {
        most = most.max(own_memory(child.id()));
        match child.try_wait().unwrap() {
            Some(code) => break code,
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    assert!(code.success(), "{args:?}");
    most / 1024
}

/// The memory of its own that a process has, in KiB.
fn own_memory(process: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let kib = |line: &str| -> Option<u64> {
        let rest = line.strip_prefix("RssAnon:").or_else(|| line.strip_prefix("RssShmem:"))?;
        rest.trim().strip_suffix(" kB")?.parse().ok()
    };
    text.lines().filter_map(kib).sum()
}

/// A folder with a job over `in/*.csv`.
fn job(extra: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("in")).unwrap();
    fs::write(folder.path().join("in/a.csv"), "city,n\nOslo,1\nParis,2\n").unwrap();
    fs::write(folder.path().join("in/b.csv"), "city,n\nRome,3\n").unwrap();
    fs::write(
        folder.path().join("schema.json"),
        r#"{"schemaName": "t", "dimensionFieldSpecs": [{"name": "city", "dataType": "STRING"}, {"name": "n", "dataType": "INT"}]}"#,
    )
    .unwrap();
    fs::write(folder.path().join("table.json"), r#"{"tableName": "t_OFFLINE", "tableType": "OFFLINE"}"#).unwrap();
    let text = format!(
        "name: j\nsource: {{kind: files, paths: [\"in/*.csv\"]}}\nsink: {{kind: pinot, table: t, schema: schema.json, tableConfig: table.json, output: out}}\nquarantine: bad\n{extra}"
    );
    fs::write(folder.path().join("job.yaml"), text).unwrap();
    folder
}

fn segments(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder.join("out"))
        .map(|entries| entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect())
        .unwrap_or_default();
    names.sort();
    names
}

fn crc(segment: &Path) -> Vec<u8> {
    fs::read(segment.join("v3/creation.meta")).unwrap()[..8].to_vec()
}

#[test]
fn help_is_as_published() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = String::new();
    for args in [
        vec!["--help"],
        vec!["run", "--help"],
        vec!["check", "--help"],
        vec!["plan", "--help"],
        vec!["infer", "--help"],
        vec!["runs", "--help"],
        vec!["sql", "--help"],
        vec!["scan", "--help"],
        vec!["reconcile", "--help"],
        vec!["push", "--help"],
        vec!["segment", "inspect", "--help"],
        vec!["segment", "cat", "--help"],
        vec!["segment", "verify", "--help"],
        vec!["segment", "diff", "--help"],
        vec!["segment", "rewrite", "--help"],
        vec!["quarantine", "list", "--help"],
        vec!["quarantine", "show", "--help"],
        vec!["quarantine", "replay", "--help"],
        vec!["staging", "gc", "--help"],
        vec!["table", "rewrite", "--help"],
    ] {
        text.push_str(&shown(folder.path(), &args));
        text.push('\n');
    }
    insta::assert_snapshot!("help", text);
}

#[test]
fn errors_are_as_published_and_end_with_an_action() {
    let folder = job("");
    let path = folder.path();
    let good = fs::read_to_string(path.join("job.yaml")).unwrap();
    let mut text = String::new();
    let mut fails = |args: &[&str]| {
        let shown = shown(path, args);
        let last = shown.trim_end().lines().last().unwrap_or_default();
        assert!(last.trim_start().starts_with("what to do: "), "no action: {shown}");
        text.push_str(&shown);
        text.push('\n');
    };
    fails(&["run", "missing.yaml"]);
    for (from, to) in [
        ("source:", "souce:"),
        ("paths: [\"in/*.csv\"]", "paths: [\"in/*.tsv\"]"),
        ("schema: schema.json", "schema: nothing.json"),
        ("table: t,", "table: other,"),
        ("kind: files", "kind: fils"),
        ("output: out", "output: out, controller: \"host:9000\", connection: {controller: \"host:9000\"}"),
        ("output: out", "output: out, controller: \"loader:secret@host:9000\""),
        ("quarantine: bad", "quarantine: bad\ntransform: {sql: \"SELECT town FROM source\"}"),
        ("quarantine: bad", "quarantine: bad\ntransform: {sql: \"DROP TABLE source\"}"),
        ("quarantine: bad", "quarantine: ${env:PINOTAGE_NOT_SET}"),
        ("quarantine: bad", "quarantine: bad\nlimits: {errors: ten}"),
        ("quarantine: bad", "quarantine: bad\nlimits: {memory: 64MiB}"),
    ] {
        fs::write(path.join("job.yaml"), good.replace(from, to)).unwrap();
        fails(&["check", "job.yaml"]);
    }
    fs::write(path.join("job.yaml"), good.clone() + "limits: {errors: 1}\n").unwrap();
    fs::write(path.join("in/c.csv"), "city,n\nBonn,x\nLima,99999999999\nRiga\n").unwrap();
    fails(&["run", "job.yaml"]);
    fs::write(path.join("in/c.csv"), "n,city\n1,Oslo\n").unwrap();
    fs::write(path.join("cut.parquet"), b"PAR1 and no more").unwrap();
    fs::write(path.join("job.yaml"), good.replace("in/*.csv", "cut.parquet")).unwrap();
    fails(&["run", "job.yaml"]);
    fails(&["segment", "inspect", "in"]);
    let push = ["push", "out", "--table", "pinot://nowhere:9000/t", "--form"];
    fails(&[&push[..], &["metadata"]].concat());
    fails(&[&push[..], &["uri", "--deep-store", "file:///shared"]].concat());
    fails(&[&push[..], &["metadata-batch", "--deep-store", "hdfs://namenode/segments"]].concat());
    fails(&["sql", "SELECT 1 FROM t", "--table", "t=nowhere"]);
    fails(&["sql", "SELECT town FROM t", "--table", "t=in/a.csv"]);
    insta::assert_snapshot!("errors", text);
}

#[test]
fn a_second_run_does_nothing_and_a_changed_input_is_rebuilt_alone() {
    let folder = job("");
    let path = folder.path();
    let first = ok(path, &["run", "job.yaml"]);
    assert!(first.contains("a.csv: 2 rows read, 2 written"), "{first}");
    assert_eq!(segments(path), ["t_0", "t_1"]);
    let before = crc(&path.join("out/t_0"));
    let second = ok(path, &["run", "job.yaml"]);
    assert_eq!(second, "unchanged: 2 of 2 inputs\nnothing to do: every input is built\n");
    fs::write(path.join("in/b.csv"), "city,n\nRome,3\nBonn,4\n").unwrap();
    let third = ok(path, &["run", "job.yaml"]);
    assert!(
        third.contains("b.csv: 2 rows read")
            && !third.contains("built in/a.csv")
            && third.contains("unchanged: 1 of 2"),
        "{third}"
    );
    assert_eq!(crc(&path.join("out/t_0")), before);
    // A segment that somebody removed is built again; an input that is gone is reported.
    fs::remove_dir_all(path.join("out/t_0")).unwrap();
    fs::remove_file(path.join("in/b.csv")).unwrap();
    let fourth = ok(path, &["run", "job.yaml"]);
    assert!(fourth.contains("a.csv: 2 rows read") && fourth.contains("vanished in/b.csv"), "{fourth}");
    assert_eq!((crc(&path.join("out/t_0")), segments(path).len()), (before, 2));
}

#[test]
fn bad_rows_go_to_the_quarantine_with_their_place() {
    let folder = job("transform: {sql: \"SELECT city, n * 2 AS n FROM source WHERE city <> 'Paris'\"}\n");
    let path = folder.path();
    fs::write(path.join("in/a.csv"), "city,n\nOslo,1\nParis,2\nRiga,3,3\nBonn,9\nLima,2000000000\n").unwrap();
    let text = ok(path, &["run", "job.yaml"]);
    assert!(text.contains("a.csv: 5 rows read, 2 written, 1 filtered, 2 quarantined"), "{text}");
    let rows = ok(
        path,
        &[
            "sql",
            "SELECT line, rule, \"column\", arrow_cast(raw, 'Utf8') AS raw FROM q ORDER BY line",
            "--table",
            "q=bad/j-0.parquet",
            "--output",
            "csv",
        ],
    );
    assert_eq!(rows, "line,rule,column,raw\n4,row-width,,\"Riga,3,3\"\n6,out-of-range,n,\"Lima,2000000000\"\n");
    let answer = ok(path, &["sql", "SELECT city, n FROM t ORDER BY n", "--table", "t=out", "--output", "csv"]);
    assert_eq!(answer, "city,n\nOslo,2\nRome,6\nBonn,18\n");
}

#[test]
fn over_the_budget_nothing_is_published() {
    let folder = job("limits: {errors: 0}\n");
    let path = folder.path();
    fs::write(path.join("in/a.csv"), "city,n\nOslo,one\n").unwrap();
    assert_eq!(pinotage(path, &["run", "job.yaml", "--threads", "1"]).status.code(), Some(1));
    assert!(segments(path).is_empty(), "{:?}", segments(path));
}

#[test]
fn a_damaged_segment_is_found() {
    let folder = job("");
    let path = folder.path();
    ok(path, &["run", "job.yaml"]);
    assert!(ok(path, &["segment", "verify", "out/t_0"]).contains("intact"));
    assert!(ok(path, &["segment", "inspect", "out/t_0"]).contains("city"));
    assert_eq!(ok(path, &["segment", "cat", "out/t_0", "--columns", "n", "--limit", "1"]), "{\"n\":1}\n");
    let columns = path.join("out/t_0/v3/columns.psf");
    let mut bytes = fs::read(&columns).unwrap();
    bytes.truncate(bytes.len() - 3);
    fs::write(&columns, bytes).unwrap();
    let output = pinotage(path, &["segment", "verify", "out/t_0"]);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Killed at any moment, a run leaves whole segments or none, and the next run completes the job.
#[test]
fn a_killed_run_leaves_no_half_segment() {
    let folder = job("");
    let path = folder.path();
    let mut rows = String::from("city,n\n");
    (0..300_000).for_each(|n| rows.push_str(&format!("city {},{n}\n", n % 977)));
    for file in ["a.csv", "b.csv", "c.csv"] {
        fs::write(path.join("in").join(file), &rows).unwrap();
    }
    let seed = u64::from(std::process::id());
    eprintln!("seed {seed}");
    for kill in 0..3 {
        let mut child = Command::new(env!("CARGO_BIN_EXE_pinotage"))
            .args(["run", "job.yaml", "--force", "--threads", "2"])
            .current_dir(path)
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(20 + (seed * 7919 + kill * 104_729) % 400));
        let _ = child.kill();
        child.wait().unwrap();
        for name in segments(path).iter().filter(|name| !name.starts_with('.')) {
            assert!(ok(path, &["segment", "verify", &format!("out/{name}")]).contains("intact, 300000 rows"), "{name}");
        }
    }
    ok(path, &["run", "job.yaml"]);
    assert_eq!(segments(path), ["t_0", "t_1", "t_2"], "leftovers of the killed runs stay");
    let answer =
        ok(path, &["sql", "SELECT count(*) AS rows, sum(n) AS sum FROM t", "--table", "t=out", "--output", "csv"]);
    assert_eq!(answer, "rows,sum\n900000,134999550000\n");
    assert!(ok(path, &["run", "job.yaml"]).contains("nothing to do"));
}

/// What a killed run was building goes, even when there is nothing to build any more; what is another job's stays.
#[test]
fn leftovers_of_killed_runs_go_when_nothing_is_built() {
    let folder = job("");
    let path = folder.path();
    ok(path, &["run", "job.yaml"]);
    for folder in ["out/.staging-j-0/t_0", "out/.staging-j-7", "out/.staging-j-other-0", "bad"] {
        fs::create_dir_all(path.join(folder)).unwrap();
    }
    for file in ["out/.staging-j-0/t_0/x", "bad/.j-0.parquet.tmp", "bad/.j-other-0.parquet.tmp"] {
        fs::write(path.join(file), "x").unwrap();
    }
    assert!(ok(path, &["run", "job.yaml"]).contains("nothing to do"));
    assert_eq!(segments(path), [".staging-j-other-0", "t_0", "t_1"]);
    let bad: Vec<_> = fs::read_dir(path.join("bad")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(bad, [".j-other-0.parquet.tmp"]);
}

/// The example of the README in a folder of its own: `flights` beside `data`.
fn flights() -> TempDir {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/flights");
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let place = folder.path().join("flights");
    fs::create_dir_all(&data).unwrap();
    fs::create_dir_all(&place).unwrap();
    fs::copy(example.join("../data/flights.parquet"), data.join("flights.parquet")).unwrap();
    for file in ["job.yaml", "schema.json", "table.json"] {
        fs::copy(example.join(file), place.join(file)).unwrap();
    }
    folder
}

/// The example that the README names first: its answers, and equal bytes with any number of threads.
#[test]
fn the_flights_example_gives_the_answers_of_its_readme() {
    let folder = flights();
    let place = folder.path().join("flights");
    let segment = |threads: &str| -> PathBuf {
        ok(&place, &["run", "job.yaml", "--force", "--threads", threads]);
        fs::read_dir(place.join("out/segments")).unwrap().next().unwrap().unwrap().path()
    };
    let first = crc(&segment("1"));
    assert_eq!(crc(&segment("4")), first);
    assert_eq!(crc(&segment("4")), first);
    // Every query of the README with its answer, as they stand there.
    let readme =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/flights/README.md")).unwrap();
    let mut checked = 0;
    for block in readme.split("```sql\n").skip(1) {
        let (sql, rest) = block.split_once("```").unwrap();
        let answer = rest.split_once("```text\n").unwrap().1.split_once("```").unwrap().0;
        assert_eq!(ok(&place, &["sql", sql, "--table", "flights=out/segments"]), answer, "{sql}");
        checked += 1;
    }
    assert_eq!(checked, 3);
}

#[test]
fn a_segment_is_rewritten_and_compared() {
    let folder = job("");
    let path = folder.path();
    ok(path, &["run", "job.yaml"]);
    let config = |index: &str| format!(r#"{{"tableName": "t", "tableType": "OFFLINE", "tableIndexConfig": {index}}}"#);
    fs::write(path.join("new.json"), config(r#"{"sortedColumn": ["city"], "noDictionaryColumns": ["n"]}"#)).unwrap();
    let rewrite = ["segment", "rewrite", "out/t_0", "--table-config", "new.json", "--output", "new"];
    assert!(ok(path, &rewrite).starts_with("new/t_0: 2 rows, "));
    assert!(ok(path, &["segment", "verify", "new/t_0"]).contains("intact"));
    // Nothing is overwritten.
    assert_eq!(pinotage(path, &rewrite).status.code(), Some(2));
    ok(path, &[&rewrite[..], &["--archive", "--name", "u"]].concat());
    let diff = |left: &str, right: &str, more: &[&str]| {
        let output = pinotage(path, &[&["segment", "diff", left, right], more].concat());
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, text) = diff("out/t_0", "new/t_0", &[]);
    assert!(code == 1 && text.contains("column `n`: encoding: dictionary, 1 bits | raw\n"), "{text}");
    assert!(!text.contains("order") && !text.contains("values"), "{text}");
    assert_eq!(diff("out/t_0", "new/t_0", &["--rows"]), (0, String::new()));
    assert_eq!(diff("new/t_0", "new/t_0", &[]), (0, String::new()));
    let (code, text) = diff("new/t_0", "new/u.tar.gz", &[]);
    assert!(code == 1 && text.starts_with("name: t_0 | u\n") && !text.contains("column"), "{text}");
    // Sorted the other way round by `run`, and one value is another.
    fs::write(path.join("in/a.csv"), "city,n\nParis,2\nOslo,1\n").unwrap();
    ok(path, &["run", "job.yaml"]);
    let (code, text) = diff("new/t_0", "out/t_0", &[]);
    assert!(code == 1 && text.contains("order: the same rows | in another order\n"), "{text}");
    fs::write(path.join("in/a.csv"), "city,n\nOslo,1\nParis,3\n").unwrap();
    ok(path, &["run", "job.yaml"]);
    let (code, text) = diff("new/t_0", "out/t_0", &["--rows"]);
    assert_eq!((code, text.as_str()), (1, "column `n`: values of 1 docs, first doc 1: 2 | 3\n"));
}

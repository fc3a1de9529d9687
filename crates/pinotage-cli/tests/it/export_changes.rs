//! Tables whose segments are refreshed or deleted while they are read: all of it is read as it is then, or nothing.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use pinotage_testkit::cluster::{Cluster, Options, eventually};
use pinotage_testkit::fake::{Gate, Hold, Request, Side};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::cluster::pushing_job;
use crate::export::{parts, rows, sorted};
use crate::kills::oldest;
use crate::{ok, pinotage};

/// The rows of each segment.
const ROWS: u32 = 3_000;

/// A table whose segments have names that do not change: `<table>_0` and so on, each with other numbers in each round.
struct Table<'c> {
    cluster: &'c Cluster,
    name: &'static str,
    folder: TempDir,
    gate: Gate,
    /// The round of each segment, none if it is deleted.
    rounds: Vec<Option<u32>>,
}

impl<'c> Table<'c> {
    fn new(cluster: &'c Cluster, name: &'static str) -> Self {
        let folder = pushing_job(cluster, name, &json!({}));
        let path = folder.path();
        let document = |file: &str| serde_json::from_slice::<Json>(&fs::read(path.join(file)).unwrap()).unwrap();
        cluster.create_table(&document("schema.json"), &document("table.json"));
        let job = fs::read_to_string(path.join("job.yaml")).unwrap();
        let controller = format!(", controller: \"{}\"", cluster.controller);
        fs::write(path.join("job.yaml"), job.replace(&controller, ", output: segments")).unwrap();
        let gate = Gate::new(&cluster.controller);
        let mut table = Self { cluster, name, folder, gate, rounds: vec![Some(0); 3] };
        table.upload(&[0, 1, 2]);
        table
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn lines(&self, segment: usize, round: u32) -> impl Iterator<Item = String> {
        (0..ROWS).map(move |n| format!("city {segment},{}", round * ROWS + n))
    }

    /// What it has now.
    fn now(&self) -> Vec<String> {
        let segments = self.rounds.iter().enumerate();
        sorted(segments.filter_map(|(at, round)| Some(self.lines(at, (*round)?))).flatten())
    }

    /// Builds all segments and uploads these.
    fn upload(&mut self, which: &[usize]) {
        let path = self.path();
        for state in [".pinotage", "segments"] {
            let _ = fs::remove_dir_all(path.join(state));
        }
        for (at, file) in ["a", "b", "c"].iter().enumerate() {
            let lines: Vec<String> = self.lines(at, self.rounds[at].unwrap_or(0)).collect();
            fs::write(path.join(format!("in/{file}.csv")), format!("city,n\n{}\n", lines.join("\n"))).unwrap();
        }
        ok(path, &["run", "job.yaml"]);
        for at in which {
            self.cluster.upload(self.name, &path.join(format!("segments/{}_{at}", self.name)));
        }
        let sum = |at: usize| self.rounds[at].map(|round| u64::from(round) * u64::from(ROWS));
        for at in which {
            let sql = format!("SELECT MIN(n) FROM {} WHERE city = 'city {at}'", self.name);
            eventually("the new rows", || {
                let answer = self.cluster.query(&sql);
                let found = answer["resultTable"]["rows"][0][0].as_f64();
                if found == sum(*at).map(|it| it as f64) { Ok(()) } else { Err(answer.to_string()) }
            });
        }
    }

    fn refresh(&mut self, segment: usize) {
        self.rounds[segment] = self.rounds[segment].map(|round| round + 1);
        self.upload(&[segment]);
    }

    fn delete(&mut self, segment: usize) {
        self.rounds[segment] = None;
        let name = format!("{}_{segment}", self.name);
        self.cluster.delete(&format!("{}/segments/{}/{name}?type=OFFLINE", self.cluster.controller, self.name));
        self.cluster.await_online(&format!("{}_OFFLINE", self.name), self.rounds.iter().flatten().count());
    }

    fn url(&self, reader: &str) -> String {
        format!("{}/{}?reader={reader}", self.gate.url().replace("http://", "pinot://"), self.name)
    }

    /// Holds the n-th download; the segments that were asked for so far.
    fn hold_download(&self, number: usize) -> (Hold, Arc<Mutex<Vec<usize>>>) {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (list, start) = (Arc::clone(&asked), format!("/segments/{0}/{0}_", self.name));
        let hold = self.gate.hold(Side::Before, move |request| {
            let segment = request.path.strip_prefix(&start).filter(|_| request.method == "GET");
            let segment = segment.and_then(|number| number.parse::<usize>().ok());
            let mut list = list.lock().unwrap();
            list.extend(segment);
            segment.is_some() && list.len() == number
        });
        (hold, asked)
    }

    fn spawn(&self, args: &[&str]) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pinotage"));
        command.args(args).current_dir(self.path()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }
}

/// What it says on both.
fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn told(output: &Output) {
    let text = text(output);
    assert!(output.status.success() && text.contains("warning: the table changed after it was looked at"), "{text}");
}

fn the_rest_stays(cluster: &Cluster) {
    let mut table = Table::new(cluster, "changed_meanwhile");
    let url = table.url("direct");
    // A folder: what is complete stays when it still is what the table has.
    let scan = ["scan", &url, "--output", "out/", "--parallelism", "1"];
    let (hold, asked) = table.hold_download(2);
    let mut child = table.spawn(&scan);
    hold.await_call(&mut child);
    let held = asked.lock().unwrap()[1];
    table.refresh(held);
    hold.release();
    let output = child.wait_with_output().unwrap();
    told(&output);
    assert!(text(&output).contains("into 3 files"), "{}", text(&output));
    assert_eq!(rows(&parts(&table.path().join("out"))), table.now());
    assert!(ok(table.path(), &scan).contains("nothing to do"));

    // What was complete, too, is not right any more.
    fs::remove_dir_all(table.path().join("out")).unwrap();
    let (hold, asked) = table.hold_download(2);
    let mut child = table.spawn(&scan);
    hold.await_call(&mut child);
    let [first, held] = asked.lock().unwrap()[..] else { panic!("two were asked for") };
    table.refresh(first);
    table.refresh(held);
    hold.release();
    let output = child.wait_with_output().unwrap();
    told(&output);
    assert!(text(&output).contains("removed 1 files") && text(&output).contains("into 3 files"), "{}", text(&output));
    assert_eq!(rows(&parts(&table.path().join("out"))), table.now());
}

#[test]
fn an_export_starts_over_and_keeps_what_is_right() {
    let Some(cluster) = Cluster::shared() else { return };
    the_rest_stays(cluster);
}

#[test]
fn an_export_of_the_oldest_pinot_starts_over_and_keeps_what_is_right() {
    let Some(cluster) = oldest() else { return };
    the_rest_stays(cluster);
}

#[test]
fn answers_start_over_until_a_row_was_given() {
    let Some(cluster) = Cluster::shared() else { return };
    let mut table = Table::new(cluster, "changed_answers");
    let url = table.url("direct");
    let named = format!("t={url}");
    let queries: [&[&str]; 3] = [
        &["scan", &url, "--output", "all.csv"],
        &["sql", "--table", &named, "SELECT city, n FROM t ORDER BY n", "--to", "all.csv"],
        &[
            "sql",
            "--table",
            &named,
            "SELECT city, count(*), min(n) FROM t GROUP BY city ORDER BY city",
            "--output",
            "csv",
        ],
    ];
    for (at, query) in queries.into_iter().enumerate() {
        let (hold, asked) = table.hold_download(3);
        let mut child = table.spawn(query);
        hold.await_call(&mut child);
        let [first, _, held] = asked.lock().unwrap()[..] else { panic!("three were asked for") };
        table.refresh(first);
        table.refresh(held);
        hold.release();
        let output = child.wait_with_output().unwrap();
        told(&output);
        if at < 2 {
            let all = fs::read_to_string(table.path().join("all.csv")).unwrap();
            assert_eq!(sorted(all.lines().skip(1).map(str::to_owned)), table.now());
            continue;
        }
        let expected: String = table
            .rounds
            .iter()
            .enumerate()
            .map(|(at, round)| format!("city {at},{ROWS},{}\n", round.unwrap() * ROWS))
            .collect();
        let found = String::from_utf8(output.stdout).unwrap();
        assert_eq!(found.split_once('\n').unwrap().1, expected);
    }

    // Rows that nobody has seen are taken back: those in a hidden file, and those of a table for people.
    let rows = ["sql", "--table", &named, "SELECT city, n FROM t", "--to", "rows.csv"];
    for query in [&rows[..], &rows[..4]] {
        let (hold, asked) = table.hold_download(3);
        let mut child = table.spawn(query);
        hold.await_call(&mut child);
        if query.len() == rows.len() {
            let folder = table.path().to_owned();
            let hidden = |entry: fs::DirEntry| {
                let name = entry.file_name().into_string().unwrap();
                name.ends_with(".tmp") && entry.metadata().unwrap().len() > 0
            };
            eventually("rows in the hidden file", || {
                let found = fs::read_dir(&folder).unwrap().any(|entry| hidden(entry.unwrap()));
                if found { Ok(()) } else { Err("none yet".to_owned()) }
            });
        }
        let [first, _, held] = asked.lock().unwrap()[..] else { panic!("three were asked for") };
        table.refresh(first);
        table.refresh(held);
        hold.release();
        let output = child.wait_with_output().unwrap();
        told(&output);
        let text = match query.len() == rows.len() {
            true => fs::read_to_string(table.path().join("rows.csv")).unwrap(),
            false => String::from_utf8(output.stdout).unwrap(),
        };
        let cells = |line: &str| {
            let cells: Vec<&str> = line.split(['|', ',']).map(str::trim).filter(|cell| !cell.is_empty()).collect();
            cells.join(",")
        };
        assert_eq!(sorted(text.lines().map(cells).filter(|line| line.starts_with("city "))), table.now());
    }

    // Rows that were given cannot be taken back.
    let (hold, asked) = table.hold_download(3);
    let mut child = table.spawn(&["sql", "--table", &named, "SELECT * FROM t", "--output", "csv"]);
    hold.await_call(&mut child);
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    for _ in 0..2 {
        line.clear();
        out.read_line(&mut line).unwrap();
    }
    assert!(line.starts_with("city "), "{line}");
    let held = asked.lock().unwrap()[2];
    table.refresh(held);
    hold.release();
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = text(&output);
    assert_eq!(output.status.code(), Some(75), "{said}");
    assert!(said.contains("commit-conflict: ") && said.contains("what to do: read the table again"), "{said}");
}

/// The call for a server's address, which comes between the plan and the request to the server.
fn address(request: &Request) -> bool {
    request.method == "GET" && request.path.starts_with("/instances/")
}

fn deleted_at_servers(cluster: &Cluster) {
    let mut table = Table::new(cluster, "deleted_meanwhile");
    let url = table.url("server");
    let named = format!("t={url}");
    let queries: [&[&str]; 2] = [
        &["scan", &url, "--output", "out/"],
        &["sql", "--table", &named, "SELECT city, count(*) FROM t WHERE n >= 0 GROUP BY city", "--output", "csv"],
    ];
    for (at, query) in queries.into_iter().enumerate() {
        let hold = table.gate.hold(Side::Before, address);
        let mut child = table.spawn(query);
        hold.await_call(&mut child);
        table.delete(at);
        hold.release();
        let output = child.wait_with_output().unwrap();
        told(&output);
        if at == 0 {
            assert_eq!(rows(&parts(&table.path().join("out"))), table.now());
        } else {
            let found = String::from_utf8(output.stdout).unwrap();
            assert_eq!(found.split_once('\n').unwrap().1, format!("city 2,{ROWS}\n"));
        }
    }
}

#[test]
fn segments_that_servers_do_not_have_any_more_are_left_out() {
    let Some(cluster) = Cluster::shared() else { return };
    deleted_at_servers(cluster);
}

#[test]
fn segments_that_the_oldest_servers_do_not_have_any_more_are_left_out() {
    let Some(cluster) = oldest() else { return };
    deleted_at_servers(cluster);
}

/// A cluster of its own, whose server stops.
#[test]
fn rows_that_are_left_out_are_told_and_earlier_files_stay() {
    let Some(cluster) = Cluster::start(&Options::default()) else { return };
    let table = Table::new(&cluster, "left_out");
    let (path, url) = (table.path(), table.url("server&missingSegments=skip"));
    ok(path, &["scan", &url, "--output", "out/"]);
    cluster.stop_server(0);
    eventually("rows are missing", || {
        let output = pinotage(path, &["scan", &url, "--output", "new/"]);
        let text = text(&output);
        let told = text.contains("warning: rows are missing: no server has loaded 3 segments")
            && text.contains("rows of 3 segments are missing: left_out_0, left_out_1, left_out_2\n");
        if output.status.code() == Some(1) && told { Ok(()) } else { Err(text) }
    });
    assert_eq!(parts(&path.join("new")).len(), 0);
    let output = pinotage(path, &["scan", &url, "--output", "all.csv"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    // What an earlier run has of them is right.
    let output = pinotage(path, &["scan", &url, "--output", "out/"]);
    let text = text(&output);
    assert!(output.status.success() && text.contains("nothing to do"), "{text}");
    assert!(text.contains("3 of the segments that no server has loaded are in the folder"), "{text}");
    assert_eq!(rows(&parts(&path.join("out"))), table.now());
}

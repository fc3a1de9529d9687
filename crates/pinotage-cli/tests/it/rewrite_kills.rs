//! `pinotage table rewrite`, killed with SIGKILL: queries see the same rows all the time, and the next run ends the work.

use std::fs;
use std::path::Path;
use std::time::Duration;

use pinotage_testkit::cluster::{Cluster, eventually};
use pinotage_testkit::fake::{Gate, Request, Side};
use pinotage_testkit::is_full;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::cluster::pushing_job;
use crate::kills::{Call, kill, lineage, oldest, start};
use crate::ok;

/// Segments of the table.
const SEGMENTS: usize = 3;

/// A table whose rows stay, while each round wants another sorted column.
struct Table {
    cluster: &'static Cluster,
    gate: Gate,
    name: &'static str,
    folder: TempDir,
    url: String,
    rows: Json,
}

impl Table {
    fn new(cluster: &'static Cluster, name: &'static str) -> Self {
        let folder = pushing_job(cluster, name, &json!({}));
        for (file, city, rows) in [("a", "Oslo", 5000), ("b", "Rome", 300), ("c", "Bonn", 20)] {
            let lines: String = (0..rows).map(|n| format!("{city},{}\n", n % 97)).collect();
            fs::write(folder.path().join(format!("in/{file}.csv")), format!("city,n\n{lines}")).unwrap();
        }
        ok(folder.path(), &["run", "job.yaml"]);
        cluster.await_count(name, 5320);
        let gate = Gate::new(&cluster.controller);
        let url = gate.url().replace("http://", "pinot://") + "/" + name;
        let mut table = Self { cluster, gate, name, folder, url, rows: Json::Null };
        table.rows = table.answer();
        table
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn answer(&self) -> Json {
        let sql = format!("SELECT city, COUNT(*), SUM(n), MAX(n) FROM {} GROUP BY city ORDER BY city", self.name);
        self.cluster.query(&sql)["resultTable"]["rows"].clone()
    }

    /// What sorts the table from now on.
    fn want(&self, column: &str) {
        let index = json!({"loadMode": "MMAP", "sortedColumn": [column]});
        let mut config = json!({"tableName": self.name, "tableType": "OFFLINE", "tenants": {}, "metadata": {}});
        config["segmentsConfig"] = json!({"replication": "1", "segmentPushType": "APPEND"});
        config["tableIndexConfig"] = index;
        fs::write(self.path().join("new.json"), config.to_string()).unwrap();
    }

    fn command(&self) -> [&str; 7] {
        ["table", "rewrite", &self.url, "--table-config", "new.json", "--parallelism", "1"]
    }

    fn kill_at(&self, call: impl FnMut(&Request) -> bool + Send + 'static, side: Side) {
        let hold = self.gate.hold(side, call);
        let mut child = start(self.path(), &self.command());
        hold.await_call(&mut child);
        kill(child);
        assert_eq!(self.answer(), self.rows);
    }

    /// Runs until all is done, and looks whether it is.
    fn is_exact(&self) {
        ok(self.path(), &self.command());
        eventually("the rows are what they were", || {
            let answer = self.answer();
            if answer == self.rows { Ok(()) } else { Err(answer.to_string()) }
        });
        let again = ok(self.path(), &self.command());
        assert!(again.starts_with("nothing to do") && again.contains(&format!("unchanged: {SEGMENTS} ")), "{again}");
        for (_, entry) in lineage(self.cluster, self.name) {
            assert_eq!(entry["state"], "COMPLETED", "{entry}");
        }
        let left = fs::read_dir(self.path().join(format!(".pinotage/rewrite-{}/segments", self.name))).unwrap();
        assert_eq!(left.count(), 0);
    }
}

/// The n-th download.
fn download(mut number: usize) -> impl FnMut(&Request) -> bool + Send + 'static {
    move |request| {
        let mut parts = request.path.split('/').skip(1);
        let is_one = request.method == "GET"
            && (parts.next(), parts.next().is_some()) == (Some("segments"), true)
            && parts.next().is_some_and(|name| name.contains("_j_") || name.contains("_rewrite_"))
            && parts.next().is_none();
        number -= usize::from(is_one && number > 0);
        is_one && number == 0
    }
}

fn new_config(request: &Request) -> bool {
    request.method == "PUT" && request.path.starts_with("/tables/")
}

#[test]
fn a_rewriting_that_is_killed_at_any_step_is_made_up_for() {
    let Some(cluster) = Cluster::shared() else { return };
    let table = Table::new(cluster, "rewrite_killed");
    let mut columns = ["city", "n"].into_iter().cycle();
    let mut round = |kills: &dyn Fn(Side)| {
        table.want(columns.next().unwrap());
        kills(Side::Before);
        kills(Side::After);
        table.is_exact();
    };
    round(&|side| table.kill_at(download(2), side));
    round(&|side| table.kill_at(new_config, side));
    for call in [Call::START, Call::upload(1), Call::upload(3), Call::END, Call::first("/externalview").after(3)] {
        eprintln!("killed at {call:?}");
        // The last calls are made once; who was killed after them has no second one.
        table.want(columns.next().unwrap());
        table.kill_at(call.is(), Side::Before);
        table.is_exact();
        table.want(columns.next().unwrap());
        table.kill_at(call.is(), Side::After);
        table.is_exact();
    }
}

#[test]
fn a_table_of_the_oldest_pinot_is_rewritten_whoever_is_killed() {
    let Some(cluster) = oldest() else { return };
    let table = Table::new(cluster, "rewrite_killed");
    table.want("city");
    let text = ok(table.path(), &table.command());
    assert!(text.contains("rewrote 3 segments with 5320 rows") && text.contains("uploaded 3 segments"), "{text}");
    table.is_exact();
    table.want("n");
    table.kill_at(download(2), Side::Before);
    table.kill_at(new_config, Side::After);
    table.kill_at(Call::START.is(), Side::After);
    table.kill_at(Call::END.is(), Side::Before);
    table.is_exact();
    table.want("city");
    table.kill_at(Call::upload(2).is(), Side::After);
    table.kill_at(Call::END.is(), Side::After);
    table.is_exact();
}

/// At random moments, from the first question to the last call.
#[test]
fn killed_rewritings_change_no_row() {
    let Some(cluster) = Cluster::shared() else { return };
    let table = Table::new(cluster, "rewrite_random");
    let seed = u64::from(std::process::id());
    eprintln!("seed {seed}");
    for round in 0..if is_full() { 20 } else { 3 } {
        table.want(["city", "n"][round as usize % 2]);
        let child = start(table.path(), &table.command());
        std::thread::sleep(Duration::from_millis(20 + (seed * 7919 + round * 104_729) % 1000));
        kill(child);
        assert_eq!(table.answer(), table.rows);
        table.is_exact();
    }
}

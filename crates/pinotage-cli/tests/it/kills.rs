//! Killed with SIGKILL right at one call to the controller: what the next run makes of it.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use pinotage_testkit::cluster::{Cluster, Options, Version, eventually};
use pinotage_testkit::fake::{Gate, Request, Side};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::cluster::pushing_job;
use crate::ok;

/// The n-th call whose path ends so, after so many uploads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    end: &'static str,
    number: usize,
    uploads: usize,
}

impl Call {
    pub(crate) const START: Self = Self::first("/startReplaceSegments");
    pub(crate) const END: Self = Self::first("/endReplaceSegments");

    pub(crate) const fn first(end: &'static str) -> Self {
        Self { end, number: 1, uploads: 0 }
    }

    pub(crate) const fn upload(number: usize) -> Self {
        Self { end: UPLOAD, number, uploads: 0 }
    }

    pub(crate) const fn after(self, uploads: usize) -> Self {
        Self { uploads, ..self }
    }

    /// Whether a request is the one; it has to be asked of each.
    pub(crate) fn is(mut self) -> impl FnMut(&Request) -> bool + Send + 'static {
        move |request| {
            let is_one = self.uploads == 0 && request.method != "HEAD" && request.path.ends_with(self.end);
            self.number -= usize::from(is_one);
            self.uploads -= usize::from(self.uploads > 0 && request.path.ends_with(UPLOAD));
            is_one && self.number == 0
        }
    }
}

const UPLOAD: &str = "/v2/segments";

/// Starts a command that nobody listens to.
pub(crate) fn start(folder: &Path, args: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pinotage"));
    command.args(args).current_dir(folder).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// SIGKILL.
pub(crate) fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// The replacements of a table.
pub(crate) fn lineage(cluster: &Cluster, table: &str) -> Vec<Json> {
    let url = format!("{}/segments/{table}/lineage?type=OFFLINE", cluster.controller);
    let entries = match &*cluster.get(&url) {
        [] => Json::Null,
        bytes => serde_json::from_slice::<Json>(bytes).unwrap()["lineageEntries"].clone(),
    };
    entries.as_object().map(|entries| entries.values().cloned().collect()).unwrap_or_default()
}

/// A job that reaches its cluster through a gate. With each round it has a new input and other rows in two old ones.
struct Story {
    cluster: &'static Cluster,
    gate: Gate,
    table: &'static str,
    folder: TempDir,
    round: u32,
}

impl Story {
    fn new(cluster: &'static Cluster, table: &'static str) -> Self {
        let folder = pushing_job(cluster, table, &json!({}));
        let job = folder.path().join("job.yaml");
        let text = fs::read_to_string(&job).unwrap();
        let gate = Gate::new(&cluster.controller);
        // One after the other, so that the n-th upload is the n-th.
        let text = text.replace(&cluster.controller, &gate.url()).replace("table: ", "push: {parallelism: 1}, table: ");
        fs::write(job, text).unwrap();
        Self { cluster, gate, table, folder, round: 0 }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Three segments come and two go; in the first round none.
    fn next_round(&mut self) {
        self.round += 1;
        for (file, rows) in [("a", 50), ("b", 30)] {
            self.write(file, &format!("Oslo,{}\n", self.round).repeat(rows));
        }
        self.write(&format!("r{}", self.round), &"Rome,0\n".repeat(10));
    }

    /// One segment comes and none goes.
    fn next_small_round(&mut self) {
        self.round += 1;
        self.write(&format!("r{}", self.round), &"Rome,0\n".repeat(10));
    }

    fn write(&self, file: &str, rows: &str) {
        fs::write(self.path().join(format!("in/{file}.csv")), format!("city,n\n{rows}")).unwrap();
    }

    /// The run is killed at this call.
    fn kill_at(&self, call: Call, side: Side) {
        let hold = self.gate.hold(side, call.is());
        let mut child = start(self.path(), &["run", "job.yaml"]);
        hold.await_call(&mut child);
        kill(child);
    }

    /// Rows, least and greatest value of the inputs that change.
    fn changing(&self) -> Json {
        let sql = format!("SELECT COUNT(*), MIN(n), MAX(n) FROM {} WHERE city = 'Oslo'", self.table);
        self.cluster.query(&sql)["resultTable"]["rows"][0].clone()
    }

    fn run(&self) -> String {
        ok(self.path(), &["run", "job.yaml"])
    }

    /// The run after this one brings the table to what the inputs are, and leaves nothing on the way.
    fn is_exact(&self, value: u32) {
        let (rows, value) = (10 * self.round, f64::from(value));
        let sql = format!("SELECT city, COUNT(*), MIN(n), MAX(n) FROM {} GROUP BY city ORDER BY city", self.table);
        let wanted = json!([["Oslo", 80, value, value], ["Rome", rows, 0.0, 0.0]]);
        eventually(&wanted.to_string(), || {
            let answer = self.cluster.query(&sql);
            if answer["resultTable"]["rows"] == wanted { Ok(()) } else { Err(answer.to_string()) }
        });
        for entry in lineage(self.cluster, self.table) {
            assert_eq!(entry["state"], "COMPLETED", "{entry}");
        }
        assert_eq!(fs::read_dir(self.path().join(".pinotage/j/segments")).unwrap().count(), 0);
    }

    /// A new round, killed, and run again.
    fn killed_round(&mut self, call: Call, side: Side) {
        eprintln!("{}: round {}, killed {side:?} {call:?}", self.table, self.round + 1);
        let before = self.changing();
        self.next_round();
        self.kill_at(call, side);
        let now = json!([80, f64::from(self.round), f64::from(self.round)]);
        let found = self.changing();
        assert!(found == before || found == now, "{found}");
        self.run();
        self.is_exact(self.round);
    }
}

const SIDES: [Side; 2] = [Side::Before, Side::After];

#[test]
fn a_run_that_is_killed_at_any_step_of_a_push_is_made_up_for() {
    let Some(cluster) = Cluster::shared() else { return };
    let mut story = Story::new(cluster, "killed_at_steps");
    // Without a table, schema and table come first; in the end two segments appear together. Nobody runs in between.
    fs::remove_file(story.path().join("in/b.csv")).unwrap();
    story.next_round();
    for call in [Call::first("/schemas"), Call::first("/tables"), Call::START, Call::upload(1), Call::END] {
        SIDES.into_iter().for_each(|side| story.kill_at(call, side));
    }
    story.run();
    story.is_exact(1);
    for side in SIDES {
        for call in [Call::START, Call::upload(1), Call::upload(2), Call::upload(3), Call::END] {
            story.killed_round(call, side);
        }
    }
    // Before the first segment is known, while servers load, and when the end is near.
    for end in ["/idealstate", "/externalview", "/zkmetadata"] {
        story.killed_round(Call::first(end), Side::Before);
        story.killed_round(Call::first(end).after(3), Side::Before);
    }
    // One segment by itself needs no replacement.
    let value = story.round;
    for side in SIDES {
        story.next_small_round();
        story.kill_at(Call::upload(1), side);
        story.run();
        story.is_exact(value);
    }
    assert!(story.run().contains("nothing to do"));
}

#[test]
fn a_run_that_is_killed_on_the_oldest_pinot_is_made_up_for() {
    let Some(cluster) = oldest() else { return };
    let mut story = Story::new(cluster, "killed_at_steps");
    story.next_round();
    story.run();
    story.is_exact(1);
    for side in SIDES {
        for call in [Call::START, Call::upload(2), Call::END] {
            story.killed_round(call, side);
        }
    }
    story.killed_round(Call::first("/externalview").after(3), Side::Before);
    assert!(story.run().contains("nothing to do"));
}

/// Pinot 0.11, which these tests share.
pub(crate) fn oldest() -> Option<&'static Cluster> {
    static OLDEST: std::sync::OnceLock<Option<Cluster>> = std::sync::OnceLock::new();
    OLDEST.get_or_init(|| Cluster::start(&Options { version: Version::V0_11, ..Options::default() })).as_ref()
}

//! Killed with SIGKILL right at one call to the controller: what the next run makes of it.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use pinotage_testkit::cluster::{Cluster, Options, Version, eventually};
use pinotage_testkit::fake::{Gate, Request, Side};
use serde_json::{Map, Value as Json, json};
use tempfile::TempDir;

use crate::cluster::pushing_job;
use crate::{ok, pinotage};

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
            let is_one = self.uploads == 0 && request.path.ends_with(self.end);
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

/// The replacements of a table, by id.
pub(crate) fn lineage(cluster: &Cluster, table: &str) -> Map<String, Json> {
    let url = format!("{}/segments/{table}/lineage?type=OFFLINE", cluster.controller);
    let answer = cluster.get(&url);
    // There was none yet.
    if answer.is_empty() {
        return Map::new();
    }
    serde_json::from_slice::<Json>(&answer).unwrap()["lineageEntries"].as_object().cloned().unwrap_or_default()
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

    /// Runs after segments were deleted by hand whose names come again. A server that is still dropping them may put the new
    /// ones in ERROR without a reason: the run says so, takes its replacement back and is to be run again.
    fn run_after_deletion(&self) {
        for _ in 0..3 {
            let output = pinotage(self.path(), &["run", "job.yaml"]);
            let text = String::from_utf8_lossy(&output.stderr);
            if output.status.success() {
                return;
            }
            assert!(output.status.code() == Some(75) && text.contains("a server could not load a segment"), "{text}");
            eprintln!("once more: {text}");
        }
        self.run();
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
        for (_, entry) in lineage(self.cluster, self.table) {
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

/// A run that is killed leaves files of its state, and the next one removes them.
#[test]
fn nothing_of_a_killed_run_fills_the_disk() {
    let Some(cluster) = Cluster::shared() else { return };
    let mut story = Story::new(cluster, "killed_files");
    let segments = story.path().join(".pinotage/j/segments");
    story.next_round();
    let hold = story.gate.hold(Side::Before, Call::END.is());
    let mut child = start(story.path(), &["run", "job.yaml"]);
    hold.await_call(&mut child);
    let built: Vec<_> = fs::read_dir(&segments).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(built.len(), 3);
    let kept: Vec<_> = built.iter().map(|file| fs::read(file).unwrap()).collect();
    hold.release();
    assert!(child.wait().unwrap().success());
    // As if it had been killed when all was recorded and nothing was removed yet, and another one while it built.
    built.iter().zip(kept).for_each(|(file, bytes)| fs::write(file, bytes).unwrap());
    fs::write(segments.join("unknown.tar.gz"), "a segment").unwrap();
    fs::create_dir_all(segments.join(".staging-j-7/part")).unwrap();
    assert!(story.run().contains("nothing to do"));
    story.is_exact(1);
}

/// What somebody does to a replacement by hand, right before it is ended, costs no row and doubles none.
#[test]
fn what_is_deleted_by_hand_before_the_end_is_pushed_again() {
    let Some(cluster) = Cluster::shared() else { return };
    tampered(cluster);
}

#[test]
fn what_is_deleted_by_hand_before_the_end_is_pushed_again_to_the_oldest_pinot() {
    let Some(cluster) = oldest() else { return };
    tampered(cluster);
}

/// Gets id and entry of the replacement in progress.
type Tamper<'a> = &'a dyn Fn(&str, &Json);

fn tampered(cluster: &'static Cluster) {
    let mut story = Story::new(cluster, "tampered");
    story.next_round();
    story.run();
    story.is_exact(1);
    let name = cluster.get_json(&format!("{}/cluster/info", cluster.controller))["clusterName"].clone();
    let forget = |id: &str, _: &Json| {
        let node = format!("path=/{}/PROPERTYSTORE/SEGMENT_LINEAGE/tampered_OFFLINE", name.as_str().unwrap());
        let mut record = cluster.get_json(&format!("{}/zk/get?{node}", cluster.controller));
        record["listFields"].as_object_mut().unwrap().remove(id).unwrap();
        cluster.http.put_json(&format!("{}/zk/put?{node}", cluster.controller), &record).unwrap();
    };
    let revert = |id: &str, _: &Json| {
        let call = "tampered/revertReplaceSegments?type=OFFLINE&forceRevert=true&segmentLineageEntryId=";
        cluster.http.post_json(&format!("{}/segments/{call}{id}", cluster.controller), &json!({})).unwrap();
    };
    let delete = |name: &Json| {
        let url = format!("{}/segments/tampered/{}?type=OFFLINE", cluster.controller, name.as_str().unwrap());
        cluster.delete(&url);
    };
    let delete_one = |_: &str, entry: &Json| delete(&entry["segmentsTo"][1]);
    let delete_all = |_: &str, entry: &Json| entry["segmentsTo"].as_array().unwrap().iter().for_each(delete);
    let delete_old = |_: &str, entry: &Json| delete(&entry["segmentsFrom"][0]);
    let forget_all = |id: &str, entry: &Json| {
        delete_all(id, entry);
        forget(id, entry);
    };
    let tampers: [(&str, Tamper); 6] = [
        ("the entry is reverted", &revert),
        ("the entry is lost", &forget),
        ("a new segment is deleted", &delete_one),
        ("the new segments are deleted", &delete_all),
        ("an old segment is deleted", &delete_old),
        ("all is deleted", &forget_all),
    ];
    for (what, tamper) in tampers {
        story.next_round();
        let hold = story.gate.hold(Side::Before, Call::END.is());
        let mut child = start(story.path(), &["run", "job.yaml"]);
        hold.await_call(&mut child);
        let entries = lineage(cluster, "tampered");
        let (id, entry) = entries.iter().find(|(_, entry)| entry["state"] == "IN_PROGRESS").unwrap();
        tamper(id, entry);
        hold.release();
        let status = child.wait().unwrap();
        eprintln!("{what}: {status}");
        story.run_after_deletion();
        story.is_exact(story.round);
    }
}

/// Pinot 0.11, which these tests share.
pub(crate) fn oldest() -> Option<&'static Cluster> {
    static OLDEST: std::sync::OnceLock<Option<Cluster>> = std::sync::OnceLock::new();
    OLDEST.get_or_init(|| Cluster::start(&Options { version: Version::V0_11, ..Options::default() })).as_ref()
}

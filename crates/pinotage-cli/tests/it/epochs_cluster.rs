//! Jobs that run in epochs, into real clusters: killed at each call of a publication, and while parts of the cluster are down.

use std::fs;
use std::path::Path;
use std::process::Child;
use std::time::Duration;

use pinotage_testkit::cluster::{Cluster, Options, Version, eventually};
use pinotage_testkit::fake::{Gate, Side};
use serde_json::json;
use tempfile::TempDir;

use crate::epochs::{Random, SmallDisk};
use crate::kills::{Call, kill, lineage, oldest, start};
use crate::{ok, own_memory, pinotage};

/// A job that generates keyed rows into a table of a cluster.
struct Story<'a> {
    cluster: &'a Cluster,
    table: &'static str,
    folder: TempDir,
    rows: u64,
}

impl<'a> Story<'a> {
    fn new(cluster: &'a Cluster, controller: &str, table: &'static str, rows: u64, replication: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
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
sink: {{kind: pinot, table: {table}, controller: '{controller}', schema: schema.json, tableConfig: table.json, segment: {{maxRows: 2500}},
  publish: {{interval: 1s}}}}
checkpoint: {{interval: 50ms, restartDelay: 200ms}}
"
        );
        fs::write(path.join("job.yaml"), &job).unwrap();
        let slow = job.replace("    splits: 3", "    splits: 3\n    rowsPerSecond: 15000");
        fs::write(path.join("slow.yaml"), slow).unwrap();
        let schema = json!({"schemaName": table, "dimensionFieldSpecs":
            [{"name": "id", "dataType": "LONG"}, {"name": "key", "dataType": "STRING"}]});
        fs::write(path.join("schema.json"), schema.to_string()).unwrap();
        let config = json!({"tableName": format!("{table}_OFFLINE"), "tableType": "OFFLINE", "tenants": {}, "metadata": {},
            "segmentsConfig": {"replication": replication.to_string(), "segmentPushType": "APPEND"},
            "tableIndexConfig": {"loadMode": "MMAP", "segmentPartitionConfig": {"columnPartitionMap":
                {"key": {"functionName": "Murmur", "numPartitions": 2}}}}});
        fs::write(path.join("table.json"), config.to_string()).unwrap();
        Self { cluster, table, folder, rows }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn slow(&self) -> Child {
        start(self.path(), &["run", "slow.yaml"])
    }

    /// Another word in both jobs.
    fn change(&self, from: &str, to: &str) {
        for file in ["job.yaml", "slow.yaml"] {
            let text = fs::read_to_string(self.path().join(file)).unwrap();
            fs::write(self.path().join(file), text.replace(from, to)).unwrap();
        }
    }

    /// The table has the rows that the source has, compared value by value.
    fn is_reconciled(&self) {
        let text = fs::read_to_string(self.path().join("job.yaml")).unwrap();
        let (source, _) = text.split_once("sink:").unwrap();
        let sink = format!("sink: {{kind: pinot, table: {}, schema: schema.json, output: expected}}\n", self.table);
        let job = source.replace("name: j", "name: expected") + &sink;
        fs::write(self.path().join("expected.yaml"), job).unwrap();
        ok(self.path(), &["run", "expected.yaml"]);
        let table = format!("{}/{}", self.cluster.controller.replace("http://", "pinot://"), self.table);
        let text = ok(self.path(), &["reconcile", "expected", &table, "--by", "key"]);
        eprintln!("{text}");
    }

    /// Rows, distinct ids and the sum of ids, as the broker has them.
    fn found(&self) -> Option<(u64, u64, f64)> {
        let sql = format!("SELECT COUNT(*), DISTINCTCOUNT(id), SUM(id) FROM {}", self.table);
        let answer = self.cluster.query(&sql);
        let row = answer["resultTable"]["rows"][0].as_array()?;
        Some((row[0].as_u64()?, row[1].as_u64()?, row[2].as_f64()?))
    }

    /// Whatever has happened: no row twice, and no more rows than there are.
    fn is_never_doubled(&self) {
        let found = self.found();
        assert!(found.is_none_or(|(rows, ids, _)| rows == ids && rows <= self.rows), "{found:?}");
    }

    /// The same, and no replacement has been taken back.
    fn is_exact(&self) {
        self.has_every_row();
        for (_, entry) in lineage(self.cluster, self.table) {
            assert_eq!(entry["state"], "COMPLETED", "{entry}");
        }
    }

    /// The job is brought to its end, and each row is there once.
    fn has_every_row(&self) {
        let text = ok(self.path(), &["run", "job.yaml"]);
        assert!(text.contains("complete"), "{text}");
        let sum = (self.rows * (self.rows - 1) / 2) as f64;
        let wanted = Some((self.rows, self.rows, sum));
        eventually(&format!("{wanted:?}"), || {
            let found = self.found();
            if found == wanted { Ok(()) } else { Err(format!("{found:?}")) }
        });
    }
}

/// Killed before and after each call of a publication; each next run goes on with it.
fn killed_at_calls(cluster: &Cluster, calls: &[(Call, Side)]) {
    let gate = Gate::new(&cluster.controller);
    // In the large size segments are larger too, so that there are about as many of them.
    let (rows, size) = if pinotage_testkit::is_full() { (5_000_000, 30) } else { (150_000, 1) };
    let story = Story::new(cluster, &gate.url(), "epochs_killed", rows, 1);
    story.change("rowsPerSecond: 15000", &format!("rowsPerSecond: {}", 15_000 * size / 3));
    story.change("maxRows: 2500", &format!("maxRows: {}", 2500 * size));
    story.change("splits: 3", "splits: 8");
    for (call, side) in calls {
        eprintln!("killed {side:?} {call:?}");
        let hold = gate.hold(*side, call.is());
        let mut child = story.slow();
        hold.await_call(&mut child);
        kill(child);
        story.is_never_doubled();
    }
    let mut random = Random::new();
    for _ in 0..if pinotage_testkit::is_full() { 50 } else { 2 } {
        let child = story.slow();
        std::thread::sleep(Duration::from_millis(100 + random.below(2500)));
        kill(child);
        story.is_never_doubled();
    }
    story.is_exact();
    story.is_reconciled();
    let entries = lineage(cluster, "epochs_killed").len();
    assert!(entries <= 2 * calls.len() + 60, "{entries} entries");
}

#[test]
fn a_publication_of_epochs_that_is_killed_is_gone_on_with() {
    let Some(cluster) = Cluster::shared() else { return };
    let calls = [
        (Call::first("/schemas"), Side::After),
        (Call::START, Side::Before),
        (Call::START, Side::After),
        (Call::upload(2), Side::Before),
        (Call::upload(2), Side::After),
        (Call::END, Side::Before),
        (Call::END, Side::After),
    ];
    killed_at_calls(cluster, &calls);
}

#[test]
fn a_publication_of_epochs_that_is_killed_is_gone_on_with_on_the_oldest_pinot() {
    let Some(cluster) = oldest() else { return };
    killed_at_calls(cluster, &[(Call::START, Side::After), (Call::upload(2), Side::After), (Call::END, Side::After)]);
}

#[test]
fn parts_of_the_cluster_may_be_down_for_a_while() {
    parts_may_be_down(Options { servers: 2, ..Options::default() });
}

#[test]
fn parts_of_the_oldest_cluster_may_be_down_for_a_while() {
    parts_may_be_down(Options { version: Version::V0_11, servers: 2, ..Options::default() });
}

/// Reading goes on while the controller is down, and what was read comes when it is up again; a server that is down is waited for.
fn parts_may_be_down(options: Options) {
    let Some(cluster) = Cluster::start(&options) else { return };
    let story = Story::new(&cluster, &cluster.controller, "epochs_down", 150_000, 2);
    let mut child = story.slow();
    eventually("a first publication", || match story.found() {
        Some((rows, ..)) if rows > 0 => Ok(()),
        found => Err(format!("{found:?}")),
    });
    cluster.stop_controller();
    std::thread::sleep(Duration::from_secs(if pinotage_testkit::is_full() { 60 } else { 3 }));
    story.is_never_doubled();
    assert!(child.try_wait().unwrap().is_none(), "the job has stopped");
    cluster.start_controller();
    cluster.stop_server(0);
    std::thread::sleep(Duration::from_secs(2));
    assert!(child.try_wait().unwrap().is_none(), "the job has stopped");
    cluster.start_server(0);
    assert!(child.wait().unwrap().success());
    story.is_exact();
}

/// A disk that is full, of rows that wait or of the state: the job stops, nothing in the table changes, and with room again it
/// goes on and is exact.
fn a_full_disk_costs_nothing(cluster: &Cluster) {
    for (table, folder, bytes) in
        [("epochs_full_staging", "staging", 300_000), ("epochs_full_state", ".pinotage/j", 60_000)]
    {
        let story = Story::new(cluster, &cluster.controller, table, 150_000, 1);
        story.change("50ms, ", "50ms, restarts: 0, ");
        story.change("name: j\n", "name: j\nstaging: staging\n");
        let disk = story.path().join(folder);
        let Some(full) = SmallDisk::mount(&disk, bytes) else { return };
        let output = pinotage(story.path(), &["run", "job.yaml"]);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{folder} has room");
        assert!(error.contains("full") || error.contains("No space"), "{folder}: {error}");
        story.is_never_doubled();
        full.grow(64 << 20);
        story.is_exact();
        story.is_reconciled();
    }
}

#[test]
fn a_full_disk_costs_a_cluster_nothing() {
    let Some(cluster) = Cluster::shared() else { return };
    a_full_disk_costs_nothing(cluster);
}

#[test]
fn a_full_disk_costs_the_oldest_pinot_nothing() {
    let Some(cluster) = oldest() else { return };
    a_full_disk_costs_nothing(cluster);
}

/// While the controller keeps a publication waiting the source is not read to its end, and nothing piles up in memory.
#[test]
fn a_slow_cluster_makes_reading_slow() {
    let Some(cluster) = Cluster::shared() else { return };
    let gate = Gate::new(&cluster.controller);
    let rows = if pinotage_testkit::is_full() { 20_000_000 } else { 2_000_000 };
    let story = Story::new(cluster, &gate.url(), "epochs_slow", rows, 1);
    let (path, job) = (story.path(), story.path().join("job.yaml"));
    let text =
        fs::read_to_string(&job).unwrap().replace("maxRows: 2500", &format!("maxBytes: 64MiB, maxRows: {}", rows / 80));
    let text = text.replace("publish: {interval: 1s}", "publish: {interval: 1s, waiting: 3}");
    fs::write(&job, format!("{text}limits: {{memory: 96MiB}}\n")).unwrap();
    let hold = gate.hold(Side::Before, Call::START.is());
    let mut child = start(path, &["run", "job.yaml"]);
    hold.await_call(&mut child);
    // Read so far: when that does not change any more, reading waits.
    let mut most = 0;
    let (mut read, mut same) = (0, 0);
    while same < 30 {
        for _ in 0..10 {
            most = most.max(own_memory(child.id()));
            std::thread::sleep(Duration::from_millis(10));
        }
        let status: serde_json::Value =
            serde_json::from_str(&ok(path, &["runs", "job.yaml", "--output", "json"])).unwrap();
        let now = status["epochs"]["counts"]["read"].as_u64().unwrap();
        same = if now == read { same + 1 } else { 0 };
        read = now;
    }
    eprintln!("{read} of {rows} rows were read, {} MiB", most >> 10);
    assert!(read < rows / 2, "{read} of {rows} rows were read while nothing could be published");
    assert!(most >> 10 <= 96 * 115 / 100 + 64, "{} MiB with 96 MiB", most >> 10);
    hold.release();
    assert!(child.wait().unwrap().success());
    story.is_exact();
}

/// The controller takes a replacement back that has not ended, as its retention manager does after a day: what waits in staging
/// comes once more.
#[test]
fn a_replacement_that_the_controller_took_back_is_made_again() {
    let Some(cluster) = Cluster::shared() else { return };
    let gate = Gate::new(&cluster.controller);
    let story = Story::new(cluster, &gate.url(), "epochs_taken_back", 60_000, 1);
    let hold = gate.hold(Side::Before, Call::END.is());
    let mut child = story.slow();
    hold.await_call(&mut child);
    let entries = lineage(cluster, story.table);
    let (id, entry) = entries.iter().find(|(_, entry)| entry["state"] == "IN_PROGRESS").unwrap();
    let segments: Vec<&str> =
        entry["segmentsTo"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    let url = |end: &str| format!("{}/segments/{}/{end}", cluster.controller, story.table);
    let table = format!("{}/{}", cluster.controller.replace("http://", "pinot://"), story.table);
    ok(story.path(), &["push", "--revert", id, "--table", &table]);
    for name in segments {
        cluster.delete(&url(&format!("{name}?type=OFFLINE")));
    }
    hold.release();
    assert!(child.wait().unwrap().success());
    story.is_never_doubled();
    story.has_every_row();
}

/// Servers cannot load what was pushed, because nobody can read the archives from where they are: nothing is lost, and when they
/// can be read all rows come.
#[test]
fn segments_that_no_server_can_load_come_when_it_can() {
    let Some(cluster) = Cluster::shared() else { return };
    let story = Story::new(cluster, &cluster.controller, "epochs_error", 60_000, 1);
    let (path, store, seen) = (story.path(), story.path().join("store"), story.path().join("seen"));
    let push = format!(
        "push: {{form: metadata, deepStore: '{}', downloadUri: 'file://{}'}}, ",
        store.display(),
        seen.display()
    );
    for file in ["job.yaml", "slow.yaml"] {
        let text = fs::read_to_string(path.join(file)).unwrap();
        fs::write(path.join(file), text.replace("sink: {", &format!("sink: {{{push}"))).unwrap();
    }
    let output = pinotage(path, &["run", "slow.yaml"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(75) && error.contains("could not load"), "{error}");
    assert!(story.found().is_none_or(|(rows, ..)| rows == 0), "{:?}", story.found());
    fs::create_dir_all(&store).unwrap();
    std::os::unix::fs::symlink(&store, &seen).unwrap();
    story.is_never_doubled();
    story.has_every_row();
}

/// A REFRESH table is what the last job has made of it: until all its rows are there those of the one before are, whatever is
/// killed, and then none of them.
#[test]
fn a_refresh_table_is_replaced_in_one_step() {
    let Some(cluster) = Cluster::shared() else { return };
    let story = Story::new(cluster, &cluster.controller, "epochs_refresh", 60_000, 1);
    let path = story.path();
    let table = fs::read_to_string(path.join("table.json")).unwrap().replace("APPEND", "REFRESH");
    fs::write(path.join("table.json"), table).unwrap();
    let slow = fs::read_to_string(path.join("slow.yaml")).unwrap();
    let old = slow.replace("name: j\n", "name: before\n").replace("rows: 60000", "rows: 9000");
    fs::write(path.join("old.yaml"), old.replace("rowsPerSecond: 15000", "rowsPerSecond: 100000")).unwrap();
    ok(path, &["run", "old.yaml"]);
    let before = Some((9000, 9000, (9000 * 8999 / 2) as f64));
    eventually(
        "the rows before",
        || if story.found() == before { Ok(()) } else { Err(format!("{:?}", story.found())) },
    );
    let output = pinotage(path, &["run", "job.yaml"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && error.contains("a REFRESH table is wholly what its job makes"), "{error}");
    for file in ["job.yaml", "slow.yaml"] {
        let text = fs::read_to_string(path.join(file)).unwrap();
        fs::write(path.join(file), text.replace("sink: {", "sink: {push: {foreign: replace}, ")).unwrap();
    }
    let mut random = Random::new();
    for _ in 0..if pinotage_testkit::is_full() { 20 } else { 3 } {
        let child = story.slow();
        std::thread::sleep(Duration::from_millis(100 + random.below(1500)));
        kill(child);
        let found = story.found();
        assert!(found == before || found.is_some_and(|(rows, ..)| rows == story.rows), "{found:?}");
    }
    story.has_every_row();
    assert!(ok(path, &["run", "job.yaml"]).contains("published 0 segments"));
    let own = |entry: &&serde_json::Value| entry["segmentsTo"][0].as_str().unwrap().contains("_j_");
    let entries = lineage(cluster, story.table);
    assert_eq!(entries.values().filter(own).count(), 1, "{entries:?}");
}

#[test]
fn a_cluster_knows_the_states_of_its_segments() {
    let Some(cluster) = Cluster::shared() else { return };
    knows_the_states_of_its_segments(cluster);
}

#[test]
fn the_oldest_pinot_knows_the_states_of_its_segments() {
    let Some(cluster) = oldest() else { return };
    knows_the_states_of_its_segments(cluster);
}

/// A state that is lost, and one that is set back: refused, and nothing changes.
fn knows_the_states_of_its_segments(cluster: &Cluster) {
    let story = Story::new(cluster, &cluster.controller, "epochs_states", 400_000, 1);
    let path = story.path();
    let mut child = story.slow();
    eventually("a first publication", || match story.found() {
        Some((rows, ..)) if rows > 0 => Ok(()),
        found => Err(format!("{found:?}")),
    });
    child.kill().unwrap();
    child.wait().unwrap();
    let state = path.join(".pinotage/j");
    let early = path.join("early");
    assert!(std::process::Command::new("cp").arg("-r").arg(&state).arg(&early).status().unwrap().success());
    story.is_exact();
    let before = story.found();
    for (old, expected) in [(None, "pushed with another state"), (Some(&early), "later run of this job")] {
        let kept = path.join("kept");
        fs::rename(&state, &kept).unwrap();
        old.iter().for_each(|old| fs::rename(old, &state).unwrap());
        let output = pinotage(path, &["run", "job.yaml"]);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && error.contains(expected), "{error}");
        assert_eq!(story.found(), before);
        fs::remove_dir_all(&state).unwrap();
        fs::rename(&kept, &state).unwrap();
    }
    story.is_exact();
}

/// Two copies of one state that run at the same time, and have both looked before the other came: the one whose replacement
/// stands later is refused, and no row is ever there twice.
fn copies_are_told_apart(cluster: &Cluster, table: &'static str) {
    let story = Story::new(cluster, &cluster.controller, table, 150_000, 1);
    let path = story.path();
    let publications = || lineage(cluster, table).len();
    let reach = |wanted: usize| {
        eventually("publications", || if publications() >= wanted { Ok(()) } else { Err(publications().to_string()) });
    };
    let child = story.slow();
    eventually("a first publication", || match story.found() {
        Some((rows, ..)) if rows > 0 => Ok(()),
        found => Err(format!("{found:?}")),
    });
    kill(child);
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    assert!(std::process::Command::new("cp").arg("-r").arg(path).arg(&copy).status().unwrap().success());
    let gate = Gate::new(&cluster.controller);
    // Segments of another size in other epochs: the two share no name behind what was recorded.
    let text = fs::read_to_string(copy.join("slow.yaml")).unwrap().replace(&cluster.controller, &gate.url());
    fs::write(copy.join("slow.yaml"), text.replace("interval: 50ms", "interval: 90ms").replace("2500", "2100"))
        .unwrap();
    let hold = gate.hold(Side::Before, Call::START.is());
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_pinotage"));
    command.args(["run", "slow.yaml"]).current_dir(&copy).stderr(std::process::Stdio::piped());
    let mut second = command.spawn().unwrap();
    hold.await_call(&mut second);
    let before = publications();
    let first = story.slow();
    // What both know, and what only the first one does.
    reach(before + 3);
    kill(first);
    hold.release();
    let output = second.wait_with_output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && error.contains("the state was copied"), "{error}");
    story.is_never_doubled();
    story.has_every_row();
}

#[test]
fn copies_of_a_state_are_told_apart() {
    let Some(cluster) = Cluster::shared() else { return };
    copies_are_told_apart(cluster, "epochs_copies");
}

#[test]
fn copies_of_a_state_are_told_apart_on_the_oldest_pinot() {
    let Some(cluster) = oldest() else { return };
    copies_are_told_apart(cluster, "epochs_copies");
}

/// Epochs that are much shorter than segments take to be full make neither small segments nor many replacements.
#[test]
fn short_epochs_make_no_small_segments() {
    let Some(cluster) = Cluster::shared() else { return };
    // Ten seconds, or ten minutes.
    let (rows, epoch, publish) =
        if pinotage_testkit::is_full() { (9_000_000, "1s", "60s") } else { (150_000, "20ms", "1s") };
    let story = Story::new(cluster, &cluster.controller, "epochs_short", rows, 1);
    let edit = |text: String| {
        text.replace("interval: 50ms", &format!("interval: {epoch}"))
            .replace("interval: 1s", &format!("interval: {publish}"))
            .replace("maxRows: 2500", &format!("maxRows: {}", rows / 60))
    };
    for file in ["slow.yaml", "job.yaml"] {
        let path = story.path().join(file);
        fs::write(&path, edit(fs::read_to_string(&path).unwrap())).unwrap();
    }
    ok(story.path(), &["run", "slow.yaml"]);
    story.is_exact();
    let entries = lineage(cluster, "epochs_short").len();
    assert!(entries < 15, "{entries} replacements");
    let url = format!("{}/segments/epochs_short_OFFLINE/zkmetadata", cluster.controller);
    let metadata = cluster.get_json(&url);
    let docs = |segment: &serde_json::Value| -> u64 {
        let docs = &segment["segment.total.docs"];
        docs.as_u64().or_else(|| docs.as_str()?.parse().ok()).unwrap()
    };
    let mut sizes: Vec<u64> = metadata.as_object().unwrap().values().map(docs).collect();
    sizes.sort_unstable();
    assert!(sizes.len() >= 60 && sizes[sizes.len() / 2] >= rows / 120, "{sizes:?}");
}

//! Jobs that run in epochs between buckets: another machine can go on with nothing but the state.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use pinotage_testkit::cluster::{Cluster, eventually};
use pinotage_testkit::is_full;
use pinotage_testkit::servers::Server;
use serde_json::json;
use tempfile::TempDir;

use crate::epochs::Random;
use crate::kills::{kill, start};
use crate::{ok, pinotage};

const FILES: u64 = 4;

/// A job that reads from one bucket and stages in another; of each hundred rows one is bad.
struct Story {
    server: Server,
    folder: TempDir,
    rows: u64,
}

impl Story {
    fn new(sink: &str) -> Option<Self> {
        let server = Server::s3()?;
        server.make_s3_bucket("inputs");
        server.make_s3_bucket("work");
        let rows = if is_full() { 400_000 } else { 20_000 };
        for file in 0..FILES {
            let mut text = "id,n\n".to_owned();
            for row in 0..rows {
                let n = if row % 100 == 7 { "none".to_owned() } else { row.to_string() };
                writeln!(text, "{},{n}", file * rows + row).unwrap();
            }
            server.put_s3_object(&format!("inputs/in/{file}.csv"), &text);
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let schema = json!({"schemaName": "t", "dimensionFieldSpecs":
            [{"name": "id", "dataType": "LONG"}, {"name": "n", "dataType": "INT"}]});
        fs::write(path.join("schema.json"), schema.to_string()).unwrap();
        let job = format!(
            "name: j
source: {{kind: files, paths: ['s3://inputs/in/']}}
sink: {{kind: pinot, schema: schema.json, segment: {{maxRows: {}}}, {sink}}}
store: {{s3: {{endpoint: '{}', region: us-east-1, accessKey: key, secretKey: open-sesame}}}}
staging: 's3://work/staging'
checkpoint: {{interval: 200ms, restartDelay: 100ms}}
quarantine: bad
limits: {{errors: 5%}}
",
            rows / 3,
            server.url
        );
        fs::write(path.join("job.yaml"), job).unwrap();
        Some(Self { server, folder, rows })
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn staged(&self) -> Vec<String> {
        self.server.s3_keys("work")
    }

    /// Killed, and gone on with on a machine that has the state and nothing else.
    fn killed(&self, kills: u32, looks: &dyn Fn()) {
        let mut random = Random::new();
        for _ in 0..kills {
            let child = start(self.path(), &["run", "job.yaml", "--threads", "2"]);
            std::thread::sleep(Duration::from_millis(100 + random.below(1500)));
            kill(child);
            let _ = fs::remove_dir_all(self.path().join(".pinotage/j/staging"));
            looks();
        }
    }

    fn ends(&self) -> String {
        let text = ok(self.path(), &["run", "job.yaml"]);
        let (all, bad) = (FILES * self.rows, FILES * self.rows / 100);
        let counts = format!("{all} rows read, {} written, 0 filtered, {bad} quarantined", all - bad);
        assert!(text.contains(&counts) && text.contains("complete"), "{text}");
        text
    }
}

#[test]
fn a_job_between_buckets_goes_on_elsewhere() {
    let Some(story) = Story::new("table: t, output: out, archive: tarGz") else { return };
    let path = story.path();
    assert!(ok(path, &["plan", "job.yaml"]).contains("wait in s3://work/staging"));
    story.killed(if is_full() { 30 } else { 3 }, &|| {});
    story.ends();
    let count = || {
        let sql = "SELECT count(*) AS rows, count(DISTINCT id) AS ids FROM t";
        ok(path, &["sql", sql, "--table", "t=out", "--output", "csv"])
    };
    let (all, bad) = (FILES * story.rows, FILES * story.rows / 100);
    assert_eq!(count(), format!("rows,ids\n{0},{0}\n", all - bad));
    // What killed runs left is shown, and goes when that is asked for.
    let shown = ok(path, &["staging", "gc", "job.yaml"]);
    assert!(shown.starts_with("s3://work/staging"), "{shown}");
    let left = story.staged();
    assert!(left.iter().all(|key| shown.contains(key.rsplit('/').next().unwrap())), "{left:?} {shown}");
    ok(path, &["staging", "gc", "job.yaml", "--delete"]);
    assert_eq!(story.staged(), Vec::<String>::new());
    // Bad rows come once more, with the header of the object that they stood in.
    let job = fs::read_to_string(path.join("job.yaml")).unwrap();
    fs::write(
        path.join("job.yaml"),
        job.replace("'s3://inputs/in/']", "'s3://inputs/in/'], csv: {nullValues: [none]}"),
    )
    .unwrap();
    let replayed = ok(path, &["quarantine", "replay", "job.yaml"]);
    assert!(replayed.contains(&format!("{bad} rows read, {bad} written")), "{replayed}");
    assert_eq!(count(), format!("rows,ids\n{all},{all}\n"));
    // A changed object is not read on.
    story.server.put_s3_object("inputs/in/0.csv", "id,n\n1,1\n");
    let output = pinotage(path, &["run", "job.yaml"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && error.contains("s3://inputs/in/0.csv") && error.contains("has changed"),
        "{error}"
    );
}

#[test]
fn segments_come_into_a_cluster_from_a_bucket() {
    let Some(cluster) = Cluster::shared() else { return };
    let sink = format!("table: staged_far, controller: '{}', publish: {{interval: 300ms}}", cluster.controller);
    let Some(story) = Story::new(&sink) else { return };
    let schema = story.path().join("schema.json");
    fs::write(&schema, fs::read_to_string(&schema).unwrap().replace("\"t\"", "\"staged_far\"")).unwrap();
    let found = || {
        let answer = cluster.query("SELECT COUNT(*), DISTINCTCOUNT(id) FROM staged_far");
        let row = answer["resultTable"]["rows"][0].as_array().cloned()?;
        Some((row[0].as_u64()?, row[1].as_u64()?))
    };
    let wanted = FILES * story.rows / 100 * 99;
    story.killed(if is_full() { 20 } else { 3 }, &|| {
        let found = found();
        assert!(found.is_none_or(|(rows, ids)| rows == ids && rows <= wanted), "{found:?}");
    });
    story.ends();
    eventually("every row once", || {
        if found() == Some((wanted, wanted)) { Ok(()) } else { Err(format!("{:?}", found())) }
    });
}

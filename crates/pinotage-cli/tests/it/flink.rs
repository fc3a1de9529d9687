//! `--engine flink`: the same job files on session clusters of Flink.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use pinotage_testkit::cluster::{Cluster, eventually};
use pinotage_testkit::fake::{Action, Fake, Relay};
use pinotage_testkit::flink::{Line, Session, SessionOptions};
use pinotage_testkit::servers::Kafka;
use pinotage_testkit::{done, is_full};
use serde_json::json;
use tempfile::TempDir;

use crate::{ok, pinotage};

/// The library that is built with these tests, because they depend on it.
pub(crate) fn library() -> PathBuf {
    let path = std::env::current_exe().unwrap().with_file_name("libpinotage.so");
    assert!(path.is_file(), "{} was not built", path.display());
    path
}

/// A job's folder, its Flink, and its table.
struct Place {
    cluster: &'static Cluster,
    session: Session,
    folder: TempDir,
    table: String,
    jar: String,
}

impl Place {
    fn new(name: &str, line: Line, lib: Vec<PathBuf>) -> Option<Self> {
        let (jar, cluster) = (line.jar()?, Cluster::shared()?);
        let options = SessionOptions { library: Some(library()), lib, ..SessionOptions::default() };
        let session = Session::start(line, &options)?;
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("in")).unwrap();
        let table = format!("{name}_{line:?}").to_lowercase();
        let schema = json!({"schemaName": table,
            "dimensionFieldSpecs": [{"name": "id", "dataType": "LONG"}, {"name": "name", "dataType": "STRING"}],
            "metricFieldSpecs": [{"name": "price", "dataType": "DOUBLE"}]});
        let config = json!({"tableName": format!("{table}_OFFLINE"), "tableType": "OFFLINE", "tenants": {}, "metadata": {},
            "segmentsConfig": {"replication": "1", "segmentPushType": "APPEND"}, "tableIndexConfig": {"loadMode": "MMAP"}});
        fs::write(folder.path().join("schema.json"), schema.to_string()).unwrap();
        fs::write(folder.path().join("table.json"), config.to_string()).unwrap();
        Some(Self { cluster, session, folder, table, jar: jar.display().to_string() })
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A job file with this source, and more.
    fn job(&self, name: &str, source: &str, more: &str) {
        let text = format!(
            "name: {name}\n{source}\nsink:\n  kind: pinot\n  table: {}\n  schema: schema.json\n  tableConfig: table.json\n  \
             connection: {{ controller: '{}', auth: {{ kind: basic, user: me, password: '${{env:PATH}}' }} }}\n  \
             segment: {{ maxRows: 3000 }}\n  archiveLevel: 0\n  publish: {{ interval: 1s }}\nstaging: {}\n{more}\n",
            self.table,
            self.cluster.controller,
            self.path().join("staging").display()
        );
        fs::write(self.path().join(format!("{name}.yaml")), text).unwrap();
    }

    fn args<'a>(&'a self, file: &'a str, further: &[&'a str]) -> Vec<&'a str> {
        let mut args = vec!["run", file, "--engine", "flink", "--flink", &self.session.url, "--jar", &self.jar];
        args.extend_from_slice(further);
        args
    }

    fn run(&self, file: &str, further: &[&str]) -> String {
        ok(self.path(), &self.args(file, further))
    }

    /// Why it does not run: exit code and words.
    fn refused(&self, file: &str) -> (Option<i32>, String) {
        let output = pinotage(self.path(), &self.args(file, &[]));
        assert!(!output.status.success());
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    }

    /// Rows, distinct ids, and the sum of prices.
    fn holds(&self, rows: u64, ids: u64, prices: f64) {
        let sql = format!("SELECT COUNT(*), DISTINCTCOUNT(id), SUM(price) FROM {}", self.table);
        eventually(&format!("{rows} rows"), || {
            let answer = self.cluster.query(&sql);
            let row = &answer["resultTable"]["rows"][0];
            let found = (row[0].as_u64(), row[1].as_u64(), row[2].as_f64());
            if found == (Some(rows), Some(ids), Some(prices)) { Ok(()) } else { Err(answer.to_string()) }
        });
    }
}

/// Stops a command when it has said so many checkpoints, or more.
fn interrupted_after(mut child: Child, checkpoints: u32) -> String {
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while errors.read_line(&mut said).unwrap() > 0 {
        let words: Vec<&str> = said.lines().last().unwrap_or_default().split(' ').collect();
        let count =
            words.windows(2).find(|pair| pair[1].starts_with("checkpoints")).and_then(|pair| pair[0].parse().ok());
        if count.is_some_and(|count: u32| count >= checkpoints) {
            assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
            break;
        }
    }
    // Whoever writes to a pipe that nobody reads is ended by it.
    std::io::copy(&mut errors, &mut std::io::sink()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stdout).unwrap()
}

const ROWS: u64 = 8_000;

fn runs_job_files(line: Line) {
    let Some(place) = Place::new("on_flink", line, Vec::new()) else { return };
    let row = |id: u64| json!({"id": id, "name": format!("n{}", id % 7), "paid": id as f64 * 0.5}).to_string();
    for (file, ids) in [("a.json", 0..ROWS / 2), ("b.json", ROWS / 2..ROWS)] {
        let rows: Vec<String> = ids.map(row).collect();
        fs::write(place.path().join("in").join(file), rows.join("\n")).unwrap();
    }

    // Files, as a batch. The table is made before.
    let files = "source: { kind: files, format: json, paths: ['in/*.json'] }\n\
                 transform: { sql: 'SELECT id, name, paid AS price FROM source' }";
    place.job("files", files, "state: ./elsewhere");
    let plan = ok(place.path(), &["plan", "files.yaml", "--engine", "flink"]);
    assert!(
        plan.contains("'source.path.regex-pattern'") && plan.contains("-- table") && !plan.contains("/bin"),
        "{plan}"
    );
    ok(place.path(), &["check", "files.yaml", "--engine", "flink"]);
    let said = place.run("files.yaml", &["--parallelism", "2"]);
    assert!(said.contains("create") && said.contains("finished"), "{said}");
    let sum = |rows: u64| (rows * (rows - 1) / 2) as f64 * 0.5;
    place.holds(ROWS, ROWS, sum(ROWS));

    // A stream with checkpoints is stopped with a savepoint, and goes on behind it.
    let numbers = format!(
        "source:\n  kind: flink\n  flink:\n    columns: id BIGINT\n    options: {{ connector: datagen, fields.id.kind: sequence, \
         fields.id.start: 0, fields.id.end: {}, rows-per-second: 1000 }}\n\
         transform: {{ sql: \"SELECT id, 'x' AS name, CAST(id AS DOUBLE) * 0.5 AS price FROM source\" }}",
        ROWS - 1
    );
    place.job("stream", &numbers, "checkpoint: { interval: 500ms }");
    let savepoints = format!("file://{}", place.path().join("savepoints").display());
    let child = Command::new(env!("CARGO_BIN_EXE_pinotage"))
        .args(place.args("stream.yaml", &["--savepoints", &savepoints, "--parallelism", "1"]))
        .current_dir(place.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let stopped = interrupted_after(child, 3);
    let from =
        stopped.split('`').nth(1).unwrap_or_else(|| panic!("{stopped}")).trim_start_matches("--from ").to_owned();
    place.run("stream.yaml", &["--from", &from]);
    place.holds(2 * ROWS, ROWS, 2.0 * sum(ROWS));

    // Submitted and left alone.
    place.job("alone", files, "");
    assert!(place.run("alone.yaml", &["--detach"]).starts_with("submitted alone to Flink "));
    place.holds(3 * ROWS, ROWS, 3.0 * sum(ROWS));

    // What stands before the JobManager asks who comes, by TLS with a certificate of its own.
    let relay = Relay::new(&place.session.url);
    let guarded = Action::decide(move |request| {
        let asks = request
            .headers
            .iter()
            .any(|(name, value)| name == "authorization" && value == "Basic bWU6b3BlbiBzZXNhbWU=");
        if asks { relay.forward(request) } else { Action::error(401, "who are you?") }
    });
    let gate = Fake::new().otherwise(guarded).start_secure(&place.path().join("gate.pem"));
    fs::write(place.path().join("password"), "open sesame").unwrap();
    let trusted = place.path().join("gate.pem").display().to_string();
    let with = |more: &str| format!("engine: {{ flink: {{ jobManager: '{}', {more} }} }}", gate.url());
    let basic = "auth: { kind: basic, user: me, password: '${file:password}' }";
    let tls = format!("tls: {{ trustStore: {{ path: '{trusted}' }} }}");
    for (more, words) in [
        (basic.to_owned(), "name the authority's certificate in `tls.trustStore`"),
        (tls.clone(), "set `auth`"),
        (format!("{tls}, {}", basic.replace("user: me", "user: you")), "refuses the password"),
    ] {
        place.job("guarded", files, &with(&more));
        let output = pinotage(place.path(), &["run", "guarded.yaml", "--engine", "flink", "--jar", &place.jar]);
        let why = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && why.contains(words), "{more}: {why}");
        assert!(!why.contains("sesame") && !why.contains("bWU6"), "{why}");
    }
    place.job("guarded", files, &with(&format!("{tls}, {basic}")));
    ok(place.path(), &["run", "guarded.yaml", "--engine", "flink", "--jar", &place.jar]);
    place.holds(4 * ROWS, ROWS, 4.0 * sum(ROWS));

    // Out of Kafka, by the connector that the cluster has.
    let Some(kafka) = Kafka::shared() else { return };
    kafka.create_topic(&place.table, 3);
    kafka.write_numbers(&place.table, 3, 0, ROWS);
    let topic = format!(
        "source:\n  kind: flink\n  flink:\n    columns: text STRING\n    options: {{ connector: kafka, topic: {}, \
         properties.bootstrap.servers: '{}', scan.startup.mode: earliest-offset, scan.bounded.mode: latest-offset, format: raw }}\n\
         transform: {{ sql: \"SELECT CAST(text AS BIGINT) AS id, 'k' AS name, CAST(text AS DOUBLE) * 0.5 AS price FROM source\" }}",
        place.table, kafka.address
    );
    place.job("topic", &topic, "checkpoint: { interval: 500ms }");
    place.run("topic.yaml", &[]);
    place.holds(5 * ROWS, ROWS, 5.0 * sum(ROWS));

    // What cannot be is an error of the submission, with a name.
    for (options, lacking, jar) in [
        ("connector: jdbc", "`jdbc`", "flink-sql-connector-jdbc"),
        ("connector: filesystem, path: /tmp/x, format: parquet", "`parquet`", "flink-sql-parquet"),
    ] {
        let source = format!("source: {{ kind: flink, flink: {{ columns: id BIGINT, options: {{ {options} }} }} }}");
        place.job("lacking", &source, "");
        let (code, why) = place.refused("lacking.yaml");
        assert!(code == Some(2) && why.contains(lacking) && why.contains(jar), "{why}");
    }
    place.job("wrong", &files.replace("paid AS price", "payd AS price"), "");
    let (_, why) = place.refused("wrong.yaml");
    assert!(why.contains("payd"), "{why}");
    place.job("failing", &files.replace("in/*.json", "in/b.json").replace("paid AS", "CAST(name AS DOUBLE) AS"), "");
    let (_, why) = place.refused("failing.yaml");
    assert!(why.contains("the job failed"), "{why}");
    place.holds(5 * ROWS, ROWS, 5.0 * sum(ROWS));
}

#[test]
fn flink_1_20_runs_job_files() {
    runs_job_files(Line::V1_20);
}

#[test]
fn flink_2_runs_job_files() {
    runs_job_files(Line::V2);
}

/// An Avro file of the rows. Those that Flink writes have a union with null in place of the record, which ours does not read.
fn avro() -> Vec<u8> {
    const SYNC: [u8; 16] = [7; 16];
    fn long(number: u64, to: &mut Vec<u8>) {
        let mut rest = number << 1;
        while rest > 0x7f {
            to.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        to.push(rest as u8);
    }
    fn bytes(bytes: &[u8], to: &mut Vec<u8>) {
        long(bytes.len() as u64, to);
        to.extend(bytes);
    }
    let schema = json!({"type": "record", "name": "row", "fields": [
        {"name": "id", "type": "long"}, {"name": "name", "type": "string"}, {"name": "paid", "type": "double"}]});
    let mut rows = Vec::new();
    for id in 0..ROWS {
        long(id, &mut rows);
        bytes(format!("n, {id}").as_bytes(), &mut rows);
        rows.extend((id as f64 * 0.5).to_le_bytes());
    }
    let mut file = b"Obj\x01".to_vec();
    long(1, &mut file);
    bytes(b"avro.schema", &mut file);
    bytes(schema.to_string().as_bytes(), &mut file);
    long(0, &mut file);
    file.extend(SYNC);
    long(ROWS, &mut file);
    bytes(&rows, &mut file);
    file.extend(SYNC);
    file
}

/// Files of every format, most of which Flink itself wrote, each by the jars that its line has for it.
fn reads_files_of_every_format(line: Line) {
    let (Some(formats), Some(lib)) = (line.formats(), line.class_path()) else { return };
    let Some(place) = Place::new("flink_formats", line, formats.clone()) else { return };
    let all = ["csv", "json", "parquet", "orc"];
    let mut script = format!(
        "CREATE TEMPORARY TABLE numbers (id BIGINT) WITH ('connector' = 'datagen', 'fields.id.kind' = 'sequence',
            'fields.id.start' = '0', 'fields.id.end' = '{}');\n",
        ROWS - 1
    );
    for format in all {
        script += &format!(
            "CREATE TEMPORARY TABLE {format}_files (id BIGINT, name STRING, paid DOUBLE) WITH ('connector' = 'filesystem',
                'path' = 'file://{}/{format}', 'format' = '{format}');
            INSERT INTO {format}_files SELECT id, 'n, ' || CAST(id AS STRING), CAST(id AS DOUBLE) * 0.5 FROM numbers;\n",
            place.path().display()
        );
    }
    fs::write(place.path().join("files.sql"), script).unwrap();
    let class_path = std::env::join_paths(formats.into_iter().chain(std::env::split_paths(&lib))).unwrap();
    let mut java = Command::new("java");
    for package in ["util", "lang", "time", "nio"] {
        java.arg(format!("--add-opens=java.base/java.{package}=ALL-UNNAMED"));
    }
    java.args(["-Xmx512m", "-cp"]).arg(class_path).arg("io.pinotage.flink.scenarios.Example");
    done(java.arg(place.path().join("files.sql")).arg(&place.cluster.controller));
    fs::create_dir(place.path().join("avro")).unwrap();
    fs::write(place.path().join("avro/part-0"), avro()).unwrap();
    for (format, number) in all.into_iter().chain(["avro"]).zip(1..) {
        let csv = if format == "csv" { ", csv: { header: false, columnNames: [id, name, paid] }" } else { "" };
        let files = format!(
            "source: {{ kind: files, format: {format}, paths: ['{format}/part-*']{csv} }}\n\
             transform: {{ sql: 'SELECT id, name, paid AS price FROM source WHERE name = ''n, '' || CAST(id AS STRING)' }}"
        );
        place.job(format, &files, "");
        place.run(&format!("{format}.yaml"), &[]);
        place.holds(number * ROWS, ROWS, number as f64 * (ROWS * (ROWS - 1) / 2) as f64 * 0.5);
    }
}

#[test]
fn flink_1_20_reads_files_of_every_format() {
    // The same as below; the small size takes one line.
    if !is_full() {
        return;
    }
    reads_files_of_every_format(Line::V1_20);
}

#[test]
fn flink_2_reads_files_of_every_format() {
    reads_files_of_every_format(Line::V2);
}

/// Without a cluster of Flink: what is refused before anybody is asked.
#[test]
fn what_flink_cannot_do_is_refused_before() {
    let folder = tempfile::tempdir().unwrap();
    let job = "name: j\nsource: { kind: flink, flink: { columns: id INT, options: { connector: datagen } } }\n\
               sink: { kind: pinot, table: t, controller: '127.0.0.1:9' }\n";
    fs::write(folder.path().join("job.yaml"), job).unwrap();
    let said = |args: &[&str]| {
        let output = pinotage(folder.path(), args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let embedded = said(&["check", "job.yaml"]);
    assert!(embedded.contains("--engine flink"), "{embedded}");
    let staging = said(&["check", "job.yaml", "--engine", "flink"]);
    assert!(staging.contains("staging"), "{staging}");
    let forced = said(&["run", "job.yaml", "--engine", "flink", "--force"]);
    assert!(forced.contains("--force"), "{forced}");
    fs::write(folder.path().join("job.yaml"), format!("{job}staging: /shared\n")).unwrap();
    assert!(ok(folder.path(), &["check", "job.yaml", "--engine", "flink"]).contains("can run on Flink"));
}

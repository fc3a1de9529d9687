//! `--engine spark`: job files and Pinot's job specs, run by real Spark below `spark-submit`.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use pinotage_testkit::cluster::{Cluster, eventually};
use pinotage_testkit::done;
use pinotage_testkit::spark::Line;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::flink::library;
use crate::job_spec_push::SPEC;
use crate::{ok, pinotage};

/// A folder with jobs, and their table.
struct Place {
    cluster: &'static Cluster,
    folder: TempDir,
    table: String,
    jar: PathBuf,
}

impl Place {
    /// None without Spark or a cluster.
    fn new(line: Line, name: &str) -> Option<Self> {
        let (jar, cluster) = (line.jar()?, Cluster::shared()?);
        let folder = tempfile::tempdir().unwrap();
        line.submit(folder.path(), &library())?;
        fs::create_dir(folder.path().join("in")).unwrap();
        let table = format!("spark_job_{name}_{line:?}").to_lowercase();
        let place = Self { cluster, folder, table, jar };
        place.write("schema.json", &place.schema().to_string());
        place.write("table.json", &place.config().to_string());
        Some(place)
    }

    fn schema(&self) -> Json {
        json!({"schemaName": self.table,
            "dimensionFieldSpecs": [
                {"name": "id", "dataType": "LONG"},
                {"name": "name", "dataType": "STRING"},
                {"name": "tags", "dataType": "STRING", "singleValueField": false}],
            "metricFieldSpecs": [{"name": "price", "dataType": "DOUBLE"}]})
    }

    fn config(&self) -> Json {
        json!({"tableName": format!("{}_OFFLINE", self.table), "tableType": "OFFLINE", "tenants": {}, "metadata": {},
            "segmentsConfig": {"replication": "1", "segmentPushType": "APPEND"}, "tableIndexConfig": {"loadMode": "MMAP"}})
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).unwrap();
    }

    /// Numbered rows as CSV.
    fn csv(&self, name: &str, ids: std::ops::Range<u64>, further: &str) {
        let row = |id: u64| format!("{id},\"n, {}\",{},a|b{id}\n", id % 7, id as f64 * 0.5);
        let rows: String = ids.map(row).collect();
        self.write(&format!("in/{name}"), &format!("id,name,price,tags\n{rows}{further}"));
    }

    /// A job file with this source, and more.
    fn job(&self, name: &str, source: &str, sink: &str) {
        let text = format!(
            "name: {name}\n{source}\nsink:\n  kind: pinot\n  table: {}\n  schema: schema.json\n  tableConfig: table.json\n  \
             connection: {{ controller: '{}', auth: {{ kind: basic, user: me, password: '${{env:PATH}}' }} }}\n{sink}\n\
             staging: {}\nquarantine: bad\nengine:\n  spark:\n    submit: ./spark-submit\n    master: local[2,2]\n    \
             conf: {{ spark.ui.enabled: false, spark.driver.bindAddress: 127.0.0.1, spark.driver.host: 127.0.0.1, spark.sql.shuffle.partitions: 2 }}\n",
            self.table,
            self.cluster.controller,
            self.path().join("staging").display(),
        );
        self.write(&format!("{name}.yaml"), &text);
    }

    /// From a folder that is not the job's.
    fn command(&self, file: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pinotage"));
        let job = Path::new(self.path().file_name().unwrap()).join(file);
        command.arg("run").arg(job).args(["--engine", "spark", "--jar"]).arg(&self.jar);
        command.current_dir(self.path().parent().unwrap());
        command
    }

    fn run(&self, file: &str) -> String {
        done(&mut self.command(file))
    }

    /// Why it does not run: exit code and words.
    fn refused(&self, file: &str) -> (Option<i32>, String) {
        let output = self.command(file).output().unwrap();
        assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    }

    /// The first row of an answer.
    fn holds(&self, sql: &str, wanted: &Json) {
        let sql = format!("{sql} FROM {}", self.table);
        eventually(&sql, || {
            let answer = self.cluster.query(&sql);
            if answer["resultTable"]["rows"][0] == *wanted { Ok(()) } else { Err(answer.to_string()) }
        });
    }

    /// Each row of [`Place::csv`] is there once.
    fn has_rows(&self, rows: u64) {
        let sum = (rows * (rows - 1) / 2) as f64 * 0.5;
        let sql = "SELECT COUNT(*), DISTINCTCOUNT(id), SUM(price), SUM(ARRAYLENGTH(tags)), MIN(LENGTH(name)), MAX(LENGTH(name))";
        self.holds(sql, &json!([rows, rows, sum, rows as f64 * 2.0, 4.0, 4.0]));
    }

    /// What was under way is nowhere.
    fn has_no_staging(&self) {
        let left = fs::read_dir(self.path().join("staging")).unwrap().count();
        assert_eq!(left, 0);
    }
}

const ROWS: u64 = 4_000;
const FILES: &str = "source: { kind: files, paths: ['in/*.csv'], csv: { multiValueDelimiter: '|' } }";

/// Files as they are, and rows that the table does not take.
fn runs_files(line: Line) -> Option<Place> {
    let place = Place::new(line, "files")?;
    place.csv("a.csv", 0..ROWS / 2, "");
    place.csv("b.csv", ROWS / 2..ROWS, "77,x,much,a\n78,x,,a\nnone,x,5,a\n");
    place.job("files", FILES, "  segment: { maxRows: 1500 }\n  archiveLevel: 0");
    let said = place.run("files.yaml");
    assert!(said.contains("create"), "{said}");
    assert!(said.contains(&format!("finished files: {} rows written in ", ROWS + 1)), "{said}");
    assert!(said.contains(" segments, 2 quarantined"), "{said}");
    place.has_no_staging();
    place.holds("SELECT COUNT(*)", &json!([ROWS + 1]));
    let bad = fs::read_dir(place.path().join("bad")).unwrap().flatten().map(|file| file.path());
    let bad = bad.filter(|file| file.extension().is_some_and(|it| it == "jsonl"));
    let bad: String = bad.map(|file| fs::read_to_string(file).unwrap()).collect();
    assert!(bad.lines().count() == 2 && bad.contains("much") && bad.contains("none"), "{bad}");
    Some(place)
}

#[test]
fn spark_3_5_runs_files() {
    runs_files(Line::V3_5);
}

/// And the same job again.
#[test]
fn spark_4_runs_files() {
    let Some(place) = runs_files(Line::V4) else { return };
    // Its rows are there; then others take their place.
    let (code, why) = place.refused("files.yaml");
    assert!(code == Some(2) && why.contains("already-exists") && why.contains("sink.push.foreign"), "{why}");
    place.csv("b.csv", ROWS / 2..ROWS, "");
    place.job("files", FILES, "  push: { foreign: replace }");
    place.run("files.yaml");
    place.has_rows(ROWS);
    place.has_no_staging();
}

/// Parquet of real flights with SQL as our own engine takes it, and a reader of Spark; in place of what is there.
#[test]
fn queries_and_readers_of_spark() {
    let Some(place) = Place::new(Line::V4, "sql") else { return };
    let flights = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/data/flights.parquet");
    let sql = r#"SELECT row_number() OVER (ORDER BY time_hour, carrier, flight) AS id, "carrier" AS name, air_time AS price, array(origin, dest) AS tags FROM source WHERE month = 1"#;
    let source = |from: &str| {
        format!("source: {{ kind: files, paths: ['{}'] }}\ntransform: {{ sql: '{from}' }}", flights.display())
    };
    place.job("flights", &source(sql), "");
    place.run("flights.yaml");
    let wanted = json!([27_004, 27_004, 16, 54_008.0]);
    let counts = "SELECT COUNT(*), DISTINCTCOUNT(id), DISTINCTCOUNT(name), SUM(ARRAYLENGTH(tags))";
    place.holds(counts, &wanted);

    // Out of Pinot into Pinot; what the job reads is what it replaces.
    let reader = format!(
        "source: {{ kind: spark, spark: {{ format: pinotage, options: {{ controller: '{}', table: {} }} }} }}\n\
         transform: {{ sql: 'SELECT id, upper(name) AS name, price, tags FROM source WHERE id <= 10' }}",
        place.cluster.controller, place.table
    );
    place.job("ten", &reader, "");
    let file = fs::read_to_string(place.path().join("ten.yaml")).unwrap();
    place.write("ten.yaml", &file.replace("    submit:", "    overwrite: table\n    submit:"));
    place.run("ten.yaml");
    place.holds("SELECT COUNT(*), MIN(id), MAX(id)", &json!([10, 1.0, 10.0]));

    // What Spark says of a query, of rows, and of what it lacks.
    for (name, source, code, kind, words) in [
        ("wrong", source(&sql.replace("air_time", "air_tame")), 2, "invalid-config", "air_tame"),
        ("failing", source(&sql.replace("air_time", "CAST(origin AS DOUBLE)")), 1, "invalid-data", "EWR"),
        (
            "lacking",
            "source: { kind: spark, spark: { format: nowhere } }".to_owned(),
            2,
            "unsupported",
            "engine.spark.packages",
        ),
    ] {
        place.job(name, &source, "");
        let (found, why) = place.refused(&format!("{name}.yaml"));
        assert!(found == Some(code) && why.contains(kind) && why.contains(words), "{name}: {found:?} {why}");
    }
    let file = fs::read_to_string(place.path().join("ten.yaml")).unwrap();
    place.write("ten.yaml", &file.replace("./spark-submit", "./nowhere"));
    let (code, why) = place.refused("ten.yaml");
    assert!(code == Some(2) && why.contains("./nowhere") && why.contains("pip install pyspark"), "{why}");
    place.has_no_staging();
    place.holds("SELECT COUNT(*)", &json!([10]));
}

/// Ctrl-C: tasks end, nothing is in the table, nothing is left.
#[test]
fn ctrl_c_ends_a_job() {
    let Some(place) = Place::new(Line::V4, "stopped") else { return };
    place.csv("a.csv", 0..ROWS, "");
    let slow =
        "SELECT id, name, price, tags FROM source WHERE reflect(''java.lang.Thread'', ''sleep'', 50L) IS NOT NULL";
    place.job("slow", &format!("{FILES}\ntransform: {{ sql: '{slow}' }}"), "");
    let mut child = place.command("slow.yaml").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while errors.read_line(&mut said).unwrap() > 0 {
        if said.ends_with("tasks\n") && said.contains("running: ") {
            assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
            break;
        }
    }
    std::io::copy(&mut errors, &mut std::io::sink()).unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(2), "as every command that was stopped: {said}");
    place.has_no_staging();
    place.holds("SELECT COUNT(*)", &json!([0]));
}

/// The same YAML that Pinot's own job on Spark runs; again, it replaces what it has brought.
#[test]
fn a_pinot_job_spec() {
    let Some(place) = Place::new(Line::V4, "spec") else { return };
    place.cluster.create_table(&place.schema(), &place.config());
    place.csv("a.csv", 0..ROWS, "");
    let spec = SPEC
        .replace("TABLE", &place.table)
        .replace("CONTROLLER", &place.cluster.controller)
        .replace("'rawdata'", "'in'")
        .replace("  configs:\n", "  configs:\n    multiValueDelimiter: '|'\n")
        .replace("name: 'standalone'", "name: 'spark'\n  extraConfigs: { stagingDir: staging }");
    place.write("spec.yaml", &spec);
    let jar = place.jar.to_str().unwrap();
    let further = [
        "--engine",
        "spark",
        "--spark-submit",
        "./spark-submit",
        "--master",
        "local[2]",
        "--conf",
        "spark.ui.enabled=false",
    ];
    let plan = ok(place.path(), &[&["plan", "spec.yaml"][..], &further].concat());
    assert!(plan.contains("sink.push.foreign = replace") && plan.contains("in/a.csv"), "{plan}");
    let run = || ok(place.path(), &[&["run", "spec.yaml", "--jar", jar][..], &further].concat());
    run();
    place.has_rows(ROWS);
    place.csv("b.csv", ROWS..ROWS + 5, "");
    run();
    place.has_rows(ROWS + 5);
    place.has_no_staging();
}

/// Without Spark: what is refused before anybody is asked, and what people are shown.
#[test]
fn without_spark() {
    let folder = tempfile::tempdir().unwrap();
    let job = "name: j\nsource: { kind: spark, spark: { format: jdbc, options: { url: 'jdbc:x', password: hidden } } }\n\
               sink: { kind: pinot, table: t, connection: { controller: '127.0.0.1:9', auth: { kind: bearer, token: hidden } } }\n";
    let write = |text: &str| fs::write(folder.path().join("job.yaml"), text).unwrap();
    let said = |args: &[&str]| {
        let output = pinotage(folder.path(), args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    write(job);
    let embedded = said(&["check", "job.yaml"]);
    assert!(embedded.contains("--engine spark"), "{embedded}");
    let staging = said(&["check", "job.yaml", "--engine", "spark"]);
    assert!(staging.contains("staging"), "{staging}");
    write(&format!("{job}staging: /shared\nengine: {{ spark: {{ masters: x }} }}\n"));
    let key = said(&["check", "job.yaml", "--engine", "spark"]);
    assert!(key.contains("`master`"), "{key}");
    write(&format!("{job}staging: /shared\n"));
    assert!(ok(folder.path(), &["check", "job.yaml", "--engine", "spark"]).contains("can run on Spark"));
}

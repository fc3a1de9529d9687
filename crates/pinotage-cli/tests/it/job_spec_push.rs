//! Pinot's own job specs, from the file to the answer of a real cluster.

use std::fs;
use std::path::Path;

use pinotage_testkit::cluster::{Cluster, Options, Tls, TlsFiles, eventually};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::{ok, pinotage};

const RUN: [&str; 2] = ["run", "job-spec.yaml"];

/// The job spec of Pinot's quick start, but for the names of the table and of the controller, which are `TABLE` and
/// `CONTROLLER`.
pub(crate) const SPEC: &str = "executionFrameworkSpec:
  name: 'standalone'
  segmentGenerationJobRunnerClassName: 'org.apache.pinot.plugin.ingestion.batch.standalone.SegmentGenerationJobRunner'
  segmentTarPushJobRunnerClassName: 'org.apache.pinot.plugin.ingestion.batch.standalone.SegmentTarPushJobRunner'
  segmentUriPushJobRunnerClassName: 'org.apache.pinot.plugin.ingestion.batch.standalone.SegmentUriPushJobRunner'
jobType: SegmentCreationAndTarPush
inputDirURI: 'rawdata'
includeFileNamePattern: 'glob:**/*.csv'
outputDirURI: 'segments'
overwriteOutput: true
pinotFSSpecs:
  - scheme: file
    className: org.apache.pinot.spi.filesystem.LocalPinotFS
recordReaderSpec:
  dataFormat: 'csv'
  className: 'org.apache.pinot.plugin.inputformat.csv.CSVRecordReader'
  configClassName: 'org.apache.pinot.plugin.inputformat.csv.CSVRecordReaderConfig'
  configs:
tableSpec:
  tableName: 'TABLE'
  schemaURI: 'CONTROLLER/tables/TABLE/schema'
  tableConfigURI: 'CONTROLLER/tables/TABLE'
pinotClusterSpecs:
  - controllerURI: 'CONTROLLER'
pushJobSpec:
  pushAttempts: 2
  pushRetryIntervalMillis: 1000
";

/// A table in a cluster, and a folder with a job spec over three inputs with four rows.
struct Case {
    cluster: &'static Cluster,
    table: &'static str,
    folder: TempDir,
}

impl Case {
    /// Nothing when there is no cluster, which says so.
    fn new(table: &'static str, config: Json) -> Option<Self> {
        let cluster = Cluster::shared()?;
        create(cluster, table, config);
        let folder = tempfile::tempdir().unwrap();
        let case = Self { cluster, table, folder };
        case.input("1871/a.csv", "aardsda01,1871,0\nabercda01,1871,1\n");
        case.input("1871/b.csv", "addybo01,1871,\n");
        case.input("1872/a.csv", "allisar01,1872,4\n");
        case.write(SPEC);
        Some(case)
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, spec: &str) {
        let spec = spec.replace("TABLE", self.table).replace("CONTROLLER", &self.cluster.controller);
        fs::write(self.path().join("job-spec.yaml"), spec).unwrap();
    }

    fn input(&self, name: &str, rows: &str) {
        let file = self.path().join("rawdata").join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, format!("playerID,yearID,homeRuns\n{rows}")).unwrap();
    }

    fn name(&self, rest: &str) -> String {
        format!("{}_OFFLINE_{rest}", self.table)
    }
}

pub(crate) fn create(cluster: &Cluster, table: &str, config: Json) {
    let schema = json!({"schemaName": table, "dimensionFieldSpecs": [{"name": "playerID", "dataType": "STRING"}],
        "metricFieldSpecs": [{"name": "homeRuns", "dataType": "INT"}],
        "dateTimeFieldSpecs": [{"name": "yearID", "dataType": "INT", "format": "1:DAYS:EPOCH", "granularity": "1:DAYS"}]});
    let mut table = json!({"tableName": table, "tableType": "OFFLINE", "tenants": {}, "metadata": {},
        "segmentsConfig": {"timeColumnName": "yearID", "segmentPushType": "APPEND", "replication": "1"},
        "tableIndexConfig": {"loadMode": "MMAP"}});
    table.as_object_mut().unwrap().extend(config.as_object().unwrap().clone());
    cluster.create_table(&schema, &table);
}

/// The segments of a table that queries see.
pub(crate) fn segments(cluster: &Cluster, table: &str) -> Vec<String> {
    let url = format!("{}/segments/{table}?type=OFFLINE&excludeReplacedSegments=true", cluster.controller);
    let names = cluster.get_json(&url)[0]["OFFLINE"].as_array().unwrap().clone();
    let mut names: Vec<String> = names.iter().map(|name| name.as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

/// Waits until a query of a table has an answer.
pub(crate) fn await_sum(cluster: &Cluster, table: &str, rows: u64, home_runs: f64) {
    let sql = format!("SELECT COUNT(*), SUM(homeRuns) FROM {table}");
    eventually(&format!("{rows} rows with {home_runs} home runs"), || {
        let answer = cluster.query(&sql);
        let found = &answer["resultTable"]["rows"][0];
        let right = found[0].as_u64() == Some(rows) && found[1].as_f64() == Some(home_runs);
        if right { Ok(()) } else { Err(answer.to_string()) }
    });
}

#[test]
fn a_quick_start_runs_as_it_is_and_only_once() {
    let Some(case) = Case::new("specQuickStart", json!({})) else { return };
    let path = case.path();
    let first = ok(path, &RUN);
    assert!(first.contains("pushed 3 segments") && first.contains("0 went"), "{first}");
    await_sum(case.cluster, case.table, 4, 5.0);
    let names = [case.name("1871_1871_0"), case.name("1871_1871_1"), case.name("1872_1872_0")];
    assert_eq!(segments(case.cluster, case.table), names);
    let second = ok(path, &RUN);
    assert_eq!(second, "unchanged: 3 of 3 inputs\nnothing to do: every input is built\n");

    // Changed: the segment of the same name is replaced.
    case.input("1871/b.csv", "addybo01,1871,10\nzettlge01,1871,20\n");
    let changed = ok(path, &RUN);
    assert!(changed.contains("pushed 1 segments"), "{changed}");
    await_sum(case.cluster, case.table, 5, 35.0);

    // One is new and one is gone: as in Pinot, what was pushed of it stays.
    fs::remove_file(path.join("rawdata/1872/a.csv")).unwrap();
    case.input("1873/a.csv", "newyear01,1873,100\n");
    ok(path, &RUN);
    await_sum(case.cluster, case.table, 6, 135.0);
    assert_eq!(segments(case.cluster, case.table).len(), 4);

    // Without its state the job knows nothing of what it pushed, and overwrites by name.
    fs::remove_dir_all(path.join(".pinotage")).unwrap();
    case.input("1871/b.csv", "addybo01,1871,1000\n");
    ok(path, &RUN);
    await_sum(case.cluster, case.table, 5, 1105.0);
    assert!(ok(path, &RUN).contains("nothing to do"));
}

#[test]
fn a_push_builds_nothing_again_and_creates_no_table() {
    let Some(case) = Case::new("specLater", json!({})) else { return };
    let path = case.path();
    case.write(&SPEC.replace("SegmentCreationAndTarPush", "SegmentCreation"));
    ok(path, &RUN);
    case.write(SPEC);
    let planned = ok(path, &["run", "job-spec.yaml", "--dry-run"]);
    assert!(!planned.contains("would build"), "{planned}");
    let pushed = ok(path, &RUN);
    assert!(pushed.contains("unchanged: 3 of 3") && pushed.contains("pushed 3 segments"), "{pushed}");
    await_sum(case.cluster, case.table, 4, 5.0);
    // The documents are there as files, the table is not.
    let base = format!("{}/tables/{}", case.cluster.controller, case.table);
    for (url, file) in [(format!("{base}/schema"), "schema.json"), (base, "table.json")] {
        let text = String::from_utf8(case.cluster.get(&url)).unwrap();
        fs::write(path.join(file), text.replace(case.table, "specNowhere")).unwrap();
    }
    let files = SPEC.replace("CONTROLLER/tables/TABLE/schema", "schema.json");
    case.write(&files.replace("CONTROLLER/tables/TABLE", "table.json").replace("TABLE", "specNowhere"));
    let refused = String::from_utf8(pinotage(path, &RUN).stderr).unwrap();
    assert!(refused.contains("not-found: there is no such table"), "{refused}");
}

/// A new input takes the number of another one: nothing is doubled or lost, and segment files that do not stay are not built
/// again.
#[test]
fn numbers_follow_the_inputs_into_the_cluster() {
    let Some(case) = Case::new("specNumbers", json!({})) else { return };
    let path = case.path();
    case.write(&(SPEC.to_owned() + "cleanUpOutputDir: true\n"));
    ok(path, &RUN);
    await_sum(case.cluster, case.table, 4, 5.0);
    assert!(!path.join("segments/1872/").join(case.name("1872_1872_0.tar.gz")).exists());
    assert!(ok(path, &RUN).contains("nothing to do"));
    case.input("1871/0.csv", "zed01,1871,100\n");
    ok(path, &RUN);
    await_sum(case.cluster, case.table, 5, 105.0);
    fs::remove_file(path.join("rawdata/1871/0.csv")).unwrap();
    ok(path, &RUN);
    await_sum(case.cluster, case.table, 4, 5.0);
    assert_eq!(segments(case.cluster, case.table).len(), 3);
}

#[test]
fn segment_files_are_pushed_by_a_job_of_their_own() {
    let Some(case) = Case::new("specPushAlone", json!({})) else { return };
    let path = case.path();
    case.write(&SPEC.replace("SegmentCreationAndTarPush", "SegmentCreation"));
    ok(path, &RUN);
    let push = SPEC.replace("SegmentCreationAndTarPush", "SegmentTarPush")
        + "  pushFileNamePattern: 'glob:**/1871/*.tar.gz'\n  pushParallelism: 2\n";
    case.write(&push);
    let planned = ok(path, &["plan", "job-spec.yaml"]);
    assert!(planned.contains("would push 2 segments, 0 would go"), "{planned}");
    assert!(ok(path, &["check", "job-spec.yaml"]).contains("2 segments, can be pushed"));
    let first = ok(path, &RUN);
    assert!(first.contains("pushed 2 segments"), "{first}");
    await_sum(case.cluster, case.table, 3, 1.0);
    assert!(ok(path, &RUN).contains("has all 2 segments"));
    // Other bytes under the same names replace what is there; the files go once they are pushed.
    case.input("1871/a.csv", "aardsda01,1871,7\n");
    case.write(&SPEC.replace("SegmentCreationAndTarPush", "SegmentCreation"));
    ok(path, &RUN);
    case.write(&(push + "cleanUpOutputDir: true\n"));
    let second = ok(path, &RUN);
    assert!(second.contains("pushed 1 segments"), "{second}");
    await_sum(case.cluster, case.table, 2, 7.0);
    let left: Vec<_> = fs::read_dir(path.join("segments/1871")).unwrap().collect();
    assert!(left.is_empty() && path.join("segments/1872").read_dir().unwrap().next().is_some(), "{left:?}");
}

/// Metadata alone go to the controller; servers fetch the segment files from the folder, which therefore stays.
#[test]
fn servers_fetch_segment_files_from_where_they_are() {
    let Some(case) = Case::new("specMetadata", json!({})) else { return };
    let path = case.path();
    let of_type = |job_type: &str| case.write(&SPEC.replace("SegmentCreationAndTarPush", job_type));
    case.write(&(SPEC.replace("CreationAndTarPush", "CreationAndMetadataPush") + "cleanUpOutputDir: true\n"));
    let output = pinotage(path, &RUN);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("`cleanUpOutputDir` has no effect"), "{said}");
    await_sum(case.cluster, case.table, 4, 5.0);
    let name = segments(case.cluster, case.table).remove(0);
    let kept =
        case.cluster.get_json(&format!("{}/segments/{}_OFFLINE/{name}/metadata", case.cluster.controller, case.table));
    let place = kept["segment.download.url"].as_str().unwrap();
    assert!(place.starts_with("file:///") && place.ends_with(&format!("{name}.tar.gz")), "{place}");
    assert!(Path::new(place.strip_prefix("file://").unwrap()).is_file(), "{place}");
    // The same files by a job that only pushes, in one request; then one that changed.
    case.write(&(SPEC.replace("SegmentCreationAndTarPush", "SegmentMetadataPush") + "  batchSegmentUpload: true\n"));
    assert!(ok(path, &RUN).contains("has all 3 segments"));
    case.input("1872/a.csv", "allisar01,1872,40\n");
    of_type("SegmentCreation");
    ok(path, &RUN);
    of_type("SegmentUriPush");
    let refused = String::from_utf8(pinotage(path, &RUN).stderr).unwrap();
    assert!(refused.contains("file:"), "{refused}");
    case.write(&(SPEC.replace("SegmentCreationAndTarPush", "SegmentMetadataPush") + "  batchSegmentUpload: true\n"));
    assert!(ok(path, &RUN).contains("pushed 1 segments"));
    await_sum(case.cluster, case.table, 4, 41.0);
}

#[test]
fn every_controller_gets_every_segment() {
    let Some(case) = Case::new("specTwo", json!({})) else { return };
    let Some(second) = Cluster::start(&Options { auth: true, tls: Tls::Mutual, ..Options::default() }) else { return };
    create(&second, case.table, json!({}));
    let path = case.path();
    let (admin, tls) = (second.admin.clone().unwrap(), second.tls.clone().unwrap());
    let both = SPEC.replace(
        "  - controllerURI: 'CONTROLLER'\n",
        &format!("  - controllerURI: 'CONTROLLER'\n  - controllerURI: '{}/'\n", second.controller),
    );
    let stores = format!(
        "tlsSpec: {{trustStoreType: JKS, trustStorePath: '{}', trustStorePassword: {password}, \
         keyStoreType: JKS, keyStorePath: 'file://{}', keyStorePassword: {password}}}\n",
        tls.truststore_jks.display(),
        tls.client_jks.display(),
        password = TlsFiles::PASSWORD,
    );
    case.write(&(both + &stores));
    fs::write(path.join("password"), format!("{}\n", admin.password)).unwrap();
    let args = ["run", "job-spec.yaml", "--user", &admin.name, "--password", "file:password"];
    let refused = pinotage(path, &RUN);
    let words = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && words.contains("permission-denied"), "{words}");
    assert!(!words.contains(TlsFiles::PASSWORD), "{words}");
    let shown = ok(path, &args);
    assert!(!shown.contains(&admin.password));
    for cluster in [case.cluster, &second] {
        await_sum(cluster, case.table, 4, 5.0);
    }
    assert!(ok(path, &args).contains("nothing to do"));
    case.input("1871/a.csv", "aardsda01,1871,7\n");
    fs::remove_file(path.join("rawdata/1871/b.csv")).unwrap();
    case.input("1871/0.csv", "zed01,1871,100\n");
    // The token of the job spec counts before that of the command line.
    let spec = fs::read_to_string(path.join("job-spec.yaml")).unwrap();
    fs::write(path.join("job-spec.yaml"), spec + &format!("authToken: {}\n", admin.authorization())).unwrap();
    ok(path, &RUN);
    for cluster in [case.cluster, &second] {
        await_sum(cluster, case.table, 3, 111.0);
        assert_eq!(segments(cluster, case.table).len(), 3);
    }
}

#[test]
fn a_table_that_wants_it_is_replaced_in_one_step() {
    let batch = json!({"ingestionConfig": {"batchIngestionConfig": {
        "segmentIngestionType": "REFRESH", "segmentIngestionFrequency": "DAILY", "consistentDataPush": true}}});
    let Some(case) = Case::new("specConsistent", batch) else { return };
    let path = case.path();
    // Without addresses the documents are those of the first controller.
    let spec: Vec<&str> =
        SPEC.lines().filter(|line| !line.contains("schemaURI") && !line.contains("tableConfigURI")).collect();
    case.write(&(spec.join("\n") + "\n"));
    let first = ok(path, &RUN);
    assert!(first.contains("pushed 3 segments"), "{first}");
    await_sum(case.cluster, case.table, 4, 5.0);
    let before = segments(case.cluster, case.table);
    assert!(ok(path, &RUN).contains("nothing to do"));
    // One is changed and one is gone: the table is what the inputs are now.
    case.input("1871/b.csv", "addybo01,1871,10\n");
    fs::remove_file(path.join("rawdata/1872/a.csv")).unwrap();
    let changed = ok(path, &RUN);
    assert!(changed.contains("pushed 1 segments") && changed.contains("2 went"), "{changed}");
    await_sum(case.cluster, case.table, 3, 11.0);
    let after = segments(case.cluster, case.table);
    assert_eq!(after.iter().filter(|name| before.contains(name)).count(), 1, "{before:?} {after:?}");
    // What another state pushed goes in the same step.
    fs::remove_dir_all(path.join(".pinotage")).unwrap();
    ok(path, &RUN);
    await_sum(case.cluster, case.table, 3, 11.0);
    assert_eq!(segments(case.cluster, case.table).len(), 2);
    // Segment files with names of their own replace everything too; under names that are taken they cannot.
    let spec = spec.join("\n").replace("'segments'", "'named'") + "\n";
    let (build, push) = ("jobType: SegmentCreation\n", "jobType: SegmentTarPush\n");
    let of_type = |job_type| case.write(&spec.replace("jobType: SegmentCreationAndTarPush\n", job_type));
    of_type(build);
    case.input("1871/b.csv", "addybo01,1871,20\n");
    ok(path, &RUN);
    of_type(push);
    let pushed = ok(path, &RUN);
    assert!(pushed.contains("pushed 2 segments") && pushed.contains("2 went"), "{pushed}");
    await_sum(case.cluster, case.table, 3, 21.0);
    of_type(build);
    case.input("1871/b.csv", "addybo01,1871,30\n");
    ok(path, &RUN);
    of_type(push);
    let refused = String::from_utf8(pinotage(path, &RUN).stderr).unwrap();
    assert!(refused.contains("already-exists") && refused.contains("segment.name.postfix"), "{refused}");
    await_sum(case.cluster, case.table, 3, 21.0);
    let lineage = format!("{}/segments/{}/lineage?type=OFFLINE", case.cluster.controller, case.table);
    assert!(!case.cluster.get_json(&lineage).to_string().contains("IN_PROGRESS"));
}

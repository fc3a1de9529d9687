//! Pinot's own job specs, from the file to the segments.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::{ok, shown};

/// A job spec in the form of Pinot's quick start, over two years of baseball.
const SPEC: &str = "executionFrameworkSpec:
  name: 'standalone'
  segmentGenerationJobRunnerClassName: 'org.apache.pinot.plugin.ingestion.batch.standalone.SegmentGenerationJobRunner'
jobType: SegmentCreation
inputDirURI: 'rawdata/${league}'
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
  tableName: 'baseballStats'
  schemaURI: 'schema.json'
  tableConfigURI: 'table.json'
";

fn folder(spec: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    for (file, rows) in [
        ("AL/1871/a.csv", "playerID, yearID ,homeRuns,positions\naardsda01, 1871 ,0,P;C\nabercda01,1871,1,SS\n"),
        ("AL/1871/b.csv", "playerID,yearID,homeRuns,positions\naddybo01,1871,,2B\n"),
        ("AL/1872/a.csv", "homeRuns,yearID,playerID,extra\n4,1872,allisar01,x\n"),
        ("AL/1872/notes.txt", "no rows\n"),
    ] {
        let file = path.join("rawdata").join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, rows).unwrap();
    }
    fs::write(
        path.join("schema.json"),
        r#"{"schemaName": "baseballStats", "dimensionFieldSpecs": [{"name": "playerID", "dataType": "STRING"},
            {"name": "positions", "dataType": "STRING", "singleValueField": false}],
            "metricFieldSpecs": [{"name": "homeRuns", "dataType": "INT"}],
            "dateTimeFieldSpecs": [{"name": "yearID", "dataType": "INT", "format": "1:DAYS:EPOCH", "granularity": "1:DAYS"}]}"#,
    )
    .unwrap();
    fs::write(
        path.join("table.json"),
        r#"{"OFFLINE": {"tableName": "baseballStats_OFFLINE", "tableType": "OFFLINE",
            "segmentsConfig": {"timeColumnName": "yearID", "segmentPushType": "APPEND"}}}"#,
    )
    .unwrap();
    fs::write(path.join("job-spec.yaml"), spec).unwrap();
    folder
}

/// The segment files below the output, with their folders.
fn built(folder: &Path) -> Vec<String> {
    let mut files = Vec::new();
    let mut folders = vec![folder.join("segments")];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => files.push(path.strip_prefix(folder.join("segments")).unwrap().display().to_string()),
            }
        }
    }
    files.sort();
    files
}

const RUN: [&str; 4] = ["run", "job-spec.yaml", "--values", "league=AL"];

#[test]
fn a_job_spec_builds_segments_with_pinots_names() {
    let folder = folder(SPEC);
    let path = folder.path();
    insta::assert_snapshot!(shown(path, &RUN));
    let names = ["1871/baseballStats_OFFLINE_1871_1871_0.tar.gz", "1871/baseballStats_OFFLINE_1871_1871_1.tar.gz"];
    assert_eq!(built(path), [names[0], names[1], "1872/baseballStats_OFFLINE_1872_1872_0.tar.gz"]);
    assert!(ok(path, &RUN).contains("nothing to do"));
    insta::assert_snapshot!(shown(path, &["plan", "job-spec.yaml", "--values", "league=AL"]));
    for name in built(path) {
        let status =
            std::process::Command::new("tar").current_dir(path).args(["-xzf", &format!("segments/{name}")]).status();
        assert!(status.unwrap().success());
    }
    let rows = |segment: &str| ok(path, &["segment", "cat", segment]);
    assert_eq!(
        rows("baseballStats_OFFLINE_1871_1871_0"),
        "{\"homeRuns\":0,\"playerID\":\"aardsda01\",\"positions\":[\"P\",\"C\"],\"yearID\":1871}\n\
         {\"homeRuns\":1,\"playerID\":\"abercda01\",\"positions\":[\"SS\"],\"yearID\":1871}\n"
    );
    assert_eq!(
        rows("baseballStats_OFFLINE_1872_1872_0"),
        "{\"homeRuns\":4,\"playerID\":\"allisar01\",\"positions\":[\"null\"],\"yearID\":1872}\n"
    );
}

/// A new input moves the numbers behind it, and one that is gone moves them back; no segment is lost or left behind by it.
#[test]
fn numbers_follow_the_inputs() {
    let folder = folder(&SPEC.replace("jobType", "segmentCreationJobParallelism: 4\njobType"));
    let path = folder.path();
    ok(path, &RUN);
    let new = path.join("rawdata/AL/1871/0.csv");
    fs::write(&new, "playerID,yearID,homeRuns,positions\nzed,1871,9,P\nzoe,1871,9,P\nzac,1871,9,P\n").unwrap();
    let docs = |text: &str| -> Vec<String> {
        let segments = text.lines().filter_map(|line| line.trim().strip_prefix("segment "));
        segments.map(|line| line.split(',').next().unwrap().to_owned()).collect()
    };
    let second = ok(path, &RUN);
    assert_eq!(
        docs(&second),
        [
            "baseballStats_OFFLINE_1871_1871_0 with 3 rows",
            "baseballStats_OFFLINE_1871_1871_1 with 2 rows",
            "baseballStats_OFFLINE_1871_1871_2 with 1 rows"
        ]
    );
    assert_eq!(built(path).len(), 4);
    fs::remove_file(&new).unwrap();
    let third = ok(path, &RUN);
    assert!(third.contains("vanished rawdata/AL/1871/0.csv"), "{third}");
    assert_eq!(docs(&third).len(), 2);
    assert_eq!(built(path).len(), 3);
    assert!(ok(path, &RUN).contains("nothing to do"));
}

#[test]
fn what_stops_a_job_spec_is_said_with_what_to_do() {
    let mut text = String::new();
    let mut fails = |spec: &str, change: &dyn Fn(&Path), args: &[&str]| {
        let folder = folder(spec);
        change(folder.path());
        let shown = shown(folder.path(), args);
        assert!(shown.trim_end().lines().last().unwrap().starts_with("  what to do: "), "{shown}");
        text.push_str(&shown);
        text.push('\n');
    };
    let nothing = |_: &Path| {};
    fails(SPEC, &nothing, &["check", "job-spec.yaml"]);
    fails(SPEC, &nothing, &["check", "job-spec.yaml", "--values", "league"]);
    fails(SPEC, &nothing, &["check", "job-spec.yaml", "--property-file", "job.properties"]);
    fails(&SPEC.replace("SegmentCreation", "SegmentCreationAndTarPush"), &nothing, &RUN);
    fails(
        &(SPEC.replace("SegmentCreation\n", "SegmentCreationAndTarPush\n")
            + "pinotClusterSpecs: [{controllerURI: 'http://localhost:1'}]\npushJobSpec: {pushAttempts: 1}\n"),
        &nothing,
        &RUN,
    );
    let push =
        |kind: &str| SPEC.replace("SegmentCreation\n", kind) + "pinotClusterSpecs: [{controllerURI: 'localhost:1'}]\n";
    fails(&push("SegmentTarPush\n"), &|path| fs::create_dir(path.join("segments")).unwrap(), &RUN);
    fails(
        &push("SegmentTarPush\n"),
        &nothing,
        &["run", "job-spec.yaml", "--values", "league=AL", "--auth-token", "Basic c2VjcmV0"],
    );
    let same_names =
        SPEC.to_owned() + "segmentNameGeneratorSpec: {type: normalizedDate, configs: {exclude.sequence.id: true}}\n";
    fails(&same_names, &nothing, &RUN);
    let bad = |path: &Path| {
        fs::write(path.join("rawdata/AL/1871/b.csv"), "playerID,yearID,homeRuns,positions\nx,1871,many,P\n").unwrap();
    };
    fails(SPEC, &bad, &RUN);
    let empty = |path: &Path| fs::write(path.join("rawdata/AL/1871/b.csv"), "playerID,yearID\n").unwrap();
    fails(&(SPEC.to_owned() + "failOnEmptySegment: true\n"), &empty, &RUN);
    let foreign = |path: &Path| {
        fs::create_dir_all(path.join("segments/1872")).unwrap();
        fs::write(path.join("segments/1872/baseballStats_OFFLINE_1872_1872_0.tar.gz"), "not ours").unwrap();
    };
    fails(&SPEC.replace("overwriteOutput: true", "overwriteOutput: false"), &foreign, &RUN);
    fails("name: j\nsource: {kind: files, paths: [in]}\nsink: {kind: pinot, table: t}\n", &nothing, &RUN);
    insta::assert_snapshot!(text);
}

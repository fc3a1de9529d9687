//! Pinot's own judgement of the segments that we write (`java/conformance`).

use std::fs;
use std::path::Path;
use std::process::Command;

use pinotage_common::ArchiveLevel;
use pinotage_segment::read::{ScanOptions, Segment};
use pinotage_segment::write::{BuiltSegment, SegmentBuilder};
use pinotage_spec::TableConfig;
use pinotage_testkit::{Case, golden_cases};
use serde_json::json;

use crate::read::assert_same;
use crate::write::{EXAMPLE_SCHEMA, EXAMPLE_TABLE, NOT_WRITTEN, build, finish, worked_example};

/// Where `cargo xtask test` says how to start the judge.
const JUDGE: &str = "PINOTAGE_CONFORMANCE_CLASSPATH";

/// Hands in a segment as a folder and as an archive.
fn submit(folder: &Path, segment: &BuiltSegment) {
    segment.write_dir(&folder.join("ours")).unwrap();
    segment.write_tar_gz(&folder.join("ours"), ArchiveLevel::default()).unwrap();
}

/// Has Pinot write or judge every case below a folder; false when there is no judge.
fn ask(command: &str, root: &Path) -> bool {
    let Ok(class_path) = std::env::var(JUDGE) else {
        eprintln!("SKIPPED: no judge, because {JUDGE} is not set; `cargo xtask test` builds it and sets it");
        return false;
    };
    let output = Command::new("java")
        .args(["-Xmx2g", "-cp", &class_path, "io.pinotage.conformance.Conformance", command])
        .arg(root)
        .output()
        .unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "Pinot does not agree:\n{text}");
    println!("{text}");
    true
}

#[test]
fn pinot_opens_and_answers_what_we_write() {
    let root = tempfile::tempdir().unwrap();
    for case in golden_cases().iter().filter(|case| !NOT_WRITTEN.contains(&case.name.as_str())) {
        let folder = root.path().join(&case.name);
        fs::create_dir(&folder).unwrap();
        for file in ["schema.json", "table.json", "expected.jsonl"] {
            fs::copy(case.folder.join(file), folder.join(file)).unwrap();
        }
        let segment = build(case, &format!("{}_0", case.name.replace('-', "_")), 1000);
        let options = json!({"name": case.name, "segmentName": segment.name()});
        fs::write(folder.join("case.json"), options.to_string()).unwrap();
        submit(&folder, &segment);
    }
    ask("judge", root.path());
}

#[test]
fn pinot_leaves_star_trees_out_that_we_leave_out() {
    let cases = golden_cases();
    let case = cases.iter().find(|case| case.name == "star-tree").unwrap();
    let mut table = case.table.json().clone();
    table["tableIndexConfig"]["starTreeIndexConfigs"][0]["functionColumnPairs"] = json!(["PERCENTILETDIGEST__m"]);
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("star-tree-left");
    fs::create_dir(&folder).unwrap();
    for file in ["schema.json", "expected.jsonl"] {
        fs::copy(case.folder.join(file), folder.join(file)).unwrap();
    }
    let rows = case.batch();
    let mut builder =
        SegmentBuilder::try_new(&case.schema, &TableConfig::from_document(table.clone()).unwrap()).unwrap();
    builder.append(&rows).unwrap();
    let segment = finish(builder, "star_tree_0");
    let options = json!({"name": "star-tree-left", "segmentName": segment.name(), "starTreesLeft": true});
    fs::write(folder.join("case.json"), options.to_string()).unwrap();
    fs::write(folder.join("table.json"), table.to_string()).unwrap();
    submit(&folder, &segment);
    ask("judge", root.path());
}

#[test]
fn pinot_opens_and_answers_the_worked_example() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("worked-example");
    fs::create_dir(&folder).unwrap();
    let rows = r#"{"city": "Oslo", "n": 7, "note": "x", "tags": [1, 2], "ts": 1700000000000}
{"city": "Oslo", "n": -3, "note": "null", "tags": [3], "ts": 1700000001000, "$nulls": ["note"]}
{"city": "Paris", "n": 7, "note": "yy", "tags": [2], "ts": 1700000002000}
{"city": "Paris", "n": 40, "note": "null", "tags": [1, 3], "ts": 1700000003000, "$nulls": ["note"]}
{"city": "Rome", "n": 0, "note": "z", "tags": [2], "ts": 1700000004000}
"#;
    let options = json!({"name": "worked-example", "segmentName": "ex_0"}).to_string();
    for (file, text) in [
        ("schema.json", EXAMPLE_SCHEMA),
        ("table.json", EXAMPLE_TABLE),
        ("expected.jsonl", rows),
        ("case.json", &options),
    ] {
        fs::write(folder.join(file), text).unwrap();
    }
    submit(&folder, &worked_example());
    ask("judge", root.path());
}

#[test]
fn pinot_agrees_on_every_generated_case_in_both_directions() {
    let full = pinotage_testkit::is_full();
    let root = tempfile::tempdir().unwrap();
    for case in Case::all(full) {
        let folder = case.write(root.path()).unwrap();
        let mut builder = SegmentBuilder::try_new(&case.schema(), &case.table()).unwrap();
        case.batches(1 << 16).for_each(|batch| builder.append(&batch).unwrap());
        submit(&folder, &finish(builder, &case.segment_name()));
    }
    // Pinot builds the same segments from the raw records, which proves the expected values to be Pinot's own.
    if ask("write", root.path()) {
        ask("judge", root.path());
        Case::all(full).iter().for_each(|case| read_theirs(case, root.path()));
    }
}

/// Reads the segment that Pinot built, in the order of the input.
fn read_theirs(case: &Case, root: &Path) {
    let path = root.join(case.name).join("theirs").join(case.segment_name());
    let segment = Segment::open(&path).unwrap();
    let findings = segment.verify().unwrap();
    assert!(findings.is_empty(), "{}: {findings:?}", case.name);
    let batch_rows = 1 << 16;
    let mut scan = segment.scan(ScanOptions { batch_rows, ..ScanOptions::default() }).unwrap();
    for expected in case.batches(batch_rows) {
        // A null that is not tracked is its default value.
        let expected = if case.name == "untracked-nulls" { continue } else { expected };
        assert_same(&scan.next().unwrap().unwrap(), &expected, case.name);
    }
    assert!(case.name == "untracked-nulls" || scan.next().is_none());
}

//! Segments that each release of Pinot writes are read, cell by cell (`java/segments`). `docs/compatibility.md` lists them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use pinotage_segment::metadata::SegmentMetadata;
use pinotage_segment::read::{ScanOptions, Segment, Severity};
use pinotage_spec::{DataType, FieldSpec, FieldType};
use pinotage_testkit::{GoldenCase, cases_in, columns_to_batch, is_full, read_only_cases};
use serde_json::{Map, Value as Json};

use crate::read::{assert_same, read, survive};

/// What is tried in the small sizes, too.
const SMALL: [&str; 3] = ["0.11.0", "1.1.0", "1.5.1"];

/// The cases of `java/segments`, each with the first of the tried releases that can write it.
const CASES: [(&str, &str); 48] = [
    ("boolean-lists", "1.3.0"),
    ("clp", "1.3.0"),
    ("dictionary-v1", "0.11.0"),
    ("dictionary-v3", "0.11.0"),
    ("entry-dictionary", "1.1.0"),
    ("map", "1.3.0"),
    ("map-of-anything", "1.5.1"),
    ("nulls-by-column", "1.1.0"),
    ("nulls-v1", "0.11.0"),
    ("nulls-v3", "0.11.0"),
    ("other-indexes", "0.11.0"),
    ("raw-2-GZIP", "1.3.0"),
    ("raw-2-LZ4", "0.11.0"),
    ("raw-2-PASS_THROUGH", "0.11.0"),
    ("raw-2-SNAPPY", "0.11.0"),
    ("raw-2-ZSTANDARD", "0.11.0"),
    ("raw-2-text-lists", "0.11.0"),
    ("raw-3-GZIP", "1.3.0"),
    ("raw-3-LZ4", "0.11.0"),
    ("raw-3-PASS_THROUGH", "0.11.0"),
    ("raw-3-SNAPPY", "0.11.0"),
    ("raw-3-ZSTANDARD", "0.11.0"),
    ("raw-3-text-lists", "0.11.0"),
    ("raw-4-DELTA", "1.5.1"),
    ("raw-4-DELTADELTA", "1.5.1"),
    ("raw-4-GZIP", "1.3.0"),
    ("raw-4-LZ4", "0.11.0"),
    ("raw-4-PASS_THROUGH", "0.11.0"),
    ("raw-4-SNAPPY", "0.11.0"),
    ("raw-4-ZSTANDARD", "0.11.0"),
    ("raw-4-text-lists", "1.1.0"),
    ("raw-5-GZIP", "1.3.0"),
    ("raw-5-LZ4", "1.3.0"),
    ("raw-5-PASS_THROUGH", "1.3.0"),
    ("raw-5-SNAPPY", "1.3.0"),
    ("raw-5-ZSTANDARD", "1.3.0"),
    ("raw-5-text-lists", "1.3.0"),
    ("raw-huge", "0.11.0"),
    ("raw-v1", "0.11.0"),
    ("raw-v3", "0.11.0"),
    ("realtime", "0.11.0"),
    ("realtime-CLPV2", "1.3.0"),
    ("realtime-CLPV2_LZ4", "1.4.0"),
    ("realtime-CLPV2_ZSTD", "1.4.0"),
    ("realtime-column-major", "1.1.0"),
    ("sorted-v1", "0.11.0"),
    ("sorted-v3", "0.11.0"),
    ("var-length-dictionary", "0.11.0"),
];

/// What old releases reach into.
const OPENS: [&str; 6] = ["java.io", "java.lang", "java.lang.reflect", "java.nio", "java.util", "sun.nio.ch"];

#[test]
fn segments_of_pinot_0_11_0_are_read() {
    are_read("0.11.0");
}

#[test]
fn segments_of_pinot_0_12_1_are_read() {
    are_read("0.12.1");
}

#[test]
fn segments_of_pinot_1_1_0_are_read() {
    are_read("1.1.0");
}

#[test]
fn segments_of_pinot_1_3_0_are_read() {
    are_read("1.3.0");
}

#[test]
fn segments_of_pinot_1_4_0_are_read() {
    are_read("1.4.0");
}

#[test]
fn segments_of_pinot_1_5_1_are_read() {
    are_read("1.5.1");
}

/// A program of `java/segments` with a release of Pinot; none where nobody built that.
pub(crate) fn java(release: &str, program: &str) -> Option<Command> {
    let variable = format!("PINOTAGE_SEGMENTS_{}_CLASSPATH", release.replace('.', "_"));
    let Ok(class_path) = std::env::var(&variable) else {
        let size = if SMALL.contains(&release) { "" } else { " --full" };
        eprintln!(
            "SKIPPED: no Pinot {release}, because {variable} is not set; `cargo xtask test{size}` builds and sets it"
        );
        assert!(!is_full(), "in the large sizes no release is left out");
        return None;
    };
    let mut java = Command::new("java");
    java.args(["-Xmx1g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
        .args(OPENS.map(|package| format!("--add-opens=java.base/{package}=ALL-UNNAMED")))
        .args(["-cp", &class_path, &format!("io.pinotage.segments.{program}")]);
    Some(java)
}

/// The numbers of a release, which have an order.
pub(crate) fn numbers(release: &str) -> Vec<u32> {
    release.split('.').map(|number| number.parse().unwrap()).collect()
}

fn are_read(release: &str) {
    let Some(mut java) = java(release, "WriteSegments") else { return };
    let root = tempfile::tempdir().unwrap();
    let output = java.arg(release).arg(root.path()).current_dir(root.path()).output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "Pinot {release} cannot write everything:\n{text}");
    let expected = CASES.iter().filter(|(_, since)| numbers(since) <= numbers(release)).map(|(name, _)| *name);
    let cases = cases_in(root.path());
    assert_eq!(cases.iter().map(|case| case.name.as_str()).collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    cases.iter().for_each(is_read);
}

/// Every cell, in batches of two sizes and of chosen docs.
fn is_read(case: &GoldenCase) {
    let segment = Segment::open(&case.segment()).unwrap();
    let metadata = segment.metadata();
    for field in case.schema.fields() {
        let column = &metadata.columns[&field.name];
        assert_eq!((column.data_type, column.single_value), (field.data_type, field.single_value), "{}", field.name);
    }
    let columns = columns(metadata);
    let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    let expected = columns_to_batch(columns.iter(), &case.rows.iter().map(sorted_maps).collect::<Vec<_>>());
    for batch_rows in [7, 8192] {
        let found =
            read(&case.segment(), ScanOptions { columns: Some(names.clone()), batch_rows, ..ScanOptions::default() });
        assert_same(&with_sorted_maps(found), &expected, &case.name);
    }
    let some: Vec<u32> = (0..metadata.num_docs).filter(|doc| doc % 7 == 3 || doc % 50 < 4).collect();
    let docs = Some(some.iter().copied().collect());
    let found =
        read(&case.segment(), ScanOptions { columns: Some(names), docs, batch_rows: 100, ..ScanOptions::default() });
    let expected = take_record_batch(&expected, &UInt32Array::from(some)).unwrap();
    assert_same(&with_sorted_maps(found), &expected, &case.name);
    let findings = segment.verify().unwrap();
    let wrong: Vec<_> = findings.iter().filter(|finding| finding.severity == Severity::Error).collect();
    assert!(wrong.is_empty(), "{}: {wrong:?}", case.name);
}

/// The columns of a segment: an index on times adds some to those of the schema.
fn columns(metadata: &SegmentMetadata) -> Vec<FieldSpec> {
    let field = |(name, column): (&String, &pinotage_segment::metadata::ColumnMetadata)| {
        let mut field = FieldSpec::new(name, column.data_type, column.field_type);
        field.single_value = column.single_value;
        field
    };
    metadata.columns.iter().map(field).collect()
}

/// Pinot's maps have no order.
fn sorted_maps(row: &Json) -> Json {
    let sorted = |cell: &Json| match cell {
        Json::Object(map) => {
            map.iter().collect::<BTreeMap<_, _>>().into_iter().map(|(k, v)| (k.clone(), v.clone())).collect()
        }
        other => other.clone(),
    };
    Json::Object(row.as_object().unwrap().iter().map(|(name, cell)| (name.clone(), sorted(cell))).collect())
}

fn with_sorted_maps(batch: RecordBatch) -> RecordBatch {
    let (schema, mut arrays, _) = batch.into_parts();
    for (array, field) in arrays.iter_mut().zip(schema.fields()) {
        if matches!(field.data_type(), arrow::datatypes::DataType::Map(..)) {
            *array = maps(field.name(), array);
        }
    }
    RecordBatch::try_new(schema, arrays).unwrap()
}

/// The same maps, from their JSON.
fn maps(name: &str, array: &ArrayRef) -> ArrayRef {
    let maps = array.as_map();
    let rows: Vec<Json> = (0..maps.len())
        .map(|row| {
            let pairs = maps.value(row);
            let (keys, values) = (pairs.column(0).as_string::<i32>(), pairs.column(1).as_string::<i32>());
            let json = |at: usize| serde_json::from_str::<Json>(values.value(at)).unwrap();
            let map: Map<String, Json> = (0..pairs.len()).map(|at| (keys.value(at).to_owned(), json(at))).collect();
            sorted_maps(&serde_json::json!({ name: map }))
        })
        .collect();
    let field = FieldSpec::new(name, DataType::Map, FieldType::Complex);
    Arc::clone(columns_to_batch([field].iter(), &rows).column(0))
}

#[test]
fn what_is_only_read_is_read_from_golden_segments() {
    read_only_cases().iter().for_each(is_read);
}

/// A copy of a segment's folder `v3`.
fn copy(case: &GoldenCase, to: &Path) {
    fs::create_dir(to.join("v3")).unwrap();
    for entry in fs::read_dir(case.segment().join("v3")).unwrap().map(Result::unwrap) {
        if entry.path().is_file() {
            fs::copy(entry.path(), to.join("v3").join(entry.file_name())).unwrap();
        }
    }
}

#[test]
fn damage_to_what_is_only_read_is_survived_and_noticed() {
    for case in read_only_cases() {
        let folder = tempfile::tempdir().unwrap();
        copy(&case, folder.path());
        let file = folder.path().join("v3/columns.psf");
        let intact = fs::read(&file).unwrap();
        let segment = Segment::open(folder.path()).unwrap();
        let places: Vec<usize> = segment
            .columns()
            .flat_map(|name| segment.indexes(name))
            .flat_map(|index| {
                // Headers and what follows them, then places all over the payload.
                let (start, len) = (index.offset as usize, index.len_bytes as usize);
                (0..len.min(64)).chain((64..len).step_by(1 + len / 16)).map(move |at| start + at)
            })
            .collect();
        drop(segment);
        for at in places {
            for bits in [0x01, 0xff] {
                let mut damaged = intact.clone();
                damaged[at] ^= bits;
                fs::write(&file, &damaged).unwrap();
                assert!(survive(folder.path()), "{}: byte {at} goes unnoticed", case.name);
            }
        }
    }
}

#[test]
fn unknown_indexes_hinder_nothing() {
    let cases = read_only_cases();
    let case = cases.iter().find(|case| case.name == "other-indexes").unwrap();
    let segment = Segment::open(&case.segment()).unwrap();
    let ids: Vec<String> = segment.columns().flat_map(|name| segment.indexes(name)).map(|index| index.id).collect();
    for known in ["bloom_filter", "fst_index", "h3_index", "json_index", "range_index"] {
        assert!(ids.iter().any(|id| id == known), "{known} is not in {ids:?}");
    }
    // One that no release has, and a file that nobody knows.
    let folder = tempfile::tempdir().unwrap();
    copy(case, folder.path());
    let (file, map) = (folder.path().join("v3/columns.psf"), folder.path().join("v3/index_map"));
    let mut bytes = fs::read(&file).unwrap();
    let start = bytes.len();
    bytes.extend([0xDE, 0xAD, 0xBE, 0xEF, 0xDE, 0xAF, 0xBE, 0xAD, 1, 2, 3]);
    fs::write(&file, &bytes).unwrap();
    let mut text = fs::read_to_string(&map).unwrap().trim_end().to_owned();
    text += &format!("\nn.future_index.startOffset = {start}\nn.future_index.size = 11\n");
    fs::write(&map, text).unwrap();
    fs::write(folder.path().join("v3/n.vector.v912.hnsw.index"), "x").unwrap();
    let found = read(folder.path(), ScanOptions::default());
    assert_same(&found, &read(&case.segment(), ScanOptions::default()), "with a future index");
    assert!(Segment::open(folder.path()).unwrap().verify().unwrap().iter().all(|it| it.severity == Severity::Note));
}

//! What Pinot and we write is read back, cell by cell; what is damaged is named.

use std::fs;
use std::path::Path;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::Int32Type;
use pinotage_segment::metadata::SegmentMetadata;
use pinotage_segment::read::{ScanOptions, Segment, Severity};
use pinotage_spec::{CompareOp, Predicate, Value};
use pinotage_testkit::golden_cases;
use proptest::prelude::*;

use crate::write::{NOT_WRITTEN, build, worked_example};

/// Compares columns by name; the segment gives them sorted.
pub(crate) fn assert_same(found: &RecordBatch, expected: &RecordBatch, what: &str) {
    assert_eq!(found.num_rows(), expected.num_rows(), "{what}: rows");
    assert_eq!(found.num_columns(), expected.num_columns(), "{what}: columns");
    for field in expected.schema().fields() {
        let (found, expected) =
            (found.column_by_name(field.name()).unwrap(), expected.column_by_name(field.name()).unwrap());
        if found.to_data() != expected.to_data() {
            let row = (0..found.len())
                .find(|row| found.slice(*row, 1).to_data() != expected.slice(*row, 1).to_data())
                .unwrap_or(0);
            panic!(
                "{what}: column `{}`, row {row}: {:?} instead of {:?}",
                field.name(),
                found.slice(row, 1),
                expected.slice(row, 1)
            );
        }
    }
}

fn read(path: &Path, options: ScanOptions) -> RecordBatch {
    let segment = Segment::open(path).unwrap();
    let scan = segment.scan(options).unwrap();
    let schema = scan.schema();
    concat_batches(&schema, &scan.collect::<Result<Vec<_>, _>>().unwrap()).unwrap()
}

#[test]
fn golden_segments_are_read_cell_by_cell() {
    for case in golden_cases() {
        for batch_rows in [3, 1000] {
            let found = read(&case.segment(), ScanOptions { batch_rows, ..ScanOptions::default() });
            assert_same(&found, &case.batch(), &case.name);
        }
        let findings = Segment::open(&case.segment()).unwrap().verify().unwrap();
        assert!(findings.is_empty(), "{}: {findings:?}", case.name);
    }
}

#[test]
fn what_we_write_we_read() {
    let folder = tempfile::tempdir().unwrap();
    for case in golden_cases().iter().filter(|case| !NOT_WRITTEN.contains(&case.name.as_str())) {
        let segment = build(case, &case.name, 11);
        for path in [segment.write_dir(folder.path()).unwrap(), segment.write_tar_gz(folder.path()).unwrap()] {
            assert_same(&read(&path, ScanOptions::default()), &case.batch(), &case.name);
            let opened = Segment::open(&path).unwrap();
            assert_eq!(opened.verify().unwrap().len(), 0, "{}: {:?}", case.name, opened.verify());
            assert_eq!(opened.creation().unwrap().crc, segment.crc());
            // Bounds that the file cannot hold are left out there.
            let stored = SegmentMetadata::parse(segment.metadata().to_properties().as_bytes()).unwrap();
            assert_eq!(*opened.metadata(), stored);
        }
    }
}

fn compare(column: &str, op: CompareOp, value: Value) -> Predicate {
    Predicate::Compare { column: column.into(), op, value }
}

#[test]
fn predicates_keep_what_sql_keeps() {
    use CompareOp::*;
    let folder = tempfile::tempdir().unwrap();
    let path = worked_example().write_dir(folder.path()).unwrap();
    let text = |text: &str| Value::String(text.into());
    let rows = |predicate: Predicate, nulls: bool| -> Vec<i32> {
        let options = ScanOptions { columns: Some(vec!["n".into()]), predicate: Some(predicate), batch_rows: 2, nulls };
        read(&path, options).column(0).as_primitive::<Int32Type>().values().to_vec()
    };
    assert_eq!(rows(compare("city", Eq, text("Paris")), true), [7, 40]);
    assert_eq!(rows(compare("city", Gt, text("Oslo")), true), [7, 40, 0]);
    assert_eq!(rows(compare("n", LtEq, Value::Int(0)), true), [-3, 0]);
    assert_eq!(rows(compare("ts", GtEq, Value::Long(1_700_000_003_000)), true), [40, 0]);
    // A null is neither equal nor unequal; without null handling it is the text `null`.
    assert_eq!(rows(compare("note", NotEq, text("x")), true), [7, 0]);
    assert_eq!(rows(compare("note", NotEq, text("x")), false), [-3, 7, 40, 0]);
    assert_eq!(rows(Predicate::Not(Box::new(compare("note", Eq, text("x")))), true), [7, 0]);
    assert_eq!(rows(Predicate::IsNull("note".into()), true), [-3, 40]);
    assert_eq!(rows(Predicate::IsNotNull("note".into()), true), [7, 7, 0]);
    // Any value of a multi-value row passes; unequal when none is equal.
    assert_eq!(rows(compare("tags", Eq, Value::Int(1)), true), [7, 40]);
    assert_eq!(rows(compare("tags", NotEq, Value::Int(1)), true), [-3, 7, 0]);
    let either = Predicate::Or(vec![compare("note", Eq, text("z")), compare("n", Eq, Value::Int(40))]);
    assert_eq!(rows(either, true), [40, 0]);
    let both = Predicate::And(vec![compare("city", Eq, text("Oslo")), compare("n", Lt, Value::Int(0))]);
    assert_eq!(rows(both, true), [-3]);
    assert_eq!(rows(Predicate::In { column: "n".into(), values: vec![Value::Int(0), Value::Int(40)] }, true), [40, 0]);
}

#[test]
fn a_wrong_question_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let segment = Segment::open(&worked_example().write_dir(folder.path()).unwrap()).unwrap();
    let options = ScanOptions { columns: Some(vec!["town".into()]), ..ScanOptions::default() };
    let error = segment.scan(options).err().unwrap();
    assert!(error.to_string().contains("town") && error.advice().contains("city, n, note"), "{error}");
    let predicate = Some(compare("n", CompareOp::Eq, Value::String("x".into())));
    let error = segment.scan(ScanOptions { predicate, ..ScanOptions::default() }).err().unwrap();
    assert!(error.to_string().contains("INT"), "{error}");
    assert!(Segment::open(folder.path()).unwrap_err().advice().contains("v3"));
}

/// Opens, verifies and scans a damaged segment: an error or a finding is fine, a panic is not.
fn survive(path: &Path) -> bool {
    let Ok(segment) = Segment::open(path) else { return true };
    let findings = segment.verify().unwrap();
    let noticed = findings.iter().any(|finding| finding.severity == Severity::Error);
    if let Ok(scan) = segment.scan(ScanOptions::default()) {
        scan.for_each(drop);
    }
    noticed || !findings.is_empty()
}

#[test]
fn every_flipped_byte_and_every_truncation_is_survived_and_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = worked_example().write_dir(folder.path()).unwrap();
    for file in ["columns.psf", "index_map", "metadata.properties", "creation.meta"] {
        let file = path.join("v3").join(file);
        let intact = fs::read(&file).unwrap();
        for at in 0..intact.len() {
            let mut damaged = intact.clone();
            damaged[at] ^= 0x15;
            fs::write(&file, &damaged).unwrap();
            // The creation time is covered by no checksum, and nothing knows another data checksum.
            let covered = !file.ends_with("creation.meta") || at < 8;
            assert!(survive(&path) || !covered, "byte {at} of {} goes unnoticed", file.display());
            fs::write(&file, &intact[..at]).unwrap();
            assert!(survive(&path) || !covered, "{} cut at {at} goes unnoticed", file.display());
        }
        fs::write(&file, &intact).unwrap();
    }
    assert!(!survive(&path));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn damaged_golden_segments_never_panic(case in 0usize..20, at in any::<proptest::sample::Index>(), bits in 1u8..) {
        let cases = golden_cases();
        let case = &cases[case % cases.len()];
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("v3");
        fs::create_dir(&target).unwrap();
        for entry in fs::read_dir(case.segment().join("v3")).unwrap() {
            let entry = entry.unwrap();
            let mut bytes = fs::read(entry.path()).unwrap();
            if entry.file_name() == "columns.psf" && !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] ^= bits;
            }
            fs::write(target.join(entry.file_name()), bytes).unwrap();
        }
        survive(folder.path());
    }
}

#[test]
fn an_archive_that_leaves_its_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.tar.gz");
    let gzip = flate2::write::GzEncoder::new(fs::File::create(&path).unwrap(), flate2::Compression::fast());
    let mut tar = tar::Builder::new(gzip);
    let mut header = tar::Header::new_gnu();
    header.set_size(1);
    header.as_old_mut().name[..12].copy_from_slice(b"../../escape");
    header.set_cksum();
    tar.append(&header, b"x".as_slice()).unwrap();
    tar.into_inner().unwrap().finish().unwrap();
    let error = Segment::open(&path).unwrap_err();
    assert!(error.to_string().contains("leaves its folder"), "{error}");
}

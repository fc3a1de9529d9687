//! What Pinot and we write is read back, cell by cell; what is damaged is named.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch, StringArray};
use arrow::compute::concat_batches;
use arrow::datatypes::{Float32Type, Float64Type, Int32Type, Int64Type, TimestampMillisecondType};
use pinotage_common::{ArchiveLevel, ErrorKind};
use pinotage_segment::metadata::{ColumnMetadata, SegmentMetadata};
use pinotage_segment::read::{DOC_ID, OpenOptions, ScanOptions, Segment, Severity};
use pinotage_segment::write::SegmentBuilder;
use pinotage_spec::{CompareOp, DataType, Predicate, Schema, TableConfig, TextPattern, TimestampIndex, Value};
use pinotage_testkit::{columns_to_batch, golden_cases};
use proptest::prelude::*;

use crate::write::{NOT_WRITTEN, build, finish, worked_example};

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

pub(crate) fn read(path: &Path, options: ScanOptions) -> RecordBatch {
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
        for path in [
            segment.write_dir(folder.path()).unwrap(),
            segment.write_tar_gz(folder.path(), ArchiveLevel::default()).unwrap(),
        ] {
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

/// Pinot shows the columns of timestamp indexes only when they are asked for.
#[test]
fn hidden_columns_are_read_by_name_alone() {
    let cases = golden_cases();
    let case = cases.iter().find(|case| case.name == "timestamp-indexes").unwrap();
    let indexes = TimestampIndex::all(&case.schema, &case.table).unwrap();
    let fields: Vec<_> = indexes.iter().map(TimestampIndex::field).collect();
    let names: Vec<String> = fields.iter().map(|field| field.name.clone()).collect();
    assert_eq!(names.len(), 13);
    let folder = tempfile::tempdir().unwrap();
    for path in [case.segment(), build(case, "ours", 17).write_dir(folder.path()).unwrap()] {
        let segment = Segment::open(&path).unwrap();
        assert!(names.iter().all(|name| segment.columns().any(|column| column == name)));
        assert_eq!(segment.visible_columns().collect::<Vec<_>>(), ["at", "city", "m", "maybe", "millis"]);
        assert_eq!(segment.arrow_schema(true).fields().len(), 5);
        assert_eq!(read(&path, ScanOptions::default()).num_columns(), 5);
        let columns = Some(names.clone());
        let found = read(&path, ScanOptions { columns, ..ScanOptions::default() });
        assert_same(&found, &columns_to_batch(fields.iter(), &case.rows), "hidden columns");
        let day = compare("$at$DAY", CompareOp::Eq, Value::Long(1_599_955_200_000));
        let found = read(&path, ScanOptions { predicate: Some(day), ..ScanOptions::default() });
        assert_eq!(found.num_rows(), 1);
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
        let options = ScanOptions {
            columns: Some(vec!["n".into()]),
            predicate: Some(predicate),
            batch_rows: 2,
            nulls,
            ..ScanOptions::default()
        };
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
fn only_the_docs_that_were_asked_for_come() {
    let folder = tempfile::tempdir().unwrap();
    let path = worked_example().write_dir(folder.path()).unwrap();
    let all = read(&path, ScanOptions::default());
    let all = all.column_by_name("n").unwrap().as_primitive::<Int32Type>().values().to_vec();
    for docs in [vec![], vec![0], vec![1, 3], vec![2, 3, 4], vec![3, 4, 5, 1_000_000]] {
        for predicate in [None, Some(compare("n", CompareOp::Gt, Value::Int(0)))] {
            let expected = docs.iter().filter_map(|doc| all.get(*doc as usize).copied());
            let expected: Vec<i32> = expected.filter(|n| predicate.is_none() || *n > 0).collect();
            let docs = Some(docs.iter().copied().collect());
            let found = read(&path, ScanOptions { predicate, docs, batch_rows: 2, ..ScanOptions::default() });
            let found = found.column_by_name("n").unwrap().as_primitive::<Int32Type>();
            assert_eq!(found.values().to_vec(), expected);
        }
    }
}

#[test]
fn batches_of_long_rows_have_fewer_of_them() {
    let schema =
        r#"{"schemaName": "t", "dimensionFieldSpecs": [{"name": "s", "dataType": "STRING", "maxLength": 5000}]}"#;
    let table = r#"{"tableName": "t", "tableType": "OFFLINE", "tableIndexConfig": {"noDictionaryColumns": ["s"]}}"#;
    let mut builder =
        SegmentBuilder::try_new(&Schema::from_json(schema).unwrap(), &TableConfig::from_json(table).unwrap()).unwrap();
    let text = |row: usize| format!("{row:05}{}", "x".repeat(4_000));
    let texts: ArrayRef = Arc::new(StringArray::from_iter_values((0..4_000).map(text)));
    builder.append(&RecordBatch::try_from_iter([("s", texts.clone())]).unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = finish(builder, "t_0").write_dir(folder.path()).unwrap();
    let segment = Segment::open(&path).unwrap();
    let batches = |batch_bytes| {
        let scan = segment.scan(ScanOptions { batch_bytes, ..ScanOptions::default() }).unwrap();
        scan.collect::<Result<Vec<_>, _>>().unwrap()
    };
    assert_eq!(batches(None).len(), 1);
    let limited = batches(Some(100_000));
    assert_eq!(concat_batches(&limited[0].schema(), &limited).unwrap().column(0), &texts);
    // The first one cannot know.
    assert!(limited.len() > 160 && limited[1..].iter().all(|batch| batch.get_array_memory_size() < 200_000));
}

#[test]
fn not_a_number_outside_of_the_bounds_is_found() {
    use CompareOp::*;
    let schema = r#"{"schemaName": "t", "metricFieldSpecs": [{"name": "x", "dataType": "DOUBLE"}]}"#;
    let table = r#"{"tableName": "t", "tableType": "OFFLINE", "tableIndexConfig": {"noDictionaryColumns": ["x"]}}"#;
    let mut builder =
        SegmentBuilder::try_new(&Schema::from_json(schema).unwrap(), &TableConfig::from_json(table).unwrap()).unwrap();
    let x: ArrayRef = Arc::new(Float64Array::from(vec![1.0, f64::NAN, 1.0]));
    builder.append(&RecordBatch::try_from_iter([("x", x)]).unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = finish(builder, "t_0").write_dir(folder.path()).unwrap();
    // Old writers passed NaN by when they looked for the greatest value.
    let metadata = path.join("v3/metadata.properties");
    let text = fs::read_to_string(&metadata).unwrap();
    assert!(text.contains("maxValue = NaN"));
    fs::write(&metadata, text.replace("maxValue = NaN", "maxValue = 1.0")).unwrap();
    let count = |op, literal| {
        let predicate = Some(compare("x", op, Value::Double(literal)));
        read(&path, ScanOptions { predicate, ..ScanOptions::default() }).num_rows()
    };
    assert_eq!([Lt, LtEq, Eq, NotEq, Gt, GtEq].map(|op| count(op, 1.0)), [0, 2, 2, 1, 1, 3]);
    assert_eq!([Lt, LtEq, Eq, NotEq, Gt, GtEq].map(|op| count(op, 5.0)), [2, 2, 0, 3, 1, 1]);
    assert_eq!([Lt, LtEq, Eq, NotEq, Gt, GtEq].map(|op| count(op, f64::NAN)), [2, 3, 1, 2, 0, 1]);
}

#[test]
fn docs_tell_their_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let path = worked_example().write_dir(folder.path()).unwrap();
    let all = read(&path, ScanOptions { columns: Some(vec![DOC_ID.into(), "n".into()]), ..ScanOptions::default() });
    let numbers = all["n"].as_primitive::<Int32Type>().values();
    assert_eq!(
        all[DOC_ID].as_primitive::<Int32Type>().values().to_vec(),
        (0..numbers.len() as i32).collect::<Vec<_>>()
    );
    let last = numbers.len() - 1;
    let predicate = Some(compare("n", CompareOp::Eq, Value::Int(numbers[last])));
    let one = read(&path, ScanOptions { columns: Some(vec![DOC_ID.into()]), predicate, ..ScanOptions::default() });
    assert_eq!(one[DOC_ID].as_primitive::<Int32Type>().values().last(), Some(&(last as i32)));
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

/// The files of the worked example, from the page that spells them out.
pub(crate) fn spelled_out() -> Vec<(&'static str, Vec<u8>)> {
    let page = include_str!("../../spec/worked-example.md");
    let block = |heading: &str| {
        let (_, section) = page.split_once(&format!("## `v3/{heading}`\n")).unwrap();
        let (_, block) = section.split_once("```").unwrap();
        let (_, block) = block.split_once('\n').unwrap();
        block.split_once("```").unwrap().0
    };
    let hex = |heading: &str| {
        block(heading)
            .lines()
            .flat_map(|line| line.split_once(": ").unwrap().1.split('|').next().unwrap().split_whitespace())
            .map(|byte| u8::from_str_radix(byte, 16).unwrap())
            .collect::<Vec<_>>()
    };
    vec![
        ("columns.psf", hex("columns.psf")),
        ("index_map", block("index_map").into()),
        ("metadata.properties", block("metadata.properties").into()),
        ("creation.meta", hex("creation.meta")),
    ]
}

fn write_files(folder: &Path, files: &[(&str, Vec<u8>)]) {
    fs::create_dir_all(folder).unwrap();
    files.iter().for_each(|(name, bytes)| fs::write(folder.join(name), bytes).unwrap());
}

/// What the page says that the rows are.
fn assert_worked_example(path: &Path) {
    let rows = read(path, ScanOptions::default());
    let column = |name: &str| rows.column_by_name(name).unwrap();
    let texts = |name: &str| column(name).as_string::<i32>().iter().collect::<Vec<_>>();
    assert_eq!(texts("city"), ["Oslo", "Oslo", "Paris", "Paris", "Rome"].map(Some));
    assert_eq!(texts("note"), [Some("x"), None, Some("yy"), None, Some("z")]);
    assert_eq!(column("n").as_primitive::<Int32Type>().values(), &[7, -3, 7, 40, 0]);
    let tags: Vec<Vec<i32>> = (column("tags").as_list::<i32>().iter())
        .map(|row| row.unwrap().as_primitive::<Int32Type>().values().to_vec())
        .collect();
    assert_eq!(tags, [vec![1, 2], vec![3], vec![2], vec![1, 3], vec![2]]);
    let times: Vec<i64> = (0..5).map(|row| 1_700_000_000_000 + 1000 * row).collect();
    assert_eq!(column("ts").as_primitive::<Int64Type>().values(), &times[..]);
}

#[test]
fn the_worked_example_is_read_from_its_bytes() {
    let folder = tempfile::tempdir().unwrap();
    write_files(&folder.path().join("v3"), &spelled_out());
    assert_worked_example(folder.path());
    let segment = Segment::open(folder.path()).unwrap();
    let creation = segment.creation().unwrap();
    assert_eq!((creation.crc, creation.creation_time_millis), (0x9d8f_7704, 1_700_000_000_000));
    assert_eq!(creation.data_crc, Some(0x82c7_221c));
    let findings = segment.verify().unwrap();
    assert!(findings.is_empty(), "{findings:?}");
    // The files may lie flat in the folder, too.
    let flat = tempfile::tempdir().unwrap();
    write_files(flat.path(), &spelled_out());
    assert_worked_example(flat.path());
}

#[test]
fn loose_files_of_version_1_are_read() {
    let mut files = spelled_out();
    // Before Pinot 1.5 there was no checksum of the data.
    files[3].1.truncate(16);
    let folder = tempfile::tempdir().unwrap();
    write_files(folder.path(), &files[2..]);
    let endings = [
        ("city.dictionary", "city.dict"),
        ("city.forward_index", "city.sv.sorted.fwd"),
        ("n.dictionary", "n.dict"),
        ("n.forward_index", "n.sv.unsorted.fwd"),
        ("note.forward_index", "note.sv.raw.fwd"),
        ("note.nullvalue_vector", "note.bitmap.nullvalue"),
        ("tags.dictionary", "tags.dict"),
        ("tags.forward_index", "tags.mv.fwd"),
        ("ts.forward_index", "ts.sv.raw.fwd"),
    ];
    let map = String::from_utf8(files[1].1.clone()).unwrap();
    let number = |key: String| -> usize {
        map.lines().find_map(|line| line.strip_prefix(&format!("{key} = "))).unwrap().parse().unwrap()
    };
    for (entry, file) in endings {
        let (start, size) = (number(format!("{entry}.startOffset")), number(format!("{entry}.size")));
        fs::write(folder.path().join(file), &files[0].1[start + 8..start + size]).unwrap();
    }
    assert_worked_example(folder.path());
    let segment = Segment::open(folder.path()).unwrap();
    assert_eq!(segment.indexes("note").len(), 2);
    assert_eq!(segment.creation().unwrap().data_crc, None);
    // Only the checksum, which was that of version 3, differs.
    assert!(segment.verify().unwrap().iter().all(|finding| finding.severity == Severity::Note));
}

/// The worked example as an uncompressed tar.
fn tar_of(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, format!("ex_0/v3/{name}"), bytes.as_slice()).unwrap();
    }
    tar.into_inner().unwrap()
}

#[test]
fn archives_of_every_codec_are_read_and_limited() {
    use std::io::Write;
    let tar = tar_of(&spelled_out());
    let mut lz4 = lz4_flex::frame::FrameEncoder::new(Vec::new());
    lz4.write_all(&tar).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&tar).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in [
        ("s.tar.gz", gzip.finish().unwrap()),
        ("s.tar.zst", zstd::bulk::compress(&tar, 3).unwrap()),
        ("s.tar.lz4", lz4.finish().unwrap()),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, &bytes).unwrap();
        assert_worked_example(&path);
        let error = Segment::open_with(&path, &OpenOptions { max_unpacked_bytes: 100 }).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ResourceExhausted, "{error}");
        for end in (0..bytes.len()).step_by(7) {
            fs::write(&path, &bytes[..end]).unwrap();
            let _ = Segment::open(&path).map(|segment| segment.verify());
        }
    }
    fs::write(folder.path().join("s.tar"), &tar).unwrap();
    assert!(Segment::open(&folder.path().join("s.tar")).unwrap_err().to_string().contains("gzip, zstd or lz4"));
}

#[test]
fn a_name_that_does_not_end_is_refused() {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::GNULongName);
    header.set_size(64 << 20);
    header.set_cksum();
    let mut tar = header.as_bytes().to_vec();
    tar.resize((64 << 20) + 512, b'x');
    tar.extend(tar_of(&spelled_out()));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.tar.zst");
    fs::write(&path, zstd::bulk::compress(&tar, 1).unwrap()).unwrap();
    let error = Segment::open(&path).unwrap_err();
    assert!(format!("{error:?}").contains("do not end"), "{error:?}");
}

#[test]
fn damage_is_named_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = spelled_out();
    // The last doc of Oslo in the sorted ranges of `city`, 31 bytes into the file.
    files[0].1[31 + 7] = 9;
    write_files(folder.path(), &files);
    let error = Segment::open(folder.path()).unwrap().scan(ScanOptions::default()).err().unwrap().to_string();
    for part in ["corrupt-segment", "file: columns.psf", "column: city", "index: forward_index", "offset: 31"] {
        assert!(error.contains(part), "no `{part}` in {error}");
    }
}

#[test]
fn rows_that_do_not_pass_are_not_decoded() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = spelled_out();
    // The offset of the third row of `note` points far out of its chunk: whoever decodes that row fails.
    let row = 97 + 24 + 4 + 4 * 2;
    assert_eq!(files[0].1[row], 25 + 4);
    files[0].1[row + 2] = 1;
    write_files(folder.path(), &files);
    let segment = Segment::open(folder.path()).unwrap();
    let scan = |predicate| {
        let columns = Some(vec!["note".to_owned()]);
        let options = ScanOptions { columns, predicate, nulls: false, ..ScanOptions::default() };
        segment.scan(options).unwrap().collect::<Result<Vec<_>, _>>()
    };
    assert!(scan(None).is_err());
    // The sorted ranges of `city` and the ids of `n` leave the first and the last row.
    let city = |text: &str| compare("city", CompareOp::Eq, Value::String(text.into()));
    for (predicate, expected) in
        [(city("Rome"), "z"), (Predicate::And(vec![city("Oslo"), compare("n", CompareOp::Gt, Value::Int(0))]), "x")]
    {
        let batches = scan(Some(predicate)).unwrap();
        assert_eq!(batches[0].column(0).as_string::<i32>().iter().collect::<Vec<_>>(), [Some(expected)]);
    }
    // Bounds and dictionaries leave nothing to read.
    assert!(scan(Some(city("Bergen"))).unwrap().is_empty());
    assert!(scan(Some(compare("ts", CompareOp::Lt, Value::Long(5)))).unwrap().is_empty());
}

/// The values of a cell as Pinot stores them, and whether it is null.
fn cell(array: &ArrayRef, data_type: DataType, row: usize) -> (Vec<Value>, bool) {
    if let Some(lists) = array.as_list_opt::<i32>() {
        let items = lists.value(row);
        let values = (0..items.len()).flat_map(|at| cell(&items, data_type, at).0).collect();
        return (values, lists.is_null(row));
    }
    let value = match data_type {
        DataType::Int => Value::Int(array.as_primitive::<Int32Type>().value(row)),
        DataType::Boolean => Value::Int(array.as_boolean().value(row).into()),
        DataType::Long => Value::Long(array.as_primitive::<Int64Type>().value(row)),
        DataType::Timestamp => Value::Long(array.as_primitive::<TimestampMillisecondType>().value(row)),
        DataType::Float => Value::Float(array.as_primitive::<Float32Type>().value(row)),
        DataType::Double => Value::Double(array.as_primitive::<Float64Type>().value(row)),
        DataType::BigDecimal => Value::parse(data_type, array.as_string::<i32>().value(row)).unwrap(),
        DataType::String | DataType::Json => Value::String(array.as_string::<i32>().value(row).into()),
        DataType::Bytes => Value::Bytes(array.as_binary::<i32>().value(row).to_vec()),
        DataType::Map => unreachable!("no golden segment with a map is asked for rows"),
    };
    (vec![value], array.is_null(row))
}

/// SQL's answer for a row, written as plainly as possible; `None` is unknown.
fn answer(predicate: &Predicate, rows: &RecordBatch, metadata: &SegmentMetadata, row: usize) -> Option<bool> {
    let of = |column: &str| cell(rows.column_by_name(column).unwrap(), metadata.columns[column].data_type, row);
    let known =
        |(values, null): (Vec<Value>, bool), passes: &dyn Fn(&[Value]) -> bool| (!null).then(|| passes(&values));
    let equal = |a: &Value, b: &Value| a.compare(b).unwrap().is_eq();
    match predicate {
        Predicate::Compare { column, op: CompareOp::NotEq, value } => {
            known(of(column), &|cells| cells.iter().all(|cell| !equal(cell, value)))
        }
        Predicate::Compare { column, op, value } => {
            known(of(column), &|cells| cells.iter().any(|cell| op.accepts(cell.compare(value).unwrap())))
        }
        Predicate::In { column, values } => {
            known(of(column), &|cells| cells.iter().any(|cell| values.iter().any(|value| equal(cell, value))))
        }
        Predicate::Like { column, pattern } => known(of(column), &|cells| {
            cells.iter().any(|cell| matches!(cell, Value::String(text) if pattern.matches(text)))
        }),
        Predicate::IsNull(column) => Some(of(column).1),
        Predicate::IsNotNull(column) => Some(!of(column).1),
        Predicate::Not(part) => answer(part, rows, metadata, row).map(|pass| !pass),
        Predicate::And(parts) | Predicate::Or(parts) => {
            let or = matches!(predicate, Predicate::Or(_));
            let answers: Vec<_> = parts.iter().map(|part| answer(part, rows, metadata, row)).collect();
            if answers.contains(&Some(or)) {
                Some(or)
            } else if answers.contains(&None) {
                None
            } else {
                Some(!or)
            }
        }
    }
}

/// A predicate from random numbers: literals are mostly values of the segment.
fn predicate_of(
    seeds: &mut impl Iterator<Item = u16>,
    depth: u8,
    rows: &RecordBatch,
    all: &SegmentMetadata,
) -> Predicate {
    use CompareOp::*;
    let mut next = |below: usize| usize::from(seeds.next().unwrap_or(0)) % below;
    let kind = next(if depth == 0 { 4 } else { 7 });
    if kind > 3 {
        let count = if kind == 6 { 1 } else { 1 + next(3) };
        let mut parts: Vec<_> = (0..count).map(|_| predicate_of(seeds, depth - 1, rows, all)).collect();
        return match kind {
            4 => Predicate::And(parts),
            5 => Predicate::Or(parts),
            _ => Predicate::Not(Box::new(parts.remove(0))),
        };
    }
    // Nothing is asked of maps, and hidden columns are not in the rows.
    let is_asked = |(name, column): &(&String, &ColumnMetadata)| {
        rows.column_by_name(name).is_some() && column.data_type != DataType::Map
    };
    let columns: Vec<_> = all.columns.iter().filter(is_asked).collect();
    let (column, metadata) = columns[next(columns.len())];
    let array = rows.column_by_name(column).unwrap();
    let mut value = || {
        let (values, _) = cell(array, metadata.data_type, next(rows.num_rows()));
        // Sometimes a value that the segment does not have.
        match values.into_iter().next() {
            Some(Value::Int(value)) if next(4) == 0 && metadata.data_type == DataType::Int => {
                Value::Int(value.wrapping_add(1))
            }
            Some(Value::Long(value)) if next(4) == 0 => Value::Long(value.wrapping_sub(1)),
            Some(Value::String(value)) if next(4) == 0 => Value::String(value + "!"),
            value => value.unwrap(),
        }
    };
    match kind {
        1 if metadata.data_type == DataType::String => {
            let Value::String(text) = value() else { unreachable!("a value of the column") };
            let half: String = text.chars().take(text.chars().count().div_ceil(2)).collect();
            let pattern = match text.len() % 4 {
                0 => TextPattern::prefix(&half),
                1 => TextPattern::suffix(&half),
                2 => TextPattern::contains(&half),
                _ => TextPattern::like(&format!("_%{half}%")),
            };
            Predicate::Like { column: column.clone(), pattern }
        }
        0 | 1 => {
            let value = value();
            let op = [Eq, NotEq, Lt, LtEq, Gt, GtEq][next(6)];
            Predicate::Compare { column: column.clone(), op, value }
        }
        2 => {
            let values = vec![value(), value(), value()];
            Predicate::In { column: column.clone(), values }
        }
        _ if next(2) == 0 => Predicate::IsNull(column.clone()),
        _ => Predicate::IsNotNull(column.clone()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    /// Sorted ranges, inverted indexes, bounds, ids and values must answer what a row by row evaluation does.
    #[test]
    fn every_way_to_an_answer_gives_the_same(
        case in 0usize..100, seeds in proptest::collection::vec(any::<u16>(), 40), batch_rows in 1usize..200,
        batch_bytes in proptest::option::of(1usize..10_000), nulls: bool,
    ) {
        let cases = golden_cases();
        let cases: Vec<_> = cases.iter().filter(|case| case.batch().num_rows() > 0).collect();
        let segment = Segment::open(&cases[case % cases.len()].segment()).unwrap();
        let all = |predicate, batch_rows| {
            let options = ScanOptions { columns: None, predicate, batch_rows, batch_bytes, nulls, docs: None };
            let scan = segment.scan(options).unwrap();
            let schema = scan.schema();
            let batches = scan.collect::<Result<Vec<_>, _>>().unwrap();
            assert!(batches.iter().all(|batch| (1..=batch_rows).contains(&batch.num_rows())));
            concat_batches(&schema, &batches).unwrap()
        };
        let rows = all(None, 8192);
        let predicate = predicate_of(&mut seeds.into_iter(), 2, &rows, segment.metadata());
        let passes: arrow::array::BooleanArray = (0..rows.num_rows())
            .map(|row| Some(answer(&predicate, &rows, segment.metadata(), row) == Some(true)))
            .collect();
        let expected = arrow::compute::filter_record_batch(&rows, &passes).unwrap();
        assert_same(&all(Some(predicate.clone()), batch_rows), &expected, &predicate.to_string());
    }
}

/// Opens, verifies and scans a damaged segment: an error or a finding is fine, a panic is not.
pub(crate) fn survive(path: &Path) -> bool {
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

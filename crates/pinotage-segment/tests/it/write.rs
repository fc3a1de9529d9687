//! What we write is, byte for byte, what Pinot writes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::*;
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{Field, Int32Type};
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use pinotage_common::ArchiveLevel;
use pinotage_segment::codec::ChunkCodec;
use pinotage_segment::read::{Segment, SegmentDocuments};
use pinotage_segment::write::{BuiltSegment, NameInput, SegmentBuilder, Workspace, archive_folder, unpacked};
use pinotage_spec::{Schema, SegmentNameGenerator, TableConfig};

use pinotage_testkit::{GoldenCase, golden_cases};

use crate::read::spelled_out;

pub(crate) fn build(case: &GoldenCase, name: &str, batch_rows: usize) -> BuiltSegment {
    let rows = case.batch();
    let mut builder = SegmentBuilder::try_new(&case.schema, &case.table).unwrap();
    for start in (0..rows.num_rows()).step_by(batch_rows) {
        builder.append(&rows.slice(start, batch_rows.min(rows.num_rows() - start))).unwrap();
    }
    finish(builder, name)
}

pub(crate) fn finish(builder: SegmentBuilder, name: &str) -> BuiltSegment {
    let generator = SegmentNameGenerator::Fixed { name: name.into() };
    builder.finish(&NameInput { generator: &generator, sequence: None }, 1_700_000_000_000).unwrap()
}

/// The payloads of a segment that Pinot wrote, by `column.index`.
fn payloads(segment: &Path) -> BTreeMap<String, Vec<u8>> {
    let columns = fs::read(segment.join("v3/columns.psf")).unwrap();
    let mut places: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for line in fs::read_to_string(segment.join("v3/index_map")).unwrap().lines() {
        let (key, value) = line.split_once(" = ").unwrap();
        let (key, part) = key.rsplit_once('.').unwrap();
        let place = places.entry(key.replace('\\', "")).or_default();
        *(if part == "startOffset" { &mut place.0 } else { &mut place.1 }) = value.parse().unwrap();
    }
    places.into_iter().map(|(key, (start, size))| (key, columns[start + 8..start + size].to_vec())).collect()
}

/// A raw forward index with its chunks decompressed: Java's compressors choose other, equally valid bytes than ours.
///
/// Keeps everything of the headers but the offsets that follow from compressed lengths.
fn decompressed(bytes: &[u8], fixed_width: bool) -> Vec<u8> {
    let be = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let le = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let chunked_v4 = be(0) >= 4 && !fixed_width;
    let (codec, mut starts, mut out) = if chunked_v4 {
        let base = be(12);
        let chunks = (16..base).step_by(8);
        let starts: Vec<usize> = chunks.clone().map(|at| base + le(at + 4)).collect();
        let mut out = bytes[..16].to_vec();
        chunks.for_each(|at| out.extend_from_slice(&bytes[at..at + 4]));
        (be(8), starts, out)
    } else {
        let wide = if be(0) == 2 { 4 } else { 8 };
        let starts = (0..be(4)).map(|chunk| be(28 + wide * chunk + wide - 4)).collect();
        (be(20), starts, bytes[..28].to_vec())
    };
    let codec = ChunkCodec::try_from_tag(codec as u32).unwrap();
    starts.push(bytes.len());
    for ends in starts.windows(2) {
        out.extend_from_slice(&codec.decompress(&bytes[ends[0]..ends[1]], 1 << 20, chunked_v4).unwrap());
    }
    out
}

/// No rows, and codecs that are read but not written.
pub(crate) const NOT_WRITTEN: [&str; 3] = ["empty", "raw-delta", "raw-deltadelta"];

#[test]
fn golden_segments_are_written_byte_for_byte() {
    let mut different = Vec::new();
    let mut same = 0;
    for case in golden_cases().iter().filter(|case| !NOT_WRITTEN.contains(&case.name.as_str())) {
        let name = &case.name;
        let ours = build(case, "s_0", 7);
        let theirs = payloads(&case.segment());
        let is_ours =
            |key: &String| ours.entries().iter().any(|entry| *key == format!("{}.{}", entry.column, entry.index));
        different.extend(theirs.keys().filter(|key| !is_ours(key)).map(|key| format!("{name}: {key} is not in ours")));
        for entry in ours.entries() {
            let key = format!("{}.{}", entry.column, entry.index);
            let Some(theirs) = theirs.get(&key) else {
                different.push(format!("{name}: {key} is not in Pinot's segment"));
                continue;
            };
            let column = &ours.metadata().columns[&entry.column];
            let raw = entry.index == "forward_index" && !column.has_dictionary;
            let fixed_width = column.single_value && column.data_type.stored().fixed_width().is_some();
            let equal = match raw {
                true => decompressed(&entry.bytes, fixed_width) == decompressed(theirs, fixed_width),
                false => *entry.bytes == **theirs,
            };
            if equal {
                same += 1;
            } else {
                different.push(format!("{name}: {key} ({} bytes, Pinot {})", entry.bytes.len(), theirs.len()));
            }
        }
    }
    assert!(different.is_empty(), "{same} payloads are equal, these are not:\n{}", different.join("\n"));
    assert!(same > 250, "only {same} payloads were compared");
}

/// The schema of the worked example.
pub(crate) const EXAMPLE_SCHEMA: &str = r#"{"schemaName": "ex", "enableColumnBasedNullHandling": false,
    "dimensionFieldSpecs": [
        {"name": "city", "dataType": "STRING"}, {"name": "n", "dataType": "INT"}, {"name": "note", "dataType": "STRING"},
        {"name": "tags", "dataType": "INT", "singleValueField": false}],
    "dateTimeFieldSpecs": [
        {"name": "ts", "dataType": "LONG", "format": "EPOCH|MILLISECONDS", "granularity": "1:MILLISECONDS"}]}"#;

/// The table config of the worked example.
pub(crate) const EXAMPLE_TABLE: &str = r#"{"tableName": "ex_OFFLINE", "tableType": "OFFLINE", "tenants": {},
    "segmentsConfig": {"timeColumnName": "ts", "replication": "1"}, "metadata": {}, "tableIndexConfig": {
        "nullHandlingEnabled": true, "noDictionaryConfig": {"note": "PASS_THROUGH", "ts": "PASS_THROUGH"}}}"#;

/// The segment that `spec/worked-example.md` spells out.
pub(crate) fn worked_example() -> BuiltSegment {
    let schema = Schema::from_json(EXAMPLE_SCHEMA).unwrap();
    let table = TableConfig::from_json(EXAMPLE_TABLE).unwrap();
    let tags = ListArray::new(
        Arc::new(Field::new("item", arrow::datatypes::DataType::Int32, false)),
        OffsetBuffer::from_lengths([2, 1, 1, 2, 1]),
        Arc::new(Int32Array::from(vec![1, 2, 3, 2, 1, 3, 2])),
        None,
    );
    let batch = RecordBatch::try_from_iter([
        ("city", Arc::new(StringArray::from(vec!["Oslo", "Oslo", "Paris", "Paris", "Rome"])) as ArrayRef),
        ("n", Arc::new(PrimitiveArray::<Int32Type>::from(vec![7, -3, 7, 40, 0]))),
        ("note", Arc::new(StringArray::from(vec![Some("x"), None, Some("yy"), None, Some("z")]))),
        ("tags", Arc::new(tags)),
        ("ts", Arc::new(Int64Array::from_iter_values((0..5).map(|i| 1_700_000_000_000 + 1000 * i)))),
    ])
    .unwrap();
    let mut builder = SegmentBuilder::try_new(&schema, &table).unwrap();
    builder.append(&batch).unwrap();
    let generator = SegmentNameGenerator::Fixed { name: "ex_0".into() };
    builder.finish(&NameInput { generator: &generator, sequence: None }, 1_700_000_000_000).unwrap()
}

#[test]
fn the_worked_example_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = worked_example().write_dir(folder.path()).unwrap().join("v3");
    for (file, expected) in spelled_out() {
        let found = fs::read(path.join(file)).unwrap();
        assert!(found == expected, "{file}:\n{}", String::from_utf8_lossy(&found));
    }
}

#[test]
fn threads_and_batches_do_not_change_a_byte() {
    for case in golden_cases() {
        if NOT_WRITTEN.contains(&case.name.as_str()) {
            continue;
        }
        let name = &case.name;
        let crc = |threads: usize, batch_rows: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| build(&case, "s", batch_rows).crc())
        };
        let expected = crc(1, 1);
        for (threads, batch_rows) in [(1, 1000), (4, 1), (4, 13), (3, 1000)] {
            assert_eq!(crc(threads, batch_rows), expected, "{name} with {threads} threads, {batch_rows} rows a batch");
        }
    }
}

/// Rows that a builder gives back, by way of a file.
fn given_back(builder: &SegmentBuilder, first: usize) -> Vec<RecordBatch> {
    let batches: Vec<RecordBatch> = builder.rows_from(first).map(Result::unwrap).collect();
    let Some(schema) = batches.first().map(RecordBatch::schema) else { return batches };
    let mut writer = StreamWriter::try_new(Vec::new(), &schema).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    let file = writer.into_inner().unwrap();
    let read = StreamReader::try_new(&file[..], None).unwrap();
    read.map(|batch| unpacked(&batch.unwrap()).unwrap()).collect()
}

/// A segment of the rows that a builder gives back: some of them, and the rest of another one.
fn from_held(of: impl Fn() -> SegmentBuilder, held: &SegmentBuilder, before: usize) -> BuiltSegment {
    let mut builder = of();
    let first = given_back(held, 0).into_iter().scan(0, |rows, batch| {
        let batch = batch.slice(0, batch.num_rows().min(before - *rows));
        *rows += batch.num_rows();
        (batch.num_rows() > 0).then_some(batch)
    });
    first.chain(given_back(held, before)).for_each(|batch| builder.append(&batch).unwrap());
    assert_eq!(builder.num_docs(), held.num_docs());
    finish(builder, "t")
}

#[test]
fn rows_that_a_builder_gives_back_make_the_same_segment() {
    for case in golden_cases() {
        if NOT_WRITTEN.contains(&case.name.as_str()) {
            continue;
        }
        let of = || SegmentBuilder::try_new(&case.schema, &case.table).unwrap();
        let mut held = of();
        held.append(&case.batch()).unwrap();
        for before in [0, 1, held.num_docs() / 2, held.num_docs()] {
            assert_eq!(from_held(of, &held, before).crc(), build(&case, "t", 1000).crc(), "{}", case.name);
        }
    }
}

#[test]
fn rows_with_long_values_are_given_back_a_few_at_a_time() {
    let schema = r#"{"schemaName": "t", "dimensionFieldSpecs": [
        {"name": "text", "dataType": "STRING", "maxLength": 99999999}, {"name": "more", "dataType": "STRING", "maxLength": 99999999}]}"#;
    let schema = Schema::from_json(schema).unwrap();
    let table = TableConfig::from_json(r#"{"tableName": "t", "tableType": "OFFLINE"}"#).unwrap();
    let texts = [3, 3, 3, 3, 3, 3, 17, 3].map(|megabytes| "long".repeat(megabytes << 18));
    let mut builder = SegmentBuilder::try_new(&schema, &table).unwrap();
    let column: ArrayRef = Arc::new(StringArray::from(texts.to_vec()));
    builder
        .append(&RecordBatch::try_from_iter([("text", Arc::clone(&column)), ("more", Arc::clone(&column))]).unwrap())
        .unwrap();
    let batches: Vec<RecordBatch> = builder.rows_from(0).map(Result::unwrap).collect();
    assert_eq!(batches.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), [2, 2, 2, 1, 1]);
    let given: Vec<&dyn Array> = batches.iter().map(|batch| &**batch.column_by_name("text").unwrap()).collect();
    assert_eq!(&arrow::compute::concat(&given).unwrap(), &column);
}

#[test]
fn memory_does_not_change_a_byte() {
    let schema = r#"{"schemaName": "t", "enableColumnBasedNullHandling": true, "dimensionFieldSpecs": [
        {"name": "sorted", "dataType": "INT"}, {"name": "text", "dataType": "STRING"}, {"name": "raw", "dataType": "STRING"},
        {"name": "amount", "dataType": "BIG_DECIMAL"}, {"name": "list", "dataType": "LONG", "singleValueField": false}]}"#;
    let table = r#"{"tableName": "t", "tableType": "OFFLINE", "tableIndexConfig": {"sortedColumn": ["sorted"],
        "noDictionaryColumns": ["raw"], "invertedIndexColumns": ["text", "list"]}}"#;
    let (schema, table) = (Schema::from_json(schema).unwrap(), TableConfig::from_json(table).unwrap());
    let rows = 70_000_i64;
    let text = |row: i64| format!("{:016x}", row.wrapping_mul(0x1E37_79B9_7F4A_7C15));
    let list = ListArray::new(
        Arc::new(Field::new("item", arrow::datatypes::DataType::Int64, false)),
        OffsetBuffer::from_lengths((0..rows).map(|row| row as usize % 3 + 1)),
        Arc::new(Int64Array::from_iter_values((0..2 * rows).map(|at| at * 7919 % 50_021))),
        None,
    );
    let texts = || StringArray::from_iter((0..rows).map(|row| (row % 11 > 0).then(|| text(row))));
    let batch = RecordBatch::try_from_iter([
        ("sorted", Arc::new(Int32Array::from_iter_values((0..rows).map(|row| (row * 31 % 1009) as i32))) as ArrayRef),
        ("text", Arc::new(texts())),
        ("raw", Arc::new(texts())),
        ("amount", Arc::new(StringArray::from_iter_values((0..rows).map(|row| format!("{row}.50"))))),
        ("list", Arc::new(list)),
    ])
    .unwrap();
    let decimal = pinotage_spec::arrow_schema(&pinotage_spec::ColumnPlan::resolve(&schema, &table).unwrap());
    let columns = decimal.fields().iter().map(|field| Arc::clone(&batch[field.name().as_str()])).collect();
    let batch = RecordBatch::try_new(Arc::new(decimal), columns).unwrap();
    let filled = |batch_rows: usize| {
        let mut builder = SegmentBuilder::try_new(&schema, &table).unwrap();
        for start in (0..batch.num_rows()).step_by(batch_rows) {
            builder.append(&batch.slice(start, batch_rows.min(batch.num_rows() - start))).unwrap();
        }
        builder
    };
    let held = finish(filled(rows as usize), "t");
    let peak = filled(rows as usize).peak_bytes();
    let of = || SegmentBuilder::try_new(&schema, &table).unwrap();
    assert_eq!(from_held(of, &filled(1000), 66_000).crc(), held.crc(), "from rows that were given back");
    let folder = tempfile::tempdir().unwrap();
    for (memory, batch_rows) in [(0, 1000), (peak, 4096), (usize::MAX, 77)] {
        let builder = filled(batch_rows);
        assert_eq!(builder.peak_bytes(), peak, "{batch_rows} rows a batch");
        let generator = SegmentNameGenerator::Fixed { name: "t".into() };
        let name = NameInput { generator: &generator, sequence: None };
        let workspace = Workspace { folder: folder.path(), memory };
        let staged = builder.finish_in(workspace, &name, 1_700_000_000_000).unwrap();
        assert_eq!(staged.crc(), held.crc(), "memory of {memory}");
        assert!(staged.entries().iter().zip(held.entries()).all(|(staged, held)| *staged.bytes == *held.bytes));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

#[test]
fn the_archive_is_the_same_each_time_and_begins_with_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let archive = worked_example().write_tar_gz(folder.path(), ArchiveLevel::default()).unwrap();
    let first = fs::read(&archive).unwrap();
    assert_eq!(
        fs::read(worked_example().write_tar_gz(folder.path(), ArchiveLevel::default()).unwrap()).unwrap(),
        first
    );
    let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(first.as_slice()));
    let names: Vec<String> =
        tar.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().display().to_string()).collect();
    assert_eq!(names[..2], ["ex_0/", "ex_0/v3/"]);
    assert_eq!(names.len(), 6);
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "temporary files are left behind");
}

/// However hard it is compressed: it is the same segment, and the same bytes each time.
#[test]
fn an_archive_of_each_level_is_the_same_segment() {
    let (ours, folders) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let segment = worked_example();
    let written = segment.write_dir(folders.path()).unwrap();
    let mut lengths = Vec::new();
    for level in (0..=9).map(|level| ArchiveLevel::try_from(level).unwrap()) {
        let archive = segment.write_tar_gz(ours.path(), level).unwrap();
        let bytes = fs::read(&archive).unwrap();
        assert_eq!(fs::read(segment.write_tar_gz(ours.path(), level).unwrap()).unwrap(), bytes);
        let copied = ours.path().join("copy.tar.gz");
        archive_folder(&written, level, &copied).unwrap();
        for archive in [&archive, &copied] {
            let documents = SegmentDocuments::read(archive).unwrap();
            assert_eq!(documents.creation.crc, segment.crc());
            assert_eq!(Segment::open(archive).unwrap().metadata(), &documents.metadata);
        }
        lengths.push((fs::metadata(&copied).unwrap().len(), bytes.len() as u64));
    }
    let (copied, built) = lengths[0];
    assert!(built > segment.len_bytes() && copied > segment.len_bytes(), "{lengths:?}");
    assert!(lengths[1..].iter().all(|(a, b)| *a < copied && *b < built), "{lengths:?}");
}

#[test]
fn a_folder_replaces_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = worked_example().write_dir(folder.path()).unwrap();
    fs::write(path.join("v3/stray"), "x").unwrap();
    let path = worked_example().write_dir(folder.path()).unwrap();
    assert!(!path.join("v3/stray").exists());
    assert_eq!(fs::read(path.join("v3/creation.meta")).unwrap().len(), 24);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_folder_is_archived_and_describes_itself_in_both_forms() {
    let folder = tempfile::tempdir().unwrap();
    let segment = worked_example();
    let written = segment.write_dir(folder.path()).unwrap();
    let archive = folder.path().join("archives/copy.tar.gz");
    archive_folder(&written, ArchiveLevel::default(), &archive).unwrap();
    let first = fs::read(&archive).unwrap();
    archive_folder(&written, ArchiveLevel::default(), &archive).unwrap();
    assert_eq!(fs::read(&archive).unwrap(), first);
    assert_eq!(fs::read_dir(archive.parent().unwrap()).unwrap().count(), 1);
    let documents = SegmentDocuments::read(&written).unwrap();
    assert_eq!((documents.metadata.name.as_str(), documents.creation.crc), (segment.name(), segment.crc()));
    assert_eq!(SegmentDocuments::read(&archive).unwrap(), documents);
    assert_eq!(Segment::open(&archive).unwrap().metadata(), &documents.metadata);
    fs::remove_file(written.join("v3/creation.meta")).unwrap();
    let error = SegmentDocuments::read(&written).unwrap_err();
    assert!(error.to_string().contains("creation.meta"), "{error}");
}

/// The files before those that describe the segment are passed over, however large.
#[test]
fn an_archive_of_megabytes_describes_its_segment() {
    let schema = r#"{"schemaName": "t", "dimensionFieldSpecs": [{"name": "n", "dataType": "LONG"}]}"#;
    let table = r#"{"tableName": "t", "tableIndexConfig": {"noDictionaryColumns": ["n"]}}"#;
    let mut builder =
        SegmentBuilder::try_new(&Schema::from_json(schema).unwrap(), &TableConfig::from_json(table).unwrap()).unwrap();
    let noise = (0..400_000_i64).map(|n| n.wrapping_mul(0x9E37_79B9_7F4A_7C15_u64 as i64).rotate_left(29));
    let column: ArrayRef = Arc::new(noise.collect::<arrow::array::Int64Array>());
    builder.append(&RecordBatch::try_from_iter([("n", column)]).unwrap()).unwrap();
    let (segment, folder) = (finish(builder, "large"), tempfile::tempdir().unwrap());
    let archive = segment.write_tar_gz(folder.path(), ArchiveLevel::default()).unwrap();
    assert!(segment.len_bytes() > 2 << 20);
    assert_eq!(SegmentDocuments::read(&archive).unwrap().creation.crc, segment.crc());
}

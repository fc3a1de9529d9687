//! The crate from outside: every format, every compression, every rule, every kind of damage.

mod bad_rows;
mod compression;
mod csv;
mod damage;
mod json;
mod orc;
mod protobuf;
mod round_trip;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, StructArray, TimestampMillisecondArray,
};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Fields, Int64Type, Schema};
use pinotage_formats::{BadRow, Format, ReadOptions, open};
use tempfile::TempDir;

/// A file in a folder of its own that goes away with it.
struct TestFile {
    _folder: TempDir,
    path: PathBuf,
}

fn file(name: &str, bytes: impl AsRef<[u8]>) -> TestFile {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    TestFile { _folder: folder, path }
}

/// A row's number, line, offset and raw text.
type PlaceOfRow = (u64, Option<u64>, Option<u64>, Option<Vec<u8>>);

/// Everything a reader gave: all good rows in one batch, all bad rows, and per good row its number, line, offset, raw.
struct Everything {
    batch: RecordBatch,
    bad: Vec<BadRow>,
    places: Vec<PlaceOfRow>,
    batches: usize,
}

fn read(path: &Path, options: &ReadOptions) -> pinotage_common::Result<Everything> {
    let format = Format::detect(path).unwrap();
    let mut reader = open(path, format, options, None)?;
    let schema = reader.schema();
    let (mut good, mut bad, mut places) = (Vec::new(), Vec::new(), Vec::new());
    let mut next = 0;
    while let Some(step) = reader.next_batch()? {
        assert_eq!(step.batch.num_rows(), step.rows.len());
        assert_eq!(step.batch.schema(), schema);
        let mut numbers: Vec<u64> = step.bad.iter().map(|bad| bad.row_number).collect();
        for row in 0..step.rows.len() {
            numbers.push(step.rows.row_number(row));
            places.push((
                step.rows.row_number(row),
                step.rows.line(row),
                step.rows.offset(row),
                step.rows.raw(row).map(<[u8]>::to_vec),
            ));
        }
        // Read = good + bad, without a gap and without a row twice.
        numbers.sort_unstable();
        assert!(!numbers.is_empty());
        assert_eq!(numbers, (next..next + numbers.len() as u64).collect::<Vec<_>>());
        next += numbers.len() as u64;
        good.push(step.batch);
        bad.extend(step.bad);
    }
    assert!(reader.next_batch()?.is_none());
    Ok(Everything { batch: concat_batches(&schema, &good).unwrap(), bad, places, batches: good.len() })
}

fn batches_of(rows: usize) -> ReadOptions {
    ReadOptions { batch_rows: rows, ..ReadOptions::default() }
}

/// A batch with nulls, lists and structs in it.
fn sample_batch(rows: usize) -> RecordBatch {
    let count = rows as i64;
    let ints: Int64Array = (0..count).map(|i| (i % 7 != 3).then_some(i * 1_000_003)).collect();
    let floats: Float64Array = (0..count).map(|i| (i % 5 != 1).then_some(i as f64 / 8.0)).collect();
    let texts: StringArray = (0..count).map(|i| (i % 4 != 2).then(|| format!("zeile {i} ü\u{1f377}"))).collect();
    let flags: BooleanArray = (0..count).map(|i| (i % 3 != 0).then_some(i % 2 == 0)).collect();
    let times =
        TimestampMillisecondArray::from_iter_values((0..count).map(|i| 1_700_000_000_000 + i)).with_timezone("+00:00");
    let lists = arrow::array::ListArray::from_iter_primitive::<Int64Type, _, _>(
        (0..count).map(|i| (i % 6 != 5).then(|| (0..i % 4).map(Some).collect::<Vec<_>>())),
    );
    let inner = Fields::from(vec![Field::new("x", DataType::Int64, true)]);
    let structs = StructArray::new(inner.clone(), vec![Arc::new(ints.clone()) as ArrayRef], None);
    let schema = Schema::new(vec![
        Field::new("i", DataType::Int64, true),
        Field::new("f", DataType::Float64, true),
        Field::new("s", DataType::Utf8, true),
        Field::new("b", DataType::Boolean, true),
        Field::new("t", times_type(), true),
        Field::new("l", lists_type(), true),
        Field::new("o", DataType::Struct(inner), true),
    ]);
    RecordBatch::try_new(
        Arc::new(schema),
        vec![
            Arc::new(ints),
            Arc::new(floats),
            Arc::new(texts),
            Arc::new(flags),
            Arc::new(times),
            Arc::new(lists),
            Arc::new(structs),
        ],
    )
    .unwrap()
}

fn times_type() -> DataType {
    DataType::Timestamp(arrow::datatypes::TimeUnit::Millisecond, Some("+00:00".into()))
}

fn lists_type() -> DataType {
    DataType::List(Arc::new(Field::new("item", DataType::Int64, true)))
}

/// The batch as bytes of a binary format, several batches (or row groups, or blocks) of at most `rows` rows.
fn encode(kind: &str, batch: &RecordBatch, rows: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let parts: Vec<RecordBatch> = (0..batch.num_rows())
        .step_by(rows)
        .map(|start| batch.slice(start, rows.min(batch.num_rows() - start)))
        .collect();
    match kind {
        "parquet" => {
            let properties = parquet::file::properties::WriterProperties::builder()
                .set_max_row_group_row_count(Some(rows))
                .set_compression(parquet::basic::Compression::SNAPPY)
                .build();
            let mut writer =
                parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
            parts.iter().for_each(|part| writer.write(part).unwrap());
            writer.close().unwrap();
        }
        "arrow-file" | "arrow-file-zstd" => {
            let compression = (kind == "arrow-file-zstd").then_some(arrow::ipc::CompressionType::ZSTD);
            let options = arrow::ipc::writer::IpcWriteOptions::default().try_with_compression(compression).unwrap();
            let mut writer =
                arrow::ipc::writer::FileWriter::try_new_with_options(&mut bytes, &batch.schema(), options).unwrap();
            parts.iter().for_each(|part| writer.write(part).unwrap());
            writer.finish().unwrap();
        }
        "arrow-stream" => {
            let mut writer = arrow::ipc::writer::StreamWriter::try_new(&mut bytes, &batch.schema()).unwrap();
            parts.iter().for_each(|part| writer.write(part).unwrap());
            writer.finish().unwrap();
        }
        codec => {
            use arrow_avro::compression::CompressionCodec;
            let codec = match codec {
                "avro" => None,
                "avro-deflate" => Some(CompressionCodec::Deflate),
                "avro-snappy" => Some(CompressionCodec::Snappy),
                "avro-zstd" => Some(CompressionCodec::ZStandard),
                other => panic!("{other}"),
            };
            let mut writer = arrow_avro::writer::WriterBuilder::new(batch.schema().as_ref().clone())
                .with_compression(codec)
                .build::<_, arrow_avro::writer::format::AvroOcfFormat>(&mut bytes)
                .unwrap();
            parts.iter().for_each(|part| writer.write(part).unwrap());
            writer.finish().unwrap();
        }
    }
    bytes
}

const BINARY: [&str; 8] =
    ["parquet", "arrow-file", "arrow-file-zstd", "arrow-stream", "avro", "avro-deflate", "avro-snappy", "avro-zstd"];

fn binary_name(kind: &str) -> String {
    format!("data.{}", kind.split('-').next().unwrap())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn snappy(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = snap::write::FrameEncoder::new(Vec::new());
    encoder.write_all(bytes).unwrap();
    encoder.into_inner().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(bytes, 1).unwrap()
}

//! ORC files that Arrow's C++ writer made (`tests/data/make.py`), and one of `orc-rust` itself.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use arrow::util::display::array_value_to_string;
use orc_rust::ArrowWriterBuilder;
use pinotage_common::ErrorKind;
use pinotage_formats::{Format, ReadOptions, infer_schema, open};

use crate::damage::{assert_places, drain};
use crate::{batches_of, file, read};

const CODECS: [&str; 5] = ["uncompressed", "zlib", "snappy", "lz4", "zstd"];

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn shown(batch: &RecordBatch, column: &str) -> Vec<String> {
    let column = batch.column_by_name(column).unwrap();
    (0..column.len()).map(|row| array_value_to_string(column, row).unwrap()).collect()
}

#[test]
fn every_type_is_what_parquet_gives() {
    let expected = read(&data("types.parquet"), &ReadOptions::default()).unwrap().batch;
    for codec in CODECS {
        let path = data(&format!("types-{codec}.orc"));
        for rows in [1, 7, 4096] {
            let found = read(&path, &batches_of(rows)).unwrap();
            assert_eq!(found.batch.num_rows(), 60);
            assert_eq!(found.places[59], (59, None, None, None));
            for field in expected.schema().fields() {
                let column = field.name();
                assert_eq!(shown(&found.batch, column), shown(&expected, column), "{codec} {column} by {rows}");
                let (orc, parquet) = (found.batch.column_by_name(column), expected.column_by_name(column));
                assert_eq!(
                    orc.unwrap().logical_null_count(),
                    parquet.unwrap().logical_null_count(),
                    "{codec} {column}"
                );
            }
        }
    }
    let schema = infer_schema(&data("types-zlib.orc"), Format::Orc, &ReadOptions::default()).unwrap();
    let time = |zone| DataType::Timestamp(TimeUnit::Microsecond, zone);
    for (column, data_type) in [
        ("t", time(None)),
        ("tz", time(Some(Arc::from("UTC")))),
        ("d", DataType::Date32),
        ("dec", DataType::Decimal128(18, 3)),
        ("i8", DataType::Int8),
        ("bin", DataType::Binary),
    ] {
        assert_eq!(schema.field_with_name(column).unwrap().data_type(), &data_type, "{column}");
    }
}

#[test]
fn wanted_columns_alone_are_read_in_the_order_asked_for() {
    let all = read(&data("types-zstd.orc"), &ReadOptions::default()).unwrap().batch;
    let columns = |names: &[&str]| ReadOptions {
        columns: Some(names.iter().map(|name| (*name).to_owned()).collect()),
        batch_rows: 16,
        ..ReadOptions::default()
    };
    let found = read(&data("types-zstd.orc"), &columns(&["o", "b", "ll"])).unwrap().batch;
    assert_eq!(found.schema().fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>(), ["o", "b", "ll"]);
    for column in ["o", "b", "ll"] {
        assert_eq!(shown(&found, column), shown(&all, column));
    }
    let nothing = read(&data("types-uncompressed.orc"), &columns(&[])).unwrap();
    assert_eq!((nothing.batch.num_rows(), nothing.batch.num_columns()), (60, 0));
    let error = read(&data("types-zlib.orc"), &columns(&["none"])).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::SchemaMismatch);
}

#[test]
fn finer_times_are_cut_to_microseconds() {
    let found = read(&data("nanoseconds.orc"), &ReadOptions::default()).unwrap().batch;
    let times = found.column(0).as_primitive::<TimestampMicrosecondType>();
    assert_eq!(times.iter().collect::<Vec<_>>(), [Some(0), Some(-1_000_000), Some(1_000_001), None]);
}

/// Arrow's C++ writer makes fractions below zero of times before 1970, and the decoder would make another year of them.
#[test]
fn fractions_below_zero_are_refused() {
    let error = read(&data("before-1970.orc"), &ReadOptions::default()).err().unwrap();
    assert!(error.to_string().contains("before 1970") && error.to_string().contains("stripe: 0"), "{error}");
}

#[test]
fn unions_are_refused_by_name() {
    let error = read(&data("union.orc"), &ReadOptions::default()).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("union") && error.to_string().contains("column: u"), "{error}");
}

#[test]
fn many_stripes_of_another_writer_are_read() {
    let ids: Int64Array = (0..20_000).map(|row| (row % 11 != 0).then_some(row * 7)).collect();
    let texts: StringArray = (0..20_000).map(|row| Some(format!("{row}"))).collect();
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("id", Arc::new(ids) as Arc<dyn Array>, true),
        ("text", Arc::new(texts), true),
    ])
    .unwrap();
    let mut bytes = Vec::new();
    let builder = ArrowWriterBuilder::new(&mut bytes, batch.schema());
    let mut writer = builder.with_batch_size(500).with_stripe_byte_size(20_000).try_build().unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let data = file("many.orc", bytes);
    let found = read(&data.path, &batches_of(777)).unwrap();
    assert!(found.batches > 20_000 / 777 + 1, "one stripe has {} batches", found.batches);
    assert_eq!(found.batch, batch);
}

#[test]
fn every_truncation_is_an_error() {
    for codec in CODECS {
        let bytes = std::fs::read(data(&format!("types-{codec}.orc"))).unwrap();
        let data = file("data.orc", []);
        for cut in (0..bytes.len()).step_by(37).chain(bytes.len() - 200..bytes.len()) {
            std::fs::write(&data.path, &bytes[..cut]).unwrap();
            let error = drain(&data.path).1.unwrap_or_else(|| panic!("{codec} {cut}"));
            assert_eq!(error.kind(), ErrorKind::CorruptSegment, "{codec} {cut}: {error:?}");
            assert_places(codec, &error);
        }
    }
}

#[test]
fn flipped_bits_never_panic_and_never_lose_rows() {
    for codec in CODECS {
        let bytes = std::fs::read(data(&format!("types-{codec}.orc"))).unwrap();
        let data = file("data.orc", []);
        let step = (bytes.len() * 8 / 500).max(1) | 1;
        for bit in (0..bytes.len() * 8).step_by(step) {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(&data.path, &damaged).unwrap();
            match drain(&data.path) {
                (_, Some(error)) => {
                    if error.kind() != ErrorKind::InvalidConfig {
                        assert_places(codec, &error);
                    }
                }
                (rows, None) => assert_eq!(rows, 60, "{codec} bit {bit}"),
            }
        }
    }
}

#[test]
fn what_is_no_orc_file_is_named() {
    for bytes in [&b""[..], b"ORC", b"this is not what the extension says, not at all"] {
        let data = file("data.orc", bytes);
        let error = open(&data.path, Format::Orc, &ReadOptions::default(), None).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::CorruptSegment, "{error:?}");
        assert_places("orc", &error);
    }
}

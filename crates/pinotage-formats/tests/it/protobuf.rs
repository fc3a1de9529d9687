//! Protobuf messages that Python's implementation wrote (`tests/data/make.py`).

use std::path::{Path, PathBuf};

use arrow::array::AsArray;
use arrow::datatypes::{DataType, UInt64Type};
use arrow::json::writer::{LineDelimited, WriterBuilder};
use arrow::record_batch::RecordBatch;
use pinotage_common::{ErrorKind, Result};
use pinotage_formats::{Format, ProtobufSchema, ReadOptions, infer_schema, open};

use crate::damage::{assert_places, drain_with};
use crate::{file, gzip, read};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn options(descriptors: &str, message: Option<&str>) -> Result<ReadOptions> {
    let protobuf = Some(ProtobufSchema::load(&data(descriptors), message)?);
    Ok(ReadOptions { protobuf, ..ReadOptions::default() })
}

/// The rows as JSON, without what is null.
fn rows(batch: &RecordBatch) -> Vec<String> {
    let mut writer = WriterBuilder::new().with_explicit_nulls(false).build::<_, LineDelimited>(Vec::new());
    writer.write(batch).unwrap();
    writer.finish().unwrap();
    String::from_utf8(writer.into_inner()).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn every_kind_of_field_is_what_pinot_makes_of_it() {
    let options = options("events.desc", Some("Event")).unwrap();
    let found = read(&data("events.pb"), &options).unwrap();
    assert_eq!(found.batch.num_rows(), 40);
    assert_eq!(found.places[39], (39, None, None, None));
    let rows = rows(&found.batch);
    // Defaults of fields without presence; lists, maps and messages are null when they are empty.
    assert_eq!(
        rows[0],
        r#"{"id":0,"name":"","ratio":0.0,"ok":false,"small":0,"big":0,"back":0,"raw":"","kind":"NONE"}"#
    );
    // Inside of messages what is at its default is null.
    assert_eq!(
        rows[2],
        r#"{"id":2000000000000,"name":"ü2","ratio":0.25,"ok":true,"small":2,"big":18446744073709551614,"back":-2,"raw":"02ff","kind":"SELL","place":{"at":{"seconds":2}},"tags":["t0","t1"],"numbers":[0,1],"counts":{"k0":0,"k1":1},"places":{"7":{"city":"Bonn"}},"stops":[{"city":"Ulm"}],"number":2}"#
    );
    // A field that tells whether it is set may have its default.
    assert!(rows[1].contains(r#""maybe":0"#) && rows[3].ends_with(r#""text":""}"#), "{} {}", rows[1], rows[3]);
    let big = found.batch.column_by_name("big").unwrap().as_primitive::<UInt64Type>();
    assert_eq!(big.value(1), u64::MAX);
    let schema = infer_schema(&data("events.pb"), Format::Protobuf, &options).unwrap();
    assert_eq!(schema.field_with_name("small").unwrap().data_type(), &DataType::UInt32);
    assert!(matches!(schema.field_with_name("places").unwrap().data_type(), DataType::Map(..)));
}

#[test]
fn fields_of_proto2_are_null_and_unknown_values_of_enums_too() {
    // The first message of the first file.
    let found = read(&data("old.pb"), &options("old.desc", None).unwrap()).unwrap().batch;
    assert_eq!(
        rows(&found),
        [
            r#"{"key":0}"#,
            r#"{"key":1,"word":"x","kind":"FIRST"}"#,
            r#"{"key":2}"#,
            r#"{"key":3,"word":"x","kind":"FIRST"}"#,
            r#"{"key":4}"#
        ]
    );
    let required = file("no-key.pb", b"\x03\x12\x01x");
    let error = read(&required.path, &options("old.desc", None).unwrap()).err().unwrap();
    assert!(error.to_string().contains("required field `key`"), "{error}");
}

#[test]
fn numbers_without_a_name_are_named_as_java_does() {
    let unknown = file("kind.pb", b"\x02\x48\x07");
    let found = read(&unknown.path, &options("events.desc", Some("acme.Event")).unwrap()).unwrap().batch;
    assert_eq!(found.column_by_name("kind").unwrap().as_string::<i32>().value(0), "UNKNOWN_ENUM_VALUE_Kind_7");
}

#[test]
fn wanted_columns_and_an_outer_compression_are_honoured() {
    let columns = Some(vec!["stops".to_owned(), "id".to_owned()]);
    let options = ReadOptions { columns, batch_rows: 7, ..options("events.desc", Some("Event")).unwrap() };
    let packed = file("events.pb.gz", gzip(&std::fs::read(data("events.pb")).unwrap()));
    let found = read(&packed.path, &options).unwrap();
    assert_eq!((found.batch.num_rows(), found.batch.num_columns(), found.batches), (40, 2, 6));
    assert_eq!(rows(&found.batch)[4], r#"{"stops":[{"city":"Ulm"}],"id":4000000000000}"#);
}

#[test]
fn what_the_descriptors_do_not_say_is_asked_for() {
    for (descriptors, message, expected) in [
        ("events.desc", None, "acme.Event"),
        ("events.desc", Some("Evnt"), "acme.Event"),
        ("old.desc", Some("Tree"), "stand inside of themselves"),
        ("events.pb", None, "--include_imports"),
    ] {
        let error = options(descriptors, message).err().unwrap();
        assert!(error.to_string().contains(expected) || error.advice().contains(expected), "{error:?}");
        assert!(error.to_string().contains("file: "), "{error}");
    }
    let error = read(&data("events.pb"), &ReadOptions::default()).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    assert!(error.advice().contains("source.protobuf.descriptorFile"));
}

#[test]
fn a_cut_is_an_error_unless_it_is_between_messages() {
    let options = options("events.desc", Some("Event")).unwrap();
    let bytes = std::fs::read(data("events.pb")).unwrap();
    let mut ends = vec![0];
    while let Some(&end) = ends.last().filter(|end| **end < bytes.len()) {
        let (length, head) = match (bytes[end], bytes.get(end + 1)) {
            (low, Some(high)) if low >= 0x80 => (usize::from(low & 0x7f) | usize::from(*high) << 7, 2),
            (low, _) => (usize::from(low), 1),
        };
        ends.push(end + head + length);
    }
    assert_eq!(ends.len(), 41);
    let cut_file = file("data.pb", []);
    for cut in 0..bytes.len() {
        std::fs::write(&cut_file.path, &bytes[..cut]).unwrap();
        match (drain_with(&cut_file.path, &options), ends.iter().position(|end| *end == cut)) {
            ((rows, None), Some(whole)) => assert_eq!(rows, whole),
            ((_, Some(error)), None) => {
                assert_eq!(error.kind(), ErrorKind::CorruptSegment, "{cut}: {error:?}");
                assert!(error.to_string().contains("offset: ") && error.to_string().contains("row: "), "{error}");
                assert_places("protobuf", &error);
            }
            (found, place) => panic!("{cut}: {found:?} {place:?}"),
        }
    }
}

#[test]
fn flipped_bits_never_panic() {
    let options = options("events.desc", Some("Event")).unwrap();
    let bytes = std::fs::read(data("events.pb")).unwrap();
    let damaged_file = file("data.pb", []);
    for bit in (0..bytes.len() * 8).step_by(5) {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(&damaged_file.path, &damaged).unwrap();
        // Another length makes other messages of the same bytes; all bytes are messages, or there is an error.
        if let (_, Some(error)) = drain_with(&damaged_file.path, &options) {
            assert_places("protobuf", &error);
        }
    }
    let long = file("long.pb", b"\xff\xff\xff\xff\x0f");
    let error = open(&long.path, Format::Protobuf, &options, None).unwrap().next_batch().err().unwrap();
    assert_eq!(error.kind(), ErrorKind::ResourceExhausted);
}

//! Outer compressions.

use pinotage_common::ErrorKind;
use pinotage_formats::ReadOptions;

use crate::{encode, file, gzip, read, sample_batch, snappy, zstd};

const CSV: &[u8] = b"a,b\n1,x\n2,\"y\nz\"\n3,\n";

#[test]
fn every_compression_of_every_stream_format_is_seen_through() {
    let batch = sample_batch(50);
    let inputs: [(&str, Vec<u8>); 4] = [
        ("d.csv", CSV.to_vec()),
        ("d.json", b"{\"a\":1}\n{\"a\":2}\n".to_vec()),
        ("d.avro", encode("avro", &batch, 20)),
        ("d.arrow", encode("arrow-stream", &batch, 20)),
    ];
    for (name, bytes) in inputs {
        let plain = file(name, &bytes);
        let expected = read(&plain.path, &ReadOptions::default()).unwrap();
        for (what, packed) in [("gz", gzip(&bytes)), ("zst", zstd(&bytes)), ("sz", snappy(&bytes))] {
            // The extension plays no part: bytes decide.
            let data = file(name, &packed);
            let found = read(&data.path, &ReadOptions::default()).unwrap();
            assert_eq!(found.batch, expected.batch, "{name} {what}");
            assert_eq!(found.places, expected.places, "{name} {what}");
        }
    }
}

#[test]
fn many_members_and_frames_are_one_file() {
    let (first, second) = CSV.split_at(7);
    for pack in [gzip, zstd, snappy] {
        let data = file("d.csv", [pack(first), pack(second)].concat());
        let found = read(&data.path, &ReadOptions::default()).unwrap();
        assert_eq!(found.batch.num_rows(), 3);
        assert_eq!(found.places[2].1, Some(5));
    }
}

#[test]
fn formats_read_from_their_end_say_how_to_unpack() {
    let batch = sample_batch(5);
    for (name, kind) in [("d.parquet", "parquet"), ("d.arrow", "arrow-file")] {
        for (pack, tool) in [(gzip as fn(&[u8]) -> Vec<u8>, "gunzip"), (zstd, "zstd -d"), (snappy, "snzip")] {
            let data = file(name, pack(&encode(kind, &batch, 5)));
            let error = read(&data.path, &ReadOptions::default()).err().unwrap();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
            assert!(error.advice().contains(tool), "{}", error.advice());
        }
    }
}

#[test]
fn truncated_compressed_text_is_an_error_not_fewer_rows() {
    let rows: String = (0..5000).map(|i| format!("{i},{}\n", i * 7919 % 1009)).collect();
    let text = format!("a,b\n{rows}");
    for (what, packed) in [("gzip", gzip(text.as_bytes())), ("zstd", zstd(text.as_bytes()))] {
        for cut in (20..packed.len()).step_by(packed.len() / 50 + 1).chain([packed.len() - 1]) {
            let data = file("d.csv", &packed[..cut]);
            let error = read(&data.path, &ReadOptions::default()).err().unwrap();
            assert_eq!(error.kind(), ErrorKind::CorruptSegment, "{what} {cut}: {error:?}");
            assert!(error.to_string().contains("offset"), "{error}");
        }
    }
}

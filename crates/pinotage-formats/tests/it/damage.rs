//! Damaged containers: an error or the whole truth, never a panic and never fewer rows in silence.

use arrow::array::RecordBatch;
use pinotage_common::{Error, ErrorKind};
use pinotage_formats::{Format, ReadOptions, open};

use crate::{BINARY, binary_name, encode, file, sample_batch};

/// Reads to the end or to the error; rows read either way.
pub(crate) fn drain(path: &std::path::Path) -> (usize, Option<Error>) {
    drain_with(path, &ReadOptions::default())
}

pub(crate) fn drain_with(path: &std::path::Path, options: &ReadOptions) -> (usize, Option<Error>) {
    let mut rows = 0;
    let format = Format::detect(path).unwrap();
    let mut reader = match open(path, format, options, None) {
        Ok(reader) => reader,
        Err(error) => return (0, Some(error)),
    };
    loop {
        match reader.next_batch() {
            Ok(Some(step)) => rows += step.batch.num_rows() + step.bad.len(),
            Ok(None) => return (rows, None),
            Err(error) => {
                assert!(reader.next_batch().unwrap().is_none(), "a failed reader is finished");
                return (rows, Some(error));
            }
        }
    }
}

pub(crate) fn assert_places(kind: &str, error: &Error) {
    assert!(error.context().iter().any(|(key, _)| *key == "file"), "{kind}: {error:?}");
    assert!(!error.advice().is_empty());
}

#[test]
fn every_truncation_is_an_error() {
    let batch = sample_batch(60);
    for kind in BINARY {
        let bytes = encode(kind, &batch, 20);
        let data = file(&binary_name(kind), []);
        for cut in (0..bytes.len()).step_by(3).chain([bytes.len() - 1]) {
            std::fs::write(&data.path, &bytes[..cut]).unwrap();
            match drain(&data.path) {
                (_, Some(error)) => {
                    assert_eq!(error.kind(), ErrorKind::CorruptSegment, "{kind} {cut}: {error:?}");
                    assert_places(kind, &error);
                }
                // An Avro file has no end marker: a cut between two blocks is a shorter, whole file.
                (rows, None) => {
                    assert!(kind.starts_with("avro") && rows % 20 == 0 && rows < 60, "{kind} {cut}: {rows} rows");
                }
            }
        }
    }
}

#[test]
fn flipped_bits_never_panic_and_never_lose_rows() {
    let batch = sample_batch(60);
    for kind in BINARY {
        let bytes = encode(kind, &batch, 20);
        let data = file(&binary_name(kind), []);
        let step = (bytes.len() * 8 / 3000).max(1) | 1;
        for bit in (0..bytes.len() * 8).step_by(step) {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(&data.path, &damaged).unwrap();
            match drain(&data.path) {
                (_, Some(error)) => {
                    if error.kind() != ErrorKind::InvalidConfig {
                        assert_places(kind, &error);
                    }
                }
                // A flipped bit inside values cannot be seen without checksums, but the rows are all there.
                (rows, None) => assert_eq!(rows, 60, "{kind} bit {bit}"),
            }
        }
    }
}

#[test]
fn wrong_first_bytes_are_named() {
    for kind in BINARY {
        let data = file(&binary_name(kind), "this is not what the extension says, not at all");
        let error = drain(&data.path).1.unwrap();
        assert!(matches!(error.kind(), ErrorKind::CorruptSegment | ErrorKind::ResourceExhausted), "{kind}: {error:?}");
        assert_places(kind, &error);
    }
}

#[test]
fn missing_files_and_folders_are_named() {
    let folder = tempfile::tempdir().unwrap();
    for format in Format::ALL {
        let path = folder.path().join("none");
        let error = open(&path, format, &ReadOptions::default(), None).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{format}");
        let error = open(folder.path(), format, &ReadOptions::default(), None).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{format}");
    }
}

#[test]
fn truncated_text_keeps_every_row_before_the_cut() {
    let text = "a,b\n1,\"x\ny\"\n2,z\n3,\"\"\"q\"\n";
    for cut in 4..text.len() {
        let data = file("d.csv", &text[..cut]);
        let (rows, error) = drain(&data.path);
        assert!(error.is_none());
        let starts = [4, 12, 16].iter().filter(|&&start| start < cut).count();
        assert_eq!(rows, starts, "{cut}");
    }
}

#[test]
fn a_batch_larger_than_the_limit_is_refused_by_name() {
    let texts: arrow::array::ArrayRef =
        std::sync::Arc::new(arrow::array::StringArray::from(vec!["x".repeat(4096); 100]));
    let batch = RecordBatch::try_from_iter([("s", texts)]).unwrap();
    for kind in ["arrow-stream", "arrow-file-zstd", "avro", "avro-snappy", "avro-deflate", "avro-zstd"] {
        let data = file(&binary_name(kind), encode(kind, &batch, 100));
        let options = ReadOptions { max_row_bytes: 10_000, ..ReadOptions::default() };
        let error = match open(&data.path, Format::detect(&data.path).unwrap(), &options, None) {
            Ok(mut reader) => reader.next_batch().err().unwrap(),
            Err(error) => error,
        };
        assert_eq!(error.kind(), ErrorKind::ResourceExhausted, "{kind}: {error:?}");
        assert!(error.to_string().contains("option: max_row_bytes"), "{kind}: {error}");
    }
}

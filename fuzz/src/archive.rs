//! A segment's archive: a tar in one of three codecs, or any bytes.

use std::fs;
use std::io::Write;

use fastrand::Rng;
use flate2::Compression;
use flate2::write::GzEncoder;
use pinotage_segment::read::SegmentDocuments;

use crate::files::NAMES;
use crate::judge::judge;
use crate::mutate::words;
use crate::segment::golden;

const BLOCK: usize = 512;

/// The first byte says how the rest is compressed.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let golden = golden();
    let columns = golden.iter().filter_map(|files| Some(files.only(files.columns().first()?)));
    let small = columns.filter(|files| files.to_bytes().len() < 4 << 10);
    small
        .enumerate()
        .map(|(number, files)| {
            let mut tar = tar::Builder::new(vec![number as u8 & 3]);
            for (name, part) in NAMES.iter().zip(&files.parts) {
                let mut header = tar::Header::new_gnu();
                header.set_size(part.len() as u64);
                header.set_mode(0o644);
                tar.append_data(&mut header, format!("segment/v3/{name}"), part.as_slice()).unwrap();
            }
            let mut bytes = tar.into_inner().unwrap();
            if bytes.first() == Some(&3) {
                bytes = [vec![3], compressed(0, &bytes[1..])].concat();
            }
            bytes
        })
        .collect()
}

/// Spoils a header and sums it up again, or any bytes.
pub(crate) fn mutate(input: &mut Vec<u8>, rng: &mut Rng) {
    let mut headers = Vec::new();
    let mut at = 1;
    while let Some(header) = input.get(at..at + BLOCK).filter(|header| header.iter().any(|byte| *byte != 0)) {
        headers.push(at);
        let size = std::str::from_utf8(&header[124..135]).ok().and_then(|text| usize::from_str_radix(text, 8).ok());
        at = at.saturating_add(BLOCK + size.unwrap_or(0).min(input.len()).next_multiple_of(BLOCK));
    }
    let Some(at) = rng.choice(headers).filter(|_| rng.u8(..4) > 0 && input[0] & 3 < 3) else {
        return words(input, rng.usize(..2), rng);
    };
    let header = &mut input[at..at + BLOCK];
    // Name, mode, size, kind, the name of a link, the prefix of the name.
    let (start, len) =
        rng.choice([(0, 100), (100, 8), (124, 12), (156, 1), (157, 100), (345, 155)]).unwrap_or_default();
    match (start, rng.u8(..3)) {
        (156, _) => header[156] = rng.choice(*b"0123457LKgxX\0S").unwrap_or_default(),
        (124, 0) => {
            let bits = rng.u32(1..33);
            header[124..135].copy_from_slice(format!("{:011o}", rng.u64(..1 << bits)).as_bytes());
        }
        (0, 0) => header[..8].copy_from_slice(b"../v3/..".as_slice()),
        _ => header[start + rng.usize(..len)] = rng.u8(..),
    }
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

fn compressed(how: u8, tar: &[u8]) -> Vec<u8> {
    match how {
        0 => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(tar).unwrap();
            encoder.finish().unwrap()
        }
        1 => zstd::bulk::compress(tar, 1).unwrap(),
        2 => {
            let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
            encoder.write_all(tar).unwrap();
            encoder.finish().unwrap()
        }
        _ => tar.to_vec(),
    }
}

pub(crate) fn run(input: &[u8]) {
    let Some((how, tar)) = input.split_first() else { return };
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    fs::write(&archive, compressed(how & 3, tar)).unwrap();
    let _ = SegmentDocuments::read(&archive);
    judge(&archive);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "a file beside the archive");
}

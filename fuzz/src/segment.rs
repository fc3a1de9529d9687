//! A segment's folder.

use fastrand::Rng;

use crate::files::{Files, LOOSE, NO_CREATION};
use crate::judge::judge;
use crate::mutate::{text, words};
use crate::{listed, root};

/// The golden segments.
pub(crate) fn golden() -> Vec<Files> {
    let mut segments = Vec::new();
    for release in listed(&root().join("testdata/segments")) {
        for case in listed(&release) {
            segments.extend(listed(&case.join("segment")).iter().map(|segment| Files::read(&segment.join("v3"))));
        }
    }
    segments
}

/// The golden segments, and each of their columns as a segment of its own, in all forms by turns.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = golden();
    let columns = seeds.iter().flat_map(|files| files.columns().into_iter().map(|column| files.only(&column)));
    let columns: Vec<Files> = columns.collect();
    seeds.extend(columns);
    for (number, files) in seeds.iter_mut().enumerate() {
        files.form = number as u8 & (LOOSE | NO_CREATION);
    }
    seeds.iter().map(Files::to_bytes).collect()
}

pub(crate) fn mutate(input: &mut Vec<u8>, rng: &mut Rng) {
    let mut files = Files::parse(input);
    match rng.u8(..16) {
        0 => files.form = rng.u8(..4),
        1..4 => text(&mut files.parts[0], rng),
        4 => text(&mut files.parts[1], rng),
        5 => words(&mut files.parts[2], 0, rng),
        6 => words(&mut files.parts[3], 0, rng),
        how => {
            // Only one index is spoilt, the map fits.
            let mut entries = files.entries();
            if !entries.is_empty() {
                let (at, other) = (rng.usize(..entries.len()), rng.usize(..entries.len()));
                if how == 7 {
                    entries[at].1 = entries[other].1.clone();
                } else {
                    words(&mut entries[at].1, 8, rng);
                }
                files.set_entries(&entries);
            }
        }
    }
    *input = files.to_bytes();
}

pub(crate) fn run(input: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    Files::parse(input).write(folder.path()).unwrap();
    judge(folder.path());
}

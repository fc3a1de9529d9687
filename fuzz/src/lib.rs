//! Bytes that nobody vouches for, and what they must not do to a reader.
//!
//! A [`Target`] reads an input as one crate of the workspace does and panics when the crate breaks its promise: no panic, no
//! memory beyond what the input's length allows, no row more or fewer than the metadata says. Its mutations know the format, so
//! that what they spoil gets past the first check. `tests/it` runs some of them each time and everything that was ever found;
//! `cargo xtask fuzz` lets libFuzzer look for more (`main.rs`).
#![forbid(unsafe_code)]

mod archive;
mod data_table;
mod files;
mod judge;
mod memory;
mod metadata;
mod mutate;
mod segment;

use std::path::{Path, PathBuf};

use fastrand::Rng;

/// What reads the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A segment's folder: metadata, index map, dictionaries, forward, inverted and null indexes.
    Segment,
    /// A segment's archive.
    Archive,
    /// `metadata.properties` alone.
    Metadata,
    /// A server's answer.
    DataTable,
}

impl Target {
    /// All targets.
    pub const ALL: [Self; 4] = [Self::Segment, Self::Archive, Self::Metadata, Self::DataTable];

    /// The name on the command line and of its folder in `regressions/`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Segment => "segment",
            Self::Archive => "archive",
            Self::Metadata => "metadata",
            Self::DataTable => "data_table",
        }
    }

    /// Intact inputs, made of the golden segments and of what servers sent.
    pub fn seeds(self) -> Vec<Vec<u8>> {
        match self {
            Self::Segment => segment::seeds(),
            Self::Archive => archive::seeds(),
            Self::Metadata => metadata::seeds(),
            Self::DataTable => data_table::seeds(),
        }
    }

    /// Spoils an input.
    pub fn mutate(self, input: &mut Vec<u8>, rng: &mut Rng) {
        match self {
            Self::Segment => segment::mutate(input, rng),
            Self::Archive => archive::mutate(input, rng),
            Self::Metadata => mutate::text(input, rng),
            Self::DataTable => data_table::mutate(input, rng),
        }
    }

    /// Reads an input.
    ///
    /// # Panics
    ///
    /// When a promise is broken.
    pub fn run(self, input: &[u8]) {
        memory::within(input.len(), || match self {
            Self::Segment => segment::run(input),
            Self::Archive => archive::run(input),
            Self::Metadata => metadata::run(input),
            Self::DataTable => data_table::run(input),
        });
    }

    /// The inputs that broke a promise once.
    pub fn regressions(self) -> Vec<PathBuf> {
        listed(&Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions").join(self.name()))
    }
}

/// What is in a folder, sorted; nothing when it does not exist.
fn listed(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// The root of the repository.
fn root() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own)
}

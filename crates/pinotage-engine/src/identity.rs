//! What an input is: its size, its time, its content, and what would be made of it.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::time::UNIX_EPOCH;

use pinotage_common::{Error, Result};
use xxhash_rust::xxh3::Xxh3;

use crate::manifest::Counts;

/// What an input was when it was built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InputRecord {
    pub(crate) size: u64,
    pub(crate) mtime_nanos: i64,
    pub(crate) hash: String,
    pub(crate) fingerprint: String,
    pub(crate) counts: Counts,
}

impl InputRecord {
    /// Whether the same bytes would be made of both.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        self.hash == other.hash && self.fingerprint == other.fingerprint
    }
}

/// Several inputs as one.
pub(crate) fn together(inputs: &[(String, InputRecord)], fingerprint: &str) -> InputRecord {
    let mut hasher = Xxh3::new();
    for (uri, input) in inputs {
        for part in [uri, &input.hash] {
            hasher.update(part.as_bytes());
            hasher.update(&[0]);
        }
    }
    InputRecord {
        size: inputs.iter().map(|(_, input)| input.size).sum(),
        mtime_nanos: 0,
        hash: format!("{:032x}", hasher.digest128()),
        fingerprint: fingerprint.to_owned(),
        counts: Counts::default(),
    }
}

/// Size, time and content of an input; the content is only read when size or time have changed.
pub(crate) fn identify(path: &Path, fingerprint: &str, before: Option<&InputRecord>) -> Result<InputRecord> {
    let failed = |error| Error::io(error, "cannot read the input", path);
    let metadata = fs::metadata(path).map_err(failed)?;
    let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let mtime_nanos = modified.map_or(0, |time| time.as_nanos() as i64);
    let hash = match before {
        Some(before) if before.size == metadata.len() && before.mtime_nanos == mtime_nanos => before.hash.clone(),
        _ => {
            let mut hasher = Xxh3::new();
            let mut file = File::open(path).map_err(failed)?;
            let mut buffer = vec![0; 1 << 20];
            loop {
                match file.read(&mut buffer).map_err(failed)? {
                    0 => break format!("{:032x}", hasher.digest128()),
                    read => hasher.update(buffer.get(..read).unwrap_or_default()),
                }
            }
        }
    };
    Ok(InputRecord {
        size: metadata.len(),
        mtime_nanos,
        hash,
        fingerprint: fingerprint.to_owned(),
        counts: Counts::default(),
    })
}

//! What an input is: its size, its time, its content, and what would be made of it.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::time::UNIX_EPOCH;

use pinotage_common::{Error, Result};
use pinotage_job::InputFile;
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use crate::manifest::Counts;
use crate::objects::LocalFile;

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

/// Size, time and content of an input; the content is only read when size or time have changed. An object's version stands
/// for its content, where its store has one.
pub(crate) fn identify(
    input: &InputFile,
    fingerprint: &str,
    before: Option<&InputRecord>,
    content: &dyn Fn() -> Result<LocalFile>,
) -> Result<InputRecord> {
    let (size, mtime_nanos, etag) = match input {
        InputFile::Local(path) => {
            let metadata = fs::metadata(path).map_err(|error| Error::io(error, "cannot read the input", path))?;
            let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
            (metadata.len(), modified.map_or(0, |time| time.as_nanos() as i64), None)
        }
        InputFile::Object(entry) => {
            let modified = entry.modified.and_then(|time| time.timestamp_nanos_opt());
            (entry.size, modified.unwrap_or_default(), entry.etag.as_deref())
        }
    };
    // Without a time nothing says that the content is the same.
    let is_known_by_time = matches!(input, InputFile::Local(_)) || mtime_nanos != 0;
    let hash = match (etag, before) {
        (Some(etag), _) => format!("{:032x}", xxh3_128(format!("{etag} {size}").as_bytes())),
        (None, Some(before)) if is_known_by_time && before.size == size && before.mtime_nanos == mtime_nanos => {
            before.hash.clone()
        }
        (None, _) => hash_of(&content()?.path)?,
    };
    Ok(InputRecord { size, mtime_nanos, hash, fingerprint: fingerprint.to_owned(), counts: Counts::default() })
}

fn hash_of(path: &Path) -> Result<String> {
    let failed = |error| Error::io(error, "cannot read the input", path);
    let mut hasher = Xxh3::new();
    let mut file = File::open(path).map_err(failed)?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer).map_err(failed)? {
            0 => return Ok(format!("{:032x}", hasher.digest128())),
            read => hasher.update(buffer.get(..read).unwrap_or_default()),
        }
    }
}

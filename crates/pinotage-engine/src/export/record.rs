//! What a folder of an export holds: a line for the export, and one for each part that is complete.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind as Io, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use pinotage_common::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use super::folder::LOCK;
use super::write::UNFINISHED;

/// The record's name; readers of data leave out what begins with `_`.
const NAME: &str = "_pinotage-export.jsonl";

/// What all parts have in common. Another export has another folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Head {
    pub(super) version: u32,
    pub(super) table: String,
    pub(super) columns: Vec<(String, String)>,
    pub(super) filter: Option<String>,
    pub(super) format: String,
    pub(super) partition_by: Option<String>,
}

/// A part whose files are complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PartRecord {
    /// The half of the table, with its name.
    pub(super) half: String,
    /// Which rows of the half count: in a hybrid table those of one side of a time.
    pub(super) condition: String,
    /// CRCs by segment; none for a segment whose rows may be others the next time.
    pub(super) segments: BTreeMap<String, Option<u64>>,
    pub(super) files: Vec<FileRecord>,
}

/// A file of a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct FileRecord {
    /// Relative to the folder.
    pub(super) path: PathBuf,
    pub(super) rows: u64,
    pub(super) bytes: u64,
}

/// The record of a folder, while this process writes it.
pub(super) struct Record {
    file: Mutex<File>,
    path: PathBuf,
}

impl Record {
    /// The parts that were complete, of an export of the same kind; nothing for a folder that is empty or not there.
    pub(super) fn read(folder: &Path, head: &Head) -> Result<Vec<PartRecord>> {
        let path = folder.join(NAME);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == Io::NotFound => {
                let mut entries = fs::read_dir(folder).into_iter().flatten().flatten();
                let ours = |name: &str| name == LOCK || name.starts_with(UNFINISHED);
                let foreign = entries.find(|entry| !ours(&entry.file_name().to_string_lossy()));
                return match foreign {
                    None => Ok(Vec::new()),
                    Some(_) => Err(Error::new(ErrorKind::AlreadyExists, "the folder has other files in it")
                        .with("folder", folder.display())
                        .action("name a new folder, or that of an earlier export of the same table")),
                };
            }
            Err(error) => return Err(Error::io(error, "cannot read the record of the export", &path)),
        };
        // The last line may be cut: its part is not complete then.
        let mut lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        let damaged = |error: serde_json::Error| {
            Error::new(ErrorKind::AlreadyExists, "the record of the export cannot be understood")
                .with("file", path.display())
                .action("name a new folder")
                .caused_by(error)
        };
        let found: Head = match lines.next() {
            Some(line) => serde_json::from_str(line).map_err(damaged)?,
            None => return Ok(Vec::new()),
        };
        if found != *head {
            return Err(Error::new(ErrorKind::AlreadyExists, "the folder has another export in it")
                .with("folder", folder.display())
                .with("difference", found.difference(head))
                .action("name another folder, or export with the options of the first time"));
        }
        lines.map(|line| serde_json::from_str(line).map_err(damaged)).collect()
    }

    /// Begins a record with what is complete, in one step.
    pub(super) fn begin(folder: &Path, head: &Head, parts: &[PartRecord]) -> Result<Self> {
        let path = folder.join(NAME);
        let failed = |error| Error::io(error, "cannot write the record of the export", &path);
        let mut text = line(head)?;
        for part in parts {
            text.push_str(&line(part)?);
        }
        let mut new = tempfile::Builder::new().prefix(UNFINISHED).suffix(".tmp").tempfile_in(folder).map_err(failed)?;
        new.write_all(text.as_bytes()).and_then(|()| new.as_file().sync_all()).map_err(failed)?;
        new.persist(&path).map_err(|error| failed(error.error))?;
        let file = OpenOptions::new().append(true).open(&path).map_err(failed)?;
        Ok(Self { file: Mutex::new(file), path })
    }

    /// Adds a part; its files are in their places.
    pub(super) fn add(&self, part: &PartRecord) -> Result<()> {
        let text = line(part)?;
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(text.as_bytes())
            .and_then(|()| file.sync_data())
            .map_err(|error| Error::io(error, "cannot write the record of the export", &self.path))
    }
}

impl Head {
    /// The first thing that is not the same.
    fn difference(&self, other: &Self) -> String {
        let parts = |head: &Self| {
            let columns = head.columns.iter().map(|(name, data_type)| format!("{name} {data_type}"));
            [
                ("table", head.table.clone()),
                ("columns", columns.collect::<Vec<_>>().join(", ")),
                ("filter", head.filter.clone().unwrap_or_else(|| "none".into())),
                ("format", head.format.clone()),
                ("partition by", head.partition_by.clone().unwrap_or_else(|| "none".into())),
                ("version", head.version.to_string()),
            ]
        };
        let pairs = parts(self).into_iter().zip(parts(other));
        let mut different = pairs.filter(|(found, wanted)| found != wanted);
        different
            .next()
            .map_or_else(String::new, |((name, found), (_, wanted))| format!("{name}: {found}; now {wanted}"))
    }
}

fn line(value: &impl Serialize) -> Result<String> {
    let text = serde_json::to_string(value);
    text.map(|text| text + "\n").map_err(|error| Error::unexpected("cannot write a record").caused_by(error))
}

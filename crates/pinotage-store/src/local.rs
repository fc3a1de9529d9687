//! Files of this machine, blocking.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use pinotage_common::{Error, Result};
use tempfile::NamedTempFile;

use crate::{Entry, Location, PutMode};

/// Bytes of a copy between two reports of progress.
const CHUNK: usize = 1 << 20;

/// The entry of a file; `None` when there is none, or a folder.
pub(crate) fn head(location: &Location) -> Result<Option<Entry>> {
    match fs::metadata(location.key()) {
        Ok(metadata) if metadata.is_file() => Ok(Some(entry(location.clone(), &metadata))),
        Ok(_) => Ok(None),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(Error::io(error, "cannot look at the file", location.key())),
    }
}

fn entry(location: Location, metadata: &fs::Metadata) -> Entry {
    let modified = metadata.modified().map_or(DateTime::UNIX_EPOCH, DateTime::<Utc>::from);
    // What changes when a file is replaced or written to.
    let nanos = modified.timestamp_nanos_opt().unwrap_or_default();
    let etag = format!("{:x}-{nanos:x}-{:x}", metadata.ino(), metadata.len());
    Entry { location, size: metadata.len(), etag: Some(etag), modified: Some(modified) }
}

/// Bytes of a file; the range was checked against the size.
pub(crate) fn read(path: &Path, offset: u64, length: usize) -> Result<Bytes> {
    let read = || {
        let mut bytes = vec![0; length];
        File::open(path)?.read_exact_at(&mut bytes, offset)?;
        io::Result::Ok(bytes.into())
    };
    read().map_err(|error| Error::io(error, "cannot read the file", path))
}

/// Deletes a file; that there is none is fine.
pub(crate) fn delete(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io(error, "cannot delete the file", path)),
        _ => Ok(()),
    }
}

/// A file in the making beside its place: dropped, it is gone; persisted, it is there as a whole.
pub(crate) struct Making {
    file: NamedTempFile,
    folder: PathBuf,
    target: PathBuf,
}

impl Making {
    /// Makes the folder when there is none.
    pub(crate) fn begin(target: &Path) -> Result<Self> {
        let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let begin = || {
            fs::create_dir_all(folder)?;
            // As any new file: the umask decides who may read it.
            let permissions = fs::Permissions::from_mode(0o666);
            tempfile::Builder::new().prefix(".pinotage-").suffix(".part").permissions(permissions).tempfile_in(folder)
        };
        let file = begin().map_err(|error| Error::io(error, "cannot write into the folder", folder))?;
        Ok(Self { file, folder: folder.to_owned(), target: target.to_owned() })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        io::Write::write_all(&mut self.file, bytes).map_err(|error| self.failed(error))
    }

    /// Forgets what was written.
    pub(crate) fn restart(&mut self) -> Result<()> {
        let restart = |file: &mut File| {
            file.set_len(0)?;
            io::Seek::rewind(file)
        };
        restart(self.file.as_file_mut()).map_err(|error| self.failed(error))
    }

    /// Puts the file in its place, durable.
    pub(crate) fn persist(self, mode: PutMode) -> Result<()> {
        self.file.as_file().sync_all().map_err(|error| self.failed(error))?;
        let Self { file, folder, target } = self;
        let persist = || {
            match mode {
                PutMode::Replace => file.persist(&target),
                PutMode::Create => file.persist_noclobber(&target),
            }
            .map_err(|error| error.error)?;
            // The name is durable when its folder is.
            File::open(&folder)?.sync_all()
        };
        persist().map_err(|error| Error::io(error, "cannot write the file", &target))
    }

    fn failed(&self, error: io::Error) -> Error {
        Error::io(error, "cannot write the file", &self.target)
    }
}

/// A copy of a file under way, which becomes visible in one atomic step at its end.
pub(crate) struct Copying {
    source: File,
    from: PathBuf,
    making: Making,
    buffer: Vec<u8>,
    done: u64,
}

impl Copying {
    pub(crate) fn begin(from: &Path, to: &Path) -> Result<Self> {
        let source = File::open(from).map_err(|error| Error::io(error, "cannot read the file", from))?;
        let making = Making::begin(to)?;
        Ok(Self { source, from: from.to_owned(), making, buffer: vec![0; CHUNK], done: 0 })
    }

    /// Copies the next chunk and returns the bytes so far; `None` at the end.
    pub(crate) fn step(&mut self) -> Result<Option<u64>> {
        let length = io::Read::read(&mut self.source, &mut self.buffer)
            .map_err(|error| Error::io(error, "cannot read the file", &self.from))?;
        self.making.write(&self.buffer[..length])?;
        self.done += length as u64;
        Ok((length > 0).then_some(self.done))
    }

    pub(crate) fn end(self, mode: PutMode) -> Result<u64> {
        self.making.persist(mode)?;
        Ok(self.done)
    }
}

/// A walk over the files below a folder in the order of their full paths' bytes, as object stores list them; it holds
/// one folder of each level in memory. Links to files count as files, links to folders are not entered.
pub(crate) struct Walk {
    recursive: bool,
    /// What is still to be visited, last first; folders end with a slash.
    open: Vec<String>,
}

impl Walk {
    pub(crate) fn new(folder: &Path, recursive: bool) -> Result<Self> {
        let mut walk = Self { recursive, open: Vec::new() };
        walk.enter(folder)?;
        Ok(walk)
    }

    fn enter(&mut self, folder: &Path) -> Result<()> {
        let failed = |error| Error::io(error, "cannot list the folder", folder);
        let mut names = Vec::new();
        for entry in fs::read_dir(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let is_folder = entry.file_type().map_err(failed)?.is_dir();
            let path = entry.path();
            let Some(path) = path.to_str() else {
                return Err(Error::invalid_data("expected file names in UTF-8").with("file", path.display()));
            };
            match (is_folder, self.recursive) {
                (true, true) => names.push(format!("{path}/")),
                (true, false) => {}
                (false, _) => names.push(path.to_owned()),
            }
        }
        names.sort_unstable_by(|a, b| b.cmp(a));
        self.open.append(&mut names);
        Ok(())
    }

    /// The next file.
    pub(crate) fn step(&mut self, base: &Location) -> Result<Option<Entry>> {
        while let Some(path) = self.open.pop() {
            if let Some(folder) = path.strip_suffix('/') {
                self.enter(Path::new(folder))?;
            } else if let Some(entry) = head(&base.with_key(path))? {
                // Links to folders, sockets and what was deleted since are no entries.
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }
}

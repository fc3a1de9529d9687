//! Where rows and segments wait, and whether all tasks see it.

use std::fs;
use std::path::{Path, PathBuf};

use pinotage_common::{Error, ErrorKind, Result};
use pinotage_job::SinkJob;
use pinotage_sink::writer::{Staging, StagingStore};
use pinotage_store::{Location, PutMode, Store, quiet};
use tempfile::TempDir;
use tokio::runtime::Handle;

/// A folder that hosts share, or one of an object store.
pub(crate) struct Place {
    at: Location,
    store: Store,
    io: Handle,
}

impl Place {
    pub(crate) fn of(job: &SinkJob, io: Handle) -> Result<Self> {
        let store = Store::new(job.store.clone()).map_err(|error| error.with("within", "store"))?;
        Ok(Self { at: job.staging.clone(), store, io })
    }

    /// For who makes no files: committers, and who only asks.
    pub(crate) fn for_reading(&self) -> Staging {
        self.staging(&std::env::temp_dir().join("pinotage-reads"))
    }

    /// For a writer. What it makes for an object store lies in a folder of its own, which goes with the second value.
    pub(crate) fn for_writing(&self) -> Result<(Staging, Option<TempDir>)> {
        if self.at.local_path().is_some() {
            return Ok((self.for_reading(), None));
        }
        let own = temporary()?;
        Ok((self.staging(own.path()), Some(own)))
    }

    fn staging(&self, made: &Path) -> Staging {
        match self.at.local_path() {
            Some(folder) => folder.to_owned().into(),
            None => {
                let store = StagingStore { store: self.store.clone(), at: self.at.clone(), runtime: self.io.clone() };
                Staging::in_store(made.to_owned(), store)
            }
        }
    }

    fn probe(&self, name: &str) -> Result<Location> {
        let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        match is_name {
            true => self.at.join(&format!("probe-{name}")),
            false => {
                Err(Error::invalid_config(format!("`{name}` is no name for a probe"))
                    .action("use letters, digits and `-`"))
            }
        }
    }

    /// Puts a text into staging.
    pub(crate) fn write_probe(&self, name: &str, text: &str) -> Result<()> {
        let probe = self.probe(name)?;
        if let Some(folder) = self.at.local_path() {
            fs::create_dir_all(folder)
                .map_err(|error| Error::io(error, "cannot write to staging", folder).with("option", "staging"))?;
        }
        let (_folder, path) = copy()?;
        fs::write(&path, text).map_err(|error| Error::io(error, "cannot write a temporary file", &path))?;
        let put = self.io.block_on(self.store.put(&path, &probe, PutMode::Replace, &quiet));
        put.map(drop).map_err(|error| error.with("option", "staging"))
    }

    /// The text of a probe, which may have been written on another host.
    pub(crate) fn read_probe(&self, name: &str) -> Result<String> {
        let probe = self.probe(name)?;
        let (_folder, path) = copy()?;
        match self.io.block_on(self.store.get(&probe, &path, 1 << 20, &quiet)) {
            Ok(_) => fs::read_to_string(&path).map_err(|error| Error::io(error, "cannot read a temporary file", &path)),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(Error::invalid_config(
                "what one task has put into staging another one does not see: it is not shared storage",
            )
            .with("option", "staging")
            .with("file", &probe)
            .action("name a folder of an object store, or of a file system that all hosts have at the same path")),
            Err(error) => Err(error.with("option", "staging")),
        }
    }

    /// Removes a probe; one that is gone is none.
    pub(crate) fn remove_probe(&self, name: &str) -> Result<()> {
        match self.io.block_on(self.store.delete(&self.probe(name)?)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error.with("option", "staging")),
            _ => Ok(()),
        }
    }
}

fn temporary() -> Result<TempDir> {
    let made = tempfile::Builder::new().prefix("pinotage-").tempdir();
    made.map_err(|error| Error::io(error, "cannot make a temporary folder", std::env::temp_dir()))
}

fn copy() -> Result<(TempDir, PathBuf)> {
    let folder = temporary()?;
    let path = folder.path().join("probe");
    Ok((folder, path))
}

//! Object stores and web servers, as the engine's threads use them: a call returns when it is done.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use pinotage_common::{Error, ErrorKind, Result};
use pinotage_formats::Format;
use pinotage_job::InputFile;
use pinotage_sink::writer::{Staging, StagingStore};
use pinotage_sink::{LocalSegment, StoredArchive};
use pinotage_store::{Entry, ListOptions, Location, PutMode, Scheme, Store, StoreOptions, quiet};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::cluster::runtime;
use crate::sample::parquet_footer;

/// How often a transfer is asked whether it is still wanted.
const CANCEL_PAUSE: Duration = Duration::from_millis(50);

/// Copies of archives at a time.
const OPENED: usize = 4;

/// Whether what is going on has been stopped from outside.
pub(crate) type Cancelled<'a> = &'a dyn Fn() -> bool;

/// The stores of a job.
#[derive(Debug)]
pub(crate) struct Objects {
    store: Store,
    runtime: Runtime,
    /// The copy whose columns were looked at, for whoever reads it first.
    sampled: Mutex<Option<(Entry, LocalFile)>>,
}

/// A file on this machine; the copy of an object goes when this does.
#[derive(Debug)]
pub(crate) struct LocalFile {
    pub(crate) path: PathBuf,
    _copy: Option<TempDir>,
}

impl AsRef<Path> for LocalFile {
    fn as_ref(&self) -> &Path {
        &self.path
    }
}

/// The objects of a folder, or the one that the location names; of a web server that one only. `below` asks for the folders
/// below, too. What [`pinotage_job::pinot_spec::load`] lists with.
///
/// # Errors
///
/// Those of [`Store::list`] and [`Store::head`].
pub fn list_objects(options: &StoreOptions, folder: &Location, below: bool) -> Result<Vec<Entry>> {
    Objects::new(options)?.list(folder, below)
}

impl Objects {
    pub(crate) fn new(options: &StoreOptions) -> Result<Self> {
        Ok(Self { store: Store::new(options.clone())?, runtime: runtime()?, sampled: Mutex::default() })
    }

    /// Rows and segments that wait in a folder of a store; files are made in `folder` first.
    pub(crate) fn staging(&self, folder: &Path, at: &Location) -> Staging {
        let (store, at, runtime) = (self.store.clone(), at.clone(), self.runtime.handle().clone());
        Staging::in_store(folder.to_owned(), StagingStore { store, at, runtime })
    }

    pub(crate) fn list(&self, folder: &Location, below: bool) -> Result<Vec<Entry>> {
        if matches!(folder.scheme(), Scheme::Http | Scheme::Https) {
            return Ok(vec![self.runtime.block_on(self.store.head(folder))?]);
        }
        let options = ListOptions { recursive: below, ..ListOptions::default() };
        self.runtime.block_on(self.store.list(folder, &options).try_collect())
    }

    pub(crate) fn exists(&self, at: &Location) -> Result<bool> {
        self.runtime.block_on(self.store.exists(at))
    }

    pub(crate) fn delete(&self, at: &Location) -> Result<()> {
        self.runtime.block_on(self.store.delete(at))
    }

    pub(crate) fn put(&self, from: &Path, to: &Location, cancelled: Cancelled<'_>) -> Result<()> {
        self.runtime.block_on(unless(cancelled, self.store.put(from, to, PutMode::Replace, &quiet))).map(drop)
    }

    /// An input on this machine: the file itself, or a copy in a hidden folder below `folder` of the version that was listed.
    pub(crate) fn open(&self, file: &InputFile, folder: &Path, cancelled: Cancelled<'_>) -> Result<LocalFile> {
        match file {
            InputFile::Local(path) => Ok(LocalFile { path: path.clone(), _copy: None }),
            InputFile::Object(entry) => match self.sampled().take_if(|(sampled, _)| sampled == entry) {
                Some((_, copy)) => Ok(copy),
                None => self.copy(entry, folder, cancelled),
            },
        }
    }

    /// Looks at a file's columns. Of a Parquet object only the footer comes here; another object comes as a whole, and once.
    pub(crate) fn sample<T>(&self, file: &InputFile, format: Format, look: &dyn Fn(&Path) -> Result<T>) -> Result<T> {
        let InputFile::Object(entry) = file else { return look(file.path()) };
        let folder = std::env::temp_dir();
        if format == Format::Parquet {
            let failed = |error| Error::io(error, "cannot write into the folder", &folder);
            let mut footer = tempfile::Builder::new().prefix("pinotage-").tempfile_in(&folder).map_err(failed)?;
            if self.runtime.block_on(parquet_footer(&self.store, entry, footer.as_file_mut()))? {
                return look(footer.path());
            }
        }
        let copy = self.copy(entry, &folder, &|| false)?;
        let seen = look(&copy.path)?;
        *self.sampled() = Some((entry.clone(), copy));
        Ok(seen)
    }

    fn sampled(&self) -> MutexGuard<'_, Option<(Entry, LocalFile)>> {
        self.sampled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn copy(&self, entry: &Entry, folder: &Path, cancelled: Cancelled<'_>) -> Result<LocalFile> {
        let failed = |error| Error::io(error, "cannot make a folder for the input", folder);
        std::fs::create_dir_all(folder).map_err(failed)?;
        let copy = tempfile::Builder::new().prefix(".input-").tempdir_in(folder).map_err(failed)?;
        // The name tells readers the format.
        let path = copy.path().join(entry.location.name());
        self.runtime.block_on(unless(cancelled, self.store.get_version(entry, &path, &quiet)))?;
        Ok(LocalFile { path, _copy: Some(copy) })
    }

    /// An archive that is pushed from where it is.
    pub(crate) fn archive(&self, at: &Location) -> Result<StoredArchive> {
        let entry = self.runtime.block_on(self.store.head(at))?;
        Ok(StoredArchive { store: self.store.clone(), entry })
    }

    /// The segments of archives, [`OPENED`] at a time.
    pub(crate) fn open_archives(&self, entries: Vec<Entry>) -> Result<Vec<LocalSegment>> {
        let opened = entries
            .into_iter()
            .map(|entry| LocalSegment::open_stored(StoredArchive { store: self.store.clone(), entry }));
        self.runtime.block_on(stream::iter(opened).buffered(OPENED).try_collect())
    }
}

/// Runs a transfer to its end, unless it is stopped; then nothing of it is left.
async fn unless<T>(cancelled: Cancelled<'_>, call: impl Future<Output = Result<T>>) -> Result<T> {
    let stopped = async {
        while !cancelled() {
            tokio::time::sleep(CANCEL_PAUSE).await;
        }
    };
    tokio::select! {
        result = call => result,
        () = stopped => Err(Error::new(ErrorKind::Cancelled, "the run was stopped; inputs that were complete are kept")),
    }
}

/// Says of which file an error is, unless it does so itself; a copy's path says little of the object.
pub(crate) fn in_file(file: &InputFile) -> impl Fn(Error) -> Error {
    move |error| {
        let key = match file {
            InputFile::Local(_) => "file",
            InputFile::Object(_) => "uri",
        };
        match error.context().iter().any(|(known, _)| *known == key) {
            true => error,
            false => error.with(key, file),
        }
    }
}

//! Where rows wait for their segment, and segments for their target.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use pinotage_common::{Error, ErrorKind, Result};
use pinotage_store::{Entry, ListOptions, Location, PutMode, Store, quiet};
use tempfile::TempDir;
use tokio::runtime::Handle;

use crate::StoredArchive;

/// Transfers at the same time.
const TRANSFERS: usize = 8;

/// A folder of this machine, or one of an object store: what lies there can be taken up by other machines.
///
/// Files are written once under names that nobody else chooses, and are needed as long as a state names them.
#[derive(Clone)]
pub struct Staging {
    /// Where files are made.
    folder: PathBuf,
    store: Option<StagingStore>,
}

/// A folder of an object store, and how it is reached.
#[derive(Clone)]
pub struct StagingStore {
    /// The store.
    pub store: Store,
    /// The folder; each run has one in it.
    pub at: Location,
    /// Where requests run.
    pub runtime: Handle,
}

impl From<PathBuf> for Staging {
    fn from(folder: PathBuf) -> Self {
        Self { folder, store: None }
    }
}

impl Staging {
    /// A folder of an object store. Files are made in a folder of this machine first, which nothing has to outlive.
    pub fn in_store(folder: PathBuf, store: StagingStore) -> Self {
        Self { folder, store: Some(store) }
    }

    /// Other machines can take up what lies there.
    pub fn is_shared(&self) -> bool {
        self.store.is_some()
    }

    pub(super) fn of_run(&self, run: &str) -> Result<RunStaging> {
        let store = match &self.store {
            Some(store) => Some(StagingStore { at: store.at.join(run)?, ..store.clone() }),
            None => None,
        };
        Ok(RunStaging { folder: self.folder.join(run), store })
    }
}

/// The part of a run.
#[derive(Clone)]
pub(super) struct RunStaging {
    folder: PathBuf,
    store: Option<StagingStore>,
}

/// A file on this machine; a copy goes with the value.
pub(super) struct Fetched {
    pub(super) path: PathBuf,
    _copy: Option<TempDir>,
}

impl RunStaging {
    /// Where files are made.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn is_shared(&self) -> bool {
        self.store.is_some()
    }

    pub(super) fn create(&self) -> Result<()> {
        fs::create_dir_all(&self.folder)
            .map_err(|error| Error::io(error, "cannot create the staging folder", &self.folder))
    }

    /// Where a file lies, for a person.
    pub(super) fn place(&self, name: &str) -> String {
        match &self.store {
            None => self.folder.join(name).display().to_string(),
            Some(store) => store.at.join(name).map_or_else(|_| name.to_owned(), |at| at.to_string()),
        }
    }

    /// Files that were made, whole and synced, outlive this process, and this machine if they are to.
    pub(super) fn keep(&self, names: &[String]) -> Result<()> {
        let Some(StagingStore { store, at, runtime }) = &self.store else { return sync(&self.folder) };
        let put = |name: &String| {
            let (from, to) = (self.folder.join(name), at.join(name));
            async move {
                store.put(&from, &to?, PutMode::Replace, &quiet).await?;
                fs::remove_file(&from).map_err(|error| Error::io(error, "cannot remove from staging", &from))
            }
        };
        let puts: Vec<_> = names.iter().map(put).collect();
        runtime.block_on(stream::iter(puts).buffer_unordered(TRANSFERS).try_collect())
    }

    /// A file on this machine; none when it is gone.
    pub(super) fn fetch(&self, name: &str) -> Result<Option<Fetched>> {
        let path = self.folder.join(name);
        if path.exists() {
            return Ok(Some(Fetched { path, _copy: None }));
        }
        let Some(StagingStore { store, at, runtime }) = &self.store else { return Ok(None) };
        self.create()?;
        let failed = |error| Error::io(error, "cannot make a folder for a copy", &self.folder);
        let copy = tempfile::Builder::new().prefix(".copy-").tempdir_in(&self.folder).map_err(failed)?;
        let path = copy.path().join("file");
        match runtime.block_on(store.get(&at.join(name)?, &path, u64::MAX, &quiet)) {
            Ok(_) => Ok(Some(Fetched { path, _copy: Some(copy) })),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Archives in the order of their names, where they lie in a store; none for one that is gone.
    pub(super) async fn archives(&self, names: &[&str]) -> Result<Vec<Option<StoredArchive>>> {
        let Some(StagingStore { store, at, .. }) = &self.store else { return Ok(vec![None; names.len()]) };
        let find = |name: &&str| {
            let at = at.join(name);
            async move {
                match store.head(&at?).await {
                    Ok(entry) => Ok(Some(StoredArchive { store: store.clone(), entry })),
                    Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
                    Err(error) => Err(error),
                }
            }
        };
        let finds: Vec<_> = names.iter().map(find).collect();
        stream::iter(finds).buffered(TRANSFERS).try_collect().await
    }

    /// Removes files and folders; what is gone already is no error.
    pub(super) fn remove<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> Result<()> {
        let mut elsewhere = Vec::new();
        for name in names {
            let path = self.folder.join(name);
            let is_folder = fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_dir());
            match if is_folder { fs::remove_dir_all(&path) } else { fs::remove_file(&path) } {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => elsewhere.push(name),
                Err(error) => return Err(Error::io(error, "cannot remove from staging", &path)),
            }
        }
        let Some(StagingStore { store, at, runtime }) = &self.store else { return Ok(()) };
        let delete = |name: &str| {
            let at = at.join(name);
            async move {
                match store.delete(&at?).await {
                    Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
                    _ => Ok(()),
                }
            }
        };
        let deletes: Vec<_> = elsewhere.into_iter().map(delete).collect();
        runtime.block_on(stream::iter(deletes).buffer_unordered(TRANSFERS).try_collect())
    }

    /// The files that writers have there, by their lives.
    pub(super) fn lives(&self) -> Result<BTreeMap<String, Vec<String>>> {
        let mut lives: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for name in self.names()? {
            if let Some(life) = life_of(&name) {
                lives.entry(life.to_owned()).or_default().push(name);
            }
        }
        Ok(lives)
    }

    /// Files by their names in the folder of the run.
    fn names(&self) -> Result<Vec<String>> {
        if let Some(StagingStore { store, at, runtime }) = &self.store {
            let below = |entry: Entry| Some(entry.location.key().strip_prefix(at.key())?.strip_prefix('/')?.to_owned());
            let listed: Vec<Entry> = runtime.block_on(store.list(at, &ListOptions::default()).try_collect())?;
            return Ok(listed.into_iter().filter_map(below).collect());
        }
        let mut names = Vec::new();
        for entry in entries(&self.folder)? {
            let name = entry.file_name().to_string_lossy().into_owned();
            match entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                true => names.extend(
                    entries(&entry.path())?.iter().map(|file| format!("{name}/{}", file.file_name().to_string_lossy())),
                ),
                false => names.push(name),
            }
        }
        Ok(names)
    }

    /// Removes the folder of a life if nothing is left in it.
    pub(super) fn remove_if_empty(&self, life: &str) {
        let _ = fs::remove_dir(self.folder.join(life));
    }

    /// Removes everything.
    pub(super) fn clear(&self) -> Result<()> {
        match fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Error::io(error, "cannot remove from staging", &self.folder));
            }
            _ => {}
        }
        let Some(StagingStore { store, at, runtime }) = &self.store else { return Ok(()) };
        runtime.block_on(async {
            let entries = store.list(at, &ListOptions::default());
            entries.try_for_each_concurrent(TRANSFERS, |entry| async move { store.delete(&entry.location).await }).await
        })
    }
}

/// The life of the writer that made a file: segments are in a folder of that name, and rows have it in theirs.
fn life_of(name: &str) -> Option<&str> {
    let life = match name.split_once('/') {
        Some((life, _)) => life,
        None => name.strip_suffix(".arrow")?.rsplit('-').nth(1)?,
    };
    (life.len() == 8 && life.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(life)
}

/// What is in a folder; nothing when it is not there.
pub(super) fn entries(folder: &Path) -> Result<Vec<fs::DirEntry>> {
    match fs::read_dir(folder).and_then(Iterator::collect) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries.map_err(|error| Error::io(error, "cannot look into the folder", folder)),
    }
}

/// Makes new names in a folder survive a power failure.
pub(super) fn sync(folder: &Path) -> Result<()> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| Error::io(error, "cannot sync the staging folder", folder))
}

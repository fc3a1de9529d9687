//! The store: one value for all locations of a job.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use object_store::path::Path as Key;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use pinotage_common::{Error, Result};
use tokio::sync::Semaphore;

use crate::failure::Failures;
use crate::{Location, PutMode, Scheme, StoreOptions, backend, local};

/// Told how many bytes of a transfer are there; a transfer that has to start anew counts from 0 again.
pub type Progress<'a> = &'a (dyn Fn(u64) + Send + Sync);

/// The [`Progress`] for those who do not want to know.
pub fn quiet(_: u64) {}

/// A file or object and what its store says about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it is.
    pub location: Location,
    /// In bytes.
    pub size: u64,
    /// Changes when the content does; of local files made from inode, time and size. Not every web server sends one.
    pub etag: Option<String>,
    /// When it was written last. Not every web server says it.
    pub modified: Option<DateTime<Utc>>,
}

/// Files and objects, listed, read and written. Cheap to clone; clones share clients and limits.
///
/// Requests that failed for a passing reason were tried again as [`StoreOptions::retries`] says before an error is
/// seen. Errors name the URI, whose move it is, and never a secret.
///
/// Pinot equivalent: `org.apache.pinot.spi.filesystem.PinotFS`.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    options: StoreOptions,
    failures: Failures,
    clients: Mutex<HashMap<(Scheme, String), Arc<dyn ObjectStore>>>,
    /// Bounds requests and memory of transfers.
    transfers: Arc<Semaphore>,
}

impl Store {
    /// Makes a store; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// `invalid-config` for options that contradict each other, or an `http://` endpoint that was not allowed.
    pub fn new(options: StoreOptions) -> Result<Self> {
        options.validate()?;
        Ok(Self(Arc::new(Inner {
            failures: Failures::new(&options),
            clients: Mutex::default(),
            transfers: Arc::new(Semaphore::new(options.concurrency)),
            options,
        })))
    }

    /// What the store says about a file or object.
    ///
    /// # Errors
    ///
    /// `not-found` when there is none; a folder is none.
    pub async fn head(&self, location: &Location) -> Result<Entry> {
        if location.scheme() == Scheme::File {
            let at = location.clone();
            return blocking(move || local::head(&at)).await?.ok_or_else(|| missing(location));
        }
        if location.key().is_empty() {
            return Err(missing(location));
        }
        let (client, key) = self.client(location)?;
        let meta =
            client.head(&key).await.map_err(|error| self.failed("cannot look at the object", location, error))?;
        Ok(entry(location.clone(), &meta))
    }

    /// Whether there is such a file or object.
    ///
    /// # Errors
    ///
    /// Everything but `not-found`.
    pub async fn exists(&self, location: &Location) -> Result<bool> {
        match self.head(location).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == pinotage_common::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Copies a file or object and returns its size. Within a bucket the store itself copies (S3 does so up to 5 GB);
    /// from or to the local file system it is [`put`](Self::put) or [`get`](Self::get).
    ///
    /// # Errors
    ///
    /// `not-found`; `unsupported` between two stores, neither of them local.
    pub async fn copy(&self, from: &Location, to: &Location) -> Result<u64> {
        if let Some(path) = from.local_path() {
            return self.put(path, to, PutMode::Replace, &quiet).await;
        }
        if let Some(path) = to.local_path() {
            return Ok(self.get(from, path, u64::MAX, &quiet).await?.size);
        }
        self.writable(to)?;
        if !from.same_store(to) {
            return Err(Error::unsupported("cannot copy from one store to another")
                .with("from", from)
                .with("to", to)
                .action("get the object to a local file and put that"));
        }
        let size = self.head(from).await?.size;
        let (client, from_key) = self.client(from)?;
        let (_, to_key) = self.client(to)?;
        client.copy(&from_key, &to_key).await.map_err(|error| self.failed("cannot copy the object", from, error))?;
        Ok(size)
    }

    /// Deletes a file or object. That there is none is fine.
    ///
    /// # Errors
    ///
    /// `permission-denied`; `unsupported` for web servers.
    pub async fn delete(&self, location: &Location) -> Result<()> {
        if let Some(path) = location.local_path().map(ToOwned::to_owned) {
            return blocking(move || local::delete(&path)).await;
        }
        self.writable(location)?;
        let (client, key) = self.client(location)?;
        match client.delete(&key).await {
            Ok(()) => Ok(()),
            Err(error @ object_store::Error::NotFound { .. }) => {
                let error = self.failed("cannot delete the object", location, error);
                // A bucket that is not there is a mistake, an object that is not there is the aim.
                if error.message().contains("bucket") { Err(error) } else { Ok(()) }
            }
            Err(error) => Err(self.failed("cannot delete the object", location, error)),
        }
    }

    /// The client of a location and the key in its terms.
    pub(crate) fn client(&self, location: &Location) -> Result<(Arc<dyn ObjectStore>, Key)> {
        let key = Key::parse(location.key()).map_err(|error| {
            Error::invalid_config("expected a key of an object").with("uri", location).caused_by(error)
        })?;
        // A signed URL is a store of its own, used once.
        if location.query().is_some() {
            return Ok((backend::open(location, &self.0.options)?, key));
        }
        let name = (location.scheme(), location.authority().to_owned());
        let mut clients = self.0.clients.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(client) = clients.get(&name) {
            return Ok((client.clone(), key));
        }
        let client = backend::open(location, &self.0.options)?;
        clients.insert(name, client.clone());
        Ok((client, key))
    }

    pub(crate) fn options(&self) -> &StoreOptions {
        &self.0.options
    }

    pub(crate) fn transfers(&self) -> &Arc<Semaphore> {
        &self.0.transfers
    }

    pub(crate) fn failed(&self, operation: &str, location: &Location, error: object_store::Error) -> Error {
        self.0.failures.explain(operation, location, error)
    }

    /// Refuses to write to web servers.
    pub(crate) fn writable(&self, location: &Location) -> Result<()> {
        if location.scheme().is_http() {
            return Err(Error::unsupported("web servers are only read")
                .with("uri", location)
                .action("write to a local path or an object store"));
        }
        if location.key().is_empty() {
            return Err(Error::invalid_config("expected a key after the bucket").with("uri", location));
        }
        Ok(())
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("options", &self.0.options).finish_non_exhaustive()
    }
}

pub(crate) fn entry(location: Location, meta: &ObjectMeta) -> Entry {
    // The client writes the epoch when a server names no time.
    let modified = (meta.last_modified != DateTime::UNIX_EPOCH).then_some(meta.last_modified);
    // Azure's listings leave out the quotes that its other answers have.
    let quoted = |etag: &String| if etag.ends_with('"') { etag.clone() } else { format!("\"{etag}\"") };
    Entry { location, size: meta.size, etag: meta.e_tag.as_ref().map(quoted), modified }
}

pub(crate) fn missing(location: &Location) -> Error {
    Error::not_found("there is no such file").with("uri", location)
}

/// Runs blocking file operations where they do not hold up the runtime.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Error::unexpected("a file operation did not end").caused_by(error))?
}

//! From a store to a local file.

use std::path::Path;

use futures::TryStreamExt;
use object_store::{GetOptions, GetRange};
use pinotage_common::{Error, ErrorKind, Result, Retry};

use crate::local::{Copying, Making};
use crate::read::changed;
use crate::store::{Progress, blocking, entry};
use crate::{Entry, Location, PutMode, Store, backend};

impl Store {
    /// Brings a file or object to a local path, whose folder is made, and returns what was got. The path appears in one
    /// atomic step when all bytes are on disk; an older file there is replaced.
    ///
    /// A transfer that breaks goes on where it was cut, as long as the object has a version by which to know that it is
    /// still the same; otherwise it starts anew.
    ///
    /// Nothing is received of an object of more than `max_size` bytes.
    ///
    /// # Errors
    ///
    /// `not-found`, `permission-denied`; `resource-exhausted` above `max_size`; `unavailable` when it was cut more than
    /// [`retries`](crate::StoreOptions::retries) times in a row without having come further; `commit-conflict` when the object
    /// was replaced meanwhile.
    pub async fn get(&self, from: &Location, to: &Path, max_size: u64, progress: Progress<'_>) -> Result<Entry> {
        self.bring(Wanted { at: from, version: None, max_size }, to, progress).await
    }

    /// As [`get`](Self::get), of the version that an entry says, as it was listed or looked at.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get); `commit-conflict` when there is another version now.
    pub async fn get_version(&self, entry: &Entry, to: &Path, progress: Progress<'_>) -> Result<()> {
        let wanted = Wanted { at: &entry.location, version: Some(entry), max_size: u64::MAX };
        self.bring(wanted, to, progress).await.map(drop)
    }

    async fn bring(&self, wanted: Wanted<'_>, to: &Path, progress: Progress<'_>) -> Result<Entry> {
        let _permit = self.transfer_permit().await?;
        if let Some(path) = wanted.at.local_path() {
            let found = self.head(wanted.at).await?;
            wanted.check(&found)?;
            copy_local(path, to, PutMode::Replace, progress).await?;
            return Ok(found);
        }
        let target = to.to_owned();
        let mut making = blocking(move || Making::begin(&target)).await?;
        let mut known: Option<Entry> = None;
        let mut done = 0;
        let mut furthest = 0;
        let mut failures = 0;
        loop {
            let resumed = done > 0;
            let broken = match self.receive(wanted, making, &mut known, &mut done, progress).await? {
                Received::All(making, entry) => {
                    blocking(move || making.persist(PutMode::Replace)).await?;
                    return Ok(entry);
                }
                Received::Part(kept, error) => {
                    making = kept;
                    error
                }
            };
            // Measured by the best try, so that starting anew again and again comes to an end.
            failures = if done > furthest { 0 } else { failures + 1 };
            furthest = furthest.max(done);
            let permanent = broken.retry() == Retry::Permanent;
            // A server that knows no ranges refuses to go on, or goes on at the start.
            let lost = (resumed && permanent && broken.kind() == ErrorKind::Unavailable)
                || known.as_ref().is_some_and(|entry| done > entry.size);
            let replaced = broken.kind() == ErrorKind::CommitConflict;
            if failures > self.options().retries || replaced || (permanent && !lost) {
                return Err(broken);
            }
            if failures > 0 {
                tokio::time::sleep(backend::pause(failures)).await;
            }
            if lost || known.as_ref().and_then(strong).is_none() {
                (known, done) = (None, 0);
                making = blocking(move || making.restart().map(|()| making)).await?;
            }
        }
    }

    /// Receives from `done` on, until the end or until it breaks.
    async fn receive(
        &self,
        wanted: Wanted<'_>,
        mut making: Making,
        known: &mut Option<Entry>,
        done: &mut u64,
        progress: Progress<'_>,
    ) -> Result<Received> {
        let from = wanted.at;
        let (client, key) = self.client(from)?;
        let failed = |error| self.failed("cannot get the object", from, error);
        let options = GetOptions {
            range: (*done > 0).then_some(GetRange::Offset(*done)),
            if_match: known.as_ref().or(wanted.version).and_then(strong),
            ..GetOptions::default()
        };
        let result = match client.get_opts(&key, options).await {
            Ok(result) => result,
            // The client has tried again on its own before it gave up; the first request is not tried again here.
            Err(error) if *done == 0 => return Err(failed(error)),
            Err(error) => return Ok(Received::Part(making, failed(error))),
        };
        let found = entry(from.clone(), &result.meta);
        if known.get_or_insert_with(|| found.clone()).etag != found.etag {
            return Err(changed(from));
        }
        wanted.check(&found)?;
        progress(*done);
        let mut body = result.into_stream();
        loop {
            match body.try_next().await {
                Ok(Some(bytes)) => {
                    *done += bytes.len() as u64;
                    if *done > found.size {
                        return Ok(Received::Part(making, wrong_length(&found, *done)));
                    }
                    making = blocking(move || making.write(&bytes).map(|()| making)).await?;
                    progress(*done);
                }
                Ok(None) if *done == found.size => return Ok(Received::All(making, found)),
                Ok(None) => return Ok(Received::Part(making, wrong_length(&found, *done))),
                Err(error) => return Ok(Received::Part(making, failed(error))),
            }
        }
    }
}

/// What became of one request for a body.
enum Received {
    All(Making, Entry),
    Part(Making, Error),
}

/// What is asked for.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    at: &'a Location,
    /// No other version than this.
    version: Option<&'a Entry>,
    max_size: u64,
}

impl Wanted<'_> {
    /// Before anything of it is received.
    fn check(&self, found: &Entry) -> Result<()> {
        if self.version.is_some_and(|version| !is_same(version, found)) {
            return Err(changed(&found.location));
        }
        if found.size > self.max_size {
            let message = format!("expected at most {} bytes, found {}", self.max_size, found.size);
            return Err(Error::new(ErrorKind::ResourceExhausted, message)
                .with("uri", &found.location)
                .action(format!("raise the limit to {} bytes, or leave this file out", found.size)));
        }
        Ok(())
    }
}

/// Of servers that send no versions size and time have to do.
fn is_same(one: &Entry, other: &Entry) -> bool {
    let by_version = match (&one.etag, &other.etag) {
        (Some(one), Some(other)) => one == other,
        _ => one.modified.zip(other.modified).is_none_or(|(one, other)| one == other),
    };
    by_version && one.size == other.size
}

fn wrong_length(found: &Entry, done: u64) -> Error {
    let message = format!("expected {} bytes, found {done}", found.size);
    Error::new(ErrorKind::Unavailable, message).with("uri", &found.location)
}

/// The version to insist on; a weak one never matches.
pub(crate) fn strong(entry: &Entry) -> Option<String> {
    entry.etag.clone().filter(|etag| !etag.starts_with("W/"))
}

/// Copies a local file, chunk by chunk, so that it can be cancelled.
pub(crate) async fn copy_local(from: &Path, to: &Path, mode: PutMode, progress: Progress<'_>) -> Result<u64> {
    let (from, to) = (from.to_owned(), to.to_owned());
    let mut copying = blocking(move || Copying::begin(&from, &to)).await?;
    loop {
        let done;
        (copying, done) = blocking(move || copying.step().map(|done| (copying, done))).await?;
        match done {
            Some(done) => progress(done),
            None => return blocking(move || copying.end(mode)).await,
        }
    }
}

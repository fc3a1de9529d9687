//! From a local file to a store.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt};
use pinotage_common::{Error, Result};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinSet;

use crate::get::copy_local;
use crate::store::{Progress, blocking};
use crate::{Location, Store};

/// Files above this size go in parts of this size, several at a time.
const PART: u64 = 8 << 20;
/// S3 and Google allow no more parts for one object.
const MAX_PARTS: u64 = 10_000;

/// What becomes of an older file or object at the place of a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PutMode {
    /// It is replaced.
    #[default]
    Replace,
    /// It stays, and the operation fails with `already-exists`; of writers at the same time one wins. Object stores do
    /// this up to 8 MiB. After a broken connection the object that `already-exists` may be this one.
    Create,
}

impl Store {
    /// Brings a local file to a location and returns its size. The object appears in one atomic step. Files above 8 MiB
    /// go in parts, [`concurrency`](crate::StoreOptions::concurrency) of them at a time.
    ///
    /// # Errors
    ///
    /// `not-found` for the file or the bucket, `permission-denied`, `unavailable`, `already-exists`; `unsupported` for
    /// web servers, and for [`PutMode::Create`] above 8 MiB.
    pub async fn put(&self, from: &Path, to: &Location, mode: PutMode, progress: Progress<'_>) -> Result<u64> {
        if let Some(path) = to.local_path() {
            let _permit = self.transfer_permit().await?;
            return copy_local(from, path, mode, progress).await;
        }
        self.writable(to)?;
        let path = from.to_owned();
        let (file, size) = blocking(move || {
            let open = || File::open(&path).and_then(|file| file.metadata().map(|metadata| (file, metadata.len())));
            open().map_err(|error| Error::io(error, "cannot read the file", &path))
        })
        .await?;
        let source = Source { file: Arc::new(file), path: from.to_owned() };
        if size > PART && mode == PutMode::Create {
            // The condition belongs to the last request of an upload in parts, where the client cannot set it.
            return Err(Error::unsupported("expected at most 8 MiB for an object that must not exist yet")
                .with("uri", to)
                .with("bytes", size)
                .action("write the large object under a name of its own and create a small one that names it"));
        }
        if size > PART {
            self.put_parts(source, size, to, progress).await?;
        } else {
            let _permit = self.transfer_permit().await?;
            let bytes = source.read(0, size).await?;
            let (client, key) = self.client(to)?;
            let mode = match mode {
                PutMode::Replace => object_store::PutMode::Overwrite,
                PutMode::Create => object_store::PutMode::Create,
            };
            let put = client.put_opts(&key, bytes.into(), mode.into()).await;
            put.map_err(|error| self.failed("cannot put the object", to, error))?;
            progress(size);
        }
        Ok(size)
    }

    async fn put_parts(&self, source: Source, size: u64, to: &Location, progress: Progress<'_>) -> Result<()> {
        let failed = |error| self.failed("cannot put the object", to, error);
        let part = part_size(size);
        let (client, key) = self.client(to)?;
        let mut upload = Upload::new(client.put_multipart(&key).await.map_err(failed)?);
        // Dropped, it stops the parts under way.
        let mut parts = JoinSet::new();
        let mut offset = 0;
        let mut done = 0;
        loop {
            tokio::select! {
                // Parts are numbered in the order of these calls.
                permit = self.transfer_permit(), if offset < size => {
                    let permit = permit?;
                    let length = part.min(size - offset);
                    let bytes = match source.read(offset, length).await {
                        Ok(bytes) => bytes,
                        Err(error) => return Err(upload.abort(error).await),
                    };
                    let sent = upload.put_part(bytes);
                    parts.spawn(async move {
                        let sent = sent.await;
                        drop(permit);
                        sent.map(|()| length)
                    });
                    offset += length;
                }
                Some(sent) = parts.join_next() => {
                    let sent = sent.map_err(|error| Error::unexpected("a part did not end").caused_by(error));
                    match sent.and_then(|sent| sent.map_err(failed)) {
                        Ok(length) => {
                            done += length;
                            progress(done);
                        }
                        Err(error) => {
                            parts.shutdown().await;
                            return Err(upload.abort(error).await);
                        }
                    }
                }
                else => break,
            }
        }
        upload.complete().await.map_err(failed)
    }

    /// Waits until another transfer may start.
    pub(crate) async fn transfer_permit(&self) -> Result<OwnedSemaphorePermit> {
        let permit = self.transfers().clone().acquire_owned().await;
        permit.map_err(|error| Error::unexpected("the limit of transfers is gone").caused_by(error))
    }
}

/// The smallest whole number of MiB, 8 at least, that needs no more than the allowed parts.
fn part_size(size: u64) -> u64 {
    size.div_ceil(MAX_PARTS).next_multiple_of(1 << 20).max(PART)
}

/// The file that is sent.
struct Source {
    file: Arc<File>,
    path: std::path::PathBuf,
}

impl Source {
    async fn read(&self, offset: u64, length: u64) -> Result<Bytes> {
        let (file, path) = (self.file.clone(), self.path.clone());
        blocking(move || {
            let length = usize::try_from(length)
                .map_err(|error| Error::unexpected("a part is larger than the memory").caused_by(error))?;
            let mut bytes = vec![0; length];
            file.read_exact_at(&mut bytes, offset).map_err(|error| Error::io(error, "cannot read the file", &path))?;
            Ok(bytes.into())
        })
        .await
    }
}

/// An upload in parts that is aborted, in the background if it must be, unless it was completed.
struct Upload(Option<Box<dyn MultipartUpload>>);

impl Upload {
    fn new(upload: Box<dyn MultipartUpload>) -> Self {
        Self(Some(upload))
    }

    fn put_part(&mut self, bytes: Bytes) -> object_store::UploadPart {
        match &mut self.0 {
            Some(upload) => upload.put_part(bytes.into()),
            None => Box::pin(std::future::ready(Ok(()))),
        }
    }

    async fn complete(mut self) -> object_store::Result<()> {
        if let Some(upload) = &mut self.0 {
            upload.complete().await?;
        }
        self.0 = None;
        Ok(())
    }

    /// Removes the parts and hands the error on, which says more than a failure of the removal would.
    async fn abort(mut self, error: Error) -> Error {
        if let Some(mut upload) = self.0.take() {
            let _ = upload.abort().await;
        }
        error
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let (Some(mut upload), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(async move { upload.abort().await });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_never_too_many() {
        assert_eq!(part_size(PART + 1), PART);
        for size in [78_u64 << 30, (80 << 30) + 1, 1 << 40, 5 << 40] {
            assert!(size.div_ceil(part_size(size)) <= MAX_PARTS, "{size}");
        }
    }
}

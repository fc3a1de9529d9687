//! Parts of an object.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use object_store::path::Path as Key;
use object_store::{GetOptions, GetRange, ObjectStore};
use pinotage_common::{Error, ErrorKind, Result};

use crate::get::strong;
use crate::store::{blocking, entry};
use crate::{Entry, Location, Store, local};

/// A file or object of which parts are read; all of them of the version that was there when it was opened.
#[derive(Clone)]
pub struct ObjectReader {
    store: Store,
    entry: Entry,
    /// `None` for local files.
    client: Option<(Arc<dyn ObjectStore>, Key)>,
}

impl Store {
    /// Opens a file or object to read parts of it.
    ///
    /// # Errors
    ///
    /// As [`head`](Self::head).
    pub async fn open(&self, location: &Location) -> Result<ObjectReader> {
        let entry = self.head(location).await?;
        let client = if location.local_path().is_some() { None } else { Some(self.client(location)?) };
        Ok(ObjectReader { store: self.clone(), entry, client })
    }
}

impl ObjectReader {
    /// What was opened.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// The bytes of a range, which is held in memory as a whole.
    ///
    /// # Errors
    ///
    /// `invalid-config` for a range that is not within the object; `commit-conflict` when the object was replaced.
    pub async fn read(&self, range: Range<u64>) -> Result<Bytes> {
        let Entry { location, size, etag, .. } = &self.entry;
        let length = range.end.checked_sub(range.start).and_then(|length| usize::try_from(length).ok());
        let Some(length) = length.filter(|_| range.end <= *size) else {
            return Err(Error::invalid_config(format!("expected a range within {size} bytes, found {range:?}"))
                .with("uri", location));
        };
        if length == 0 {
            return Ok(Bytes::new());
        }
        let Some((client, key)) = &self.client else {
            let expected = self.entry.clone();
            return blocking(move || {
                if local::head(&expected.location)?.as_ref() != Some(&expected) {
                    return Err(changed(&expected.location));
                }
                local::read(expected.location.key().as_ref(), range.start, length)
            })
            .await;
        };
        let _permit = self.store.transfer_permit().await?;
        let failed = |error| self.store.failed("cannot read the object", location, error);
        let options = GetOptions {
            range: Some(GetRange::Bounded(range)),
            if_match: strong(&self.entry),
            ..GetOptions::default()
        };
        let result = client.get_opts(key, options).await.map_err(failed)?;
        if entry(location.clone(), &result.meta).etag != *etag {
            return Err(changed(location));
        }
        let bytes = result.bytes().await.map_err(failed)?;
        if bytes.len() != length {
            return Err(Error::new(ErrorKind::Unavailable, "the store sent another range than it was asked for")
                .with("uri", location));
        }
        Ok(bytes)
    }
}

impl std::fmt::Debug for ObjectReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ObjectReader").field(&self.entry).finish()
    }
}

pub(crate) fn changed(location: &Location) -> Error {
    Error::new(ErrorKind::CommitConflict, "the file was changed while it was read")
        .with("uri", location)
        .action("find out what writes there, then run the job again")
}

//! Archives to where the cluster finds them.

use std::path::Path;

use pinotage_common::{Error, ErrorKind, Result};
use pinotage_store::{Location, PutMode, Store, quiet};

use super::PushOptions;
use super::form::{check_uri, pinot_uri};

/// What ends a gzip file: the CRC-32 and the length of everything that was compressed.
const TRAILER: u64 = 8;

/// The folder for archives, as it is written here and as it is read there.
pub(super) struct DeepStore {
    store: Store,
    folder: Location,
    download_folder: String,
    table: String,
}

impl DeepStore {
    /// Nothing without a folder.
    pub(super) fn new(options: &PushOptions, table: String) -> Result<Option<Self>> {
        let Some(folder) = options.folder()? else { return Ok(None) };
        let download_folder = options.download_folder(&folder)?;
        check_uri(options.form, &download_folder)?;
        Ok(Some(Self { store: Store::new(options.store.clone())?, folder, download_folder, table }))
    }

    /// Puts an archive there, unless an earlier call did, and returns its URI for the cluster.
    pub(super) async fn put(&self, segment: &str, archive: &Path) -> Result<String> {
        let to = self.folder.join(&format!("{}/{segment}.tar.gz", self.table))?;
        if !self.holds(&to, archive).await? {
            self.store.put(archive, &to, PutMode::Replace, &quiet).await?;
        }
        let uri = pinot_uri(&to);
        let below = uri.strip_prefix(pinot_uri(&self.folder).trim_end_matches('/')).unwrap_or_default();
        Ok(format!("{}{below}", self.download_folder))
    }

    /// Whether these very bytes are there. The length alone would say so of other rows in the same layout, and stores have
    /// no checksum in common; an archive brings its own.
    async fn holds(&self, to: &Location, archive: &Path) -> Result<bool> {
        let path =
            std::fs::canonicalize(archive).map_err(|error| Error::io(error, "cannot find the archive", archive))?;
        let wanted = self.end(&Location::local(&path)?).await?;
        match self.end(to).await {
            Ok(found) => Ok(found == wanted),
            // Some stores may be written and not read, and somebody else may write at this moment.
            Err(error) => match error.kind() {
                ErrorKind::NotFound | ErrorKind::PermissionDenied | ErrorKind::CommitConflict => Ok(false),
                _ => Err(error),
            },
        }
    }

    /// Length and last bytes.
    async fn end(&self, at: &Location) -> Result<(u64, Vec<u8>)> {
        let reader = self.store.open(at).await?;
        let size = reader.entry().size;
        Ok((size, reader.read(size.saturating_sub(TRAILER)..size).await?.into()))
    }
}

//! A segment that is to go into a cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use pinotage_common::{Error, Result};
use pinotage_segment::read::SegmentDocuments;
use pinotage_store::{Entry, Store, quiet};
use tempfile::TempDir;

/// A segment's archive in an object store.
#[derive(Debug, Clone)]
pub struct StoredArchive {
    /// The store.
    pub store: Store,
    /// The object; another version of it is not pushed.
    pub entry: Entry,
}

impl StoredArchive {
    /// Brings the archive to a temporary folder, which goes with the second value.
    ///
    /// # Errors
    ///
    /// Those of [`Store::get_version`].
    pub async fn fetch(&self) -> Result<(PathBuf, TempDir)> {
        let failed = |error| Error::io(error, "cannot make a temporary folder", std::env::temp_dir());
        let folder = tempfile::Builder::new().prefix("pinotage-").tempdir().map_err(failed)?;
        let path = folder.path().join(self.entry.location.name());
        self.store.get_version(&self.entry, &path, &quiet).await?;
        Ok((path, folder))
    }
}

/// A segment on this machine, or its archive in a store, that is to go into a cluster.
#[derive(Debug, Clone)]
pub struct LocalSegment {
    /// Its name.
    pub name: String,
    /// Its checksum.
    pub crc: u64,
    /// Its rows.
    pub num_docs: u64,
    /// Its folder or its `tar.gz`; its name alone when it is `stored`.
    pub path: PathBuf,
    /// Its archive in an object store. A push that sends archives, or needs what is in them, gets a copy for as long as that
    /// takes.
    pub stored: Option<StoredArchive>,
    /// The partitions that occur in it, by column, where its table is partitioned.
    pub partitions: BTreeMap<String, BTreeSet<u32>>,
    /// What the cluster is to remember with it.
    pub custom: BTreeMap<String, String>,
    /// The URI under which controllers and servers find its archive already; then [forms](crate::publish::Form) that need
    /// one put none.
    pub archive_uri: Option<String>,
}

impl LocalSegment {
    /// Reads what a segment's folder or archive says about itself.
    ///
    /// # Errors
    ///
    /// `not-found` when there is none; `corrupt-segment` when it makes no sense.
    pub fn open(path: &Path) -> Result<Self> {
        let SegmentDocuments { metadata, creation, .. } = SegmentDocuments::read(path)?;
        let partitions = metadata.columns.into_iter().filter_map(|(name, column)| {
            column.partition.map(|partition| (name, partition.partitions.into_iter().collect()))
        });
        Ok(Self {
            name: metadata.name,
            crc: creation.crc,
            num_docs: metadata.num_docs.into(),
            path: path.to_owned(),
            partitions: partitions.collect(),
            custom: BTreeMap::new(),
            archive_uri: None,
            stored: None,
        })
    }

    /// Reads what an archive in a store says about itself.
    ///
    /// # Errors
    ///
    /// Those of [`StoredArchive::fetch`] and [`LocalSegment::open`], with the URI.
    pub async fn open_stored(stored: StoredArchive) -> Result<Self> {
        let (path, _copy) = stored.fetch().await?;
        let opened = Self::open(&path).map_err(|error| error.with("uri", &stored.entry.location))?;
        Ok(Self { path: PathBuf::from(stored.entry.location.name()), stored: Some(stored), ..opened })
    }
}

//! A segment on this machine that is to go into a cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use pinotage_common::Result;
use pinotage_segment::read::SegmentDocuments;

/// A segment on this machine that is to go into a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalSegment {
    /// Its name.
    pub name: String,
    /// Its checksum.
    pub crc: u64,
    /// Its rows.
    pub num_docs: u64,
    /// Its folder or its `tar.gz`.
    pub path: PathBuf,
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
        })
    }
}

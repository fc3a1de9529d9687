//! What a segment says about itself, without its columns.

use std::path::Path;

use pinotage_common::{Error, Result};

use super::{CreationMeta, OpenOptions, archive, directory};
use crate::constants::{CREATION_META_FILE, METADATA_FILE};
use crate::metadata::SegmentMetadata;

/// The two files of a segment that describe it, read and as they are. Clusters that fetch segments themselves are told
/// about them by these files alone.
#[derive(Debug, Clone, PartialEq)]
pub struct SegmentDocuments {
    /// What `metadata.properties` says.
    pub metadata: SegmentMetadata,
    /// What `creation.meta` says.
    pub creation: CreationMeta,
    /// The bytes of `metadata.properties`.
    pub metadata_properties: Vec<u8>,
    /// The bytes of `creation.meta`.
    pub creation_meta: Vec<u8>,
}

impl SegmentDocuments {
    /// Reads them from a segment's folder or its archive; an archive is read through and not unpacked.
    ///
    /// # Errors
    ///
    /// `not-found` when there is no segment; `corrupt-segment` when a file is missing or makes no sense.
    pub fn read(path: &Path) -> Result<Self> {
        Self::read_inner(path).map_err(|error| error.with("segment", path.display()))
    }

    fn read_inner(path: &Path) -> Result<Self> {
        let kind = std::fs::metadata(path).map_err(|error| Error::io(error, "cannot open the segment", path))?;
        let [properties, creation] = if kind.is_file() {
            archive::documents(path, OpenOptions::default().max_unpacked_bytes)?
        } else {
            let files = directory::files_folder(path)?;
            let creation = files.join(CREATION_META_FILE);
            let creation = if creation.exists() { Some(directory::read_small(&creation)?) } else { None };
            [Some(directory::read_small(&files.join(METADATA_FILE))?), creation]
        };
        let missing = |file: &str| Error::corrupt(format!("expected a segment, found no `{file}`"));
        let metadata_properties = properties.ok_or_else(|| missing(METADATA_FILE))?;
        let creation_meta = creation.ok_or_else(|| missing(CREATION_META_FILE))?;
        Ok(Self {
            metadata: SegmentMetadata::parse(&metadata_properties)?,
            creation: CreationMeta::parse(&creation_meta)?,
            metadata_properties,
            creation_meta,
        })
    }
}

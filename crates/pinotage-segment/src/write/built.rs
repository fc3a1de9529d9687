//! A finished segment: its files' bytes and checksums.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use pinotage_common::{ArchiveLevel, Error, Result};
use pinotage_spec::java::compare_utf16;
use simd_adler32::Adler32;

use super::archive;
use super::layout::Payload;
use crate::constants::{COLUMNS_FILE, CREATION_META_FILE, ENTRY_MAGIC, INDEX_MAP_FILE, METADATA_FILE, V3_FOLDER};
use crate::metadata::SegmentMetadata;
use crate::properties;
pub use crate::staged::PayloadBytes;
use crate::star_tree::{self, StarTreeFiles};

/// The payload of one index in a finished segment.
#[derive(Debug)]
pub struct SegmentEntry {
    /// The column's name.
    pub column: String,
    /// The index id in `index_map`.
    pub index: &'static str,
    /// The payload, without magic.
    pub bytes: PayloadBytes,
}

/// A finished segment, to be written as a folder or an archive.
#[derive(Debug)]
pub struct BuiltSegment {
    metadata: SegmentMetadata,
    entries: Vec<SegmentEntry>,
    index_map: String,
    properties: String,
    star_trees: Option<StarTreeFiles>,
    crc: u32,
    creation_meta: [u8; 24],
}

impl BuiltSegment {
    pub(super) fn new(
        metadata: SegmentMetadata,
        mut columns: Vec<(String, Vec<Payload>)>,
        star_trees: Option<StarTreeFiles>,
        creation_time_millis: i64,
    ) -> Self {
        columns.sort_by(|(a, _), (b, _)| compare_utf16(a.as_bytes(), b.as_bytes()));
        let data_crc = data_crc(&columns);
        let entries: Vec<SegmentEntry> = columns
            .into_iter()
            .flat_map(|(column, payloads)| {
                payloads.into_iter().map(move |payload| SegmentEntry {
                    column: column.clone(),
                    index: payload.index,
                    bytes: payload.bytes,
                })
            })
            .collect();
        let mut index_map = String::new();
        let mut offset = 0;
        let mut crc = Adler32::new();
        for entry in &entries {
            let size = ENTRY_MAGIC.len() + entry.bytes.len();
            let key = format!("{}.{}", entry.column, entry.index);
            properties::write_line(&format!("{key}.startOffset"), &offset.to_string(), &mut index_map);
            properties::write_line(&format!("{key}.size"), &size.to_string(), &mut index_map);
            offset += size;
            crc.write(&ENTRY_MAGIC);
            crc.write(&entry.bytes);
        }
        let properties = metadata.to_properties();
        crc.write(index_map.as_bytes());
        crc.write(properties.as_bytes());
        if let Some(star_trees) = &star_trees {
            star_trees.index.iter().for_each(|part| crc.write(part));
            crc.write(star_trees.map.as_bytes());
        }
        let crc = crc.finish();
        let mut creation_meta = [0; 24];
        creation_meta[..8].copy_from_slice(&u64::from(crc).to_be_bytes());
        creation_meta[8..16].copy_from_slice(&creation_time_millis.to_be_bytes());
        creation_meta[16..].copy_from_slice(&u64::from(data_crc).to_be_bytes());
        Self { metadata, entries, index_map, properties, star_trees, crc, creation_meta }
    }

    /// The segment's name.
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    /// The checksum that Pinot compares copies of a segment by: Adler-32 over its files (`CrcUtils`).
    pub fn crc(&self) -> u64 {
        u64::from(self.crc)
    }

    /// The rows.
    pub fn num_docs(&self) -> u32 {
        self.metadata.num_docs
    }

    /// What `metadata.properties` says.
    pub fn metadata(&self) -> &SegmentMetadata {
        &self.metadata
    }

    /// The indexes in the order of `columns.psf`.
    pub fn entries(&self) -> &[SegmentEntry] {
        &self.entries
    }

    /// Bytes of all files together.
    pub fn len_bytes(&self) -> u64 {
        self.files().iter().flat_map(|(_, parts)| parts).map(|part| part.len() as u64).sum()
    }

    /// Writes the folder `parent/<name>` and returns its path. A folder of that name is replaced.
    ///
    /// The files are written under a temporary name, synced and renamed: after a crash there is the old folder, the
    /// new one or none, never half of one.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    pub fn write_dir(&self, parent: &Path) -> Result<PathBuf> {
        let target = parent.join(self.name());
        let temporary = temporary_path(parent, self.name());
        let folder = temporary.join(V3_FOLDER);
        let _ = fs::remove_dir_all(&temporary);
        fs::create_dir_all(&folder).map_err(|error| Error::io(error, "cannot create the segment's folder", &folder))?;
        for (name, parts) in self.files() {
            let path = folder.join(name);
            let failed = |error| Error::io(error, "cannot write the segment", &path);
            let mut file = BufWriter::with_capacity(1 << 20, File::create(&path).map_err(failed)?);
            parts.iter().try_for_each(|part| file.write_all(part)).map_err(failed)?;
            file.into_inner().map_err(|error| failed(error.into_error()))?.sync_all().map_err(failed)?;
        }
        sync_folder(&folder)?;
        let old = parent.join(format!(".{}.old", self.name()));
        let _ = fs::remove_dir_all(&old);
        if target.exists() {
            fs::rename(&target, &old).map_err(|error| Error::io(error, "cannot replace the segment", &target))?;
        }
        fs::rename(&temporary, &target)
            .map_err(|error| Error::io(error, "cannot put the segment in place", &target))?;
        sync_folder(parent)?;
        let _ = fs::remove_dir_all(&old);
        Ok(target)
    }

    /// Writes the archive `parent/<name>.tar.gz`, as it is uploaded, and returns its path. A file of that name is
    /// replaced in one step.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    pub fn write_tar_gz(&self, parent: &Path, level: ArchiveLevel) -> Result<PathBuf> {
        let target = parent.join(format!("{}.tar.gz", self.name()));
        let temporary = temporary_path(parent, self.name());
        let failed = |error| Error::io(error, "cannot write the segment's archive", &temporary);
        fs::create_dir_all(parent).map_err(|error| Error::io(error, "cannot create the folder", parent))?;
        let file = File::create(&temporary).map_err(failed)?;
        archive::write(self, level, &file).and_then(|()| file.sync_all()).map_err(failed)?;
        fs::rename(&temporary, &target)
            .map_err(|error| Error::io(error, "cannot put the archive in place", &target))?;
        sync_folder(parent)?;
        Ok(target)
    }

    /// The files below `v3/`: name and bytes, in parts that follow each other.
    pub(super) fn files(&self) -> Vec<(&'static str, Vec<&[u8]>)> {
        let columns = self.entries.iter().flat_map(|entry| [ENTRY_MAGIC.as_slice(), &entry.bytes]).collect();
        let mut files = vec![
            (COLUMNS_FILE, columns),
            (INDEX_MAP_FILE, vec![self.index_map.as_bytes()]),
            (METADATA_FILE, vec![self.properties.as_bytes()]),
            (CREATION_META_FILE, vec![&self.creation_meta]),
        ];
        if let Some(star_trees) = &self.star_trees {
            files.push((star_tree::INDEX_FILE, star_trees.index.iter().map(Vec::as_slice).collect()));
            files.push((star_tree::MAP_FILE, vec![star_trees.map.as_bytes()]));
        }
        files
    }
}

/// Adler-32 over dictionaries and forward indexes in the order of their v1 file names.
fn data_crc(columns: &[(String, Vec<Payload>)]) -> u32 {
    let mut files: Vec<(String, &[u8])> = columns
        .iter()
        .flat_map(|(column, payloads)| {
            payloads.iter().map(move |payload| (format!("{column}{}", payload.v1_suffix), &*payload.bytes))
        })
        .filter(|(name, _)| name.ends_with(".dict") || name.ends_with(".fwd"))
        .collect();
    files.sort_by(|(a, _), (b, _)| compare_utf16(a.as_bytes(), b.as_bytes()));
    let mut crc = Adler32::new();
    files.iter().for_each(|(_, bytes)| crc.write(bytes));
    crc.finish()
}

/// Hidden, so that nothing takes it for a segment, and of this process, so that two runs never share it.
fn temporary_path(parent: &Path, name: &str) -> PathBuf {
    parent.join(format!(".{name}.tmp{}", std::process::id()))
}

/// Makes renames in a folder survive a power failure.
fn sync_folder(folder: &Path) -> Result<()> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| Error::io(error, "cannot sync the folder", folder))
}

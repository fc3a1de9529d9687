//! A segment to record batches.
//!
//! [`Segment::open`] maps the files and reads the metadata; nothing else is touched until a column is asked for.
//! [`Segment::scan`] gives batches of the canonical Arrow types, only of the columns and rows that are wanted.
//! [`Segment::verify`] reads everything and compares it with what the metadata promises. No length in a file is
//! trusted: a damaged segment is a `corrupt-segment` error that names file, column and place.

mod archive;
pub(crate) mod array;
mod bloom;
mod column;
mod compare;
mod diff;
mod directory;
mod documents;
mod inverted;
mod json;
mod null_vector;
mod predicate;
mod range;
mod scan;
mod short_texts;
mod verify;

use std::path::{Path, PathBuf};

use arrow::datatypes::{Field, Schema as ArrowSchema};
use pinotage_common::{Error, Result};
use pinotage_spec::{FieldSpec, arrow_field, is_hidden};
use tempfile::TempDir;

use crate::constants::{CREATION_META_FILE, METADATA_FILE};
use crate::metadata::{ColumnMetadata, SegmentMetadata};
use crate::star_tree::{self, StarTrees};
use directory::Directory;
pub(crate) use directory::read_small;

pub use diff::SegmentDifference;
pub use documents::SegmentDocuments;
pub use scan::{DOC_ID, ScanOptions, SegmentScan};
pub use verify::{Finding, Severity};

/// An open segment.
///
/// # Pinot equivalent
///
/// `ImmutableSegment`, opened by `ImmutableSegmentLoader` without changing a file
#[derive(Debug)]
pub struct Segment {
    path: PathBuf,
    /// The folder that holds the files.
    files: PathBuf,
    directory: Directory,
    metadata: SegmentMetadata,
    creation: Option<CreationMeta>,
    /// Where an archive was unpacked; removed with the segment.
    _unpacked: Option<TempDir>,
}

/// What `creation.meta` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CreationMeta {
    /// The checksum by which Pinot tells copies of a segment apart.
    pub crc: u64,
    /// When the segment was made, in milliseconds since the epoch.
    pub creation_time_millis: i64,
    /// The checksum of dictionaries and forward indexes alone, from Pinot 1.5 on.
    pub data_crc: Option<u64>,
}

/// Where one index of a column lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexEntry {
    /// The index id: `dictionary`, `forward_index`, `inverted_index` and so on.
    pub id: String,
    /// The first byte of the payload in its file.
    pub offset: u64,
    /// Bytes of the payload.
    pub len_bytes: u64,
}

/// How a segment is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenOptions {
    /// An archive that unpacks to more bytes is refused; a small file can claim to hold a full disk. Default 64 GiB.
    pub max_unpacked_bytes: u64,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self { max_unpacked_bytes: 64 << 30 }
    }
}

impl Segment {
    /// Opens a segment's folder (version 3 or 1) or its archive (`.tar.gz`, `.tar.zst`, `.tar.lz4`; the bytes tell
    /// which). An archive is unpacked to a temporary folder that lives as long as the segment.
    ///
    /// # Errors
    ///
    /// `not-found` when there is no segment; `corrupt-segment` when its metadata or index map cannot be right;
    /// `resource-exhausted` for an archive beyond the limit of [`OpenOptions`].
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_with(path, &OpenOptions::default())
    }

    /// As [`Segment::open`], with other limits.
    ///
    /// # Errors
    ///
    /// As [`Segment::open`].
    pub fn open_with(path: &Path, options: &OpenOptions) -> Result<Self> {
        Self::open_inner(path, options).map_err(|error| error.with("segment", path.display()))
    }

    /// Unpacks an archive into a folder, which has to exist, and returns where its segment is there.
    ///
    /// # Errors
    ///
    /// As [`Segment::open_with`], and those of writing.
    pub fn unpack(archive: &Path, folder: &Path, options: &OpenOptions) -> Result<PathBuf> {
        archive::unpack_into(archive, folder, options.max_unpacked_bytes)
            .and_then(|()| archive::segment_folder(folder))
            .map_err(|error| error.with("segment", archive.display()))
    }

    fn open_inner(path: &Path, options: &OpenOptions) -> Result<Self> {
        let kind = std::fs::metadata(path).map_err(|error| Error::io(error, "cannot open the segment", path))?;
        let unpacked = if kind.is_file() { Some(archive::unpack(path, options.max_unpacked_bytes)?) } else { None };
        let folder = match &unpacked {
            Some(unpacked) => archive::segment_folder(unpacked.path())?,
            None => path.to_owned(),
        };
        let files = directory::files_folder(&folder)?;
        let text = directory::read_small(&files.join(METADATA_FILE))?;
        let metadata = SegmentMetadata::parse(&text)?;
        let creation = match files.join(CREATION_META_FILE) {
            path if path.exists() => Some(CreationMeta::parse(&directory::read_small(&path)?)?),
            _ => None,
        };
        let directory = Directory::open(&files, &metadata)?;
        Ok(Self { path: path.to_owned(), files, directory, metadata, creation, _unpacked: unpacked })
    }

    /// The path that was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What `metadata.properties` says.
    pub fn metadata(&self) -> &SegmentMetadata {
        &self.metadata
    }

    /// What `creation.meta` says; absent in segments of very old writers.
    pub fn creation(&self) -> Option<CreationMeta> {
        self.creation
    }

    /// The names of the columns, sorted.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.metadata.columns.keys().map(String::as_str)
    }

    /// The names of the columns that Pinot shows, sorted: all but those of timestamp indexes, which are read when they are asked for.
    pub fn visible_columns(&self) -> impl Iterator<Item = &str> {
        self.columns().filter(|name| !is_hidden(name))
    }

    /// The indexes of a column, by id.
    pub fn indexes(&self, column: &str) -> Vec<IndexEntry> {
        self.directory.indexes(column)
    }

    /// The segment's star-trees; `None` when it has none.
    ///
    /// # Errors
    ///
    /// `corrupt-segment` when the files are not there or cannot be those of star-trees.
    pub fn star_trees(&self) -> Result<Option<StarTrees<'_>>> {
        StarTrees::open(&self.files, &self.metadata)
    }

    /// A column's payloads, for its star-trees.
    fn star_tree_column(&self, name: &str) -> Result<star_tree::Column<'_>> {
        let metadata = self.column_metadata(name)?;
        let forward = self.directory.entry(name, "forward_index");
        Ok(star_tree::Column {
            metadata,
            dictionary: self.directory.entry(name, "dictionary"),
            forward: forward.ok_or_else(|| Error::corrupt("the column has no forward index").with("column", name))?,
            num_docs: self.metadata.num_docs as usize,
        })
    }

    /// Bytes of all files.
    pub fn len_bytes(&self) -> u64 {
        self.directory.len_bytes()
    }

    /// The canonical Arrow schema of the visible columns, sorted by name; with `nulls`, columns with a null vector are nullable.
    pub fn arrow_schema(&self, nulls: bool) -> ArrowSchema {
        ArrowSchema::new(self.visible_columns().filter_map(|name| self.arrow_field(name, nulls)).collect::<Vec<_>>())
    }

    fn arrow_field(&self, name: &str, nulls: bool) -> Option<Field> {
        let column = self.metadata.columns.get(name)?;
        let mut field = FieldSpec::new(name, column.data_type, column.field_type);
        field.single_value = column.single_value;
        Some(arrow_field(&field, nulls && self.has_null_vector(name)))
    }

    /// Some rows of a column may be null.
    pub fn has_null_vector(&self, column: &str) -> bool {
        self.directory.entry(column, "nullvalue_vector").is_some()
    }

    fn column_metadata(&self, name: &str) -> Result<&ColumnMetadata> {
        self.metadata.columns.get(name).ok_or_else(|| {
            Error::schema_mismatch("the segment has no such column")
                .with("column", name)
                .action(format!("use one of its columns: {}", self.columns().collect::<Vec<_>>().join(", ")))
        })
    }

    /// Adds column, index, file and the payload's offset to an error, as far as it does not name them.
    fn locate(&self, mut error: Error, column: &str, index: &'static str) -> Error {
        let has = |error: &Error, key: &str| error.context().iter().any(|(known, _)| *known == key);
        if has(&error, "file") {
            return error;
        }
        for (key, value) in [("column", column), ("index", index)] {
            if !has(&error, key) {
                error = error.with(key, value);
            }
        }
        match self.directory.place(column, index) {
            Some((file, offset)) => error.with("file", file).with("offset", offset),
            None => error,
        }
    }

    /// Reads rows of some columns, in the order of the segment's docs.
    ///
    /// # Errors
    ///
    /// `schema-mismatch` for a column that the segment does not have; `invalid-config` for a literal of another type
    /// than its column; `corrupt-segment` for damaged indexes, which may come with any batch.
    pub fn scan(&self, options: ScanOptions) -> Result<SegmentScan<'_>> {
        SegmentScan::try_new(self, options)
    }

    /// Reads every byte and says what is not as the metadata promises; nothing found means an intact segment.
    ///
    /// # Errors
    ///
    /// None for damage, which is a finding; only those of the system.
    pub fn verify(&self) -> Result<Vec<Finding>> {
        verify::verify(self)
    }
}

impl CreationMeta {
    fn parse(bytes: &[u8]) -> Result<Self> {
        let word = |at: usize| -> Option<u64> { Some(u64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?)) };
        let (crc, time) = word(0).zip(word(8)).ok_or_else(|| {
            Error::corrupt(format!("expected at least 16 bytes, found {}", bytes.len()))
                .with("file", CREATION_META_FILE)
        })?;
        Ok(Self { crc, creation_time_millis: time as i64, data_crc: word(16) })
    }
}

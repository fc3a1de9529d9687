//! The files of a segment: which index lies where.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use pinotage_common::{Error, Result};

use super::IndexEntry;
use super::map::Mapped;
use crate::constants::{COLUMNS_FILE, ENTRY_MAGIC, INDEX_MAP_FILE, METADATA_FILE, V3_FOLDER};
use crate::metadata::SegmentMetadata;
use crate::properties::Properties;

/// Metadata and index map larger than this are refused; real ones have some kilobytes.
pub(super) const MAX_TEXT: u64 = 256 << 20;

/// v1 file endings and the index ids that they have in v3.
const V1_FILES: [(&str, &str); 12] = [
    (".dict", "dictionary"),
    (".sv.sorted.fwd", "forward_index"),
    (".sv.unsorted.fwd", "forward_index"),
    (".mv.fwd", "forward_index"),
    (".sv.raw.fwd", "forward_index"),
    (".mv.raw.fwd", "forward_index"),
    (".bitmap.inv", "inverted_index"),
    (".bitmap.nullvalue", "nullvalue_vector"),
    (".bitmap.range", "range_index"),
    (".bloom", "bloom_filter"),
    (".json.idx", "json_index"),
    (".h3.idx", "h3_index"),
];

/// The mapped files of a segment.
#[derive(Debug)]
pub(super) struct Directory {
    /// With the name of the file.
    maps: Vec<(String, Mapped)>,
    /// By column and index id.
    places: BTreeMap<(String, String), Place>,
    len_bytes: u64,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    map: usize,
    offset: usize,
    len: usize,
}

/// The folder that holds `metadata.properties`: `v3` below the segment, or the segment itself.
pub(super) fn files_folder(segment: &Path) -> Result<PathBuf> {
    [segment.join(V3_FOLDER), segment.to_owned()]
        .into_iter()
        .find(|folder| folder.join(METADATA_FILE).is_file())
        .ok_or_else(|| {
            Error::not_found(format!("expected a segment, found no `{METADATA_FILE}`"))
                .with("folder", segment.display())
                .action("name the folder of one segment, the one that holds `v3`, or its archive")
        })
}

/// Reads a text file of a segment, within a limit.
pub(crate) fn read_small(path: &Path) -> Result<Vec<u8>> {
    let failed = |error| Error::io(error, "cannot read the file", path);
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(MAX_TEXT + 1).read_to_end(&mut bytes)).map_err(failed)?;
    if bytes.len() as u64 > MAX_TEXT {
        return Err(Error::corrupt(format!("expected at most {MAX_TEXT} bytes")).with("file", path.display()));
    }
    Ok(bytes)
}

impl Directory {
    pub(super) fn open(folder: &Path, metadata: &SegmentMetadata) -> Result<Self> {
        let mut directory = Self { maps: Vec::new(), places: BTreeMap::new(), len_bytes: 0 };
        let entries = fs::read_dir(folder).map_err(|error| Error::io(error, "cannot list the segment", folder))?;
        for entry in entries {
            let file = entry
                .and_then(|entry| entry.metadata())
                .map_err(|error| Error::io(error, "cannot list the segment", folder))?;
            directory.len_bytes += if file.is_file() { file.len() } else { 0 };
        }
        let packed = folder.join(COLUMNS_FILE);
        if packed.is_file() {
            directory.open_packed(&packed, &folder.join(INDEX_MAP_FILE))?;
        } else {
            directory.open_loose(folder, metadata)?;
        }
        Ok(directory)
    }

    /// Version 3: one file and a map of it.
    fn open_packed(&mut self, packed: &Path, index_map: &Path) -> Result<()> {
        let map = Mapped::open(packed)?;
        let text = if index_map.is_file() { read_small(index_map)? } else { Vec::new() };
        let properties = Properties::parse(&text);
        // Sorted, so that of several defects always the same is named. An entry has two lines, and is read by either.
        let entries: BTreeSet<&str> = properties
            .keys()
            .filter_map(|key| key.strip_suffix(".startOffset").or_else(|| key.strip_suffix(".size")))
            .collect();
        for entry in entries {
            let bad = |what: String| Error::corrupt(what).with("file", INDEX_MAP_FILE).with("entry", entry);
            let number = |key: &str| properties.get(key).and_then(|text| text.parse::<usize>().ok());
            let (column, index) = entry.rsplit_once('.').ok_or_else(|| bad("expected `column.index`".into()))?;
            let (offset, size) = number(&format!("{entry}.startOffset"))
                .zip(number(&format!("{entry}.size")))
                .ok_or_else(|| bad("expected a start offset and a size".into()))?;
            // Pinot writes size 0 for a buffer that lies elsewhere.
            if size == 0 {
                continue;
            }
            let bytes = offset.checked_add(size).and_then(|end| map.bytes().get(offset..end)).ok_or_else(|| {
                bad(format!("expected {size} bytes at {offset} in `{COLUMNS_FILE}`, which has {}", map.bytes().len()))
            })?;
            if !bytes.starts_with(&ENTRY_MAGIC) {
                return Err(Error::corrupt("expected the magic number before an index")
                    .with("file", COLUMNS_FILE)
                    .with("column", column)
                    .with("index", index)
                    .with("offset", offset));
            }
            let place = Place { map: 0, offset: offset + ENTRY_MAGIC.len(), len: size - ENTRY_MAGIC.len() };
            self.places.insert((column.to_owned(), index.to_owned()), place);
        }
        self.maps.push((COLUMNS_FILE.to_owned(), map));
        Ok(())
    }

    /// Version 1: a file for each index.
    fn open_loose(&mut self, folder: &Path, metadata: &SegmentMetadata) -> Result<()> {
        for column in metadata.columns.keys().filter(|column| !column.contains(['/', '\\'])) {
            for (ending, index) in V1_FILES {
                let file = format!("{column}{ending}");
                let path = folder.join(&file);
                if path.is_file() {
                    let map = Mapped::open(&path)?;
                    let place = Place { map: self.maps.len(), offset: 0, len: map.bytes().len() };
                    self.maps.push((file, map));
                    self.places.insert((column.clone(), index.to_owned()), place);
                }
            }
        }
        Ok(())
    }

    /// The payload of an index.
    pub(super) fn entry(&self, column: &str, index: &str) -> Option<&[u8]> {
        let place = self.places.get(&(column.to_owned(), index.to_owned()))?;
        self.maps.get(place.map)?.1.bytes().get(place.offset..place.offset + place.len)
    }

    /// The file of an index and where its payload begins there.
    pub(super) fn place(&self, column: &str, index: &str) -> Option<(&str, usize)> {
        let place = self.places.get(&(column.to_owned(), index.to_owned()))?;
        Some((&self.maps.get(place.map)?.0, place.offset))
    }

    pub(super) fn indexes(&self, column: &str) -> Vec<IndexEntry> {
        self.places
            .iter()
            .filter(|((name, _), _)| name == column)
            .map(|((_, index), place)| IndexEntry {
                id: index.clone(),
                offset: place.offset as u64,
                len_bytes: place.len as u64,
            })
            .collect()
    }

    pub(super) fn len_bytes(&self) -> u64 {
        self.len_bytes
    }
}

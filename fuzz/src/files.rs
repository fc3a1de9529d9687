//! The files of a small segment as one input, and the way back to a folder.

use std::fs;
use std::io;
use std::path::Path;

/// Set for a folder of version 1, a file for each index.
pub(crate) const LOOSE: u8 = 1;
/// Set for a segment without `creation.meta`, so without checksum.
pub(crate) const NO_CREATION: u8 = 2;

/// The bytes before each payload of `columns.psf`.
const MAGIC: usize = 8;

/// Index ids and the endings of their files in version 1. A reader takes all endings of a forward index alike.
const ENDINGS: [(&str, &str); 7] = [
    ("dictionary", ".dict"),
    ("forward_index", ".sv.unsorted.fwd"),
    ("inverted_index", ".bitmap.inv"),
    ("nullvalue_vector", ".bitmap.nullvalue"),
    ("range_index", ".bitmap.range"),
    ("bloom_filter", ".bloom"),
    ("json_index", ".json.idx"),
];

/// A segment in version 3, to be written in any form.
#[derive(Debug, Clone, Default)]
pub(crate) struct Files {
    pub(crate) form: u8,
    /// `metadata.properties`, `index_map`, `creation.meta`, `columns.psf`
    pub(crate) parts: [Vec<u8>; 4],
}

pub(crate) const NAMES: [&str; 4] = ["metadata.properties", "index_map", "creation.meta", "columns.psf"];

impl Files {
    /// Reads the folder `v3` of a segment.
    pub(crate) fn read(v3: &Path) -> Self {
        Self { form: 0, parts: NAMES.map(|name| fs::read(v3.join(name)).unwrap_or_default()) }
    }

    /// Any bytes are files: the form, three lengths, the four files. A length that is too large takes what there is.
    pub(crate) fn parse(input: &[u8]) -> Self {
        let (form, mut rest) = input.split_first().map_or((0, input), |(form, rest)| (*form, rest));
        let mut lengths = [0; 3];
        for length in &mut lengths {
            if let Some((word, later)) = rest.split_first_chunk() {
                (*length, rest) = (u32::from_le_bytes(*word) as usize, later);
            }
        }
        let mut parts = <[Vec<u8>; 4]>::default();
        for (at, part) in parts.iter_mut().enumerate() {
            let (bytes, later) = rest.split_at(lengths.get(at).map_or(rest.len(), |length| rest.len().min(*length)));
            (*part, rest) = (bytes.to_vec(), later);
        }
        Self { form, parts }
    }

    /// What [`Files::parse`] reads.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![self.form];
        self.parts[..3].iter().for_each(|part| bytes.extend((part.len() as u32).to_le_bytes()));
        self.parts.iter().for_each(|part| bytes.extend(part));
        bytes
    }

    /// Each index that lies inside `columns.psf`, with the bytes before its payload.
    pub(crate) fn entries(&self) -> Vec<(String, Vec<u8>)> {
        let text = String::from_utf8_lossy(&self.parts[1]);
        let number = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.parse::<usize>().ok());
        let names = text.lines().filter_map(|line| line.split_once(".startOffset = ")).map(|(name, _)| name);
        let entry = |name: &str| {
            let start = number(&format!("{name}.startOffset = "))?;
            let end = start.checked_add(number(&format!("{name}.size = "))?)?;
            Some((name.to_owned(), self.parts[3].get(start..end)?.to_vec()))
        };
        names.filter_map(entry).collect()
    }

    /// Puts indexes behind each other and maps them.
    pub(crate) fn set_entries(&mut self, entries: &[(String, Vec<u8>)]) {
        let (mut map, mut columns) = (String::new(), Vec::new());
        for (name, bytes) in entries {
            map += &format!("{name}.startOffset = {}\n{name}.size = {}\n", columns.len(), bytes.len());
            columns.extend(bytes);
        }
        (self.parts[1], self.parts[3]) = (map.into_bytes(), columns);
    }

    /// The names of all columns.
    pub(crate) fn columns(&self) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.parts[0]);
        let lists = text.lines().filter(|line| line.starts_with("segment.")).filter_map(|line| line.split_once(" = "));
        let lists = lists.filter(|(key, _)| key.ends_with(".column.names")).map(|(_, list)| list);
        lists.flat_map(|list| list.split(',')).map(str::to_owned).collect()
    }

    /// The segment with one column alone.
    pub(crate) fn only(&self, column: &str) -> Self {
        let mut only = self.clone();
        let text = String::from_utf8_lossy(&self.parts[0]);
        let mut metadata = String::new();
        for line in text.lines() {
            let (key, value) = line.split_once(" = ").unwrap_or((line, ""));
            if key.starts_with("segment.") && key.ends_with(".column.names") {
                let value = if value.split(',').any(|name| name == column) { column } else { "" };
                metadata += &format!("{key} = {value}\n");
            } else if key.strip_prefix("column.").is_none_or(|rest| rest.starts_with(&format!("{column}."))) {
                metadata += &format!("{line}\n");
            }
        }
        only.parts[0] = metadata.into_bytes();
        let entries = self.entries();
        let own = entries.into_iter().filter(|(name, _)| name.starts_with(&format!("{column}.")));
        only.set_entries(&own.collect::<Vec<_>>());
        only
    }

    /// Writes the segment into an empty folder.
    pub(crate) fn write(&self, folder: &Path) -> io::Result<()> {
        let left_out = |name: &str| name == NAMES[2] && self.form & NO_CREATION != 0;
        if self.form & LOOSE == 0 {
            let v3 = folder.join("v3");
            fs::create_dir(&v3)?;
            return NAMES
                .iter()
                .zip(&self.parts)
                .filter(|(name, _)| !left_out(name))
                .try_for_each(|(name, part)| fs::write(v3.join(name), part));
        }
        for at in [0, 2] {
            if !left_out(NAMES[at]) {
                fs::write(folder.join(NAMES[at]), &self.parts[at])?;
            }
        }
        for (name, bytes) in self.entries() {
            let file = name.rsplit_once('.').and_then(|(column, index)| {
                let (_, ending) = ENDINGS.iter().find(|(id, _)| *id == index)?;
                column.bytes().all(|byte| byte.is_ascii_alphanumeric()).then(|| format!("{column}{ending}"))
            });
            if let Some(file) = file {
                fs::write(folder.join(file), bytes.get(MAGIC..).unwrap_or_default())?;
            }
        }
        Ok(())
    }
}

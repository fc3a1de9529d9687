//! Compares a segment with what its metadata promises.

use std::path::{Path, PathBuf};
use std::{fmt, fs};

use pinotage_common::{Error, Result};
use pinotage_spec::java::compare_utf16;
use simd_adler32::Adler32;

use super::column::{Column, read_bitmap};
use super::{Segment, directory};
use crate::constants::CREATION_META_FILE;
use crate::forward::ForwardReader;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Answers would be wrong, or the segment cannot be read.
    Error,
    /// Worth knowing: the segment answers right.
    Note,
}

/// Something that is not as the metadata promises.
#[derive(Debug, Clone)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The column, unless it is about the whole segment.
    pub column: Option<String>,
    /// What was expected and what was found.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Note => "note",
        };
        match &self.column {
            Some(column) => write!(f, "{severity}: column `{column}`: {}", self.message),
            None => write!(f, "{severity}: {}", self.message),
        }
    }
}

pub(super) fn verify(segment: &Segment) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    checksum(segment, &mut findings)?;
    if segment.metadata.num_docs == 0 {
        return Ok(findings);
    }
    for name in segment.columns() {
        if let Err(error) = column(segment, name) {
            findings.push(Finding {
                severity: Severity::Error,
                column: Some(name.to_owned()),
                message: error.to_string(),
            });
        }
    }
    Ok(findings)
}

/// A server that adds indexes keeps the old checksum, so a difference is only a note.
fn checksum(segment: &Segment, findings: &mut Vec<Finding>) -> Result<()> {
    let mut note = |message: String| findings.push(Finding { severity: Severity::Note, column: None, message });
    let Some(creation) = segment.creation else {
        note("there is no `creation.meta`, so nothing says which checksum the segment should have".into());
        return Ok(());
    };
    let folder = match &segment._unpacked {
        Some(unpacked) => super::archive::segment_folder(unpacked.path())?,
        None => segment.path.clone(),
    };
    let mut files = Vec::new();
    list_files(&directory::files_folder(&folder)?, &mut files)?;
    files.sort_by(|a, b| compare_utf16(a.as_os_str().as_encoded_bytes(), b.as_os_str().as_encoded_bytes()));
    let mut adler = Adler32::new();
    for path in files {
        adler.write(super::map::Mapped::open(&path)?.bytes());
    }
    let found = u64::from(adler.finish());
    if found != creation.crc {
        note(format!(
            "the checksum is {found}, `creation.meta` says {}: a server added or removed indexes, or the files were changed",
            creation.crc
        ));
    }
    Ok(())
}

/// The files that the checksum covers: all but `creation.meta` and checksum files, in folders too.
fn list_files(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let failed = |error| Error::io(error, "cannot list the segment", folder);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let covered = path.file_name().is_none_or(|name| name != CREATION_META_FILE)
            && path.extension().is_none_or(|extension| extension != "crc");
        if path.is_dir() {
            list_files(&path, files)?;
        } else if covered {
            files.push(path);
        }
    }
    Ok(())
}

fn column(segment: &Segment, name: &str) -> Result<()> {
    let num_docs = segment.metadata.num_docs as usize;
    let mut column = Column::open(segment, name, true)?;
    let metadata = column.metadata;
    if let Some(dictionary) = &column.dictionary {
        for id in 1..dictionary.len() as u32 {
            let (before, value) = (dictionary.value(id - 1)?, dictionary.value(id)?);
            if before.compare(&value).is_none_or(|ordering| ordering.is_ge()) {
                return Err(Error::corrupt(format!(
                    "expected ascending values in the dictionary, found none after id {}",
                    id - 1
                )));
            }
        }
        let bounds = [(&metadata.min, 0), (&metadata.max, (dictionary.len() as u32).saturating_sub(1))];
        for (bound, id) in bounds.into_iter().filter(|_| !dictionary.is_empty()) {
            let value = dictionary.value(id)?;
            if bound.as_ref().is_some_and(|bound| bound.compare(&value).is_none_or(|ordering| ordering.is_ne())) {
                return Err(Error::corrupt(format!("the bound in the metadata is not `{}`", value.to_java_string())));
            }
        }
    }
    if column.nulls.as_ref().and_then(roaring::RoaringBitmap::max).is_some_and(|doc| doc as usize >= num_docs) {
        return Err(Error::corrupt(format!("expected null docs below {num_docs}")));
    }
    for start in (0..num_docs).step_by(8192) {
        column.read(start..num_docs.min(start + 8192))?;
    }
    if let Some(bytes) = segment.directory.entry(name, "inverted_index") {
        inverted(bytes, &column, num_docs)?;
    }
    Ok(())
}

/// Every doc of the inverted index holds the value, and as many as the forward index has.
fn inverted(bytes: &[u8], column: &Column<'_>, num_docs: usize) -> Result<()> {
    let bad = |what: String| Error::corrupt(what).with("index", "inverted_index");
    let cardinality = column.metadata.cardinality as usize;
    let mut docs_of = vec![0u64; cardinality];
    let mut count = |ids: &mut [u32]| {
        ids.sort_unstable();
        for run in ids.chunk_by(|a, b| a == b) {
            if let Some(docs) = docs_of.get_mut(run[0] as usize) {
                *docs += 1;
            }
        }
    };
    if column.metadata.single_value {
        column.forward.ids(0..num_docs)?.into_iter().for_each(|id| count(&mut [id]));
    } else if matches!(column.forward, ForwardReader::MultiValue { .. }) {
        let (lengths, mut ids) = column.forward.lists(0..num_docs)?;
        let mut rest = ids.as_mut_slice();
        for len in lengths {
            let (row, next) = std::mem::take(&mut rest).split_at_mut(len);
            count(row);
            rest = next;
        }
    }
    let first = crate::forward::be32(bytes, 0)?;
    for (id, docs) in docs_of.iter().enumerate() {
        let (start, end) = (crate::forward::be32(bytes, 4 * id)?, crate::forward::be32(bytes, 4 * id + 4)?);
        let table = 4 * (cardinality + 1);
        let bitmap = start
            .checked_sub(first)
            .zip(end.checked_sub(first))
            .and_then(|(start, end)| bytes.get(table + start..table + end))
            .and_then(read_bitmap)
            .ok_or_else(|| bad(format!("expected a bitmap for dictionary id {id}")))?;
        if bitmap.len() != *docs || bitmap.max().is_some_and(|doc| doc as usize >= num_docs) {
            return Err(bad(format!("expected {docs} docs for dictionary id {id}, found {}", bitmap.len())));
        }
    }
    Ok(())
}

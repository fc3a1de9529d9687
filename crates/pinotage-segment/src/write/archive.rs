//! The archive that controllers and servers take: `<name>.tar.gz`.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use pinotage_common::{ArchiveLevel, Error, Result};
use tar::{Builder, EntryType, Header};

use super::built::BuiltSegment;
use crate::constants::V3_FOLDER;

/// Writes a gzip-compressed tar: the segment's folder first, as Pinot takes the first entry for the segment.
///
/// Times and owners are fixed, so that equal segments have equal archives.
pub(super) fn write(segment: &BuiltSegment, level: ArchiveLevel, out: impl Write) -> io::Result<()> {
    let mut tar = tar(level, out);
    let root = segment.name();
    for folder in [format!("{root}/"), format!("{root}/{V3_FOLDER}/")] {
        tar.append_data(&mut header(EntryType::Directory, 0o755, 0), folder, io::empty())?;
    }
    for (name, parts) in segment.files() {
        let len = parts.iter().map(|part| part.len() as u64).sum();
        tar.append_data(
            &mut header(EntryType::Regular, 0o644, len),
            format!("{root}/{V3_FOLDER}/{name}"),
            Parts { parts: &parts, at: 0 },
        )?;
    }
    let mut gzip = tar.into_inner()?.finish()?;
    gzip.flush()
}

fn tar<W: Write>(level: ArchiveLevel, out: W) -> Builder<GzEncoder<io::BufWriter<W>>> {
    let level = Compression::new(level.number().into());
    Builder::new(GzBuilder::new().mtime(0).write(io::BufWriter::with_capacity(1 << 20, out), level))
}

fn header(kind: EntryType, mode: u32, len: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(len);
    header.set_mtime(0);
    header
}

/// Writes the archive of a segment's folder as [`write`] does for one that was just built.
fn write_folder(folder: &Path, root: &str, level: ArchiveLevel, out: impl Write) -> io::Result<()> {
    let mut tar = tar(level, out);
    tar.append_data(&mut header(EntryType::Directory, 0o755, 0), format!("{root}/"), io::empty())?;
    let mut folders = vec![(folder.to_owned(), root.to_owned())];
    while let Some((folder, shown)) = folders.pop() {
        let mut paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
        paths.sort();
        for path in paths {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let shown = format!("{shown}/{name}");
            if path.is_dir() {
                tar.append_data(&mut header(EntryType::Directory, 0o755, 0), format!("{shown}/"), io::empty())?;
                folders.push((path, shown));
            } else {
                let file = File::open(&path)?;
                let len = file.metadata()?.len();
                tar.append_data(&mut header(EntryType::Regular, 0o644, len), shown, file)?;
            }
        }
    }
    let mut gzip = tar.into_inner()?.finish()?;
    gzip.flush()
}

/// Writes the archive of a segment's folder to a file, which appears when it is whole.
///
/// # Errors
///
/// Those of reading the folder and writing the file.
pub fn archive_folder(folder: &Path, level: ArchiveLevel, target: &Path) -> Result<()> {
    let root = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let parent = target.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(|error| Error::io(error, "cannot create the folder", parent))?;
    let mut file = tempfile::NamedTempFile::new_in(parent)
        .map_err(|error| Error::io(error, "cannot write the segment's archive", parent))?;
    write_folder(folder, &root, level, file.as_file_mut())
        .map_err(|error| Error::io(error, "cannot archive the segment", folder))?;
    file.persist(target).map_err(|error| Error::io(error.error, "cannot put the archive in place", target))?;
    Ok(())
}

/// Reads byte strings one after the other.
struct Parts<'a> {
    parts: &'a [&'a [u8]],
    /// Bytes of the first part already read.
    at: usize,
}

impl Read for Parts<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while let Some((first, rest)) = self.parts.split_first() {
            let read = (&first[self.at..]).read(out)?;
            if read > 0 || out.is_empty() {
                self.at += read;
                return Ok(read);
            }
            (self.parts, self.at) = (rest, 0);
        }
        Ok(0)
    }
}

//! Unpacks a segment's archive into a folder of its own.

use std::cell::Cell;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use flate2::read::MultiGzDecoder;
use pinotage_common::{Error, ErrorKind, Result};
use tar::{Archive, EntryType};
use tempfile::TempDir;

use super::directory::MAX_TEXT;
use crate::constants::{CREATION_META_FILE, METADATA_FILE};

/// Between two files a tar holds headers, names and padding: more than this is no segment.
const MAX_HEADERS: u64 = 1 << 20;

/// More files and folders than this are no segment.
const MAX_ENTRIES: usize = 1 << 16;

/// A reader that gives no more than is granted to it: the tar library keeps long names in memory, however long.
struct Granted<R> {
    inner: R,
    left: Rc<Cell<u64>>,
}

impl<R: Read> Read for Granted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.left.get();
        if left == 0 && !buffer.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the headers of the tar do not end"));
        }
        let len = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let read = self.inner.read(buffer.get_mut(..len).unwrap_or_default())?;
        self.left.set(left - read as u64);
        Ok(read)
    }
}

/// Unpacks to a temporary folder.
pub(super) fn unpack(path: &Path, max_unpacked: u64) -> Result<TempDir> {
    let folder = tempfile::tempdir()
        .map_err(|error| Error::io(error, "cannot make a temporary folder", std::env::temp_dir()))?;
    unpack_into(path, folder.path(), max_unpacked)?;
    Ok(folder)
}

/// Unpacks files and folders; links, paths that leave the folder and more than `max_unpacked` bytes are refused.
pub(super) fn unpack_into(path: &Path, folder: &Path, max_unpacked: u64) -> Result<()> {
    visit(path, max_unpacked, |name, content| {
        let target = folder.join(name);
        let failed = |error| Error::io(error, "cannot unpack", &target);
        let Some(content) = content else { return fs::create_dir_all(&target).map_err(failed) };
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).map_err(|error| Error::io(error, "cannot unpack", parent))?;
        }
        let mut out = File::create(&target).map_err(failed)?;
        io::copy(content, &mut out).map(drop).map_err(|error| bad(path, error))
    })
}

/// The files of an archive that describe its segment: `metadata.properties` and `creation.meta`. Nothing is unpacked.
pub(super) fn documents(path: &Path, max_unpacked: u64) -> Result<[Option<Vec<u8>>; 2]> {
    let mut found = [None, None];
    visit(path, max_unpacked, |name, content| {
        let at = [METADATA_FILE, CREATION_META_FILE].iter().position(|file| name.file_name() == Some(file.as_ref()));
        let Some((content, slot)) = content.zip(at.and_then(|at| found.get_mut(at))) else { return Ok(()) };
        let mut bytes = Vec::new();
        content.take(MAX_TEXT + 1).read_to_end(&mut bytes).map_err(|error| bad(path, error))?;
        if bytes.len() as u64 > MAX_TEXT {
            return Err(Error::corrupt(format!("expected at most {MAX_TEXT} bytes")).with("file", name.display()));
        }
        *slot = Some(bytes);
        Ok(())
    })?;
    Ok(found)
}

fn bad(path: &Path, error: io::Error) -> Error {
    Error::corrupt("cannot unpack the segment's archive").with("file", path.display()).caused_by(error)
}

/// Gives each folder and each file, with its content, of an archive; links, paths that leave the folder and more than
/// `max_unpacked` bytes are refused.
fn visit(
    path: &Path,
    max_unpacked: u64,
    mut give: impl FnMut(&Path, Option<&mut dyn Read>) -> Result<()>,
) -> Result<()> {
    let bad = |error| bad(path, error);
    let failed = |error| Error::io(error, "cannot open the archive", path);
    let mut magic = [0; 4];
    let known = File::open(path).map_err(failed)?.read(&mut magic).map_err(failed)?;
    let file = BufReader::with_capacity(1 << 18, File::open(path).map_err(failed)?);
    let reader: Box<dyn Read> = match magic.get(..known).unwrap_or_default() {
        [0x1f, 0x8b, ..] => Box::new(MultiGzDecoder::new(file)),
        [0x28, 0xb5, 0x2f, 0xfd] => Box::new(zstd::Decoder::new(file).map_err(bad)?),
        [0x04, 0x22, 0x4d, 0x18] => Box::new(lz4_flex::frame::FrameDecoder::new(file)),
        _ => {
            return Err(Error::corrupt("expected a tar compressed with gzip, zstd or lz4")
                .with("file", path.display())
                .action("name a segment's folder or its archive"));
        }
    };
    let left = Rc::new(Cell::new(MAX_HEADERS));
    let mut archive = Archive::new(Granted { inner: reader, left: Rc::clone(&left) });
    let mut total = 0u64;
    for (number, entry) in archive.entries().map_err(bad)?.enumerate() {
        let mut entry = entry.map_err(bad)?;
        let name = entry.path().map_err(bad)?.into_owned();
        let inside = name.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        let refuse = |what: &str| {
            Err(Error::corrupt(format!("the archive holds {what} `{}`", name.display())).with("file", path.display()))
        };
        if number >= MAX_ENTRIES {
            return refuse("too many files, up to");
        }
        if !inside {
            return refuse("a path that leaves its folder");
        }
        match entry.header().entry_type() {
            EntryType::Directory => give(&name, None)?,
            EntryType::Regular | EntryType::Continuous => {
                total = total.saturating_add(entry.size());
                if total > max_unpacked {
                    return Err(Error::new(
                        ErrorKind::ResourceExhausted,
                        format!("the archive unpacks to more than {max_unpacked} bytes"),
                    )
                    .with("file", path.display())
                    .action("raise `max_unpacked_bytes`, if the archive is to be trusted"));
                }
                left.set(entry.size().saturating_add(MAX_HEADERS));
                give(&name, Some(&mut entry))?;
                // What was not looked at is passed over before the next headers count.
                io::copy(&mut entry, &mut io::sink()).map_err(bad)?;
            }
            EntryType::XGlobalHeader | EntryType::XHeader | EntryType::GNULongName => {}
            _ => return refuse("a link or device"),
        }
        left.set(MAX_HEADERS);
    }
    Ok(())
}

/// The one folder at the top of an unpacked archive, or the place itself when the files lie there.
pub(super) fn segment_folder(unpacked: &Path) -> Result<PathBuf> {
    let failed = |error| Error::io(error, "cannot list the unpacked archive", unpacked);
    let mut folders: Vec<PathBuf> = fs::read_dir(unpacked)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>())
        .map_err(failed)?;
    folders.retain(|path| path.is_dir());
    Ok(match folders.as_slice() {
        [one] if one.file_name().is_none_or(|name| name != crate::constants::V3_FOLDER) => one.clone(),
        _ => unpacked.to_owned(),
    })
}

//! The archive that controllers and servers take: `<name>.tar.gz`.

use std::io::{self, Read, Write};

use flate2::{Compression, GzBuilder};
use tar::{Builder, EntryType, Header};

use super::built::BuiltSegment;
use crate::constants::V3_FOLDER;

/// Writes a gzip-compressed tar: the segment's folder first, as Pinot takes the first entry for the segment.
///
/// Times and owners are fixed, so that equal segments have equal archives.
pub(super) fn write(segment: &BuiltSegment, out: impl Write) -> io::Result<()> {
    // Dictionaries and bit-packed ids hardly shrink further; a fast level saves most of the time.
    let gzip = GzBuilder::new().mtime(0).write(io::BufWriter::with_capacity(1 << 20, out), Compression::fast());
    let mut tar = Builder::new(gzip);
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

fn header(kind: EntryType, mode: u32, len: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(len);
    header.set_mtime(0);
    header
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

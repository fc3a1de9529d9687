//! The outer compression of a file, found by its first bytes.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;
use pinotage_common::{Error, Result};

use crate::guard::{corrupt, guarded};

/// Compressed bytes asked from the file at once.
const FILE_BUFFER_BYTES: usize = 256 << 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    Gzip,
    Zstd,
    Snappy,
}

impl Compression {
    fn detect(head: &[u8]) -> Self {
        if head.starts_with(&[0x1f, 0x8b]) {
            Compression::Gzip
        } else if head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) || is_skippable_frame(head) {
            Compression::Zstd
        } else if head.starts_with(b"\xff\x06\x00\x00sNaPpY") {
            Compression::Snappy
        } else {
            Compression::None
        }
    }

    fn name(self) -> &'static str {
        match self {
            Compression::None => "plain",
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
            Compression::Snappy => "snappy",
        }
    }
}

/// zstd files may start with a frame that carries no data (pzstd writes such).
fn is_skippable_frame(head: &[u8]) -> bool {
    matches!(head, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// A file opened for sequential reading, decompressed on the way.
pub(crate) struct Input {
    path: PathBuf,
    reader: Box<dyn Read + Send>,
    compression: Compression,
    consumed: Arc<AtomicU64>,
}

impl Input {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let mut file = open_file(path)?;
        let mut head = Vec::with_capacity(16);
        (&mut file).take(16).read_to_end(&mut head).map_err(|error| Error::io(error, "cannot read", path))?;
        let compression = Compression::detect(&head);
        let consumed = Arc::new(AtomicU64::new(0));
        let counted = Counted { reader: io::Cursor::new(head).chain(file), consumed: consumed.clone() };
        let buffered = |counted| BufReader::with_capacity(FILE_BUFFER_BYTES, counted);
        let reader: Box<dyn Read + Send> = match compression {
            Compression::None => Box::new(counted),
            Compression::Gzip => Box::new(MultiGzDecoder::new(buffered(counted))),
            Compression::Zstd => Box::new(
                zstd::stream::read::Decoder::with_buffer(buffered(counted))
                    .map_err(|error| Error::unexpected("cannot start zstd").caused_by(error))?,
            ),
            Compression::Snappy => Box::new(snap::read::FrameDecoder::new(buffered(counted))),
        };
        Ok(Self { path: path.to_owned(), reader, compression, consumed })
    }

    /// A plain file from a byte on.
    pub(crate) fn open_at(path: &Path, offset: u64) -> Result<Self> {
        let mut file = open_file(path)?;
        file.seek(SeekFrom::Start(offset)).map_err(|error| Error::io(error, "cannot read", path))?;
        let consumed = Arc::new(AtomicU64::new(0));
        let reader = Box::new(Counted { reader: file, consumed: consumed.clone() });
        Ok(Self { path: path.to_owned(), reader, compression: Compression::None, consumed })
    }

    /// Fills `buffer` as far as one read goes; 0 is the end of the file.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let Self { path, reader, .. } = self;
        let result = guarded(path, || {
            loop {
                match reader.read(buffer) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    other => return Ok(other),
                }
            }
        })?;
        result.map_err(|error| self.read_error(error))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn compression(&self) -> Compression {
        self.compression
    }

    pub(crate) fn bytes_read(&self) -> u64 {
        self.consumed.load(Ordering::Relaxed)
    }

    /// What the operating system reports keeps its meaning; anything else is the decompressor's complaint.
    fn read_error(&self, error: io::Error) -> Error {
        if self.compression == Compression::None || error.raw_os_error().is_some() {
            return Error::io(error, "cannot read", &self.path);
        }
        let what = if error.kind() == io::ErrorKind::UnexpectedEof {
            "the file ends inside the compressed data"
        } else {
            "the compressed data is damaged"
        };
        let name = self.compression.name();
        corrupt(&self.path, format!("expected a whole {name} stream, {what}"))
            .with("offset", self.bytes_read())
            .caused_by(error)
    }
}

/// The outer compression of a file that must not have one.
pub(crate) fn refuse_compression(path: &Path, format: &str) -> Result<()> {
    let mut head = Vec::with_capacity(16);
    open_file(path)?.take(16).read_to_end(&mut head).map_err(|error| Error::io(error, "cannot read", path))?;
    match Compression::detect(&head) {
        Compression::None => Ok(()),
        found => Err(unsupported_compression(path, format, found)),
    }
}

pub(crate) fn unsupported_compression(path: &Path, format: &str, found: Compression) -> Error {
    let tool = match found {
        Compression::Gzip => "gunzip",
        Compression::Zstd => "zstd -d",
        Compression::Snappy | Compression::None => "snzip -d",
    };
    Error::unsupported(format!(
        "expected a plain {format} file, found one inside {}: {format} is read from its end, which a stream cannot do",
        found.name()
    ))
    .with("file", path.display())
    .action(format!("unpack the file first, for example with `{tool}`; {format} compresses its own columns"))
}

/// Opens a regular file; a folder is refused here because reading one fails with a confusing message later.
pub(crate) fn open_file(path: &Path) -> Result<File> {
    let file = File::open(path).map_err(|error| Error::io(error, "cannot open", path))?;
    let metadata = file.metadata().map_err(|error| Error::io(error, "cannot open", path))?;
    if metadata.is_dir() {
        return Err(Error::invalid_config("expected a file, found a folder")
            .with("file", path.display())
            .action("name the files in it, for example with `*`"));
    }
    Ok(file)
}

/// Counts the compressed bytes handed on.
struct Counted<R> {
    reader: R,
    consumed: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.consumed.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn magic_bytes_decide() {
        assert_eq!(Compression::detect(b"\x1f\x8b\x08"), Compression::Gzip);
        assert_eq!(Compression::detect(b"\x28\xb5\x2f\xfd"), Compression::Zstd);
        assert_eq!(Compression::detect(b"\x51\x2a\x4d\x18"), Compression::Zstd);
        assert_eq!(Compression::detect(b"\xff\x06\x00\x00sNaPpY"), Compression::Snappy);
        assert_eq!(Compression::detect(b"a,b"), Compression::None);
        assert_eq!(Compression::detect(b""), Compression::None);
    }
}

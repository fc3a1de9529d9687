//! The bytes of a file, and no others.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use bytes::Bytes;
use orc_rust::reader::ChunkReader;

use super::tail::Packing;

/// A file whose parts are checked before they are handed over.
pub(super) struct Source {
    file: File,
    size: u64,
    /// How what is read from now on is packed: whole streams and footers.
    packing: Option<Packing>,
}

impl Source {
    pub(super) fn try_new(file: File) -> io::Result<Self> {
        let size = file.metadata()?.len();
        Ok(Self { file, size, packing: None })
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// From now on the chunks of everything that is read are checked.
    pub(super) fn is_packed(&mut self, packing: Packing) {
        self.packing = Some(packing);
    }
}

impl ChunkReader for Source {
    type T = io::Take<File>;

    fn len(&self) -> u64 {
        self.size
    }

    fn get_read(&self, offset: u64) -> io::Result<Self::T> {
        let mut file = self.file.try_clone()?;
        file.seek(SeekFrom::Start(offset))?;
        Ok(file.take(self.size.saturating_sub(offset)))
    }

    /// Memory is asked for only when the file has that many bytes.
    fn get_bytes(&self, offset: u64, length: u64) -> io::Result<Bytes> {
        let wrong = |problem: String| io::Error::new(io::ErrorKind::InvalidData, problem);
        if offset.checked_add(length).is_none_or(|end| end > self.size) {
            return Err(wrong(format!("{length} bytes at offset {offset} are outside of the file")));
        }
        let mut bytes = vec![0; length as usize];
        self.get_read(offset)?.read_exact(&mut bytes)?;
        if let Some(packing) = self.packing {
            packing.check(&bytes).map_err(|problem| wrong(format!("at offset {offset} {problem}")))?;
        }
        Ok(bytes.into())
    }
}

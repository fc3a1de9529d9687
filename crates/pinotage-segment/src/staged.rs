//! Where the payload of an index goes while it is written: a file without a name, so that it takes no memory.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::ops::Deref;
use std::path::Path;

use pinotage_common::{Error, Result};

use crate::map::Mapped;

/// So many bytes are written at a time. A payload that is no longer stays in memory: a file for each would be slower.
const BUFFER: usize = 64 << 10;

/// A payload that is being written.
pub(crate) struct Out<'a> {
    /// Where files are made; without one all stays in memory.
    folder: Option<&'a Path>,
    file: Option<File>,
    /// Bytes in the file.
    written: usize,
    /// The bytes behind them.
    buffer: Vec<u8>,
}

impl<'a> Out<'a> {
    pub(crate) fn new(folder: Option<&'a Path>) -> Self {
        Self { folder, file: None, written: 0, buffer: Vec::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.written + self.buffer.len()
    }

    /// Takes bytes at the end. [`Out::settle`] has to follow before they are too many.
    pub(crate) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Moves what was appended to the file when it is enough.
    #[inline]
    pub(crate) fn settle(&mut self) -> Result<()> {
        match self.folder {
            Some(folder) if self.buffer.len() > BUFFER => self.write(folder),
            _ => Ok(()),
        }
    }

    fn write(&mut self, folder: &Path) -> Result<()> {
        let failed = |error| Error::io(error, "cannot write an index", folder);
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(tempfile::tempfile_in(folder).map_err(failed)?),
        };
        file.write_all(&self.buffer).map_err(failed)?;
        self.written += self.buffer.len();
        self.buffer.clear();
        self.buffer.shrink_to(4 * BUFFER);
        Ok(())
    }

    pub(crate) fn extend(&mut self, bytes: &[u8]) -> Result<()> {
        self.buffer.extend_from_slice(bytes);
        self.settle()
    }

    /// Appends zeros, which are to be replaced by [`Out::replace`].
    pub(crate) fn reserve(&mut self, mut count: usize) -> Result<()> {
        while count > 0 {
            let some = count.min(BUFFER);
            self.buffer.resize(self.buffer.len() + some, 0);
            self.settle()?;
            count -= some;
        }
        Ok(())
    }

    /// Writes over bytes that are there.
    pub(crate) fn replace(&mut self, at: usize, bytes: &[u8]) -> Result<()> {
        let (in_file, in_buffer) = bytes.split_at(self.written.saturating_sub(at).min(bytes.len()));
        if let (Some(file), Some(folder), false) = (&mut self.file, self.folder, in_file.is_empty()) {
            file.seek(SeekFrom::Start(at as u64))
                .and_then(|_| file.write_all(in_file))
                .and_then(|()| file.seek(SeekFrom::End(0)))
                .map_err(|error| Error::io(error, "cannot write an index", folder))?;
        }
        let start = (at + in_file.len()).saturating_sub(self.written);
        match self.buffer.get_mut(start..start + in_buffer.len()) {
            Some(place) => place.copy_from_slice(in_buffer),
            None => return Err(Error::unexpected("bytes behind the end of an index")),
        }
        Ok(())
    }

    /// The whole payload.
    pub(crate) fn finish(mut self) -> Result<PayloadBytes> {
        if let Some(folder) = self.folder.filter(|_| self.file.is_some()) {
            self.write(folder)?;
            if let Some(file) = &self.file {
                let mapped = Mapped::of(file).map_err(|error| Error::io(error, "cannot map an index", folder))?;
                return Ok(PayloadBytes(Bytes::Staged(mapped)));
            }
        }
        self.buffer.shrink_to_fit();
        Ok(PayloadBytes(Bytes::Held(self.buffer)))
    }
}

/// The bytes of a payload, in memory or in a file without a name that goes with this value.
#[derive(Debug)]
pub struct PayloadBytes(Bytes);

#[derive(Debug)]
enum Bytes {
    Held(Vec<u8>),
    Staged(Mapped),
}

impl Deref for PayloadBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Bytes::Held(bytes) => bytes,
            Bytes::Staged(mapped) => mapped.bytes(),
        }
    }
}

/// What a writer appends, in memory.
pub(crate) fn written(write: impl FnOnce(&mut Out<'_>) -> Result<()>) -> Result<Vec<u8>> {
    let mut out = Out::new(None);
    write(&mut out)?;
    Ok(out.buffer)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn a_file_has_the_bytes_that_memory_would_have(
            table in 0..3 * BUFFER,
            pieces in proptest::collection::vec((any::<u8>(), 0..BUFFER), 0..8),
            shift in 0..BUFFER,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let write = |folder: Option<&Path>| {
                let mut out = Out::new(folder);
                out.reserve(table).unwrap();
                for (byte, len) in &pieces {
                    out.extend(&vec![*byte; *len]).unwrap();
                }
                let at = shift.min(out.len());
                out.replace(at, &vec![7; table.min(out.len() - at)]).unwrap();
                let len = out.len();
                let bytes = out.finish().unwrap();
                assert_eq!(bytes.len(), len);
                bytes
            };
            let (held, staged) = (write(None), write(Some(folder.path())));
            prop_assert!(*held == *staged);
            prop_assert_eq!(matches!(&staged.0, Bytes::Staged(_)), staged.len() > BUFFER);
            prop_assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        }
    }

    #[test]
    fn nothing_is_replaced_behind_the_end() {
        let mut out = Out::new(None);
        out.extend(&[1, 2]).unwrap();
        assert!(out.replace(1, &[3, 4]).is_err());
    }
}

//! The one place that maps files into memory.

use std::fs::File;
use std::path::Path;

use memmap2::Mmap;
use pinotage_common::{Error, Result};

/// The bytes of a file that is not written to while it is open.
#[derive(Debug)]
pub(crate) struct Mapped(Option<Mmap>);

impl Mapped {
    /// Maps a file; an empty file, which cannot be mapped, is an empty slice.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let failed = |error| Error::io(error, "cannot map the file", path);
        let file = File::open(path).map_err(failed)?;
        if file.metadata().map_err(failed)?.len() == 0 {
            return Ok(Self(None));
        }
        // SAFETY: the mapping is read-only and a segment is immutable: writers, ours and Pinot's, put a new folder in
        // place of an old one and never change a file of it. Somebody who truncates a mapped file by hand gets SIGBUS,
        // as with every reader of mapped files.
        #[allow(unsafe_code)]
        let map = unsafe { Mmap::map(&file) }.map_err(failed)?;
        Ok(Self(Some(map)))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }
}

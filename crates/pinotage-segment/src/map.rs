//! The one place that maps files into memory.

use std::fs::File;
use std::io;
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
        Self::of(&file).map_err(failed)
    }

    /// Maps an open file, which may be closed then.
    pub(crate) fn of(file: &File) -> io::Result<Self> {
        if file.metadata()?.len() == 0 {
            return Ok(Self(None));
        }
        // SAFETY: the mapping is read-only and a segment is immutable: writers, ours and Pinot's, put a new folder in
        // place of an old one and never change a file of it; what is staged has no name and is whole before it is mapped.
        // Somebody who truncates a mapped file by hand gets SIGBUS, as with every reader of mapped files.
        #[allow(unsafe_code)]
        let map = unsafe { Mmap::map(file) }?;
        Ok(Self(Some(map)))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;
    use std::sync::Arc;
    use std::thread;

    use super::*;

    fn pattern(len: usize) -> Vec<u8> {
        (0..len).map(|at| (at * 31 + at / 251) as u8).collect()
    }

    #[test]
    fn the_bytes_are_those_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        // Around the ends of pages, where the mapping has more than the file.
        for len in [0, 1, 4_095, 4_096, 4_097, 70_000] {
            fs::write(&path, pattern(len)).unwrap();
            let mapped = Mapped::open(&path).unwrap();
            assert_eq!(mapped.bytes(), pattern(len), "{len}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = Mapped::open(&folder.path().join("none")).err().unwrap();
        assert!(error.to_string().contains("none"), "{error}");
        assert!(Mapped::open(folder.path()).is_err(), "a folder has no bytes");
    }

    /// As a segment is replaced, and as what is staged is read: without a name and without a handle.
    #[test]
    fn bytes_stay_when_the_file_is_closed_renamed_replaced_or_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, pattern(9_000)).unwrap();
        let mapped = Mapped::open(&path).unwrap();
        fs::rename(&path, folder.path().join("old")).unwrap();
        fs::write(&path, "another").unwrap();
        fs::remove_file(folder.path().join("old")).unwrap();
        assert_eq!(mapped.bytes(), pattern(9_000));
        let mut unnamed = tempfile::tempfile().unwrap();
        unnamed.write_all(&pattern(5_000)).unwrap();
        let staged = Mapped::of(&unnamed).unwrap();
        drop(unnamed);
        assert_eq!(staged.bytes(), pattern(5_000));
    }

    #[test]
    fn threads_read_one_mapping_and_the_last_one_ends_it() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&pattern(100_000)).unwrap();
        let mapped = Arc::new(Mapped::of(&file).unwrap());
        let sum = |bytes: &[u8]| bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>();
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let mapped = Arc::clone(&mapped);
                thread::spawn(move || sum(mapped.bytes()))
            })
            .collect();
        drop(mapped);
        let expected = sum(&pattern(100_000));
        assert!(threads.into_iter().all(|thread| thread.join().unwrap() == expected));
    }
}

//! Reads big-endian bytes from their beginning to their end, and never beyond it.

use pinotage_common::{Error, ErrorKind, Result};

/// The unread rest of a section of a data table.
pub(super) struct Cursor<'a> {
    section: &'static str,
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(super) fn new(section: &'static str, bytes: &'a [u8]) -> Self {
        Self { section, rest: bytes }
    }

    pub(super) fn remaining(&self) -> usize {
        self.rest.len()
    }

    pub(super) fn bytes(&mut self, length: usize) -> Result<&'a [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or_else(|| {
            malformed(format!("{length} more bytes in the {}, found {}", self.section, self.rest.len()))
        })?;
        self.rest = rest;
        Ok(bytes)
    }

    fn chunk<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (chunk, rest) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or_else(|| malformed(format!("{N} more bytes in the {}, found {}", self.section, self.rest.len())))?;
        self.rest = rest;
        Ok(*chunk)
    }

    pub(super) fn byte(&mut self) -> Result<u8> {
        self.chunk::<1>().map(|[byte]| byte)
    }

    pub(super) fn int(&mut self) -> Result<i32> {
        self.chunk().map(i32::from_be_bytes)
    }

    pub(super) fn long(&mut self) -> Result<i64> {
        self.chunk().map(i64::from_be_bytes)
    }

    pub(super) fn double(&mut self) -> Result<f64> {
        self.chunk().map(f64::from_be_bytes)
    }

    /// A number of bytes, or of anything.
    pub(super) fn length(&mut self) -> Result<usize> {
        let length = self.int()?;
        usize::try_from(length).map_err(|_| malformed(format!("a length in the {}, found {length}", self.section)))
    }

    /// A number of things that take at least `least` bytes each: what it allows to allocate, the rest can hold.
    pub(super) fn count(&mut self, least: usize) -> Result<usize> {
        let count = self.length()?;
        if count > self.remaining() / least {
            let (section, left) = (self.section, self.remaining());
            return Err(malformed(format!("{count} entries in the {section}, found {left} bytes")));
        }
        Ok(count)
    }

    pub(super) fn text(&mut self) -> Result<&'a str> {
        let length = self.length()?;
        let bytes = self.bytes(length)?;
        std::str::from_utf8(bytes)
            .map_err(|error| malformed(format!("text in UTF-8 in the {}", self.section)).caused_by(error))
    }
}

/// An answer that is no data table, or none of a release that this client knows.
pub(super) fn malformed(expected: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Unsupported, format!("the server's data table is not as expected: expected {expected}"))
        .action("check that the port is that of a Pinot server's gRPC query service and its release a supported one")
}

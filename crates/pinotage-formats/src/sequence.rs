//! Bytes of a file from its first to its last, with their offset and a limit: numbers are read byte by byte.

use pinotage_common::{Error, ErrorKind, Result};

use crate::compression::Input;
use crate::guard::corrupt;

/// Memory asked for at once, so that a wrong length in a short file costs nothing.
const STEP_BYTES: usize = 1 << 20;
const READ_AHEAD_BYTES: usize = 256 << 10;

/// The bytes of a file that are not read yet.
pub(crate) struct Sequence {
    pub(crate) input: Input,
    /// Read ahead, from `ahead_at` on.
    ahead: Vec<u8>,
    ahead_at: usize,
    pub(crate) offset: u64,
    /// What is said to be longer is refused.
    pub(crate) limit: usize,
    /// What the pieces are called.
    pieces: &'static str,
}

impl Sequence {
    pub(crate) fn new(input: Input, limit: usize, pieces: &'static str) -> Self {
        Self { input, ahead: Vec::new(), ahead_at: 0, offset: 0, limit, pieces }
    }

    pub(crate) fn broken(&self, message: impl Into<String>) -> Error {
        corrupt(self.input.path(), message).with("offset", self.offset)
    }

    /// One byte, or `None` at the end of the file.
    fn byte(&mut self) -> Result<Option<u8>> {
        let mut byte = [0];
        let read = self.read(&mut byte)?;
        let [byte] = byte;
        Ok((read > 0).then_some(byte))
    }

    fn read(&mut self, out: &mut [u8]) -> Result<usize> {
        if self.ahead_at >= self.ahead.len() {
            self.ahead.resize(READ_AHEAD_BYTES, 0);
            let read = self.input.read(&mut self.ahead)?;
            self.ahead.truncate(read);
            self.ahead_at = 0;
        }
        let ready = self.ahead.get(self.ahead_at..).unwrap_or_default();
        let count = ready.len().min(out.len());
        for (to, from) in out.iter_mut().zip(ready) {
            *to = *from;
        }
        self.ahead_at += count;
        self.offset += count as u64;
        Ok(count)
    }

    /// A number of 7 bits a byte, the lowest first; `None` only when the file ends before its first byte.
    pub(crate) fn number(&mut self) -> Result<Option<u64>> {
        let mut value = 0u64;
        for shift in (0..70).step_by(7) {
            let Some(byte) = self.byte()? else {
                if shift == 0 {
                    return Ok(None);
                }
                return Err(self.broken("expected a whole number, found the end of the file"));
            };
            if shift == 63 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(Some(value));
            }
        }
        Err(self.broken("expected a number of at most 64 bits"))
    }

    pub(crate) fn too_large(&self, length: usize) -> Error {
        Error::new(
            ErrorKind::ResourceExhausted,
            format!("expected {} of at most {} bytes, found a larger one", self.pieces, self.limit),
        )
        .with("file", self.input.path().display())
        .with("offset", self.offset)
        .with("option", "max_row_bytes")
        .action(format!("raise `max_row_bytes` to {length} or more; if that is not plausible the file is damaged"))
    }

    /// So many bytes.
    pub(crate) fn bytes(&mut self, count: usize) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        while bytes.len() < count {
            let at = bytes.len();
            bytes.resize(at + (count - at).min(STEP_BYTES), 0);
            let read = self.read(bytes.get_mut(at..).unwrap_or_default())?;
            bytes.truncate(at + read);
            if read == 0 {
                return Err(self.broken("expected more bytes, found the end of the file"));
            }
        }
        Ok(bytes)
    }
}

//! The window of a text file that the scanners look through.

use std::path::Path;

use pinotage_common::{Error, ErrorKind, Result};

use crate::compression::{Compression, Input};
use crate::options::BATCH_TEXT_BYTES;

/// Text asked from the (decompressed) file at once.
const FILL_BYTES: usize = 512 << 10;

/// Room that a window has at once, as it copies all it has when it grows: most batches go into it. What is not used is not there.
const WINDOW_BYTES: usize = BATCH_TEXT_BYTES + 2 * FILL_BYTES;

/// A growing window over the uncompressed text. Offsets into the window stay valid until [`Text::take`].
pub(crate) struct Text {
    input: Input,
    /// The window.
    pub(crate) bytes: Vec<u8>,
    /// Offset of `bytes[0]` in the uncompressed file.
    pub(crate) base: u64,
    /// Whether `bytes` reaches the end of the file.
    pub(crate) eof: bool,
    max_row_bytes: usize,
}

impl Text {
    /// Opens a file, drops a UTF-8 byte order mark and refuses UTF-16.
    pub(crate) fn open(path: &Path, max_row_bytes: usize) -> Result<Self> {
        let mut text = Self { input: Input::open(path)?, bytes: Vec::new(), base: 0, eof: false, max_row_bytes };
        while text.bytes.len() < 3 && !text.eof {
            text.fill()?;
        }
        if text.bytes.starts_with(b"\xef\xbb\xbf") {
            text.bytes.drain(..3);
            text.base = 3;
        } else if text.bytes.starts_with(b"\xff\xfe") || text.bytes.starts_with(b"\xfe\xff") {
            return Err(Error::unsupported("expected UTF-8 text, found UTF-16")
                .with("file", path.display())
                .action("convert the file first: `iconv -f UTF-16 -t UTF-8`"));
        }
        Ok(text)
    }

    /// Opens a file without an outer compression at a byte that begins a line.
    pub(crate) fn open_at(path: &Path, offset: u64, max_row_bytes: usize) -> Result<Self> {
        let bytes = Vec::with_capacity(WINDOW_BYTES);
        Ok(Self { input: Input::open_at(path, offset)?, bytes, base: offset, eof: false, max_row_bytes })
    }

    /// Whether the file has no outer compression: offsets in the text are offsets in the file.
    pub(crate) fn is_plain(&self) -> bool {
        self.input.compression() == Compression::None
    }

    /// How much of the window stands before an offset of the file, and whether the rest of it is not needed to tell.
    pub(crate) fn before(&self, limit: u64) -> (usize, bool) {
        let wanted = usize::try_from(limit.saturating_sub(self.base)).unwrap_or(usize::MAX);
        (wanted.min(self.bytes.len()), self.eof || self.bytes.len() >= wanted)
    }

    /// Reads more text behind the window, or sets `eof`.
    pub(crate) fn fill(&mut self) -> Result<()> {
        self.fill_by(FILL_BYTES)
    }

    fn fill_by(&mut self, room: usize) -> Result<()> {
        let used = self.bytes.len();
        self.bytes.resize(used + room, 0);
        let mut filled = used;
        // A decompressor gives small pieces; fill the room before the scanner looks again.
        while filled < self.bytes.len() {
            let read = match self.input.read(&mut self.bytes[filled..]) {
                Ok(read) => read,
                Err(error) => {
                    self.bytes.truncate(filled);
                    return Err(error);
                }
            };
            if read == 0 {
                self.eof = true;
                break;
            }
            filled += read;
        }
        self.bytes.truncate(filled);
        Ok(())
    }

    /// Reads more because the row at `start` is not complete; a row above the limit is an error.
    pub(crate) fn fill_row(&mut self, start: usize, line: u64) -> Result<()> {
        let seen = self.bytes.len().saturating_sub(start);
        if seen > self.max_row_bytes {
            return Err(self.row_too_large(start, line));
        }
        // The scanner starts again at the row's start: growing by a share of it keeps the work linear.
        self.fill_by(FILL_BYTES.max(seen / 2))
    }

    /// A complete row above the limit is refused too, so that the limit does not depend on how reads fall.
    pub(crate) fn check_row(&self, start: usize, end: usize, line: u64) -> Result<()> {
        if end - start > self.max_row_bytes {
            return Err(self.row_too_large(start, line));
        }
        Ok(())
    }

    fn row_too_large(&self, start: usize, line: u64) -> Error {
        let limit = self.max_row_bytes;
        Error::new(
            ErrorKind::ResourceExhausted,
            format!("expected rows of at most {limit} bytes, found a longer one"),
        )
        .with("file", self.path().display())
        .with("line", line)
        .with("offset", self.base + start as u64)
        .with("option", "max_row_bytes")
        .action(format!(
            "look at the line named above: a quote or bracket may never be closed; if the row is right, raise `max_row_bytes` above {}",
            self.bytes.len() - start
        ))
    }

    /// Gives away the text before `end`; the window then starts there.
    pub(crate) fn take(&mut self, end: usize) -> (Vec<u8>, u64) {
        let rest = self.bytes.get(end..).unwrap_or_default();
        let mut next =
            Vec::with_capacity((rest.len() + end + FILL_BYTES).min(WINDOW_BYTES).max(rest.len() + FILL_BYTES));
        next.extend_from_slice(rest);
        let mut taken = std::mem::replace(&mut self.bytes, next);
        taken.truncate(end);
        let base = self.base;
        self.base += taken.len() as u64;
        (taken, base)
    }

    pub(crate) fn path(&self) -> &Path {
        self.input.path()
    }

    pub(crate) fn bytes_read(&self) -> u64 {
        self.input.bytes_read()
    }
}

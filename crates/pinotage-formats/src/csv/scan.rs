//! Finding records and fields in CSV text, without copying what needs no unescaping.
//!
//! Written here rather than taken from the `csv` crate because three promises need what it does not tell: the exact
//! bytes and line of every record, a quote that is still open at the end, and a limit on the length of one record. The
//! crate is the oracle of the property tests: on well-formed text both agree on every field.

use std::ops::Range;

use crate::options::CsvOptions;

/// A field of a record: a span of the text, or of the scratch buffer where unescaping changed it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    start: u32,
    end: u32,
}

/// Marks spans of the scratch buffer; batches of text are below 1 GiB.
const IN_SCRATCH: u32 = 1 << 31;

impl Field {
    fn new(span: Range<usize>, in_scratch: bool) -> Self {
        let mark = if in_scratch { IN_SCRATCH } else { 0 };
        Self { start: span.start as u32 | mark, end: span.end as u32 }
    }

    #[inline]
    pub(crate) fn bytes<'a>(self, text: &'a [u8], scratch: &'a [u8]) -> &'a [u8] {
        let source = if self.start & IN_SCRATCH == 0 { text } else { scratch };
        let start = (self.start & !IN_SCRATCH) as usize;
        source.get(start..self.end as usize).unwrap_or_default()
    }
}

/// What stands at a position of the text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Scanned {
    /// A record; its fields were appended.
    Record(Place),
    /// A record whose quotes are wrong; fields were appended but mean nothing.
    Malformed(Place, &'static str),
    /// The text ends before the record does; nothing was appended.
    Incomplete,
    /// Nothing but blank lines and comments up to the end of the file.
    End,
}

/// Where a record stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// Its bytes without the line break.
    pub(crate) span: Range<usize>,
    /// Its first line, 1-based.
    pub(crate) line: u64,
}

/// The scanner: a position in the window and the line it stands on.
pub(crate) struct Scanner {
    delimiter: u8,
    quote: Option<u8>,
    escape: Option<u8>,
    comment: Option<u8>,
    trim: bool,
    /// Where the next record starts, as an offset in the window.
    pub(crate) position: usize,
    /// The line of `position`.
    pub(crate) line: u64,
}

impl Scanner {
    pub(crate) fn new(options: &CsvOptions) -> Self {
        Self {
            delimiter: options.delimiter,
            quote: options.quote,
            // An escape equal to the quote says the same as doubling.
            escape: options.escape.filter(|escape| options.quote != Some(*escape)),
            comment: options.comment,
            trim: options.trim,
            position: 0,
            line: 1,
        }
    }

    /// Reads one record at the position. `eof` says that `text` reaches the end of the file.
    pub(crate) fn next(&mut self, text: &[u8], eof: bool, fields: &mut Vec<Field>, scratch: &mut Vec<u8>) -> Scanned {
        if !self.skip_blank(text, eof) {
            return if eof { Scanned::End } else { Scanned::Incomplete };
        }
        let start = self.position;
        let line = self.line;
        let first_field = fields.len();
        let first_scratch = scratch.len();
        let mut at = start;
        let mut inner_lines = 0;
        let mut problem = None;
        loop {
            if self.trim {
                at = self.skip_blanks(text, at);
            }
            let found = if self.quote.is_some() && text.get(at) == self.quote.as_ref() {
                self.quoted(text, at, eof, scratch)
            } else {
                self.plain(text, at, eof, scratch)
            };
            let Some(found) = found else {
                // A record at the very end may be read again with `eof`, from its start.
                fields.truncate(first_field);
                scratch.truncate(first_scratch);
                return Scanned::Incomplete;
            };
            problem = problem.or(found.problem);
            fields.push(found.field);
            inner_lines += found.inner_lines;
            at = found.end;
            match text.get(at) {
                Some(&byte) if byte == self.delimiter => at += 1,
                _ => break,
            }
        }
        let span = start..at;
        self.line += inner_lines;
        self.position = at;
        if let Some(&byte) = text.get(at) {
            // The line break belongs to the record. A lone CR at the end of the window may be half of CR LF: blank
            // lines are skipped anyway, but the line must not be counted twice.
            if byte == b'\r' {
                match text.get(at + 1) {
                    Some(b'\n') => self.position += 2,
                    None if !eof => {
                        fields.truncate(first_field);
                        scratch.truncate(first_scratch);
                        self.position = start;
                        self.line = line;
                        return Scanned::Incomplete;
                    }
                    _ => self.position += 1,
                }
            } else {
                self.position += 1;
            }
            self.line += 1;
        }
        let place = Place { span, line };
        match problem {
            None => Scanned::Record(place),
            Some(problem) => Scanned::Malformed(place, problem),
        }
    }

    /// Passes empty lines and comments; false when the text ends there.
    pub(crate) fn skip_blank(&mut self, text: &[u8], eof: bool) -> bool {
        loop {
            match text.get(self.position) {
                None => return false,
                Some(b'\n') => {
                    self.position += 1;
                    self.line += 1;
                }
                Some(b'\r') => {
                    match text.get(self.position + 1) {
                        Some(b'\n') => self.position += 2,
                        None if !eof => return false,
                        _ => self.position += 1,
                    }
                    self.line += 1;
                }
                Some(byte) if self.comment == Some(*byte) => {
                    let rest = text.get(self.position..).unwrap_or_default();
                    match memchr::memchr2(b'\n', b'\r', rest) {
                        // The line break is passed, and counted, by the next turn.
                        Some(length) => self.position += length,
                        None if eof => {
                            self.position = text.len();
                            return false;
                        }
                        None => return false,
                    }
                }
                Some(_) => return true,
            }
        }
    }

    fn skip_blanks(&self, text: &[u8], mut at: usize) -> usize {
        while let Some(b' ' | b'\t') = text.get(at) {
            if text.get(at) == Some(&self.delimiter) {
                break;
            }
            at += 1;
        }
        at
    }

    /// What an escape and the byte behind it stand for. Before a byte that needs none the escape is text, as in commons-csv:
    /// `\N` stays, and is what MySQL writes for null.
    fn unescape(&self, byte: u8, scratch: &mut Vec<u8>) {
        let meant = match byte {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'b' => 0x08,
            b'f' => 0x0c,
            b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => byte,
            other if other == self.delimiter || [self.quote, self.escape, self.comment].contains(&Some(other)) => other,
            other => {
                scratch.extend(self.escape);
                other
            }
        };
        scratch.push(meant);
    }

    fn is_end(&self, byte: u8) -> bool {
        byte == self.delimiter || byte == b'\n' || byte == b'\r'
    }

    /// A field without quotes around it.
    #[inline]
    fn plain(&self, text: &[u8], start: usize, eof: bool, scratch: &mut Vec<u8>) -> Option<Found> {
        if self.escape.is_some() {
            return self.plain_escaped(text, start, eof, scratch);
        }
        let end = match find_end(text, start, self.delimiter) {
            Some(end) => end,
            None if eof => text.len(),
            None => return None,
        };
        let mut content = start..end;
        if self.trim {
            while content.end > content.start && matches!(text.get(content.end - 1), Some(b' ' | b'\t')) {
                content.end -= 1;
            }
        }
        Some(Found::new(Field::new(content, false), end))
    }

    #[cold]
    fn plain_escaped(&self, text: &[u8], start: usize, eof: bool, scratch: &mut Vec<u8>) -> Option<Found> {
        let scratch_start = scratch.len();
        // Escaped blanks at the end are meant; only what follows them is trimmed.
        let mut keep = scratch_start;
        let mut inner_lines = 0;
        let mut at = start;
        loop {
            match text.get(at) {
                Some(byte) if self.escape == Some(*byte) => {
                    let Some(&next) = text.get(at + 1) else {
                        if !eof {
                            return None;
                        }
                        let field = Field::new(scratch_start..scratch.len(), true);
                        return Some(Found {
                            problem: Some("an escape at the end of the file escapes nothing"),
                            ..Found::new(field, text.len())
                        });
                    };
                    inner_lines += u64::from(next == b'\n');
                    self.unescape(next, scratch);
                    keep = scratch.len();
                    at += 2;
                }
                Some(&byte) if self.is_end(byte) => break,
                Some(&byte) => {
                    scratch.push(byte);
                    at += 1;
                }
                None if eof => break,
                None => return None,
            }
        }
        if self.trim {
            while scratch.len() > keep && matches!(scratch.last(), Some(b' ' | b'\t')) {
                scratch.pop();
            }
        }
        Some(Found { inner_lines, ..Found::new(Field::new(scratch_start..scratch.len(), true), at) })
    }

    /// A field whose opening quote stands at `start`.
    fn quoted(&self, text: &[u8], start: usize, eof: bool, scratch: &mut Vec<u8>) -> Option<Found> {
        let quote = self.quote?;
        let content = start + 1;
        let scratch_start = scratch.len();
        // Text from `copied` on is not yet in the scratch; nothing is copied while nothing is unescaped.
        let mut copied = content;
        let mut in_scratch = false;
        let mut at = content;
        let mut problem = None;
        let content_end = loop {
            let rest = text.get(at..).unwrap_or_default();
            let found = match self.escape {
                None => memchr::memchr(quote, rest),
                Some(escape) => memchr::memchr2(quote, escape, rest),
            };
            let Some(found) = found else {
                if !eof {
                    return None;
                }
                problem = Some("a quote is still open at the end of the file");
                at = text.len();
                break text.len();
            };
            let hit = at + found;
            let next = text.get(hit + 1).copied();
            if next.is_none() && !eof {
                return None;
            }
            if text.get(hit) == Some(&quote) {
                if next != Some(quote) {
                    at = hit + 1;
                    break hit;
                }
                scratch.extend_from_slice(text.get(copied..=hit).unwrap_or_default());
            } else {
                scratch.extend_from_slice(text.get(copied..hit).unwrap_or_default());
                if let Some(next) = next {
                    self.unescape(next, scratch);
                }
            }
            in_scratch = true;
            at = (hit + 2).min(text.len());
            copied = at;
        };
        let inner = text.get(start..content_end).unwrap_or_default();
        let inner_lines = count_lines(inner);
        let field = if in_scratch {
            scratch.extend_from_slice(text.get(copied..content_end).unwrap_or_default());
            Field::new(scratch_start..scratch.len(), true)
        } else {
            Field::new(content..content_end, false)
        };
        if self.trim {
            at = self.skip_blanks(text, at);
        }
        let end = match text.get(at) {
            None if !eof => return None,
            None => at,
            Some(&byte) if self.is_end(byte) => at,
            Some(_) => {
                problem = Some("text follows a closing quote");
                match find_end(text, at, self.delimiter) {
                    Some(end) => end,
                    None if eof => text.len(),
                    None => return None,
                }
            }
        };
        Some(Found { field, end, inner_lines, problem })
    }
}

struct Found {
    field: Field,
    /// Where its delimiter or line break stands, or the end of the text.
    end: usize,
    inner_lines: u64,
    problem: Option<&'static str>,
}

impl Found {
    #[inline]
    fn new(field: Field, end: usize) -> Self {
        Self { field, end, inner_lines: 0, problem: None }
    }
}

/// Line breaks inside a quoted field: LF, CR LF and a lone CR count once each.
fn count_lines(text: &[u8]) -> u64 {
    let breaks = memchr::memchr2_iter(b'\n', b'\r', text);
    breaks.filter(|&at| text.get(at) != Some(&b'\r') || text.get(at + 1) != Some(&b'\n')).count() as u64
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// The first delimiter, LF or CR at or after `start`.
///
/// Eight bytes at a time: fields are short, so a library call for each costs more than the search.
#[inline]
fn find_end(text: &[u8], start: usize, delimiter: u8) -> Option<usize> {
    let delimiters = ONES * u64::from(delimiter);
    let line_feeds = ONES * u64::from(b'\n');
    let returns = ONES * u64::from(b'\r');
    // A byte that is zero after the exclusive or is a hit; the lowest marked byte is always a true one.
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
    let rest = text.get(start..)?;
    let (words, tail) = rest.as_chunks::<8>();
    let mut at = start;
    for word in words {
        let word = u64::from_le_bytes(*word);
        let hits = zeros(word ^ delimiters) | zeros(word ^ line_feeds) | zeros(word ^ returns);
        if hits != 0 {
            return Some(at + (hits.trailing_zeros() / 8) as usize);
        }
        at += 8;
    }
    let hit = tail.iter().position(|&byte| byte == delimiter || byte == b'\n' || byte == b'\r')?;
    Some(at + hit)
}

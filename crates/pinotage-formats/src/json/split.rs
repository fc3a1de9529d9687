//! Where each JSON row starts and ends: by line breaks, or by brackets.

use std::ops::Range;

/// How the rows stand in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// One row a line; blank lines are no rows.
    Lines,
    /// One array of rows.
    Array,
    /// Rows over several lines, one behind another (pretty-printed).
    Concatenated,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Row {
        span: Range<usize>,
        line: u64,
    },
    /// The text ends before the row does.
    Incomplete,
    End,
    /// The array around the rows is broken; where and how.
    Broken(usize, &'static str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the array's `[`.
    Open,
    /// After `[`: a row or `]`.
    First,
    /// After a comma: a row.
    Row,
    /// After a row: a comma or `]`.
    Next,
    /// After `]`.
    Closed,
}

pub(crate) struct Splitter {
    layout: Layout,
    state: State,
    pub(crate) position: usize,
    /// The line of `position`, 1-based.
    pub(crate) line: u64,
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

impl Layout {
    /// Decides by the first bytes that are not blank; `None` needs more text.
    pub(crate) fn detect(text: &[u8], eof: bool) -> Option<Layout> {
        let Some(start) = text.iter().position(|&byte| !is_blank(byte)) else {
            return eof.then_some(Layout::Lines);
        };
        let rest = text.get(start..).unwrap_or_default();
        if rest.first() == Some(&b'[') {
            return Some(Layout::Array);
        }
        // Printers that use several lines put the first brace on a line of its own.
        let end = rest.iter().position(|byte| !matches!(byte, b'{' | b' ' | b'\t' | b'\r'));
        match end.and_then(|end| Some((end, rest.get(end)?))) {
            None if !eof => None,
            Some((_, b'\n')) if rest.starts_with(b"{") => Some(Layout::Concatenated),
            _ => Some(Layout::Lines),
        }
    }
}

impl Splitter {
    pub(crate) fn new(layout: Layout) -> Self {
        Self { layout, state: State::Open, position: 0, line: 1 }
    }

    /// Whether each line is a row.
    pub(crate) fn is_lines(&self) -> bool {
        self.layout == Layout::Lines
    }

    /// The next row at the position. `eof` says that `text` reaches the end of the file.
    pub(crate) fn next(&mut self, text: &[u8], eof: bool) -> Found {
        match self.layout {
            Layout::Lines => self.next_line(text, eof),
            Layout::Array => self.next_element(text, eof),
            Layout::Concatenated => {
                let Some((start, byte)) = self.skip_blank(text) else {
                    return if eof { Found::End } else { Found::Incomplete };
                };
                // A closing bracket without an opening one: alone, as a bad row, so that the rest can be read.
                if matches!(byte, b',' | b']' | b'}') {
                    return self.row(text, start, start + 1);
                }
                match value_end(text, start, eof) {
                    Some(end) => self.row(text, start, end),
                    None if eof => self.row(text, start, text.len()),
                    None => Found::Incomplete,
                }
            }
        }
    }

    fn next_line(&mut self, text: &[u8], eof: bool) -> Found {
        loop {
            let rest = text.get(self.position..).unwrap_or_default();
            if rest.is_empty() && eof {
                return Found::End;
            }
            let (length, with_break) = match memchr::memchr(b'\n', rest) {
                Some(at) => (at, at + 1),
                None if eof => (rest.len(), rest.len()),
                None => return Found::Incomplete,
            };
            let bytes = rest.get(..length).unwrap_or_default();
            let leading = bytes.iter().take_while(|&&byte| is_blank(byte)).count();
            let trailing = bytes.iter().rev().take_while(|&&byte| is_blank(byte)).count();
            let start = self.position + leading;
            let line = self.line;
            let end = (self.position + length).saturating_sub(trailing);
            self.position += with_break;
            self.line += 1;
            if leading < length {
                return Found::Row { span: start..end, line };
            }
        }
    }

    fn next_element(&mut self, text: &[u8], eof: bool) -> Found {
        const OPEN: &str = "the array is not closed at the end of the file";
        loop {
            let Some((start, byte)) = self.skip_blank(text) else {
                return match self.state {
                    _ if !eof => Found::Incomplete,
                    State::Closed => Found::End,
                    _ => Found::Broken(text.len(), OPEN),
                };
            };
            match (self.state, byte) {
                (State::Open, b'[') => self.step(State::First),
                (State::First | State::Next, b']') => self.step(State::Closed),
                (State::Next, b',') => self.step(State::Row),
                (State::Next, _) => {
                    return Found::Broken(start, "expected `,` or `]` between rows");
                }
                (State::Closed, _) => {
                    return Found::Broken(start, "text follows the end of the array");
                }
                (State::Row | State::First, b',' | b']' | b'}' | b':') => {
                    return Found::Broken(start, "expected a row");
                }
                _ => {
                    return match value_end(text, start, eof) {
                        Some(end) if end < text.len() || eof => {
                            self.state = State::Next;
                            self.row(text, start, end)
                        }
                        _ if eof => Found::Broken(text.len(), OPEN),
                        _ => Found::Incomplete,
                    };
                }
            }
        }
    }

    fn step(&mut self, state: State) {
        self.state = state;
        self.position += 1;
    }

    fn row(&mut self, text: &[u8], start: usize, end: usize) -> Found {
        let line = self.line;
        let row = text.get(start..end).unwrap_or_default();
        self.line += memchr::memchr_iter(b'\n', row).count() as u64;
        self.position = end;
        Found::Row { span: start..end, line }
    }

    /// Passes blanks; the byte after them, if the text has one.
    fn skip_blank(&mut self, text: &[u8]) -> Option<(usize, u8)> {
        loop {
            let byte = *text.get(self.position)?;
            if !is_blank(byte) {
                return Some((self.position, byte));
            }
            self.line += u64::from(byte == b'\n');
            self.position += 1;
        }
    }
}

/// Where the value that starts at `start` ends, by its brackets and strings alone.
fn value_end(text: &[u8], start: usize, eof: bool) -> Option<usize> {
    let mut depth = 0usize;
    let mut at = start;
    loop {
        let byte = match text.get(at) {
            Some(byte) => *byte,
            // A number or literal may end with the file.
            None if eof && depth == 0 => return Some(at),
            None => return None,
        };
        match byte {
            b'"' => {
                at = string_end(text, at + 1)?;
                if depth == 0 {
                    return Some(at);
                }
                continue;
            }
            b'{' | b'[' if depth == 0 && at > start => return Some(at),
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth <= 1 => return Some(if depth == 0 { at } else { at + 1 }),
            b'}' | b']' => depth -= 1,
            b',' | b' ' | b'\t' | b'\r' | b'\n' if depth == 0 => return Some(at),
            _ => {}
        }
        at += 1;
    }
}

/// The position behind the closing quote.
fn string_end(text: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let hit = at + memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        if text.get(hit) == Some(&b'"') {
            return Some(hit + 1);
        }
        at = hit + 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> (Vec<(String, u64)>, Found) {
        let bytes = text.as_bytes();
        let mut splitter = Splitter::new(Layout::detect(bytes, true).unwrap());
        let mut rows = Vec::new();
        loop {
            match splitter.next(bytes, true) {
                Found::Row { span, line } => rows.push((text[span].to_owned(), line)),
                other => return (rows, other),
            }
        }
    }

    #[test]
    fn lines_arrays_and_pretty_printing_are_told_apart() {
        let lines = rows("\n {\"a\":1} \r\n\n{\"a\":2}");
        assert_eq!(lines, (vec![("{\"a\":1}".into(), 2), ("{\"a\":2}".into(), 4)], Found::End));
        let array = rows(" [\n{\"a\":\"],[\"},\n 5 ,\"x\"\n]\n");
        let expected = vec![("{\"a\":\"],[\"}".into(), 2), ("5".into(), 3), ("\"x\"".into(), 3)];
        assert_eq!(array, (expected, Found::End));
        let pretty = rows("{\n \"a\": {\n}}\n{\n}");
        assert_eq!(pretty, (vec![("{\n \"a\": {\n}}".into(), 1), ("{\n}".into(), 4)], Found::End));
        assert_eq!(rows(""), (vec![], Found::End));
        assert_eq!(rows("[]"), (vec![], Found::End));
    }

    #[test]
    fn broken_arrays_are_not_silent() {
        for text in ["[", "[{\"a\":1}", "[{\"a\":1},", "[{\"a\":1},]", "[{}] x", "[{} {}]", "[1", "[\"a"] {
            assert!(matches!(rows(text).1, Found::Broken(..)), "{text}");
        }
    }
}

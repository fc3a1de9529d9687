//! JSON as Pinot writes it (Jackson): no blanks, key order kept, the last of equal keys, decimals without trailing zeros.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::datatypes::DataType as Arrow;
use pinotage_common::Result;

use crate::decimal::Decimal;
use crate::outcome::Outcome;
use crate::text::Rewrite;
use crate::{nested, rule, text};

/// Jackson's limits (`StreamReadConstraints`).
const MAX_DEPTH: usize = 1000;
const MAX_NUMBER: usize = 1000;

/// Text is parsed and written again, nested values are written, numbers are their own text.
pub(crate) fn to_json(array: &ArrayRef, outcome: &mut Outcome<'_>) -> Result<ArrayRef> {
    match array.data_type() {
        Arrow::Utf8 => Ok(Arc::new(rewrite(array.as_string::<i32>(), true, outcome)?)),
        Arrow::Struct(_) | Arrow::Map(..) => Ok(Arc::new(nested::to_json(array, outcome)?)),
        arrow if crate::accept::item(arrow).is_some() => Ok(Arc::new(nested::to_json(array, outcome)?)),
        _ => Ok(Arc::new(rewrite(&text::from_number(array)?, false, outcome)?)),
    }
}

fn rewrite(texts: &StringArray, count: bool, outcome: &mut Outcome<'_>) -> Result<StringArray> {
    let mut rewrite = Rewrite::new(texts);
    let mut canonical = Canonical::default();
    for at in 0..texts.len() {
        if texts.is_null(at) {
            rewrite.keep(at);
            continue;
        }
        let text = texts.value(at);
        let (rule, expected) = match canonical.rewrite(text) {
            Ok(json) => {
                if count && json != text {
                    outcome.change(at, rule::JSON_REWRITTEN, text);
                }
                rewrite.put(at, json);
                continue;
            }
            // Pinot drops what follows in silence.
            Err(Fault::Trailing) => (rule::WRONG_TYPE, "one JSON value and nothing after it"),
            Err(Fault::TooDeep) => (rule::WRONG_TYPE, "JSON nested at most 1,000 levels deep"),
            Err(Fault::LongNumber | Fault::NotJson) => (rule::OUT_OF_RANGE, "numbers of at most 1,000 characters"),
        };
        outcome.bad(at, rule, expected, text);
        rewrite.keep(at);
    }
    rewrite.finish()
}

/// Why a text has no canonical form.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Never seen outside: such text is a JSON string.
    NotJson,
    Trailing,
    TooDeep,
    LongNumber,
}

/// Writes JSON texts in canonical form; its buffers are used again.
#[derive(Default)]
pub(crate) struct Canonical {
    out: String,
    number: Decimal,
    entries: Vec<Entry>,
}

/// Where an entry of an object stands in the output: key, value.
type Entry = (usize, usize, usize);

impl Canonical {
    /// The canonical form. Text that is no JSON is a JSON string; blank text stays empty.
    pub(crate) fn rewrite(&mut self, text: &str) -> Result<&str, Fault> {
        self.out.clear();
        self.entries.clear();
        let mut parser = Parser { text, bytes: text.as_bytes(), at: 0, to: self };
        match parser.document() {
            Ok(()) => Ok(&self.out),
            Err(Fault::NotJson) => {
                self.out.clear();
                write_string(text, &mut self.out);
                Ok(&self.out)
            }
            Err(fault) => Err(fault),
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    to: &'a mut Canonical,
}

impl Parser<'_> {
    fn document(&mut self) -> Result<(), Fault> {
        self.blanks();
        let Some(first) = self.peek() else { return Ok(()) };
        self.value(0)?;
        // A number has to end; Jackson stops behind anything else.
        if matches!(first, b'-' | b'0'..=b'9') && self.peek().is_some_and(|next| !is_blank(next)) {
            return Err(Fault::NotJson);
        }
        self.blanks();
        if self.at == self.bytes.len() { Ok(()) } else { Err(Fault::Trailing) }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(is_blank) {
            self.at += 1;
        }
    }

    /// The next byte that is not blank has to be this one.
    fn expect(&mut self, byte: u8) -> Result<(), Fault> {
        self.blanks();
        if self.peek() != Some(byte) {
            return Err(Fault::NotJson);
        }
        self.at += 1;
        Ok(())
    }

    fn value(&mut self, depth: usize) -> Result<(), Fault> {
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'{' | b'[') if depth == MAX_DEPTH => Err(Fault::TooDeep),
            Some(b'{') => self.object(depth + 1),
            Some(b'[') => self.array(depth + 1),
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            Some(b'n') => self.word("null"),
            _ => Err(Fault::NotJson),
        }
    }

    fn word(&mut self, word: &str) -> Result<(), Fault> {
        let end = self.at + word.len();
        let goes_on = |next: &u8| next.is_ascii_alphanumeric() || matches!(next, b'_' | b'$' | 0x80..);
        if self.bytes.get(self.at..end) != Some(word.as_bytes()) || self.bytes.get(end).is_some_and(goes_on) {
            return Err(Fault::NotJson);
        }
        self.at = end;
        self.to.out.push_str(word);
        Ok(())
    }

    fn array(&mut self, depth: usize) -> Result<(), Fault> {
        self.at += 1;
        self.to.out.push('[');
        self.blanks();
        if self.peek() == Some(b']') {
            self.at += 1;
            self.to.out.push(']');
            return Ok(());
        }
        loop {
            self.blanks();
            self.value(depth)?;
            if !self.goes_on(b']')? {
                return Ok(());
            }
        }
    }

    /// After a value: a comma, or the end. Both are written.
    fn goes_on(&mut self, end: u8) -> Result<bool, Fault> {
        self.blanks();
        let next = self.peek().filter(|next| *next == b',' || *next == end).ok_or(Fault::NotJson)?;
        self.at += 1;
        self.to.out.push(char::from(next));
        Ok(next == b',')
    }

    fn object(&mut self, depth: usize) -> Result<(), Fault> {
        self.at += 1;
        let start = self.to.out.len();
        let first = self.to.entries.len();
        self.to.out.push('{');
        self.blanks();
        if self.peek() == Some(b'}') {
            self.at += 1;
            self.to.out.push('}');
            return Ok(());
        }
        loop {
            self.blanks();
            let key = self.to.out.len();
            if self.peek() != Some(b'"') {
                return Err(Fault::NotJson);
            }
            self.string()?;
            self.expect(b':')?;
            self.to.out.push(':');
            let value = self.to.out.len();
            self.blanks();
            self.value(depth)?;
            self.to.entries.push((key, value, self.to.out.len()));
            if !self.goes_on(b'}')? {
                break;
            }
        }
        self.to.last_of_equal_keys(start, first);
        self.to.entries.truncate(first);
        Ok(())
    }

    fn number(&mut self) -> Result<(), Fault> {
        let start = self.at;
        self.at += usize::from(self.peek() == Some(b'-'));
        let digits = |parser: &mut Self| {
            let from = parser.at;
            while parser.peek().is_some_and(|byte| byte.is_ascii_digit()) {
                parser.at += 1;
            }
            if parser.at == from { Err(Fault::NotJson) } else { Ok(()) }
        };
        if self.peek() == Some(b'0') {
            self.at += 1
        } else {
            digits(self)?
        }
        let mut whole = true;
        if self.peek() == Some(b'.') {
            whole = false;
            self.at += 1;
            digits(self)?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            whole = false;
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            digits(self)?;
        }
        let text = &self.text[start..self.at];
        if text.len() > MAX_NUMBER {
            return Err(Fault::LongNumber);
        }
        let Canonical { out, number, .. } = &mut *self.to;
        if whole {
            out.push_str(if text == "-0" { "0" } else { text });
        } else {
            number.read(text).map_err(|_| Fault::NotJson)?;
            number.strip();
            number.java(out);
        }
        Ok(())
    }

    fn string(&mut self) -> Result<(), Fault> {
        self.at += 1;
        self.to.out.push('"');
        loop {
            let rest = &self.bytes[self.at..];
            let run = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20)).ok_or(Fault::NotJson)?;
            self.to.out.push_str(&self.text[self.at..self.at + run]);
            self.at += run + 1;
            match rest[run] {
                b'"' => break,
                b'\\' => self.escape()?,
                _ => return Err(Fault::NotJson),
            }
        }
        self.to.out.push('"');
        Ok(())
    }

    fn escape(&mut self) -> Result<(), Fault> {
        let escape = self.peek().ok_or(Fault::NotJson)?;
        self.at += 1;
        let c = match escape {
            b'"' | b'\\' | b'/' => char::from(escape),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let unit = self.unit()?;
                match char::from_u32(unit) {
                    Some(c) => c,
                    None => self.pair(unit)?,
                }
            }
            _ => return Err(Fault::NotJson),
        };
        write_char(c, &mut self.to.out);
        Ok(())
    }

    /// Four hexadecimal digits.
    fn unit(&mut self) -> Result<u32, Fault> {
        let digits = self.bytes.get(self.at..self.at + 4).ok_or(Fault::NotJson)?;
        let mut unit = 0;
        for digit in digits {
            unit = unit << 4 | char::from(*digit).to_digit(16).ok_or(Fault::NotJson)?;
        }
        self.at += 4;
        Ok(unit)
    }

    /// A surrogate: with its other half a character, else what Java writes for it, `?`.
    fn pair(&mut self, high: u32) -> Result<char, Fault> {
        let before = self.at;
        if high < 0xDC00 && self.bytes[self.at..].starts_with(b"\\u") {
            self.at += 2;
            let low = self.unit()?;
            if (0xDC00..0xE000).contains(&low) {
                return Ok(char::from_u32(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)).unwrap_or('?'));
            }
            self.at = before;
        }
        Ok('?')
    }
}

impl Canonical {
    /// An object keeps the place of the first of equal keys and the value of the last.
    fn last_of_equal_keys(&mut self, start: usize, first: usize) {
        let (out, entries) = (&self.out, &self.entries[first..]);
        let key = |entry: &Entry| &out[entry.0..entry.1];
        let unique = if entries.len() <= 8 {
            entries.iter().enumerate().all(|(at, entry)| entries[..at].iter().all(|other| key(other) != key(entry)))
        } else {
            entries.iter().map(key).collect::<std::collections::HashSet<_>>().len() == entries.len()
        };
        if unique {
            return;
        }
        let last: HashMap<&str, &Entry> = entries.iter().map(|entry| (key(entry), entry)).collect();
        let mut seen = std::collections::HashSet::new();
        let mut object = String::from("{");
        for entry in entries.iter().filter(|entry| seen.insert(key(entry))) {
            if object.len() > 1 {
                object.push(',');
            }
            object.push_str(key(entry));
            if let Some((_, value, end)) = last.get(key(entry)) {
                object.push_str(&out[*value..*end]);
            }
        }
        object.push('}');
        self.out.truncate(start);
        self.out.push_str(&object);
    }
}

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

pub(crate) fn write_string(text: &str, out: &mut String) {
    out.push('"');
    text.chars().for_each(|c| write_char(c, out));
    out.push('"');
}

/// Jackson escapes quotes, backslashes and control characters, with upper-case digits.
fn write_char(c: char, out: &mut String) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c if c < ' ' => {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\u{:04X}", u32::from(c));
        }
        c => out.push(c),
    }
}

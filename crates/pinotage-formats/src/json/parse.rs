//! From a JSON row straight into columns.
//!
//! Written here rather than by `arrow-json`, which reads `1.5` into an integer column as 1 and the last of two equal
//! keys without a word. Numbers are exact, strings go to their column without a detour, and the first problem is
//! reported with its column, so no second pass over a batch is needed.

use crate::column::{Column, Kind, Record};
use crate::csv::excerpt;
use crate::number::{Reject, whole_digits};
use crate::rule;

/// Brackets in brackets at most; as `serde_json`.
const MAX_DEPTH: usize = 128;

/// Why a row is bad.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) rule: &'static str,
    pub(crate) column: Option<String>,
    pub(crate) message: String,
}

type Parsed<T> = Result<T, Box<Problem>>;

/// Reads one row; reused for all rows because of its scratch buffers.
pub(crate) struct RowParser {
    pub(crate) ignore_unknown: bool,
    pub(crate) scratch: Vec<u8>,
}

impl RowParser {
    /// Adds the row to the columns of `record`, which have `rows` rows so far; a bad row leaves them as they were.
    pub(crate) fn add(&mut self, row: &[u8], record: &mut Record, rows: usize) -> Parsed<()> {
        if std::str::from_utf8(row).is_err() {
            return Err(problem(rule::INVALID_UTF8, "expected UTF-8 text"));
        }
        let mut cursor = Cursor { text: row, at: 0, ignore_unknown: self.ignore_unknown, scratch: &mut self.scratch };
        let result = cursor.row(record, rows);
        if result.is_err() {
            for column in record.columns.iter_mut().flatten() {
                column.truncate(rows);
            }
        }
        result
    }
}

struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
    ignore_unknown: bool,
    scratch: &'a mut Vec<u8>,
}

/// A string as it stands between its quotes.
struct Raw<'a> {
    bytes: &'a [u8],
    escaped: bool,
}

fn problem(rule: &'static str, message: impl Into<String>) -> Box<Problem> {
    Box::new(Problem { rule, column: None, message: message.into() })
}

impl Problem {
    /// Adds the key that leads to the problem. Broken JSON is nobody's column.
    fn within(mut self: Box<Self>, key: &str) -> Box<Self> {
        if self.rule != rule::MALFORMED_JSON {
            self.column = Some(match self.column {
                None => key.to_owned(),
                Some(inner) => format!("{key}.{inner}"),
            });
        }
        self
    }
}

impl<'a> Cursor<'a> {
    fn row(&mut self, record: &mut Record, rows: usize) -> Parsed<()> {
        self.blanks();
        if self.peek() != Some(b'{') {
            self.skip(0)?;
            self.end()?;
            let found = excerpt(self.text);
            let message = format!("expected an object for a row, found `{found}`");
            return Err(problem(rule::NOT_AN_OBJECT, message));
        }
        self.object(record, rows, 0)?;
        self.end()
    }

    fn end(&mut self) -> Parsed<()> {
        self.blanks();
        if self.at < self.text.len() {
            return Err(self.malformed("the end of the row"));
        }
        Ok(())
    }

    /// An object whose keys are the record's columns.
    fn object(&mut self, record: &mut Record, rows: usize, depth: usize) -> Parsed<()> {
        self.enter(depth)?;
        let mut expected = 0;
        let mut more = self.first_member()?;
        while more {
            let found = match record.heads.get(expected) {
                Some(head) if !head.is_empty() && self.rest().starts_with(head) => {
                    self.at += head.len();
                    self.blanks();
                    Ok(expected)
                }
                _ => {
                    let key = self.key()?;
                    if key.escaped {
                        self.unescape(key.bytes)?;
                    }
                    let name = if key.escaped { self.scratch.as_slice() } else { key.bytes };
                    record.index.get(name).copied().ok_or(key.bytes)
                }
            };
            match found {
                Ok(i) => {
                    expected = i + 1;
                    match record.columns.get_mut(i) {
                        Some(Some(column)) => {
                            let result = if column.len() > rows {
                                let message = "expected every key once, found it again";
                                Err(problem(rule::DUPLICATE_KEY, message))
                            } else {
                                self.value(column, depth + 1)
                            };
                            if let Err(problem) = result {
                                let name = record.fields.get(i).map_or("", |field| field.name());
                                return Err(problem.within(name));
                            }
                        }
                        _ => self.skip(depth + 1)?,
                    }
                }
                Err(_) if self.ignore_unknown => self.skip(depth + 1)?,
                Err(key) => {
                    let key = excerpt(key);
                    let message = format!("expected a column of the schema, found the key `{key}`");
                    return Err(problem(rule::UNKNOWN_COLUMN, message).within(&key));
                }
            }
            more = self.next_member(b'}', "`,` or `}`")?;
        }
        for column in record.columns.iter_mut().flatten() {
            if column.len() == rows {
                column.push_null();
            }
        }
        Ok(())
    }

    fn value(&mut self, column: &mut Column, depth: usize) -> Parsed<()> {
        let Some(byte) = self.peek() else {
            return Err(self.malformed("a value"));
        };
        if byte == b'n' {
            self.literal(b"null")?;
            column.push_null();
            return Ok(());
        }
        if column.is_json {
            let start = self.at;
            self.skip(depth)?;
            if let Kind::Utf8(out) = &mut column.kind {
                compact(self.text.get(start..self.at).unwrap_or_default(), &mut out.values);
                out.end();
            }
            column.nulls.push(true);
            return Ok(());
        }
        if let Kind::List(offsets, child, _) = &mut column.kind {
            if byte == b'[' {
                self.enter(depth)?;
                let mut more = self.first_item()?;
                while more {
                    self.value(child, depth + 1)?;
                    more = self.next_member(b']', "`,` or `]`")?;
                }
            } else {
                // One value where several are allowed is a list of one, as in Pinot.
                self.value(child, depth + 1)?;
            }
            offsets.push(child.len() as i32);
            column.nulls.push(true);
            return Ok(());
        }
        match byte {
            b'"' => {
                let raw = self.string()?;
                if !raw.escaped {
                    return column.push_text(raw.bytes).map_err(|r| refused(column, r, raw.bytes));
                }
                self.unescape(raw.bytes)?;
                let text = self.scratch.as_slice();
                column.push_text(text).map_err(|reject| refused(column, reject, text))
            }
            b'{' if matches!(column.kind, Kind::Struct(_)) => {
                let rows = column.len();
                if let Kind::Struct(record) = &mut column.kind {
                    self.object(record, rows, depth)?;
                }
                column.nulls.push(true);
                Ok(())
            }
            b'{' | b'[' => {
                let start = self.at;
                self.skip(depth)?;
                let json = self.text.get(start..self.at).unwrap_or_default();
                match &mut column.kind {
                    Kind::Utf8(out) => {
                        compact(json, &mut out.values);
                        out.end();
                        column.nulls.push(true);
                        Ok(())
                    }
                    _ => Err(refused(column, Reject::WrongType, json)),
                }
            }
            b't' | b'f' => {
                let text: &[u8] = if byte == b't' { b"true" } else { b"false" };
                self.literal(text)?;
                match &column.kind {
                    Kind::Boolean(_) | Kind::Utf8(_) => {
                        column.push_text(text).map_err(|reject| refused(column, reject, text))
                    }
                    _ => Err(refused(column, Reject::WrongType, text)),
                }
            }
            _ => {
                let number = self.number()?;
                self.push_number(column, number)
            }
        }
    }

    fn push_number(&mut self, column: &mut Column, number: &[u8]) -> Parsed<()> {
        let reject = match &column.kind {
            // Bytes are digits of text, never of a number.
            Kind::Binary(_) | Kind::Date32(_) => Reject::WrongType,
            _ => match column.push_text(number) {
                Ok(()) => return Ok(()),
                Err(reject) => reject,
            },
        };
        let is_integer = !matches!(column.kind, Kind::Binary(_) | Kind::Date32(_) | Kind::Struct(_) | Kind::Boolean(_));
        if reject == Reject::WrongType && is_integer {
            self.scratch.clear();
            let result = whole_digits(number, self.scratch).and_then(|()| column.push_text(self.scratch));
            return result.map_err(|reject| refused(column, reject, number));
        }
        Err(refused(column, reject, number))
    }

    // The grammar.

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.peek() {
            self.at += 1;
        }
    }

    #[cold]
    fn malformed(&self, expected: &str) -> Box<Problem> {
        let found = match self.text.get(self.at..) {
            None | Some([]) => "the end of the row".to_owned(),
            Some(rest) => format!("`{}`", excerpt(rest.get(..20).unwrap_or(rest))),
        };
        let message = format!("expected {expected} at byte {} of the row, found {found}", self.at);
        problem(rule::MALFORMED_JSON, message)
    }

    /// Passes an opening bracket.
    fn enter(&mut self, depth: usize) -> Parsed<()> {
        if depth >= MAX_DEPTH {
            return Err(self.malformed("at most 128 levels of brackets"));
        }
        self.at += 1;
        Ok(())
    }

    /// After `{`: whether a member follows; passes `}` if not.
    fn first_member(&mut self) -> Parsed<bool> {
        self.blanks();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(false);
        }
        Ok(true)
    }

    fn first_item(&mut self) -> Parsed<bool> {
        self.blanks();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(false);
        }
        Ok(true)
    }

    /// After a member: whether another follows.
    fn next_member(&mut self, close: u8, expected: &str) -> Parsed<bool> {
        self.blanks();
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                self.blanks();
                Ok(true)
            }
            Some(byte) if byte == close => {
                self.at += 1;
                Ok(false)
            }
            _ => Err(self.malformed(expected)),
        }
    }

    /// A key with its colon; the cursor stands on the value then.
    fn key(&mut self) -> Parsed<Raw<'a>> {
        if self.peek() != Some(b'"') {
            return Err(self.malformed("a key in quotes"));
        }
        let key = self.string()?;
        self.blanks();
        if self.peek() != Some(b':') {
            return Err(self.malformed("`:`"));
        }
        self.at += 1;
        self.blanks();
        Ok(key)
    }

    fn literal(&mut self, text: &[u8]) -> Parsed<()> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        if !rest.starts_with(text) {
            return Err(self.malformed("a value"));
        }
        self.at += text.len();
        Ok(())
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        self.at - start
    }

    fn number(&mut self) -> Parsed<&'a [u8]> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let leading_zero = self.peek() == Some(b'0');
        let count = self.digits();
        if count == 0 {
            self.at = start;
            return Err(self.malformed("a value"));
        }
        if leading_zero && count > 1 {
            self.at = start;
            return Err(self.malformed("a number without leading zeros"));
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            if self.digits() == 0 {
                return Err(self.malformed("a digit after the point"));
            }
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            if self.digits() == 0 {
                return Err(self.malformed("a digit in the exponent"));
            }
        }
        Ok(self.text.get(start..self.at).unwrap_or_default())
    }

    /// Passes a string; escapes are found but not yet checked.
    fn string(&mut self) -> Parsed<Raw<'a>> {
        let start = self.at + 1;
        let mut at = start;
        let mut escaped = false;
        loop {
            at = string_stop(self.text, at);
            match self.text.get(at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    at += 2;
                }
                Some(_) => {
                    self.at = at;
                    return Err(self.malformed("control characters in strings to be escaped"));
                }
                None => {
                    self.at = self.text.len();
                    return Err(self.malformed("a closing quote"));
                }
            }
        }
        self.at = at + 1;
        Ok(Raw { bytes: self.text.get(start..at).unwrap_or_default(), escaped })
    }

    /// The string's characters, in the scratch buffer.
    fn unescape(&mut self, raw: &[u8]) -> Parsed<()> {
        self.scratch.clear();
        let mut rest = raw;
        while let Some(at) = memchr::memchr(b'\\', rest) {
            self.scratch.extend_from_slice(rest.get(..at).unwrap_or_default());
            let code = rest.get(at + 1).copied();
            rest = rest.get(at + 2..).unwrap_or_default();
            let byte = match code {
                Some(byte @ (b'"' | b'\\' | b'/')) => byte,
                Some(b'n') => b'\n',
                Some(b't') => b'\t',
                Some(b'r') => b'\r',
                Some(b'b') => 0x08,
                Some(b'f') => 0x0c,
                Some(b'u') => {
                    let Some((character, length)) = unicode(rest) else {
                        let message = "expected four hexadecimal digits of a character after `\\u`, a pair of them for a surrogate";
                        return Err(problem(rule::MALFORMED_JSON, message));
                    };
                    let mut buffer = [0; 4];
                    self.scratch.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
                    rest = rest.get(length..).unwrap_or_default();
                    continue;
                }
                _ => {
                    let message = "expected one of \" \\ / b f n r t u after a backslash";
                    return Err(problem(rule::MALFORMED_JSON, message));
                }
            };
            self.scratch.push(byte);
        }
        self.scratch.extend_from_slice(rest);
        Ok(())
    }

    /// Passes a value of any kind, checking that it is JSON.
    fn skip(&mut self, depth: usize) -> Parsed<()> {
        match self.peek() {
            Some(b'"') => {
                let raw = self.string()?;
                if raw.escaped {
                    self.unescape(raw.bytes)?;
                }
                Ok(())
            }
            Some(b'{') => {
                self.enter(depth)?;
                let mut more = self.first_member()?;
                while more {
                    let key = self.key()?;
                    if key.escaped {
                        self.unescape(key.bytes)?;
                    }
                    self.skip(depth + 1)?;
                    more = self.next_member(b'}', "`,` or `}`")?;
                }
                Ok(())
            }
            Some(b'[') => {
                self.enter(depth)?;
                let mut more = self.first_item()?;
                while more {
                    self.skip(depth + 1)?;
                    more = self.next_member(b']', "`,` or `]`")?;
                }
                Ok(())
            }
            Some(b'n') => self.literal(b"null"),
            Some(b't') => self.literal(b"true"),
            Some(b'f') => self.literal(b"false"),
            _ => self.number().map(|_| ()),
        }
    }
}

#[cold]
fn refused(column: &Column, reject: Reject, found: &[u8]) -> Box<Problem> {
    let rule = match reject {
        Reject::WrongType => rule::WRONG_TYPE,
        Reject::OutOfRange => rule::OUT_OF_RANGE,
    };
    let message = format!("expected {}, found `{}`", column.expectation(), excerpt(found));
    problem(rule, message)
}

/// The character of the four digits after `\u`, or of a surrogate pair, and how many bytes it took.
fn unicode(text: &[u8]) -> Option<(char, usize)> {
    let hex = |from: usize| -> Option<u32> {
        let digits = text.get(from..from + 4)?;
        digits.iter().try_fold(0, |value, &byte| Some(value << 4 | char::from(byte).to_digit(16)?))
    };
    let first = hex(0)?;
    if !(0xd800..0xe000).contains(&first) {
        return Some((char::from_u32(first)?, 4));
    }
    if text.get(4..6)? != b"\\u" {
        return None;
    }
    let second = hex(6)?;
    if first >= 0xdc00 || !(0xdc00..0xe000).contains(&second) {
        return None;
    }
    let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
    Some((char::from_u32(code)?, 10))
}

/// Copies JSON without the blanks between its tokens; everything else stays as it stands.
fn compact(json: &[u8], out: &mut Vec<u8>) {
    let mut at = 0;
    while let Some(&byte) = json.get(at) {
        let start = at;
        at += 1;
        if byte == b'"' {
            while let Some(&byte) = json.get(at) {
                at += if byte == b'\\' { 2 } else { 1 };
                if byte == b'"' {
                    break;
                }
            }
        } else if matches!(byte, b' ' | b'\t' | b'\r' | b'\n') {
            continue;
        }
        out.extend_from_slice(json.get(start..at).unwrap_or_default());
    }
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// The first quote, backslash or control character at or after `start`, or the end; eight bytes at a time.
#[inline]
fn string_stop(text: &[u8], start: usize) -> usize {
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
    let rest = text.get(start..).unwrap_or_default();
    let (words, tail) = rest.as_chunks::<8>();
    let mut at = start;
    for word in words {
        let word = u64::from_le_bytes(*word);
        let controls = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
        let hits = zeros(word ^ (ONES * u64::from(b'"'))) | zeros(word ^ (ONES * u64::from(b'\\'))) | controls;
        if hits != 0 {
            return at + (hits.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    let stop = tail.iter().position(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\');
    at + stop.unwrap_or(tail.len())
}

//! Thrift's compact protocol, as far as requests need it: writing only.
//!
//! The length of a text or list stands before it; a field says how far its number is from the one before.

use std::collections::BTreeMap;

const TRUE: u8 = 1;
const FALSE: u8 = 2;
const I32: u8 = 5;
const I64: u8 = 6;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const MAP: u8 = 11;
const STRUCT: u8 = 12;

/// The fields of a struct, which are written in the order of their numbers.
///
/// # Pinot equivalent
///
/// `org.apache.thrift.protocol.TCompactProtocol`
pub(super) struct Fields<'b> {
    bytes: &'b mut Vec<u8>,
    last: i16,
}

/// Writes a struct.
pub(super) fn write(bytes: &mut Vec<u8>, fields: impl FnOnce(&mut Fields<'_>)) {
    fields(&mut Fields { bytes: &mut *bytes, last: 0 });
    bytes.push(0);
}

impl Fields<'_> {
    fn begin(&mut self, number: i16, kind: u8) {
        match number - self.last {
            step @ 1..=15 => self.bytes.push((step as u8) << 4 | kind),
            _ => {
                self.bytes.push(kind);
                zigzag(self.bytes, number.into());
            }
        }
        self.last = number;
    }

    pub(super) fn bool(&mut self, number: i16, value: bool) {
        self.begin(number, if value { TRUE } else { FALSE });
    }

    pub(super) fn i32(&mut self, number: i16, value: i32) {
        self.begin(number, I32);
        zigzag(self.bytes, value.into());
    }

    pub(super) fn i64(&mut self, number: i16, value: i64) {
        self.begin(number, I64);
        zigzag(self.bytes, value);
    }

    pub(super) fn text(&mut self, number: i16, text: &str) {
        self.begin(number, BINARY);
        self::text(self.bytes, text);
    }

    pub(super) fn fields(&mut self, number: i16, fields: impl FnOnce(&mut Fields<'_>)) {
        self.begin(number, STRUCT);
        write(self.bytes, fields);
    }

    pub(super) fn texts(&mut self, number: i16, texts: &[String]) {
        self.list(number, BINARY, texts, |bytes, one| text(bytes, one));
    }

    pub(super) fn list_of_fields<T>(&mut self, number: i16, items: &[T], fields: impl Fn(&mut Fields<'_>, &T)) {
        self.list(number, STRUCT, items, |bytes, item| write(bytes, |of| fields(of, item)));
    }

    pub(super) fn map(&mut self, number: i16, map: &BTreeMap<&str, String>) {
        self.begin(number, MAP);
        varint(self.bytes, map.len() as u64);
        if !map.is_empty() {
            self.bytes.push(BINARY << 4 | BINARY);
        }
        for (key, value) in map {
            text(self.bytes, key);
            text(self.bytes, value);
        }
    }

    fn list<T>(&mut self, number: i16, kind: u8, items: &[T], put: impl Fn(&mut Vec<u8>, &T)) {
        self.begin(number, LIST);
        match items.len() {
            short @ 0..15 => self.bytes.push((short as u8) << 4 | kind),
            long => {
                self.bytes.push(0xf0 | kind);
                varint(self.bytes, long as u64);
            }
        }
        items.iter().for_each(|item| put(self.bytes, item));
    }
}

fn text(bytes: &mut Vec<u8>, text: &str) {
    varint(bytes, text.len() as u64);
    bytes.extend_from_slice(text.as_bytes());
}

/// Small numbers of either sign become short.
fn zigzag(bytes: &mut Vec<u8>, value: i64) {
    varint(bytes, (value << 1 ^ value >> 63) as u64);
}

fn varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

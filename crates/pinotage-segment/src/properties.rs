//! The Java-properties text of `metadata.properties` and `index_map`, as commons-configuration reads and writes it.

use std::collections::HashMap;
use std::fmt::Write as _;

use pinotage_spec::java::utf16_len;
use pinotage_spec::{DataType, Value};

use crate::constants::MAX_PROPERTY_UTF16;

/// Parsed properties: a key that occurs several times, or a value with commas, is a list.
///
/// # Pinot equivalent
///
/// `PropertiesConfiguration` with `LegacyListDelimiterHandler(',')`
#[derive(Debug, Clone, Default)]
pub struct Properties(HashMap<String, Vec<String>>);

impl Properties {
    /// Reads a file's text; bytes that are no UTF-8 become U+FFFD, as nothing that Pinotage needs is outside ASCII.
    pub fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let mut properties: HashMap<String, Vec<String>> = HashMap::new();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            let trimmed = line.trim();
            if trimmed.is_empty() || trimmed.starts_with(['#', '!']) {
                continue;
            }
            let mut logical = trimmed.to_owned();
            while ends_in_odd_backslashes(&logical) {
                logical.pop();
                match lines.next() {
                    Some(next) => logical.push_str(next.trim()),
                    None => break,
                }
            }
            let (key, value) = split_key(&logical);
            properties.entry(unescape(key)).or_default().extend(split_list(value.trim()));
        }
        Self(properties)
    }

    /// The first value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.first().map(String::as_str)
    }

    /// All values of a key, none when it is absent.
    pub fn get_list(&self, key: &str) -> &[String] {
        self.0.get(key).map_or(&[], Vec::as_slice)
    }

    /// The keys, in no order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

fn ends_in_odd_backslashes(line: &str) -> bool {
    line.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
}

/// Splits at the first `=`, `:` or blank that no backslash guards.
fn split_key(line: &str) -> (&str, &str) {
    let mut escaped = false;
    for (at, c) in line.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if matches!(c, '=' | ':' | ' ' | '\t' | '\u{c}') {
            let rest = line[at..].trim_start();
            return (&line[..at], rest.strip_prefix(['=', ':']).unwrap_or(rest));
        }
    }
    (line, "")
}

fn split_list(value: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let (mut start, mut escaped) = (0, false);
    for (at, c) in value.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == ',' {
            parts.push(unescape(value[start..at].trim()));
            start = at + 1;
        }
    }
    parts.push(unescape(value[start..].trim()));
    parts
}

fn unescape(text: &str) -> String {
    if !text.contains('\\') {
        return text.to_owned();
    }
    // Through UTF-16, because a supplementary character is escaped as its two halves.
    let mut units: Vec<u16> = Vec::with_capacity(text.len());
    let mut chars = text.chars();
    let mut buffer = [0; 2];
    while let Some(c) = chars.next() {
        let plain = match c {
            '\\' => match chars.next() {
                Some('u') => {
                    let rest = chars.as_str();
                    if let Some(unit) = rest.get(..4).and_then(|hex| u16::from_str_radix(hex, 16).ok()) {
                        units.push(unit);
                        chars = rest[4..].chars();
                        continue;
                    }
                    'u'
                }
                Some('t') => '\t',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('f') => '\u{c}',
                Some('b') => '\u{8}',
                Some(other) => other,
                None => break,
            },
            other => other,
        };
        units.extend_from_slice(plain.encode_utf16(&mut buffer));
    }
    String::from_utf16_lossy(&units)
}

/// Appends a line with one value; keys and values are escaped to pure ASCII, which every charset reads the same.
pub fn write_line(key: &str, value: &str, out: &mut String) {
    write_key(key, out);
    if !value.is_empty() {
        out.push(' ');
        escape(value, out);
    }
    out.push('\n');
}

/// Appends a line with a list; nothing is written for an empty list.
pub fn write_list<'a>(key: &str, values: impl IntoIterator<Item = &'a str>, out: &mut String) {
    let mut values = values.into_iter();
    let Some(first) = values.next() else { return };
    write_key(key, out);
    out.push(' ');
    escape(first, out);
    for value in values {
        out.push(',');
        escape(value, out);
    }
    out.push('\n');
}

fn write_key(key: &str, out: &mut String) {
    for c in key.chars() {
        match c {
            '=' | ':' | ' ' | '\t' | '\u{c}' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            ' '..='~' => out.push(c),
            _ => escape_units(c, out),
        }
    }
    out.push_str(" =");
}

fn escape(value: &str, out: &mut String) {
    for c in value.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            ',' => out.push_str("\\,"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            ' '..='~' => out.push(c),
            _ => escape_units(c, out),
        }
    }
}

fn escape_units(c: char, out: &mut String) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        let _ = write!(out, "\\u{unit:04X}");
    }
}

/// The text of a bound or default, or `None` where Pinot leaves the property out.
///
/// Too long a text and, for strings, any character above U+FFFF cannot be stored. Commas become two NULs and outer blanks
/// get a NUL as guard, because the reader would split and trim there.
///
/// # Pinot equivalent
///
/// `CommonsConfigurationUtils.replaceSpecialCharacterInPropertyValue`
pub fn encode_bound(value: &Value) -> Option<String> {
    let text = value.to_java_string();
    if utf16_len(&text) > MAX_PROPERTY_UTF16 {
        return None;
    }
    if !matches!(value, Value::String(_)) {
        return Some(text);
    }
    if text.bytes().any(|byte| byte >= 0xF0) {
        return None;
    }
    let guard = |guarded: bool| if guarded { "\0" } else { "" };
    Some(format!("{}{}{}", guard(text.starts_with(' ')), text.replace(',', "\0\0"), guard(text.ends_with(' '))))
}

/// Reads what [`encode_bound`] writes; `None` when the text is no such value.
pub fn decode_bound(data_type: DataType, text: &str) -> Option<Value> {
    use pinotage_spec::StoredType;
    if data_type.stored() == StoredType::String {
        let text = match text.strip_prefix('\0') {
            Some(rest) if rest.starts_with(' ') => rest,
            _ => text,
        };
        let text = match text.strip_suffix('\0') {
            Some(rest) if rest.ends_with(' ') => rest,
            _ => text,
        };
        return Some(Value::String(text.replace("\0\0", ",")));
    }
    // TIMESTAMP and BOOLEAN bounds are numbers of the stored type; Java's texts of infinities are read by Rust too.
    Value::parse(data_type, text).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bounds_are_written_as_pinot_does() {
        let line = |text: &str| {
            let mut out = String::new();
            let text = encode_bound(&Value::String(text.into()))?;
            write_line("minValue", &text, &mut out);
            Some(out)
        };
        assert_eq!(line("a,b ").unwrap(), "minValue = a\\u0000\\u0000b \\u0000\n");
        assert_eq!(line(" lead").unwrap(), "minValue = \\u0000 lead\n");
        assert_eq!(line("\\,").unwrap(), "minValue = \\\\\\u0000\\u0000\n");
        assert_eq!(line("é=:#!").unwrap(), "minValue = \\u00E9=:#!\n");
        assert_eq!(line("").unwrap(), "minValue =\n");
        assert_eq!(line("😀"), None);
        assert_eq!(line(&"x".repeat(513)), None);
    }

    #[test]
    fn keys_are_escaped() {
        let mut out = String::new();
        write_line("a b.c:d=é", "1", &mut out);
        assert_eq!(out, "a\\ b.c\\:d\\=\\u00E9 = 1\n");
        assert_eq!(Properties::parse(out.as_bytes()).get("a b.c:d=é"), Some("1"));
    }

    #[test]
    fn comments_lists_and_continuations_are_read() {
        let properties = Properties::parse(b"# no\n! no\na = 1,2\\,3\na=4\nb : x \\\n   y\nc\n\nd = \\u1F\\q\\");
        assert_eq!(properties.get_list("a"), ["1", "2,3", "4"]);
        assert_eq!(properties.get("b"), Some("x y"));
        assert_eq!(properties.get("c"), Some(""));
        assert_eq!(properties.get("d"), Some("u1Fq"));
        assert_eq!(properties.get("e"), None);
    }

    proptest! {
        #[test]
        fn bounds_come_back(text in any::<String>()) {
            if let Some(encoded) = encode_bound(&Value::String(text.clone())) {
                let mut out = String::new();
                write_line("k", &encoded, &mut out);
                let back = Properties::parse(out.as_bytes());
                // NULs of the text itself cannot be told from the guards; strings hold none.
                prop_assume!(!text.contains('\0'));
                // Control blanks at the ends are escaped, so trimming does not reach them.
                prop_assert_eq!(decode_bound(DataType::String, back.get("k").unwrap()), Some(Value::String(text)));
            }
        }

        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            Properties::parse(&bytes);
        }
    }
}

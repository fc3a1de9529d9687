//! Which files are meant: Java's `PathMatcher` patterns, as Pinot's job specs use them.

use std::fmt;
use std::iter::Peekable;
use std::str::{Chars, FromStr};

use pinotage_common::{Error, Result};
use regex::{Regex, RegexBuilder};

/// Compiled patterns above this size are refused.
const SIZE_LIMIT: usize = 1 << 20;

/// A pattern over whole paths: `glob:**/*.csv` or `regex:.*\.csv`; without a prefix it is a glob.
///
/// It is matched against [`Location::match_text`](crate::Location::match_text), the whole path with one slash after the
/// scheme, so nearly every pattern begins with `**/`. In a glob `*` and `?` stay within one part of the path and `**`
/// crosses parts; `[a-z]`, `[!a-z]` and `{csv,tsv}` are as in Java, and `\` takes the next character literally. A regular
/// expression must match the whole text; look-around and back references are refused.
///
/// Pinot equivalent: `includeFileNamePattern`, `excludeFileNamePattern` and `java.nio.file.FileSystem#getPathMatcher`.
///
/// # Examples
///
/// ```
/// use pinotage_store::Pattern;
/// let pattern: Pattern = "glob:**/*.{csv,csv.gz}".parse()?;
/// assert!(pattern.matches("s3:/bucket/2024/a.csv.gz"));
/// assert!(!pattern.matches("s3:/bucket/2024/a.json"));
/// # Ok::<(), pinotage_common::Error>(())
/// ```
#[derive(Clone)]
pub struct Pattern {
    text: String,
    regex: Regex,
}

impl Pattern {
    /// Whether the pattern matches the whole text.
    pub fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

impl FromStr for Pattern {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = |message: String| Error::invalid_config(message).with("pattern", text);
        let expression = match text.strip_prefix("regex:") {
            Some(expression) => expression.to_owned(),
            None => glob(text.strip_prefix("glob:").unwrap_or(text)).map_err(|message| {
                wrong(message.into()).action("write the pattern as Java's PathMatcher reads it, for example `**/*.csv`")
            })?,
        };
        let regex = RegexBuilder::new(&format!("^(?:{expression})$")).size_limit(SIZE_LIMIT).build();
        let regex = regex.map_err(|error| {
            wrong("expected a regular expression that can be matched in linear time".into())
                .caused_by(error)
                .action("correct the expression; look-around and back references are not available")
        })?;
        Ok(Self { text: text.into(), regex })
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.text)
    }
}

/// The regular expression of a glob, by the rules of `sun.nio.fs.Globs` on Unix.
///
/// Crates for globs differ from it: there `**` only works as a whole part of the path and `**/` may match nothing.
fn glob(glob: &str) -> Result<String, &'static str> {
    let mut regex = String::with_capacity(glob.len() * 2);
    let mut chars = glob.chars().peekable();
    let mut in_group = false;
    while let Some(c) = chars.next() {
        match c {
            '\\' => literal(chars.next().ok_or("expected a character after the last `\\`")?, &mut regex),
            '[' => class(&mut chars, &mut regex)?,
            '{' if in_group => return Err("expected no `{` inside of `{…}`: groups cannot be nested"),
            '{' => {
                in_group = true;
                regex.push_str("(?:(?:");
            }
            '}' if in_group => {
                in_group = false;
                regex.push_str("))");
            }
            ',' if in_group => regex.push_str(")|(?:"),
            '*' if chars.next_if_eq(&'*').is_some() => regex.push_str(".*"),
            '*' => regex.push_str("[^/]*"),
            '?' => regex.push_str("[^/]"),
            c => literal(c, &mut regex),
        }
    }
    if in_group { Err("expected a `}` that closes the group") } else { Ok(regex) }
}

/// `[…]`: the bracket is already taken.
fn class(chars: &mut Peekable<Chars<'_>>, regex: &mut String) -> Result<(), &'static str> {
    const OPEN: &str = "expected a `]` that closes the class";
    let mut ranges: Vec<(char, char)> = Vec::new();
    let negated = chars.next_if_eq(&'!').is_some();
    // At the start a `^` stands for itself, as does a `-`, which also may follow the `!`.
    if let Some(first) = chars.next_if(|c| *c == '-' || (*c == '^' && !negated)) {
        ranges.push((first, first));
    }
    // Where a range may start: Java lets no range start where another one ended.
    let mut start = None;
    loop {
        match chars.next().ok_or(OPEN)? {
            ']' => break,
            '/' => return Err("expected no `/` in a class"),
            '-' => {
                let first = start.take().ok_or("expected a character before `-` in a class")?;
                match chars.next().ok_or(OPEN)? {
                    ']' => {
                        ranges.push(('-', '-'));
                        break;
                    }
                    last if last < first => return Err("expected a range that goes upwards"),
                    last => ranges.push((first, last)),
                }
            }
            c => {
                ranges.push((c, c));
                start = Some(c);
            }
        }
    }
    if ranges.is_empty() {
        return Err("expected a character in the class");
    }
    regex.push_str(if negated { "[[^/]&&[^" } else { "[[^/]&&[" });
    for (first, last) in ranges {
        literal(first, regex);
        if last != first {
            regex.push('-');
            literal(last, regex);
        }
    }
    regex.push_str("]]");
    Ok(())
}

fn literal(c: char, regex: &mut String) {
    // `regex::escape` covers everything that means something, inside of classes too.
    regex.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
}

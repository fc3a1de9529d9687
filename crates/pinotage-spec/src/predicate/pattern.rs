//! Patterns of texts: those of SQL's LIKE.

use std::fmt;

/// A pattern that a whole text has to match, with case. Built from LIKE, or from a beginning, an end or a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextPattern {
    /// At least one. Any text may stand between two of them.
    parts: Vec<Vec<Piece>>,
}

/// What stands at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    /// This text.
    Text(String),
    /// Any one character, which may be a line break.
    One,
}

impl TextPattern {
    /// The pattern of `LIKE`: `%` is any text, `_` any one character, and what stands behind a backslash is itself, as is a
    /// backslash at the end.
    pub fn like(pattern: &str) -> Self {
        let mut parts = vec![Vec::new()];
        let mut chars = pattern.chars();
        while let Some(char) = chars.next() {
            let first = parts.len() == 1;
            let Some(part) = parts.last_mut() else { break };
            match char {
                '%' if part.is_empty() && !first => {}
                '%' => parts.push(Vec::new()),
                '_' => part.push(Piece::One),
                _ => {
                    let char = if char == '\\' { chars.next().unwrap_or(char) } else { char };
                    match part.last_mut() {
                        Some(Piece::Text(text)) => text.push(char),
                        _ => part.push(Piece::Text(char.into())),
                    }
                }
            }
        }
        Self { parts }
    }

    /// Texts that begin so.
    pub fn prefix(text: &str) -> Self {
        Self { parts: vec![part(text), Vec::new()] }
    }

    /// Texts that end so.
    pub fn suffix(text: &str) -> Self {
        Self { parts: vec![Vec::new(), part(text)] }
    }

    /// Texts in which this one is.
    pub fn contains(text: &str) -> Self {
        match text {
            "" => Self::prefix(""),
            _ => Self { parts: vec![Vec::new(), part(text), Vec::new()] },
        }
    }

    /// Whether a text matches.
    pub fn matches(&self, text: &str) -> bool {
        let Some((first, others)) = self.parts.split_first() else { return false };
        let Some(mut rest) = after(first, text) else { return false };
        let Some((last, middle)) = others.split_last() else { return rest.is_empty() };
        for part in middle {
            // The first place leaves the most for what follows.
            match places(rest).find_map(|rest| after(part, rest)) {
                Some(left) => rest = left,
                None => return false,
            }
        }
        match last.as_slice() {
            [] => true,
            [Piece::Text(text)] => rest.ends_with(text.as_str()),
            _ => places(rest).any(|rest| after(last, rest) == Some("")),
        }
    }

    /// The text with which a matching one begins, when that is all there is to it.
    pub(super) fn as_prefix(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [first, last] if last.is_empty() => match first.as_slice() {
                [Piece::Text(text)] => Some(text),
                _ => None,
            },
            _ => None,
        }
    }

    /// The same as a regular expression that is looked for in a text, for `java.util.regex` and RE2.
    pub(super) fn to_regex(&self) -> String {
        // Releases before 1.0 would look without case.
        let mut regex = String::from("(?s-i)");
        for (at, part) in self.parts.iter().enumerate() {
            match at {
                0 if !part.is_empty() || self.parts.len() == 1 => regex.push('^'),
                // What stands before a first `%` or behind a last one need not be looked at.
                0 => {}
                1 if self.parts.first().is_some_and(Vec::is_empty) => {}
                _ if part.is_empty() => {}
                _ => regex.push_str(".*"),
            }
            for piece in part {
                match piece {
                    Piece::One => regex.push('.'),
                    Piece::Text(text) => text.chars().for_each(|char| {
                        if char.is_ascii_punctuation() {
                            regex.push('\\');
                        }
                        regex.push(char);
                    }),
                }
            }
        }
        if self.parts.len() == 1 || self.parts.last().is_some_and(|last| !last.is_empty()) {
            // `$` would also match before a line break at the end.
            regex.push_str("\\z");
        }
        regex
    }
}

fn part(text: &str) -> Vec<Piece> {
    if text.is_empty() { Vec::new() } else { vec![Piece::Text(text.to_owned())] }
}

/// A text from each of its characters on, and the end.
fn places(text: &str) -> impl Iterator<Item = &str> {
    let ends = std::iter::once(text.len());
    text.char_indices().map(|(at, _)| at).chain(ends).map(|at| text.get(at..).unwrap_or_default())
}

/// What follows the pieces, when the text begins with them.
fn after<'t>(pieces: &[Piece], text: &'t str) -> Option<&'t str> {
    pieces.iter().try_fold(text, |rest, piece| match piece {
        Piece::Text(text) => rest.strip_prefix(text.as_str()),
        Piece::One => {
            let mut chars = rest.chars();
            chars.next().map(|_| chars.as_str())
        }
    })
}

impl fmt::Display for TextPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, part) in self.parts.iter().enumerate() {
            f.write_str(if at == 0 { "" } else { "%" })?;
            for piece in part {
                match piece {
                    Piece::One => f.write_str("_")?,
                    Piece::Text(text) => {
                        f.write_str(&text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"))?
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_as_like_does() {
        let cases = [
            ("", "", true),
            ("", "a", false),
            ("%", "", true),
            ("a%", "abc", true),
            ("a%", "ba", false),
            ("%c", "abc", true),
            ("%c", "c\n", false),
            ("%b%", "abc", true),
            ("a_c", "a\nc", true),
            ("a_c", "a😀c", true),
            ("a_c", "ac", false),
            ("%a_%b", "xaab", true),
            ("%a_%b", "xab", false),
            ("%a%a%", "a", false),
            ("a%b_", "abxbb", true),
            ("_%_", "a", false),
            ("50\\%", "50%", true),
            ("50\\%", "50x", false),
            ("a\\", "a\\", true),
            ("\\\\%", "\\x", true),
            ("A%", "abc", false),
        ];
        for (pattern, text, expected) in cases {
            let read = TextPattern::like(pattern);
            assert_eq!(read.matches(text), expected, "{pattern:?} {text:?}");
            assert_eq!(TextPattern::like(&read.to_string()), read, "{pattern:?}");
        }
        assert_eq!(TextPattern::prefix("a_b"), TextPattern::like("a\\_b%"));
        assert_eq!(TextPattern::suffix("a%"), TextPattern::like("%a\\%"));
        assert_eq!(TextPattern::contains("\\"), TextPattern::like("%\\\\%"));
        assert_eq!(TextPattern::contains(""), TextPattern::like("%%"));
    }

    #[test]
    fn a_regular_expression_looks_for_the_same() {
        let cases = [
            ("", "(?s-i)^\\z"),
            ("%", "(?s-i)"),
            ("a%", "(?s-i)^a"),
            ("%a", "(?s-i)a\\z"),
            ("%a%", "(?s-i)a"),
            ("a%b", "(?s-i)^a.*b\\z"),
            ("%a%b%", "(?s-i)a.*b"),
            ("_\\_.é%", "(?s-i)^.\\_\\.é"),
        ];
        for (pattern, expected) in cases {
            assert_eq!(TextPattern::like(pattern).to_regex(), expected, "{pattern}");
        }
    }
}

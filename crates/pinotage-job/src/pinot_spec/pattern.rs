//! File name patterns of Java's `PathMatcher`.

use pinotage_common::{Error, Result};
use regex::Regex;

/// A `glob:` or `regex:` pattern on whole paths.
///
/// # Pinot equivalent
///
/// `FileSystems.getDefault().getPathMatcher(pattern)`
#[derive(Debug, Clone)]
pub struct PathPattern(Regex);

impl PathPattern {
    /// Reads the pattern of an option.
    ///
    /// # Errors
    ///
    /// `invalid-config` for a pattern that Java would refuse too, `unsupported` for look-around and back references.
    pub fn parse(option: &'static str, text: &str) -> Result<Self> {
        let wrong = |message: String| {
            Error::invalid_config(message)
                .with("option", option)
                .action("write `glob:**/*.csv` or `regex:.*\\.csv`; the pattern is matched against the whole path")
        };
        let (syntax, pattern) = text
            .split_once(':')
            .ok_or_else(|| wrong(format!("`{text}` does not say whether it is a glob or a regex")))?;
        let pattern = match syntax.to_ascii_lowercase().as_str() {
            "glob" => glob(pattern).ok_or_else(|| wrong(format!("`{text}` is no complete glob")))?,
            "regex" => pattern.to_owned(),
            _ => return Err(wrong(format!("`{syntax}` is neither `glob` nor `regex`"))),
        };
        java_regex(option, &pattern).map(Self)
    }

    /// Whether a path matches, from its first to its last character.
    pub fn matches(&self, path: &str) -> bool {
        self.0.is_match(path)
    }
}

/// A Java regular expression that has to match the whole text.
pub(super) fn java_regex(option: &'static str, pattern: &str) -> Result<Regex> {
    Regex::new(&format!("^(?:{pattern})$")).map_err(|error| {
        Error::unsupported(format!("`{pattern}` is not a regular expression that is known here"))
            .with("option", option)
            .action("write it without look-around, back references and possessive quantifiers")
            .caused_by(error)
    })
}

/// Java's globs as regular expressions: `*` and `?` stay within a folder, `**` does not.
fn glob(pattern: &str) -> Option<String> {
    let mut out = String::new();
    let mut in_group = false;
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '*' if chars.next_if_eq(&'*').is_some() => out.push_str(".*"),
            '*' => out.push_str("[^/]*"),
            '?' => out.push_str("[^/]"),
            '\\' => out.push_str(&regex::escape(&chars.next()?.to_string())),
            '{' if in_group => return None,
            '{' => {
                out.push_str("(?:(?:");
                in_group = true;
            }
            '}' if in_group => {
                out.push_str("))");
                in_group = false;
            }
            ',' if in_group => out.push_str(")|(?:"),
            '[' => {
                out.push('[');
                if chars.next_if_eq(&'!').is_some() {
                    out.push_str("^/");
                }
                loop {
                    match chars.next()? {
                        ']' => break,
                        '/' => return None,
                        '-' => out.push('-'),
                        other => out.push_str(&regex::escape(&other.to_string())),
                    }
                }
                out.push(']');
            }
            other => out.push_str(&regex::escape(&other.to_string())),
        }
    }
    (!in_group).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_java() {
        for (pattern, path, expected) in [
            ("glob:**/*.avro", "/data/2014/01/a.avro", true),
            ("glob:**/*.avro", "a.avro", false),
            ("glob:*.avro", "/data/a.avro", false),
            ("glob:/data/*/a.avro", "/data/2014/a.avro", true),
            ("glob:/data/*/a.avro", "/data/2014/01/a.avro", false),
            ("glob:**/*.{csv,csv.gz}", "/x/a.csv.gz", true),
            ("glob:**/[a-c]?.csv", "/x/bz.csv", true),
            ("glob:**/[!a-c].csv", "/x/b.csv", false),
            ("glob:**/a+b\\*.csv", "/x/a+b*.csv", true),
            ("glob:**.json", "/x/y.json", true),
            ("GLOB:**/x,y", "/a/x,y", true),
            ("regex:.*/part-\\d+\\.csv", "/x/part-07.csv", true),
            ("regex:part-\\d+\\.csv", "/x/part-07.csv", false),
        ] {
            assert_eq!(PathPattern::parse("p", pattern).unwrap().matches(path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for pattern in ["*.csv", "re:x", "glob:**/{a", "glob:{a{b}}", "glob:[a", "glob:x\\", "regex:(?<=a)b", "regex:("]
        {
            assert!(PathPattern::parse("includeFileNamePattern", pattern).is_err(), "{pattern}");
        }
    }
}

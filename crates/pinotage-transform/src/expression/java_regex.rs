//! Java's regular expressions, where they mean the same to Rust's engine.

use regex::{Regex, RegexBuilder};

/// Compiles a pattern of `java.util.regex`.
///
/// The classes `\d`, `\w` and `\s` are of ASCII and the dot stops at all of Unicode's line ends, as in Java.
///
/// # Errors
///
/// What of it has no equal: look-around, back references, possessive quantifiers, `\b`, `$`, `\p` and the like.
pub(crate) fn compile(pattern: &str) -> Result<Regex, String> {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut chars = pattern.chars().peekable();
    let mut in_class = 0;
    // Whether the last thing was a quantifier, which a `+` behind makes possessive.
    let mut quantified = false;
    while let Some(c) = chars.next() {
        let was_quantified = std::mem::replace(&mut quantified, false);
        match c {
            '\\' => match chars.next() {
                Some('d') => out.push_str(if in_class > 0 { "0-9" } else { "[0-9]" }),
                Some('w') => out.push_str(if in_class > 0 { "a-zA-Z0-9_" } else { "[a-zA-Z0-9_]" }),
                Some('s') => out.push_str(if in_class > 0 { r" \t\n\x0B\f\r" } else { r"[ \t\n\x0B\f\r]" }),
                Some('D') if in_class == 0 => out.push_str("[^0-9]"),
                Some('W') if in_class == 0 => out.push_str("[^a-zA-Z0-9_]"),
                Some('S') if in_class == 0 => out.push_str(r"[^ \t\n\x0B\f\r]"),
                Some(c @ ('t' | 'n' | 'r' | 'f')) => out.extend(['\\', c]),
                Some(c) if c.is_ascii_punctuation() => out.extend(['\\', c]),
                Some(c) => return Err(format!("`\\{c}` of the pattern `{pattern}`")),
                None => return Err(format!("the end of the pattern `{pattern}`")),
            },
            '[' => {
                in_class += 1;
                out.push('[');
                if chars.peek() == Some(&'^') {
                    out.push('^');
                    chars.next();
                }
            }
            ']' if in_class > 0 => {
                in_class -= 1;
                out.push(']');
            }
            // A set within a set, and their operators, differ.
            '&' | '~' if in_class > 0 => return Err(format!("`{c}` in a set of the pattern `{pattern}`")),
            '-' if in_class > 0 && chars.peek() == Some(&'-') => {
                return Err(format!("`--` of the pattern `{pattern}`"));
            }
            _ if in_class > 0 => out.push(c),
            '.' => out.push_str(r"[^\n\r\u{85}\u{2028}\u{2029}]"),
            '$' => return Err(format!("`$` of the pattern `{pattern}`, which also matches before a last line break")),
            '(' if chars.peek() == Some(&'?') => {
                chars.next();
                match chars.peek() {
                    Some(':') => out.push_str("(?"),
                    _ => return Err(format!("`(?` of the pattern `{pattern}`")),
                }
            }
            '+' if was_quantified => return Err(format!("a possessive quantifier of the pattern `{pattern}`")),
            '*' | '+' | '?' | '}' => {
                // A lazy quantifier is one too, but nothing may follow it.
                quantified = !(was_quantified && c == '?');
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    RegexBuilder::new(&out).size_limit(1 << 20).nest_limit(50).build().map_err(|_| format!("the pattern `{pattern}`"))
}

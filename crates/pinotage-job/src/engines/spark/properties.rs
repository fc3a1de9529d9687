//! A script as the runner reads it: a file of Java's `Properties`.

use std::fmt::Write as _;

use super::SparkScript;

impl SparkScript {
    /// The script as properties, in UTF-8. With `watched` the runner stops when its standard input ends.
    pub fn to_properties(&self, watched: bool) -> String {
        let mut text = String::new();
        let mut add = |key: &str, value: &str| {
            let _ = writeln!(text, "{}={}", escaped(key), escaped(value));
        };
        if watched {
            add("watched", "true");
        }
        for (name, value) in &self.settings {
            add(&format!("set.{name}"), value);
        }
        add("source.format", &self.reading.format);
        for (at, path) in self.reading.paths.iter().enumerate() {
            add(&format!("source.path.{at}"), path);
        }
        for (name, value) in &self.reading.options {
            add(&format!("source.option.{name}"), value);
        }
        self.reading.columns.iter().for_each(|columns| add("source.columns", columns));
        self.reading.view.iter().for_each(|view| add("source.view", view));
        add("query", &self.query);
        for (name, value) in &self.sink {
            add(&format!("sink.{name}"), value);
        }
        self.overwrite.iter().for_each(|overwrite| add("overwrite", overwrite));
        text
    }
}

/// A key or a value.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{c}' => out.push_str("\\f"),
            '\\' | ' ' | '=' | ':' | '#' | '!' => out.extend(['\\', c]),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_meaning_in_properties_is_escaped() {
        assert_eq!(escaped(" a=b:c\\d\n#é"), "\\ a\\=b\\:c\\\\d\\n\\#é");
    }
}

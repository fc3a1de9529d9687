//! What happened to the values of a batch.

use std::collections::BTreeMap;

use crate::rule;

/// A value that cannot be stored; its row is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadValue {
    /// The row in the batch that came in.
    pub row: u32,
    /// The column of the table.
    pub column: String,
    /// Which [`rule`] it breaks.
    pub rule: &'static str,
    /// What was expected and what was found.
    pub message: String,
    /// The value's text, shortened.
    pub value: String,
}

/// How many values were changed, by column and rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes(pub BTreeMap<(String, &'static str), u64>);

impl Changes {
    /// Adds another batch's counts.
    pub fn add(&mut self, other: &Changes) {
        for (key, count) in &other.0 {
            *self.0.entry(key.clone()).or_default() += count;
        }
    }
}

/// Collects what happens to one column. Items of a multi-value column are mapped to their rows.
pub(crate) struct Outcome<'a> {
    pub(crate) column: &'a str,
    pub(crate) strict: bool,
    /// The row of each item, when the values are items of lists.
    pub(crate) rows: Option<Vec<u32>>,
    pub(crate) bad: Vec<BadValue>,
    pub(crate) changes: BTreeMap<&'static str, u64>,
}

impl<'a> Outcome<'a> {
    pub(crate) fn new(column: &'a str, strict: bool) -> Self {
        Self { column, strict, rows: None, bad: Vec::new(), changes: BTreeMap::new() }
    }

    /// Records a bad value; the caller stores anything in its place.
    pub(crate) fn bad(&mut self, at: usize, rule: &'static str, expected: &str, value: &str) {
        let row = self.rows.as_ref().map_or(at as u32, |rows| rows.get(at).copied().unwrap_or_default());
        let short: String = value.chars().take(100).collect();
        self.bad.push(BadValue {
            row,
            column: self.column.to_owned(),
            rule,
            message: format!("expected {expected}, found `{short}`"),
            value: short,
        });
    }

    /// Counts a change, or makes the value bad when changes are not allowed.
    pub(crate) fn change(&mut self, at: usize, rule: &'static str, value: &str) {
        if self.strict {
            self.bad(at, rule::STRICT, &format!("a value that needs no change ({rule})"), value);
        } else {
            *self.changes.entry(rule).or_default() += 1;
        }
    }
}

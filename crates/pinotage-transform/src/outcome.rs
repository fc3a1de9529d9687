//! What happened to the values of a batch.

use std::collections::BTreeMap;
use std::fmt::Display;

use arrow::buffer::OffsetBuffer;

use crate::date::DateTexts;

/// A value that cannot be stored; its row is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadValue {
    /// The row in the batch that came in.
    pub row: u32,
    /// The column of the table.
    pub column: String,
    /// Which [`rule`](crate::rule) it breaks.
    pub rule: &'static str,
    /// What was expected and what was found.
    pub message: String,
    /// The value's text, shortened to [`BadValue::MAX_CHARS`] characters.
    pub value: String,
}

impl BadValue {
    /// The longest text of a value that is kept, in characters.
    pub const MAX_CHARS: usize = 100;
}

/// How many values of good rows were changed, by column and rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes(pub BTreeMap<(String, &'static str), u64>);

impl Changes {
    /// Adds another batch's counts.
    pub fn add(&mut self, other: &Changes) {
        for (key, count) in &other.0 {
            *self.0.entry(key.clone()).or_default() += count;
        }
    }

    /// The count of one column and rule.
    pub fn count(&self, column: &str, rule: &'static str) -> u64 {
        self.0.get(&(column.to_owned(), rule)).copied().unwrap_or(0)
    }
}

/// Which row a value belongs to.
pub(crate) enum Rows {
    /// One value a row.
    Each,
    /// Items of lists with these offsets.
    Lists(OffsetBuffer<i32>),
    /// The row of each item.
    Of(Vec<u32>),
}

/// Why a value does not fit: the rule, and what was expected.
pub(crate) type Unfit = (&'static str, &'static str);

/// Collects what happens to one column.
pub(crate) struct Outcome<'a> {
    pub(crate) column: &'a str,
    strict: bool,
    /// See [`ConformOptions::nearest_float`](crate::ConformOptions::nearest_float).
    pub(crate) nearest_float: bool,
    pub(crate) rows: Rows,
    /// What is known of the column's dates from earlier batches.
    pub(crate) dates: Option<DateTexts>,
    pub(crate) bad: Vec<BadValue>,
    pub(crate) changes: Vec<(u32, &'static str)>,
}

impl<'a> Outcome<'a> {
    pub(crate) fn new(column: &'a str, strict: bool) -> Self {
        let (bad, changes) = (Vec::new(), Vec::new());
        Self { column, strict, nearest_float: false, rows: Rows::Each, dates: None, bad, changes }
    }

    /// The row of the value at a position.
    fn row(&self, at: usize) -> u32 {
        let row = match &self.rows {
            Rows::Each => at,
            Rows::Lists(offsets) => {
                let at = at as i64 + i64::from(offsets.first().copied().unwrap_or(0));
                offsets.partition_point(|start| i64::from(*start) <= at).saturating_sub(1)
            }
            Rows::Of(rows) => rows.get(at).map_or(0, |row| *row as usize),
        };
        row as u32
    }

    /// Records a bad value; the caller stores anything in its place.
    #[cold]
    pub(crate) fn bad(&mut self, at: usize, rule: &'static str, expected: impl Display, value: impl Display) {
        let value = value.to_string();
        let short = match value.char_indices().nth(BadValue::MAX_CHARS) {
            Some((end, _)) => value[..end].to_owned(),
            None => value,
        };
        self.bad.push(BadValue {
            row: self.row(at),
            column: self.column.to_owned(),
            rule,
            message: format!("expected {expected}, found `{short}`"),
            value: short,
        });
    }

    /// Counts a change, or makes the value bad when changes are not allowed.
    pub(crate) fn change(&mut self, at: usize, rule: &'static str, value: impl Display) {
        if self.strict {
            self.bad(at, rule, format_args!("a value that needs no change ({rule})"), value);
        } else {
            self.changes.push((self.row(at), rule));
        }
    }
}

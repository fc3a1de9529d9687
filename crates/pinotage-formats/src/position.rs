//! Where each row stood, and the rows that could not be read.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::RecordBatch;

/// One step of a reader: good rows, their places, and the bad rows met on the way. Read = good + bad, always.
#[derive(Debug, Clone)]
pub struct SourceBatch {
    /// The good rows in file order; may have none.
    pub batch: RecordBatch,
    /// Where row `i` of `batch` stood.
    pub rows: RowPositions,
    /// The bad rows in file order.
    pub bad: Vec<BadRow>,
}

impl SourceBatch {
    /// The same rows, counted from the start of the file: so many rows and lines stand before what was read.
    pub(crate) fn behind(mut self, rows: u64, lines: u64) -> Self {
        self.rows.first_row += rows;
        self.rows.numbers.iter_mut().for_each(|number| *number += rows);
        self.rows.lines_before += lines;
        for bad in &mut self.bad {
            bad.row_number += rows;
            bad.line = bad.line.map(|line| line + lines);
        }
        self
    }
}

/// A record that did not become a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// 0-based number of the record in the file, bad ones counted too.
    pub row_number: u64,
    /// 1-based line where the record starts.
    pub line: Option<u64>,
    /// Byte offset where the record starts, in the uncompressed text.
    pub offset: Option<u64>,
    /// The column whose value is wrong, if it is one column's fault; nested ones as `a.b`.
    pub column: Option<String>,
    /// One of the constants of [`rule`](crate::rule).
    pub rule: &'static str,
    /// What was expected and what was found.
    pub message: String,
    /// The record's bytes as they stand in the file, without the line break.
    pub raw: Vec<u8>,
}

/// Where each good row of a batch stood in its file.
#[derive(Clone, Default)]
pub struct RowPositions {
    len: usize,
    first_row: u64,
    /// Row numbers when bad rows stood in between; empty when they are consecutive.
    numbers: Vec<u64>,
    text: Option<Arc<TextRows>>,
    /// Which rows of `text` are good; empty when all are.
    selected: Vec<u32>,
    /// Lines of the file before those that `text` counts from.
    lines_before: u64,
}

/// The text of a batch and the span of each row in it.
#[derive(Default)]
pub(crate) struct TextRows {
    /// The bytes that all rows of the batch were cut from.
    pub(crate) text: Vec<u8>,
    /// Offset of `text[0]` in the uncompressed file.
    pub(crate) base: u64,
    pub(crate) spans: Vec<Range<u32>>,
    pub(crate) lines: Vec<u64>,
}

impl RowPositions {
    /// Rows of a binary format: consecutive numbers, no text.
    pub(crate) fn consecutive(first_row: u64, len: usize) -> Self {
        Self { len, first_row, ..Self::default() }
    }

    /// Rows cut from text. `numbers` has one number a row of `text`, or is empty for consecutive ones;
    /// `selected` names the good ones, or is empty for all.
    pub(crate) fn of_text(first_row: u64, text: TextRows, numbers: Vec<u64>, selected: Option<Vec<u32>>) -> Self {
        let all = text.spans.len();
        match selected {
            None => {
                Self { len: all, first_row, numbers, text: Some(Arc::new(text)), selected: Vec::new(), lines_before: 0 }
            }
            Some(selected) => Self {
                len: selected.len(),
                first_row,
                numbers: selected
                    .iter()
                    .map(|&row| match numbers.get(row as usize) {
                        Some(number) => *number,
                        None => first_row + u64::from(row),
                    })
                    .collect(),
                text: Some(Arc::new(text)),
                selected,
                lines_before: 0,
            },
        }
    }

    /// The number of rows, equal to the batch's.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// 0-based number of the record in the file, bad ones counted too.
    pub fn row_number(&self, row: usize) -> u64 {
        match self.numbers.get(row) {
            Some(number) => *number,
            None => self.first_row + row as u64,
        }
    }

    /// 1-based line where the row starts; `None` in binary formats.
    pub fn line(&self, row: usize) -> Option<u64> {
        let (text, row) = self.text_row(row)?;
        text.lines.get(row).map(|line| line + self.lines_before)
    }

    /// Byte offset where the row starts, in the uncompressed text; `None` in binary formats.
    pub fn offset(&self, row: usize) -> Option<u64> {
        let (text, row) = self.text_row(row)?;
        Some(text.base + u64::from(text.spans.get(row)?.start))
    }

    /// The row's bytes as they stand in the file, without the line break; `None` in binary formats.
    pub fn raw(&self, row: usize) -> Option<&[u8]> {
        let (text, row) = self.text_row(row)?;
        let span = text.spans.get(row)?;
        text.text.get(span.start as usize..span.end as usize)
    }

    fn text_row(&self, row: usize) -> Option<(&TextRows, usize)> {
        let text = self.text.as_deref()?;
        if row >= self.len {
            return None;
        }
        Some((text, self.selected.get(row).map_or(row, |&row| row as usize)))
    }
}

impl fmt::Debug for RowPositions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowPositions")
            .field("len", &self.len)
            .field("first_row", &self.first_row)
            .finish_non_exhaustive()
    }
}

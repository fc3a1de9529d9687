//! Where rows come from.

use std::fmt;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use pinotage_common::Result;
use serde::{Deserialize, Serialize};

use crate::Context;

/// A place that rows come from, in splits that are read beside each other.
///
/// # Pinot equivalent
///
/// None; Flink's `Source` and Spark's `Batch` and `MicroBatchStream` map onto it.
pub trait Source: Send + Sync {
    /// The columns of every batch. A batch may have text as dictionaries, and fewer columns that can be null.
    fn schema(&self) -> SchemaRef;

    /// It has an end. Otherwise [`Source::plan`] is asked again from time to time, and readers wait for rows.
    fn is_bounded(&self) -> bool;

    /// The splits, those of `known` included unless they are gone. A split keeps its id for ever; two splits never share a row.
    ///
    /// # Errors
    ///
    /// Those of the system that is read.
    fn plan(&self, known: &[SplitState]) -> Result<Vec<Split>>;

    /// Opens a split behind a position that one of its readers gave, or at its beginning.
    ///
    /// # Errors
    ///
    /// Those of the system that is read; `not-found` when rows behind the position are gone, which would be lost.
    fn open(&self, split: &Split, behind: Option<&Position>, context: &Context) -> Result<Box<dyn Reader>>;

    /// Everything up to these positions has been recorded and can be forgotten by the system that is read. It may be told
    /// twice, or never.
    ///
    /// # Errors
    ///
    /// Those of the system; they stop nothing.
    fn acknowledge(&self, _recorded: &[SplitState]) -> Result<()> {
        Ok(())
    }
}

/// A part of a source that is read from its beginning to its end by one reader at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// Unique in its source, and the same every time: `data/a.csv`, `orders-3`.
    pub id: String,
    /// What the source needs to open it, in its own words.
    #[serde(default)]
    pub detail: String,
}

/// How far a split was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitState {
    /// The split.
    pub split: Split,
    /// Behind the last row that was taken; none before the first.
    pub position: Option<Position>,
    /// The reader has said that nothing comes any more.
    pub ended: bool,
}

/// A place between two rows of a split: opaque to all but its source, and ordered, the later the greater.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(String);

impl Position {
    /// The place behind so many rows, or any other number that grows.
    pub fn number(number: u64) -> Self {
        // As wide as every number is, so that texts are ordered as numbers are.
        Self(format!("{number:020}"))
    }

    /// A place in the source's own words, whose order is that of the texts.
    pub fn text(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The words.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number of [`Position::number`].
    pub fn as_number(&self) -> Option<u64> {
        self.0.parse().ok()
    }
}

impl fmt::Debug for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads one split.
pub trait Reader: Send {
    /// The next rows, waiting so long at most when there are none.
    ///
    /// # Errors
    ///
    /// Those of the system that is read. After an error the reader is dropped and, if the error is temporary, the split opened
    /// again behind the last position that was handed out.
    fn next(&mut self, wait: Duration) -> Result<Next>;
}

/// What a reader has.
#[derive(Debug)]
pub enum Next {
    /// Rows; a reader keeps batches to some ten thousand rows, so that an epoch need not wait for long.
    Rows(Rows),
    /// Nothing now, perhaps later.
    Waiting,
    /// Nothing any more.
    End,
}

/// Some rows of a split.
#[derive(Debug)]
pub struct Rows {
    /// The good ones, of the columns of [`Source::schema`]; may be none.
    pub batch: RecordBatch,
    /// Where those stood.
    pub places: Box<dyn Places>,
    /// Records in between that are no rows.
    pub bad: Vec<BadRow>,
    /// Behind the last of them.
    pub position: Position,
}

/// Where the rows of a batch stood; asked for rows that turn out to be bad alone.
pub trait Places: fmt::Debug + Send {
    /// Where a row of the batch stood.
    fn place(&self, row: usize) -> Place;

    /// The row as it stood there, if it is text.
    fn raw(&self, _row: usize) -> Option<Vec<u8>> {
        None
    }
}

/// Where a record stood.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The file, topic or table.
    pub file: String,
    /// 0-based number of the record there.
    pub row_number: u64,
    /// 1-based line, in text.
    pub line: Option<u64>,
    /// Bytes before it, or the offset in a partition of a stream.
    pub offset: Option<u64>,
}

/// A record that is not a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// Where it stood.
    pub place: Place,
    /// The column whose value is wrong, if it is one column's fault.
    pub column: Option<String>,
    /// The rule that it breaks: a short name that never changes.
    pub rule: &'static str,
    /// What was expected and what was found.
    pub message: String,
    /// The record's bytes.
    pub raw: Vec<u8>,
}

/// A row as JSON, for a [`BadRow`] that came without bytes.
pub fn row_json(batch: &RecordBatch, row: usize) -> Vec<u8> {
    let mut writer = arrow::json::LineDelimitedWriter::new(Vec::new());
    match writer.write(&batch.slice(row, 1)).and_then(|()| writer.finish()) {
        Ok(()) => {
            let mut text = writer.into_inner();
            text.truncate(text.trim_ascii_end().len());
            text
        }
        Err(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_ordered_as_their_numbers_are() {
        let numbers = [0, 1, 9, 10, 99, 1 << 40, u64::MAX];
        let positions: Vec<_> = numbers.iter().map(|number| Position::number(*number)).collect();
        assert!(positions.is_sorted());
        assert!(positions.iter().zip(numbers).all(|(position, number)| position.as_number() == Some(number)));
        assert_eq!(Position::text("a/7").as_number(), None);
    }
}

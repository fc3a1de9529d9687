//! Where rows go.

use std::collections::BTreeMap;
use std::fmt;

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use pinotage_common::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::{BadRow, Context};

/// What a sink can promise about rows, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Delivery {
    /// Every row is there; after a failure some may be there twice.
    AtLeastOnce,
    /// Every row is there, and a row that comes twice takes the place of itself.
    Idempotent,
    /// Every row is there once, and the rows of an epoch appear together.
    Transactional,
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AtLeastOnce => "at least once",
            Self::Idempotent => "once by key",
            Self::Transactional => "exactly once",
        })
    }
}

/// A place that rows go to.
///
/// # Pinot equivalent
///
/// None; Flink's `Sink` with a committer and Spark's `BatchWrite` map onto it.
pub trait Sink: Send + Sync {
    /// The most that it can promise. A job that asks for more is refused before it starts.
    fn delivery(&self) -> Delivery;

    /// The partition of each row of a batch, where rows of a partition have to be together; none where every writer takes
    /// every row.
    ///
    /// # Errors
    ///
    /// `schema-mismatch` for a batch without the columns that decide.
    fn partitions(&self, _batch: &RecordBatch) -> Result<Option<Vec<u32>>> {
        Ok(None)
    }

    /// Rows of a batch that the target does not take, in their order: they go to the quarantine, and none of them to
    /// [`Sink::partitions`] or a writer.
    ///
    /// # Errors
    ///
    /// As [`Sink::partitions`].
    fn refused(&self, _batch: &RecordBatch) -> Result<Vec<Refused>> {
        Ok(Vec::new())
    }

    /// A writer of one task. `open` are the open buffers of all tasks of the recorded epoch whose
    /// [`OpenBuffer::partition`] is this task's now; their number may have been another one.
    ///
    /// # Errors
    ///
    /// `not-found` when rows that were kept aside are gone, naming them; those of the target.
    fn open(&self, open: Vec<OpenBuffer>, context: &Context) -> Result<Box<dyn Writer>>;

    /// Who brings committables into the target.
    ///
    /// # Errors
    ///
    /// Those of the target.
    fn committer(&self, context: &Context) -> Result<Box<dyn Committer>>;
}

/// A row that a target does not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Its place in the batch.
    pub row: u32,
    /// The columns that are at fault, if it is theirs.
    pub column: Option<String>,
    /// The rule that it breaks: a short name that never changes.
    pub rule: &'static str,
    /// What was expected and what was found.
    pub message: String,
}

/// A batch as one batch for each partition, by partition; `of_all` is that of all rows where rows have none.
///
/// # Errors
///
/// Those of [`Sink::partitions`].
pub fn by_partition(sink: &dyn Sink, batch: RecordBatch, of_all: u32) -> Result<Vec<(u32, RecordBatch)>> {
    split_by(sink.partitions(&batch)?, batch, of_all)
}

/// The same of rows whose partitions are known.
///
/// # Errors
///
/// `unexpected` where there are fewer rows than partitions.
pub fn split_by(partitions: Option<Vec<u32>>, batch: RecordBatch, of_all: u32) -> Result<Vec<(u32, RecordBatch)>> {
    let Some(partitions) = partitions else { return Ok(vec![(of_all, batch)]) };
    let mut rows: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (row, partition) in partitions.into_iter().enumerate() {
        rows.entry(partition).or_default().push(row as u32);
    }
    if let (Some(partition), 1) = (rows.keys().next().copied(), rows.len()) {
        return Ok(vec![(partition, batch)]);
    }
    let taken = |(partition, rows): (u32, Vec<u32>)| {
        let part = take_record_batch(&batch, &UInt32Array::from(rows))
            .map_err(|error| Error::unexpected("cannot take rows of a batch apart").caused_by(error))?;
        Ok((partition, part))
    };
    rows.into_iter().map(taken).collect()
}

/// Takes the rows of one task.
pub trait Writer: Send {
    /// Takes rows of one partition. It may wait until there is room for them.
    ///
    /// # Errors
    ///
    /// Those of the target. After an error the writer is dropped and nothing since the last recorded epoch counts.
    fn write(&mut self, partition: u32, batch: RecordBatch) -> Result<()>;

    /// Ends an epoch, later than all before: what was written since the last one outlives this process when the call returns.
    /// With `last` nothing stays open.
    ///
    /// # Errors
    ///
    /// As [`Writer::write`].
    fn prepare(&mut self, epoch: u64, last: bool) -> Result<Prepared>;

    /// The epoch under way is this one: for engines that number an epoch only when it has been prepared. Otherwise it is the one
    /// behind the last that was prepared.
    fn begin(&mut self, _epoch: u64) {}

    /// What the names of its files in staging have, and nobody else's: drawn when it was opened. None where it has no files.
    fn life(&self) -> Option<&str> {
        None
    }

    /// No row with an earlier time, in milliseconds since 1970, is expected any more: for engines that know. What comes later all the
    /// same is written as any other row.
    ///
    /// # Errors
    ///
    /// As [`Writer::write`].
    fn watermark(&mut self, _millis: i64) -> Result<()> {
        Ok(())
    }

    /// From now on rows that are open or being built may have so much memory, in bytes: what is more is not held any more when this
    /// returns. False where rows have to stay together, and nothing has changed.
    ///
    /// # Errors
    ///
    /// As [`Writer::write`].
    fn shrink(&mut self, _memory: u64) -> Result<bool> {
        Ok(false)
    }

    /// What [`Writer::prepare`] gave for this epoch, and for all before it, has been recorded: what only earlier epochs needed
    /// may go.
    ///
    /// # Errors
    ///
    /// Those of removing it; they stop nothing.
    fn recorded(&mut self, _epoch: u64) -> Result<()> {
        Ok(())
    }
}

/// What a writer has made durable.
#[derive(Debug, Default)]
pub struct Prepared {
    /// What is to come into the target, in order.
    pub committables: Vec<Committable>,
    /// All rows of this and earlier epochs that are in no committable yet.
    pub open: Vec<OpenBuffer>,
    /// Rows that the target does not take.
    pub rejected: Vec<BadRow>,
}

/// Rows that are kept aside: they belong to recorded epochs and are on no way into the target yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenBuffer {
    /// The partition, which decides who goes on with them.
    pub partition: u32,
    /// Their number.
    pub rows: u64,
    /// Where they are, in the sink's own words.
    pub detail: String,
}

/// What a committer brings into the target, as bytes that a later version can read or refuse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Committable {
    /// The version of the bytes.
    pub version: u32,
    /// The rows in it.
    pub rows: u64,
    /// What the sink needs to know, in its own words.
    pub detail: String,
}

/// Brings committables into the target.
pub trait Committer: Send {
    /// Brings all of them in, in one step where the target can. Those that are there already, by an earlier call of this or
    /// another process, are left as they are.
    ///
    /// # Errors
    ///
    /// `unsupported` for a version that it does not know; those of the target. After an error the same ones are given again.
    fn commit(&mut self, committables: &[Committable]) -> Result<()>;

    /// Takes back what an unfinished commit left, and removes what was kept for it. What is in the target stays.
    ///
    /// # Errors
    ///
    /// Those of the target.
    fn abort(&mut self, committables: &[Committable]) -> Result<()>;

    /// Looks whether the target fits the recorded epoch, before a run goes on.
    ///
    /// # Errors
    ///
    /// `commit-conflict` when the target has something of this run that is later than `epoch`: the state was set back or
    /// copied; or of the same job with another state, whose rows would be there twice.
    fn check(&mut self, _epoch: u64) -> Result<()> {
        Ok(())
    }
}

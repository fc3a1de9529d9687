//! The rows of an open segment in memory.

use arrow::array::{Array as _, ArrayRef, RecordBatch};
use arrow::compute::{concat_batches, filter_record_batch};
use pinotage_common::{Error, ErrorKind, Result};
use pinotage_segment::write::SegmentBuilder;
use pinotage_transform::Rolled;
use rayon::ThreadPool;

use super::task::Shape;
use crate::upsert::{Latest, UpsertMode, UpsertTable, partial, partition_metadata};

/// Rows that are merged wait until they have so many bytes.
const MERGED_BYTES: usize = 32 << 20;

/// Rows of an open segment.
pub(super) enum Content {
    /// Each row is a row of the segment.
    Rows(SegmentBuilder),
    /// Of the rows of a key the latest is a row of the segment. They wait in their order.
    Latest { rows: Vec<RecordBatch>, bytes: usize },
    /// Rows with the same dimensions are summed up.
    Rolled { rolled: Box<Rolled>, taken: usize },
    /// The rows of a key are merged into one.
    Merged { merged: Option<RecordBatch>, rows: Vec<RecordBatch>, bytes: usize },
}

impl Content {
    pub(super) fn new(shape: &Shape) -> Result<Self> {
        if let Some((rollup, columns)) = &shape.rollup {
            return Ok(Self::Rolled { rolled: Box::new(Rolled::try_new(rollup, columns)?), taken: 0 });
        }
        Ok(match shape.upserts.as_ref().map(|upserts| upserts.mode) {
            None => Self::Rows(SegmentBuilder::try_new_for(&shape.schema, &shape.table, shape.version)?),
            Some(UpsertMode::Full) => Self::Latest { rows: Vec::new(), bytes: 0 },
            Some(UpsertMode::Partial) => Self::Merged { merged: None, rows: Vec::new(), bytes: 0 },
        })
    }

    /// Takes rows. Of rows that are summed up it takes those that make no more than `max_rows`; says how many it took.
    pub(super) fn append(
        &mut self,
        shape: &Shape,
        pool: &ThreadPool,
        batch: RecordBatch,
        max_rows: usize,
    ) -> Result<usize> {
        let (size, count) = (slice_bytes(&batch), batch.num_rows());
        match self {
            Self::Rows(builder) => pool.install(|| builder.append(&batch))?,
            Self::Latest { rows, bytes } => {
                *bytes += size;
                rows.push(batch);
            }
            Self::Rolled { rolled, taken } => {
                let now = rolled.push(&batch, max_rows)?;
                *taken += now;
                return Ok(now);
            }
            Self::Merged { rows, bytes, .. } => {
                *bytes += size;
                rows.push(batch);
                if *bytes >= MERGED_BYTES {
                    self.merge(shape)?;
                }
            }
        }
        Ok(count)
    }

    /// All rows that were taken can be [had back](Content::rows_from).
    pub(super) fn holds_rows(&self) -> bool {
        matches!(self, Self::Rows(_) | Self::Latest { .. })
    }

    /// The rows behind the first ones, as they came; none where they are not held.
    pub(super) fn rows_from(&self, first: usize) -> Box<dyn Iterator<Item = Result<RecordBatch>> + '_> {
        match self {
            Self::Rows(builder) => Box::new(builder.rows_from(first)),
            Self::Latest { rows, .. } => {
                let mut before = first;
                Box::new(rows.iter().filter_map(move |batch| {
                    let skipped = before.min(batch.num_rows());
                    before -= skipped;
                    let left = batch.num_rows() - skipped;
                    (left > 0).then(|| Ok(batch.slice(skipped, left)))
                }))
            }
            Self::Rolled { .. } | Self::Merged { .. } => Box::new(std::iter::empty()),
        }
    }

    /// Rows that were taken since there are any, or something that grows with each of them.
    pub(super) fn num_taken(&self) -> usize {
        match self {
            Self::Rolled { taken, .. } => *taken,
            _ => self.num_rows(),
        }
    }

    /// It says itself when it is full.
    pub(super) fn is_rolled(&self) -> bool {
        matches!(self, Self::Rolled { .. })
    }

    /// Rows that were taken; of rows that are summed up, those that come out; of rows that are merged, those that are left and those
    /// that wait.
    pub(super) fn num_rows(&self) -> usize {
        let count = |rows: &[RecordBatch]| rows.iter().map(RecordBatch::num_rows).sum::<usize>();
        match self {
            Self::Rows(builder) => builder.num_docs(),
            Self::Latest { rows, .. } => count(rows),
            Self::Rolled { rolled, .. } => rolled.num_rows(),
            Self::Merged { merged, rows, .. } => merged.as_ref().map_or(0, RecordBatch::num_rows) + count(rows),
        }
    }

    /// Bytes of memory that are needed at most until the segment is finished.
    pub(super) fn peak_bytes(&self) -> usize {
        match self {
            Self::Rows(builder) => builder.peak_bytes(),
            // The rows, which of them count, and the segment that is made of those.
            Self::Latest { bytes, .. } => bytes * 3,
            // The builder takes them over while they are still held.
            Self::Rolled { rolled, .. } => rolled.len_bytes() * 3,
            Self::Merged { merged, bytes, .. } => {
                (merged.as_ref().map_or(0, RecordBatch::get_array_memory_size) + bytes) * 3
            }
        }
    }

    /// The segment can be sealed at any time. Rows that are merged stay together to the end: servers merge no uploaded row with
    /// another one.
    pub(super) fn can_be_sealed(&self) -> bool {
        !matches!(self, Self::Merged { .. })
    }

    /// Makes merged rows as few as there are keys.
    pub(super) fn merge(&mut self, shape: &Shape) -> Result<()> {
        let Self::Merged { merged, rows, bytes } = self else { return Ok(()) };
        let (Some(upserts), Some(first)) = (&shape.upserts, rows.first()) else { return Ok(()) };
        let new = concat_batches(&first.schema(), rows.iter())
            .map_err(|error| Error::unexpected("cannot put batches together").caused_by(error))?;
        let outcome = partial::merge(upserts, merged.as_ref(), &new)?;
        if let Some(row) = outcome.refused.first() {
            return Err(Error::invalid_data("with several comparison columns a row has a value in one of them")
                .with("columns", upserts.comparison.join(", "))
                .with("row of its partition", row)
                .action("give each row a value in exactly one comparison column"));
        }
        *merged = Some(outcome.rows);
        rows.clear();
        *bytes = 0;
        Ok(())
    }

    /// The segment of the rows that count, and how many do not.
    pub(super) fn into_builder(mut self, shape: &Shape, partition: u32) -> Result<(SegmentBuilder, u64)> {
        self.merge(shape)?;
        let mut dropped = 0;
        let mut builder = match self {
            Self::Rows(builder) => builder,
            Self::Latest { rows, .. } => {
                let mut builder = SegmentBuilder::try_new_for(&shape.schema, &shape.table, shape.version)?;
                dropped = latest(shape.upserts.as_ref(), &rows, &mut builder)?;
                builder
            }
            Self::Rolled { rolled, .. } => {
                let mut builder = SegmentBuilder::try_new_for(&shape.schema, &shape.table, shape.version)?;
                rolled.finish()?.iter().try_for_each(|rows| builder.append(rows))?;
                builder
            }
            Self::Merged { merged, .. } => {
                let mut builder = SegmentBuilder::try_new_for(&shape.schema, &shape.table, shape.version)?;
                merged.iter().try_for_each(|rows| builder.append(rows))?;
                builder
            }
        };
        if let Some(upload) = &shape.upload
            && let Some((column, metadata)) = partition_metadata(&shape.table, &upload.key, partition, upload.version)?
        {
            builder.set_partition(column, metadata);
        }
        Ok((builder, dropped))
    }

    /// The error of rows that have to stay together and take too much.
    pub(super) fn too_large(&self, limit: u64) -> Error {
        Error::new(
            ErrorKind::ResourceExhausted,
            "the merged rows of all keys stay in memory until the source ends, and there are too many",
        )
        .with("option", "limits.memory")
        .with("bytes", self.peak_bytes())
        .with("limit", limit)
        .action("raise `limits.memory` to several times of that, or load fewer partitions with one job")
    }
}

/// Bytes of the rows of a batch, which may be a part of another one.
pub(super) fn slice_bytes(batch: &RecordBatch) -> usize {
    // Types without a size of their own count as what they hold.
    let bytes =
        |column: &ArrayRef| column.to_data().get_slice_memory_size().unwrap_or_else(|_| column.get_array_memory_size());
    batch.columns().iter().map(bytes).sum()
}

fn latest(upserts: Option<&UpsertTable>, rows: &[RecordBatch], builder: &mut SegmentBuilder) -> Result<u64> {
    let Some(upserts) = upserts else { return Err(Error::unexpected("rows of keys in a table without")) };
    let mut latest = Latest::try_new(upserts)?;
    rows.iter().try_for_each(|rows| latest.push(rows))?;
    let winners = latest.finish();
    for (rows, keep) in rows.iter().zip(&winners.keep) {
        let rows = filter_record_batch(rows, keep)
            .map_err(|error| Error::unexpected("cannot leave out rows of a batch").caused_by(error))?;
        if rows.num_rows() > 0 {
            builder.append(&rows)?;
        }
    }
    Ok(winners.dropped)
}

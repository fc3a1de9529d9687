//! Rows that stay when others of their segment are replaced: written into segments of their own, which come in the same step.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use pinotage_client::SegmentZkMetadata;
use pinotage_common::{Error, Result};
use pinotage_connector::{Cancel, Context, Writer as _, split_by};
use pinotage_spec::{ColumnPlan, FieldSpec};
use pinotage_transform::times;
use rayon::ThreadPool;
use tempfile::TempDir;

use super::StagedSegment;
use super::replacing::{Replacing, partitions_of};
use super::route::Route;
use super::task::{Shape, TaskWriter};
use crate::rewrite::{OldSegment, REWRITTEN, StoredRows};

/// Writes rows again.
pub(super) struct Carrier {
    shape: Shape,
    pool: Arc<ThreadPool>,
    route: Option<Route>,
    rows: StoredRows,
    replacing: Replacing,
}

/// What becomes of segments that have rows inside and outside of what is replaced.
#[derive(Default)]
pub(super) struct Carried {
    /// Names and CRCs of those that go.
    pub(super) leaving: BTreeMap<String, u64>,
    /// Segments of rows that stay, and what the cluster is to remember with each.
    pub(super) segments: Vec<(StagedSegment, BTreeMap<String, String>)>,
}

/// Which rows are inside.
enum Inside<'r> {
    Times { field: &'r FieldSpec, from: i64, to: i64 },
    Partitions { route: &'r Route, touched: BTreeSet<u32> },
}

impl Carrier {
    /// A carrier whose segments are of this shape. Rows are taken as they are: neither merged nor summed up again.
    pub(super) fn try_new(
        shape: Shape,
        pool: Arc<ThreadPool>,
        route: Option<Route>,
        replacing: Replacing,
    ) -> Result<Self> {
        let columns = ColumnPlan::resolve_for(&shape.schema, &shape.table, shape.version)?;
        let rows = StoredRows::new(&shape.schema, &shape.table, &columns);
        Ok(Self { shape, pool, route, rows, replacing })
    }

    /// Writes the rows of segments that are outside of what is replaced. The names are the same whenever it is done again.
    ///
    /// # Errors
    ///
    /// Those of [`OldSegment::of`] and [`StoredRows::of`], of `download` and of building; `cancelled`.
    pub(super) fn carry(
        &self,
        straddling: &[&SegmentZkMetadata],
        coming: &[StagedSegment],
        download: &dyn Fn(&str, &Path) -> Result<()>,
        cancel: &Cancel,
    ) -> Result<Carried> {
        let inside = self.inside(coming)?;
        // Behind all epochs whose segments come.
        let epoch = coming.iter().map(|segment| segment.epoch).max().unwrap_or_default() + 1;
        let mut carried = Carried::default();
        self.shape.staging.create()?;
        for (at, known) in straddling.iter().enumerate() {
            let old = OldSegment::of(known)?;
            let task = Context {
                epoch: epoch - 1,
                task: at as u32,
                tasks: straddling.len() as u32,
                cancel: cancel.clone(),
                ..Context::new(&self.shape.job, &self.shape.run)
            };
            let failed = |error: Error| error.with("segment", &old.name);
            let Some(new) = self.carry_one(&old, download, &inside, &task).map_err(failed)? else { continue };
            carried.leaving.insert(old.name.clone(), old.crc);
            // Whose rows these are stays known.
            let mut custom = known.custom.clone();
            custom.insert(REWRITTEN.into(), old.name);
            carried.segments.extend(new.into_iter().map(|segment| (segment, custom.clone())));
        }
        Ok(carried)
    }

    /// The segments of the rows outside; nothing when all of them are.
    fn carry_one(
        &self,
        old: &OldSegment,
        download: &dyn Fn(&str, &Path) -> Result<()>,
        inside: &Inside<'_>,
        task: &Context,
    ) -> Result<Option<Vec<StagedSegment>>> {
        let folder = TempDir::with_prefix_in(".old-", self.shape.staging.folder())
            .map_err(|error| Error::io(error, "cannot make a folder for a copy", self.shape.staging.folder()))?;
        let archive = folder.path().join("segment");
        download(&old.name, &archive)?;
        let segment = old.open(&archive)?;
        let mut writer = TaskWriter::try_new(self.shape.clone(), Arc::clone(&self.pool), Vec::new(), task)?;
        let mut outside = 0;
        for batch in self.rows.of(&segment)? {
            task.cancel.check()?;
            let batch = batch?;
            let stays = inside.outside(&batch)?;
            outside += stays.true_count() as u64;
            let rows = filter_record_batch(&batch, &stays)
                .map_err(|error| Error::unexpected("cannot leave out rows of a batch").caused_by(error))?;
            if rows.num_rows() == 0 {
                continue;
            }
            let partitions = self.route.as_ref().map(|route| route.partitions(&rows)).transpose()?;
            for (partition, part) in split_by(partitions, rows, 0)? {
                writer.write(partition, part)?;
            }
        }
        if outside == old.rows {
            return Ok(None);
        }
        let prepared = writer.prepare(task.epoch + 1, true)?;
        let new = prepared.committables.iter().map(StagedSegment::of).collect::<Result<Vec<_>>>()?;
        let written: u64 = new.iter().map(|segment| segment.rows).sum();
        if written != outside {
            return Err(Error::unexpected(format!("expected {outside} rows, {written} were written")));
        }
        Ok(Some(new))
    }

    fn inside(&self, coming: &[StagedSegment]) -> Result<Inside<'_>> {
        match (&self.replacing, &self.route) {
            (Replacing::Times { from, to, .. }, _) => {
                let column = self.shape.table.time_column().unwrap_or_default();
                let field = self.shape.schema.field(column).ok_or_else(|| {
                    Error::schema_mismatch("the schema lacks the table's time column").with("column", column)
                })?;
                let (from, to) = (from.unwrap_or(i64::MIN), to.unwrap_or(i64::MAX));
                Ok(Inside::Times { field, from, to })
            }
            (Replacing::Partitions { .. }, Some(route)) => {
                Ok(Inside::Partitions { route, touched: partitions_of(coming, route.column()) })
            }
            _ => Err(Error::unexpected("no rows of a segment stay when all go")),
        }
    }
}

impl Inside<'_> {
    /// Which rows are not. One without a time is none of a range of times.
    fn outside(&self, batch: &RecordBatch) -> Result<BooleanArray> {
        match self {
            Self::Partitions { route, touched } => {
                Ok(route.partitions(batch)?.into_iter().map(|partition| Some(!touched.contains(&partition))).collect())
            }
            Self::Times { field, from, to } => {
                let column = batch.column_by_name(&field.name).ok_or_else(|| {
                    Error::schema_mismatch("rows lack the table's time column").with("column", &field.name)
                })?;
                let is_inside = |at: Option<i64>| at.is_some_and(|at| (*from..*to).contains(&at));
                Ok(times(field, column).into_iter().map(|at| Some(!is_inside(at))).collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int32Array, StringArray, TimestampMillisecondArray};
    use pinotage_spec::Schema;
    use serde_json::json;

    use super::*;

    fn outside(column: ArrayRef, data_type: &str, format: &str, from: i64, to: i64) -> Vec<bool> {
        let at = json!({"name": "at", "dataType": data_type, "format": format, "granularity": "1:DAYS"});
        let schema = Schema::from_document(json!({"schemaName": "t", "dateTimeFieldSpecs": [at]})).unwrap();
        let batch = RecordBatch::try_from_iter_with_nullable([("at", column, true)]).unwrap();
        let inside = Inside::Times { field: schema.field("at").unwrap(), from, to };
        inside.outside(&batch).unwrap().iter().map(|stays| stays.unwrap()).collect()
    }

    #[test]
    fn rows_are_inside_by_the_time_that_they_stand_for() {
        const DAY: i64 = 86_400_000;
        let days = Arc::new(Int32Array::from(vec![Some(18), Some(19), Some(20), None]));
        assert_eq!(outside(days, "INT", "1:DAYS:EPOCH", 19 * DAY, 20 * DAY), [true, false, true, true]);
        let times = Arc::new(TimestampMillisecondArray::from(vec![9, 10, 19, 20]).with_timezone("UTC"));
        assert_eq!(outside(times, "TIMESTAMP", "1:MILLISECONDS:TIMESTAMP", 10, 20), [true, false, false, true]);
        let texts = Arc::new(StringArray::from(vec!["1970-01-19", "1970-01-20", "1970-01-21"]));
        let format = "1:DAYS:SIMPLE_DATE_FORMAT:yyyy-MM-dd";
        assert_eq!(outside(texts, "STRING", format, 19 * DAY, i64::MAX), [true, false, false]);
    }
}

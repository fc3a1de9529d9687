//! Rows that come too late for a table that forgets keys.

use arrow::array::{ArrayRef, AsArray, Float64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType as Arrow, Float64Type};
use pinotage_common::{Error, Result};

use super::UpsertTable;
use super::defaults::{filled, mismatch};
use super::keys::{column, fields};
use crate::publish::PushOptions;

/// How far behind rows may come, in a table whose servers forget keys.
#[derive(Debug, Clone, PartialEq)]
pub struct TimeToLive {
    /// The comparison column.
    pub column: String,
    /// A row that is further behind the greatest value than this may be of a key, or of a deletion, that servers have forgotten.
    pub span: f64,
    /// The option that says so.
    pub option: &'static str,
}

impl TimeToLive {
    /// Refuses pushes that nobody waits for: whether rows came in time is seen when servers have loaded them.
    ///
    /// # Errors
    ///
    /// `invalid-config` for `waitSeconds: 0`.
    pub fn check_push(&self, options: &PushOptions) -> Result<()> {
        if options.wait_seconds > 0 {
            return Ok(());
        }
        Err(Error::invalid_config(
            "whether rows came before their keys were forgotten is seen when servers have loaded them",
        )
        .with("option", "sink.push.waitSeconds")
        .with("forgets", format!("upsertConfig.{}", self.option))
        .action("set it above 0"))
    }
}

impl UpsertTable {
    /// How far behind rows may come beside the table's stream; nothing where servers forget no keys.
    ///
    /// Servers forget keys as a consuming segment begins: with `metadataTTL` all that are further behind the greatest value of
    /// their partition, with `deletedKeysTTL` deleted ones. Of a row that comes later for such a key nobody knows that a newer one
    /// is there, or that the key was deleted. With `metadataTTL` a segment that is wholly behind is not looked at: all of its rows
    /// are shown.
    ///
    /// # Pinot equivalent
    ///
    /// `ConcurrentMapPartitionUpsertMetadataManager.doRemoveExpiredPrimaryKeys` and
    /// `BasePartitionUpsertMetadataManager.isOutOfMetadataTTL`
    pub fn time_to_live(&self) -> Option<TimeToLive> {
        let column = self.comparison.first()?;
        let deletes = self.deleted_keys_ttl.filter(|_| self.delete_column.is_some());
        let all = [(self.metadata_ttl, "metadataTTL"), (deletes, "deletedKeysTTL")];
        let all = all.into_iter().filter_map(|(span, option)| Some((span?, option)));
        let (span, option) = all.min_by(|one, other| one.0.total_cmp(&other.0))?;
        Some(TimeToLive { column: column.clone(), span, option })
    }

    /// Refuses tables without a stream that forget keys.
    ///
    /// # Errors
    ///
    /// `unsupported` with `metadataTTL`.
    pub fn check_remembers(&self) -> Result<()> {
        match self.metadata_ttl {
            None => Ok(()),
            Some(_) => Err(Error::unsupported(
                "without a stream servers of a table with `metadataTTL` never note which rows count, and which of a key they show depends on the order in which they load segments",
            )
            .with("option", "upsertConfig.metadataTTL")
            .action("take the option out of the table config; it is for REALTIME tables")),
        }
    }

    /// The greatest comparison value of rows, in a table that forgets keys.
    ///
    /// # Errors
    ///
    /// `schema-mismatch` when the comparison column is missing or not of its canonical type.
    pub fn greatest(&self, rows: &RecordBatch) -> Result<Option<f64>> {
        let Some(values) = self.compared(rows)? else { return Ok(None) };
        Ok(values.values().iter().copied().reduce(f64::max))
    }

    /// The values of the one comparison column, as servers compute with them.
    pub(super) fn compared(&self, rows: &RecordBatch) -> Result<Option<Float64Array>> {
        let Some(TimeToLive { column: name, .. }) = self.time_to_live() else { return Ok(None) };
        let Some(field) = fields(self, &[name])?.pop() else { return Ok(None) };
        let values = filled(&column(rows, &field)?, &field)?;
        let number = |values: &ArrayRef, kind| cast(values, &kind);
        let numbers = match values.data_type() {
            Arrow::Timestamp(..) => number(&values, Arrow::Int64).and_then(|values| number(&values, Arrow::Float64)),
            Arrow::Boolean => number(&values, Arrow::Int32).and_then(|values| number(&values, Arrow::Float64)),
            _ => number(&values, Arrow::Float64),
        };
        let numbers = numbers.map_err(|error| mismatch(&field, values.data_type()).caused_by(error))?;
        Ok(Some(numbers.as_primitive::<Float64Type>().clone()))
    }
}

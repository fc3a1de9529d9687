//! Rows that come too late for a table that forgets keys.

use arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType as Arrow, Float64Type};
use pinotage_common::{Error, Result};

use super::UpsertTable;
use super::defaults::{filled, mismatch};
use super::keys::{column, fields};

impl UpsertTable {
    /// Refuses tables that forget keys.
    ///
    /// # Errors
    ///
    /// `unsupported` with `metadataTTL`.
    pub fn check_remembers(&self) -> Result<()> {
        match self.metadata_ttl {
            None => Ok(()),
            Some(_) => Err(Error::unsupported(
                "servers of a table with `metadataTTL` forget keys, and would show older rows beside newer ones",
            )
            .with("option", "upsertConfig.metadataTTL")
            .action("load such rows before the option is set, or through the stream")),
        }
    }

    /// Whether each row is further behind the greatest comparison value of the table than its `metadataTTL`; nothing in a
    /// table without one. Servers have forgotten such keys, and would show an uploaded row beside the one that they have: an
    /// uploaded segment has no snapshot of the rows that count.
    ///
    /// `greatest` is that of all rows that servers have or will have, those of the same job too ([`UpsertTable::greatest`]):
    /// it depends on the order of loading otherwise. What a table holds is the caller's to find out.
    ///
    /// # Errors
    ///
    /// `schema-mismatch` when the comparison column is missing or not of its canonical type.
    ///
    /// # Pinot equivalent
    ///
    /// `BasePartitionUpsertMetadataManager.isOutOfMetadataTTL`, which looks at whole segments, and `removeExpiredPrimaryKeys`
    pub fn outside_ttl(&self, rows: &RecordBatch, greatest: f64) -> Result<Option<BooleanArray>> {
        let Some((ttl, values)) = self.metadata_ttl.zip(self.compared(rows)?) else { return Ok(None) };
        let values = values.as_primitive::<Float64Type>().values().iter();
        Ok(Some(values.map(|value| Some(*value < greatest - ttl)).collect()))
    }

    /// The greatest comparison value of rows, where there is one column of numbers to compare.
    ///
    /// # Errors
    ///
    /// As [`UpsertTable::outside_ttl`].
    pub fn greatest(&self, rows: &RecordBatch) -> Result<Option<f64>> {
        let Some(values) = self.compared(rows)? else { return Ok(None) };
        Ok(values.as_primitive::<Float64Type>().values().iter().copied().reduce(f64::max))
    }

    /// The values of the one comparison column, as servers compute with them.
    fn compared(&self, rows: &RecordBatch) -> Result<Option<ArrayRef>> {
        let ([name], true) = (self.comparison.as_slice(), self.metadata_ttl.is_some()) else { return Ok(None) };
        let Some(field) = fields(self, std::slice::from_ref(name))?.pop() else { return Ok(None) };
        let values = filled(&column(rows, &field)?, &field)?;
        let number = |values: &ArrayRef, kind| cast(values, &kind);
        let numbers = match values.data_type() {
            Arrow::Timestamp(..) => number(&values, Arrow::Int64).and_then(|values| number(&values, Arrow::Float64)),
            Arrow::Boolean => number(&values, Arrow::Int32).and_then(|values| number(&values, Arrow::Float64)),
            _ => number(&values, Arrow::Float64),
        };
        numbers.map(Some).map_err(|error| mismatch(&field, values.data_type()).caused_by(error))
    }
}

//! Partial upserts, merged ahead: servers take uploaded rows whole.

mod chains;
mod column;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::{concat, take};
use arrow::datatypes::Schema as ArrowSchema;
use pinotage_common::{Error, ErrorKind, Result};
use pinotage_spec::arrow_field;

use super::UpsertTable;
use super::keys::column as canonical;
use chains::Chains;

/// What [`merge`] made.
#[derive(Debug)]
pub struct Merged {
    /// One row for each key, with all columns of the table in its schema's order, in the order of their last parts. Nulls that
    /// the table does not keep are default values.
    pub rows: RecordBatch,
    /// How many of the new rows came too late to change anything.
    pub superseded: u64,
    /// The places of new rows that Pinot does not take: with several comparison columns exactly one has a value.
    pub refused: Vec<u32>,
}

/// Merges rows of one partition, in the order of the stream, as a server with partial upserts does when it consumes them.
///
/// `earlier` are rows that were merged before, one for each key; new ones go on from there. Whoever merges a stream in parts
/// gives the outcome of one part to the next: servers do not merge an uploaded row with an older one, they replace that. Of
/// several comparison columns, a key that was deleted in an earlier part knows those alone that its last row has.
/// A row that deletes its key is not merged with others, and whatever comes after it begins anew.
///
/// All rows and the outcome of one column are in memory at a time.
///
/// # Errors
///
/// `schema-mismatch` for a column that is missing or not of its canonical type; `invalid-data` for a sum that does not fit its
/// type, which Pinot would wrap; `invalid-config` for a table without partial upserts; `resource-exhausted` beyond 2^32 rows.
///
/// # Pinot equivalent
///
/// `MutableSegmentImpl.index` with `PartialUpsertHandler` and `PartialUpsertColumnarMerger`
pub fn merge(table: &UpsertTable, earlier: Option<&RecordBatch>, rows: &RecordBatch) -> Result<Merged> {
    let first_new = earlier.map_or(0, RecordBatch::num_rows);
    if u32::try_from(first_new + rows.num_rows()).is_err() {
        return Err(Error::new(
            ErrorKind::ResourceExhausted,
            "expected fewer than 2^32 rows of one partition at a time",
        ));
    }
    let both = |name: &pinotage_spec::FieldSpec| -> Result<ArrayRef> {
        let new = canonical(rows, name)?;
        let Some(earlier) = earlier else { return Ok(new) };
        let earlier = canonical(earlier, name)?;
        concat(&[&earlier, &new]).map_err(|error| {
            Error::schema_mismatch("rows of two batches do not fit together")
                .with("column", &name.name)
                .caused_by(error)
        })
    };
    let chains = Chains::build(table, first_new, first_new + rows.num_rows(), &both)?;
    let last = UInt32Array::from(chains.last.clone());
    let mut fields = Vec::with_capacity(table.columns.len());
    let mut columns = Vec::with_capacity(table.columns.len());
    for column in &table.columns {
        let field = &column.plan.field;
        let values = both(field)?;
        let merged = match column.strategy {
            Some(strategy) => column::merge(strategy, &column.plan, &values, &chains)
                .map_err(|error| error.with("column", &field.name))?,
            None if table.comparison.contains(&field.name) => {
                let from = column::newest(&values, &chains);
                taken(&values, &UInt32Array::from_iter_values(chains.last.iter().map(|row| from[*row as usize])))?
            }
            None => taken(&values, &last)?,
        };
        let merged = column::stored(&column.plan, &merged)?;
        fields.push(arrow_field(field, true).with_data_type(merged.data_type().clone()));
        columns.push(merged);
    }
    let rows = RecordBatch::try_new(Arc::new(ArrowSchema::new(fields)), columns)
        .map_err(|error| Error::unexpected("merged columns do not fit together").caused_by(error))?;
    Ok(Merged { rows, superseded: chains.superseded, refused: chains.refused })
}

fn taken(values: &ArrayRef, rows: &UInt32Array) -> Result<ArrayRef> {
    take(values, rows, None).map_err(|error| Error::unexpected("rows are not where they were").caused_by(error))
}

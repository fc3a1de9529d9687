//! All that happens to rows before they are in a segment, in its order.

use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::SchemaRef;
use pinotage_common::{Error, Result};
use pinotage_spec::{ColumnPlan, PinotVersion, Schema, TableConfig};

use crate::{BadValue, Changes, ConformOptions, Conformed, Conformer, Contributions, Ingested, Ingestion};

/// The table that rows are for.
#[derive(Debug, Clone, Copy)]
pub struct Destined<'a> {
    /// Its schema.
    pub schema: &'a Schema,
    /// Its config.
    pub table: &'a TableConfig,
    /// What both say about each column.
    pub columns: &'a [ColumnPlan],
    /// The release that segments are for.
    pub version: PinotVersion,
    /// How values are converted.
    pub options: ConformOptions,
}

/// Which canonical rows a target does not take, in their order.
pub type Refusal<'a> = dyn Fn(&RecordBatch) -> Result<Vec<BadValue>> + 'a;

/// Rows of some columns to rows of a table: ingestion, conversion, and what a table that aggregates adds up.
pub struct Conversion {
    ingestion: Option<Ingestion>,
    conformer: Conformer,
    contributions: Option<Contributions>,
}

/// The rows of a batch that are rows of the table.
#[derive(Debug)]
pub struct Converted {
    /// They are canonical.
    pub batch: RecordBatch,
    /// By their row in the batch that came in.
    pub bad: Vec<BadValue>,
    /// Rows that the table's filter left out.
    pub filtered: u64,
    /// Rows that unnesting added.
    pub made: u64,
    /// What the schema demanded.
    pub changes: Changes,
}

impl Conversion {
    /// A conversion of batches of these columns.
    ///
    /// # Errors
    ///
    /// Those of [`Ingestion::try_new`], [`Conformer::try_new`] and [`Contributions::try_new`], so for columns that can never
    /// convert.
    pub fn try_new(table: &Destined<'_>, columns: &SchemaRef) -> Result<Self> {
        let Destined { schema, table, columns: plans, version, options } = *table;
        let ingestion = Ingestion::try_new(schema, table, columns, version)?;
        let columns = ingestion.as_ref().map_or_else(|| Arc::clone(columns), Ingestion::schema);
        let conformer = Conformer::try_new(plans, table.time_column(), &columns, options)?;
        let contributions = Contributions::try_new(schema, table, plans, &columns)?;
        Ok(Self { ingestion, conformer, contributions })
    }

    /// Canonical rows, which have what they add in the place of metrics where the table aggregates. What the target does not take
    /// is bad.
    fn conform(&self, batch: &RecordBatch, refusal: &Refusal<'_>) -> Result<Conformed> {
        let mut conformed = self.conformer.conform(batch)?;
        refuse(&mut conformed, refusal)?;
        if let Some(contributions) = &self.contributions {
            contributions.apply(batch, &mut conformed)?;
        }
        Ok(conformed)
    }

    /// Converts a batch.
    ///
    /// # Errors
    ///
    /// Those of [`Ingestion::apply`] and [`Conformer::conform`]; bad rows are none.
    pub fn convert(&self, batch: &RecordBatch) -> Result<Converted> {
        self.convert_for(batch, &|_| Ok(Vec::new()))
    }

    /// Converts a batch to rows that a target takes; what `refusal` says of canonical rows makes them bad.
    ///
    /// # Errors
    ///
    /// Those of [`Conversion::convert`] and of `refusal`.
    pub fn convert_for(&self, batch: &RecordBatch, refusal: &Refusal<'_>) -> Result<Converted> {
        let Some(ingestion) = &self.ingestion else {
            let Conformed { batch, bad, changes, .. } = self.conform(batch, refusal)?;
            return Ok(Converted { batch, bad, filtered: 0, made: 0, changes });
        };
        let Ingested { batch, rows, mut bad, filtered, mut made, mut changes } = ingestion.apply(batch)?;
        let mut conformed = self.conform(&batch, refusal)?;
        if let Some(rows) = &rows {
            let origin = |row: u32| rows.get(row as usize).copied().unwrap_or_default();
            conformed.bad.iter_mut().for_each(|value| value.row = origin(value.row));
            conformed.bad.dedup_by_key(|value| value.row);
            let spoiled = |row: u32| conformed.bad.binary_search_by_key(&row, |value| value.row).is_ok();
            // A row of the input is taken whole or not at all.
            let lost = rows.iter().filter(|row| spoiled(**row)).count();
            made -= (lost - conformed.bad.len()) as u64;
            if let Some(kept) = conformed.kept.as_ref().filter(|kept| rows.len() - kept.len() < lost) {
                let keep: Vec<bool> = kept.iter().map(|row| !spoiled(origin(*row))).collect();
                conformed.batch = filter_record_batch(&conformed.batch, &BooleanArray::from(keep))
                    .map_err(|error| Error::unexpected("cannot leave out rows of a batch").caused_by(error))?;
            }
        }
        bad.append(&mut conformed.bad);
        changes.add(&conformed.changes);
        Ok(Converted { batch: conformed.batch, bad, filtered, made, changes })
    }
}

/// Takes the rows out that a target does not take.
fn refuse(conformed: &mut Conformed, refusal: &Refusal<'_>) -> Result<()> {
    let refused = refusal(&conformed.batch)?;
    if refused.is_empty() {
        return Ok(());
    }
    let mut keep = vec![true; conformed.batch.num_rows()];
    let kept = conformed.kept.take().unwrap_or_else(|| (0..keep.len() as u32).collect());
    for bad in refused {
        let at = bad.row as usize;
        let (Some(keep), Some(row)) = (keep.get_mut(at), kept.get(at).copied()) else {
            return Err(Error::unexpected("a target refuses a row that it was not given"));
        };
        *keep = false;
        conformed.bad.push(BadValue { row, ..bad });
    }
    conformed.bad.sort_by_key(|bad| bad.row);
    conformed.kept = Some(kept.into_iter().zip(&keep).filter(|(_, keep)| **keep).map(|(row, _)| row).collect());
    conformed.batch = filter_record_batch(&conformed.batch, &BooleanArray::from(keep))
        .map_err(|error| Error::unexpected("cannot leave out rows of a batch").caused_by(error))?;
    Ok(())
}

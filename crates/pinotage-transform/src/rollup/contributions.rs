//! What each row adds to the metrics.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Builder, RecordBatch, UInt32Array, UInt32Builder};
use arrow::compute::{filter_record_batch, take};
use arrow::datatypes::{
    DataType as Arrow, Field, Float32Type, Float64Type, Int32Type, Int64Type, Schema as ArrowSchema,
};
use pinotage_common::{Error, Result};
use pinotage_spec::{
    ColumnPlan, DataType, Rollup, RollupFunction, RollupMetric, Schema, TableConfig, murmur_bytes, murmur_long,
};

use super::rolled::with_default;
use crate::conform::Conformed;
use crate::expression::{Cell, Column, Kind, convert};
use crate::number::Target;
use crate::outcome::{Outcome, Unfit};

/// Puts what rows add to the metrics of a table into its canonical batches.
#[derive(Debug)]
pub struct Contributions {
    metrics: Vec<Planned>,
}

#[derive(Debug)]
struct Planned {
    metric: RollupMetric,
    /// The metric's place and type in canonical batches.
    at: usize,
    to: DataType,
    source: Source,
}

#[derive(Debug)]
enum Source {
    /// `COUNT(*)`
    Rows,
    /// A column of the table, as it is stored, and what its nulls are stored as.
    Stored(usize, Box<pinotage_spec::FieldSpec>),
    /// A column of the rows that the table does not have.
    Raw(usize),
    /// Nothing but nulls.
    Missing,
}

impl Contributions {
    /// Plans a table's aggregation over columns that have passed its expressions; `None` for a table that has none.
    ///
    /// # Errors
    ///
    /// Those of [`Rollup::resolve`]; `unsupported` for a source of a type that nothing is computed of.
    pub fn try_new(
        schema: &Schema,
        table: &TableConfig,
        columns: &[ColumnPlan],
        input: &ArrowSchema,
    ) -> Result<Option<Self>> {
        let Some(Rollup { metrics, .. }) = Rollup::resolve(schema, table)? else { return Ok(None) };
        let place = |name: &str| columns.iter().position(|column| column.field.name == name);
        let plan = |metric: RollupMetric| {
            let missing = || Error::unexpected("a metric of the schema has no column").with("column", &metric.column);
            let at = place(&metric.column).ok_or_else(missing)?;
            let to = columns.get(at).ok_or_else(missing)?.field.data_type;
            let source = match metric.source.as_deref() {
                None => Source::Rows,
                Some(name) => match (place(name), input.column_with_name(name)) {
                    (Some(stored), _) => {
                        let field = &columns.get(stored).ok_or_else(missing)?.field;
                        Source::Stored(stored, Box::new(field.clone()))
                    }
                    (None, Some((raw, field))) => {
                        check(metric.function, field)?;
                        Source::Raw(raw)
                    }
                    (None, None) => Source::Missing,
                },
            };
            Ok(Planned { metric, at, to, source })
        };
        let metrics = metrics.into_iter().map(plan).collect::<Result<Vec<Planned>>>()?;
        Ok(Some(Self { metrics }))
    }

    /// Replaces the metrics of a canonical batch: numbers (DOUBLE) or hash codes (UINT32), null where a row adds nothing.
    /// `rows` is what the batch was made of. Rows that add what a metric cannot hold are bad.
    ///
    /// # Errors
    ///
    /// `unexpected` for batches of other columns than were planned for.
    pub fn apply(&self, rows: &RecordBatch, conformed: &mut Conformed) -> Result<()> {
        let failed = |error| Error::unexpected("cannot compute what rows add to metrics").caused_by(error);
        let missing = || Error::unexpected("a column of an aggregation is not there");
        let batch = &conformed.batch;
        let mut arrays = batch.columns().to_vec();
        let mut fields: Vec<Arc<Field>> = batch.schema().fields().to_vec();
        let mut bad = Vec::new();
        for planned in &self.metrics {
            let array: Option<ArrayRef> = match &planned.source {
                Source::Rows | Source::Missing => None,
                Source::Stored(at, field) => Some(stored(batch.columns().get(*at).ok_or_else(missing)?, field)?),
                Source::Raw(at) => {
                    let raw = rows.columns().get(*at).ok_or_else(missing)?;
                    Some(match &conformed.kept {
                        None => Arc::clone(raw),
                        Some(kept) => take(raw, &UInt32Array::from(kept.clone()), None).map_err(failed)?,
                    })
                }
            };
            let mut outcome = Outcome::new(&planned.metric.column, false);
            let added = planned.added(array, batch.num_rows(), &mut outcome)?;
            bad.append(&mut outcome.bad);
            let field = fields.get_mut(planned.at).ok_or_else(missing)?;
            *field = Arc::new(Field::new(field.name(), added.data_type().clone(), true));
            *arrays.get_mut(planned.at).ok_or_else(missing)? = added;
        }
        let all = RecordBatch::try_new(Arc::new(ArrowSchema::new(fields)), arrays).map_err(failed)?;
        conformed.batch = all;
        if bad.is_empty() {
            return Ok(());
        }
        bad.sort_by_key(|value| value.row);
        bad.dedup_by_key(|value| value.row);
        let mut good = vec![true; conformed.batch.num_rows()];
        for value in &bad {
            if let Some(good) = good.get_mut(value.row as usize) {
                *good = false;
            }
        }
        let kept = conformed.kept.take().unwrap_or_else(|| (0..good.len() as u32).collect());
        bad.iter_mut().for_each(|value| value.row = kept.get(value.row as usize).copied().unwrap_or_default());
        conformed.kept = Some(kept.iter().zip(&good).filter(|(_, good)| **good).map(|(row, _)| *row).collect());
        conformed.batch = filter_record_batch(&conformed.batch, &BooleanArray::from(good)).map_err(failed)?;
        conformed.bad.append(&mut bad);
        conformed.bad.sort_by_key(|value| value.row);
        Ok(())
    }
}

/// A column outside of the table of which something can be computed.
fn check(function: RollupFunction, field: &Field) -> Result<()> {
    let kind = Kind::of(field.data_type());
    let fits = match function {
        RollupFunction::Count => true,
        // What Java's numbers are made of, and texts of them.
        RollupFunction::Sum | RollupFunction::Min | RollupFunction::Max => {
            matches!(
                kind,
                Some(Kind::Int | Kind::Long | Kind::Float | Kind::Double | Kind::Decimal | Kind::String | Kind::Null)
            )
        }
        RollupFunction::DistinctCountHll { .. } => {
            matches!(kind, Some(Kind::Int | Kind::Long | Kind::Float | Kind::Double | Kind::String | Kind::Null))
        }
    };
    if fits {
        return Ok(());
    }
    Err(Error::unsupported(format!("nothing is aggregated of {}", field.data_type()))
        .with("column", field.name())
        .action("convert it in the SQL transform, for example with CAST"))
}

/// A column as Pinot's row has it: with defaults for nulls, booleans and times as numbers.
fn stored(array: &ArrayRef, field: &pinotage_spec::FieldSpec) -> Result<ArrayRef> {
    let failed = |error| Error::unexpected("cannot compute what rows add to metrics").caused_by(error);
    let filled = with_default(array, field)?;
    let plain = match filled.data_type() {
        Arrow::Boolean => arrow::compute::cast(&filled, &Arrow::Int32),
        Arrow::Timestamp(..) => arrow::compute::cast(&filled, &Arrow::Int64),
        _ => return Ok(filled),
    };
    plain.map_err(failed)
}

impl Planned {
    fn added(&self, array: Option<ArrayRef>, rows: usize, outcome: &mut Outcome<'_>) -> Result<ArrayRef> {
        let Some(array) = array else {
            let counted = matches!(self.source, Source::Rows).then_some(1.0);
            return Ok(match self.metric.function {
                RollupFunction::DistinctCountHll { .. } => Arc::new(UInt32Array::new_null(rows)),
                _ => Arc::new(std::iter::repeat_n(counted, rows).collect::<arrow::array::Float64Array>()),
            });
        };
        match self.metric.function {
            RollupFunction::Count => {
                let mut counted = Float64Builder::with_capacity(rows);
                (0..rows).for_each(|row| counted.append_option(array.is_valid(row).then_some(1.0)));
                Ok(Arc::new(counted.finish()))
            }
            RollupFunction::DistinctCountHll { .. } => hashes(&array, rows),
            _ => self.numbers(&array, rows, outcome),
        }
    }

    /// `ValueAggregatorUtils.toDouble`, as far as the metric holds it.
    fn numbers(&self, array: &ArrayRef, rows: usize, outcome: &mut Outcome<'_>) -> Result<ArrayRef> {
        let column = Column::from_arrow(array)?;
        let longs = array.as_primitive_opt::<Int64Type>();
        let mut unread = Vec::new();
        let numbers = convert(column.clone(), Kind::Double, rows, &mut |row, message| unread.push((row, message)));
        for (row, message) in unread {
            outcome.bad(row, crate::rule::WRONG_TYPE, "a number to aggregate", message);
        }
        let mut scratch = String::new();
        let mut added = Float64Builder::with_capacity(rows);
        for row in 0..rows {
            let Cell::Double(value) = numbers.cell(row) else {
                added.append_null();
                continue;
            };
            let exact = longs.map_or(Ok(value), |longs| Float64Type::from_i64(longs.value(row)));
            if let Err((rule, expected)) = exact.and_then(|value| self.holds(value, &mut scratch)) {
                outcome.bad(row, rule, expected, value);
            }
            added.append_value(value);
        }
        Ok(Arc::new(added.finish()))
    }

    fn holds(&self, value: f64, scratch: &mut String) -> Result<(), Unfit> {
        match self.to {
            DataType::Int => Int32Type::from_f64(value, scratch).map(drop),
            DataType::Long => Int64Type::from_f64(value, scratch).map(drop),
            DataType::Float => Float32Type::from_f64(value, scratch).map(drop),
            _ => Ok(()),
        }
    }
}

/// `MurmurHash.hash`
fn hashes(array: &ArrayRef, rows: usize) -> Result<ArrayRef> {
    let column = Column::from_arrow(array)?;
    let mut added = UInt32Builder::with_capacity(rows);
    for row in 0..rows {
        added.append_option(match column.cell(row) {
            Cell::Int(value) => Some(murmur_long(value.into())),
            Cell::Long(value) => Some(murmur_long(value)),
            Cell::Float(value) => Some(murmur_long((value.to_bits() as i32).into())),
            Cell::Double(value) => Some(murmur_long(value.to_bits() as i64)),
            Cell::Text(text) => Some(murmur_bytes(text.as_bytes())),
            _ => None,
        });
    }
    Ok(Arc::new(added.finish()))
}

//! Batches in, canonical batches and bad rows out.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Schema as ArrowSchema, SchemaRef};
use chrono_tz::Tz;
use pinotage_common::{Error, Result};
use pinotage_spec::{ColumnPlan, DateTimeFormat, FieldSpec, VALID_TIME_MILLIS, Value, arrow_field};

use crate::accept::accept;
use crate::outcome::{BadValue, Changes, Outcome};
use crate::{convert, list, rule, time};

/// How rows are read.
#[derive(Debug, Clone, Copy)]
pub struct ConformOptions {
    /// The zone of times that name none.
    pub time_zone: Tz,
    /// Changes that the schema demands make a row bad instead.
    pub strict: bool,
    /// Micro- and nanoseconds that would be dropped make a row bad.
    pub timestamp_loss_is_error: bool,
}

impl Default for ConformOptions {
    fn default() -> Self {
        Self { time_zone: Tz::UTC, strict: false, timestamp_loss_is_error: false }
    }
}

/// Turns batches of one Arrow schema into canonical batches of one table.
#[derive(Debug)]
pub struct Conformer {
    fields: Vec<FieldSpec>,
    time_column: Option<String>,
    schema: SchemaRef,
    options: ConformOptions,
    missing: Vec<String>,
    ignored: Vec<String>,
}

/// A canonical batch, and what did not get into it.
#[derive(Debug)]
pub struct Conformed {
    /// The good rows, in order.
    pub batch: RecordBatch,
    /// Which rows of the input they are; `None` is all of them.
    pub kept: Option<Vec<u32>>,
    /// The first broken rule of each bad row, by row.
    pub bad: Vec<BadValue>,
    /// What was changed in good rows' columns.
    pub changes: Changes,
}

impl Conformer {
    /// Plans the conversion of every column.
    ///
    /// # Errors
    ///
    /// `schema-mismatch` when a column can never convert, or when no column of the table is in the input.
    pub fn try_new(
        columns: &[ColumnPlan],
        time_column: Option<&str>,
        input: &ArrowSchema,
        options: ConformOptions,
    ) -> Result<Self> {
        let fields: Vec<FieldSpec> = columns.iter().map(|column| column.field.clone()).collect();
        let mut missing = Vec::new();
        for field in &fields {
            match input.field_with_name(&field.name) {
                Ok(found) => accept(field, found.data_type())?,
                Err(_) => missing.push(field.name.clone()),
            }
        }
        if missing.len() == fields.len() {
            let found: Vec<&str> = input.fields().iter().map(|field| field.name().as_str()).collect();
            return Err(Error::schema_mismatch(format!(
                "none of the table's columns is in the input, which has: {}",
                found.join(", ")
            ))
            .action("name the columns as in the schema, for example with `SELECT a AS b` in the SQL transform"));
        }
        if let Some(time) = time_column.filter(|time| missing.iter().any(|name| name == time)) {
            return Err(Error::schema_mismatch("the time column is not in the input")
                .with("column", time)
                .action("add the column to the input or to the SQL transform"));
        }
        let ignored = input
            .fields()
            .iter()
            .map(|field| field.name().clone())
            .filter(|name| !fields.iter().any(|field| field.name == *name))
            .collect();
        let schema = ArrowSchema::new(fields.iter().map(|field| arrow_field(field, true)).collect::<Vec<_>>());
        Ok(Self {
            fields,
            time_column: time_column.map(str::to_owned),
            schema: Arc::new(schema),
            options,
            missing,
            ignored,
        })
    }

    /// The canonical schema; every column is nullable, the segment decides which nulls it tracks.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// Columns of the table that the input does not have; they are all null.
    pub fn missing_columns(&self) -> &[String] {
        &self.missing
    }

    /// Columns of the input that the table does not have; they are left out.
    pub fn ignored_columns(&self) -> &[String] {
        &self.ignored
    }

    /// Converts a batch of the schema that the conformer was planned for.
    ///
    /// # Errors
    ///
    /// `unexpected` when Arrow fails; never for a value, which makes a bad row.
    pub fn conform(&self, batch: &RecordBatch) -> Result<Conformed> {
        let mut arrays = Vec::with_capacity(self.fields.len());
        let mut bad: Vec<BadValue> = Vec::new();
        let mut changes = Changes::default();
        for (field, canonical) in self.fields.iter().zip(self.schema.fields()) {
            let mut outcome = Outcome::new(&field.name, self.options.strict);
            let array = match batch.column_by_name(&field.name) {
                None => new_null_array(canonical.data_type(), batch.num_rows()),
                Some(array) if field.single_value => convert::convert(field, array, &self.options, &mut outcome)?,
                Some(array) => list::convert(field, array, &self.options, &mut outcome)?,
            };
            if self.time_column.as_ref() == Some(&field.name) {
                check_time(field, &array, &mut outcome);
            }
            arrays.push(array);
            bad.append(&mut outcome.bad);
            for (rule, count) in outcome.changes {
                *changes.0.entry((field.name.clone(), rule)).or_default() += count;
            }
        }
        let failed = |error| Error::unexpected("cannot make a canonical batch").caused_by(error);
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let all = RecordBatch::try_new_with_options(self.schema(), arrays, &options).map_err(failed)?;
        if bad.is_empty() {
            return Ok(Conformed { batch: all, kept: None, bad, changes });
        }
        // The first column of the schema that breaks a rule names it.
        bad.sort_by_key(|value| value.row);
        bad.dedup_by_key(|value| value.row);
        let mut good = vec![true; batch.num_rows()];
        for value in &bad {
            if let Some(good) = good.get_mut(value.row as usize) {
                *good = false;
            }
        }
        let kept = (0..).zip(&good).filter(|(_, good)| **good).map(|(row, _)| row).collect();
        let batch = filter_record_batch(&all, &BooleanArray::from(good)).map_err(failed)?;
        Ok(Conformed { batch, kept: Some(kept), bad, changes })
    }
}

/// The time column must hold times that a controller accepts.
fn check_time(field: &FieldSpec, array: &ArrayRef, outcome: &mut Outcome<'_>) {
    let Some(format) = field.date_time.as_ref().map(|spec| &spec.format) else { return };
    let default_is_valid =
        time::millis_of(format, &field.default_null_value).is_some_and(|millis| VALID_TIME_MILLIS.contains(&millis));
    for row in 0..array.len() {
        if array.is_null(row) {
            if !default_is_valid {
                outcome.bad(row, rule::NULL_TIME, "a time", "null");
            }
            continue;
        }
        let value = time::value_at(array, row);
        let millis = value.as_ref().and_then(|value| time::millis_of(format, value));
        if !millis.is_some_and(|millis| VALID_TIME_MILLIS.contains(&millis)) {
            let text = value.as_ref().map(Value::to_java_string).unwrap_or_default();
            outcome.bad(row, rule::TIME_OUT_OF_RANGE, &expected_time(format), &text);
        }
    }
}

fn expected_time(format: &DateTimeFormat) -> String {
    match format {
        DateTimeFormat::SimpleDate { pattern, .. } => format!("a time between 1971 and 2071 as `{pattern}`"),
        _ => "a time between 1971 and 2071".into(),
    }
}

//! Batches in, canonical batches and bad rows out.

use std::sync::{Arc, Mutex};

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType as Arrow, Schema as ArrowSchema, SchemaRef};
use chrono_tz::Tz;
use pinotage_common::{Error, Result};
use pinotage_spec::{ColumnPlan, FieldSpec, MaxLengthStrategy, arrow_field};

use crate::accept::accept;
use crate::date::DateTexts;
use crate::outcome::{BadValue, Changes, Outcome};
use crate::{convert, dictionary, list, rule, time_column};

/// How rows are read.
#[derive(Debug, Clone, Copy)]
pub struct ConformOptions {
    /// The zone of times that name none.
    pub time_zone: Tz,
    /// Changes that the schema demands make a row bad instead.
    pub strict: bool,
    /// Micro- and nanoseconds that would be dropped make a row bad.
    pub timestamp_loss_is_error: bool,
    /// Text becomes the FLOAT next to it, as readers of CSV do it that know that a column is FLOAT. Otherwise a text that no FLOAT
    /// stands for is a bad row.
    pub nearest_float: bool,
    /// A single-value STRING column may leave as a dictionary with 32-bit keys, where it comes as one or is made of dates.
    /// Segment builders take both; the rows are the same.
    pub keep_dictionaries: bool,
}

impl Default for ConformOptions {
    fn default() -> Self {
        Self {
            time_zone: Tz::UTC,
            strict: false,
            timestamp_loss_is_error: false,
            nearest_float: false,
            keep_dictionaries: false,
        }
    }
}

/// Turns batches of one Arrow schema into canonical batches of one table.
#[derive(Debug)]
pub struct Conformer {
    fields: Vec<FieldSpec>,
    /// Position and type of each field in the input; `None` where it has none.
    sources: Vec<Option<(usize, Arrow)>>,
    time_column: Option<String>,
    schema: SchemaRef,
    options: ConformOptions,
    missing: Vec<String>,
    ignored: Vec<String>,
    /// The texts of the dates of each column.
    dates: Vec<Mutex<DateTexts>>,
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
    /// What was changed in the good rows.
    pub changes: Changes,
}

impl Conformer {
    /// Plans the conversion of every column.
    ///
    /// # Errors
    ///
    /// `schema-mismatch` when a column can never convert, when the input has a column twice, when it has none of the table's
    /// columns, or not the time column and no default time would do.
    pub fn try_new(
        columns: &[ColumnPlan],
        time_column: Option<&str>,
        input: &ArrowSchema,
        options: ConformOptions,
    ) -> Result<Self> {
        let fields: Vec<FieldSpec> = columns.iter().map(|column| column.field.clone()).collect();
        let mut missing = Vec::new();
        let mut sources = Vec::with_capacity(fields.len());
        for field in &fields {
            let mut found = input.fields().iter().enumerate().filter(|(_, found)| *found.name() == field.name);
            let source = found.next().map(|(at, found)| (at, found.data_type().clone()));
            if found.next().is_some() {
                return Err(Error::schema_mismatch("the input has two columns of the same name")
                    .with("column", &field.name)
                    .action("name each column once, for example with `SELECT a AS b` in the SQL transform"));
            }
            match &source {
                Some((_, arrow)) => accept(field, arrow)?,
                None => missing.push(field.name.clone()),
            }
            sources.push(source);
        }
        if missing.len() == fields.len() {
            let found: Vec<&str> = input.fields().iter().map(|field| field.name().as_str()).collect();
            return Err(Error::schema_mismatch(format!(
                "none of the table's columns is in the input, which has: {}",
                found.join(", ")
            ))
            .action("name the columns as in the schema, for example with `SELECT a AS b` in the SQL transform"));
        }
        let needed = |field: &&FieldSpec| {
            Some(field.name.as_str()) == time_column
                && missing.contains(&field.name)
                && !time_column::default_is_valid(field)
        };
        if let Some(time) = fields.iter().find(needed) {
            return Err(Error::schema_mismatch("the time column is not in the input")
                .with("column", &time.name)
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
            sources,
            time_column: time_column.map(str::to_owned),
            schema: Arc::new(schema),
            options,
            missing,
            ignored,
            dates: Vec::from_iter(std::iter::repeat_with(Mutex::default).take(columns.len())),
        })
    }

    /// The canonical schema; every column is nullable, the segment decides which nulls it tracks. Where dictionaries are kept a
    /// batch may differ from it in that.
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
    /// `schema-mismatch` for a batch of another schema, `resource-exhausted` when one column's text grows beyond 2 GiB;
    /// never for a value, which makes a bad row.
    pub fn conform(&self, batch: &RecordBatch) -> Result<Conformed> {
        let failed = |error| Error::unexpected("cannot make a canonical batch").caused_by(error);
        let mut arrays = Vec::with_capacity(self.fields.len());
        let mut bad: Vec<BadValue> = Vec::new();
        let mut changed = Vec::with_capacity(self.fields.len());
        let columns = self.fields.iter().zip(&self.sources).zip(self.schema.fields()).zip(&self.dates);
        for (((field, source), canonical), dates) in columns {
            let mut outcome = Outcome::new(&field.name, self.options.strict);
            outcome.nearest_float = self.options.nearest_float;
            let array = match source {
                None => new_null_array(canonical.data_type(), batch.num_rows()),
                Some((at, arrow)) => {
                    // Who converts at the same time begins with none.
                    outcome.dates = dates.try_lock().ok().map(|mut known| std::mem::take(&mut *known));
                    self.column(field, *at, arrow, batch, &mut outcome)?
                }
            };
            if let (Some(used), Ok(mut known)) = (outcome.dates.take(), dates.try_lock()) {
                *known = used;
            }
            if self.time_column.as_ref() == Some(&field.name) {
                time_column::check(field, &array, &mut outcome);
            }
            // Pinot looks at the length of what it stores for a null, too.
            if field.max_length_strategy == MaxLengthStrategy::Error && field.default_is_too_long() {
                for row in (0..array.len()).filter(|row| array.is_null(*row)) {
                    outcome.bad(row, rule::TOO_LONG, format_args!("a default of at most {}", field.max_length), "null");
                }
            }
            arrays.push(array);
            bad.append(&mut outcome.bad);
            changed.push(outcome.changes);
        }
        // The first column of the schema that breaks a rule names it.
        bad.sort_by_key(|value| value.row);
        bad.dedup_by_key(|value| value.row);
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let all = RecordBatch::try_new_with_options(self.schema_of(&arrays), arrays, &options).map_err(failed)?;
        if bad.is_empty() {
            let changes = self.count(&changed, |_| true);
            return Ok(Conformed { batch: all, kept: None, bad, changes });
        }
        let mut good = vec![true; batch.num_rows()];
        for value in &bad {
            if let Some(good) = good.get_mut(value.row as usize) {
                *good = false;
            }
        }
        let changes = self.count(&changed, |row| good.get(row as usize) == Some(&true));
        let kept = (0..).zip(&good).filter(|(_, good)| **good).map(|(row, _)| row).collect();
        let batch = filter_record_batch(&all, &BooleanArray::from(good)).map_err(failed)?;
        Ok(Conformed { batch, kept: Some(kept), bad, changes })
    }

    /// The canonical schema, with the dictionaries that were kept.
    fn schema_of(&self, arrays: &[ArrayRef]) -> SchemaRef {
        if !arrays.iter().any(|array| dictionary::is_text(array.data_type())) {
            return self.schema();
        }
        let fields = self.schema.fields().iter().zip(arrays);
        let fields = fields.map(|(field, array)| field.as_ref().clone().with_data_type(array.data_type().clone()));
        Arc::new(ArrowSchema::new(fields.collect::<Vec<_>>()))
    }

    fn column(
        &self,
        field: &FieldSpec,
        at: usize,
        arrow: &Arrow,
        batch: &RecordBatch,
        outcome: &mut Outcome<'_>,
    ) -> Result<ArrayRef> {
        let found = batch.columns().get(at).filter(|array| array.data_type() == arrow);
        let array = found.filter(|_| batch.schema_ref().field(at).name() == &field.name).ok_or_else(|| {
            Error::schema_mismatch(format!("expected a batch whose column {at} is of type {arrow}"))
                .with("column", &field.name)
                .action("make a conformer for each schema of the input")
        })?;
        match field.single_value {
            true => convert::convert(field, array, &self.options, outcome),
            false => list::convert(field, array, &self.options, outcome),
        }
    }

    /// Counts the changes of good rows.
    fn count(&self, changed: &[Vec<(u32, &'static str)>], is_good: impl Fn(u32) -> bool) -> Changes {
        let mut changes = Changes::default();
        for (field, changed) in self.fields.iter().zip(changed) {
            let mut counts: Vec<(&'static str, u64)> = Vec::new();
            for (_, rule) in changed.iter().filter(|(row, _)| is_good(*row)) {
                match counts.iter_mut().find(|(known, _)| known == rule) {
                    Some((_, count)) => *count += 1,
                    None => counts.push((rule, 1)),
                }
            }
            changes.0.extend(counts.into_iter().map(|(rule, count)| ((field.name.clone(), rule), count)));
        }
        changes
    }
}

//! Which row is merged with which.

use arrow::array::{Array as _, ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType as Arrow, Int32Type};
use arrow::row::{RowConverter, Rows, SortField};
use pinotage_common::{Error, Result};
use pinotage_spec::FieldSpec;

use super::super::UpsertTable;
use super::super::defaults::{filled, mismatch};
use super::super::keys::{Keys, fields, unsorted};
use super::super::order::ordered;

/// No row.
pub(super) const NONE: u32 = u32::MAX;

/// For each row the one before it that it is merged with, and what is left of each key.
pub(super) struct Chains {
    /// The row that a row is merged with, which may be merged with others itself; [`NONE`] for one that stands alone.
    pub(super) previous: Vec<u32>,
    /// The last row of each key, ascending.
    pub(super) last: Vec<u32>,
    pub(super) superseded: u64,
    pub(super) refused: Vec<u32>,
}

/// What a key has so far.
#[derive(Clone, Copy)]
struct State {
    row: u32,
    is_deleted: bool,
}

impl Chains {
    /// The rows before `first_new` are merged already; `column` gives the values of a column in all `rows`.
    pub(super) fn build(
        table: &UpsertTable,
        first_new: usize,
        rows: usize,
        column: &dyn Fn(&FieldSpec) -> Result<ArrayRef>,
    ) -> Result<Self> {
        let keys = keys(table, column)?;
        let deleted = deletes(table, column)?;
        let mut compared = Compared::new(table, first_new, column)?;
        let mut states: Vec<State> = Vec::new();
        let mut built = Self { previous: vec![NONE; rows], last: Vec::new(), superseded: 0, refused: Vec::new() };
        for (row, key) in keys.into_iter().enumerate() {
            let key = key as usize;
            let here =
                State { row: row as u32, is_deleted: deleted.as_ref().is_some_and(|deleted| deleted.value(row)) };
            let is_known = key < states.len() && states[key].row != NONE;
            if key == states.len() {
                states.push(State { row: NONE, is_deleted: false });
            }
            match compared.take(key, is_known.then(|| states[key].row), row) {
                Comparison::Refused => built.refused.push((row - first_new) as u32),
                Comparison::Less => built.superseded += 1,
                Comparison::Taken => {
                    if is_known && row >= first_new && !here.is_deleted && !states[key].is_deleted {
                        built.previous[row] = states[key].row;
                    }
                    states[key] = here;
                }
            }
        }
        built.last = states.iter().map(|state| state.row).filter(|row| *row != NONE).collect();
        built.last.sort_unstable();
        Ok(built)
    }

    /// The rows and, where they are merged with one, that.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, Option<usize>)> {
        self.previous.iter().enumerate().map(|(row, previous)| (row, (*previous != NONE).then_some(*previous as usize)))
    }
}

fn keys(table: &UpsertTable, column: &dyn Fn(&FieldSpec) -> Result<ArrayRef>) -> Result<Vec<u32>> {
    let columns = fields(table, &table.primary_key)?;
    let columns = columns.iter().map(|field| Ok((field.name.clone(), column(field)?, true)));
    let columns = columns.collect::<Result<Vec<_>>>()?;
    let rows = RecordBatch::try_from_iter_with_nullable(columns)
        .map_err(|error| Error::unexpected("key columns do not fit together").caused_by(error))?;
    Keys::try_new(table)?.numbers(&rows)
}

/// Whether each row deletes its key; nothing in a table that has no such rows.
///
/// # Pinot equivalent
///
/// `BooleanUtils.toBoolean`: `true` in any case or `1` as text, a number whose whole part is 1
fn deletes(table: &UpsertTable, column: &dyn Fn(&FieldSpec) -> Result<ArrayRef>) -> Result<Option<BooleanArray>> {
    let Some(field) = fields(table, table.delete_column.as_slice())?.pop() else { return Ok(None) };
    let values = filled(&column(&field)?, &field)?;
    Ok(Some(match values.data_type() {
        Arrow::Boolean => values.as_boolean().clone(),
        Arrow::Utf8 => {
            let texts = values.as_string::<i32>().iter().flatten();
            texts.map(|text| Some(text.eq_ignore_ascii_case("true") || text == "1")).collect()
        }
        Arrow::Int64 => {
            let values = values.as_primitive::<arrow::datatypes::Int64Type>().values().iter();
            // Java's `intValue` drops the upper half.
            values.map(|value| Some(*value as i32 == 1)).collect()
        }
        _ => {
            // What does not fit, or is no number, is null and not 1.
            let options = CastOptions { safe: true, ..CastOptions::default() };
            let numbers = cast_with_options(&values, &Arrow::Int32, &options)
                .map_err(|error| mismatch(&field, values.data_type()).caused_by(error))?;
            numbers.as_primitive::<Int32Type>().iter().map(|value| Some(value == Some(1))).collect()
        }
    }))
}

enum Comparison {
    Taken,
    Less,
    Refused,
}

/// The comparison values of all rows, and those that each key has.
struct Compared {
    first_new: usize,
    columns: Vec<Column>,
    /// With several columns: for each key and column the row that its value is of.
    held: Vec<u32>,
}

struct Column {
    /// In a new row: the column has no value.
    nulls: ArrayRef,
    /// In an earlier row, that servers have stored, a null that they do not know of is a value.
    tracks_nulls: bool,
    values: Rows,
}

impl Compared {
    fn new(table: &UpsertTable, first_new: usize, column: &dyn Fn(&FieldSpec) -> Result<ArrayRef>) -> Result<Self> {
        let mut columns = Vec::with_capacity(table.comparison.len());
        for field in fields(table, &table.comparison)? {
            let nulls = column(&field)?;
            let values = ordered(&filled(&nulls, &field)?, field.data_type);
            let values = values.map_err(|error| error.with("column", &field.name))?;
            let converter = RowConverter::new(vec![SortField::new(values.data_type().clone())]).map_err(unsorted)?;
            let values = converter.convert_columns(&[values]).map_err(unsorted)?;
            let tracks_nulls = table.column(&field.name).is_some_and(|column| column.plan.tracks_nulls);
            columns.push(Column { nulls, tracks_nulls, values });
        }
        Ok(Self { first_new, columns, held: Vec::new() })
    }

    /// Whether a row takes the place of the one that its key has, and its values those of that.
    ///
    /// # Pinot equivalent
    ///
    /// `ComparisonColumns.compareTo`: a new row has a value in one of several columns, is compared by that alone, and keeps
    /// the others of the row that it replaces
    fn take(&mut self, key: usize, current: Option<u32>, row: usize) -> Comparison {
        let count = self.columns.len();
        if let [column] = self.columns.as_slice() {
            let is_less = current.is_some_and(|current| column.values.row(row) < column.values.row(current as usize));
            return if is_less { Comparison::Less } else { Comparison::Taken };
        }
        if count == 0 {
            return Comparison::Taken;
        }
        self.held.resize(self.held.len().max((key + 1) * count), NONE);
        let held = &mut self.held[key * count..(key + 1) * count];
        if row < self.first_new {
            for (held, column) in held.iter_mut().zip(&self.columns) {
                let is_null = column.tracks_nulls && column.nulls.is_null(row);
                *held = if is_null { NONE } else { row as u32 };
            }
            return Comparison::Taken;
        }
        let mut present = self.columns.iter().enumerate().filter(|(_, column)| column.nulls.is_valid(row));
        let (Some((at, column)), None) = (present.next(), present.next()) else { return Comparison::Refused };
        if held[at] != NONE && column.values.row(row) < column.values.row(held[at] as usize) {
            return Comparison::Less;
        }
        held[at] = row as u32;
        Comparison::Taken
    }
}

//! Primary keys as small numbers.

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType as Arrow;
use arrow::row::{RowConverter, Rows, SortField};
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use pinotage_common::{Error, ErrorKind, Result};
use pinotage_spec::{FieldSpec, arrow_field};
use std::hash::BuildHasher as _;

use super::UpsertTable;
use super::defaults::{filled, mismatch};

/// The distinct primary keys of rows, numbered as they come.
pub(super) struct Keys {
    columns: Vec<FieldSpec>,
    converter: RowConverter,
    keys: Rows,
    table: HashTable<u32>,
    state: RandomState,
}

impl Keys {
    pub(super) fn try_new(table: &UpsertTable) -> Result<Self> {
        let columns = fields(table, &table.primary_key)?;
        let converter = converter(&columns)?;
        let keys = converter.empty_rows(0, 0);
        Ok(Self { columns, converter, keys, table: HashTable::new(), state: RandomState::default() })
    }

    /// The number of the key of each row. A null is the default value: that is what servers see of it.
    pub(super) fn numbers(&mut self, rows: &RecordBatch) -> Result<Vec<u32>> {
        let columns =
            self.columns.iter().map(|field| filled(&column(rows, field)?, field)).collect::<Result<Vec<_>>>()?;
        let Self { keys, table, state, .. } = self;
        if keys.num_rows() + rows.num_rows() > u32::MAX as usize {
            return Err(Error::new(
                ErrorKind::ResourceExhausted,
                "expected fewer than 2^32 rows of one partition at a time",
            ));
        }
        let found = self.converter.convert_columns(&columns).map_err(unsorted)?;
        let numbers = found.iter().map(|key| {
            let hash = state.hash_one(key.as_ref());
            if let Some(number) = table.find(hash, |number| keys.row(*number as usize) == key) {
                return *number;
            }
            let number = keys.num_rows() as u32;
            keys.push(key);
            table.insert_unique(hash, number, |number| state.hash_one(keys.row(*number as usize).as_ref()));
            number
        });
        Ok(numbers.collect())
    }

    pub(super) fn len(&self) -> usize {
        self.keys.num_rows()
    }

    /// Bytes of memory that are held.
    pub(super) fn len_bytes(&self) -> usize {
        self.keys.size() + self.table.allocation_size()
    }
}

/// The fields of columns of the table.
pub(super) fn fields(table: &UpsertTable, names: &[String]) -> Result<Vec<FieldSpec>> {
    let field = |name: &String| {
        let column = table.column(name);
        column.map(|column| column.plan.field.clone()).ok_or_else(|| {
            Error::invalid_config("a column of the upsert config is not in the schema").with("column", name)
        })
    };
    names.iter().map(field).collect()
}

/// A column of the rows in its canonical type, texts that come as dictionaries unpacked.
pub(super) fn column(rows: &RecordBatch, field: &FieldSpec) -> Result<ArrayRef> {
    let column = rows.column_by_name(&field.name).ok_or_else(|| {
        Error::schema_mismatch("a column of the table is missing in the rows").with("column", &field.name)
    })?;
    let column = unpacked(column)?;
    // The name of a list's item and whether it may be null do not matter.
    if !column.data_type().equals_datatype(arrow_field(field, true).data_type()) {
        return Err(mismatch(field, column.data_type()));
    }
    Ok(column)
}

/// The values themselves of a column that is a dictionary.
pub(super) fn unpacked(column: &ArrayRef) -> Result<ArrayRef> {
    match column.data_type() {
        Arrow::Dictionary(_, values) => {
            cast(column, values).map_err(|error| Error::unexpected("cannot unpack a dictionary").caused_by(error))
        }
        _ => Ok(column.clone()),
    }
}

fn converter(fields: &[FieldSpec]) -> Result<RowConverter> {
    let sorts = fields.iter().map(|field| SortField::new(arrow_field(field, true).data_type().clone())).collect();
    RowConverter::new(sorts).map_err(unsorted)
}

pub(super) fn unsorted(error: arrow::error::ArrowError) -> Error {
    Error::unsupported("a column of these types cannot be compared").caused_by(error)
}

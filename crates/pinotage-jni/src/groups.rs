//! Aggregates of rows that servers did not aggregate: a group for each row, for the engine to merge.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, RecordBatch, RecordBatchOptions};
use arrow::compute::cast;
use arrow::datatypes::{DataType, SchemaRef};
use pinotage_common::{Error, Result};
use pinotage_scan::{Aggregate, AggregateRequest};

/// The rows as groups, in the columns of the aggregation.
pub(crate) fn of_rows(rows: &RecordBatch, request: &AggregateRequest, schema: &SchemaRef) -> Result<RecordBatch> {
    let column = |name: &String| {
        let column = rows.column_by_name(name).cloned();
        column.ok_or_else(|| Error::unexpected("a column of an aggregation was not read").with("column", name))
    };
    let mut columns = request.group_by.iter().map(column).collect::<Result<Vec<ArrayRef>>>()?;
    for aggregate in &request.aggregates {
        columns.push(match aggregate {
            Aggregate::Rows => Arc::new(Int64Array::from_value(1, rows.num_rows())),
            Aggregate::Count(name) => {
                let column = column(name)?;
                let there = (0..rows.num_rows()).map(|row| i64::from(column.is_valid(row)));
                Arc::new(Int64Array::from_iter_values(there))
            }
            Aggregate::Min(name) | Aggregate::Max(name) => column(name)?,
            Aggregate::Sum(name) => cast(&column(name)?, &DataType::Int64)
                .map_err(|error| Error::unexpected("cannot add up a column").with("column", name).caused_by(error))?,
        });
    }
    let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
        .map_err(|error| Error::unexpected("cannot make a batch").caused_by(error))
}

/// The columns that an aggregation is made of, each once.
pub(crate) fn columns(request: &AggregateRequest) -> Vec<String> {
    let named = request.aggregates.iter().filter_map(|aggregate| match aggregate {
        Aggregate::Rows => None,
        Aggregate::Count(name) | Aggregate::Min(name) | Aggregate::Max(name) | Aggregate::Sum(name) => Some(name),
    });
    let mut columns: Vec<String> = Vec::new();
    for name in request.group_by.iter().chain(named) {
        if !columns.contains(name) {
            columns.push(name.clone());
        }
    }
    columns
}

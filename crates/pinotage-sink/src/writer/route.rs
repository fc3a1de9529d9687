//! Which partition of the table a row belongs to.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType as ArrowType, Float32Type, Float64Type, Int32Type, Int64Type, TimestampMillisecondType,
};
use pinotage_common::{Error, Result};
use pinotage_spec::{ColumnPlan, PartitionConfig, Schema, TableConfig, Value};

use super::Partitioning;

/// The column that decides, and how.
#[derive(Debug, Clone)]
pub(super) struct Route {
    column: String,
    config: PartitionConfig,
    /// The partition of rows without a value, which are stored with the default.
    of_null: u32,
}

impl Route {
    /// The route of a table; none for one that has no partitions.
    pub(super) fn of(schema: &Schema, table: &TableConfig) -> Result<Option<Self>> {
        let columns = ColumnPlan::resolve(schema, table)?;
        let mut partitioned = columns.iter().filter_map(|column| Some((column, column.partition.clone()?)));
        let Some((column, config)) = partitioned.next() else { return Ok(None) };
        if let Some((other, _)) = partitioned.next() {
            return Err(Error::invalid_config(
                "rows go to one partition each, and the table has two columns that decide",
            )
            .with("option", "tableIndexConfig.segmentPartitionConfig.columnPartitionMap")
            .with("columns", format!("{}, {}", column.field.name, other.field.name))
            .action("partition by one column"));
        }
        let of_null = config.partition(&column.field.default_null_value.to_partition_string())?;
        Ok(Some(Self { column: column.field.name.clone(), config, of_null }))
    }

    /// The column that decides.
    pub(super) fn column(&self) -> &str {
        &self.column
    }

    pub(super) fn partitioning(&self) -> Partitioning<'_> {
        Partitioning::Column { column: &self.column, config: &self.config, of_null: self.of_null }
    }

    /// The partition of each row.
    pub(super) fn partitions(&self, batch: &RecordBatch) -> Result<Vec<u32>> {
        let column = batch.column_by_name(&self.column).ok_or_else(|| {
            Error::schema_mismatch("rows lack the column that decides on their partition").with("column", &self.column)
        })?;
        let column = match column.data_type() {
            ArrowType::Dictionary(_, values) => cast(column, values)
                .map_err(|error| Error::unexpected("cannot unpack a dictionary").caused_by(error))?,
            _ => Arc::clone(column),
        };
        // As text, in the way of Pinot: booleans and times are the numbers that are stored.
        let value = |row: usize| -> Option<Value> { stored(&column, row) };
        (0..column.len())
            .map(|row| match column.is_null(row) {
                true => Ok(self.of_null),
                false => match column.data_type() {
                    ArrowType::Utf8 => self.config.partition(column.as_string::<i32>().value(row)),
                    other => {
                        let value = value(row).ok_or_else(|| {
                            Error::schema_mismatch(format!("rows cannot be partitioned by {other}"))
                                .with("column", &self.column)
                        })?;
                        self.config.partition(&value.to_partition_string())
                    }
                },
            })
            .collect()
    }
}

/// What a segment stores of a value.
fn stored(column: &ArrayRef, row: usize) -> Option<Value> {
    Some(match column.data_type() {
        ArrowType::Int32 => Value::Int(column.as_primitive::<Int32Type>().value(row)),
        ArrowType::Int64 => Value::Long(column.as_primitive::<Int64Type>().value(row)),
        ArrowType::Float32 => Value::Float(column.as_primitive::<Float32Type>().value(row)),
        ArrowType::Float64 => Value::Double(column.as_primitive::<Float64Type>().value(row)),
        ArrowType::Boolean => Value::Int(i32::from(column.as_boolean().value(row))),
        ArrowType::Timestamp(..) => Value::Long(column.as_primitive::<TimestampMillisecondType>().value(row)),
        ArrowType::Binary => Value::Bytes(column.as_binary::<i32>().value(row).to_vec()),
        _ => return None,
    })
}

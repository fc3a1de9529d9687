//! What a server has of an aggregation, before those of all servers are merged.

use pinotage_common::{Error, Result};
use pinotage_spec::DataType;

use super::cursor::{Cursor, malformed};
use super::variable::halves;
use super::{ColumnDataType, DataTable};

/// What a server has of an aggregation.
///
/// # Pinot equivalent
///
/// `AggregationFunction.getIntermediateResultColumnType`, `ObjectSerDeUtils`
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Intermediate {
    /// There was nothing but nulls; only with null handling.
    Null,
    /// COUNT; SUMLONG and relatives.
    Long(i64),
    /// SUM, MIN and MAX. Without rows they are 0, +∞ and −∞.
    Double(f64),
    /// AVG.
    Average {
        /// Of the values.
        sum: f64,
        /// Of the rows.
        count: i64,
    },
    /// MINMAXRANGE.
    MinMax {
        /// The smallest value.
        min: f64,
        /// The largest value.
        max: f64,
    },
}

/// Codes of `ObjectSerDeUtils.ObjectType`.
const AVG_PAIR: i32 = 4;
const MIN_MAX_RANGE_PAIR: i32 = 5;
const NULL: i32 = 100;

impl DataTable {
    /// The values of an aggregation, one a row. Columns are those of the query, each once: keys of groups, then COUNT, SUM,
    /// MIN, MAX, AVG, MINMAXRANGE.
    ///
    /// # Errors
    ///
    /// `unsupported` for other aggregations, and for bytes that are no such value.
    pub fn intermediates(&self, column: usize) -> Result<Vec<Intermediate>> {
        let found = self.columns.get(column).ok_or_else(|| {
            Error::unexpected(format!("expected a column below {}, found {column}", self.columns.len()))
        })?;
        let nulls = self.nulls(column)?;
        let value = |(row, cell): (usize, [u8; 8])| match found.data_type {
            _ if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) => Ok(Intermediate::Null),
            ColumnDataType::Single(DataType::Long) => Ok(Intermediate::Long(i64::from_be_bytes(cell))),
            ColumnDataType::Single(DataType::Double) => Ok(Intermediate::Double(f64::from_be_bytes(cell))),
            ColumnDataType::Object => self.object(cell),
            other => {
                Err(Error::unsupported(format!("expected LONG, DOUBLE or OBJECT of an aggregation, found {other}")))
            }
        };
        let values: Result<_> = self.cells(found).enumerate().map(value).collect();
        values.map_err(|error| error.with("column", &found.name))
    }

    fn object(&self, cell: [u8; 8]) -> Result<Intermediate> {
        let [start, length] = halves(cell);
        let bytes = usize::try_from(start).ok().and_then(|start| self.variable.get(start..)).unwrap_or_default();
        let mut cursor = Cursor::new("aggregation", bytes);
        let value = match (cursor.int()?, length) {
            (NULL, 0) => Intermediate::Null,
            (AVG_PAIR, 16) => Intermediate::Average { sum: cursor.double()?, count: cursor.long()? },
            (MIN_MAX_RANGE_PAIR, 16) => Intermediate::MinMax { min: cursor.double()?, max: cursor.double()? },
            (code, length) => {
                return Err(malformed(format!("AVG or MINMAXRANGE, found type {code} of {length} bytes")));
            }
        };
        Ok(value)
    }
}

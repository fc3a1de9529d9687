//! Columns whose cells hold the value, or its place in the dictionary.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, DictionaryArray, Float32Array, Float64Array, Int32Array, Int64Array,
    TimestampMillisecondArray,
};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::compute::take;
use arrow::datatypes::{DataType as Arrow, Int32Type};
use pinotage_common::Result;

use super::{Column, DataTable, too_long};

impl DataTable {
    /// The first `N` bytes of each cell of a column.
    pub(super) fn cells<const N: usize>(&self, column: &Column) -> impl ExactSizeIterator<Item = [u8; N]> + '_ {
        let offset = column.offset;
        // A row has at least one byte, or there is none; and every cell lies inside its row.
        self.rows
            .chunks_exact(self.row_bytes.max(1))
            .map(move |row| row.get(offset..).and_then(<[u8]>::first_chunk).copied().unwrap_or([0; N]))
    }

    pub(super) fn ints(&self, column: &Column, nulls: Option<NullBuffer>) -> ArrayRef {
        let values: Vec<i32> = self.cells(column).map(i32::from_be_bytes).collect();
        Arc::new(Int32Array::new(values.into(), nulls))
    }

    pub(super) fn longs(&self, column: &Column, nulls: Option<NullBuffer>) -> ArrayRef {
        let values: Vec<i64> = self.cells(column).map(i64::from_be_bytes).collect();
        Arc::new(Int64Array::new(values.into(), nulls))
    }

    pub(super) fn floats(&self, column: &Column, nulls: Option<NullBuffer>) -> ArrayRef {
        let values: Vec<f32> = self.cells(column).map(f32::from_be_bytes).collect();
        Arc::new(Float32Array::new(values.into(), nulls))
    }

    pub(super) fn doubles(&self, column: &Column, nulls: Option<NullBuffer>) -> ArrayRef {
        let values: Vec<f64> = self.cells(column).map(f64::from_be_bytes).collect();
        Arc::new(Float64Array::new(values.into(), nulls))
    }

    pub(super) fn timestamps(&self, column: &Column, nulls: Option<NullBuffer>) -> ArrayRef {
        let values: Vec<i64> = self.cells(column).map(i64::from_be_bytes).collect();
        Arc::new(TimestampMillisecondArray::new(values.into(), nulls).with_timezone("UTC"))
    }

    pub(super) fn booleans(&self, column: &Column, nulls: Option<NullBuffer>) -> ArrayRef {
        let values: BooleanBuffer = self.cells(column).map(|cell| i32::from_be_bytes(cell) != 0).collect();
        Arc::new(BooleanArray::new(values, nulls))
    }

    pub(super) fn texts(&self, column: &Column, nulls: Option<NullBuffer>, asked: &Arrow) -> Result<ArrayRef> {
        let texts = self.dictionary.of(&column.name)?;
        let ids = self.ids(column);
        if matches!(asked, Arrow::Dictionary(..)) {
            let ids = texts.checked_ids(ids, nulls)?;
            let array = DictionaryArray::<Int32Type>::try_new(ids, Arc::new(texts.all()?.clone()));
            return Ok(Arc::new(array.map_err(super::invalid)?));
        }
        Ok(Arc::new(texts.gather(&ids, nulls)?))
    }

    /// BYTES of V3: hexadecimal text.
    pub(super) fn hex(&self, column: &Column, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
        let texts = self.dictionary.of(&column.name)?;
        let ids = texts.checked_ids(self.ids(column), nulls)?;
        let bytes = super::variable::from_hex(texts.all()?)?;
        take(&bytes, &ids, None).map_err(|error| too_long().caused_by(error))
    }

    fn ids(&self, column: &Column) -> Vec<i32> {
        self.cells(column).map(i32::from_be_bytes).collect()
    }
}

//! Multi-value columns: lists, or one value a row.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, UInt32Array};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType as Arrow, Field};
use pinotage_common::{Error, Result};
use pinotage_spec::FieldSpec;

use crate::accept::{item, unpacked};
use crate::conform::ConformOptions;
use crate::outcome::{Outcome, Rows};
use crate::{convert, rule, text};

/// Converts to lists of non-null items. An empty list, and one of nulls only, is null, as in Pinot.
pub(crate) fn convert(
    field: &FieldSpec,
    array: &ArrayRef,
    options: &ConformOptions,
    outcome: &mut Outcome<'_>,
) -> Result<ArrayRef> {
    let plain = unpacked(array.data_type());
    let Some(item) = item(&plain) else {
        // One value is a list of one, a null is no list.
        let items = convert::convert(field, array, options, outcome)?;
        let counts = (0..items.len()).map(|at| usize::from(items.is_valid(at))).collect();
        return lists(&items, counts);
    };
    let as_lists = if matches!(array.data_type(), Arrow::List(_)) {
        Arc::clone(array)
    } else {
        let target = Arrow::List(Arc::new(Field::new("item", item.clone(), true)));
        cast(array, &target).map_err(|error| text::too_large().caused_by(error))?
    };
    let source = as_lists.as_list::<i32>();
    let len_of = |row: usize| if source.is_valid(row) { source.value_length(row) as usize } else { 0 };
    let items = items_of(source, outcome)?;
    let converted = convert::convert(field, &items, options, outcome)?;
    let rows = std::mem::replace(&mut outcome.rows, Rows::Each);
    if converted.null_count() == 0 && (0..source.len()).all(|row| len_of(row) > 0) {
        let field = Arc::new(Field::new("item", converted.data_type().clone(), false));
        let unchanged = Arc::ptr_eq(&converted, &items) && *source.data_type() == Arrow::List(Arc::clone(&field));
        return match rows {
            Rows::Lists(_) if unchanged => Ok(Arc::clone(&as_lists)),
            _ => {
                let offsets = OffsetBuffer::from_lengths((0..source.len()).map(len_of));
                Ok(Arc::new(ListArray::try_new(field, offsets, converted, None).map_err(failed)?))
            }
        };
    }
    // Drop items that are null, by input or by conversion.
    let mut counts = Vec::with_capacity(source.len());
    let mut start = 0;
    let bad: std::collections::HashSet<u32> = outcome.bad.iter().map(|bad| bad.row).collect();
    for row in 0..source.len() {
        let range = start..start + len_of(row);
        start = range.end;
        let count = range.clone().filter(|at| converted.is_valid(*at)).count();
        counts.push(count);
        if source.is_null(row) || bad.contains(&(row as u32)) {
            continue;
        }
        if count == 0 {
            outcome.change(row, rule::EMPTY_TO_NULL, "[]");
        } else {
            range.filter(|at| items.is_null(*at)).for_each(|_| outcome.change(row, rule::NULL_ITEMS, "null"));
        }
    }
    lists(&converted, counts)
}

fn failed(error: arrow::error::ArrowError) -> Error {
    Error::unexpected("cannot make lists").caused_by(error)
}

/// The items that rows hold. Lists that are null may span items too; those are left out.
fn items_of(source: &ListArray, outcome: &mut Outcome<'_>) -> Result<ArrayRef> {
    let offsets = source.offsets();
    let hidden = |row: usize| source.is_null(row) && source.value_length(row) > 0;
    if source.null_count() == 0 || !(0..source.len()).any(hidden) {
        let (start, end) = (offsets[0] as usize, offsets[source.len()] as usize);
        outcome.rows = Rows::Lists(offsets.clone());
        let whole = start == 0 && end == source.values().len();
        return Ok(if whole { Arc::clone(source.values()) } else { source.values().slice(start, end - start) });
    }
    let mut wanted = Vec::new();
    let mut rows = Vec::new();
    for row in (0..source.len()).filter(|row| source.is_valid(*row)) {
        wanted.extend(offsets[row] as u32..offsets[row + 1] as u32);
        rows.resize(wanted.len(), row as u32);
    }
    outcome.rows = Rows::Of(rows);
    take(source.values(), &UInt32Array::from(wanted), None).map_err(failed)
}

/// Lists of the valid items, `counts` of them a row; a row without any is null.
fn lists(items: &ArrayRef, counts: Vec<usize>) -> Result<ArrayRef> {
    let field = Arc::new(Field::new("item", items.data_type().clone(), false));
    let items = if items.null_count() == 0 {
        Arc::clone(items)
    } else {
        let valid: Vec<u32> = (0..items.len() as u32).filter(|at| items.is_valid(*at as usize)).collect();
        take(items, &UInt32Array::from(valid), None).map_err(failed)?
    };
    let nulls = counts.contains(&0).then(|| NullBuffer::from_iter(counts.iter().map(|count| *count > 0)));
    let offsets = OffsetBuffer::from_lengths(counts);
    Ok(Arc::new(ListArray::try_new(field, offsets, items, nulls).map_err(failed)?))
}

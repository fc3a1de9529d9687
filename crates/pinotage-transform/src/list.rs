//! Multi-value columns: lists, or one value a row.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, UInt32Array};
use arrow::buffer::OffsetBuffer;
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType as Arrow, Field};
use pinotage_common::{Error, Result};
use pinotage_spec::FieldSpec;

use crate::accept::item;
use crate::conform::ConformOptions;
use crate::outcome::Outcome;
use crate::{convert, rule};

/// Converts to lists of non-null items. An empty list, and one of nulls only, is null, as in Pinot.
pub(crate) fn convert(
    field: &FieldSpec,
    array: &ArrayRef,
    options: &ConformOptions,
    outcome: &mut Outcome<'_>,
) -> Result<ArrayRef> {
    let failed = |error| Error::unexpected("cannot read lists").caused_by(error);
    let (items, lengths): (ArrayRef, Vec<Option<usize>>) = match item(array.data_type()) {
        Some(item) => {
            let plain = cast(array, &Arrow::List(Arc::new(Field::new("item", item.clone(), true)))).map_err(failed)?;
            let lists = plain.as_list::<i32>();
            let lengths =
                (0..lists.len()).map(|row| lists.is_valid(row).then(|| lists.value_length(row) as usize)).collect();
            let offsets = lists.value_offsets();
            // Lists that are null may still span items; take only what rows hold.
            let wanted: Vec<u32> = (0..lists.len())
                .filter(|row| lists.is_valid(*row))
                .flat_map(|row| offsets[row] as u32..offsets[row + 1] as u32)
                .collect();
            let all = wanted.len() == lists.values().len();
            let items = if all {
                Arc::clone(lists.values())
            } else {
                take(lists.values(), &UInt32Array::from(wanted), None).map_err(failed)?
            };
            (items, lengths)
        }
        // One value is a list of one.
        None => {
            let wanted: UInt32Array =
                (0..array.len() as u32).filter(|row| array.is_valid(*row as usize)).collect::<Vec<_>>().into();
            let lengths = (0..array.len()).map(|row| array.is_valid(row).then_some(1)).collect();
            (take(array, &wanted, None).map_err(failed)?, lengths)
        }
    };
    let rows = lengths.iter().zip(0..).flat_map(|(len, row)| std::iter::repeat_n(row, len.unwrap_or(0))).collect();
    outcome.rows = Some(rows);
    let bad_before = outcome.bad.len();
    let items = convert::convert(field, &items, options, outcome)?;
    let rows = outcome.rows.take().unwrap_or_default();
    if items.null_count() == 0 && lengths.iter().all(|len| len.is_some_and(|len| len > 0)) {
        return Ok(list(items, lengths.into_iter().flatten()));
    }
    // Drop items that are null, by input or by conversion.
    let kept: Vec<u32> = (0..items.len() as u32).filter(|at| items.is_valid(*at as usize)).collect();
    let mut counts = vec![0usize; lengths.len()];
    for at in &kept {
        if let Some(count) = rows.get(*at as usize).and_then(|row| counts.get_mut(*row as usize)) {
            *count += 1;
        }
    }
    let was_bad: Vec<u32> = outcome.bad.iter().skip(bad_before).map(|bad| bad.row).collect();
    for (row, (len, count)) in lengths.iter().zip(&counts).enumerate() {
        match len {
            Some(_) if was_bad.contains(&(row as u32)) => {}
            Some(0) => outcome.change(row, rule::EMPTY_TO_NULL, "[]"),
            Some(len) if count < len => outcome.change(row, rule::NULL_ITEMS, "null"),
            _ => {}
        }
    }
    let items = take(&items, &UInt32Array::from(kept), None).map_err(failed)?;
    let lists = list(items, counts.iter().copied());
    let nulls = counts.iter().map(|count| *count > 0).collect();
    let data = lists.into_data().into_builder().nulls(Some(nulls)).build().map_err(failed)?;
    Ok(Arc::new(ListArray::from(data)))
}

fn list(items: ArrayRef, lengths: impl IntoIterator<Item = usize>) -> ArrayRef {
    let item = Arc::new(Field::new("item", items.data_type().clone(), false));
    Arc::new(ListArray::new(item, OffsetBuffer::from_lengths(lengths), items, None))
}

//! One column of rows that are merged.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, PrimitiveArray, UInt32Array};
use arrow::array::{ArrowNativeTypeOp, ArrowPrimitiveType, BooleanArray, DynComparator, make_comparator};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::SortOptions;
use arrow::compute::kernels::zip::zip;
use arrow::datatypes::{DataType as Arrow, Float32Type, Float64Type, Int32Type, Int64Type, TimestampMillisecondType};
use pinotage_common::{Error, ErrorKind, Result};
use pinotage_spec::ColumnPlan;

use super::super::Strategy;
use super::super::defaults::{default, filled, mismatch};
use super::super::keys::unsorted;
use super::super::order::ordered;
use super::chains::{Chains, NONE};
use super::taken;

/// The values of a column in the last row of each key.
pub(super) fn merge(strategy: Strategy, plan: &ColumnPlan, values: &ArrayRef, chains: &Chains) -> Result<ArrayRef> {
    match strategy {
        Strategy::Overwrite => chosen(values, chains, newest(values, chains)),
        Strategy::ForceOverwrite => forced(plan, values, chains),
        Strategy::Ignore => chosen(values, chains, oldest(plan, values, chains)),
        Strategy::Max => chosen(values, chains, extreme(plan, values, chains, Ordering::Greater)?),
        Strategy::Min => chosen(values, chains, extreme(plan, values, chains, Ordering::Less)?),
        Strategy::Increment => summed(plan, values, chains),
        Strategy::Append => joined(plan, values, chains, None),
        Strategy::Union => {
            let items = stored(plan, values)?;
            let items = items.as_list::<i32>().values();
            let items = ordered(items, plan.field.data_type)?;
            joined(plan, values, chains, Some(&comparator(&items)?))
        }
    }
}

/// What servers have of the column once it is stored: nulls that they do not know of are default values.
pub(super) fn stored(plan: &ColumnPlan, values: &ArrayRef) -> Result<ArrayRef> {
    if plan.tracks_nulls { Ok(values.clone()) } else { filled(values, &plan.field) }
}

fn comparator(values: &ArrayRef) -> Result<DynComparator> {
    make_comparator(values, values, SortOptions::default()).map_err(unsorted)
}

/// The last rows' values, each taken from the row that it comes from.
fn chosen(values: &ArrayRef, chains: &Chains, from: Vec<u32>) -> Result<ArrayRef> {
    taken(values, &chains.last.iter().map(|row| Some(from[*row as usize])).collect::<UInt32Array>())
}

/// For each row where its value comes from: itself, unless it is null.
pub(super) fn newest(values: &ArrayRef, chains: &Chains) -> Vec<u32> {
    follow(chains, |row, previous| if values.is_null(row) { previous } else { row as u32 })
}

fn oldest(plan: &ColumnPlan, values: &ArrayRef, chains: &Chains) -> Vec<u32> {
    let is_null = |row: u32| plan.tracks_nulls && values.is_null(row as usize);
    follow(chains, |row, previous| if is_null(previous) { row as u32 } else { previous })
}

/// Goes through the rows in their order; `choose` has a row and where the value of the one before it comes from.
fn follow(chains: &Chains, choose: impl Fn(usize, u32) -> u32) -> Vec<u32> {
    let mut from = vec![NONE; chains.previous.len()];
    for (row, previous) in chains.iter() {
        from[row] = previous.map_or(row as u32, |previous| choose(row, from[previous]));
    }
    from
}

/// The greater or the smaller value; of equal ones the newer.
fn extreme(plan: &ColumnPlan, values: &ArrayRef, chains: &Chains, stays: Ordering) -> Result<Vec<u32>> {
    let compare = comparator(&ordered(&filled(values, &plan.field)?, plan.field.data_type)?)?;
    let is_null = |row: u32| plan.tracks_nulls && values.is_null(row as usize);
    Ok(follow(chains, |row, previous| {
        if is_null(previous) {
            row as u32
        } else if values.is_null(row) || compare(previous as usize, row) == stays {
            previous
        } else {
            row as u32
        }
    }))
}

/// The new value, whatever it is. Pinot forgets that it is null: what is left is the default value.
fn forced(plan: &ColumnPlan, values: &ArrayRef, chains: &Chains) -> Result<ArrayRef> {
    let last = taken(values, &UInt32Array::from(chains.last.clone()))?;
    let is_lost: BooleanArray = (chains.last.iter().enumerate())
        .map(|(at, row)| Some(chains.previous[*row as usize] != NONE && last.is_null(at)))
        .collect();
    let default = arrow::array::Scalar::new(default(&plan.field)?);
    zip(&is_lost, &default, &last).map_err(|error| mismatch(&plan.field, values.data_type()).caused_by(error))
}

fn summed(plan: &ColumnPlan, values: &ArrayRef, chains: &Chains) -> Result<ArrayRef> {
    let values = stored(plan, values).map(|stored| (values.clone(), stored))?;
    match values.0.data_type() {
        Arrow::Int32 => sums::<Int32Type>(&values, chains),
        Arrow::Int64 => sums::<Int64Type>(&values, chains),
        Arrow::Float32 => sums::<Float32Type>(&values, chains),
        Arrow::Float64 => sums::<Float64Type>(&values, chains),
        Arrow::Timestamp(..) => sums::<TimestampMillisecondType>(&values, chains),
        other => Err(mismatch(&plan.field, other)),
    }
}

/// `new` has all nulls, `stored` those that servers know of.
fn sums<T: ArrowPrimitiveType>((new, stored): &(ArrayRef, ArrayRef), chains: &Chains) -> Result<ArrayRef> {
    let values = stored.as_primitive::<T>();
    let mut sums = values.values().to_vec();
    let mut is_valid: Vec<bool> = (0..values.len()).map(|row| values.is_valid(row)).collect();
    for (row, previous) in chains.iter() {
        let Some(previous) = previous.filter(|previous| is_valid[*previous]) else { continue };
        if new.is_null(row) {
            sums[row] = sums[previous];
            is_valid[row] = true;
        } else {
            sums[row] = sums[previous].add_checked(sums[row]).map_err(|error| {
                Error::new(ErrorKind::InvalidData, "the sum of a key's values does not fit the column")
                    .action("Pinot would wrap it: give the column a larger type")
                    .caused_by(error)
            })?;
        }
    }
    let last = || chains.last.iter().map(|row| *row as usize);
    let nulls = NullBuffer::from_iter(last().map(|row| is_valid[row]));
    let sums = PrimitiveArray::<T>::new(last().map(|row| sums[row]).collect(), Some(nulls));
    Ok(Arc::new(sums.with_data_type(stored.data_type().clone())))
}

/// The values of all rows of a key, the oldest first; sorted and distinct with a comparator.
fn joined(plan: &ColumnPlan, values: &ArrayRef, chains: &Chains, compare: Option<&DynComparator>) -> Result<ArrayRef> {
    let stored = stored(plan, values)?;
    let lists = stored.as_list::<i32>();
    let offsets = lists.value_offsets();
    let (mut items, mut chain, mut lengths) = (Vec::<u32>::new(), Vec::new(), Vec::with_capacity(chains.last.len()));
    let mut is_valid = Vec::with_capacity(chains.last.len());
    for last in &chains.last {
        chain.clear();
        let mut row = *last;
        while row != NONE {
            // The first row of a key is as it is stored, in the others a null adds nothing.
            let previous = chains.previous[row as usize];
            let adds = if previous == NONE { lists.is_valid(row as usize) } else { values.is_valid(row as usize) };
            if adds {
                chain.push(row as usize);
            }
            row = previous;
        }
        let start = items.len();
        for row in chain.iter().rev() {
            items.extend(offsets[*row] as u32..offsets[*row + 1] as u32);
        }
        if let Some(compare) = compare.filter(|_| chain.len() > 1) {
            items[start..].sort_by(|a, b| compare(*a as usize, *b as usize));
            let mut kept = start;
            for at in start..items.len() {
                if at == start || compare(items[kept - 1] as usize, items[at] as usize).is_ne() {
                    items[kept] = items[at];
                    kept += 1;
                }
            }
            items.truncate(kept);
        }
        lengths.push(items.len() - start);
        is_valid.push(!chain.is_empty());
    }
    if i32::try_from(items.len()).is_err() {
        return Err(Error::new(ErrorKind::ResourceExhausted, "expected fewer than 2^31 values in a column")
            .action("merge fewer rows at a time"));
    }
    let Arrow::List(item) = lists.data_type() else { return Err(mismatch(&plan.field, lists.data_type())) };
    let items = taken(lists.values(), &UInt32Array::from(items))?;
    let nulls = NullBuffer::from_iter(is_valid);
    Ok(Arc::new(ListArray::new(item.clone(), OffsetBuffer::from_lengths(lengths), items, Some(nulls))))
}

//! The second reading: the rows that differ.

use std::collections::{BTreeMap, HashMap, HashSet};

use pinotage_common::{Error, Result};

use super::ReconcileOptions;
use super::buckets::{Buckets, different_parts};
use super::side::{Layout, Side};
use crate::query::Again;

/// Bytes of the rows of both sides that the second reading may hold, and what it needs beside a row's own bytes.
const MAX_BYTES: u64 = 256 << 20;
const ROW_BYTES: u64 = 128;

/// Parts of buckets.
type Wanted<'b> = HashMap<&'b [u8], HashSet<usize>>;

/// How a row differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// The table does not have it.
    Missing,
    /// The source does not have it.
    Extra,
    /// Both have it, one of them more often.
    Times,
    /// Other values stand with the same key.
    Changed,
}

/// A row that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowDifference {
    /// How.
    pub difference: Difference,
    /// How often it is in the source and in the table.
    pub times: [u64; 2],
    /// The columns with their values; of a changed row its key.
    pub values: Vec<(String, String)>,
    /// Of a changed row the columns with other values, in the source and in the table.
    pub changes: Vec<(String, [String; 2])>,
}

/// A row that was found, by its bytes: in the order of the values, keys first.
struct Found {
    key: u128,
    times: [u64; 2],
}

/// Rows that differ, at most as many as are wanted, and whether there are more.
pub(super) fn find(
    sides: [&Side; 2],
    layout: &Layout,
    buckets: &[Buckets; 2],
    options: &ReconcileOptions,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<(Vec<RowDifference>, bool)> {
    let mut wanted: Wanted = HashMap::new();
    let (mut left, mut more) = (MAX_BYTES, false);
    for (bucket, part, [rows, bytes]) in different_parts(buckets) {
        match left.checked_sub(bytes.saturating_add(rows.saturating_mul(ROW_BYTES))) {
            Some(rest) => {
                left = rest;
                wanted.entry(bucket).or_default().insert(part);
            }
            None => more = true,
        }
    }
    let mut again = [Again::default(), Again::default()];
    let mut found = loop {
        let mut found = BTreeMap::new();
        let mut failure = None;
        for (at, side) in sides.into_iter().enumerate() {
            if let Err(error) = add(&mut found, at, side, layout, &wanted, options, progress) {
                failure = Some((at, error));
                break;
            }
        }
        match failure {
            None => break found,
            Some((at, error)) => sides[at].look_again(error, &mut again[at])?,
        }
    };
    found.retain(|_, row| row.times[0] != row.times[1]);
    let (differences, cut) = describe(&found, layout, options.limit)?;
    Ok((differences, more || cut))
}

/// Adds the wanted rows of a side.
fn add(
    found: &mut BTreeMap<Box<[u8]>, Found>,
    at: usize,
    side: &Side,
    layout: &Layout,
    wanted: &Wanted,
    options: &ReconcileOptions,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<()> {
    let only = layout.only(wanted.keys().copied());
    side.each(layout, options, only.as_ref(), |rows| {
        for row in (0..rows.num_rows()).map(|row| rows.row(row)) {
            if wanted.get(row.bucket).is_some_and(|parts| parts.contains(&row.part())) {
                match found.get_mut(row.bytes) {
                    Some(known) => known.times[at] += 1,
                    None => {
                        let mut times = [0, 0];
                        times[at] = 1;
                        found.insert(row.bytes.into(), Found { key: row.key, times });
                    }
                }
            }
        }
        progress(rows.num_rows() as u64);
        Ok(())
    })
}

fn describe(found: &BTreeMap<Box<[u8]>, Found>, layout: &Layout, limit: usize) -> Result<(Vec<RowDifference>, bool)> {
    // What only the table has, by key: a row of the source with that key was changed.
    let mut others: HashMap<u128, Vec<&[u8]>> = HashMap::new();
    if layout.has_keys() {
        for (bytes, row) in found.iter().rev().filter(|(_, row)| row.times[0] == 0) {
            others.entry(row.key).or_default().push(bytes);
        }
    }
    let mut changed: BTreeMap<&[u8], &[u8]> = BTreeMap::new();
    for (bytes, row) in found.iter().filter(|(_, row)| row.times[1] == 0) {
        if let Some(other) = others.get_mut(&row.key).and_then(Vec::pop) {
            changed.insert(bytes, other);
        }
    }
    let taken: HashSet<&[u8]> = changed.values().copied().collect();
    let failed = |error| Error::unexpected("cannot show a row").caused_by(error);
    let mut differences = Vec::new();
    for (bytes, row) in found.iter().filter(|(bytes, _)| !taken.contains(&***bytes)) {
        if differences.len() == limit {
            return Ok((differences, true));
        }
        let values = layout.values(bytes).map_err(failed)?;
        let names = layout.columns.iter().map(|(name, _)| name.clone());
        let mut named: Vec<(String, String)> = names.zip(values).collect();
        let mut changes = Vec::new();
        let difference = match (changed.get(&**bytes), row.times) {
            (Some(other), _) => {
                let others = layout.values(other).map_err(failed)?;
                for ((name, value), other) in named.iter().zip(others) {
                    if *value != other {
                        changes.push((name.clone(), [value.clone(), other]));
                    }
                }
                named =
                    named.into_iter().enumerate().filter(|(at, _)| layout.is_key(*at)).map(|(_, pair)| pair).collect();
                Difference::Changed
            }
            (None, [_, 0]) => Difference::Missing,
            (None, [0, _]) => Difference::Extra,
            (None, _) => Difference::Times,
        };
        let times = if difference == Difference::Changed { [1, 1] } else { row.times };
        differences.push(RowDifference { difference, times, values: named, changes });
    }
    Ok((differences, false))
}

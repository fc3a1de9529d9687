//! The first reading: counts, sums and checksums of each bucket.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array as _, AsArray as _};
use arrow::datatypes::{Float32Type, Float64Type, Int64Type};
use pinotage_common::{Error, ErrorKind, Result};

use super::canon::Canon;
use super::side::{Layout, Prepared, Side};
use super::{BucketDifference, PARTS, ReconcileOptions};
use crate::query::Again;

/// Buckets of one side: 8 KiB each.
const MAX_BUCKETS: usize = 10_000;

/// Sums of floating point numbers depend on the order of rows.
const ROUNDING: f64 = 1e-9;

/// The buckets of one side, by the bytes of their values.
#[derive(Default)]
pub(super) struct Buckets(BTreeMap<Box<[u8]>, Bucket>);

struct Bucket {
    rows: u64,
    sums: Vec<Sum>,
    parts: Box<[Part]>,
}

/// Rows and the sum of their hashes: the same in any order, and another one for a row that is there twice.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Part {
    rows: u64,
    /// Of the rows in the form in which they are compared; the same when the rest is.
    bytes: u64,
    checksum: u128,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Sum {
    None,
    Whole(i128),
    Real(f64),
}

impl Buckets {
    pub(super) fn read(
        side: &Side,
        layout: &Layout,
        options: &ReconcileOptions,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Self> {
        let mut again = Again::default();
        loop {
            let mut buckets = Self::default();
            let read = side.each(layout, options, None, |rows| {
                buckets.add(&rows, layout)?;
                progress(rows.num_rows() as u64);
                Ok(())
            });
            match read {
                Ok(()) => return Ok(buckets),
                Err(error) => side.look_again(error, &mut again)?,
            }
        }
    }

    fn add(&mut self, rows: &Prepared, layout: &Layout) -> Result<()> {
        let zero = || layout.columns.iter().map(|(_, canon)| Sum::zero(canon)).collect::<Vec<_>>();
        for at in 0..rows.num_rows() {
            let row = rows.row(at);
            if !self.0.contains_key(row.bucket) {
                if self.0.len() >= MAX_BUCKETS {
                    return Err(Error::new(ErrorKind::ResourceExhausted, format!("more than {MAX_BUCKETS} buckets"))
                        .action("make buckets longer, or compare less at a time with `--filter`"));
                }
                let parts = vec![Part::default(); PARTS].into();
                self.0.insert(row.bucket.into(), Bucket { rows: 0, sums: zero(), parts });
            }
            let Some(bucket) = self.0.get_mut(row.bucket) else { continue };
            bucket.rows += 1;
            let part = &mut bucket.parts[row.part()];
            part.rows += 1;
            part.bytes += row.bytes.len() as u64;
            part.checksum = part.checksum.wrapping_add(row.hash);
            for (sum, column) in bucket.sums.iter_mut().zip(&rows.columns) {
                if column.is_valid(at) {
                    match sum {
                        Sum::None => {}
                        Sum::Whole(sum) => *sum += i128::from(column.as_primitive::<Int64Type>().value(at)),
                        Sum::Real(sum) => {
                            *sum += match column.as_primitive_opt::<Float64Type>() {
                                Some(column) => column.value(at),
                                None => f64::from(column.as_primitive::<Float32Type>().value(at)),
                            }
                        }
                    }
                }
            }
        }
        Ok(())
    }

    pub(super) fn rows(&self) -> u64 {
        self.0.values().map(|bucket| bucket.rows).sum()
    }

    fn part(&self, bucket: &[u8], part: usize) -> Part {
        self.0.get(bucket).map(|bucket| bucket.parts[part]).unwrap_or_default()
    }
}

impl Sum {
    fn zero(canon: &Canon) -> Self {
        match canon {
            Canon::Whole => Self::Whole(0),
            Canon::Float | Canon::Double => Self::Real(0.0),
            _ => Self::None,
        }
    }

    fn is_same(self, other: Self) -> bool {
        match (self, other) {
            (Self::Real(a), Self::Real(b)) => {
                a == b || a.is_nan() && b.is_nan() || (a - b).abs() <= ROUNDING * a.abs().max(b.abs())
            }
            (a, b) => a == b,
        }
    }

    fn text(self) -> String {
        match self {
            Self::None => String::new(),
            Self::Whole(sum) => sum.to_string(),
            Self::Real(sum) => sum.to_string(),
        }
    }
}

fn names(buckets: &[Buckets; 2]) -> BTreeSet<&[u8]> {
    buckets.iter().flat_map(|side| side.0.keys().map(|name| &**name)).collect()
}

/// The number of buckets of both sides together.
pub(super) fn number(buckets: &[Buckets; 2]) -> usize {
    names(buckets).len()
}

/// The parts that differ, with the rows of both sides in them and their bytes.
pub(super) fn different_parts(buckets: &[Buckets; 2]) -> impl Iterator<Item = (&[u8], usize, [u64; 2])> {
    names(buckets).into_iter().flat_map(move |name| {
        (0..PARTS).filter_map(move |part| {
            let [left, right] = buckets.each_ref().map(|side| side.part(name, part));
            (left != right).then_some((name, part, [left.rows + right.rows, left.bytes + right.bytes]))
        })
    })
}

/// The buckets that differ.
pub(super) fn different(buckets: &[Buckets; 2], layout: &Layout) -> Vec<BucketDifference> {
    let names: BTreeSet<&[u8]> = different_parts(buckets).map(|(name, ..)| name).collect();
    let zero: Vec<Sum> = layout.columns.iter().map(|(_, canon)| Sum::zero(canon)).collect();
    let of = |name: &[u8]| {
        let sides = buckets.each_ref().map(|side| side.0.get(name));
        let sums = sides.map(|side| side.map_or(&zero, |bucket| &bucket.sums));
        let pairs = layout.columns.iter().zip(sums[0].iter().zip(sums[1]));
        BucketDifference {
            bucket: layout.label(name).unwrap_or_else(|_| "?".into()),
            rows: sides.map(|side| side.map_or(0, |bucket| bucket.rows)),
            sums: pairs
                .filter(|(_, (left, right))| !left.is_same(**right))
                .map(|((column, _), (left, right))| (column.clone(), [left.text(), right.text()]))
                .collect(),
        }
    };
    names.into_iter().map(of).collect()
}

//! The metrics of star-tree docs, column by column.

use std::ops::Range;

use pinotage_common::{Error, Result};
use pinotage_spec::{ForwardOptions, HyperLogLogs, StarTreeAggregation, StarTreeFunction};
use roaring::RoaringBitmap;

use super::input::{Input, Kind};
use crate::forward::{Rows, raw_fixed, raw_variable};
use crate::staged::written;

/// What an aggregation reads of its column; `None` for COUNT, which has none.
pub(super) fn kind(function: StarTreeFunction) -> Option<Kind> {
    use StarTreeFunction::*;
    Some(match function {
        Count => return None,
        CountMv => Kind::Count,
        Min | Max | Sum | SumMv | Avg | AvgMv | MinMaxRange => Kind::Number,
        DistinctCountBitmap => Kind::JavaHash,
        DistinctCountHll => Kind::Murmur,
    })
}

/// The values of one aggregation, a doc after the other.
#[derive(Debug)]
pub(super) struct Metric {
    function: StarTreeFunction,
    values: Values,
}

#[derive(Debug)]
enum Values {
    Count(Vec<i64>),
    Number(Vec<f64>),
    /// Sums and counts.
    Avg(Vec<(f64, i64)>),
    /// The least and the greatest.
    Range(Vec<(f64, f64)>),
    Bitmap(Vec<RoaringBitmap>),
    HyperLogLog(HyperLogLogs, usize),
}

impl Metric {
    /// Without docs.
    pub(super) fn new(aggregation: &StarTreeAggregation) -> Result<Self> {
        use StarTreeFunction::*;
        let values = match aggregation.function {
            Count | CountMv => Values::Count(Vec::new()),
            Min | Max | Sum | SumMv => Values::Number(Vec::new()),
            Avg | AvgMv => Values::Avg(Vec::new()),
            MinMaxRange => Values::Range(Vec::new()),
            DistinctCountBitmap => Values::Bitmap(Vec::new()),
            DistinctCountHll => Values::HyperLogLog(HyperLogLogs::new(aggregation.log2m()?), 0),
        };
        Ok(Self { function: aggregation.function, values })
    }

    /// Adds a doc that sums up rows of the segment, at least one. `input` is there for all but COUNT.
    pub(super) fn push_rows(&mut self, rows: &[u32], input: Option<&Input>) -> Result<()> {
        let Some(input) = input else {
            if let Values::Count(counts) = &mut self.values {
                counts.push(rows.len() as i64);
                return Ok(());
            }
            return Err(Error::unexpected("an aggregation without a column"));
        };
        let numbers = |row: &u32| &input.numbers[input.row(*row)];
        let many = input.is_multi_value();
        let function = self.function;
        match &mut self.values {
            Values::Count(counts) => counts.push(rows.iter().map(|row| input.row(*row).len() as i64).sum()),
            Values::Number(values) => {
                // A row of several values is reduced to one first, as Pinot does; the rounding of sums depends on it.
                let start = match function {
                    StarTreeFunction::Min => f64::INFINITY,
                    StarTreeFunction::Max => f64::NEG_INFINITY,
                    _ => 0.0,
                };
                let row = |row: &u32| match many {
                    false => numbers(row).first().copied().unwrap_or(start),
                    true => numbers(row).iter().fold(start, |a, b| apply(function, a, *b)),
                };
                values.push(rows.iter().map(row).reduce(|a, b| apply(function, a, b)).unwrap_or(start));
            }
            Values::Avg(values) => {
                let row = |row: &u32| match numbers(row) {
                    [value] if !many => (*value, 1),
                    row => (row.iter().fold(0.0, |sum, value| sum + value), row.len() as i64),
                };
                values.push(rows.iter().map(row).reduce(add).unwrap_or_default());
            }
            Values::Range(values) => {
                let row = |row: &u32| match numbers(row) {
                    [value] if !many => (*value, *value),
                    row => row.iter().map(|value| (*value, *value)).fold((f64::INFINITY, f64::NEG_INFINITY), widen),
                };
                values.push(rows.iter().map(row).reduce(widen).unwrap_or_default());
            }
            Values::Bitmap(bitmaps) => {
                bitmaps.push(rows.iter().flat_map(|row| &input.hashes[input.row(*row)]).copied().collect());
            }
            Values::HyperLogLog(sketches, len) => {
                sketches.push();
                rows.iter().flat_map(|row| &input.hashes[input.row(*row)]).for_each(|hash| sketches.offer(*hash));
                *len += 1;
            }
        }
        Ok(())
    }

    /// Adds a doc that sums up other docs, at least one.
    pub(super) fn push_docs(&mut self, docs: &[u32]) {
        let function = self.function;
        match &mut self.values {
            Values::Count(counts) => counts.push(docs.iter().map(|doc| counts[*doc as usize]).sum()),
            Values::Number(values) => {
                let value = docs.iter().map(|doc| values[*doc as usize]).reduce(|a, b| apply(function, a, b));
                values.extend(value);
            }
            Values::Avg(values) => values.extend(docs.iter().map(|doc| values[*doc as usize]).reduce(add)),
            Values::Range(values) => values.extend(docs.iter().map(|doc| values[*doc as usize]).reduce(widen)),
            Values::Bitmap(bitmaps) => {
                let mut union = RoaringBitmap::new();
                docs.iter().for_each(|doc| union |= &bitmaps[*doc as usize]);
                bitmaps.push(union);
            }
            Values::HyperLogLog(sketches, len) => {
                sketches.push();
                docs.iter().for_each(|doc| sketches.merge(*doc as usize));
                *len += 1;
            }
        }
    }

    fn len(&self) -> usize {
        match &self.values {
            Values::Count(values) => values.len(),
            Values::Number(values) => values.len(),
            Values::Avg(values) => values.len(),
            Values::Range(values) => values.len(),
            Values::Bitmap(values) => values.len(),
            Values::HyperLogLog(_, len) => *len,
        }
    }

    /// The payload of the metric's raw forward index.
    ///
    /// # Errors
    ///
    /// `resource-exhausted` where the format's 32-bit offsets do not reach.
    pub(super) fn lay_out(&self, options: &ForwardOptions) -> Result<Vec<u8>> {
        if matches!(self.values, Values::Count(_) | Values::Number(_)) {
            let write = |docs: Range<usize>, chunk: &mut Vec<u8>| docs.for_each(|doc| self.write(doc, chunk));
            return written(|out| raw_fixed(self.len(), 8, options, write, out));
        }
        let longest = (0..self.len()).map(|doc| self.len_bytes(doc)).max().unwrap_or(0);
        // Of values of variable width Pinot writes version 4 where a later one is asked for.
        let options = ForwardOptions { version: options.version.min(4), ..*options };
        written(|out| raw_variable(self.len(), longest, false, &options, self, out))
    }
}

impl Rows for Metric {
    fn len_bytes(&self, doc: usize) -> usize {
        match &self.values {
            Values::Count(_) | Values::Number(_) => 8,
            Values::Avg(_) | Values::Range(_) => 16,
            Values::Bitmap(bitmaps) => bitmaps[doc].serialized_size(),
            Values::HyperLogLog(sketches, _) => sketches.len_bytes(),
        }
    }

    fn write(&self, doc: usize, out: &mut Vec<u8>) {
        match &self.values {
            Values::Count(values) => out.extend_from_slice(&values[doc].to_be_bytes()),
            Values::Number(values) => out.extend_from_slice(&values[doc].to_be_bytes()),
            Values::Avg(values) => {
                out.extend_from_slice(&values[doc].0.to_be_bytes());
                out.extend_from_slice(&values[doc].1.to_be_bytes());
            }
            Values::Range(values) => {
                out.extend_from_slice(&values[doc].0.to_be_bytes());
                out.extend_from_slice(&values[doc].1.to_be_bytes());
            }
            // Writing to memory does not fail.
            Values::Bitmap(bitmaps) => drop(bitmaps[doc].serialize_into(out)),
            Values::HyperLogLog(sketches, _) => sketches.write(doc, out),
        }
    }
}

fn apply(function: StarTreeFunction, a: f64, b: f64) -> f64 {
    match function {
        StarTreeFunction::Min => java_min(a, b),
        // The greatest number is the least of the opposites, with zeros and NaN as Java has them.
        StarTreeFunction::Max => -java_min(-a, -b),
        _ => a + b,
    }
}

/// `Math.min`: NaN if there is one, and minus zero before zero.
fn java_min(a: f64, b: f64) -> f64 {
    if a.is_nan() {
        a
    } else if b < a || b.is_nan() || (a == b && b.is_sign_negative()) {
        b
    } else {
        a
    }
}

/// `AvgPair.apply`
fn add(a: (f64, i64), b: (f64, i64)) -> (f64, i64) {
    (a.0 + b.0, a.1.wrapping_add(b.1))
}

/// `MinMaxRangePair.apply`
fn widen(a: (f64, f64), b: (f64, f64)) -> (f64, f64) {
    (if b.0 < a.0 { b.0 } else { a.0 }, if b.1 > a.1 { b.1 } else { a.1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_and_nan_are_javas() {
        use StarTreeFunction::{Max, Min};
        assert!(apply(Min, 0.0, -0.0).is_sign_negative() && apply(Min, -0.0, 0.0).is_sign_negative());
        assert!(apply(Max, 0.0, -0.0).is_sign_positive() && apply(Max, -0.0, 0.0).is_sign_positive());
        assert!(apply(Min, f64::NAN, 1.0).is_nan() && apply(Max, 1.0, f64::NAN).is_nan());
        assert_eq!((apply(Min, 1.0, 2.0), apply(Max, 1.0, 2.0), apply(Max, -3.0, -2.0)), (1.0, 2.0, -2.0));
    }
}

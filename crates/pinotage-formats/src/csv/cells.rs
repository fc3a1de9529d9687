//! From scanned fields to columns, one column of a vector of rows at a time.

use arrow::datatypes::TimeUnit;

use super::scan::Field;
use crate::column::{Bytes, Column, Kind, Nulls, narrow};
use crate::number::{Reject, parse_bool, parse_f32, parse_f64, parse_i64, parse_u64, trim};
use crate::rule;

/// The fields of a vector of rows, all of the same width.
pub(crate) struct Cells<'a> {
    pub(crate) text: &'a [u8],
    pub(crate) scratch: &'a [u8],
    pub(crate) fields: &'a [Field],
    pub(crate) width: usize,
}

/// Texts that mean null.
pub(crate) struct NullTexts {
    empty: bool,
    others: Vec<Vec<u8>>,
}

/// Why a cell was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    Value(Reject),
    NotUtf8,
}

impl Refusal {
    pub(crate) fn rule(self) -> &'static str {
        match self {
            Refusal::Value(Reject::WrongType) => rule::WRONG_TYPE,
            Refusal::Value(Reject::OutOfRange) => rule::OUT_OF_RANGE,
            Refusal::NotUtf8 => rule::INVALID_UTF8,
        }
    }
}

impl NullTexts {
    pub(crate) fn new(texts: &[String]) -> Self {
        Self {
            empty: texts.iter().any(String::is_empty),
            others: texts.iter().filter(|text| !text.is_empty()).map(|text| text.as_bytes().to_vec()).collect(),
        }
    }

    #[inline]
    pub(crate) fn contains(&self, cell: &[u8]) -> bool {
        if cell.is_empty() {
            return self.empty;
        }
        !self.others.is_empty() && self.others.iter().any(|text| text == cell)
    }
}

impl<'a> Cells<'a> {
    /// The cells of one column, top down.
    #[inline]
    fn column(&self, column: usize) -> impl Iterator<Item = &'a [u8]> {
        let Cells { text, scratch, .. } = *self;
        self.fields.iter().skip(column).step_by(self.width.max(1)).map(move |field| field.bytes(text, scratch))
    }

    /// Adds a column of these rows to `target`. A refused cell is reported and stands as null until its row is dropped.
    pub(crate) fn append(
        &self,
        column: usize,
        target: &mut Column,
        null_texts: &NullTexts,
        multi_value_delimiter: u8,
        refused: &mut dyn FnMut(usize, Refusal),
    ) {
        let cells = self.column(column);
        let nulls = &mut target.nulls;
        let mut refuse = |row, reject| refused(row, Refusal::Value(reject));
        match &mut target.kind {
            Kind::Int64(out) => fill(cells, null_texts, out, nulls, &mut refuse, parse_i64),
            Kind::Int32(out) => fill(cells, null_texts, out, nulls, &mut refuse, |cell| narrow(parse_i64(cell)?)),
            Kind::Int16(out) => fill(cells, null_texts, out, nulls, &mut refuse, |cell| narrow(parse_i64(cell)?)),
            Kind::Int8(out) => fill(cells, null_texts, out, nulls, &mut refuse, |cell| narrow(parse_i64(cell)?)),
            Kind::UInt64(out) => fill(cells, null_texts, out, nulls, &mut refuse, parse_u64),
            Kind::UInt32(out) => fill(cells, null_texts, out, nulls, &mut refuse, |cell| narrow(parse_u64(cell)?)),
            Kind::Float64(out) => fill(cells, null_texts, out, nulls, &mut refuse, parse_f64),
            Kind::Float32(out) => fill(cells, null_texts, out, nulls, &mut refuse, parse_f32),
            Kind::Boolean(out) => fill(cells, null_texts, out, nulls, &mut refuse, parse_bool),
            Kind::Timestamp(out, TimeUnit::Millisecond, zone) => {
                fill(cells, null_texts, out, nulls, &mut refuse, |cell| {
                    crate::column::parse_timestamp(cell, TimeUnit::Millisecond, zone)
                });
            }
            Kind::Utf8(out) => append_text(cells, null_texts, out, nulls, refused),
            Kind::List(offsets, child, _) => {
                append_lists(cells, null_texts, multi_value_delimiter, (offsets, child, nulls), refused)
            }
            // The rarer types go value by value.
            _ => {
                for (row, cell) in cells.enumerate() {
                    if null_texts.contains(trim(cell)) {
                        target.push_null();
                    } else if let Err(reject) = target.push_text(cell) {
                        target.push_null();
                        refused(row, Refusal::Value(reject));
                    }
                }
            }
        }
    }
}

#[inline]
fn fill<'a, T: Default>(
    cells: impl Iterator<Item = &'a [u8]>,
    null_texts: &NullTexts,
    out: &mut Vec<T>,
    nulls: &mut Nulls,
    refuse: &mut dyn FnMut(usize, Reject),
    parse: impl Fn(&[u8]) -> Result<T, Reject>,
) {
    for (row, cell) in cells.enumerate() {
        match parse(cell) {
            // A spelling of null may look like a number (`-999`): it goes first, if there is any such spelling.
            Ok(value) if null_texts.others.is_empty() => {
                out.push(value);
                nulls.push(true);
            }
            result => {
                let (value, valid) = if null_texts.contains(trim(cell)) {
                    (T::default(), false)
                } else {
                    match result {
                        Ok(value) => (value, true),
                        Err(reject) => {
                            refuse(row, reject);
                            (T::default(), false)
                        }
                    }
                };
                out.push(value);
                nulls.push(valid);
            }
        }
    }
}

fn append_text<'a>(
    cells: impl Iterator<Item = &'a [u8]>,
    null_texts: &NullTexts,
    out: &mut Bytes,
    nulls: &mut Nulls,
    refused: &mut dyn FnMut(usize, Refusal),
) {
    let first_row = nulls.len();
    let first_byte = out.values.len();
    for cell in cells {
        let valid = !null_texts.contains(cell);
        if valid {
            out.values.extend_from_slice(cell);
        }
        out.end();
        nulls.push(valid);
    }
    // Most text is ASCII, which one pass over the whole vector proves.
    if out.values.get(first_byte..).is_none_or(<[u8]>::is_ascii) {
        return;
    }
    let spans = out.offsets.get(first_row..).unwrap_or_default();
    let bad: Vec<(usize, usize, usize)> = spans
        .windows(2)
        .enumerate()
        .filter_map(|(row, span)| match *span {
            [start, end] => Some((row, start as usize, end as usize)),
            _ => None,
        })
        .filter(|&(_, start, end)| {
            let value = out.values.get(start..end).unwrap_or_default();
            std::str::from_utf8(value).is_err()
        })
        .collect();
    for (row, start, end) in bad {
        // The row is dropped later; until then its place must hold valid text of the same length.
        if let Some(value) = out.values.get_mut(start..end) {
            value.fill(b'?');
        }
        refused(row, Refusal::NotUtf8);
    }
}

type ListParts<'a> = (&'a mut Vec<i32>, &'a mut Box<Column>, &'a mut Nulls);

fn append_lists<'a>(
    cells: impl Iterator<Item = &'a [u8]>,
    null_texts: &NullTexts,
    delimiter: u8,
    (offsets, child, nulls): ListParts<'_>,
    refused: &mut dyn FnMut(usize, Refusal),
) {
    for (row, cell) in cells.enumerate() {
        let mut valid = !null_texts.contains(cell);
        if valid {
            let before = child.len();
            let result = cell.split(|&byte| byte == delimiter).try_for_each(|item| {
                if child.is_text() && std::str::from_utf8(item).is_err() {
                    return Err(Refusal::NotUtf8);
                }
                child.push_text(item).map_err(Refusal::Value)
            });
            if let Err(refusal) = result {
                child.truncate(before);
                refused(row, refusal);
                valid = false;
            }
        }
        offsets.push(child.len() as i32);
        nulls.push(valid);
    }
}

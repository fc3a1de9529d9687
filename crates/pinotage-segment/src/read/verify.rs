//! Compares a segment with what its metadata promises.

use std::path::{Path, PathBuf};
use std::{fmt, fs};

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{Float32Type, Float64Type, Int32Type, Int64Type, TimestampMillisecondType};
use pinotage_common::{Error, Result};
use pinotage_spec::java::compare_utf16;
use pinotage_spec::{CompareOp, DataType, StoredType, Value};
use roaring::RoaringBitmap;
use simd_adler32::Adler32;

use super::bloom::BloomReader;
use super::column::Column;
use super::compare::Test;
use super::range::RangeReader;
use super::{Segment, directory};
use crate::constants::CREATION_META_FILE;
use crate::forward::{Docs, ForwardReader};
use crate::index::slices::{double_ordinal, float_ordinal};
use crate::metadata::ColumnMetadata;
use crate::star_tree;

/// Docs that are decoded at a time.
const STEP: usize = 8192;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Answers would be wrong, or the segment cannot be read.
    Error,
    /// Worth knowing: the segment answers right.
    Note,
}

/// Something that is not as the metadata promises.
#[derive(Debug, Clone)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The column, unless it is about the whole segment.
    pub column: Option<String>,
    /// What was expected and what was found.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Note => "note",
        };
        match &self.column {
            Some(column) => write!(f, "{severity}: column `{column}`: {}", self.message),
            None => write!(f, "{severity}: {}", self.message),
        }
    }
}

pub(super) fn verify(segment: &Segment) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    checksum(segment, &mut findings)?;
    if segment.metadata.num_docs == 0 {
        return Ok(findings);
    }
    data_checksum(segment, &mut findings);
    for name in segment.columns() {
        if let Err(error) = column(segment, name) {
            findings.push(Finding {
                severity: Severity::Error,
                column: Some(name.to_owned()),
                message: error.to_string(),
            });
        }
    }
    star_trees(segment, &mut findings);
    Ok(findings)
}

/// Queries are answered from star-trees in place of rows.
fn star_trees(segment: &Segment, findings: &mut Vec<Finding>) {
    let mut wrong = |error: Error| {
        findings.push(Finding { severity: Severity::Error, column: None, message: error.to_string() });
    };
    match segment.star_trees() {
        Ok(None) => {}
        Ok(Some(trees)) => (0..trees.len()).for_each(|number| {
            let verified = trees.tree(number).and_then(|tree| {
                star_tree::verify(&tree, |name| segment.star_tree_column(name))
                    .map_err(|error| error.with("star-tree", number))
            });
            verified.err().into_iter().for_each(&mut wrong);
        }),
        Err(error) => wrong(error),
    }
}

/// A server that adds indexes keeps the old checksum, so a difference is only a note.
fn checksum(segment: &Segment, findings: &mut Vec<Finding>) -> Result<()> {
    let mut note = |message: String| findings.push(Finding { severity: Severity::Note, column: None, message });
    let Some(creation) = segment.creation else {
        note("there is no `creation.meta`, so nothing says which checksum the segment should have".into());
        return Ok(());
    };
    let folder = match &segment._unpacked {
        Some(unpacked) => super::archive::segment_folder(unpacked.path())?,
        None => segment.path.clone(),
    };
    let mut files = Vec::new();
    list_files(&directory::files_folder(&folder)?, &mut files)?;
    files.sort_by(|a, b| compare_utf16(a.as_os_str().as_encoded_bytes(), b.as_os_str().as_encoded_bytes()));
    let mut adler = Adler32::new();
    for path in files {
        adler.write(super::map::Mapped::open(&path)?.bytes());
    }
    let found = u64::from(adler.finish());
    if found != creation.crc {
        note(format!(
            "the checksum is {found}, `creation.meta` says {}: a server added or removed indexes, or the files were changed",
            creation.crc
        ));
    }
    Ok(())
}

/// The files that the checksum covers: all but `creation.meta` and checksum files, in folders too.
fn list_files(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let failed = |error| Error::io(error, "cannot list the segment", folder);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let covered = path.file_name().is_none_or(|name| name != CREATION_META_FILE)
            && path.extension().is_none_or(|extension| extension != "crc");
        if path.is_dir() {
            list_files(&path, files)?;
        } else if covered {
            files.push(path);
        }
    }
    Ok(())
}

/// Over the dictionaries and forward indexes alone, in the order of their version 1 file names.
fn data_checksum(segment: &Segment, findings: &mut Vec<Finding>) {
    let Some(expected) = segment.creation.and_then(|creation| creation.data_crc) else { return };
    let mut files = Vec::new();
    for (name, column) in &segment.metadata.columns {
        for index in ["dictionary", "forward_index"] {
            if let Some(bytes) = segment.directory.entry(name, index) {
                files.push((format!("{name}{}", v1_ending(column, index)), bytes));
            }
        }
    }
    files.sort_by(|(a, _), (b, _)| compare_utf16(a.as_bytes(), b.as_bytes()));
    let mut adler = Adler32::new();
    files.iter().for_each(|(_, bytes)| adler.write(bytes));
    let found = u64::from(adler.finish());
    if found != expected {
        let message = format!(
            "the checksum of the data is {found}, `creation.meta` says {expected}: a server changed an encoding, or the files were changed"
        );
        findings.push(Finding { severity: Severity::Note, column: None, message });
    }
}

fn v1_ending(column: &ColumnMetadata, index: &str) -> &'static str {
    match (index, column.forward_is_dictionary, column.single_value, column.sorted) {
        ("dictionary", ..) => ".dict",
        (_, true, true, true) => ".sv.sorted.fwd",
        (_, true, true, false) => ".sv.unsorted.fwd",
        (_, true, false, _) => ".mv.fwd",
        (_, false, true, _) => ".sv.raw.fwd",
        (_, false, false, _) => ".mv.raw.fwd",
    }
}

fn column(segment: &Segment, name: &str) -> Result<()> {
    let num_docs = segment.metadata.num_docs as usize;
    let mut column = Column::open(segment, name, true)?;
    dictionary(&column).map_err(|error| column.locate(error, "dictionary"))?;
    if column.metadata.non_null && column.nulls.as_ref().is_some_and(|nulls| !nulls.is_empty()) {
        return Err(column.locate(Error::corrupt("the metadata says that there is no null"), "nullvalue_vector"));
    }
    let bloom = column.bloom()?;
    let (mut num_values, mut longest) = (0, 0);
    for start in (0..num_docs).step_by(STEP) {
        let docs = Docs::Range(start, num_docs.min(start + STEP));
        let array = column.read_stored(docs)?;
        let values = match array.as_list_opt::<i32>() {
            Some(lists) => {
                longest = longest.max(lists.offsets().lengths().max().unwrap_or(0));
                lists.values()
            }
            None => &array,
        };
        num_values += values.len();
        if let Some(bloom) = &bloom {
            held(bloom, values, column.metadata.data_type).map_err(|error| column.locate(error, "bloom_filter"))?;
        }
        // A dictionary's bounds were compared already.
        if column.dictionary.is_none() {
            bounds(values, column.metadata).map_err(|error| column.locate(error, "forward_index"))?;
        }
    }
    counts(column.metadata, num_values, longest).map_err(|error| column.locate(error, "forward_index"))?;
    inverted(&column, num_docs).map_err(|error| column.locate(error, "inverted_index"))?;
    range(&mut column, num_docs)?;
    column.verify_json().map_err(|error| column.locate(error, "json_index"))
}

/// Values ascend strictly, and the first and last are the bounds.
fn dictionary(column: &Column<'_>) -> Result<()> {
    let Some(dictionary) = &column.dictionary else { return Ok(()) };
    let mut before: Option<Value> = None;
    for id in 0..dictionary.len() as u32 {
        let value = dictionary.value(id)?;
        if before.is_some_and(|before| before.compare(&value).is_none_or(|ordering| ordering.is_ge())) {
            return Err(Error::corrupt(format!("expected ascending values, found none after id {}", id - 1)));
        }
        let last = id as usize + 1 == dictionary.len();
        for bound in [column.metadata.min.as_ref().filter(|_| id == 0), column.metadata.max.as_ref().filter(|_| last)] {
            if bound.is_some_and(|bound| bound.compare(&value).is_none_or(|ordering| ordering.is_ne())) {
                return Err(Error::corrupt(format!("the bound in the metadata is not `{}`", value.to_java_string())));
            }
        }
        before = Some(value);
    }
    Ok(())
}

/// No value lies outside of the bounds: servers leave a segment out by them.
fn bounds(values: &ArrayRef, column: &ColumnMetadata) -> Result<()> {
    for (bound, op, what) in [(&column.min, CompareOp::Lt, "below"), (&column.max, CompareOp::Gt, "above")] {
        let Some(bound) = bound else { continue };
        if Test::new(op, vec![bound.clone()], true).apply(values, column.data_type).contains(&true) {
            return Err(Error::corrupt(format!("found values {what} the bound `{}`", bound.to_java_string())));
        }
    }
    Ok(())
}

/// The bloom filter lets every value pass.
fn held(bloom: &BloomReader<'_>, array: &ArrayRef, data_type: DataType) -> Result<()> {
    let missing = match data_type.stored() {
        StoredType::String => {
            array.as_string::<i32>().iter().flatten().map(|it| Value::String(it.into())).find(|it| !bloom.may_hold(it))
        }
        StoredType::Bytes => {
            array.as_binary::<i32>().iter().flatten().map(|it| Value::Bytes(it.into())).find(|it| !bloom.may_hold(it))
        }
        StoredType::Int | StoredType::Long => {
            stored_numbers(array, data_type)?.into_iter().find(|it| !bloom.may_hold(it))
        }
        StoredType::Float | StoredType::Double | StoredType::BigDecimal | StoredType::Map => None,
    };
    match missing {
        Some(value) => Err(Error::corrupt(format!("expected the filter to hold `{}`", value.to_java_string()))),
        None => Ok(()),
    }
}

/// The metadata counts values as the forward index does.
fn counts(column: &ColumnMetadata, num_values: usize, longest: usize) -> Result<()> {
    let expected = column.num_values as usize;
    if num_values != expected {
        return Err(Error::corrupt(format!("expected {expected} values, found {num_values}")));
    }
    // Servers size their buffers by it.
    if longest > column.max_values_per_doc as usize {
        return Err(Error::corrupt(format!(
            "expected at most {} values a row, found {longest}",
            column.max_values_per_doc
        )));
    }
    Ok(())
}

/// Each bitmap of the inverted index holds the docs that the forward index says, and no other.
fn inverted(column: &Column<'_>, num_docs: usize) -> Result<()> {
    let Some(inverted) = column.inverted()? else { return Ok(()) };
    if matches!(column.forward, ForwardReader::Raw(_) | ForwardReader::Clp(_)) {
        return Ok(());
    }
    let bitmaps = (0..column.metadata.cardinality as usize).map(|id| inverted.docs(id)).collect::<Result<Vec<_>>>()?;
    let mut left: u64 = bitmaps.iter().map(RoaringBitmap::len).sum();
    for start in (0..num_docs).step_by(STEP) {
        let docs = Docs::Range(start, num_docs.min(start + STEP));
        let (lengths, mut ids) = match column.metadata.single_value {
            true => (vec![1; docs.len()], column.forward.ids(docs)?),
            false => column.forward.lists(docs)?,
        };
        let mut rest = ids.as_mut_slice();
        for (doc, len) in docs.iter().zip(lengths) {
            let (row, later) =
                rest.split_at_mut_checked(len).ok_or_else(|| Error::unexpected("lists are longer than their ids"))?;
            rest = later;
            // A row that holds a value twice is in its bitmap once.
            row.sort_unstable();
            for id in row.chunk_by(|a, b| a == b).filter_map(<[u32]>::first) {
                if !bitmaps.get(*id as usize).is_some_and(|docs| docs.contains(doc as u32)) {
                    return Err(Error::corrupt(format!("expected doc {doc} for dictionary id {id}")));
                }
                left = left.saturating_sub(1);
            }
        }
    }
    // All docs were found, so any more are wrong.
    match left {
        0 => Ok(()),
        left => Err(Error::corrupt(format!("found {left} docs that the forward index does not have"))),
    }
}

/// The range index tells of each doc what the forward index does.
fn range(column: &mut Column<'_>, num_docs: usize) -> Result<()> {
    let checked = match column.range()? {
        None => Ok(()),
        Some(RangeReader::Slices(slices)) => {
            slices.verify(|start, end| numbers(column, slices.min(), Docs::Range(start, end)))
        }
        Some(RangeReader::Ranges(ranges)) => {
            (0..ranges.len()).map(|range| ranges.range(range)).collect::<Result<Vec<_>>>().and_then(|bitmaps| {
                let mut found = vec![RoaringBitmap::new(); bitmaps.len()];
                for start in (0..num_docs).step_by(STEP) {
                    let docs = Docs::Range(start, num_docs.min(start + STEP));
                    let (lengths, values) = values(column, docs)?;
                    let of_values = docs.iter().zip(lengths).flat_map(|(doc, len)| std::iter::repeat_n(doc, len));
                    for (doc, value) in of_values.zip(values) {
                        let range =
                            ranges.range_of(&value).and_then(|range| found.get_mut(range)).ok_or_else(|| {
                                Error::corrupt(format!("expected a range that holds `{}`", value.to_java_string()))
                            })?;
                        range.insert(doc as u32);
                    }
                }
                match found == bitmaps {
                    true => Ok(()),
                    false => Err(Error::corrupt("expected the docs that the forward index has in each range")),
                }
            })
        }
    };
    checked.map_err(|error| column.locate(error, "range_index"))
}

/// The numbers that the range index holds of docs.
fn numbers(column: &mut Column<'_>, min: i64, docs: Docs<'_>) -> Result<Vec<u64>> {
    if column.dictionary.is_some() {
        return Ok(column.forward.ids(docs)?.into_iter().map(u64::from).collect());
    }
    let (_, values) = values(column, docs)?;
    Ok(values
        .into_iter()
        .map(|value| match value {
            Value::Int(value) => i64::from(value).wrapping_sub(min) as u64,
            Value::Long(value) => value.wrapping_sub(min) as u64,
            Value::Float(value) => float_ordinal(value),
            Value::Double(value) => double_ordinal(value),
            _ => 0,
        })
        .collect())
}

/// The dictionary ids of docs, or their numbers, and how many of them each doc has.
fn values(column: &mut Column<'_>, docs: Docs<'_>) -> Result<(Vec<usize>, Vec<Value>)> {
    if column.dictionary.is_some() {
        let (lengths, ids) = match column.metadata.single_value {
            true => (vec![1; docs.len()], column.forward.ids(docs)?),
            false => column.forward.lists(docs)?,
        };
        return Ok((lengths, ids.into_iter().map(|id| Value::Int(id as i32)).collect()));
    }
    let array = column.read_stored(docs)?;
    let (lengths, array) = match array.as_list_opt::<i32>() {
        Some(lists) => (lists.offsets().lengths().collect(), lists.values()),
        None => (vec![1; docs.len()], &array),
    };
    Ok((lengths, stored_numbers(array, column.metadata.data_type)?))
}

/// Numbers as they are stored.
fn stored_numbers(array: &ArrayRef, data_type: DataType) -> Result<Vec<Value>> {
    Ok(match data_type {
        DataType::Boolean => array.as_boolean().values().iter().map(|it| Value::Int(it.into())).collect(),
        DataType::Int => array.as_primitive::<Int32Type>().values().iter().map(|it| Value::Int(*it)).collect(),
        DataType::Long => array.as_primitive::<Int64Type>().values().iter().map(|it| Value::Long(*it)).collect(),
        DataType::Timestamp => {
            array.as_primitive::<TimestampMillisecondType>().values().iter().map(|it| Value::Long(*it)).collect()
        }
        DataType::Float => array.as_primitive::<Float32Type>().values().iter().map(|it| Value::Float(*it)).collect(),
        DataType::Double => array.as_primitive::<Float64Type>().values().iter().map(|it| Value::Double(*it)).collect(),
        other => return Err(Error::corrupt(format!("expected no range index of {other} values"))),
    })
}

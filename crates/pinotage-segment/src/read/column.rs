//! One column of an open segment.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ListArray, UInt32Array, make_array};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::take;
use arrow::datatypes::Field;
use pinotage_common::{Error, Result};
use roaring::RoaringBitmap;

use super::Segment;
use super::array::{BytesBuilder, fixed_array};
use crate::dictionary::DictionaryReader;
use crate::forward::{ChunkCache, ForwardReader, RawReader, be32};
use crate::metadata::ColumnMetadata;

/// A column, opened for reading ranges of docs.
pub(super) struct Column<'a> {
    pub(super) metadata: &'a ColumnMetadata,
    pub(super) dictionary: Option<DictionaryReader<'a>>,
    /// All values of the dictionary, decoded once.
    pub(super) values: Option<ArrayRef>,
    pub(super) forward: ForwardReader<'a>,
    /// The docs that are null.
    pub(super) nulls: Option<RoaringBitmap>,
    cache: ChunkCache,
}

impl<'a> Column<'a> {
    pub(super) fn open(segment: &'a Segment, name: &str, nulls: bool) -> Result<Self> {
        Self::open_inner(segment, name, nulls).map_err(|error| error.with("column", name))
    }

    fn open_inner(segment: &'a Segment, name: &str, nulls: bool) -> Result<Self> {
        let metadata = segment.column_metadata(name)?;
        let num_docs = segment.metadata.num_docs as usize;
        let entry = |index: &str| segment.directory.entry(name, index);
        let forward = entry("forward_index").ok_or_else(|| {
            Error::corrupt("the column has no forward index")
                .action("leave the column out of the query, or build the segment again")
        })?;
        let forward = ForwardReader::try_new(forward, metadata, num_docs)?;
        let (mut dictionary, mut values) = (None, None);
        if metadata.forward_is_dictionary {
            let bytes = entry("dictionary").ok_or_else(|| Error::corrupt("the column has no dictionary"))?;
            let reader = DictionaryReader::try_new(bytes, metadata)?;
            values = Some(reader.to_array()?);
            dictionary = Some(reader);
        }
        let nulls = match entry("nullvalue_vector").filter(|_| nulls) {
            Some(bytes) => {
                Some(read_bitmap(bytes).ok_or_else(|| Error::corrupt("the null vector is no roaring bitmap"))?)
            }
            None => None,
        };
        Ok(Self { metadata, dictionary, values, forward, nulls, cache: ChunkCache::default() })
    }

    /// A range of docs as a canonical array.
    pub(super) fn read(&mut self, docs: Range<usize>) -> Result<ArrayRef> {
        let array = match (&self.values, self.metadata.single_value) {
            (Some(values), true) => take_ids(values, self.forward.ids(docs.clone())?)?,
            (Some(values), false) => {
                let (lengths, ids) = self.forward.lists(docs.clone())?;
                list(take_ids(values, ids)?, lengths)
            }
            (None, _) => self.read_raw(docs.clone())?,
        };
        let Some(nulls) = self.null_mask(&docs) else { return Ok(array) };
        let data = array.into_data().into_builder().nulls(Some(nulls)).build();
        Ok(make_array(data.map_err(|error| Error::unexpected("cannot set nulls").caused_by(error))?))
    }

    /// Valid docs of a range; `None` when all are.
    pub(super) fn null_mask(&self, docs: &Range<usize>) -> Option<NullBuffer> {
        let nulls = self.nulls.as_ref()?;
        let (start, end) = (docs.start as u32, docs.end as u32);
        let mut valid = vec![true; docs.len()];
        let mut any = false;
        for doc in nulls.range(start..end) {
            if let Some(valid) = valid.get_mut((doc - start) as usize) {
                (*valid, any) = (false, true);
            }
        }
        any.then(|| NullBuffer::from(valid))
    }

    fn read_raw(&mut self, docs: Range<usize>) -> Result<ArrayRef> {
        let ForwardReader::Raw(raw) = &self.forward else {
            return Err(Error::unexpected("a column without dictionary and without raw values"));
        };
        let data_type = self.metadata.data_type;
        match (self.metadata.single_value, data_type.stored().fixed_width()) {
            (true, Some(width)) => {
                let mut bytes = Vec::with_capacity(docs.len() * width);
                raw.fixed(docs, &mut self.cache, &mut bytes)?;
                Ok(fixed_array(data_type, &bytes))
            }
            (true, None) => {
                let mut builder = BytesBuilder::with_capacity(docs.len());
                raw.rows(docs, &mut self.cache, |row| builder.push(row))?;
                builder.finish(data_type)
            }
            (false, Some(width)) => {
                let (mut lengths, mut bytes) = (Vec::with_capacity(docs.len()), Vec::new());
                let counted = raw.is_counted();
                raw.rows(docs, &mut self.cache, |row| {
                    let values = if counted { counted_values(row, width)? } else { row };
                    lengths.push(values.len() / width);
                    bytes.extend_from_slice(values);
                    Ok(())
                })?;
                Ok(list(fixed_array(data_type, &bytes), lengths))
            }
            (false, None) => read_lists(raw, docs, &mut self.cache, data_type),
        }
    }
}

fn read_lists(
    raw: &RawReader<'_>,
    docs: Range<usize>,
    cache: &mut ChunkCache,
    data_type: pinotage_spec::DataType,
) -> Result<ArrayRef> {
    let mut lengths = Vec::with_capacity(docs.len());
    let mut builder = BytesBuilder::with_capacity(docs.len());
    raw.rows(docs, cache, |row| {
        let count = be32(row, 0)?;
        let bad = || Error::corrupt(format!("expected {count} values in a row of {} bytes", row.len()));
        let mut at = count
            .checked_add(1)
            .and_then(|words| words.checked_mul(4))
            .filter(|at| *at <= row.len())
            .ok_or_else(bad)?;
        for value in 0..count {
            let end = at + be32(row, 4 + 4 * value)?;
            builder.push(row.get(at..end).ok_or_else(bad)?)?;
            at = end;
        }
        lengths.push(count);
        Ok(())
    })?;
    Ok(list(builder.finish(data_type)?, lengths))
}

fn counted_values(row: &[u8], width: usize) -> Result<&[u8]> {
    let count = be32(row, 0)?;
    count
        .checked_mul(width)
        .and_then(|len| row.get(4..len.checked_add(4)?))
        .ok_or_else(|| Error::corrupt(format!("expected {count} values in a row of {} bytes", row.len())))
}

/// Looks ids up in the decoded dictionary.
fn take_ids(values: &ArrayRef, ids: Vec<u32>) -> Result<ArrayRef> {
    if let Some(id) = ids.iter().find(|id| **id as usize >= values.len()) {
        return Err(Error::corrupt(format!("expected dictionary ids below {}, found {id}", values.len()))
            .with("index", "forward_index"));
    }
    take(values, &UInt32Array::from(ids), None)
        .map_err(|error| Error::unexpected("cannot look up dictionary ids").caused_by(error))
}

fn list(items: ArrayRef, lengths: Vec<usize>) -> ArrayRef {
    let item = Arc::new(Field::new("item", items.data_type().clone(), false));
    Arc::new(ListArray::new(item, OffsetBuffer::from_lengths(lengths), items, None))
}

/// Reads a roaring bitmap, checking its structure.
pub(super) fn read_bitmap(bytes: &[u8]) -> Option<RoaringBitmap> {
    RoaringBitmap::deserialize_from(bytes).ok()
}

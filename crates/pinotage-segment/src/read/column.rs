//! One column of an open segment.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, ListArray, UInt32Array};
use arrow::buffer::{BooleanBuffer, NullBuffer, OffsetBuffer};
use arrow::compute::{nullif, take};
use arrow::datatypes::Field;
use arrow::error::ArrowError;
use pinotage_common::{Error, ErrorKind, Result};
use pinotage_spec::DataType;
use roaring::RoaringBitmap;

use super::Segment;
use super::array::{BytesBuilder, fixed_array};
use super::bloom::BloomReader;
use super::inverted::InvertedReader;
use super::null_vector::read_docs;
use super::range::RangeReader;
use super::short_texts::ShortTexts;
use crate::dictionary::DictionaryReader;
use crate::forward::{ChunkCache, ClpCaches, Docs, ForwardReader, RawReader, be32, check_total};
use crate::metadata::ColumnMetadata;

/// The columns that a scan has opened, each once however often it is named.
pub(super) struct Columns<'a> {
    segment: &'a Segment,
    nulls: bool,
    open: Vec<Column<'a>>,
    by_name: BTreeMap<String, usize>,
}

impl<'a> Columns<'a> {
    /// No column yet; with `nulls`, null vectors are read.
    pub(super) fn new(segment: &'a Segment, nulls: bool) -> Self {
        Self { segment, nulls, open: Vec::new(), by_name: BTreeMap::new() }
    }

    /// Opens a column unless it is open, and gives its number.
    pub(super) fn open(&mut self, name: &str) -> Result<usize> {
        if let Some(number) = self.by_name.get(name) {
            return Ok(*number);
        }
        let number = self.open.len();
        self.open.push(Column::open(self.segment, name, self.nulls)?);
        self.by_name.insert(name.to_owned(), number);
        Ok(number)
    }

    /// A column by its number.
    pub(super) fn get(&mut self, number: usize) -> Result<&mut Column<'a>> {
        self.open.get_mut(number).ok_or_else(|| Error::unexpected(format!("column number {number} is not open")))
    }
}

/// The decoded values of a dictionary.
enum Values {
    Short(ShortTexts),
    Array(ArrayRef),
}

impl From<ArrayRef> for Values {
    fn from(values: ArrayRef) -> Self {
        ShortTexts::of(&values).map_or(Self::Array(values), Self::Short)
    }
}

/// A column, opened for reading docs.
pub(super) struct Column<'a> {
    segment: &'a Segment,
    name: String,
    pub(super) metadata: &'a ColumnMetadata,
    pub(super) dictionary: Option<DictionaryReader<'a>>,
    /// All values of the dictionary, decoded when many are wanted.
    values: Option<Values>,
    pub(super) forward: ForwardReader<'a>,
    /// The docs that are null.
    pub(super) nulls: Option<RoaringBitmap>,
    caches: ClpCaches,
}

impl<'a> Column<'a> {
    pub(super) fn open(segment: &'a Segment, name: &str, nulls: bool) -> Result<Self> {
        let metadata = segment.column_metadata(name)?;
        let num_docs = segment.metadata.num_docs as usize;
        let entry = |index: &str| segment.directory.entry(name, index);
        let at = |index: &'static str| move |error| segment.locate(error, name, index);
        let missing = |index: &'static str| {
            let error = Error::corrupt(format!("the column has no `{index}`"))
                .action("leave the column out of the query, or build the segment again");
            segment.locate(error, name, index)
        };
        let forward = entry("forward_index").ok_or_else(|| missing("forward_index"))?;
        let forward = ForwardReader::try_new(forward, metadata, num_docs).map_err(at("forward_index"))?;
        let mut dictionary = None;
        if metadata.forward_is_dictionary {
            let bytes = entry("dictionary").ok_or_else(|| missing("dictionary"))?;
            dictionary = Some(DictionaryReader::try_new(bytes, metadata).map_err(at("dictionary"))?);
        }
        let nulls = match entry("nullvalue_vector").filter(|_| nulls) {
            Some(bytes) => Some(read_docs(bytes, num_docs).map_err(at("nullvalue_vector"))?),
            None => None,
        };
        let name = name.to_owned();
        Ok(Self { segment, name, metadata, dictionary, values: None, forward, nulls, caches: ClpCaches::default() })
    }

    /// The column's inverted index, if it has one.
    pub(super) fn inverted(&self) -> Result<Option<InvertedReader<'a>>> {
        let Some(bytes) = self.segment.directory.entry(&self.name, "inverted_index") else { return Ok(None) };
        InvertedReader::try_new(bytes, self.metadata.cardinality as usize, self.segment.metadata.num_docs as usize)
            .map(Some)
            .map_err(|error| self.locate(error, "inverted_index"))
    }

    /// The column's range index, if it has one.
    pub(super) fn range(&self) -> Result<Option<RangeReader<'a>>> {
        let Some(bytes) = self.segment.directory.entry(&self.name, "range_index") else { return Ok(None) };
        let stored = self.dictionary.is_none().then(|| self.metadata.data_type.stored());
        RangeReader::try_new(bytes, stored, self.segment.metadata.num_docs as usize)
            .map(Some)
            .map_err(|error| self.locate(error, "range_index"))
    }

    /// The column's bloom filter, if it has one.
    pub(super) fn bloom(&self) -> Result<Option<BloomReader<'a>>> {
        let Some(bytes) = self.segment.directory.entry(&self.name, "bloom_filter") else { return Ok(None) };
        BloomReader::try_new(bytes).map(Some).map_err(|error| self.locate(error, "bloom_filter"))
    }

    /// Checks the column's JSON index, if it has one.
    pub(super) fn verify_json(&self) -> Result<()> {
        match self.segment.directory.entry(&self.name, "json_index") {
            Some(bytes) => super::json::verify(bytes, self.metadata, self.segment.metadata.num_docs as usize),
            None => Ok(()),
        }
    }

    /// Bytes of the forward index.
    pub(super) fn forward_len_bytes(&self) -> usize {
        self.segment.directory.entry(&self.name, "forward_index").map_or(0, <[u8]>::len)
    }

    /// Adds column, index, file and offset to an error.
    pub(super) fn locate(&self, error: Error, index: &'static str) -> Error {
        self.segment.locate(error, &self.name, index)
    }

    /// Docs as a canonical array, null where they are null.
    pub(super) fn read(&mut self, docs: Docs<'_>) -> Result<ArrayRef> {
        let array = self.read_stored(docs)?;
        let Some(valid) = self.null_mask(docs) else { return Ok(array) };
        let is_null = BooleanArray::new(!valid.inner(), None);
        nullif(&array, &is_null).map_err(|error| Error::unexpected("cannot set nulls").caused_by(error))
    }

    /// Docs as a canonical array, with the default values that are stored for nulls.
    pub(super) fn read_stored(&mut self, docs: Docs<'_>) -> Result<ArrayRef> {
        self.read_inner(docs).map_err(|error| self.locate(error, "forward_index"))
    }

    fn read_inner(&mut self, docs: Docs<'_>) -> Result<ArrayRef> {
        match (self.dictionary, self.metadata.single_value) {
            (Some(dictionary), true) => {
                let ids = self.forward.ids(docs)?;
                self.look_up(dictionary, ids)
            }
            (Some(dictionary), false) => {
                let (lengths, ids) = self.forward.lists(docs)?;
                list(self.look_up(dictionary, ids)?, lengths)
            }
            (None, _) => self.read_raw(docs),
        }
    }

    /// Valid docs; `None` when all are.
    pub(super) fn null_mask(&self, docs: Docs<'_>) -> Option<NullBuffer> {
        let nulls = self.nulls.as_ref().filter(|nulls| !nulls.is_empty())?;
        let null = members(nulls, docs);
        null.contains(&true).then(|| NullBuffer::new(BooleanBuffer::collect_bool(null.len(), |at| !null[at])))
    }

    /// The values of dictionary ids: few are decoded one by one, for more the whole dictionary is, once.
    fn look_up(&mut self, dictionary: DictionaryReader<'a>, ids: Vec<u32>) -> Result<ArrayRef> {
        // Which one it is matters only when there is one.
        if let Some(id) = ids.iter().max().filter(|id| **id as usize >= dictionary.len()) {
            return Err(Error::corrupt(format!("expected dictionary ids below {}, found {id}", dictionary.len())));
        }
        let at = |error| self.segment.locate(error, &self.name, "dictionary");
        let values = match &self.values {
            Some(values) => values,
            None if ids.len().saturating_mul(4) < dictionary.len() => return dictionary.take(&ids).map_err(at),
            None => match dictionary.to_array() {
                // The batch may need less than the whole dictionary, which then need not fit one array.
                Err(error) if error.kind() == ErrorKind::ResourceExhausted => return dictionary.take(&ids).map_err(at),
                values => self.values.insert(values.map_err(at)?.into()),
            },
        };
        let values = match values {
            Values::Short(texts) => return Ok(Arc::new(texts.take(&ids)?)),
            Values::Array(values) => values,
        };
        take(values, &UInt32Array::from(ids), None).map_err(|error| match error {
            ArrowError::OffsetOverflowError(bytes) => Error::new(
                ErrorKind::ResourceExhausted,
                format!("expected less than 2 GiB of values in one batch, found {bytes} bytes"),
            )
            .action("read with smaller batches"),
            error => Error::unexpected("cannot look up dictionary ids").caused_by(error),
        })
    }

    fn read_raw(&mut self, docs: Docs<'_>) -> Result<ArrayRef> {
        let data_type = self.metadata.data_type;
        let raw = match &self.forward {
            ForwardReader::Raw(raw) => raw,
            ForwardReader::Clp(messages) => {
                let mut builder = BytesBuilder::with_capacity(docs.len());
                messages.read(docs, &mut self.caches, &mut builder)?;
                return builder.finish(data_type);
            }
            _ => return Err(Error::unexpected("a column without dictionary and without raw values")),
        };
        let cache = &mut self.caches[0];
        match (self.metadata.single_value, data_type.stored().fixed_width()) {
            (true, Some(width)) => {
                let mut bytes = Vec::with_capacity(docs.len() * width);
                raw.fixed(docs, cache, &mut bytes)?;
                Ok(fixed_array(data_type, &bytes))
            }
            (true, None) => {
                let mut builder = BytesBuilder::with_capacity(docs.len());
                raw.rows(docs, cache, |row| builder.push(row))?;
                builder.finish(data_type)
            }
            (false, Some(width)) => {
                let (mut lengths, mut bytes) = (Vec::with_capacity(docs.len()), Vec::new());
                raw.rows(docs, cache, |row| {
                    let values = raw.values(row, width)?;
                    check_total((bytes.len() + values.len()) / width)?;
                    lengths.push(values.len() / width);
                    bytes.extend_from_slice(values);
                    Ok(())
                })?;
                list(fixed_array(data_type, &bytes), lengths)
            }
            (false, None) => read_lists(raw, docs, cache, data_type),
        }
    }
}

/// Whether each doc is in a bitmap.
pub(super) fn members(bitmap: &RoaringBitmap, docs: Docs<'_>) -> Vec<bool> {
    match docs {
        Docs::Range(start, end) => {
            let mut found = vec![false; docs.len()];
            for doc in bitmap.range(start as u32..end as u32) {
                if let Some(found) = found.get_mut(doc as usize - start) {
                    *found = true;
                }
            }
            found
        }
        Docs::List(list) => list.iter().map(|doc| bitmap.contains(*doc)).collect(),
    }
}

fn read_lists(raw: &RawReader<'_>, docs: Docs<'_>, cache: &mut ChunkCache, data_type: DataType) -> Result<ArrayRef> {
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
    check_total(lengths.iter().sum())?;
    list(builder.finish(data_type)?, lengths)
}

/// Lists of the given lengths, which add up to the number of items and fit 32 bits.
fn list(items: ArrayRef, lengths: Vec<usize>) -> Result<ArrayRef> {
    let item = Arc::new(Field::new("item", items.data_type().clone(), false));
    let lists = ListArray::try_new(item, OffsetBuffer::from_lengths(lengths), items, None);
    Ok(Arc::new(lists.map_err(|error| Error::unexpected("cannot make lists").caused_by(error))?))
}

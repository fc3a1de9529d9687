//! The star-trees of an open segment.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use pinotage_common::{Error, Result};
use pinotage_spec::{DataType, StarTreeFunction};

use super::metadata::StarTreeMetadata;
use super::tree::{self, NODE, StarTreeNode};
use super::{INDEX_FILE, MAP_FILE};
use crate::bits::{packed_len, unpack};
use crate::forward::{ChunkCache, RawReader};
use crate::metadata::{ColumnMetadata, SegmentMetadata};
use crate::properties::Properties;
use crate::read::map::Mapped;
use crate::read::read_small;

/// The name of the tree itself among the buffers of a star-tree.
const TREE: &str = "STAR_TREE";

/// The star-trees of a segment; the file stays mapped as long as this lives.
///
/// # Pinot equivalent
///
/// `StarTreeIndexContainer`
#[derive(Debug)]
pub struct StarTrees<'a> {
    segment: &'a SegmentMetadata,
    map: Mapped,
    /// Where the buffers lie, by number of the tree, kind and column.
    places: BTreeMap<(usize, String, String), Range<usize>>,
}

/// One star-tree.
///
/// # Pinot equivalent
///
/// `StarTreeV2`
#[derive(Debug)]
pub struct StarTree<'a> {
    metadata: &'a StarTreeMetadata,
    nodes: &'a [[u8; NODE]],
    /// Bit streams of dictionary ids, and the bits of an id.
    dimensions: Vec<(&'a [u8], u8)>,
    metrics: Vec<RawReader<'a>>,
    len_bytes: u64,
}

impl<'a> StarTrees<'a> {
    /// Opens the files in a segment's folder; `None` when the metadata names no star-tree.
    ///
    /// # Errors
    ///
    /// `corrupt-segment` when a file is missing or the map is not one of buffers inside the file.
    pub(crate) fn open(folder: &Path, segment: &'a SegmentMetadata) -> Result<Option<Self>> {
        if segment.star_trees.is_empty() {
            return Ok(None);
        }
        for file in [INDEX_FILE, MAP_FILE] {
            if !folder.join(file).is_file() {
                return Err(
                    Error::corrupt("the metadata names star-trees, and this file is missing").with("file", file)
                );
            }
        }
        let map = Mapped::open(&folder.join(INDEX_FILE))?;
        let properties = Properties::parse(&read_small(&folder.join(MAP_FILE))?);
        let mut places = BTreeMap::new();
        for entry in properties.keys().filter_map(|key| key.strip_suffix(".OFFSET")) {
            let bad = |what: &str| Error::corrupt(what).with("file", MAP_FILE).with("entry", entry);
            let number =
                |key: &str| properties.get(&format!("{entry}.{key}")).and_then(|text| text.parse::<usize>().ok());
            let key = entry.rsplit_once('.').and_then(|(rest, kind)| {
                let (tree, column) = rest.split_once('.')?;
                Some((tree.parse().ok()?, kind.to_owned(), column.to_owned()))
            });
            let key = key.ok_or_else(|| bad("expected a tree, a column and a kind of index"))?;
            let (offset, len) =
                number("OFFSET").zip(number("SIZE")).ok_or_else(|| bad("expected an offset and a size"))?;
            let end = offset.checked_add(len).filter(|end| *end <= map.bytes().len());
            places.insert(key, offset..end.ok_or_else(|| bad("the buffer does not lie inside the file"))?);
        }
        Ok(Some(Self { segment, map, places }))
    }

    /// The number of trees.
    pub fn len(&self) -> usize {
        self.segment.star_trees.len()
    }

    /// Never: a segment without star-trees has none of these.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of all trees together.
    pub fn len_bytes(&self) -> u64 {
        self.map.bytes().len() as u64
    }

    /// Opens a tree by its number, from 0 on.
    ///
    /// # Errors
    ///
    /// `not-found` for a number beyond the last; `corrupt-segment` for buffers that are not what the metadata says.
    pub fn tree(&self, number: usize) -> Result<StarTree<'_>> {
        self.open_tree(number).map_err(|error| error.with("file", INDEX_FILE).with("star-tree", number))
    }

    fn open_tree(&self, number: usize) -> Result<StarTree<'_>> {
        let metadata = self
            .segment
            .star_trees
            .get(number)
            .ok_or_else(|| Error::not_found(format!("the segment has {} star-trees", self.len())))?;
        let mut len_bytes = 0;
        let mut buffer = |kind: &str, column: &str| {
            let place = self.places.get(&(number, kind.to_owned(), column.to_owned()));
            let bytes = place.and_then(|place| self.map.bytes().get(place.clone()));
            len_bytes += bytes.map_or(0, |bytes| bytes.len() as u64);
            bytes.ok_or_else(|| Error::corrupt("a buffer of the star-tree is not in the map").with("column", column))
        };
        let nodes = tree::read(buffer(TREE, "null")?, &metadata.dimensions)?;
        let num_docs = metadata.num_docs as usize;
        let mut dimensions = Vec::with_capacity(metadata.dimensions.len());
        for name in &metadata.dimensions {
            let bytes = buffer("FORWARD_INDEX", name)?;
            let column = self.segment.columns.get(name);
            let column = column.filter(|column| column.single_value && column.has_dictionary).ok_or_else(|| {
                Error::corrupt("expected a single-value column with a dictionary").with("column", name)
            })?;
            let bits = column.bits_per_id;
            let expected = packed_len(num_docs, bits);
            if bytes.len() != expected || !(1..=31).contains(&bits) {
                let found = bytes.len();
                return Err(Error::corrupt(format!("expected {num_docs} ids of {bits} bits, found {found} bytes"))
                    .with("column", name));
            }
            dimensions.push((bytes, bits));
        }
        let mut metrics = Vec::with_capacity(metadata.aggregations.len());
        for aggregation in &metadata.aggregations {
            let name = aggregation.metric();
            let stored = aggregation.known().map_or(DataType::Bytes, StarTreeFunction::stored);
            let column = self.raw_column(stored)?;
            let reader = RawReader::try_new(buffer("FORWARD_INDEX", &name)?, &column, num_docs);
            metrics.push(reader.map_err(|error| error.with("column", name))?);
        }
        Ok(StarTree { metadata, nodes, dimensions, metrics, len_bytes })
    }

    /// What the metadata would say of a raw column, had a metric any.
    fn raw_column(&self, data_type: DataType) -> Result<ColumnMetadata> {
        let any = self.segment.columns.values().next();
        let any = any.ok_or_else(|| Error::corrupt("a segment with star-trees and without columns"))?;
        Ok(ColumnMetadata { data_type, single_value: true, ..any.clone() })
    }
}

impl<'a> StarTree<'a> {
    /// What the metadata says: dimensions, functions, docs.
    pub fn metadata(&self) -> &'a StarTreeMetadata {
        self.metadata
    }

    /// Bytes of its buffers.
    pub fn len_bytes(&self) -> u64 {
        self.len_bytes
    }

    /// The nodes level by level, the root first. Nothing of them is checked, but that they are there.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = StarTreeNode> + 'a {
        self.nodes.iter().map(tree::node)
    }

    /// A node by its number.
    pub(super) fn node(&self, number: usize) -> Option<StarTreeNode> {
        self.nodes.get(number).map(tree::node)
    }

    /// The dictionary ids of star-tree docs in a dimension, by its place in the split order.
    ///
    /// # Errors
    ///
    /// `corrupt-segment` for docs or dimensions that the tree does not have.
    pub fn ids(&self, dimension: usize, docs: Range<usize>) -> Result<Vec<u32>> {
        let bad = || Error::corrupt("the dimension of the star-tree does not have these docs");
        if docs.end > self.metadata.num_docs as usize {
            return Err(bad());
        }
        let (stream, bits) = self.dimensions.get(dimension).ok_or_else(bad)?;
        let mut ids = vec![0; docs.len()];
        if unpack(stream, *bits, docs.start, &mut ids) { Ok(ids) } else { Err(bad()) }
    }

    /// The bytes of a metric of a star-tree doc, as they are stored: big-endian numbers, or serialised aggregates.
    ///
    /// # Errors
    ///
    /// `corrupt-segment` for a chunk that cannot be read, or for a doc or metric that the tree does not have.
    pub fn metric(&self, metric: usize, doc: usize) -> Result<Vec<u8>> {
        let (Some(reader), Some(aggregation)) = (self.metrics.get(metric), self.metadata.aggregations.get(metric))
        else {
            return Err(Error::corrupt("the star-tree does not have this metric"));
        };
        if doc >= self.metadata.num_docs as usize {
            return Err(Error::corrupt(format!("the star-tree does not have the doc {doc}")));
        }
        let mut bytes = Vec::new();
        let mut cache = ChunkCache::default();
        match aggregation.known().map_or(DataType::Bytes, StarTreeFunction::stored) {
            DataType::Bytes => reader.rows(doc..doc + 1, &mut cache, |row| {
                bytes.extend_from_slice(row);
                Ok(())
            })?,
            _ => reader.fixed(doc..doc + 1, &mut cache, &mut bytes)?,
        }
        Ok(bytes)
    }
}

//! Compares a star-tree with itself and with the rows of its segment.

use std::collections::BTreeSet;

use pinotage_common::{Error, Result};
use pinotage_spec::{Codec, ForwardOptions, StarTreeAggregation, StarTreeFunction};
use roaring::RoaringBitmap;

use super::input::{Column, Input};
use super::metric::{self, Metric};
use super::reader::StarTree;
use super::tree::{NONE, StarTreeNode};
use crate::forward::Rows;

/// Nodes whose sums are made again from the rows.
const SAMPLE: usize = 32;
/// Sums of doubles in another order differ by less than this share of the sum of their magnitudes.
const CLOSE: f64 = 1e-9;

/// Checks every node and every dimension of a tree, and the sums of some of its docs.
///
/// # Errors
///
/// `corrupt-segment` for the first thing that is wrong.
pub(crate) fn verify<'a>(tree: &StarTree<'_>, column: impl Fn(&str) -> Result<Column<'a>>) -> Result<()> {
    let dimensions = tree.metadata().dimensions.iter().map(|name| column(name)).collect::<Result<Vec<_>>>()?;
    let parents = shape(tree)?;
    let mut ids = Vec::with_capacity(dimensions.len());
    for (dimension, column) in dimensions.iter().enumerate() {
        values(tree, dimension, column.metadata.cardinality)?;
        ids.push(column.ids()?);
    }
    let num_rows = dimensions.first().map_or(0, |column| column.num_docs as u32);
    let mut samples = samples(tree, &parents)?;
    for sample in &mut samples {
        let fits = |row: &u32| sample.ids.iter().all(|(dimension, id)| ids[*dimension][*row as usize] == *id);
        sample.rows = (0..num_rows).filter(fits).collect();
        if sample.rows.is_empty() {
            return Err(Error::corrupt(format!("no row of the segment is in star-tree doc {}", sample.doc)));
        }
        if let Some(leaf) = &sample.leaf {
            check_leaf(tree, leaf, &ids, &sample.rows)?;
        }
    }
    drop(ids);
    for (place, aggregation) in tree.metadata().aggregations.iter().enumerate() {
        // Sketches of other libraries are not made again.
        let Some(function) = aggregation.known() else { continue };
        let named = |error: Error| error.with("metric", aggregation.metric());
        let again = StarTreeAggregation {
            function,
            column: aggregation.column.clone(),
            parameters: aggregation.parameters.clone(),
            forward: ANY_FORWARD,
        };
        let input = match metric::kind(function) {
            None => None,
            Some(kind) => match column(&aggregation.column)?.input(kind) {
                Ok(input) => Some(input),
                // Values that were aggregated before, or numbers in text.
                Err(_) if !is_made_here(function, &column(&aggregation.column)?) => continue,
                Err(error) => return Err(named(error)),
            },
        };
        for sample in &samples {
            compare(tree, place, &again, input.as_ref(), sample).map_err(named)?;
        }
    }
    Ok(())
}

const ANY_FORWARD: ForwardOptions = ForwardOptions {
    codec: Codec::PassThrough,
    version: 4,
    target_max_chunk_size: 0,
    target_docs_per_chunk: None,
    derive_num_docs_per_chunk: false,
};

/// A metric of this function is written for such a column.
fn is_made_here(function: StarTreeFunction, column: &Column<'_>) -> bool {
    let mut field = pinotage_spec::FieldSpec::new("", column.metadata.data_type, column.metadata.field_type);
    field.single_value = column.metadata.single_value;
    function.accepts(&field)
}

/// Every node has its place, its docs and its children where they have to be; returns the parent of each.
fn shape(tree: &StarTree<'_>) -> Result<Vec<u32>> {
    let num_docs = i32::try_from(tree.metadata().num_docs).unwrap_or(i32::MAX);
    let depth = tree.metadata().dimensions.len() as i32;
    let num_nodes = tree.nodes().len();
    let mut parents = vec![0; num_nodes];
    // Children come in the order of their parents, so each node has one parent, and one that comes before it.
    let mut next = 1;
    for (number, node) in tree.nodes().enumerate() {
        let bad = |what: &str| Error::corrupt(format!("node {number} of the star-tree {what}"));
        let is_root = number == 0;
        if is_root && [node.dimension, node.value, node.start_doc, node.end_doc] != [NONE; 4] {
            return Err(bad("is the root and has a value or docs of its own"));
        }
        let has_docs = 0 <= node.start_doc && node.start_doc < node.end_doc && node.end_doc <= num_docs;
        if !is_root && !has_docs {
            return Err(bad("has docs that do not exist"));
        }
        if !(0..num_docs).contains(&node.aggregated_doc) {
            return Err(bad("is summed up by a doc that does not exist"));
        }
        if node.is_leaf() {
            if node.last_child != NONE || is_root {
                return Err(bad("has no first child"));
            }
            continue;
        }
        let children = usize::try_from(node.first_child).ok().zip(usize::try_from(node.last_child).ok());
        let (first, last) = children
            .filter(|(first, last)| *first == next && first <= last && *last < num_nodes)
            .ok_or_else(|| bad("has other children than the ones that come next"))?;
        next = last + 1;
        let dimension = node.dimension + 1;
        if dimension >= depth {
            return Err(bad("has children though no dimension is left"));
        }
        parents.get_mut(first..=last).into_iter().flatten().for_each(|parent| *parent = number as u32);
        check_children(tree, &node, dimension, first..=last)
            .ok_or_else(|| bad("has children that do not divide its docs by ascending values of the next dimension"))?;
    }
    if next != num_nodes {
        return Err(Error::corrupt(format!(
            "expected {num_nodes} nodes of the star-tree, found {next} from the root on"
        )));
    }
    Ok(parents)
}

/// A star node may come first; the others divide the docs of their parent.
fn check_children(
    tree: &StarTree<'_>,
    parent: &StarTreeNode,
    dimension: i32,
    children: std::ops::RangeInclusive<usize>,
) -> Option<()> {
    let (mut before, mut doc) = (None, parent.start_doc.max(0));
    for child in children {
        let child = tree.node(child)?;
        if child.dimension != dimension || child.value < NONE || before.is_some_and(|before| child.value <= before) {
            return None;
        }
        before = Some(child.value);
        if !child.is_star() {
            if child.start_doc != doc {
                return None;
            }
            doc = child.end_doc;
        }
    }
    let all = parent.dimension == NONE || doc == parent.end_doc;
    // A star node alone stands for nothing.
    (all && before != Some(NONE)).then_some(())
}

/// The docs below a node have its value.
fn values(tree: &StarTree<'_>, dimension: usize, cardinality: u32) -> Result<()> {
    let name = tree.metadata().dimensions.get(dimension).cloned().unwrap_or_default();
    let ids = tree.ids(dimension, 0..tree.metadata().num_docs as usize)?;
    if let Some(id) = ids.iter().find(|id| **id >= cardinality) {
        return Err(
            Error::corrupt(format!("expected dictionary ids below {cardinality}, found {id}")).with("column", name)
        );
    }
    for (number, node) in tree.nodes().enumerate().filter(|(_, node)| node.dimension == dimension as i32) {
        let docs = ids.get(node.start_doc as usize..node.end_doc as usize).unwrap_or_default();
        if !node.is_star() && docs.iter().any(|id| *id != node.value as u32) {
            return Err(Error::corrupt(format!(
                "docs of node {number} of the star-tree have another value than the node"
            ))
            .with("column", name));
        }
    }
    Ok(())
}

/// A star-tree doc and the rows that it sums up.
struct Sample {
    doc: usize,
    /// The dimensions that are fixed, and to which dictionary id.
    ids: Vec<(usize, u32)>,
    rows: RoaringBitmap,
    /// The leaf that it sums up.
    leaf: Option<StarTreeNode>,
}

/// Some nodes with the docs that sum them up, and a doc of each leaf among them.
fn samples(tree: &StarTree<'_>, parents: &[u32]) -> Result<Vec<Sample>> {
    let step = parents.len().div_ceil(SAMPLE).max(1);
    let mut samples = Vec::new();
    for number in (0..parents.len()).step_by(step) {
        let mut ids = Vec::new();
        let mut at = number;
        // A parent comes before its children, so this ends.
        while at > 0 {
            let node = tree.node(at).ok_or_else(|| Error::unexpected("a node is gone"))?;
            if !node.is_star() {
                ids.push((node.dimension as usize, node.value as u32));
            }
            at = parents.get(at).map_or(0, |parent| *parent as usize);
        }
        let node = tree.node(number).ok_or_else(|| Error::unexpected("a node is gone"))?;
        if node.is_leaf() {
            let doc = (node.start_doc + (node.end_doc - node.start_doc) / 2) as usize;
            let mut ids = ids.clone();
            for dimension in (node.dimension + 1) as usize..tree.metadata().dimensions.len() {
                ids.extend(tree.ids(dimension, doc..doc + 1)?.first().map(|id| (dimension, *id)));
            }
            samples.push(Sample { doc, ids, rows: RoaringBitmap::new(), leaf: None });
        }
        let leaf = node.is_leaf().then_some(node);
        samples.push(Sample { doc: node.aggregated_doc as usize, ids, rows: RoaringBitmap::new(), leaf });
    }
    Ok(samples)
}

/// A leaf has a doc for each combination of the dimensions behind its own that its rows have.
fn check_leaf(tree: &StarTree<'_>, leaf: &StarTreeNode, ids: &[Vec<u32>], rows: &RoaringBitmap) -> Result<()> {
    let docs = leaf.start_doc as usize..leaf.end_doc as usize;
    let behind = (leaf.dimension + 1) as usize..ids.len();
    let of_docs = behind.clone().map(|dimension| tree.ids(dimension, docs.clone())).collect::<Result<Vec<_>>>()?;
    let of_docs = docs.clone().map(|doc| of_docs.iter().map(|ids| ids[doc - docs.start]).collect::<Vec<_>>());
    let of_rows = rows.iter().map(|row| ids[behind.clone()].iter().map(|ids| ids[row as usize]).collect::<Vec<_>>());
    let (of_docs, of_rows): (BTreeSet<_>, BTreeSet<_>) = (of_docs.collect(), of_rows.collect());
    if of_docs.len() != docs.len() || of_docs != of_rows {
        return Err(Error::corrupt(format!(
            "expected {} star-tree docs from {} on for as many combinations of dimensions, found {}",
            of_rows.len(),
            docs.start,
            docs.len()
        )));
    }
    Ok(())
}

/// Makes the metric of a doc again from its rows.
fn compare(
    tree: &StarTree<'_>,
    place: usize,
    aggregation: &StarTreeAggregation,
    input: Option<&Input>,
    sample: &Sample,
) -> Result<()> {
    let rows: Vec<u32> = sample.rows.iter().collect();
    let mut again = Metric::new(aggregation)?;
    again.push_rows(&rows, input)?;
    let mut expected = Vec::new();
    again.write(0, &mut expected);
    let found = tree.metric(place, sample.doc)?;
    let same = match aggregation.function {
        StarTreeFunction::Sum | StarTreeFunction::SumMv | StarTreeFunction::Avg | StarTreeFunction::AvgMv => {
            let magnitude = |row: &u32| -> f64 {
                let numbers = input.and_then(|input| input.numbers.get(input.row(*row)));
                numbers.unwrap_or_default().iter().map(|number| number.abs()).sum()
            };
            let magnitude: f64 = rows.iter().map(magnitude).sum();
            let sum = |bytes: &[u8]| Some(f64::from_be_bytes(*bytes.first_chunk::<8>()?));
            let close = |(a, b): (f64, f64)| {
                (a - b).abs() <= CLOSE * magnitude || a.to_bits() == b.to_bits() || !magnitude.is_finite()
            };
            found.len() == expected.len()
                && found.get(8..) == expected.get(8..)
                && sum(&found).zip(sum(&expected)).is_some_and(close)
        }
        // The same set of numbers, in whatever containers.
        StarTreeFunction::DistinctCountBitmap => {
            let bitmap = |bytes: &[u8]| RoaringBitmap::deserialize_from(bytes).ok();
            bitmap(&found).is_some_and(|found| Some(found) == bitmap(&expected))
        }
        _ => found == expected,
    };
    match same {
        true => Ok(()),
        false => Err(Error::corrupt(format!("star-tree doc {} does not sum up its {} rows", sample.doc, rows.len()))),
    }
}

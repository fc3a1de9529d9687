//! Builds one star-tree (`spec/star-tree.md`).

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::collections::btree_map::Entry;

use pinotage_common::{Error, ErrorKind, Result};
use pinotage_spec::StarTreePlan;
use rayon::slice::ParallelSliceMut;

use super::input::{Column, Input, Kind};
use super::java_map;
use super::metric::{self, Metric};
use super::tree::{self, NONE, StarTreeNode};
use crate::bits::bits_per_id;
use crate::forward::single_value_ids;

/// A dictionary id that stands for every value in a star-tree doc; nobody reads it.
const STAR: u32 = 0;

/// The finished buffers of a star-tree, in the order in which they are stored.
pub(super) struct Built {
    pub(super) num_docs: u32,
    pub(super) tree: Vec<u8>,
    pub(super) dimensions: Vec<Vec<u8>>,
    pub(super) metrics: Vec<Vec<u8>>,
}

/// Builds the star-tree of a segment's columns.
///
/// Equal rows keep their order wherever docs are sorted, so that sums of doubles are rounded as by Pinot's on-heap builder.
///
/// # Errors
///
/// `resource-exhausted` for a tree with more docs or bytes than the format can number.
///
/// # Pinot equivalent
///
/// `OnHeapSingleTreeBuilder`
pub(super) fn build(plan: &StarTreePlan, columns: &BTreeMap<String, Column<'_>>, num_rows: u32) -> Result<Built> {
    let column = |name: &str| {
        columns
            .get(name)
            .ok_or_else(|| Error::unexpected("a star-tree of a column that is not there").with("column", name))
    };
    let dimensions = plan.dimensions.iter().map(|name| column(name)).collect::<Result<Vec<_>>>()?;
    let ids = dimensions.iter().map(|column| column.ids()).collect::<Result<Vec<_>>>()?;
    let cardinalities: Vec<u32> = dimensions.iter().map(|column| column.metadata.cardinality).collect();
    let metrics = plan.aggregations.iter().map(Metric::new).collect::<Result<Vec<_>>>()?;
    let mut builder = Builder {
        width: ids.len(),
        skip: plan.dimensions.iter().map(|name| plan.skip_star_nodes.contains(name)).collect(),
        max_leaf_records: plan.max_leaf_records,
        docs: Vec::new(),
        num_docs: 0,
        metrics,
        nodes: Vec::new(),
        scratch: Vec::new(),
    };
    // Several functions of one column read it once.
    let mut inputs: BTreeMap<(&str, Kind), Input> = BTreeMap::new();
    for aggregation in &plan.aggregations {
        if let Some(kind) = metric::kind(aggregation.function) {
            let name = aggregation.column.as_str();
            if let Entry::Vacant(free) = inputs.entry((name, kind)) {
                free.insert(column(name)?.input(kind).map_err(|error| error.with("column", name))?);
            }
        }
    }
    let inputs: Vec<Option<&Input>> = plan
        .aggregations
        .iter()
        .map(|aggregation| inputs.get(&(aggregation.column.as_str(), metric::kind(aggregation.function)?)))
        .collect();
    builder.append_rows(&ids, &cardinalities, num_rows, &inputs)?;
    drop(ids);
    builder.grow()?;
    let dimensions = (0..builder.width).map(|dimension| {
        let ids = builder.docs.iter().skip(dimension).step_by(builder.width).copied();
        single_value_ids(ids, builder.num_docs as usize, bits_per_id(cardinalities[dimension]))
    });
    let dimensions = dimensions.collect();
    let metrics = builder.metrics.iter().zip(&plan.aggregations);
    let metrics = metrics.map(|(metric, aggregation)| metric.lay_out(&aggregation.forward)).collect::<Result<_>>()?;
    let tree = tree::write(&plan.dimensions, &builder.breadth_first());
    Ok(Built { num_docs: builder.num_docs, tree, dimensions, metrics })
}

struct Builder {
    /// The number of dimensions.
    width: usize,
    /// Dimensions without star nodes.
    skip: Vec<bool>,
    max_leaf_records: u32,
    /// The dictionary ids of each doc.
    docs: Vec<u32>,
    num_docs: u32,
    metrics: Vec<Metric>,
    /// Children lie beside each other, in the order of their values and the star node last.
    nodes: Vec<StarTreeNode>,
    scratch: Vec<u32>,
}

impl Builder {
    /// Docs of the distinct rows.
    fn append_rows(
        &mut self,
        ids: &[Vec<u32>],
        cardinalities: &[u32],
        num_rows: u32,
        inputs: &[Option<&Input>],
    ) -> Result<()> {
        for rows in sorted(ids, cardinalities, num_rows)
            .chunk_by(|a, b| ids.iter().all(|ids| ids[*a as usize] == ids[*b as usize]))
        {
            let Some(first) = rows.first() else { continue };
            self.count_doc()?;
            self.docs.extend(ids.iter().map(|ids| ids[*first as usize]));
            for (metric, input) in self.metrics.iter_mut().zip(inputs) {
                metric.push_rows(rows, *input)?;
            }
        }
        Ok(())
    }

    /// The tree over the docs so far, with the docs that it needs.
    fn grow(&mut self) -> Result<()> {
        let root = StarTreeNode {
            dimension: NONE,
            value: NONE,
            start_doc: NONE,
            end_doc: NONE,
            aggregated_doc: NONE,
            first_child: NONE,
            last_child: NONE,
        };
        self.nodes.push(root);
        self.split(0, 0, self.num_docs)?;
        self.aggregate(0)?;
        Ok(())
    }

    /// Splits a node by the next dimension, and its children in turn: no deeper than there are dimensions.
    fn split(&mut self, node: usize, start: u32, end: u32) -> Result<()> {
        let dimension = (self.nodes[node].dimension + 1) as usize;
        if dimension == self.width {
            return Ok(());
        }
        let first_child = self.nodes.len();
        let mut first = start;
        while first < end {
            let value = self.docs[first as usize * self.width + dimension];
            let same = |doc: &u32| self.docs[*doc as usize * self.width + dimension] == value;
            let last = first + (first..end).take_while(same).count() as u32;
            self.push_node(dimension, value as i32, first, last)?;
            first = last;
        }
        if !self.skip[dimension] && self.nodes.len() - first_child > 1 {
            let first = self.num_docs;
            self.append_without(dimension, start, end)?;
            self.push_node(dimension, NONE, first, self.num_docs)?;
        }
        let last_child = self.nodes.len() - 1;
        self.nodes[node].first_child = first_child as i32;
        self.nodes[node].last_child = last_child as i32;
        for child in self.in_javas_order(node) {
            let StarTreeNode { start_doc, end_doc, .. } = self.nodes[child];
            if (end_doc - start_doc) as u32 > self.max_leaf_records {
                self.split(child, start_doc as u32, end_doc as u32)?;
            }
        }
        Ok(())
    }

    fn push_node(&mut self, dimension: usize, value: i32, start: u32, end: u32) -> Result<()> {
        if i32::try_from(self.nodes.len()).is_err() {
            return Err(too_large("nodes"));
        }
        self.nodes.push(StarTreeNode {
            dimension: dimension as i32,
            value,
            start_doc: start as i32,
            end_doc: end as i32,
            aggregated_doc: NONE,
            first_child: NONE,
            last_child: NONE,
        });
        Ok(())
    }

    /// Appends docs of a range with any value of a dimension.
    fn append_without(&mut self, dimension: usize, start: u32, end: u32) -> Result<()> {
        let mut order = std::mem::take(&mut self.scratch);
        order.clear();
        order.extend(start..end);
        let (docs, width) = (&self.docs, self.width);
        let rest = |doc: u32| &docs[doc as usize * width + dimension + 1..(doc as usize + 1) * width];
        if order.len() > 1 << 14 {
            order.par_sort_by(|a, b| rest(*a).cmp(rest(*b)));
        } else {
            order.sort_by(|a, b| rest(*a).cmp(rest(*b)));
        }
        let lengths: Vec<usize> = order.chunk_by(|a, b| rest(*a) == rest(*b)).map(<[u32]>::len).collect();
        let mut first = 0;
        for len in lengths {
            let docs = &order[first..first + len];
            first += len;
            let doc = self.append(docs)?;
            self.docs[doc as usize * self.width + dimension] = STAR;
        }
        self.scratch = order;
        Ok(())
    }

    /// Appends a doc that sums up others and has the dimensions of the first.
    fn append(&mut self, docs: &[u32]) -> Result<u32> {
        let doc = self.count_doc()?;
        let first = docs.first().map_or(0, |doc| *doc as usize * self.width);
        self.docs.extend_from_within(first..first + self.width);
        self.metrics.iter_mut().for_each(|metric| metric.push_docs(docs));
        Ok(doc)
    }

    fn count_doc(&mut self) -> Result<u32> {
        let doc = self.num_docs;
        if doc >= i32::MAX as u32 {
            return Err(too_large("docs"));
        }
        self.num_docs += 1;
        Ok(doc)
    }

    /// Finds or makes the doc that sums up a node, after those of its children.
    fn aggregate(&mut self, node: usize) -> Result<u32> {
        let StarTreeNode { dimension, start_doc, end_doc, .. } = self.nodes[node];
        let doc = if self.nodes[node].is_leaf() {
            let docs: Vec<u32> = (start_doc as u32..end_doc as u32).collect();
            match docs.as_slice() {
                [doc] => *doc,
                docs => self.append_for(dimension, docs)?,
            }
        } else {
            let mut star = None;
            let mut docs = Vec::new();
            for child in self.in_javas_order(node) {
                let doc = self.aggregate(child)?;
                docs.push(doc);
                if self.nodes[child].is_star() {
                    star = Some(doc);
                }
            }
            match star {
                Some(doc) => doc,
                None => self.append_for(dimension, &docs)?,
            }
        };
        self.nodes[node].aggregated_doc = doc as i32;
        Ok(doc)
    }

    /// Appends a doc that sums up others, whatever their values behind a dimension are.
    fn append_for(&mut self, dimension: i32, docs: &[u32]) -> Result<u32> {
        let doc = self.append(docs)?;
        let start = doc as usize * self.width;
        self.docs[start + (dimension + 1) as usize..start + self.width].fill(STAR);
        Ok(doc)
    }

    /// The children of a node in the order in which Pinot goes through them.
    fn in_javas_order(&self, node: usize) -> Vec<usize> {
        let first = self.nodes[node].first_child as usize;
        let values: Vec<i32> =
            self.nodes[first..=self.nodes[node].last_child as usize].iter().map(|child| child.value).collect();
        java_map::order(&values).into_iter().map(|place| first + place).collect()
    }

    /// The nodes as they are stored: level by level, the star node before its siblings.
    fn breadth_first(&self) -> Vec<StarTreeNode> {
        let mut nodes = Vec::with_capacity(self.nodes.len());
        let mut queue = VecDeque::from([0]);
        while let Some(node) = queue.pop_front() {
            let mut node: StarTreeNode = self.nodes[node];
            if !node.is_leaf() {
                let (first, last) = (node.first_child as usize, node.last_child as usize);
                node.first_child = (nodes.len() + queue.len() + 1) as i32;
                node.last_child = node.first_child + (last - first) as i32;
                let star = self.nodes[last].is_star();
                queue.extend(star.then_some(last));
                queue.extend(first..=last - usize::from(star));
            }
            nodes.push(node);
        }
        nodes
    }
}

/// The rows in the order of their dimensions, equal ones in their own.
fn sorted(ids: &[Vec<u32>], cardinalities: &[u32], num_rows: u32) -> Vec<u32> {
    let bits: u32 = cardinalities.iter().map(|cardinality| u32::from(bits_per_id(*cardinality))).sum();
    if bits > u64::BITS {
        let mut rows: Vec<u32> = (0..num_rows).collect();
        rows.par_sort_by(|a, b| ids.iter().map(|ids| ids[*a as usize]).cmp(ids.iter().map(|ids| ids[*b as usize])));
        return rows;
    }
    // Most trees have so few dimensions that all ids of a row are one number.
    let mut keys: Vec<(u64, u32)> = (0..num_rows)
        .map(|row| {
            let dimensions = ids.iter().zip(cardinalities);
            let key = dimensions.fold(0, |key: u64, (ids, cardinality)| {
                key.checked_shl(u32::from(bits_per_id(*cardinality))).unwrap_or(0) | u64::from(ids[row as usize])
            });
            (key, row)
        })
        .collect();
    keys.par_sort_unstable();
    keys.into_iter().map(|(_, row)| row).collect()
}

fn too_large(what: &str) -> Error {
    Error::new(ErrorKind::ResourceExhausted, format!("expected fewer than 2^31 {what} in a star-tree"))
        .action("leave the dimensions with most values out of `dimensionsSplitOrder`, or make smaller segments (`segment.maxRows`)")
}

//! The tree itself: nodes of 28 bytes in breadth-first order, little-endian.

use pinotage_common::{Error, Result};

/// Begins the buffer of a tree.
pub(super) const MAGIC: u64 = 0xBADD_A55B_00DA_D00D;
/// The one version there is.
pub(super) const VERSION: u32 = 1;
/// Bytes of a node.
pub(super) const NODE: usize = 28;
/// The value of a star node, and of what a node does not have.
pub(super) const NONE: i32 = -1;

/// A node of a star-tree.
///
/// # Pinot equivalent
///
/// `OffHeapStarTreeNode`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StarTreeNode {
    /// The place in the split order of the dimension that the node fixes; -1 for the root.
    pub dimension: i32,
    /// The dictionary id that it is fixed to; -1 for a star node, which stands for every value.
    pub value: i32,
    /// The first star-tree doc; -1 for the root.
    pub start_doc: i32,
    /// Behind the last star-tree doc; -1 for the root.
    pub end_doc: i32,
    /// The star-tree doc that sums up all of them.
    pub aggregated_doc: i32,
    /// The first child, a star node if there is one; -1 for a leaf.
    pub first_child: i32,
    /// The last child; -1 for a leaf.
    pub last_child: i32,
}

impl StarTreeNode {
    /// True without children.
    pub fn is_leaf(&self) -> bool {
        self.first_child == NONE
    }

    /// Stands for every value of its dimension.
    pub fn is_star(&self) -> bool {
        self.dimension != NONE && self.value == NONE
    }

    fn fields(&self) -> [i32; NODE / 4] {
        let Self { dimension, value, start_doc, end_doc, aggregated_doc, first_child, last_child } = *self;
        [dimension, value, start_doc, end_doc, aggregated_doc, first_child, last_child]
    }
}

/// The bytes of a tree whose nodes come in breadth-first order.
///
/// # Pinot equivalent
///
/// `StarTreeBuilderUtils.serializeTree`
pub(super) fn write(dimensions: &[String], nodes: &[StarTreeNode]) -> Vec<u8> {
    let header = 20 + dimensions.iter().map(|name| 8 + name.len()).sum::<usize>() + 4;
    let mut out = Vec::with_capacity(header + nodes.len() * NODE);
    let word = |out: &mut Vec<u8>, word: usize| out.extend_from_slice(&(word as u32).to_le_bytes());
    out.extend_from_slice(&MAGIC.to_le_bytes());
    word(&mut out, VERSION as usize);
    word(&mut out, header);
    word(&mut out, dimensions.len());
    for (place, name) in dimensions.iter().enumerate() {
        word(&mut out, place);
        word(&mut out, name.len());
        out.extend_from_slice(name.as_bytes());
    }
    word(&mut out, nodes.len());
    nodes.iter().flat_map(StarTreeNode::fields).for_each(|field| out.extend_from_slice(&field.to_le_bytes()));
    out
}

/// The nodes of a tree over these dimensions.
///
/// # Errors
///
/// `corrupt-segment` for a header that is not that of a tree over these dimensions, or that does not fit the bytes.
pub(super) fn read<'a>(bytes: &'a [u8], dimensions: &[String]) -> Result<&'a [[u8; NODE]]> {
    let mut rest = bytes;
    let mut take = |len: usize| {
        let (taken, left) = rest.split_at_checked(len)?;
        rest = left;
        Some(taken)
    };
    let short = || Error::corrupt("the header of the star-tree is cut off");
    if take(8) != Some(&MAGIC.to_le_bytes()) {
        return Err(Error::corrupt("expected the magic number of a star-tree"));
    }
    let word = |take: &mut dyn FnMut(usize) -> Option<&'a [u8]>| {
        let word = take(4)?.first_chunk::<4>()?;
        Some(u32::from_le_bytes(*word) as usize)
    };
    let (version, header, count) = (word(&mut take), word(&mut take), word(&mut take));
    let (Some(version), Some(header), Some(count)) = (version, header, count) else { return Err(short()) };
    if version != VERSION as usize {
        return Err(Error::unsupported(format!("expected a star-tree of version {VERSION}, found version {version}")));
    }
    if count != dimensions.len() {
        let expected = dimensions.len();
        return Err(Error::corrupt(format!("expected {expected} dimensions of the star-tree, found {count}")));
    }
    // Old writers named the dimensions in any order, each with its place.
    let mut named = vec![false; count];
    for _ in 0..count {
        let place = word(&mut take).ok_or_else(short)?;
        let len = word(&mut take).ok_or_else(short)?;
        let name = take(len).ok_or_else(short)?;
        match named.get_mut(place).zip(dimensions.get(place)) {
            Some((named, expected)) if !*named && expected.as_bytes() == name => *named = true,
            _ => {
                let name = String::from_utf8_lossy(name);
                return Err(Error::corrupt(format!("`{name}` is not dimension {place} of the star-tree")));
            }
        }
    }
    let num_nodes = word(&mut take).ok_or_else(short)?;
    let (nodes, stray) = rest.as_chunks::<NODE>();
    if nodes.len() != num_nodes || !stray.is_empty() || header != bytes.len() - rest.len() || nodes.is_empty() {
        return Err(Error::corrupt(format!(
            "expected {num_nodes} nodes of {NODE} bytes behind a header of {header}, found {} bytes in all",
            bytes.len()
        )));
    }
    Ok(nodes)
}

/// A node from its bytes.
pub(super) fn node(bytes: &[u8; NODE]) -> StarTreeNode {
    let field = |at: usize| {
        let word = bytes.as_chunks::<4>().0.get(at).copied().unwrap_or_default();
        i32::from_le_bytes(word)
    };
    StarTreeNode {
        dimension: field(0),
        value: field(1),
        start_doc: field(2),
        end_doc: field(3),
        aggregated_doc: field(4),
        first_child: field(5),
        last_child: field(6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_is_cut_is_not() {
        let dimensions = ["b".to_owned(), "grüße".to_owned()];
        let leaf = StarTreeNode {
            dimension: 0,
            value: 3,
            start_doc: 0,
            end_doc: 7,
            aggregated_doc: 7,
            first_child: NONE,
            last_child: NONE,
        };
        let root = StarTreeNode {
            dimension: NONE,
            value: NONE,
            start_doc: NONE,
            end_doc: NONE,
            first_child: 1,
            last_child: 1,
            ..leaf
        };
        let bytes = write(&dimensions, &[root, leaf]);
        let nodes: Vec<StarTreeNode> = read(&bytes, &dimensions).unwrap().iter().map(node).collect();
        assert_eq!(nodes, [root, leaf]);
        assert!(root.value == NONE && !root.is_star() && leaf.is_leaf());
        (0..bytes.len()).for_each(|len| assert!(read(&bytes[..len], &dimensions).is_err(), "{len}"));
        let header = bytes.len() - 2 * NODE;
        for at in 0..header {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x81;
            assert!(read(&damaged, &dimensions).is_err(), "{at}");
        }
    }
}

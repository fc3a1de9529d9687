//! Evaluates a predicate, touching as little as the indexes allow.

use arrow::array::{AsArray, BooleanArray};
use arrow::compute::{and_kleene, not, or_kleene};
use pinotage_common::{Error, Result};
use pinotage_spec::{CompareOp, Predicate, StoredType, Value};
use roaring::RoaringBitmap;

use super::column::{Column, Columns, members};
use super::compare::Test;
use super::range::Found;
use crate::forward::{Docs, ForwardReader};

/// A predicate over opened columns; columns are numbers in [`Columns`].
pub(super) struct Filter {
    /// All of them must be true, the cheapest first.
    parts: Vec<Node>,
}

enum Node {
    /// The same for every doc that is not null: dictionary or bounds leave no choice.
    Same {
        column: usize,
        pass: bool,
    },
    /// Exactly these docs and not the null ones among them: from sorted ranges, the inverted or the range index.
    Docs {
        column: usize,
        docs: RoaringBitmap,
    },
    /// Whether each dictionary id passes; no doc outside of `within` has one that does.
    Ids {
        column: usize,
        test: Test,
        ids: Vec<bool>,
        within: Option<RoaringBitmap>,
    },
    /// Values have to be decoded and compared; none outside of `within` passes.
    Values {
        column: usize,
        test: Test,
        within: Option<RoaringBitmap>,
    },
    IsNull {
        column: usize,
    },
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
}

impl Filter {
    /// Opens the columns and asks dictionaries, bounds and indexes what they know.
    pub(super) fn try_new(predicate: &Predicate, columns: &mut Columns<'_>) -> Result<Self> {
        let mut parts = match compile(predicate, columns)? {
            Node::And(parts) => parts,
            other => vec![other],
        };
        parts.sort_by_key(Node::cost);
        Ok(Self { parts })
    }

    /// Docs outside of which no doc passes; `None` when all may. No forward index is decoded for this.
    pub(super) fn candidates(&self, columns: &mut Columns<'_>) -> Result<Option<RoaringBitmap>> {
        all_of(&self.parts, columns)
    }

    /// The docs that pass; `None` when all do.
    ///
    /// Each condition looks only at the docs that the ones before it left.
    pub(super) fn select(&self, columns: &mut Columns<'_>, docs: Docs<'_>) -> Result<Option<Vec<u32>>> {
        let mut kept: Option<Vec<u32>> = None;
        for part in &self.parts {
            let left = kept.as_deref().map_or(docs, Docs::List);
            if left.is_empty() {
                break;
            }
            let (passes, known) = evaluate(part, columns, left)?.into_parts();
            let passes = known.map_or_else(|| passes.clone(), |known| &passes & known.inner());
            if passes.count_set_bits() < left.len() {
                kept = Some(match left {
                    Docs::Range(start, _) => passes.set_indices().map(|at| (start + at) as u32).collect(),
                    Docs::List(list) => passes.set_indices().filter_map(|at| list.get(at).copied()).collect(),
                });
            }
        }
        Ok(kept)
    }
}

impl Node {
    /// What to ask first: what is known, then ids, then values.
    fn cost(&self) -> u8 {
        match self {
            Self::Same { .. } => 0,
            Self::Docs { .. } | Self::IsNull { .. } => 1,
            Self::Ids { .. } => 2,
            Self::Values { .. } => 3,
            Self::And(parts) | Self::Or(parts) => parts.iter().map(Self::cost).max().unwrap_or(0),
            Self::Not(part) => part.cost(),
        }
    }
}

fn compile(predicate: &Predicate, columns: &mut Columns<'_>) -> Result<Node> {
    Ok(match predicate {
        Predicate::Compare { column, op, value } => compare(column, *op, std::slice::from_ref(value), columns)?,
        Predicate::In { column, values } => compare(column, CompareOp::Eq, values, columns)?,
        Predicate::Like { column: name, pattern } => {
            let column = columns.open(name)?;
            let data_type = columns.get(column)?.metadata.data_type;
            if data_type.stored() != StoredType::String {
                return Err(Error::invalid_config(format!("a {data_type} column cannot be compared with a pattern"))
                    .with("column", name));
            }
            leaf(column, Test::matching(pattern.clone()), columns)?
        }
        Predicate::IsNull(column) => Node::IsNull { column: columns.open(column)? },
        Predicate::IsNotNull(column) => Node::Not(Box::new(Node::IsNull { column: columns.open(column)? })),
        Predicate::And(parts) => {
            let mut flat = Vec::with_capacity(parts.len());
            for part in parts {
                match compile(part, columns)? {
                    Node::And(inner) => flat.extend(inner),
                    other => flat.push(other),
                }
            }
            Node::And(flat)
        }
        Predicate::Or(parts) => Node::Or(parts.iter().map(|part| compile(part, columns)).collect::<Result<_>>()?),
        Predicate::Not(part) => Node::Not(Box::new(compile(part, columns)?)),
    })
}

fn compare(name: &str, op: CompareOp, values: &[Value], columns: &mut Columns<'_>) -> Result<Node> {
    let number = columns.open(name)?;
    let column = columns.get(number)?;
    let data_type = column.metadata.data_type;
    if let Some(value) = values.iter().find(|value| value.stored_type() != data_type.stored()) {
        return Err(Error::invalid_config(format!(
            "a {data_type} column cannot be compared with `{}`",
            value.to_java_string()
        ))
        .with("column", name));
    }
    let test = Test::new(op, values.to_vec(), column.metadata.single_value);
    leaf(number, test, columns)
}

fn leaf(number: usize, test: Test, columns: &mut Columns<'_>) -> Result<Node> {
    let column = columns.get(number)?;
    let data_type = column.metadata.data_type;
    let Some(dictionary) = &column.dictionary else {
        // Old segments may hold NaN outside of their bounds, so for it the answer has to be the same.
        let outside = match data_type.stored() {
            StoredType::Float => Some(Value::Float(f32::NAN)),
            StoredType::Double => Some(Value::Double(f64::NAN)),
            _ => None,
        };
        let decided = test
            .decide(column.metadata.min.as_ref(), column.metadata.max.as_ref())
            .filter(|pass| outside.is_none_or(|value| test.passes(&value) == *pass));
        if let Some(pass) = decided {
            return Ok(Node::Same { column: number, pass: pass != test.none });
        }
        let found = match column.range()? {
            Some(range) => {
                range.docs_of_values(&test, data_type.stored()).map_err(|e| column.locate(e, "range_index"))?
            }
            None => None,
        };
        return Ok(known(number, test, found, |test, within| Node::Values { column: number, test, within }));
    };
    let ids = test.ids(dictionary).map_err(|error| column.locate(error, "dictionary"))?;
    if let Some(first) = ids.first()
        && ids.iter().all(|pass| pass == first)
    {
        return Ok(Node::Same { column: number, pass: *first != test.none });
    }
    let found = match known_docs(column, &ids)? {
        Some(docs) => Some(Found { docs, exact: true }),
        None => match column.range()? {
            Some(range) => range.docs_of_ids(&ids).map_err(|error| column.locate(error, "range_index"))?,
            None => None,
        },
    };
    Ok(known(number, test, found, |test, within| Node::Ids { column: number, test, ids, within }))
}

/// The node of what an index found, or one that looks at the values of the docs.
fn known(
    column: usize,
    test: Test,
    found: Option<Found>,
    look: impl FnOnce(Test, Option<RoaringBitmap>) -> Node,
) -> Node {
    match found {
        Some(Found { docs, exact: true }) if !test.none => Node::Docs { column, docs },
        // No value is equal: the opposite, where nulls stay unknown.
        Some(Found { docs, exact: true }) => Node::Not(Box::new(Node::Docs { column, docs })),
        Some(Found { docs, .. }) if !test.none => look(test, Some(docs)),
        _ => look(test, None),
    }
}

/// The docs that hold any of some ids, when the sorted ranges tell or the inverted index tells with fewer bytes than
/// the forward index has.
fn known_docs(column: &Column<'_>, ids: &[bool]) -> Result<Option<RoaringBitmap>> {
    let mut docs = RoaringBitmap::new();
    if let ForwardReader::Sorted { ends } = &column.forward {
        let mut start = 0;
        // Ids that pass are mostly neighbours, and so are their docs.
        for run in ids.chunk_by(|a, b| a == b) {
            let end = start + run.len();
            let doc_before = |id: usize| id.checked_sub(1).and_then(|id| ends.get(id)).copied().unwrap_or(0);
            if run.first() == Some(&true) {
                docs.insert_range(doc_before(start)..doc_before(end));
            }
            start = end;
        }
        return Ok(Some(docs));
    }
    let Some(inverted) = column.inverted()? else { return Ok(None) };
    let at = |error| column.locate(error, "inverted_index");
    let passing = || ids.iter().enumerate().filter(|(_, pass)| **pass).map(|(id, _)| id);
    let mut len_bytes = 0;
    for id in passing() {
        len_bytes += inverted.len_bytes(id).map_err(at)?;
        if len_bytes > column.forward_len_bytes() {
            return Ok(None);
        }
    }
    for id in passing() {
        docs |= inverted.docs(id).map_err(at)?;
    }
    Ok(Some(docs))
}

fn candidates(node: &Node, columns: &mut Columns<'_>) -> Result<Option<RoaringBitmap>> {
    Ok(match node {
        Node::Same { pass: false, .. } => Some(RoaringBitmap::new()),
        Node::Docs { docs, .. } => Some(docs.clone()),
        Node::IsNull { column } => Some(columns.get(*column)?.nulls.clone().unwrap_or_default()),
        Node::And(parts) => all_of(parts, columns)?,
        Node::Or(parts) => {
            let mut any = RoaringBitmap::new();
            for part in parts {
                match candidates(part, columns)? {
                    Some(docs) => any |= docs,
                    None => return Ok(None),
                }
            }
            Some(any)
        }
        Node::Ids { within, .. } | Node::Values { within, .. } => within.clone(),
        Node::Same { .. } | Node::Not(_) => None,
    })
}

fn all_of(parts: &[Node], columns: &mut Columns<'_>) -> Result<Option<RoaringBitmap>> {
    let mut all: Option<RoaringBitmap> = None;
    for part in parts {
        if let Some(docs) = candidates(part, columns)? {
            all = Some(match all {
                Some(before) => before & docs,
                None => docs,
            });
        }
    }
    Ok(all)
}

/// True, false or unknown for each doc.
fn evaluate(node: &Node, columns: &mut Columns<'_>, docs: Docs<'_>) -> Result<BooleanArray> {
    let failed = |error| Error::unexpected("cannot join conditions").caused_by(error);
    let leaf = |column: &Column<'_>, passes: Vec<bool>| Ok(BooleanArray::new(passes.into(), column.null_mask(docs)));
    match node {
        Node::And(parts) | Node::Or(parts) => {
            let and = matches!(node, Node::And(_));
            let mut result = BooleanArray::from(vec![and; docs.len()]);
            for part in parts {
                let part = evaluate(part, columns, docs)?;
                result = if and { and_kleene(&result, &part) } else { or_kleene(&result, &part) }.map_err(failed)?;
            }
            Ok(result)
        }
        Node::Not(part) => not(&evaluate(part, columns, docs)?).map_err(failed),
        Node::Same { column, pass } => leaf(columns.get(*column)?, vec![*pass; docs.len()]),
        Node::Docs { column, docs: passing } => leaf(columns.get(*column)?, members(passing, docs)),
        Node::IsNull { column } => {
            let nulls = columns.get(*column)?.null_mask(docs);
            Ok((0..docs.len()).map(|doc| Some(nulls.as_ref().is_some_and(|nulls| nulls.is_null(doc)))).collect())
        }
        Node::Ids { column, test, ids, .. } => {
            let column = columns.get(*column)?;
            let at = |error| column.locate(error, "forward_index");
            // An id that the dictionary does not have is damage, which must not look like a row that does not pass.
            let look_up = |found: &[u32]| match found.iter().max() {
                Some(id) if *id as usize >= ids.len() => {
                    Err(at(Error::corrupt(format!("expected dictionary ids below {}, found {id}", ids.len()))))
                }
                _ => Ok(found.iter().map(|id| ids.get(*id as usize).copied().unwrap_or(false)).collect::<Vec<_>>()),
            };
            let passes = if column.metadata.single_value {
                look_up(&column.forward.ids(docs).map_err(at)?)?
            } else {
                let (lengths, found) = column.forward.lists(docs).map_err(at)?;
                test.rows(&look_up(&found)?, lengths.into_iter())
            };
            leaf(column, passes)
        }
        Node::Values { column, test, .. } => {
            let column = columns.get(*column)?;
            let array = column.read_stored(docs)?;
            let data_type = column.metadata.data_type;
            let passes = match array.as_list_opt::<i32>() {
                Some(lists) => test.rows(&test.apply(lists.values(), data_type), lists.offsets().lengths()),
                None => test.apply(&array, data_type),
            };
            leaf(column, passes)
        }
    }
}

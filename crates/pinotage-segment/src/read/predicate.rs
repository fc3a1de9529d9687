//! Evaluates a predicate on ranges of docs.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Range;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::compute::{and_kleene, not, or_kleene};
use arrow::datatypes::{Float32Type, Float64Type, Int32Type, Int64Type, TimestampMillisecondType};
use pinotage_common::{Error, Result};
use pinotage_spec::java::compare_utf16;
use pinotage_spec::{CompareOp, DataType, Predicate, Value};

use super::Segment;
use super::column::Column;

/// A predicate over opened columns.
pub(super) struct Filter<'a> {
    predicate: Node,
    columns: BTreeMap<String, Column<'a>>,
}

/// A predicate whose leaves on dictionary columns are answered for every dictionary id beforehand.
enum Node {
    Leaf { column: String, test: Test, by_id: Option<Vec<bool>> },
    IsNull(String),
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
}

/// A comparison with one literal or several.
struct Test {
    op: CompareOp,
    values: Vec<Value>,
    /// A multi-value row passes when none of its values passes.
    none: bool,
}

impl<'a> Filter<'a> {
    pub(super) fn try_new(segment: &'a Segment, predicate: &Predicate, nulls: bool) -> Result<Self> {
        let mut columns = BTreeMap::new();
        let predicate = compile(segment, predicate, nulls, &mut columns)?;
        Ok(Self { predicate, columns })
    }

    /// True, false or unknown for each doc of a range.
    pub(super) fn evaluate(&mut self, docs: Range<usize>) -> Result<BooleanArray> {
        evaluate(&self.predicate, &mut self.columns, docs)
    }
}

fn compile<'a>(
    segment: &'a Segment,
    predicate: &Predicate,
    nulls: bool,
    columns: &mut BTreeMap<String, Column<'a>>,
) -> Result<Node> {
    let mut leaf = |column: &String, op, values: &[Value]| -> Result<Node> {
        let opened = open(segment, column, nulls, columns)?;
        let data_type = opened.metadata.data_type;
        if let Some(value) = values.iter().find(|value| value.stored_type() != data_type.stored()) {
            return Err(Error::invalid_config(format!(
                "a {data_type} column cannot be compared with `{}`",
                value.to_java_string()
            ))
            .with("column", column));
        }
        // A multi-value row is unequal when no value of it is equal.
        let none = op == CompareOp::NotEq && !opened.metadata.single_value;
        let test = Test { op: if none { CompareOp::Eq } else { op }, values: values.to_vec(), none };
        let by_id = match &opened.values {
            Some(values) => Some(test.apply(values, data_type)?),
            None => None,
        };
        Ok(Node::Leaf { column: column.clone(), test, by_id })
    };
    Ok(match predicate {
        Predicate::Compare { column, op, value } => leaf(column, *op, std::slice::from_ref(value))?,
        Predicate::In { column, values } => leaf(column, CompareOp::Eq, values)?,
        Predicate::IsNull(column) => {
            open(segment, column, nulls, columns)?;
            Node::IsNull(column.clone())
        }
        Predicate::IsNotNull(column) => {
            open(segment, column, nulls, columns)?;
            Node::Not(Box::new(Node::IsNull(column.clone())))
        }
        Predicate::And(parts) => {
            Node::And(parts.iter().map(|part| compile(segment, part, nulls, columns)).collect::<Result<_>>()?)
        }
        Predicate::Or(parts) => {
            Node::Or(parts.iter().map(|part| compile(segment, part, nulls, columns)).collect::<Result<_>>()?)
        }
        Predicate::Not(part) => Node::Not(Box::new(compile(segment, part, nulls, columns)?)),
    })
}

fn open<'a, 'b>(
    segment: &'a Segment,
    name: &str,
    nulls: bool,
    columns: &'b mut BTreeMap<String, Column<'a>>,
) -> Result<&'b mut Column<'a>> {
    if !columns.contains_key(name) {
        columns.insert(name.to_owned(), Column::open(segment, name, nulls)?);
    }
    opened(columns, name)
}

fn opened<'a, 'b>(columns: &'b mut BTreeMap<String, Column<'a>>, name: &str) -> Result<&'b mut Column<'a>> {
    columns.get_mut(name).ok_or_else(|| Error::unexpected(format!("column `{name}` of the predicate is not open")))
}

fn evaluate(node: &Node, columns: &mut BTreeMap<String, Column<'_>>, docs: Range<usize>) -> Result<BooleanArray> {
    let mut fold =
        |parts: &[Node],
         start: bool,
         join: fn(&BooleanArray, &BooleanArray) -> Result<BooleanArray, arrow::error::ArrowError>| {
            let mut result = BooleanArray::from(vec![start; docs.len()]);
            for part in parts {
                let part = evaluate(part, columns, docs.clone())?;
                result = join(&result, &part)
                    .map_err(|error| Error::unexpected("cannot join conditions").caused_by(error))?;
            }
            Ok(result)
        };
    match node {
        Node::And(parts) => fold(parts, true, and_kleene),
        Node::Or(parts) => fold(parts, false, or_kleene),
        Node::Not(part) => {
            let part = evaluate(part, columns, docs)?;
            not(&part).map_err(|error| Error::unexpected("cannot negate a condition").caused_by(error))
        }
        Node::IsNull(column) => {
            let nulls = opened(columns, column)?.null_mask(&docs);
            Ok((0..docs.len()).map(|doc| Some(nulls.as_ref().is_some_and(|nulls| nulls.is_null(doc)))).collect())
        }
        Node::Leaf { column, test, by_id } => {
            let column = opened(columns, column)?;
            let nulls = column.null_mask(&docs);
            let passes: Vec<bool> = match (by_id, column.metadata.single_value) {
                (Some(by_id), true) => look_up(by_id, &column.forward.ids(docs)?),
                (Some(by_id), false) => {
                    let (lengths, ids) = column.forward.lists(docs)?;
                    test.any(&look_up(by_id, &ids), lengths.into_iter())
                }
                (None, true) => test.apply(&column.read(docs)?, column.metadata.data_type)?,
                (None, false) => {
                    let array = column.read(docs)?;
                    let lists = array.as_list::<i32>();
                    test.any(&test.apply(lists.values(), column.metadata.data_type)?, lists.offsets().lengths())
                }
            };
            Ok(BooleanArray::new(passes.into(), nulls))
        }
    }
}

fn look_up(by_id: &[bool], ids: &[u32]) -> Vec<bool> {
    ids.iter().map(|id| by_id.get(*id as usize).copied().unwrap_or(false)).collect()
}

impl Test {
    /// Whether each row passes: any of its values does, or none.
    fn any(&self, values: &[bool], lengths: impl Iterator<Item = usize>) -> Vec<bool> {
        let mut start = 0;
        lengths
            .map(|len| {
                let row = values.get(start..start + len).unwrap_or_default();
                start += len;
                row.contains(&true) != self.none
            })
            .collect()
    }

    /// Whether each value of an array passes.
    fn apply(&self, array: &ArrayRef, data_type: DataType) -> Result<Vec<bool>> {
        let mut passes = vec![false; array.len()];
        for value in &self.values {
            let mut set = |at: usize, ordering: Ordering| passes[at] |= self.op.accepts(ordering);
            match (value, data_type) {
                (Value::Int(literal), DataType::Boolean) => {
                    array
                        .as_boolean()
                        .iter()
                        .enumerate()
                        .for_each(|(at, v)| set(at, i32::from(v.unwrap_or(false)).cmp(literal)));
                }
                (Value::Int(literal), _) => {
                    array
                        .as_primitive::<Int32Type>()
                        .values()
                        .iter()
                        .enumerate()
                        .for_each(|(at, v)| set(at, v.cmp(literal)));
                }
                (Value::Long(literal), DataType::Timestamp) => {
                    let values = array.as_primitive::<TimestampMillisecondType>().values();
                    values.iter().enumerate().for_each(|(at, v)| set(at, v.cmp(literal)));
                }
                (Value::Long(literal), _) => {
                    array
                        .as_primitive::<Int64Type>()
                        .values()
                        .iter()
                        .enumerate()
                        .for_each(|(at, v)| set(at, v.cmp(literal)));
                }
                (Value::Float(literal), _) => {
                    array
                        .as_primitive::<Float32Type>()
                        .values()
                        .iter()
                        .enumerate()
                        .for_each(|(at, v)| set(at, v.total_cmp(literal)));
                }
                (Value::Double(literal), _) => {
                    array
                        .as_primitive::<Float64Type>()
                        .values()
                        .iter()
                        .enumerate()
                        .for_each(|(at, v)| set(at, v.total_cmp(literal)));
                }
                (Value::String(literal), _) => {
                    let values = array.as_string::<i32>();
                    (0..values.len())
                        .for_each(|at| set(at, compare_utf16(values.value(at).as_bytes(), literal.as_bytes())));
                }
                (Value::Bytes(literal), _) => {
                    let values = array.as_binary::<i32>();
                    (0..values.len()).for_each(|at| set(at, values.value(at).cmp(literal.as_slice())));
                }
                (Value::BigDecimal(_), _) => {
                    let values = array.as_string::<i32>();
                    for at in 0..values.len() {
                        let decimal = Value::parse(DataType::BigDecimal, values.value(at))?;
                        if let Some(ordering) = decimal.compare(value) {
                            set(at, ordering);
                        }
                    }
                }
            }
        }
        Ok(passes)
    }
}

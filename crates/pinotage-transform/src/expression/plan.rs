//! A tree of calls with the kind of every part known, and its evaluation column by column.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType as Arrow, Schema};
use pinotage_common::{Error, Result};
use serde_json::Value;

use super::column::{Builder, Cell, Column, Kind};
use super::convert::{convert, convert_cell, converts, double, timestamp};
use super::function::{self, Argument, Function, Prepared, Row, SPECIAL, Want};
use super::parse::{Tree, canonical, shorten};
use crate::number::trim;

/// Why rows could not be computed, by row.
pub(crate) type Failures = BTreeMap<u32, String>;

/// The columns that an expression can name: those of the input, and those that were computed before. A later one of the same
/// name hides an earlier one.
#[derive(Debug)]
pub(crate) struct Scope {
    columns: Vec<(String, Result<Kind, Arrow>)>,
}

impl Scope {
    pub(crate) fn new(input: &Schema) -> Self {
        let column = |field: &arrow::datatypes::FieldRef| {
            let arrow = field.data_type();
            (field.name().clone(), Kind::of(arrow).ok_or_else(|| arrow.clone()))
        };
        Self { columns: input.fields().iter().map(column).collect() }
    }

    pub(crate) fn push(&mut self, name: &str, kind: Kind) {
        self.columns.push((name.to_owned(), Ok(kind)));
    }
}

/// The columns of a scope in one batch.
#[derive(Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) batch: &'a RecordBatch,
    pub(crate) computed: Vec<Column>,
}

/// A part of an expression.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    what: What,
}

#[derive(Debug)]
enum What {
    Constant(Column),
    Column(usize),
    Call {
        function: &'static Function,
        arguments: Vec<Input>,
    },
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    /// Whether it is null, or is not.
    IsNull(Box<Node>, bool),
    Case {
        branches: Vec<(Node, Node)>,
        otherwise: Option<Box<Node>>,
    },
    Coalesce(Vec<Node>),
    NullIf(Box<Node>, Box<Node>),
    Cast(Box<Node>),
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.names.first().copied().unwrap_or_default())
    }
}

#[derive(Debug)]
enum Input {
    Node(Node, Kind),
    Prepared(Prepared),
}

fn invalid(message: impl std::fmt::Display) -> Error {
    Error::invalid_config(message.to_string())
}

impl Node {
    /// Plans a tree over the columns of a scope; a column that is not there is null, as in Pinot.
    ///
    /// # Errors
    ///
    /// `invalid-config` for an unknown function (with the nearest known one), a wrong number of arguments, an argument that
    /// never converts; `unsupported` for patterns, paths and zones that are not read, or that differ from row to row.
    pub(crate) fn plan(tree: &Tree, scope: &Scope) -> Result<Self> {
        Self::plan_part(tree, scope)
    }

    /// A function makes a list of numbers: an array of Java's, which `DataTypeTransformer` makes no column of.
    pub(crate) fn makes_numbers(&self) -> bool {
        matches!(self.what, What::Call { .. }) && matches!(self.kind, Kind::Ints | Kind::Longs | Kind::Doubles)
    }

    /// A column as it is.
    pub(crate) fn column(at: usize, kind: Kind) -> Self {
        Self { kind, what: What::Column(at) }
    }

    fn constant(kind: Kind, cell: Cell<'_>) -> Self {
        Self { kind, what: What::Constant(Column::literal(kind, cell)) }
    }

    fn plan_part(tree: &Tree, scope: &Scope) -> Result<Self> {
        let (name, shown, arguments) = match tree {
            Tree::Null => return Ok(Self::constant(Kind::Null, Cell::Null)),
            Tree::Boolean(value) => return Ok(Self::constant(Kind::Boolean, Cell::Boolean(*value))),
            Tree::Int(value) => return Ok(Self::constant(Kind::Int, Cell::Int(*value))),
            Tree::Long(value) => return Ok(Self::constant(Kind::Long, Cell::Long(*value))),
            Tree::Double(value) => return Ok(Self::constant(Kind::Double, Cell::Double(*value))),
            Tree::Text(text) => return Ok(Self::constant(Kind::String, Cell::Text(text.into()))),
            Tree::Array(items) => return array(items),
            Tree::Column(name) => return column(name, scope),
            Tree::Call { name, shown, arguments } => (name.as_str(), shown.as_str(), arguments),
        };
        let inputs = arguments.iter().map(|argument| Self::plan_part(argument, scope)).collect::<Result<Vec<_>>>()?;
        if let Some(special) = SPECIAL.iter().find(|(special, ..)| *special == name) {
            let count = inputs.len();
            return special_node(name, inputs)?.ok_or_else(|| {
                invalid(format!("`{shown}` with {count} arguments is none of Pinot's"))
                    .action(format!("write `{}`", special.1))
            });
        }
        let Some(function) = function::find(name, inputs.len()) else {
            return Err(unknown(name, shown, inputs.len()));
        };
        let mut all_constant = true;
        let mut planned = Vec::with_capacity(inputs.len());
        for (at, (input, want)) in inputs.into_iter().zip(function.wants).enumerate() {
            let place = || format!("argument {} of `{shown}`", at + 1);
            planned.push(match want {
                Want::Value(kind) => {
                    if !converts(input.kind, *kind) {
                        return Err(invalid(format!("{} takes {}, not {}", place(), kind.name(), input.kind.name()))
                            .action(usage(function)));
                    }
                    all_constant &= matches!(input.what, What::Constant(_));
                    Input::Node(constant_as(input, *kind, &place(), function)?, *kind)
                }
                Want::Json => {
                    let kind = input.kind;
                    if !matches!(kind, Kind::String | Kind::Any | Kind::Null) && !kind.is_list() {
                        return Err(
                            invalid(format!("{} takes JSON, not {}", place(), kind.name())).action(usage(function))
                        );
                    }
                    all_constant &= matches!(input.what, What::Constant(_));
                    Input::Node(input, kind)
                }
                want => Input::Prepared(prepare(&input, *want, &place())?),
            });
        }
        let node = Self { kind: function.gives, what: What::Call { function, arguments: planned } };
        if !all_constant || function.wants.is_empty() {
            return Ok(node);
        }
        // The same for all rows: computed once.
        let mut failures = Failures::new();
        let column = node.evaluate(None, 1, &mut failures)?;
        match failures.pop_first() {
            None => Ok(Self { kind: node.kind, what: What::Constant(Column { constant: true, ..column }) }),
            Some((_, message)) => Err(invalid(message).action(usage(function))),
        }
    }

    /// Computes a batch. Rows that fail are null and told.
    pub(crate) fn evaluate(&self, frame: Option<&Frame<'_>>, rows: usize, failures: &mut Failures) -> Result<Column> {
        let cells = |nodes: &[Node], failures: &mut Failures| -> Result<Vec<Column>> {
            nodes.iter().map(|node| node.evaluate(frame, rows, failures)).collect()
        };
        let mut builder = Builder::new(self.kind, rows);
        match &self.what {
            What::Constant(column) => return Ok(column.clone()),
            What::Column(at) => {
                let missing = || Error::unexpected("a column of an expression is not there");
                let Frame { batch, computed } = frame.ok_or_else(missing)?;
                return match at.checked_sub(batch.num_columns()) {
                    Some(at) => computed.get(at).cloned().ok_or_else(missing),
                    None => Column::from_arrow(batch.column(*at)),
                };
            }
            What::Call { function, arguments } => {
                let name = function.names.first().copied().unwrap_or_default();
                let arguments = arguments.iter().map(|argument| match argument {
                    Input::Prepared(prepared) => Ok(Argument::Prepared(prepared.clone())),
                    Input::Node(node, kind) => {
                        let column = node.evaluate(frame, rows, failures)?;
                        Ok(Argument::Column(into(column, *kind, rows, name, failures)))
                    }
                });
                let arguments = arguments.collect::<Result<Vec<_>>>()?;
                let is_null = |row| {
                    let null =
                        |argument: &Argument| matches!(argument, Argument::Column(column) if column.is_null(row));
                    !function.nullable && arguments.iter().any(null)
                };
                for row in 0..rows {
                    if is_null(row) {
                        builder.push(Cell::Null);
                        continue;
                    }
                    match (function.kernel)(Row { arguments: &arguments, row }) {
                        Ok(cell) => builder.push(cell),
                        Err(message) => {
                            failures.entry(row as u32).or_insert_with(|| format!("`{name}` got {message}"));
                            builder.push(Cell::Null);
                        }
                    }
                }
            }
            What::And(nodes) | What::Or(nodes) => {
                let decides = matches!(self.what, What::Or(_));
                // A part is not looked at when an earlier one decides: its failure is none.
                let mut own: Vec<Failures> = Vec::new();
                let mut columns = Vec::new();
                for node in nodes {
                    let mut part = Failures::new();
                    columns.push(node.evaluate(frame, rows, &mut part)?);
                    own.push(part);
                }
                for row in 0..rows {
                    let mut answer = Cell::Boolean(!decides);
                    for (column, failed) in columns.iter().zip(&own) {
                        if let Some(message) = failed.get(&(row as u32)) {
                            failures.entry(row as u32).or_insert_with(|| message.clone());
                        }
                        match column.cell(row) {
                            Cell::Boolean(value) if value == decides => {
                                answer = Cell::Boolean(decides);
                                break;
                            }
                            Cell::Boolean(_) => {}
                            _ => answer = Cell::Null,
                        }
                    }
                    builder.push(answer);
                }
            }
            What::Not(node) => {
                let column = node.evaluate(frame, rows, failures)?;
                for row in 0..rows {
                    builder.push(if let Cell::Boolean(value) = column.cell(row) {
                        Cell::Boolean(!value)
                    } else {
                        Cell::Null
                    });
                }
            }
            What::IsNull(node, wanted) => {
                let column = node.evaluate(frame, rows, failures)?;
                (0..rows).for_each(|row| builder.push(Cell::Boolean(column.is_null(row) == *wanted)));
            }
            What::Case { branches, otherwise } => {
                let mut computed = Vec::with_capacity(branches.len());
                for (condition, value) in branches {
                    computed.push((
                        condition.evaluate(frame, rows, failures)?,
                        self.alike(value.evaluate(frame, rows, failures)?, rows, failures),
                    ));
                }
                let otherwise = match otherwise {
                    Some(node) => Some(self.alike(node.evaluate(frame, rows, failures)?, rows, failures)),
                    None => None,
                };
                for row in 0..rows {
                    let holds = |(condition, _): &&(Column, Column)| matches!(condition.cell(row), Cell::Boolean(true));
                    let value = computed.iter().find(holds).map(|(_, value)| value).or(otherwise.as_ref());
                    builder.push(value.map_or(Cell::Null, |value| value.cell(row)));
                }
            }
            What::Coalesce(nodes) => {
                let columns = cells(nodes, failures)?;
                let columns: Vec<Column> =
                    columns.into_iter().map(|column| self.alike(column, rows, failures)).collect();
                for row in 0..rows {
                    let value = columns.iter().find(|column| !column.is_null(row));
                    builder.push(value.map_or(Cell::Null, |value| value.cell(row)));
                }
            }
            What::NullIf(a, b) => {
                let same = a.kind == b.kind;
                let (a, b) = (a.evaluate(frame, rows, failures)?, b.evaluate(frame, rows, failures)?);
                for row in 0..rows {
                    let equal = same && !a.is_null(row) && java_equals(&a.cell(row), &b.cell(row));
                    builder.push(if equal { Cell::Null } else { a.cell(row) });
                }
            }
            What::Cast(node) => {
                let column = node.evaluate(frame, rows, failures)?;
                for row in 0..rows {
                    match cast(column.kind, column.cell(row), self.kind) {
                        Ok(cell) => builder.push(cell),
                        Err(message) => {
                            failures.entry(row as u32).or_insert_with(|| format!("`cast` got {message}"));
                            builder.push(Cell::Null);
                        }
                    }
                }
            }
        }
        Ok(builder.finish())
    }

    /// A branch in the kind of all of them.
    fn alike(&self, column: Column, rows: usize, failures: &mut Failures) -> Column {
        into(column, self.kind, rows, "case", failures)
    }
}

fn into(column: Column, kind: Kind, rows: usize, name: &str, failures: &mut Failures) -> Column {
    let all = column.constant;
    let mut fail = |row: usize, message: String| {
        let message = format!("`{name}` {message}");
        let range = if all { 0..rows } else { row..row + 1 };
        for row in range {
            failures.entry(row as u32).or_insert_with(|| message.clone());
        }
    };
    convert(column, kind, rows, &mut fail)
}

/// `Object.equals` of values of one kind.
fn java_equals(a: &Cell<'_>, b: &Cell<'_>) -> bool {
    match (a, b) {
        (Cell::Int(a), Cell::Int(b)) => a == b,
        (Cell::Long(a), Cell::Long(b)) => a == b,
        // `Double.equals`: by their bits, but all NaN are one.
        (Cell::Float(a), Cell::Float(b)) => a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()),
        (Cell::Double(a), Cell::Double(b)) => a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()),
        (Cell::Boolean(a), Cell::Boolean(b)) => a == b,
        (Cell::Text(a), Cell::Text(b)) => a == b,
        (Cell::Value(a), Cell::Value(b)) => a == b,
        _ => false,
    }
}

fn column(name: &str, scope: &Scope) -> Result<Node> {
    let Some((at, (_, kind))) = scope.columns.iter().enumerate().rfind(|(_, (known, _))| known == name) else {
        return Ok(Node::constant(Kind::Null, Cell::Null));
    };
    match kind {
        Ok(kind) => Ok(Node { kind: *kind, what: What::Column(at) }),
        Err(arrow) => Err(Error::unsupported(format!("functions take no {arrow}"))
            .with("column", name)
            .action("convert it in the SQL transform, for example with CAST")),
    }
}

/// `ARRAY[1, 2]`: of constants only.
fn array(items: &[Tree]) -> Result<Node> {
    let items = items.iter().map(|item| {
        Ok(match item {
            Tree::Int(value) => (*value).into(),
            Tree::Long(value) => (*value).into(),
            Tree::Double(value) => serde_json::Number::from_f64(*value).map_or(Value::Null, Value::Number),
            Tree::Boolean(value) => (*value).into(),
            Tree::Text(text) => text.as_str().into(),
            _ => return Err(invalid("an ARRAY in an expression has constants only")),
        })
    });
    let items = items.collect::<Result<Vec<Value>>>()?;
    Ok(Node::constant(Kind::Any, Cell::value(items)))
}

/// A constant in the kind that is wanted: what never converts is told before the first row.
fn constant_as(node: Node, kind: Kind, place: &str, function: &Function) -> Result<Node> {
    let What::Constant(column) = node.what else { return Ok(node) };
    let mut failure = None;
    let converted = convert(column, kind, 1, &mut |_, message| failure = Some(message));
    match failure {
        None => Ok(Node { kind, what: What::Constant(converted) }),
        Some(message) => Err(invalid(format!("{place}: {message}")).action(match function.names.first() {
            Some(&("equals" | "notEquals" | "greaterThan" | "greaterThanOrEqual" | "lessThan" | "lessThanOrEqual")) => {
                "comparisons of ingestion expressions are those of numbers, also in Pinot: compare texts with \
                 `strcmp(a, 'b') = 0`"
                    .to_owned()
            }
            _ => usage(function),
        })),
    }
}

fn prepare(input: &Node, want: Want, place: &str) -> Result<Prepared> {
    let What::Constant(column) = &input.what else {
        return Err(Error::unsupported(format!("{place} differs from row to row, and only a constant is read"))
            .action("write it as a text in single quotes, or compute the column in the SQL transform"));
    };
    match convert_cell(column.kind, column.cell(0), Kind::String) {
        Ok(Cell::Text(text)) => want.prepare(&text).map_err(|what| {
            Error::unsupported(format!("{place} is {what}: not supported"))
                .action("docs/reference/functions.md says what is; or compute the column in the SQL transform")
        }),
        _ => Err(invalid(format!("{place} is no text")).action("write it as a text in single quotes")),
    }
}

fn usage(function: &Function) -> String {
    let wants: Vec<&str> = function.wants.iter().map(|want| want.name()).collect();
    format!("write `{}({})`", function.names.first().copied().unwrap_or_default(), wants.join(", "))
}

fn unknown(name: &str, shown: &str, count: usize) -> Error {
    let known: Vec<String> = function::named(name).map(usage).collect();
    if !known.is_empty() {
        return invalid(format!("`{shown}` with {count} arguments is none of Pinot's")).action(known.join(", or "));
    }
    let is_refused = |(_, names): &&(&str, &[&str])| names.iter().any(|refused| canonical(refused) == name);
    if let Some((what, _)) = super::functions::REFUSED.iter().find(is_refused) {
        return Error::unsupported(format!("`{shown}` is not there: {what}"))
            .action("compute the column in the `transform.sql` of the job");
    }
    let names =
        function::all().flat_map(|function| function.names).copied().chain(SPECIAL.iter().map(|(name, ..)| *name));
    let nearest = names.max_by(|a, b| {
        let likeness = |known: &str| strsim::jaro_winkler(name, &canonical(known));
        likeness(a).total_cmp(&likeness(b))
    });
    Error::unsupported(format!("there is no function `{}`", shorten(shown))).action(format!(
        "write `{}` if that is meant, another one of docs/reference/functions.md, or compute the column in the \
         `transform.sql` of the job",
        nearest.unwrap_or_default()
    ))
}

/// The functions whose kind depends on what they get; `None` for a wrong number of arguments.
fn special_node(name: &str, mut inputs: Vec<Node>) -> Result<Option<Node>> {
    let boolean = |node: &Node| {
        if matches!(node.kind, Kind::Boolean | Kind::Null) {
            return Ok(());
        }
        Err(invalid(format!("a condition is {}, not BOOLEAN", node.kind.name()))
            .action("write a comparison, for example `a > 0`"))
    };
    let boolean_of = |what| Ok(Some(Node { kind: Kind::Boolean, what }));
    match (name, inputs.len()) {
        ("and" | "or", 2..) => {
            inputs.iter().try_for_each(boolean)?;
            boolean_of(if name == "and" { What::And(inputs) } else { What::Or(inputs) })
        }
        ("not", 1) => {
            inputs.iter().try_for_each(boolean)?;
            let Some(input) = inputs.pop() else { return Ok(None) };
            boolean_of(What::Not(Box::new(input)))
        }
        ("isnull" | "isnotnull", 1) => {
            let Some(input) = inputs.pop() else { return Ok(None) };
            boolean_of(What::IsNull(Box::new(input), name == "isnull"))
        }
        ("coalesce", 1..) => Ok(Some(Node { kind: common(inputs.iter())?, what: What::Coalesce(inputs) })),
        ("case" | "casewhen", 2..) => {
            let otherwise = if inputs.len() % 2 == 1 { inputs.pop() } else { None };
            let mut branches = Vec::new();
            let mut rest = inputs.into_iter();
            while let (Some(condition), Some(value)) = (rest.next(), rest.next()) {
                branches.push((condition, value));
            }
            let kind = common(branches.iter().map(|(_, value)| value).chain(&otherwise))?;
            Ok(Some(Node { kind, what: What::Case { branches, otherwise: otherwise.map(Box::new) } }))
        }
        ("nullif", 2) => {
            let (Some(b), Some(a)) = (inputs.pop(), inputs.pop()) else { return Ok(None) };
            let never =
                [&a, &b].iter().any(|node| node.kind.is_list() || matches!(node.kind, Kind::Any | Kind::Decimal));
            if never {
                return Err(Error::unsupported("`nullIf` of lists, decimals and values of any type"));
            }
            Ok(Some(Node { kind: a.kind, what: What::NullIf(Box::new(a), Box::new(b)) }))
        }
        ("cast", 2) => {
            let (Some(target), Some(input)) = (inputs.pop(), inputs.pop()) else { return Ok(None) };
            let Prepared::Text(target) = prepare(&target, Want::Constant, "the type of `cast`")? else {
                return Ok(None);
            };
            let kind = match target.to_uppercase().as_str() {
                "INT" | "INTEGER" => Kind::Int,
                "LONG" | "BIGINT" => Kind::Long,
                "FLOAT" => Kind::Float,
                "DOUBLE" => Kind::Double,
                "BOOLEAN" => Kind::Boolean,
                "TIMESTAMP" => Kind::Timestamp,
                "STRING" | "VARCHAR" => Kind::String,
                "BYTES" | "VARBINARY" => Kind::Bytes,
                _ => return Err(Error::unsupported(format!("`cast` to {target}"))),
            };
            if input.kind.is_list() || !converts(input.kind, kind) {
                return Err(invalid(format!("`cast` from {} to {}", input.kind.name(), kind.name())));
            }
            Ok(Some(Node { kind, what: What::Cast(Box::new(input)) }))
        }
        _ => Ok(None),
    }
}

/// The kind of a value that is one of several.
fn common<'a>(nodes: impl Iterator<Item = &'a Node> + Clone) -> Result<Kind> {
    let mut kinds = nodes.map(|node| node.kind).filter(|kind| *kind != Kind::Null);
    let Some(first) = kinds.next() else { return Ok(Kind::Null) };
    let mut others = kinds.filter(|kind| *kind != first).peekable();
    if others.peek().is_none() {
        return Ok(first);
    }
    match std::iter::once(first).chain(others).find(|kind| !converts(*kind, Kind::Any)) {
        None => Ok(Kind::Any),
        Some(kind) => Err(Error::unsupported(format!("{} beside other types in one value", kind.name()))
            .action("bring all of them to one type with `cast`")),
    }
}

/// `DataTypeConversionFunctions.cast`, which reads texts more freely than parameters do.
fn cast(from: Kind, cell: Cell<'_>, to: Kind) -> Result<Cell<'_>, String> {
    let (from, cell) = match &cell {
        Cell::Value(value) => match value.as_ref() {
            Value::String(text) => (Kind::String, Cell::text(text.as_str())),
            Value::Number(_) | Value::Bool(_) => (from, cell),
            other => return Err(format!("`{other}`")),
        },
        _ => (from, cell),
    };
    match (&cell, to) {
        (Cell::Text(text), Kind::Int) if from == Kind::String => {
            let text = trim(text);
            let value = text.parse().ok().or_else(|| double(text).map(|value| value as i32));
            value.map(Cell::Int).ok_or_else(|| format!("`{text}`, which is no number"))
        }
        (Cell::Text(text), Kind::Long) if from == Kind::String => {
            let text = trim(text);
            let value = timestamp(text).or_else(|| double(text).map(|value| value as i64));
            value.map(Cell::Long).ok_or_else(|| format!("`{text}`, which is no number"))
        }
        _ => convert_cell(from, cell, to),
    }
}

//! What a table does to rows before their types: `complexTypeConfig`, `enrichmentConfigs`, `transformConfigs`, `transformFunction` and
//! `filterConfig`.

mod complex;
mod order;
mod source;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Field, Schema as ArrowSchema, SchemaRef};
use pinotage_common::{Error, Result};
use pinotage_spec::{PinotVersion, Schema, TableConfig};
use serde_json::Value;

use self::complex::{Flattened, Flattening};
use crate::expression::{
    Builder, Cell, Column, Failures, Frame, Kind, Node, Output, Scope, Tree, convert_cell, shorten,
};
use crate::outcome::{BadValue, Changes};
use crate::rule;

/// Carries out what a table config and a schema say of rows.
///
/// # Pinot equivalent
///
/// `ComplexTypeTransformer`, `CustomFunctionEnricher`, `ExpressionTransformer` and `FilterTransformer`
#[derive(Debug)]
pub struct Ingestion {
    input: SchemaRef,
    flattening: Option<Flattening>,
    output: SchemaRef,
    steps: Vec<Step>,
    filter: Option<(String, Node)>,
    /// Where each column of the output comes from.
    columns: Vec<Origin>,
    nulls_errors: bool,
}

/// A column that is computed.
#[derive(Debug)]
struct Step {
    column: String,
    text: String,
    node: Node,
    /// The column that the input has of that name.
    existing: Option<Node>,
    /// It comes first, and a row for which it fails is bad whatever the table says.
    enriches: bool,
    kind: Kind,
    replaces_lists: bool,
}

#[derive(Debug)]
enum Origin {
    Input(usize),
    /// A value of any kind, out of nested ones.
    Made(usize, Output),
    Step(usize, Output),
}

/// What became of a batch.
#[derive(Debug)]
pub struct Ingested {
    /// The rows that are left.
    pub batch: RecordBatch,
    /// The row of the input that each of them comes from, where lists are unnested the same one several times; `None` is all of
    /// them in order.
    pub rows: Option<Vec<u32>>,
    /// Rows that could not be computed.
    pub bad: Vec<BadValue>,
    /// Rows that the filter dropped.
    pub filtered: u64,
    /// Rows that unnesting added to those of the input that are not bad.
    pub made: u64,
    /// What was changed in the rows that are left.
    pub changes: Changes,
}

impl Ingestion {
    /// The columns of the source that expressions and aggregations read. Pinot sees those of a CSV file as text.
    ///
    /// # Errors
    ///
    /// Those of reading the expressions.
    pub fn arguments(schema: &Schema, table: &TableConfig) -> Result<Vec<String>> {
        let functions = order::functions(schema, table)?;
        let filter = table.filter_function().map(Tree::parse).transpose()?;
        let enriched = order::enrichments(table)?;
        let trees = enriched.iter().chain(&functions).map(|(_, _, tree)| tree).chain(&filter);
        let mut names: Vec<String> = trees.flat_map(Tree::columns).map(str::to_owned).collect();
        names.extend(Self::aggregated(schema, table)?);
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// Plans what a table says over the columns of an input; `None` when it says nothing.
    ///
    /// # Errors
    ///
    /// `invalid-config` for an expression that Pinot would refuse too, and columns that need each other; `unsupported` for
    /// Groovy, and what is not read of patterns and paths. The error names the column.
    pub fn try_new(
        schema: &Schema,
        table: &TableConfig,
        input: &ArrowSchema,
        version: PinotVersion,
    ) -> Result<Option<Self>> {
        let functions = order::functions(schema, table)?;
        let flattening = match table.complex_types()? {
            Some(config) => Some(Flattening::try_new(config, input, &Self::wanted(schema, table)?)?),
            None => None,
        };
        let enriched = order::enrichments(table)?;
        let computes = !(enriched.is_empty() && functions.is_empty());
        if flattening.is_none() && !computes && table.filter_function().is_none() {
            return Ok(None);
        }
        let came = SchemaRef::from(input.clone());
        let input = flattening.as_ref().map_or(&came, Flattening::schema);
        let made = flattening.as_ref().map_or(&[][..], Flattening::made);
        let mut scope = Scope::new(input);
        made.iter().for_each(|name| scope.push(name, Kind::Any));
        let mut steps: Vec<Step> = Vec::with_capacity(enriched.len() + functions.len());
        let computed = enriched.into_iter().map(|computed| (true, computed));
        for (enriches, (column, text, tree)) in computed.chain(functions.into_iter().map(|computed| (false, computed)))
        {
            let node = Node::plan(&tree, &scope).map_err(|error| error.with("column", &column))?;
            if node.makes_numbers() && schema.field(&column).is_some() {
                return Err(Error::unsupported(format!(
                    "`{}` gives {}, of which Pinot's ingestion makes no column",
                    shorten(&text),
                    node.kind.name()
                ))
                .with("column", &column)
                .action("compute the column in the `transform.sql` of the job"));
            }
            let found = input.column_with_name(&column).filter(|_| !enriches);
            let before = steps.iter().rposition(|step| step.column == column).filter(|_| !enriches);
            let existing = match (before, made.iter().position(|name| *name == column)) {
                (Some(at), _) => {
                    let kind = steps.get(at).map_or(Kind::Null, |step| step.kind);
                    Some(Node::column(input.fields().len() + made.len() + at, kind))
                }
                (None, Some(at)) => Some(Node::column(input.fields().len() + at, Kind::Any)).filter(|_| !enriches),
                (None, None) => found.and_then(|(at, field)| Some(Node::column(at, Kind::of(field.data_type())?))),
            };
            if existing.is_none() && found.is_some() {
                // Nothing can be computed where Pinot would first look at a value that is not read here.
                return Err(Error::unsupported("the rows have a column that is computed, of a type no function takes")
                    .with("column", &column)
                    .action("leave it out in the SQL transform"));
            }
            let kind = existing.as_ref().map_or(node.kind, |existing| merged(existing.kind, node.kind));
            scope.push(&column, kind);
            let replaces_lists = version.transforms_replace_lists();
            steps.push(Step { column, text, node, existing, enriches, kind, replaces_lists });
        }
        let filter = match table.filter_function() {
            None => None,
            Some(text) => {
                let located = |error: Error| error.with("option", "ingestionConfig.filterConfig.filterFunction");
                let node = Node::plan(&Tree::parse(text).map_err(located)?, &scope).map_err(located)?;
                if node.kind != Kind::Boolean {
                    return Err(located(
                        Error::invalid_config(format!(
                            "`{}` gives {}, not BOOLEAN: it would drop no row",
                            shorten(text),
                            node.kind.name()
                        ))
                        .action("write a comparison; rows for which it is true are dropped"),
                    ));
                }
                Some((text.to_owned(), node))
            }
        };
        let aggregated = Self::aggregated(schema, table)?;
        let output = |name: &String, kind: Kind| {
            let aggregated = || aggregated.contains(name).then(|| Output::plain(kind));
            schema.field(name).map(|field| Output::new(kind, field)).or_else(aggregated)
        };
        let mut columns = Vec::new();
        let mut fields: Vec<Field> = Vec::new();
        for (at, field) in input.fields().iter().enumerate() {
            if !steps.iter().any(|step| step.column == *field.name()) {
                columns.push(Origin::Input(at));
                fields.push(field.as_ref().clone());
            }
        }
        for (at, name) in made.iter().enumerate() {
            let computed = steps.iter().any(|step| step.column == *name);
            let Some(output) = output(name, Kind::Any).filter(|_| !computed) else { continue };
            fields.push(Field::new(name, output.arrow(), true));
            columns.push(Origin::Made(at, output));
        }
        for (at, step) in steps.iter().enumerate() {
            // Others are only there for what comes after them, and so is what another step overwrites.
            if steps.iter().skip(at + 1).any(|later| later.column == step.column) {
                continue;
            }
            let Some(output) = output(&step.column, step.kind) else { continue };
            fields.push(Field::new(&step.column, output.arrow(), true));
            columns.push(Origin::Step(at, output));
        }
        let nulls_errors = table.continues_on_error() && version.transforms_continue_on_error();
        Ok(Some(Self {
            input: came,
            flattening,
            output: Arc::new(ArrowSchema::new(fields)),
            steps,
            filter,
            columns,
            nulls_errors,
        }))
    }

    /// The lists of which each item becomes a row.
    pub fn unnested(&self) -> &[String] {
        self.flattening.as_ref().map_or(&[], Flattening::unnested)
    }

    /// The columns that come out.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.output)
    }

    /// The columns that are computed, in that order, each with its expression.
    pub fn computed(&self) -> impl Iterator<Item = (&str, &str)> {
        self.steps.iter().map(|step| (step.column.as_str(), step.text.as_str()))
    }

    /// The expression of which rows are dropped.
    pub fn filter(&self) -> Option<&str> {
        self.filter.as_ref().map(|(text, _)| text.as_str())
    }

    /// Computes a batch of the schema that was planned for.
    ///
    /// # Errors
    ///
    /// `schema-mismatch` for a batch of another schema, `resource-exhausted` for text of more than 2 GiB; never for a value.
    pub fn apply(&self, batch: &RecordBatch) -> Result<Ingested> {
        let same = |(a, b): (&Arc<Field>, &Arc<Field>)| a.name() == b.name() && a.data_type() == b.data_type();
        let found = batch.schema();
        if found.fields().len() != self.input.fields().len()
            || !found.fields().iter().zip(self.input.fields()).all(same)
        {
            return Err(Error::schema_mismatch("a batch has other columns than its expressions were planned for")
                .action("give all inputs of one job the same columns and types"));
        }
        let came = batch.num_rows();
        let flattened = match &self.flattening {
            Some(flattening) => flattening.apply(batch)?,
            None => Flattened { batch: batch.clone(), made: Vec::new(), origins: None, bad: Failures::new() },
        };
        let Flattened { batch, made, origins, bad: failures } = flattened;
        let batch = &batch;
        let rows = batch.num_rows();
        let origin = |row: u32| origins.as_ref().map_or(Some(row), |rows| rows.get(row as usize).copied());
        let mut changes = Changes::default();
        // By the row of the input: all that became of a bad one is left out.
        let mut bad: BTreeMap<u32, BadValue> = BTreeMap::new();
        for (row, message) in failures {
            bad.insert(row, failed_row(row, "complexTypeConfig", message));
        }
        let first = made.len();
        let mut frame = Frame { batch, computed: made };
        for step in &self.steps {
            let mut failures = Failures::new();
            let column = step.evaluate(&frame, rows, &mut failures)?;
            self.tell((&step.column, step.enriches), failures, origin, &mut bad, &mut changes);
            frame.computed.push(column);
        }
        let mut keep = vec![true; rows];
        let mut dropped_rows = Vec::new();
        if let Some((_, node)) = &self.filter {
            let mut failures = Failures::new();
            let dropped = node.evaluate(Some(&frame), rows, &mut failures)?;
            for (row, keep) in keep.iter_mut().enumerate() {
                let row = row as u32;
                let failed = failures.contains_key(&row) || origin(row).is_some_and(|row| bad.contains_key(&row));
                if !failed && matches!(dropped.cell(row as usize), Cell::Boolean(true)) {
                    *keep = false;
                    dropped_rows.push(row);
                }
            }
            self.tell(("filterFunction", false), failures, origin, &mut bad, &mut changes);
        }
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            let (name, at, output) = match column {
                Origin::Input(at) => {
                    arrays.push(Arc::clone(batch.column(*at)));
                    continue;
                }
                Origin::Made(at, output) => (made_name(&self.flattening, *at), *at, output),
                Origin::Step(at, output) => (self.steps.get(*at).map(|step| step.column.as_str()), first + at, output),
            };
            let (Some(column), Some(name)) = (frame.computed.get(at), name) else {
                return Err(Error::unexpected("a column that was computed is not there"));
            };
            let mut failures = Failures::new();
            arrays.push(output.make(column, rows, &mut failures));
            failures.retain(|row, _| keep.get(*row as usize) == Some(&true));
            self.tell((name, false), failures, origin, &mut bad, &mut changes);
        }
        let failed = |error| Error::unexpected("cannot make a batch of what was computed").caused_by(error);
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let all = RecordBatch::try_new_with_options(self.schema(), arrays, &options).map_err(failed)?;
        let is_bad = |row: &u32| origin(*row).is_some_and(|row| bad.contains_key(&row));
        let good = (0..rows as u32).filter(|row| !is_bad(row)).count();
        let filtered = dropped_rows.iter().filter(|row| !is_bad(row)).count() as u64;
        // Every row that came in and is not bad is there at least once.
        let made = (good + bad.len()).saturating_sub(came) as u64;
        if bad.is_empty() && filtered == 0 {
            return Ok(Ingested { batch: all, rows: origins, bad: Vec::new(), filtered, made, changes });
        }
        for (row, keep) in (0..).zip(&mut keep) {
            *keep &= !is_bad(&row);
        }
        let rows = (0..).zip(&keep).filter(|(_, keep)| **keep).filter_map(|(row, _)| origin(row)).collect();
        let batch = filter_record_batch(&all, &BooleanArray::from(keep)).map_err(failed)?;
        Ok(Ingested { batch, rows: Some(rows), bad: bad.into_values().collect(), filtered, made, changes })
    }

    /// Failed rows are bad, or null in the column where the table goes on.
    fn tell(
        &self,
        (column, enriches): (&str, bool),
        failures: Failures,
        origin: impl Fn(u32) -> Option<u32>,
        bad: &mut BTreeMap<u32, BadValue>,
        changes: &mut Changes,
    ) {
        if failures.is_empty() {
            return;
        }
        if self.nulls_errors && !enriches {
            *changes.0.entry((column.to_owned(), rule::TRANSFORM_FAILED_TO_NULL)).or_default() += failures.len() as u64;
            return;
        }
        for (row, message) in failures {
            let Some(row) = origin(row) else { continue };
            bad.entry(row).or_insert_with(|| failed_row(row, column, message));
        }
    }
}

fn failed_row(row: u32, column: &str, message: String) -> BadValue {
    BadValue { row, column: column.to_owned(), rule: rule::TRANSFORM_FAILED, value: String::new(), message }
}

fn made_name(flattening: &Option<Flattening>, at: usize) -> Option<&str> {
    Some(flattening.as_ref()?.made().get(at)?.as_str())
}

/// The kind of a column that is partly there and partly computed.
fn merged(existing: Kind, computed: Kind) -> Kind {
    match (existing, computed) {
        (Kind::Null, kind) | (kind, Kind::Null) => kind,
        (a, b) if a == b => a,
        _ => Kind::Any,
    }
}

impl Step {
    fn evaluate(&self, frame: &Frame<'_>, rows: usize, failures: &mut Failures) -> Result<Column> {
        let Some(existing) = &self.existing else { return self.node.evaluate(Some(frame), rows, failures) };
        let existing = existing.evaluate(Some(frame), rows, failures)?;
        let mut own = Failures::new();
        let computed = self.node.evaluate(Some(frame), rows, &mut own)?;
        let mut builder = Builder::new(self.kind, rows);
        for row in 0..rows {
            let failure = own.remove(&(row as u32));
            let there = existing.cell(row);
            let replaced = match &there {
                Cell::Null => {
                    if let Some(message) = failure {
                        failures.entry(row as u32).or_insert(message);
                    }
                    true
                }
                // A list or map of another form than the computed one is none that the column can hold; a failure is not told.
                Cell::Value(value) => {
                    self.replaces_lists
                        && failure.is_none()
                        && matches!(value.as_ref(), Value::Array(_) | Value::Object(_))
                        && !computed.is_null(row)
                        && !alike(value, &computed.cell(row))
                }
                _ => false,
            };
            let (kind, cell) = if replaced { (computed.kind, computed.cell(row)) } else { (existing.kind, there) };
            let cell = match self.kind == kind {
                true => cell,
                false => match convert_cell(kind, cell, self.kind) {
                    Ok(cell) => cell,
                    Err(message) => {
                        failures.entry(row as u32).or_insert(message);
                        Cell::Null
                    }
                },
            };
            builder.push(cell);
        }
        Ok(builder.finish())
    }
}

/// Both are lists, or both are maps.
fn alike(existing: &Value, computed: &Cell<'_>) -> bool {
    match computed {
        Cell::Value(Cow::Borrowed(value)) => {
            existing.is_array() == value.is_array() && existing.is_object() == value.is_object()
        }
        _ => false,
    }
}

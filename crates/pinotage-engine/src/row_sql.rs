//! SQL that maps rows to rows: each batch on its own, with every output row traced to its input row.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, UInt32Array};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt32Type};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DataFusionError};
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Projection, SubqueryAlias};
use datafusion::prelude::{SessionConfig, SessionContext};
use pinotage_common::{Error, Result};
use tokio::runtime::Runtime;

/// Carries the number of the input row through the plan.
const ROW: &str = "__pinotage_row";

/// A SELECT over the table `source`, planned once.
pub(crate) struct RowSql {
    context: SessionContext,
    plan: LogicalPlan,
    runtime: Runtime,
    output: SchemaRef,
}

/// What a batch became.
pub(crate) struct Selected {
    pub(crate) batch: RecordBatch,
    /// The input row of each output row, ascending.
    pub(crate) rows: Vec<u32>,
    /// Input rows on which an expression failed, and why.
    pub(crate) bad: Vec<(u32, String)>,
}

impl RowSql {
    /// Plans the SQL over rows of a schema.
    pub(crate) fn try_new(sql: &str, source: &SchemaRef) -> Result<Self> {
        let mut config = SessionConfig::new().with_target_partitions(1).with_batch_size(1 << 16);
        // Column names are case-sensitive, as in Pinot.
        config.options_mut().sql_parser.enable_ident_normalization = false;
        let context = SessionContext::new_with_config(config);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .map_err(|error| Error::unexpected("cannot start a runtime").caused_by(error))?;
        let table = MemTable::try_new(Arc::clone(source), vec![vec![]]).map_err(invalid)?;
        context.register_table("source", Arc::new(table)).map_err(invalid)?;
        let plan = runtime.block_on(context.state().create_logical_plan(sql)).map_err(invalid)?;
        check_row_wise(&plan)?;
        let output = Arc::new(plan.schema().as_arrow().clone());
        Ok(Self { context, plan, runtime, output })
    }

    /// The columns that come out.
    pub(crate) fn schema(&self) -> SchemaRef {
        Arc::clone(&self.output)
    }

    /// Selects from a batch. Where an expression fails, the batch is halved until the failing rows stand alone.
    pub(crate) fn apply(&self, batch: &RecordBatch) -> Result<Selected> {
        let mut parts = Vec::new();
        let mut bad = Vec::new();
        self.apply_range(batch, 0, batch.num_rows(), &mut parts, &mut bad)?;
        let schema = parts.first().map_or_else(|| self.schema(), RecordBatch::schema);
        let mut all = concat_batches(&schema, &parts)
            .map_err(|error| Error::unexpected("cannot join batches").caused_by(error))?;
        let mut rows = Vec::new();
        if let Some((at, _)) = schema.column_with_name(ROW) {
            rows = all.remove_column(at).as_primitive::<UInt32Type>().values().to_vec();
        }
        Ok(Selected { batch: all, rows, bad })
    }

    fn apply_range(
        &self,
        batch: &RecordBatch,
        start: usize,
        end: usize,
        parts: &mut Vec<RecordBatch>,
        bad: &mut Vec<(u32, String)>,
    ) -> Result<()> {
        if start == end {
            return Ok(());
        }
        match self.select(&batch.slice(start, end - start), start) {
            Ok(mut batches) => parts.append(&mut batches),
            Err(error) if end - start == 1 => bad.push((start as u32, error.strip_backtrace())),
            Err(_) => {
                let middle = start + (end - start) / 2;
                self.apply_range(batch, start, middle, parts, bad)?;
                self.apply_range(batch, middle, end, parts, bad)?;
            }
        }
        Ok(())
    }

    fn select(&self, batch: &RecordBatch, first_row: usize) -> Result<Vec<RecordBatch>, DataFusionError> {
        let mut fields = batch.schema().fields().to_vec();
        fields.push(Arc::new(Field::new(ROW, DataType::UInt32, false)));
        let schema = Arc::new(Schema::new(fields));
        let mut columns = batch.columns().to_vec();
        let numbers: ArrayRef =
            Arc::new(UInt32Array::from_iter_values((0..batch.num_rows()).map(|row| (first_row + row) as u32)));
        columns.push(numbers);
        let table =
            Arc::new(MemTable::try_new(Arc::clone(&schema), vec![vec![RecordBatch::try_new(schema, columns)?]])?);
        let plan = with_row_number(self.plan.clone(), &table)?;
        self.runtime.block_on(async { self.context.execute_logical_plan(plan).await?.collect().await })
    }
}

/// Reads from `table` instead of `source`, and adds the row number to every list of columns.
fn with_row_number(plan: LogicalPlan, table: &Arc<MemTable>) -> Result<LogicalPlan, DataFusionError> {
    let rewritten = plan.transform_up(|node| {
        Ok(match node {
            LogicalPlan::TableScan(_) => {
                let source = provider_as_source(Arc::clone(table) as _);
                Transformed::yes(LogicalPlanBuilder::scan("source", source, None)?.build()?)
            }
            LogicalPlan::Projection(projection) => {
                let mut columns = projection.expr;
                let row = projection.input.schema().iter().find(|(_, field)| field.name() == ROW);
                let row = row.map(|(qualifier, field)| Expr::Column(Column::from((qualifier, field))));
                columns.extend(row);
                Transformed::yes(LogicalPlan::Projection(Projection::try_new(columns, projection.input)?))
            }
            LogicalPlan::SubqueryAlias(alias) => {
                Transformed::yes(LogicalPlan::SubqueryAlias(SubqueryAlias::try_new(alias.input, alias.alias)?))
            }
            other => Transformed::no(other),
        })
    })?;
    Ok(rewritten.data)
}

/// Only plans in which an output row comes from one input row.
fn check_row_wise(plan: &LogicalPlan) -> Result<()> {
    let mut other = None;
    plan.apply(|node| {
        let row_wise = match node {
            LogicalPlan::TableScan(_) | LogicalPlan::SubqueryAlias(_) => true,
            LogicalPlan::Projection(_) | LogicalPlan::Filter(_) => !node.expressions().iter().any(has_subquery),
            _ => false,
        };
        if row_wise {
            return Ok(TreeNodeRecursion::Continue);
        }
        other = Some(node.display().to_string());
        Ok(TreeNodeRecursion::Stop)
    })
    .map_err(invalid)?;
    match other {
        None => Ok(()),
        Some(node) => Err(Error::unsupported(format!("`{node}` needs more than one row at a time"))
            .with("option", "transform.sql")
            .action("keep to expressions and WHERE in `transform.sql`; joins, aggregates, sorting and LIMIT are not there yet")),
    }
}

fn has_subquery(expression: &Expr) -> bool {
    expression
        .exists(|part| {
            Ok(matches!(
                part,
                Expr::ScalarSubquery(_)
                    | Expr::Exists(_)
                    | Expr::InSubquery(_)
                    | Expr::AggregateFunction(_)
                    | Expr::WindowFunction(_)
            ))
        })
        .unwrap_or(true)
}

fn invalid(error: DataFusionError) -> Error {
    Error::invalid_config(format!("the SQL cannot be planned: {}", error.strip_backtrace()))
        .with("option", "transform.sql")
        .action("correct the SQL; its table is `source`, and names are case-sensitive")
}

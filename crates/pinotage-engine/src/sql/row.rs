//! SQL that maps rows to rows: each batch on its own, with every output row traced to its input row.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, UInt32Array};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt32Type};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DataFusionError};
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Projection, SubqueryAlias};
use pinotage_common::{Error, Result};

use super::Planner;

/// Carries the number of the input row through the plan.
const ROW: &str = "__pinotage_row";

/// A SELECT over the table `source`, planned once.
pub(crate) struct RowSql {
    planner: Planner,
    plan: LogicalPlan,
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
    /// Plans SQL of which `examine` says that it works row by row.
    pub(crate) fn try_new(sql: &str, source: &SchemaRef) -> Result<Self> {
        let (planner, plan) = Planner::try_new(RuntimeEnv::default())?.plan(sql, source)?;
        let output = Arc::new(plan.schema().as_arrow().clone());
        Ok(Self { planner, plan, output })
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
        let Planner { context, runtime } = &self.planner;
        runtime.block_on(async { context.execute_logical_plan(plan).await?.collect().await })
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

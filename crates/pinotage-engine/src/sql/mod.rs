//! The SELECT of a job: row by row where it can be, over all rows where it must be.

mod in_order;
mod row;
mod whole;

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::common::DataFusionError;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::datasource::empty::EmptyTable;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::prelude::{SessionConfig, SessionContext};
use pinotage_common::{Error, Result};
use tokio::runtime::Runtime;

pub(crate) use row::RowSql;
pub(crate) use whole::{Source, WholeSql};

/// How a job's SELECT is carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SqlWay {
    /// Each output row comes from one input row: inputs are independent of each other.
    ByRow,
    /// The named operator needs many rows at a time: all inputs are read as one.
    Whole(String),
}

/// How the SQL would be carried out over rows of a schema, and the columns that come out.
pub(crate) fn examine(sql: &str, source: &SchemaRef) -> Result<(SqlWay, SchemaRef)> {
    let (_, plan) = Planner::try_new(RuntimeEnv::default())?.plan(sql, source)?;
    let output = Arc::new(plan.schema().as_arrow().clone());
    Ok((many_rows(&plan)?.map_or(SqlWay::ByRow, SqlWay::Whole), output))
}

/// A session in which results depend on the rows alone: one partition, so nothing races.
struct Planner {
    context: SessionContext,
    runtime: Runtime,
}

impl Planner {
    fn try_new(env: RuntimeEnv) -> Result<Self> {
        let mut config = SessionConfig::new().with_target_partitions(1).with_batch_size(1 << 16);
        // Column names are case-sensitive, as in Pinot.
        config.options_mut().sql_parser.enable_ident_normalization = false;
        let context = SessionContext::new_with_config_rt(config, Arc::new(env));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .map_err(|error| Error::unexpected("cannot start a runtime").caused_by(error))?;
        Ok(Self { context, runtime })
    }

    /// Plans over a table `source` that has columns and no rows.
    fn plan(self, sql: &str, source: &SchemaRef) -> Result<(Self, LogicalPlan)> {
        let table = Arc::new(EmptyTable::new(Arc::clone(source)));
        self.context.register_table("source", table).map_err(invalid)?;
        let plan = self.runtime.block_on(self.context.state().create_logical_plan(sql)).map_err(invalid)?;
        Ok((self, plan))
    }
}

/// The first operator for which an output row does not come from one input row.
fn many_rows(plan: &LogicalPlan) -> Result<Option<String>> {
    let mut found = None;
    plan.apply(|node| {
        let row_wise = match node {
            LogicalPlan::TableScan(_) | LogicalPlan::SubqueryAlias(_) => true,
            LogicalPlan::Projection(_) | LogicalPlan::Filter(_) => !node.expressions().iter().any(has_subquery),
            LogicalPlan::Ddl(_) | LogicalPlan::Dml(_) | LogicalPlan::Copy(_) | LogicalPlan::Statement(_) => {
                return Err(DataFusionError::Plan("only a SELECT can transform rows".into()));
            }
            _ => false,
        };
        if row_wise {
            return Ok(TreeNodeRecursion::Continue);
        }
        found = Some(node.display().to_string());
        Ok(TreeNodeRecursion::Stop)
    })
    .map_err(invalid)?;
    Ok(found)
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

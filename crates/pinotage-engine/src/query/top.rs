//! The first rows of an order, from servers: each answer has its own first ones; DataFusion puts them in order.

use std::sync::Arc;

use datafusion::common::DataFusionError;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult as _, TreeNode as _};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::{ExecutionPlan, PhysicalExpr};
use pinotage_scan::OrderKey;

use super::scan::ScanExec;

/// Lets servers leave out the rows that a sort with a limit would drop. The sort stays where it is.
#[derive(Debug)]
pub(super) struct TopOnServers;

impl PhysicalOptimizerRule for TopOnServers {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        plan.transform_up(|plan| {
            let Some(sort) = plan.as_any().downcast_ref::<SortExec>() else { return Ok(Transformed::no(plan)) };
            Ok(match first_rows(sort, config)? {
                Some(input) => Transformed::yes(plan.with_new_children(vec![input])?),
                None => Transformed::no(plan),
            })
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "top_on_servers"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The input of a sort, with as many rows of each answer as the sort gives.
fn first_rows(sort: &SortExec, config: &ConfigOptions) -> Result<Option<Arc<dyn ExecutionPlan>>, DataFusionError> {
    let Some(rows) = sort.fetch() else { return Ok(None) };
    // Names may be others in front of a projection.
    let (projection, scan) = match sort.input().as_any().downcast_ref::<ProjectionExec>() {
        Some(projection) => (Some(projection), projection.input()),
        None => (None, sort.input()),
    };
    let Some(scan) = scan.as_any().downcast_ref::<ScanExec>() else { return Ok(None) };
    let column = |expression: &Arc<dyn PhysicalExpr>| {
        let at = expression.as_any().downcast_ref::<Column>()?.index();
        match projection {
            Some(projection) => projection.expr().get(at)?.expr.as_any().downcast_ref::<Column>().map(Column::index),
            None => Some(at),
        }
    };
    let key = |key: &datafusion::physical_expr::PhysicalSortExpr| {
        Some(OrderKey {
            column: scan.schema().field(column(&key.expr)?).name().clone(),
            descending: key.options.descending,
            nulls_first: key.options.nulls_first,
        })
    };
    let Some(order) = sort.expr().iter().map(key).collect::<Option<Vec<_>>>() else { return Ok(None) };
    let Some(plan) = scan.scanner().first_rows(scan.plan(), &order, rows as u64) else { return Ok(None) };
    let scan = ScanExec::new(scan.scanner().clone(), plan, config.execution.target_partitions);
    let scan: Arc<dyn ExecutionPlan> = Arc::new(scan);
    match projection {
        Some(_) => Arc::clone(sort.input()).with_new_children(vec![scan]).map(Some),
        None => Ok(Some(scan)),
    }
}

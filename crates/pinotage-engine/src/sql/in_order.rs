//! Partitions one after the other, where DataFusion would take whichever is ready.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties};
use futures::{StreamExt, TryStreamExt};

/// Replaces every merge of partitions that depends on timing, so that equal input gives equal rows in equal order.
pub(super) fn in_order(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let rewritten = plan.transform_up(|node| match node.as_any().downcast_ref::<CoalescePartitionsExec>() {
        Some(coalesce) => Ok(Transformed::yes(Arc::new(InOrderExec::new(coalesce)) as _)),
        None => Ok(Transformed::no(node)),
    })?;
    let plan = rewritten.data;
    Ok(match plan.output_partitioning().partition_count() {
        1 => plan,
        _ => Arc::new(InOrderExec::new(&CoalescePartitionsExec::new(plan))),
    })
}

#[derive(Debug)]
struct InOrderExec {
    input: Arc<dyn ExecutionPlan>,
    fetch: Option<usize>,
    properties: Arc<PlanProperties>,
}

impl InOrderExec {
    fn new(coalesce: &CoalescePartitionsExec) -> Self {
        Self {
            input: Arc::clone(coalesce.input()),
            fetch: coalesce.fetch(),
            properties: Arc::clone(coalesce.properties()),
        }
    }
}

impl DisplayAs for InOrderExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InOrderExec: fetch={:?}", self.fetch)
    }
}

impl ExecutionPlan for InOrderExec {
    fn name(&self) -> &'static str {
        "InOrderExec"
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        let input = children.swap_remove(0);
        Ok(Arc::new(Self { input, fetch: self.fetch, properties: Arc::clone(&self.properties) }))
    }

    fn execute(&self, _: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let input = Arc::clone(&self.input);
        let partitions = input.output_partitioning().partition_count();
        let mut left = self.fetch.unwrap_or(usize::MAX);
        let rows = futures::stream::iter(0..partitions)
            .map(move |partition| input.execute(partition, Arc::clone(&context)))
            .try_flatten()
            .try_filter_map(move |batch| {
                let rows = batch.num_rows().min(left);
                left -= rows;
                futures::future::ready(Ok((rows > 0).then(|| batch.slice(0, rows))))
            });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }
}

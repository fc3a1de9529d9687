//! Aggregations over a cluster's table, from servers: the first half of them, the partial states; DataFusion does the rest.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray as _, RecordBatch, RecordBatchOptions, UInt64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, FieldRef, Int64Type, SchemaRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult as _, TreeNode as _};
use datafusion::common::{DataFusionError, Statistics};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_expr::expressions::{CastExpr, Column, Literal};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PhysicalExpr, PlanProperties,
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use pinotage_common::{Error, ErrorKind};
use pinotage_scan::{Aggregate, AggregatePlan, AggregateRequest, Scanner};

use super::scan::ScanExec;

/// So many values of 32 bits have a sum that a 64-bit float holds: adding them in any order gives the same.
const EXACT_AVERAGE_ROWS: u64 = 1 << 22;

/// Lets servers do the first half of an aggregation where its states are exactly those of the rows.
#[derive(Debug)]
pub(super) struct AggregateOnServers;

impl PhysicalOptimizerRule for AggregateOnServers {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        plan.transform_up(|plan| {
            let pushed = plan.as_any().downcast_ref::<AggregateExec>().map(|partial| pushed(partial, config));
            Ok(match pushed.transpose()?.flatten() {
                Some(pushed) => Transformed::yes(Arc::new(pushed) as _),
                None => Transformed::no(plan),
            })
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "aggregate_on_servers"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The same states from servers; nothing when they would not be the same.
fn pushed(partial: &AggregateExec, config: &ConfigOptions) -> Result<Option<ServerAggregateExec>, DataFusionError> {
    let Some(scan) = partial.input().as_any().downcast_ref::<ScanExec>() else { return Ok(None) };
    let group_by = partial.group_expr();
    let plain = *partial.mode() == AggregateMode::Partial
        && (group_by.is_single() || group_by.is_empty())
        && partial.filter_expr().iter().all(Option::is_none);
    let keys = group_by.expr().iter().map(|(key, _)| column(key)).collect::<Option<Vec<_>>>();
    let mut states = Vec::new();
    let known = partial.aggr_expr().iter().all(|function| add_states(function, scan, &mut states).is_some());
    let Some(keys) = keys.filter(|_| plain && known) else { return Ok(None) };
    let request = AggregateRequest { group_by: keys, aggregates: states };
    let Some(plan) = scan.scanner().aggregated(scan.plan(), &request) else { return Ok(None) };
    let rows = Arc::new(ScanExec::one_each(scan.scanner().clone(), Arc::clone(plan.rows())));
    // The aggregation as it was, for answers that servers cannot give: a partition for each split.
    let fallback: Arc<dyn ExecutionPlan> = Arc::new(partial.clone());
    let fallback = fallback.with_new_children(vec![rows])?;
    let count = config.execution.target_partitions.min(plan.splits().len()).max(1);
    let properties = PlanProperties::new(
        EquivalenceProperties::new(fallback.schema()),
        Partitioning::UnknownPartitioning(count),
        EmissionType::Incremental,
        Boundedness::Bounded,
    );
    Ok(Some(ServerAggregateExec {
        scanner: scan.scanner().clone(),
        plan: Arc::new(plan),
        fallback,
        properties: Arc::new(properties),
    }))
}

/// What servers have to tell for the states of a function, in their order.
fn add_states(function: &AggregateFunctionExpr, scan: &ScanExec, states: &mut Vec<Aggregate>) -> Option<()> {
    let arguments = function.expressions();
    let [argument] = arguments.as_slice() else { return None };
    if function.is_distinct() || !function.order_bys().is_empty() {
        return None;
    }
    let of_type = |name: &String, wanted: &[DataType]| {
        scan.schema().field_with_name(name).is_ok_and(|field| wanted.contains(field.data_type()))
    };
    match function.fun().name() {
        "count" => states.push(match argument.as_any().downcast_ref::<Literal>() {
            Some(literal) if !literal.value().is_null() => Aggregate::Rows,
            _ => Aggregate::Count(column(argument)?),
        }),
        "min" => states.push(Aggregate::Min(column(argument)?)),
        "max" => states.push(Aggregate::Max(column(argument)?)),
        "sum" => {
            let name = widened(argument, &DataType::Int64)?;
            of_type(&name, &[DataType::Int32, DataType::Int64]).then_some(())?;
            states.push(Aggregate::Sum(name));
        }
        "avg" => {
            let name = widened(argument, &DataType::Float64)?;
            let exact = scan.plan().max_rows.is_some_and(|rows| rows <= EXACT_AVERAGE_ROWS);
            (exact && of_type(&name, &[DataType::Int32])).then_some(())?;
            states.extend([Aggregate::Count(name.clone()), Aggregate::Sum(name)]);
        }
        _ => return None,
    }
    Some(())
}

fn column(expression: &Arc<dyn PhysicalExpr>) -> Option<String> {
    expression.as_any().downcast_ref::<Column>().map(|column| column.name().to_owned())
}

/// A column, as it is or made wider.
fn widened(expression: &Arc<dyn PhysicalExpr>, wide: &DataType) -> Option<String> {
    match expression.as_any().downcast_ref::<CastExpr>() {
        Some(cast) if cast.cast_type() == wide => column(cast.expr()),
        Some(_) => None,
        None => column(expression),
    }
}

/// Gives the partial states of an aggregation as servers have them.
pub(super) struct ServerAggregateExec {
    scanner: Scanner,
    plan: Arc<AggregatePlan>,
    /// From the rows of each split.
    fallback: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
}

impl ExecutionPlan for ServerAggregateExec {
    fn name(&self) -> &'static str {
        "PinotAggregateExec"
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn schema(&self) -> SchemaRef {
        self.fallback.schema()
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn with_new_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        Ok(self)
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream, DataFusionError> {
        let count = self.properties.partitioning.partition_count();
        let (scanner, plan, fallback) = (self.scanner.clone(), Arc::clone(&self.plan), Arc::clone(&self.fallback));
        let batches = stream::iter((partition..plan.splits().len()).step_by(count))
            .then(move |at| {
                let (plan, fallback, context) = (Arc::clone(&plan), Arc::clone(&fallback), Arc::clone(&context));
                let answer = scanner.aggregate(&plan, &plan.splits()[at]);
                async move {
                    // All of it is there before any of it is given, so that the rows can take its place.
                    match answer.try_collect::<Vec<_>>().await {
                        Ok(batches) => {
                            let schema = fallback.schema();
                            let batches = batches.into_iter().map(move |batch| states(&batch, &schema));
                            Ok(stream::iter(batches).boxed())
                        }
                        Err(error) if error.kind() == ErrorKind::ResourceExhausted => {
                            Ok(fallback.execute(at, context)?.boxed())
                        }
                        Err(error) => Err(external(error)),
                    }
                }
            })
            .try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), batches)))
    }

    fn partition_statistics(&self, _: Option<usize>) -> Result<Statistics, DataFusionError> {
        Ok(Statistics::new_unknown(&self.schema()))
    }
}

/// Numbers as DataFusion keeps them.
fn states(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, DataFusionError> {
    let state = |(column, field): (&ArrayRef, &FieldRef)| match field.data_type() {
        // The count of an average; over no values it is null, as is the sum.
        DataType::UInt64 => {
            let counts = column.as_primitive::<Int64Type>().iter();
            let counts = counts.map(|count| count.filter(|count| *count > 0).map(|count| count as u64));
            Ok(Arc::new(counts.collect::<UInt64Array>()) as ArrayRef)
        }
        data_type => cast(column, data_type),
    };
    let columns = batch.columns().iter().zip(schema.fields()).map(state).collect::<Result<_, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}

fn external(error: Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

impl DisplayAs for ServerAggregateExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PinotAggregateExec: {}", self.plan)
    }
}

impl fmt::Debug for ServerAggregateExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PinotAggregateExec({})", self.plan)
    }
}

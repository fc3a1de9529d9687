//! A scan of a cluster's table as a plan of DataFusion.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::common::DataFusionError;
use datafusion::common::stats::{Precision, Statistics};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use pinotage_scan::{ScanPlan, Scanner, Split};

/// Reads the splits of a plan; each partition reads some of them, one after the other.
#[derive(Clone)]
pub(crate) struct ScanExec {
    scanner: Scanner,
    plan: Arc<ScanPlan>,
    partitions: Vec<Vec<Split>>,
    properties: Arc<PlanProperties>,
}

impl ScanExec {
    pub(super) fn new(scanner: Scanner, plan: ScanPlan, max_partitions: usize) -> Self {
        let count = max_partitions.min(plan.splits.len()).max(1);
        let mut partitions = vec![Vec::new(); count];
        // The largest first, so that the last ones to end are small.
        let mut splits = plan.splits.clone();
        splits.sort_by_key(|split| std::cmp::Reverse(split.expected_bytes));
        splits.into_iter().enumerate().for_each(|(turn, split)| partitions[turn % count].push(split));
        Self::of(scanner, Arc::new(plan), partitions)
    }

    /// A partition for each split.
    pub(super) fn one_each(scanner: Scanner, plan: Arc<ScanPlan>) -> Self {
        let partitions = plan.splits.iter().map(|split| vec![split.clone()]).collect();
        Self::of(scanner, plan, partitions)
    }

    fn of(scanner: Scanner, plan: Arc<ScanPlan>, partitions: Vec<Vec<Split>>) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&plan.schema)),
            Partitioning::UnknownPartitioning(partitions.len()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self { scanner, plan, partitions, properties: Arc::new(properties) }
    }

    pub(super) fn scanner(&self) -> &Scanner {
        &self.scanner
    }

    /// What is read.
    pub(crate) fn plan(&self) -> &ScanPlan {
        &self.plan
    }

    /// The same, of one split alone.
    pub(crate) fn only(&self, split: Split) -> Self {
        Self::of(self.scanner.clone(), Arc::clone(&self.plan), vec![vec![split]])
    }
}

impl ExecutionPlan for ScanExec {
    fn name(&self) -> &'static str {
        "PinotScanExec"
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.plan.schema)
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

    fn execute(&self, partition: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream, DataFusionError> {
        let splits = self.partitions.get(partition).cloned().unwrap_or_default();
        let (scanner, plan) = (self.scanner.clone(), Arc::clone(&self.plan));
        let batches = stream::iter(splits)
            .map(move |split| scanner.read(&plan, &split))
            .flatten()
            .map_err(|error| DataFusionError::External(Box::new(error)));
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), batches)))
    }

    fn partition_statistics(&self, partition: Option<usize>) -> Result<Statistics, DataFusionError> {
        let mut statistics = Statistics::new_unknown(&self.plan.schema);
        if partition.is_none() {
            let expected: u64 = self.plan.halves.iter().map(|half| half.expected_rows).sum();
            // Exact numbers answer COUNT(*) without a row being read.
            statistics.num_rows = match self.plan.exact_rows {
                Some(rows) => Precision::Exact(rows as usize),
                None => Precision::Inexact(expected as usize),
            };
        }
        Ok(statistics)
    }
}

impl DisplayAs for ScanExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PinotScanExec: {}", self.plan)
    }
}

impl fmt::Debug for ScanExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PinotScanExec({})", self.plan)
    }
}

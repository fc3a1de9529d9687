//! Segments and files as a plan of DataFusion.

use std::any::Any;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::stats::Statistics;
use datafusion::common::{DataFusionError, internal_datafusion_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};
use pinotage_common::{Error, Result};
use pinotage_formats::{Format, ReadOptions, open};
use pinotage_segment::read::{ScanOptions, Segment};
use pinotage_spec::Predicate;

use super::bounds::statistics;

/// What is read by itself.
#[derive(Debug, Clone)]
pub(super) enum Part {
    Segment(Arc<Segment>),
    File(PathBuf, Format),
}

/// Reads parts, each in a partition.
#[derive(Debug)]
pub(super) struct PartsExec {
    schema: SchemaRef,
    parts: Vec<Part>,
    predicate: Option<Predicate>,
    properties: Arc<PlanProperties>,
}

impl PartsExec {
    pub(super) fn new(schema: SchemaRef, parts: Vec<Part>, predicate: Option<Predicate>) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            Partitioning::UnknownPartitioning(parts.len()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self { schema, parts, predicate, properties: Arc::new(properties) }
    }
}

impl ExecutionPlan for PartsExec {
    fn name(&self) -> &'static str {
        "PartsExec"
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
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
        let part = self.parts.get(partition).cloned();
        let part = part.ok_or_else(|| internal_datafusion_err!("there is no partition {partition}"))?;
        let (schema, predicate) = (Arc::clone(&self.schema), self.predicate.clone());
        let mut builder = RecordBatchReceiverStreamBuilder::new(Arc::clone(&schema), 2);
        let sender = builder.tx();
        builder.spawn_blocking(move || {
            let send = |batch: Result<RecordBatch>| {
                let batch = batch
                    .and_then(|batch| with_schema(batch, &schema))
                    .map_err(|error| DataFusionError::External(Box::new(error)));
                sender.blocking_send(batch).is_ok()
            };
            if let Err(error) = read_part(&part, &schema, predicate, &send) {
                send(Err(error));
            }
            Ok(())
        });
        Ok(builder.build())
    }

    fn partition_statistics(&self, partition: Option<usize>) -> Result<Statistics, DataFusionError> {
        Ok(match partition {
            None if self.predicate.is_none() => statistics(&self.parts, &self.schema),
            _ => Statistics::new_unknown(&self.schema),
        })
    }
}

impl DisplayAs for PartsExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns: Vec<&str> = self.schema.fields().iter().map(|field| field.name().as_str()).collect();
        let segments = self.parts.iter().filter(|part| matches!(part, Part::Segment(_))).count();
        write!(f, "PartsExec: segments={segments}, files={}", self.parts.len() - segments)?;
        write!(f, ", columns=[{}]", columns.join(", "))?;
        match &self.predicate {
            Some(predicate) => write!(f, ", filter={predicate}"),
            None => Ok(()),
        }
    }
}

fn read_part(
    part: &Part,
    schema: &SchemaRef,
    predicate: Option<Predicate>,
    send: &dyn Fn(Result<RecordBatch>) -> bool,
) -> Result<()> {
    let columns: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
    match part {
        Part::Segment(segment) => {
            for batch in segment.scan(ScanOptions { columns: Some(columns), predicate, ..ScanOptions::default() })? {
                if !send(batch) {
                    break;
                }
            }
        }
        Part::File(path, format) => {
            let mut reader = open(path, *format, &ReadOptions::default(), None)?;
            while let Some(rows) = reader.next_batch()? {
                if let Some(bad) = rows.bad.first() {
                    return Err(Error::invalid_data(format!("row {} cannot be read: {}", bad.row_number, bad.message))
                        .with("file", path.display()));
                }
                let wanted: Vec<usize> =
                    columns.iter().filter_map(|name| rows.batch.schema().index_of(name).ok()).collect();
                let batch = rows
                    .batch
                    .project(&wanted)
                    .map_err(|error| Error::unexpected("cannot pick columns").caused_by(error))?;
                if !send(Ok(batch)) {
                    break;
                }
            }
        }
    }
    Ok(())
}

/// The same columns under the table's schema, which may allow nulls where this part has none.
fn with_schema(batch: RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), batch.columns().to_vec(), &options)
        .map_err(|error| Error::unexpected("a part has other columns than its table").caused_by(error))
}

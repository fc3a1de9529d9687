//! Segments and files as a table of DataFusion.

use std::any::Any;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::DataFusionError;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use pinotage_common::{Error, Result};
use pinotage_formats::{ReadOptions, infer_schema};
use pinotage_segment::read::Segment;
use pinotage_spec::Predicate;

use super::parts::{Part, PartsExec};
use super::predicate::{Columns, pinot_type, predicate};

impl LocalTable {
    /// Opens a segment, a folder of segments, or a file.
    pub(super) fn open(path: &Path) -> Result<Self> {
        if path.is_file() && !path.to_string_lossy().ends_with(".tar.gz") {
            let format = crate::prepare::format_of(path)?;
            let schema = infer_schema(path, format, &ReadOptions::default())?;
            return Ok(Self { schema, columns: Columns::new(), parts: vec![Part::File(path.to_owned(), format)] });
        }
        let mut segments = Vec::new();
        if path.is_file() || path.join("v3").is_dir() || path.join("metadata.properties").is_file() {
            segments.push(Segment::open(path)?);
        } else {
            let failed = |error| Error::io(error, "cannot open the table", path);
            let mut paths: Vec<PathBuf> = std::fs::read_dir(path)
                .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>())
                .map_err(failed)?;
            paths.sort();
            let hidden = |path: &PathBuf| path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
            for path in paths
                .iter()
                .filter(|path| !hidden(path) && (path.is_dir() || path.to_string_lossy().ends_with(".tar.gz")))
            {
                segments.push(Segment::open(path)?);
            }
        }
        let Some(first) = segments.first() else {
            return Err(Error::not_found("no segment in the folder")
                .with("path", path.display())
                .action("name a segment, a folder of segments, or a file"));
        };
        // A column is nullable when any segment has nulls in it.
        let mut fields: Vec<_> = first.arrow_schema(true).fields().iter().map(|field| field.as_ref().clone()).collect();
        for segment in &segments {
            let schema = segment.arrow_schema(true);
            for (field, other) in fields.iter_mut().zip(schema.fields()) {
                if field.name() != other.name()
                    || field.data_type() != other.data_type()
                    || schema.fields().len() != first.visible_columns().count()
                {
                    return Err(Error::schema_mismatch("segments of one table have different columns")
                        .with("segment", segment.path().display())
                        .action("name the folder of one table's segments"));
                }
                field.set_nullable(field.is_nullable() || other.is_nullable());
            }
        }
        let columns = fields.iter().filter_map(|field| Some((field.name().clone(), (pinot_type(field)?, true))));
        Ok(Self {
            columns: columns.collect(),
            schema: Arc::new(arrow::datatypes::Schema::new(fields)),
            parts: segments.into_iter().map(|segment| Part::Segment(Arc::new(segment))).collect(),
        })
    }
}

/// A table of segments, or of one file.
#[derive(Debug)]
pub(super) struct LocalTable {
    schema: SchemaRef,
    /// Those on which segments evaluate conditions.
    columns: Columns,
    parts: Vec<Part>,
}

#[async_trait::async_trait]
impl TableProvider for LocalTable {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>, DataFusionError> {
        Ok(filters
            .iter()
            .map(|filter| match predicate(filter, &self.columns) {
                Some(_) => TableProviderFilterPushDown::Exact,
                None => TableProviderFilterPushDown::Unsupported,
            })
            .collect())
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        // Only the columns that are asked for are decoded.
        let schema = match projection {
            Some(columns) => Arc::new(self.schema.project(columns)?),
            None => self.schema(),
        };
        let predicate = Predicate::all(filters.iter().filter_map(|filter| predicate(filter, &self.columns)));
        Ok(Arc::new(PartsExec::new(schema, self.parts.clone(), predicate)))
    }
}

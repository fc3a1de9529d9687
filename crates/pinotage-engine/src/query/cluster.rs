//! A table of a cluster as a table of DataFusion.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::DataFusionError;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use pinotage_client::{Connection, Controller};
use pinotage_common::Result;
use pinotage_scan::{ScanOptions, ScanRequest, Scanner, Table};
use pinotage_spec::{DataType, Predicate};
use pinotage_store::{Store, StoreOptions};

use super::predicate::{Columns, predicate};
use super::scan::ScanExec;
use super::warnings::Warnings;

/// A table of a cluster. Each scan of it is planned anew: it sees the table as it is then.
pub(super) struct ClusterTable {
    scanner: Scanner,
    schema: SchemaRef,
    columns: Columns,
    warnings: Warnings,
}

impl ClusterTable {
    pub(super) async fn open(
        connection: &Connection,
        table: &str,
        options: &ScanOptions,
        warnings: Warnings,
    ) -> Result<Self> {
        let table = Table::open(&Controller::new(connection)?, table).await?;
        let columns =
            table.schema().fields().map(|field| (field.name.clone(), (field.data_type, field.single_value))).collect();
        let schema = table.arrow_schema(options.nulls);
        let scanner = Scanner::new(table, Store::new(StoreOptions::default())?, options.clone())?;
        Ok(Self { scanner, schema, columns, warnings })
    }

    /// The condition as a predicate, and whether servers of every release pass exactly its rows.
    fn pushed(&self, filter: &Expr) -> Option<(Predicate, bool)> {
        let predicate = predicate(filter, &self.columns)?;
        let nullable =
            |column: &str| self.schema.field_with_name(column).is_ok_and(arrow::datatypes::Field::is_nullable);
        let table = self.scanner.table();
        let pushed = predicate.pushed(table.schema(), &nullable, &|column| table.has_fst(column)).ok()??;
        // Where NaN stands in their order differs from index to index.
        let floating = |column: &&str| {
            self.columns
                .get(*column)
                .is_some_and(|(data_type, _)| matches!(data_type, DataType::Float | DataType::Double))
        };
        let exact = pushed.exact && !predicate.columns().iter().any(floating);
        Some((predicate, exact))
    }
}

impl fmt::Debug for ClusterTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClusterTable({})", self.scanner.table().name())
    }
}

#[async_trait::async_trait]
impl TableProvider for ClusterTable {
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
            .map(|filter| match self.pushed(filter) {
                Some((_, true)) => TableProviderFilterPushDown::Exact,
                Some((_, false)) => TableProviderFilterPushDown::Inexact,
                None => TableProviderFilterPushDown::Unsupported,
            })
            .collect())
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        let name = |at: &usize| self.schema.field(*at).name().clone();
        let request = ScanRequest {
            columns: projection.map(|projection| projection.iter().map(name).collect()),
            predicate: Predicate::all(filters.iter().filter_map(|filter| Some(self.pushed(filter)?.0))),
            limit: limit.map(|limit| limit as u64),
            ..ScanRequest::default()
        };
        let plan = self.scanner.plan(&request).await.map_err(|error| DataFusionError::External(Box::new(error)))?;
        plan.warnings.iter().for_each(|warning| self.warnings.say(warning));
        Ok(Arc::new(ScanExec::new(self.scanner.clone(), plan, session.config().target_partitions())))
    }
}

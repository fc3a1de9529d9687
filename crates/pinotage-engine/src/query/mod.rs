//! SQL over segments, files and tables of clusters.

mod aggregate;
mod cluster;
mod local;
mod predicate;
mod scan;
mod source;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::common::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::StreamExt as _;
use pinotage_common::{Error, Result};

use self::aggregate::AggregateOnServers;
use self::cluster::ClusterTable;
use self::local::LocalTable;
pub use source::TableSource;

/// Answers a query over named tables; all of the answer is held in memory.
///
/// # Errors
///
/// `not-found` for a path without data or a table that does not exist; `schema-mismatch` when segments of one folder differ;
/// `invalid-config` for SQL that cannot be planned; `corrupt-segment` for damaged data; those of reading a cluster.
pub fn query(sql: &str, tables: &[(String, TableSource)]) -> Result<(SchemaRef, Vec<RecordBatch>)> {
    let mut batches = Vec::new();
    let schema = query_each(sql, tables, &mut |_| Ok(()), &mut |batch| {
        batches.push(batch);
        Ok(())
    })?;
    Ok((schema, batches))
}

/// As [`query`], batch by batch: `begin` is told the columns before the first one.
///
/// # Errors
///
/// As [`query`], and those of `begin` and `give`, which end the query.
pub fn query_each(
    sql: &str,
    tables: &[(String, TableSource)],
    begin: &mut dyn FnMut(&SchemaRef) -> Result<()>,
    give: &mut dyn FnMut(RecordBatch) -> Result<()>,
) -> Result<SchemaRef> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::unexpected("cannot start a runtime").caused_by(error))?;
    runtime.block_on(async {
        let mut answer = plan(sql, tables).await?;
        let schema = answer.schema();
        begin(&schema)?;
        while let Some(batch) = answer.next().await {
            give(batch.map_err(failed)?)?;
        }
        Ok(schema)
    })
}

async fn plan(sql: &str, tables: &[(String, TableSource)]) -> Result<SendableRecordBatchStream> {
    let mut config = SessionConfig::new();
    config.options_mut().sql_parser.enable_ident_normalization = false;
    let mut rules = PhysicalOptimizer::new().rules;
    // Behind what finds answers in statistics, and before what cuts plans into partitions.
    let place = rules.iter().position(|rule| rule.name() == "aggregate_statistics").map_or(0, |at| at + 1);
    rules.insert(place, Arc::new(AggregateOnServers));
    let state = SessionStateBuilder::new().with_config(config).with_default_features();
    let context = SessionContext::new_with_state(state.with_physical_optimizer_rules(rules).build());
    for (name, source) in tables {
        let table: Arc<dyn TableProvider> = match source {
            TableSource::Local(path) => Arc::new(LocalTable::open(path)?),
            TableSource::Cluster { connection, table, options } => {
                Arc::new(ClusterTable::open(connection, table, options).await?)
            }
        };
        context.register_table(name.as_str(), table).map_err(failed)?;
    }
    let frame = context.sql(sql).await.map_err(|error| match error.find_root() {
        DataFusionError::External(_) => failed(error),
        _ => Error::invalid_config(format!("the SQL cannot be planned: {}", error.strip_backtrace()))
            .action("correct the SQL; tables are named by `--table name=path`, and names are case-sensitive"),
    })?;
    frame.execute_stream().await.map_err(failed)
}

/// Our own errors come back out of DataFusion as they went in.
fn failed(error: DataFusionError) -> Error {
    fn own(error: DataFusionError) -> Result<Error, DataFusionError> {
        match error {
            DataFusionError::External(inner) => {
                inner.downcast::<Error>().map(|error| *error).map_err(DataFusionError::External)
            }
            DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => own(*inner),
            other => Err(other),
        }
    }
    own(error).unwrap_or_else(|other| match other.find_root() {
        // Shared between the partitions of a plan: only its words are left.
        DataFusionError::External(inner) => {
            let text = inner.to_string();
            let (kind, message) = text.split_once(": ").unwrap_or(("", &text));
            match pinotage_common::ErrorKind::ALL.into_iter().find(|known| known.name() == kind) {
                Some(kind) => Error::new(kind, message),
                None => Error::unexpected(text),
            }
        }
        other => Error::invalid_data(format!("the query failed: {other}"))
            .action("correct the query or the data that it names"),
    })
}

//! SQL over segments, files and tables of clusters.

mod again;
mod aggregate;
mod answer;
mod bounds;
mod cluster;
mod local;
mod parts;
mod predicate;
mod reference;
mod rules;
mod scan;
mod source;
mod top;
mod warnings;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::DataFusionError;
use pinotage_common::{Error, Result};

pub(crate) use again::Again;
pub use answer::Answer;
pub(crate) use answer::Session;
pub use reference::scan_reference;
pub(crate) use scan::ScanExec;
pub use source::TableSource;
pub use warnings::Warnings;

/// Answers a query over named tables; all of the answer is held in memory.
///
/// # Errors
///
/// Those of [`Answer::open`] and of its items.
pub fn query(sql: &str, tables: &[(String, TableSource)]) -> Result<(SchemaRef, Vec<RecordBatch>)> {
    let answer = Answer::open(sql, tables, &Arc::default())?;
    Ok((Arc::clone(answer.schema()), answer.collect::<Result<_>>()?))
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

//! What a job needs of this engine that another one runs: the columns of its files, and a table that fits.

use std::collections::BTreeSet;

use arrow::datatypes::Schema as ArrowSchema;
use pinotage_common::{Error, Result};
use pinotage_connector::Cancel;
use pinotage_job::file::SourceKind;
use pinotage_job::{EngineFound, Plan};
use pinotage_spec::{Schema, TableConfig};

use crate::cluster::{Asked, Cluster};
use crate::prepare::prepare;

/// A job for another engine.
#[derive(Debug)]
pub struct Foreign {
    /// What the job file does not say.
    pub found: EngineFound,
    /// The table, unless the job was prepared offline.
    pub cluster: Option<Cluster>,
}

/// Finds the columns of a job's files, and asks its cluster for the table.
///
/// # Errors
///
/// As [`prepare`]; `not-found` for a table that is not there and whose schema the job does not give.
pub fn prepare_foreign(plan: &Plan, offline: bool) -> Result<Foreign> {
    let asked = if offline { None } else { Asked::ask(plan)? };
    let known = match (&plan.schema, &asked) {
        (Some(schema), _) => Some(schema.clone()),
        (None, Some(asked)) => asked.schema()?,
        (None, None) => None,
    };
    let files = files(plan, known.clone())?;
    let found = match asked {
        None => None,
        Some(asked) if plan.beside_stream => {
            let schema = known.clone().ok_or_else(|| missing(plan))?;
            Some(asked.beside_stream(&schema, plan.file.sink.pinot_version)?)
        }
        Some(asked) => {
            let schema = known.clone().ok_or_else(|| missing(plan))?;
            let table = match &plan.table_config {
                Some(table) => Some(table.clone()),
                None => asked.table()?,
            };
            let table: TableConfig = table.ok_or_else(|| missing(plan))?;
            // Pinot's own jobs never change a table.
            match plan.one_to_one {
                Some(_) => Some((asked.accept(&schema, &table)?, table)),
                None => Some(asked.compare(plan, &schema, &table)?),
            }
        }
    };
    let (cluster, table) = found.unzip();
    let table = table.as_ref().or(plan.table_config.as_ref());
    if let (Some(event_time), Some(schema), Some(table)) = (plan.file.sink.segment.sealing().event_time, &known, table)
    {
        event_time.check(schema, table)?;
    }
    let replaces_table = !plan.beside_stream && table.is_some_and(|table| !table.is_append());
    let primary_key = known.map(|schema: Schema| schema.primary_key_columns().to_vec()).unwrap_or_default();
    let (columns, inputs) = files.map_or((None, Vec::new()), |(columns, inputs)| (Some(columns), inputs));
    let found = EngineFound { columns, inputs, primary_key, controller: None, replaces_table };
    Ok(Foreign { found, cluster })
}

fn missing(plan: &Plan) -> Error {
    Error::not_found("there is no such table in the cluster, and nobody infers one for another engine")
        .with("table", &plan.file.sink.table)
        .action("create it first, or give `sink.schema` and `sink.tableConfig`")
}

/// The columns of files and their format, and the files.
type Files = ((ArrowSchema, String), Vec<String>);

/// The columns of the files, as their first rows have them; without SQL as the table wants them.
fn files(plan: &Plan, known: Option<Schema>) -> Result<Option<Files>> {
    if plan.file.source.kind != SourceKind::Files {
        return Ok(None);
    }
    let mut alone = plan.clone();
    alone.schema = known.filter(|_| plan.file.transform.is_none());
    alone.table_config = plan.table_config.clone().filter(|_| alone.schema.is_some());
    alone.file.transform = None;
    alone.checkpoint = None;
    alone.beside_stream = false;
    alone.connection = None;
    let found = prepare(alone, true)?;
    let formats: BTreeSet<String> = found.inputs.iter().map(|input| input.format.to_string()).collect();
    match formats.len() {
        1 => {
            let files = found.inputs.iter().map(|input| input.file.to_string()).collect();
            let columns = found.source_schema.as_ref().clone();
            Ok(formats.into_iter().next().map(|format| ((columns, format), files)))
        }
        _ => Err(Error::unsupported("another engine reads files of one format")
            .with("formats", formats.into_iter().collect::<Vec<_>>().join(", "))
            .action("make a job for each")),
    }
}

impl Cluster {
    /// Makes the table fit, for a job that another engine runs: what was done.
    ///
    /// # Errors
    ///
    /// Those of the controller.
    pub fn make_table(&self, cancel: &Cancel) -> Result<Vec<String>> {
        self.make_fit(cancel).map(|(done, _)| done)
    }
}

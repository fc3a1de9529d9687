//! The table of a job: created when it is missing, changed when the user's documents say something else.

mod difference;
mod schema;

use std::fmt;

use pinotage_client::SchemaUpdate;
use pinotage_common::{ErrorKind, Result};
use pinotage_spec::{Schema, TableConfig};
use serde_json::Value as Json;

use crate::Target;
use crate::kinds::check_table;

pub use difference::Difference;

/// What a cluster has of a table.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Documents {
    /// The schema.
    pub schema: Option<Json>,
    /// The config of the half that is written to.
    pub table: Option<Json>,
}

/// One change of a cluster.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// There is no such schema yet.
    CreateSchema,
    /// The schema gets columns, or columns get other defaults or lengths.
    UpdateSchema {
        /// New columns.
        added: Vec<String>,
        /// Changed columns.
        changed: Vec<String>,
    },
    /// There is no such table yet.
    CreateTable,
    /// The table config differs in these places.
    UpdateTable(Vec<Difference>),
}

/// What has to be done before a cluster's table is the one that is wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The changes, in their order.
    pub steps: Vec<Step>,
    /// The schema as it will be.
    pub schema: Json,
    /// The table config as it will be. Segments are to be built with this one.
    pub table: Json,
}

/// Asks what the cluster has.
///
/// # Errors
///
/// Those of reaching the controller.
pub async fn documents(target: &Target) -> Result<Documents> {
    let found = |result: Result<Json>| match result {
        Ok(document) => Ok(Some(document)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    };
    let table = match target.controller.table_configs(&target.table).await {
        Ok(configs) => configs.of(target.table_type).cloned(),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let schema = match &table {
        // An old table may name a schema of another name.
        Some(_) => found(target.controller.table_schema(&target.table).await)?,
        None => found(target.controller.schema(&target.table).await)?,
    };
    Ok(Documents { schema, table })
}

/// Says what is different in the cluster.
///
/// # Errors
///
/// `schema-mismatch` when the cluster's schema cannot become the one given; `unsupported` for kinds of tables that nothing
/// can be pushed to; those of the controller when it finds a document wrong.
pub async fn compare(target: &Target, found: &Documents, schema: &Schema, table: &TableConfig) -> Result<Comparison> {
    check_table(table.json())?;
    let mut steps = Vec::new();
    match &found.schema {
        None => steps.push(Step::CreateSchema),
        Some(found) => {
            let change = schema::compare(schema, &Schema::from_document(found.clone())?)?;
            if !change.added.is_empty() || !change.changed.is_empty() {
                let added = change.added.into_iter().map(|field| field.name).collect();
                steps.push(Step::UpdateSchema { added, changed: change.changed });
            }
        }
    }
    let table = match &found.table {
        None => {
            steps.push(Step::CreateTable);
            table.json().clone()
        }
        Some(found) => {
            check_table(found)?;
            let valid = target.controller.validate_table(table.json()).await?;
            let wanted = valid.of(target.table_type).unwrap_or(table.json());
            let mut differences = difference::differences(table.json(), wanted, found);
            // The name may stand without its type.
            differences.retain(|difference| difference.path != ["tableName"]);
            let merged = difference::merged(found, &differences);
            if !differences.is_empty() {
                steps.push(Step::UpdateTable(differences));
            }
            merged
        }
    };
    Ok(Comparison { steps, schema: schema.json().clone(), table })
}

/// Makes the cluster's table the one that is wanted. Returns the places of the documents that Pinot does not know and left
/// out, where the controller tells: mostly spelling mistakes.
///
/// # Errors
///
/// Those of the controller. When two do the same at the same time, one of them fails with `already-exists`.
pub async fn apply(target: &Target, comparison: &Comparison) -> Result<Vec<String>> {
    let mut ignored = Vec::new();
    for step in &comparison.steps {
        let saved = match step {
            Step::CreateSchema => target.controller.create_schema(&comparison.schema).await?,
            Step::UpdateSchema { .. } => {
                let update = SchemaUpdate { reload: true, force: false };
                target.controller.update_schema(&comparison.schema, update).await?
            }
            Step::CreateTable => target.controller.create_table(&named(&comparison.table, target)).await?,
            Step::UpdateTable(_) => target.controller.update_table(&comparison.table).await?,
        };
        ignored.extend(saved.unrecognized_properties.into_keys());
    }
    Ok(ignored)
}

/// Table configs on disk may leave name and type to the job.
fn named(table: &Json, target: &Target) -> Json {
    let mut table = table.clone();
    table["tableName"] = target.table_type.of(&target.table).into();
    table["tableType"] = target.table_type.name().into();
    table
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateSchema => f.write_str("create the schema"),
            Self::CreateTable => f.write_str("create the table"),
            Self::UpdateSchema { added, changed } => {
                f.write_str("update the schema:")?;
                let parts = [("new", added), ("changed", changed)].map(|(what, columns)| match columns.as_slice() {
                    [] => String::new(),
                    columns => format!(" {what} {}", columns.join(", ")),
                });
                f.write_str(&parts.concat())
            }
            Self::UpdateTable(differences) => {
                f.write_str("update the table config:")?;
                for (at, difference) in differences.iter().enumerate() {
                    let found = difference.found.as_ref().map_or("nothing".into(), Json::to_string);
                    let comma = if at == 0 { "" } else { "," };
                    write!(f, "{comma} {} from {found} to {}", difference.path.join("."), difference.wanted)?;
                }
                Ok(())
            }
        }
    }
}

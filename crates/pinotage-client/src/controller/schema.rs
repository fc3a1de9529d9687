//! Schemas.

use pinotage_common::{ErrorKind, Result};
use reqwest::{Method, StatusCode};
use serde_json::Value as Json;

use super::{Controller, Saved, created, document_name};

/// How a schema is replaced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SchemaUpdate {
    /// Let the servers load all segments again, so that new columns get their default values. Pinot 1.5 demands
    /// that there is a table.
    pub reload: bool,
    /// Accept a schema that segments do not fit any more. Pinot 0.11 does not know this and refuses.
    pub force: bool,
}

impl Controller {
    /// The names of all schemas: `GET /schemas`.
    pub async fn schemas(&self) -> Result<Vec<String>> {
        self.ask("list the schemas", &["schemas"], &[]).await
    }

    /// A schema; `pinotage_spec::Schema` reads it: `GET /schemas/{s}`.
    ///
    /// # Errors
    ///
    /// `not-found`.
    pub async fn schema(&self, name: &str) -> Result<Json> {
        self.ask("get the schema", &["schemas", name], &[]).await
    }

    /// The schema of a table: `GET /tables/{t}/schema`.
    ///
    /// # Errors
    ///
    /// `not-found`.
    pub async fn table_schema(&self, table: &str) -> Result<Json> {
        self.ask("get the table's schema", &["tables", table, "schema"], &[]).await
    }

    /// Creates a schema: `POST /schemas`.
    ///
    /// # Errors
    ///
    /// `already-exists`; `invalid-config` when the controller does not accept it.
    pub async fn create_schema(&self, schema: &Json) -> Result<Saved> {
        let call = self.call("create the schema", Method::POST, &["schemas"], &[("override", "false")])?;
        created(self.http.exchange(&call.json(schema)?).await?)?.json()
    }

    /// Replaces a schema: `PUT /schemas/{s}`.
    ///
    /// # Errors
    ///
    /// `not-found`; `invalid-config` when the controller does not accept it, as without `force` when segments would not fit.
    pub async fn update_schema(&self, schema: &Json, update: SchemaUpdate) -> Result<Saved> {
        let name = document_name(schema, "schemaName")?;
        let mut query = vec![("reload", if update.reload { "true" } else { "false" })];
        if update.force {
            query.push(("force", "true"));
        }
        let call = self.call("update the schema", Method::PUT, &["schemas", name], &query)?.json(schema)?;
        self.http.send(&call).await?.json()
    }

    /// Deletes a schema: `DELETE /schemas/{s}`.
    ///
    /// # Errors
    ///
    /// `not-found`; `commit-conflict` while a table has it.
    pub async fn delete_schema(&self, name: &str) -> Result<()> {
        let call = self.call("delete the schema", Method::DELETE, &["schemas", name], &[])?;
        let answer = self.http.exchange(&call).await?;
        match answer.status() {
            StatusCode::CONFLICT => {
                Err(answer.error(ErrorKind::CommitConflict, "a table has it", "delete the table first"))
            }
            StatusCode::NOT_FOUND if answer.attempts() > 1 => Ok(()),
            _ => answer.ok().map(drop),
        }
    }
}

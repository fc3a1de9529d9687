//! Tables and their configs.

use pinotage_common::Result;
use reqwest::Method;
use serde::Deserialize;
use serde_json::Value as Json;

use super::{Controller, Saved, created, document_name};
use crate::names::TableType;

/// The configs of a table's halves, as the controller keeps them; `pinotage_spec::TableConfig` reads them.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub struct TableConfigs {
    /// The half that is pushed.
    #[serde(default)]
    pub offline: Option<Json>,
    /// The half that comes from a stream.
    #[serde(default)]
    pub realtime: Option<Json>,
}

impl TableConfigs {
    /// The config of one half.
    pub fn of(&self, table_type: TableType) -> Option<&Json> {
        match table_type {
            TableType::Offline => self.offline.as_ref(),
            TableType::Realtime => self.realtime.as_ref(),
        }
    }
}

#[derive(Deserialize)]
struct Tables {
    tables: Vec<String>,
}

impl Controller {
    /// The names of all tables, without their types: `GET /tables`.
    pub async fn tables(&self) -> Result<Vec<String>> {
        Ok(self.ask::<Tables>("list the tables", &["tables"], &[]).await?.tables)
    }

    /// The configs of a table: `GET /tables/{t}`.
    ///
    /// # Errors
    ///
    /// `not-found` when the table has neither half.
    pub async fn table_configs(&self, table: &str) -> Result<TableConfigs> {
        self.ask("get the table config", &["tables", table], &[]).await
    }

    /// Creates a table; its schema must exist: `POST /tables`.
    ///
    /// # Errors
    ///
    /// `already-exists`; `invalid-config` when the controller does not accept the config.
    pub async fn create_table(&self, config: &Json) -> Result<Saved> {
        let call = self.call("create the table", Method::POST, &["tables"], &[])?.json(config)?;
        created(self.http.exchange(&call).await?)?.json()
    }

    /// Replaces a table's config: `PUT /tables/{t}`. Segments are not touched.
    ///
    /// # Errors
    ///
    /// `not-found`; `invalid-config` when the controller does not accept the config.
    pub async fn update_table(&self, config: &Json) -> Result<Saved> {
        let name = document_name(config, "tableName")?;
        let call = self.call("update the table config", Method::PUT, &["tables", name], &[])?.json(config)?;
        self.http.send(&call).await?.json()
    }

    /// Asks whether the controller would accept a config, and what it makes of it: `POST /tables/validate`.
    ///
    /// # Errors
    ///
    /// `invalid-config` when it would not.
    pub async fn validate_table(&self, config: &Json) -> Result<TableConfigs> {
        let call = self.call("check the table config", Method::POST, &["tables", "validate"], &[])?;
        // It is only a question.
        self.http.send(&call.json(config)?.safe_to_repeat()).await?.json()
    }

    /// Deletes one half of a table with all its segments: `DELETE /tables/{t}`. The work goes on after the answer.
    ///
    /// # Errors
    ///
    /// `not-found`.
    pub async fn delete_table(&self, table: &str, table_type: TableType) -> Result<()> {
        self.delete("delete the table", &["tables", table], &[("type", table_type.name())]).await
    }
}

//! The tables of a cluster.

use std::path::Path;
use std::sync::Arc;

use pinotage_client::{Controller, TableType};
use pinotage_common::{Error, ErrorKind, Result};
use pinotage_job::ConnectionText;
use pinotage_spec::{Schema, TableConfig};
use serde::Deserialize;
use serde_json::Value as Json;

use crate::threads::Threads;

/// The keys of the options' JSON.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Words {
    controller: Option<String>,
    connection: Option<Json>,
}

/// The tables of a cluster.
pub(crate) struct Catalog {
    controller: Controller,
    // Last: what asks in them lets go first.
    threads: Arc<Threads>,
}

impl Catalog {
    /// Nobody is asked yet.
    pub(crate) fn open(options: &str) -> Result<Self> {
        let words: Words = serde_json::from_str(options)
            .map_err(|error| Error::invalid_config(format!("the options of a cluster: {error}")))?;
        let connection = match (&words.controller, &words.connection) {
            (Some(controller), None) => ConnectionText::of_address(controller),
            (None, Some(Json::String(path))) => ConnectionText::of_file(Path::new(path))?,
            (None, Some(connection)) => ConnectionText::of_document(connection),
            _ => {
                return Err(Error::invalid_config("a cluster is named by `controller` or by `connection`").action(
                    "set `controller` to `host:9000` or a URL, or `connection` for a cluster that asks who comes",
                ));
            }
        };
        Ok(Self { controller: Controller::new(&connection.open()?)?, threads: Threads::shared()? })
    }

    /// The names of all tables, without their types.
    pub(crate) fn tables(&self) -> Result<Vec<String>> {
        self.threads.io()?.block_on(self.controller.tables())
    }

    /// Whether a table has one half at least.
    pub(crate) fn has(&self, table: &str) -> Result<bool> {
        match self.threads.io()?.block_on(self.controller.table_configs(table)) {
            Ok(configs) => Ok(configs.offline.is_some() || configs.realtime.is_some()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Creates schema and table. A schema that is there already has to be the same.
    pub(crate) fn create(&self, schema: &str, config: &str) -> Result<()> {
        let (schema, config) = (Schema::from_json(schema)?, TableConfig::from_json(config)?);
        let time = config.time_column().and_then(|name| schema.field(name)).filter(|field| field.date_time.is_none());
        if let Some(field) = time {
            return Err(Error::invalid_config(format!("the table config has `{}` for its time, and the new schema not", field.name))
                .action("name it as the time column of the new table, too: `create.time-column` in Flink, `timeColumn` in Spark"));
        }
        let controller = &self.controller;
        self.threads.io()?.block_on(async {
            let made = match controller.create_schema(schema.json()).await {
                Ok(_) => true,
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    let found = Schema::from_document(controller.schema(schema.name()).await?)?;
                    if !found.fields().eq(schema.fields())
                        || found.primary_key_columns() != schema.primary_key_columns()
                    {
                        return Err(error.action(
                            "the cluster's schema of this name has other columns: delete it, or take its columns",
                        ));
                    }
                    false
                }
                Err(error) => return Err(error),
            };
            match controller.create_table(config.json()).await {
                Ok(_) => Ok(()),
                Err(error) => {
                    if made {
                        // What was made for the table goes with it; the error of the table says more than one of this.
                        let _ = controller.delete_schema(schema.name()).await;
                    }
                    Err(error)
                }
            }
        })
    }

    /// Deletes both halves of a table with their segments, and its schema.
    pub(crate) fn drop_table(&self, table: &str) -> Result<()> {
        let controller = &self.controller;
        self.threads.io()?.block_on(async {
            let configs = controller.table_configs(table).await?;
            for half in [TableType::Offline, TableType::Realtime] {
                if configs.of(half).is_some() {
                    controller.delete_table(table, half).await?;
                }
            }
            match controller.delete_schema(table).await {
                Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            }
        })
    }
}

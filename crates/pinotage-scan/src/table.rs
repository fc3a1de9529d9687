//! A table of a cluster, as it can be read.

use std::sync::Arc;

use arrow::datatypes::{Schema as ArrowSchema, SchemaRef};
use pinotage_client::{Controller, TableType};
use pinotage_common::{Error, ErrorKind, Result};
use pinotage_spec::{ColumnPlan, PinotVersion, Schema, TableConfig, arrow_field};

use crate::options::Nulls;

/// A table of a cluster: its schema and the config of each half.
#[derive(Debug, Clone)]
pub struct Table {
    pub(crate) controller: Controller,
    pub(crate) version: PinotVersion,
    name: String,
    schema: Schema,
    halves: Vec<(TableType, TableConfig)>,
}

impl Table {
    /// Asks the controller for a table. With a type at its end (`flights_OFFLINE`) only that half is read.
    ///
    /// # Errors
    ///
    /// `not-found` when there is no such table; those of reaching the controller; `unsupported` for columns of types that
    /// cannot be read.
    pub async fn open(controller: &Controller, name: &str) -> Result<Self> {
        let typed = [TableType::Offline, TableType::Realtime]
            .into_iter()
            .find_map(|half| Some((name.strip_suffix(&half.of(""))?, half)));
        let (raw, only) = typed.map_or((name, None), |(raw, half)| (raw, Some(half)));
        let missing = || {
            Error::not_found("there is no such table")
                .with("table", name)
                .with("controller", controller.address())
                .action("correct its name; check that the address is that of the cluster's controller")
        };
        let configs = controller.table_configs(raw).await.map_err(|error| match error.kind() {
            ErrorKind::NotFound => missing().caused_by(error),
            _ => error,
        })?;
        let mut halves = Vec::new();
        for half in [TableType::Offline, TableType::Realtime] {
            if let Some(config) = configs.of(half).filter(|_| only.is_none_or(|only| only == half)) {
                halves.push((half, TableConfig::from_document(config.clone())?));
            }
        }
        if halves.is_empty() {
            return Err(missing());
        }
        let schema = Schema::from_document(controller.table_schema(raw).await?)?;
        let versions = controller.versions().await?;
        let version = ["pinot-controller", "pinot-common"].iter().find_map(|part| versions.get(*part));
        let version = version.map_or(Ok(PinotVersion::OLDEST), |text| PinotVersion::parse(text))?;
        Ok(Self { controller: controller.clone(), version, name: raw.to_owned(), schema, halves })
    }

    /// The table as it is known already.
    pub(crate) fn of(
        controller: Controller,
        version: PinotVersion,
        name: String,
        schema: Schema,
        halves: Vec<(TableType, TableConfig)>,
    ) -> Self {
        Self { controller, version, name, schema, halves }
    }

    /// Its name, without a type.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its schema.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The config of each half that is read.
    pub fn halves(&self) -> &[(TableType, TableConfig)] {
        &self.halves
    }

    /// A column may hold nulls: a half that is read keeps them.
    pub(crate) fn is_nullable(&self, column: &str, nulls: Nulls) -> bool {
        let Some(field) = self.schema.field(column) else { return false };
        nulls == Nulls::Sql && self.halves.iter().any(|(_, config)| config.tracks_nulls(&self.schema, field))
    }

    /// Servers may have an `fst` index of a column, which reads patterns in its own way.
    pub fn has_fst(&self, column: &str) -> bool {
        self.halves.iter().any(|(_, config)| match ColumnPlan::resolve(&self.schema, config) {
            Ok(plans) => plans.iter().any(|plan| plan.field.name == column && plan.left_to_server.contains(&"fst")),
            Err(_) => true,
        })
    }

    /// The columns in the order of the schema, of the canonical Arrow types.
    pub fn arrow_schema(&self, nulls: Nulls) -> SchemaRef {
        let fields = self.schema.fields().map(|field| arrow_field(field, self.is_nullable(&field.name, nulls)));
        Arc::new(ArrowSchema::new(fields.collect::<Vec<_>>()))
    }
}

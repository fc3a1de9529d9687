//! Where a job's state lies.

use std::borrow::Cow;
use std::fmt;

use pinotage_common::{Error, Result, Secret};
use pinotage_store::Location;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;

/// A folder, or the URL of a database, which may have a password in it and is never shown as it is.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct StatePlace(String);

impl StatePlace {
    /// The path of a folder, as it was given.
    pub fn folder(&self) -> Option<&str> {
        (!self.is_database()).then_some(&self.0)
    }

    /// The URL of a PostgreSQL database.
    pub fn database(&self) -> Option<Secret> {
        self.is_database().then(|| Secret::new(&self.0))
    }

    fn is_database(&self) -> bool {
        ["postgres://", "postgresql://"].iter().any(|scheme| self.0.starts_with(scheme))
    }

    /// Refuses places that no state is kept in.
    pub(crate) fn check(&self, has_epochs: bool) -> Result<()> {
        let error = match (self.is_database(), has_epochs) {
            (true, true) => return Ok(()),
            (true, false) => Error::unsupported("a job that remembers its inputs keeps its state in a folder")
                .action("name a folder, or add `checkpoint: {}` and let the job run in epochs"),
            (false, _) if Location::is_uri(&self.0) => {
                Error::unsupported("a state lies in a folder of this machine or in a PostgreSQL database")
                    .action("name a folder, or `postgres://user:${env:PASSWORD}@host/database`")
            }
            _ => return Ok(()),
        };
        Err(error.with("option", "state"))
    }
}

impl fmt::Debug for StatePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.folder().unwrap_or("postgres://***"))
    }
}

impl JsonSchema for StatePlace {
    fn schema_name() -> Cow<'static, str> {
        String::schema_name()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        String::json_schema(generator)
    }
}

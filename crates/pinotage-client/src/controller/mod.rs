//! The controller's REST API: one file for each kind of thing it keeps.

mod cluster;
mod lineage;
mod metadata_archive;
mod schema;
mod segment;
mod state;
mod table;
mod upload;
mod zk_metadata;

use std::collections::BTreeMap;

use pinotage_common::{Error, ErrorKind, Result};
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

pub use cluster::{BrokerInstance, Instance, TableInstances, Tenants};
pub use lineage::{LineageEntry, LineageState, Replacement, hidden_segments};
pub use schema::SchemaUpdate;
pub use segment::SegmentFilter;
pub use state::{ConsumingSegment, SegmentSize, SegmentState, SegmentStates, TableHalfSize, TableSize};
pub use table::TableConfigs;
pub use upload::{CopyToDeepStore, CustomMap, MetadataOnly, Upload};
pub use zk_metadata::{ColumnPartition, SegmentStatus, SegmentZkMetadata};

use crate::http::{Address, Answer, Call, Http};
use crate::options::Connection;

/// A controller of a Pinot cluster. Clones share its connections.
///
/// Tables are named without their type, with their database when it is not the connection's: `sales`, `eu.sales`.
///
/// # Errors
///
/// All calls fail alike. `not-found`: the table, segment or schema does not exist. `permission-denied`: the controller
/// refuses who we are. `invalid-config`: it finds the request wrong, or its certificate cannot be trusted.
/// `commit-conflict`: something else changed what was to be changed. `unavailable`: it did not answer, failed, or has too
/// much to do, at the last of all attempts. `unsupported`: its release cannot do that, or it is no controller.
/// The context has `request`, `status` and `answer`, the server's own words.
#[derive(Debug, Clone)]
pub struct Controller {
    http: Http,
    address: Address,
}

/// What the controller says about a document that it keeps from now on.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Saved {
    /// The controller's words.
    #[serde(default)]
    pub status: String,
    /// What it did not know and drops, by JSON pointer: mostly spelling mistakes. Pinot 0.11 does not tell.
    #[serde(default)]
    pub unrecognized_properties: BTreeMap<String, Json>,
}

impl Controller {
    /// The controller of a connection. Nothing is sent.
    ///
    /// # Errors
    ///
    /// Those of [`Http::new`].
    pub fn new(connection: &Connection) -> Result<Self> {
        Ok(Self { http: Http::new(connection)?, address: connection.controller.clone() })
    }

    /// Its connections, for the clients of brokers and servers.
    pub fn http(&self) -> &Http {
        &self.http
    }

    /// Where it is.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Whether the controller can do its work: `GET /health`.
    ///
    /// # Errors
    ///
    /// `unavailable` when it cannot.
    pub async fn health(&self) -> Result<()> {
        self.http.send(&self.get("ask for the controller's health", &["health"], &[])?).await.map(drop)
    }

    /// The release of each part of the controller, such as `pinot-controller` → `1.5.1-020ff0d…`: `GET /version`.
    pub async fn versions(&self) -> Result<BTreeMap<String, String>> {
        self.ask("ask for the controller's version", &["version"], &[]).await
    }

    fn call(&self, what: &'static str, method: Method, path: &[&str], query: &[(&str, &str)]) -> Result<Call> {
        Ok(Call::new(what, method, self.address.url(path, query)?))
    }

    fn get(&self, what: &'static str, path: &[&str], query: &[(&str, &str)]) -> Result<Call> {
        self.call(what, Method::GET, path, query)
    }

    /// The document that a GET gives.
    async fn ask<T: DeserializeOwned>(&self, what: &'static str, path: &[&str], query: &[(&str, &str)]) -> Result<T> {
        self.http.send(&self.get(what, path, query)?).await?.json()
    }

    /// Removes something. When an attempt was lost and the next one finds nothing, the first one did it.
    async fn delete(&self, what: &'static str, path: &[&str], query: &[(&str, &str)]) -> Result<()> {
        let answer = self.http.exchange(&self.call(what, Method::DELETE, path, query)?).await?;
        if answer.status() == StatusCode::NOT_FOUND && answer.attempts() > 1 {
            return Ok(());
        }
        answer.ok().map(drop)
    }
}

/// A refusal to create what is there already.
fn created(answer: Answer) -> Result<Answer> {
    if answer.status() != StatusCode::CONFLICT {
        return answer.ok();
    }
    Err(answer.error(ErrorKind::AlreadyExists, "it exists already", "choose another name, or update it"))
}

/// A document that is sent has a name.
fn document_name<'a>(document: &'a Json, key: &str) -> Result<&'a str> {
    document
        .get(key)
        .and_then(Json::as_str)
        .filter(|name| !name.is_empty())
        .ok_or_else(|| Error::invalid_config(format!("expected the document to have a `{key}`")))
}

//! The broker's REST API: queries and what it knows about routes.

use std::collections::BTreeMap;

use pinotage_common::Result;
use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::http::{Address, Call, Http};

/// A broker of a Pinot cluster. Clones share its connections. Calls fail as those of [`crate::Controller`] do.
#[derive(Debug, Clone)]
pub struct Broker {
    http: Http,
    address: Address,
}

/// A query.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Query {
    /// Its text.
    pub sql: String,
    /// Pinot's query options, such as `timeoutMs=1000;useMultistageEngine=false`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub query_options: String,
}

/// What a broker answers to a query. It is only complete when [`QueryAnswer::is_complete`] says so.
///
/// # Pinot equivalent
///
/// `org.apache.pinot.common.response.broker.BrokerResponseNative`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueryAnswer {
    /// Columns and rows; none when the query failed.
    #[serde(default)]
    pub result_table: Option<ResultTable>,
    /// What went wrong, perhaps only on some servers.
    #[serde(default)]
    pub exceptions: Vec<QueryException>,
    /// Rows are missing. Pinot below 1.0 does not say so here, only by exceptions and counts.
    #[serde(default)]
    pub partial_result: bool,
    /// Groups are missing, because there were more than a server keeps.
    #[serde(default)]
    pub num_groups_limit_reached: bool,
    /// Groups were dropped, those with the worst order. Pinot 1.4 and later.
    #[serde(default)]
    pub groups_trimmed: bool,
    /// Servers that were asked.
    #[serde(default)]
    pub num_servers_queried: u64,
    /// Servers that answered.
    #[serde(default)]
    pub num_servers_responded: u64,
    /// Segments that servers were asked for.
    #[serde(default)]
    pub num_segments_queried: u64,
    /// Segments that were looked into.
    #[serde(default)]
    pub num_segments_processed: u64,
    /// Segments with rows that matched.
    #[serde(default)]
    pub num_segments_matched: u64,
    /// Rows that matched.
    #[serde(default)]
    pub num_docs_scanned: u64,
    /// Rows of the segments that were asked for.
    #[serde(default)]
    pub total_docs: u64,
    /// How long it took, in milliseconds.
    #[serde(default)]
    pub time_used_ms: u64,
    /// All that the broker told but the rows, by Pinot's names.
    #[serde(skip)]
    pub fields: Map<String, Json>,
}

/// Columns and rows.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResultTable {
    /// Names and types of the columns.
    pub data_schema: DataSchema,
    /// Values as Pinot writes them; numbers keep all their digits.
    pub rows: Vec<Vec<Json>>,
}

/// Names and types of columns.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DataSchema {
    /// In the order of the values.
    pub column_names: Vec<String>,
    /// Pinot's names of types, such as `LONG` or `STRING_ARRAY`.
    pub column_data_types: Vec<String>,
}

/// What went wrong in a query.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueryException {
    /// Pinot's number, such as 190 for a table that does not exist.
    #[serde(default)]
    pub error_code: i64,
    /// Pinot's words.
    #[serde(default)]
    pub message: String,
}

/// Where the halves of a hybrid table meet: OFFLINE rows up to the value, REALTIME rows after it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TimeBoundary {
    /// The time column.
    pub time_column: String,
    /// The value, in the column's own format.
    pub time_value: String,
}

/// Which server is asked for which segments, by the name of the half of the table.
pub type RoutingTable = BTreeMap<String, BTreeMap<String, Vec<String>>>;

impl QueryAnswer {
    /// Every row that the query asked for is in the answer.
    pub fn is_complete(&self) -> bool {
        self.exceptions.is_empty()
            && !self.partial_result
            && !self.num_groups_limit_reached
            && self.num_servers_responded >= self.num_servers_queried
    }
}

impl Query {
    /// A query without options.
    pub fn new(sql: impl Into<String>) -> Self {
        Self { sql: sql.into(), query_options: String::new() }
    }
}

impl Broker {
    /// A broker; nothing is sent. The connections come from [`crate::Controller::http`].
    pub fn new(http: &Http, address: Address) -> Self {
        Self { http: http.clone(), address }
    }

    /// Where it is.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Whether it can do its work: `GET /health`.
    ///
    /// # Errors
    ///
    /// `unavailable` when it cannot.
    pub async fn health(&self) -> Result<()> {
        self.http.send(&self.get("ask for the broker's health", &["health"])?).await.map(drop)
    }

    /// Asks a query: `POST /query/sql`. What fails in the query is in the answer, which has to be looked at.
    pub async fn query(&self, query: &Query) -> Result<QueryAnswer> {
        let url = self.address.url(&["query", "sql"], &[])?;
        // A query changes nothing.
        let call = Call::new("query", Method::POST, url).json(query)?.safe_to_repeat();
        let answer = self.http.send(&call).await?;
        let mut fields: Map<String, Json> = answer.read()?;
        let rows = fields.remove("resultTable");
        let unknown = |error: serde_json::Error| answer.unreadable(&error.to_string());
        let mut found: QueryAnswer = serde_json::from_value(Json::Object(fields.clone())).map_err(unknown)?;
        found.result_table = rows.map(serde_json::from_value).transpose().map_err(unknown)?.flatten();
        found.fields = fields;
        Ok(found)
    }

    /// One choice of servers for a table's segments: `GET /debug/routingTable/{t}`. A segment without a server that has
    /// it is not in it. The table may be named with or without its type.
    ///
    /// # Errors
    ///
    /// `not-found` when the broker does not serve the table.
    pub async fn routing_table(&self, table: &str) -> Result<RoutingTable> {
        let call = self.get("get the routing table", &["debug", "routingTable", table])?;
        self.http.send(&call).await?.json()
    }

    /// Where the halves of a table meet: `GET /debug/timeBoundary/{t}`; none when it has only one half.
    pub async fn time_boundary(&self, table: &str) -> Result<Option<TimeBoundary>> {
        let answer = self.http.exchange(&self.get("get the time boundary", &["debug", "timeBoundary", table])?).await?;
        if answer.status() == StatusCode::NOT_FOUND { Ok(None) } else { answer.json().map(Some) }
    }

    fn get(&self, what: &'static str, path: &[&str]) -> Result<Call> {
        Ok(Call::new(what, Method::GET, self.address.url(path, &[])?))
    }
}

//! Tables, segments and queries of a test.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value as Json, json};

use super::{Cluster, ServerAddress};

/// How long a change may take to show in the cluster.
const CHANGE_LIMIT: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(100);

/// Separates the parts of an upload; long enough not to occur in one.
const BOUNDARY: &str = "pinotage-testkit-5f0d7c9b1e3a48d6";

impl Cluster {
    /// Creates a schema and a table from Pinot's own documents.
    pub fn create_table(&self, schema: &Json, table: &Json) {
        self.post_json(&format!("{}/schemas", self.controller), schema);
        self.post_json(&format!("{}/tables", self.controller), table);
    }

    /// Uploads a segment's folder under its folder name to an OFFLINE table named without its type; a segment of that
    /// name is refreshed.
    pub fn upload(&self, table: &str, segment: &Path) {
        let name = segment.file_name().unwrap().to_str().unwrap();
        let mut body = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"segment\"; filename=\"{name}.tar.gz\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        )
        .into_bytes();
        body.extend(pack(segment));
        body.extend(format!("\r\n--{BOUNDARY}--\r\n").bytes());
        let url = format!("{}/v2/segments?tableName={table}&tableType=OFFLINE", self.controller);
        let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
        panic_unless_ok(self.http.post(&url, &content_type, &body));
    }

    /// Waits until exactly these many segments of a table, named with its type, are online on all their servers.
    ///
    /// # Panics
    /// At the deadline, and when a segment is in ERROR.
    pub fn await_online(&self, table: &str, segments: usize) {
        let (name, table_type) = table.rsplit_once('_').unwrap();
        let view = |kind: &str| -> Result<Json, String> {
            let url = format!("{}/tables/{name}/{kind}?tableType={table_type}", self.controller);
            // Pinot 0.11 has no external view before the first segment.
            Ok(json(&url, &self.http.get(&url)?)[table_type].clone())
        };
        eventually(&format!("{segments} segments of {table} online"), || {
            let (ideal, external) = (view("idealstate")?, view("externalview")?);
            if external.to_string().contains("\"ERROR\"") {
                panic!("a segment is in ERROR: {external}, because {}", self.segment_errors(table));
            }
            let online = external.as_object().is_some_and(|view| view.len() == segments) && ideal == external;
            if online { Ok(()) } else { Err(format!("ideal state {ideal}, external view {external}")) }
        });
    }

    /// What went wrong with a table's segments, as its servers tell.
    fn segment_errors(&self, table: &str) -> String {
        let url = |server: &ServerAddress| format!("{}/debug/tables/{table}", server.admin);
        self.servers.iter().map(|server| self.get_json(&url(server)).to_string()).collect()
    }

    /// Waits until the broker counts these many rows in a table.
    pub fn await_count(&self, table: &str, rows: u64) {
        let sql = format!("SELECT COUNT(*) FROM {table}");
        eventually(&format!("{rows} rows in {table}"), || {
            let answer = self.query(&sql);
            let complete = answer["exceptions"].as_array().is_none_or(Vec::is_empty);
            let counted = answer["resultTable"]["rows"][0][0].as_u64();
            if complete && counted == Some(rows) { Ok(()) } else { Err(answer.to_string()) }
        });
    }

    /// The broker's whole answer to a query.
    pub fn query(&self, sql: &str) -> Json {
        self.post_json(&format!("{}/query/sql", self.broker), &json!({ "sql": sql }))
    }

    /// What a GET of this URL answers.
    ///
    /// # Panics
    /// When it is not 200; so do the other requests, and when it should be JSON and is not.
    pub fn get(&self, url: &str) -> Vec<u8> {
        panic_unless_ok(self.http.get(url))
    }

    /// What a GET of this URL answers.
    pub fn get_json(&self, url: &str) -> Json {
        json(url, &self.get(url))
    }

    /// What a DELETE of this URL answers.
    pub fn delete(&self, url: &str) -> Json {
        json(url, &panic_unless_ok(self.http.delete(url)))
    }

    /// What a POST of JSON to this URL answers.
    pub fn post_json(&self, url: &str, body: &Json) -> Json {
        json(url, &panic_unless_ok(self.http.post_json(url, body)))
    }
}

/// Packs a segment's folder as an upload wants it.
pub(super) fn pack(segment: &Path) -> Vec<u8> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    archive.append_dir_all(segment.file_name().unwrap(), segment).unwrap();
    archive.into_inner().unwrap().finish().unwrap()
}

fn panic_unless_ok(answer: Result<Vec<u8>, String>) -> Vec<u8> {
    answer.unwrap_or_else(|error| panic!("{error}"))
}

fn json(url: &str, body: &[u8]) -> Json {
    serde_json::from_slice(body)
        .unwrap_or_else(|error| panic!("{url} answers no JSON ({error}): {}", String::from_utf8_lossy(body)))
}

/// Asks again until the answer is right, as everything in a cluster takes its time.
///
/// # Panics
/// After two minutes, with what was wrong the last time.
pub fn eventually(what: &str, mut ask: impl FnMut() -> Result<(), String>) {
    let end = Instant::now() + CHANGE_LIMIT;
    while let Err(last) = ask() {
        assert!(Instant::now() < end, "not after {CHANGE_LIMIT:?}: {what}; last: {last}");
        thread::sleep(PAUSE);
    }
}

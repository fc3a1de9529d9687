//! The REST API of a server's admin port.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pinotage_common::Result;
use reqwest::Method;
use roaring::RoaringBitmap;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};

use crate::http::{Address, Call, Http, Wait};

/// The admin port of a server of a Pinot cluster. Clones share its connections. Calls fail as those of
/// [`crate::Controller`] do; tables are named with their type: `sales_OFFLINE`.
#[derive(Debug, Clone)]
pub struct ServerAdmin {
    http: Http,
    address: Address,
}

/// What a server has loaded of a segment.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerSegment {
    /// Its name.
    pub name: String,
    /// The CRC in its `creation.meta`.
    pub crc: Option<u64>,
    /// The number of rows.
    pub total_docs: Option<u64>,
    /// All that the server told, by Pinot's names; `columns` has those that were asked for.
    pub fields: Map<String, Json>,
}

/// Which rows of a segment of an upsert table count on a server, as of now.
#[derive(Debug, Clone, PartialEq)]
pub struct ValidDocs {
    /// The CRC in the `creation.meta` of the segment that the server has loaded: other segments have other rows.
    pub crc: Option<u64>,
    /// The numbers of the rows, in the order of the segment's files.
    pub docs: RoaringBitmap,
}

/// Why a segment is not as it should be on a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentError {
    /// The segment.
    pub segment: String,
    /// The server's words.
    pub message: String,
}

/// How much disk a table takes on a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerTableSize {
    /// All segments, in bytes.
    pub disk_bytes: u64,
    /// By segment, in bytes.
    pub segments: BTreeMap<String, u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawValidDocs {
    #[serde(default)]
    segment_crc: Option<String>,
    /// In Base64.
    bitmap: String,
}

#[derive(Deserialize)]
struct Tables {
    tables: Vec<String>,
}

#[derive(Deserialize)]
struct Segments {
    segments: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DebugInfo {
    segment_name: String,
    #[serde(default)]
    error_info: Option<ErrorInfo>,
}

/// What controllers and servers say about a segment that is not as it should be.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ErrorInfo {
    #[serde(default)]
    pub(crate) error_message: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawTableSize {
    disk_size_in_bytes: i64,
    #[serde(default)]
    segments: Vec<RawSegmentSize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawSegmentSize {
    segment_name: String,
    disk_size_in_bytes: i64,
}

impl ServerAdmin {
    /// A server; nothing is sent. The connections come from [`crate::Controller::http`], host and port from
    /// [`crate::Instance`].
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
        self.http.send(&self.get("ask for the server's health", &["health"], &[])?).await.map(drop)
    }

    /// The tables it serves: `GET /tables`.
    pub async fn tables(&self) -> Result<Vec<String>> {
        Ok(self.ask::<Tables>("list the server's tables", &["tables"], &[]).await?.tables)
    }

    /// The segments it has loaded: `GET /tables/{t}/segments`.
    ///
    /// # Errors
    ///
    /// `not-found` when it does not serve the table.
    pub async fn segments(&self, table: &str) -> Result<Vec<String>> {
        let path = ["tables", table, "segments"];
        Ok(self.ask::<Segments>("list the server's segments", &path, &[]).await?.segments)
    }

    /// The CRC of each segment as it is loaded, which is how a refresh is seen to be done:
    /// `GET /tables/{t}/segments/crc`.
    ///
    /// # Errors
    ///
    /// `not-found` when it does not serve the table.
    pub async fn crcs(&self, table: &str) -> Result<BTreeMap<String, u64>> {
        let what = "list the CRCs of the server's segments";
        let answer = self.http.send(&self.get(what, &["tables", table, "segments", "crc"], &[])?).await?;
        let texts: BTreeMap<String, String> = answer.read()?;
        let crc = |(name, text): (String, String)| match text.parse() {
            Ok(crc) => Ok((name, crc)),
            Err(error) => Err(answer.unreadable(&format!("a CRC, not `{text}` ({error})"))),
        };
        // A segment that is still consuming has none: Pinot writes its default.
        texts.into_iter().filter(|(_, text)| !text.is_empty() && !text.starts_with('-')).map(crc).collect()
    }

    /// What it has loaded of a segment: `GET /tables/{t}/segments/{s}/metadata`; `columns` may be `*`.
    ///
    /// # Errors
    ///
    /// `not-found` when it has no such segment.
    pub async fn segment(&self, table: &str, segment: &str, columns: &[&str]) -> Result<ServerSegment> {
        let query: Vec<_> = columns.iter().map(|column| ("columns", *column)).collect();
        let path = ["tables", table, "segments", segment, "metadata"];
        let fields: Map<String, Json> = self.ask("get the server's segment", &path, &query).await?;
        // A release may write numbers as text.
        let number = |key| match fields.get(key) {
            Some(Json::String(text)) => text.parse().ok(),
            Some(value) => value.as_u64(),
            None => None,
        };
        Ok(ServerSegment { name: segment.to_owned(), crc: number("crc"), total_docs: number("totalDocs"), fields })
    }

    /// How much disk a table takes on it: `GET /tables/{t}/size`.
    ///
    /// # Errors
    ///
    /// `not-found` when it does not serve the table.
    pub async fn size(&self, table: &str) -> Result<ServerTableSize> {
        let raw: RawTableSize = self.ask("get the table's size on the server", &["tables", table, "size"], &[]).await?;
        let bytes = |size: i64| size.try_into().unwrap_or_default();
        let segments = raw.segments.into_iter().map(|it| (it.segment_name, bytes(it.disk_size_in_bytes))).collect();
        Ok(ServerTableSize { disk_bytes: bytes(raw.disk_size_in_bytes), segments })
    }

    /// Why segments of a table could not be loaded: `GET /debug/tables/{t}`.
    ///
    /// # Errors
    ///
    /// `not-found` when it does not serve the table.
    pub async fn segment_errors(&self, table: &str) -> Result<Vec<SegmentError>> {
        let found: Vec<DebugInfo> = self.ask("list the server's errors", &["debug", "tables", table], &[]).await?;
        let error = |info: DebugInfo| {
            let message = info.error_info?.error_message?;
            Some(SegmentError { segment: info.segment_name, message })
        };
        Ok(found.into_iter().filter_map(error).collect())
    }

    /// Which rows of a segment of an upsert table count: `GET /segments/{t}/{s}/validDocIdsBitmap`. Deleted rows do not
    /// count with `deletes`, for which the table has to have a `deleteRecordColumn`. Pinot 1.1 and later.
    ///
    /// # Errors
    ///
    /// `not-found` when it has no such segment, or no such rows of it; `invalid-config` for one that still consumes, and
    /// for a table without upsert: that is how Pinot answers.
    pub async fn valid_docs(&self, table: &str, segment: &str, deletes: bool) -> Result<ValidDocs> {
        let kind = if deletes { "IN_MEMORY_WITH_DELETE" } else { "IN_MEMORY" };
        let path = ["segments", table, segment, "validDocIdsBitmap"];
        let call = self.get("get the rows that count", &path, &[("validDocIdsType", kind)])?;
        let answer = self.http.send(&call).await?;
        let raw: RawValidDocs = answer.read()?;
        let bytes = STANDARD.decode(&raw.bitmap).map_err(|error| answer.unreadable(&error.to_string()))?;
        let docs = RoaringBitmap::deserialize_from(bytes.as_slice());
        Ok(ValidDocs {
            crc: raw.segment_crc.and_then(|crc| crc.parse().ok()),
            docs: docs.map_err(|error| answer.unreadable(&error.to_string()))?,
        })
    }

    /// Writes the archive of a segment that it has loaded to a file, which is there whole or not at all:
    /// `GET /segments/{t}/{s}`. Returns its length in bytes.
    ///
    /// # Errors
    ///
    /// `not-found` when it has no such segment, and those of writing the file.
    pub async fn download_segment(&self, table: &str, segment: &str, path: &Path) -> Result<u64> {
        let call = self.get("download the segment from a server", &["segments", table, segment], &[])?;
        Ok(self.http.send(&call.wait(Wait::Transfer).save(path)).await?.saved())
    }

    fn get(&self, what: &'static str, path: &[&str], query: &[(&str, &str)]) -> Result<Call> {
        Ok(Call::new(what, Method::GET, self.address.url(path, query)?))
    }

    async fn ask<T: DeserializeOwned>(&self, what: &'static str, path: &[&str], query: &[(&str, &str)]) -> Result<T> {
        self.http.send(&self.get(what, path, query)?).await?.json()
    }
}

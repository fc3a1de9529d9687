//! What the cluster wants and what servers have.

use std::collections::BTreeMap;

use pinotage_common::{ErrorKind, Result};
use serde::Deserialize;

use super::Controller;
use crate::names::TableType;
use crate::server::ErrorInfo;

/// The state of each segment on each server.
pub type SegmentStates = BTreeMap<String, BTreeMap<String, SegmentState>>;

/// The state of a segment on a server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[non_exhaustive]
pub enum SegmentState {
    /// Queries can have it.
    Online,
    /// It grows.
    Consuming,
    /// Not loaded.
    Offline,
    /// It could not be loaded.
    Error,
    /// It is being removed.
    Dropped,
    /// Something that this client does not know.
    #[serde(untagged)]
    Other(String),
}

/// How much space a table takes on its servers; none where no server answered.
#[derive(Debug, Clone, PartialEq)]
pub struct TableSize {
    /// All replicas, in bytes, where servers answered.
    pub reported_bytes: Option<u64>,
    /// All replicas, in bytes, with a guess for servers that did not answer.
    pub estimated_bytes: Option<u64>,
    /// The half that is pushed.
    pub offline: Option<TableHalfSize>,
    /// The half that comes from a stream.
    pub realtime: Option<TableHalfSize>,
}

/// How much space one half of a table takes.
#[derive(Debug, Clone, PartialEq)]
pub struct TableHalfSize {
    /// All replicas, in bytes, where servers answered.
    pub reported_bytes: Option<u64>,
    /// All replicas, in bytes, with a guess for servers that did not answer.
    pub estimated_bytes: Option<u64>,
    /// Segments that no server answered for.
    pub missing_segments: u64,
    /// By name.
    pub segments: BTreeMap<String, SegmentSize>,
}

/// How much space a segment takes on its servers.
#[derive(Debug, Clone, PartialEq)]
pub struct SegmentSize {
    /// All replicas, in bytes, where servers answered.
    pub reported_bytes: Option<u64>,
    /// All replicas, in bytes, with a guess for servers that did not answer.
    pub estimated_bytes: Option<u64>,
}

/// What one server says about a segment that it consumes.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConsumingSegment {
    /// The server's id.
    pub server_name: String,
    /// `CONSUMING` or `NOT_CONSUMING`.
    #[serde(default)]
    pub consumer_state: Option<String>,
    /// When it last got rows, in milliseconds since the epoch.
    #[serde(default)]
    pub last_consumed_timestamp: Option<i64>,
    /// The next offset, by partition of the stream.
    #[serde(default)]
    pub partition_to_offset_map: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TableDebug {
    #[serde(default)]
    segment_debug_infos: Vec<SegmentDebug>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SegmentDebug {
    #[serde(default)]
    segment_name: String,
    #[serde(default)]
    server_state: BTreeMap<String, ServerState>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServerState {
    #[serde(default)]
    error_info: Option<ErrorInfo>,
}

#[derive(Deserialize)]
struct Consuming {
    #[serde(rename = "_segmentToConsumingInfoMap", alias = "segmentToConsumingInfoMap", default)]
    segments: BTreeMap<String, Vec<ConsumingSegment>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawSize {
    reported_size_in_bytes: i64,
    estimated_size_in_bytes: i64,
    #[serde(default)]
    missing_segments: u64,
    #[serde(default)]
    segments: Option<BTreeMap<String, RawSize>>,
    #[serde(default)]
    offline_segments: Option<Box<RawSize>>,
    #[serde(default)]
    realtime_segments: Option<Box<RawSize>>,
}

impl Controller {
    /// Which server is to have which segment in which state: `GET /tables/{t}/idealstate`.
    ///
    /// # Errors
    ///
    /// `not-found` when there is no such half of the table.
    pub async fn ideal_state(&self, table: &str, table_type: TableType) -> Result<SegmentStates> {
        self.states("get the ideal state", "idealstate", table, table_type).await
    }

    /// Which server has which segment in which state: `GET /tables/{t}/externalview`. Empty as long as no server
    /// has told anything.
    ///
    /// # Errors
    ///
    /// `not-found` when there is no such half of the table.
    pub async fn external_view(&self, table: &str, table_type: TableType) -> Result<SegmentStates> {
        match self.states("get the external view", "externalview", table, table_type).await {
            // A new table has none yet, which Pinot takes for no table.
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.ideal_state(table, table_type).await.map(|_| SegmentStates::new())
            }
            states => states,
        }
    }

    /// Why a server could not load a segment, in its own words: `GET /debug/segments/{t}/{s}`, or
    /// `GET /debug/tables/{t}` where Pinot is too old for it. None when it says nothing.
    ///
    /// # Errors
    ///
    /// `not-found` when there is no such segment.
    pub async fn segment_failure(
        &self,
        table: &str,
        table_type: TableType,
        segment: &str,
        server: &str,
    ) -> Result<Option<String>> {
        let path = ["debug", "segments", &table_type.of(table), segment];
        let what = "ask why the segment was not loaded";
        let mut debug: SegmentDebug = match self.ask(what, &path, &[]).await {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let halves: Vec<TableDebug> =
                    self.ask(what, &["debug", "tables", table], &[("type", table_type.name())]).await?;
                let mut all = halves.into_iter().flat_map(|half| half.segment_debug_infos);
                let Some(debug) = all.find(|debug| debug.segment_name == segment) else { return Err(error) };
                debug
            }
            debug => debug?,
        };
        Ok(debug.server_state.remove(server).and_then(|state| state.error_info?.error_message))
    }

    async fn states(
        &self,
        what: &'static str,
        view: &str,
        table: &str,
        table_type: TableType,
    ) -> Result<SegmentStates> {
        let mut halves: BTreeMap<String, Option<SegmentStates>> =
            self.ask(what, &["tables", table, view], &[("tableType", table_type.name())]).await?;
        Ok(halves.remove(table_type.name()).flatten().unwrap_or_default())
    }

    /// How much space a table takes: `GET /tables/{t}/size`. All its servers are asked, which takes long for a large
    /// table; [`Controller::all_segment_metadata`] has the sizes of archives.
    ///
    /// # Errors
    ///
    /// `not-found` when there is no such table.
    pub async fn table_size(&self, table: &str) -> Result<TableSize> {
        let raw: RawSize = self.ask("get the table's size", &["tables", table, "size"], &[]).await?;
        Ok(TableSize {
            reported_bytes: bytes(raw.reported_size_in_bytes),
            estimated_bytes: bytes(raw.estimated_size_in_bytes),
            offline: raw.offline_segments.map(|raw| half(*raw)),
            realtime: raw.realtime_segments.map(|raw| half(*raw)),
        })
    }

    /// What servers consume, by segment: `GET /tables/{t}/consumingSegmentsInfo`. A server that does not answer is
    /// not in the list.
    ///
    /// # Errors
    ///
    /// `unavailable` when the table has no half that comes from a stream: that is how Pinot answers.
    pub async fn consuming_segments(&self, table: &str) -> Result<BTreeMap<String, Vec<ConsumingSegment>>> {
        let path = ["tables", table, "consumingSegmentsInfo"];
        Ok(self.ask::<Consuming>("list the consuming segments", &path, &[]).await?.segments)
    }
}

fn half(raw: RawSize) -> TableHalfSize {
    let segment = |raw: RawSize| SegmentSize {
        reported_bytes: bytes(raw.reported_size_in_bytes),
        estimated_bytes: bytes(raw.estimated_size_in_bytes),
    };
    TableHalfSize {
        reported_bytes: bytes(raw.reported_size_in_bytes),
        estimated_bytes: bytes(raw.estimated_size_in_bytes),
        missing_segments: raw.missing_segments,
        segments: raw.segments.into_iter().flatten().map(|(name, raw)| (name, segment(raw))).collect(),
    }
}

/// −1 means that no server answered.
fn bytes(number: i64) -> Option<u64> {
    number.try_into().ok()
}

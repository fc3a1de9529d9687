//! The lineage of segments: several replaced by several others in one step.

use std::collections::{BTreeMap, BTreeSet};

use pinotage_common::{ErrorKind, Result};
use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::Controller;
use crate::http::{Answer, Call, Wait};
use crate::names::TableType;

/// Which segments replace which.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Replacement {
    /// Those that go; none when the new ones are only to appear together. All must be online.
    pub segments_from: Vec<String>,
    /// Those that come. None may exist yet.
    pub segments_to: Vec<String>,
    /// Kept with the entry; no call gives it back.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub custom_map: BTreeMap<String, String>,
}

/// One replacement.
///
/// # Pinot equivalent
///
/// `org.apache.pinot.common.lineage.LineageEntry`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineageEntry {
    /// Its id.
    pub id: String,
    /// Where it stands.
    pub state: LineageState,
    /// When its state changed last, in milliseconds since the epoch.
    pub timestamp_millis: i64,
    /// Those that go.
    pub segments_from: Vec<String>,
    /// Those that come.
    pub segments_to: Vec<String>,
}

/// The segments that queries do not see because of replacements: what was replaced, and what is about to replace it or was
/// taken back.
///
/// # Pinot equivalent
///
/// `SegmentLineageUtils.filterSegmentsBasedOnLineageInPlace`
pub fn hidden_segments(lineage: &[LineageEntry]) -> BTreeSet<&str> {
    lineage
        .iter()
        .flat_map(|entry| match entry.state {
            LineageState::Completed => &entry.segments_from,
            _ => &entry.segments_to,
        })
        .map(String::as_str)
        .collect()
}

/// Where a replacement stands.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum LineageState {
    /// Queries see the old segments.
    InProgress,
    /// Queries see the new segments.
    Completed,
    /// Queries see the old segments, and the new ones will be deleted.
    Reverted,
    /// Something that this client does not know.
    #[serde(untagged)]
    Other(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Lineage {
    #[serde(default)]
    lineage_entries: Map<String, Json>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    state: LineageState,
    timestamp: i64,
    segments_from: Vec<String>,
    segments_to: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Started {
    segment_lineage_entry_id: String,
}

const START: &str = "start the replacement of segments";
const END: &str = "end the replacement of segments";
const REVERT: &str = "revert the replacement of segments";

impl Controller {
    /// The replacements of a table, the oldest first: `GET /segments/{t}/lineage`.
    ///
    /// # Errors
    ///
    /// `not-found` when there is no such table.
    pub async fn lineage(&self, table: &str, table_type: TableType) -> Result<Vec<LineageEntry>> {
        let call =
            self.get("list the replacements", &["segments", table, "lineage"], &[("type", table_type.name())])?;
        let answer = self.http.send(&call).await?;
        // There was none yet.
        if answer.body().is_empty() {
            return Ok(Vec::new());
        }
        let entries = answer.read::<Lineage>()?.lineage_entries.into_iter().map(|(id, entry)| {
            let entry: Entry = serde_json::from_value(entry).map_err(|error| answer.unreadable(&error.to_string()))?;
            let Entry { state, timestamp, segments_from, segments_to } = entry;
            Ok(LineageEntry { id, state, timestamp_millis: timestamp, segments_from, segments_to })
        });
        let mut entries: Vec<LineageEntry> = entries.collect::<Result<_>>()?;
        entries.sort_by_key(|entry| entry.timestamp_millis);
        Ok(entries)
    }

    /// Starts a replacement and returns its id: `POST /segments/{t}/startReplaceSegments`. From now on queries do not
    /// see the segments that come, wherever they are pushed from, until the end.
    ///
    /// `force_cleanup` first reverts whatever replacement in progress is in the way.
    ///
    /// A second call makes a second entry: this one is only sent again when it cannot have arrived. After any other
    /// error look at [`Controller::lineage`].
    ///
    /// # Errors
    ///
    /// `commit-conflict` when the controller refuses: another replacement is in the way, a segment that goes is not
    /// there, or one that comes is. Pinot only says so in its log.
    pub async fn start_replace_segments(
        &self,
        table: &str,
        table_type: TableType,
        replacement: &Replacement,
        force_cleanup: bool,
    ) -> Result<String> {
        let query = [("type", table_type.name()), ("forceCleanup", flag(force_cleanup))];
        let call = self.replace(START, &["segments", table, "startReplaceSegments"], &query)?.json(replacement)?;
        let answer = self.http.exchange(&call).await?;
        Ok(decided(answer)?.json::<Started>()?.segment_lineage_entry_id)
    }

    /// Ends a replacement: from now on queries see the segments that come, and only those:
    /// `POST /segments/{t}/endReplaceSegments`. The controller waits until servers have loaded them, up to 10 minutes.
    /// To end it twice is no error.
    ///
    /// `cleanup` reverts other replacements in progress that are in the way.
    ///
    /// # Errors
    ///
    /// `commit-conflict` when the controller refuses: there is no such entry, the new segments are not online in time,
    /// or one of the old ones has vanished. Pinot only says so in its log.
    pub async fn end_replace_segments(
        &self,
        table: &str,
        table_type: TableType,
        id: &str,
        cleanup: bool,
    ) -> Result<()> {
        let query = [("type", table_type.name()), ("segmentLineageEntryId", id), ("cleanup", flag(cleanup))];
        // Ended is ended.
        let call = self.replace(END, &["segments", table, "endReplaceSegments"], &query)?.safe_if_lost();
        decided(self.http.exchange(&call).await?).map(drop)
    }

    /// Takes a replacement back: queries see the old segments, and the controller deletes the new ones:
    /// `POST /segments/{t}/revertReplaceSegments`.
    ///
    /// `force` reverts one in progress too.
    ///
    /// # Errors
    ///
    /// `commit-conflict` when the controller refuses: there is no such entry, it is in progress, it was reverted
    /// already, or a later one builds on it. Pinot only says so in its log.
    pub async fn revert_replace_segments(
        &self,
        table: &str,
        table_type: TableType,
        id: &str,
        force: bool,
    ) -> Result<()> {
        let query = [("type", table_type.name()), ("segmentLineageEntryId", id), ("forceRevert", flag(force))];
        let call = self.replace(REVERT, &["segments", table, "revertReplaceSegments"], &query)?;
        decided(self.http.exchange(&call).await?).map(drop)
    }

    fn replace(&self, what: &'static str, path: &[&str], query: &[(&str, &str)]) -> Result<Call> {
        Ok(self.call(what, Method::POST, path, query)?.wait(Wait::Publish))
    }
}

/// Pinot answers 500 to all that it refuses here.
fn decided(answer: Answer) -> Result<Answer> {
    if answer.status() != StatusCode::INTERNAL_SERVER_ERROR {
        return answer.ok();
    }
    Err(answer.error(
        ErrorKind::CommitConflict,
        "the controller refuses",
        "look at the table's replacements for one that is in the way, and at the controller's log for its reason",
    ))
}

fn flag(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

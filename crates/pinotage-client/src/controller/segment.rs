//! Segments: names, metadata, files.

use std::collections::BTreeMap;
use std::path::Path;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use pinotage_common::{ErrorKind, Result};
use reqwest::Method;
use serde_json::Value as Json;

use super::{Controller, SegmentZkMetadata};
use crate::http::Wait;
use crate::names::TableType;

/// How many single questions are under way at once where Pinot has no common one.
const QUESTIONS: usize = 8;

/// Which segments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SegmentFilter {
    /// Only what queries see: not what was replaced, and not what is about to replace it.
    pub exclude_replaced: bool,
    /// Only with rows at this time or later, in milliseconds since the epoch.
    pub start_millis: Option<i64>,
    /// Only with rows before this time, in milliseconds since the epoch.
    pub end_millis: Option<i64>,
    /// Only those wholly between the two times.
    pub exclude_overlapping: bool,
}

impl Controller {
    /// The names of a table's segments: `GET /segments/{t}`. Pinot below 0.12 knows no times and answers with all.
    ///
    /// # Errors
    ///
    /// `not-found` when there is no such table.
    pub async fn segments(&self, table: &str, table_type: TableType, filter: SegmentFilter) -> Result<Vec<String>> {
        let (start, end) = (filter.start_millis.map(|it| it.to_string()), filter.end_millis.map(|it| it.to_string()));
        let mut query = vec![("type", table_type.name())];
        query.extend(filter.exclude_replaced.then_some(("excludeReplacedSegments", "true")));
        query.extend(start.as_deref().map(|start| ("startTimestamp", start)));
        query.extend(end.as_deref().map(|end| ("endTimestamp", end)));
        query.extend(filter.exclude_overlapping.then_some(("excludeOverlapping", "true")));
        let halves: Vec<BTreeMap<String, Vec<String>>> =
            self.ask("list the segments", &["segments", table], &query).await?;
        Ok(halves.into_iter().filter_map(|mut half| half.remove(table_type.name())).flatten().collect())
    }

    /// What the cluster keeps about one segment: `GET /segments/{t}/{s}/metadata`.
    ///
    /// # Errors
    ///
    /// `not-found` when there is no such segment.
    pub async fn segment_metadata(
        &self,
        table: &str,
        table_type: TableType,
        segment: &str,
    ) -> Result<SegmentZkMetadata> {
        let path = ["segments", &table_type.of(table), segment, "metadata"];
        let record: BTreeMap<String, Json> = self.ask("get the segment's metadata", &path, &[]).await?;
        SegmentZkMetadata::read(segment, record)
    }

    /// What the cluster keeps about all segments of a table, by name: `GET /segments/{t}/zkmetadata`; segment by segment
    /// where Pinot is too old for it.
    ///
    /// # Errors
    ///
    /// `not-found` when there is no such table.
    pub async fn all_segment_metadata(
        &self,
        table: &str,
        table_type: TableType,
    ) -> Result<BTreeMap<String, SegmentZkMetadata>> {
        let call =
            self.get("get the segments' metadata", &["segments", table, "zkmetadata"], &[("type", table_type.name())])?;
        match self.http.send(&call).await {
            Ok(answer) => {
                let records: BTreeMap<String, BTreeMap<String, Json>> = answer.json()?;
                let read =
                    |(name, record): (String, _)| SegmentZkMetadata::read(&name, record).map(|segment| (name, segment));
                records.into_iter().map(read).collect()
            }
            // An old controller takes `zkmetadata` for the name of a segment.
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let names = self.segments(table, table_type, SegmentFilter::default()).await?;
                let questions = names.into_iter().map(|name| async move {
                    match self.segment_metadata(table, table_type, &name).await {
                        Ok(segment) => Ok(Some((name, segment))),
                        // It was deleted in between.
                        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
                        Err(error) => Err(error),
                    }
                });
                let found = stream::iter(questions).buffer_unordered(QUESTIONS);
                found.try_filter_map(|segment| async { Ok(segment) }).try_collect().await
            }
            Err(error) => Err(error),
        }
    }

    /// Deletes segments; those that do not exist are no error: `POST /segments/{t}/delete`. The work goes on after the
    /// answer; files are kept as long as the table's config says.
    ///
    /// `DELETE /segments/{t}?segments=…` is never used: an old controller does not know the parameter and deletes all.
    ///
    /// # Errors
    ///
    /// `not-found` when there is no such table.
    pub async fn delete_segments(&self, table: &str, table_type: TableType, segments: &[String]) -> Result<()> {
        if segments.is_empty() {
            return Ok(());
        }
        let path = ["segments", &table_type.of(table), "delete"];
        let call = self.call("delete the segments", Method::POST, &path, &[])?.json(&segments)?;
        // What is gone stays gone.
        self.http.send(&call.safe_to_repeat()).await?.done()
    }

    /// Writes a segment's archive to a file, which is there whole or not at all: `GET /segments/{t}/{s}`. Returns its
    /// length in bytes.
    ///
    /// # Errors
    ///
    /// `not-found` when there is no such segment, and those of writing the file.
    pub async fn download_segment(&self, table: &str, segment: &str, path: &Path) -> Result<u64> {
        let call = self.get("download the segment", &["segments", table, segment], &[])?;
        Ok(self.http.send(&call.wait(Wait::Transfer).save(path)).await?.saved())
    }
}

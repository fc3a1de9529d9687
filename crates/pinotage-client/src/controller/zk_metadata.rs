//! What the cluster keeps about a segment.

use std::collections::BTreeMap;

use pinotage_common::{Error, ErrorKind, Result};
use pinotage_spec::TimeUnit;
use serde::Deserialize;
use serde_json::Value as Json;

/// What the cluster keeps about a segment.
///
/// # Pinot equivalent
///
/// `org.apache.pinot.common.metadata.segment.SegmentZKMetadata`
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SegmentZkMetadata {
    /// The segment's name.
    pub name: String,
    /// The CRC in its `creation.meta`; none for a segment that is still consuming.
    pub crc: Option<u64>,
    /// Where a segment of a stream stands; none in an OFFLINE table.
    pub status: Option<SegmentStatus>,
    /// The lowest time, in milliseconds since the epoch.
    pub start_millis: Option<i64>,
    /// The highest time, in milliseconds since the epoch.
    pub end_millis: Option<i64>,
    /// The number of rows.
    pub total_docs: Option<u64>,
    /// The length of its archive in bytes. Pinot below 1.0 does not keep it.
    pub size_bytes: Option<u64>,
    /// When it was built, in milliseconds since the epoch.
    pub creation_millis: Option<i64>,
    /// When it was first pushed, in milliseconds since the epoch.
    pub push_millis: Option<i64>,
    /// When it was last replaced by one of the same name, in milliseconds since the epoch.
    pub refresh_millis: Option<i64>,
    /// Where its archive is. Empty: only servers have it.
    pub download_url: Option<String>,
    /// The class that encrypted the archive.
    pub crypter: Option<String>,
    /// What pushers said about it.
    pub custom: BTreeMap<String, String>,
    /// The partitions of its rows, by column.
    pub partitions: BTreeMap<String, ColumnPartition>,
    /// All other fields of the record, by Pinot's keys.
    pub extra: BTreeMap<String, String>,
}

/// Where a segment of a stream stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SegmentStatus {
    /// Servers consume it.
    InProgress,
    /// Servers build it, and already consume the next one.
    Committing,
    /// It is whole.
    Done,
    /// It was pushed.
    Uploaded,
    /// Something that this client does not know.
    Other(String),
}

/// The partitions of a column's values.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ColumnPartition {
    /// The partition function, such as `Murmur`.
    pub function_name: String,
    /// The number of all partitions.
    pub num_partitions: u32,
    /// The partitions that occur.
    #[serde(default)]
    pub partitions: Vec<u32>,
    /// Further arguments of the function.
    #[serde(default)]
    pub function_config: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Partitions {
    #[serde(default)]
    column_partition_map: BTreeMap<String, ColumnPartition>,
}

impl SegmentZkMetadata {
    /// Reads a record.
    pub(super) fn read(name: &str, record: BTreeMap<String, Json>) -> Result<Self> {
        let mut fields = Fields { name, fields: record.into_iter().filter_map(text).collect() };
        let unit = fields.take("segment.time.unit");
        let unit = unit.as_deref().map_or(Some(TimeUnit::Milliseconds), TimeUnit::parse);
        let mut time = |key| Ok::<_, Error>(fields.number(key)?.zip(unit).map(|(value, unit)| unit.to_millis(value)));
        let (start_millis, end_millis) = (time("segment.start.time")?, time("segment.end.time")?);
        let download_url = ["segment.download.url", "segment.offline.download.url", "segment.realtime.download.url"]
            .iter()
            .find_map(|key| fields.take(key));
        Ok(Self {
            crc: fields.number("segment.crc")?,
            status: fields.take("segment.realtime.status").map(|status| match status.as_str() {
                "IN_PROGRESS" => SegmentStatus::InProgress,
                "COMMITTING" => SegmentStatus::Committing,
                "DONE" => SegmentStatus::Done,
                "UPLOADED" => SegmentStatus::Uploaded,
                _ => SegmentStatus::Other(status),
            }),
            start_millis,
            end_millis,
            total_docs: fields.number("segment.total.docs")?,
            size_bytes: fields.number("segment.size.in.bytes")?,
            creation_millis: fields.number("segment.creation.time")?,
            push_millis: fields.number("segment.push.time")?,
            refresh_millis: fields.number("segment.refresh.time")?,
            download_url,
            crypter: fields.take("segment.crypter"),
            custom: fields.json("custom.map")?.unwrap_or_default(),
            partitions: fields
                .json::<Partitions>("segment.partition.metadata")?
                .map(|partitions| partitions.column_partition_map)
                .unwrap_or_default(),
            name: name.to_owned(),
            extra: fields.fields,
        })
    }
}

/// A field as text, whichever way a release writes it.
fn text((key, value): (String, Json)) -> Option<(String, String)> {
    match value {
        Json::Null => None,
        Json::String(text) => Some((key, text)),
        other => Some((key, other.to_string())),
    }
}

struct Fields<'a> {
    name: &'a str,
    fields: BTreeMap<String, String>,
}

impl Fields<'_> {
    /// A field; `null` is how Pinot 0.11 writes none.
    fn take(&mut self, key: &str) -> Option<String> {
        self.fields.remove(key).filter(|text| text != "null")
    }

    /// A number; all that is below zero means none.
    fn number<T: TryFrom<i128>>(&mut self, key: &'static str) -> Result<Option<T>> {
        let Some(text) = self.take(key) else { return Ok(None) };
        let number: i128 = text.trim().parse().map_err(|error| self.bad(key, &text).caused_by(error))?;
        if number < 0 {
            return Ok(None);
        }
        T::try_from(number).map(Some).map_err(|_| self.bad(key, &text))
    }

    fn json<T: serde::de::DeserializeOwned>(&mut self, key: &'static str) -> Result<Option<T>> {
        let Some(text) = self.take(key).filter(|text| !text.is_empty()) else { return Ok(None) };
        serde_json::from_str(&text).map(Some).map_err(|error| self.bad(key, &text).caused_by(error))
    }

    fn bad(&self, key: &str, text: &str) -> Error {
        Error::new(ErrorKind::Unsupported, format!("expected `{key}` of the segment's record to be readable"))
            .with("segment", self.name)
            .with("found", text.chars().take(200).collect::<String>())
            .action("look at the segment's record on the controller; push the segment again when it is damaged")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(record: Json) -> Result<SegmentZkMetadata> {
        SegmentZkMetadata::read("s", serde_json::from_value(record).unwrap())
    }

    #[test]
    fn a_record_of_any_release_is_read() {
        let segment = read(json!({
            "segment.crc": "4149212847", "segment.start.time": "19000", "segment.end.time": 19001, "segment.time.unit": "DAYS",
            "segment.total.docs": "50", "segment.push.time": "-9223372036854775808", "segment.refresh.time": null,
            "segment.realtime.status": "PAUSED", "segment.offline.download.url": "http://c/segments/t/s",
            "custom.map": "{\"job\":\"x\"}", "segment.table.name": "t", "segment.crypter": "null",
            "segment.partition.metadata": "{\"columnPartitionMap\":{\"k\":{\"functionName\":\"Murmur\",\"numPartitions\":4,\
             \"partitions\":[3],\"functionConfig\":null,\"new\":1}}}"
        }))
        .unwrap();
        assert_eq!(segment.crc, Some(4_149_212_847));
        assert_eq!((segment.start_millis, segment.end_millis), (Some(1_641_600_000_000), Some(1_641_686_400_000)));
        assert_eq!((segment.push_millis, segment.refresh_millis, segment.crypter), (None, None, None));
        assert_eq!(segment.status, Some(SegmentStatus::Other("PAUSED".into())));
        assert_eq!(segment.download_url.as_deref(), Some("http://c/segments/t/s"));
        assert_eq!(segment.custom["job"], "x");
        assert_eq!(segment.partitions["k"].partitions, [3]);
        assert_eq!(segment.extra, BTreeMap::from([("segment.table.name".into(), "t".into())]));
    }

    #[test]
    fn a_damaged_record_is_named() {
        for record in [json!({"segment.crc": "x"}), json!({"custom.map": "{"}), json!({"segment.total.docs": "1e99"})] {
            let error = read(record).unwrap_err();
            assert!(error.context().contains(&("segment", "s".into())), "{error}");
        }
    }
}

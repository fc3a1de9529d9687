//! Which kinds of tables take pushed segments, and which segments they take.

use pinotage_common::{Error, Result};
use pinotage_spec::TimeUnit;
use serde_json::Value as Json;

use crate::LocalSegment;

/// Refuses tables that segments cannot be pushed to exactly once.
///
/// # Errors
///
/// `unsupported` for REALTIME tables and for tables whose segments are encrypted.
pub fn check_table(table: &Json) -> Result<()> {
    if table["tableType"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("REALTIME")) {
        return Err(Error::unsupported("segments cannot be pushed to a REALTIME table yet")
            .with("table", table["tableName"].as_str().unwrap_or_default())
            .action("push to the OFFLINE half of the table; queries of the table see both"));
    }
    refuse_encryption(table)
}

fn refuse_encryption(table: &Json) -> Result<()> {
    if let Some(class) = table["segmentsConfig"]["crypterClassName"].as_str().filter(|class| !class.is_empty()) {
        return Err(Error::unsupported(
            "segments of tables with encryption cannot be pushed: they are sent as they are",
        )
        .with("option", "segmentsConfig.crypterClassName")
        .with("class", class)
        .action("encrypt the deep store itself, and take `crypterClassName` out of the table config"));
    }
    Ok(())
}

/// Refuses tables whose segments cannot be replaced by others that have the same rows in another order.
///
/// # Errors
///
/// Those of [`check_table`]; `unsupported` for upsert and dedup tables, where servers know rows by their place in a segment.
pub fn check_rewritable(table: &Json) -> Result<()> {
    check_table(table)?;
    match keyed(table) {
        None => Ok(()),
        Some(kind) => Err(Error::unsupported(format!("segments of {kind} cannot be rewritten"))
            .with("table", table["tableName"].as_str().unwrap_or_default())
            .action("servers decide by a row's place which one of a key counts: load the table anew from its source")),
    }
}

/// Whether [`LocalSegment::partitions`] is looked at for a table: it has upserts or drops duplicates.
pub fn needs_partitions(table: &Json) -> bool {
    keyed(table).is_some()
}

/// How long a table keeps rows, in milliseconds: its controller deletes segments whose latest time is further back.
///
/// # Pinot equivalent
///
/// `RetentionManager`, which leaves REFRESH tables alone
pub fn retention_millis(table: &Json) -> Option<i64> {
    let config = &table["segmentsConfig"];
    let push_type = table["ingestionConfig"]["batchIngestionConfig"]["segmentIngestionType"]
        .as_str()
        .or(config["segmentPushType"].as_str())?;
    let unit = TimeUnit::parse(config["retentionTimeUnit"].as_str()?)?;
    let value = match &config["retentionTimeValue"] {
        Json::String(text) => text.parse().ok()?,
        other => other.as_i64()?,
    };
    (push_type.eq_ignore_ascii_case("APPEND") && value > 0).then(|| unit.to_millis(value))
}

fn keyed(table: &Json) -> Option<&'static str> {
    if table["upsertConfig"]["mode"].as_str().is_some_and(|mode| mode != "NONE") {
        Some("an upsert table")
    } else if table["dedupConfig"]["dedupEnabled"].as_bool() == Some(true) {
        Some("a dedup table")
    } else {
        None
    }
}

/// Refuses a segment that the table would take and answer wrongly from.
///
/// # Errors
///
/// `invalid-data` for a segment of an upsert or dedup table that has rows of more than one partition: rows of a key would
/// be on several servers, and none of them would know which is the latest.
pub(crate) fn check_segment(table: &Json, segment: &LocalSegment) -> Result<()> {
    let Some(kind) = keyed(table) else { return Ok(()) };
    let mut columns = segment.partitions.iter();
    let (Some((column, partitions)), None) = (columns.next(), columns.next()) else {
        return Err(Error::invalid_config(format!(
            "segments of {kind} belong to one partition each, and the table config partitions {}",
            if segment.partitions.is_empty() { "no column" } else { "several columns" }
        ))
        .with("option", "tableIndexConfig.segmentPartitionConfig.columnPartitionMap")
        .action("partition the primary key's column there, as the table's stream is partitioned"));
    };
    if partitions.len() != 1 {
        return Err(Error::invalid_data(format!(
            "segments of {kind} belong to one partition each, and this one has rows of {}",
            partitions.len()
        ))
        .with("segment", &segment.name)
        .with("column", column)
        .action("give each partition's rows in input files of their own"));
    }
    Ok(())
}

/// What is certain about rows that are uploaded to a REALTIME table, to be said before the first of them.
///
/// # Errors
///
/// `unsupported` for tables that drop duplicates, which know keys of consumed rows alone in some releases, and for those whose
/// segments are encrypted.
pub fn check_uploadable(table: &Json) -> Result<&'static str> {
    refuse_encryption(table)?;
    match keyed(table) {
        Some("an upsert table") => Ok(
            "each key's row counts once, however often segments are pushed; segments are seen one by one, as servers load them",
        ),
        Some(kind) => Err(Error::unsupported(format!("segments cannot be pushed to {kind}"))
            .with("table", table["tableName"].as_str().unwrap_or_default())
            .action("load the rows through the table's stream")),
        None => Ok(
            "the table has no primary key: a segment is pushed once by its name, but rows that the stream has too are there twice, and segments are seen one by one",
        ),
    }
}

/// Refuses a segment whose partition a server would not find out.
///
/// # Errors
///
/// Those of [`check_uploadable`] and [`check_segment`].
pub(crate) fn check_uploaded(table: &Json, segment: &LocalSegment) -> Result<()> {
    check_uploadable(table)?;
    let parts: Vec<&str> = segment.name.split("__").collect();
    // Pinot takes the partition from the name before it looks at the metadata.
    if parts.len() == 5 && parts[2].parse::<u32>().is_ok() { Ok(()) } else { check_segment(table, segment) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn retention_is_that_of_append_tables() {
        let table = |kind: &str, value: Json| json!({"segmentsConfig": {"segmentPushType": kind, "retentionTimeUnit": "DAYS", "retentionTimeValue": value}});
        assert_eq!(retention_millis(&table("APPEND", json!("2"))), Some(172_800_000));
        assert_eq!(retention_millis(&table("append", json!(1))), Some(86_400_000));
        assert_eq!(retention_millis(&table("REFRESH", json!("2"))), None);
        assert_eq!(retention_millis(&table("APPEND", json!("many"))), None);
        assert_eq!(retention_millis(&json!({"segmentsConfig": {"segmentPushType": "APPEND"}})), None);
    }
}

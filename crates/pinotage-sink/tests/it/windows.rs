//! Rows of a window of time go to one segment.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use pinotage_connector::{Context, Prepared, Sink};
use pinotage_segment::read::Segment;
use pinotage_sink::writer::{Destination, EventTime, PinotSink, Sealing};
use pinotage_spec::{PinotVersion, Schema, TableConfig, Value};
use tempfile::TempDir;

const DAY: i64 = 86_400_000;
const BEGIN: i64 = 20_000 * DAY;

fn sink_of(folder: &TempDir, event_time: EventTime, table: &str) -> pinotage_common::Result<PinotSink> {
    let schema = r#"{"schemaName": "t", "dimensionFieldSpecs": [{"name": "id", "dataType": "LONG"}], "dateTimeFieldSpecs": [
        {"name": "at", "dataType": "LONG", "format": "1:MILLISECONDS:EPOCH", "granularity": "1:MILLISECONDS"}]}"#;
    let sealing = Sealing {
        max_rows: 1_000_000,
        max_bytes: 64 << 20,
        task_bytes: 128 << 20,
        max_age: None,
        event_time: Some(event_time),
        queue: 2,
    };
    let documents = (Schema::from_json(schema)?, TableConfig::from_json(table)?, PinotVersion::NEWEST);
    let to = Destination::Folder { path: folder.path().join("out"), archives: None };
    let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap());
    PinotSink::try_new(documents, folder.path().join("staging"), sealing, to, pool)
}

const TABLE: &str = r#"{"tableName": "t", "tableType": "OFFLINE", "segmentsConfig": {"timeColumnName": "at"},
    "tableIndexConfig": {"nullHandlingEnabled": true}}"#;

fn days() -> EventTime {
    EventTime { window: Duration::from_millis(DAY as u64), column: None, lateness: None }
}

/// Rows at these times, counted in hours.
fn at(hours: impl IntoIterator<Item = i64>) -> RecordBatch {
    let times: Vec<i64> = hours.into_iter().map(|hour| BEGIN + hour * 3_600_000).collect();
    let times: ArrayRef = Arc::new(Int64Array::from(times));
    RecordBatch::try_from_iter([("id", times.clone()), ("at", times)]).unwrap()
}

/// First and last day, and rows, of each segment, by name.
fn segments(folder: &TempDir) -> Vec<(i64, i64, u32)> {
    let Ok(entries) = fs::read_dir(folder.path().join("out")) else { return Vec::new() };
    let mut found: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .map(|path| {
            let segment = Segment::open(&path).unwrap();
            let metadata = segment.metadata();
            let range = &metadata.columns.iter().find(|(name, _)| *name == "at").unwrap().1;
            let day = |value: &Option<Value>| match value {
                Some(Value::Long(millis)) => (millis - BEGIN).div_euclid(DAY),
                other => panic!("{other:?}"),
            };
            (day(&range.min), day(&range.max), metadata.num_docs)
        })
        .collect();
    found.sort_unstable();
    found
}

fn commit(sink: &PinotSink, context: &Context, prepared: &Prepared) {
    sink.committer(context).unwrap().commit(&prepared.committables).unwrap();
}

fn open_windows(prepared: &Prepared) -> usize {
    prepared.open.iter().filter(|open| !open.detail.contains("\"sealed\":{")).count()
}

/// Three days at once, a crash between: each has a segment of its own, sealed as soon as it is over.
#[test]
fn each_window_has_its_segment() {
    let folder = tempfile::tempdir().unwrap();
    let sink = sink_of(&folder, days(), TABLE).unwrap();
    let context = Context::new("j", "0");
    let mut writer = sink.open(Vec::new(), &context).unwrap();
    writer.write(0, at([0, 30, 1, 47, 2])).unwrap();
    let prepared = writer.prepare(1, false).unwrap();
    assert_eq!(open_windows(&prepared), 2);
    drop(writer);
    let context = Context { epoch: 1, ..Context::new("j", "0") };
    let mut writer = sink.open(prepared.open, &context).unwrap();
    // An hour later than a day behind the end of the first day: it is over, and what comes late goes elsewhere.
    writer.write(0, at([23, 49, 48])).unwrap();
    writer.write(0, at([3, 50])).unwrap();
    let prepared = writer.prepare(2, true).unwrap();
    assert_eq!((open_windows(&prepared), prepared.open.len()), (0, 0));
    commit(&sink, &context, &prepared);
    let found = segments(&folder);
    assert_eq!(found, [(0, 0, 1), (0, 0, 4), (1, 1, 2), (2, 2, 3)]);
    let by: BTreeMap<&str, u64> = context.metrics.now();
    assert_eq!(
        (by["segments sealed by event time"], by["segments sealed by the end"], by["segments sealed"]),
        (1, 3, 4)
    );
}

/// An engine says how far the time is; the latest row does not, then.
#[test]
fn a_watermark_seals() {
    let folder = tempfile::tempdir().unwrap();
    let sink = sink_of(&folder, days(), TABLE).unwrap().with_shared_partitions();
    let context = Context::new("j", "0");
    let mut writer = sink.open(Vec::new(), &context).unwrap();
    writer.write(0, at(0..24 * 5)).unwrap();
    assert_eq!(open_windows(&writer.prepare(1, false).unwrap()), 5);
    writer.watermark(BEGIN + DAY - 2).unwrap();
    assert_eq!(open_windows(&writer.prepare(2, false).unwrap()), 5);
    writer.watermark(BEGIN + 3 * DAY).unwrap();
    assert_eq!(context.metrics.now()["segments sealed by event time"], 3);
    let prepared = writer.prepare(3, true).unwrap();
    commit(&sink, &context, &prepared);
    assert_eq!(segments(&folder).len(), 5);
}

/// No more windows are open than a task has room for, and rows of any number of days are all there.
#[test]
fn windows_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let sink = sink_of(&folder, days(), TABLE).unwrap().with_shared_partitions();
    let context = Context::new("j", "0");
    let mut writer = sink.open(Vec::new(), &context).unwrap();
    for round in 0..2 {
        writer.write(0, at((0..200).map(|day| day * 24 + round))).unwrap();
    }
    let prepared = writer.prepare(1, false).unwrap();
    assert!(open_windows(&prepared) <= 128, "{}", prepared.open.len());
    commit(&sink, &context, &prepared);
    let prepared = writer.prepare(2, true).unwrap();
    commit(&sink, &context, &prepared);
    let found = segments(&folder);
    assert_eq!(found.iter().map(|segment| segment.2).sum::<u32>(), 400);
    assert!(found.iter().all(|segment| segment.0 == segment.1), "{found:?}");
}

/// What has no time cannot be put together by it.
#[test]
fn wrong_columns_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let without = r#"{"tableName": "t", "tableType": "OFFLINE"}"#;
    for (event_time, table) in [
        (days(), without),
        (EventTime { column: Some("id".into()), ..days() }, TABLE),
        (EventTime { column: Some("gone".into()), ..days() }, TABLE),
        (EventTime { window: Duration::ZERO, ..days() }, TABLE),
    ] {
        let error = sink_of(&folder, event_time, table).err().unwrap();
        assert_eq!(error.kind().name(), "invalid-config");
        assert!(format!("{error:?}").contains("sink.segment.eventTime"), "{error:?}");
    }
}

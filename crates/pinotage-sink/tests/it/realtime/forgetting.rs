//! Tables whose servers forget keys.

use std::collections::BTreeMap;
use std::sync::Mutex;

use pinotage_common::ErrorKind;
use pinotage_connector::{Context, Sink as _, by_partition};
use pinotage_sink::publish::{Publication, PushObserver, PushOptions, publish};
use pinotage_sink::upsert::{CreationTimes, KeySerializer, Ties};
use pinotage_sink::writer::{Destination, PinotSink, Upload};
use pinotage_testkit::cluster::eventually;
use serde_json::json;

use super::{Meanwhile, Row, Stream, T, add, row};
use crate::places::Place;
use crate::upsert::batch;
use crate::writer::{pool, sealing};

/// Why rows outside `metadataTTL` are refused.
#[tokio::test]
async fn rows_outside_the_time_to_live_would_be_there_twice() {
    let more = json!({
        "primaryKeyColumns": ["k"],
        "upsertConfig": {"mode": "FULL", "metadataTTL": 100, "snapshot": "ENABLE"},
    });
    let Some(stream) = Stream::new(Place::Modern, "live_ttl", "INT", KeySerializer::Int, more) else { return };
    let live: Vec<Row> = (0..40).map(|key| row(key, T + 1000, "live")).collect();
    stream.produce(&live);
    let mut held = BTreeMap::new();
    add(&mut held, &live, true);
    stream.holds(&held).await;
    let upserts = stream.upserts().unwrap();
    let live = batch(&stream.schema, &live.iter().map(|row| stream.json(row)).collect::<Vec<_>>());
    let bound = upserts.greatest(&live).unwrap().unwrap() - upserts.time_to_live().unwrap().span;
    let outside = |of: &[Row]| of.iter().filter(|row| (row.time as f64) < bound).count();
    // Late rows inside of it lose, as they should.
    let late: Vec<Row> = (0..10).map(|key| row(key, T + 900, "late")).collect();
    assert_eq!(outside(&late), 0);
    stream.push(&stream.build(1, &late, 1, Ties::Live).await).await.unwrap();
    stream.holds(&held).await;
    let too_late: Vec<Row> = (0..10).map(|key| row(key, T + 899, "too late")).collect();
    assert_eq!(outside(&too_late), 10);
    stream.push(&stream.build(2, &too_late, 1, Ties::Live).await).await.unwrap();
    stream.cluster.await_count("live_ttl", 50);
    // Whoever knows that looks before the first segment comes.
    let publication = async |epoch: u64, rows: &[Row]| {
        let to = stream.build(epoch, rows, 1, Ties::Live).await;
        Publication { to, time_to_live: upserts.time_to_live(), ..Publication::default() }
    };
    let push = async |publication: &Publication, observer: &dyn PushObserver, options: &PushOptions| {
        publish(&stream.target, stream.table.json(), publication, options, observer).await
    };
    let options = PushOptions::default();
    let one_too_late: Vec<Row> = (10..30).map(|key| row(key, T + 900 - i64::from(key == 25), "one too late")).collect();
    let refused = publication(3, &one_too_late).await;
    let error = push(&refused, &(), &options).await.unwrap_err();
    let text = error.to_string();
    assert!(
        error.kind() == ErrorKind::InvalidData && text.contains("metadataTTL") && text.contains("segment"),
        "{text}"
    );
    let snapshot = stream.target.snapshot().await.unwrap();
    assert!(refused.to.iter().all(|segment| !snapshot.holds(&segment.name)), "{snapshot:?}");
    let in_time: Vec<Row> = (30..50).map(|key| row(key, T + 900, "in time")).collect();
    push(&publication(4, &in_time).await, &(), &options).await.unwrap();
    stream.cluster.await_count("live_ttl", 60);
    // Nobody would see whether they came in time.
    let unseen = PushOptions { wait_seconds: 0, ..PushOptions::default() };
    assert_eq!(push(&refused, &(), &unseen).await.unwrap_err().kind(), ErrorKind::InvalidConfig);
    // The stream goes on meanwhile: that is an error, once, and no reason to stop for who comes after.
    let goes_on = || {
        stream.produce(&[row(7, T + 5000, "live")]);
        let sql = "SELECT max(t) FROM live_ttl";
        eventually("the row of the stream", || {
            let answer = stream.cluster.query(sql);
            let greatest = answer["resultTable"]["rows"][0][0].as_f64();
            (greatest == Some((T + 5000) as f64)).then_some(()).ok_or_else(|| answer.to_string())
        });
    };
    let passed: Vec<Row> = (50..60).map(|key| row(key, T + 1000, "passed")).collect();
    let passed = publication(5, &passed).await;
    let meanwhile = Meanwhile(Mutex::new(Some(Box::new(goes_on))));
    // All of them begin before the first one is there.
    let together = PushOptions { parallelism: 100, ..PushOptions::default() };
    let error = push(&passed, &meanwhile, &together).await.unwrap_err();
    assert!(error.kind() == ErrorKind::CommitConflict && error.message().contains("gone on"), "{error}");
    let told = Told::default();
    push(&passed, &told, &options).await.unwrap();
    let told = told.0.into_inner().unwrap();
    assert!(told.len() == 1 && told[0].contains("gone on"), "{told:?}");
    stream.cluster.await_count("live_ttl", 70);
}

/// Remembers warnings.
#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl PushObserver for Told {
    fn warning(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }
}

/// What the rule of rows outside the time to live stands on: when servers forget, and what an uploaded row does then.
#[tokio::test]
async fn servers_forget_keys_as_a_consuming_segment_begins() {
    let upserts = json!({"mode": "FULL", "metadataTTL": 1000, "snapshot": "ENABLE",
        "deleteRecordColumn": "gone", "deletedKeysTTL": 100});
    let more = json!({"primaryKeyColumns": ["k"], "upsertConfig": upserts});
    let Some(stream) = Stream::new(Place::Modern, "live_forgets", "INT", KeySerializer::Int, more) else { return };
    let mut held = BTreeMap::new();
    let mut produce = |rows: Vec<Row>| {
        stream.produce(&rows);
        add(&mut held, &rows, true);
        held.clone()
    };
    produce((0..40).map(|key| row(key, T, "live")).collect());
    produce((0..8).map(|key| Row { gone: true, ..row(key, T + 1, "live") }).collect());
    // Above 25 rows of each partition, so that the second consuming segment has begun when queries see all of them.
    let mut held = produce((1000..1320).map(|key| row(key, T + 500, "live")).collect());
    stream.holds(&held).await;
    // Rows older than a deletion that is forgotten bring their keys back, and would have been refused.
    let older: Vec<Row> = (0..8).map(|key| row(key, T - 10, "older")).collect();
    let segments = stream.build(1, &older, 1, Ties::Live).await;
    let ttl = stream.upserts().unwrap().time_to_live();
    assert_eq!(ttl.as_ref().unwrap().option, "deletedKeysTTL");
    let guarded = Publication { to: segments.clone(), time_to_live: ttl, ..Publication::default() };
    let refused = publish(&stream.target, stream.table.json(), &guarded, &PushOptions::default(), &()).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidData);
    stream.push(&segments).await.unwrap();
    held.extend(older.iter().map(|row| (row.key, *row)));
    stream.holds(&held).await;
    // Keys that are forgotten are there twice when one of their rows comes, in a segment with rows inside of the time to live too.
    let live: Vec<Row> = (2000..2320).map(|key| row(key, T + 5000, "live")).collect();
    stream.produce(&live);
    add(&mut held, &live, true);
    stream.holds(&held).await;
    let older = (10..20).map(|key| row(key, T - 5, "older"));
    let older: Vec<Row> = older.chain((3000..3040).map(|key| row(key, T + 4999, "inside"))).collect();
    stream.push(&stream.build(2, &older, 1, Ties::Live).await).await.unwrap();
    stream.cluster.await_count("live_forgets", 680 + 10 + 40);
    // So it is with newer rows of such keys, from the stream as well: that is what the option says.
    let newer = |keys: std::ops::Range<i32>, from| keys.map(move |key| row(key, T + 4500, from)).collect::<Vec<Row>>();
    stream.push(&stream.build(3, &newer(20..30, "newer"), 1, Ties::Live).await).await.unwrap();
    stream.cluster.await_count("live_forgets", 730 + 10);
    stream.produce(&newer(30..34, "live"));
    stream.cluster.await_count("live_forgets", 740 + 4);
}

/// Rows that a process has accepted count for the next one too, whether they are open or wait as a segment.
#[test]
fn rows_that_were_accepted_before_count() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let more = json!({
        "primaryKeyColumns": ["k"],
        "upsertConfig": {"mode": "FULL", "metadataTTL": 100, "snapshot": "ENABLE"},
    });
    let Some(stream) = Stream::new(Place::Modern, "live_recall", "INT", KeySerializer::Int, more) else { return };
    let live: Vec<Row> = (0..8).map(|key| row(key, T, "live")).collect();
    stream.produce(&live);
    stream.cluster.await_count("live_recall", 8);
    let snapshot = runtime.block_on(stream.target.snapshot()).unwrap();
    let sink = || {
        let upload = Upload { version: stream.version, key: stream.key.clone() };
        let times = CreationTimes::of(&snapshot, Ties::Live, stream.version, T).unwrap();
        let to = Destination::Folder {
            path: stream.folder.path().join("out"),
            archives: Some(pinotage_common::ArchiveLevel::default()),
        };
        let staging = stream.folder.path().join("staging");
        let documents = (stream.schema.clone(), stream.table.clone());
        let sink = PinotSink::beside_stream(documents, staging, sealing(1000), to, (upload, times), pool()).unwrap();
        sink.watching(&stream.target, runtime.handle().clone(), 0).unwrap()
    };
    let rows = |time: i64| batch(&stream.schema, &[stream.json(&row(1, time, "own"))]);
    let refused = |sink: &PinotSink, time: i64| sink.refused(&rows(time)).unwrap().len();
    let context = Context::new("j", "0123456789abcdef");
    let first = sink();
    assert_eq!((refused(&first, T - 101), refused(&first, T - 100), refused(&first, T + 50)), (1, 0, 0));
    let mut writer = first.open(Vec::new(), &context).unwrap();
    for (partition, part) in by_partition(&first, rows(T + 50), 0).unwrap() {
        writer.write(partition, part).unwrap();
    }
    let open = writer.prepare(1, false).unwrap().open;
    let second = sink();
    assert_eq!(refused(&second, T - 60), 0);
    second.recall(&open, [], &context).unwrap();
    assert_eq!((refused(&second, T - 60), refused(&second, T - 50)), (1, 0));
    let waiting = writer.prepare(2, true).unwrap().committables;
    let third = sink();
    assert_eq!(refused(&third, T - 60), 0);
    third.recall([], &waiting, &context).unwrap();
    assert_eq!((refused(&third, T - 60), refused(&third, T - 50)), (1, 0));
}

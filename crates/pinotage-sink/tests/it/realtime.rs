//! Uploaded segments beside a stream that servers consume.

mod forgetting;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::{filter_record_batch, take_record_batch};
use pinotage_client::{Controller, SegmentStatus, TableType};
use pinotage_common::{ByteSize, ErrorKind, Result};
use pinotage_connector::Lives;
use pinotage_segment::write::{NameInput, SegmentBuilder};
use pinotage_sink::publish::{History, Mark, Publication, PushObserver, PushOptions, publish};
use pinotage_sink::upsert::partial::merge;
use pinotage_sink::upsert::{
    CreationTimes, KeySerializer, Latest, StreamKey, Ties, UploadedSegment, UpsertTable, check_parity,
    partition_metadata,
};
use pinotage_sink::{LocalSegment, Target, check_uploadable};
use pinotage_spec::{PinotVersion, Schema, SegmentNameGenerator, TableConfig};
use pinotage_testkit::cluster::{Cluster, Options, Topic, Version, eventually};
use serde_json::{Value as Json, json};

use crate::places::{Place, connection, in_all_places};
use crate::support::damage;
use crate::upsert::batch;

in_all_places!(@ modern Modern string_keys_at_parallelism_1 int_keys_at_parallelism_3 long_keys_at_parallelism_8
    a_table_without_primary_key_is_pushed_once_by_name the_stream_goes_on_from_merged_rows
    copies_of_a_state_show_each_other_one_segment
    what_could_not_be_loaded_is_pushed_again_and_other_bytes_never);
in_all_places!(@ oldest Oldest string_keys_at_parallelism_1 int_keys_at_parallelism_3 long_keys_at_parallelism_8
    a_table_without_primary_key_is_pushed_once_by_name the_stream_goes_on_from_merged_rows
    copies_of_a_state_show_each_other_one_segment
    what_could_not_be_loaded_is_pushed_again_and_other_bytes_never);

const T: i64 = 1_700_000_000_000;
const PARTITIONS: u32 = 8;

/// A REALTIME table with a stream, and what it should hold.
struct Stream<'a> {
    cluster: &'a Cluster,
    version: PinotVersion,
    target: Target,
    topic: Topic,
    schema: Schema,
    table: TableConfig,
    key: StreamKey,
    kind: &'static str,
    folder: tempfile::TempDir,
}

/// A row: key, time, where it came from, whether it deletes its key.
#[derive(Clone, Copy, Debug)]
struct Row {
    key: i32,
    time: i64,
    from: &'static str,
    gone: bool,
}

fn row(key: i32, time: i64, from: &'static str) -> Row {
    Row { key, time, from, gone: false }
}

impl<'a> Stream<'a> {
    fn new(place: Place, name: &str, kind: &'static str, serializer: KeySerializer, more: Json) -> Option<Self> {
        let version = PinotVersion::parse(if place == Place::Oldest { "0.11.0" } else { "1.5.1" }).unwrap();
        Some(Self::of(place.cluster()?, version, name, (kind, serializer), more))
    }

    /// A table of a cluster: with columns `k`, the key, `v`, `t`, `gone` and those of `more`.
    fn of(
        cluster: &'a Cluster,
        version: PinotVersion,
        name: &str,
        (kind, serializer): (&'static str, KeySerializer),
        more: Json,
    ) -> Self {
        let topic = cluster.create_topic(name, PARTITIONS);
        let time =
            json!({"name": "t", "dataType": "LONG", "format": "1:MILLISECONDS:EPOCH", "granularity": "1:MILLISECONDS"});
        let fields = [("k", kind), ("v", "STRING"), ("gone", "BOOLEAN")];
        let mut fields: Vec<Json> = fields.iter().map(|(name, kind)| json!({"name": name, "dataType": kind})).collect();
        fields.extend(more["fields"].as_array().into_iter().flatten().cloned());
        let mut schema = json!({"schemaName": name, "dimensionFieldSpecs": fields, "dateTimeFieldSpecs": [time]});
        let mut table = json!({
            "tableName": format!("{name}_REALTIME"), "tableType": "REALTIME", "tenants": {}, "metadata": {},
            "segmentsConfig": {"timeColumnName": "t", "replication": "1", "replicasPerPartition": "1", "schemaName": name},
            "tableIndexConfig": {"loadMode": "MMAP", "streamConfigs": topic.stream_configs(25)},
            "routing": {"instanceSelectorType": "strictReplicaGroup"},
        });
        for (key, value) in more.as_object().unwrap() {
            match key.as_str() {
                "fields" => {}
                "primaryKeyColumns" => schema[key] = value.clone(),
                "nullHandlingEnabled" => table["tableIndexConfig"][key] = value.clone(),
                "columnPartitionMap" => table["tableIndexConfig"]["segmentPartitionConfig"] = json!({ key: value }),
                _ => table[key] = value.clone(),
            }
        }
        cluster.create_table(&schema, &table);
        let target = Target::realtime(Controller::new(&connection(cluster)).unwrap(), name);
        Self {
            cluster,
            version,
            target,
            topic,
            schema: Schema::from_document(schema).unwrap(),
            table: TableConfig::from_document(table).unwrap(),
            key: StreamKey { columns: vec!["k".into()], serializer, partitions: PARTITIONS },
            kind,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn json(&self, row: &Row) -> Json {
        let key = if self.kind == "STRING" { json!(format!("key {}", row.key)) } else { json!(row.key) };
        json!({"k": key, "t": row.time, "v": row.from, "gone": row.gone})
    }

    /// Rows by partition, in their order.
    fn split(&self, rows: &[Row]) -> BTreeMap<u32, Vec<Json>> {
        let rows: Vec<Json> = rows.iter().map(|row| self.json(row)).collect();
        let partitions = self.key.partitions(&batch(&self.schema, &rows)).unwrap();
        let mut split: BTreeMap<u32, Vec<Json>> = BTreeMap::new();
        for (row, partition) in rows.into_iter().zip(&partitions) {
            split.entry(partition.unwrap()).or_default().push(row);
        }
        split
    }

    /// Rows for servers to consume.
    fn produce(&self, rows: &[Row]) {
        self.split(rows).into_iter().for_each(|(partition, rows)| self.topic.publish(partition, rows));
    }

    /// The segments of an epoch: partitions are shared out among writers, who do not know of each other.
    async fn build(&self, epoch: u64, rows: &[Row], parallelism: u32, ties: Ties) -> Vec<LocalSegment> {
        let rows: Vec<Json> = rows.iter().map(|row| self.json(row)).collect();
        self.build_of(epoch, &batch(&self.schema, &rows), parallelism, ties).await
    }

    async fn build_of(&self, epoch: u64, rows: &RecordBatch, parallelism: u32, ties: Ties) -> Vec<LocalSegment> {
        let snapshot = self.target.snapshot().await.unwrap();
        let upserts = self.upserts();
        let partitions = self.key.partitions(rows).unwrap();
        let mut segments = Vec::new();
        for writer in 0..parallelism {
            let mut times = CreationTimes::of(&snapshot, ties, self.version, T).unwrap();
            for partition in (0..PARTITIONS).filter(|partition| partition % parallelism == writer) {
                let own = (0..rows.num_rows() as u32).filter(|row| partitions.value(*row as usize) == partition);
                let own = take_record_batch(rows, &UInt32Array::from_iter_values(own)).unwrap();
                if own.num_rows() == 0 {
                    continue;
                }
                let mut kept = own.clone();
                if let Some(upserts) = &upserts {
                    let mut latest = Latest::try_new(upserts).unwrap();
                    latest.push(&own).unwrap();
                    kept = filter_record_batch(&own, &latest.finish().keep[0]).unwrap();
                }
                let creation_millis = times.take().unwrap();
                let table = self.table.raw_name();
                let name = UploadedSegment { table, job: "job", run: "r1", epoch, partition, seq: 0, creation_millis };
                let name = name.name(self.version).unwrap();
                let mut builder = SegmentBuilder::try_new(&self.schema, &self.table).unwrap();
                if let Some((column, metadata)) =
                    partition_metadata(&self.table, &self.key, partition, self.version).unwrap()
                {
                    builder.set_partition(column, metadata);
                }
                builder.append(&kept).unwrap();
                let generator = SegmentNameGenerator::Fixed { name };
                let built =
                    builder.finish(&NameInput { generator: &generator, sequence: None }, creation_millis).unwrap();
                let folder = self.folder.path().join(format!("{epoch}"));
                segments.push(LocalSegment::open(&built.write_dir(&folder).unwrap()).unwrap());
            }
        }
        segments
    }

    fn upserts(&self) -> Option<UpsertTable> {
        UpsertTable::read(&self.schema, &self.table, self.version).unwrap()
    }

    async fn push(&self, segments: &[LocalSegment]) -> Result<()> {
        let publication = Publication { to: segments.to_vec(), ..Publication::default() };
        publish(&self.target, self.table.json(), &publication, &PushOptions::default(), &()).await
    }

    /// Waits until queries see these rows and no others.
    async fn holds(&self, expected: &BTreeMap<i32, Row>) {
        let expected = expected.values().filter(|row| !row.gone).map(|row| {
            let row = self.json(row);
            format!("{} {} {}", row["k"], row["t"].as_i64().unwrap() - T, row["v"])
        });
        let mut expected: Vec<String> = expected.collect();
        expected.sort();
        let sql = format!("SELECT k, t, v FROM {} LIMIT 10000", self.target.table);
        let end = Instant::now() + Duration::from_secs(120);
        loop {
            let answer = self.cluster.query(&sql);
            let rows = answer["resultTable"]["rows"].as_array().cloned().unwrap_or_default();
            let mut found: Vec<String> =
                rows.iter().map(|row| format!("{} {} {}", row[0], row[1].as_i64().unwrap() - T, row[2])).collect();
            found.sort();
            if found == expected && answer["exceptions"] == json!([]) {
                return;
            }
            let different = || found.iter().filter(|row| !expected.contains(row)).take(5).collect::<Vec<_>>();
            let missing = || expected.iter().filter(|row| !found.contains(row)).take(5).collect::<Vec<_>>();
            assert!(
                Instant::now() < end,
                "{} rows instead of {}: {:?} instead of {:?}, {}",
                found.len(),
                expected.len(),
                different(),
                missing(),
                answer["exceptions"]
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// What a table should hold, row by row: of equal rows the later one counts, or the one that is there.
fn add(held: &mut BTreeMap<i32, Row>, rows: &[Row], replaces_equal: bool) {
    for row in rows {
        let wins = held
            .get(&row.key)
            .is_none_or(|held| if replaces_equal { row.time >= held.time } else { row.time > held.time });
        if wins {
            held.insert(row.key, *row);
        }
    }
}

async fn string_keys_at_parallelism_1(place: Place) {
    let murmur = json!({"k": {"functionName": "Murmur", "numPartitions": PARTITIONS}});
    bootstrap(place, "live_string", "STRING", KeySerializer::String, 1, json!({"columnPartitionMap": murmur})).await;
}

async fn int_keys_at_parallelism_3(place: Place) {
    bootstrap(place, "live_int", "INT", KeySerializer::Int, 3, json!({})).await;
}

async fn long_keys_at_parallelism_8(place: Place) {
    bootstrap(place, "live_long", "LONG", KeySerializer::Long, 8, json!({})).await;
}

/// A table that consumes gets its history, and goes on consuming.
async fn bootstrap(
    place: Place,
    name: &str,
    kind: &'static str,
    serializer: KeySerializer,
    parallelism: u32,
    mut more: Json,
) {
    more["primaryKeyColumns"] = json!(["k"]);
    more["upsertConfig"] = match place {
        Place::Oldest => json!({"mode": "FULL"}),
        _ => json!({"mode": "FULL", "deleteRecordColumn": "gone"}),
    };
    let Some(stream) = Stream::new(place, name, kind, serializer, more) else { return };
    bootstrap_of(&stream, parallelism).await;
}

/// Each partition is on one server: there its uploaded segments have to go too.
#[tokio::test]
async fn uploaded_segments_go_to_the_servers_of_their_partitions() {
    let options = Options { version: Version::V0_11, servers: 2, ..Options::default() };
    let Some(cluster) = Cluster::start(&options) else { return };
    let more = json!({"primaryKeyColumns": ["k"], "upsertConfig": {"mode": "FULL"}});
    let key = ("LONG", KeySerializer::Long);
    bootstrap_of(&Stream::of(&cluster, PinotVersion::OLDEST, "live_servers", key, more), 3).await;
}

async fn bootstrap_of(stream: &Stream<'_>, parallelism: u32) {
    let deletes = stream.version.upsert_deletes();
    assert!(check_uploadable(stream.table.json()).unwrap().contains("counts once"));
    let mut held = BTreeMap::new();
    // By the stream: two rows of each of 240 keys, in committed segments and in consuming ones.
    let live: Vec<Row> =
        (0..480).map(|at| row(at % 240, T + i64::from(at % 5) * 10 + i64::from(at / 240), "live")).collect();
    stream.produce(&live);
    add(&mut held, &live, true);
    stream.holds(&held).await;
    // The key is the stream's, and another one is not.
    let known = |key: &StreamKey| {
        let split = stream.split(&live).into_iter();
        check_parity(key, split.map(|(partition, rows)| Ok((batch(&stream.schema, &rows), partition))))
    };
    assert_eq!(known(&stream.key).unwrap(), 480);
    let error = known(&StreamKey { partitions: 7, ..stream.key.clone() }).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{error}");

    // The history of keys 120 to 400: late, equal, newer, and deleted; each with a row that loses to its own kind.
    let history = |at: i32| {
        let time = held.get(&at).map_or(T, |row: &Row| row.time);
        let time = time + [-5, 0, 5, 5][at as usize % 4];
        let last = Row { gone: deletes && at % 4 == 3, ..row(at, time, "history") };
        [row(at, time - 1, "loser"), row(at, time, "earlier"), last, row(at, time - 2, "loser")]
    };
    let history: Vec<Row> = (120..400).flat_map(history).collect();
    let first = stream.build(1, &history, parallelism, Ties::Live).await;
    assert_eq!(first.len(), PARTITIONS as usize);
    assert_eq!(first.iter().map(|segment| segment.num_docs).sum::<u64>(), 280);
    // A run that is cut short after some, and runs again.
    stream.push(&first[..3]).await.unwrap();
    stream.push(&first).await.unwrap();
    let mut own = BTreeMap::new();
    add(&mut own, &history, true);
    add(&mut held, &own.values().copied().collect::<Vec<_>>(), false);
    stream.holds(&held).await;

    // A second epoch has rows that are equal to those of the first: the later segment wins, since Pinot 1.2.
    let again: Vec<Row> = (300..350).map(|at| row(at, own[&at].time + i64::from(at % 2), "second")).collect();
    let second = stream.build(2, &again, parallelism, Ties::Live).await;
    stream.push(&second).await.unwrap();
    add(&mut held, &again, stream.version.loads_uploaded_names());
    stream.holds(&held).await;

    // The stream goes on: late rows lose, equal ones win, deleted keys come back.
    let live: Vec<Row> = (200..360).map(|at| row(at, held[&at].time + i64::from(at % 3 - 1), "live again")).collect();
    stream.produce(&live);
    add(&mut held, &live, true);
    stream.holds(&held).await;

    // Once more all of it: nothing changes.
    stream.push(&first).await.unwrap();
    stream.push(&second).await.unwrap();
    stream.holds(&held).await;
    let snapshot = stream.target.snapshot().await.unwrap();
    assert_eq!(StreamKey::resolve(Some(&stream.key), &stream.schema, &snapshot).unwrap(), stream.key);
    let uploaded = snapshot.segments.values().filter(|it| it.status == Some(SegmentStatus::Uploaded)).count();
    assert_eq!(uploaded, first.len() + second.len());
    // Segments of the stream are there that were committed before and after the push.
    let done = snapshot.segments.values().filter(|it| it.status == Some(SegmentStatus::Done)).count();
    assert!(done >= PARTITIONS as usize, "{done}");
    // All segments of a partition are on one server.
    let ideal = stream.target.controller.ideal_state(&stream.target.table, TableType::Realtime).await.unwrap();
    let mut servers: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, replicas) in ideal {
        let partition = match name.split("__").collect::<Vec<_>>()[..] {
            [_, partition, _, _] | [_, _, partition, _, _] => partition.to_owned(),
            _ => name.rsplit('_').nth(1).unwrap().to_owned(),
        };
        servers.entry(partition).or_default().extend(replicas.into_keys());
    }
    assert_eq!(servers.len(), PARTITIONS as usize, "{servers:?}");
    assert!(servers.values().all(|servers| servers.len() == 1), "{servers:?}");
    let all: BTreeSet<&String> = servers.values().flatten().collect();
    assert_eq!(all.len(), stream.cluster.servers.len());
}

async fn a_table_without_primary_key_is_pushed_once_by_name(place: Place) {
    let name = "live_rows";
    let Some(stream) = Stream::new(place, name, "INT", KeySerializer::Int, json!({"routing": {}})) else { return };
    assert!(check_uploadable(stream.table.json()).unwrap().contains("no primary key"));
    stream.produce(&(0..20).map(|key| row(key, T, "live")).collect::<Vec<_>>());
    let history: Vec<Row> = (20..60).map(|key| row(key, T, "history")).collect();
    let segments = stream.build(1, &history, 1, Ties::Live).await;
    stream.push(&segments).await.unwrap();
    stream.push(&segments).await.unwrap();
    let all = (0..60).map(|key| (key, row(key, T, if key < 20 { "live" } else { "history" })));
    stream.holds(&all.collect()).await;
    // Segments replace none.
    let publication = Publication { to: segments, overwrite: true, ..Publication::default() };
    let error =
        publish(&stream.target, stream.table.json(), &publication, &PushOptions::default(), &()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
}

/// Does something when the first segment is there.
struct Meanwhile<'a>(Mutex<Option<Box<dyn FnOnce() + Send + 'a>>>);

impl PushObserver for Meanwhile<'_> {
    fn pushed(&self, _bytes: ByteSize) {
        let act = self.0.lock().unwrap().take();
        act.into_iter().for_each(|act| act());
    }
}

/// Nothing hides what is uploaded to a table without primary key: of two copies of a state the later one is refused, with one
/// segment at most of its own in the table.
async fn copies_of_a_state_show_each_other_one_segment(place: Place) {
    let Some(stream) = Stream::new(place, "live_copies", "INT", KeySerializer::Int, json!({"routing": {}})) else {
        return;
    };
    let publication = async |life: &str, epoch: u64, keys: std::ops::Range<i32>| {
        let mut lives = Lives::default();
        [("common", 0), (life, 1)].into_iter().for_each(|(life, behind)| lives.begin(life, behind));
        let history = History { mark: Mark { job: "j".into(), run: "r".into(), epoch }, lives };
        let rows: Vec<Row> = keys.map(|key| row(key, T, "history")).collect();
        let mut to = stream.build(epoch, &rows, 1, Ties::Live).await;
        assert!(to.len() > 2, "{} segments", to.len());
        to.iter_mut().for_each(|segment| segment.custom = history.custom(epoch));
        Publication { to, own_prefix: Some("unused_".into()), history: Some(history), ..Publication::default() }
    };
    let push = async |publication: &Publication, observer: &dyn PushObserver| {
        publish(&stream.target, stream.table.json(), publication, &PushOptions::default(), observer).await
    };
    let held = async |publication: &Publication| {
        let snapshot = stream.target.snapshot().await.unwrap();
        publication.to.iter().filter(|segment| snapshot.holds(&segment.name)).count()
    };
    let conflict = |result: Result<()>| {
        let error = result.unwrap_err();
        assert!(error.kind() == ErrorKind::CommitConflict && error.message().contains("was copied"), "{error}");
    };
    // Both have looked, and the other one comes while the first segment of this one does.
    let (one, two) = (publication("one", 2, 0..40).await, publication("two", 3, 40..80).await);
    let others = || {
        std::thread::scope(|scope| {
            let pushed = scope.spawn(|| {
                let runtime = tokio::runtime::Runtime::new().unwrap();
                let alone = Publication { to: two.to[..1].to_vec(), ..Publication::default() };
                let controller = Controller::new(&connection(stream.cluster)).unwrap();
                let target = Target::realtime(controller, "live_copies");
                runtime.block_on(publish(&target, stream.table.json(), &alone, &PushOptions::default(), &())).unwrap();
            });
            pushed.join().unwrap();
        });
    };
    conflict(push(&one, &Meanwhile(Mutex::new(Some(Box::new(others))))).await);
    assert_eq!((held(&one).await, held(&two).await), (1, 1));
    // Both see each other now, and bring nothing more.
    conflict(push(&one, &()).await);
    conflict(push(&two, &()).await);
    assert_eq!((held(&one).await, held(&two).await), (1, 1));
}

#[tokio::test]
async fn uploaded_rows_win_ties_when_that_is_asked_for() {
    let more = json!({"primaryKeyColumns": ["k"], "upsertConfig": {"mode": "FULL"}});
    let Some(stream) = Stream::new(Place::Modern, "live_ties", "LONG", KeySerializer::Long, more) else { return };
    let live: Vec<Row> = (0..200).map(|key| row(key, T, "live")).collect();
    stream.produce(&live);
    let mut held = BTreeMap::new();
    add(&mut held, &live, true);
    stream.holds(&held).await;
    let history: Vec<Row> = (100..300).map(|key| row(key, T, "history")).collect();
    let segments = stream.build(1, &history, 2, Ties::Backfill).await;
    stream.push(&segments).await.unwrap();
    add(&mut held, &history, true);
    stream.holds(&held).await;
}

/// Rows of a stream that are merged ahead, and the rows that come after them by the stream.
async fn the_stream_goes_on_from_merged_rows(place: Place) {
    let more = json!({
        "primaryKeyColumns": ["k"], "nullHandlingEnabled": true,
        "fields": [{"name": "n", "dataType": "LONG"}, {"name": "tags", "dataType": "STRING", "singleValueField": false}],
        "upsertConfig": {"mode": "PARTIAL", "partialUpsertStrategies": {"n": "INCREMENT", "tags": "UNION"}},
    });
    let Some(stream) = Stream::new(place, "live_partial", "INT", KeySerializer::Int, more) else { return };
    let part = |at: i32, from: &str| {
        let mut row = json!({"k": at % 40, "t": T + i64::from(at), "n": at, "tags": [format!("tag {}", at % 3), from]});
        if at % 3 == 0 {
            row.as_object_mut().unwrap().remove("n");
        }
        if at % 2 == 0 {
            row["v"] = json!(format!("v {at}"));
        }
        row
    };
    let history: Vec<Json> = (0..200).map(|at| part(at, "history")).collect();
    let merged = merge(&stream.upserts().unwrap(), None, &batch(&stream.schema, &history)).unwrap();
    assert_eq!((merged.rows.num_rows(), merged.superseded), (40, 0));
    let segments = stream.build_of(1, &merged.rows, 3, Ties::Live).await;
    stream.push(&segments).await.unwrap();
    stream.holds_parts(&history);
    let live: Vec<Json> = (200..300).map(|at| part(at, "live")).collect();
    let partitions = stream.key.partitions(&batch(&stream.schema, &live)).unwrap();
    for (row, partition) in live.iter().zip(&partitions) {
        stream.topic.publish(partition.unwrap(), [row.clone()]);
    }
    stream.holds_parts(&[history, live].concat());
}

impl Stream<'_> {
    /// Waits until queries see what these parts of rows make, merged here by hand.
    fn holds_parts(&self, parts: &[Json]) {
        #[derive(Default)]
        struct Whole {
            time: i64,
            sum: Option<i64>,
            tags: BTreeSet<String>,
            text: Option<String>,
        }
        let mut keys: BTreeMap<i64, Whole> = BTreeMap::new();
        for part in parts {
            let whole = keys.entry(part["k"].as_i64().unwrap()).or_default();
            whole.time = part["t"].as_i64().unwrap();
            whole.sum = part["n"].as_i64().map_or(whole.sum, |n| Some(whole.sum.unwrap_or(0) + n));
            whole.tags.extend(part["tags"].as_array().unwrap().iter().map(|tag| tag.as_str().unwrap().to_owned()));
            whole.text = part["v"].as_str().map(str::to_owned).or(whole.text.take());
        }
        let expected = keys.into_iter().map(|(key, Whole { time, sum, tags, text })| {
            json!([key, time, sum.unwrap_or(i64::MIN), tags, text.unwrap_or("null".into())])
        });
        let expected: Json = expected.collect();
        let sql = format!("SELECT k, t, n, tags, v FROM {} ORDER BY k LIMIT 1000", self.target.table);
        eventually("the merged rows", || {
            let answer = self.cluster.query(&sql);
            let found = &answer["resultTable"]["rows"];
            if *found == expected { Ok(()) } else { Err(format!("{answer} instead of {expected}")) }
        });
    }
}

async fn what_could_not_be_loaded_is_pushed_again_and_other_bytes_never(place: Place) {
    let more = json!({"primaryKeyColumns": ["k"], "upsertConfig": {"mode": "FULL"}});
    let Some(stream) = Stream::new(place, "live_damaged", "INT", KeySerializer::Int, more) else { return };
    stream.produce(&(0..20).map(|key| row(key, T, "live")).collect::<Vec<_>>());
    let mut held: BTreeMap<i32, Row> = (0..20).map(|key| (key, row(key, T, "live"))).collect();
    // Two segments of one name.
    let others = stream.build(1, &[row(1, T + 2, "other")], 1, Ties::Live).await;
    let place_of_other = stream.folder.path().join("other");
    std::fs::rename(others[0].path.parent().unwrap(), &place_of_other).unwrap();
    let other = LocalSegment::open(&place_of_other.join(&others[0].name)).unwrap();
    let ours = stream.build(1, &[row(1, T + 1, "ours")], 1, Ties::Live).await;
    assert_eq!(other.name, ours[0].name);
    stream.push(&ours).await.unwrap();
    held.insert(1, row(1, T + 1, "ours"));
    stream.holds(&held).await;
    let error = stream.push(&[other]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CommitConflict, "{error}");
    stream.holds(&held).await;

    let segments = stream.build(2, &[row(2, T + 1, "ours")], 1, Ties::Live).await;
    let columns = segments[0].path.join("v3/columns.psf");
    let intact = std::fs::read(&columns).unwrap();
    damage(&segments[0].path);
    let error = stream.push(&segments).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    std::fs::write(&columns, intact).unwrap();
    let again = stream.push(&segments).await;
    if place == Place::Oldest {
        let error = again.unwrap_err();
        assert!(error.kind() == ErrorKind::Unsupported && error.advice().contains("/reset"), "{error}");
        return;
    }
    again.unwrap();
    held.insert(2, row(2, T + 1, "ours"));
    stream.holds(&held).await;
}

/// Servers that start again load segments in any order: what counts does not depend on it.
#[tokio::test]
async fn the_same_rows_count_after_servers_start_again() {
    let Some(cluster) = Cluster::start(&Options { servers: 2, ..Options::default() }) else { return };
    let more = json!({"primaryKeyColumns": ["k"], "upsertConfig": {"mode": "FULL", "deleteRecordColumn": "gone"}});
    let key = ("LONG", KeySerializer::Long);
    let stream = Stream::of(&cluster, PinotVersion::NEWEST, "live_again", key, more);
    let mut held = BTreeMap::new();
    let live: Vec<Row> = (0..800).map(|at| row(at % 200, T + i64::from(at / 400), "live")).collect();
    stream.produce(&live);
    add(&mut held, &live, true);
    stream.holds(&held).await;
    for epoch in 1..5 {
        let history =
            |at: i32| Row { gone: at % 7 == 0, ..row(at, T + i64::from(at % 3), ["a", "b", "c", "d"][epoch - 1]) };
        let history: Vec<Row> = (100..300).map(history).collect();
        let segments = stream.build(epoch as u64, &history, 3, Ties::Live).await;
        stream.push(&segments).await.unwrap();
        // Of equal rows the stream's counts, and of uploaded ones the last.
        let beats = |row: &&Row| held.get(&row.key).is_none_or(|held| row.time > held.time || held.from.len() == 1);
        let winners: Vec<Row> = history.iter().filter(beats).copied().collect();
        add(&mut held, &winners, true);
        stream.holds(&held).await;
    }
    for server in 0..2 {
        cluster.stop_server(server);
        cluster.start_server(server);
        stream.holds(&held).await;
    }
}

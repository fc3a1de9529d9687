//! Uploaded segments beside a stream that servers consume.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use arrow::array::UInt32Array;
use arrow::compute::{filter_record_batch, take_record_batch};
use pinotage_client::{Controller, SegmentStatus};
use pinotage_common::{ErrorKind, Result};
use pinotage_segment::write::{NameInput, SegmentBuilder};
use pinotage_sink::publish::{Publication, PushOptions, publish};
use pinotage_sink::upsert::{
    CreationTimes, KeySerializer, Latest, StreamKey, Ties, UploadedSegment, UpsertTable, check_parity,
    partition_metadata,
};
use pinotage_sink::{LocalSegment, Target, check_uploadable};
use pinotage_spec::{PinotVersion, Schema, SegmentNameGenerator, TableConfig};
use pinotage_testkit::cluster::{Cluster, Topic};
use serde_json::{Value as Json, json};

use crate::places::{Place, connection, in_all_places};
use crate::upsert::batch;

in_all_places!(@ modern Modern string_keys_at_parallelism_1 int_keys_at_parallelism_3 long_keys_at_parallelism_8
    a_table_without_primary_key_is_pushed_once_by_name);
in_all_places!(@ oldest Oldest string_keys_at_parallelism_1 int_keys_at_parallelism_3 long_keys_at_parallelism_8
    a_table_without_primary_key_is_pushed_once_by_name);

const T: i64 = 1_700_000_000_000;
const PARTITIONS: u32 = 8;

/// A REALTIME table with a stream, and what it should hold.
struct Stream {
    cluster: &'static Cluster,
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

impl Stream {
    fn new(place: Place, name: &str, kind: &'static str, serializer: KeySerializer, more: Json) -> Option<Self> {
        let cluster = place.cluster()?;
        let version = PinotVersion::parse(if place == Place::Oldest { "0.11.0" } else { "1.5.1" }).unwrap();
        let topic = cluster.create_topic(name, PARTITIONS);
        let time =
            json!({"name": "t", "dataType": "LONG", "format": "1:MILLISECONDS:EPOCH", "granularity": "1:MILLISECONDS"});
        let fields = [("k", kind), ("v", "STRING"), ("gone", "BOOLEAN")];
        let fields: Vec<Json> = fields.iter().map(|(name, kind)| json!({"name": name, "dataType": kind})).collect();
        let mut schema = json!({"schemaName": name, "dimensionFieldSpecs": fields, "dateTimeFieldSpecs": [time]});
        let mut table = json!({
            "tableName": format!("{name}_REALTIME"), "tableType": "REALTIME", "tenants": {}, "metadata": {},
            "segmentsConfig": {"timeColumnName": "t", "replication": "1", "replicasPerPartition": "1", "schemaName": name},
            "tableIndexConfig": {"loadMode": "MMAP", "streamConfigs": topic.stream_configs(25)},
            "routing": {"instanceSelectorType": "strictReplicaGroup"},
        });
        for (key, value) in more.as_object().unwrap() {
            match key.as_str() {
                "primaryKeyColumns" => schema[key] = value.clone(),
                "columnPartitionMap" => table["tableIndexConfig"]["segmentPartitionConfig"] = json!({ key: value }),
                _ => table[key] = value.clone(),
            }
        }
        cluster.create_table(&schema, &table);
        let target = Target::realtime(Controller::new(&connection(cluster)).unwrap(), name);
        Some(Self {
            cluster,
            version,
            target,
            topic,
            schema: Schema::from_document(schema).unwrap(),
            table: TableConfig::from_document(table).unwrap(),
            key: StreamKey { columns: vec!["k".into()], serializer, partitions: PARTITIONS },
            kind,
            folder: tempfile::tempdir().unwrap(),
        })
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
        let snapshot = self.target.snapshot().await.unwrap();
        let upserts = UpsertTable::read(&self.schema, &self.table, self.version).unwrap();
        let rows: Vec<Json> = rows.iter().map(|row| self.json(row)).collect();
        let rows = batch(&self.schema, &rows);
        let partitions = self.key.partitions(&rows).unwrap();
        let mut segments = Vec::new();
        for writer in 0..parallelism {
            let mut times = CreationTimes::of(&snapshot, ties, self.version, T).unwrap();
            for partition in (0..PARTITIONS).filter(|partition| partition % parallelism == writer) {
                let own = (0..rows.num_rows() as u32).filter(|row| partitions.value(*row as usize) == partition);
                let own = take_record_batch(&rows, &UInt32Array::from_iter_values(own)).unwrap();
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
            let (cluster, sql) = (self.cluster, sql.clone());
            let answer = tokio::task::spawn_blocking(move || cluster.query(&sql)).await.unwrap();
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
    let deletes = place == Place::Modern;
    more["primaryKeyColumns"] = json!(["k"]);
    more["upsertConfig"] =
        if deletes { json!({"mode": "FULL", "deleteRecordColumn": "gone"}) } else { json!({"mode": "FULL"}) };
    let Some(stream) = Stream::new(place, name, kind, serializer, more) else { return };
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
    let uploaded = snapshot.segments.values().filter(|it| it.status == Some(SegmentStatus::Uploaded)).count();
    assert_eq!(uploaded, first.len() + second.len());
    // Segments of the stream are there that were committed before and after the push.
    let done = snapshot.segments.values().filter(|it| it.status == Some(SegmentStatus::Done)).count();
    assert!(done > PARTITIONS as usize, "{done}");
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

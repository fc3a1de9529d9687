//! What the kit asks of every sink, into tables of real clusters; what they have is what brokers answer.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use pinotage_client::Controller;
use pinotage_connector::Sink;
use pinotage_connector::kit::{SinkCase, SinkTarget};
use pinotage_sink::Target;
use pinotage_sink::publish::PushOptions;
use pinotage_sink::upsert::{CreationTimes, KeySerializer, StreamKey, Ties};
use pinotage_sink::writer::{Destination, PinotSink, Sealing, TableDestination, Upload};
use pinotage_spec::{PinotVersion, Schema, TableConfig};
use pinotage_testkit::cluster::{Cluster, eventually};
use pinotage_testkit::is_full;
use serde_json::{Value as Json, json};
use tokio::runtime::{Builder, Runtime};

use crate::places::{Place, connection};

const T: i64 = 1_700_000_000_000;
const PARTITIONS: u32 = 2;

/// A table that is new, and goes with the value.
struct Table {
    cluster: &'static Cluster,
    version: PinotVersion,
    target: Target,
    schema: Json,
    config: Json,
    /// A stream goes there as well, and rows of a key take each other's place.
    beside_stream: bool,
    /// Rows of a segment at most.
    max_rows: usize,
    staging: tempfile::TempDir,
}

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap())
}

impl Table {
    fn new(place: Place, cluster: &'static Cluster, beside_stream: bool, max_rows: usize) -> Self {
        static TABLES: AtomicU32 = AtomicU32::new(0);
        let name = format!("kit_{}", TABLES.fetch_add(1, Ordering::Relaxed));
        let version = PinotVersion::parse(if place == Place::Oldest { "0.11.0" } else { "1.5.1" }).unwrap();
        let time =
            json!({"name": "t", "dataType": "LONG", "format": "1:MILLISECONDS:EPOCH", "granularity": "1:MILLISECONDS"});
        let mut schema = json!({"schemaName": name, "dateTimeFieldSpecs": [time], "dimensionFieldSpecs":
            [{"name": "id", "dataType": "LONG"}, {"name": "k", "dataType": "STRING"}]});
        let murmur = json!({"k": {"functionName": "Murmur", "numPartitions": PARTITIONS}});
        let mut config = json!({
            "tableName": name, "tableType": "OFFLINE", "tenants": {}, "metadata": {},
            "segmentsConfig": {"timeColumnName": "t", "replication": "1", "schemaName": name, "segmentPushType": "APPEND"},
            "tableIndexConfig": {"loadMode": "MMAP", "segmentPartitionConfig": {"columnPartitionMap": murmur}},
        });
        let controller = Controller::new(&connection(cluster)).unwrap();
        let target = match beside_stream {
            false => Target::offline(controller, &name),
            true => {
                schema["primaryKeyColumns"] = json!(["k"]);
                config["tableType"] = json!("REALTIME");
                config["segmentsConfig"]["replicasPerPartition"] = json!("1");
                config["tableIndexConfig"]["streamConfigs"] =
                    cluster.create_topic(&name, PARTITIONS).stream_configs(1000);
                config["routing"] = json!({"instanceSelectorType": "strictReplicaGroup"});
                config["upsertConfig"] = json!({"mode": "FULL"});
                Target::realtime(controller, &name)
            }
        };
        cluster.create_table(&schema, &config);
        let staging = tempfile::tempdir().unwrap();
        Self { cluster, version, target, schema, config, beside_stream, max_rows, staging }
    }

    /// The rows of segments that queries see, as the controller counts them.
    fn pushed_rows(&self) -> u64 {
        let snapshot = runtime().block_on(self.target.snapshot()).unwrap();
        snapshot.visible().into_iter().filter_map(|name| snapshot.segments[name].total_docs).sum()
    }

    /// The rows of an answer; none where the broker has heard of no segment yet.
    fn query(&self, sql: &str) -> Vec<Json> {
        let answer = self.cluster.query(sql);
        answer["resultTable"]["rows"].as_array().cloned().unwrap_or_default()
    }
}

impl SinkTarget for Table {
    fn sink(&self) -> Box<dyn Sink> {
        let schema = Schema::from_document(self.schema.clone()).unwrap();
        let config = TableConfig::from_document(self.config.clone()).unwrap();
        let sealing = Sealing {
            max_rows: self.max_rows,
            max_bytes: 64 << 20,
            task_bytes: 64 << 20,
            max_age: None,
            event_time: None,
            queue: 2,
        };
        let to = Destination::Table(Box::new(TableDestination {
            target: self.target.clone(),
            config: self.config.clone(),
            options: PushOptions::default(),
            observer: Arc::new(()),
            runtime: runtime().handle().clone(),
        }));
        let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap());
        let staging = self.staging.path().to_owned();
        let sink = match self.beside_stream {
            false => PinotSink::try_new((schema, config, self.version), staging, sealing, to, pool),
            true => {
                let key =
                    StreamKey { columns: vec!["k".into()], serializer: KeySerializer::String, partitions: PARTITIONS };
                let snapshot = runtime().block_on(self.target.snapshot()).unwrap();
                let times = CreationTimes::of(&snapshot, Ties::Live, self.version, T).unwrap();
                let upload = (Upload { version: self.version, key }, times);
                PinotSink::beside_stream((schema, config), staging, sealing, to, upload, pool)
            }
        };
        Box::new(sink.unwrap())
    }

    fn rows(&self) -> Vec<RecordBatch> {
        // Brokers hear of segments after servers do. What is there twice is twice in both.
        let pushed = self.pushed_rows();
        let all = if self.beside_stream { "SET skipUpsert = true; " } else { "" };
        let all = if self.version == PinotVersion::NEWEST { all } else { "" };
        let table = &self.target.table;
        eventually(&format!("{pushed} rows of {table}"), || {
            let found = self.query(&format!("{all}SELECT COUNT(*) FROM {table}"));
            let found = found.first().and_then(|row| row[0].as_u64()).unwrap_or(0);
            if found == pushed { Ok(()) } else { Err(format!("{found} rows")) }
        });
        let rows = self.query(&format!("SELECT id, k, t FROM {table} LIMIT 100000"));
        let number = |column: usize| -> ArrayRef {
            Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row[column].as_i64().unwrap())))
        };
        let keys: ArrayRef = Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row[1].as_str().unwrap())));
        vec![RecordBatch::try_from_iter([("id", number(0)), ("k", keys), ("t", number(2))]).unwrap()]
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        let kind = if self.beside_stream { "realtime" } else { "offline" };
        let url = format!("{}/tables/{}?type={kind}", self.cluster.controller, self.target.table);
        // After a failure the table stays, for a look.
        if !std::thread::panicking() {
            self.cluster.delete(&url);
        }
    }
}

fn rows(ids: std::ops::Range<i64>) -> RecordBatch {
    let keys: ArrayRef = Arc::new(StringArray::from_iter_values(ids.clone().map(|id| format!("k{id}"))));
    let times: ArrayRef = Arc::new(Int64Array::from_iter_values(ids.clone().map(|id| T + id)));
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(ids));
    RecordBatch::try_from_iter([("id", ids), ("k", keys), ("t", times)]).unwrap()
}

fn holds_the_promises(place: Place, beside_stream: bool) {
    let Some(cluster) = place.cluster() else { return };
    // Of each partition some segments are full in the midst of an epoch, and some rows stay open.
    let ends: &[i64] = if is_full() { &[0, 40, 41, 90, 133] } else { &[0, 40, 75] };
    let epochs: Vec<RecordBatch> = ends.windows(2).map(|ends| rows(ends[0]..ends[1])).collect();
    let make = || Box::new(Table::new(place, cluster, beside_stream, 16)) as Box<dyn SinkTarget>;
    let case = SinkCase { make: &make, epochs: &epochs };
    if is_full() || place == Place::Modern && !beside_stream {
        return case.all();
    }
    // What a cluster has a part in.
    case.committing_again_changes_nothing();
    case.survives_death_at_every_step();
    case.goes_on_with_other_tasks();
    case.aborted_rows_never_arrive();
    case.stops_within_its_deadline();
}

#[test]
fn offline_tables_hold_the_promises_of_sinks() {
    holds_the_promises(Place::Modern, false);
}

#[test]
fn offline_tables_of_the_oldest_pinot_hold_the_promises_of_sinks() {
    holds_the_promises(Place::Oldest, false);
}

#[test]
fn upsert_tables_hold_the_promises_of_sinks() {
    holds_the_promises(Place::Modern, true);
}

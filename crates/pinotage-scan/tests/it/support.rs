//! Clusters, tables with a column of every type, and what scans of them give.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::{concat_batches, sort_to_indices, take_record_batch};
use arrow::datatypes::Int64Type;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use pinotage_client::{Address, Connection, Controller};
use pinotage_common::Result;
use pinotage_scan::{Batches, Reader, ScanOptions, ScanPlan, ScanRequest, Scanner, Split, Table, Transport};
use pinotage_segment::write::{NameInput, SegmentBuilder};
use pinotage_spec::{ColumnPlan, Predicate, Schema, SegmentNameGenerator, TableConfig, arrow_schema};
use pinotage_store::{Store, StoreOptions};
use pinotage_testkit::cluster::{Cluster, Options, ServerAddress, Version};
use pinotage_testkit::fake::{Action, Break, Fake, Line, Relay};
use pinotage_testkit::rows_to_batch;
use serde_json::{Value as Json, json};

/// A cluster that tests share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Pinot 1.5.1.
    Modern,
    /// Pinot 0.11.0, which sends no nulls.
    Oldest,
    /// Pinot 1.5.1 with two servers; tests stop them.
    Two,
}

impl Place {
    /// Nothing when there is no cluster, which says so.
    pub(crate) fn cluster(self) -> Option<&'static Cluster> {
        static CLUSTERS: [OnceLock<Option<Cluster>>; 2] = [const { OnceLock::new() }; 2];
        let (at, options) = match self {
            Self::Modern => return Cluster::shared(),
            Self::Oldest => (0, Options { version: Version::V0_11, ..Options::default() }),
            Self::Two => (1, Options { servers: 2, ..Options::default() }),
        };
        CLUSTERS[at].get_or_init(|| Cluster::start(&options)).as_ref()
    }
}

/// A number that looks random and depends on the row alone (SplitMix64).
pub(crate) fn noise(row: u64, salt: u64) -> u64 {
    let mut z = row.wrapping_add(salt.wrapping_mul(0x9E37_79B9_7F4A_7C15)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 30)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// What a test draws from: another number each time, or the one of a test that failed.
pub(crate) fn seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64;
    let seed = std::env::var("PINOTAGE_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(now);
    eprintln!("seed {seed}: run again with PINOTAGE_SEED={seed}");
    seed
}

/// The first day of a table.
pub(crate) const FIRST_DAY: u64 = 19_000;

/// Texts with all that SQL, properties and orders stumble over.
pub(crate) const WORDS: [&str; 16] = [
    "",
    "a",
    "A",
    "it's",
    "50%",
    "under_score",
    "back\\slash",
    "\"quoted\"",
    "é",
    "日本",
    "😀 smile",
    "two\nlines\n",
    "(a|b)*.[c]{2}$^+?",
    "\\Qa\\E\\d",
    "*",
    "two '' quotes",
];

/// A table with a column of every type, in several segments of a day each.
pub(crate) struct Fixture {
    pub(crate) cluster: &'static Cluster,
    pub(crate) name: String,
    pub(crate) schema: Schema,
    pub(crate) config: TableConfig,
    pub(crate) rows: Vec<Json>,
}

impl Fixture {
    /// The table with these many rows in these many segments; nothing when there is no cluster, which says so.
    pub(crate) fn new(place: Place, name: &str, segments: u64, rows: u64, nulls: bool, more: Json) -> Option<Self> {
        Some(Self::on(place.cluster()?, name, segments, rows, nulls, more))
    }

    /// The same on a cluster that is there.
    pub(crate) fn on(cluster: &'static Cluster, name: &str, segments: u64, rows: u64, nulls: bool, more: Json) -> Self {
        let (schema, config) = documents(name, nulls, more);
        cluster.create_table(&schema, &config);
        let mut fixture = Self {
            cluster,
            name: name.to_owned(),
            schema: Schema::from_document(schema).unwrap(),
            config: TableConfig::from_document(config).unwrap(),
            rows: Vec::new(),
        };
        for segment in 0..segments {
            let rows: Vec<Json> = (0..rows).map(|at| row(segment * rows + at, FIRST_DAY + segment, nulls)).collect();
            fixture.upload(&format!("{name}_{segment}"), &rows);
            fixture.rows.extend(rows);
        }
        cluster.await_online(&format!("{name}_OFFLINE"), segments as usize);
        // Brokers hear of segments after the servers; tests ask them what to expect.
        cluster.await_count(name, segments * rows);
        fixture
    }

    /// Builds a segment of rows and uploads it.
    pub(crate) fn upload(&self, segment: &str, rows: &[Json]) {
        let folder = tempfile::tempdir().unwrap();
        let built = build(&self.schema, &self.config, segment, rows, folder.path());
        self.cluster.upload(&self.name, &built);
    }

    /// A reader of the table.
    pub(crate) async fn scanner(&self, options: ScanOptions) -> Scanner {
        scanner_at(&self.cluster.controller, &self.name, options).await.unwrap()
    }

    /// What the table holds, in the order of the column `id`.
    pub(crate) fn expected(&self) -> RecordBatch {
        rows_to_batch(&self.schema, &self.rows)
    }
}

pub(crate) async fn scanner(cluster: &Cluster, table: &str, options: ScanOptions) -> Result<Scanner> {
    scanner_at(&cluster.controller, table, options).await
}

pub(crate) async fn scanner_at(controller: &str, table: &str, options: ScanOptions) -> Result<Scanner> {
    let controller = Controller::new(&Connection::new(Address::parse(controller)?))?;
    Scanner::new(Table::open(&controller, table).await?, Store::new(StoreOptions::default())?, options)
}

pub(crate) fn by(reader: Reader) -> ScanOptions {
    ScanOptions { reader, ..ScanOptions::default() }
}

/// From servers, which are asked in this way.
pub(crate) fn over(transport: Transport) -> ScanOptions {
    ScanOptions { transport, ..by(Reader::Server) }
}

/// All rows of a plan, in the order of the column `id`.
pub(crate) async fn read(scanner: &Scanner, request: &ScanRequest) -> Result<(ScanPlan, RecordBatch)> {
    let plan = Arc::new(scanner.plan(request).await?);
    let splits = stream::iter(plan.splits.iter().enumerate().map(|(at, split)| match at % 2 {
        // As another process reads it.
        0 => travelled(scanner, &plan, split),
        _ => scanner.read(&plan, split),
    }));
    let batches: Vec<RecordBatch> = splits.flatten_unordered(4).try_collect().await?;
    let all = concat_batches(&plan.schema, &batches).unwrap();
    let sorted = match all.column_by_name("id") {
        Some(id) => take_record_batch(&all, &sort_to_indices(id, None, None).unwrap()).unwrap(),
        None => all,
    };
    Ok((ScanPlan::clone(&plan), sorted))
}

/// A split as it comes in another process.
fn travelled(scanner: &Scanner, plan: &ScanPlan, split: &Split) -> Batches {
    let text = serde_json::to_string(&plan.document(split)).unwrap();
    let planned = Arc::new(scanner.planned(serde_json::from_str(&text).unwrap()).unwrap());
    scanner.read(&planned, &planned.splits[0])
}

/// The ids that a plan gives now, ascending.
pub(crate) async fn ids_of_plan(scanner: &Scanner, plan: &Arc<ScanPlan>) -> Result<Vec<i64>> {
    let splits = stream::iter(plan.splits.iter().map(|split| scanner.read(plan, split)));
    let batches: Vec<RecordBatch> = splits.flatten_unordered(4).try_collect().await?;
    let ids = |batch: &RecordBatch| batch["id"].as_primitive::<Int64Type>().values().to_vec();
    let mut ids: Vec<i64> = batches.iter().flat_map(ids).collect();
    ids.sort_unstable();
    Ok(ids)
}

/// The ids of rows that pass, ascending.
pub(crate) async fn ids(scanner: &Scanner, predicate: Option<&Predicate>) -> Result<(ScanPlan, Vec<i64>)> {
    let request =
        ScanRequest { columns: Some(vec!["id".into()]), predicate: predicate.cloned(), ..ScanRequest::default() };
    let (plan, rows) = read(scanner, &request).await?;
    Ok((plan, rows.column(0).as_primitive::<Int64Type>().values().to_vec()))
}

/// The ids that the broker answers with, ascending.
pub(crate) fn broker_ids(cluster: &Cluster, sql: &str) -> Vec<i64> {
    let answer = cluster.query(sql);
    assert_eq!(answer["exceptions"], json!([]), "{sql}");
    let rows = answer["resultTable"]["rows"].as_array().cloned().unwrap_or_default();
    let mut ids: Vec<i64> = rows.iter().map(|row| row[0].as_i64().unwrap()).collect();
    ids.sort_unstable();
    ids
}

pub(crate) fn build(
    schema: &Schema,
    config: &TableConfig,
    segment: &str,
    rows: &[Json],
    folder: &Path,
) -> std::path::PathBuf {
    let mut builder = SegmentBuilder::try_new(schema, config).unwrap();
    let batch = rows_to_batch(schema, rows);
    let canonical = Arc::new(arrow_schema(&ColumnPlan::resolve(schema, config).unwrap()));
    let columns = canonical.fields().iter().map(|field| Arc::clone(batch.column_by_name(field.name()).unwrap()));
    builder.append(&RecordBatch::try_new(Arc::clone(&canonical), columns.collect()).unwrap()).unwrap();
    let generator = SegmentNameGenerator::Fixed { name: segment.to_owned() };
    builder.finish(&NameInput { generator: &generator, sequence: None }, 1).unwrap().write_dir(folder).unwrap()
}

fn documents(name: &str, nulls: bool, more: Json) -> (Json, Json) {
    let column = |name: &str, data_type: &str| json!({"name": name, "dataType": data_type});
    let list = |name: &str, data_type: &str| json!({"name": name, "dataType": data_type, "singleValueField": false});
    let schema = json!({
        "schemaName": name,
        "dimensionFieldSpecs": [
            column("id", "LONG"), column("i", "INT"), column("l", "LONG"), column("f", "FLOAT"), column("d", "DOUBLE"),
            column("b", "BOOLEAN"), column("s", "STRING"), column("r", "STRING"), column("x", "BYTES"), column("j", "JSON"), list("mi", "INT"), list("ms", "STRING"),
        ],
        // As a dimension 0.11 does not take it.
        "metricFieldSpecs": [column("n", "BIG_DECIMAL")],
        "dateTimeFieldSpecs": [
            {"name": "t", "dataType": "TIMESTAMP", "format": "TIMESTAMP", "granularity": "1:MILLISECONDS"},
            {"name": "day", "dataType": "INT", "format": "1:DAYS:EPOCH", "granularity": "1:DAYS"},
        ],
    });
    let mut config = json!({
        "tableName": name, "tableType": "OFFLINE", "tenants": {}, "metadata": {},
        "segmentsConfig": {
            "schemaName": name, "replication": "1", "timeColumnName": "day", "timeType": "DAYS", "segmentPushType": "APPEND",
        },
        "tableIndexConfig": {
            "loadMode": "MMAP", "nullHandlingEnabled": nulls, "invertedIndexColumns": ["s", "mi"],
            "createInvertedIndexDuringSegmentGeneration": true, "noDictionaryColumns": ["l", "d", "r"],
            "rangeIndexColumns": ["i"], "bloomFilterColumns": ["s"],
        },
    });
    for (key, value) in more.as_object().unwrap() {
        match (config.get_mut(key).and_then(Json::as_object_mut), value.as_object()) {
            (Some(part), Some(value)) => part.extend(value.clone()),
            _ => config[key] = value.clone(),
        }
    }
    (schema, config)
}

/// A row; with `nulls`, a tenth of all values is null.
pub(crate) fn row(id: u64, day: u64, nulls: bool) -> Json {
    let word = |salt| WORDS[noise(id, salt) as usize % WORDS.len()];
    let small = |salt, range: u64| (noise(id, salt) % range) as i64 - (range / 2) as i64;
    let mut row = json!({
        "id": id, "i": small(1, 20), "l": small(2, 50) * 1_000_000_007, "f": small(3, 40) as f64 / 4.0,
        "d": small(4, 40) as f64 / 8.0, "n": format!("{}.5", small(5, 20)), "b": noise(id, 6) % 2,
        "s": word(7), "r": word(8), "x": format!("{:04x}", noise(id, 9) % 8), "j": format!("{{\"k\":{}}}", noise(id, 10) % 3),
        "mi": [small(11, 8), small(12, 8)], "ms": [word(13), word(14)],
        "t": 1_700_000_000_000_i64 + small(15, 10) * 1_000, "day": day,
    });
    if nulls {
        // What is stored for nulls.
        let defaults: BTreeMap<&str, Json> = BTreeMap::from([
            ("i", json!(i32::MIN)),
            ("l", json!(i64::MIN)),
            ("f", json!("-Infinity")),
            ("d", json!("-Infinity")),
            ("n", json!("0")),
            ("b", json!(0)),
            ("s", json!("null")),
            ("r", json!("null")),
            ("x", json!("")),
            ("t", json!(0)),
            ("mi", json!([i32::MIN])),
            ("ms", json!(["null"])),
        ]);
        let missing = defaults.iter().zip(20..).filter(|(_, salt)| noise(id, *salt).is_multiple_of(10));
        let missing: Vec<(&str, Json)> = missing.map(|((name, value), _)| (*name, value.clone())).collect();
        row["$nulls"] = missing.iter().map(|(name, _)| *name).collect();
        missing.into_iter().for_each(|(name, value)| row[name] = value);
    }
    row
}

/// A line to a server, with the name of the server.
pub(crate) fn line(server: &ServerAddress, transport: Transport, limit: usize, end: Break) -> (String, Line) {
    let port = if transport == Transport::Netty { server.netty_port } else { server.grpc_port };
    (server.instance.clone(), Line::new(port, limit, end))
}

/// The controller of a cluster, that tells other ports for its servers. For Netty it tells no gRPC ports, so that nobody has
/// to be told to use it.
pub(crate) fn controller(cluster: &Cluster, transport: Transport, ports: HashMap<String, u16>) -> Fake {
    let relay = Relay::new(&cluster.controller);
    Fake::new()
        .otherwise(Action::decide(move |request| {
            let answer = relay.forward(request);
            let server = request.path.strip_prefix("/instances/");
            match (server, &answer) {
                (Some(server), Action::Answer { status: 200, body, .. }) => {
                    let mut instance: Json = serde_json::from_slice(body).unwrap();
                    if transport == Transport::Netty {
                        instance["grpcPort"] = (-1).into();
                    }
                    if let Some(port) = ports.get(server) {
                        instance[if transport == Transport::Netty { "port" } else { "grpcPort" }] = (*port).into();
                    }
                    Action::json(instance)
                }
                _ => answer,
            }
        }))
        .start()
}

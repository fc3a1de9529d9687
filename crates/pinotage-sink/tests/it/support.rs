//! Tables and small segments.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{Int64Array, RecordBatch};
use pinotage_client::{Address, Connection, Controller};
use pinotage_segment::write::{NameInput, SegmentBuilder};
use pinotage_sink::{LocalSegment, Target, bootstrap};
use pinotage_spec::{ColumnPlan, Schema, SegmentNameGenerator, TableConfig, arrow_schema};
use pinotage_testkit::cluster::Cluster;
use serde_json::{Value as Json, json};

/// How long the broker may take to see a change.
const CHANGE_LIMIT: Duration = Duration::from_secs(60);

/// A table of its own for a test.
pub(crate) struct Fixture {
    pub(crate) cluster: &'static Cluster,
    pub(crate) target: Target,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) schema: Schema,
    pub(crate) table: TableConfig,
}

impl Fixture {
    /// Nothing when there is no cluster, which says so.
    pub(crate) fn new(table: &str) -> Option<Self> {
        Cluster::shared().map(|cluster| Self::on(cluster, table))
    }

    /// The same on a given cluster.
    pub(crate) fn on(cluster: &'static Cluster, table: &str) -> Self {
        let connection = Connection::new(Address::parse(&cluster.controller).unwrap());
        let controller = Controller::new(&connection).unwrap();
        Self {
            cluster,
            target: Target::offline(controller, table),
            folder: tempfile::tempdir().unwrap(),
            schema: schema(table, &["k"]),
            table: config(table, json!({})),
        }
    }

    /// The same with the table in the cluster.
    pub(crate) async fn with_table(table: &str) -> Option<Self> {
        let fixture = Self::new(table)?;
        fixture.bootstrap().await;
        Some(fixture)
    }

    /// Makes the cluster's table as the documents are now; returns what had to be done.
    pub(crate) async fn bootstrap(&self) -> Vec<bootstrap::Step> {
        let found = bootstrap::documents(&self.target).await.unwrap();
        let comparison = bootstrap::compare(&self.target, &found, &self.schema, &self.table).await.unwrap();
        bootstrap::apply(&self.target, &comparison).await.unwrap();
        comparison.steps
    }

    /// A segment with some keys, as a folder.
    pub(crate) fn segment(&self, name: &str, keys: &[i64]) -> LocalSegment {
        LocalSegment::open(&self.build(name, keys)).unwrap()
    }

    fn build(&self, name: &str, keys: &[i64]) -> PathBuf {
        let mut builder = SegmentBuilder::try_new(&self.schema, &self.table).unwrap();
        let columns = Arc::new(arrow_schema(&ColumnPlan::resolve(&self.schema, &self.table).unwrap()));
        let rows = RecordBatch::try_new(columns, vec![Arc::new(Int64Array::from(keys.to_vec()))]).unwrap();
        builder.append(&rows).unwrap();
        let generator = SegmentNameGenerator::Fixed { name: name.to_owned() };
        let built = builder.finish(&NameInput { generator: &generator, sequence: None }, 1).unwrap();
        built.write_dir(&self.folder.path().join(format!("crc{}", built.crc()))).unwrap()
    }

    /// The keys that queries see, ascending.
    pub(crate) async fn keys(&self, expected: &[i64]) {
        let sql = format!("SELECT k FROM {} ORDER BY k LIMIT 1000", self.target.table);
        let wanted: Json = expected.iter().map(|key| json!([key])).collect();
        let end = Instant::now() + CHANGE_LIMIT;
        loop {
            let (cluster, sql) = (self.cluster, sql.clone());
            let answer = tokio::task::spawn_blocking(move || cluster.query(&sql)).await.unwrap();
            if answer["resultTable"]["rows"] == wanted {
                return;
            }
            assert!(Instant::now() < end, "expected {wanted}, found {answer}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

pub(crate) fn schema(table: &str, columns: &[&str]) -> Schema {
    let fields: Vec<Json> = columns.iter().map(|name| json!({"name": name, "dataType": "LONG"})).collect();
    Schema::from_document(json!({"schemaName": table, "dimensionFieldSpecs": fields})).unwrap()
}

/// A table config with some more keys.
pub(crate) fn config(table: &str, more: Json) -> TableConfig {
    let mut config = json!({
        "tableName": table, "tableType": "OFFLINE", "tenants": {}, "metadata": {},
        "segmentsConfig": {"replication": 1, "segmentPushType": "APPEND"},
        "tableIndexConfig": {"loadMode": "MMAP"},
    });
    for (key, value) in more.as_object().unwrap() {
        match (config.get_mut(key).and_then(Json::as_object_mut), value.as_object()) {
            (Some(part), Some(value)) => part.extend(value.clone()),
            _ => config[key] = value.clone(),
        }
    }
    TableConfig::from_document(config).unwrap()
}

/// Cuts a file of a segment, so that no server can load it.
pub(crate) fn damage(segment: &Path) {
    let columns = segment.join("v3/columns.psf");
    let bytes = std::fs::read(&columns).unwrap();
    std::fs::write(&columns, &bytes[..bytes.len() / 2]).unwrap();
}

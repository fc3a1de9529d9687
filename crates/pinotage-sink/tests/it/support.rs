//! Tables and small segments.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use pinotage_client::Controller;
use pinotage_common::Error;
use pinotage_segment::write::{NameInput, SegmentBuilder};
use pinotage_sink::{LocalSegment, Target, bootstrap};
use pinotage_spec::{ColumnPlan, Schema, SegmentNameGenerator, TableConfig, arrow_schema};
use pinotage_testkit::cluster::Cluster;
use serde_json::{Value as Json, json};

use crate::places::{Place, connection};

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
    pub(crate) fn new(place: Place, table: &str) -> Option<Self> {
        Some(Self::of(place.cluster()?, table))
    }

    /// The same with the table in the cluster.
    pub(crate) async fn with_table(place: Place, table: &str) -> Option<Self> {
        let fixture = Self::new(place, table)?;
        fixture.bootstrap().await;
        Some(fixture)
    }

    /// A table of a cluster that is there; it has a column `k`.
    pub(crate) fn of(cluster: &'static Cluster, table: &str) -> Self {
        let controller = Controller::new(&connection(cluster)).unwrap();
        Self {
            cluster,
            target: Target::offline(controller, table),
            folder: tempfile::tempdir().unwrap(),
            schema: schema(table, &["k"]),
            table: config(table, json!({})),
        }
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
        self.rows(name, &[("k", keys)])
    }

    /// A segment with some values of each column, as a folder.
    pub(crate) fn rows(&self, name: &str, values: &[(&str, &[i64])]) -> LocalSegment {
        LocalSegment::open(&self.build(name, values)).unwrap()
    }

    fn build(&self, name: &str, values: &[(&str, &[i64])]) -> PathBuf {
        let mut builder = SegmentBuilder::try_new(&self.schema, &self.table).unwrap();
        let columns = Arc::new(arrow_schema(&ColumnPlan::resolve(&self.schema, &self.table).unwrap()));
        let column = |name: &String| -> ArrayRef {
            let (_, values) = values.iter().find(|(known, _)| known == name).unwrap();
            Arc::new(Int64Array::from(values.to_vec()))
        };
        let arrays = columns.fields().iter().map(|field| column(field.name())).collect();
        let rows = RecordBatch::try_new(columns, arrays).unwrap();
        builder.append(&rows).unwrap();
        let generator = SegmentNameGenerator::Fixed { name: name.to_owned() };
        let built = builder.finish(&NameInput { generator: &generator, sequence: None }, 1).unwrap();
        built.write_dir(&self.folder.path().join(format!("crc{}", built.crc()))).unwrap()
    }

    /// Waits until queries see these keys and no others.
    pub(crate) async fn keys(&self, expected: &[i64]) {
        let wanted: Json = expected.iter().map(|key| json!([key])).collect();
        let end = Instant::now() + CHANGE_LIMIT;
        loop {
            let found = self.keys_now().await;
            if found == wanted {
                return;
            }
            assert!(Instant::now() < end, "{found} instead of {wanted}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The keys that a query sees, ascending, each in a row of its own.
    pub(crate) async fn keys_now(&self) -> Json {
        self.query(&format!("SELECT k FROM {} ORDER BY k LIMIT 1000", self.target.table)).await
    }

    /// The rows of an answer, or the answer when something is wrong with it.
    pub(crate) async fn query(&self, sql: &str) -> Json {
        let (cluster, sql) = (self.cluster, sql.to_owned());
        let answer = tokio::task::spawn_blocking(move || cluster.query(&sql)).await.unwrap();
        if answer["exceptions"] != json!([]) {
            return answer;
        }
        // A table without segments gives no rows at all on Pinot 0.11.
        answer["resultTable"].get("rows").cloned().unwrap_or(json!([]))
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

/// What an error says of a place.
pub(crate) fn context<'a>(error: &'a Error, key: &str) -> &'a str {
    error.context().iter().find(|(known, _)| *known == key).map_or("", |(_, value)| value)
}

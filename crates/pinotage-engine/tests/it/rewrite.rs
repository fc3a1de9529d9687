//! Tables of a real cluster, rewritten under another table config.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arrow::array::{ArrayRef, Float64Array, Int64Array, ListBuilder, RecordBatch, StringArray, StringBuilder};
use pinotage_client::{Address, Connection, Controller, LineageState, Replacement, TableType};
use pinotage_common::{ByteSize, ErrorKind, Result};
use pinotage_engine::{Observer, PushObserver, RewriteOptions, RewritePlan, RewriteSummary, Rewriter, Silent};
use pinotage_segment::read::Segment;
use pinotage_segment::write::{NameInput, SegmentBuilder};
use pinotage_spec::{Schema, SegmentNameGenerator, TableConfig};
use pinotage_testkit::cluster::{Cluster, eventually};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

const ROWS: i64 = 300;

/// A table of its own for a test, with a folder for segments and states.
struct Table {
    cluster: &'static Cluster,
    name: String,
    folder: TempDir,
}

impl Table {
    /// With so many segments, `old_0` and so on. Nothing when there is no cluster, which says so.
    fn new(name: &str, segments: i64) -> Option<Self> {
        let table = Self { cluster: Cluster::shared()?, name: name.into(), folder: tempfile::tempdir().unwrap() };
        table.cluster.create_table(&table.schema(&[]), &table.config(json!({})));
        (0..segments).for_each(|at| table.push(&format!("old_{at}"), at * ROWS));
        table.settled(segments);
        Some(table)
    }

    fn schema(&self, more: &[Json]) -> Json {
        let mut dimensions = vec![
            json!({"name": "k", "dataType": "LONG"}),
            json!({"name": "city", "dataType": "STRING"}),
            json!({"name": "tags", "dataType": "STRING", "singleValueField": false}),
            json!({"name": "price", "dataType": "BIG_DECIMAL"}),
        ];
        dimensions.extend_from_slice(more);
        json!({
            "schemaName": self.name, "dimensionFieldSpecs": dimensions,
            "metricFieldSpecs": [{"name": "m", "dataType": "DOUBLE"}],
            "dateTimeFieldSpecs": [{"name": "ts", "dataType": "LONG", "format": "EPOCH|MILLISECONDS", "granularity": "1:MILLISECONDS"}],
        })
    }

    fn config(&self, index: Json) -> Json {
        let mut config = json!({
            "tableName": self.name, "tableType": "OFFLINE", "tenants": {}, "metadata": {},
            "segmentsConfig": {"replication": 1, "segmentPushType": "APPEND", "timeColumnName": "ts"},
            "tableIndexConfig": {"loadMode": "MMAP", "nullHandlingEnabled": true},
        });
        config["tableIndexConfig"].as_object_mut().unwrap().extend(index.as_object().unwrap().clone());
        config
    }

    fn sorted_config(&self) -> Json {
        self.config(json!({
            "sortedColumn": ["city"], "invertedIndexColumns": ["tags"], "noDictionaryColumns": ["m", "k"],
            "segmentPartitionConfig": {"columnPartitionMap": {"city": {"functionName": "Murmur", "numPartitions": 4}}},
        }))
    }

    /// A folder with a segment of rows from a key on, some of them null.
    fn build(&self, name: &str, first: i64) -> PathBuf {
        let schema = Schema::from_document(self.schema(&[])).unwrap();
        let table = TableConfig::from_document(self.config(json!({}))).unwrap();
        let keys = first..first + ROWS;
        let cities = keys.clone().map(|k| (k % 7 != 0).then(|| format!("city {}", (k * 37) % 11)));
        let mut tags = ListBuilder::new(StringBuilder::new()).with_field(arrow::datatypes::Field::new(
            "item",
            arrow::datatypes::DataType::Utf8,
            false,
        ));
        for k in keys.clone() {
            (0..k % 4).for_each(|tag| tags.values().append_value(format!("tag {}", (k + tag) % 5)));
            tags.append(k % 4 != 0);
        }
        let columns: [(&str, ArrayRef); 6] = [
            ("k", Arc::new(Int64Array::from_iter_values(keys.clone()))),
            ("city", Arc::new(cities.collect::<StringArray>())),
            ("tags", Arc::new(tags.finish())),
            ("price", Arc::new(keys.clone().map(|k| (k % 5 != 0).then(|| format!("{k}.50"))).collect::<StringArray>())),
            ("m", Arc::new(keys.clone().map(|k| (k % 3 != 0).then_some(k as f64 / 8.0)).collect::<Float64Array>())),
            ("ts", Arc::new(Int64Array::from_iter_values(keys.map(|k| 1_700_000_000_000 + k)))),
        ];
        let mut builder = SegmentBuilder::try_new(&schema, &table).unwrap();
        builder
            .append(
                &RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true))).unwrap(),
            )
            .unwrap();
        let generator = SegmentNameGenerator::Fixed { name: name.into() };
        let built = builder.finish(&NameInput { generator: &generator, sequence: None }, 1).unwrap();
        built.write_dir(&self.folder.path().join(first.to_string())).unwrap()
    }

    fn push(&self, name: &str, first: i64) {
        self.cluster.upload(&self.name, &self.build(name, first));
    }

    /// Waits until queries see rows of so many segments.
    fn settled(&self, segments: i64) {
        self.cluster.await_count(&self.name, (segments * ROWS) as u64);
    }

    fn ask(&self, sql: &str) -> Json {
        let answer = self
            .cluster
            .query(&format!("SET enableNullHandling=true; {}", sql.replace("FROM t", &format!("FROM {}", self.name))));
        assert!(answer["exceptions"].as_array().is_none_or(Vec::is_empty), "{answer}");
        answer["resultTable"]["rows"].clone()
    }

    /// What must not change: every value, nulls, filters on what gets indexes.
    fn answers(&self) -> Vec<Json> {
        [
            "SELECT k, city, tags, price, m, ts FROM t ORDER BY k LIMIT 10000",
            "SELECT city, COUNT(*), SUM(m), MAX(price) FROM t GROUP BY city ORDER BY city LIMIT 100",
            "SELECT COUNT(*), SUM(k) FROM t WHERE city = 'city 3'",
            "SELECT COUNT(*), SUM(k) FROM t WHERE tags = 'tag 2'",
            "SELECT COUNT(*) FROM t WHERE city IS NULL",
            "SELECT COUNT(*) FROM t WHERE m IS NULL",
            "SELECT COUNT(*) FROM t WHERE tags IS NULL",
            "SELECT COUNT(*) FROM t WHERE k BETWEEN 17 AND 430",
        ]
        .map(|sql| self.ask(sql))
        .into()
    }

    /// The segments that answer.
    fn names(&self) -> BTreeSet<String> {
        let rows =
            self.ask("SELECT $segmentName, COUNT(*) FROM t GROUP BY $segmentName ORDER BY $segmentName LIMIT 1000");
        rows.as_array().unwrap().iter().map(|row| row[0].as_str().unwrap().to_owned()).collect()
    }

    /// Waits until these many segments answer, all of them rewritten.
    fn rewritten(&self, segments: usize) -> BTreeSet<String> {
        let prefix = format!("{}_rewrite_", self.name);
        eventually("only rewritten segments answer", || {
            let names = self.names();
            let all = names.len() == segments && names.iter().all(|name| name.starts_with(&prefix));
            if all { Ok(()) } else { Err(format!("{names:?}")) }
        });
        self.names()
    }

    fn connection(&self) -> Connection {
        Connection::new(Address::parse(&self.cluster.controller).unwrap())
    }

    fn controller(&self) -> Controller {
        Controller::new(&self.connection()).unwrap()
    }

    fn rewriter(&self, schema: Option<Json>, config: Json) -> Result<Rewriter> {
        let schema = schema.map(|schema| Schema::from_document(schema).unwrap());
        let config = TableConfig::from_document(config).unwrap();
        Rewriter::new(&self.connection(), &self.name, schema, config, self.folder.path().join("state"))
    }

    fn plan(&self, config: Json) -> Result<RewritePlan> {
        self.rewriter(None, config)?.plan(&AtomicBool::new(false))
    }

    fn rewrite(&self, config: Json) -> Result<RewriteSummary> {
        self.rewrite_with(None, config, &AtomicBool::new(false), &Silent)
    }

    fn rewrite_with(
        &self,
        schema: Option<Json>,
        config: Json,
        cancel: &AtomicBool,
        observer: &dyn Observer,
    ) -> Result<RewriteSummary> {
        let options = RewriteOptions { parallelism: 1, wait_seconds: 120, cancel, creation_time_millis: 1 };
        self.rewriter(schema, config)?.run(&options, observer)
    }
}

/// Does something once: when the first segment is rewritten, or when the first one is pushed.
struct Once<F: FnOnce() + Send> {
    when_pushed: bool,
    action: Mutex<Option<F>>,
}

impl<F: FnOnce() + Send> Once<F> {
    fn rewritten(action: F) -> Self {
        Self { when_pushed: false, action: Mutex::new(Some(action)) }
    }

    fn pushed(action: F) -> Self {
        Self { when_pushed: true, action: Mutex::new(Some(action)) }
    }

    fn act(&self) {
        if let Some(action) = self.action.lock().unwrap().take() {
            action();
        }
    }
}

impl<F: FnOnce() + Send> PushObserver for Once<F> {
    fn pushed(&self, _bytes: ByteSize) {
        if self.when_pushed {
            self.act();
        }
    }
}

impl<F: FnOnce() + Send> Observer for Once<F> {
    fn advanced(&self, _rows: u64, _bytes: u64) {
        if !self.when_pushed {
            self.act();
        }
    }
}

fn names(segments: &[pinotage_engine::OldSegment]) -> Vec<&str> {
    segments.iter().map(|segment| segment.name.as_str()).collect()
}

#[test]
fn every_segment_is_rewritten_and_every_answer_stays() {
    let Some(table) = Table::new("rewrite_all", 4) else { return };
    let before = table.answers();
    let plan = table.plan(table.sorted_config()).unwrap();
    assert_eq!(names(&plan.missing), ["old_0", "old_1", "old_2", "old_3"]);
    assert!(plan.missing.iter().all(|segment| segment.rows == ROWS as u64 && segment.bytes > 0), "{plan:?}");
    assert!(plan.steps[0].contains("tableIndexConfig.sortedColumn"), "{:?}", plan.steps);
    let summary = table.rewrite(table.sorted_config()).unwrap();
    assert_eq!((summary.replaced.len(), summary.late.len(), &summary.steps), (4, 0, &plan.steps));
    let new = table.rewritten(4);
    assert_eq!(table.answers(), before);
    for name in &new {
        let segment = Segment::open(&table.cluster.deep_store.join(&table.name).join(name)).unwrap();
        let metadata = segment.metadata();
        assert_eq!(i64::from(metadata.num_docs), ROWS);
        assert!(metadata.columns["city"].sorted && !metadata.columns["m"].has_dictionary);
        assert!(metadata.columns["city"].partition.is_some());
        assert!(segment.indexes("tags").iter().any(|index| index.id == "inverted_index"));
        assert!(segment.indexes("city").iter().any(|index| index.id == "nullvalue_vector"));
    }
    assert!(std::fs::read_dir(table.folder.path().join("state/segments")).unwrap().next().is_none());

    // Once more there is nothing to do; what is pushed later is rewritten alone.
    let again = table.rewrite(table.sorted_config()).unwrap();
    assert_eq!((again.replaced.len(), again.fitting.len(), again.steps.len()), (0, 4, 0));
    table.push("old_4", 4 * ROWS);
    table.settled(5);
    let before = table.answers();
    let later = table.rewrite(table.sorted_config()).unwrap();
    assert_eq!((names(&later.replaced), later.fitting.len()), (vec!["old_4"], 4));
    assert!(table.rewritten(5).is_superset(&new));
    assert_eq!(table.answers(), before);

    // Another config, with a column that no segment has.
    let schema = table.schema(&[json!({"name": "source", "dataType": "STRING", "defaultNullValue": "none"})]);
    let other = table.config(json!({"sortedColumn": ["k"], "noDictionaryColumns": []}));
    let third = table.rewrite_with(Some(schema), other, &AtomicBool::new(false), &Silent).unwrap();
    assert_eq!(third.replaced.len(), 5);
    // The broker learns of it a moment later, and the segments before these were rewritten too.
    eventually("no segment of the first rewriting answers", || {
        let names = table.rewritten(5);
        if names.is_disjoint(&new) { Ok(()) } else { Err(format!("{names:?}")) }
    });
    assert_eq!(table.answers(), before);
    assert_eq!(table.ask("SELECT COUNT(*) FROM t WHERE source IS NULL"), json!([[5 * ROWS]]));
    let stored = table.cluster.query(&format!("SELECT source, COUNT(*) FROM {} GROUP BY source", table.name));
    assert_eq!(stored["resultTable"]["rows"], json!([["none", 5 * ROWS]]));
}

#[test]
fn a_rewriting_that_was_stopped_is_gone_on_with() {
    let Some(table) = Table::new("rewrite_stopped", 3) else { return };
    let before = table.answers();
    let cancel = AtomicBool::new(false);
    let stop = Once::rewritten(|| cancel.store(true, Ordering::Relaxed));
    let error = table.rewrite_with(None, table.sorted_config(), &cancel, &stop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
    let plan = table.plan(table.sorted_config()).unwrap();
    assert_eq!((names(&plan.rewritten), names(&plan.missing)), (vec!["old_0"], vec!["old_1", "old_2"]));
    assert_eq!(table.names().len(), 3);

    // In the middle of the publication. The flag is looked at every 50 ms, and no other segment is pushed while we wait.
    let cancel = AtomicBool::new(false);
    let stop = Once::pushed(|| {
        cancel.store(true, Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(200));
    });
    let error = table.rewrite_with(None, table.sorted_config(), &cancel, &stop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
    assert_eq!(table.names(), ["old_0", "old_1", "old_2"].map(str::to_owned).into());
    assert_eq!(table.answers(), before);
    let summary = table.rewrite(table.sorted_config()).unwrap();
    assert_eq!(names(&summary.replaced), ["old_0", "old_1", "old_2"]);
    table.rewritten(3);
    assert_eq!(table.answers(), before);
    let lineage = runtime().block_on(table.controller().lineage(&table.name, TableType::Offline)).unwrap();
    assert_eq!(lineage.into_iter().map(|entry| entry.state).collect::<Vec<_>>(), [LineageState::Completed]);
}

#[test]
fn what_changes_meanwhile_is_neither_lost_nor_doubled() {
    let Some(table) = Table::new("rewrite_meanwhile", 3) else { return };
    // One segment comes, one gets other rows, one goes.
    let others = Once::rewritten(|| {
        table.push("new", 7 * ROWS);
        table.push("old_0", 8 * ROWS);
        let url = format!("{}/segments/{}/old_2?type=OFFLINE", table.cluster.controller, table.name);
        table.cluster.delete(&url);
    });
    let summary = table.rewrite_with(None, table.sorted_config(), &AtomicBool::new(false), &others).unwrap();
    assert_eq!(names(&summary.replaced), ["new", "old_0", "old_1"]);
    table.rewritten(3);
    let keys = |firsts: [i64; 3]| {
        firsts.into_iter().flat_map(|first| first..first + ROWS).map(|k| json!([k])).collect::<Json>()
    };
    assert_eq!(table.ask("SELECT k FROM t ORDER BY k LIMIT 10000"), keys([ROWS, 7 * ROWS, 8 * ROWS]));

    // While the new segments are pushed, rows that would go are replaced by others: nothing is replaced.
    let refreshed = table.names().into_iter().next().unwrap();
    let other = table.config(json!({"sortedColumn": ["k"]}));
    let late = Once::pushed(|| table.push(&refreshed, 9 * ROWS));
    let error = table.rewrite_with(None, other.clone(), &AtomicBool::new(false), &late).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CommitConflict, "{error}");
    assert!(error.context().iter().any(|(_, value)| *value == refreshed), "{error}");
    assert_eq!(table.rewrite(other).unwrap().replaced.len(), 3);
    eventually("the refreshed rows answer", || {
        let found = table.ask("SELECT COUNT(*) FROM t WHERE k >= 2700");
        if found == json!([[ROWS]]) { Ok(()) } else { Err(found.to_string()) }
    });
    table.settled(3);
}

#[test]
fn what_cannot_be_rewritten_is_refused_by_name() {
    let Some(table) = Table::new("rewrite_refused", 1) else { return };
    let with = |key: &str, value: Json| {
        let mut config = table.config(json!({}));
        config[key] = value;
        config
    };
    let mut encrypted = table.config(json!({}));
    encrypted["segmentsConfig"]["crypterClassName"] = json!("SomeCrypter");
    for (config, kind, word) in [
        (with("tableType", json!("REALTIME")), ErrorKind::Unsupported, "REALTIME"),
        (with("upsertConfig", json!({"mode": "FULL"})), ErrorKind::Unsupported, "an upsert table"),
        (with("dedupConfig", json!({"dedupEnabled": true})), ErrorKind::Unsupported, "a dedup table"),
        (encrypted, ErrorKind::Unsupported, "encryption"),
        (with("tableName", json!("another")), ErrorKind::InvalidConfig, "another"),
        (table.config(json!({"sortedColumn": ["nothing"]})), ErrorKind::InvalidConfig, "nothing"),
    ] {
        let error = table.rewrite(config).unwrap_err();
        assert!(error.kind() == kind && error.to_string().contains(word), "{word}: {error}");
    }
    let missing = Rewriter::new(
        &table.connection(),
        "no_such_table",
        None,
        TableConfig::from_json(r#"{"tableName": "no_such_table", "tableType": "OFFLINE"}"#).unwrap(),
        table.folder.path().join("missing"),
    );
    let error = missing.unwrap().plan(&AtomicBool::new(false)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");

    let replacement = Replacement { segments_to: vec!["theirs".into()], ..Replacement::default() };
    let controller = table.controller();
    let start = controller.start_replace_segments(&table.name, TableType::Offline, &replacement, false);
    runtime().block_on(start).unwrap();
    let error = table.rewrite(table.sorted_config()).unwrap_err();
    assert!(error.to_string().contains("another replacement"), "{error}");
    assert_eq!((error.kind(), table.names()), (ErrorKind::CommitConflict, ["old_0".to_owned()].into()));
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

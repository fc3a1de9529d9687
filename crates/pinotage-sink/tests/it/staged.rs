//! Rows and segments that wait in an object store, where other machines take them up.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use futures::TryStreamExt;
use pinotage_common::{ArchiveLevel, Secret};
use pinotage_connector::kit::{SinkCase, SinkTarget};
use pinotage_connector::{Context, Sink};
use pinotage_segment::read::{ScanOptions, Segment};
use pinotage_sink::writer::{Destination, PinotSink, Sealing, Staging, StagingStore};
use pinotage_spec::{PinotVersion, Schema, TableConfig};
use pinotage_store::{AzureOptions, GcsOptions, ListOptions, Location, S3Options, Store, StoreOptions};
use pinotage_testkit::servers::{AZURE_ACCOUNT, AZURE_KEY, Server};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Archives in a folder, by way of a folder in a store. Each process has a disk of its own.
struct Far {
    folder: TempDir,
    store: Store,
    at: Location,
    runtime: Arc<Runtime>,
    processes: AtomicU32,
    max_rows: usize,
}

impl Far {
    fn staging(&self) -> Staging {
        let process = self.processes.fetch_add(1, Ordering::Relaxed);
        let (store, at, runtime) = (self.store.clone(), self.at.clone(), self.runtime.handle().clone());
        Staging::in_store(self.folder.path().join(format!("disk{process}")), StagingStore { store, at, runtime })
    }

    fn staged(&self) -> Vec<String> {
        let listed = self.store.list(&self.at, &ListOptions::default()).try_collect::<Vec<_>>();
        let entries = self.runtime.block_on(listed).unwrap_or_default();
        entries.into_iter().map(|entry| entry.location.to_string()).collect()
    }
}

impl SinkTarget for Far {
    fn sink(&self) -> Box<dyn Sink> {
        let schema = r#"{"schemaName": "t", "dimensionFieldSpecs":
            [{"name": "id", "dataType": "LONG"}, {"name": "key", "dataType": "STRING"}]}"#;
        let schema = Schema::from_json(schema).unwrap();
        let table = TableConfig::from_json(r#"{"tableName": "t", "tableType": "OFFLINE"}"#).unwrap();
        let (max_rows, memory) = (self.max_rows, 64 << 20);
        let sealing =
            Sealing { max_rows, max_bytes: memory, task_bytes: memory, max_age: None, event_time: None, queue: 2 };
        let to = Destination::Folder { path: self.folder.path().join("out"), archives: Some(ArchiveLevel::default()) };
        let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap());
        Box::new(PinotSink::try_new((schema, table, PinotVersion::NEWEST), self.staging(), sealing, to, pool).unwrap())
    }

    fn rows(&self) -> Vec<RecordBatch> {
        let Ok(entries) = fs::read_dir(self.folder.path().join("out")) else { return Vec::new() };
        let names = entries.map(|entry| entry.unwrap().path());
        let archives = names.filter(|path| !path.file_name().unwrap().to_string_lossy().starts_with('.'));
        archives
            .flat_map(|path| {
                let unpacked = tempfile::tempdir().unwrap();
                let segment = Segment::open(&untar(&path, unpacked.path())).unwrap();
                let batches: Vec<_> =
                    segment.scan(ScanOptions::default()).unwrap().map(|batch| batch.unwrap()).collect();
                batches
            })
            .collect()
    }
}

/// The folder of the segment in an archive.
pub(crate) fn untar(archive: &Path, to: &Path) -> std::path::PathBuf {
    let status = std::process::Command::new("tar").arg("-xzf").arg(archive).arg("-C").arg(to).status().unwrap();
    assert!(status.success());
    fs::read_dir(to).unwrap().next().unwrap().unwrap().path()
}

fn rows(ids: std::ops::Range<i64>) -> RecordBatch {
    let keys: ArrayRef = Arc::new(StringArray::from_iter_values(ids.clone().map(|id| format!("k{}", id % 13))));
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(ids));
    RecordBatch::try_from_iter([("id", ids), ("key", keys)]).unwrap()
}

fn holds_the_promises(options: StoreOptions, base: &str) {
    let store = Store::new(options).unwrap();
    let runtime = Arc::new(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap());
    let targets = AtomicU32::new(0);
    let far = |max_rows| {
        let at = Location::parse(&format!("{base}/staging-{}", targets.fetch_add(1, Ordering::Relaxed))).unwrap();
        let folder = tempfile::tempdir().unwrap();
        Far { folder, store: store.clone(), at, runtime: Arc::clone(&runtime), processes: AtomicU32::new(0), max_rows }
    };
    let epochs = [rows(0..40), rows(40..41), rows(41..90)];
    for max_rows in [1000, 16] {
        let make = || Box::new(far(max_rows)) as Box<dyn SinkTarget>;
        SinkCase { make: &make, epochs: &epochs }.all();
    }
    // A writer that lives on: what lies in the store is what the last record needs, and on the machine there is nothing.
    let target = far(50);
    let (sink, context) = (target.sink(), Context::new("j", "0"));
    let mut writer = sink.open(Vec::new(), &context).unwrap();
    let mut committer = sink.committer(&context).unwrap();
    let mut last = Vec::new();
    for epoch in 1..=70 {
        writer.write(0, rows(epoch as i64 * 3..epoch as i64 * 3 + 3)).unwrap();
        let prepared = writer.prepare(epoch, epoch == 70).unwrap();
        assert!(target.staged().len() < 70, "{:?}", target.staged());
        committer.commit(&prepared.committables).unwrap();
        writer.recorded(epoch).unwrap();
        last = prepared.open;
    }
    assert!(last.is_empty());
    assert_eq!(target.staged(), Vec::<String>::new());
    assert_eq!(target.rows().iter().map(RecordBatch::num_rows).sum::<usize>(), 210);
    // What is gone is named.
    let target = far(1000);
    let mut writer = target.sink().open(Vec::new(), &context).unwrap();
    writer.write(0, rows(0..5)).unwrap();
    let open = writer.prepare(1, false).unwrap().open;
    drop(writer);
    let gone = target.staged().remove(0);
    runtime.block_on(store.delete(&Location::parse(&gone).unwrap())).unwrap();
    let context = Context { epoch: 1, ..context };
    let error = target.sink().open(open, &context).err().unwrap();
    assert!(error.kind().name() == "not-found" && error.to_string().contains(&gone), "{error}");
}

#[test]
fn in_a_folder_that_is_mounted() {
    let folder = tempfile::tempdir().unwrap();
    holds_the_promises(StoreOptions::default(), &format!("file://{}", folder.path().display()));
}

#[test]
fn in_s3() {
    let Some(server) = Server::s3() else { return };
    server.make_s3_bucket("bucket");
    let s3 = S3Options {
        endpoint: Some(server.url.clone()),
        region: Some("us-east-1".into()),
        access_key: Some(Secret::new("key")),
        secret_key: Some(Secret::new("open-sesame")),
        ..S3Options::default()
    };
    holds_the_promises(StoreOptions { s3, ..StoreOptions::default() }, "s3://bucket");
}

#[test]
fn in_azure() {
    let Some(server) = Server::azure() else { return };
    server.make_azure_container("container");
    let azure = AzureOptions {
        account: Some(AZURE_ACCOUNT.into()),
        access_key: Some(Secret::new(AZURE_KEY)),
        endpoint: Some(server.url.clone()),
        ..AzureOptions::default()
    };
    holds_the_promises(StoreOptions { azure, ..StoreOptions::default() }, "az://container");
}

#[test]
fn in_gcs() {
    let Some(server) = Server::gcs() else { return };
    server.make_gcs_bucket("bucket");
    let folder = tempfile::tempdir().unwrap();
    let account = folder.path().join("account.json");
    fs::write(&account, r#"{"disable_oauth":true,"client_email":"","private_key":"","private_key_id":""}"#).unwrap();
    let gcs = GcsOptions {
        endpoint: Some(server.url.clone()),
        service_account_file: Some(account.to_str().unwrap().into()),
        ..GcsOptions::default()
    };
    holds_the_promises(StoreOptions { gcs, ..StoreOptions::default() }, "gs://bucket");
}

//! Tables, segments and deadlines of the tests.

use std::fmt::Debug;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use pinotage_client::{Address, Connection, Controller, MetadataOnly, SegmentState, SegmentStates, TableType};
use pinotage_testkit::cluster::Cluster;
use pinotage_testkit::{GoldenCase, golden_cases};
use serde_json::Value as Json;

/// The only segment of the tables.
pub(crate) const SEGMENT: &str = "dict_all_types_0";

/// How long a change may take to show in the cluster.
const CHANGE_LIMIT: Duration = Duration::from_secs(120);

/// A table of its own for a test, in the shared cluster.
pub(crate) struct Fixture {
    pub(crate) cluster: &'static Cluster,
    pub(crate) controller: Controller,
    pub(crate) table: String,
    pub(crate) case: GoldenCase,
    pub(crate) folder: tempfile::TempDir,
}

impl Fixture {
    /// Nothing when there is no cluster, which says so.
    pub(crate) fn new(table: &str) -> Option<Self> {
        Self::in_database(table, None)
    }

    /// The same for a table of a database.
    pub(crate) fn in_database(table: &str, database: Option<&str>) -> Option<Self> {
        let cluster = Cluster::shared()?;
        let mut connection = Connection::new(Address::parse(&cluster.controller).unwrap());
        connection.database = database.map(str::to_owned);
        Some(Self {
            cluster,
            controller: Controller::new(&connection).unwrap(),
            table: table.to_owned(),
            case: golden_cases().into_iter().find(|case| case.name == "dict-all-types").unwrap(),
            folder: tempfile::tempdir().unwrap(),
        })
    }

    /// The same with the table already there.
    pub(crate) async fn with_table(table: &str) -> Option<Self> {
        let fixture = Self::new(table)?;
        fixture.controller.create_schema(&fixture.schema()).await.unwrap();
        fixture.controller.create_table(&fixture.table_config()).await.unwrap();
        Some(fixture)
    }

    pub(crate) fn schema(&self) -> Json {
        let mut schema = self.read("schema.json");
        schema["schemaName"] = self.table.as_str().into();
        schema
    }

    pub(crate) fn table_config(&self) -> Json {
        let mut config = self.read("table.json");
        config["tableName"] = TableType::Offline.of(&self.table).into();
        config["segmentsConfig"].as_object_mut().unwrap().shift_remove("schemaName");
        config
    }

    fn read(&self, file: &str) -> Json {
        serde_json::from_slice(&std::fs::read(self.case.folder.join(file)).unwrap()).unwrap()
    }

    /// The archive of the golden segment, under another name when one is given.
    pub(crate) fn archive(&self, name: &str) -> PathBuf {
        let path = self.folder.path().join(format!("{name}.tar.gz"));
        let mut archive = tar::Builder::new(GzEncoder::new(File::create(&path).unwrap(), Compression::fast()));
        archive.append_dir_all(name, self.segment_folder(name)).unwrap();
        archive.into_inner().unwrap().finish().unwrap();
        path
    }

    /// The golden segment under another name: the name stands in its metadata, which its CRC does not cover.
    pub(crate) fn segment_folder(&self, name: &str) -> PathBuf {
        let folder = self.folder.path().join("segments").join(name);
        copy(&self.case.segment(), &folder);
        let properties = folder.join("v3/metadata.properties");
        let text = std::fs::read_to_string(&properties).unwrap();
        std::fs::write(&properties, text.replace(SEGMENT, name)).unwrap();
        folder
    }

    /// The golden segment under another name, for an upload of its metadata; its archive is nowhere yet.
    pub(crate) fn metadata_only(&self, name: &str) -> MetadataOnly {
        let folder = self.segment_folder(name).join("v3");
        MetadataOnly {
            name: name.into(),
            metadata_properties: std::fs::read(folder.join("metadata.properties")).unwrap().into(),
            creation_meta: std::fs::read(folder.join("creation.meta")).unwrap().into(),
            download_uri: String::new(),
        }
    }

    /// Waits until exactly these segments are online on all their servers.
    pub(crate) async fn await_online(&self, segments: &[&str]) {
        let views = async || {
            let ideal = self.controller.ideal_state(&self.table, TableType::Offline).await.unwrap();
            (ideal, self.controller.external_view(&self.table, TableType::Offline).await.unwrap())
        };
        let online = |(ideal, view): &(SegmentStates, SegmentStates)| {
            let mut states = view.values().flat_map(|servers| servers.values());
            ideal == view
                && states.all(|state| *state == SegmentState::Online)
                && view.keys().map(String::as_str).eq(segments.iter().copied())
        };
        self.until(views, online).await;
    }

    /// Asks again until the answer is right.
    pub(crate) async fn until<T: Debug>(&self, ask: impl AsyncFn() -> T, right: impl Fn(&T) -> bool) -> T {
        let end = Instant::now() + CHANGE_LIMIT;
        loop {
            let answer = ask().await;
            if right(&answer) {
                return answer;
            }
            assert!(Instant::now() < end, "still {answer:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target)
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

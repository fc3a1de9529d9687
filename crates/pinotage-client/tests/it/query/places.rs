//! Clusters, tables and answers.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use arrow::array::RecordBatch;
use pinotage_client::{
    Address, Auth, Blocks, Connection, Controller, DataTable, KeyStore, Metadata, QueryServers, ServerAddress,
    ServerQuery, Tls, TrustStore,
};
use pinotage_common::{Result, Secret};
use pinotage_segment::write::{NameInput, SegmentBuilder};
use pinotage_spec::{Expression, PinotQuery, Schema, SegmentNameGenerator, TableConfig};
use pinotage_testkit::cluster::{self, Cluster, Options, Version};
use pinotage_testkit::{GoldenCase, golden_cases};
use serde_json::{Value as Json, json};

/// Long enough for a busy machine.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(60);

/// A cluster that tests share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Pinot 1.5.1.
    Modern,
    /// Pinot 0.11.0.
    Oldest,
    /// Pinot 1.5.1 that wants to know users and to see certificates.
    Secure,
}

impl Place {
    /// Nothing when there is no cluster, which says so.
    pub(crate) fn cluster(self) -> Option<&'static Cluster> {
        static CLUSTERS: [OnceLock<Option<Cluster>>; 2] = [const { OnceLock::new() }; 2];
        let (at, options) = match self {
            Self::Modern => return Cluster::shared(),
            Self::Oldest => (0, Options { version: Version::V0_11, ..Options::default() }),
            Self::Secure => (1, Options { auth: true, tls: cluster::Tls::Mutual, ..Options::default() }),
        };
        CLUSTERS[at].get_or_init(|| Cluster::start(&options)).as_ref()
    }
}

/// How somebody who may do everything reaches a cluster.
pub(crate) fn connection(cluster: &Cluster) -> Connection {
    let mut connection = Connection::new(Address::parse(&cluster.controller).unwrap());
    if let Some(admin) = &cluster.admin {
        connection.auth = Auth::Basic { user: admin.name.clone(), password: Secret::new(&admin.password) };
    }
    if let Some(files) = &cluster.tls {
        connection.tls = Tls {
            trust_store: Some(TrustStore { path: files.ca.clone(), password: None }),
            key_store: Some(KeyStore {
                path: files.client.clone(),
                key_path: Some(files.client_key.clone()),
                password: None,
                key_password: None,
                alias: None,
            }),
            insecure_trust_any_server: false,
        };
    }
    connection
}

pub(crate) fn servers(connection: &Connection) -> QueryServers {
    QueryServers::new(Controller::new(connection).unwrap().http()).unwrap()
}

/// A server, as the controller tells where it is.
pub(crate) async fn server(cluster: &Cluster, number: usize) -> ServerAddress {
    let controller = Controller::new(&connection(cluster)).unwrap();
    let instance = controller.instance(&cluster.servers[number].instance).await.unwrap();
    let server = ServerAddress::grpc(&instance, cluster.tls.is_some()).unwrap();
    assert_eq!(server.port, cluster.servers[number].grpc_port);
    server
}

/// The port of a server that brokers use.
pub(crate) async fn netty(cluster: &Cluster, number: usize) -> ServerAddress {
    let controller = Controller::new(&connection(cluster)).unwrap();
    let instance = controller.instance(&cluster.servers[number].instance).await.unwrap();
    let server = ServerAddress::netty(&instance, None).unwrap();
    assert_eq!(server.port, cluster.servers[number].netty_port);
    server
}

pub(crate) fn golden(name: &str) -> GoldenCase {
    golden_cases().into_iter().find(|case| case.name == name).unwrap()
}

/// Makes a table of a golden segment and returns the segment's name.
pub(crate) fn table(cluster: &Cluster, case: &GoldenCase, table: &str) -> String {
    let (schema, config) = (read(case, "schema.json"), read(case, "table.json"));
    create(cluster, table, schema, config);
    upload(cluster, table, &case.segment())
}

/// Makes a table of rows and returns its only segment's name.
pub(crate) fn table_of(cluster: &Cluster, table: &str, schema: Json, rows: &RecordBatch) -> String {
    let config = json!({
        "tableName": table, "tableType": "OFFLINE", "tenants": {}, "metadata": {},
        "segmentsConfig": {"replication": "1"}, "tableIndexConfig": {"loadMode": "MMAP"},
    });
    create(cluster, table, schema.clone(), config.clone());
    let parsed = (Schema::from_document(schema).unwrap(), TableConfig::from_document(config).unwrap());
    let mut builder = SegmentBuilder::try_new(&parsed.0, &parsed.1).unwrap();
    builder.append(rows).unwrap();
    let generator = SegmentNameGenerator::Fixed { name: format!("{table}_0") };
    let built = builder.finish(&NameInput { generator: &generator, sequence: None }, 1).unwrap();
    let folder = tempfile::tempdir().unwrap();
    upload(cluster, table, &built.write_dir(folder.path()).unwrap())
}

/// The schema and the rows of a golden segment without some columns.
pub(crate) fn without(case: &GoldenCase, columns: &[&str]) -> (Json, RecordBatch) {
    let mut schema = read(case, "schema.json");
    for fields in schema.as_object_mut().unwrap().values_mut().filter_map(Json::as_array_mut) {
        fields.retain(|field| !columns.contains(&field["name"].as_str().unwrap()));
    }
    let rows = case.batch();
    let kept: Vec<usize> =
        (0..rows.num_columns()).filter(|at| !columns.contains(&rows.schema().field(*at).name().as_str())).collect();
    (schema, rows.project(&kept).unwrap())
}

fn read(case: &GoldenCase, file: &str) -> Json {
    serde_json::from_slice(&std::fs::read(case.folder.join(file)).unwrap()).unwrap()
}

fn create(cluster: &Cluster, table: &str, mut schema: Json, mut config: Json) {
    schema["schemaName"] = table.into();
    config["tableName"] = format!("{table}_OFFLINE").into();
    config["segmentsConfig"]["schemaName"] = table.into();
    cluster.create_table(&schema, &config);
}

fn upload(cluster: &Cluster, table: &str, segment: &Path) -> String {
    cluster.upload(table, segment);
    cluster.await_online(&format!("{table}_OFFLINE"), 1);
    segment.file_name().unwrap().to_str().unwrap().to_owned()
}

/// A query of a table without its type.
pub(crate) fn query(table: &str, options: &str, select: &str, segments: &[&str]) -> ServerQuery {
    let table = format!("{table}_OFFLINE");
    let (select, rest) = select.split_once(" FROM t").unwrap();
    let sql = format!("SET timeoutMs={}; {options} {select} FROM {table}{rest}", TIMEOUT.as_millis());
    let mut query = ServerQuery::new(table, sql, segments.iter().map(|it| (*it).to_owned()).collect());
    query.timeout = TIMEOUT;
    query
}

/// Columns of a table, which is named without its type; with an option that is to be true.
pub(crate) fn tree(table: &str, option: &'static str, columns: &[&str]) -> PinotQuery {
    let mut options = BTreeMap::from([("timeoutMs", TIMEOUT.as_millis().to_string())]);
    if !option.is_empty() {
        options.insert(option, "true".to_owned());
    }
    PinotQuery {
        table: format!("{table}_OFFLINE"),
        options,
        select: columns.iter().copied().map(Expression::column).collect(),
        filter: None,
        group_by: Vec::new(),
        order_by: Vec::new(),
        limit: 1_000_000,
    }
}

/// The same as a query that Netty carries.
pub(crate) fn by_netty(table: &str, option: &'static str, columns: &[&str], segments: &[&str]) -> ServerQuery {
    let segments = segments.iter().map(|it| (*it).to_owned()).collect();
    let query = ServerQuery::new(format!("{table}_OFFLINE"), tree(table, option, columns), segments);
    ServerQuery { timeout: TIMEOUT, ..query }
}

/// All of an answer.
pub(crate) async fn whole(mut blocks: Blocks) -> Result<(Vec<DataTable>, Metadata)> {
    let mut tables = Vec::new();
    while let Some(table) = blocks.next().await {
        tables.push(table?);
    }
    Ok((tables, blocks.finish()?))
}

/// Asks and reads all of the answer.
pub(crate) async fn ask(
    servers: &QueryServers,
    server: &ServerAddress,
    query: &ServerQuery,
) -> Result<(Vec<DataTable>, Metadata)> {
    whole(servers.submit(server, query).await?).await
}

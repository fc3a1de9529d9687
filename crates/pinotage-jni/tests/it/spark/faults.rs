//! What goes wrong while Spark reads.

use std::time::Duration;

use pinotage_testkit::cluster::{Cluster, Options, Tls};
use serde_json::json;
use tempfile::TempDir;

use super::lines::Line;
use super::ok;
use crate::tables::{Fixture, Place, build};

const LINE: Line = Line::V4;

fn script(folder: &TempDir, view: &str, query: &str) -> Vec<(&'static str, String)> {
    let path = folder.path().join("script");
    std::fs::write(&path, format!("VIEW t ({view});\n{query};")).unwrap();
    vec![("script", path.display().to_string())]
}

/// Who may not read, or does not know the authority, is told before a task starts; who may reads; and a server that is lost while
/// rows come fails the job: there is no half of an answer.
#[test]
fn users_certificates_and_a_server_that_is_lost() {
    if LINE.class_path().is_none() {
        return;
    }
    let Some(cluster) = Cluster::start(&Options { auth: true, tls: Tls::Server, ..Options::default() }) else { return };
    let cluster: &'static Cluster = Box::leak(Box::new(cluster));
    let fixture = Fixture::on(cluster, "spark_secure", 4, 250, false, json!({}));
    let mut jvm = LINE.start(&[]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let user = cluster.reader.as_ref().unwrap();
    let ca = cluster.tls.as_ref().unwrap().ca.display().to_string();
    let place = format!(
        "'controller' = '{}', 'table' = 'spark_secure', 'connection.retries.attempts' = '1'",
        cluster.controller
    );
    let trust = format!("'connection.tls.trustStore.path' = '{ca}'");
    let who = |password: &str| {
        format!(
            "'connection.auth.kind' = 'basic', 'connection.auth.user' = '{}', 'connection.auth.password' = '{password}'",
            user.name
        )
    };
    let query = "SELECT COUNT(*), SUM(length(s)) FROM t";
    let mut failed = |options: &str, words: &str| {
        let error = jvm.run("sql", &script(&folder, &format!("{place}{options}"), query)).expect_err("it did not fail");
        assert!(error.contains(words) && !error.contains("not-this-one"), "{error}");
    };
    failed(&format!(", {trust}, {}", who("not-this-one")), "permission-denied");
    failed(&format!(", {trust}"), "permission-denied");
    failed(&format!(", {}", who(&user.password)), "certificate");
    let all = format!("{place}, {trust}, {}", who(&user.password));
    let length: usize = fixture.rows.iter().map(|row| row["s"].as_str().unwrap().chars().count()).sum();
    for reader in ["server", "direct"] {
        let found = jvm.run("sql", &script(&folder, &format!("{all}, 'reader' = '{reader}'"), query)).unwrap();
        assert_eq!(found, format!("[1000,{length}]"), "{reader}");
    }
    // As the existing connector has it.
    let token = user.authorization();
    let old = format!("{place}, 'truststorePath' = '{ca}', 'authHeader' = 'Authorization', 'authToken' = '{token}'");
    assert_eq!(jvm.run("sql", &script(&folder, &old, query)).unwrap(), format!("[1000,{length}]"));
    // A request a segment, and 100 rows a second: after a second most of them are still to come.
    let slow = format!("{all}, 'reader' = 'server', 'rowsPerSecond' = '100', 'requestSize' = '1KiB', 'attempts' = '1'");
    jvm.begin("sql", &script(&folder, &slow, query));
    std::thread::sleep(Duration::from_secs(2));
    cluster.stop_server(0);
    let error = jvm.answer().expect_err("it did not fail");
    assert!(error.contains("unavailable") || error.contains("spark_secure_"), "{error}");
}

/// A job that is cancelled ends its readers, which wait for servers at the moment.
#[test]
fn a_job_is_cancelled() {
    if LINE.class_path().is_none() {
        return;
    }
    let Some(fixture) = Fixture::new(Place::Modern, "spark_cancelled", 3, 300, false, json!({})) else { return };
    let folder = tempfile::tempdir().unwrap();
    let view = format!(
        "'controller' = '{}', 'table' = '{}', 'reader' = 'server', 'rowsPerSecond' = '5', 'requestSize' = '1KiB'",
        fixture.cluster.controller, fixture.name
    );
    let mut options = script(&folder, &view, "SELECT SUM(length(r)) FROM t");
    options.push(("afterMillis", "500".to_owned()));
    let why = ok(LINE, "cancel", &options).unwrap();
    assert!(why.contains("cancelled"), "{why}");
}

/// A table that has twenty times the memory of Spark.
#[test]
fn a_table_is_larger_than_the_memory() {
    const HEAP_MIB: u64 = 256;
    const TIMES: u64 = 20;
    const ROWS: u64 = 1000;
    const LENGTH: u64 = 65_536;
    const SEGMENTS: u64 = 4;
    if LINE.class_path().is_none() {
        return;
    }
    let name = "spark_large";
    let config = json!({
        "tableName": name, "tableType": "OFFLINE", "tenants": {}, "metadata": {},
        "segmentsConfig": {"schemaName": name, "replication": "1", "segmentPushType": "APPEND"},
        "tableIndexConfig": {"loadMode": "MMAP"},
    });
    let schema = json!({
        "schemaName": name,
        "dimensionFieldSpecs": [{"name": "id", "dataType": "LONG"}, {"name": "s", "dataType": "STRING", "maxLength": LENGTH}],
    });
    let Some(cluster) = Cluster::shared() else { return };
    cluster.create_table(&schema, &config);
    let text = "0123456789abcdef".repeat(LENGTH as usize / 16);
    let (schema, config) = (
        pinotage_spec::Schema::from_document(schema).unwrap(),
        pinotage_spec::TableConfig::from_document(config).unwrap(),
    );
    for segment in 0..SEGMENTS {
        let rows: Vec<_> = (0..ROWS).map(|at| json!({"id": segment * ROWS + at, "s": text})).collect();
        let folder = tempfile::tempdir().unwrap();
        cluster.upload(name, &build(&schema, &config, &format!("{name}_{segment}"), &rows, folder.path()));
    }
    cluster.await_online(&format!("{name}_OFFLINE"), SEGMENTS as usize);
    // As often as it takes.
    let once = SEGMENTS * ROWS * LENGTH;
    let times = ((HEAP_MIB * TIMES) << 20).div_ceil(once);
    let heap = format!("-Xmx{HEAP_MIB}m");
    let mut jvm = LINE.start_with(&[&heap], &[("spark.testing.memory", "536870912")]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut read = |reader: &str, times: u64| {
        let all = vec!["SELECT s FROM t"; times as usize].join(" UNION ALL ");
        let query = format!("SELECT COUNT(*), SUM(octet_length(s)) FROM ({all})");
        let view = format!(
            "'controller' = '{}', 'table' = '{name}', 'reader' = '{reader}', 'memory' = '64MiB'",
            cluster.controller
        );
        let said = jvm.run("memory", &script(&folder, &view, &query)).unwrap();
        let (found, memory) = said.split_once(' ').unwrap();
        assert_eq!(found, format!("[{},{}]", times * SEGMENTS * ROWS, times * once), "{reader}");
        let memory: u64 = memory.parse().unwrap();
        println!("{reader}: {} MiB were read, with {} MiB of memory", (times * once) >> 20, memory >> 10);
        memory
    };
    assert!(read("direct", times) < (3 * HEAP_MIB) << 10);
    // Answers that do not fit go to disk; the message of a segment is 64 MiB, and two requests have one each, and the batch of it.
    assert!(read("server", 4) < (4 * HEAP_MIB) << 10);
}

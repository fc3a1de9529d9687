//! An answer that is not whole is an error that says whose, of what, and who may answer instead.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use pinotage_client::{Auth, QueryServers, Remedy, ServerAddress, ServerFailure, ServerQuery, Tls};
use pinotage_common::{ByteSize, Error, ErrorKind, Secret};
use pinotage_testkit::cluster::{Cluster, Options, Version};
use serde_json::json;

use super::places::{Place, ask, connection, golden, query, server, servers, table, table_of, without};

/// Rows of half a kilobyte: more than what a server may send before somebody reads.
const ROWS: usize = 60_000;

fn large(cluster: &Cluster, name: &str) -> String {
    let schema = json!({"schemaName": name, "dimensionFieldSpecs": [{"name": "s", "dataType": "STRING"}]});
    let values: StringArray = (0..ROWS).map(|row| Some(format!("{row:0500}"))).collect();
    let columns = Arc::new(Schema::new(vec![Field::new("s", DataType::Utf8, false)]));
    let rows = RecordBatch::try_new(columns, vec![Arc::new(values) as ArrayRef]).unwrap();
    table_of(cluster, name, schema, &rows)
}

async fn error(servers: &QueryServers, server: &ServerAddress, query: &ServerQuery) -> Error {
    ask(servers, server, query).await.map(|(_, metadata)| metadata).unwrap_err()
}

fn remedy(error: &Error) -> Remedy {
    ServerFailure::of(error).unwrap_or_else(|| panic!("{error:?}")).remedy
}

#[tokio::test]
async fn what_a_server_cannot_answer_names_it_and_the_segments() {
    for place in [Place::Modern, Place::Oldest] {
        let Some(cluster) = place.cluster() else { return };
        let (servers, server) = (servers(&connection(cluster)), server(cluster, 0).await);
        let (schema, rows) = without(&golden("indexes"), &[]);
        let segment = table_of(cluster, "failures", schema, &rows);
        for streaming in [true, false] {
            let with = |mut query: ServerQuery| {
                query.streaming = streaming;
                query
            };
            let missing = with(query("failures", "", "SELECT i FROM t LIMIT 100", &[&segment, "no_1", "no_2"]));
            let found = error(&servers, &server, &missing).await;
            let failure = ServerFailure::of(&found).unwrap();
            assert_eq!((failure.remedy, failure.exceptions[0].error_code), (Remedy::OtherReplica, 235), "{found}");
            let mut names = failure.missing_segments.clone();
            names.sort();
            assert_eq!(names, ["no_1", "no_2"]);
            let text = found.to_string();
            assert!(
                text.contains(&server.name) && text.contains("failures_OFFLINE") && text.contains("no_1"),
                "{text}"
            );

            // The same, where the server was told not to mind.
            if place == Place::Modern {
                let ignored =
                    with(query("failures", "SET ignoreMissingSegments=true;", "SELECT i FROM t", &[&segment, "no_1"]));
                let found = error(&servers, &server, &ignored).await;
                assert!(found.to_string().contains("found 1 segments where 2"), "{found}");
                assert_eq!(remedy(&found), Remedy::OtherReplica);
            }

            let unknown = with(query("no_such_table", "", "SELECT i FROM t", &[&segment]));
            let found = error(&servers, &server, &unknown).await;
            assert_eq!(ServerFailure::of(&found).unwrap().exceptions[0].error_code, 230, "{found}");
            assert_eq!(remedy(&found), Remedy::OtherReplica);

            let lacking = with(query("failures", "", "SELECT no_such_column FROM t", &[&segment]));
            let found = error(&servers, &server, &lacking).await;
            assert!(found.to_string().contains("no_such_column") || found.advice().contains("reload"), "{found}");

            let wrong = with(query("failures", "", "SELECT i FROM t WHERE no_such_function(i) = 1", &[&segment]));
            assert_eq!(remedy(&error(&servers, &server, &wrong).await), Remedy::Nobody);
            let mut nonsense = with(query("failures", "", "SELECT i FROM t", &[&segment]));
            nonsense.statement = "SELECT FROM WHERE".into();
            let found = error(&servers, &server, &nonsense).await;
            assert_eq!((found.kind(), remedy(&found)), (ErrorKind::InvalidConfig, Remedy::Nobody), "{found}");

            // An option of the server only, in 0.11.
            if place == Place::Modern {
                let groups = "SELECT i, COUNT(*) FROM t GROUP BY i LIMIT 100";
                let cut = with(query("failures", "SET numGroupsLimit=5;", groups, &[&segment]));
                let found = error(&servers, &server, &cut).await;
                assert_eq!((found.kind(), remedy(&found)), (ErrorKind::ResourceExhausted, Remedy::Nobody), "{found}");
            }
        }
        // Nothing of it harms the next query.
        let (tables, _) =
            ask(&servers, &server, &query("failures", "", "SELECT i FROM t LIMIT 100", &[&segment])).await.unwrap();
        assert_eq!(tables.iter().map(|table| table.num_rows()).sum::<usize>(), rows.num_rows());
    }
}

#[tokio::test]
async fn a_time_out_and_a_limit_are_errors() {
    for place in [Place::Modern, Place::Oldest] {
        let Some(cluster) = place.cluster() else { return };
        let servers = servers(&connection(cluster));
        let server = server(cluster, 0).await;
        let segment = large(cluster, "limits");
        let select = "SELECT s FROM t WHERE REGEXP_LIKE(s, '.*9.*9.*9') LIMIT 100000";
        let mut short = query("limits", "", select, &[&segment]);
        short.statement = short.statement.to_string().replace("timeoutMs=60000", "timeoutMs=1").into();
        short.streaming = false;
        short.timeout = Duration::from_millis(1);
        let found = error(&servers, &server, &short).await;
        let failure = ServerFailure::of(&found).unwrap();
        assert!(matches!(failure.exceptions[0].error_code, 240 | 250), "{found}");
        assert_eq!((failure.remedy, found.kind()), (Remedy::OtherReplica, ErrorKind::Unavailable));

        let limited = super::places::servers(&connection(cluster)).with_max_message(ByteSize::mib(1));
        let mut long = query("limits", "", "SELECT s FROM t LIMIT 100000", &[&segment]);
        long.streaming = false;
        let found = error(&limited, &server, &long).await;
        assert_eq!((found.kind(), remedy(&found)), (ErrorKind::ResourceExhausted, Remedy::Nobody), "{found}");
    }
}

/// Forwards connections to a port, and closes each when it has brought some bytes; counts what it brings.
fn proxy(target: u16, limit: usize) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, count) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
    let counted = count.clone();
    // It ends with the tests' process.
    std::thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            let Ok(mut server) = TcpStream::connect(("127.0.0.1", target)) else { continue };
            let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut from, &mut to));
            let mut buffer = [0; 4096];
            let mut left = limit;
            while left > 0 {
                let wanted = buffer.len().min(left);
                let Ok(read @ 1..) = server.read(&mut buffer[..wanted]) else { break };
                if client.write_all(&buffer[..read]).is_err() {
                    break;
                }
                left -= read;
                counted.fetch_add(read, Ordering::Relaxed);
            }
            let _ = client.shutdown(Shutdown::Both);
            let _ = server.shutdown(Shutdown::Both);
        }
    });
    (port, count)
}

#[tokio::test]
async fn a_stream_that_is_cut_is_no_answer() {
    for place in [Place::Modern, Place::Oldest] {
        let Some(cluster) = place.cluster() else { return };
        let (servers, server) = (servers(&connection(cluster)), server(cluster, 0).await);
        let segment = large(cluster, "cut");
        let query = query("cut", "", "SELECT s FROM t LIMIT 100000", &[&segment]);
        let (port, count) = proxy(server.port, usize::MAX);
        let (tables, _) = ask(&servers, &ServerAddress { port, ..server.clone() }, &query).await.unwrap();
        assert_eq!(tables.iter().map(|table| table.num_rows()).sum::<usize>(), ROWS);
        let total = count.load(Ordering::Relaxed);
        assert!(total > ROWS * 500);

        for limit in [0, 30, 1_000, 100_000, total / 2, total / 100 * 99] {
            let (port, _) = proxy(server.port, limit);
            let cut = ServerAddress { port, ..server.clone() };
            let submitted = servers.submit(&cut, &query).await;
            let found = match submitted {
                Err(error) => error,
                Ok(mut blocks) => {
                    let mut rows = 0;
                    let found = loop {
                        match blocks.next().await {
                            Some(Ok(table)) => rows += table.num_rows(),
                            Some(Err(error)) => break error,
                            None => panic!("{place:?}: whole with {rows} rows after {limit} bytes"),
                        }
                    };
                    assert!(blocks.next().await.is_none());
                    assert_eq!(blocks.finish().unwrap_err().kind(), ErrorKind::Unexpected);
                    found
                }
            };
            assert_eq!((found.kind(), remedy(&found)), (ErrorKind::Unavailable, Remedy::OtherReplica), "{found}");
            assert!(found.to_string().contains(&server.name), "{found}");
        }
    }
}

// With a thread of its own for the connection, which a server that stops waits for.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_gone_is_asked_again_when_it_is_back() {
    for version in [Version::V1_5, Version::V0_11] {
        let Some(cluster) = Cluster::start(&Options { version, ..Options::default() }) else { return };
        let (servers, server) = (servers(&connection(&cluster)), server(&cluster, 0).await);
        let (schema, rows) = without(&golden("indexes"), &[]);
        let segment = table_of(&cluster, "gone", schema, &rows);
        let query = query("gone", "", "SELECT i FROM t LIMIT 100", &[&segment]);
        ask(&servers, &server, &query).await.unwrap();
        cluster.stop_server(0);
        let found = error(&servers, &server, &query).await;
        assert_eq!((found.kind(), remedy(&found)), (ErrorKind::Unavailable, Remedy::OtherReplica), "{found}");
        assert!(found.to_string().contains("nothing listens"), "{found}");
        cluster.start_server(0);
        cluster.await_online("gone_OFFLINE", 1);
        ask(&servers, &server, &query).await.unwrap();
    }
}

#[tokio::test]
async fn who_asks_and_who_answers_is_checked() {
    let Some(cluster) = Place::Secure.cluster() else { return };
    let right = connection(cluster);
    let segment = table(cluster, &golden("indexes"), "secure");
    let server = server(cluster, 0).await;
    let query = query("secure", "", "SELECT i FROM t LIMIT 100", &[&segment]);
    let (tables, _) = ask(&servers(&right), &server, &query).await.unwrap();
    assert_eq!(tables.iter().map(|table| table.num_rows()).sum::<usize>(), 60);

    // A token file is read for each query.
    let folder = tempfile::tempdir().unwrap();
    let (path, mut by_file) = (folder.path().join("token"), right.clone());
    by_file.auth = Auth::TokenFile { path: path.clone(), header: "Authorization".into(), prefix: String::new() };
    let admin = cluster.admin.as_ref().unwrap();
    std::fs::write(&path, admin.authorization()).unwrap();
    let renewed = servers(&by_file);
    ask(&renewed, &server, &query).await.unwrap();
    std::fs::write(&path, "Basic bm9ib2R5Omh1bnRlcjI=").unwrap();
    let found = error(&renewed, &server, &query).await;
    assert_eq!((found.kind(), remedy(&found)), (ErrorKind::PermissionDenied, Remedy::Nobody), "{found}");

    let mut wrong = right.clone();
    wrong.auth = Auth::Basic { user: admin.name.clone(), password: Secret::new("hunter2") };
    let found = error(&servers(&wrong), &server, &query).await;
    assert_eq!((found.kind(), remedy(&found)), (ErrorKind::PermissionDenied, Remedy::Nobody), "{found}");
    assert!(!format!("{found:?}").contains("hunter2"), "{found:?}");

    let mut stranger = right.clone();
    stranger.tls.key_store = None;
    let found = error(&servers(&stranger), &server, &query).await;
    assert!(found.advice().contains("tls.keyStore"), "{found}");
    assert_eq!(found.kind(), ErrorKind::Unavailable, "{found}");
    let mut distrusting = right.clone();
    distrusting.tls = Tls { key_store: right.tls.key_store.clone(), ..Tls::default() };
    let found = error(&servers(&distrusting), &server, &query).await;
    assert!(found.advice().contains("tls.trustStore"), "{found}");
    assert_eq!((found.kind(), remedy(&found)), (ErrorKind::InvalidConfig, Remedy::Nobody), "{found}");
    let plain = ServerAddress { tls: false, ..server.clone() };
    let found = error(&servers(&right), &plain, &query).await;
    assert!(found.advice().contains("TLS"), "{found}");
}

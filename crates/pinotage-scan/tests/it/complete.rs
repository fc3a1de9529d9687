//! All rows or an error.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use futures::StreamExt as _;
use pinotage_client::{Address, Connection, Controller};
use pinotage_common::{ErrorKind, Result, TimeSpan};
use pinotage_scan::{MissingSegments, Reader, ScanOptions, ScanPlan, ScanRequest, Scanner, Table, Transport};
use pinotage_store::{Store, StoreOptions};
use pinotage_testkit::cluster::{Cluster, Options, Version, eventually};
use pinotage_testkit::fake::{Break, Line};
use serde_json::{Value as Json, json};

use crate::support::{Fixture, Place, by, controller, ids, line, over, read, row, scanner_at};

const REPLICATED: &str = r#"{"segmentsConfig": {"replication": "2"}}"#;

const TRANSPORTS: [Transport; 2] = [Transport::Grpc, Transport::Netty];

/// All items of a plan's splits, those of a split that fails, too.
async fn items(scanner: &Scanner, plan: ScanPlan) -> Vec<Result<RecordBatch>> {
    let plan = Arc::new(plan);
    let mut items = Vec::new();
    for split in &plan.splits {
        items.extend(scanner.read(&plan, split).collect::<Vec<_>>().await);
    }
    items
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_cut_comes_whole_from_the_other_replica_or_not_at_all() {
    let more = serde_json::from_str(REPLICATED).unwrap();
    let Some(fixture) = Fixture::new(Place::Two, "cut", 4, 20_000, false, more) else { return };
    for transport in TRANSPORTS {
        cut(&fixture, transport).await;
    }
    cut_between_messages(&fixture).await;
}

async fn cut(fixture: &Fixture, transport: Transport) {
    let expected: Vec<i64> = (0..80_000).collect();
    let cluster = fixture.cluster;
    let [first, second] = [0, 1].map(|at| &cluster.servers[at]);
    let options = ScanOptions { timeout: TimeSpan::secs(20), ..by(Reader::Server) };

    // How many bytes the whole answer of a server has.
    let (name, whole) = line(first, transport, usize::MAX, Break::Cut);
    let told = controller(cluster, transport, HashMap::from([(name, whole.port())]));
    let scanner = scanner_at(&told.url(), "cut", options.clone()).await.unwrap();
    assert_eq!(ids(&scanner, None).await.unwrap().1, expected);
    let total = whole.brought() / whole.connections();
    assert!(total > 100_000, "{total}");

    for limit in [0, 2, 20, 1_000, total / 4, total / 2, total - 1_000, total - 1] {
        let (name, cut) = line(first, transport, limit, Break::Cut);
        let told = controller(cluster, transport, HashMap::from([(name, cut.port())]));
        let scanner = scanner_at(&told.url(), "cut", options.clone()).await.unwrap();
        let (plan, found) = ids(&scanner, None).await.unwrap();
        assert!(found == expected, "{transport:?}: {} rows after a cut at {limit}", found.len());
        assert!(plan.requests() >= 2 && cut.connections() > 0, "the line was used");
    }

    nothing_is_given(fixture, transport, [first, second].map(|server| line(server, transport, total / 4, Break::Cut)))
        .await;
}

/// Nobody can answer: nothing of the answers is given.
async fn nothing_is_given(fixture: &Fixture, transport: Transport, cut: [(String, Line); 2]) {
    let options = ScanOptions { timeout: TimeSpan::secs(20), ..by(Reader::Server) };
    let ports = cut.iter().map(|(name, line)| (name.clone(), line.port())).collect();
    let told = controller(fixture.cluster, transport, ports);
    let scanner = scanner_at(&told.url(), "cut", options).await.unwrap();
    let plan = scanner.plan(&ScanRequest::default()).await.unwrap();
    let splits = plan.splits.len();
    let found = items(&scanner, plan).await;
    assert_eq!(found.len(), splits, "an error of each split and no row");
    for item in found {
        let error = item.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        let text = error.to_string();
        assert!(text.contains("cut_OFFLINE") && text.contains("Server_") && text.contains("attempts"), "{text}");
    }
}

/// Between two messages nothing looks broken: only the last one says that there are no more.
async fn cut_between_messages(fixture: &Fixture) {
    let [first, second] = [0, 1].map(|at| &fixture.cluster.servers[at]);
    let options = ScanOptions { timeout: TimeSpan::secs(20), ..over(Transport::Grpc) };
    let scanner_over = async |line: &Line| {
        let ports = HashMap::from([(first.instance.clone(), line.port())]);
        let told = controller(fixture.cluster, Transport::Grpc, ports);
        let scanner = scanner_at(&told.url(), "cut", options.clone()).await.unwrap();
        (ids(&scanner, None).await.unwrap().1, told)
    };
    let expected: Vec<i64> = (0..80_000).collect();
    let whole = Line::cut_after(first.grpc_port, usize::MAX);
    assert_eq!(scanner_over(&whole).await.0, expected);
    // Blocks of 10,000 rows, and the last message.
    let all = whole.messages();
    assert!(all >= 5, "{all} messages");
    for messages in [1, all / 2, all - 2, all - 1] {
        let line = Line::cut_after(first.grpc_port, messages);
        let (found, _) = scanner_over(&line).await;
        assert!(found == expected, "{} rows after a cut behind {messages} of {all} messages", found.len());
        assert_eq!(line.messages(), messages, "it was cut there");
        let cut = [first, second].map(|server| (server.instance.clone(), Line::cut_after(server.grpc_port, messages)));
        nothing_is_given(fixture, Transport::Grpc, cut).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_falls_silent_is_left_for_the_other_replica() {
    let more = serde_json::from_str(REPLICATED).unwrap();
    let Some(fixture) = Fixture::new(Place::Two, "silent", 2, 5_000, false, more) else { return };
    for transport in TRANSPORTS {
        let (name, stalled) = line(&fixture.cluster.servers[0], transport, 10_000, Break::Stall);
        let told = controller(fixture.cluster, transport, HashMap::from([(name, stalled.port())]));
        let options = ScanOptions { timeout: TimeSpan::secs(10), ..by(Reader::Server) };
        let scanner = scanner_at(&told.url(), "silent", options).await.unwrap();
        let (_, found) = ids(&scanner, None).await.unwrap();
        assert_eq!(found, (0..10_000).collect::<Vec<_>>());
        assert!(stalled.connections() > 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_were_stopped_give_all_rows_or_none() {
    let Some(cluster) = Cluster::start(&Options::default()) else { return };
    let cluster: &'static Cluster = Box::leak(Box::new(cluster));
    let fixture = Fixture::on(cluster, "paused", 2, 20_000, false, json!({}));
    let expected: Vec<i64> = (0..40_000).collect();
    for transport in TRANSPORTS {
        let scanner = fixture.scanner(over(transport)).await;
        assert_eq!(ids(&scanner, None).await.unwrap().1, expected);

        // For a moment, at any place of the scan: it waits.
        let pause = async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let paused = cluster.pause();
            tokio::time::sleep(Duration::from_secs(1)).await;
            drop(paused);
        };
        let (found, ()) = tokio::join!(ids(&scanner, None), pause);
        assert_eq!(found.unwrap().1, expected, "{transport:?}");

        // For longer than anybody waits: nothing is given.
        let mut connection = Connection::new(Address::parse(&cluster.controller).unwrap());
        connection.timeouts.request = TimeSpan::secs(2);
        connection.retries.attempts = 1;
        let table = Table::open(&Controller::new(&connection).unwrap(), "paused").await.unwrap();
        let options = ScanOptions { timeout: TimeSpan::secs(2), attempts: 1, ..over(transport) };
        let impatient = Scanner::new(table, Store::new(StoreOptions::default()).unwrap(), options).unwrap();
        assert_eq!(ids(&impatient, None).await.unwrap().1, expected);
        let plan = impatient.plan(&ScanRequest::default()).await.unwrap();
        let paused = cluster.pause();
        let found = items(&impatient, plan).await;
        drop(paused);
        assert!(!found.is_empty());
        for item in found {
            assert_eq!(item.unwrap_err().kind(), ErrorKind::Unavailable, "{transport:?}");
        }
        cluster.await_online("paused_OFFLINE", 2);
        assert_eq!(ids(&scanner, None).await.unwrap().1, expected, "{transport:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_go_and_come_back() {
    for version in [Version::V1_5, Version::V0_11] {
        let Some(cluster) = Cluster::start(&Options { version, servers: 2, ..Options::default() }) else { return };
        let cluster: &'static Cluster = Box::leak(Box::new(cluster));
        let more = serde_json::from_str(REPLICATED).unwrap();
        let fixture = Fixture::on(cluster, "away", 4, 100, false, more);
        let scanner = fixture.scanner(by(Reader::Server)).await;
        let netty = fixture.scanner(over(Transport::Netty)).await;
        let request = ScanRequest { columns: Some(vec!["id".into()]), ..ScanRequest::default() };
        let before = Arc::new(scanner.plan(&request).await.unwrap());
        assert!(before.splits.iter().any(|split| split.servers()[0] == cluster.servers[0].instance));

        // Planned with both, read with one; connections to the other one are still there.
        assert_eq!(ids(&netty, None).await.unwrap().1.len(), 400);
        cluster.stop_server(0);
        for scanner in [&scanner, &netty] {
            let mut rows = 0;
            for split in &before.splits {
                let mut batches = scanner.read(&before, split);
                while let Some(batch) = batches.next().await {
                    rows += batch.unwrap().num_rows();
                }
            }
            assert_eq!(rows, 400, "{version:?}");
            assert_eq!(ids(scanner, None).await.unwrap().1.len(), 400);
        }

        // Nobody is left: an error that names segments, or a loud gap, and who needs no server reads on.
        cluster.stop_server(1);
        eventually_async("no replica", || async {
            let error = scanner.plan(&request).await.err().ok_or("planned")?;
            let text = error.to_string();
            if text.contains("no server has loaded 4") { Ok(()) } else { Err(text) }
        })
        .await;
        let error = scanner.plan(&request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.to_string().contains("away_0, away_1, away_2, away_3"), "{error}");
        let skip = ScanOptions { missing_segments: MissingSegments::Skip, ..by(Reader::Server) };
        let plan = fixture.scanner(skip).await.plan(&request).await.unwrap();
        assert!(plan.splits.is_empty() && plan.warnings[0].contains("away_3"));
        for reader in [Reader::Direct, Reader::Auto] {
            let (plan, found) = ids(&fixture.scanner(by(reader)).await, None).await.unwrap();
            assert_eq!((found.len(), plan.halves[0].reader), (400, Reader::Direct));
        }

        cluster.start_server(0);
        cluster.start_server(1);
        cluster.await_online("away_OFFLINE", 4);
        for scanner in [&scanner, &netty] {
            assert_eq!(ids(scanner, None).await.unwrap().1.len(), 400);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_come_as_one_message_are_asked_for_in_smaller_parts() {
    let Some(fixture) = Fixture::new(Place::Modern, "sizes", 8, 12_000, false, json!({})) else { return };
    let splits = async |controller: &str, transport| {
        let scanner = scanner_at(controller, "sizes", over(transport)).await.unwrap();
        let splits = scanner.plan(&ScanRequest::default()).await.unwrap().splits;
        (splits.len(), splits.iter().map(|split| split.expected_bytes).max().unwrap())
    };
    let direct = &fixture.cluster.controller;
    let (grpc, most) = splits(direct, Transport::Grpc).await;
    assert!(grpc == 1 && most > 16 << 20, "{most}");
    assert_eq!(splits(direct, Transport::Auto).await, (1, most));
    let (netty, most) = splits(direct, Transport::Netty).await;
    assert!(netty > 1 && most <= 16 << 20, "{most}");
    let told = controller(fixture.cluster, Transport::Netty, HashMap::new());
    assert_eq!(splits(&told.url(), Transport::Auto).await, (netty, most));
}

/// Polls until a condition holds.
async fn eventually_async<F, T>(what: &str, mut ask: F)
where
    F: FnMut() -> T,
    T: Future<Output = std::result::Result<(), String>>,
{
    let end = std::time::Instant::now() + Duration::from_secs(60);
    while let Err(reason) = ask().await {
        assert!(std::time::Instant::now() < end, "{what}: {reason}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_out_at_the_server_is_an_error() {
    for place in [Place::Modern, Place::Oldest] {
        let Some(fixture) = Fixture::new(place, "slow", 1, 20_000, false, json!({})) else { return };
        for transport in TRANSPORTS {
            let options = ScanOptions { timeout: TimeSpan::millis(1), attempts: 2, ..over(transport) };
            let scanner = fixture.scanner(options).await;
            let plan = scanner.plan(&ScanRequest::default()).await.unwrap();
            let found = items(&scanner, plan).await;
            let [Err(error)] = found.as_slice() else { panic!("{} items", found.len()) };
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{transport:?}: {error}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn segments_that_change_after_the_plan_are_an_error_or_all_there() {
    for place in [Place::Modern, Place::Oldest] {
        let Some(mut fixture) = Fixture::new(place, "changes", 3, 50, false, json!({})) else { return };
        let cluster = fixture.cluster;
        let (server, direct) = (fixture.scanner(by(Reader::Server)).await, fixture.scanner(by(Reader::Direct)).await);
        let request = ScanRequest { columns: Some(vec!["id".into()]), ..ScanRequest::default() };

        // Refreshed: the new bytes are no part of the view that was planned.
        let planned = direct.plan(&request).await.unwrap();
        let refreshed: Vec<Json> = (1_000..1_050).map(|id| row(id, crate::support::FIRST_DAY, false)).collect();
        fixture.upload("changes_0", &refreshed);
        let found = items(&direct, planned).await;
        let errors: Vec<_> = found.iter().filter_map(|item| item.as_ref().err()).collect();
        assert_eq!(errors.len(), 1, "{place:?}");
        assert_eq!(errors[0].kind(), ErrorKind::CommitConflict);
        assert!(errors[0].to_string().contains("changes_0"), "{}", errors[0]);
        let expected: Vec<i64> = (50..150).chain(1_000..1_050).collect();
        assert_eq!(ids(&direct, None).await.unwrap().1, expected);

        // Deleted: what servers do not have any more is missed, and named.
        let planned = server.plan(&request).await.unwrap();
        let url = format!("{}/segments/changes/changes_1?type=OFFLINE", cluster.controller);
        cluster.delete(&url);
        cluster.await_online("changes_OFFLINE", 2);
        let found = items(&server, planned).await;
        let text: String = found.iter().filter_map(|item| item.as_ref().err()).map(ToString::to_string).collect();
        assert!(text.contains("changes_1"), "{place:?}: {text}");
        assert!(found.iter().all(Result::is_err) || found.len() > 1);
        let expected: Vec<i64> = (100..150).chain(1_000..1_050).collect();
        for scanner in [&server, &direct] {
            assert_eq!(ids(scanner, None).await.unwrap().1, expected, "{place:?}");
        }
        fixture.rows.clear();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replaced_segments_are_not_read() {
    for place in [Place::Modern, Place::Oldest] {
        let Some(fixture) = Fixture::new(place, "replaced", 2, 50, false, json!({})) else { return };
        let cluster = fixture.cluster;
        let start = format!("{}/segments/replaced/startReplaceSegments?type=OFFLINE", cluster.controller);
        let body = json!({"segmentsFrom": ["replaced_0", "replaced_1"], "segmentsTo": ["replaced_2"]});
        let entry = cluster.post_json(&start, &body)["segmentLineageEntryId"].as_str().unwrap().to_owned();
        let new: Vec<Json> = (500..600).map(|id| row(id, crate::support::FIRST_DAY, false)).collect();
        fixture.upload("replaced_2", &new);
        cluster.await_online("replaced_OFFLINE", 3);
        let scanners = [fixture.scanner(by(Reader::Server)).await, fixture.scanner(by(Reader::Direct)).await];
        for scanner in &scanners {
            let (plan, found) = ids(scanner, None).await.unwrap();
            assert_eq!((found, plan.exact_rows), ((0..100).collect(), Some(100)), "{place:?}, before the end");
        }
        let end = format!(
            "{}/segments/replaced/endReplaceSegments?type=OFFLINE&segmentLineageEntryId={entry}",
            cluster.controller
        );
        cluster.http.post_json(&end, &json!({})).unwrap();
        for scanner in &scanners {
            assert_eq!(ids(scanner, None).await.unwrap().1, (500..600).collect::<Vec<_>>(), "{place:?}, after it");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn little_memory_and_a_small_cache_change_nothing() {
    let Some(fixture) = Fixture::new(Place::Modern, "small", 4, 3_000, true, json!({})) else { return };
    let folder = tempfile::tempdir().unwrap();
    let options = ScanOptions {
        memory: "1KiB".parse().unwrap(),
        request_size: "64KiB".parse().unwrap(),
        spill: Some(folder.path().to_owned()),
        cache: Some(folder.path().join("segments")),
        cache_size: "1B".parse().unwrap(),
        ..by(Reader::Server)
    };
    let expected = fixture.expected();
    for reader in [Reader::Server, Reader::Direct] {
        let scanner = fixture.scanner(ScanOptions { reader, ..options.clone() }).await;
        let (plan, found) = read(&scanner, &ScanRequest::default()).await.unwrap();
        assert!(plan.splits.len() >= 4);
        for (at, field) in plan.schema.fields().iter().enumerate() {
            assert_eq!(found.column(at), expected.column_by_name(field.name()).unwrap(), "{reader:?}");
        }
    }
    // What is not read is not kept.
    eventually("the cache is small", || {
        let kept = std::fs::read_dir(folder.path().join("segments")).unwrap().count();
        if kept <= 2 { Ok(()) } else { Err(format!("{kept} entries")) }
    });
}

//! Upsert tables: the rows that count, and each key once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use pinotage_scan::{Aggregate, AggregateRequest, OrderKey, Reader, ScanOptions, ScanRequest, Scanner, Transport};
use pinotage_spec::{CompareOp, Predicate, Value};
use pinotage_testkit::cluster::{Cluster, Topic, eventually};
use serde_json::{Value as Json, json};

use crate::realtime::{await_committed, create, row};
use crate::support::{Place, by, over, read, scanner};
use crate::{aggregates, top};

fn create_upsert(cluster: &Cluster, name: &str, upsert: Json, rows_per_segment: u64) -> Topic {
    create(cluster, name, 2, |schema, config| {
        let rows = (rows_per_segment * 2).to_string();
        config["tableIndexConfig"]["streamConfigs"]["realtime.segment.flush.threshold.rows"] = rows.into();
        schema["primaryKeyColumns"] = json!(["id"]);
        if upsert.get("deleteRecordColumn").is_some() {
            schema["dimensionFieldSpecs"]
                .as_array_mut()
                .unwrap()
                .push(json!({"name": "deleted", "dataType": "BOOLEAN"}));
        }
        config["routing"] = json!({"instanceSelectorType": "strictReplicaGroup"});
        config["upsertConfig"] = upsert;
        config["tableIndexConfig"]["nullHandlingEnabled"] = (config["upsertConfig"]["mode"] == "PARTIAL").into();
    })
}

/// The partition of a key.
fn partition(id: u64) -> u32 {
    (id % 2) as u32
}

/// Keys and versions, in the order of the keys.
async fn pairs(scanner: &Scanner, predicate: Option<Predicate>) -> pinotage_common::Result<Vec<(i64, i64)>> {
    let columns = Some(vec!["id".to_owned(), "version".to_owned()]);
    let (_, rows) = read(scanner, &ScanRequest { columns, predicate, ..ScanRequest::default() }).await?;
    let column = |at: usize| rows.column(at).as_primitive::<Int64Type>().values().to_vec();
    Ok(column(0).into_iter().zip(column(1)).collect())
}

fn broker_pairs(cluster: &Cluster, name: &str) -> Vec<(i64, i64)> {
    let answer = cluster.query(&format!("SELECT id, version FROM {name} LIMIT 100000"));
    let rows = answer["resultTable"]["rows"].as_array().cloned().unwrap_or_default();
    let mut pairs: Vec<_> = rows.iter().map(|row| (row[0].as_i64().unwrap(), row[1].as_i64().unwrap())).collect();
    pairs.sort_unstable();
    pairs
}

fn await_pairs(cluster: &Cluster, name: &str, expected: &[(i64, i64)]) {
    eventually(&format!("the rows of {name} that count"), || {
        let found = broker_pairs(cluster, name);
        if found == expected { Ok(()) } else { Err(format!("{found:?}")) }
    });
}

/// All readers give what the broker gives, with and without a condition on what changes, and so do servers that aggregate or
/// give the first rows.
async fn compare(cluster: &Cluster, name: &str, expected: &[(i64, i64)]) {
    await_pairs(cluster, name, expected);
    for options in [by(Reader::Server), over(Transport::Netty), by(Reader::Auto), by(Reader::Direct)] {
        let reader = (options.reader, options.transport);
        let scanner = scanner(cluster, name, options).await.unwrap();
        assert_eq!(pairs(&scanner, None).await.unwrap(), expected, "{reader:?}");
        let some: Vec<_> = expected.iter().copied().filter(|(_, version)| *version < 12).collect();
        assert_eq!(pairs(&scanner, Some(old())).await.unwrap(), some, "{reader:?}");
    }
    let server = scanner(cluster, name, by(Reader::Server)).await.unwrap();
    let direct = scanner(cluster, name, by(Reader::Direct)).await.unwrap();
    let (id, version) = (|| "id".to_owned(), || "version".to_owned());
    let request = |group_by: Vec<String>, aggregates| AggregateRequest { group_by, aggregates };
    for predicate in [None, Some(old())] {
        let columns = Some(vec![id(), version()]);
        let rows = ScanRequest { predicate, columns, ..ScanRequest::default() };
        // Servers of the oldest release count, and make no sums of LONGs.
        for counts in [
            request(vec![], vec![Aggregate::Rows, Aggregate::Count(version())]),
            request(vec![version()], vec![Aggregate::Rows]),
            request(vec![version(), id()], vec![]),
        ] {
            assert!(aggregates::same(cluster, [&server, &direct], &rows, &counts).await, "{counts:?}");
        }
        let numbers = vec![Aggregate::Sum(version()), Aggregate::Min(id()), Aggregate::Max(version()), Aggregate::Rows];
        for numbers in [request(vec![], numbers.clone()), request(vec![id()], numbers)] {
            aggregates::same(cluster, [&server, &direct], &rows, &numbers).await;
        }
        for descending in [false, true] {
            let key = |column| OrderKey { column, descending, nulls_first: !descending };
            assert!(top::same(&server, &direct, &rows, &[key(version()), key(id())], 5).await);
        }
    }
}

/// Rows that were overwritten passed it.
fn old() -> Predicate {
    Predicate::Compare { column: "version".into(), op: CompareOp::Lt, value: Value::Long(12) }
}

/// The last versions of keys.
fn latest(rows: impl IntoIterator<Item = (u64, u64)>) -> Vec<(i64, i64)> {
    let latest: std::collections::BTreeMap<u64, u64> = rows.into_iter().collect();
    latest.into_iter().map(|(id, version)| (id as i64, version as i64)).collect()
}

async fn at_rest(place: Place) {
    let Some(cluster) = place.cluster() else { return };
    let name = "upsert_rest";
    // Servers that share the partitions fill segments of that many more rows.
    let topic = create_upsert(cluster, name, json!({"mode": "FULL"}), 10 / cluster.servers.len() as u64);
    let mut rows: Vec<(u64, u64)> = (0..30).map(|id| (id, id)).collect();
    rows.extend((0..30).filter(|id| id % 3 == 0).map(|id| (id, 100 + id)));
    rows.iter().for_each(|(id, version)| topic.publish(partition(*id), [row(*id, *version)]));
    // Twenty rows a partition: two segments, and nothing in the next one.
    await_committed(cluster, name, 4);
    compare(cluster, name, &latest(rows.iter().copied())).await;
    // Rows that are not committed yet replace committed ones.
    rows.extend((0..8).map(|id| (id, 200 + id)));
    rows[40..].iter().for_each(|(id, version)| topic.publish(partition(*id), [row(*id, *version)]));
    compare(cluster, name, &latest(rows)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_count_are_the_brokers() {
    at_rest(Place::Modern).await;
}

/// Each has a partition, and tells of no other.
#[tokio::test(flavor = "multi_thread")]
async fn rows_that_count_are_on_two_servers() {
    at_rest(Place::Two).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_count_are_the_oldest_brokers() {
    at_rest(Place::Oldest).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_rows_do_not_count() {
    let Some(cluster) = Place::Modern.cluster() else { return };
    let name = "upsert_deletes";
    let topic = create_upsert(cluster, name, json!({"mode": "FULL", "deleteRecordColumn": "deleted"}), 10);
    let publish = |id: u64, version: u64, deleted: bool| {
        let mut row = row(id, version);
        row["deleted"] = deleted.into();
        topic.publish(partition(id), [row]);
    };
    (0..20).for_each(|id| publish(id, id, false));
    (0..10).for_each(|id| publish(id, 50 + id, true));
    (0..4).for_each(|id| publish(id, 100 + id, false));
    // Six deleted, four that came back; seventeen rows a partition.
    let expected = latest((0..4).map(|id| (id, 100 + id)).chain((10..20).map(|id| (id, id))));
    await_committed(cluster, name, 2);
    compare(cluster, name, &expected).await;
    // Without rows that are not committed.
    (14..20).for_each(|id| publish(id, 150 + id, true));
    await_committed(cluster, name, 4);
    compare(cluster, name, &expected.into_iter().filter(|(id, _)| *id < 14).collect::<Vec<_>>()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_put_together_from_several_are_read_as_they_are() {
    let Some(cluster) = Place::Modern.cluster() else { return };
    let name = "upsert_partial";
    let mode = json!({"mode": "PARTIAL", "partialUpsertStrategies": {"version": "INCREMENT"}});
    let topic = create_upsert(cluster, name, mode, 10);
    (0..45).for_each(|at| topic.publish(partition(at % 15), [row(at % 15, at)]));
    // Three rows of each key.
    let expected: Vec<(i64, i64)> = (0..15).map(|id| (id, 3 * id + 45)).collect();
    compare(cluster, name, &expected).await;
}

/// Nothing but the bitmaps and the archives: nobody answers queries for whom the port speaks TLS.
#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_table_is_read_without_a_query() {
    let Some(cluster) = Place::Modern.cluster() else { return };
    let name = "upsert_quiet";
    let topic = create_upsert(cluster, name, json!({"mode": "FULL"}), 10);
    let rows: Vec<(u64, u64)> = (0..36).map(|at| (at % 12, at)).collect();
    rows.iter().for_each(|(id, version)| topic.publish(partition(*id), [row(*id, *version)]));
    let expected = latest(rows);
    await_committed(cluster, name, 2);
    await_pairs(cluster, name, &expected);
    let without_queries = ScanOptions { server_tls: Some(true), attempts: 1, ..by(Reader::Direct) };
    // The last rows are still consumed: only servers have them.
    let scanner = scanner(cluster, name, without_queries).await.unwrap();
    assert!(pairs(&scanner, None).await.is_err());
    // All is committed, and nothing more is consumed.
    cluster.post_json(&format!("{}/tables/{name}/pauseConsumption", cluster.controller), &json!({}));
    await_committed(cluster, name, 4);
    await_pairs(cluster, name, &expected);
    assert_eq!(pairs(&scanner, None).await.unwrap(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_come_once_while_they_are_updated() {
    keys_come_once(Place::Modern).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_two_servers_come_once_while_they_are_updated() {
    keys_come_once(Place::Two).await;
}

/// Every key once, at any moment.
async fn keys_come_once(place: Place) {
    const KEYS: u64 = 40;
    let Some(cluster) = place.cluster() else { return };
    let name = "upsert_running";
    let mode = json!({"mode": "FULL", "consistencyMode": "SYNC"});
    let topic = Arc::new(create_upsert(cluster, name, mode, 100));
    for id in 0..KEYS {
        topic.publish(partition(id), [row(id, id)]);
    }
    await_pairs(cluster, name, &latest((0..KEYS).map(|id| (id, id))));
    let stop = Arc::new(AtomicBool::new(false));
    let writer = {
        let (topic, stop) = (Arc::clone(&topic), Arc::clone(&stop));
        std::thread::spawn(move || {
            let mut version = KEYS;
            while !stop.load(Ordering::Relaxed) {
                topic.publish(partition(version % KEYS), [row(version % KEYS, version)]);
                version += 1;
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            version
        })
    };
    let mut last = vec![0; KEYS as usize];
    for turn in 0..30 {
        let reader = if turn % 3 == 2 { Reader::Direct } else { Reader::Server };
        let scanner = scanner(cluster, name, ScanOptions { attempts: 30, ..by(reader) }).await.unwrap();
        let found = pairs(&scanner, None).await.unwrap();
        assert_eq!(found.iter().map(|(id, _)| *id).collect::<Vec<_>>(), (0..KEYS as i64).collect::<Vec<_>>(), "{turn}");
        for ((_, version), last) in found.into_iter().zip(&mut last) {
            assert!(version >= *last, "turn {turn}: {version} after {last}");
            *last = version;
        }
    }
    stop.store(true, Ordering::Relaxed);
    let versions = writer.join().unwrap();
    assert!(last.iter().any(|version| *version >= KEYS as i64), "nothing was updated meanwhile");
    compare(cluster, name, &latest((0..versions).map(|version| (version % KEYS, version)))).await;
}

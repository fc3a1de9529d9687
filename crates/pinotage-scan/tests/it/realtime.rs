//! Tables that consume a stream: what still grows, what is committed, and where archives are.

use std::sync::Arc;

use pinotage_scan::{Reader, ScanRequest};
use pinotage_testkit::cluster::{Cluster, Topic, eventually};
use serde_json::{Value as Json, json};

use crate::support::{Fixture, Place, broker_ids, by, ids, ids_of_plan, scanner};

/// A REALTIME table of ids, in segments of ten rows.
pub(crate) fn create(
    cluster: &Cluster,
    name: &str,
    partitions: u32,
    change: impl FnOnce(&mut Json, &mut Json),
) -> Topic {
    let topic = cluster.create_topic(name, partitions);
    let mut schema = json!({
        "schemaName": name,
        "dimensionFieldSpecs": [{"name": "id", "dataType": "LONG"}],
        "metricFieldSpecs": [{"name": "version", "dataType": "LONG"}],
        "dateTimeFieldSpecs": [
            {"name": "at", "dataType": "LONG", "format": "1:MILLISECONDS:EPOCH", "granularity": "1:MILLISECONDS"},
        ],
    });
    let mut config = json!({
        "tableName": name, "tableType": "REALTIME", "tenants": {}, "metadata": {},
        "segmentsConfig": {
            "schemaName": name, "timeColumnName": "at", "replication": "1", "replicasPerPartition": "1",
        },
        "tableIndexConfig": {"loadMode": "MMAP", "streamConfigs": topic.stream_configs(10)},
    });
    change(&mut schema, &mut config);
    cluster.create_table(&schema, &config);
    topic
}

pub(crate) fn row(id: u64, version: u64) -> Json {
    json!({"id": id, "version": version, "at": 1_700_000_000_000_u64 + version})
}

/// What the cluster keeps about the table's segments.
fn records(cluster: &Cluster, table: &str) -> Vec<(String, Json)> {
    let url = format!("{}/segments/{table}?type=REALTIME", cluster.controller);
    let names = cluster.get_json(&url)[0]["REALTIME"].as_array().cloned().unwrap_or_default();
    let record = |name: Json| {
        let name = name.as_str().unwrap().to_owned();
        let url = format!("{}/segments/{table}_REALTIME/{name}/metadata", cluster.controller);
        let record = cluster.get_json(&url);
        (name, record)
    };
    names.into_iter().map(record).collect()
}

/// Waits until so many segments are whole.
pub(crate) fn await_committed(cluster: &Cluster, table: &str, count: usize) {
    eventually(&format!("{count} segments of {table} committed"), || {
        let done = records(cluster, table).iter().filter(|(_, it)| it["segment.realtime.status"] == "DONE").count();
        if done == count { Ok(()) } else { Err(format!("{done}")) }
    });
}

async fn every_row_once(place: Place) {
    let Some(cluster) = place.cluster() else { return };
    let name = "growing";
    let topic = create(cluster, name, 2, |_, _| {});
    topic.publish(0, (0..25).map(|id| row(id, 0)));
    topic.publish(1, (25..38).map(|id| row(id, 0)));
    cluster.await_count(name, 38);
    await_committed(cluster, name, 3);
    let all: Vec<i64> = (0..38).collect();
    let mut plans = Vec::new();
    for reader in [Reader::Server, Reader::Auto, Reader::Direct] {
        let scanner = scanner(cluster, name, by(reader)).await.unwrap();
        let (plan, found) = ids(&scanner, None).await.unwrap();
        assert_eq!(found, all, "{reader:?}: {plan}");
        assert_eq!(plan.halves[0].reader == Reader::Direct, reader == Reader::Direct, "{plan}");
        let request = ScanRequest { columns: Some(vec!["id".into()]), ..ScanRequest::default() };
        let plan = Arc::new(scanner.plan(&request).await.unwrap());
        plans.push((scanner, plan));
    }
    // What grows in the plans is committed, and more than that begins.
    topic.publish(0, (38..50).map(|id| row(id, 0)));
    topic.publish(1, (50..60).map(|id| row(id, 0)));
    cluster.await_count(name, 60);
    await_committed(cluster, name, 5);
    // The first five and seven rows fill the segments of the plans.
    let expected: Vec<i64> = (0..43).chain(50..57).collect();
    for (scanner, plan) in &plans {
        assert_eq!(ids_of_plan(scanner, plan).await.unwrap(), expected, "{plan}");
    }
    let scanner = scanner(cluster, name, by(Reader::Direct)).await.unwrap();
    assert_eq!(ids(&scanner, None).await.unwrap().1, (0..60).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_segment_that_is_committed_meanwhile_is_read_once() {
    every_row_once(Place::Modern).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_segment_that_the_oldest_release_commits_meanwhile_is_read_once() {
    every_row_once(Place::Oldest).await;
}

async fn peers_have_it(place: Place) {
    let Some(cluster) = place.cluster() else { return };
    let name = "peers";
    let replicas = cluster.servers.len().to_string();
    let topic = create(cluster, name, 1, |_, config| {
        let segments = &mut config["segmentsConfig"];
        segments["peerSegmentDownloadScheme"] = "http".into();
        (segments["replication"], segments["replicasPerPartition"]) = (replicas.clone().into(), replicas.into());
    });
    topic.publish(0, (0..25).map(|id| row(id, 0)));
    cluster.await_count(name, 25);
    await_committed(cluster, name, 2);
    for (segment, record) in records(cluster, name) {
        let url = record["segment.download.url"].as_str().or(record["segment.realtime.download.url"].as_str());
        eprintln!("{place:?}: {segment} at {url:?}");
        // What lies in the deep store for all that is gone.
        let _ = std::fs::remove_file(cluster.deep_store.join(name).join(&segment));
    }
    let scanner = scanner(cluster, name, by(Reader::Direct)).await.unwrap();
    let (plan, found) = ids(&scanner, None).await.unwrap();
    assert_eq!(plan.halves[0].reader, Reader::Direct, "{plan}");
    assert_eq!(plan.requests(), 1, "only for the rows that are not committed: {plan}");
    assert_eq!(found, (0..25).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn segments_without_an_archive_come_from_servers() {
    // Peers are two at least.
    peers_have_it(Place::Two).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn segments_without_an_archive_come_from_the_oldest_servers() {
    peers_have_it(Place::Oldest).await;
}

/// The archive is gone from the deep store, but not from a server.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_archive_comes_from_a_server() {
    for place in [Place::Modern, Place::Oldest] {
        let Some(fixture) = Fixture::new(place, "lost_archive", 2, 50, false, json!({})) else { return };
        let lost = fixture.cluster.deep_store.join("lost_archive").join("lost_archive_1");
        std::fs::remove_file(lost).unwrap();
        let (plan, found) = ids(&fixture.scanner(by(Reader::Direct)).await, None).await.unwrap();
        assert_eq!((plan.halves[0].reader, plan.requests()), (Reader::Direct, 0));
        assert_eq!(found, broker_ids(fixture.cluster, "SELECT id FROM lost_archive LIMIT 1000"));
        assert_eq!(found.len(), 100);
    }
}

//! Kinds of tables: each takes segments, or is refused by name.

use pinotage_client::Controller;
use pinotage_common::{Error, ErrorKind, Result};
use pinotage_sink::publish::{Publication, PushOptions, publish};
use pinotage_sink::{LocalSegment, Target, bootstrap};
use pinotage_spec::Schema;
use serde_json::{Value as Json, json};

use crate::places::{Place, all_stores, connection, in_all_places};
use crate::support::{Fixture, config};

in_all_places!(@ modern Modern tenants_are_as_the_config_says tiers_are_accepted a_dimension_table_takes_segments
    the_offline_half_stands_beside_several_streams kinds_that_are_refused);
in_all_places!(@ oldest Oldest tenants_are_as_the_config_says tiers_are_accepted a_dimension_table_takes_segments
    kinds_that_are_refused);

async fn push(fixture: &Fixture, to: &[LocalSegment]) -> Result<()> {
    let publication = Publication { to: to.to_vec(), own_prefix: Some("own_".into()), ..Publication::default() };
    publish(&fixture.target, fixture.table.json(), &publication, &PushOptions::default(), &()).await
}

/// What bootstrap says of a table config.
async fn refusal(fixture: &Fixture) -> Error {
    let found = bootstrap::documents(&fixture.target).await.unwrap();
    match bootstrap::compare(&fixture.target, &found, &fixture.schema, &fixture.table).await {
        Err(error) => error,
        Ok(comparison) => bootstrap::apply(&fixture.target, &comparison).await.unwrap_err(),
    }
}

/// Columns `k`, the key, and `t`, a time.
fn keyed_schema(table: &str) -> Schema {
    let time =
        json!({"name": "t", "dataType": "LONG", "format": "1:MILLISECONDS:EPOCH", "granularity": "1:MILLISECONDS"});
    let document = json!({
        "schemaName": table, "primaryKeyColumns": ["k"], "dateTimeFieldSpecs": [time],
        "dimensionFieldSpecs": [{"name": "k", "dataType": "LONG"}],
    });
    Schema::from_document(document).unwrap()
}

fn merge(mut first: Json, second: &Json) -> Json {
    for (key, value) in second.as_object().unwrap() {
        let old = first[key].take();
        first[key] = if old.is_object() { merge(old, value) } else { value.clone() };
    }
    first
}

/// A table whose rows have keys, in two partitions: even and odd ones.
fn keyed(table: &str, more: Json) -> Option<Fixture> {
    let mut fixture = Fixture::new(Place::Modern, table)?;
    fixture.schema = keyed_schema(table);
    let partitions = json!({"columnPartitionMap": {"k": {"functionName": "Modulo", "numPartitions": 2}}});
    let keyed = json!({
        "segmentsConfig": {"timeColumnName": "t"},
        "tableIndexConfig": {"segmentPartitionConfig": partitions},
        "routing": {"instanceSelectorType": "strictReplicaGroup"},
    });
    fixture.table = config(table, merge(keyed, &more));
    Some(fixture)
}

const T: i64 = 1_700_000_000_000;

#[tokio::test]
async fn the_newest_row_of_an_upsert_table_wins() {
    let Some(fixture) = keyed("kind_upsert", json!({"upsertConfig": {"mode": "FULL"}})) else { return };
    fixture.bootstrap().await;
    let old = fixture.rows("own_old", &[("k", &[2, 4]), ("t", &[T, T])]);
    let new = fixture.rows("own_new", &[("k", &[2]), ("t", &[T + 1])]);
    // The newest comes first: it is the time that counts.
    push(&fixture, std::slice::from_ref(&new)).await.unwrap();
    push(&fixture, std::slice::from_ref(&old)).await.unwrap();
    fixture.keys(&[2, 4]).await;
    assert_eq!(fixture.query("SELECT t - 1700000000000 FROM kind_upsert WHERE k = 2").await, json!([[1.0]]));
    let both = fixture.rows("own_both", &[("k", &[2, 3]), ("t", &[T + 2, T + 2])]);
    let error = push(&fixture, &[both]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData, "{error}");
    assert!(error.message().contains("segments of an upsert table belong to one partition each"), "{error}");
    // It was refused here and is nowhere in the cluster.
    assert!(!fixture.target.snapshot().await.unwrap().segments.contains_key("own_both"));
    fixture.keys(&[2, 4]).await;
}

#[tokio::test]
async fn a_dedup_table_is_refused_by_pinot() {
    let Some(fixture) = keyed("kind_dedup", json!({"dedupConfig": {"dedupEnabled": true}})) else { return };
    let error = refusal(&fixture).await;
    assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{error}");
    assert!(error.to_string().to_lowercase().contains("dedup"), "{error}");
    assert!(fixture.target.controller.table_configs("kind_dedup").await.is_err());
}

async fn a_dimension_table_takes_segments(place: Place) {
    let Some(mut fixture) = Fixture::new(place, "kind_dim") else { return };
    let document = json!({"schemaName": "kind_dim", "primaryKeyColumns": ["k"],
        "dimensionFieldSpecs": [{"name": "k", "dataType": "LONG"}]});
    fixture.schema = Schema::from_document(document).unwrap();
    let more =
        json!({"isDimTable": true, "quota": {"storage": "10M"}, "segmentsConfig": {"segmentPushType": "REFRESH"}});
    fixture.table = config("kind_dim", more);
    fixture.bootstrap().await;
    push(&fixture, &[fixture.segment("own_1", &[1, 2])]).await.unwrap();
    fixture.keys(&[1, 2]).await;
    assert_eq!(fixture.bootstrap().await, []);
}

async fn the_offline_half_stands_beside_several_streams(place: Place) {
    let Some(mut fixture) = Fixture::new(place, "kind_hybrid") else { return };
    fixture.schema = keyed_schema("kind_hybrid");
    fixture.table = config("kind_hybrid", json!({"segmentsConfig": {"timeColumnName": "t"}}));
    fixture.bootstrap().await;
    let topics = ["hybrid_a", "hybrid_b"].map(|name| fixture.cluster.create_topic(name, 1));
    let streams: Vec<Json> = topics.iter().map(|topic| topic.stream_configs(1000)).collect();
    let realtime = json!({
        "tableName": "kind_hybrid", "tableType": "REALTIME", "tenants": {}, "metadata": {},
        "segmentsConfig": {"timeColumnName": "t", "replication": "1", "schemaName": "kind_hybrid"},
        "tableIndexConfig": {"loadMode": "MMAP"},
        "ingestionConfig": {"streamIngestionConfig": {"streamConfigMaps": streams}},
    });
    fixture.cluster.post_json(&format!("{}/tables", fixture.cluster.controller), &realtime);
    let day = 86_400_000;
    push(&fixture, &[fixture.rows("own_1", &[("k", &[1, 2]), ("t", &[T, T + day])])]).await.unwrap();
    for (topic, key) in topics.iter().zip([8, 9]) {
        topic.publish(0, [json!({"k": key, "t": T + 10 * day})]);
    }
    // The boundary is a day before the newest OFFLINE row, which the streams do not have.
    fixture.keys(&[1, 8, 9]).await;
    // The other half is not touched.
    assert_eq!(fixture.bootstrap().await, []);
    assert_eq!(fixture.target.snapshot().await.unwrap().assigned.len(), 1);
}

#[tokio::test]
async fn a_table_of_a_database_takes_segments() {
    let Some(mut fixture) = Fixture::new(Place::Modern, "kinds.kind_database") else { return };
    fixture.bootstrap().await;
    let first = [fixture.segment("own_1", &[1]), fixture.segment("own_2", &[2])];
    push(&fixture, &first).await.unwrap();
    fixture.keys(&[1, 2]).await;
    // The same table by the database of the connection.
    let mut connection = connection(fixture.cluster);
    connection.database = Some("kinds".into());
    fixture.target = Target::offline(Controller::new(&connection).unwrap(), "kind_database");
    push(&fixture, &[fixture.segment("own_3", &[3])]).await.unwrap();
    assert_eq!(fixture.target.snapshot().await.unwrap().assigned.len(), 3);
    assert_eq!(fixture.query("SELECT COUNT(*) FROM kinds.kind_database").await, json!([[3]]));
}

async fn tenants_are_as_the_config_says(place: Place) {
    let Some(mut fixture) = Fixture::new(place, "kind_tenants") else { return };
    let tenants =
        |server: &str| config("kind_tenants", json!({"tenants": {"broker": "DefaultTenant", "server": server}}));
    fixture.table = tenants("Nowhere");
    let error = refusal(&fixture).await;
    assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{error}");
    assert!(error.to_string().contains("Nowhere"), "{error}");
    fixture.table = tenants("DefaultTenant");
    fixture.bootstrap().await;
    push(&fixture, &[fixture.segment("own_1", &[1])]).await.unwrap();
    fixture.keys(&[1]).await;
}

async fn tiers_are_accepted(place: Place) {
    let Some(mut fixture) = Fixture::new(place, "kind_tiers") else { return };
    fixture.schema = keyed_schema("kind_tiers");
    let tier = json!({"name": "old", "segmentSelectorType": "time", "segmentAge": "7d", "storageType": "pinot_server",
        "serverTag": "DefaultTenant_OFFLINE"});
    fixture.table = config("kind_tiers", json!({"segmentsConfig": {"timeColumnName": "t"}, "tierConfigs": [tier]}));
    fixture.bootstrap().await;
    push(&fixture, &[fixture.rows("own_1", &[("k", &[1]), ("t", &[T])])]).await.unwrap();
    fixture.keys(&[1]).await;
    assert_eq!(fixture.bootstrap().await, []);
}

async fn kinds_that_are_refused(place: Place) {
    let Some(mut fixture) = Fixture::new(place, "kind_refused") else { return };
    fixture.table = config("kind_refused", json!({"tableType": "REALTIME"}));
    let realtime = refusal(&fixture).await;
    assert_eq!(realtime.kind(), ErrorKind::Unsupported, "{realtime}");
    assert!(realtime.message().contains("REALTIME") && realtime.advice().contains("OFFLINE half"), "{realtime}");
    fixture.table = config("kind_refused", json!({"segmentsConfig": {"crypterClassName": "Some"}}));
    let encrypted = refusal(&fixture).await;
    assert_eq!(encrypted.kind(), ErrorKind::Unsupported, "{encrypted}");
    assert!(encrypted.to_string().contains("segmentsConfig.crypterClassName"), "{encrypted}");
    // Nothing was created.
    assert_eq!(bootstrap::documents(&fixture.target).await.unwrap(), bootstrap::Documents::default());
}

#[tokio::test]
async fn certificates_in_files_of_each_kind_are_shown() {
    let Some(cluster) = Place::Certificates.cluster() else { return };
    let fixture = Fixture::of(cluster, "kind_stores");
    fixture.bootstrap().await;
    let mut keys = Vec::new();
    for (key, (name, tls)) in all_stores(cluster.tls.as_ref().unwrap()).into_iter().enumerate() {
        let connection = pinotage_client::Connection { tls, ..connection(cluster) };
        let target = Target::offline(Controller::new(&connection).unwrap(), "kind_stores");
        let publication =
            Publication { to: vec![fixture.segment(&format!("own_{name}"), &[key as i64])], ..Publication::default() };
        publish(&target, fixture.table.json(), &publication, &PushOptions::default(), &()).await.unwrap();
        keys.push(key as i64);
        fixture.keys(&keys).await;
    }
}

/// What came after Pinot 0.11 is refused by its controller.
#[tokio::test]
async fn the_oldest_pinot_refuses_what_it_does_not_have() {
    let Some(mut fixture) = Fixture::new(Place::Oldest, "kind_newer") else { return };
    fixture.schema = keyed_schema("kind_newer");
    for (more, words) in [
        (json!({"upsertConfig": {"mode": "FULL"}}), "realtime table only"),
        (json!({"dedupConfig": {"dedupEnabled": true}}), "realtime table only"),
    ] {
        fixture.table = config("kind_newer", merge(json!({"segmentsConfig": {"timeColumnName": "t"}}), &more));
        let error = refusal(&fixture).await;
        assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
    let mut fixture = Fixture::new(Place::Oldest, "kinds.kind_newer").unwrap();
    fixture.table = config("kinds.kind_newer", json!({}));
    let error = refusal(&fixture).await;
    assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{error}");
    assert!(error.to_string().contains("'.'"), "{error}");
}

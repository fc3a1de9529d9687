//! Brokers and servers of Pinot 1.5.1.

use std::collections::BTreeMap;

use pinotage_client::{Address, Broker, Query, ServerAdmin, TableType, TimeBoundary, Upload};
use pinotage_common::ErrorKind;
use pinotage_testkit::cluster::Cluster;
use serde_json::json;

use crate::support::{Fixture, SEGMENT};

const OFFLINE: TableType = TableType::Offline;

fn broker(fixture: &Fixture) -> Broker {
    Broker::new(fixture.controller.http(), Address::parse(&fixture.cluster.broker).unwrap())
}

#[tokio::test]
async fn a_broker_answers_queries_and_tells_its_routes() {
    let Some(fixture) = Fixture::with_table("queried").await else { return };
    let (broker, table) = (broker(&fixture), fixture.table.as_str());
    broker.health().await.unwrap();
    fixture.controller.upload_segment(&Upload::new(table, OFFLINE), SEGMENT, &fixture.archive(SEGMENT)).await.unwrap();
    fixture.await_online(&[SEGMENT]).await;
    fixture.cluster.await_count(table, fixture.case.rows.len() as u64);

    let mut query = Query::new(format!("SELECT l, bd FROM {table} WHERE l < 0 ORDER BY l LIMIT 1"));
    query.query_options = "timeoutMs=60000".into();
    let answer = broker.query(&query).await.unwrap();
    assert!(answer.is_complete(), "{answer:?}");
    let rows = answer.result_table.unwrap();
    assert_eq!(rows.data_schema.column_data_types, ["LONG", "BIG_DECIMAL"]);
    assert_eq!(rows.rows[0][0], json!(i64::MIN));
    assert_eq!((answer.num_servers_queried, answer.num_segments_queried), (1, 1));
    assert_eq!(answer.total_docs, fixture.case.rows.len() as u64);
    assert!(answer.fields.contains_key("requestId") && !answer.fields.contains_key("resultTable"));

    let answer = broker.query(&Query::new("SELECT x FROM nowhere")).await.unwrap();
    assert_eq!((answer.exceptions[0].error_code, answer.is_complete()), (190, false));
    assert_eq!(answer.result_table, None);

    let server = &fixture.cluster.servers[0].instance;
    let routes = BTreeMap::from([(server.clone(), vec![SEGMENT.to_owned()])]);
    assert_eq!(broker.routing_table(table).await.unwrap(), BTreeMap::from([(OFFLINE.of(table), routes)]));
    assert_eq!(broker.routing_table("nowhere").await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(broker.time_boundary(table).await.unwrap(), None);
}

#[tokio::test]
async fn a_server_tells_what_it_has_loaded() {
    let Some(fixture) = Fixture::with_table("served").await else { return };
    let Cluster { servers, .. } = fixture.cluster;
    let table = OFFLINE.of(&fixture.table);
    let upload = Upload::new(&fixture.table, OFFLINE);
    fixture.controller.upload_segment(&upload, SEGMENT, &fixture.archive(SEGMENT)).await.unwrap();
    fixture.await_online(&[SEGMENT]).await;
    let server = ServerAdmin::new(fixture.controller.http(), Address::parse(&servers[0].admin).unwrap());

    server.health().await.unwrap();
    assert!(server.tables().await.unwrap().contains(&table));
    assert_eq!(server.segments(&table).await.unwrap(), [SEGMENT]);
    let crc = fixture.controller.segment_metadata(&fixture.table, OFFLINE, SEGMENT).await.unwrap().crc.unwrap();
    assert_eq!(server.crcs(&table).await.unwrap(), BTreeMap::from([(SEGMENT.to_owned(), crc)]));
    let segment = server.segment(&table, SEGMENT, &["i", "l"]).await.unwrap();
    assert_eq!((segment.crc, segment.total_docs), (Some(crc), Some(fixture.case.rows.len() as u64)));
    assert_eq!(segment.fields["columns"].as_array().unwrap().len(), 2);
    let size = server.size(&table).await.unwrap();
    assert_eq!(size.segments, BTreeMap::from([(SEGMENT.to_owned(), size.disk_bytes)]));
    assert_eq!(server.segment_errors(&table).await.unwrap(), []);
    assert_eq!(server.segments("nowhere_OFFLINE").await.unwrap_err().kind(), ErrorKind::NotFound);

    // The archive of a segment whose metadata alone is uploaded is nowhere.
    let mut broken = fixture.metadata_only("broken");
    broken.download_uri = format!("{}/segments/{}/nowhere", fixture.cluster.controller, fixture.table);
    fixture.controller.upload_metadata(&upload, &broken, Default::default()).await.unwrap();
    let errors =
        fixture.until(async || server.segment_errors(&table).await.unwrap(), |errors| !errors.is_empty()).await;
    assert_eq!(errors[0].segment, "broken");
    assert!(!errors[0].message.is_empty());
}

#[test]
fn a_boundary_is_read() {
    let boundary: TimeBoundary = serde_json::from_value(json!({"timeColumn": "t", "timeValue": "7", "x": 1})).unwrap();
    assert_eq!((boundary.time_column.as_str(), boundary.time_value.as_str()), ("t", "7"));
}

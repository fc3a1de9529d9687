//! The controller of Pinot 1.5.1.

use std::collections::BTreeMap;

use pinotage_client::{
    CopyToDeepStore, CustomMap, LineageState, MetadataOnly, Replacement, SchemaUpdate, SegmentFilter, SegmentState,
    TableType, Upload,
};
use pinotage_common::ErrorKind;
use serde_json::json;

use crate::support::{Fixture, SEGMENT};

const OFFLINE: TableType = TableType::Offline;

#[tokio::test]
async fn a_table_lives_from_its_schema_to_its_end() {
    let Some(fixture) = Fixture::new("life") else { return };
    let (controller, table) = (&fixture.controller, fixture.table.as_str());
    controller.health().await.unwrap();
    assert!(controller.versions().await.unwrap()["pinot-controller"].starts_with("1.5.1"));

    let mut schema = fixture.schema();
    assert_eq!(controller.create_schema(&schema).await.unwrap().unrecognized_properties, BTreeMap::new());
    assert_eq!(controller.create_schema(&schema).await.unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert!(controller.schemas().await.unwrap().contains(&table.to_owned()));
    schema["dimensionFieldSpecs"].as_array_mut().unwrap().push(json!({"name": "more", "dataType": "INT"}));
    controller.update_schema(&schema, SchemaUpdate::default()).await.unwrap();
    let kept = controller.schema(table).await.unwrap();
    assert!(kept["dimensionFieldSpecs"].as_array().unwrap().iter().any(|field| field["name"] == "more"));
    let dropped = fixture.schema();
    let error = controller.update_schema(&dropped, SchemaUpdate::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{error}");
    controller.update_schema(&dropped, SchemaUpdate { reload: false, force: true }).await.unwrap();

    let mut config = fixture.table_config();
    let valid = controller.validate_table(&config).await.unwrap();
    assert_eq!(valid.of(OFFLINE).unwrap()["tableName"], config["tableName"]);
    assert_eq!(controller.table_configs(table).await.unwrap_err().kind(), ErrorKind::NotFound);
    config["speling"] = json!(1);
    let saved = controller.create_table(&config).await.unwrap();
    assert_eq!(saved.unrecognized_properties, BTreeMap::from([("/speling".to_owned(), json!(1))]));
    assert_eq!(controller.create_table(&config).await.unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert!(controller.tables().await.unwrap().contains(&table.to_owned()));
    let mut kept = controller.table_configs(table).await.unwrap();
    assert_eq!(kept.realtime, None);
    let mut config = kept.offline.take().unwrap();
    config["segmentsConfig"]["timeColumnName"] = json!("nonsense");
    assert_eq!(controller.update_table(&config).await.unwrap_err().kind(), ErrorKind::InvalidConfig);
    config["segmentsConfig"]["timeColumnName"] = json!(null);
    config["segmentsConfig"]["retentionTimeUnit"] = json!("DAYS");
    controller.update_table(&config).await.unwrap();
    let kept = controller.table_configs(table).await.unwrap();
    assert_eq!(kept.of(OFFLINE).unwrap()["segmentsConfig"]["retentionTimeUnit"], "DAYS");
    controller.update_schema(&schema, SchemaUpdate { reload: true, force: false }).await.unwrap();
    assert_eq!(controller.table_schema(table).await.unwrap()["schemaName"], table);

    let error = controller.delete_schema(table).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CommitConflict, "{error}");
    controller.delete_table(table, OFFLINE).await.unwrap();
    assert_eq!(controller.delete_table(table, OFFLINE).await.unwrap_err().kind(), ErrorKind::NotFound);
    controller.delete_schema(table).await.unwrap();
    assert_eq!(controller.schema(table).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_segment_is_uploaded_described_downloaded_and_deleted() {
    let Some(fixture) = Fixture::with_table("tar_upload").await else { return };
    let (controller, table) = (&fixture.controller, fixture.table.as_str());
    let archive = fixture.archive(SEGMENT);
    let mut upload = Upload::new(table, OFFLINE);
    upload.allow_refresh = false;
    upload.parallel_push_protection = true;
    upload.custom_map = Some(CustomMap::Update(BTreeMap::from([("job".into(), "Überfahrt 😀".into())])));
    controller.upload_segment(&upload, SEGMENT, &archive).await.unwrap();
    let error = controller.upload_segment(&upload, SEGMENT, &archive).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");

    assert_eq!(controller.segments(table, OFFLINE, SegmentFilter::default()).await.unwrap(), [SEGMENT]);
    let segment = controller.segment_metadata(table, OFFLINE, SEGMENT).await.unwrap();
    assert_eq!((segment.total_docs, segment.status.as_ref()), (Some(fixture.case.rows.len() as u64), None));
    assert_eq!(segment.custom["job"], "Überfahrt 😀");
    assert!(segment.push_millis.is_some() && segment.creation_millis.is_some());
    let all = controller.all_segment_metadata(table, OFFLINE).await.unwrap();
    assert_eq!(all, BTreeMap::from([(SEGMENT.to_owned(), segment.clone())]));

    upload.allow_refresh = true;
    upload.if_match = Some(segment.crc.unwrap() + 1);
    let error = controller.upload_segment(&upload, SEGMENT, &archive).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CommitConflict, "{error}");
    upload.if_match = segment.crc;
    upload.refresh_only = true;
    upload.custom_map = Some(CustomMap::Replace(BTreeMap::from([("run".into(), "2".into())])));
    controller.upload_segment(&upload, SEGMENT, &archive).await.unwrap();
    let segment = controller.segment_metadata(table, OFFLINE, SEGMENT).await.unwrap();
    assert_eq!(segment.custom, BTreeMap::from([("run".to_owned(), "2".to_owned())]));
    assert!(segment.refresh_millis.is_some());
    let other = fixture.archive("other");
    let error = controller.upload_segment(&upload, "other", &other).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");

    fixture.await_online(&[SEGMENT]).await;
    let copy = fixture.folder.path().join("copy.tar.gz");
    let length = controller.download_segment(table, SEGMENT, &copy).await.unwrap();
    assert_eq!(Some(length), segment.size_bytes);
    assert_eq!(std::fs::read(&copy).unwrap(), std::fs::read(&archive).unwrap());
    let missing = fixture.folder.path().join("missing.tar.gz");
    let error = controller.download_segment(table, "nope", &missing).await.unwrap_err();
    assert_eq!((error.kind(), missing.exists()), (ErrorKind::NotFound, false));

    controller.delete_segments(table, OFFLINE, &[SEGMENT.to_owned(), "nope".to_owned()]).await.unwrap();
    fixture.await_online(&[]).await;
    let error = controller.segments("nope", OFFLINE, SegmentFilter::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let error = controller.all_segment_metadata("nope", OFFLINE).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn segments_are_replaced_in_one_step_and_the_step_is_taken_back() {
    let Some(fixture) = Fixture::with_table("lineage").await else { return };
    let (controller, table) = (&fixture.controller, fixture.table.as_str());
    let upload = Upload::new(table, OFFLINE);
    let seen = async || {
        let filter = SegmentFilter { exclude_replaced: true, ..SegmentFilter::default() };
        controller.segments(table, OFFLINE, filter).await.unwrap()
    };
    let state = async || controller.lineage(table, OFFLINE).await.unwrap().pop().unwrap().state;
    controller.upload_segment(&upload, "old", &fixture.archive("old")).await.unwrap();
    fixture.await_online(&["old"]).await;
    assert_eq!(controller.lineage(table, OFFLINE).await.unwrap(), []);

    let replacement = Replacement {
        segments_from: vec!["old".into()],
        segments_to: vec!["new".into()],
        custom_map: BTreeMap::from([("job".into(), "j".into())]),
    };
    let id = controller.start_replace_segments(table, OFFLINE, &replacement, false).await.unwrap();
    let entry = controller.lineage(table, OFFLINE).await.unwrap().pop().unwrap();
    assert_eq!((&entry.id, &entry.state), (&id, &LineageState::InProgress));
    assert_eq!((&entry.segments_from, &entry.segments_to), (&replacement.segments_from, &replacement.segments_to));
    let error = controller.start_replace_segments(table, OFFLINE, &replacement, false).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CommitConflict, "{error}");

    controller.upload_segment(&upload, "new", &fixture.archive("new")).await.unwrap();
    assert_eq!(seen().await, ["old"]);
    fixture.await_online(&["new", "old"]).await;
    controller.end_replace_segments(table, OFFLINE, &id, false).await.unwrap();
    controller.end_replace_segments(table, OFFLINE, &id, false).await.unwrap();
    assert_eq!((seen().await, state().await), (vec!["new".to_owned()], LineageState::Completed));

    controller.revert_replace_segments(table, OFFLINE, &id, false).await.unwrap();
    assert_eq!((seen().await, state().await), (vec!["old".to_owned()], LineageState::Reverted));
    let error = controller.end_replace_segments(table, OFFLINE, "nope", false).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CommitConflict, "{error}");
}

/// Each form of upload gives the cluster the same segment, and rows that can be queried.
#[tokio::test]
async fn the_other_forms_of_upload_give_the_same_segment() {
    let Some(fixture) = Fixture::with_table("forms").await else { return };
    let (controller, table) = (&fixture.controller, fixture.table.as_str());
    let upload = Upload::new(table, OFFLINE);
    // The controller itself is a place from where an archive can be fetched.
    let store = Fixture::with_table("forms_store").await.unwrap();
    let mut segments = Vec::new();
    for name in ["by_uri", "by_metadata", "by_batch_1", "by_batch_2"] {
        controller.upload_segment(&Upload::new("forms_store", OFFLINE), name, &fixture.archive(name)).await.unwrap();
        let kept = controller.segment_metadata("forms_store", OFFLINE, name).await.unwrap();
        let download_uri = kept.download_url.unwrap();
        segments.push(MetadataOnly { download_uri, ..fixture.metadata_only(name) });
    }
    controller.upload_uri(&upload, &segments[0].download_uri).await.unwrap();
    controller.upload_metadata(&upload, &segments[1], CopyToDeepStore::No).await.unwrap();
    controller.upload_metadata_batch(&upload, &segments[2..], CopyToDeepStore::No).await.unwrap();
    let archive = fixture.archive("by_copy");
    let download_uri = format!("file://{}", archive.display());
    let copied = MetadataOnly { download_uri, ..fixture.metadata_only("by_copy") };
    controller.upload_metadata(&upload, &copied, CopyToDeepStore::Yes).await.unwrap();
    fixture.await_online(&["by_batch_1", "by_batch_2", "by_copy", "by_metadata", "by_uri"]).await;
    let kept = controller.all_segment_metadata(table, OFFLINE).await.unwrap();
    let stored = controller.all_segment_metadata(&store.table, OFFLINE).await.unwrap();
    for segment in &segments {
        assert_eq!(kept[&segment.name].crc, stored[&segment.name].crc);
        assert_eq!(kept[&segment.name].total_docs, stored[&segment.name].total_docs);
    }
    assert_eq!(kept["by_metadata"].download_url.as_ref(), Some(&segments[1].download_uri));
    assert_eq!(kept["by_batch_2"].download_url.as_ref(), Some(&segments[3].download_uri));
    assert_ne!(kept["by_copy"].download_url.as_ref(), Some(&copied.download_uri));
    assert_ne!(kept["by_uri"].download_url.as_ref(), Some(&segments[0].download_uri));

    let error = controller.upload_uri(&upload, "file:///nowhere").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{error}");
    let upload = Upload::new("no_such_table", OFFLINE);
    let error = controller.upload_segment(&upload, "x", &fixture.archive("x")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}

#[tokio::test]
async fn the_cluster_is_described() {
    let Some(fixture) = Fixture::with_table("described").await else { return };
    let (controller, table) = (&fixture.controller, fixture.table.as_str());
    controller.upload_segment(&Upload::new(table, OFFLINE), SEGMENT, &fixture.archive(SEGMENT)).await.unwrap();
    fixture.await_online(&[SEGMENT]).await;
    let server = &fixture.cluster.servers[0];
    let broker = fixture.cluster.broker.rsplit_once(':').unwrap().1.parse().unwrap();

    let states = controller.external_view(table, OFFLINE).await.unwrap();
    assert_eq!(states[SEGMENT], BTreeMap::from([(server.instance.clone(), SegmentState::Online)]));
    let error = controller.ideal_state(table, TableType::Realtime).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(controller.instances().await.unwrap().contains(&server.instance));
    let instance = controller.instance(&server.instance).await.unwrap();
    assert_eq!((instance.host.as_str(), instance.port), (server.host.as_str(), Some(server.netty_port)));
    let admin_port = server.admin.rsplit_once(':').unwrap().1.parse().unwrap();
    assert_eq!((instance.grpc_port, instance.admin_port), (Some(server.grpc_port), Some(admin_port)));
    assert_eq!(controller.instance("Server_nowhere_1").await.unwrap_err().kind(), ErrorKind::NotFound);
    let brokers = controller.brokers(table).await.unwrap();
    assert_eq!(brokers.iter().map(|broker| broker.port).collect::<Vec<_>>(), [Some(broker)]);
    let instances = controller.table_instances(table, OFFLINE).await.unwrap();
    assert_eq!((instances.brokers, instances.servers), (vec![brokers[0].name.clone()], vec![server.instance.clone()]));
    let tenants = controller.tenants().await.unwrap();
    assert_eq!(
        (tenants.server_tenants, tenants.broker_tenants),
        (vec!["DefaultTenant".into()], vec!["DefaultTenant".into()])
    );
    let size = controller.table_size(table).await.unwrap();
    let half = size.offline.unwrap();
    assert!(half.segments[SEGMENT].reported_bytes.unwrap() > 1_000 && half.missing_segments == 0);
    assert_eq!((size.reported_bytes, size.realtime), (half.segments[SEGMENT].reported_bytes, None));
}

#[tokio::test]
async fn a_table_of_a_database_is_named_with_and_without_it() {
    let Some(fixture) = Fixture::in_database("orders", Some("eu")) else { return };
    let (controller, table) = (&fixture.controller, fixture.table.as_str());
    controller.create_schema(&fixture.schema()).await.unwrap();
    controller.create_table(&fixture.table_config()).await.unwrap();
    assert_eq!(controller.tables().await.unwrap(), ["eu.orders"]);
    let archive = fixture.archive("ümlaut_%41");
    let outside = Fixture::new("eu.orders").unwrap();
    for (controller, table) in [(controller, table), (controller, "eu.orders"), (&outside.controller, "eu.orders")] {
        controller.upload_segment(&Upload::new(table, OFFLINE), "s", &archive).await.unwrap();
        // A name of which every letter has to be encoded right.
        let names = controller.segments(table, OFFLINE, SegmentFilter::default()).await.unwrap();
        assert_eq!(names, ["ümlaut_%41"]);
        let segment = controller.segment_metadata(table, OFFLINE, &names[0]).await.unwrap();
        assert_eq!(
            controller.all_segment_metadata(table, OFFLINE).await.unwrap(),
            BTreeMap::from([(names[0].clone(), segment)])
        );
        let copy = fixture.folder.path().join("copy");
        controller.download_segment(table, &names[0], &copy).await.unwrap();
        assert_eq!(std::fs::read(&copy).unwrap(), std::fs::read(&archive).unwrap());
        assert!(controller.ideal_state(table, OFFLINE).await.unwrap().contains_key(&names[0]));
        assert_eq!(controller.lineage(table, OFFLINE).await.unwrap(), []);
    }
    controller.delete_segments(table, OFFLINE, &["ümlaut_%41".to_owned()]).await.unwrap();
    let list = async || controller.segments(table, OFFLINE, SegmentFilter::default()).await.unwrap();
    fixture.until(list, Vec::is_empty).await;
    controller.update_table(&fixture.table_config()).await.unwrap();
    controller.delete_table(table, OFFLINE).await.unwrap();
    controller.delete_schema(table).await.unwrap();
}

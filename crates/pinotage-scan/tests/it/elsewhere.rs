//! Splits that somebody planned and somebody else reads.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::{concat_batches, sort_to_indices, take_record_batch};
use futures::TryStreamExt as _;
use pinotage_client::{Address, Connection, Controller};
use pinotage_scan::{
    Aggregate, AggregateRequest, Batches, Reader, ScanRequest, Scanner, SplitDocument, Table, TableDocument,
};
use pinotage_spec::{CompareOp, Predicate, Value};
use pinotage_store::{Store, StoreOptions};
use serde_json::json;

use crate::agreement::draw;
use crate::support::{Fixture, Place, by, noise, read, seed};

/// The documents as another process gets them.
fn sent<T: serde::Serialize + serde::de::DeserializeOwned>(document: &T) -> T {
    serde_json::from_str(&serde_json::to_string(document).unwrap()).unwrap()
}

/// A reader that knows of the table what it was sent.
fn stranger(fixture: &Fixture, document: &TableDocument, reader: Reader) -> Scanner {
    let address = Address::parse(&fixture.cluster.controller).unwrap();
    let controller = Controller::new(&Connection::new(address)).unwrap();
    let table = Table::from_document(&controller, sent(document)).unwrap();
    Scanner::new(table, Store::new(StoreOptions::default()).unwrap(), by(reader)).unwrap()
}

/// All rows, in the order of their first column.
async fn by_first_column(batches: Batches) -> RecordBatch {
    let schema = Arc::clone(batches.schema());
    let all = concat_batches(&schema, &batches.try_collect::<Vec<_>>().await.unwrap()).unwrap();
    take_record_batch(&all, &sort_to_indices(all.column(0), None, None).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_split_is_read_by_who_did_not_plan_it() {
    let Some(fixture) = Fixture::new(Place::Modern, "elsewhere", 3, 300, true, json!({})) else { return };
    let seed = seed();
    for reader in [Reader::Server, Reader::Direct] {
        let scanner = fixture.scanner(by(reader)).await;
        let other = stranger(&fixture, &scanner.table().document(), reader);
        for turn in 0..20 {
            let predicate = (turn > 0).then(|| draw(noise(seed, turn), 2));
            let request = ScanRequest { predicate: predicate.clone(), ..ScanRequest::default() };
            let (plan, expected) = read(&scanner, &request).await.unwrap();
            let mut rows = 0;
            for split in &plan.splits {
                let document: SplitDocument = sent(&plan.document(split));
                let theirs = Arc::new(other.planned(document).unwrap());
                assert_eq!(theirs.exact, plan.exact);
                let found = by_first_column(other.read(&theirs, &theirs.splits[0])).await;
                let ours = by_first_column(scanner.read(&Arc::new(plan.clone()), split)).await;
                assert_eq!(found, ours, "{reader:?}: {predicate:?}");
                rows += found.num_rows();
            }
            assert_eq!(rows, expected.num_rows(), "{reader:?}: {predicate:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn aggregates_are_asked_for_by_who_did_not_plan_them() {
    let Some(fixture) = Fixture::new(Place::Modern, "elsewhere_sums", 3, 300, false, json!({})) else { return };
    let scanner = fixture.scanner(by(Reader::Auto)).await;
    let other = stranger(&fixture, &scanner.table().document(), Reader::Auto);
    let columns = Some(vec!["b".into(), "l".into()]);
    let predicate = Some(Predicate::Compare { column: "i".into(), op: CompareOp::Gt, value: Value::Int(0) });
    let plan = scanner.plan(&ScanRequest { columns, predicate, ..ScanRequest::default() }).await.unwrap();
    let request =
        AggregateRequest { group_by: vec!["b".into()], aggregates: vec![Aggregate::Rows, Aggregate::Sum("l".into())] };
    let aggregated = Arc::new(scanner.aggregated(&plan, &request).unwrap());
    for split in aggregated.splits() {
        let theirs = other.planned(sent(&aggregated.rows().document(split))).unwrap();
        let theirs = Arc::new(other.aggregated(&theirs, &sent(&request)).unwrap());
        let found = by_first_column(other.aggregate(&theirs, &theirs.splits()[0])).await;
        assert_eq!(found.num_rows(), 2);
        assert_eq!(found, by_first_column(scanner.aggregate(&aggregated, split)).await);
    }
}

#[test]
fn passwords_of_streams_stay_behind() {
    let secret = "hunter2";
    let config = json!({
        "tableName": "t", "tableType": "REALTIME",
        "tableIndexConfig": {"nullHandlingEnabled": true, "streamConfigs": {"sasl.jaas.config": secret}},
        "ingestionConfig": {"streamIngestionConfig": {"streamConfigMaps": [{"sasl.jaas.config": secret}]}},
        "task": {"taskTypeConfigsMap": {"SegmentGenerationAndPushTask": {"input.fs.prop.secretKey": secret}}},
    });
    let controller = Controller::new(&Connection::new(Address::parse("http://localhost:1").unwrap())).unwrap();
    let document = json!({
        "name": "t", "version": "1.5", "halves": [["REALTIME", config]],
        "schema": {"schemaName": "t", "dimensionFieldSpecs": [{"name": "a", "dataType": "INT"}]},
    });
    let table = Table::from_document(&controller, serde_json::from_value(document).unwrap()).unwrap();
    let sent = serde_json::to_string(&table.document()).unwrap();
    assert!(sent.contains("nullHandlingEnabled") && !sent.contains(secret), "{sent}");
}

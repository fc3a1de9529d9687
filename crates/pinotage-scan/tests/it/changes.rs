//! Tables that change between plan and reading, and columns that came later.

use std::sync::Arc;

use arrow::array::Array;
use pinotage_scan::{Reader, ScanOptions, ScanPlan, ScanRequest, Scanner};
use pinotage_testkit::cluster::eventually;
use serde_json::{Value as Json, json};

use crate::support::{FIRST_DAY, Fixture, Place, by, ids, ids_of_plan, read, row};

const READERS: [Reader; 2] = [Reader::Server, Reader::Direct];

/// Tries nothing a third time.
fn soon(reader: Reader) -> ScanOptions {
    ScanOptions { attempts: 2, ..by(reader) }
}

async fn plans(fixture: &Fixture) -> Vec<(Scanner, Arc<ScanPlan>)> {
    let mut plans = Vec::new();
    for reader in READERS {
        let scanner = fixture.scanner(soon(reader)).await;
        let request = ScanRequest { columns: Some(vec!["id".into()]), ..ScanRequest::default() };
        let plan = Arc::new(scanner.plan(&request).await.unwrap());
        plans.push((scanner, plan));
    }
    plans
}

/// Planned before its end and read after it: the old rows, or an error that says what to do.
async fn replaced(place: Place) {
    let Some(fixture) = Fixture::new(place, "meanwhile", 2, 30, false, json!({})) else { return };
    let (cluster, old) = (fixture.cluster, (0..60).collect::<Vec<i64>>());
    let url = |what: &str, more: &str| format!("{}/segments/meanwhile/{what}?type=OFFLINE{more}", cluster.controller);
    let body = json!({"segmentsFrom": ["meanwhile_0", "meanwhile_1"], "segmentsTo": ["new_0"]});
    let entry = cluster.post_json(&url("startReplaceSegments", ""), &body)["segmentLineageEntryId"].clone();
    fixture.upload("new_0", &(100..140).map(|id| row(id, FIRST_DAY, false)).collect::<Vec<_>>());
    cluster.await_online("meanwhile_OFFLINE", 3);
    let plans = plans(&fixture).await;
    for (scanner, plan) in &plans {
        assert_eq!(ids_of_plan(scanner, plan).await.unwrap(), old, "what is not finished does not count: {plan}");
    }
    let more = format!("&segmentLineageEntryId={}", entry.as_str().unwrap());
    // It answers nothing.
    cluster.http.post_json(&url("endReplaceSegments", &more), &json!({})).unwrap();
    for ((scanner, plan), reader) in plans.iter().zip(READERS) {
        match ids_of_plan(scanner, plan).await {
            Ok(found) => assert_eq!(found, old),
            Err(error) => assert!(error.advice().contains("again"), "{error}"),
        }
        let found = ids(&fixture.scanner(by(reader)).await, None).await.unwrap().1;
        assert_eq!(found, (100..140).collect::<Vec<i64>>(), "{reader:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replacement_is_seen_whole_or_not_at_all() {
    replaced(Place::Modern).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replacement_in_the_oldest_release_is_seen_whole_or_not_at_all() {
    replaced(Place::Oldest).await;
}

/// Columns that came later: with a default value, and with nulls where the table keeps them.
async fn added_columns(place: Place, nulls: bool) {
    let name = format!("added_columns_{nulls}");
    let Some(fixture) = Fixture::new(place, &name, 2, 30, nulls, json!({})) else { return };
    let cluster = fixture.cluster;
    let mut schema: Json = fixture.schema.json().clone();
    schema["dimensionFieldSpecs"].as_array_mut().unwrap().extend([
        json!({"name": "later", "dataType": "INT", "defaultNullValue": 7}),
        json!({"name": "words", "dataType": "STRING", "singleValueField": false}),
    ]);
    cluster.post_json(&format!("{}/schemas", cluster.controller), &schema);
    let columns = ["id", "later", "words"].map(str::to_owned).to_vec();
    let request = ScanRequest { columns: Some(columns), ..ScanRequest::default() };
    // Servers send no nulls in the oldest release.
    let readers = if nulls && place == Place::Oldest { &READERS[1..] } else { &READERS[..] };
    let (_, direct) = read(&fixture.scanner(by(Reader::Direct)).await, &request).await.unwrap();
    assert_eq!(direct.num_rows(), 60);
    assert_eq!(direct.column(1).null_count(), if nulls { 60 } else { 0 });
    if readers.contains(&Reader::Server) {
        let error = read(&fixture.scanner(soon(Reader::Server)).await, &request).await.unwrap_err();
        assert!(error.advice().contains("reload"), "{error}");
    }
    cluster.post_json(&format!("{}/segments/{name}/reload?type=OFFLINE", cluster.controller), &json!({}));
    eventually("the columns on the servers", || {
        // Before its reload, a segment has the column without its nulls.
        let (set, rows) = match nulls && place == Place::Modern {
            true => ("SET enableNullHandling=true; ", "later IS NULL AND words IS NULL"),
            false => ("", "later = 7 AND words = 'null'"),
        };
        let answer = cluster.query(&format!("{set}SELECT COUNT(*) FROM {name} WHERE {rows}"));
        if answer["resultTable"]["rows"][0][0] == 60 { Ok(()) } else { Err(answer.to_string()) }
    });
    for reader in readers {
        let (_, found) = read(&fixture.scanner(by(*reader)).await, &request).await.unwrap();
        assert_eq!(found, direct, "{reader:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_that_came_later_are_filled() {
    added_columns(Place::Modern, true).await;
    added_columns(Place::Modern, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_that_came_later_to_the_oldest_release_are_filled() {
    added_columns(Place::Oldest, true).await;
    added_columns(Place::Oldest, false).await;
}

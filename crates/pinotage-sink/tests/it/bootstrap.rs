//! A table becomes what its documents say.

use pinotage_common::ErrorKind;
use pinotage_sink::bootstrap::{self, Step};
use serde_json::json;

use crate::places::{Place, in_all_places};
use crate::support::{Fixture, config, schema};

in_all_places!(a_table_is_created_changed_and_then_left_alone, what_would_change_the_meaning_of_segments_is_refused,);

async fn a_table_is_created_changed_and_then_left_alone(place: Place) {
    let Some(mut fixture) = Fixture::new(place, "boot") else { return };
    assert_eq!(fixture.bootstrap().await, [Step::CreateSchema, Step::CreateTable]);
    assert_eq!(fixture.bootstrap().await, []);

    fixture.schema = schema("boot", &["k", "v"]);
    fixture.table = config("boot", json!({"tableIndexConfig": {"invertedIndexColumns": ["k"]}}));
    let steps = fixture.bootstrap().await;
    let shown: Vec<String> = steps.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "update the schema: new v",
            "update the table config: tableIndexConfig.invertedIndexColumns from nothing to [\"k\"]"
        ]
    );
    assert_eq!(fixture.bootstrap().await, []);
    // What others have set in the cluster stays.
    fixture.table =
        config("boot", json!({"segmentsConfig": {"retentionTimeUnit": "DAYS", "retentionTimeValue": "9000"}}));
    assert_eq!(fixture.bootstrap().await.len(), 1);
    let kept = bootstrap::documents(&fixture.target).await.unwrap().table.unwrap();
    assert_eq!(kept["tableIndexConfig"]["invertedIndexColumns"], json!(["k"]));
}

async fn what_would_change_the_meaning_of_segments_is_refused(place: Place) {
    let Some(fixture) = Fixture::with_table(place, "boot_refused").await else { return };
    let found = bootstrap::documents(&fixture.target).await.unwrap();
    let wrong = json!({"schemaName": "boot_refused", "metricFieldSpecs": [{"name": "n", "dataType": "INT"}],
        "dimensionFieldSpecs": [{"name": "k", "dataType": "STRING"}]});
    let wrong = pinotage_spec::Schema::from_document(wrong).unwrap();
    let error = bootstrap::compare(&fixture.target, &found, &wrong, &fixture.table).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SchemaMismatch);
    assert!(error.to_string().contains("`k` is DIMENSION LONG there, DIMENSION STRING here"), "{error}");
    let error = bootstrap::compare(&fixture.target, &found, &schema("boot_refused", &["v"]), &fixture.table).await;
    assert!(error.unwrap_err().to_string().contains("`k` is not here"));
    let encrypted = config("boot_refused", json!({"segmentsConfig": {"crypterClassName": "Some"}}));
    let error = bootstrap::compare(&fixture.target, &found, &fixture.schema, &encrypted).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let nonsense = config("boot_refused", json!({"segmentsConfig": {"timeColumnName": "nope"}}));
    let error = bootstrap::compare(&fixture.target, &found, &fixture.schema, &nonsense).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{error}");
}

//! What stands in a job file.

use pinotage_common::ErrorKind;
use pinotage_store::{Store, StoreOptions};
use serde_json::json;

fn store(options: serde_json::Value) -> pinotage_common::Result<Store> {
    Store::new(serde_json::from_value::<StoreOptions>(options).unwrap())
}

#[test]
fn contradictions_are_refused_before_a_network_is_touched() {
    for (options, option) in [
        (json!({"s3": {"accessKey": "a"}}), "s3.accessKey"),
        (json!({"s3": {"sessionToken": "a"}}), "s3.sessionToken"),
        (json!({"azure": {"accessKey": "a", "sas": "b"}}), "azure.sas"),
        (json!({"concurrency": 0}), "concurrency"),
        (json!({"timeout": "0s"}), "timeout"),
        (json!({"s3": {"endpoint": "minio:9000"}}), "s3.endpoint"),
        (json!({"gcs": {"endpoint": "ftp://host"}}), "gcs.endpoint"),
        (json!({"azure": {"endpoint": "https://user:word@host"}}), "azure.endpoint"),
    ] {
        let error = store(options.clone()).expect_err(option);
        assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{options}");
        assert!(error.context().contains(&("option", option.into())), "{error}");
    }
}

#[test]
fn unknown_options_are_refused() {
    assert!(serde_json::from_value::<StoreOptions>(json!({"s3": {"acessKey": "a"}})).is_err());
}

#[test]
fn secrets_are_read_but_never_shown() {
    let text = json!({
        "s3": {"accessKey": "hidden1", "secretKey": "hidden2", "sessionToken": "hidden3"},
        "azure": {"sas": "hidden4"},
        "http": {"token": "hidden5"},
    });
    let options: StoreOptions = serde_json::from_value(text).unwrap();
    let store = Store::new(options.clone()).unwrap();
    let shown = format!("{options:?} {} {store:?}", serde_json::to_string(&options).unwrap());
    assert!(!shown.contains("hidden"), "{shown}");
}

#[test]
fn every_option_is_described() {
    let schema = schemars::schema_for!(StoreOptions).to_value();
    let mut described = 0;
    let objects = schema["$defs"].as_object().unwrap().values().chain([&schema]);
    for (name, option) in objects.filter_map(|object| object["properties"].as_object()).flatten() {
        assert!(option["description"].is_string(), "{name}: {option}");
        described += 1;
    }
    assert!(described > 20, "{described}");
}

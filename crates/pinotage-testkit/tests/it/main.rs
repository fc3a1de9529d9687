//! The starters of real servers, each proven by a segment that Pinot loads and counts.
#![allow(missing_docs)]

mod faults;
mod modern;
mod oldest;
mod realtime;
mod security;

use std::fs;

use pinotage_testkit::cluster::Cluster;
use pinotage_testkit::{GoldenCase, golden_cases};
use serde_json::{Value as Json, json};

fn golden(name: &str) -> GoldenCase {
    golden_cases().into_iter().find(|case| case.name == name).unwrap()
}

/// Creates the table of a golden segment, with its replication, and uploads the segment.
fn load(cluster: &Cluster, case: &GoldenCase, replication: usize) {
    let read = |file: &str| -> Json { serde_json::from_slice(&fs::read(case.folder.join(file)).unwrap()).unwrap() };
    let (table, mut config) = (case.name.replace('-', "_"), read("table.json"));
    config["segmentsConfig"]["replication"] = json!(replication.to_string());
    cluster.create_table(&read("schema.json"), &config);
    cluster.upload(&table, &case.segment());
    cluster.await_online(&format!("{table}_OFFLINE"), 1);
}

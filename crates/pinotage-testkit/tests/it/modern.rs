//! Pinot 1.5.1.

use std::fs;

use pinotage_testkit::cluster::Cluster;
use pinotage_testkit::golden_cases;

#[test]
fn a_golden_segment_is_loaded_and_counted() {
    let Some(cluster) = Cluster::shared() else { return };
    let case = golden_cases().into_iter().find(|case| case.name == "dict-all-types").unwrap();
    let read = |file: &str| serde_json::from_slice(&fs::read(case.folder.join(file)).unwrap()).unwrap();
    cluster.create_table(&read("schema.json"), &read("table.json"));
    cluster.upload("dict_all_types", &case.segment());
    cluster.await_online("dict_all_types_OFFLINE", 1);
    cluster.await_count("dict_all_types", case.rows.len() as u64);
}

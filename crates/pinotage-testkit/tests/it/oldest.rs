//! Pinot 0.11.0.

use std::net::TcpStream;
use std::panic::{AssertUnwindSafe, catch_unwind};

use pinotage_testkit::cluster::{Cluster, Options, Version};
use serde_json::json;

use crate::{golden, load};

#[test]
fn the_oldest_pinot_loads_what_it_can_and_says_why_it_cannot() {
    let Some(cluster) = Cluster::start(&Options { version: Version::V0_11, ..Options::default() }) else { return };
    let version = cluster.get_json(&format!("{}/version", cluster.controller));
    assert!(version["pinot-server"].as_str().unwrap().starts_with("0.11.0"), "{version}");

    // No golden segment of 1.5.1 but these has nothing that is newer than 0.11.
    for name in ["constants", "indexes", "sorted", "star-tree", "times"] {
        let case = golden(name);
        load(&cluster, &case, 1);
        cluster.await_count(&name.replace('-', "_"), case.rows.len() as u64);
    }
    let server = &cluster.servers[0];
    let segments = cluster.get_json(&format!("{}/tables/times_OFFLINE/segments", server.admin));
    assert_eq!(segments, json!({"segments": ["times_0"]}));
    assert!(!cluster.get(&format!("{}/segments/times_OFFLINE/times_0", server.admin)).is_empty());
    TcpStream::connect((server.host.as_str(), server.grpc_port)).unwrap();
    assert!(cluster.deep_store.join("times/times_0").is_file());

    let failure = catch_unwind(AssertUnwindSafe(|| load(&cluster, &golden("raw-delta"), 1))).unwrap_err();
    let message = failure.downcast_ref::<String>().unwrap();
    assert!(message.contains("a segment is in ERROR") && message.contains("ChunkCompressionType"), "{message}");
}

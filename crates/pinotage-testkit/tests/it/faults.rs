//! Parts of a cluster that go away and come back.

use std::net::TcpStream;

use pinotage_testkit::cluster::{Cluster, Options, Version, eventually};

use crate::realtime::{committed, create, row};
use crate::{golden, load};

fn survives(version: Version) {
    let Some(cluster) = Cluster::start(&Options { version, servers: 2, ..Options::default() }) else { return };
    let case = golden("times");
    let rows = case.rows.len() as u64;
    load(&cluster, &case, 2);
    cluster.await_count("times", rows);

    let server = &cluster.servers[0];
    let segments = format!("{}/tables/times_OFFLINE/segments", server.admin);
    let replicas = || {
        let url = format!("{}/tables/times/externalview?tableType=OFFLINE", cluster.controller);
        cluster.get_json(&url)["OFFLINE"]["times_0"].clone()
    };
    cluster.stop_server(0);
    cluster.http.get(&segments).unwrap_err();
    for port in [server.netty_port, server.grpc_port] {
        TcpStream::connect((server.host.as_str(), port)).unwrap_err();
    }
    eventually("one replica less", || {
        let replicas = replicas();
        if replicas.as_object().unwrap().len() == 1 { Ok(()) } else { Err(replicas.to_string()) }
    });
    cluster.await_count("times", rows);
    cluster.start_server(0);
    cluster.await_online("times_OFFLINE", 1);
    assert_eq!(cluster.get_json(&segments)["segments"][0], "times_0");
    TcpStream::connect((server.host.as_str(), server.grpc_port)).unwrap();
    assert_eq!(replicas().as_object().unwrap().len(), 2);

    let health = format!("{}/health", cluster.controller);
    cluster.stop_controller();
    cluster.http.get(&health).unwrap_err();
    cluster.await_count("times", rows);
    // A server that was away while the controller was is found again by the next controller.
    cluster.stop_server(1);
    cluster.start_controller();
    cluster.http.get(&health).unwrap();
    cluster.start_server(1);
    let case = golden("sorted");
    load(&cluster, &case, 2);
    cluster.await_count("sorted", case.rows.len() as u64);

    // A full segment waits for somebody who takes it.
    let topic = cluster.create_topic("events", 1);
    create(&cluster, "events", &topic, false);
    topic.publish(0, (0..5).map(|n| row(n, n)));
    cluster.await_count("events", 5);
    cluster.stop_controller();
    topic.publish(0, (5..12).map(|n| row(n, n)));
    cluster.await_count("events", 10);
    cluster.start_controller();
    cluster.await_count("events", 12);
    assert_eq!(committed(&cluster, "events").len(), 1);
}

#[test]
fn a_server_and_the_controller_go_away_and_come_back() {
    survives(Version::V1_5);
}

#[test]
fn those_of_the_oldest_pinot_too() {
    survives(Version::V0_11);
}

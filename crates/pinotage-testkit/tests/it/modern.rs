//! Pinot 1.5.1.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::{env, fs, thread};

use flate2::read::GzDecoder;
use pinotage_testkit::cluster::{Cluster, Options, eventually};
use serde_json::json;
use tar::Archive;

use crate::{golden, load};

#[test]
fn a_golden_segment_is_loaded_and_counted() {
    let Some(cluster) = Cluster::shared() else { return };
    let case = golden("dict-all-types");
    load(cluster, &case, 1);
    cluster.await_count("dict_all_types", case.rows.len() as u64);
}

#[test]
fn a_server_gives_its_segments_away_as_they_are() {
    let Some(cluster) = Cluster::shared() else { return };
    let case = golden("sorted");
    load(cluster, &case, 1);
    let admin = &cluster.servers[0].admin;
    assert_eq!(cluster.get_json(&format!("{admin}/tables/sorted_OFFLINE/segments")), json!({"segments": ["sorted_0"]}));
    let size = cluster.get_json(&format!("{}/tables/sorted/size", cluster.controller));
    assert_eq!(size["offlineSegments"]["missingSegments"], 0, "{size}");

    let folder = tempfile::tempdir().unwrap();
    let archive = cluster.get(&format!("{admin}/segments/sorted_OFFLINE/sorted_0"));
    Archive::new(GzDecoder::new(archive.as_slice())).unpack(folder.path()).unwrap();
    let columns = |segment: std::path::PathBuf| fs::read(segment.join("v3/columns.psf")).unwrap();
    assert_eq!(columns(folder.path().join("sorted_0")), columns(case.segment()));
}

#[test]
fn a_refreshed_segment_is_loaded_anew_and_a_deleted_one_is_gone() {
    let Some(cluster) = Cluster::shared() else { return };
    let case = golden("constants");
    load(cluster, &case, 1);
    let admin = &cluster.servers[0].admin;
    let loaded = || cluster.get_json(&format!("{admin}/tables/constants_OFFLINE/segments/crc"))["constants_0"].clone();
    let before = loaded();

    // The same rows under another CRC, which is the first number of this file.
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("constants_0");
    fs::create_dir_all(copy.join("v3")).unwrap();
    for entry in fs::read_dir(case.segment().join("v3")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), copy.join("v3").join(entry.file_name())).unwrap();
    }
    let meta = copy.join("v3/creation.meta");
    let mut bytes = fs::read(&meta).unwrap();
    bytes[..8].copy_from_slice(&42_u64.to_be_bytes());
    fs::write(&meta, bytes).unwrap();
    cluster.upload("constants", &copy);
    eventually("the new CRC on the server", || {
        let crc = loaded();
        assert!(crc == before || crc == "42", "{crc}");
        if crc == "42" { Ok(()) } else { Err(crc.to_string()) }
    });

    cluster.delete(&format!("{}/segments/constants/constants_0?type=OFFLINE", cluster.controller));
    eventually("the server without the segment", || {
        let segments = cluster.get_json(&format!("{admin}/tables/constants_OFFLINE/segments"));
        if segments == json!({"segments": []}) { Ok(()) } else { Err(segments.to_string()) }
    });
}

#[test]
fn two_servers_hold_two_replicas() {
    let Some(cluster) = Cluster::start(&Options { servers: 2, ..Options::default() }) else { return };
    let case = golden("times");
    load(&cluster, &case, 2);
    for server in &cluster.servers {
        let segments = cluster.get_json(&format!("{}/tables/times_OFFLINE/segments", server.admin));
        assert_eq!(segments, json!({"segments": ["times_0"]}), "{server:?}");
    }
    cluster.await_count("times", case.rows.len() as u64);

    cluster.delete(&format!("{}/tables/times", cluster.controller));
    for server in &cluster.servers {
        eventually("a server without the table", || {
            let tables = cluster.get_json(&format!("{}/tables", server.admin));
            if tables == json!({"tables": []}) { Ok(()) } else { Err(tables.to_string()) }
        });
    }
}

/// Set for a copy of this test program that is there to be killed.
const VICTIM: &str = "PINOTAGE_TESTKIT_VICTIM";

#[test]
fn a_cluster_ends_with_its_owner_even_when_that_is_killed() {
    if env::var_os(VICTIM).is_some() {
        let cluster = Cluster::start(&Options::default()).unwrap();
        eprintln!("\n{}", cluster.controller);
        loop {
            thread::park();
        }
    }
    if Cluster::shared().is_none() {
        return;
    }
    let mut victim = Command::new(env::current_exe().unwrap())
        .args(["a_cluster_ends_with_its_owner_even_when_that_is_killed", "--nocapture"])
        .env(VICTIM, "1")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(victim.stderr.take().unwrap()).lines();
    let controller = lines.find_map(|line| line.unwrap().strip_prefix("http://").map(str::to_owned)).unwrap();
    TcpStream::connect(&controller).unwrap();
    victim.kill().unwrap();
    victim.wait().unwrap();
    eventually("nobody at the controller's port", || match TcpStream::connect(&controller) {
        Ok(_) => Err(format!("{controller} still answers")),
        Err(_) => Ok(()),
    });
}

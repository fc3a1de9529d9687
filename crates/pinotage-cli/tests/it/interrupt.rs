//! Ctrl-C: the command ends, no more is asked of servers, and what is complete stays.

use std::fs;
use std::process::Command;

use pinotage_testkit::cluster::{Cluster, Options, eventually};
use serde_json::json;

use crate::cluster::pushing_job;
use crate::export::{parts, rows};
use crate::kills::start;
use crate::ok;

/// The rows of each segment, a fiftieth of which takes a server a millisecond each.
const ROWS: u32 = 100_000;
const SLOW: &str = "city LIKE '%a%a%a%b'";

/// How often the cluster's log has a text.
fn logged(cluster: &Cluster, text: &str) -> usize {
    let log = cluster.deep_store.with_file_name("cluster.log");
    String::from_utf8_lossy(&fs::read(log).unwrap()).matches(text).count()
}

const ASKED: &str = "Executing gRPC query request";
const CONNECTED: &str = "gRPC transportReady";
const ENDED: &str = "gRPC transportTerminated";

/// The cluster is its own: nobody else asks its server. A server does not look whether somebody still listens to an answer
/// that it is at; so that answer ends by itself, and nothing follows it.
#[test]
fn ctrl_c_ends_a_scan_here_and_at_the_server() {
    let Some(cluster) = Cluster::start(&Options::default()) else { return };
    let raw = json!({"tableIndexConfig": {"loadMode": "MMAP", "noDictionaryColumns": ["city"]}});
    let folder = pushing_job(&cluster, "interrupted", &raw);
    let path = folder.path();
    let slow = "a".repeat(30);
    let line = |n: u32| if n.is_multiple_of(50) { format!("{slow},{n}\n") } else { format!("aaaaab,{n}\n") };
    let lines: String = (0..ROWS).map(line).collect();
    for file in ["a", "b", "c", "d"] {
        fs::write(path.join(format!("in/{file}.csv")), format!("city,n\n{lines}")).unwrap();
    }
    ok(path, &["run", "job.yaml"]);
    cluster.await_count("interrupted", u64::from(ROWS) * 4);

    // A request for each segment, one after the other.
    let one_by_one = "reader=server&requestSize=1B&requestsPerServer=1";
    let url = format!("pinot://{}/interrupted?{one_by_one}", &cluster.controller[7..]);
    let named = format!("t={url}");
    let sql = format!("SELECT * FROM t WHERE {SLOW} ORDER BY n");
    let commands: [&[&str]; 3] = [
        &["scan", &url, "--output", "out/", "--filter", SLOW],
        &["scan", &url, "--output", "all.csv", "--filter", SLOW],
        &["sql", "--table", &named, &sql, "--to", "all.csv"],
    ];
    for command in commands {
        let (asked, connected) = (logged(&cluster, ASKED), logged(&cluster, CONNECTED));
        let mut child = start(path, command);
        eventually("the server works", || {
            let running = child.try_wait().unwrap().is_none();
            assert!(running, "it has ended before it was stopped");
            // A server comes late to what the command before it asked for; only this one has connected since.
            let at_work = logged(&cluster, CONNECTED) > connected && logged(&cluster, ASKED) > asked;
            if at_work { Ok(()) } else { Err("nothing was asked".into()) }
        });
        assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
        let ended = child.wait().unwrap();
        assert_eq!(ended.code(), Some(2), "as every command that was stopped: {ended}");
        eventually("the server knows", || {
            let (connected, ended) = (logged(&cluster, CONNECTED), logged(&cluster, ENDED));
            if connected == ended { Ok(()) } else { Err(format!("{connected} connections, {ended} ended")) }
        });
        assert!(logged(&cluster, ASKED) - asked < 4, "the rest was asked for, too");
        let left = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        assert_eq!(left.filter(|name| name.starts_with(".pinotage-")).count(), 0);
    }
    assert!(!path.join("all.csv").exists());
    // It goes on with what is missing.
    let before = parts(&path.join("out"));
    let text = ok(path, &["scan", &url, "--output", "out/", "--filter", SLOW]);
    assert!(before.is_empty() || text.contains(&format!("kept {} files", before.len())), "{text}");
    let found = rows(&parts(&path.join("out")));
    assert_eq!(found.len() as u32, 4 * (ROWS - ROWS / 50));
}

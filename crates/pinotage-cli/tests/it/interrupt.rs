//! Ctrl-C: the command ends, its requests end at the server, and what is complete stays.

use std::fs;
use std::path::Path;
use std::process::{Child, Command};

use pinotage_testkit::cluster::{Cluster, eventually};
use serde_json::json;

use crate::cluster::pushing_job;
use crate::export::{parts, rows};
use crate::kills::start;
use crate::ok;

/// The requests that servers of a cluster work at, by the stacks of their threads.
fn requests(cluster: &Cluster) -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path());
    let children = tasks.filter_map(|task| fs::read_to_string(task.join("children")).ok()).collect::<String>();
    // The cluster's folder is among its arguments.
    let is_it = |pid: &&str| {
        let arguments = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        arguments
            .split('\0')
            .any(|argument| cluster.deep_store.ancestors().skip(1).any(|folder| folder == Path::new(argument)))
    };
    let stacks = |pid: &str| Command::new("jcmd").args([pid, "Thread.print"]).output().unwrap().stdout;
    let count = |stacks: Vec<u8>| String::from_utf8_lossy(&stacks).matches("GrpcQueryServer.submit(").count();
    children.split_whitespace().filter(is_it).map(|pid| count(stacks(pid))).sum()
}

fn interrupt(child: &Child) {
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
}

fn await_requests(cluster: &Cluster, what: &str, right: impl Fn(usize) -> bool) {
    eventually(what, || {
        let found = requests(cluster);
        if right(found) { Ok(()) } else { Err(format!("{found} requests")) }
    });
}

/// A table of whose rows a server finds one after the other slowly, with [`SLOW`].
fn slow_table(cluster: &Cluster, table: &str) -> tempfile::TempDir {
    let raw = json!({"tableIndexConfig": {"loadMode": "MMAP", "noDictionaryColumns": ["city"]}});
    let folder = pushing_job(cluster, table, &raw);
    let path = folder.path();
    fs::remove_file(path.join("in/b.csv")).unwrap();
    let slow = "a".repeat(150);
    let line = |n: u32| if n.is_multiple_of(50) { format!("{slow},{n}\n") } else { format!("aaaaab,{n}\n") };
    fs::write(path.join("in/a.csv"), format!("city,n\n{}", (0..ROWS).map(line).collect::<String>())).unwrap();
    ok(path, &["run", "job.yaml"]);
    cluster.await_count(table, ROWS.into());
    folder
}

const ROWS: u32 = 400_000;

/// Minutes of work for a server: texts of many `a` without a `b`.
const SLOW: &str = "city LIKE '%a%a%a%a%b'";

fn await_end(cluster: &Cluster, mut child: Child, path: &Path) {
    interrupt(&child);
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(2), "as every command that was stopped");
    await_requests(cluster, "the server has stopped", |requests| requests == 0);
    let left = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(left.filter(|name| name.starts_with(".pinotage-")).count(), 0);
}

/// Tests of other tables do not ask the server meanwhile: the cluster is its own.
#[test]
fn ctrl_c_ends_a_scan_here_and_at_the_server() {
    let Some(cluster) = Cluster::start(&Default::default()) else { return };
    let folder = slow_table(&cluster, "interrupted");
    let path = folder.path();
    let url = format!("pinot://{}/interrupted?reader=server", &cluster.controller[7..]);
    let named = format!("t={url}");
    let sql = format!("SELECT * FROM t WHERE {SLOW}");
    let commands: [&[&str]; 3] = [
        &["scan", &url, "--output", "out/", "--filter", SLOW],
        &["scan", &url, "--output", "all.csv", "--filter", SLOW],
        &["sql", "--table", &named, &sql, "--to", "all.csv"],
    ];
    for command in commands {
        await_requests(&cluster, "the server is at rest", |requests| requests == 0);
        let child = start(path, command);
        await_requests(&cluster, "the server works", |requests| requests > 0);
        await_end(&cluster, child, path);
    }
    assert!(!path.join("all.csv").exists());
    assert_eq!(parts(&path.join("out")).len(), 0);
    // It can go on.
    let other = url.replace("interrupted?", "interrupted?batchRows=9&");
    ok(path, &["scan", &other, "--output", "new/", "--filter", "n < 3"]);
    assert_eq!(rows(&parts(&path.join("new"))).len(), 3);
}

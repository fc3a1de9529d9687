//! What an export holds in memory does not depend on the table's size.

use std::fs;

use pinotage_testkit::cluster::Cluster;
use pinotage_testkit::is_full;
use serde_json::json;

use crate::cluster::pushing_job;
use crate::{ok, peak};

/// What the process needs beside `memory`: its code's own data, the batches on their way through four parts, and what gRPC has
/// received of two answers.
const OWN_MIB: u64 = 96;

/// What four parts hold of Parquet: a row group each, and what it becomes when it is written.
const ROW_GROUPS_MIB: u64 = 4 * 32;

#[test]
fn an_export_ten_times_as_large_as_its_memory_stays_within_it() {
    let Some(cluster) = Cluster::shared() else { return };
    // About 250 bytes a row; a segment has a tenth of the memory.
    let (memory, rows) = if is_full() { (32, 134_000_u64) } else { (8, 33_500) };
    let raw = json!({"tableIndexConfig": {"loadMode": "MMAP", "noDictionaryColumns": ["city"]}});
    let folder = pushing_job(cluster, "larger_than_memory", &raw);
    let path = folder.path();
    fs::remove_file(path.join("in/a.csv")).unwrap();
    fs::remove_file(path.join("in/b.csv")).unwrap();
    for segment in 0..10 {
        let line = |at: u64| {
            let n = segment * rows + at;
            let text: String =
                (0..15).map(|salt| format!("{:016x}", (n * 31 + salt).wrapping_mul(0x9E37_79B9_7F4A_7C15))).collect();
            format!("{text},{n}\n")
        };
        let lines: String = (0..rows).map(line).collect();
        fs::write(path.join(format!("in/{segment}.csv")), format!("city,n\n{lines}")).unwrap();
    }
    ok(path, &["run", "job.yaml"]);
    cluster.await_count("larger_than_memory", rows * 10);
    for reader in ["server", "direct"] {
        let url = format!("pinot://{}/larger_than_memory?reader={reader}&memory={memory}MiB", &cluster.controller[7..]);
        for (output, more) in [("csv/", 0), ("parquet/", ROW_GROUPS_MIB), ("one.parquet", ROW_GROUPS_MIB / 4)] {
            let output = format!("{reader}-{output}");
            let mut scan = vec!["scan", &url, "--output", &output];
            if more == 0 {
                scan.extend(["--format", "csv"]);
            }
            let found = peak(path, &scan);
            eprintln!("{reader}, {output}: {found} MiB of {} MiB with memory={memory}MiB", (rows * 10 * 250) >> 20);
            assert!(found <= memory + OWN_MIB + more, "{reader}, {output}: {found} MiB");
        }
    }
}

//! Many segments in one push: how fast, and in how much memory.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, BinaryArray, Int64Array, RecordBatch};
use pinotage_common::ArchiveLevel;
use pinotage_segment::write::{NameInput, SegmentBuilder};
use pinotage_spec::{Schema, SegmentNameGenerator, TableConfig};
use pinotage_testkit::cluster::{Cluster, eventually};
use pinotage_testkit::is_full;
use serde_json::json;

/// Rows of a segment, each with so many random bytes.
const ROWS: i64 = 8;
const VALUE_BYTES: usize = 16 << 10;

/// Four times as many segments need no more memory than this, in parts of what their archives have more. What grows is what
/// the cluster says of each; an archive that stayed in memory would be beyond it.
const MAX_PART: u64 = 2;

/// A table with so many segments of random bytes, pushed by one command.
struct Pushed {
    /// Kilobytes.
    peak: u64,
    archives: u64,
    summary: String,
    took: Duration,
}

#[test]
fn many_segments_are_uploaded_in_the_memory_of_few() {
    let Some(cluster) = Cluster::shared() else { return };
    let seed = u64::from(std::process::id());
    let all = if is_full() { 2000 } else { 150 };
    let few = push(cluster, "many_few", all / 4, seed);
    let many = push(cluster, "many_all", all, seed);
    let more = (many.archives - few.archives) / 1024;
    for (segments, pushed) in [(all / 4, &few), (all, &many)] {
        let Pushed { peak, archives, took, summary } = pushed;
        let minutes = took.as_secs_f64() / 60.0;
        eprintln!(
            "seed {seed}: {segments} segments, {archives} bytes, {minutes:.2} minutes, peak {peak} kB\n{summary}"
        );
    }
    let grown = many.peak.saturating_sub(few.peak);
    eprintln!("{more} kB more in archives, {grown} kB more in memory");
    assert!(grown < more / MAX_PART, "{} kB grew to {} kB, archives by {more} kB", few.peak, many.peak);
}

fn push(cluster: &Cluster, table: &str, segments: i64, seed: u64) -> Pushed {
    let folder = tempfile::tempdir().unwrap();
    let schema = json!({"schemaName": table, "dimensionFieldSpecs":
        [{"name": "k", "dataType": "LONG"}, {"name": "blob", "dataType": "BYTES"}]});
    let config = json!({"tableName": format!("{table}_OFFLINE"), "tableType": "OFFLINE", "tenants": {}, "metadata": {},
        "segmentsConfig": {"replication": "1", "segmentPushType": "APPEND"}, "tableIndexConfig": {"loadMode": "MMAP"}});
    cluster.create_table(&schema, &config);
    let schema = Schema::from_document(schema).unwrap();
    let config = TableConfig::from_document(config).unwrap();
    let out = folder.path().join("out");
    fs::create_dir(&out).unwrap();
    let mut random = seed | 1;
    let mut archives = 0;
    for segment in 0..segments {
        archives += build(&schema, &config, &out, segment, &mut random);
    }
    let url = cluster.controller.replace("http://", "pinot://") + "/" + table;
    let begun = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_pinotage"))
        .args(["push", "out", "--table", &url])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // The greatest that it ever was; what it still needs after the last look is nothing.
    let mut peak = 0;
    let status = loop {
        peak = peak.max(peak_kilobytes(child.id()));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let took = begun.elapsed();
    let mut summary = String::new();
    child.stdout.take().unwrap().read_to_string(&mut summary).unwrap();
    assert!(status.success() && summary.contains(&format!("pushed {segments} segments")), "{status} {summary}");
    assert!(
        summary.contains(&format!("uploaded {segments} segments in ")) && summary.contains(" segments/s"),
        "{summary}"
    );
    let rows = segments * ROWS;
    let wanted = (Some(rows), Some((rows * (rows - 1) / 2) as f64));
    eventually(&format!("{wanted:?}"), || {
        let answer = cluster.query(&format!("SELECT COUNT(*), SUM(k) FROM {table}"));
        let row = &answer["resultTable"]["rows"][0];
        if (row[0].as_i64(), row[1].as_f64()) == wanted { Ok(()) } else { Err(answer.to_string()) }
    });
    Pushed { peak, archives, summary, took }
}

/// Writes a segment's archive and returns its length.
fn build(schema: &Schema, table: &TableConfig, out: &Path, segment: i64, random: &mut u64) -> u64 {
    let keys = segment * ROWS..(segment + 1) * ROWS;
    let blobs: Vec<Vec<u8>> = keys.clone().map(|_| bytes(random)).collect();
    let columns: [(&str, ArrayRef); 2] =
        [("k", Arc::new(Int64Array::from_iter_values(keys))), ("blob", Arc::new(BinaryArray::from_iter_values(blobs)))];
    let rows = RecordBatch::try_from_iter(columns).unwrap();
    let mut builder = SegmentBuilder::try_new(schema, table).unwrap();
    builder.append(&rows).unwrap();
    let generator = SegmentNameGenerator::Fixed { name: format!("s_{segment}") };
    let built = builder.finish(&NameInput { generator: &generator, sequence: None }, 1).unwrap();
    fs::metadata(built.write_tar_gz(out, ArchiveLevel::default()).unwrap()).unwrap().len()
}

/// xorshift64: no archive makes it smaller.
fn bytes(random: &mut u64) -> Vec<u8> {
    let words = std::iter::repeat_with(|| {
        *random ^= *random << 13;
        *random ^= *random >> 7;
        *random ^= *random << 17;
        random.to_le_bytes()
    });
    words.take(VALUE_BYTES / 8).flatten().collect()
}

/// The greatest resident memory of a process so far; 0 when it has ended.
fn peak_kilobytes(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

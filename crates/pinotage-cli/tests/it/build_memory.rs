//! What building segments holds in memory is what `limits.memory` allows, whatever the input's size.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use pinotage_testkit::is_full;

use crate::{crc, job, ok, peak, segments};

const SCHEMA: &str = r#"{"schemaName": "t", "dimensionFieldSpecs": [
    {"name": "id", "dataType": "LONG"}, {"name": "user", "dataType": "STRING"}, {"name": "session", "dataType": "STRING"},
    {"name": "page", "dataType": "STRING"}, {"name": "city", "dataType": "STRING"}],
    "metricFieldSpecs": [{"name": "price", "dataType": "DOUBLE"}]}"#;

/// Dictionaries of as many values as rows, one with an inverted index, and a raw column that hardly shrinks.
const TABLE: &str = r#"{"tableName": "t_OFFLINE", "tableType": "OFFLINE", "tableIndexConfig": {
    "noDictionaryColumns": ["page"], "invertedIndexColumns": ["user"]}}"#;

/// Rows of about 135 bytes, none like another.
fn write_rows(file: &Path, rows: std::ops::Range<u64>) {
    let mut out = BufWriter::new(File::create(file).unwrap());
    out.write_all(b"id,user,session,page,city,price\n").unwrap();
    for row in rows {
        let word = |salt: u64| (row * 31 + salt).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let (a, b, c, d) = (word(1), word(2), word(3), word(4));
        let price = (a >> 20) as f64 / 64.0;
        writeln!(out, "{row},{a:016x},{b:016x}{c:016x},/shop/{d:016x}/{a:016x},city {},{price}", b % 1000).unwrap();
    }
    out.into_inner().unwrap();
}

/// A job over so many files of so many rows, and its text without limits.
fn large_job(files: u64, rows: u64) -> (tempfile::TempDir, String) {
    let folder = job("");
    let path = folder.path();
    fs::remove_file(path.join("in/a.csv")).unwrap();
    fs::remove_file(path.join("in/b.csv")).unwrap();
    fs::write(path.join("schema.json"), SCHEMA).unwrap();
    fs::write(path.join("table.json"), TABLE).unwrap();
    for file in 0..files {
        write_rows(&path.join(format!("in/{file}.csv")), file * rows..(file + 1) * rows);
    }
    let text = fs::read_to_string(path.join("job.yaml")).unwrap();
    (folder, text)
}

fn limit(path: &Path, text: &str, memory: u64, segment: &str) {
    let text = text.replace("output: out", &format!("output: out, segment: {segment}"));
    fs::write(path.join("job.yaml"), format!("{text}limits: {{memory: {memory}MiB}}\n")).unwrap();
}

/// What a job with so many MiB for building may take: the process has some for itself, and the allocator rounds up.
fn allowed(memory: u64) -> u64 {
    memory * 115 / 100 + 64
}

#[test]
fn a_job_keeps_to_its_memory() {
    // Ten times as much input as memory, or as much as shows it.
    let (files, rows, segment) = if is_full() { (10, 2_000_000, 224) } else { (4, 300_000, 64) };
    let (folder, text) = large_job(files, rows);
    let path = folder.path();
    let input: u64 = (0..files).map(|file| fs::metadata(path.join(format!("in/{file}.csv"))).unwrap().len()).sum();
    let all_crcs =
        || -> Vec<_> { segments(path).into_iter().map(|name| (crc(&path.join("out").join(&name)), name)).collect() };
    // One segment that takes all but what is read, and several at a time.
    for (memory, max_bytes) in [(segment + 32, segment), (3 * segment, segment / 2)] {
        limit(path, &text, memory, &format!("{{maxBytes: {max_bytes}MiB}}"));
        let found = peak(path, &["run", "job.yaml", "--force", "--threads", "4"]);
        eprintln!("{found} MiB of {} MiB with memory={memory}MiB, maxBytes={max_bytes}MiB", input >> 20);
        assert!(found <= allowed(memory), "{found} MiB with memory={memory}MiB, maxBytes={max_bytes}MiB");
        let crcs = all_crcs();
        assert!(crcs.len() > files as usize, "{} segments", crcs.len());
        // Not a byte depends on what was built or read at the same time.
        limit(path, &text, 1 << 20, &format!("{{maxBytes: {max_bytes}MiB}}"));
        ok(path, &["run", "job.yaml", "--force", "--threads", "1"]);
        assert_eq!(all_crcs(), crcs);
    }
}

#[test]
fn a_segment_of_twenty_million_rows_is_built_in_four_gibibytes() {
    let (rows, memory) = if is_full() { (20_000_000, 4096) } else { (500_000, 128) };
    let (folder, text) = large_job(1, rows);
    let path = folder.path();
    // All but the two widest columns.
    let few = SCHEMA.replace(r#"{"name": "session", "dataType": "STRING"},"#, "");
    let few = few.replace(r#"{"name": "page", "dataType": "STRING"},"#, "");
    fs::write(path.join("schema.json"), few).unwrap();
    fs::write(path.join("table.json"), TABLE.replace("page", "price")).unwrap();
    limit(path, &text, memory, &format!("{{maxBytes: {memory}MiB, maxRows: {rows}}}"));
    let found = peak(path, &["run", "job.yaml"]);
    eprintln!("{found} MiB for a segment of {rows} rows with memory={memory}MiB");
    assert!(found <= allowed(memory), "{found} MiB");
    assert_eq!(segments(path), ["t_0"]);
    let counted = ok(path, &["sql", "SELECT count(*) AS rows FROM t", "--table", "t=out", "--output", "csv"]);
    assert_eq!(counted, format!("rows\n{rows}\n"));
}

/// A JSON index has each path and value as text, lists of a document make a record of each combination, a star-tree has each
/// combination of values once more: all of them count.
#[test]
fn json_indexes_and_star_trees_keep_to_the_memory() {
    let (rows, segment) = if is_full() { (1_000_000, 224) } else { (150_000, 64) };
    let json = r#""invertedIndexColumns": ["city"], "jsonIndexColumns": ["doc"], "noDictionaryColumns": ["doc"]"#;
    let tree = r#""starTreeIndexConfigs": [{"dimensionsSplitOrder": ["user", "city"], "maxLeafRecords": 100,
        "functionColumnPairs": ["COUNT__*", "SUM__id", "AVG__id", "DISTINCTCOUNTBITMAP__id"]}]"#;
    for (index, rows, lists) in [(json, rows, false), (tree, rows, false), (json, rows / 30, true)] {
        let folder = job("");
        let path = folder.path();
        fs::remove_file(path.join("in/a.csv")).unwrap();
        fs::remove_file(path.join("in/b.csv")).unwrap();
        let schema = r#"{"schemaName": "t", "dimensionFieldSpecs": [{"name": "id", "dataType": "LONG"},
            {"name": "user", "dataType": "STRING"}, {"name": "city", "dataType": "STRING"}, {"name": "doc", "dataType": "JSON"}]}"#;
        fs::write(path.join("schema.json"), schema).unwrap();
        let table = format!(r#"{{"tableName": "t_OFFLINE", "tableType": "OFFLINE", "tableIndexConfig": {{{index}}}}}"#);
        fs::write(path.join("table.json"), table).unwrap();
        let mut out = BufWriter::new(File::create(path.join("in/a.csv")).unwrap());
        out.write_all(b"id,user,city,doc\n").unwrap();
        for row in 0..rows {
            let word = |salt: u64| (row * 31 + salt).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let items =
                |salt: u64| (0..5).map(|item| (word(salt + item) % 1000).to_string()).collect::<Vec<_>>().join(",");
            let doc = format!(
                r#"{{""a"":{row},""b"":{{""c"":""{:x}""}},""d"":[{},{}]}}"#,
                word(1),
                word(2) % 50,
                word(3) % 7
            );
            let doc = match lists {
                true => format!(r#"{{""a"":[{}],""b"":[{}],""c"":[{}],""n"":{row}}}"#, items(1), items(10), items(20)),
                false => doc,
            };
            writeln!(out, "{row},{:016x},city {},\"{doc}\"", word(4), word(5) % 1000).unwrap();
        }
        drop(out.into_inner().unwrap());
        let text = fs::read_to_string(path.join("job.yaml")).unwrap();
        let memory = segment + 32;
        limit(path, &text, memory, &format!("{{maxBytes: {segment}MiB}}"));
        let found = peak(path, &["run", "job.yaml", "--force", "--threads", "4"]);
        eprintln!("{found} MiB for {} segments of {rows} rows with memory={memory}MiB: {index}", segments(path).len());
        assert!(found <= allowed(memory), "{found} MiB with {index}");
        assert!(segments(path).len() > 1, "nothing was large enough to be told apart");
    }
}

/// With epochs rows wait in open segments, in full ones and on their way into staging: all of them count.
#[test]
fn a_job_with_epochs_keeps_to_its_memory() {
    // Ten times as much input as memory, or as much as shows it.
    let (files, rows, memories) = if is_full() { (10, 2_000_000, [256, 512]) } else { (4, 400_000, [96, 160]) };
    let partitions = r#", "segmentPartitionConfig": {"columnPartitionMap": {"session": {"functionName": "Murmur", "numPartitions": 8}}}}}"#;
    let (folder, text) = large_job(files, rows);
    let path = folder.path();
    for (table, memory) in [(TABLE.to_owned(), memories[0]), (TABLE.replace("}}", partitions), memories[1])] {
        fs::write(path.join("table.json"), &table).unwrap();
        for done in ["out", ".pinotage"] {
            let _ = fs::remove_dir_all(path.join(done));
        }
        limit(path, &format!("{text}checkpoint: {{interval: 300ms}}\n"), memory, "{maxBytes: 64MiB}");
        let found = peak(path, &["run", "job.yaml", "--threads", "4"]);
        let segments = segments(path).iter().filter(|name| !name.starts_with('.')).count() as u64;
        eprintln!("{found} MiB for {segments} segments in epochs with memory={memory}MiB: {table}");
        assert!(found <= allowed(memory), "{found} MiB with memory={memory}MiB: {table}");
        // Little memory makes reading slow before it makes segments small.
        assert!(segments <= files * rows / 12_000, "{segments} segments");
        let counted = "SELECT count(*) AS rows, count(DISTINCT id) AS ids FROM t";
        let counted = ok(path, &["sql", counted, "--table", "t=out", "--output", "csv"]);
        assert_eq!(counted, format!("rows,ids\n{0},{0}\n", files * rows));
    }
}

//! SQL over a table of a cluster: what servers filter, aggregate and order is what the rows say.

use std::fs;
use std::sync::atomic::AtomicBool;

use pinotage_engine::{RunOptions, Silent, TableSource, prepare, query, run};
use pinotage_job::Plan;
use pinotage_testkit::cluster::{Cluster, Options, Version};
use serde_json::{Value as Json, json};

use crate::lines;

const ROWS: i64 = 3_000;

/// Pushes a table in three segments; a seventh of its values are null, if it keeps nulls.
fn push(cluster: &Cluster, name: &str, nulls: bool) {
    let words = ["it's", "50%", "a_b", "back\\slash", "two\nlines", "É", "Alpha", "alpha", "(.*)", "*", "😀"];
    let row = |id: i64| {
        let value = |salt: i64, value: Json| if nulls && (id + salt) % 7 == 0 { Json::Null } else { value };
        let row = json!({
            "id": id, "i": value(1, json!(id * 7_919 % 2_000_003 - 1_000_000)), "small": value(2, json!(id % 5)),
            "l": value(3, json!((id % 1_000 - 500) * (i64::MAX / 501))), "f": value(4, json!(id as f64 / 8.0)),
            "s": value(5, json!(words[id as usize * 31 % words.len()])), "flag": value(6, json!(id % 3 == 0)),
            "at": value(0, json!(1_700_000_000_000_i64 + id % 100)),
        });
        row.to_string() + "\n"
    };
    let column = |(name, data_type): (&str, &str)| json!({"name": name, "dataType": data_type});
    let columns = [
        ("id", "LONG"),
        ("i", "INT"),
        ("small", "INT"),
        ("l", "LONG"),
        ("f", "DOUBLE"),
        ("s", "STRING"),
        ("flag", "BOOLEAN"),
    ];
    let schema = json!({
        "schemaName": name, "dimensionFieldSpecs": columns.map(column),
        "dateTimeFieldSpecs": [{"name": "at", "dataType": "TIMESTAMP", "format": "TIMESTAMP", "granularity": "1:MILLISECONDS"}],
    });
    let table = json!({
        "tableName": name, "tableType": "OFFLINE", "tenants": {}, "metadata": {}, "segmentsConfig": {"replication": "1", "schemaName": name},
        "tableIndexConfig": {"loadMode": "MMAP", "nullHandlingEnabled": nulls, "noDictionaryColumns": ["l"], "invertedIndexColumns": ["s"]},
    });
    push_rows(cluster, name, &schema, &table, &(0..ROWS).map(row).collect::<String>());
    cluster.await_count(name, ROWS as u64);
}

/// Pushes rows, JSON line by line, to an OFFLINE table.
pub(crate) fn push_rows(cluster: &Cluster, name: &str, schema: &Json, table: &Json, rows: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::write(path.join("input.json"), rows).unwrap();
    fs::write(path.join("schema.json"), schema.to_string()).unwrap();
    fs::write(path.join("table.json"), table.to_string()).unwrap();
    let yaml = format!(
        "name: {name}\nsource: {{kind: files, paths: [input.json]}}\nsink: {{kind: pinot, table: {name}, controller: \"{}\", \
         schema: schema.json, tableConfig: table.json, segment: {{maxRows: 1000}}, push: {{form: tar}}}}\n",
        cluster.controller
    );
    let job = prepare(Plan::from_yaml(&yaml, path).unwrap(), false).unwrap();
    let cancel = AtomicBool::new(false);
    run(
        &job,
        &RunOptions { force: false, dry_run: false, threads: None, cancel: &cancel, creation_time_millis: 1 },
        &Silent,
    )
    .unwrap();
}

/// The answer as lines, sorted if they have no order; `t` is the table.
pub(crate) fn ask(cluster: &Cluster, name: &str, reader: &str, sql: &str) -> Vec<String> {
    let url = format!("pinot://{}/{name}?reader={reader}", cluster.controller.trim_start_matches("http://"));
    let (_, batches) = query(sql, &[("t".to_owned(), TableSource::parse(&url).unwrap())])
        .unwrap_or_else(|error| panic!("{reader}: {sql}: {error}"));
    let mut lines = lines(&batches);
    if !sql.contains(" ORDER BY ") {
        lines.sort();
    }
    lines
}

/// Questions, and whether servers aggregate for them in the modern release and in the oldest one.
const QUESTIONS: [(&str, bool, bool); 19] = [
    ("SELECT COUNT(*) FROM t WHERE id % 3 = 0 AND id >= 10", false, false),
    ("SELECT COUNT(*) FROM t WHERE id >= 10", true, true),
    ("SELECT COUNT(i), COUNT(s), MIN(i), MAX(i), SUM(i), AVG(i) FROM t WHERE small >= 2", true, true),
    ("SELECT MIN(l), MAX(l), SUM(l), MIN(at), MAX(at) FROM t", true, false),
    ("SELECT round(AVG(l) / 1e12), SUM(f), MIN(f) FROM t", false, false),
    ("SELECT MIN(i), SUM(l), COUNT(s), AVG(i) FROM t WHERE small = 77", true, false),
    ("SELECT small, COUNT(*), SUM(i), AVG(small) FROM t GROUP BY small", true, true),
    ("SELECT s, flag, COUNT(i), MAX(i) FROM t WHERE s <> 'Alpha' OR s IS NULL GROUP BY s, flag", true, true),
    ("SELECT DISTINCT s FROM t", true, true),
    ("SELECT at, flag, COUNT(*) FROM t GROUP BY at, flag HAVING COUNT(*) > 3", true, true),
    ("SELECT COUNT(DISTINCT small), COUNT(DISTINCT s) FROM t WHERE i > 0", false, false),
    ("SELECT COUNT(DISTINCT small) FROM t WHERE i > 0", true, true),
    ("SELECT f, COUNT(*) FROM t GROUP BY f", false, false),
    ("SELECT small, SUM(i) FILTER (WHERE small > 2) FROM t GROUP BY small", false, false),
    ("SELECT COUNT(*) FROM (SELECT s FROM t WHERE id >= 10 LIMIT 7)", false, false),
    ("SELECT s, COUNT(i) FROM t WHERE s LIKE '%a%' GROUP BY s", true, true),
    ("SELECT s, COUNT(i) FROM t WHERE s NOT LIKE 'a\\_%' AND s LIKE '_%_' GROUP BY s", true, true),
    (
        "SELECT s, COUNT(i) FROM t WHERE starts_with(s, 'A') OR ends_with(s, '%') OR contains(s, chr(10)) GROUP BY s",
        true,
        true,
    ),
    ("SELECT s, COUNT(i) FROM t WHERE s ILIKE 'ALPHA' OR s < '*' GROUP BY s", false, false),
];

/// Questions for the first rows of an order, and whether servers leave out the others.
const ORDERED: [(&str, bool); 11] = [
    ("SELECT id, i FROM t ORDER BY i DESC, id LIMIT 20", true),
    ("SELECT i AS x FROM t WHERE small >= 2 ORDER BY x NULLS FIRST LIMIT 7 OFFSET 500", true),
    ("SELECT id + 1 FROM t ORDER BY l DESC NULLS LAST, id LIMIT 5", true),
    ("SELECT at FROM t WHERE s IN ('50%', '*') ORDER BY at LIMIT 50", true),
    ("SELECT flag, id FROM t ORDER BY flag DESC, id LIMIT 9", true),
    ("SELECT s, id FROM t ORDER BY s, id LIMIT 9", false),
    ("SELECT f FROM t ORDER BY f LIMIT 9", false),
    ("SELECT id FROM t WHERE id % 3 = 0 ORDER BY id LIMIT 9", false),
    ("SELECT id, i FROM t ORDER BY i + 1, id LIMIT 9", false),
    ("SELECT id FROM t ORDER BY id LIMIT 20000", false),
    ("SELECT id FROM t ORDER BY id", false),
];

fn compare_ordered(cluster: &Cluster, name: &str) {
    for (sql, pushed) in ORDERED {
        let expected = ask(cluster, name, "direct", sql);
        assert!(!expected.is_empty(), "{sql}");
        for reader in ["server", "auto"] {
            assert_eq!(ask(cluster, name, reader, sql), expected, "{name}, {reader}: {sql}");
        }
        for (reader, pushed) in [("server", pushed), ("direct", false)] {
            let plan = ask(cluster, name, reader, &format!("EXPLAIN {sql}")).join("\n");
            assert_eq!(plan.contains("each answer: order=["), pushed, "{name}, {reader}: {sql}\n{plan}");
        }
    }
}

fn compare(cluster: &Cluster, name: &str, oldest: bool) {
    compare_ordered(cluster, name);
    for (sql, modern_pushed, oldest_pushed) in QUESTIONS {
        let expected = ask(cluster, name, "direct", sql);
        assert!(!expected.is_empty(), "{sql}");
        for reader in ["server", "auto"] {
            assert_eq!(ask(cluster, name, reader, sql), expected, "{name}, {reader}: {sql}");
        }
        let plan = ask(cluster, name, "server", &format!("EXPLAIN {sql}")).join("\n");
        let pushed = if oldest { oldest_pushed } else { modern_pushed };
        assert_eq!(plan.contains("PinotAggregateExec"), pushed, "{name}: {sql}\n{plan}");
        let plan = ask(cluster, name, "direct", &format!("EXPLAIN {sql}")).join("\n");
        assert!(!plan.contains("PinotAggregateExec"), "{sql}");
    }
    // More groups than servers take: the rows are read.
    let many = "SELECT id, COUNT(*), MAX(i) FROM t GROUP BY id";
    assert_eq!(ask(cluster, name, "server&maxGroups=10", many), ask(cluster, name, "direct", many));
    let plan = ask(cluster, name, "server", "EXPLAIN SELECT COUNT(*) FROM t").join("\n");
    assert!(!plan.contains("Pinot") && plan.contains("PlaceholderRowExec"), "{plan}");
    assert_eq!(ask(cluster, name, "server", "SELECT COUNT(*) FROM t"), [ROWS.to_string()]);
}

#[test]
fn servers_aggregate_what_the_rows_say() {
    let Some(cluster) = Cluster::shared() else { return };
    for nulls in [true, false] {
        let name = format!("cluster_sql_{nulls}");
        push(cluster, &name, nulls);
        compare(cluster, &name, false);
    }
}

#[test]
fn servers_of_the_oldest_release_aggregate_what_the_rows_say() {
    let Some(cluster) = Cluster::start(&Options { version: Version::V0_11, ..Options::default() }) else { return };
    push(&cluster, "cluster_sql", false);
    compare(&cluster, "cluster_sql", true);
}

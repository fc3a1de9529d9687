//! INSERT into tables of the catalog: by position, all types, and in place of what is there.

use std::collections::BTreeSet;

use pinotage_spec::kafka_partition;
use serde_json::{Value as Json, json};

use super::lines::Line;
use super::table::Table;
use super::{failed, ok, on_each_line};

/// Statements with a catalog `pinot` of the table's cluster.
fn script(table: &Table, statements: &str) -> Vec<(&'static str, String)> {
    let settings = format!(
        "SET spark.sql.catalog.pinot = io.pinotage.spark.PinotCatalog;
        SET spark.sql.catalog.pinot.controller = {};
        SET spark.sql.catalog.pinot.staging = {};\n",
        table.cluster.controller,
        table.folder("staging").display()
    );
    let path = table.folder("scripts").join("script.sql");
    std::fs::write(&path, settings + statements).unwrap();
    vec![("script", path.display().to_string())]
}

fn insert(table: &Table, how: &str, from: u64, to: u64) -> String {
    format!(
        "INSERT INTO pinot.default.{} {how} SELECT id, concat('k', id % 500), \
         CASE WHEN id % 2 = 0 THEN array('even', concat('n', id % 10)) ELSE array('odd') END, \
         CAST(id AS DOUBLE) * 0.25, timestamp_millis(1700000000000 + id) FROM range({from}, {to}, 1, 1);\n",
        table.name
    )
}

on_each_line!(
    /// A range of the time column goes in one step; segments that have other rows as well are an error that names them.
    a_range_of_times_is_overwritten,
    |line| {
        let Some(table) = Table::create("spark_range", line) else { return };
        // 2023-11-14 22:13:20 and the ten seconds behind it, then ten more.
        let both = insert(&table, "", 0, 10_000) + &insert(&table, "", 10_000, 20_000);
        ok(line, "sql", &script(&table, &both));
        table.is_exact(20_000);
        let first = "at >= TIMESTAMP'2023-11-14 22:13:20Z' AND at < TIMESTAMP'2023-11-14 22:13:30Z'";
        ok(line, "sql", &script(&table, &insert(&table, &format!("REPLACE WHERE {first}"), 0, 10_000)));
        table.is_exact(20_000);
        assert_eq!(table.segments(), [10_000, 10_000]);
        let half = "at >= TIMESTAMP'2023-11-14 22:13:35Z'";
        let error = failed(line, "sql", &script(&table, &insert(&table, &format!("REPLACE WHERE {half}"), 15_000, 20_000))).unwrap();
        assert!(error.contains("commit-conflict") && error.contains("inside and outside") && error.contains("segment"), "{error}");
        let error = failed(line, "sql", &script(&table, &insert(&table, "REPLACE WHERE key = 'k7'", 0, 10))).unwrap();
        assert!(error.contains("unsupported") && error.contains("time column `at`"), "{error}");
        table.is_exact(20_000);
        table.has_no_staging();
        let all = insert(&table, "", 0, 5_000).replacen("INSERT INTO", "INSERT OVERWRITE", 1);
        ok(line, "sql", &script(&table, &all));
        table.is_exact(5_000);
    }
);

const REWRITING: &str = "SET spark.sql.catalog.pinot.overwrite.rewriteStraddling = true;\n";

on_each_line!(
    /// Rows outside of a range stay where their segments have others inside, all in one step.
    rows_beside_a_range_stay,
    |line| {
        let Some(table) = Table::create("spark_beside", line) else { return };
        let three = insert(&table, "", 0, 10_000) + &insert(&table, "", 10_000, 20_000) + &insert(&table, "", 20_000, 30_000);
        ok(line, "sql", &script(&table, &three));
        table.is_exact(30_000);
        // From the middle of the first segment to that of the second.
        let range = "REPLACE WHERE at >= TIMESTAMP'2023-11-14 22:13:25Z' AND at < TIMESTAMP'2023-11-14 22:13:35Z'";
        ok(line, "sql", &script(&table, &(REWRITING.to_owned() + &insert(&table, range, 5_000, 15_000))));
        table.is_exact(30_000);
        assert_eq!(table.segments(), [5_000, 5_000, 10_000, 10_000]);
        table.has_no_staging();
        // Fewer rows in their place, and none.
        ok(line, "sql", &script(&table, &(REWRITING.to_owned() + &insert(&table, range, 5_000, 6_000))));
        table.cluster.await_count(&table.name, 21_000);
        let range = "REPLACE WHERE at < TIMESTAMP'2023-11-14 22:13:21Z'";
        ok(line, "sql", &script(&table, &(REWRITING.to_owned() + &insert(&table, range, 0, 0))));
        table.cluster.await_count(&table.name, 20_000);
        let sql = format!("SELECT MIN(id), MAX(id), SUM(id), DISTINCTCOUNT(id), SUM(price) FROM {}", table.name);
        let sum = (1_000..6_000_u64).chain(15_000..30_000).sum::<u64>() as f64;
        assert_eq!(table.numbers(&sql), [1000.0, 29_999.0, sum, 20_000.0, sum * 0.25]);
        // What is there again goes.
        ok(line, "sql", &script(&table, &(REWRITING.to_owned() + &insert(&table, "REPLACE WHERE at >= TIMESTAMP'2000-01-01 00:00:00Z'", 0, 700))));
        table.is_exact(700);
        table.has_no_staging();
    }
);

/// The same of partitions: segments of a time when the table had none may have rows of any.
#[test]
fn rows_of_other_partitions_stay() {
    let line = Line::V4;
    let Some(table) = Table::create("spark_other_partitions", line) else { return };
    ok(line, "write", &table.options(10_000, &[("tasks", "2")]));
    table.is_exact(10_000);
    let mut config = table.config();
    config["tableIndexConfig"]["segmentPartitionConfig"]["columnPartitionMap"] =
        json!({"key": {"functionName": "Murmur", "numPartitions": 4}});
    let url = format!("{}/tables/{}_OFFLINE", table.cluster.controller, table.name);
    table.cluster.http.put_json(&url, &config).unwrap();
    let options = table.options(1, &[("mode", "dynamic"), ("from", "20007")]);
    let error = failed(line, "write", &options).unwrap();
    assert!(error.contains("commit-conflict") && error.contains("rewriteStraddling"), "{error}");
    table.is_exact(10_000);
    let further = [("mode", "dynamic"), ("from", "20007"), ("o:overwrite.rewriteStraddling", "true")];
    ok(line, "write", &table.options(1, &further));
    let of = |key: u64| kafka_partition(format!("k{key}").as_bytes(), 4);
    let others: Vec<u64> = (0..10_000).filter(|id| of(id % 500) != of(7)).chain([20_007]).collect();
    table.cluster.await_count(&table.name, others.len() as u64);
    let sql = format!("SELECT DISTINCTCOUNT(id), SUM(id) FROM {}", table.name);
    assert_eq!(table.numbers(&sql), [others.len() as f64, others.iter().sum::<u64>() as f64]);
    table.has_no_staging();
}

/// The partitions that rows have go, and no others.
#[test]
fn partitions_are_overwritten() {
    let line = Line::V4;
    let partitions = |config: &mut Json| {
        config["tableIndexConfig"]["segmentPartitionConfig"]["columnPartitionMap"] =
            json!({"key": {"functionName": "Murmur", "numPartitions": 4}});
    };
    let Some(table) = Table::create_with("spark_partitions", line, partitions) else { return };
    // Three tasks read, and one writes the rows of a partition: four segments.
    ok(line, "sql", &script(&table, &insert(&table, "", 0, 10_000).replace("1, 1)", "1, 3)")));
    table.is_exact(10_000);
    assert_eq!(table.segments().len(), 4);
    let of = |key: u64| kafka_partition(format!("k{key}").as_bytes(), 4);
    let key = 7;
    let options = table.options(1, &[("mode", "dynamic"), ("from", "20007")]);
    ok(line, "write", &options);
    let left = (0..500).filter(|other| of(*other) != of(key)).count() as u64 * 20 + 1;
    table.cluster.await_count(&table.name, left);
    // Rows of a partition are in segments of their own.
    let sql = format!("SELECT $segmentName, key FROM {} GROUP BY $segmentName, key LIMIT 100000", table.name);
    let answer = table.cluster.query(&sql);
    let mut segments = std::collections::BTreeMap::<String, BTreeSet<u32>>::new();
    for row in answer["resultTable"]["rows"].as_array().unwrap() {
        let key = row[1].as_str().unwrap();
        let partition = kafka_partition(key.as_bytes(), 4) as u32;
        segments.entry(row[0].as_str().unwrap().to_owned()).or_default().insert(partition);
    }
    assert!(segments.len() == 4 && segments.values().all(|partitions| partitions.len() == 1), "{segments:?}");
}

on_each_line!(
    /// What is written is read back, nulls too.
    every_type_goes_there_and_back,
    |line| {
        let Some(table) = Table::unmade("spark_types_written", line) else { return };
        let name = &table.name;
        let statements = format!(
            "CREATE TABLE pinot.default.{name} (id BIGINT, b BOOLEAN, i INT, f FLOAT, d DOUBLE, s STRING, x BINARY, t TIMESTAMP,
                n DECIMAL(30, 3), li ARRAY<INT>, ls ARRAY<STRING>, at_time TIMESTAMP)
                TBLPROPERTIES ('create.timeColumn' = 'at_time');
            INSERT INTO pinot.default.{name} (id, b, i, f, d, s, x, t, n, li, ls, at_time) VALUES
                (1, true, -7, 1.5, 2.25, 'Grüße 🦀', X'00FF', TIMESTAMP'2024-02-29 12:34:56.789Z',
                 '123456789012345678901234567.125', array(3, 1, 2), array('a', ''), TIMESTAMP'2024-01-01 00:00:00Z'),
                (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, TIMESTAMP'2024-01-02 00:00:00Z');
            SELECT id, b, i, f, d, s, hex(x), unix_millis(t), n, array_join(li, '|'), array_join(ls, '|') FROM pinot.default.{name} ORDER BY id;"
        );
        let rows = ok(line, "sql", &script(&table, &statements)).unwrap();
        let (first, second) = rows.split_once("] [").unwrap();
        assert_eq!(first, "[1,true,-7,1.5,2.25,Grüße 🦀,00FF,1709210096789,123456789012345678901234567.125,3|1|2,a|");
        assert!(second.starts_with("2,null,null,null,null,null,null,null,null,"), "{second}");
    }
);

/// A table is made from the columns of the rows, once.
#[test]
fn a_table_is_made_from_its_rows() {
    let line = Line::V4;
    let Some(table) = Table::unmade("spark_made", line) else { return };
    let further = [("o:createTable", "ifMissing"), ("o:create.timeColumn", "at")];
    for from in ["0", "5000"] {
        ok(line, "write", &table.options(5_000, &[&further[..], &[("from", from)]].concat()));
    }
    table.is_exact(10_000);
}

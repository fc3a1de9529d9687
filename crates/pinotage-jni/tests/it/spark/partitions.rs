//! Tables whose segments have a partition each, and which tasks read what.

use std::collections::BTreeMap;

use pinotage_spec::Schema;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::lines::Line;
use super::ok;
use crate::tables::{FIRST_DAY, Fixture, Place, row};

/// A table that is partitioned by the column `s`, in two segments of each partition.
fn partitioned(name: &str, partitions: u64, first: u64) -> Option<Fixture> {
    let map = json!({"s": {"functionName": "Murmur", "numPartitions": partitions}});
    let more = json!({"tableIndexConfig": {"segmentPartitionConfig": {"columnPartitionMap": map}}});
    let mut fixture = Fixture::new(Place::Modern, name, 0, 0, true, more)?;
    let config = fixture.config.partition("s").unwrap().unwrap();
    fixture.rows = (first..first + 240).map(|id| row(id, FIRST_DAY, true)).collect();
    let mut segments: BTreeMap<(u32, u64), Vec<Json>> = BTreeMap::new();
    for row in &fixture.rows {
        let partition = config.partition(row["s"].as_str().unwrap()).unwrap();
        segments.entry((partition, row["id"].as_u64().unwrap() % 2)).or_default().push(row.clone());
    }
    for ((partition, half), rows) in &segments {
        fixture.upload(&format!("{name}_{partition}_{half}"), rows);
    }
    fixture.cluster.await_online(&format!("{name}_OFFLINE"), segments.len());
    fixture.cluster.await_count(name, 240);
    Some(fixture)
}

/// What statements give with the catalog and these settings.
fn answer(line: Line, fixture: &Fixture, settings: &str, statements: &str, plan: &str) -> String {
    let folder = TempDir::new().unwrap();
    let script = folder.path().join("script.sql");
    let catalog = format!(
        "SET spark.sql.catalog.pinot = io.pinotage.spark.PinotCatalog;\nSET spark.sql.catalog.pinot.controller = {};\n",
        fixture.cluster.controller
    );
    std::fs::write(&script, format!("{catalog}{settings}\n{statements};")).unwrap();
    ok(line, "sql", &[("script", script.display().to_string()), ("plan", plan.to_owned())]).unwrap()
}

/// Tables that are partitioned alike are joined, and grouped, where they are; what comes is what comes of a shuffle.
#[test]
fn tables_that_are_partitioned_alike_are_joined_without_a_shuffle() {
    if Line::V4.class_path().is_none() {
        return;
    }
    let table = |name: &str, partitions, first| partitioned(name, partitions, first);
    let (Some(left), Some(right), Some(other)) =
        (table("spark_parts_a", 4, 0), table("spark_parts_b", 4, 100), table("spark_parts_c", 3, 0))
    else {
        return;
    };
    const JOINED: &str =
        "SELECT COUNT(*), SUM(a.id * 7 + b.id), SUM(length(a.s)), SUM(COALESCE(b.i, 0)) FROM pinot.spark_parts_a a";
    let inner = |right: &str| format!("{JOINED} JOIN pinot.{right} b ON a.s = b.s");
    let alike = [
        inner("spark_parts_b"),
        format!("{JOINED} FULL JOIN pinot.spark_parts_b b ON a.s = b.s"),
        format!("{JOINED} JOIN pinot.spark_parts_b b ON a.s = b.s AND a.i < b.i WHERE a.b"),
    ];
    // By one column of the table that is not aggregated by servers.
    let grouped =
        "SELECT COUNT(*), SUM(n), COUNT(s) FROM (SELECT s, SUM(length(r)) AS n FROM pinot.spark_parts_a GROUP BY s)";
    let with_value = grouped.replace("GROUP", "WHERE s IS NOT NULL GROUP");
    let together = "SET spark.sql.autoBroadcastJoinThreshold = -1;\nSET spark.sql.sources.v2.bucketing.enabled = true;\n\
        SET spark.sql.sources.v2.bucketing.pushPartValues.enabled = true;";
    let relied = format!("{together}\nSET spark.sql.catalog.pinot.reportPartitioning = true;");
    let apart = "SET spark.sql.autoBroadcastJoinThreshold = -1;\nSET spark.sql.sources.v2.bucketing.enabled = false;";
    let exchanges_with = |line, settings: &str, query: &str| {
        let plan = answer(line, &left, settings, &format!("EXPLAIN {query}"), "");
        (plan.matches("Exchange hashpartitioning(").count(), plan)
    };
    let exchanges = |line, query: &str| exchanges_with(line, together, query);
    let expected: Vec<String> = alike.iter().map(|query| answer(Line::V4, &left, apart, query, "")).collect();
    assert!(expected.iter().all(|found| !found.starts_with("[0,")), "{expected:?}");
    let groups = answer(Line::V4, &left, apart, grouped, "");
    for (line, readers) in
        [(Line::V3_5, &["server"][..]), (Line::V3_5Scala2_13, &["direct"]), (Line::V4, &["server", "direct"])]
    {
        for reader in readers {
            let settings = format!("SET spark.sql.catalog.pinot.reader = {reader};\n{together}");
            // Of the oldest Scala one is enough: what is asked of the connector is the same.
            let queries = if line == Line::V3_5 { 1 } else { alike.len() };
            for (query, expected) in alike.iter().zip(&expected).take(queries) {
                assert_eq!(answer(line, &left, &settings, query, ""), *expected, "{line:?} {reader} {query}");
            }
            assert_eq!(answer(line, &left, &settings, grouped, ""), groups);
        }
        for (settings, query) in [(together, alike[0].as_str()), (together, &with_value), (&relied, grouped)] {
            let (count, plan) = exchanges_with(line, settings, query);
            assert_eq!(count, 0, "{line:?} {plan}");
            assert!(plan.contains("partitions=Murmur(s, 4)"), "{plan}");
        }
        if line == Line::V3_5 {
            continue;
        }
        // Other partitions, none, and somebody who does not want it.
        let (count, plan) = exchanges(line, &inner("spark_parts_c"));
        assert!(count > 0, "{line:?} {plan}");
        let off = format!("{together}\nSET spark.sql.catalog.pinot.reportPartitioning = false;");
        let plan = answer(line, &left, &off, &format!("EXPLAIN {}", alike[0]), "");
        assert!(plan.contains("Exchange hashpartitioning(") && !plan.contains("partitions="), "{plan}");
        // What a join finds out later leaves the partitions as they are.
        let small = "SELECT /*+ BROADCAST(c) */ COUNT(*), SUM(a.id) FROM pinot.spark_parts_a a JOIN pinot.spark_parts_b b ON a.s = b.s
            JOIN (SELECT chr(97 + id) AS word, CAST(id AS STRING) AS k FROM range(9)) c ON a.s = c.word WHERE c.k LIKE '0%'";
        let wanted = answer(line, &left, apart, small, "");
        assert_eq!(answer(line, &left, together, small, ""), wanted, "{line:?}");
        let plan = answer(line, &left, together, small, "executed");
        assert!(
            plan.contains("RuntimeFilters: [dynamicpruning")
                && plan.contains("s IN (a)")
                && plan.contains("partitions=Murmur(s, 4)"),
            "{plan}"
        );
        assert!(!plan.contains("Exchange hashpartitioning("), "{plan}");
    }
    assert_eq!(
        answer(Line::V4, &left, together, &inner("spark_parts_c"), ""),
        answer(Line::V4, &left, apart, &inner("spark_parts_c"), "")
    );
    // Rows without a value of a time when the column had another default: in another partition, and in one group.
    let mut schema = left.schema.json().clone();
    let field = schema["dimensionFieldSpecs"].as_array_mut().unwrap().iter_mut().find(|field| field["name"] == "s");
    field.unwrap()["defaultNullValue"] = json!("x");
    let config = left.config.partition("s").unwrap().unwrap();
    assert_ne!(config.partition("x").unwrap(), config.partition("null").unwrap());
    let older = Fixture {
        cluster: left.cluster,
        name: left.name.clone(),
        schema: Schema::from_document(schema).unwrap(),
        config: left.config.clone(),
        rows: Vec::new(),
    };
    let mut row = row(240, FIRST_DAY, true);
    (row["s"], row["$nulls"]) = (json!("x"), json!(["s"]));
    older.upload("spark_parts_a_older", &[row]);
    left.cluster.await_count("spark_parts_a", 241);
    let groups = answer(Line::V4, &left, apart, grouped, "");
    assert_eq!(answer(Line::V4, &left, together, grouped, ""), groups);
    // As the guide says of those who rely on one default.
    assert_ne!(answer(Line::V4, &left, &relied, grouped, ""), groups);
    assert_eq!(exchanges(Line::V4, &with_value).0, 0);
    // A segment with rows of several partitions: nothing is said of the table any more.
    left.upload("spark_parts_a_many", &right.rows);
    left.cluster.await_count("spark_parts_a", 481);
    for line in [Line::V3_5Scala2_13, Line::V4] {
        let (count, plan) = exchanges(line, &alike[0]);
        assert!(count == 2 && !plan.contains("partitions=Murmur(s, 4), about 481"), "{plan}");
        let [with, without] = [together, apart].map(|settings| answer(line, &left, settings, &alike[0], ""));
        assert_eq!(with, without);
    }
    drop(other);
}

/// Many small segments are few tasks, which have all of their rows.
#[test]
fn small_segments_are_few_tasks() {
    const SEGMENTS: u64 = 24;
    let line = Line::V4;
    let (Some(_), Some(fixture)) =
        (line.class_path(), Fixture::new(Place::Modern, "spark_small", SEGMENTS, 20, false, json!({})))
    else {
        return;
    };
    let query = "SELECT id, s FROM pinot.spark_small WHERE length(r) >= 0";
    let sum = fixture.rows.iter().map(|row| row["id"].as_u64().unwrap()).sum::<u64>();
    let cases = [
        ("", "2"),
        ("SET spark.sql.files.maxPartitionBytes = 9MB;", "12"),
        ("SET spark.sql.files.maxPartitionBytes = 1;\nSET spark.sql.files.openCostInBytes = 0;", "24"),
    ];
    for (settings, tasks) in cases {
        let settings = format!("SET spark.sql.catalog.pinot.reader = direct;\n{settings}");
        assert_eq!(answer(line, &fixture, &settings, query, "tasks"), tasks, "{settings}");
        let all = format!("SELECT COUNT(*), SUM(id), COUNT(DISTINCT id) FROM ({query})");
        assert_eq!(answer(line, &fixture, &settings, &all, ""), format!("[480,{sum},480]"), "{settings}");
    }
}

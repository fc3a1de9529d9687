//! Tables of Pinot that Spark writes: each row once, whatever happens to tasks.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::lines::Line;
use super::table::Table;
use super::{failed, ok, on_each_line};

on_each_line!(
    /// Two writes beside each other's rows, in segments as large as asked for.
    rows_are_appended,
    |line| {
        let Some(table) = Table::create("spark_append", line) else { return };
        let further = [("tasks", "3"), ("o:sink.segment.maxRows", "7000")];
        ok(line, "write", &table.options(30_000, &further));
        table.is_exact(30_000);
        table.has_no_staging();
        assert_eq!(table.segments(), [3000, 3000, 3000, 7000, 7000, 7000]);
        ok(line, "write", &table.options(10_000, &[("tasks", "1"), ("from", "30000")]));
        table.is_exact(40_000);
        table.has_no_staging();
    }
);

/// A task that fails is tried again; what its first attempt has staged is nobody's.
#[test]
fn a_task_that_fails_is_made_again() {
    let line = Line::V4;
    let Some(table) = Table::create("spark_retried", line) else { return };
    let further = [("tasks", "3"), ("failAt", "19000"), ("failures", "2"), ("o:sink.segment.maxRows", "4000")];
    ok(line, "write", &table.options(30_000, &further));
    table.is_exact(30_000);
    table.has_no_staging();
}

/// A job that fails leaves the table and staging as they were, and does not stand in the way of the next one.
#[test]
fn a_job_that_fails_leaves_nothing() {
    let line = Line::V4;
    let Some(table) = Table::create("spark_failed", line) else { return };
    let further = [("tasks", "2"), ("failAt", "19000"), ("failures", "9"), ("o:sink.segment.maxRows", "4000")];
    let error = failed(line, "write", &table.options(20_000, &further)).unwrap();
    assert!(error.contains("attempt 3 of the task fails here"), "{error}");
    table.is_empty();
    table.has_no_staging();
    ok(line, "write", &table.options(20_000, &[]));
    table.is_exact(20_000);
}

/// What can never become rows of the table is refused before any task starts, by name.
#[test]
fn what_does_not_fit_is_refused_at_once() {
    let line = Line::V4;
    let Some(table) = Table::create("spark_refused", line) else { return };
    for (columns, wanted) in [
        ("id;key;tags;price~AS~prize;at", ["schema-mismatch", "`prize`", "nearest is `price`"]),
        ("id;key;tags;map(1,2)~AS~price;at", ["", "price", "map"]),
        ("id;INTERVAL~1~DAY~AS~key;tags;price;at", ["unsupported", "`key`", "INTERVAL"]),
        ("id;array(id)~AS~key;tags;price;at", ["", "key", "STRING"]),
    ] {
        // A task that ran would fail with its own error.
        let further = [("columns", columns), ("failAt", "0"), ("failures", "9")];
        let error = failed(line, "write", &table.options(10, &further)).unwrap();
        assert!(
            wanted.iter().all(|wanted| error.to_lowercase().contains(&wanted.to_lowercase())),
            "{columns}: {error}"
        );
        assert!(!error.contains("fails here"), "{error}");
    }
    for (option, value, wanted) in [
        ("o:stagin", "x", "did you mean `staging`"),
        ("o:sink.segment.maxRow", "5", "maxRows"),
        ("o:delivery", "never", "exactlyOnce or atLeastOnce"),
        ("o:staging", "relative", "each task would look elsewhere"),
        ("o:table", "nowhere", "not-found"),
    ] {
        let error =
            failed(line, "write", &table.options(10, &[(option, value), ("failAt", "0"), ("failures", "9")])).unwrap();
        assert!(error.contains(wanted), "{option}: {error}");
        assert!(!error.contains("fails here"), "{error}");
    }
    let mut options = table.options(10, &[]);
    options.retain(|(name, _)| *name != "o:staging");
    let error = failed(line, "write", &options).unwrap();
    assert!(error.contains("no `staging` is named"), "{error}");
    table.is_empty();
}

/// Rows that the table does not take fail the job, or go to the quarantine and are all there.
#[test]
fn bad_rows_go_to_the_quarantine() {
    let line = Line::V4;
    let Some(table) = Table::create("spark_bad", line) else { return };
    let columns = "CASE~WHEN~id%1000=7~THEN~CAST(1e20~AS~DECIMAL(38,0))~ELSE~CAST(id~AS~DECIMAL(38,0))~END~AS~id;key;tags;price;at";
    let error = failed(line, "write", &table.options(10_000, &[("columns", columns)])).unwrap();
    assert!(error.contains("invalid-data") && error.contains("id"), "{error}");
    table.is_empty();
    let folder = table.folder("quarantine");
    let quarantine = folder.display().to_string();
    let further = [("columns", columns), ("o:quarantine", quarantine.as_str()), ("failAt", "9000")];
    ok(line, "write", &table.options(10_000, &further));
    table.cluster.await_count(&table.name, 9_990);
    let rows: Vec<String> = quarantined(&folder).concat();
    assert_eq!(rows.len(), 10, "{rows:?}");
    let first: serde_json::Value = serde_json::from_str(&rows[0]).unwrap();
    assert_eq!(first["column"], json!("id"), "{first}");
    // What a write has put aside that fails in a task, or while its segments are published, goes with it.
    let failing = |further: &[(&'static str, &str)]| {
        let all = [&[("columns", columns), ("o:quarantine", quarantine.as_str())], further].concat();
        failed(line, "write", &table.options(10_000, &all)).unwrap()
    };
    let error = failing(&[("failAt", "9000"), ("failures", "9")]);
    assert!(error.contains("fails here"), "{error}");
    let error = failing(&[("o:sink.push.form", "metadata"), ("o:sink.push.deepStore", "/proc/nowhere")]);
    assert!(error.contains("/proc/nowhere"), "{error}");
    assert_eq!(quarantined(&folder), [rows]);
    table.cluster.await_count(&table.name, 9_990);
}

/// The lines of each file of a quarantine, which has nothing else in it.
pub(super) fn quarantined(folder: &Path) -> Vec<Vec<String>> {
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    // Spark's checksums of local files are beside them.
    let files = files.filter(|file| file.extension().is_none_or(|extension| extension != "crc"));
    let lines = |file: PathBuf| std::fs::read_to_string(file).unwrap().lines().map(str::to_owned).collect();
    files.map(lines).collect()
}

/// All that queries see goes in the step in which the new rows come.
#[test]
fn a_table_is_overwritten() {
    let line = Line::V4;
    let Some(table) = Table::create("spark_overwritten", line) else { return };
    ok(line, "write", &table.options(9_000, &[("o:sink.segment.maxRows", "2000")]));
    table.is_exact(9_000);
    ok(line, "write", &table.options(5_000, &[("mode", "overwrite"), ("o:sink.segment.maxRows", "2000")]));
    table.is_exact(5_000);
    ok(line, "write", &table.options(0, &[("mode", "overwrite")]));
    table.is_empty();
    ok(line, "write", &table.options(3_000, &[("mode", "overwrite")]));
    table.is_exact(3_000);
    table.has_no_staging();
}

/// A REFRESH table is wholly what a write makes.
#[test]
fn a_refresh_table_is_only_overwritten() {
    let line = Line::V4;
    let change = |config: &mut serde_json::Value| config["segmentsConfig"]["segmentPushType"] = json!("REFRESH");
    let Some(table) = Table::create_with("spark_refresh", line, change) else { return };
    let error = failed(line, "write", &table.options(10, &[])).unwrap();
    assert!(error.contains("REFRESH"), "{error}");
    for rows in [4_000, 3_000] {
        ok(line, "write", &table.options(rows, &[("mode", "overwrite")]));
        table.is_exact(rows);
    }
}

/// Where Spark manages memory outside of the heap, that of segments is a part of it, and it is given back.
#[test]
fn memory_comes_from_spark() {
    let line = Line::V4;
    let Some(table) = Table::create("spark_memory", line) else { return };
    let settings =
        [("spark.memory.offHeap.enabled", "true"), ("spark.memory.offHeap.size", "120m"), ("spark.master", "local[1]")];
    let Some(mut jvm) = line.start(&settings) else { return };
    // More than there is: each task has what there is, which would not be enough for two.
    let further = [("tasks", "3"), ("o:limits.memory", "4GiB")];
    jvm.run("write", &table.options(30_000, &further)).unwrap();
    table.is_exact(30_000);
    drop(jvm);
    let Some(mut jvm) = line.start(&[("spark.memory.offHeap.size", "20m"), settings[0]]) else { return };
    let error = jvm.run("write", &table.options(10, &[("tasks", "1")])).unwrap_err();
    assert!(error.contains("resource-exhausted") && error.contains("spark.memory.offHeap.size"), "{error}");
    table.is_exact(30_000);
}

/// Structs and lists of them become JSON.
#[test]
fn documents_are_written() {
    let line = Line::V4;
    let Some(table) = Table::unmade("spark_documents", line) else { return };
    let mut schema = table.schema();
    let fields = schema["dimensionFieldSpecs"].as_array_mut().unwrap();
    fields.extend(["j", "k"].map(|name| json!({"name": name, "dataType": "JSON"})));
    table.cluster.create_table(&schema, &table.config());
    let columns =
        "id;key;tags;price;at;named_struct('x',id,'y',array(1.5D,null))~AS~j;array(named_struct('é','\"'))~AS~k";
    ok(line, "write", &table.options(3, &[("columns", columns)]));
    table.is_counted(3);
    let sql = format!("SELECT j, k FROM {} ORDER BY id LIMIT 9", table.name);
    let row = |id: u64| json!([format!(r#"{{"x":{id},"y":[1.5,null]}}"#), r#"[{"é":"\""}]"#]);
    assert_eq!(table.cluster.query(&sql)["resultTable"]["rows"], json!([row(0), row(1), row(2)]));
}

/// Somebody else of a task gets memory when it asks, and no row is lost.
#[test]
fn memory_goes_to_others_of_a_task() {
    let line = Line::V4;
    let Some(table) = Table::create("spark_lent", line) else { return };
    let settings =
        [("spark.memory.offHeap.enabled", "true"), ("spark.memory.offHeap.size", "160m"), ("spark.master", "local[1]")];
    let Some(mut jvm) = line.start(&settings) else { return };
    let wanted = 100 << 20;
    let bytes = wanted.to_string();
    let further = [("tasks", "1"), ("o:limits.memory", "4GiB"), ("takeAt", "150000"), ("takeBytes", bytes.as_str())];
    let said = jvm.run("write", &table.options(200_000, &further)).unwrap();
    assert_eq!(said, format!("written beside {wanted} bytes"));
    table.is_exact(200_000);
    // Segments need some to the end.
    let all = (150 << 20).to_string();
    let further = [("tasks", "1"), ("mode", "overwrite"), ("takeAt", "20000"), ("takeBytes", all.as_str())];
    let said = jvm.run("write", &table.options(30_000, &further)).unwrap();
    assert_eq!(said, format!("written beside {} bytes", (160 - 48) << 20));
    table.is_exact(30_000);
}

/// What the page of a query shows of a write, from the log that it is made of.
fn numbers_are_shown(line: Line) {
    let Some(table) = Table::create("spark_numbers", line) else { return };
    let log = table.folder("events");
    let settings = [
        ("spark.eventLog.enabled", "true"),
        ("spark.eventLog.dir", &*format!("file://{}", log.display())),
        ("spark.eventLog.compress", "false"),
        ("spark.eventLog.rolling.enabled", "false"),
    ];
    let Some(mut jvm) = line.start(&settings) else { return };
    let columns = "CASE~WHEN~id%1000=7~THEN~CAST(1e20~AS~DECIMAL(38,0))~ELSE~CAST(id~AS~DECIMAL(38,0))~END~AS~id;key;tags;price;at";
    let quarantine = table.folder("quarantine").display().to_string();
    let further = [
        ("columns", columns),
        ("tasks", "2"),
        ("o:quarantine", quarantine.as_str()),
        ("o:sink.segment.maxRows", "4000"),
    ];
    // Spark does not say when the last row has come if it is the last of a hundred.
    jvm.run("write", &table.options(20_040, &further)).unwrap();
    drop(jvm);
    let file = std::fs::read_dir(&log)
        .unwrap()
        .map(|file| file.unwrap().path())
        .find(|file| file.extension().is_none_or(|it| it != "crc"));
    let events = std::fs::read_to_string(file.unwrap()).unwrap();
    let mut sums = std::collections::BTreeMap::<String, u64>::new();
    for event in events.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()) {
        if event["Event"] != "SparkListenerTaskEnd" {
            continue;
        }
        for number in event["Task Info"]["Accumulables"].as_array().into_iter().flatten() {
            let update = number["Update"].as_str().map(str::to_owned).unwrap_or_else(|| number["Update"].to_string());
            if let Ok(update) = update.parse::<u64>() {
                *sums.entry(number["Name"].as_str().unwrap_or_default().to_owned()).or_default() += update;
            }
        }
    }
    let shown = |name: &str| sums.get(name).copied();
    assert_eq!(shown("rows written to Pinot"), Some(20_019), "{sums:?}");
    assert_eq!(shown("rows that the table does not take"), Some(21), "{sums:?}");
    assert_eq!(shown("segments"), Some(6), "{sums:?}");
    assert!(shown("bytes of rows, before they are a segment").is_some_and(|bytes| bytes > 20_000 * 30), "{sums:?}");
}

on_each_line!(what_was_written_is_shown, numbers_are_shown);

//! Each row once, whatever happens to the job.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use super::lines::Line;
use super::table::Table;
use super::{failed, ok, on_each_line};

on_each_line!(
    /// Checkpoints twice a second and tasks that fail: sums are exact, and segments are as large as asked for.
    failures_lose_and_double_nothing,
    |line| {
        let Some(table) = Table::create("flink_failures", line) else { return };
        let (rows, failures) = if pinotage_testkit::is_full() { (5_000_000, 20) } else { (200_000, 3) };
        let failures = failures.to_string();
        let further = [("failures", failures.as_str()), ("restarts", "100"), ("parallelism", "3"), ("rate", "20000"),
            ("segmentRows", "8000"), ("seed", "7")];
        let said = ok(line, "finish", &table.options(rows, &further));
        assert_eq!(said, "failures left 0");
        table.is_exact(rows);
        let segments = table.segments();
        assert!(segments.len() >= 20, "{segments:?}");
        assert!(segments[segments.len() / 2] >= 4_000, "{segments:?}");
    }
);

on_each_line!(
    /// 3, 5 and 2 tasks, from savepoints in mid-job.
    open_segments_are_handed_over_when_the_parallelism_changes,
    |line| {
        let Some(table) = Table::create("flink_rescaled", line) else { return };
        let rows = 120_000;
        let further = [("parallelism", "3"), ("rate", "3000"), ("segmentRows", "7000"), ("until", "5")];
        let first = ok(line, "stop", &table.options(rows, &further));
        table.is_never_doubled(rows);
        let further = [("parallelism", "5"), ("rate", "2000"), ("segmentRows", "7000"), ("until", "10"), ("from", first.as_str())];
        let second = ok(line, "stop", &table.options(rows, &further));
        table.is_never_doubled(rows);
        ok(line, "finish", &table.options(rows, &[("parallelism", "2"), ("segmentRows", "7000"), ("from", second.as_str())]));
        table.is_exact(rows);
    }
);

/// A savepoint of 1.20 is one of 2.x.
#[test]
fn a_savepoint_moves_from_1_20_to_2() {
    let (Some(table), Some(_)) = (Table::create("flink_moved", Line::V1_20), Line::V2.class_path()) else { return };
    let rows = 60_000;
    let further = [("parallelism", "2"), ("rate", "4000"), ("segmentRows", "9000"), ("until", "4")];
    let savepoint = ok(Line::V1_20, "stop", &table.options(rows, &further));
    ok(
        Line::V2,
        "finish",
        &table.options(rows, &[("parallelism", "3"), ("segmentRows", "9000"), ("from", savepoint.as_str())]),
    );
    table.is_exact(rows);
}

/// The checkpoints that a cancelled job kept, the oldest first.
fn checkpoints(table: &Table) -> Vec<PathBuf> {
    let mut found: Vec<(u64, PathBuf)> = Vec::new();
    for job in fs::read_dir(table.folder("checkpoints")).unwrap().flatten() {
        for checkpoint in fs::read_dir(job.path()).unwrap().flatten() {
            let name = checkpoint.file_name().to_string_lossy().into_owned();
            let number = name.strip_prefix("chk-").and_then(|number| number.parse().ok());
            if let (Some(number), true) = (number, checkpoint.path().join("_metadata").exists()) {
                found.push((number, checkpoint.path()));
            }
        }
    }
    found.sort();
    found.into_iter().map(|(_, path)| path).collect()
}

on_each_line!(
    /// Behind the last checkpoint, whose segments are in the table already, a job pushes nothing twice. Behind an older one it
    /// would, and is stopped.
    a_job_goes_on_behind_the_last_checkpoint_alone,
    |line| {
        let Some(table) = Table::create("flink_checkpoints", line) else { return };
        let rows = 100_000;
        let further = [("parallelism", "2"), ("rate", "4000"), ("segmentRows", "1000"), ("until", "6"), ("retained", "100"),
            ("publishMillis", "0")];
        ok(line, "cancel", &table.options(rows, &further));
        table.is_never_doubled(rows);
        let kept = checkpoints(&table);
        assert!(kept.len() > 2, "{kept:?}");
        let from = |place: usize| kept[place].display().to_string();
        for older in [0, kept.len() - 3] {
            let error = failed(line, "finish", &table.options(rows, &[("from", &from(older))]));
            assert!(error.contains("commit-conflict") && error.contains("a later run of this job"), "{error}");
            table.is_never_doubled(rows);
        }
        let last = from(kept.len() - 1);
        ok(line, "finish", &table.options(rows, &[("from", &last), ("parallelism", "2")]));
        table.is_exact(rows);
    }
);

on_each_line!(
    /// An older checkpoint is as good as the last one if nothing came into the table behind it.
    a_job_goes_on_behind_any_checkpoint_that_nothing_was_published_behind,
    |line| {
        let Some(table) = Table::create("flink_older", line) else { return };
        let rows = 20_000;
        let further = [("rate", "1000"), ("until", "5"), ("retained", "100")];
        ok(line, "cancel", &table.options(rows, &further));
        let kept = checkpoints(&table);
        let third_last = kept[kept.len() - 3].display().to_string();
        ok(line, "finish", &table.options(rows, &[("from", &third_last)]));
        table.is_exact(rows);
    }
);

on_each_line!(
    /// And so is a savepoint that ten checkpoints came behind: what it needs stays in staging for as long as it is told to.
    a_job_goes_on_behind_a_savepoint_ten_epochs_old,
    |line| {
        let Some(table) = Table::create("flink_old_savepoint", line) else { return };
        let rows = 40_000;
        let further = [("rate", "1000"), ("until", "3"), ("later", "10"), ("checkpointMillis", "200")];
        let savepoint = ok(line, "savepoint", &table.options(rows, &further));
        ok(line, "finish", &table.options(rows, &[("from", &savepoint)]));
        table.is_exact(rows);
    }
);

on_each_line!(
    /// With AT_LEAST_ONCE a job may go on behind a checkpoint that the table is ahead of: rows behind it come again, and none is lost.
    at_least_once_a_job_goes_on_behind_any_checkpoint,
    |line| {
        let Some(table) = Table::create("flink_at_least", line) else { return };
        let rows = 40_000;
        let loose = ("guarantee", "AT_LEAST_ONCE");
        // So slow that the job is not through before its checkpoints are, on any machine.
        let further = [loose, ("rate", "2000"), ("segmentRows", "1000"), ("until", "6"), ("retained", "100"), ("publishMillis", "0")];
        ok(line, "cancel", &table.options(rows, &further));
        let before = table.rows();
        let kept = checkpoints(&table);
        let first = kept[0].display().to_string();
        ok(line, "finish", &table.options(rows, &[loose, ("rate", "8000"), ("segmentRows", "1000"), ("from", &first)]));
        table.has_each_row(rows);
        assert!(before > 0 && table.rows() > rows, "{before} before, {} now", table.rows());
    }
);

on_each_line!(
    /// Batches have no checkpoints; each converter gives the same rows.
    batches_and_converters,
    |line| {
        let Some(table) = Table::create("flink_batch", line) else { return };
        let rows = 10_000;
        for (converter, mode) in [("row", "BATCH"), ("map", "BATCH"), ("pojo", "STREAMING"), ("avro", "BATCH"), ("rowData", "STREAMING")] {
            let further = [("converter", converter), ("mode", mode), ("job", converter), ("segmentRows", "3000")];
            let mut options = table.options(rows, &further);
            options.retain(|(name, _)| *name != "checkpointMillis");
            ok(line, "finish", &options);
        }
        table.is_there_times(rows, 5);
    }
);

on_each_line!(
    /// Barriers overtake rows where there is an exchange.
    unaligned_checkpoints,
    |line| {
        let Some(table) = Table::create_with("flink_unaligned", line, |config| {
            config["tableIndexConfig"]["segmentPartitionConfig"]["columnPartitionMap"] =
                serde_json::json!({"key": {"functionName": "Murmur", "numPartitions": 4}});
        }) else { return };
        let rows = 80_000;
        let further = [("parallelism", "3"), ("rate", "10000"), ("segmentRows", "5000"), ("unaligned", "true"),
            ("failures", "2"), ("restarts", "100"), ("checkpointMillis", "200")];
        ok(line, "finish", &table.options(rows, &further));
        table.is_exact(rows);
        // One writer a partition: as many segments as full ones and one more for each partition.
        assert!(table.segments().len() <= 80_000 / 5_000 + 4, "{:?}", table.segments());
    }
);

on_each_line!(
    /// NONE keeps no open rows: what is not in a full segment when the job stops is lost, and nothing is there twice.
    without_a_guarantee_open_rows_are_lost,
    |line| {
        let Some(table) = Table::create("flink_none", line) else { return };
        let rows = 30_000;
        let further =
            [("guarantee", "NONE"), ("parallelism", "2"), ("rate", "2000"), ("segmentRows", "9000"), ("until", "3")];
        let savepoint = ok(line, "stop", &table.options(rows, &further));
        ok(line, "finish", &table.options(rows, &[("guarantee", "NONE"), ("from", savepoint.as_str())]));
        table.is_never_doubled(rows);
        let left: u64 = table.segments().iter().sum();
        assert!(left > 0 && left < rows, "{left}");
    }
);

on_each_line!(
    /// A REFRESH table is what the last job made of it: in one step at the end, though checkpoints come and segments are full before. No
    /// query sees rows of both jobs, or of half a job.
    a_refresh_table_is_replaced_in_one_step,
    |line| {
        let Some(table) = Table::create_with("flink_refresh", line, |config| {
            config["ingestionConfig"] = serde_json::json!({"batchIngestionConfig": {"segmentIngestionType": "REFRESH"}});
        }) else { return };
        ok(line, "finish", &table.options(12_000, &[("segmentRows", "3000")]));
        table.is_exact(12_000);
        let other = failed(line, "finish", &table.options(9_000, &[("job", "next")]));
        assert!(other.contains("[commit-conflict]") && other.contains("sink.push.foreign"), "{other}");
        let sql = format!("SELECT COUNT(*), DISTINCTCOUNT(id), MAX(id) FROM {}", table.name);
        let over = AtomicBool::new(false);
        let seen = std::thread::scope(|scope| {
            let looks = scope.spawn(|| {
                let mut seen = BTreeSet::new();
                while !over.load(Ordering::Relaxed) {
                    seen.insert(table.cluster.query(&sql)["resultTable"]["rows"][0].to_string());
                }
                seen
            });
            let further = [("segmentRows", "2000"), ("rate", "3000"), ("foreign", "replace"), ("job", "next"), ("failures", "1"), ("restarts", "10")];
            let said = ok(line, "finish", &table.options(9_000, &further));
            over.store(true, Ordering::Relaxed);
            assert_eq!(said, "failures left 0");
            looks.join().unwrap()
        });
        table.is_exact(9_000);
        let whole = ["[12000,12000,11999.0]", "[9000,9000,8999.0]"];
        assert!(seen.iter().all(|seen| whole.contains(&seen.as_str())) && seen.contains(whole[0]), "{seen:?}");
    }
);

on_each_line!(
    /// A table that sums rows up has one row of each key in a segment, and sums are exact though tasks fail.
    rows_are_summed_up,
    |line| {
        let Some(table) = Table::unmade("flink_sums", line) else { return };
        let schema = serde_json::json!({"schemaName": table.name,
            "dimensionFieldSpecs": [{"name": "key", "dataType": "STRING"}],
            "metricFieldSpecs": [{"name": "total", "dataType": "DOUBLE"}, {"name": "many", "dataType": "LONG"}]});
        let mut config = table.config();
        config["segmentsConfig"] = serde_json::json!({"replication": "1", "segmentPushType": "APPEND"});
        config["tableIndexConfig"]["noDictionaryColumns"] = serde_json::json!(["total", "many"]);
        config["ingestionConfig"] = serde_json::json!({"aggregationConfigs": [
            {"columnName": "total", "aggregationFunction": "SUM(price)"}, {"columnName": "many", "aggregationFunction": "COUNT(*)"}]});
        table.cluster.create_table(&schema, &config);
        let rows = 30_000;
        let further = [("extra", "true"), ("segmentRows", "10000"), ("age", "700"), ("rate", "8000"), ("failures", "1"), ("restarts", "10"), ("parallelism", "2")];
        assert_eq!(ok(line, "finish", &table.options(rows, &further)), "failures left 0");
        let sql = format!("SELECT SUM(total), SUM(many), DISTINCTCOUNT(key), COUNT(*) FROM {}", table.name);
        let answer = table.cluster.query(&sql);
        let found: Vec<f64> = (0..4).map(|at| answer["resultTable"]["rows"][0][at].as_f64().unwrap()).collect();
        let sum = (rows * (rows - 1) / 2) as f64 * 0.25;
        assert_eq!(found[..3], [sum, rows as f64, 500.0], "{answer}");
        assert!(found[3] < rows as f64 / 2.0, "{answer}");
    }
);

on_each_line!(
    /// Windows of ten seconds of the rows' time: each has a segment of each writer and no more, sealed when the watermark is behind it,
    /// though checkpoints come twice a second and a task fails. Flink knows the numbers by their names.
    windows_of_time_are_sealed_by_watermarks,
    |line| {
        let Some(table) = Table::create("flink_windows", line) else { return };
        let rows = 60_000;
        let further = [("parallelism", "1"), ("rate", "8000"), ("window", "10"), ("disorder", "500"), ("failures", "1"),
            ("restarts", "10"), ("metrics", "true"), ("seed", "3")];
        let said = ok(line, "finish", &table.options(rows, &further));
        assert!(said.starts_with("failures left 0"), "{said}");
        table.is_exact(rows);
        let sql = format!(
            "SELECT $segmentName, COUNT(*), MIN(CAST(at AS LONG)), MAX(CAST(at AS LONG)) FROM {} GROUP BY $segmentName LIMIT 1000",
            table.name
        );
        let answer = table.cluster.query(&sql);
        let windows = answer["resultTable"]["rows"].as_array().unwrap();
        for row in windows {
            let window = |place: usize| (row[place].as_f64().unwrap() / 10_000.0).floor();
            assert_eq!(window(2), window(3), "{row}");
        }
        assert_eq!(windows.len(), 6, "{answer}");
        for name in ["segmentsSealedByEventTime=", "segmentsSealedByTheEnd=", "rowsWritten=", "segmentsPublished=", "publicationMillis="] {
            assert!(said.contains(name), "{name} is not in {said}");
        }
    }
);

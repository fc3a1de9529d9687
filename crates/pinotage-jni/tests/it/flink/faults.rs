//! The faults of Pinot's own Flink sink that were reproduced, and wrong requests: none of them is here.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pinotage_testkit::fake::{Action, Fake, Relay};
use serde_json::json;

use super::lines::Line;
use super::table::Table;
use super::{failed, ok, on_each_line};

on_each_line!(
    /// A job that has ended has its rows in the table, and a controller that is not there is an error.
    a_job_ends_behind_its_uploads_and_fails_with_them,
    |line| {
        let Some(table) = Table::create("flink_ends", line) else { return };
        ok(line, "finish", &table.options(20_000, &[("segmentRows", "2000")]));
        table.is_there_times(20_000, 1);
        let dead = failed(line, "finish", &table.options(10, &[("controller", "127.0.0.1:1")]));
        assert!(dead.contains("[unavailable]"), "{dead}");
    }
);

on_each_line!(
    /// Names have job and run in them: other rows of the same days take nobody's place. The same job without its state is stopped.
    jobs_replace_nothing_of_each_other,
    |line| {
        let Some(table) = Table::create("flink_two_jobs", line) else { return };
        ok(line, "finish", &table.options(3_000, &[("job", "one")]));
        ok(line, "finish", &table.options(3_000, &[("job", "two")]));
        table.is_there_times(3_000, 2);
        let again = failed(line, "finish", &table.options(3_000, &[("job", "one")]));
        assert!(again.contains("[commit-conflict]"), "{again}");
        table.is_there_times(3_000, 2);
        let loose = [("job", "one"), ("guarantee", "AT_LEAST_ONCE")];
        ok(line, "finish", &table.options(3_000, &loose));
        table.is_there_times(3_000, 3);
    }
);

on_each_line!(
    /// Table configs of Pinot's own sink are taken as they are, and staging has no archive left when they are in the table.
    batch_configs_are_left_alone_and_archives_go,
    |line| {
        let table = Table::create_with("flink_batch_config", line, |config| {
            config["ingestionConfig"] = json!({"batchIngestionConfig": {"segmentIngestionType": "APPEND",
                "segmentIngestionFrequency": "HOURLY", "batchConfigMaps": [{"outputDirURI": "/nowhere", "push.controllerUri": "http://nowhere"}]}});
        });
        let Some(table) = table else { return };
        let url = format!("{}/tables/{}", table.cluster.controller, table.name);
        let before = table.cluster.get_json(&url);
        ok(line, "finish", &table.options(20_000, &[("segmentRows", "3000")]));
        table.is_there_times(20_000, 1);
        assert_eq!(table.cluster.get_json(&url), before);
        assert_eq!(archives(&table.folder("staging")), 0);
    }
);

fn archives(folder: &Path) -> usize {
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        count += match entry.path().is_dir() {
            true => archives(&entry.path()),
            false => usize::from(entry.file_name().to_string_lossy().ends_with(".tar.gz")),
        };
    }
    count
}

on_each_line!(
    /// Nothing but our own classes: nobody's Guava, Jackson or Netty meets another one.
    a_jar_has_our_classes_alone,
    |line: Line| {
        let Some(jar) = line.jar() else { return };
        let listed = Command::new("jar").arg("tf").arg(&jar).output().unwrap();
        assert!(listed.status.success());
        let names = String::from_utf8(listed.stdout).unwrap();
        assert!(names.contains("io/pinotage/flink/sink/PinotSink.class"), "{names}");
        assert!(names.contains("io/pinotage/sink/SinkWriter.class"), "{names}");
        let is_ours = |name: &&str| name.starts_with("io/pinotage/") || name.starts_with("META-INF/") || *name == "io/";
        let others: Vec<&str> = names.lines().filter(|name| !is_ours(name)).collect();
        assert!(others.is_empty(), "{others:?}");
    }
);

on_each_line!(
    /// What cannot work is refused where the job is submitted.
    wrong_requests_are_refused_at_submission,
    |line| {
        let Some(table) = Table::unmade("flink_refused", line) else { return };
        let missing = failed(line, "finish", &table.options(10, &[]));
        assert!(missing.contains("[not-found]") && missing.contains(&table.name), "{missing}");

        let mut schema = table.schema();
        schema["dimensionFieldSpecs"].as_array_mut().unwrap().pop();
        table.cluster.create_table(&schema, &table.config());
        for converter in ["rowData", "row"] {
            let wrong = failed(line, "finish", &table.options(10, &[("converter", converter)]));
            assert!(wrong.contains("[schema-mismatch]") && wrong.contains("tags"), "{converter}: {wrong}");
        }
    }
);

on_each_line!(
    /// A number that its column cannot hold exactly stops the job, or is left out and counted where that is allowed.
    rows_that_the_table_does_not_take,
    |line| {
        let Some(table) = Table::unmade("flink_bad_rows", line) else { return };
        let mut schema = table.schema();
        schema["metricFieldSpecs"][0]["dataType"] = json!("LONG");
        table.cluster.create_table(&schema, &table.config());
        let error = failed(line, "finish", &table.options(40, &[]));
        assert!(error.contains("[invalid-data]") && error.contains("expected a whole number"), "{error}");
        // Those of an epoch that is replayed are not there twice, and those of other files stay.
        let folder = table.folder("quarantine");
        let quarantine = format!("file://{}", folder.display());
        std::fs::write(folder.join("other.jsonl"), "").unwrap();
        let further = [("errors", "100"), ("quarantine", quarantine.as_str()), ("job", "lenient"), ("rate", "10"),
            ("failures", "1"), ("restarts", "10"), ("batchRows", "1")];
        assert_eq!(ok(line, "finish", &table.options(40, &further)), "failures left 0");
        let sql = format!("SELECT COUNT(*), SUM(price), MAX(id) FROM {}", table.name);
        let answer = table.cluster.query(&sql);
        let found: Vec<f64> = (0..3).filter_map(|i| answer["resultTable"]["rows"][0][i].as_f64()).collect();
        assert_eq!(found, [10.0, 45.0, 36.0], "{answer}");
        let files = std::fs::read_dir(&folder).unwrap().map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
        let text: String = files.collect();
        let rows: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let mut ids: Vec<u64> = rows.iter().map(|row| row["row"]["id"].as_u64().unwrap()).collect();
        ids.sort_unstable();
        assert_eq!(ids, (0..40).filter(|id| id % 4 > 0).collect::<Vec<u64>>(), "{text}");
        assert!(rows.iter().all(|row| row["column"] == "price" && !row["message"].as_str().unwrap().is_empty()), "{text}");
    }
);

on_each_line!(
    /// Refused rows are a stream, each once though the job fails: those that the table does not take, and those of which a value is of
    /// another class than its column.
    refused_rows_go_on_as_a_stream,
    |line| {
        let Some(table) = Table::create("flink_split", line) else { return };
        let refused = Table::unmade("flink_refused_rows", line).unwrap();
        let text = |name: &str| json!({"name": name, "dataType": "STRING"});
        let schema = json!({"schemaName": refused.name, "dimensionFieldSpecs": [text("column"), text("rule"), text("message"), text("row")]});
        let mut config = refused.config();
        config["segmentsConfig"] = json!({"replication": "1", "segmentPushType": "APPEND"});
        refused.cluster.create_table(&schema, &config);
        let alone = failed(line, "finish", &table.options(40, &[("converter", "wrong"), ("job", "strict")]));
        assert!(alone.contains("[invalid-data]") && alone.contains("`price`") && alone.contains("java.lang.String much"), "{alone}");
        let further = [("refused", refused.name.as_str()), ("converter", "wrong"), ("rate", "2000"),
            ("failures", "2"), ("restarts", "10"), ("batchRows", "100"), ("seed", "11")];
        assert_eq!(ok(line, "finish", &table.options(8_000, &further)), "failures left 0");
        let rows = |table: &Table, sql: &str| table.cluster.query(sql)["resultTable"]["rows"][0].to_string();
        let sql = format!("SELECT COUNT(*), DISTINCTCOUNT(id), SUM(id) FROM {}", table.name);
        assert_eq!(rows(&table, &sql), "[7200,7200,2.88e+7]");
        let sql = format!("SELECT COUNT(*), DISTINCTCOUNT(row), MIN(column), MIN(rule) FROM {}", refused.name);
        let sql = sql.replace("MIN(column)", "DISTINCTCOUNT(\"column\")").replace("MIN(rule)", "DISTINCTCOUNT(rule)");
        assert_eq!(rows(&refused, &sql.replace("(row)", "(\"row\")")), "[800,800,1,1]");
        let sql = format!("SELECT \"column\", rule, message, \"row\" FROM {} WHERE \"row\" LIKE '%\"id\":70,%'", refused.name);
        let row = rows(&refused, &sql);
        assert!(row.starts_with(r#"["price","wrong-type","#) && row.contains("java.lang.String much"), "{row}");
    }
);

on_each_line!(
    /// A controller that answers nothing but errors for a while holds up segments, not the job.
    a_controller_that_fails_for_a_while,
    |line| {
        let Some(table) = Table::create("flink_failing_controller", line) else { return };
        let (relay, refusals) = (Relay::new(&table.cluster.controller), Arc::new(AtomicUsize::new(0)));
        let left = Arc::clone(&refusals);
        left.store(8, Ordering::Relaxed);
        let act = Action::decide(move |request| {
            let is_upload = request.path.ends_with("/v2/segments");
            let refused = is_upload && left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
            if refused { Action::error(503, "not now") } else { relay.forward(request) }
        });
        let fake = Fake::new().otherwise(act).start();
        let url = fake.url();
        let further = [("controller", url.as_str()), ("segmentRows", "3000"), ("restarts", "10"), ("rate", "10000")];
        ok(line, "finish", &table.options(40_000, &further));
        assert_eq!(refusals.load(Ordering::Relaxed), 0);
        table.is_exact(40_000);
    }
);

on_each_line!(
    /// A controller that goes away in mid-run and stays away fails the job, by what it is.
    a_controller_that_goes_away,
    |line| {
        // It is asked six times, a second and more apart: the small size takes one line.
        if line == Line::V1_20 && !pinotage_testkit::is_full() {
            return;
        }
        let Some(table) = Table::create("flink_lost_controller", line) else { return };
        let relay = Relay::new(&table.cluster.controller);
        let gone = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&gone);
        let act = Action::decide(move |request| {
            if request.method == "POST" {
                seen.fetch_add(1, Ordering::Relaxed);
            }
            if seen.load(Ordering::Relaxed) > 0 { Action::DropBefore } else { relay.forward(request) }
        });
        let fake = Fake::new().otherwise(act).start();
        let url = fake.url();
        let error = failed(line, "finish", &table.options(20_000, &[("controller", url.as_str()), ("segmentRows", "3000")]));
        assert!(gone.load(Ordering::Relaxed) > 0 && error.contains("[unavailable]") && error.contains(&fake.port().to_string()), "{error}");
        assert_eq!(table.rows(), 0);
    }
);

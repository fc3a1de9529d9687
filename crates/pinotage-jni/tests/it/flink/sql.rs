//! Tables of SQL.

use pinotage_testkit::cluster::{Cluster, eventually};
use serde_json::json;

use super::lines::Line;
use super::table::Table;
use super::{failed, ok, on_each_line};

fn script(table: &Table, options: &str) -> String {
    let script = format!(
        "CREATE TEMPORARY TABLE numbers (id BIGINT) WITH ('connector' = 'datagen', 'fields.id.kind' = 'sequence',
            'fields.id.start' = '0', 'fields.id.end' = '9999');
        CREATE TEMPORARY TABLE {0} (id BIGINT, `key` STRING, tags ARRAY<STRING>, price DOUBLE, `at` TIMESTAMP_LTZ(3))
            WITH ('connector' = 'pinotage', 'controller' = '{1}', 'staging' = '{2}'{options});
        INSERT INTO {0} SELECT id, 'k' || CAST(MOD(id, 500) AS STRING),
            CASE WHEN MOD(id, 2) = 0 THEN ARRAY['even', 'n' || CAST(MOD(id, 10) AS STRING)] ELSE ARRAY['odd'] END,
            CAST(id AS DOUBLE) * 0.25, TO_TIMESTAMP_LTZ(1700000000000 + id, 3) FROM numbers;",
        table.name,
        table.cluster.controller,
        table.folder("staging").display()
    );
    let path = table.folder("scripts").join("script.sql");
    std::fs::write(&path, script).unwrap();
    path.display().to_string()
}

on_each_line!(
    /// INSERT INTO, with checkpoints.
    rows_are_inserted,
    |line| {
        let Some(table) = Table::create("flink_sql", line) else { return };
        let path = script(&table, ", 'sink.segment.max-rows' = '3000', 'sink.publish.interval' = '1 s', 'limits.memory' = '256MiB'");
        ok(line, "sql", &table.options(0, &[("script", &path)]));
        table.is_exact(10_000);
    }
);

on_each_line!(
    /// A misspelt option is an error that names it.
    unknown_options_are_refused,
    |line| {
        let Some(table) = Table::create("flink_sql_options", line) else { return };
        for option in ["'segmentUploadTimeMs' = '5'", "'segment-rows' = '5'", "'sink.segment.max-row' = '5'", "'sink.push.fork' = 'tar'"] {
            let path = script(&table, &format!(", {option}"));
            let error = failed(line, "sql", &table.options(0, &[("script", &path)]));
            let name = option.split('\'').nth(1).unwrap().rsplit('.').next().unwrap().replace("max-row", "maxRow");
            assert!(error.contains(&name), "{option}: {error}");
        }
        // Rows may be refused, and nobody takes them.
        for option in ["'limits.errors' = '5'", "'sink.quarantine.max-rows' = '5'",
            "'limits.errors' = '5', 'sink.quarantine' = '/tmp', 'sink.quarantine.max-rows' = '5'", "'sink.publish.waiting' = '5'"] {
            let path = script(&table, &format!(", {option}"));
            let error = failed(line, "sql", &table.options(0, &[("script", &path)]));
            let name = option.split('\'').nth(1).unwrap();
            assert!(error.contains(&format!("`{name}`")), "{option}: {error}");
        }
    }
);

on_each_line!(
    /// A query whose keys come, change and go, beside a stream of eight partitions, with two writers.
    a_changelog_updates_and_deletes_keys,
    |line: Line| {
        let (Some(_), Some(cluster)) = (line.class_path(), Cluster::shared()) else { return };
        let name = format!("flink_changes_{line:?}").to_lowercase();
        let topic = cluster.create_topic(&name, 8);
        let schema = json!({"schemaName": name, "primaryKeyColumns": ["k"],
            "dimensionFieldSpecs": [{"name": "k", "dataType": "STRING"}, {"name": "seen", "dataType": "LONG"},
                {"name": "gone", "dataType": "BOOLEAN"}],
            "dateTimeFieldSpecs": [{"name": "t", "dataType": "LONG", "format": "1:MILLISECONDS:EPOCH", "granularity": "1:MILLISECONDS"}]});
        let config = json!({
            "tableName": format!("{name}_REALTIME"), "tableType": "REALTIME", "tenants": {}, "metadata": {},
            "segmentsConfig": {"timeColumnName": "t", "replication": "1", "replicasPerPartition": "1", "schemaName": name},
            "tableIndexConfig": {"loadMode": "MMAP", "streamConfigs": topic.stream_configs(1000)},
            "routing": {"instanceSelectorType": "strictReplicaGroup"},
            "upsertConfig": {"mode": "FULL", "deleteRecordColumn": "gone"}});
        cluster.create_table(&schema, &config);
        // Brokers come to know of it later.
        eventually("the broker knows the table", || {
            let answer = cluster.query(&format!("SELECT COUNT(*) FROM {name}"));
            if answer["resultTable"].is_object() { Ok(()) } else { Err(answer.to_string()) }
        });
        let folder = tempfile::tempdir().unwrap();
        let path = |file: &str| folder.path().join(file).display().to_string();
        // Keys 0 to 599 come three times, and are gone then; 600 to 1199 come twice.
        let script = format!(
            "CREATE TEMPORARY TABLE numbers (id BIGINT) WITH ('connector' = 'datagen', 'fields.id.kind' = 'sequence',
                'fields.id.start' = '0', 'fields.id.end' = '2999', 'rows-per-second' = '1500');
            CREATE TEMPORARY TABLE {name} (k STRING, seen BIGINT, t BIGINT, PRIMARY KEY (k) NOT ENFORCED)
                WITH ('connector' = 'pinotage', 'controller' = '{}', 'staging' = '{}', 'table-type' = 'REALTIME',
                    'sink.segment.max-rows' = '150', 'sink.publish.interval' = '1 s', 'limits.memory' = '256MiB');
            INSERT INTO {name} SELECT * FROM (SELECT k, COUNT(*) AS seen, MAX(1700000000000 + id) AS t
                FROM (SELECT id, 'k' || CAST(MOD(id, 1200) AS STRING) AS k FROM numbers) GROUP BY k) WHERE seen < 3;",
            cluster.controller,
            path("staging"),
        );
        std::fs::write(path("script.sql"), script).unwrap();
        let checkpoints = format!("file://{}", path("checkpoints"));
        let options =
            [("script", path("script.sql")), ("checkpointMillis", "500".to_owned()), ("checkpoints", checkpoints)];
        ok(line, "sql", &options);
        let sql = format!("SELECT COUNT(*), DISTINCTCOUNT(k), MIN(seen), MAX(seen), MIN(t) FROM {name}");
        // The second times of the keys that are left begin with 1800.
        let wanted = [600.0, 600.0, 2.0, 2.0, 1_700_000_001_800.0];
        eventually(&format!("{wanted:?}"), || {
            let answer = cluster.query(&sql);
            let found = answer["resultTable"]["rows"][0].as_array().cloned().unwrap_or_default();
            let found: Vec<f64> = found.iter().filter_map(|value| value.as_f64()).collect();
            if found == wanted { Ok(()) } else { Err(answer.to_string()) }
        });
    }
);

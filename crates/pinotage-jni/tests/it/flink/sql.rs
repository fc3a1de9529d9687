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

on_each_line!(
    /// Rows that the table does not take are a table of SQL themselves, and go back into it when they are corrected.
    refused_rows_are_read_and_corrected,
    |line| {
        let Some(table) = Table::unmade("flink_sql_refused", line) else { return };
        let mut schema = table.schema();
        schema["metricFieldSpecs"][0]["dataType"] = json!("LONG");
        table.cluster.create_table(&schema, &table.config());
        let folder = format!("file://{}", table.folder("quarantine").display());
        let path = script(&table, &format!(", 'sink.quarantine' = '{folder}', 'limits.errors' = '5000', 'job' = 'first'"));
        ok(line, "sql", &table.options(0, &[("script", &path)]));
        // Prices are quarters of the ids.
        table.cluster.await_count(&table.name, 2_500);
        let columns = "id BIGINT, `key` STRING, tags ARRAY<STRING>, price DOUBLE, `at` STRING";
        let refused = format!(
            "CREATE TEMPORARY TABLE refused (`column` STRING, rule STRING, message STRING, `row` ROW<{columns}>)
                WITH ('connector' = 'filesystem', 'path' = '{folder}', 'format' = 'json')"
        );
        let run = |statements: String| {
            let path = table.folder("scripts").join("second.sql");
            std::fs::write(&path, format!("{refused};\n{statements};")).unwrap();
            ok(line, "sql", &table.options(0, &[("script", &path.display().to_string()), ("mode", "batch")]))
        };
        let found = run("SELECT COUNT(*), COUNT(DISTINCT `row`.id), MIN(`column`), MAX(`column`), MIN(rule), MAX(rule) FROM refused".into());
        assert_eq!(found, "+I[7500, 7500, price, price, not-exact, not-exact]");
        run(format!(
            "CREATE TEMPORARY TABLE {0} (id BIGINT, `key` STRING, tags ARRAY<STRING>, price DOUBLE, `at` TIMESTAMP_LTZ(3))
                WITH ('connector' = 'pinotage', 'controller' = '{1}', 'staging' = '{2}', 'job' = 'corrected');
            INSERT INTO {0} SELECT `row`.id, `row`.`key`, `row`.tags, FLOOR(`row`.price), TO_TIMESTAMP_LTZ(1700000000000 + `row`.id, 3) FROM refused",
            table.name,
            table.cluster.controller,
            table.folder("staging").display()
        ));
        table.cluster.await_count(&table.name, 10_000);
        let sql = format!("SELECT DISTINCTCOUNT(id), SUM(price) FROM {}", table.name);
        let answer = table.cluster.query(&sql)["resultTable"]["rows"][0].clone();
        let whole: u64 = (0..10_000_u64).map(|id| id / 4).sum();
        assert_eq!((answer[0].as_u64(), answer[1].as_f64()), (Some(10_000), Some(whole as f64)), "{answer}");
    }
);

on_each_line!(
    /// A null in a column that is declared without is Flink's error, by the column's name; one in any other is what the table keeps for it.
    nulls_where_none_can_be,
    |line| {
        let Some(table) = Table::create("flink_sql_nulls", line) else { return };
        let of = |price: &str| {
            let path = script(&table, "");
            let text = std::fs::read_to_string(&path).unwrap().replace("price DOUBLE", price);
            let text = text.replace("'9999'", "'99'").replace("CAST(id AS DOUBLE) * 0.25", "CASE WHEN id < 50 THEN CAST(id AS DOUBLE) END");
            std::fs::write(&path, text).unwrap();
            table.options(0, &[("script", &path)])
        };
        let error = failed(line, "sql", &of("price DOUBLE NOT NULL"));
        assert!(error.contains("Column 'price' is NOT NULL"), "{error}");
        ok(line, "sql", &of("price DOUBLE"));
        table.cluster.await_count(&table.name, 100);
        let answer = table.cluster.query(&format!("SELECT COUNT(*), SUM(price) FROM {} WHERE id >= 50", table.name));
        assert_eq!(answer["resultTable"]["rows"][0], json!([50, 0.0]), "{answer}");
    }
);

on_each_line!(
    /// A key that is said to have another number of partitions than the table's stream is refused where the job is submitted.
    another_number_of_partitions_is_refused,
    |line: Line| {
        let (Some(_), Some(cluster)) = (line.class_path(), Cluster::shared()) else { return };
        let name = format!("flink_sql_partitions_{line:?}").to_lowercase();
        let topic = cluster.create_topic(&name, 8);
        let schema = json!({"schemaName": name, "primaryKeyColumns": ["k"],
            "dimensionFieldSpecs": [{"name": "k", "dataType": "STRING"}],
            "dateTimeFieldSpecs": [{"name": "t", "dataType": "LONG", "format": "1:MILLISECONDS:EPOCH", "granularity": "1:MILLISECONDS"}]});
        let config = json!({
            "tableName": format!("{name}_REALTIME"), "tableType": "REALTIME", "tenants": {}, "metadata": {},
            "segmentsConfig": {"timeColumnName": "t", "replication": "1", "replicasPerPartition": "1", "schemaName": name},
            "tableIndexConfig": {"loadMode": "MMAP", "streamConfigs": topic.stream_configs(1000)},
            "routing": {"instanceSelectorType": "strictReplicaGroup"}, "upsertConfig": {"mode": "FULL"}});
        cluster.create_table(&schema, &config);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("script.sql");
        let script = format!(
            "CREATE TEMPORARY TABLE {name} (k STRING, t BIGINT, PRIMARY KEY (k) NOT ENFORCED)
                WITH ('connector' = 'pinotage', 'controller' = '{}', 'staging' = '{}', 'table-type' = 'REALTIME',
                    'sink.upsert.stream-key.columns' = '[\"k\"]', 'sink.upsert.stream-key.serializer' = 'string',
                    'sink.upsert.stream-key.partitions' = '4');
            INSERT INTO {name} VALUES ('a', 1);",
            cluster.controller,
            folder.path().display(),
        );
        std::fs::write(&path, script).unwrap();
        let error = failed(line, "sql", &[("script", path.display().to_string())]);
        assert!(error.contains("the table consumes 8 partitions, and the key has 4") && error.contains("[invalid-config]"), "{error}");
    }
);

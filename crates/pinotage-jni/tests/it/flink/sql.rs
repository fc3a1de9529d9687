//! Tables of SQL.

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
        for option in ["'segment-rows' = '5'", "'sink.segment.max-row' = '5'", "'sink.push.fork' = 'tar'"] {
            let path = script(&table, &format!(", {option}"));
            let error = failed(line, "sql", &table.options(0, &[("script", &path)]));
            let name = option.split('\'').nth(1).unwrap().rsplit('.').next().unwrap().replace("max-row", "maxRow");
            assert!(error.contains(&name), "{option}: {error}");
        }
    }
);

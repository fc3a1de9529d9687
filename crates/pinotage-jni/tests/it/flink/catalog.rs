//! Tables with streams in the catalog: made, read and dropped.

use std::collections::BTreeSet;

use pinotage_spec::kafka_partition;
use pinotage_testkit::cluster::{Cluster, Topic, eventually};
use serde_json::json;
use tempfile::TempDir;

use super::lines::Line;
use super::{failed, ok, on_each_line};

const PARTITIONS: u32 = 2;

/// A catalog of the shared cluster, and a table in it that a stream goes to.
struct Catalog {
    line: Line,
    cluster: &'static Cluster,
    name: String,
    topic: Topic,
    folder: TempDir,
}

impl Catalog {
    fn new(name: &str, line: Line) -> Option<Self> {
        line.class_path()?;
        let cluster = Cluster::shared()?;
        let name = format!("{name}_{line:?}").to_lowercase();
        let topic = cluster.create_topic(&name, PARTITIONS);
        Some(Self { line, cluster, name, topic, folder: tempfile::tempdir().unwrap() })
    }

    /// The config of the half with the stream, as JSON.
    fn realtime(&self, more: serde_json::Value) -> serde_json::Value {
        let mut config = json!({
            "tableName": format!("{}_REALTIME", self.name), "tableType": "REALTIME", "tenants": {}, "metadata": {},
            "segmentsConfig": {"timeColumnName": "t", "replication": "1", "replicasPerPartition": "1", "schemaName": self.name},
            "tableIndexConfig": {"loadMode": "MMAP", "streamConfigs": self.topic.stream_configs(1000)}});
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        config
    }

    fn script(&self, statements: &str) -> Vec<(&'static str, String)> {
        let path = self.folder.path().join("script.sql");
        let staging = self.folder.path().join("staging");
        let script = format!(
            "CREATE CATALOG pinot WITH ('type' = 'pinotage', 'controller' = '{}', 'staging' = '{}');\n{};",
            self.cluster.controller,
            staging.display(),
            statements.replace("THE_TABLE", &format!("pinot.`default`.{}", self.name)),
        );
        std::fs::write(&path, script).unwrap();
        vec![("script", path.display().to_string()), ("mode", "batch".into())]
    }

    fn answer(&self, statements: &str) -> String {
        ok(self.line, "sql", &self.script(statements))
    }

    fn refused(&self, statement: &str, words: &str) {
        let error = failed(self.line, "sql", &self.script(statement));
        assert!(error.contains(words), "{statement}: {error}");
    }

    /// Flink reads what brokers answer, and that is these rows.
    fn has(&self, columns: [&str; 2], expected: &BTreeSet<String>) {
        let [first, second] = columns;
        eventually("rows of brokers", || {
            let answer = self.cluster.query(&format!("SELECT {first}, {second} FROM {} LIMIT 10000", self.name));
            let rows = answer["resultTable"]["rows"].as_array().cloned().unwrap_or_default();
            let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let found: BTreeSet<String> =
                rows.iter().map(|row| format!("{};{}", text(&row[0]), text(&row[1]))).collect();
            if found == *expected && rows.len() == found.len() { Ok(()) } else { Err(answer.to_string()) }
        });
        let query = format!("SELECT CAST({first} AS STRING) || ';' || CAST({second} AS STRING) FROM THE_TABLE");
        let answer = self.answer(&query);
        let rows: Vec<String> =
            answer.split("+I[").skip(1).map(|row| row.trim().trim_end_matches(']').into()).collect();
        assert_eq!(rows.len(), expected.len(), "{answer}");
        assert_eq!(rows.into_iter().collect::<BTreeSet<_>>(), *expected);
    }
}

on_each_line!(
    /// A table with a key is made with its stream, has the latest row of each key, cannot be altered by Flink, and goes.
    tables_with_keys_are_made_read_and_dropped,
    |line| {
        let Some(catalog) = Catalog::new("flink_catalog_keys", line) else { return };
        let columns = "(k STRING NOT NULL, v STRING, t BIGINT, PRIMARY KEY (k) NOT ENFORCED)";
        // A key alone says nothing of the stream.
        catalog.refused(&format!("CREATE TABLE THE_TABLE {columns}"), "create.table-config");
        let config = catalog.realtime(json!({"routing": {"instanceSelectorType": "strictReplicaGroup"}, "upsertConfig": {"mode": "FULL"}}));
        let create = format!("CREATE TABLE THE_TABLE {columns} WITH ('create.table-config' = '{config}'");
        catalog.refused(&format!("{create})"), "the table config has `t` for its time");
        let described = catalog.answer(&format!("{create}, 'create.time-column' = 't');\nDESCRIBE THE_TABLE"));
        assert!(described.contains("+I[k, STRING, false, PRI(k),"), "{described}");
        for id in 0..900 {
            let key = format!("k{}", id % 300);
            let row = json!({"k": key, "v": format!("v{id}"), "t": 1_700_000_000_000_u64 + id});
            catalog.topic.publish(kafka_partition(key.as_bytes(), PARTITIONS), [row]);
        }
        catalog.has(["k", "v"], &(0..300).map(|key| format!("k{key};v{}", key + 600)).collect());
        for statement in ["ADD (x INT)", "SET ('time-zone' = 'Europe/Riga')", "DROP v"] {
            catalog.refused(&format!("ALTER TABLE THE_TABLE {statement}"), "change schema and table config in Pinot");
        }
        catalog.refused(&format!("ALTER TABLE THE_TABLE RENAME TO {}_2", catalog.name), "tables that can be renamed");
        let rest = catalog.answer("DROP TABLE THE_TABLE;\nDROP TABLE IF EXISTS THE_TABLE;\nSHOW TABLES IN pinot.`default`");
        assert!(!rest.contains(&catalog.name), "{rest}");
        catalog.refused("DROP TABLE THE_TABLE", "does not exist");
    }
);

on_each_line!(
    /// Both halves of a table hold some of its rows: each is read once, on its side of the time boundary.
    both_halves_of_a_table_are_read,
    |line| {
        let Some(catalog) = Catalog::new("flink_catalog_halves", line) else { return };
        let time = |id: u64| 1_700_000_000_000 + id * 3_600_000;
        let (create, insert) = (
            "CREATE TABLE THE_TABLE (id BIGINT, t BIGINT) WITH ('create.time-column' = 't')",
            "INSERT INTO THE_TABLE SELECT id, 1700000000000 + id * 3600000 FROM numbers",
        );
        let numbers = "CREATE TEMPORARY TABLE numbers (id BIGINT) WITH ('connector' = 'datagen', 'fields.id.kind' = 'sequence',
            'fields.id.start' = '0', 'fields.id.end' = '239', 'number-of-rows' = '240')";
        // Brokers come to know of it later.
        catalog.answer(create);
        catalog.cluster.await_count(&catalog.name, 0);
        catalog.answer(&format!("{numbers};\n{insert}"));
        catalog.cluster.await_count(&catalog.name, 240);
        let schema = catalog.cluster.get_json(&format!("{}/schemas/{}", catalog.cluster.controller, catalog.name));
        catalog.cluster.create_table(&schema, &catalog.realtime(json!({})));
        for id in 200..300 {
            catalog.topic.publish(id as u32 % PARTITIONS, [json!({"id": id, "t": time(id)})]);
        }
        catalog.has(["id", "t"], &(0..300).map(|id| format!("{id};{}", time(id))).collect());
        // The aggregation of servers has the boundary, too.
        assert_eq!(catalog.answer("SELECT COUNT(*), MIN(id), MAX(id) FROM THE_TABLE"), "+I[300, 0, 299]");
        let rest = catalog.answer("DROP TABLE THE_TABLE;\nSHOW TABLES IN pinot.`default`");
        assert!(!rest.contains(&catalog.name), "a half is left: {rest}");
    }
);

//! Rows from Java into a real cluster.

use std::fs;

use pinotage_testkit::cluster::Cluster;
use serde_json::json;

use crate::java::check;

#[test]
fn rows_are_written_and_committed_once() {
    let Some(cluster) = Cluster::shared() else { return };
    let schema = json!({
        "schemaName": "fromjava",
        "dimensionFieldSpecs": [{"name": "id", "dataType": "LONG"}, {"name": "city", "dataType": "STRING"}],
        "metricFieldSpecs": [{"name": "price", "dataType": "DOUBLE"}],
    });
    let table = json!({
        "tableName": "fromjava_OFFLINE", "tableType": "OFFLINE",
        "segmentsConfig": {"replication": "1", "schemaName": "fromjava"},
        "tenants": {},
        "tableIndexConfig": {
            "nullHandlingEnabled": true,
            "segmentPartitionConfig": {"columnPartitionMap": {"city": {"functionName": "Murmur", "numPartitions": 3}}},
        },
        "metadata": {},
    });
    cluster.create_table(&schema, &table);
    let folder = tempfile::tempdir().unwrap();
    let options = json!({
        "name": "java",
        "sink": {
            "kind": "pinot", "table": "fromjava", "controller": cluster.controller, "segment": {"maxRows": 700},
        },
        "staging": folder.path().join("staging"),
    });
    let file = folder.path().join("options");
    fs::write(&file, options.to_string()).unwrap();
    if !check(&[], &["write", file.to_str().unwrap(), "3000"]) {
        return;
    }
    let rows = |sql: &str| cluster.query(sql)["resultTable"]["rows"].take();
    cluster.await_count("fromjava", 3000 * 3 + 1);
    assert_eq!(rows("SELECT DISTINCTCOUNT(id) FROM fromjava"), json!([[3000 * 3 + 1]]));
    // 0, 7, 14, … of each 3000 have no city.
    let nulls = rows("SET enableNullHandling=true; SELECT COUNT(*) FROM fromjava WHERE city IS NULL");
    assert_eq!(nulls, json!([[1 + 3 * 429]]));
    let left: Vec<_> = fs::read_dir(folder.path().join("staging")).unwrap().collect();
    assert!(left.len() <= 1, "{left:?}");
}

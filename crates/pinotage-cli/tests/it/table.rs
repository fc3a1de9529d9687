//! `pinotage table` against a real cluster.

use std::fs;

use pinotage_testkit::cluster::Cluster;
use serde_json::json;

use crate::{job, ok, pinotage};

#[test]
fn a_table_is_rewritten_in_one_command() {
    let Some(cluster) = Cluster::shared() else { return };
    let folder = job("");
    let path = folder.path();
    ok(path, &["run", "job.yaml"]);
    let schema = serde_json::from_str(&fs::read_to_string(path.join("schema.json")).unwrap()).unwrap();
    let mut table = json!({
        "tableName": "t", "tableType": "OFFLINE", "tenants": {}, "metadata": {},
        "segmentsConfig": {"replication": 1}, "tableIndexConfig": {"loadMode": "MMAP"},
    });
    cluster.create_table(&schema, &table);
    ["t_0", "t_1"].iter().for_each(|segment| cluster.upload("t", &path.join("out").join(segment)));
    cluster.await_count("t", 3);
    table["tableIndexConfig"]["sortedColumn"] = json!(["city"]);
    fs::write(path.join("new.json"), table.to_string()).unwrap();
    let url = cluster.controller.replace("http://", "pinot://") + "/t";
    let rewrite = ["table", "rewrite", &url, "--table-config", "new.json"];
    let dry = ok(path, &[&rewrite[..], &["--dry-run"]].concat());
    assert!(dry.contains("would update the table config: tableIndexConfig.sortedColumn"), "{dry}");
    assert!(dry.contains("would rewrite 2 segments with 3 rows"), "{dry}");
    assert!(!path.join(".pinotage/rewrite-t").exists());
    let text = ok(path, &rewrite);
    assert!(text.contains("rewrote 2 segments with 3 rows"), "{text}");
    let again = ok(path, &rewrite);
    assert!(again.starts_with("nothing to do") && again.contains("unchanged: 2 segments"), "{again}");

    table["tableType"] = json!("REALTIME");
    fs::write(path.join("new.json"), table.to_string()).unwrap();
    let refused = String::from_utf8(pinotage(path, &rewrite).stderr).unwrap();
    assert!(refused.contains("REALTIME table"), "{refused}");
    let nowhere = ["table", "rewrite", "t", "--table-config", "new.json"];
    let refused = String::from_utf8(pinotage(path, &nowhere).stderr).unwrap();
    assert!(refused.contains("expected a table such as `pinot://host:9000/flights`"), "{refused}");
}

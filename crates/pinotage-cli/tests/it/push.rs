//! Segments into a real cluster.

use std::fs;

use pinotage_testkit::cluster::Cluster;
use serde_json::json;

use super::{job, ok};

#[test]
fn a_job_and_a_push_give_the_cluster_metadata_of_archives_elsewhere() {
    let Some(cluster) = Cluster::shared() else { return };
    let folder = job("");
    let path = folder.path();
    let deep = path.join("deep");
    let deep = deep.to_str().unwrap();
    let text = fs::read_to_string(path.join("job.yaml")).unwrap();
    let sink = format!(
        "output: out, controller: \"{}\", push: {{form: metadataBatch, deepStore: \"{deep}\"}}",
        cluster.controller
    );
    fs::write(path.join("job.yaml"), text.replace("output: out", &sink)).unwrap();
    let table = json!({"tableName": "t_OFFLINE", "tableType": "OFFLINE", "tenants": {}, "metadata": {},
        "segmentsConfig": {"replication": 1, "segmentPushType": "APPEND"}, "tableIndexConfig": {"loadMode": "MMAP"}});
    fs::write(path.join("table.json"), table.to_string()).unwrap();
    let plan = ok(path, &["plan", "job.yaml"]);
    assert!(plan.contains(&format!("archives go to {deep}/t, the controller gets them as metadataBatch")), "{plan}");
    ok(path, &["run", "job.yaml"]);
    cluster.await_count("t", 3);
    assert_eq!(fs::read_dir(path.join("deep/t")).unwrap().count(), 2);
    let table = format!("pinot://{}/t", cluster.controller.trim_start_matches("http://"));
    let said = ok(path, &["push", "out", "--table", &table, "--form", "metadata", "--deep-store", deep]);
    assert!(said.starts_with("nothing to do"), "{said}");
    // The same rows under other names, built without a cluster.
    fs::write(path.join("local.yaml"), text.replace("output: out", "output: local").replace("name: j", "name: local"))
        .unwrap();
    ok(path, &["run", "local.yaml"]);
    ok(path, &["push", "local", "--table", &table, "--form", "metadata", "--deep-store", deep]);
    cluster.await_count("t", 6);
}

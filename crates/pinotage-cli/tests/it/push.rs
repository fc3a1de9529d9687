//! Segments into a real cluster.

use std::fs;

use pinotage_testkit::cluster::Cluster;
use serde_json::json;

use crate::cluster::pushing_job;
use crate::ok;

#[test]
fn a_job_and_a_push_give_the_cluster_metadata_of_archives_elsewhere() {
    let Some(cluster) = Cluster::shared() else { return };
    let folder = pushing_job(cluster, "elsewhere", &json!({}));
    let path = folder.path();
    let deep = path.join("deep");
    let deep = deep.to_str().unwrap();
    let text = fs::read_to_string(path.join("job.yaml")).unwrap();
    let pushed = format!(", output: out, push: {{form: metadataBatch, deepStore: \"{deep}\"}}}}\nquarantine");
    fs::write(path.join("job.yaml"), text.replace("}\nquarantine", &pushed)).unwrap();
    let plan = ok(path, &["plan", "job.yaml"]);
    assert!(
        plan.contains(&format!("archives go to {deep}/elsewhere, the controller gets them as metadataBatch")),
        "{plan}"
    );
    ok(path, &["run", "job.yaml"]);
    cluster.await_count("elsewhere", 3);
    assert_eq!(fs::read_dir(path.join("deep/elsewhere")).unwrap().count(), 2);
    let table = format!("pinot://{}/elsewhere", cluster.controller.trim_start_matches("http://"));
    let said = ok(path, &["push", "out", "--table", &table, "--form", "metadata", "--deep-store", deep]);
    assert!(said.starts_with("nothing to do"), "{said}");
    // The same rows under other names, built without a cluster.
    let controller = format!(", controller: \"{}\"", cluster.controller);
    let local = text.replace(&controller, ", output: local").replace("name: j", "name: local");
    fs::write(path.join("local.yaml"), local).unwrap();
    ok(path, &["run", "local.yaml"]);
    ok(path, &["push", "local", "--table", &table, "--form", "metadata", "--deep-store", deep]);
    cluster.await_count("elsewhere", 6);
}

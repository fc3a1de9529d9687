//! Segments into a real cluster.

use std::fs;

use pinotage_testkit::cluster::Cluster;
use serde_json::{Value as Json, json};

use crate::cluster::pushing_job;
use crate::kills::oldest;
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

/// Archives that are not compressed, of what runs once, in epochs, and keeps folders; the level changes none of what is there.
#[test]
fn archives_of_another_level_are_loaded_and_build_nothing_again() {
    let Some(cluster) = Cluster::shared() else { return };
    for (table, more, end) in
        [("level_once", "", ""), ("level_epochs", "", "checkpoint: {}\n"), ("level_kept", ", output: out", "")]
    {
        levels(cluster, table, more, end);
    }
}

#[test]
fn archives_of_another_level_are_loaded_by_the_oldest_pinot() {
    let Some(cluster) = oldest() else { return };
    levels(cluster, "level_once", "", "");
}

fn levels(cluster: &Cluster, table: &str, more: &str, end: &str) {
    let folder = pushing_job(cluster, table, &json!({}));
    let path = folder.path();
    let text = fs::read_to_string(path.join("job.yaml")).unwrap();
    let at_level = |level: &str| {
        let text = text.replace("}\nquarantine", &format!("{more}{level}}}\nquarantine"));
        fs::write(path.join("job.yaml"), format!("{text}{end}")).unwrap();
        ok(path, &["run", "job.yaml"])
    };
    let stored = || {
        let names = cluster.get_json(&format!("{}/segments/{table}?type=OFFLINE", cluster.controller));
        let names = names[0]["OFFLINE"].as_array().unwrap().clone();
        let is_stored = |name: &Json| {
            let archive = cluster.get(&format!("{}/segments/{table}/{}", cluster.controller, name.as_str().unwrap()));
            archive.windows(22).any(|part| part == b"v3/metadata.properties")
        };
        names.iter().filter(|name| is_stored(name)).count()
    };
    at_level(", archiveLevel: 0");
    cluster.await_count(table, 3);
    let of_first = stored();
    assert!(of_first > 0, "{table}");
    let said = at_level("");
    assert!(said.contains("nothing to do") || said.contains("published 0 segments"), "{said}");
    fs::write(path.join("in/more.csv"), "city,n\nRome,1\n").unwrap();
    at_level("");
    cluster.await_count(table, 4);
    assert_eq!(stored(), of_first, "{table}");
}

//! `examples/flink` as `cargo xtask flink` runs them, each on one line of Flink.

use std::fs;
use std::path::Path;
use std::process::Command;

use pinotage_testkit::cluster::{Cluster, eventually};
use pinotage_testkit::done;

use super::lines::Line;

#[test]
fn the_examples_write_their_orders() {
    let (Some(older), Some(newer)) = (Line::V1_20.class_path(), Line::V2.class_path()) else { return };
    let Some(cluster) = Cluster::shared() else { return };
    let folder = tempfile::tempdir().unwrap();
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/flink");
    for entry in fs::read_dir(examples).unwrap().flatten() {
        let staging = folder.path().join("staging").display().to_string();
        let text = fs::read_to_string(entry.path()).unwrap().replace("/tmp/pinotage", &staging);
        fs::write(folder.path().join(entry.file_name()), text).unwrap();
    }
    let count = |rows: u64| {
        eventually(&format!("{rows} orders"), || {
            let answer = cluster.query("SELECT COUNT(*), DISTINCTCOUNT(id) FROM orders");
            let row = &answer["resultTable"]["rows"][0];
            let found = (row[0].as_u64(), row[1].as_u64());
            if found == (Some(rows), Some(100_000)) { Ok(()) } else { Err(answer.to_string()) }
        });
    };
    let example = "io.pinotage.flink.scenarios.Example";
    done(super::lines::java(&older).arg(example).arg(folder.path().join("orders.sql")).arg(&cluster.controller));
    count(100_000);
    done(Command::new("javac").args(["-cp", &newer, "-d"]).arg(folder.path()).arg(folder.path().join("Orders.java")));
    let class_path = format!("{}:{newer}", folder.path().display());
    done(super::lines::java(&class_path).args(["Orders", &cluster.controller]));
    count(200_000);
}

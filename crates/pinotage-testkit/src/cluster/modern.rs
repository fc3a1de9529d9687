//! Pinot 1.5.1 (`java/cluster`).

use std::process::Command;

use serde_json::Value as Json;

use super::process::Process;
use super::{Cluster, Options, ServerAddress, class_path, folder, keep};

/// Where `cargo xtask test` says how to start it.
const CLASS_PATH: &str = "PINOTAGE_CLUSTER_CLASSPATH";

pub(super) fn start(options: &Options) -> Option<Cluster> {
    let class_path = class_path(CLASS_PATH)?;
    let folder = folder();
    let mut command = Command::new("java");
    // Starts in half the time of the defaults: one quick compiler, one collector thread.
    command.args(["-Xmx1g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", &class_path]);
    command.arg("io.pinotage.cluster.ClusterMain").arg(folder.path());
    if !keep() {
        command.arg("--remove");
    }
    command.args(["--servers", &options.servers.to_string()]);
    let (process, line) = Process::start(&mut command, &folder.path().join("cluster.log"));
    let addresses: Json = serde_json::from_str(&line).unwrap();
    Some(Cluster {
        controller: text(&addresses["controller"]),
        broker: text(&addresses["broker"]),
        servers: addresses["servers"].as_array().unwrap().iter().map(server).collect(),
        _processes: vec![process],
        _folder: folder,
    })
}

fn server(json: &Json) -> ServerAddress {
    let port = |name: &str| json[name].as_u64().unwrap().try_into().unwrap();
    ServerAddress {
        instance: text(&json["instance"]),
        host: text(&json["host"]),
        netty_port: port("nettyPort"),
        grpc_port: port("grpcPort"),
        admin_port: port("adminPort"),
    }
}

fn text(json: &Json) -> String {
    json.as_str().unwrap().to_owned()
}

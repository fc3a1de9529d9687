//! Starts the Java side (`java/cluster`, `java/cluster-0.11`) and reads where it listens.

use std::process::Command;

use serde_json::Value as Json;

use super::process::Process;
use super::{Cluster, Http, Options, ServerAddress, Tls, TlsFiles, User, Version, class_path, folder, keep};

impl Version {
    /// The variable in which `cargo xtask test` says how to start it.
    pub(super) fn class_path_variable(self) -> &'static str {
        match self {
            Self::V1_5 => "PINOTAGE_CLUSTER_CLASSPATH",
            Self::V0_11 => "PINOTAGE_CLUSTER_0_11_CLASSPATH",
        }
    }
}

pub(super) fn start(options: &Options) -> Option<Cluster> {
    let class_path = class_path("cluster", options.version.class_path_variable())?;
    let folder = folder();
    let mut command = Command::new("java");
    // Starts in half the time of the defaults: one quick compiler, one collector thread.
    command.args(["-Xmx1g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", &class_path]);
    // Far from UTC, and not by whole hours: whoever takes a local time for an instant is found out.
    command.arg("-Duser.timezone=Pacific/Chatham");
    command.arg("io.pinotage.cluster.ClusterMain").arg(folder.path());
    if !keep() {
        command.arg("--remove");
    }
    command.args(["--servers", &options.servers.to_string()]);
    if options.auth {
        command.arg("--auth");
    }
    let certificates = folder.path().join("tls");
    let tls = (options.tls != Tls::Off).then(|| TlsFiles::make(&certificates));
    if tls.is_some() {
        command.arg("--tls").arg(&certificates);
    }
    if options.tls == Tls::Mutual {
        command.arg("--mutual-tls");
    }
    if let Some(url) = &options.s3 {
        command.args(["--s3", url]);
    }
    let (process, line) = Process::start(&mut command, &folder.path().join("cluster.log"));
    let addresses: Json = serde_json::from_str(&line).unwrap();
    let user = |name: &str| {
        let password = addresses["users"][name].as_str()?.to_owned();
        Some(User { name: name.to_owned(), password })
    };
    let admin = user("admin");
    Some(Cluster {
        controller: text(&addresses["controller"]),
        broker: text(&addresses["broker"]),
        servers: addresses["servers"].as_array().unwrap().iter().map(server).collect(),
        deep_store: text(&addresses["deepStore"]).into(),
        http: Http::new(tls.as_ref(), true, admin.as_ref()),
        admin,
        reader: user("reader"),
        tls,
        process,
        folder,
    })
}

fn server(json: &Json) -> ServerAddress {
    let port = |name: &str| json[name].as_u64().unwrap().try_into().unwrap();
    ServerAddress {
        instance: text(&json["instance"]),
        host: text(&json["host"]),
        netty_port: port("nettyPort"),
        netty_tls_port: port("nettyTlsPort"),
        grpc_port: port("grpcPort"),
        admin: text(&json["admin"]),
    }
}

fn text(json: &Json) -> String {
    json.as_str().unwrap().to_owned()
}

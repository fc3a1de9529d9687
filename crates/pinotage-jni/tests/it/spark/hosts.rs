//! A cluster of Spark: a master, workers that take each other for other hosts, and executors, all processes of their own.

use std::fs::File;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::lines::{Line, java, scenarios};
use crate::jvm::Jvm;

/// It ends with the value.
pub(super) struct Hosts {
    home: TempDir,
    line: Line,
    class_path: String,
    address: String,
    processes: Vec<Child>,
}

impl Hosts {
    /// Two workers of one task at a time. None without this line.
    pub(super) fn start(line: Line) -> Option<Self> {
        let class_path = line.class_path()?;
        let home = tempfile::Builder::new().prefix("spark-").tempdir().unwrap();
        let jars = home.path().join("jars");
        std::fs::create_dir_all(&jars).unwrap();
        for jar in std::env::split_paths(&class_path) {
            std::os::unix::fs::symlink(&jar, jars.join(jar.file_name().unwrap())).unwrap();
        }
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let address = format!("spark://127.0.0.1:{port}");
        let mut hosts = Self { home, line, class_path, address: address.clone(), processes: Vec::new() };
        hosts.run("master.Master", &["--host", "127.0.0.1", "--port", &port.to_string(), "--webui-port", "0"]);
        for host in ["127.0.0.2", "127.0.0.3"] {
            let work = hosts.home.path().join(host).display().to_string();
            let place = ["--host", host, "--webui-port", "0", "--cores", "1", "--memory", "768m", "--work-dir", &work];
            hosts.run("worker.Worker", &[&place[..], &[&address]].concat());
        }
        Some(hosts)
    }

    fn run(&mut self, class: &str, arguments: &[&str]) {
        let mut java = java(&self.class_path);
        java.arg(format!("org.apache.spark.deploy.{class}")).args(arguments);
        let log = File::create(self.home.path().join(format!("log{}", self.processes.len()))).unwrap();
        let child = self.within(&mut java).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        self.processes.push(child);
    }

    fn within<'c>(&self, java: &'c mut Command) -> &'c mut Command {
        let scala = if self.line == Line::V3_5 { "2.12" } else { "2.13" };
        java.env("SPARK_HOME", self.home.path()).env("SPARK_SCALA_VERSION", scala)
    }

    /// A driver of it.
    pub(super) fn driver(&self, settings: &[(&str, &str)]) -> Jvm {
        let library = format!("-Dpinotage.library={} -XX:TieredStopAtLevel=1", crate::java::library().display());
        let own = [
            ("spark.master", self.address.as_str()),
            ("spark.executor.memory", "640m"),
            ("spark.executor.extraJavaOptions", &library),
        ];
        let mut java = scenarios(&self.class_path, &[], &[&own[..], settings].concat());
        self.within(&mut java);
        Jvm::start(java)
    }

    /// Kills the executors of a worker.
    pub(super) fn kill_executors(&self, worker: usize) {
        let parent = self.processes[worker + 1].id().to_string();
        let output = Command::new("ps").args(["--ppid", &parent, "-o", "pid="]).output().unwrap();
        let pids = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(!pids.trim().is_empty(), "worker {worker} has no executor");
        for pid in pids.split_whitespace() {
            assert!(Command::new("kill").args(["-9", pid]).status().unwrap().success());
        }
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        // Workers end their executors when they are asked to end.
        for process in &mut self.processes {
            let _ = Command::new("kill").arg(process.id().to_string()).status();
            let _ = process.wait();
        }
    }
}

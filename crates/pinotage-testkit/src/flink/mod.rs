//! Session clusters of Flink, each part in a process of its own, on free loopback ports and in temporary folders.
//!
//! A cluster ends with the value that holds it, and with the process that started it however that dies.

mod line;
mod rest;

pub use line::{Connector, Line};
pub use rest::{Job, JobState};

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use tempfile::TempDir;

use crate::cluster::{Http, eventually};
use crate::servers::process::{Process, free_port};

/// What Flink's own scripts open.
const OPENED: [&str; 9] = [
    "java.lang",
    "java.lang.invoke",
    "java.lang.reflect",
    "java.net",
    "java.io",
    "java.nio",
    "java.text",
    "java.time",
    "java.util",
];

/// What a session cluster is to be like.
#[derive(Clone, Debug)]
pub struct SessionOptions {
    /// The TaskManagers at its start.
    pub task_managers: usize,
    /// Slots of each.
    pub slots: usize,
    /// Whether the connector's jar is in `lib/`, for all jobs, instead of user code of each.
    pub connector_in_lib: bool,
    /// The native library, where it is not in the connector's jar.
    pub library: Option<PathBuf>,
    /// Further jars in `lib/`.
    pub lib: Vec<PathBuf>,
    /// Further lines of `config.yaml`.
    pub config: Vec<(String, String)>,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self { task_managers: 1, slots: 4, connector_in_lib: false, library: None, lib: Vec::new(), config: Vec::new() }
    }
}

/// A running session cluster.
pub struct Session {
    /// The URL of its REST, without a slash at its end.
    pub url: String,
    http: Http,
    java: Vec<String>,
    task_managers: Vec<TaskManager>,
    // Dropped in this order: nobody writes into the folder any more when it is removed.
    job_manager: Process,
    folder: TempDir,
}

/// A TaskManager: a process and the folder that is its local disk.
struct TaskManager {
    process: Process,
    disk: TempDir,
}

impl Session {
    /// Starts a JobManager and TaskManagers and waits until all slots are there; none without this line of Flink, which is said.
    ///
    /// # Panics
    /// When one does not start.
    pub fn start(line: Line, options: &SessionOptions) -> Option<Self> {
        let mut lib = line.lib()?;
        if options.connector_in_lib {
            lib.push(line.jar()?);
        }
        lib.extend_from_slice(&options.lib);
        let folder = tempfile::Builder::new().prefix("flink-").tempdir().unwrap();
        let mut java: Vec<String> =
            OPENED.iter().map(|package| format!("--add-opens=java.base/{package}=ALL-UNNAMED")).collect();
        java.extend(
            ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Duser.timezone=Pacific/Chatham"].map(str::to_owned),
        );
        java.push("-Dorg.slf4j.simpleLogger.defaultLogLevel=info".to_owned());
        if let Some(library) = &options.library {
            java.push(format!("-Dpinotage.library={}", library.display()));
        }
        java.extend(["-cp".to_owned(), env::join_paths(lib).unwrap().into_string().unwrap()]);
        let (rpc, rest) = (free_port(), free_port());
        write_config(folder.path(), options, rpc, rest);
        let entry = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint";
        let config = folder.path().display().to_string();
        let job_manager =
            spawn(&java, "-Xmx448m", entry, &["--configDir", &config, "--host", "127.0.0.1"], folder.path());
        let url = format!("http://127.0.0.1:{rest}");
        let http = Http::new(None, false, None);
        let mut session = Self { url, http, java, task_managers: Vec::new(), job_manager, folder };
        for _ in 0..options.task_managers {
            session.add_task_manager();
        }
        session.await_slots(options.task_managers * options.slots);
        Some(session)
    }

    /// Starts one more TaskManager, with an empty disk; its number. It is there when its slots are ([`Session::await_slots`]).
    pub fn add_task_manager(&mut self) -> usize {
        let disk = tempfile::Builder::new().prefix("flink-disk-").tempdir().unwrap();
        let entry = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner";
        let config = self.folder.path().display().to_string();
        let local = format!("io.tmp.dirs={}", disk.path().display());
        let args = ["--configDir", &config, "-D", &local];
        let process = spawn(&self.java, "-Xmx512m", entry, &args, disk.path());
        self.task_managers.push(TaskManager { process, disk });
        self.task_managers.len() - 1
    }

    /// Kills a TaskManager with SIGKILL, by its process id, and wipes its disk. The numbers of those behind it are one less.
    pub fn kill_task_manager(&mut self, number: usize) {
        drop(self.task_managers.remove(number));
    }

    /// The process id of a TaskManager.
    pub fn task_manager_process(&self, number: usize) -> u32 {
        self.task_managers[number].process.id()
    }

    /// The folder of a TaskManager's temporary files, its own and those of the JVM.
    pub fn task_manager_disk(&self, number: usize) -> &Path {
        self.task_managers[number].disk.path()
    }

    /// The process id of the JobManager, in which the programs of uploaded jars run.
    pub fn job_manager_process(&self) -> u32 {
        self.job_manager.id()
    }

    /// Waits until there are exactly as many slots, free or not.
    pub fn await_slots(&self, slots: usize) {
        eventually(&format!("{slots} slots of Flink"), || {
            let overview = self.http.get(&format!("{}/overview", self.url));
            let overview = overview.map_err(|error| format!("{error}\n{}", self.logs()))?;
            let overview: Json = serde_json::from_slice(&overview).unwrap_or_default();
            if overview["slots-total"] == slots { Ok(()) } else { Err(format!("{overview}\n{}", self.logs())) }
        });
    }

    /// The ends of all logs.
    pub fn logs(&self) -> String {
        let mut text = format!("== JobManager\n{}\n", self.job_manager.log());
        for manager in &self.task_managers {
            text += &format!("== TaskManager\n{}\n", manager.process.log());
        }
        text
    }
}

fn spawn(java: &[String], memory: &str, entry: &str, args: &[&str], disk: &Path) -> Process {
    // For Java, and for what is not.
    let (temporary, others) = (format!("-Djava.io.tmpdir={}", disk.display()), format!("TMPDIR={}", disk.display()));
    let mut words: Vec<&str> = vec![&others, "java", memory, &temporary];
    words.extend(java.iter().map(String::as_str));
    words.push(entry);
    words.extend(args);
    Process::spawn("env", &words)
}

/// Flink's own scripts work out the memory of a TaskManager before it starts; so it has to be spelt out.
fn write_config(folder: &Path, options: &SessionOptions, rpc: u16, rest: u16) {
    let mut lines: Vec<(&str, String)> = vec![
        ("jobmanager.rpc.address", "127.0.0.1".into()),
        ("jobmanager.rpc.port", rpc.to_string()),
        ("jobmanager.bind-host", "127.0.0.1".into()),
        ("taskmanager.bind-host", "127.0.0.1".into()),
        ("taskmanager.host", "127.0.0.1".into()),
        ("rest.address", "127.0.0.1".into()),
        ("rest.bind-address", "127.0.0.1".into()),
        ("rest.port", rest.to_string()),
        ("web.upload.dir", folder.join("upload").display().to_string()),
        ("taskmanager.numberOfTaskSlots", options.slots.to_string()),
        ("taskmanager.cpu.cores", "1.0".into()),
        ("taskmanager.memory.framework.heap.size", "128m".into()),
        ("taskmanager.memory.framework.off-heap.size", "128m".into()),
        ("taskmanager.memory.task.heap.size", "256m".into()),
        ("taskmanager.memory.task.off-heap.size", "0m".into()),
        ("taskmanager.memory.managed.size", "64m".into()),
        ("taskmanager.memory.network.min", "64m".into()),
        ("taskmanager.memory.network.max", "64m".into()),
        ("taskmanager.memory.jvm-metaspace.size", "256m".into()),
        ("taskmanager.memory.jvm-overhead.min", "192m".into()),
        ("taskmanager.memory.jvm-overhead.max", "192m".into()),
        // A TaskManager that was killed is missed soon.
        ("heartbeat.interval", "1000".into()),
        ("heartbeat.timeout", "6000".into()),
        ("pekko.ask.timeout", "60 s".into()),
    ];
    lines.retain(|(key, _)| options.config.iter().all(|(other, _)| other != key));
    lines.extend(options.config.iter().map(|(key, value)| (key.as_str(), value.clone())));
    let text: String = lines.iter().map(|(key, value)| format!("{key}: {value}\n")).collect();
    fs::write(folder.join("config.yaml"), text).unwrap();
}

//! A Kafka broker (`java/kafka`).

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, OnceLock};

use tempfile::TempDir;

use crate::cluster::class_path;

/// A running broker that keeps its topics in a folder of its own.
pub struct Kafka {
    /// Its `host:port`.
    pub address: String,
    child: Child,
    // One order at a time.
    lines: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
    _folder: TempDir,
}

impl Kafka {
    /// Starts a broker (about 5 s, 0.3 GB), or says that the test is skipped because nobody built it.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start() -> Option<Self> {
        let class_path = class_path("Kafka", "PINOTAGE_KAFKA_CLASSPATH")?;
        let folder = tempfile::Builder::new().prefix("kafka-").tempdir().unwrap();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let mut child = Command::new("java")
            .args(["-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
            .args(["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", &class_path, "io.pinotage.kafka.KafkaMain"])
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut address = String::new();
        output.read_line(&mut address).unwrap();
        let log = || std::fs::read_to_string(folder.path().join("log")).unwrap_or_default();
        assert!(!address.is_empty(), "Kafka does not start:\n{}", log());
        Some(Self { address: address.trim().to_owned(), child, lines: Mutex::new((input, output)), _folder: folder })
    }

    /// The one that all tests of this process share. Names of topics are the caller's to keep apart.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Kafka>> = OnceLock::new();
        SHARED.get_or_init(Self::start).as_ref()
    }

    /// Makes an empty topic.
    pub fn create_topic(&self, topic: &str, partitions: u32) {
        self.order(&format!("topic {topic} {partitions}"));
    }

    /// Writes the numbers from `begin` up to `end` as text, each into the partition of its remainder, and waits until they are there.
    pub fn write_numbers(&self, topic: &str, partitions: u32, begin: u64, end: u64) {
        self.order(&format!("numbers {topic} {partitions} {begin} {end}"));
    }

    fn order(&self, command: &str) {
        let mut lines = self.lines.lock().unwrap();
        writeln!(lines.0, "{command}").unwrap();
        let mut answer = String::new();
        lines.1.read_line(&mut answer).unwrap();
        assert_eq!(answer.trim(), "ok", "{command}");
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

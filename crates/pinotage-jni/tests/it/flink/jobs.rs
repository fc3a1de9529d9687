//! Many jobs in one session cluster: what one leaves behind, the next ones do not add to.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use pinotage_testkit::flink::{Connector, SessionOptions};
use pinotage_testkit::is_full;

use super::lines::Line;
use super::session::Shared;
use super::table::Table;

/// What a process has of ours.
#[derive(Debug, PartialEq, Eq)]
struct Left {
    /// Threads of the library.
    threads: usize,
    /// Mappings of the library, and the files that they are of.
    mappings: usize,
    files: BTreeSet<String>,
    /// In the folder of temporary files.
    temporary: BTreeSet<String>,
    /// Class loaders of jobs that cannot be collected.
    class_loaders: u64,
}

fn left(process: u32, disk: Option<&Path>) -> Left {
    let threads = fs::read_dir(format!("/proc/{process}/task")).unwrap().flatten();
    let names = threads.filter_map(|thread| fs::read_to_string(thread.path().join("comm")).ok());
    let maps = fs::read_to_string(format!("/proc/{process}/maps")).unwrap();
    let maps: Vec<&str> = maps.lines().filter(|line| line.contains("libpinotage")).collect();
    let names_in =
        |disk: &Path| fs::read_dir(disk).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let is_ours = |name: &String| name.starts_with("pinotage") || name.starts_with(".tmp");
    Left {
        threads: names.filter(|name| name.starts_with("pinotage") || name.starts_with("segment-")).count(),
        mappings: maps.len(),
        files: maps.iter().filter_map(|line| line.split_whitespace().nth(4)).map(str::to_owned).collect(),
        temporary: disk.into_iter().flat_map(names_in).filter(is_ours).collect(),
        class_loaders: class_loaders(process),
    }
}

/// Behind a collection of all garbage.
fn class_loaders(process: u32) -> u64 {
    let output = Command::new("jcmd").args([&process.to_string(), "GC.class_histogram"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("java.lang.String"), "{text}");
    let line = text.lines().find(|line| line.trim_end().ends_with("org.apache.flink.util.ChildFirstClassLoader"));
    line.and_then(|line| line.split_whitespace().nth(1)).map_or(0, |count| count.parse().unwrap())
}

/// Jobs one behind the other, and two at once, with the connector here or there.
fn come_and_go(name: &str, line: Line, options: &SessionOptions, connector: Connector<'_>) {
    let Some(table) = Table::create(name, line) else { return };
    let Some(own) = Shared::start(line, options, connector) else { return };
    let (jobs, rows) = (if is_full() { 20 } else { 8 }, 3_000);
    let submit = |job: &str, rate: &str| {
        let further = [("job", job), ("segmentRows", "1000"), ("checkpointMillis", "200"), ("rate", rate)];
        own.submit(&table.options(rows, &further), None)
    };
    let look = || {
        let manager = left(own.session.task_manager_process(0), Some(own.session.task_manager_disk(0)));
        (manager, left(own.session.job_manager_process(), None))
    };
    let two = ["two-a", "two-b"].map(|job| submit(job, "200"));
    two[0].await_checkpoints(1);
    let own_loader = connector != Connector::InLib;
    assert!(!own_loader || class_loaders(own.session.task_manager_process(0)) > 0, "class loaders have another name");
    two.iter().for_each(|job| job.finish());
    let first = look();
    (0..jobs).for_each(|job| submit(&format!("job-{job}"), "4000").finish());
    let last = look();
    table.is_there_times(rows, jobs + 2);
    for (first, last) in [(&first.0, &last.0), (&first.1, &last.1)] {
        assert_eq!((last.threads, last.mappings, &last.files), (0, first.mappings, &first.files));
        assert_eq!(last.files.len(), 1, "the library is in memory more than once");
        assert_eq!(last.temporary, first.temporary);
        // Threads of Flink's pools hold on to jobs that they had; that many stay that many.
        assert!(last.class_loaders <= 6, "jobs are still in memory: {last:?}");
    }
}

#[test]
fn with_the_connector_and_its_library_as_user_code() {
    let library = crate::java::library();
    let connector = Connector::InJobWith(&library);
    come_and_go("flink_jobs", Line::V1_20, &SessionOptions::default(), connector);
    if is_full() {
        come_and_go("flink_jobs", Line::V2, &SessionOptions::default(), connector);
    }
}

#[test]
fn with_the_connector_in_lib() {
    let options =
        SessionOptions { connector_in_lib: true, library: Some(crate::java::library()), ..SessionOptions::default() };
    come_and_go("flink_jobs_lib", Line::V2, &options, Connector::InLib);
    if is_full() {
        come_and_go("flink_jobs_lib", Line::V1_20, &options, Connector::InLib);
    }
}

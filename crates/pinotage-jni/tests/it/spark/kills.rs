//! Drivers, executors and tasks that are killed, and tasks that run twice: each row once, or the table as it was before.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::hosts::Hosts;
use super::lines::Line;
use super::ok;
use super::table::Table;

/// Waits until something is so.
pub(super) fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(100), "{what} did not happen");
        sleep(Duration::from_millis(15));
    }
}

fn has_staged(table: &Table) -> bool {
    let runs = std::fs::read_dir(table.folder("staging")).unwrap().flatten();
    let lives = runs.flat_map(|run| std::fs::read_dir(run.path()).into_iter().flatten().flatten());
    lives
        .flat_map(|life| std::fs::read_dir(life.path()).into_iter().flatten().flatten())
        .any(|file| file.path().to_string_lossy().ends_with(".tar.gz"))
}

/// Begins a write in a driver of its own and kills that when something is so.
fn killed(line: Line, options: &[(&str, String)], what: &str, is_so: impl Fn() -> bool) -> Option<()> {
    let mut jvm = line.start(&[])?;
    jvm.begin("write", options);
    wait_until(what, is_so);
    jvm.kill();
    Some(())
}

/// Before anything was published, and in the middle of it: queries see what they saw before, and the next write of the job is
/// not in its way.
#[test]
fn drivers_are_killed() {
    let line = Line::V4;
    let Some(table) = Table::create("spark_driver_killed", line) else { return };
    ok(line, "write", &table.options(6_000, &[("o:sink.segment.maxRows", "2000")]));
    let slow = [("tasks", "2"), ("slowAt", "59000"), ("slowMillis", "600000"), ("o:sink.segment.maxRows", "2000")];
    killed(line, &table.options(60_000, &slow), "a segment in staging", || has_staged(&table)).unwrap();
    table.is_exact(6_000);
    let many =
        [("mode", "overwrite"), ("tasks", "2"), ("o:sink.segment.maxRows", "1000"), ("o:sink.push.parallelism", "1")];
    killed(line, &table.options(40_000, &many), "a replacement", || table.is_being_published()).unwrap();
    table.is_exact(6_000);
    // Rows beside what was begun.
    ok(line, "write", &table.options(2_000, &[("from", "6000")]));
    table.is_exact(8_000);
    // In place of it.
    ok(line, "write", &table.options(30_000, &[("mode", "overwrite"), ("o:sink.segment.maxRows", "10000")]));
    table.is_exact(30_000);
    assert!(!table.is_being_published());
}

/// In the middle of a publication that carries rows over: they are where they were, and the next one is not in its way.
#[test]
fn drivers_that_carry_rows_over_are_killed() {
    let line = Line::V4;
    let Some(table) = Table::create("spark_carry_killed", line) else { return };
    ok(line, "write", &table.options(12_000, &[("tasks", "1"), ("o:sink.segment.maxRows", "6000")]));
    table.is_exact(12_000);
    let range = "at~>=~timestamp_millis(1700000003000)~AND~at~<~timestamp_millis(1700000009000)";
    let begun = [
        ("mode", "where"),
        ("where", range),
        ("from", "3000"),
        ("tasks", "2"),
        ("o:overwrite.rewriteStraddling", "true"),
        ("o:sink.segment.maxRows", "500"),
        ("o:sink.push.parallelism", "1"),
    ];
    killed(line, &table.options(6_000, &begun), "a replacement", || table.is_being_published()).unwrap();
    table.is_exact(12_000);
    ok(line, "write", &table.options(6_000, &begun));
    table.is_exact(12_000);
    assert!(!table.is_being_published());
}

/// A task runs twice at the same time, and an executor dies with what its tasks have written.
#[test]
fn tasks_run_twice_and_executors_are_killed() {
    let line = Line::V4;
    let Some(table) = Table::create("spark_executors", line) else { return };
    let Some(hosts) = Hosts::start(line) else { return };
    let mut jvm = hosts.driver(&[
        ("spark.speculation", "true"),
        ("spark.speculation.interval", "50ms"),
        ("spark.speculation.multiplier", "1"),
        ("spark.speculation.quantile", "0.25"),
        ("spark.speculation.minTaskRuntime", "50ms"),
    ]);
    // The first attempt of the last task is slow; its copy is not, and both write rows.
    let slow = [("tasks", "4"), ("slowAt", "39000"), ("slowMillis", "600000"), ("o:sink.segment.maxRows", "3000")];
    jvm.run("write", &table.options(40_000, &slow)).unwrap();
    table.is_exact(40_000);
    table.has_no_staging();
    let slow = [
        ("tasks", "2"),
        ("from", "40000"),
        ("slowAt", "79000"),
        ("slowMillis", "600000"),
        ("o:sink.segment.maxRows", "3000"),
    ];
    jvm.begin("write", &table.options(40_000, &slow));
    wait_until("a segment in staging", || has_staged(&table));
    hosts.kill_executors(0);
    jvm.answer().unwrap();
    table.is_exact(80_000);
    table.has_no_staging();
}

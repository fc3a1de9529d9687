//! Each row once, whatever happens to the job.

use super::lines::Line;
use super::table::Table;

/// Runs a test with each line of Flink.
macro_rules! on_each_line {
    ($(#[$doc:meta])* $name:ident, $test:expr) => {
        $(#[$doc])*
        mod $name {
            use super::*;

            #[test]
            fn on_1_20() {
                $test(Line::V1_20);
            }

            #[test]
            fn on_2() {
                $test(Line::V2);
            }
        }
    };
}

fn ok(line: Line, scenario: &str, options: &[(&str, String)]) -> String {
    line.run(scenario, options).unwrap().unwrap_or_else(|error| panic!("{error}"))
}

on_each_line!(
    /// Checkpoints twice a second and tasks that fail: sums are exact, and segments are as large as asked for.
    failures_lose_and_double_nothing,
    |line| {
        let Some(table) = Table::create("flink_failures", line) else { return };
        let (rows, failures) = if pinotage_testkit::is_full() { (5_000_000, 20) } else { (200_000, 3) };
        let failures = failures.to_string();
        let further = [("failures", failures.as_str()), ("restarts", "100"), ("parallelism", "3"), ("rate", "20000"),
            ("segmentRows", "8000"), ("seed", "7")];
        let said = ok(line, "finish", &table.options(rows, &further));
        assert_eq!(said, "failures left 0");
        table.is_exact(rows);
        let segments = table.segments();
        assert!(segments.len() >= 20, "{segments:?}");
        assert!(segments[segments.len() / 2] >= 4_000, "{segments:?}");
    }
);

on_each_line!(
    /// 3, 5 and 2 tasks, from savepoints in mid-job.
    open_segments_are_handed_over_when_the_parallelism_changes,
    |line| {
        let Some(table) = Table::create("flink_rescaled", line) else { return };
        let rows = 120_000;
        let further = [("parallelism", "3"), ("rate", "8000"), ("segmentRows", "7000"), ("millis", "2500")];
        let first = ok(line, "stop", &table.options(rows, &further));
        table.is_never_doubled(rows);
        let further = [("parallelism", "5"), ("rate", "5000"), ("segmentRows", "7000"), ("millis", "2500"), ("from", first.as_str())];
        let second = ok(line, "stop", &table.options(rows, &further));
        table.is_never_doubled(rows);
        ok(line, "finish", &table.options(rows, &[("parallelism", "2"), ("segmentRows", "7000"), ("from", second.as_str())]));
        table.is_exact(rows);
    }
);

/// A savepoint of 1.20 is one of 2.x.
#[test]
fn a_savepoint_moves_from_1_20_to_2() {
    let (Some(table), Some(_)) = (Table::create("flink_moved", Line::V1_20), Line::V2.class_path()) else { return };
    let rows = 60_000;
    let further = [("parallelism", "2"), ("rate", "8000"), ("segmentRows", "9000"), ("millis", "2000")];
    let savepoint = ok(Line::V1_20, "stop", &table.options(rows, &further));
    ok(Line::V2, "finish", &table.options(rows, &[("parallelism", "3"), ("segmentRows", "9000"), ("from", savepoint.as_str())]));
    table.is_exact(rows);
}

//! The Flink sink on Flink's own mini cluster and a real Pinot cluster, with each line of Flink.

mod catalog;
mod dist;
mod examples;
mod faults;
mod jobs;
mod kills;
mod lines;
mod read;
mod session;
mod sink;
mod sql;
mod table;
mod upsert;

use lines::Line;

/// Runs a test with each line of Flink.
macro_rules! on_each_line {
    ($(#[$doc:meta])* $name:ident, $test:expr) => {
        $(#[$doc])*
        mod $name {
            use super::*;

            #[test]
            fn on_1_20() {
                $test($crate::flink::Line::V1_20);
            }

            #[test]
            fn on_2() {
                $test($crate::flink::Line::V2);
            }
        }
    };
}
use on_each_line;

/// What a scenario says, which has to succeed.
fn ok(line: Line, scenario: &str, options: &[(&str, String)]) -> String {
    lines::run(line, scenario, options).unwrap().unwrap_or_else(|error| panic!("{error}"))
}

/// Why a scenario failed, which it has to.
fn failed(line: Line, scenario: &str, options: &[(&str, String)]) -> String {
    lines::run(line, scenario, options).unwrap().expect_err("it did not fail")
}

//! The connector for Spark on local Spark and a real Pinot cluster, with each line of Spark and of Scala.

mod compare;
mod dist;
mod faults;
mod halves;
mod hosts;
mod insert;
mod jar;
mod kills;
mod lines;
mod oldest;
mod partitions;
pub(crate) mod read;
mod realtime;
mod refused;
mod stream;
mod table;
mod whole;
mod write;

use lines::Line;

/// Runs a test with each line of Spark.
macro_rules! on_each_line {
    ($(#[$doc:meta])* $name:ident, $test:expr) => {
        $(#[$doc])*
        mod $name {
            use super::*;

            #[test]
            fn on_3_5() {
                $test($crate::spark::Line::V3_5);
            }

            #[test]
            fn on_3_5_with_scala_2_13() {
                $test($crate::spark::Line::V3_5Scala2_13);
            }

            #[test]
            fn on_4() {
                $test($crate::spark::Line::V4);
            }
        }
    };
}
use on_each_line;

/// What a scenario says, which has to succeed.
fn ok(line: Line, scenario: &str, options: &[(&str, String)]) -> Option<String> {
    Some(line.run(scenario, options)?.unwrap_or_else(|error| panic!("{error}")))
}

/// Why a scenario failed, which it has to.
fn failed(line: Line, scenario: &str, options: &[(&str, String)]) -> Option<String> {
    Some(line.run(scenario, options)?.expect_err("it did not fail"))
}

//! The library as Java sees it: programs of `java/native-test` run with the library that was just built.
#![allow(clippy::unwrap_used)]

mod border;
mod cluster;
mod flink;
mod installed;
mod java;
mod jvm;
mod scan;
mod spark;
/// The tables that scans of Rust are tested with.
#[allow(dead_code)]
#[path = "../../../pinotage-scan/tests/it/support.rs"]
mod tables;

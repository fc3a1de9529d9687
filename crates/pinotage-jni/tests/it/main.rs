//! The library as Java sees it: programs of `java/native-test` run with the library that was just built.
#![allow(clippy::unwrap_used)]

mod border;
mod cluster;
mod java;

//! The client against a real cluster.
#![allow(missing_docs)]

mod controller;
mod faults;
mod others;
mod query;
mod stores;
mod support;

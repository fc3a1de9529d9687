//! The sources and sinks that Pinotage brings along, each behind the traits of `pinotage-connector`.
#![forbid(unsafe_code)]

pub mod files;
pub mod generator;

//! What was asked: a job file, or a job spec of Pinot's, as one validated plan.
//!
//! Every option is declared once, in [`file`]; the JSON Schema for editors is made from it. Reading a job touches the
//! files that it names (schema, table config, `${file:…}`), the variables that it names (`${env:…}`) and nothing else; no clock, and the network
//! only through functions that the caller gives.
#![forbid(unsafe_code)]

mod budget;
mod engines;
pub mod file;
mod infer;
mod input;
mod nearest;
mod one_to_one;
pub mod pinot_spec;
mod plan;
mod reference;
mod sink_job;
mod state_place;
mod table_url;
mod variables;

pub use budget::ErrorBudget;
pub use engines::{EngineFound, FLINK_RUNNER, FlinkScript, SPARK_RUNNER, Shown, SparkReading, SparkScript};
pub use infer::{infer_schema, infer_table_config};
pub use input::{InputFile, Listing, expand_paths};
pub use one_to_one::{InputName, NamedInput, OneToOne};
pub use plan::{Plan, check_ingestion, connection_file};
pub use reference::{job_reference, job_schema, option_table};
pub use sink_job::SinkJob;
pub use state_place::StatePlace;
pub use table_url::{ConnectionText, TableUrl};

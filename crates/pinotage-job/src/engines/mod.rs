//! A job file as other engines run it: what is read, the SQL over it, and the options of the connector's table.
//!
//! What is the same for all of them is here, once. An engine has its own words for options and its own ways to read files, and
//! does what it cannot do otherwise by refusing it with the option's name.

mod flink;
mod options;
mod sink;
mod spark;
mod text;
mod types;

use arrow::datatypes::Schema;
use pinotage_common::Error;
use serde_json::Value as Json;

pub use self::flink::{FLINK_RUNNER, FlinkScript};
pub use self::options::{DeployMode, Engines, FlinkConnector, FlinkSession, SparkEngine, SparkReader};
pub use self::spark::{SPARK_RUNNER, Shown, SparkReading, SparkScript};
use crate::Plan;
use crate::file::SourceKind;

/// What of a job its own words do not say.
#[derive(Debug, Clone, Default)]
pub struct EngineFound {
    /// The columns of its files, and their format.
    pub columns: Option<(Schema, String)>,
    /// The files themselves: URIs, and paths from the working folder.
    pub inputs: Vec<String>,
    /// The table's primary key.
    pub primary_key: Vec<String>,
    /// Another controller than the file's.
    pub controller: Option<String>,
    /// The table is wholly what its job makes (REFRESH).
    pub replaces_table: bool,
}

/// Another engine than ours.
struct Engine {
    name: &'static str,
    /// Where the options of a table are seen, if secrets must not be among them.
    secrets_are_seen: Option<&'static str>,
    /// Options of the job file's top that have no meaning, and why.
    unused: &'static [(&'static str, &'static str)],
}

/// Where the rows come from.
enum Declared<'a> {
    /// Files of a format, with the columns that they have.
    Files { columns: &'a Schema, format: &'a str },
    /// A connector of Flink.
    Flink(&'a Json),
    /// A reader of Spark.
    Spark(&'a Json),
}

impl<'a> Declared<'a> {
    /// What the job file says; nothing for what our own engine has alone.
    fn of(document: &'a Json, plan: &Plan, found: &'a EngineFound) -> Option<Self> {
        match (plan.file.source.kind, &found.columns) {
            (SourceKind::Files, Some((columns, format))) => Some(Declared::Files { columns, format }),
            (SourceKind::Flink, _) => Some(Declared::Flink(&document["source"]["flink"])),
            (SourceKind::Spark, _) => Some(Declared::Spark(&document["source"]["spark"])),
            _ => None,
        }
    }
}

/// The rows for the table in Pinot.
fn query(plan: &Plan) -> String {
    match &plan.file.transform {
        Some(transform) => transform.sql.trim().trim_end_matches(';').to_owned(),
        None => "SELECT * FROM `source`".to_owned(),
    }
}

/// What a person should know before the job runs.
fn unused(engine: &Engine, plan: &Plan) -> Vec<String> {
    let file = &plan.file;
    let is_given = |option: &str| match option {
        "state" => file.state.is_some(),
        "threads" => file.threads.is_some(),
        _ => false,
    };
    let given = engine.unused.iter().filter(|(option, _)| is_given(option));
    let mut notes: Vec<String> = given.map(|(option, reason)| format!("`{option}` is not used: {reason}")).collect();
    if file.quarantine.is_none() {
        notes.push("without `quarantine` the first bad row fails the job".to_owned());
    }
    notes
}

fn no_format(engine: &Engine, format: &str) -> Error {
    Error::unsupported(format!("{} has no format for {format} files", engine.name))
        .with("option", "source.format")
        .action("load them with our own engine, or as csv, json, parquet, avro or orc")
}

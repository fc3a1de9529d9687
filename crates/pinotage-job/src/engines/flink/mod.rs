//! A job file for Flink: its source as a table of SQL, its query, and the options of the connector's table.
//!
//! Variables of the file (`${env:NAME}`) stay what they are where the connector reads them itself, so that no secret travels.

mod source;

use std::fmt::Write as _;

use pinotage_common::Result;
use serde_json::Value as Json;

use self::source::source_tables;
use super::sink::{EXTRA_COLUMNS, sink_options};
use super::text::quoted;
use super::{Declared, Engine, EngineFound, query, unused};
use crate::Plan;
use crate::plan::document;

/// The class of the connector's jar that runs a script.
pub const FLINK_RUNNER: &str = "io.pinotage.flink.JobRunner";

const ENGINE: Engine = Engine {
    name: "Flink",
    secrets_are_seen: Some("Flink's web pages show the options of a job"),
    unused: &[("state", "Flink's checkpoints are the state"), ("threads", "the cluster has tasks")],
};

/// A job as Flink runs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlinkScript {
    /// Flink's configuration.
    pub settings: Vec<(String, String)>,
    /// What declares the table `source`.
    pub statements: Vec<String>,
    /// The rows for the table in Pinot.
    pub query: String,
    /// The options of that table, without the connector's name.
    pub sink: Vec<(String, String)>,
    /// The primary key, for a query whose rows change.
    pub key: Vec<String>,
    /// What a person should know.
    pub notes: Vec<String>,
}

impl FlinkScript {
    /// The script of a job whose file has this text.
    ///
    /// # Errors
    ///
    /// `unsupported` for what Flink cannot do of it, by the option's name; `invalid-config` for what it needs and the file does not say.
    pub fn of(text: &str, plan: &Plan, found: &EngineFound) -> Result<Self> {
        let document: Json = document("the job file", text)?;
        let mut notes = unused(&ENGINE, plan);
        let statements = source_tables(plan, Declared::of(&document, plan, found), &mut notes)?;
        let sink = sink_options(&ENGINE, &document, plan, found)?;
        let sink = sink.into_iter().map(|(name, value)| (spelling(&name), value)).collect();
        let key = found.primary_key.clone();
        Ok(Self { settings: settings(plan), statements, query: query(plan), sink, key, notes })
    }

    /// The arguments of [`FLINK_RUNNER`].
    pub fn arguments(&self) -> Vec<String> {
        let pair = |(key, value): &(String, String)| format!("{key}={value}");
        let settings = self.settings.iter().map(|setting| ("--set", pair(setting)));
        let statements = self.statements.iter().map(|statement| ("--statement", statement.clone()));
        let sink = self.sink.iter().map(|option| ("--sink", pair(option)));
        let key = self.key.iter().map(|column| ("--key", column.clone()));
        let query = std::iter::once(("--query", self.query.clone()));
        let all = settings.chain(statements).chain(sink).chain(key).chain(query);
        all.flat_map(|(name, value)| [name.to_owned(), value]).collect()
    }

    /// The script as SQL, for a person.
    pub fn to_sql(&self) -> String {
        let mut sql = String::new();
        for (key, value) in &self.settings {
            let _ = writeln!(sql, "SET {} = {};", quoted(key), quoted(value));
        }
        for statement in &self.statements {
            let _ = writeln!(sql, "{statement};");
        }
        let _ = writeln!(sql, "-- the columns of `sink` are those of the query");
        let with = with([("connector".to_owned(), "pinotage".to_owned())].iter().chain(&self.sink));
        let _ = writeln!(sql, "CREATE TEMPORARY TABLE `sink` (…) WITH (\n{with}\n);");
        let _ = writeln!(sql, "INSERT INTO `sink`\n{};", self.query);
        sql
    }
}

fn settings(plan: &Plan) -> Vec<(String, String)> {
    let file = &plan.file;
    let mut settings =
        vec![("pipeline.name", file.name.clone()), ("table.local-time-zone", file.source.time_zone.clone())];
    let millis = |span: pinotage_common::TimeSpan| format!("{} ms", span.duration().as_millis());
    match &plan.checkpoint {
        None => settings.push(("execution.runtime-mode", "BATCH".into())),
        Some(checkpoint) => settings.extend([
            ("execution.runtime-mode", "STREAMING".to_owned()),
            ("execution.checkpointing.interval", millis(checkpoint.interval)),
            ("execution.checkpointing.externalized-checkpoint-retention", "RETAIN_ON_CANCELLATION".into()),
            ("restart-strategy.type", "fixed-delay".into()),
            ("restart-strategy.fixed-delay.attempts", checkpoint.restarts.to_string()),
            ("restart-strategy.fixed-delay.delay", millis(checkpoint.restart_delay)),
        ]),
    }
    settings.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// What the connector calls an option of the job file.
fn spelling(name: &str) -> String {
    match name {
        "name" => "job".into(),
        "sink.table" => "table".into(),
        "sink.tableType" => "table-type".into(),
        "sink.controller" => "controller".into(),
        "source.timeZone" => "time-zone".into(),
        "quarantine" => "sink.quarantine".into(),
        "checkpoint.stagingRetention" => "staging.retention".into(),
        EXTRA_COLUMNS => "sink.extra-columns".into(),
        other => kebab_case(other),
    }
}

/// `maxRows` becomes `max-rows`.
fn kebab_case(name: &str) -> String {
    name.chars().fold(String::new(), |mut text, c| {
        if c.is_ascii_uppercase() {
            text.push('-');
        }
        text.push(c.to_ascii_lowercase());
        text
    })
}

/// The inside of a `WITH`.
fn with<'a>(options: impl IntoIterator<Item = &'a (String, String)>) -> String {
    let option = |(key, value): &(String, String)| format!("  {} = {}", quoted(key), quoted(value));
    options.into_iter().map(option).collect::<Vec<_>>().join(",\n")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use arrow::datatypes::{DataType, Field, Schema};

    use super::*;

    const JOB: &str = "name: orders
source: { kind: files, format: json, paths: [data/orders.json, s3://bucket/in/*.json], timeZone: Europe/Riga }
transform: { sql: 'SELECT id, price * 2 AS price FROM source' }
sink:
  kind: pinot
  table: orders
  connection: { controller: 'host:9000', auth: { kind: basic, user: me, password: '${env:HOME}' } }
  segment: { maxRows: 1000, maxAge: 1h }
  archiveLevel: 0
checkpoint: { interval: 5s, restarts: 3 }
staging: /shared/staging
limits: { errors: 5 }
quarantine: /shared/bad
";

    fn found() -> EngineFound {
        let columns =
            Schema::new(vec![Field::new("id", DataType::Int64, true), Field::new("price", DataType::Float64, true)]);
        EngineFound { columns: Some((columns, "json".into())), ..EngineFound::default() }
    }

    fn script(text: &str) -> Result<FlinkScript> {
        let plan = Plan::from_yaml(text, Path::new("/jobs"))?;
        FlinkScript::of(text, &plan, &found())
    }

    #[test]
    fn a_job_becomes_sql() {
        let script = script(JOB).unwrap();
        insta::assert_snapshot!(script.to_sql());
        assert!(script.arguments().contains(&"sink.connection.auth.password=${env:HOME}".to_owned()));
    }

    #[test]
    fn a_connector_of_flink_is_taken_as_it_is() {
        let text = "name: orders
source:
  kind: flink
  flink:
    columns: 'id BIGINT, `at` TIMESTAMP_LTZ(3), WATERMARK FOR `at` AS `at` - INTERVAL ''5'' SECOND'
    options: { connector: kafka, topic: orders, properties.bootstrap.servers: 'kafka:9092', scan.bounded.mode: latest-offset, format: json }
sink: { kind: pinot, table: orders, controller: 'host:9000', segment: { eventTimeWindow: 1d } }
staging: /shared/staging
";
        insta::assert_snapshot!(script(text).unwrap().to_sql());
    }

    #[test]
    fn what_flink_cannot_do_is_refused_by_name() {
        for (from, to, option) in [
            ("staging: /shared/staging\n", "", "staging"),
            ("staging: /shared/staging", "staging: out/staging", "staging"),
            ("quarantine: /shared/bad\n", "", "limits.errors"),
            ("'${env:HOME}'", "secret", "sink.connection.auth.password"),
            ("format: json", "format: arrow", "source.format"),
            ("format: json", "format: csv", "source.csv.header"),
            ("format: json", "format: csv, csv: { header: false, trim: true }", "source.csv.trim"),
            ("  segment:", "  output: /out\n  segment:", "sink.output"),
            ("  segment:", "  publish: { waiting: 5 }\n  segment:", "sink.publish.waiting"),
        ] {
            let text = JOB.replace(from, to);
            let plan = Plan::from_yaml(&text, Path::new("/jobs"));
            let mut found = found();
            for format in ["arrow", "csv"] {
                if text.contains(&format!("format: {format}")) {
                    found.columns.as_mut().unwrap().1 = format.into();
                }
            }
            let error = plan.and_then(|plan| FlinkScript::of(&text, &plan, &found)).unwrap_err();
            assert!(format!("{error} {:?}", error.context()).contains(option), "{option}: {error:?}");
        }
    }
}

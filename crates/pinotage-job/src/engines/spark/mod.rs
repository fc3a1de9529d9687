//! A job file for Spark: how its source is read, its query, and the options of the connector's table.
//!
//! [`SparkScript`] is what the runner in Spark's driver gets, in a file that nobody else can read: there variables of the job file are
//! what they stand for. What people are shown has neither them nor secrets.

mod properties;
mod source;
mod submit;

use std::fmt::Write as _;

use pinotage_common::{Error, Result};
use serde_json::Value as Json;

use self::source::reading;
use super::sink::{EXTRA_COLUMNS, is_secret, sink_options, text_of};
use super::{Declared, Engine, EngineFound, query, unused};
use crate::Plan;
use crate::plan::{document, resolved};

pub use self::source::SparkReading;

/// The class of the connector's jar that runs a script.
pub const SPARK_RUNNER: &str = "io.pinotage.spark.JobRunner";

const ENGINE: Engine = Engine {
    name: "Spark",
    secrets_are_seen: None,
    unused: &[("state", "a run reads all of its inputs"), ("threads", "Spark has tasks")],
};

/// What stands in place of a secret.
const HIDDEN: &str = "***";

type Options = Vec<(String, String)>;

/// The whole table is overwritten.
const TABLE: &str = "table";

/// Settings of a session that make SQL fail where it would else make nulls of what it cannot convert, and take names in double quotes
/// for names, as our own engine does.
const SESSION: [(&str, &str); 2] =
    [("spark.sql.ansi.enabled", "true"), ("spark.sql.ansi.doubleQuotedIdentifiers", "true")];

/// Who gets a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// The runner, with all that it needs.
    ToRunner,
    /// People: variables as they are written, other secrets left out.
    ToPeople,
}

/// A job as Spark runs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SparkScript {
    /// Spark's configuration, as arguments of `spark-submit`.
    pub conf: Vec<(String, String)>,
    /// What of it others must not see, and that of the session.
    pub settings: Vec<(String, String)>,
    /// Where the rows come from.
    pub reading: SparkReading,
    /// The rows for the table in Pinot.
    pub query: String,
    /// The options of that table.
    pub sink: Vec<(String, String)>,
    /// What they take the place of: `table`, `partitions` or a range in SQL. Nothing for rows that are added.
    pub overwrite: Option<String>,
    /// What a person should know.
    pub notes: Vec<String>,
}

impl SparkScript {
    /// The script of a job whose file has this text.
    ///
    /// # Errors
    ///
    /// `unsupported` for what Spark cannot do of it, by the option's name; `invalid-config` for what it needs and the file does not say.
    pub fn of(text: &str, plan: &Plan, found: &EngineFound, shown: Shown) -> Result<Self> {
        let written: Json = document("the job file", text)?;
        match shown {
            Shown::ToRunner => {
                Self::of_document(&resolved("the job file", text, &plan.base)?, &written, plan, found, shown)
            }
            Shown::ToPeople => Self::of_document(&written, &written, plan, found, shown),
        }
    }

    /// The same of a job that is no file; `written` has the variables of the document.
    ///
    /// # Errors
    ///
    /// As [`SparkScript::of`].
    pub fn of_document(
        document: &Json,
        written: &Json,
        plan: &Plan,
        found: &EngineFound,
        shown: Shown,
    ) -> Result<Self> {
        if plan.file.checkpoint.is_some() {
            return Err(Error::unsupported("on Spark a job file is a batch, which needs no checkpoints")
                .with("option", "checkpoint")
                .action("remove it; streams of Spark are written by programs: `writeStream.format(\"pinotage\")`"));
        }
        let mut notes = unused(&ENGINE, plan);
        let reading = reading(plan, Declared::of(document, plan, found), &found.inputs, &mut notes)?;
        let options = sink_options(&ENGINE, document, plan, found)?;
        let mut sink: Vec<(String, String)> = options.into_iter().filter_map(spelled).collect();
        let overwrite = overwrite(plan, found)?;
        if overwrite.is_none() && !plan.beside_stream {
            // What this job has brought in another run is there already.
            sink.push(("once".into(), "true".into()));
        }
        let (conf, settings) = configuration(plan, written, shown)?;
        let mut script = Self { conf, settings, reading, query: query(plan), sink, overwrite, notes };
        if shown == Shown::ToPeople {
            script.hide();
        }
        Ok(script)
    }

    /// Leaves out what is secret and stands in the file itself.
    fn hide(&mut self) {
        // URLs of databases may have them inside.
        let is_hidden = |(name, value): &&mut (String, String)| submit::says_secret(name) || submit::says_secret(value);
        let reader = self.reading.options.iter_mut().filter(is_hidden);
        let settings = self.settings.iter_mut().filter(|(name, _)| submit::says_secret(name));
        let sink = self.sink.iter_mut().filter(|(name, _)| is_secret(name));
        for (_, value) in reader.chain(settings).chain(sink).filter(|(_, value)| !value.contains("${")) {
            HIDDEN.clone_into(value);
        }
    }

    /// The script for a person.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for (key, value) in self.conf.iter().chain(&self.settings) {
            let _ = writeln!(text, "set   {key} = {value}");
        }
        self.reading.describe(&mut text);
        let _ = writeln!(text, "sql   {}", self.query.split_whitespace().collect::<Vec<_>>().join(" "));
        let _ = writeln!(
            text,
            "write pinotage, {}",
            match self.overwrite.as_deref() {
                None => "rows are added".to_owned(),
                Some(TABLE) => "in place of all rows".to_owned(),
                Some("partitions") => "in place of the partitions that the rows have".to_owned(),
                Some(range) => format!("in place of {range}"),
            }
        );
        for (key, value) in &self.sink {
            let _ = writeln!(text, "        {key} = {value}");
        }
        text
    }
}

/// What goes: what the file says, and a REFRESH table as a whole.
fn overwrite(plan: &Plan, found: &EngineFound) -> Result<Option<String>> {
    let asked = plan.file.engine.spark.overwrite.as_deref().map(str::trim).filter(|text| !text.is_empty());
    match asked {
        Some(text) if found.replaces_table && text != TABLE => {
            Err(Error::unsupported("a REFRESH table is replaced as a whole")
                .with("option", "engine.spark.overwrite")
                .action("remove it, or make the table APPEND (`segmentIngestionType`)"))
        }
        Some(text) => Ok(Some(text.to_owned())),
        None => Ok(found.replaces_table.then(|| TABLE.to_owned())),
    }
}

/// What the connector calls an option of the job file; nothing for what has no meaning in a batch.
fn spelled((name, value): (String, String)) -> Option<(String, String)> {
    let spelling = match name.as_str() {
        "name" => "job".into(),
        "sink.table" => "table".into(),
        "sink.tableType" => "tableType".into(),
        "sink.controller" => "controller".into(),
        "source.timeZone" => "timeZone".into(),
        EXTRA_COLUMNS => "extraColumns".into(),
        "checkpoint.stagingRetention" => return None,
        other => other.strip_prefix("sink.connection.").map_or(other.to_owned(), |rest| format!("connection.{rest}")),
    };
    // Hosts with commas between them.
    let value = match spelling.ends_with(".except").then(|| serde_json::from_str::<Vec<String>>(&value)) {
        Some(Ok(hosts)) => hosts.join(","),
        _ => value,
    };
    Some((spelling, value))
}

/// Spark's configuration: arguments, and what is none.
fn configuration(plan: &Plan, written: &Json, shown: Shown) -> Result<(Options, Options)> {
    let given = &plan.file.engine.spark.conf;
    let mut settings = vec![("spark.sql.session.timeZone".to_owned(), plan.file.source.time_zone.clone())];
    settings.extend(SESSION.map(|(name, value)| (name.to_owned(), value.to_owned())));
    settings.retain(|(name, _)| !given.contains_key(name));
    let mut arguments = Vec::new();
    for (name, value) in given {
        let written = written["engine"]["spark"]["conf"].get(name).map(text_of);
        // A variable stands for something that nobody wrote into the file.
        let variable = written.filter(|text| text.contains("${"));
        if variable.is_none() && !submit::says_secret(name) {
            arguments.push((name.clone(), text_of(value)));
            continue;
        }
        submit::check_hidden(name)?;
        let value = variable.filter(|_| shown == Shown::ToPeople).unwrap_or_else(|| text_of(value));
        settings.push((name.clone(), value));
    }
    Ok((arguments, settings))
}

#[cfg(test)]
mod tests;

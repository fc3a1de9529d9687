//! The options of the connector's table, by the names that they have in a job file.

use std::path::Path;

use pinotage_common::{Error, Result};
use pinotage_store::Location;
use serde_json::Value as Json;

use super::{Engine, EngineFound};
use crate::Plan;
use crate::file::{HalfOfTable, Limits};

/// The parts of `sink` that are options of the connectors as they are.
const PARTS: [&str; 5] = ["segment", "publish", "push", "upsert", "connection"];

/// Values that nobody may see.
const SECRETS: [&str; 8] =
    ["password", "keyPassword", "token", "accessKey", "secretKey", "sessionToken", "sas", "value"];

/// What allows columns that the table lacks; no job file has it.
pub(super) const EXTRA_COLUMNS: &str = "sink.extraColumns";

/// An option of the job file and its value. Of those that are keys of the file's own top or of `source`, the whole path.
pub(super) type SinkOption = (String, String);

/// The options as `document`, the text of the job file, has them.
pub(super) fn sink_options(
    engine: &Engine,
    document: &Json,
    plan: &Plan,
    found: &EngineFound,
) -> Result<Vec<SinkOption>> {
    let file = &plan.file;
    let sink = &document["sink"];
    refuse(engine, plan, sink)?;
    let mut options = vec![
        ("sink.table".to_owned(), file.sink.table.clone()),
        ("name".to_owned(), file.name.clone()),
        ("staging".to_owned(), staging(engine, plan)?),
        ("source.timeZone".to_owned(), file.source.time_zone.clone()),
        // As everywhere: what the table lacks is for what it computes.
        (EXTRA_COLUMNS.to_owned(), "true".to_owned()),
    ];
    let mut add = |key: &str, value: String| options.push((key.to_owned(), value));
    if file.sink.table_type == Some(HalfOfTable::Realtime) || plan.beside_stream {
        add("sink.tableType", "REALTIME".into());
    }
    let controller = found.controller.as_deref();
    let given = controller.map(ToOwned::to_owned).or_else(|| sink["controller"].as_str().map(ToOwned::to_owned));
    if let Some(address) = given {
        add("sink.controller", address);
    }
    if let Some(version) = sink.get("pinotVersion") {
        add("sink.pinotVersion", text_of(version));
    }
    if let Some(level) = sink.get("archiveLevel") {
        add("sink.archiveLevel", text_of(level));
    }
    if file.strict {
        add("strict", "true".into());
    }
    if let Some(folder) = &file.quarantine {
        let folder = if Location::is_uri(folder) { folder.clone() } else { file_uri(&plan.base.join(folder)) };
        add("quarantine", folder);
        let errors = document["limits"].get("errors").map_or_else(|| Limits::default().errors.to_string(), text_of);
        add("limits.errors", errors);
    }
    if let Some(memory) = document["limits"].get("memory") {
        add("limits.memory", text_of(memory));
    }
    if let Some(retention) = document["checkpoint"].get("stagingRetention") {
        add("checkpoint.stagingRetention", text_of(retention));
    }
    for part in PARTS {
        let mut path = vec!["sink".to_owned(), part.to_owned()];
        flatten(engine, &sink[part], &mut path, &mut options)?;
    }
    flatten(engine, &document["store"], &mut vec!["store".to_owned()], &mut options)?;
    if controller.is_some() {
        options.retain(|(key, _)| key != "sink.connection.controller");
    }
    Ok(options)
}

/// Whether the value of an option is nobody's business.
pub(super) fn is_secret(name: &str) -> bool {
    SECRETS.contains(&name.rsplit('.').next().unwrap_or(name))
}

fn refuse(engine: &Engine, plan: &Plan, sink: &Json) -> Result<()> {
    let file = &plan.file;
    let name = engine.name;
    if plan.connection.is_none() {
        return Err(Error::invalid_config(format!("on {name} segments go to a cluster, and none is named"))
            .with("option", "sink.controller")
            .action("set it to `host:9000` or a URL, or `sink.connection` for a cluster that asks who comes"));
    }
    let refused = [
        ("sink.output", file.sink.output.is_some(), "segments go from staging to the cluster"),
        ("sink.archive", file.sink.archive.is_some(), "segments go to the cluster as archives"),
        (
            "sink.segmentName",
            file.sink.segment_name.is_some(),
            "segments have names of their own, which no two ever share",
        ),
        ("sink.publish.waiting", sink["publish"].get("waiting").is_some(), "no reading waits for segments"),
        (
            "source.packBytes",
            file.source.pack_bytes.is_some(),
            "segments are as large as asked for, whatever the inputs",
        ),
    ];
    if let Some((option, _, reason)) = refused.iter().find(|(_, is_given, _)| *is_given) {
        return Err(Error::unsupported(format!("with {name} {reason}"))
            .with("option", *option)
            .action(format!("remove `{option}`")));
    }
    if file.quarantine.is_none() && sink_errors(file.limits) {
        return Err(Error::invalid_config("bad rows are allowed, and nobody takes them")
            .with("option", "limits.errors")
            .action("name a folder that all tasks see: `quarantine`"));
    }
    Ok(())
}

/// Whether somebody has asked for bad rows.
fn sink_errors(limits: Limits) -> bool {
    limits.errors != Limits::default().errors && limits.errors.to_string() != "0"
}

/// Staging has to be named, because it has to be the same for all tasks.
fn staging(engine: &Engine, plan: &Plan) -> Result<String> {
    let option = |error: Error| error.with("option", "staging");
    match &plan.file.staging {
        None => Err(option(Error::invalid_config(format!(
            "tasks of {} need a place for rows that they all see",
            engine.name
        )))
        .action("set `staging` to a URI such as `s3://bucket/staging`, or to the path of a shared folder")),
        Some(text) if !Location::is_uri(text) && !Path::new(text).is_absolute() => {
            Err(option(Error::invalid_config(format!("`{text}` is relative, and each task would look elsewhere")))
                .action("write a URI such as `s3://bucket/staging`, or the path of a folder that all hosts see"))
        }
        Some(text) => Ok(text.clone()),
    }
}

pub(super) fn file_uri(path: &Path) -> String {
    // Tasks have other working folders.
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    format!("file://{}", path.display())
}

/// Each value below, by its path.
fn flatten(engine: &Engine, value: &Json, path: &mut Vec<String>, options: &mut Vec<SinkOption>) -> Result<()> {
    match value {
        Json::Null => {}
        Json::Object(entries) => {
            for (key, inner) in entries {
                path.push(key.clone());
                flatten(engine, inner, path, options)?;
                path.pop();
            }
        }
        other => {
            let (name, text) = (path.join("."), text_of(other));
            if let Some(seen) = engine.secrets_are_seen
                && is_secret(&name)
                && !text.contains("${")
            {
                return Err(Error::invalid_config(format!("{seen}, and this one is a secret"))
                    .with("option", name)
                    .action(
                        "write `${env:NAME}` and set the variable for the cluster's processes, or `${file:/absolute/path}`",
                    ));
            }
            options.push((name, text));
        }
    }
    Ok(())
}

/// A value as an option of SQL has it; lists as JSON.
pub(super) fn text_of(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

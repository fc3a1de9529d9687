//! The sink of a job whose rows come from an engine that is not ours.

use std::path::Path;

use chrono_tz::Tz;
use pinotage_client::Connection;
use pinotage_common::{ByteSize, Error, Result};
use pinotage_sink::upsert::check_margin;
use pinotage_store::{Location, StoreOptions};
use serde::Deserialize;

use crate::ErrorBudget;
use crate::file::{HalfOfTable, Limits, Sink};
use crate::plan::{check_name, check_writable, connection, parse, time_zone};

/// What a job file says of a sink, without what it says of a source.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Words {
    name: String,
    sink: Sink,
    staging: String,
    #[serde(default)]
    store: StoreOptions,
    #[serde(default)]
    limits: EngineLimits,
    #[serde(default)]
    strict: bool,
    #[serde(default)]
    time_zone: Option<String>,
}

/// [`Limits`] of an engine. Bad rows come back to it: who does not ask for them must not lose one.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct EngineLimits {
    memory: ByteSize,
    errors: ErrorBudget,
}

impl Default for EngineLimits {
    fn default() -> Self {
        Self { memory: Limits::default().memory, errors: ErrorBudget::Rows(0) }
    }
}

/// A Pinot table as the sink of a job that another engine runs, validated.
#[derive(Debug, Clone)]
pub struct SinkJob {
    /// The job's name.
    pub name: String,
    /// The keys of `sink`.
    pub sink: Sink,
    /// The cluster.
    pub connection: Connection,
    /// The folder that all tasks see.
    pub staging: Location,
    /// How its object store is reached.
    pub store: StoreOptions,
    /// How much each task may take. Without `limits.errors` no row may be bad.
    pub limits: Limits,
    /// Changes that the schema demands make a row bad.
    pub strict: bool,
    /// The zone of times that name none.
    pub time_zone: Tz,
}

impl SinkJob {
    /// Reads options: the keys of a job file but for `source`, `transform`, `state`, `checkpoint`, `quarantine`, and `timeZone` on
    /// top; `store` is for `staging`. `name`, `sink` and `staging` are needed. `${env:NAME}` and `${file:PATH}` are read here and now.
    ///
    /// # Errors
    ///
    /// `invalid-config` with the nearest key for what cannot be; `unsupported` for options that have no meaning here.
    pub fn parse(text: &str) -> Result<Self> {
        let words: Words = parse("the sink's options", text, Path::new("."))?;
        check_name(&words.name)?;
        let time_zone = words.time_zone.as_deref().map_or(Ok(Tz::UTC), |name| time_zone("timeZone", name))?;
        let Words { name, mut sink, staging, store, limits, strict, .. } = words;
        let connection = connection(&name, &sink)?.ok_or_else(|| {
            Error::invalid_config("segments go to a cluster, and none is named")
                .with("option", "sink.controller")
                .action("set it to `host:9000` or a URL, or `sink.connection` for a cluster that asks who comes")
        })?;
        let refused = [
            ("sink.schema", sink.schema.is_some(), "the schema is the cluster's"),
            ("sink.tableConfig", sink.table_config.is_some(), "the table config is the cluster's"),
            ("sink.output", sink.output.is_some(), "segments go from staging to the cluster"),
            ("sink.archive", sink.archive.is_some(), "segments go to the cluster as archives"),
            (
                "sink.segmentName",
                sink.segment_name.is_some(),
                "segments have names of their own, which no two ever share",
            ),
        ];
        if let Some((option, _, reason)) = refused.iter().find(|(_, is_given, _)| *is_given) {
            return Err(Error::unsupported(*reason).with("option", *option).action(format!("remove `{option}`")));
        }
        let segment = &sink.segment;
        if segment.max_rows == 0 || segment.queue == 0 || sink.publish.waiting == 0 {
            return Err(Error::invalid_config(
                "`sink.segment.maxRows`, `sink.segment.queue` and `sink.publish.waiting` must be at least 1",
            ));
        }
        sink.push.check()?;
        sink.push.archive_level = sink.archive_level;
        check_margin(sink.upsert.ttl_margin)?;
        let limits = Limits { memory: limits.memory, errors: limits.errors };
        Ok(Self { staging: staging_place(&staging)?, store, name, sink, connection, limits, strict, time_zone })
    }

    /// Rows go beside the stream of a REALTIME table.
    pub fn beside_stream(&self) -> bool {
        self.sink.table_type == Some(HalfOfTable::Realtime)
    }
}

/// Staging is a folder that all hosts have to see, or one of an object store.
fn staging_place(text: &str) -> Result<Location> {
    let option = |error: Error| error.with("option", "staging");
    if !Location::is_uri(text) && !Path::new(text).is_absolute() {
        return Err(option(
            Error::invalid_config(format!("`{text}` is relative, and each task would look elsewhere"))
                .action("write a URI such as `s3://bucket/staging`, or the path of a folder that all hosts see"),
        ));
    }
    let at = Location::parse(text).map_err(option)?;
    check_writable(&at).map_err(option)?;
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: &str =
        r#"{"name": "j", "sink": {"kind": "pinot", "table": "t", "controller": "host:9000"}, "staging": "/shared"}"#;

    #[test]
    fn small_options_have_defaults() {
        let job = SinkJob::parse(OPTIONS).unwrap();
        assert_eq!((job.staging.local_path(), job.time_zone), (Some(Path::new("/shared")), Tz::UTC));
        assert!(!job.beside_stream());
        assert_eq!(job.limits.errors, ErrorBudget::Rows(0));
        let job = SinkJob::parse(&OPTIONS.replace(r#""table": "t""#, r#""table": "t", "archiveLevel": 0"#)).unwrap();
        assert_eq!(job.sink.push.archive_level.number(), 0);
        let job = SinkJob::parse(&OPTIONS.replace("/shared", "file:///mnt/x")).unwrap();
        assert_eq!(job.staging.local_path(), Some(Path::new("/mnt/x")));
        let job = SinkJob::parse(&OPTIONS.replace("/shared", "s3://bucket/x")).unwrap();
        assert_eq!((job.staging.local_path(), job.staging.to_string()), (None, "s3://bucket/x".to_owned()));
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_option() {
        for (from, to, option) in [
            (r#""controller": "host:9000""#, r#""table2": 1"#, "sink"),
            (r#", "controller": "host:9000""#, "", "sink.controller"),
            (r#""table": "t""#, r#""table": "t", "output": "x""#, "sink.output"),
            (r#""table": "t""#, r#""table": "t", "schema": "s.json""#, "sink.schema"),
            (r#""table": "t""#, r#""table": "t", "archiveLevel": 10"#, "from 0 to 9"),
            ("/shared", "staging", "staging"),
            ("/shared", "https://host/x", "staging"),
            (r#""name": "j""#, r#""name": "a b""#, "name"),
            (r#""name": "j""#, r#""name": "j", "timeZone": "Nowhere""#, "timeZone"),
        ] {
            let error = SinkJob::parse(&OPTIONS.replace(from, to)).unwrap_err();
            let named = error.context().iter().any(|(key, value)| *key == "option" && value == option);
            assert!(named || error.to_string().contains(option), "{option}: {error}");
        }
    }
}

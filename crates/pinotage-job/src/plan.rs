//! A job file, validated.

use std::path::{Path, PathBuf};

use pinotage_client::{Address, Connection};
use pinotage_common::{ArchiveLevel, Error, Result, Secret};
use pinotage_sink::upsert::check_margin;
use pinotage_spec::{ColumnPlan, PinotVersion, Schema, SegmentNameGenerator, TableConfig, check_segment_name};
use pinotage_store::{Location, Scheme, Store};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::file::{Archive, Checkpoint, Delivery, HalfOfTable, JobFile, NameType, Sink, SourceKind};
use crate::nearest::document_error;
use crate::one_to_one::OneToOne;
use crate::state_place::StatePlace;
use crate::variables;

/// A validated job: paths are absolute, documents are read, contradictions are refused.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The job file's own words.
    pub file: JobFile,
    /// The folder of the job file; paths in it are relative to it.
    pub base: PathBuf,
    /// The table's schema, unless it is to be inferred.
    pub schema: Option<Schema>,
    /// The table's config, unless Pinot's defaults are to be used.
    pub table_config: Option<TableConfig>,
    /// Where segments go; with `store_output` where they wait for their way there.
    pub output: PathBuf,
    /// The folder of an object store that segments go to.
    pub store_output: Option<Location>,
    /// The form of the segments there.
    pub archive: Archive,
    /// Segments stay there when they have been pushed.
    pub keeps_segments: bool,
    /// The cluster that segments are pushed to.
    pub connection: Option<Connection>,
    /// Other clusters that get the same segments, one after the other.
    pub copies: Vec<Connection>,
    /// Rows go beside the stream of a REALTIME table.
    pub beside_stream: bool,
    /// Where the state lies. With a `database` the folder beside the job file that has everything else of the job.
    pub state: PathBuf,
    /// The URL of the database that has the state in place of the folder.
    pub database: Option<Secret>,
    /// Where bad rows go.
    pub quarantine: PathBuf,
    /// How often a job that runs in epochs remembers how far it has come; none for a job that remembers inputs.
    pub checkpoint: Option<Checkpoint>,
    /// Where a job with epochs keeps rows of segments that are not full, and segments on their way.
    pub staging: PathBuf,
    /// The folder of an object store in its place; what is in the other one then has to outlive nothing.
    pub staging_store: Option<Location>,
    /// The inputs and their names, for a job that makes one segment of each; otherwise inputs are found behind `source.paths`.
    pub one_to_one: Option<OneToOne>,
}

impl Plan {
    /// Reads and validates a job file.
    ///
    /// # Errors
    ///
    /// `invalid-config` with file, line and the nearest key for what cannot be; `unsupported` for what is not there yet.
    pub fn from_file(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|error| Error::io(error, "cannot read the job file", path))?;
        Self::from_yaml(&text, &folder_of(path)).map_err(|error| error.with("file", path.display()))
    }

    /// The same for a job that another engine runs: it needs `staging` whether the job runs in epochs or not.
    ///
    /// # Errors
    ///
    /// As [`Plan::from_file`].
    pub fn for_engine(path: &Path, controller: Option<Address>) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|error| Error::io(error, "cannot read the job file", path))?;
        let read = || {
            let mut plan = Self::from_engine_yaml(&text, &folder_of(path))?;
            if let Some(controller) = controller {
                let staging = plan.file.staging.take();
                plan = plan.with_controller(controller)?;
                plan.file.staging = staging;
            }
            Ok(plan)
        };
        read().map_err(|error: Error| error.with("file", path.display()))
    }

    /// The same for the text of a job file that lies in `base`.
    pub(crate) fn from_engine_yaml(text: &str, base: &Path) -> Result<Self> {
        let mut file: JobFile = parse("the job file", text, base)?;
        let staging = file.staging.take();
        let mut plan = Self::validated(file, base)?;
        plan.file.staging = staging;
        Ok(plan)
    }

    /// Validates the text of a job file that lies in `base`.
    ///
    /// # Errors
    ///
    /// As [`Plan::from_file`].
    pub fn from_yaml(text: &str, base: &Path) -> Result<Self> {
        Self::validated(parse("the job file", text, base)?, base)
    }

    fn validated(mut file: JobFile, base: &Path) -> Result<Self> {
        check_name(&file.name)?;
        let connection = connection(&file.name, &file.sink)?;
        let schema = file.sink.schema.as_ref().map(|path| Schema::from_file(&base.join(path))).transpose()?;
        let table_config =
            file.sink.table_config.as_ref().map(|path| TableConfig::from_file(&base.join(path))).transpose()?;
        check_documents("sink.table", &file.sink.table, schema.as_ref(), table_config.as_ref())?;
        time_zone("source.timeZone", &file.source.time_zone)?;
        if file.sink.segment.max_rows == 0 || file.threads == Some(0) {
            return Err(Error::invalid_config("`sink.segment.maxRows` and `threads` must be at least 1"));
        }
        if file.sink.segment.max_bytes > file.limits.memory {
            return Err(Error::new(
                pinotage_common::ErrorKind::ResourceExhausted,
                format!(
                    "one segment may take {} (`sink.segment.maxBytes`), `limits.memory` is {}",
                    file.sink.segment.max_bytes, file.limits.memory
                ),
            )
            .action(format!(
                "raise `limits.memory` to at least {} or make segments smaller",
                file.sink.segment.max_bytes
            )));
        }
        file.sink.push.check()?;
        check_margin(file.sink.upsert.ttl_margin)?;
        check_source(&file)?;
        let checkpoint = checkpoint(&file)?;
        let says_realtime = |table: &TableConfig| {
            table.json()["tableType"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("REALTIME"))
        };
        let beside_stream = match file.sink.table_type {
            Some(half) => half == HalfOfTable::Realtime,
            None => checkpoint.is_some() && table_config.as_ref().is_some_and(says_realtime),
        };
        if beside_stream && (checkpoint.is_none() || connection.is_none()) {
            return Err(Error::unsupported(
                "rows come into a REALTIME table of a cluster, from a job that runs in epochs",
            )
            .with("option", "sink.tableType")
            .action("add `checkpoint: {}` and `sink.controller`, or load the OFFLINE half of the table"));
        }
        file.state.iter().try_for_each(|state| state.check(checkpoint.is_some()))?;
        let state = match file.state.as_ref().and_then(StatePlace::folder) {
            Some(folder) => base.join(folder),
            None => base.join(format!(".pinotage/{}", file.name)),
        };
        // What only waits to be pushed belongs to the state, in the form in which it travels.
        let passing = connection.is_some() && file.sink.output.is_none();
        Store::new(file.store.clone()).map_err(|error| error.with("within", "store"))?;
        let (output, store_output) = match &file.sink.output {
            Some(text) if Location::is_uri(text) => store_output(text, file.sink.archive)?,
            Some(path) => (Some(base.join(path)), None),
            None => (None, None),
        };
        let in_state = passing || store_output.is_some();
        let archive = file.sink.archive.unwrap_or(if in_state { Archive::TarGz } else { Archive::Directory });
        if archive == Archive::Directory && connection.is_none() && file.sink.archive_level != ArchiveLevel::default() {
            return Err(Error::invalid_config("segments stay folders, and nothing is archived")
                .with("option", "sink.archiveLevel")
                .action("remove it, or set `sink.archive: tarGz`"));
        }
        file.sink.push.archive_level = file.sink.archive_level;
        let (staging, staging_store) = match &file.staging {
            Some(text) if Location::is_uri(text) => {
                staging_place(text, connection.is_some() || file.sink.archive == Some(Archive::TarGz))?
            }
            Some(path) => (Some(base.join(path)), None),
            None => (None, None),
        };
        Ok(Self {
            output: output.unwrap_or_else(|| if in_state { state.join("segments") } else { base.join("segments") }),
            store_output,
            archive,
            keeps_segments: !passing,
            connection,
            copies: Vec::new(),
            beside_stream,
            checkpoint,
            staging: staging.unwrap_or_else(|| state.join("staging")),
            staging_store,
            quarantine: file.quarantine.as_ref().map_or_else(|| state.join("quarantine"), |path| base.join(path)),
            database: file.state.as_ref().and_then(StatePlace::database),
            state,
            schema,
            table_config,
            base: base.to_owned(),
            one_to_one: None,
            file,
        })
    }

    /// Where segments go, for a person.
    pub fn output_text(&self) -> String {
        self.store_output.as_ref().map_or_else(|| self.output.display().to_string(), ToString::to_string)
    }

    /// The same job with another controller, whatever the file says; auth and all else stay.
    ///
    /// # Errors
    ///
    /// As [`Plan::from_file`].
    pub fn with_controller(mut self, controller: Address) -> Result<Self> {
        match &mut self.file.sink.connection {
            Some(connection) => connection.controller = controller,
            None => self.file.sink.controller = Some(controller),
        }
        Self::validated(self.file, &self.base)
    }

    /// Where rows wait for their segments, for a person.
    pub fn staging_text(&self) -> String {
        self.staging_store.as_ref().map_or_else(|| self.staging.display().to_string(), ToString::to_string)
    }

    /// How segments are named.
    ///
    /// # Errors
    ///
    /// `invalid-config` for `fixed` without a name.
    pub fn name_generator(&self, table: &TableConfig) -> Result<SegmentNameGenerator> {
        let option = self.file.sink.segment_name.clone().unwrap_or_default();
        let prefix = option.prefix.unwrap_or_else(|| self.file.sink.table.clone());
        let postfix = option.postfix;
        Ok(match option.r#type {
            NameType::Simple => SegmentNameGenerator::Simple { prefix, postfix },
            NameType::NormalizedDate => SegmentNameGenerator::NormalizedDate {
                prefix,
                postfix,
                append: table.is_append(),
                hourly: table.is_hourly(),
            },
            NameType::Fixed => SegmentNameGenerator::Fixed {
                name: option.name.ok_or_else(|| Error::invalid_config("`segmentName.type: fixed` needs a `name`"))?,
            },
        })
    }
}

/// Refuses a name that cannot be part of segment names.
pub(crate) fn check_name(name: &str) -> Result<()> {
    check_segment_name(name).map_err(|_| {
        Error::invalid_config(format!("`{name}` cannot be a job's name"))
            .with("option", "name")
            .action("use letters, digits, `-` and `_`")
    })
}

/// The zone of an option.
pub(crate) fn time_zone(option: &'static str, name: &str) -> Result<chrono_tz::Tz> {
    name.parse().map_err(|_| {
        Error::invalid_config(format!("`{name}` is not a time zone"))
            .with("option", option)
            .action("use a name of the tz database such as `Europe/Oslo` or `UTC`")
    })
}

/// A source has what its kind needs, and nothing that it has no use for.
fn check_source(file: &JobFile) -> Result<()> {
    let source = &file.source;
    let (needed, given) = match source.kind {
        SourceKind::Files => ("source.paths", !source.paths.is_empty()),
        SourceKind::Generator => ("source.generator", source.generator.is_some()),
        SourceKind::Flink => ("source.flink", source.flink.is_some()),
        SourceKind::Spark => ("source.spark", source.spark.is_some()),
    };
    let missing = (!given).then_some(needed);
    let all = [
        ("source.paths", !source.paths.is_empty()),
        ("source.generator", source.generator.is_some()),
        ("source.flink", source.flink.is_some()),
        ("source.spark", source.spark.is_some()),
    ];
    let useless = all.into_iter().find(|(option, is_given)| *is_given && *option != needed).map(|(option, _)| option);
    if let Some(option) = missing {
        return Err(Error::invalid_config(format!("a source of this kind needs `{option}`")).with("option", option));
    }
    match useless {
        None => Ok(()),
        Some(option) => Err(Error::invalid_config(format!("a source of this kind has no use for `{option}`"))
            .with("option", option)
            .action("remove it, or correct `source.kind`")),
    }
}

/// Whether a job runs in epochs, and that it asks for nothing that has no meaning then.
fn checkpoint(file: &JobFile) -> Result<Option<Checkpoint>> {
    let computed = matches!(file.source.kind, SourceKind::Generator | SourceKind::Flink);
    let Some(checkpoint) = file.checkpoint.or_else(|| computed.then(Checkpoint::default)) else {
        let segment = &file.sink.segment;
        let given = [
            ("staging", file.staging.is_some()),
            ("sink.segment.maxAge", segment.max_age.is_some()),
            ("sink.segment.eventTimeWindow", segment.event_time_window.is_some()),
        ];
        return match given.iter().find(|(_, is_given)| *is_given) {
            None => Ok(None),
            Some((option, _)) => Err(Error::invalid_config(format!("`{option}` is for jobs that run in epochs"))
                .with("option", *option)
                .action("remove it, or add `checkpoint: {}`")),
        };
    };
    if checkpoint.interval.duration().as_millis() < 10 {
        return Err(Error::invalid_config("expected epochs of at least 10ms").with("option", "checkpoint.interval"));
    }
    if file.sink.segment.queue == 0 || file.sink.publish.waiting == 0 {
        return Err(Error::invalid_config("`sink.segment.queue` and `sink.publish.waiting` must be at least 1"));
    }
    let refused = [
        (
            "sink.segmentName",
            file.sink.segment_name.is_some(),
            "segments of epochs have names of their own, which no two ever share",
        ),
        ("source.packBytes", file.source.pack_bytes.is_some(), "epochs put rows of all inputs together"),
        (
            "sink.output",
            file.sink.output.as_ref().is_some_and(|output| Location::is_uri(output)),
            "segments of epochs go to a cluster or to a folder of this machine",
        ),
        (
            "sink.output",
            file.sink.output.is_some() && (file.sink.controller.is_some() || file.sink.connection.is_some()),
            "segments of epochs are not kept beside the cluster",
        ),
    ];
    match refused.iter().find(|(_, is_given, _)| *is_given) {
        None => Ok(Some(checkpoint)),
        Some((option, _, reason)) => Err(Error::unsupported(*reason)
            .with("option", *option)
            .action(format!("remove `{option}`, or `checkpoint`"))),
    }
}

/// The path of a `file:` URI, or the folder of an object store, which gets archives.
fn store_output(text: &str, archive: Option<Archive>) -> Result<(Option<PathBuf>, Option<Location>)> {
    let option = |error: Error| error.with("option", "sink.output");
    let at = Location::parse(text).map_err(option)?;
    if let Some(path) = at.local_path() {
        return Ok((Some(path.to_owned()), None));
    }
    check_writable(&at).map_err(option)?;
    if archive == Some(Archive::Directory) {
        return Err(Error::invalid_config("object stores get segments as archives")
            .with("option", "sink.archive")
            .action("remove it, or set `sink.archive: tarGz`"));
    }
    Ok((None, Some(at)))
}

/// The path of a `file:` URI, or a folder of an object store, which has archives of segments alone.
fn staging_place(text: &str, archives: bool) -> Result<(Option<PathBuf>, Option<Location>)> {
    let option = |error: Error| error.with("option", "staging");
    let at = Location::parse(text).map_err(option)?;
    if let Some(path) = at.local_path() {
        return Ok((Some(path.to_owned()), None));
    }
    check_writable(&at).map_err(option)?;
    if !archives {
        return Err(option(
            Error::invalid_config("segments wait in object stores as archives, and the output wants folders")
                .action("set `sink.archive: tarGz`, or stage in a folder"),
        ));
    }
    Ok((None, Some(at)))
}

/// Refuses a web server as a place for segments.
pub(crate) fn check_writable(at: &Location) -> Result<()> {
    match at.scheme() {
        Scheme::Http | Scheme::Https => Err(Error::unsupported("web servers are only read")
            .with("uri", at)
            .action("name a folder of this machine or of an object store")),
        _ => Ok(()),
    }
}

/// Refuses a table config that changes rows in ways that are not there yet.
///
/// # Errors
///
/// `unsupported` naming the key.
pub fn check_ingestion(table: &TableConfig) -> Result<()> {
    table.enrichments()?;
    match table.unsupported_ingestion().first() {
        None => Ok(()),
        Some(path) => {
            Err(Error::unsupported(format!("the table config changes rows with `{path}`, which is not there yet"))
                .with("option", path)
                .action("do the same in `transform.sql` and build with a table config without it"))
        }
    }
}

/// Reads a file with the keys of `sink.connection`.
///
/// # Errors
///
/// `invalid-config` with file, line and the nearest key for what cannot be.
pub fn connection_file(path: &Path) -> Result<Connection> {
    let base = path.parent().unwrap_or(Path::new("."));
    connection_text(&read_connection(path)?, base).map_err(|error| error.with("file", path.display()))
}

pub(crate) fn read_connection(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|error| Error::io(error, "cannot read the connection", path))
}

/// Reads the keys of `sink.connection`; files that it names are in the folder `base`.
pub(crate) fn connection_text(text: &str, base: &Path) -> Result<Connection> {
    parse("the connection", text, base)
}

/// Reads YAML whose texts may hold variables.
pub(crate) fn parse<T: DeserializeOwned>(what: &str, text: &str, base: &Path) -> Result<T> {
    // As it stands first: only then an unknown key is told with its line.
    let parsed = document(what, text)?;
    if !text.contains("${") {
        return Ok(parsed);
    }
    serde_json::from_value(resolved(what, text, base)?).map_err(|error| document_error(what, &error.to_string()))
}

/// YAML as it stands.
pub(crate) fn document<T: DeserializeOwned>(what: &str, text: &str) -> Result<T> {
    serde_saphyr::from_str(text).map_err(|error| document_error(what, &error.to_string()))
}

/// YAML with what its variables stand for.
pub(crate) fn resolved(what: &str, text: &str, base: &Path) -> Result<Json> {
    let mut document = document(what, text)?;
    variables::replace(&mut document, base)?;
    Ok(document)
}

/// The cluster of a job, if it has one.
pub(crate) fn connection(name: &str, sink: &Sink) -> Result<Option<Connection>> {
    let connection = match (&sink.controller, &sink.connection) {
        (Some(_), Some(_)) => {
            return Err(Error::invalid_config("`sink.controller` and `sink.connection` are both given")
                .action("leave out `sink.controller`; `sink.connection.controller` is the address"));
        }
        (Some(controller), None) => Connection::new(controller.clone()),
        (None, Some(connection)) => connection.clone(),
        (None, None) => return Ok(None),
    };
    if sink.delivery == Delivery::AtLeastOnce {
        return Err(Error::unsupported("files are delivered exactly once, which costs nothing here")
            .with("option", "sink.delivery")
            .action("remove `delivery: atLeastOnce`"));
    }
    if name.contains("__") {
        return Err(Error::invalid_config(format!("`{name}` becomes part of segment names, where `__` has a meaning"))
            .with("option", "name")
            .action("use single underscores in the job's name"));
    }
    Ok(Some(connection))
}

/// The folder that a job file lies in.
pub(crate) fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Refuses a table's documents that contradict each other or the job, whose `option` names the table.
pub(crate) fn check_documents(
    option: &'static str,
    name: &str,
    schema: Option<&Schema>,
    table: Option<&TableConfig>,
) -> Result<()> {
    let Some(table) = table else { return Ok(()) };
    if table.raw_name() != name {
        return Err(Error::invalid_config(format!(
            "`{option}` is `{name}`, the table config is of `{}`",
            table.raw_name()
        ))
        .action("give both the same name"));
    }
    check_ingestion(table)?;
    if let Some(schema) = schema {
        ColumnPlan::resolve_for(schema, table, PinotVersion::NEWEST)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorBudget;

    const JOB: &str = "name: j\nsource: {kind: files, paths: [a.csv]}\nsink: {kind: pinot, table: t}\n";

    #[test]
    fn a_small_job_has_defaults() {
        let plan = Plan::from_yaml(JOB, Path::new("/jobs")).unwrap();
        assert_eq!(plan.output, Path::new("/jobs/segments"));
        assert_eq!(plan.state, Path::new("/jobs/.pinotage/j"));
        assert_eq!((plan.file.limits.errors, plan.file.sink.segment.max_rows), (ErrorBudget::Rows(100), 5_000_000));
    }

    #[test]
    fn the_nearest_key_is_named() {
        let error = Plan::from_yaml(&JOB.replace("source:", "souce:"), Path::new(".")).unwrap_err();
        assert!(error.advice().contains("`source`"), "{error} {}", error.advice());
        let error = Plan::from_yaml(&JOB.replace("paths", "pahts"), Path::new(".")).unwrap_err();
        assert!(error.advice().contains("`paths`"), "{error} {}", error.advice());
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for (from, to, expected) in [
            ("table: t", "table: t, controller: 'u:p@h:9000'", "user or password"),
            ("table: t", "table: t, controller: 'h:9000', connection: {controller: 'h:9000'}", "both given"),
            ("table: t", "table: t, controller: 'h:9000', delivery: atLeastOnce", "exactly once"),
            ("paths: [a.csv]", "paths: [a.csv], timeZone: Mars", "Mars"),
            ("name: j", "name: j\nstate: 'postgres://u:p@h/d'", "remembers its inputs"),
            ("name: j", "name: j\nstate: 's3://bucket/state'\ncheckpoint: {}", "in a PostgreSQL database"),
            ("table: t", "table: t, archiveLevel: 10", "from 0 to 9"),
            ("table: t", "table: t, archiveLevel: 0", "sink.archiveLevel"),
            ("name: j", "name: a/b", "a/b"),
            ("table: t}", "table: t}\nlimits: {memory: 1MiB}", "limits.memory"),
        ] {
            let error = Plan::from_yaml(&JOB.replace(from, to), Path::new(".")).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }

    #[test]
    fn a_push_compresses_as_archives_are() {
        for more in ["archiveLevel: 0, archive: tarGz", "archiveLevel: 0, controller: 'h:9000', output: out"] {
            let plan = Plan::from_yaml(&JOB.replace("table: t", &format!("table: t, {more}")), Path::new(".")).unwrap();
            assert_eq!(plan.file.sink.push.archive_level.number(), 0, "{more}");
        }
    }

    #[test]
    fn a_form_of_push_says_what_it_needs_and_what_it_cannot_have() {
        let plan =
            |push: &str| Plan::from_yaml(&JOB.replace("table: t", &format!("table: t, push: {push}")), Path::new("."));
        for push in [
            "{form: metadata, deepStore: 's3://bucket'}",
            "{form: metadataBatch, deepStore: 'gs://bucket/a b', copyToDeepStore: true, store: {gcs: {anonymous: true}}}",
            "{form: uri, deepStore: 'abfss://segments@lake.dfs.core.windows.net/pinot'}",
            "{form: metadata, deepStore: /shared/segments}",
            "{form: metadata, deepStore: /mnt/hdfs/segments, downloadUri: 'hdfs://namenode/segments'}",
            "{form: uri, deepStore: 'file:///shared/segments', downloadUri: 'https://files:8443/segments/'}",
        ] {
            plan(push).unwrap();
        }
        let mut shown = String::new();
        for push in [
            "{form: metadata}",
            "{form: tarball}",
            "{deepStore: 's3://bucket/segments'}",
            "{store: {s3: {region: eu-north-1}}}",
            "{form: uri, deepStore: 's3://bucket/segments', copyToDeepStore: true}",
            "{form: uri, deepStore: 'file:///shared/segments'}",
            "{form: metadata, deepStore: segments}",
            "{form: metadata, deepStore: 'hdfs://namenode/segments'}",
            "{form: metadata, deepStore: 'https://files/segments'}",
            "{form: metadata, deepStore: 's3://key:secret@bucket/segments'}",
            "{form: metadata, deepStore: 's3://bucket', downloadUri: bucket/segments}",
            "{form: metadata, deepStore: 's3://bucket', downloadUri: 'https://files/segments?token=hidden'}",
            "{form: metadata, deepStore: 's3://bucket', store: {s3: {accessKey: hidden}}}",
        ] {
            let error = plan(push).unwrap_err();
            shown += &format!("{push}\n  {error}\n  {}\n", error.advice());
        }
        insta::assert_snapshot!(shown);
    }
}

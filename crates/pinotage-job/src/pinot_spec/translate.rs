//! From a job spec to a plan.

use std::path::{Path, PathBuf};

use pinotage_client::Connection;
use pinotage_common::{ByteSize, Error, Result};
use pinotage_sink::publish::{Foreign, PushOptions};
use pinotage_spec::{Schema, TableConfig};
use pinotage_store::{Entry, Location, StoreOptions};
use serde_json::{Value as Json, json};
use xxhash_rust::xxh3::xxh3_64;

use super::access::{Access, Given, Runs};
use super::inputs::{self, Selection};
use super::names::Names;
use super::notes::Notes;
use super::pattern::PathPattern;
use super::push::{PushWishes, controllers, raw_name};
use super::reader::Reader;
use super::spec::{SegmentGenerationJobSpec, TableSpec};
use super::template::TemplateValues;
use super::uri::Place;
use super::{elsewhere, file_system, job_type};
use crate::ErrorBudget;
use crate::file::{Archive, JobFile, SegmentLimits, Unknown};
use crate::nearest::document_error;
use crate::one_to_one::{InputName, OneToOne};
use crate::plan::{Plan, check_documents, check_writable, folder_of};

/// A job spec, ready to run.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What is built, and pushed where the job type says so; nothing for a job type that only pushes.
    pub plan: Option<Plan>,
    /// What the push is like; nothing for `SegmentCreation`.
    pub push: Option<PushWishes>,
    /// What a person should know before the job runs, one sentence each.
    pub notes: Vec<String>,
    /// Where another engine keeps what is under way, if one runs the job.
    pub(super) staging: Option<Location>,
}

/// A [`Listing`](crate::Listing) of stores that are reached in a given way.
pub type StoreListing<'a> = &'a dyn Fn(&StoreOptions, &Location, bool) -> Result<Vec<Entry>>;

/// What a job spec needs of the network to be read.
#[derive(Clone, Copy)]
pub struct Outside<'a> {
    /// Gets a document from a web server, mostly a controller: its URL and how the server is spoken to.
    pub document: &'a dyn Fn(&str, &Connection) -> Result<String>,
    /// Finds the inputs in an object store.
    pub list: StoreListing<'a>,
}

/// Reads a job spec: fills the template, reads every field, finds the inputs and the table's documents.
///
/// Relative paths of the spec are relative to `working`, the working directory, as in Pinot, which must be absolute. `given` is
/// what the command line says.
///
/// # Errors
///
/// `invalid-config` with the nearest name for what is unknown or impossible, `unsupported` for what is refused, those of
/// reading files and of `outside`.
pub fn load(
    path: &Path,
    working: &Path,
    values: &TemplateValues,
    given: Given,
    outside: Outside<'_>,
) -> Result<Loaded> {
    let text = std::fs::read_to_string(path).map_err(|error| Error::io(error, "cannot read the job spec", path))?;
    let text = values.render(&text).map_err(|error| error.with("file", path.display()))?;
    let spec = SegmentGenerationJobSpec::from_yaml(&text);
    let loaded = spec.and_then(|mut spec| {
        given.direct(&mut spec);
        let access = Access::try_new(&spec, given.auth, working)?;
        translate(&spec, &folder_of(path), working, &access, given.runs, outside)
    });
    loaded.map_err(|error| error.with("job", path.display()))
}

impl SegmentGenerationJobSpec {
    /// Reads the text of a job spec, YAML or JSON, whose template is filled.
    ///
    /// # Errors
    ///
    /// `invalid-config` with the line, and the nearest name for an unknown field.
    pub fn from_yaml(text: &str) -> Result<Self> {
        serde_saphyr::from_str(text).map_err(|error| document_error("the job spec", &error.to_string()))
    }
}

fn translate(
    spec: &SegmentGenerationJobSpec,
    folder: &Path,
    working: &Path,
    access: &Access,
    runs: Runs,
    outside: Outside<'_>,
) -> Result<Loaded> {
    let mut notes = Notes::default();
    let (builds, form) = job_type::parse(spec.job_type.as_deref())?;
    let table_spec = spec.table_spec.clone().unwrap_or_default();
    let table_name = required("tableSpec.tableName", table_spec.table_name.as_deref())?;
    let output = Place::files("outputDirURI", required("outputDirURI", spec.output_dir_uri.as_deref())?, working)?;
    check_writable(&output).map_err(|error| error.with("option", "outputDirURI"))?;
    let uris = [spec.input_dir_uri.as_deref(), spec.output_dir_uri.as_deref()];
    let store = file_system::options(spec.pinot_fs_specs.as_deref().unwrap_or_default(), &uris, &mut notes)?;
    if let Some(framework) = spec.execution_framework_spec.as_ref().filter(|_| runs == Runs::Here) {
        let name = framework.name.as_deref().unwrap_or("standalone");
        let there = if name == "spark" { "; `--engine spark` has Spark run it" } else { "" };
        notes.no_effect("executionFrameworkSpec", &format!("the job runs in this process, not as `{name}`{there}"));
    }
    let push = form.map(|form| PushWishes::try_new(spec, form, table_name, (&output, &store), access)).transpose()?;
    if push.is_none() && spec.clean_up_output_dir == Some(true) {
        notes.no_effect("cleanUpOutputDir", "segments are not pushed, so they stay");
    }
    if push.is_none() && spec.push_job_spec.is_some() {
        notes.no_effect("pushJobSpec", "`jobType` says that segments are not pushed");
    }
    let asks = |uri: &Option<String>| uri.as_deref().is_none_or(|uri| uri.is_empty() || uri.starts_with("http"));
    if push.is_none() && !asks(&table_spec.schema_uri) && !asks(&table_spec.table_config_uri) {
        for (field, given) in [
            ("pinotClusterSpecs", spec.pinot_cluster_specs.is_some()),
            ("tlsSpec", spec.tls_spec.is_some()),
            ("authToken", spec.auth_token.is_some()),
        ] {
            if given {
                notes.no_effect(
                    field,
                    "no controller is asked: segments are not pushed and the table's documents are files",
                );
            }
        }
    }
    if let Some(push) = &push
        && spec.clean_up_output_dir == Some(true)
        && !push.clean_up_output
    {
        notes.no_effect("cleanUpOutputDir", "servers fetch the segment files from there as long as the segments live");
    }
    let of_push = spec.push_job_spec.as_ref();
    if of_push.is_some_and(|push| push.segment_metadata_generation_parallelism.is_some_and(|it| it > 1)) {
        notes.no_effect(
            "pushJobSpec.segmentMetadataGenerationParallelism",
            "`pushParallelism` counts for all of a push",
        );
    }
    if of_push.is_some_and(|push| push.prefer_metadata_tar_gz == Some(true)) {
        notes.no_effect("pushJobSpec.preferMetadataTarGz", "the metadata come out of the segment file");
    }
    if spec.create_metadata_tar_gz == Some(true) {
        notes.no_effect("createMetadataTarGz", "a metadata push takes the metadata out of the segment file");
    }
    let plan = match builds {
        true => {
            let plan =
                plan(spec, &table_spec, table_name, folder, working, &output, store, access, outside, &mut notes)?;
            if push.is_none() && plan.table_config.as_ref().is_some_and(is_consistent) {
                notes.add("the table config says `consistentDataPush`: segment names get no time as postfix here");
            }
            Some(match &push {
                Some(push) => pushed(plan, push),
                None => plan,
            })
        }
        false => None,
    };
    let staging = match runs {
        Runs::Here => None,
        Runs::Elsewhere => Some(elsewhere::staging(spec, &output, working)?),
    };
    Ok(Loaded { plan, push, notes: notes.0, staging })
}

#[expect(clippy::too_many_arguments, reason = "the parts of one job, taken apart by one caller")]
fn plan(
    spec: &SegmentGenerationJobSpec,
    table_spec: &TableSpec,
    table_name: &str,
    folder: &Path,
    working: &Path,
    output: &Location,
    store: StoreOptions,
    access: &Access,
    outside: Outside<'_>,
    notes: &mut Notes,
) -> Result<Plan> {
    let input = Place::files("inputDirURI", required("inputDirURI", spec.input_dir_uri.as_deref())?, working)?;
    let reader_spec = spec.record_reader_spec.as_ref();
    let reader = Reader::try_new(reader_spec.ok_or_else(|| missing("recordReaderSpec"))?, working, notes)?;
    let pattern = |option, text: &Option<String>| {
        text.as_deref().filter(|text| !text.is_empty()).map(|text| PathPattern::parse(option, text)).transpose()
    };
    let selection = Selection {
        recursive: spec.search_recursively != Some(false),
        include: pattern("includeFileNamePattern", &spec.include_file_name_pattern)?,
        exclude: pattern("excludeFileNamePattern", &spec.exclude_file_name_pattern)?,
    };
    let documents = Documents { working, controller: controllers(spec).into_iter().next(), access, outside };
    let raw_name = raw_name(table_name);
    let schema = Schema::from_json(&documents.get(
        "tableSpec.schemaURI",
        table_spec.schema_uri.as_deref(),
        &format!("/tables/{raw_name}/schema"),
    )?)?;
    let table = documents.get(
        "tableSpec.tableConfigURI",
        table_spec.table_config_uri.as_deref(),
        &format!("/tables/{raw_name}"),
    )?;
    let table = TableConfig::from_document(unwrap_table(&table)?)?;
    check_documents("tableSpec.tableName", raw_name, Some(&schema), Some(&table))?;
    let names = Names::try_new(spec.segment_name_generator_spec.as_ref(), &schema, &table, notes)?;
    let list = |folder: &Location, below| (outside.list)(&store, folder, below);
    let files = selection.find(&input, &list).map_err(|error| error.with("option", "inputDirURI"))?;
    let inputs = inputs::name(&input, files, &names, notes)?;
    let parallelism = spec.segment_creation_job_parallelism.unwrap_or(1).max(1) as u64;

    // The state of one folder of inputs is no other's, however the template is filled.
    let id = xxh3_64(format!("{:?} {:?}", spec.input_dir_uri, spec.output_dir_uri).as_bytes());
    let mut file: JobFile = serde_json::from_value(json!({
        "name": format!("{raw_name}-{:08x}", id as u32),
        "source": {"kind": "files", "paths": [input.to_string()], "format": reader.format},
        "sink": {"kind": "pinot", "table": raw_name, "output": output.to_string()},
    }))
    .map_err(|error| Error::unexpected("cannot write a job file for the job spec").caused_by(error))?;
    file.store = store;
    file.source.csv = reader.csv;
    file.source.protobuf = reader.protobuf;
    file.source.unknown_columns = Unknown::Ignore;
    file.sink.archive = Some(Archive::TarGz);
    file.sink.segment_name = Some(names.timed);
    // One file is one segment, however large, and so many files are built at the same time.
    file.sink.segment =
        SegmentLimits { max_rows: usize::MAX, max_bytes: ByteSize(u64::MAX / parallelism), ..SegmentLimits::default() };
    file.limits.memory = ByteSize(u64::MAX);
    let continues = table.json().pointer("/ingestionConfig/continueOnError") == Some(&Json::Bool(true));
    file.limits.errors = if continues { ErrorBudget::Percent(100.0) } else { ErrorBudget::Rows(0) };
    let state = folder.join(".pinotage").join(&file.name);
    Ok(Plan {
        database: None,
        output: output.local_path().map_or_else(|| state.join("segments"), ToOwned::to_owned),
        store_output: output.local_path().is_none().then(|| output.clone()),
        archive: Archive::TarGz,
        keeps_segments: true,
        connection: None,
        copies: Vec::new(),
        quarantine: state.join("quarantine"),
        beside_stream: false,
        checkpoint: None,
        staging: state.join("staging"),
        staging_store: None,
        state,
        schema: Some(schema),
        table_config: Some(table),
        base: working.to_owned(),
        file,
        one_to_one: Some(OneToOne {
            inputs,
            fail_on_empty: spec.fail_on_empty_segment == Some(true),
            overwrite: spec.overwrite_output == Some(true),
            replaces_table: false,
            push_pattern: None,
            archive_uris: None,
        }),
    })
}

/// A plan whose segments are pushed as Pinot would: by name, or all at once where the table wants that.
fn pushed(mut plan: Plan, push: &PushWishes) -> Plan {
    let mut connections = push.connections.iter().cloned();
    plan.connection = connections.next();
    plan.copies = connections.collect();
    plan.keeps_segments = !push.clean_up_output;
    let replaces_table = plan.table_config.as_ref().is_some_and(is_consistent);
    plan.file.sink.push =
        PushOptions { foreign: if replaces_table { Foreign::Replace } else { Foreign::Keep }, ..push.options() };
    if replaces_table {
        // Pinot puts the time of the run behind its names, for they must be new. Names of the run are, and they leave alone
        // what has not changed.
        plan.file.sink.segment_name = None;
    }
    if let Some(one_to_one) = &mut plan.one_to_one {
        one_to_one.replaces_table = replaces_table;
        one_to_one.push_pattern.clone_from(&push.file_pattern);
        one_to_one.archive_uris.clone_from(&push.archive_uris);
        if replaces_table {
            one_to_one.inputs.iter_mut().for_each(|input| input.name = InputName::Numbered);
        }
    }
    plan
}

/// Whether pushes to a table replace all of it in one step: a REFRESH table with `consistentDataPush`.
///
/// # Pinot equivalent
///
/// `ConsistentDataPushUtils.consistentDataPushEnabled`
pub fn is_consistent(table: &TableConfig) -> bool {
    let flag = table.json().pointer("/ingestionConfig/batchIngestionConfig/consistentDataPush");
    flag == Some(&Json::Bool(true)) && !table.is_append()
}

/// Where the documents of a table are.
struct Documents<'a> {
    working: &'a Path,
    controller: Option<String>,
    access: &'a Access,
    outside: Outside<'a>,
}

impl Documents<'_> {
    fn get(&self, option: &'static str, uri: Option<&str>, path: &str) -> Result<String> {
        let uri = match (uri.filter(|uri| !uri.is_empty()), &self.controller) {
            (Some(uri), _) => uri.to_owned(),
            (None, Some(controller)) => format!("{controller}{path}"),
            (None, None) => return Err(missing(option)),
        };
        match Place::parse(option, &uri, self.working)? {
            Place::Http(uri) => {
                let (scheme, rest) = uri.split_once("://").unwrap_or(("http", &uri));
                let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
                let connection = self.access.connection(option, &format!("{scheme}://{host}"))?;
                (self.outside.document)(&uri, &connection).map_err(|error| error.with("option", option))
            }
            Place::Local(path) => read(option, &path),
            Place::Object(at) => Err(Error::unsupported("documents of a table are not read from object stores")
                .with("option", option)
                .with("uri", at)
                .action("name a file of this machine, or leave it out to take the controller's")),
        }
    }
}

fn read(option: &'static str, path: &PathBuf) -> Result<String> {
    std::fs::read_to_string(path)
        .map_err(|error| Error::io(error, "cannot read a document of the table", path).with("option", option))
}

/// A controller wraps a table config in its type.
fn unwrap_table(text: &str) -> Result<Json> {
    let mut document: Json = serde_json::from_str(text).map_err(|error| {
        Error::invalid_config(format!("expected a Pinot table config in JSON: {error}"))
            .with("option", "tableSpec.tableConfigURI")
            .action("correct the JSON at that line and column")
    })?;
    let wrapped = ["OFFLINE", "REALTIME"].into_iter().find_map(|kind| document.get_mut(kind).map(Json::take));
    Ok(wrapped.unwrap_or(document))
}

fn required<'a>(option: &'static str, value: Option<&'a str>) -> Result<&'a str> {
    value.filter(|value| !value.is_empty()).ok_or_else(|| missing(option))
}

fn missing(option: &str) -> Error {
    Error::invalid_config(format!("the job spec has no `{option}`"))
        .with("option", option.to_owned())
        .action(format!("add `{option}`; Pinot's own job needs it too"))
}

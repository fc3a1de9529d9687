//! Runs a job: decides what is missing, builds it, records it.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use arrow::datatypes::SchemaRef;
use pinotage_common::{ByteSize, Error, ErrorKind, Result};
use pinotage_formats::{CsvOptions, Format, ReadOptions, UnknownColumns, infer_schema};
use pinotage_job::{
    InputFile, NamedInput, Plan, expand_paths, file, infer_schema as infer_pinot_schema, infer_table_config,
};
use pinotage_sink::publish::PushObserver;
use pinotage_spec::{ColumnPlan, PinotVersion, Schema, SegmentNameGenerator, TableConfig};
use pinotage_store::Location;
use pinotage_transform::{Changes, ConformOptions, Conformer, Ingestion};
use xxhash_rust::xxh3::Xxh3;

use crate::built::{aside, remove_strays};
use crate::cluster::{Asked, Cluster, Publisher, PushSummary, name_prefix};
use crate::identity::{InputRecord, identify, together};
use crate::manifest::{Counts, Manifest, SegmentRecord};
use crate::objects::{Objects, in_file};
use crate::output::{Output, is_object, remove};
use crate::quarantine::RunId;
use crate::sql::{SqlWay, examine};
use crate::unit::Workshop;

/// Is told how a run goes on; called from several threads.
pub trait Observer: PushObserver {
    /// So many inputs of so many bytes are to be built.
    fn started(&self, _inputs: usize, _bytes: u64) {}
    /// So many more rows and input bytes have been read.
    fn advanced(&self, _rows: u64, _bytes: u64) {}
}

/// An observer that says nothing.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl Observer for Silent {}
impl PushObserver for Silent {}

/// How a job is run.
#[derive(Debug)]
pub struct RunOptions<'a> {
    /// Build every input, changed or not.
    pub force: bool,
    /// Say what would be built and build nothing.
    pub dry_run: bool,
    /// Worker threads, before the job's own number.
    pub threads: Option<usize>,
    /// Set from outside to stop: the inputs under way are given up, nothing half-written stays.
    pub cancel: &'a AtomicBool,
    /// Written into the segments; no checksum covers it.
    pub creation_time_millis: i64,
}

/// What a run did with an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputStatus {
    /// Its segments were built.
    Built,
    /// It was built by an earlier run and has not changed.
    Unchanged,
    /// It would be built (dry run).
    Missing,
}

/// What a run did with one input, or with all of them when the SQL needs many rows at a time.
#[derive(Debug, Clone)]
pub struct InputSummary {
    /// The file, or `all N inputs`.
    pub name: String,
    /// What was done.
    pub status: InputStatus,
    /// Its rows.
    pub counts: Counts,
    /// Its segments.
    pub segments: Vec<SegmentRecord>,
}

/// What a run did.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// The inputs, in order.
    pub inputs: Vec<InputSummary>,
    /// Inputs of earlier runs that are not there any more; their segments are left alone.
    pub vanished: Vec<String>,
    /// Values that were changed because the schema demands it.
    pub changes: Changes,
    /// What was done in the cluster, if the job has one.
    pub push: Option<PushSummary>,
}

/// An input file.
#[derive(Debug, Clone)]
pub struct Input {
    /// Where it is.
    pub file: InputFile,
    /// What it is.
    pub format: Format,
    /// What its segment is called, in a job that makes one segment of each input.
    pub named: Option<NamedInput>,
}

/// A job with its inputs found and its documents complete.
#[derive(Debug)]
pub struct Prepared {
    /// The job.
    pub plan: Plan,
    /// The input files.
    pub inputs: Vec<Input>,
    /// The schema, given or inferred.
    pub schema: Schema,
    /// The table config, given or inferred.
    pub table: TableConfig,
    /// The columns.
    pub columns: Vec<ColumnPlan>,
    /// The columns that the source gives, before SQL.
    pub source_schema: SchemaRef,
    /// How the SQL is carried out, if there is one.
    pub sql: Option<SqlWay>,
    /// How segments are named; with a cluster and no names of the user's, the run's own names take their place.
    pub names: SegmentNameGenerator,
    /// The cluster, if the job has one and it was asked.
    pub cluster: Option<Cluster>,
    /// The stores that the inputs come from and the segments go to.
    pub(crate) objects: Arc<Objects>,
    /// The columns after SQL.
    pub(crate) selected: SchemaRef,
    /// What the table computes and drops, over those columns.
    pub ingestion: Option<Ingestion>,
    /// The release whose ways of ingestion count.
    pub(crate) version: PinotVersion,
    pub(crate) read: ReadOptions,
    pub(crate) conform: ConformOptions,
}

/// Finds the inputs, infers what is not given, and checks that rows will convert.
///
/// # Errors
///
/// Those of finding and opening the inputs, of the SQL, and `schema-mismatch` for columns that can never convert.
///
/// The cluster is asked when the job has one, unless `offline`: then its documents take no part.
pub fn prepare(plan: Plan, offline: bool) -> Result<Prepared> {
    let asked = if offline { None } else { Asked::ask(&plan)? };
    let known_schema = match (&plan.schema, &asked) {
        (Some(schema), _) => Some(schema.clone()),
        (None, Some(asked)) => asked.schema()?,
        (None, None) => None,
    };
    let source = &plan.file.source;
    let given = source.format.as_ref().map(|format| format.parse::<Format>()).transpose()?;
    let objects = Arc::new(Objects::new(&plan.file.store)?);
    let found = match &plan.one_to_one {
        Some(one_to_one) => {
            one_to_one.inputs.iter().map(|input| (input.file.clone(), Some(input.clone()))).collect::<Vec<_>>()
        }
        None => {
            let list = |folder: &Location, below| objects.list(folder, below);
            expand_paths(&plan.base, &source.paths, &list)?.into_iter().map(|file| (file, None)).collect()
        }
    };
    let mut inputs = Vec::new();
    for (file, named) in found {
        let format = match given {
            Some(format) => format,
            None => format_of(file.path())?,
        };
        inputs.push(Input { file, format, named });
    }
    let known_table = match (&plan.table_config, &asked) {
        (Some(table), _) => Some(table.clone()),
        (None, Some(asked)) => asked.table()?,
        (None, None) => None,
    };
    let mut read = read_options(source)?;
    // SQL is planned on plain text.
    read.keep_dictionaries = plan.file.transform.is_none();
    // Without SQL the table's own types are what the source's text means.
    if let (Some(schema), None) = (&known_schema, &plan.file.transform) {
        // Only CSV has lists that nothing marks as such.
        let is_csv = inputs.first().is_some_and(|input| input.format == Format::Csv);
        let splits = is_csv && read.csv.multi_value_delimiter.is_some();
        // Expressions see the text of a CSV file, as in Pinot.
        if let Some(table) = known_table.as_ref().filter(|_| is_csv) {
            for name in Ingestion::arguments(schema, table)? {
                let multi = schema.field(&name).is_some_and(|field| !field.single_value);
                if !multi && !read.declared.iter().any(|declared| *declared.name() == name) {
                    read.declared.push(arrow::datatypes::Field::new(&name, arrow::datatypes::DataType::Utf8, true));
                }
            }
        }
        for field in schema.fields().filter(|field| field.single_value || splits) {
            use pinotage_spec::DataType::{Double, Float, Int, Long};
            let known = read.declared.iter().any(|declared| declared.name() == &field.name);
            // Booleans and times have more spellings than a source's parser knows; they stay text until they are conformed.
            let data_type = match field.data_type {
                Int | Long | Float | Double => field.data_type.to_arrow(),
                _ => arrow::datatypes::DataType::Utf8,
            };
            let data_type = match field.single_value {
                true => data_type,
                false => arrow::datatypes::DataType::new_list(data_type, true),
            };
            if !known {
                read.declared.push(arrow::datatypes::Field::new(&field.name, data_type, true));
            }
        }
    }
    let Some(first) = inputs.first() else {
        return Err(Error::not_found("no input file").action("name at least one file in `source.paths`"));
    };
    let infer = |path: &Path| infer_schema(path, first.format, &read).map_err(in_file(&first.file));
    let source_schema = objects.sample(&first.file, first.format, &infer)?;
    let (sql, selected) = match &plan.file.transform {
        Some(transform) => {
            let (way, columns) = examine(&transform.sql, &source_schema)?;
            (Some(way), columns)
        }
        None => (None, source_schema.clone()),
    };
    if matches!(sql, Some(SqlWay::Whole(_))) && sql_memory(&plan) < LEAST_SQL_MEMORY {
        let needed = ByteSize(plan.file.sink.segment.max_bytes.bytes() + LEAST_SQL_MEMORY);
        return Err(Error::new(
            ErrorKind::ResourceExhausted,
            format!(
                "SQL over many rows needs memory beside the segment that is built, `limits.memory` is {}",
                plan.file.limits.memory
            ),
        )
        .action(format!("raise `limits.memory` to at least {needed}, or make `sink.segment.maxBytes` smaller")));
    }
    let schema = match known_schema {
        Some(schema) => schema,
        None => Schema::from_document(infer_pinot_schema(&plan.file.sink.table, &selected))?,
    };
    let table = match known_table {
        Some(table) => table,
        None => TableConfig::from_document(infer_table_config(&plan.file.sink.table, schema.json()))?,
    };
    // Only expressions differ between releases.
    let computes = table.transforms().next().is_some() || schema.derived().next().is_some();
    let version = match asked.as_ref().filter(|_| computes) {
        Some(asked) => asked.version()?,
        None => PinotVersion::NEWEST,
    };
    let (cluster, table) = match asked {
        // Pinot's own jobs never change a table.
        Some(asked) if plan.one_to_one.is_some() => (Some(asked.accept(&schema, &table)?), table),
        Some(asked) => {
            let (cluster, table) = asked.compare(&plan, &schema, &table)?;
            (Some(cluster), table)
        }
        None => (None, table),
    };
    pinotage_job::check_ingestion(&table)?;
    let columns = ColumnPlan::resolve(&schema, &table)?;
    let time_zone = source
        .time_zone
        .parse()
        .map_err(|_| Error::invalid_config("unknown time zone").with("option", "source.timeZone"))?;
    let conform =
        ConformOptions { time_zone, strict: plan.file.strict, timestamp_loss_is_error: false, keep_dictionaries: true };
    let ingestion = Ingestion::try_new(&schema, &table, &selected, version)?;
    let ingested = ingestion.as_ref().map_or_else(|| selected.clone(), Ingestion::schema);
    Conformer::try_new(&columns, table.time_column(), &ingested, conform)?;
    let names = plan.name_generator(&table)?;
    Ok(Prepared {
        inputs,
        schema,
        table,
        columns,
        source_schema,
        sql,
        names,
        cluster,
        objects,
        selected,
        ingestion,
        version,
        read,
        conform,
        plan,
    })
}

/// The format of a file by its name.
pub(crate) fn format_of(path: &Path) -> Result<Format> {
    Format::detect(path).ok_or_else(|| {
        Error::invalid_config("the format cannot be told from the file's name")
            .with("file", path.display())
            .action("set `source.format` to csv, json, parquet, avro or arrow, or rename the file")
    })
}

fn read_options(source: &file::Source) -> Result<ReadOptions> {
    let csv = &source.csv;
    let one = |option: &str, c: char| {
        u8::try_from(c).ok().filter(u8::is_ascii).ok_or_else(|| {
            Error::invalid_config(format!("`{c}` cannot be a {option}"))
                .with("option", format!("source.csv.{option}"))
                .action("use a single ASCII character")
        })
    };
    let perhaps = |option: &str, c: Option<char>| c.map(|c| one(option, c)).transpose();
    let delimiter = one("delimiter", csv.delimiter)?;
    let mut declared = Vec::new();
    for (name, data_type) in &source.columns {
        let data_type = data_type
            .parse::<pinotage_spec::DataType>()
            .map_err(|error| error.with("option", format!("source.columns.{name}")))?;
        let data_type = match data_type {
            pinotage_spec::DataType::Timestamp => arrow::datatypes::DataType::Utf8,
            other => other.to_arrow(),
        };
        declared.push(arrow::datatypes::Field::new(name, data_type, true));
    }
    Ok(ReadOptions {
        declared,
        csv: CsvOptions {
            delimiter,
            header: csv.header,
            column_names: csv.column_names.clone(),
            null_values: csv.null_values.clone(),
            quote: perhaps("quote", csv.quote)?,
            escape: perhaps("escape", csv.escape)?,
            comment: perhaps("comment", csv.comment)?,
            multi_value_delimiter: perhaps("multiValueDelimiter", csv.multi_value_delimiter)?,
            trim: csv.trim,
        },
        unknown_columns: match source.unknown_columns {
            file::Unknown::Quarantine => UnknownColumns::Quarantine,
            file::Unknown::Ignore => UnknownColumns::Ignore,
        },
        ..ReadOptions::default()
    })
}

/// What SQL over many rows must have at least.
const LEAST_SQL_MEMORY: u64 = 64 << 20;

/// The memory that the open segment leaves to SQL over many rows.
fn sql_memory(plan: &Plan) -> u64 {
    plan.file.limits.memory.bytes().saturating_sub(plan.file.sink.segment.max_bytes.bytes())
}

impl Prepared {
    pub(crate) fn sql_memory(&self) -> usize {
        sql_memory(&self.plan) as usize
    }

    pub(crate) fn output(&self) -> Output<'_> {
        Output { plan: &self.plan, objects: &self.objects }
    }

    /// Changes whenever other bytes would be made of the same input.
    fn fingerprint(&self) -> String {
        let file = &self.plan.file;
        // With a cluster segments have names of the run, except where inputs have names of their own.
        let run_names = self.plan.connection.is_some() && self.plan.one_to_one.is_none();
        // A URL that was signed anew names the same input.
        let mut source = file.source.clone();
        for path in source.paths.iter_mut().filter(|path| Location::is_uri(path)) {
            path.truncate(path.find('?').unwrap_or(path.len()));
        }
        let mut hasher = Xxh3::new();
        // What the documents mean, not how they are written: a cluster orders and completes them.
        let mut columns: Vec<&ColumnPlan> = self.columns.iter().collect();
        columns.sort_by_key(|column| &column.field.name);
        for part in [
            env!("CARGO_PKG_VERSION").to_owned(),
            format!("{columns:?}"),
            format!("{:?} {:?}", self.table.time_column(), self.names),
            format!(
                "{:?} {:?} {:?} {:?} {}",
                source, file.transform, file.sink.segment, file.sink.segment_name, file.strict
            ),
            format!(
                "{:?} {:?} {:?} {} {:?}",
                self.table.transforms().collect::<Vec<_>>(),
                self.schema.derived().collect::<Vec<_>>(),
                self.table.filter_function(),
                self.table.continues_on_error(),
                self.version
            ),
            format!("{:?} {} {}", self.plan.archive, file.sink.table, run_names),
        ] {
            hasher.update(part.as_bytes());
            hasher.update(&[0]);
        }
        format!("{:032x}", hasher.digest128())
    }
}

/// The name of an input in the manifest: its place relative to the job, so that a moved project stays built; or its URI.
fn uri(plan: &Plan, file: &InputFile) -> String {
    match file {
        InputFile::Local(path) => path.strip_prefix(&plan.base).unwrap_or(path).display().to_string(),
        InputFile::Object(entry) => entry.location.to_uri(),
    }
}

/// The manifest's name for the unit of all inputs.
const ALL: &str = "*";

/// A unit of work: an input, or all of them.
struct Unit {
    index: usize,
    uri: String,
    inputs: Vec<Input>,
    /// What is recorded when the unit is in place: the unit itself first.
    now: Vec<(String, InputRecord)>,
    old: Vec<SegmentRecord>,
}

/// Runs a job.
///
/// # Errors
///
/// Those of the inputs; `invalid-data` when an input has more bad rows than `limits.errors`; `cancelled`. What other inputs
/// have finished stays; what failed leaves nothing in the output.
pub fn run(job: &Prepared, options: &RunOptions<'_>, observer: &dyn Observer) -> Result<Summary> {
    let plan = &job.plan;
    let mut summary = Summary::default();
    let units = units(job);
    if options.dry_run && !Manifest::exists(&plan.state) {
        let missing = |(name, _, _)| InputSummary {
            name,
            status: InputStatus::Missing,
            counts: Counts::default(),
            segments: Vec::new(),
        };
        summary.inputs = units.into_iter().map(missing).collect();
        summary.push = job.cluster.as_ref().map(would_do);
        return Ok(summary);
    }
    let mut manifest = Manifest::open(&plan.state)?;
    let replaces_table = match &plan.one_to_one {
        Some(one_to_one) => one_to_one.replaces_table,
        None => job.table.is_refresh(),
    };
    let output = job.output();
    let publisher = job.cluster.as_ref().map(|cluster| Publisher {
        cluster,
        plan,
        output,
        replaces_table,
        cancel: options.cancel,
        observer,
    });
    let mut pushed = PushSummary::default();
    if !plan.keeps_segments && !options.dry_run {
        remove_strays(plan, &manifest)?;
    }
    if let Some(publisher) = publisher.as_ref().filter(|_| !options.dry_run) {
        publisher.begin(&mut manifest, &mut pushed)?;
    }
    let target = job.cluster.as_ref().map(Cluster::key);
    let fingerprint = job.fingerprint();
    let mut known = manifest.segments()?;
    let listed = if known.is_empty() { None } else { output.listed()? };
    let mut work = Vec::new();
    let mut renamed = HashSet::new();
    for (name, uri, inputs) in units {
        let now = identities(job, &manifest, &uri, &inputs, &fingerprint, options.cancel)?;
        let before = manifest.input(&uri)?;
        let segments = known.remove(&uri).unwrap_or_default();
        if !options.dry_run {
            segments.iter().try_for_each(|segment| remove(&aside(plan, segment)))?;
        }
        let is_pushed = |segment: &SegmentRecord| target.is_some() && segment.pushed == target;
        let mut in_place = true;
        for segment in segments.iter().filter(|segment| !is_pushed(segment)) {
            in_place &= match &listed {
                Some(listed) => listed.contains(&segment.file),
                None => !is_object(&segment.file) && output.holds(&segment.file)?,
            };
        }
        let unchanged = now.first().zip(before.as_ref()).is_some_and(|((_, now), before)| now.is_same_as(before));
        let status = match unchanged && in_place && !options.force {
            true => InputStatus::Unchanged,
            false => InputStatus::Missing,
        };
        if status == InputStatus::Missing {
            let fingerprints =
                now.first().zip(before.as_ref()).map(|((_, now), before)| (&now.fingerprint, &before.fingerprint));
            if plan.one_to_one.is_some() && fingerprints.is_some_and(|(now, before)| now != before) {
                renamed.insert(work.len());
            }
            work.push(Unit { index: summary.inputs.len(), uri, inputs, now, old: segments.clone() });
        }
        let counts = before.map(|before| before.counts).unwrap_or_default();
        summary.inputs.push(InputSummary { name, status, counts, segments });
    }
    // Segments made the other way, of each input or of all together, hold the same rows once more.
    let is_whole = matches!(job.sql, Some(SqlWay::Whole(_)));
    let (superseded, vanished): (Vec<_>, Vec<_>) = known.into_iter().partition(|(uri, _)| is_whole || uri == ALL);
    summary.vanished = vanished.iter().map(|(uri, _)| uri.clone()).collect();
    if options.dry_run {
        summary.push = job.cluster.as_ref().map(would_do);
        return Ok(summary);
    }
    if plan.one_to_one.is_some() {
        // Names that count inputs move when one comes or goes. They are free before anything is built: another input may take them.
        for (_, unit) in work.iter_mut().enumerate().filter(|(at, _)| renamed.contains(at)) {
            for segment in unit.old.drain(..) {
                output.remove(&segment.file)?;
            }
            manifest.forget(&unit.uri)?;
        }
        if !replaces_table {
            summary.vanished.iter().try_for_each(|uri| manifest.abandon(uri))?;
        }
    }
    let told = tell_of_old(job, &work, observer);
    build_all(job, options, observer, &work, &mut manifest, &mut summary)?;
    for (uri, segments) in superseded {
        segments.iter().try_for_each(|segment| output.remove(&segment.file))?;
        manifest.forget(&uri)?;
    }
    if let Some(publisher) = publisher {
        if publisher.replaces_table {
            // The table is what the inputs are now.
            for (uri, segments) in &vanished {
                segments.iter().try_for_each(|segment| output.remove(&segment.file))?;
                manifest.forget(uri)?;
            }
        }
        publisher.end(&mut manifest, &mut pushed, &told)?;
        summary.push = Some(pushed);
    }
    Ok(summary)
}

/// Says which inputs are too old for the table, as far as their first rows tell; returns their units.
fn tell_of_old(job: &Prepared, work: &[Unit], observer: &dyn Observer) -> BTreeSet<String> {
    let Some(retention) = job.cluster.as_ref().and_then(Cluster::retention) else { return BTreeSet::new() };
    let old = retention.old(job, work.iter().flat_map(|unit| &unit.inputs));
    if let Some(warning) = retention.warning(&old, work.len()) {
        observer.warning(&warning);
    }
    old.into_iter().map(|(input, _)| uri(&job.plan, &input.file)).collect()
}

fn would_do(cluster: &Cluster) -> PushSummary {
    PushSummary {
        target: cluster.key(),
        steps: cluster.steps.iter().map(ToString::to_string).collect(),
        ..PushSummary::default()
    }
}

/// The units of a job: name for people, name in the manifest, inputs.
fn units(job: &Prepared) -> Vec<(String, String, Vec<Input>)> {
    match &job.sql {
        Some(SqlWay::Whole(_)) => vec![(format!("all {} inputs", job.inputs.len()), ALL.into(), job.inputs.clone())],
        _ => {
            let unit = |input: &Input| (input.file.to_string(), uri(&job.plan, &input.file), vec![input.clone()]);
            job.inputs.iter().map(unit).collect()
        }
    }
}

/// What the inputs of a unit are now, the unit itself first.
fn identities(
    job: &Prepared,
    manifest: &Manifest,
    unit: &str,
    inputs: &[Input],
    fingerprint: &str,
    cancel: &AtomicBool,
) -> Result<Vec<(String, InputRecord)>> {
    let mut records = Vec::new();
    for input in inputs {
        let uri = uri(&job.plan, &input.file);
        let fingerprint = &with_name(fingerprint, input);
        let content = || job.objects.open(&input.file, &job.plan.output, &|| cancel.load(Ordering::Relaxed));
        let now = identify(&input.file, fingerprint, manifest.input(&uri)?.as_ref(), &content)?;
        records.push((uri, now));
    }
    if unit == ALL {
        // Inputs of which only the content counts: their fingerprint is no unit's own.
        records.iter_mut().for_each(|(_, record)| record.fingerprint.clear());
        records.insert(0, (unit.to_owned(), together(&records, fingerprint)));
    }
    Ok(records)
}

/// Another name is another segment.
fn with_name(fingerprint: &str, input: &Input) -> String {
    let Some(named) = &input.named else { return fingerprint.to_owned() };
    let mut hasher = Xxh3::new();
    hasher.update(format!("{fingerprint} {:?} {}", named.name, named.folder.display()).as_bytes());
    format!("{:032x}", hasher.digest128())
}

fn build_all(
    job: &Prepared,
    options: &RunOptions<'_>,
    observer: &dyn Observer,
    work: &[Unit],
    manifest: &mut Manifest,
    summary: &mut Summary,
) -> Result<()> {
    let (plan, output) = (&job.plan, job.output());
    observer.started(work.len(), work.iter().filter_map(|unit| unit.now.first()).map(|(_, now)| now.size).sum());
    if work.is_empty() {
        return Ok(());
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = options.threads.or(plan.file.threads).unwrap_or(cores).max(1);
    // Each unit may hold one segment; more units at a time than that fit the memory are not started.
    let fitting = (plan.file.limits.memory.bytes() / plan.file.sink.segment.max_bytes.bytes().max(1)).max(1) as usize;
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|error| Error::unexpected("cannot start threads").caused_by(error))?;
    fs::create_dir_all(&plan.output)
        .map_err(|error| Error::io(error, "cannot create the output folder", &plan.output))?;
    let (run, epoch) = manifest.begin()?;
    let names = match (&job.cluster, &plan.file.sink.segment_name) {
        // No two runs of any job ever choose such a name.
        (Some(_), None) => SegmentNameGenerator::NormalizedDate {
            prefix: name_prefix(plan, &run),
            postfix: Some(epoch.to_string()),
            append: false,
            hourly: false,
        },
        _ => job.names.clone(),
    };
    let next = AtomicUsize::new(0);
    let stop = AtomicBool::new(false);
    let workshop = Workshop {
        job,
        pool: &pool,
        id: &RunId { job: plan.file.name.clone(), run, epoch },
        names,
        creation_time_millis: options.creation_time_millis,
        cancelled: &|| options.cancel.load(Ordering::Relaxed) || stop.load(Ordering::Relaxed),
        observer,
    };
    let sequences = work.iter().map(|unit| manifest.sequence(&unit.uri)).collect::<Result<Vec<u64>>>()?;
    let shared = Mutex::new((manifest, summary, None::<(usize, Error)>));
    let worker = || {
        while !stop.load(Ordering::Relaxed) {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let (Some(unit), Some(sequence)) = (work.get(at), sequences.get(at)) else { break };
            let built = workshop.build(&unit.inputs, *sequence);
            let Ok(mut shared) = shared.lock() else { break };
            let (manifest, summary, failure) = &mut *shared;
            let result = built.and_then(|built| {
                built.check_names(manifest, &unit.uri, plan)?;
                let (counts, segments, changes) = built.publish(output, &unit.old, workshop.cancelled)?;
                manifest.commit(&unit.now, counts, &segments)?;
                for old in unit.old.iter().filter(|old| !segments.iter().any(|kept| kept.file == old.file)) {
                    output.remove(&old.file)?;
                }
                Ok((counts, segments, changes))
            });
            match result {
                Ok((counts, segments, changes)) => {
                    summary.changes.add(&changes);
                    if let Some(input) = summary.inputs.get_mut(unit.index) {
                        (input.status, input.counts, input.segments) = (InputStatus::Built, counts, segments);
                    }
                }
                Err(error) => {
                    stop.store(true, Ordering::Relaxed);
                    // The first input in order that failed is reported, whichever thread was faster; an input that was only
                    // given up because of it is no failure of its own.
                    let replaces = failure.as_ref().is_none_or(|(index, known)| match (error.kind(), known.kind()) {
                        (ErrorKind::Cancelled, _) => false,
                        (_, ErrorKind::Cancelled) => true,
                        _ => unit.index < *index,
                    });
                    if replaces {
                        *failure = Some((unit.index, error));
                    }
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads.min(fitting).min(work.len()) {
            scope.spawn(worker);
        }
    });
    match shared.into_inner() {
        Ok((_, _, None)) => Ok(()),
        Ok((_, _, Some((_, error)))) => Err(error),
        Err(_) => Err(Error::unexpected("a worker thread panicked")),
    }
}

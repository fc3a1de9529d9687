//! A job with its inputs found, its documents complete, and its rows known to convert.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use pinotage_common::{ByteSize, Error, ErrorKind, Result};
use pinotage_connector::Source as _;
use pinotage_connectors::generator::Generator;
use pinotage_formats::{CsvOptions, Format, ProtobufSchema, ReadOptions, UnknownColumns, infer_schema, json_values};
use pinotage_job::{
    InputFile, NamedInput, Plan, expand_paths, file, infer_schema as infer_pinot_schema, infer_table_config,
};
use pinotage_spec::{ColumnPlan, PinotVersion, Rollup, Schema, SegmentNameGenerator, StarTreePlans, TableConfig};
use pinotage_store::Location;
use pinotage_transform::{ConformOptions, Conformer, Contributions, Destined, Ingestion};
use xxhash_rust::xxh3::Xxh3;

use crate::cluster::{Asked, Cluster};
use crate::epochs::check_epochs;
use crate::objects::{Objects, in_file};
use crate::output::Output;
use crate::sql::{SqlWay, examine};

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
    /// The release that segments are made for.
    pub version: PinotVersion,
    /// Who said so.
    pub release: Release,
    pub(crate) read: ReadOptions,
    pub(crate) conform: ConformOptions,
    /// The quarantine files that are read in place of the source, by the names that the state knows them by.
    pub(crate) replay: Option<BTreeMap<String, PathBuf>>,
    /// The run of the job whose bad rows they are.
    pub(crate) replay_of: Option<String>,
}

/// Who says for which release of Pinot segments are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// All have the same segments of this table.
    Any,
    /// `sink.pinotVersion`.
    Asked(PinotVersion),
    /// The job's controller.
    Controllers(PinotVersion),
    /// Nobody.
    Newest,
}

impl Release {
    fn version(self) -> PinotVersion {
        match self {
            Self::Asked(version) | Self::Controllers(version) => version,
            Self::Any | Self::Newest => PinotVersion::NEWEST,
        }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = self.version();
        match self {
            Self::Any => write!(f, "Pinot {} or later, which all load the same segments", PinotVersion::OLDEST),
            Self::Asked(_) => write!(f, "Pinot {version}, as `sink.pinotVersion` says"),
            Self::Controllers(_) => write!(f, "Pinot {version}, the release of the controller"),
            Self::Newest => write!(f, "Pinot {version}; `sink.pinotVersion` names another release"),
        }
    }
}

/// Finds the inputs, infers what is not given, and checks that rows will convert.
///
/// # Errors
///
/// Those of finding and opening the inputs, of the SQL, and `schema-mismatch` for columns that can never convert.
///
/// The cluster is asked when the job has one, unless `offline`: then its documents take no part.
pub fn prepare(plan: Plan, offline: bool) -> Result<Prepared> {
    let elsewhere = match plan.file.source.kind {
        file::SourceKind::Flink => Some(("connectors of Flink run in Flink", "flink")),
        file::SourceKind::Spark => Some(("readers of Spark run in Spark", "spark")),
        file::SourceKind::Files | file::SourceKind::Generator => None,
    };
    if let Some((why, engine)) = elsewhere {
        return Err(Error::unsupported(why)
            .with("option", "source.kind")
            .action(format!("add `--engine {engine}` to `run`, `plan` and `check`")));
    }
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
        None if source.generator.is_some() => Vec::new(),
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
        // A table with a stream is taken as it is.
        (_, Some(asked)) if plan.beside_stream => asked.table()?,
        (Some(table), _) => Some(table.clone()),
        (None, Some(asked)) => asked.table()?,
        (None, None) => None,
    };
    let mut read = read_options(source, &plan.base)?;
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
        // Nested JSON keeps values of all kinds.
        let mut inside = Vec::new();
        let json = inputs.first().filter(|input| input.format == Format::Json);
        if let (Some(table), Some(first)) = (&known_table, json)
            && table.complex_types()?.is_some()
        {
            let infer = |path: &Path| infer_schema(path, first.format, &read).map_err(in_file(&first.file));
            let sample = objects.sample(&first.file, first.format, &infer)?;
            let (nested, names) = Ingestion::json_columns(schema, table, &sample)?;
            read.declared.retain(|declared| !nested.contains(declared.name()));
            read.declared.extend(nested.iter().map(|name| json_values(name)));
            inside = names;
        }
        for field in schema.fields().filter(|field| field.single_value || splits) {
            if inside.contains(&field.name) {
                continue;
            }
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
    let source_schema = match (&source.generator, inputs.first()) {
        (Some(options), _) => Generator::try_new(options.clone())?.schema(),
        (None, Some(first)) => {
            let infer = |path: &Path| infer_schema(path, first.format, &read).map_err(in_file(&first.file));
            objects.sample(&first.file, first.format, &infer)?
        }
        (None, None) => {
            return Err(Error::not_found("no input file").action("name at least one file in `source.paths`"));
        }
    };
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
    let version_matters = PinotVersion::matters_to(&schema, &table) || !table.enrichments()?.is_empty();
    let release = match (plan.file.sink.pinot_version, &asked) {
        _ if !version_matters => Release::Any,
        (Some(version), _) => Release::Asked(version),
        (None, Some(asked)) => Release::Controllers(asked.version()?),
        (None, None) => Release::Newest,
    };
    let version = release.version();
    let (cluster, table) = match asked {
        // Pinot's own jobs never change a table.
        Some(asked) if plan.one_to_one.is_some() => (Some(asked.accept(&schema, &table)?), table),
        Some(asked) if plan.beside_stream => {
            let (cluster, table) = asked.beside_stream(&schema, plan.file.sink.pinot_version)?;
            (Some(cluster), table)
        }
        Some(asked) => {
            let (cluster, table) = asked.compare(&plan, &schema, &table)?;
            (Some(cluster), table)
        }
        None => (None, table),
    };
    pinotage_job::check_ingestion(&table)?;
    // What the release does not have is refused here, not at the first segment.
    ColumnPlan::resolve_for(&schema, &table, version)?;
    let columns = ColumnPlan::resolve(&schema, &table)?;
    let time_zone = source
        .time_zone
        .parse()
        .map_err(|_| Error::invalid_config("unknown time zone").with("option", "source.timeZone"))?;
    let conform = ConformOptions {
        time_zone,
        strict: plan.file.strict,
        timestamp_loss_is_error: false,
        // What expressions see as text becomes what the reader would have made of it.
        nearest_float: inputs.first().is_some_and(|input| input.format == Format::Csv),
        keep_dictionaries: true,
    };
    let ingestion = Ingestion::try_new(&schema, &table, &selected, version)?;
    let ingested = ingestion.as_ref().map_or_else(|| selected.clone(), Ingestion::schema);
    Conformer::try_new(&columns, table.time_column(), &ingested, conform)?;
    Contributions::try_new(&schema, &table, &columns, &ingested)?;
    let names = plan.name_generator(&table)?;
    let job = Prepared {
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
        release,
        version,
        read,
        conform,
        replay: None,
        replay_of: None,
        plan,
    };
    if job.plan.checkpoint.is_some() {
        check_epochs(&job)?;
    }
    Ok(job)
}

/// The format of a file by its name.
pub(crate) fn format_of(path: &Path) -> Result<Format> {
    Format::detect(path).ok_or_else(|| {
        Error::invalid_config("the format cannot be told from the file's name")
            .with("file", path.display())
            .action("set `source.format` to csv, json, parquet, avro, arrow, orc or protobuf, or rename the file")
    })
}

fn read_options(source: &file::Source, base: &Path) -> Result<ReadOptions> {
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
        protobuf: match &source.protobuf {
            Some(of) => Some(ProtobufSchema::load(&base.join(&of.descriptor_file), of.message_type.as_deref())?),
            None => None,
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

    /// The table, for the conversion of rows.
    pub(crate) fn destined(&self) -> Destined<'_> {
        Destined {
            schema: &self.schema,
            table: &self.table,
            columns: &self.columns,
            version: self.version,
            options: self.conform,
        }
    }

    pub(crate) fn output(&self) -> Output<'_> {
        Output { plan: &self.plan, objects: &self.objects }
    }

    /// Changes whenever other bytes would be made of the same input.
    pub(crate) fn fingerprint(&self) -> String {
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
        // They were read once before, so there is no error.
        let mut columns = ColumnPlan::resolve_for(&self.schema, &self.table, self.version).unwrap_or_default();
        let star_trees = StarTreePlans::resolve(&self.table, &columns, self.version).ok();
        columns.sort_by(|a, b| a.field.name.cmp(&b.field.name));
        for part in [
            env!("CARGO_PKG_VERSION").to_owned(),
            format!("{columns:?} {star_trees:?}"),
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
            // Read once before, so there is no error.
            format!("{:?}", self.table.complex_types().ok().flatten()),
            format!("{:?}", Rollup::resolve(&self.schema, &self.table).ok().flatten()),
            format!("{:?}", self.table.enrichments().ok()),
            format!("{:?} {} {}", self.plan.archive, file.sink.table, run_names),
        ] {
            hasher.update(part.as_bytes());
            hasher.update(&[0]);
        }
        // The file of the descriptors may change under its name.
        hasher.update(&self.read.protobuf.as_ref().map(ProtobufSchema::to_bytes).unwrap_or_default());
        format!("{:032x}", hasher.digest128())
    }
}

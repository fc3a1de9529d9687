//! The job file, key by key.

use std::collections::BTreeMap;

use pinotage_client::{Address, Connection};
use pinotage_common::ByteSize;
use pinotage_sink::publish::PushOptions;
use pinotage_store::StoreOptions;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ErrorBudget;

/// A job: a source, an optional transform, a sink.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JobFile {
    /// The job's name; it keys the state.
    pub name: String,
    /// Where rows come from.
    pub source: Source,
    /// What happens to them on the way.
    #[serde(default)]
    pub transform: Option<Transform>,
    /// Where they go.
    pub sink: Sink,
    /// How the object stores of `source.paths` and `sink.output` are reached. (Archives for a cluster have `sink.push.store`.)
    #[serde(default)]
    pub store: StoreOptions,
    /// The folder of the job's state: which inputs were built from which bytes. Default `.pinotage/<name>` beside the job file.
    #[serde(default)]
    pub state: Option<String>,
    /// How much the job may take.
    #[serde(default)]
    pub limits: Limits,
    /// The folder for bad rows, as Parquet files. Default: a folder `quarantine` in the state.
    #[serde(default)]
    pub quarantine: Option<String>,
    /// Changes that the schema demands (cut strings, NaN to null) make a row bad instead of being counted.
    #[serde(default)]
    pub strict: bool,
    /// Worker threads. Default: one for each core.
    #[serde(default)]
    pub threads: Option<usize>,
}

/// Where rows come from.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Source {
    /// `files`
    pub kind: SourceKind,
    /// `csv`, `json`, `parquet`, `avro`, `arrow`, `orc` or `protobuf`. Default: by the files' names.
    #[serde(default)]
    pub format: Option<String>,
    /// Files and folders, relative to the job file, or URIs: `s3://`, `gs://`, `abfss://`, and `https://` for one file each. The
    /// last part of a path may hold `*`.
    pub paths: Vec<String>,
    /// How CSV is written.
    #[serde(default)]
    pub csv: Csv,
    /// What the messages of Protobuf files are; Protobuf cannot be read without. The messages stand one behind the other, each
    /// behind its length as a varint.
    #[serde(default)]
    pub protobuf: Option<Protobuf>,
    /// Types of columns that must not be guessed: INT, LONG, FLOAT, DOUBLE, BOOLEAN or STRING by name.
    #[serde(default)]
    pub columns: BTreeMap<String, String>,
    /// The zone of times that name none, as in the tz database.
    #[serde(default = "utc")]
    pub time_zone: String,
    /// A JSON key that the first rows did not have: `quarantine` the row or `ignore` the key.
    #[serde(default)]
    pub unknown_columns: Unknown,
    /// Inputs smaller than this are put together until they have about so many bytes, and make their segments together. They
    /// stay together: new inputs are put together with each other. Without it each input makes segments of its own.
    #[serde(default)]
    pub pack_bytes: Option<ByteSize>,
}

fn utc() -> String {
    "UTC".into()
}

/// The kinds of sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum SourceKind {
    /// Files of a file system, an object store or a web server.
    Files,
}

/// What to do with a row that has a key nobody knows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Unknown {
    /// The row is bad.
    #[default]
    Quarantine,
    /// The key is left out.
    Ignore,
}

/// What the messages of Protobuf files are.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Protobuf {
    /// The file that `protoc --include_imports --descriptor_set_out=FILE` writes, relative to the job file.
    pub descriptor_file: String,
    /// The name of the message, with or without its package. Default, as in Pinot: the first message of the first file; it must be
    /// named where another file imports that one.
    #[serde(default)]
    pub message_type: Option<String>,
}

/// How CSV is written.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Csv {
    /// One character between fields.
    pub delimiter: char,
    /// The first line names the columns.
    pub header: bool,
    /// The columns' names, when there is no header.
    pub column_names: Option<Vec<String>>,
    /// Texts that are null.
    pub null_values: Vec<String>,
    /// One character around fields that hold delimiters; `null` if quotes are plain text.
    pub quote: Option<char>,
    /// One character before another that is meant literally.
    pub escape: Option<char>,
    /// One character at the start of lines that are no rows.
    pub comment: Option<char>,
    /// One character between the values of a multi-value column.
    pub multi_value_delimiter: Option<char>,
    /// Blanks around fields are left out.
    pub trim: bool,
}

impl Default for Csv {
    fn default() -> Self {
        Self {
            delimiter: ',',
            header: true,
            column_names: None,
            null_values: vec![String::new()],
            quote: Some('"'),
            escape: None,
            comment: None,
            multi_value_delimiter: None,
            trim: false,
        }
    }
}

/// What happens to rows on the way.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Transform {
    /// A SELECT over the table `source`. One that maps rows to rows (expressions, WHERE) works on each input by itself; one
    /// that needs many rows at a time (GROUP BY, ORDER BY, LIMIT, joins, windows) works on all inputs together, and any
    /// change of an input builds all segments again.
    pub sql: String,
}

/// Where rows go.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sink {
    /// `pinot`
    pub kind: SinkKind,
    /// The table's name.
    pub table: String,
    /// Pinot's schema file. Default: the cluster's schema, else inferred from the rows and shown.
    #[serde(default)]
    pub schema: Option<String>,
    /// Pinot's table config file. Default: the cluster's, else Pinot's own defaults.
    #[serde(default)]
    pub table_config: Option<String>,
    /// The folder for the segments, or the URI of one in an object store, which gets archives. Default: `segments`; with a
    /// controller they are removed once they are pushed.
    #[serde(default)]
    pub output: Option<String>,
    /// `directory` or `tarGz`. Default: `directory`, except for segments that do not stay on this machine.
    #[serde(default)]
    pub archive: Option<Archive>,
    /// When a segment is full.
    #[serde(default)]
    pub segment: SegmentLimits,
    /// How segments are named. Default with a controller: after table, job, run and input, so that no two runs ever choose
    /// the same name.
    #[serde(default)]
    pub segment_name: Option<SegmentName>,
    /// The controller that segments are pushed to: `host:9000` or a URL. Without one they stay in `output`.
    #[serde(default)]
    pub controller: Option<Address>,
    /// Instead of `controller`, for a cluster that asks who comes: the same address with auth, TLS, proxy and limits.
    #[serde(default)]
    pub connection: Option<Connection>,
    /// Whether the cluster's table is made to fit the two files.
    #[serde(default)]
    pub create_table: CreateTable,
    /// What is promised about rows that are pushed.
    #[serde(default)]
    pub delivery: Delivery,
    /// How segments are pushed.
    #[serde(default)]
    pub push: PushOptions,
}

/// Whether the cluster's table is made to fit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum CreateTable {
    /// Schema and table are created when they are missing, and changed when the files say something else.
    #[default]
    IfMissing,
    /// The cluster is not changed: a difference stops the run.
    Never,
}

/// What is promised about rows that are pushed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Delivery {
    /// Queries see every row once, whatever fails on the way.
    #[default]
    ExactlyOnce,
    /// Nothing less is offered for files; the word is known because streams will have it.
    AtLeastOnce,
}

/// The kinds of sinks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum SinkKind {
    /// Segments of a Pinot table.
    Pinot,
}

/// How a segment lies in the output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Archive {
    /// A folder.
    #[default]
    Directory,
    /// The archive that controllers take.
    TarGz,
}

/// When a segment is full.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SegmentLimits {
    /// Rows of a segment at most.
    pub max_rows: usize,
    /// Memory that a segment's values take at most while it is built.
    pub max_bytes: ByteSize,
}

impl Default for SegmentLimits {
    fn default() -> Self {
        Self { max_rows: 5_000_000, max_bytes: ByteSize::mib(512) }
    }
}

/// How segments are named.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SegmentName {
    /// `simple` (with the time column's values), `normalizedDate` or `fixed`
    pub r#type: NameType,
    /// Default: the table's name.
    pub prefix: Option<String>,
    /// Put behind the times.
    pub postfix: Option<String>,
    /// The name, for `fixed`.
    pub name: Option<String>,
}

/// Pinot's segment name generators.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum NameType {
    /// `prefix_min_max_sequence`
    #[default]
    Simple,
    /// `prefix_date_date_sequence`
    NormalizedDate,
    /// One given name.
    Fixed,
}

/// How much a job may take.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Limits {
    /// Memory for building segments, in all.
    pub memory: ByteSize,
    /// Bad rows that an input may have, as a number (`100`) or a share of its rows (`1%`); one more stops the job before
    /// that input's segments appear.
    pub errors: ErrorBudget,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory: ByteSize::mib(2048), errors: ErrorBudget::Rows(100) }
    }
}

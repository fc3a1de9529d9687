//! The job file, key by key.

use std::collections::BTreeMap;

use pinotage_client::{Address, Connection};
use pinotage_common::{ArchiveLevel, ByteSize, TimeSpan};
use pinotage_connectors::generator::GeneratorOptions;
use pinotage_sink::publish::PushOptions;
use pinotage_sink::upsert::{StreamKey, Ties};
use pinotage_sink::writer::{EventTime, Sealing};
use pinotage_spec::PinotVersion;
use pinotage_store::StoreOptions;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::engines::{DeployMode, Engines, FlinkConnector, FlinkSession, SparkEngine, SparkReader};
use crate::{ErrorBudget, StatePlace};

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
    /// How the object stores of `source.paths`, `sink.output` and `staging` are reached. (Archives for a cluster have `sink.push.store`.)
    #[serde(default)]
    pub store: StoreOptions,
    /// The folder of the job's state: which inputs were built from which bytes, or how far the job has come. Default
    /// `.pinotage/<name>` beside the job file. With `checkpoint` also a PostgreSQL database,
    /// `postgres://user:${env:PASSWORD}@host/database`, with `?sslrootcert=FILE` for authorities of your own.
    #[serde(default)]
    pub state: Option<StatePlace>,
    /// Makes the job run in epochs: it remembers every so often how far it has come and what is under way, and goes on from
    /// there after a crash. Without it a job of files makes segments of each input, and remembers inputs.
    #[serde(default)]
    pub checkpoint: Option<Checkpoint>,
    /// With `checkpoint`: the folder for rows of segments that are not full yet, and for segments on their way; also one of an
    /// object store, `s3://bucket/staging`, from where another machine can go on. Default: a folder `staging` in the state.
    #[serde(default)]
    pub staging: Option<String>,
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
    /// How other engines run the job.
    #[serde(default)]
    pub engine: Engines,
}

/// How a job remembers how far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Checkpoint {
    /// The time between two epochs. What was read since the last one is read again after a crash.
    pub interval: TimeSpan,
    /// Times that a job is started again by itself, one behind the other, after an error that may pass; an epoch that is recorded
    /// in between starts the count anew.
    pub restarts: u32,
    /// The pause before the first of them; each further one is twice as long, up to a minute.
    pub restart_delay: TimeSpan,
    /// Files in `staging` that the state does not need go at a start when they are so old. A state that is brought back from a copy
    /// finds its files until then.
    pub staging_retention: TimeSpan,
}

impl Default for Checkpoint {
    fn default() -> Self {
        Self {
            interval: TimeSpan::secs(10),
            restarts: 10,
            restart_delay: TimeSpan::secs(1),
            staging_retention: TimeSpan::secs(7 * 24 * 3600),
        }
    }
}

/// Where rows come from.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Source {
    /// `files`, `generator`, `flink` or `spark`
    pub kind: SourceKind,
    /// `csv`, `json`, `parquet`, `avro`, `arrow`, `orc` or `protobuf`. Default: by the files' names.
    #[serde(default)]
    pub format: Option<String>,
    /// Files and folders, relative to the job file, or URIs: `s3://`, `gs://`, `abfss://`, and `https://` for one file each. The
    /// last part of a path may hold `*`.
    #[serde(default)]
    pub paths: Vec<String>,
    /// With kind `generator`: what is generated.
    #[serde(default)]
    pub generator: Option<GeneratorOptions>,
    /// With kind `flink`: any connector that the Flink cluster has. For `--engine flink` alone.
    #[serde(default)]
    pub flink: Option<FlinkConnector>,
    /// With kind `spark`: any format that Spark reads. For `--engine spark` alone.
    #[serde(default)]
    pub spark: Option<SparkReader>,
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
    /// Rows that are computed, to try things with.
    Generator,
    /// A connector of Flink, such as that of Kafka.
    Flink,
    /// A reader of Spark, such as that of JDBC.
    Spark,
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
    /// How hard archives of segments are compressed, from 0 to 9. With 0 they cost next to no CPU and are a quarter larger than with 2;
    /// 9 takes four times as much CPU for little less. What is built already stays as it is.
    #[serde(default)]
    pub archive_level: ArchiveLevel,
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
    /// The release of Pinot that segments are made for, such as `'1.4'`; what it cannot load is written as it can, left to its servers
    /// or refused, and `plan` says so. Default: the controller's, without one `1.5`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub pinot_version: Option<PinotVersion>,
    /// Whether the cluster's table is made to fit the two files.
    #[serde(default)]
    pub create_table: CreateTable,
    /// What is promised about rows that are pushed.
    #[serde(default)]
    pub delivery: Delivery,
    /// How segments are pushed.
    #[serde(default)]
    pub push: PushOptions,
    /// The half of the table that rows go to. Default: what `tableConfig` says, else OFFLINE. Rows come into REALTIME tables, beside
    /// their stream, from jobs with `checkpoint` alone.
    #[serde(default)]
    pub table_type: Option<HalfOfTable>,
    /// How rows go together with those of the table's stream.
    #[serde(default)]
    pub upsert: Upsert,
    /// With `checkpoint`: when segments that are full appear in the table.
    #[serde(default)]
    pub publish: Publish,
}

/// A half of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum HalfOfTable {
    /// Segments that are pushed.
    #[serde(rename = "OFFLINE")]
    Offline,
    /// What servers consume, and what is pushed beside it.
    #[serde(rename = "REALTIME")]
    Realtime,
}

/// How rows go together with those of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Upsert {
    /// How the stream's producer decides on the partition of a row. Default: by the primary key, a single column as text and several
    /// as JSON, in as many partitions as the stream has.
    pub stream_key: Option<StreamKey>,
    /// Which row counts when one of the stream and one of the job compare as equal.
    pub ties: Ties,
    /// Where servers forget keys (`metadataTTL`, `deletedKeysTTL`): rows that would be outside soon are refused like those outside,
    /// because the stream goes on until servers have loaded them. In percent of the time to live, up to 99.
    #[schemars(range(max = 99))]
    pub ttl_margin: u8,
}

impl Default for Upsert {
    fn default() -> Self {
        Self { stream_key: None, ties: Ties::default(), ttl_margin: 10 }
    }
}

/// When segments appear in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Publish {
    /// Segments that are full wait so long for others, to appear together with them.
    pub interval: TimeSpan,
    /// Segments that may wait in staging; when there are more, reading waits until they are in the table.
    pub waiting: usize,
}

impl Default for Publish {
    fn default() -> Self {
        Self { interval: TimeSpan::secs(60), waiting: 1000 }
    }
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
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SegmentLimits {
    /// Rows of a segment at most.
    pub max_rows: usize,
    /// Memory that a segment takes at most while it is built and finished; where that is reached, the next one begins.
    pub max_bytes: ByteSize,
    /// With `checkpoint`: how old the first row of a segment may become before the segment counts as full. Default: as old as it
    /// likes.
    pub max_age: Option<TimeSpan>,
    /// With `checkpoint`: rows whose times are in one window of this length (since 1970, in UTC) go to one segment, which is sealed when
    /// the window is over. Rows that come later still go together, whatever their window. Not for partial upserts.
    pub event_time_window: Option<TimeSpan>,
    /// The column with that time, one of the schema's date-time columns. Default: the table's time column.
    pub event_time_column: Option<String>,
    /// How long behind the end of its window a row is waited for. The latest time that was read says how late it is, or the watermark
    /// of an engine that has one. Default: as long as a window; with the watermark of an engine not at all.
    pub event_time_lateness: Option<TimeSpan>,
    /// With `checkpoint`: full segments that may wait to be built before rows have to wait.
    pub queue: usize,
}

impl Default for SegmentLimits {
    fn default() -> Self {
        Self {
            max_rows: 5_000_000,
            max_bytes: ByteSize::mib(512),
            max_age: None,
            event_time_window: None,
            event_time_column: None,
            event_time_lateness: None,
            queue: 2,
        }
    }
}

impl SegmentLimits {
    /// The same for writers; memory is still to be [shared out](Sealing::within).
    pub fn sealing(&self) -> Sealing {
        Sealing {
            max_rows: self.max_rows,
            max_bytes: self.max_bytes.bytes(),
            task_bytes: u64::MAX,
            max_age: self.max_age.map(|age| age.duration()),
            event_time: self.event_time_window.map(|window| EventTime {
                window: window.duration(),
                column: self.event_time_column.clone(),
                lateness: self.event_time_lateness.map(|lateness| lateness.duration()),
            }),
            queue: self.queue,
        }
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
    /// Memory for building segments, in all: so many inputs are built at a time as have room for a segment of
    /// `sink.segment.maxBytes` and 32 MiB that are read.
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

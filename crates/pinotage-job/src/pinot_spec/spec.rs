//! Pinot's job spec, field by field. The comments are the field table of the guide: what becomes of each field here.

use std::collections::BTreeMap;

use pinotage_common::Secret;
use schemars::JsonSchema;
use serde::Deserialize;

use super::scalar::{flag, number};

/// Keys and texts; an empty value counts as absent, as in Pinot.
pub type Configs = BTreeMap<String, Option<String>>;

/// A whole job spec, as it is written.
///
/// # Pinot equivalent
///
/// `org.apache.pinot.spi.ingestion.batch.spec.SegmentGenerationJobSpec`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SegmentGenerationJobSpec {
    /// No effect: the embedded engine runs the job, whichever framework is named; it says so. `--engine spark` has Spark run it.
    pub execution_framework_spec: Option<ExecutionFrameworkSpec>,
    /// Honoured, in any case of letters: `SegmentCreation`, `SegmentTarPush`, `SegmentUriPush`, `SegmentMetadataPush`,
    /// `SegmentCreationAndTarPush`, `SegmentCreationAndUriPush`, `SegmentCreationAndMetadataPush`.
    pub job_type: Option<String>,
    /// Honoured: a folder or one file, relative to the working directory, or a URI: `file:`, `s3:`, `gs:`, `abfss:`, `wasbs:`, and
    /// `http(s):` for one file. `hdfs:` is refused.
    #[serde(rename = "inputDirURI")]
    pub input_dir_uri: Option<String>,
    /// Honoured; true unless it says false.
    #[serde(deserialize_with = "flag")]
    pub search_recursively: Option<bool>,
    /// Honoured: `glob:` or `regex:` on the whole path. Look-around and back references are refused.
    pub include_file_name_pattern: Option<String>,
    /// Honoured, as `includeFileNamePattern`.
    pub exclude_file_name_pattern: Option<String>,
    /// Honoured: a folder, relative to the working directory, or a URI: `file:`, `s3:`, `gs:`, `abfss:`, `wasbs:`; below it the
    /// folders of the inputs are kept. `hdfs:` is refused.
    #[serde(rename = "outputDirURI")]
    pub output_dir_uri: Option<String>,
    /// Honoured: so many inputs are built at the same time; 1 unless it says more. Each of them uses all cores.
    #[serde(deserialize_with = "number")]
    pub segment_creation_job_parallelism: Option<i64>,
    /// Honoured: without it a segment file that this job has not made itself stops the job, where Pinot would keep the old
    /// file and report success.
    #[serde(deserialize_with = "flag")]
    pub overwrite_output: Option<bool>,
    /// Honoured: how stores are reached. Files are read by the scheme of their URI, also without an entry; an unknown class is
    /// refused.
    #[serde(rename = "pinotFSSpecs")]
    pub pinot_fs_specs: Option<Vec<PinotFsSpec>>,
    /// Honoured, see below.
    pub table_spec: Option<TableSpec>,
    /// Honoured, see below.
    pub record_reader_spec: Option<RecordReaderSpec>,
    /// Honoured, see below. Without it the type is inferred as Pinot does.
    pub segment_name_generator_spec: Option<SegmentNameGeneratorSpec>,
    /// Honoured when pushing, and for the documents of a table without `schemaURI` and `tableConfigURI`.
    pub pinot_cluster_specs: Option<Vec<PinotClusterSpec>>,
    /// Honoured when pushing.
    pub push_job_spec: Option<PushJobSpec>,
    /// Honoured when pushing: segment files are removed once every controller has them. No effect otherwise.
    #[serde(deserialize_with = "flag")]
    pub clean_up_output_dir: Option<bool>,
    /// Honoured when a controller is asked.
    pub tls_spec: Option<TlsSpec>,
    /// Honoured: an input without rows stops the job. Otherwise such an input makes no segment, where Pinot makes an empty one.
    #[serde(deserialize_with = "flag")]
    pub fail_on_empty_segment: Option<bool>,
    /// Honoured when a controller is asked: the whole header `Authorization`; it appears in no output.
    pub auth_token: Option<Secret>,
    /// No effect: a metadata push takes the metadata out of the segment file.
    #[serde(deserialize_with = "flag")]
    pub create_metadata_tar_gz: Option<bool>,
}

/// `executionFrameworkSpec`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ExecutionFrameworkSpec {
    /// No effect: `standalone`, `spark` and `hadoop` all run here.
    pub name: Option<String>,
    /// No effect.
    pub segment_generation_job_runner_class_name: Option<String>,
    /// No effect.
    pub segment_tar_push_job_runner_class_name: Option<String>,
    /// No effect.
    pub segment_uri_push_job_runner_class_name: Option<String>,
    /// No effect.
    pub segment_metadata_push_job_runner_class_name: Option<String>,
    /// No effect here. With `--engine spark` rows and segments on their way are in `stagingDir`; without it in `outputDirURI`.
    pub extra_configs: Option<Configs>,
}

/// One of `pinotFSSpecs`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PinotFsSpec {
    /// No effect but in messages: the class says which store is meant.
    pub scheme: Option<String>,
    /// Honoured by name: Pinot's own file systems are known, others are refused.
    pub class_name: Option<String>,
    /// Honoured: `region`, `endpoint`, `accessKey`, `secretKey` of S3; `gcpKey` of Google; `accountName`, `accessKey`, `sasToken`,
    /// `authenticationType`, `fileSystemName` (the container of the URI) of Azure. What is about Pinot's own client has no effect,
    /// other keys are refused. Without keys the environment has them. Values appear in no output.
    pub configs: Option<BTreeMap<String, Option<Secret>>>,
}

/// `tableSpec`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct TableSpec {
    /// Honoured: with or without type suffix; it must be the table config's table. `_REALTIME` cannot be pushed to.
    pub table_name: Option<String>,
    /// Honoured: a file, or an `http(s)` URL, mostly a controller's. Default: the first controller's `/tables/<table>/schema`.
    #[serde(rename = "schemaURI")]
    pub schema_uri: Option<String>,
    /// Honoured: as `schemaURI`, also in a controller's `{"OFFLINE": …}`. Default: the first controller's `/tables/<table>`.
    #[serde(rename = "tableConfigURI")]
    pub table_config_uri: Option<String>,
}

/// `recordReaderSpec`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RecordReaderSpec {
    /// Honoured where `className` is absent; otherwise the class decides, as in Pinot.
    pub data_format: Option<String>,
    /// Honoured by name: the readers of CSV, JSON, Avro, Parquet, Arrow, ORC and Protobuf are known, others are refused.
    pub class_name: Option<String>,
    /// Honoured by name. Without it `configs` has no effect, as in Pinot.
    pub config_class_name: Option<String>,
    /// Honoured, see below.
    pub configs: Option<Configs>,
}

/// `segmentNameGeneratorSpec`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SegmentNameGeneratorSpec {
    /// Honoured: `simple`, `normalizedDate`, `fixed`, `inputFile`, `uploadedRealtime`.
    pub r#type: Option<String>,
    /// Honoured, see below.
    pub configs: Option<Configs>,
}

/// One of `pinotClusterSpecs`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PinotClusterSpec {
    /// Honoured when pushing: segments go to each controller, one after the other. The first one has the table's documents.
    #[serde(rename = "controllerURI")]
    pub controller_uri: Option<String>,
}

/// `pushJobSpec`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PushJobSpec {
    /// Honoured when pushing: attempts of each request; 6 unless it says otherwise, where Pinot makes one.
    #[serde(deserialize_with = "number")]
    pub push_attempts: Option<i64>,
    /// Honoured when pushing; 1 unless it says more.
    #[serde(deserialize_with = "number")]
    pub push_parallelism: Option<i64>,
    /// Honoured when pushing: the pause before the second attempt, which then doubles; 250 unless it says
    /// otherwise.
    #[serde(deserialize_with = "number")]
    pub push_retry_interval_millis: Option<i64>,
    /// Honoured by metadata pushes.
    #[serde(deserialize_with = "flag")]
    pub copy_to_deep_store_for_metadata_push: Option<bool>,
    /// Honoured by metadata pushes: one request for all segments.
    #[serde(deserialize_with = "flag")]
    pub batch_segment_upload: Option<bool>,
    /// No effect: `pushParallelism` counts for all of a push.
    #[serde(deserialize_with = "number")]
    pub segment_metadata_generation_parallelism: Option<i64>,
    /// Honoured by URI and metadata pushes: put before the path of a segment file, which begins with `/` and has no bucket.
    pub segment_uri_prefix: Option<String>,
    /// Honoured by URI and metadata pushes: put behind the path of a segment file.
    pub segment_uri_suffix: Option<String>,
    /// Honoured when pushing: `glob:` or `regex:` on the whole path of a segment file.
    pub push_file_name_pattern: Option<String>,
    /// No effect: the metadata always come out of the segment file.
    #[serde(deserialize_with = "flag")]
    pub prefer_metadata_tar_gz: Option<bool>,
}

/// `tlsSpec`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct TlsSpec {
    /// No effect: the file's first bytes tell whether it is PEM, PKCS#12 or JKS.
    pub key_store_type: Option<String>,
    /// Honoured when a controller is asked: a file, relative to the working directory, or `file:`.
    pub key_store_path: Option<String>,
    /// Honoured when a controller is asked; it appears in no output.
    pub key_store_password: Option<Secret>,
    /// No effect, as `keyStoreType`.
    pub trust_store_type: Option<String>,
    /// Honoured when a controller is asked, as `keyStorePath`. Without it the operating system's authorities are trusted.
    pub trust_store_path: Option<String>,
    /// Honoured when a controller is asked; it appears in no output.
    pub trust_store_password: Option<Secret>,
    /// Honoured when a controller is asked; 10000 milliseconds unless it says otherwise.
    #[serde(deserialize_with = "number")]
    pub connect_timeout: Option<i64>,
    /// Honoured where it is longer than a minute, the time for an answer, or than an hour, the time for an upload. Pinot's 5
    /// seconds cut large uploads off.
    #[serde(deserialize_with = "number")]
    pub read_timeout: Option<i64>,
}

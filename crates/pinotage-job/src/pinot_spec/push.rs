//! What a job spec wants of controllers.

use std::path::{Path, PathBuf};
use std::time::Duration;

use pinotage_common::{Error, Result, Secret};

use super::pattern::PathPattern;
use super::spec::{SegmentGenerationJobSpec, TlsSpec};

/// How segments get to a controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PushForm {
    /// The segment file goes to the controller.
    Tar,
    /// The controller is told a URI and downloads the segment file.
    Uri,
    /// The controller is told a URI and the segment's metadata; servers download the segment file.
    Metadata,
}

/// The push of a job spec: every option resolved, with Pinot's defaults.
///
/// Whether segments replace others consistently is not part of it: that stands in the table config (`consistentDataPush`).
///
/// # Pinot equivalent
///
/// `PushJobSpec` with the fields of `SegmentGenerationJobSpec` that `SegmentPushUtils` uses.
#[derive(Debug, Clone)]
pub struct PushWishes {
    /// How segments get there.
    pub form: PushForm,
    /// `tableSpec.tableName`, as it is written: the `tableName` of the upload.
    pub table: String,
    /// The folder whose segment files (`.tar.gz`, at any depth) are pushed. A job that also builds has its segments there.
    pub output: PathBuf,
    /// Which segment files of the folder are pushed, by their whole path.
    pub file_pattern: Option<PathPattern>,
    /// Base addresses of the controllers; each gets every segment. Never empty.
    pub controllers: Vec<String>,
    /// Attempts for each segment, at least 1.
    pub attempts: u32,
    /// Pushes at the same time, at least 1.
    pub parallelism: u32,
    /// The pause between attempts.
    pub retry_interval: Duration,
    /// Metadata pushes: the controller copies the segment file into its deep store.
    pub copy_to_deep_store: bool,
    /// Metadata pushes: all segments in one request.
    pub batch: bool,
    /// Metadata pushes: segment files opened at the same time, at least 1.
    pub metadata_parallelism: u32,
    /// Metadata pushes: `<segment>.metadata.tar.gz` beside a segment file is used instead of opening it.
    pub prefer_metadata_tar_gz: bool,
    /// URI and metadata pushes: the download URI is prefix + path of the segment file + suffix; without both it is the
    /// file's own URI.
    pub uri_prefix: Option<String>,
    /// See [`PushWishes::uri_prefix`].
    pub uri_suffix: Option<String>,
    /// Segment files are removed once they are pushed.
    pub clean_up_output: bool,
    /// How controllers are spoken to.
    pub access: Access,
}

/// How controllers are spoken to, also for the documents of a table.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// The whole value of the `Authorization` header.
    pub auth_token: Option<Secret>,
    /// Stores and time-outs of TLS. Paths may be relative to the working directory.
    pub tls: Option<TlsSpec>,
}

impl Access {
    pub(super) fn new(spec: &SegmentGenerationJobSpec) -> Self {
        let auth_token = spec.auth_token.clone().filter(|token| !token.expose().trim().is_empty());
        Self { auth_token, tls: spec.tls_spec.clone() }
    }
}

impl PushWishes {
    pub(super) fn new(spec: &SegmentGenerationJobSpec, form: PushForm, table: &str, output: &Path) -> Result<Self> {
        let push = spec.push_job_spec.clone().unwrap_or_default();
        let controllers = controllers(spec);
        if controllers.is_empty() {
            return Err(Error::invalid_config("the job spec pushes segments and names no controller")
                .with("option", "pinotClusterSpecs")
                .action(
                    "add `pinotClusterSpecs: [{controllerURI: 'http://host:9000'}]`, or set `jobType: SegmentCreation`",
                ));
        }
        let at_least_one = |number: Option<i64>| number.map_or(1, |number| number.clamp(1, i64::from(u32::MAX)) as u32);
        let pattern = push.push_file_name_pattern.as_deref();
        Ok(Self {
            form,
            table: table.to_owned(),
            output: output.to_owned(),
            file_pattern: pattern
                .map(|text| PathPattern::parse("pushJobSpec.pushFileNamePattern", text))
                .transpose()?,
            controllers,
            attempts: at_least_one(push.push_attempts),
            parallelism: at_least_one(push.push_parallelism),
            retry_interval: Duration::from_millis(push.push_retry_interval_millis.unwrap_or(1000).max(0) as u64),
            copy_to_deep_store: push.copy_to_deep_store_for_metadata_push == Some(true),
            batch: push.batch_segment_upload == Some(true),
            metadata_parallelism: at_least_one(push.segment_metadata_generation_parallelism),
            prefer_metadata_tar_gz: push.prefer_metadata_tar_gz != Some(false),
            uri_prefix: push.segment_uri_prefix,
            uri_suffix: push.segment_uri_suffix,
            clean_up_output: spec.clean_up_output_dir == Some(true),
            access: Access::new(spec),
        })
    }
}

/// The controllers of a job spec, without a slash at the end.
pub(super) fn controllers(spec: &SegmentGenerationJobSpec) -> Vec<String> {
    let clusters = spec.pinot_cluster_specs.iter().flatten();
    clusters
        .filter_map(|cluster| cluster.controller_uri.as_deref())
        .map(|uri| uri.trim_end_matches('/').to_owned())
        .collect()
}

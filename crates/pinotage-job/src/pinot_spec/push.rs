//! What a job spec wants of controllers.

use pinotage_client::{Connection, Retries};
use pinotage_common::{Error, Result, TimeSpan};
use pinotage_sink::publish::{Form, PushOptions};
use pinotage_store::{Location, StoreOptions};

use super::access::Access;
use super::pattern::PathPattern;
use super::spec::SegmentGenerationJobSpec;

/// Where a cluster finds the segment files of a job spec.
///
/// # Pinot equivalent
///
/// `SegmentPushUtils.generateSegmentTarURI`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveUris {
    /// Put before the path of the file; without it and the suffix the file's own URI is meant.
    prefix: Option<String>,
    /// Put behind it.
    suffix: Option<String>,
}

impl ArchiveUris {
    /// The URI of a segment file. Prefix and suffix go around its path; of an object that is the path inside of its bucket.
    pub fn of(&self, file: &Location) -> String {
        let own = file.to_uri();
        if self.prefix.is_none() && self.suffix.is_none() {
            return own;
        }
        let part = |part: &Option<String>| part.clone().unwrap_or_default();
        let path = own.split_once("://").map_or(own.as_str(), |(_, rest)| match file.local_path() {
            Some(_) => rest,
            None => rest.find('/').and_then(|slash| rest.get(slash..)).unwrap_or_default(),
        });
        format!("{}{path}{}", part(&self.prefix), part(&self.suffix))
    }
}

/// The push of a job spec: every option resolved.
///
/// Whether segments replace others consistently is not part of it: that stands in the table config (`consistentDataPush`).
///
/// # Pinot equivalent
///
/// `PushJobSpec` with the fields of `SegmentGenerationJobSpec` that `SegmentPushUtils` uses.
#[derive(Debug, Clone)]
pub struct PushWishes {
    /// How segments get there.
    pub form: Form,
    /// The table, without its type.
    pub table: String,
    /// The folder whose segment files (`.tar.gz`, at any depth) are pushed. A job that also builds has its segments there.
    pub output: Location,
    /// How an object store in `output` is reached.
    pub store: StoreOptions,
    /// Which segment files of the folder are pushed, by their whole path.
    pub file_pattern: Option<PathPattern>,
    /// The controllers with `pushAttempts` and `pushRetryIntervalMillis`; each gets every segment. Never empty.
    pub connections: Vec<Connection>,
    /// Pushes at the same time, at least 1.
    pub parallelism: u32,
    /// Metadata pushes: the controller copies the segment file into its deep store.
    pub copy_to_deep_store: bool,
    /// URI and metadata pushes: where the cluster finds segment files.
    pub archive_uris: Option<ArchiveUris>,
    /// Segment files are removed once they are pushed. Not where servers go on fetching them.
    pub clean_up_output: bool,
}

impl PushWishes {
    pub(super) fn try_new(
        spec: &SegmentGenerationJobSpec,
        form: Form,
        table: &str,
        (output, store): (&Location, &StoreOptions),
        access: &Access,
    ) -> Result<Self> {
        let push = spec.push_job_spec.clone().unwrap_or_default();
        let controllers = controllers(spec);
        if controllers.is_empty() {
            return Err(Error::invalid_config("the job spec pushes segments and names no controller")
                .with("option", "pinotClusterSpecs")
                .action(
                    "add `pinotClusterSpecs: [{controllerURI: 'http://host:9000'}]`, or set `jobType: SegmentCreation`",
                ));
        }
        if table.ends_with("_REALTIME") {
            return Err(Error::unsupported("segments cannot be pushed to a REALTIME table yet")
                .with("option", "tableSpec.tableName")
                .action("push to the OFFLINE half of the table; queries of the table see both"));
        }
        let at_least_one = |number: Option<i64>| number.map_or(1, |number| number.clamp(1, i64::from(u32::MAX)) as u32);
        let retries = retries(push.push_attempts, push.push_retry_interval_millis);
        let connect = |controller: &String| {
            let connection = access.connection("pinotClusterSpecs.controllerURI", controller)?;
            Ok(Connection { retries: retries.clone(), ..connection })
        };
        let pattern = push.push_file_name_pattern.as_deref();
        let copy_to_deep_store = form == Form::Metadata && push.copy_to_deep_store_for_metadata_push == Some(true);
        let stays = form == Form::Metadata && !copy_to_deep_store;
        Ok(Self {
            form: match push.batch_segment_upload {
                Some(true) if form == Form::Metadata => Form::MetadataBatch,
                _ => form,
            },
            table: raw_name(table).to_owned(),
            output: output.clone(),
            store: store.clone(),
            file_pattern: pattern
                .map(|text| PathPattern::parse("pushJobSpec.pushFileNamePattern", text))
                .transpose()?,
            connections: controllers.iter().map(connect).collect::<Result<_>>()?,
            parallelism: at_least_one(push.push_parallelism),
            copy_to_deep_store,
            archive_uris: (form != Form::Tar)
                .then_some(ArchiveUris { prefix: push.segment_uri_prefix, suffix: push.segment_uri_suffix }),
            clean_up_output: spec.clean_up_output_dir == Some(true) && !stays,
        })
    }

    /// The same as options of a push.
    pub fn options(&self) -> PushOptions {
        PushOptions {
            parallelism: self.parallelism as usize,
            form: self.form,
            copy_to_deep_store: self.copy_to_deep_store,
            ..PushOptions::default()
        }
    }
}

/// So many attempts, where the job spec says how many, and no limit that would keep them from being made.
fn retries(attempts: Option<i64>, interval: Option<i64>) -> Retries {
    let mut retries = Retries::default();
    if let Some(attempts) = attempts {
        retries.attempts = attempts.clamp(1, i64::from(u32::MAX)) as u32;
    }
    if let Some(millis) = interval {
        retries.pause = TimeSpan::millis(millis.clamp(0, i64::from(u32::MAX)) as u64);
        retries.max_pause = retries.max_pause.max(retries.pause);
    }
    let all = (retries.max_pause.duration().as_millis() as u64).saturating_mul(u64::from(retries.attempts));
    retries.give_up_after = retries.give_up_after.max(TimeSpan::millis(all));
    retries
}

/// A table's name without its type.
pub(super) fn raw_name(table: &str) -> &str {
    table.strip_suffix("_OFFLINE").or(table.strip_suffix("_REALTIME")).unwrap_or(table)
}

/// The controllers of a job spec, without a slash at the end.
pub(super) fn controllers(spec: &SegmentGenerationJobSpec) -> Vec<String> {
    let clusters = spec.pinot_cluster_specs.iter().flatten();
    clusters
        .filter_map(|cluster| cluster.controller_uri.as_deref())
        .map(|uri| uri.trim_end_matches('/').to_owned())
        .collect()
}

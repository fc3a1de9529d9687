//! Segments into a table, in place of others, in one step for queries.
//!
//! The steps, each of which finds out what an earlier call that was cut short has already done:
//!
//! 1. Nothing goes and one segment comes: it is pushed, and queries see it at once.
//! 2. Otherwise one entry of the lineage covers all: it is started, the segments are pushed while queries do not see
//!    them, servers load them, the entry is ended. An entry of the same segments that is there already is gone on with.
//! 3. Segments whose names are taken by older ones of ours are refreshed one by one: names that a user gives by hand cannot
//!    be replaced in one step, because Pinot wants the names of a replacement to be new.
//!
//! Segments of a REALTIME table come one by one, as new ones. An entry of the lineage would not make a step of them: with a
//! primary key a server lets their rows win as it loads them, and the older ones would be hidden before these are seen.
//!
//! The CRC decides whether a segment is there: equal is done, other bytes are an error and never overwritten, unless
//! [`Publication::overwrite`] says so.

mod deep_store;
mod foreign;
mod form;
mod late;
mod lineage;
mod realtime;
mod refresh;
mod upload;

use std::collections::{BTreeMap, BTreeSet};

use pinotage_client::{LineageState, TableType};
use pinotage_common::{ArchiveLevel, ByteSize, Error, ErrorKind, Result};
use pinotage_store::StoreOptions;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kinds::check_segment;
use crate::upsert::TimeToLive;
use crate::{Before, LocalSegment, Snapshot, Target, Waiting, verify};

pub(crate) use foreign::forked;
pub use foreign::{History, Mark, REPLAY, foreign, other_states};
pub use form::Form;
pub(crate) use late::reach_of;
pub(crate) use lineage::remove;
pub use lineage::revert;

/// What comes and what goes.
#[derive(Debug, Clone, Default)]
pub struct Publication {
    /// The segments that come.
    pub to: Vec<LocalSegment>,
    /// Names and CRCs of the segments that go; CRC 0 stands for any. Those that are not in the cluster any more are gone
    /// already.
    pub from: BTreeMap<String, u64>,
    /// Whose segments these are: names that begin so are of this run of this job and of nobody else. A replacement in
    /// progress that is all of them is reverted when it is in the way.
    pub own_prefix: Option<String>,
    /// A segment of the same name and other bytes is replaced, whoever pushed it, and segments come one by one: queries see
    /// each as soon as it is there. That is how Pinot's own jobs push.
    pub overwrite: bool,
    /// The run that segments are of, if another copy of its state might be at work: segments come by an entry of the lineage, even
    /// a single one, and when that stands the table is looked at before anything can be seen. Of two copies the later one
    /// sees the other's entry or segments.
    pub history: Option<History>,
    /// Servers of the table forget keys: segments come while all of their rows are nearer than that, or not at all.
    pub time_to_live: Option<TimeToLive>,
}

/// How segments are pushed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PushOptions {
    /// Uploads at the same time.
    pub parallelism: usize,
    /// Seconds to wait until servers have loaded the segments; 0 does not wait.
    pub wait_seconds: u64,
    /// What happens to segments of the table that this job does not know and that are in its way.
    pub foreign: Foreign,
    /// What the controller gets of a segment.
    pub form: Form,
    /// The folder to which archives are put, as `<deepStore>/<table>/<segment>.tar.gz`, in all forms but `tar`: a URI of
    /// S3, Google Cloud Storage or Azure, or a path that the cluster has too. Archives stay there when their segments go;
    /// the controller removes those that lie in its own `controller.data.dir`.
    pub deep_store: Option<String>,
    /// The URI under which the cluster sees that folder, when it is another one: where a mount really is, or a web server.
    /// Default: `deepStore`.
    pub download_uri: Option<String>,
    /// With `metadata` and `metadataBatch`: the controller copies archives into its own deep store, whose scheme must be the
    /// same. Otherwise servers fetch them from where they are, as long as the segments live.
    pub copy_to_deep_store: bool,
    /// How `deepStore` is written. The cluster has its own ways and credentials to read it.
    pub store: StoreOptions,
    /// How hard the archives are compressed that are made of folders: `sink.archiveLevel` of a job.
    #[serde(skip)]
    pub archive_level: ArchiveLevel,
}

/// What happens to segments that a job finds in its way and does not know: with a REFRESH table all that it did not push,
/// otherwise those that this job pushed with another state, which would be doubled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Foreign {
    /// The run stops before it changes anything.
    #[default]
    Refuse,
    /// They go in the same step in which the job's own come.
    Replace,
    /// They stay beside the job's own.
    Keep,
}

impl Default for PushOptions {
    fn default() -> Self {
        Self {
            parallelism: 4,
            wait_seconds: 600,
            foreign: Foreign::Refuse,
            form: Form::Tar,
            deep_store: None,
            download_uri: None,
            copy_to_deep_store: false,
            store: StoreOptions::default(),
            archive_level: ArchiveLevel::default(),
        }
    }
}

/// Is told how a publication goes on.
pub trait PushObserver: Sync {
    /// Something that a person should know before it happens.
    fn warning(&self, _text: &str) {}
    /// So many segments are to be pushed; others are in the cluster already.
    fn pushing(&self, _segments: usize) {}
    /// One more archive, of so many bytes, is where the cluster finds it; its segment is not pushed yet.
    fn stored(&self, _bytes: ByteSize) {}
    /// Something is done in another way than it was asked for, and as well.
    fn note(&self, _text: &str) {}
    /// One more segment is in the cluster, an archive of so many bytes.
    fn pushed(&self, _bytes: ByteSize) {}
    /// So many of so many segments are loaded by all their servers; told again and again while that is waited for.
    fn loaded(&self, _segments: usize, _of: usize) {}
    /// A server cannot be asked which bytes of refreshed segments it has loaded, for this reason: that it has them ONLINE has
    /// to do, and for a while queries may see the older ones. Told once for each server.
    fn unconfirmed(&self, server: &str, reason: &Error) {
        self.note(&format!("{server} could not be asked whether it has loaded the new bytes of segments: {reason}"));
    }
}

impl PushObserver for () {}

/// Brings segments into a table. When it returns, queries see what comes and not what goes, and nothing is left over of the
/// way there; calling it again with the same segments then does nothing.
///
/// # Errors
///
/// `commit-conflict` when the cluster has a segment of the same name and other bytes that is not to be replaced, or
/// somebody else's replacement is in the way; `unavailable` when a server could not load a segment, or not in time; `invalid-data` for a segment that the
/// table must not have, or whose rows come when servers may have forgotten their keys; those of the controller. After an error that no second try can help the replacement is reverted:
/// queries see what they saw before. After any other, and after a drop, the next call goes on where this one ended.
pub async fn publish(
    target: &Target,
    table: &serde_json::Value,
    publication: &Publication,
    options: &PushOptions,
    observer: &dyn PushObserver,
) -> Result<()> {
    let Publication { to, from, overwrite, .. } = publication;
    if target.table_type == TableType::Realtime {
        return realtime::upload(target, table, publication, options, observer).await;
    }
    to.iter().try_for_each(|segment| check_segment(table, segment))?;
    check_names(to)?;
    let mut snapshot = target.snapshot().await?;
    check_hidden(&snapshot, to)?;
    check_alone(&snapshot, publication)?;
    // What somebody has deleted in between is gone, and Pinot would refuse to replace it.
    let leaving: Vec<String> = from.keys().filter(|name| snapshot.holds(name)).cloned().collect();
    let reused = to.iter().any(|segment| from.contains_key(&segment.name));
    if to.is_empty() {
        target.controller.delete_segments(&target.table, target.table_type, &leaving).await
    } else if reused || *overwrite {
        refresh::refresh(target, &snapshot, publication, options, observer).await
    } else if to.len() == 1 && leaving.is_empty() && publication.history.is_none() && !snapshot.is_brought(&to[0].name)
    {
        let ours = snapshot.segment(&to[0].name).is_some_and(|found| found.crc == Some(to[0].crc));
        // What a server could not load is pushed once more.
        if ours && snapshot.failed.contains(&to[0].name) {
            lineage::remove(target, std::slice::from_ref(&to[0].name)).await?;
            snapshot = target.snapshot().await?;
        }
        upload::upload_all(target, &snapshot, to, &upload::Existing::Never, options, observer).await?;
        wait(target, to, Before::Nothing, options, observer).await
    } else {
        lineage::replace(target, &snapshot, publication, leaving, options, observer).await
    }
}

/// Waits until the segments are loaded, if that is wanted.
async fn wait(
    target: &Target,
    segments: &[LocalSegment],
    before: Before,
    options: &PushOptions,
    observer: &dyn PushObserver,
) -> Result<()> {
    if options.wait_seconds == 0 {
        return Ok(());
    }
    let limit = std::time::Duration::from_secs(options.wait_seconds);
    let waiting = Waiting { limit, ..Waiting::default() };
    verify(target, segments, before, &waiting, observer).await
}

/// No other copy of the state is at work, as far as can be seen before it is announced what comes.
fn check_alone(snapshot: &Snapshot, publication: &Publication) -> Result<()> {
    let Some(history) = &publication.history else { return Ok(()) };
    let own = own_names(publication);
    history.check(&snapshot.segments, &snapshot.lineage, &own)?;
    let Some(prefix) = &publication.own_prefix else { return Ok(()) };
    history.check_replacements(&snapshot.lineage, prefix, &own)
}

/// The same, asked anew. The lineage comes first: what a replacement brings that has ended is among the segments then.
async fn check_alone_now(target: &Target, publication: &Publication) -> Result<Vec<pinotage_client::LineageEntry>> {
    let lineage = target.controller.lineage(&target.table, target.table_type).await?;
    if publication.history.is_some() {
        let segments = target.controller.all_segment_metadata(&target.table, target.table_type).await?;
        check_alone(&Snapshot { segments, lineage: lineage.clone(), ..Snapshot::default() }, publication)?;
    }
    Ok(lineage)
}

fn own_names(publication: &Publication) -> BTreeSet<&str> {
    publication.to.iter().map(|segment| segment.name.as_str()).collect()
}

/// What was replaced is not seen any more, whatever comes under its name.
fn check_hidden(snapshot: &Snapshot, to: &[LocalSegment]) -> Result<()> {
    for entry in snapshot.lineage.iter().filter(|entry| entry.state == LineageState::Completed) {
        if let Some(segment) = to.iter().find(|segment| entry.segments_from.contains(&segment.name)) {
            return Err(Error::new(
                ErrorKind::CommitConflict,
                "a segment of this name was replaced by others, and queries do not see it",
            )
            .with("segment", &segment.name)
            .with("replacement", &entry.id)
            .action(
                "build the segment under another name, or take the replacement back with `pinotage push --revert`",
            ));
        }
    }
    Ok(())
}

fn check_names(to: &[LocalSegment]) -> Result<()> {
    let mut names = BTreeSet::new();
    match to.iter().find(|segment| !names.insert(&segment.name)) {
        None => Ok(()),
        Some(twice) => Err(Error::new(ErrorKind::AlreadyExists, "two segments to be pushed have the same name")
            .with("segment", &twice.name)
            .action("push one of them, or build them again with names of their own")),
    }
}

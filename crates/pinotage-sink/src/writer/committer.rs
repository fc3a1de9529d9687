//! Staged segments into a table of a cluster, or into a folder.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pinotage_client::{LineageEntry, LineageState, TableType};
use pinotage_common::{Error, ErrorKind, Result};
use pinotage_connector::{Cancel, Committable, Committer, Context};
use pinotage_spec::TableConfig;

use super::carry::{Carried, Carrier};
use super::fence::Fence;
use super::staging::{RunStaging, entries, sync};
use super::{Destination, Replacing, StagedSegment, TableDestination};
use crate::publish::{Foreign, History, Mark, Publication, REPLAY, other_states, publish, remove, revert};
use crate::upsert::TimeToLive;
use crate::{LocalSegment, StoredArchive, needs_partitions};

/// How often a call is asked whether it is still wanted.
const TICK: Duration = Duration::from_millis(50);

/// Brings staged segments in.
pub(super) struct SegmentCommitter {
    destination: Destination,
    /// The run's part of staging.
    staging: RunStaging,
    /// What the run has written; its epoch is that of the last segment that may be in the target.
    history: History,
    /// What the names of all segments of the run begin with.
    prefix: String,
    replacing: Replacing,
    carrier: Option<Carrier>,
    /// How long servers of the table remember keys, if they forget them.
    time_to_live: Option<TimeToLive>,
    cancel: Cancel,
}

impl SegmentCommitter {
    pub(super) fn new(
        destination: Destination,
        staging: RunStaging,
        prefix: String,
        (replacing, carrier): (Replacing, Option<Carrier>),
        time_to_live: Option<TimeToLive>,
        context: &Context,
    ) -> Self {
        Self {
            destination,
            staging,
            history: History {
                mark: Mark { job: context.job.clone(), run: context.run.clone(), epoch: context.epoch },
                lives: context.lives.clone(),
            },
            prefix,
            replacing,
            carrier,
            time_to_live,
            cancel: context.cancel.clone(),
        }
    }

    fn mark(&self, epoch: u64) -> Mark {
        Mark { epoch, ..self.history.mark.clone() }
    }

    /// What goes, and segments of rows that stay of it.
    fn leaving(&self, to: &TableDestination, coming: &[StagedSegment]) -> Result<Carried> {
        if !self.replacing.overwrites() {
            return Ok(Carried::default());
        }
        let config = TableConfig::from_document(to.config.clone())?;
        let snapshot = to.runtime.block_on(self.unless_cancelled(to.target.snapshot()))?;
        let touched = self.replacing.touched(&snapshot, &config, coming, &self.prefix)?;
        let download = |name: &str, archive: &Path| {
            let call = to.target.controller.download_segment(&to.target.table, name, archive);
            to.runtime.block_on(self.unless_cancelled(call)).map(drop)
        };
        let mut carried = match &self.carrier {
            Some(carrier) => carrier.carry(&touched.straddling, coming, &download, &self.cancel)?,
            None => Carried::default(),
        };
        carried.leaving.extend(touched.leaving);
        Ok(carried)
    }

    async fn publish(&self, to: &TableDestination, segments: &[StagedSegment], carried: Carried) -> Result<()> {
        let own = segments.iter().map(|segment| (segment, self.history.custom(segment.epoch)));
        let again = carried.segments.iter().map(|(segment, custom)| (segment, custom.clone()));
        let all: Vec<(&StagedSegment, BTreeMap<String, String>)> = own.chain(again).collect();
        let files: Vec<&str> = all.iter().map(|(segment, _)| segment.file.as_str()).collect();
        let archives = self.staging.archives(&files).await?;
        let local =
            |((segment, custom), stored): ((&StagedSegment, BTreeMap<String, String>), Option<StoredArchive>)| {
                LocalSegment {
                    name: segment.name.clone(),
                    crc: segment.crc,
                    num_docs: segment.rows,
                    path: match self.staging.is_shared() {
                        // What is gone is named where it was.
                        true => PathBuf::from(self.staging.place(&segment.file)),
                        false => self.staging.folder().join(&segment.file),
                    },
                    stored,
                    partitions: segment.partitions.clone(),
                    custom,
                    archive_uri: None,
                }
            };
        let mut publication = Publication {
            to: all.into_iter().zip(archives).map(local).collect(),
            own_prefix: Some(self.prefix.clone()),
            history: (!self.history.lives.is_empty()).then(|| self.history.clone()),
            time_to_live: self.time_to_live.clone(),
            ..Publication::default()
        };
        if self.replacing == Replacing::Epoch && self.has_ended(to, segments).await? {
            return Ok(());
        }
        if self.replacing.overwrites() {
            publication.from = carried.leaving;
            // What an earlier run of the job has begun and left does not come any more.
            publication.own_prefix = Some(self.prefix_of_job().to_owned());
        } else if to.options.foreign == Foreign::Replace {
            let snapshot = to.target.snapshot().await?;
            publication.from = other_states(&snapshot, &self.mark(u64::MAX), replaces_table(to))?
                .into_iter()
                .map(|name| (name, 0))
                .collect();
        }
        publish(&to.target, &to.config, &publication, &to.options, &*to.observer).await
    }

    /// Looks what another process has brought in of the same epoch. What it has begun and left is taken back; whether it has ended.
    async fn has_ended(&self, to: &TableDestination, segments: &[StagedSegment]) -> Result<bool> {
        let epochs: BTreeSet<u64> = segments.iter().map(|segment| segment.epoch).collect();
        let names: Vec<String> = epochs.iter().map(|epoch| format!("{}{epoch}_", self.prefix)).collect();
        let is_own = |name: &str| names.iter().any(|epoch| name.starts_with(epoch.as_str()));
        let snapshot = to.target.snapshot().await?;
        // Somebody may have written its segments again, under other names.
        let has_rows = |name: &str| {
            let custom = snapshot.segments.get(name).map(|segment| &segment.custom);
            custom.is_some_and(|custom| epochs.iter().any(|epoch| self.mark(*epoch).is_of(custom)))
        };
        if snapshot.visible().into_iter().any(|name| is_own(name) || has_rows(name)) {
            return Ok(true);
        }
        let mine = |name: &str, crc: Option<u64>| {
            segments.iter().any(|segment| segment.name == name && crc.is_none_or(|crc| crc == segment.crc))
        };
        let known: Vec<String> = snapshot.segments.keys().filter(|name| is_own(name)).cloned().collect();
        let begun = |entry: &&LineageEntry| {
            entry.state == LineageState::InProgress && entry.segments_to.iter().any(|name| is_own(name))
        };
        // This process has begun exactly this before, and goes on.
        let begun: Vec<&LineageEntry> = snapshot.lineage.iter().filter(begun).collect();
        let same = begun.iter().all(|entry| {
            entry.segments_to.len() == segments.len() && entry.segments_to.iter().all(|name| mine(name, None))
        });
        if same && known.iter().all(|name| mine(name, snapshot.segments[name].crc)) {
            return Ok(false);
        }
        for entry in begun {
            revert(&to.target, Some(&entry.id)).await?;
        }
        remove(&to.target, &known).await?;
        Ok(false)
    }

    /// What the names of all segments of all runs of the job begin with.
    fn prefix_of_job(&self) -> &str {
        self.prefix.strip_suffix(&format!("{}_", self.history.mark.run)).unwrap_or(&self.prefix)
    }

    /// Runs a call to its end, unless the job is to stop; whatever it began is gone on with by the next one.
    async fn unless_cancelled<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        let stopped = async {
            while !self.cancel.is_cancelled() {
                tokio::time::sleep(TICK).await;
            }
        };
        tokio::select! {
            result = call => result,
            () = stopped => Err(Error::new(
                ErrorKind::Cancelled,
                "the job was stopped; segments on their way into the cluster are not visible yet",
            )),
        }
    }

    /// A folder tells by the names what it has: `<table>_<job>_<run>_<epoch>_…`.
    fn check_folder(&self, folder: &Path, epoch: u64) -> Result<()> {
        let own_run = &self.history.mark.run;
        let of_job = self.prefix_of_job();
        let of_replay = format!("{}{REPLAY}_", of_job.trim_end_matches('_'));
        for entry in entries(folder)? {
            let name = entry.file_name().to_string_lossy().into_owned();
            let own = name.strip_prefix(of_job).or_else(|| name.strip_prefix(&of_replay));
            let mut parts = own.map(|rest| rest.split(['_', '.'])).into_iter().flatten();
            let (Some(run), Some(Ok(found))) = (parts.next(), parts.next().map(str::parse::<u64>)) else { continue };
            let is_run = run.len() == own_run.len() && run.bytes().all(|byte| byte.is_ascii_hexdigit());
            if is_run && run != own_run {
                return Err(Error::new(
                    ErrorKind::CommitConflict,
                    "the output has a segment that this job wrote with another state, and rows would be there twice",
                )
                .with("segment", name)
                .action("bring back the job's state; or remove its segments from the output to write all rows again"));
            }
            if is_run && found > epoch && name.starts_with(of_job) {
                return Err(Error::new(
                    ErrorKind::CommitConflict,
                    "the output has a segment of a later epoch than the job's state knows of",
                )
                .with("segment", name)
                .with("epoch", epoch)
                .action("the state was set back or copied: bring back the latest one"));
            }
        }
        Fence::look(folder, &self.prefix, &self.history)
    }

    /// Removes what was staged.
    fn clear<'s>(&self, segments: impl IntoIterator<Item = &'s StagedSegment>) -> Result<()> {
        self.staging.remove(segments.into_iter().map(|segment| segment.file.as_str()))
    }
}

impl Committer for SegmentCommitter {
    fn commit(&mut self, committables: &[Committable]) -> Result<()> {
        let mut segments = committables.iter().map(StagedSegment::of).collect::<Result<Vec<_>>>()?;
        if segments.is_empty() && !self.replacing.overwrites() {
            return Ok(());
        }
        let last = segments.iter().map(|segment| segment.epoch).max().unwrap_or_default();
        self.history.mark.epoch = last.max(self.history.mark.epoch);
        match &self.destination {
            Destination::Folder { path, .. } => {
                let fence = Fence::lock(path, &self.prefix, &self.cancel)?;
                fence.enter(&self.history, last)?;
                segments.iter().try_for_each(|segment| into_folder(&self.staging, path, segment))?
            }
            Destination::Table(to) => {
                let carried = self.leaving(to, &segments)?;
                let again: Vec<StagedSegment> = carried.segments.iter().map(|(segment, _)| segment.clone()).collect();
                to.runtime.clone().block_on(self.unless_cancelled(self.publish(to, &segments, carried)))?;
                segments.extend(again);
            }
        }
        // The rows have come. An error would say that they have not.
        if let Err(error) = self.clear(&segments)
            && let Destination::Table(to) = &self.destination
        {
            to.observer.warning(&format!("what has come stays in staging until `pinotage staging gc`: {error}"));
        }
        Ok(())
    }

    fn abort(&mut self, committables: &[Committable]) -> Result<()> {
        let segments = committables.iter().map(StagedSegment::of).collect::<Result<Vec<_>>>()?;
        self.clear(&segments)
    }

    fn check(&mut self, epoch: u64) -> Result<()> {
        let to = match &self.destination {
            Destination::Folder { path, .. } => return self.check_folder(path, epoch),
            Destination::Table(to) => to,
        };
        let snapshot = to.runtime.block_on(self.unless_cancelled(to.target.snapshot()))?;
        let whole = replaces_table(to);
        let others = other_states(&snapshot, &self.mark(epoch), whole)?;
        self.history.check(&snapshot.segments, &snapshot.lineage, &BTreeSet::new())?;
        // Rows of a key take the place of each other, whoever pushed them.
        if to.target.table_type == TableType::Realtime && needs_partitions(&to.config) {
            return Ok(());
        }
        let Some(first) = others.first().filter(|_| to.options.foreign == Foreign::Refuse) else { return Ok(()) };
        let (found, why) = match whole {
            true => ("this job has not pushed with this state", "a REFRESH table is wholly what its job makes"),
            false => ("this job pushed with another state", "rows would be there twice"),
        };
        Err(Error::new(
            ErrorKind::CommitConflict,
            format!("the table has {} segments that {found}, and {why}", others.len()),
        )
        .with("table", to.target.key())
        .with("segment", first)
        .action(
            "bring back the job's state, or set `sink.push.foreign` to `replace` (they go when the job's segments come) or to `keep`",
        ))
    }
}

/// A REFRESH table: what it has from others goes when this run's segments come.
fn replaces_table(to: &TableDestination) -> bool {
    TableConfig::from_document(to.config.clone()).is_ok_and(|config| config.is_refresh())
}

/// Moves a segment in one step. It may be there already.
fn into_folder(staging: &RunStaging, folder: &Path, segment: &StagedSegment) -> Result<()> {
    let name = Path::new(&segment.file).file_name().unwrap_or_default();
    let to = folder.join(name);
    let failed = |error| Error::io(error, "cannot put the segment in place", &to);
    if to.exists() {
        return Ok(());
    }
    let Some(from) = staging.fetch(&segment.file)? else {
        return Err(Error::not_found("a segment that was built is neither in staging nor in the output")
            .with("segment", &segment.name)
            .with("file", staging.place(&segment.file))
            .action("bring the file back; without it its rows are lost"));
    };
    let copied = || {
        let copy = folder.join(format!(".{}.tmp", segment.name));
        copy_synced(&from.path, &copy).and_then(|()| fs::rename(&copy, &to))
    };
    // What came from a store is on no disk for certain yet.
    let moved = if staging.is_shared() { copied() } else { fs::rename(&from.path, &to) };
    match moved {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => copied(),
        moved => moved,
    }
    .map_err(failed)?;
    sync(folder)
}

/// Copies a segment, a folder or an archive, and what an earlier try has left gives way.
fn copy_synced(from: &Path, to: &Path) -> io::Result<()> {
    match fs::symlink_metadata(to) {
        Ok(left) if left.is_dir() => fs::remove_dir_all(to)?,
        Ok(_) => fs::remove_file(to)?,
        Err(_) => {}
    }
    if !from.is_dir() {
        fs::copy(from, to)?;
        return fs::File::open(to)?.sync_all();
    }
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        copy_synced(&entry.path(), &to.join(entry.file_name()))?;
    }
    fs::File::open(to)?.sync_all()
}

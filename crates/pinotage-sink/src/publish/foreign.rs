//! Whose segments a table has.

use std::collections::{BTreeMap, BTreeSet};

use pinotage_client::{LineageEntry, LineageState, SegmentZkMetadata};
use pinotage_common::{Error, ErrorKind, Result};
use pinotage_connector::Lives;

use crate::Snapshot;

const JOB: &str = "pinotage.job";
const RUN: &str = "pinotage.run";
const EPOCH: &str = "pinotage.epoch";
const LIFE: &str = "pinotage.life";
const INPUT: &str = "pinotage.input";

/// What the name of a job adds to that of the one whose bad rows it brings. Both have states of the same run.
pub const REPLAY: &str = "-replay";

/// What tells whose a segment is.
pub(super) const ORIGIN: [&str; 4] = [JOB, RUN, EPOCH, LIFE];

/// Where a segment comes from; it stays with the segment in the cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mark {
    /// The job's name.
    pub job: String,
    /// The id of the job's state.
    pub run: String,
    /// The number of the run in that state.
    pub epoch: u64,
}

impl Mark {
    /// As the cluster keeps it, with the input that the rows are of.
    pub fn custom(&self, input: &str) -> BTreeMap<String, String> {
        let pairs = [
            (JOB, self.job.clone()),
            (RUN, self.run.clone()),
            (EPOCH, self.epoch.to_string()),
            (INPUT, input.to_owned()),
        ];
        pairs.map(|(key, value)| (key.to_owned(), value)).into()
    }

    /// Whether the cluster keeps this of a segment.
    pub(crate) fn is_of(&self, custom: &BTreeMap<String, String>) -> bool {
        let is = |key: &str, value: &str| custom.get(key).is_some_and(|found| found == value);
        is(JOB, &self.job) && is(RUN, &self.run) && is(EPOCH, &self.epoch.to_string())
    }
}

/// What a run with epochs knows to be its own.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// Whose it is, and the last epoch that may be in the target.
    pub mark: Mark,
    /// Who wrote which epoch.
    pub lives: Lives,
}

impl History {
    /// What the cluster keeps of a segment that was sealed in an epoch.
    pub fn custom(&self, epoch: u64) -> BTreeMap<String, String> {
        let mut custom = Mark { epoch, ..self.mark.clone() }.custom("");
        custom.extend(self.lives.of(epoch).map(|life| (LIFE.to_owned(), life.to_owned())));
        custom
    }

    /// Whether an epoch that somebody wrote is one of these. Where nobody keeps lives every one may be.
    pub fn has(&self, epoch: u64, life: Option<&str>) -> bool {
        match life.zip(self.lives.of(epoch)) {
            Some((life, own)) => life == own,
            None => self.lives.is_empty() || epoch <= self.mark.epoch,
        }
    }

    /// Refuses to go on beside another copy of the state. `own` are the names that are about to come.
    ///
    /// # Errors
    ///
    /// `commit-conflict` when the target has, or is about to get, a segment of this run that this state has not written.
    pub(crate) fn check(
        &self,
        segments: &BTreeMap<String, SegmentZkMetadata>,
        lineage: &[LineageEntry],
        own: &BTreeSet<&str>,
    ) -> Result<()> {
        let reverted = lineage.iter().filter(|entry| entry.state == LineageState::Reverted);
        let reverted: BTreeSet<&str> = reverted.flat_map(|entry| &entry.segments_to).map(String::as_str).collect();
        for (name, segment) in segments {
            let is = |key: &str, value: &str| segment.custom.get(key).is_some_and(|found| found == value);
            if !is(JOB, &self.mark.job) || !is(RUN, &self.mark.run) {
                continue;
            }
            let epoch = segment.custom.get(EPOCH).and_then(|epoch| epoch.parse().ok());
            let known = epoch.is_none_or(|epoch| self.has(epoch, segment.custom.get(LIFE).map(String::as_str)));
            if !known && !own.contains(name.as_str()) && !reverted.contains(name.as_str()) {
                return Err(forked().with("segment", name));
            }
        }
        Ok(())
    }

    /// As [`History::check`], of replacements: one in progress of segments of this run that are none of `own`.
    pub(super) fn check_replacements(
        &self,
        lineage: &[LineageEntry],
        prefix: &str,
        own: &BTreeSet<&str>,
    ) -> Result<()> {
        let others = |entry: &&LineageEntry| {
            let mut names = entry.segments_to.iter();
            entry.state == LineageState::InProgress
                && names.any(|name| name.starts_with(prefix) && !own.contains(name.as_str()))
        };
        match lineage.iter().find(others) {
            None => Ok(()),
            Some(entry) => Err(forked().with("replacement", &entry.id)),
        }
    }
}

/// The error of a run that has a double.
pub(crate) fn forked() -> Error {
    Error::new(
        ErrorKind::CommitConflict,
        "the target has something of this run that its state has not written: the state was copied or set back, and rows would be there twice",
    )
    .action(
        "go on with the copy whose rows are there, and stop the others for good; a replacement that a stopped one has left goes by `pinotage push --revert`",
    )
}

/// The segments that queries see and that a job, whose state knows some, does not know.
///
/// `everything` counts all of them (REFRESH tables: what the job makes is the whole table), otherwise only those that the
/// same job pushed with another state.
///
/// # Errors
///
/// `commit-conflict` when there is a segment of the job's own state, but of a later run than the state knows of: the state
/// was set back or copied, and what it would push now may be there already.
pub fn foreign(snapshot: &Snapshot, known: &BTreeSet<String>, mark: &Mark, everything: bool) -> Result<Vec<String>> {
    let mut foreign = Vec::new();
    for name in snapshot.visible().into_iter().filter(|name| !known.contains(*name)) {
        let Some(segment) = snapshot.segments.get(name) else { continue };
        let is = |key: &str, value: &str| segment.custom.get(key).is_some_and(|found| found == value);
        let own_job = is(JOB, &mark.job);
        let of_replay = segment.custom.get(JOB).and_then(|job| job.strip_suffix(REPLAY)) == Some(&mark.job);
        let later =
            segment.custom.get(EPOCH).and_then(|epoch| epoch.parse::<u64>().ok()).is_some_and(|it| it > mark.epoch);
        if own_job && is(RUN, &mark.run) && later {
            return Err(Error::new(
                ErrorKind::CommitConflict,
                "the cluster has a segment of a later run of this job than the job's state knows of",
            )
            .with("segment", name)
            .action(
                "the state was set back or copied: bring back the latest one, or begin with an empty state and \
                 `sink.push.foreign: replace`",
            ));
        }
        // Whoever begins anew reads those rows again too.
        if own_job || everything || of_replay && !is(RUN, &mark.run) {
            foreign.push(name.to_owned());
        }
    }
    Ok(foreign)
}

/// The segments that queries see and that a job pushed with another state than that of the mark; with `everything` those of all
/// others too.
///
/// # Errors
///
/// As [`foreign`].
pub fn other_states(snapshot: &Snapshot, mark: &Mark, everything: bool) -> Result<Vec<String>> {
    let mut others = foreign(snapshot, &BTreeSet::new(), mark, everything)?;
    let is_own = |name: &String| {
        let custom = snapshot.segments.get(name).map(|segment| &segment.custom);
        custom.is_some_and(|custom| custom.get(JOB) == Some(&mark.job) && custom.get(RUN) == Some(&mark.run))
    };
    others.retain(|name| !is_own(name));
    Ok(others)
}

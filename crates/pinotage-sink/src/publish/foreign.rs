//! Whose segments a table has.

use std::collections::{BTreeMap, BTreeSet};

use pinotage_common::{Error, ErrorKind, Result};

use crate::Snapshot;

const JOB: &str = "pinotage.job";
const RUN: &str = "pinotage.run";
const EPOCH: &str = "pinotage.epoch";
const INPUT: &str = "pinotage.input";

/// Where a segment comes from; it stays with the segment in the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
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
        if own_job || everything {
            foreign.push(name.to_owned());
        }
    }
    Ok(foreign)
}

/// The segments that queries see and that a job pushed with another state than that of the mark.
///
/// # Errors
///
/// As [`foreign`].
pub fn other_states(snapshot: &Snapshot, mark: &Mark) -> Result<Vec<String>> {
    let mut others = foreign(snapshot, &BTreeSet::new(), mark, false)?;
    others.retain(|name| snapshot.segments.get(name).and_then(|segment| segment.custom.get(RUN)) != Some(&mark.run));
    Ok(others)
}

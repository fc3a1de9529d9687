//! What the state of a job with epochs says, for a person.

use pinotage_common::Result;
use pinotage_job::Plan;
use serde::Serialize;

use super::state::Remembered;
use super::store;
use crate::manifest::Counts;

/// How far a job with epochs has come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EpochStatus {
    /// The id of the run, drawn when the state was made.
    pub run: String,
    /// When that was, in milliseconds since 1970.
    pub created_millis: i64,
    /// The last epoch; 0 before the first.
    pub epoch: u64,
    /// When it ended, in milliseconds since 1970.
    pub millis: Option<i64>,
    /// The source has been read to its end.
    pub finished: bool,
    /// The rows of all epochs.
    pub counts: Counts,
    /// Rows of segments that are not full or not built yet.
    pub open_rows: u64,
    /// Those segments.
    pub open_segments: usize,
    /// Segments that are built and not in the target yet.
    pub waiting_segments: usize,
    /// The rows in them.
    pub waiting_rows: u64,
    /// A publication of all that waits up to this epoch has been begun.
    pub publishing_through: Option<u64>,
    /// How far the source has been read: what is not at its end first, then by name.
    pub splits: Vec<SplitStatus>,
}

/// How far a part of the source has been read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SplitStatus {
    /// Its name.
    pub id: String,
    /// Where its reader is, in the source's words; a number without its zeros. None at the beginning.
    pub position: Option<String>,
    /// Nothing comes any more.
    pub ended: bool,
}

impl EpochStatus {
    /// What the state of a job says now, whoever has it; none when there is none.
    ///
    /// # Errors
    ///
    /// Those of reading it.
    pub(crate) fn look(plan: &Plan) -> Result<Option<Self>> {
        Ok(Remembered::of(store::look(plan)?)?.map(Self::of))
    }

    fn of(remembered: Remembered) -> Self {
        let Remembered { run, last, waiting } = remembered;
        let millis = last.as_ref().map(|last| last.millis);
        let last = last.unwrap_or_default();
        let mut splits: Vec<SplitStatus> = last
            .splits
            .into_iter()
            .map(|state| SplitStatus {
                id: state.split.id,
                position: state.position.map(|position| match position.as_number() {
                    Some(number) => number.to_string(),
                    None => position.as_str().to_owned(),
                }),
                ended: state.ended,
            })
            .collect();
        splits.sort_by(|one, other| (one.ended, &one.id).cmp(&(other.ended, &other.id)));
        Self {
            run: run.id,
            created_millis: run.created_millis,
            epoch: last.epoch,
            millis,
            finished: last.finished,
            counts: last.counts,
            open_rows: last.open.iter().map(|open| open.rows).sum(),
            open_segments: last.open.len(),
            waiting_segments: waiting.epochs.values().map(Vec::len).sum(),
            waiting_rows: waiting.epochs.values().flatten().map(|committable| committable.rows).sum(),
            publishing_through: waiting.through,
            splits,
        }
    }
}

//! Recorded segments into the target, beside the reading: together, in the order of their epochs, and not too often.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pinotage_common::{ErrorKind, Result, Retry};
use pinotage_connector::{Cancel, Committable, Committer};

use super::state::{State, Waiting};
use crate::run::Observer;

/// The longest pause between two tries.
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// How often somebody who waits looks whether the job is to stop.
const TICK: Duration = Duration::from_millis(100);

#[derive(Default)]
struct Shared {
    waiting: BTreeMap<u64, Vec<Committable>>,
    through: Option<u64>,
    /// Nothing comes any more: what waits is published at once.
    is_closed: bool,
    /// The source has come to its end.
    is_finished: bool,
    /// Nobody publishes any more.
    is_over: bool,
    published: u64,
}

/// What waits for the target.
pub(super) struct Publisher {
    shared: Mutex<Shared>,
    changed: Condvar,
}

/// When to publish, and how long to try.
pub(super) struct Pace {
    pub(super) interval: Duration,
    /// Nothing comes before everything does.
    pub(super) at_end: bool,
    pub(super) tries: u32,
    pub(super) pause: Duration,
}

impl Publisher {
    pub(super) fn new(waiting: Waiting) -> Self {
        let Waiting { epochs, through } = waiting;
        Self { shared: Mutex::new(Shared { waiting: epochs, through, ..Shared::default() }), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what an epoch has recorded.
    pub(super) fn add(&self, epoch: u64, committables: Vec<Committable>) {
        if !committables.is_empty() {
            self.lock().waiting.insert(epoch, committables);
            self.changed.notify_all();
        }
    }

    /// Nothing comes any more, because the source has come to its end or for another reason.
    pub(super) fn close(&self, is_finished: bool) {
        let mut shared = self.lock();
        (shared.is_closed, shared.is_finished) = (true, is_finished);
        drop(shared);
        self.changed.notify_all();
    }

    /// Segments that wait.
    pub(super) fn waiting(&self) -> usize {
        self.lock().waiting.values().map(Vec::len).sum()
    }

    /// Segments that this process has brought in.
    pub(super) fn published(&self) -> u64 {
        self.lock().published
    }

    /// Waits while more segments wait than may. False when nobody publishes any more, unless the job is to stop: then that is why, and
    /// the epoch under way ends as it should.
    pub(super) fn wait_for_room(&self, limit: usize, cancel: &Cancel) -> bool {
        let mut shared = self.lock();
        while !shared.is_over && !cancel.is_cancelled() && shared.waiting.values().map(Vec::len).sum::<usize>() > limit
        {
            shared = self.changed.wait_timeout(shared, TICK).unwrap_or_else(PoisonError::into_inner).0;
        }
        !shared.is_over || cancel.is_cancelled()
    }

    /// Publishes until nothing comes any more. A target that does not answer is asked again.
    pub(super) fn run(
        &self,
        state: &Mutex<State>,
        committer: &mut dyn Committer,
        pace: &Pace,
        cancel: &Cancel,
        observer: &dyn Observer,
    ) -> Result<()> {
        let result = self.publish_all(state, committer, pace, cancel, observer);
        self.lock().is_over = true;
        self.changed.notify_all();
        result
    }

    fn publish_all(
        &self,
        state: &Mutex<State>,
        committer: &mut dyn Committer,
        pace: &Pace,
        cancel: &Cancel,
        observer: &dyn Observer,
    ) -> Result<()> {
        let mut last: Option<Instant> = None;
        while let Some((through, segments, epochs)) = self.next(last, pace, cancel) {
            state.lock().unwrap_or_else(PoisonError::into_inner).begin_publication(through)?;
            let (mut tries, mut pause) = (0, pace.pause);
            while let Err(error) = committer.commit(&segments) {
                // What is in the way may be of the process that has this job now.
                state.lock().unwrap_or_else(PoisonError::into_inner).begin_publication(through)?;
                tries += 1;
                let may_pass = error.kind() == ErrorKind::Unavailable && error.retry() == Retry::Temporary;
                if !may_pass || tries > pace.tries || cancel.is_cancelled() {
                    return Err(error);
                }
                observer.warning(&format!("publishing {} segments failed and is tried again: {error}", segments.len()));
                cancel.sleep(pause);
                pause = (pause * 2).min(MAX_PAUSE);
            }
            state.lock().unwrap_or_else(PoisonError::into_inner).end_publication(epochs.iter().copied())?;
            last = Some(Instant::now());
            let mut shared = self.lock();
            shared.published += segments.len() as u64;
            shared.waiting.retain(|epoch, _| *epoch > through);
            shared.through = None;
            self.changed.notify_all();
        }
        Ok(())
    }

    /// What comes next: first what an earlier process had begun, exactly that; then all that waits.
    fn next(&self, last: Option<Instant>, pace: &Pace, cancel: &Cancel) -> Option<(u64, Vec<Committable>, Vec<u64>)> {
        let mut shared = self.lock();
        loop {
            if cancel.is_cancelled() {
                return None;
            }
            let is_time = || shared.is_closed || last.is_none_or(|last| last.elapsed() >= pace.interval);
            let may_come = if pace.at_end { shared.is_finished } else { is_time() };
            let is_due = may_come || shared.through.is_some();
            let through = shared.through.filter(|through| shared.waiting.keys().any(|epoch| epoch <= through));
            let through = through.or_else(|| shared.waiting.keys().next_back().copied());
            match through {
                Some(through) if is_due => {
                    let epochs: Vec<u64> = shared.waiting.range(..=through).map(|(epoch, _)| *epoch).collect();
                    let segments = shared.waiting.range(..=through).flat_map(|(_, segments)| segments.clone());
                    return Some((through, segments.collect(), epochs));
                }
                _ if shared.is_closed => return None,
                _ => shared = self.changed.wait_timeout(shared, TICK).unwrap_or_else(PoisonError::into_inner).0,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who stops a job ends its publisher first; readers that wait at the end of an epoch then still end it.
    #[test]
    fn a_job_that_is_to_stop_has_room() {
        let publisher = Publisher::new(Waiting::default());
        publisher.lock().is_over = true;
        let cancel = Cancel::default();
        assert!(!publisher.wait_for_room(1, &cancel));
        cancel.cancel();
        assert!(publisher.wait_for_room(1, &cancel));
    }
}

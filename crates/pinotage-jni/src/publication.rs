//! Committables on their way into a table, beside the engine.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use pinotage_common::{ByteSize, Error, Result};
use pinotage_connector::{Cancel, Committable, Context, Lives, Sink as _};
use pinotage_sink::publish::PushObserver;
use pinotage_sink::writer::Replacing;

use crate::errors::panicked;
use crate::table::Table;
use crate::threads;

/// `Publication.State`, by its place; the first is `OPENED`.
const PUSHING: i64 = 1;
const WAITING: i64 = 2;
const ENDED: i64 = 3;
const FAILED: i64 = 4;

/// An engine brings in again what it has recorded, while what it has recorded later may be there already: whether the target is
/// ahead of a state is [looked at](pinotage_connector::Committer::check) when a job begins, not here. Whether another copy of the state
/// is at work is: by the processes that the engine's state knows, if it keeps them.
const EVERY_EPOCH: u64 = u64::MAX;

/// What a committer of a run knows, which has recorded so many epochs.
pub(crate) fn committing(table: &Table, run: &str, lives: &Lives, epoch: u64) -> Context {
    Context { epoch, lives: lives.clone(), ..Context::new(&table.job.name, run) }
}

/// How far it is.
#[derive(Default)]
struct Seen {
    state: AtomicI64,
    segments: i64,
    pushed: AtomicI64,
    loaded: AtomicI64,
    warnings: Mutex<Vec<String>>,
    failure: Mutex<Option<Arc<Error>>>,
}

impl Seen {
    fn say(&self, text: &str) {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).push(text.to_owned());
    }
}

impl PushObserver for Seen {
    fn warning(&self, text: &str) {
        self.say(text);
    }

    fn pushing(&self, segments: usize) {
        self.state.store(PUSHING, Ordering::Relaxed);
        self.pushed.store(self.segments - segments as i64, Ordering::Relaxed);
    }

    fn pushed(&self, _bytes: ByteSize) {
        self.pushed.fetch_add(1, Ordering::Relaxed);
    }

    fn loaded(&self, segments: usize, _of: usize) {
        self.state.store(WAITING, Ordering::Relaxed);
        self.loaded.store(segments as i64, Ordering::Relaxed);
    }
}

/// A publication, from its start to its end.
pub(crate) struct Publication {
    seen: Arc<Seen>,
    cancel: Cancel,
    thread: Option<JoinHandle<()>>,
}

impl Publication {
    /// Begins it in a thread of its own.
    pub(crate) fn start(
        table: Arc<Table>,
        run: &str,
        lives: &Lives,
        committables: Vec<Committable>,
        replacing: Replacing,
    ) -> Result<Self> {
        let seen = Arc::new(Seen { segments: committables.len() as i64, ..Seen::default() });
        let context = committing(&table, run, lives, EVERY_EPOCH);
        let cancel = context.cancel.clone();
        let observer = Arc::clone(&seen);
        let work = move || {
            let publish = || -> Result<()> {
                let sink = table.committing(replacing, observer.clone())?;
                sink.committer(&context)?.commit(&committables)
            };
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(publish));
            let result = result.unwrap_or_else(|payload| Err(panicked(&*payload)));
            match result {
                Ok(()) => {
                    observer.pushed.store(observer.segments, Ordering::Relaxed);
                    observer.loaded.store(observer.segments, Ordering::Relaxed);
                    observer.state.store(ENDED, Ordering::Release);
                }
                Err(error) => {
                    *observer.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(error));
                    observer.state.store(FAILED, Ordering::Release);
                }
            }
        };
        Ok(Self { seen, cancel, thread: Some(threads::spawn("publish", work)?) })
    }

    /// State, segments, pushed, loaded.
    pub(crate) fn progress(&self) -> [i64; 4] {
        let Seen { state, segments, pushed, loaded, .. } = &*self.seen;
        let state = state.load(Ordering::Acquire);
        [state, *segments, pushed.load(Ordering::Relaxed), loaded.load(Ordering::Relaxed)]
    }

    /// The error that it ended with.
    pub(crate) fn failure(&self) -> Result<()> {
        match &*self.seen.failure.lock().unwrap_or_else(PoisonError::into_inner) {
            None => Ok(()),
            Some(error) => Err(again(error)),
        }
    }

    pub(crate) fn warnings(&self) -> Vec<String> {
        std::mem::take(&mut self.seen.warnings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn cancel(&self) {
        self.cancel.cancel();
    }
}

impl Drop for Publication {
    fn drop(&mut self) {
        self.cancel.cancel();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The same error once more.
fn again(error: &Arc<Error>) -> Error {
    let mut same = Error::new(error.kind(), error.message()).retry_as(error.retry()).action(error.advice());
    for (key, value) in error.context() {
        same = same.with(key, value);
    }
    same.caused_by(Cause(Arc::clone(error)))
}

/// An error that several ask for.
#[derive(Debug)]
struct Cause(Arc<Error>);

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl std::error::Error for Cause {}

//! What an engine tells a connector.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pinotage_common::{Error, ErrorKind, Result};

use crate::Lives;

/// How often somebody who waits looks whether the job is to stop.
const LOOK: Duration = Duration::from_millis(50);

/// Tells the time.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Milliseconds since 1970 in UTC.
    fn now_millis(&self) -> i64;
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_millis(&self) -> i64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
    }
}

/// Set once, from anywhere, to stop.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl From<Arc<AtomicBool>> for Cancel {
    fn from(flag: Arc<AtomicBool>) -> Self {
        Self(flag)
    }
}

impl Cancel {
    /// What a call that knows flags alone looks at.
    pub fn flag(&self) -> &AtomicBool {
        &self.0
    }

    /// Asks to stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Somebody has asked to stop. Who waits looks at least ten times a second.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Waits so long, or until somebody asks to stop.
    pub fn sleep(&self, time: Duration) {
        let begun = Instant::now();
        while !self.is_cancelled() && begun.elapsed() < time {
            std::thread::sleep(LOOK.min(time.saturating_sub(begun.elapsed())));
        }
    }

    /// An error when somebody has asked to stop.
    ///
    /// # Errors
    ///
    /// `cancelled`.
    pub fn check(&self) -> Result<()> {
        match self.is_cancelled() {
            false => Ok(()),
            true => Err(Error::new(ErrorKind::Cancelled, "the job was asked to stop")),
        }
    }
}

/// Numbers that grow, by name.
#[derive(Debug, Clone, Default)]
pub struct Metrics(Arc<Mutex<BTreeMap<&'static str, Arc<AtomicU64>>>>);

impl Metrics {
    /// The number of a name; it is asked for once, and added to often.
    pub fn counter(&self, name: &'static str) -> Arc<AtomicU64> {
        Arc::clone(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_default())
    }

    /// All numbers as they are now.
    pub fn now(&self) -> BTreeMap<&'static str, u64> {
        let counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counters.iter().map(|(name, number)| (*name, number.load(Ordering::Relaxed))).collect()
    }
}

/// What a connector may know of the job that it works for.
///
/// Three things that others put in here are elsewhere: its **config** comes in when a connector is made, as an option struct of its
/// own; its **state** are the positions, open rows and committables that it hands out, which the engine records and gives back
/// ([`SplitState`](crate::SplitState), [`OpenBuffer`](crate::OpenBuffer), [`Committable`](crate::Committable)); and what is for the
/// **quarantine** goes out beside rows ([`Rows::bad`](crate::Rows::bad), [`Sink::refused`](crate::Sink::refused),
/// [`Prepared::rejected`](crate::Prepared::rejected)), so that the engine writes it within the epoch.
#[derive(Debug, Clone)]
pub struct Context {
    /// The job's name.
    pub job: String,
    /// Drawn when the job's state was made, and kept in it.
    pub run: String,
    /// The last epoch that was recorded; 0 before the first.
    pub epoch: u64,
    /// The processes that this run has had, this one included; empty where nobody keeps them.
    pub lives: Lives,
    /// Which task this is, from 0.
    pub task: u32,
    /// Tasks beside each other.
    pub tasks: u32,
    /// Whether to stop.
    pub cancel: Cancel,
    /// Numbers for a person.
    pub metrics: Metrics,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl Context {
    /// The only task of a job that has recorded nothing yet.
    pub fn new(job: impl Into<String>, run: impl Into<String>) -> Self {
        Self {
            job: job.into(),
            run: run.into(),
            epoch: 0,
            lives: Lives::default(),
            task: 0,
            tasks: 1,
            cancel: Cancel::default(),
            metrics: Metrics::default(),
            clock: Arc::new(SystemClock),
        }
    }
}

//! The threads of the library. They are there while somebody holds them, and have ended when the last one lets go.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::JoinHandle;

use pinotage_common::{Error, Result};
use rayon::ThreadPool;
use tokio::runtime::{Handle, Runtime};

/// What names of our threads begin with.
const PREFIX: &str = "pinotage";

/// Those of requests to clusters, and those that build segments.
pub(crate) struct Threads {
    runtime: Option<Runtime>,
    pool: Option<Arc<ThreadPool>>,
    builders: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

static SHARED: Mutex<Weak<Threads>> = Mutex::new(Weak::new());

impl Threads {
    /// The threads that everybody in this process shares.
    pub(crate) fn shared() -> Result<Arc<Self>> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(threads) = shared.upgrade() {
            return Ok(threads);
        }
        let threads = Arc::new(Self::start()?);
        *shared = Arc::downgrade(&threads);
        Ok(threads)
    }

    fn start() -> Result<Self> {
        let failed = |error| Error::unexpected("cannot start threads").caused_by(error);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name(format!("{PREFIX}-io"))
            .enable_all()
            .build()
            .map_err(failed)?;
        let builders: Arc<Mutex<Vec<JoinHandle<()>>>> = Arc::default();
        let started = Arc::clone(&builders);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(cores)
            // A pool does not wait for its threads: they are ours, so that somebody does.
            .spawn_handler(move |thread| {
                let builder = std::thread::Builder::new().name(format!("{PREFIX}-build"));
                let handle = builder.spawn(|| thread.run())?;
                started.lock().unwrap_or_else(PoisonError::into_inner).push(handle);
                Ok(())
            })
            .build()
            .map_err(|error| Error::unexpected("cannot start threads").caused_by(error))?;
        Ok(Self { runtime: Some(runtime), pool: Some(Arc::new(pool)), builders })
    }

    /// Where requests run.
    pub(crate) fn io(&self) -> Result<Handle> {
        self.runtime.as_ref().map(|runtime| runtime.handle().clone()).ok_or_else(ended)
    }

    /// Where segments are built.
    pub(crate) fn pool(&self) -> Result<Arc<ThreadPool>> {
        self.pool.clone().ok_or_else(ended)
    }
}

fn ended() -> Error {
    Error::unexpected("the library's threads have ended")
}

impl Drop for Threads {
    fn drop(&mut self) {
        // Waits for what runs in it.
        self.runtime = None;
        self.pool = None;
        for thread in self.builders.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _ = thread.join();
        }
    }
}

/// A thread of the library with a name of its own.
pub(crate) fn spawn<T: Send + 'static>(name: &str, work: impl FnOnce() -> T + Send + 'static) -> Result<JoinHandle<T>> {
    let builder = std::thread::Builder::new().name(format!("{PREFIX}-{name}"));
    builder.spawn(work).map_err(|error| Error::unexpected("cannot start a thread").caused_by(error))
}

/// Threads that the process has of ours.
pub(crate) fn running() -> i32 {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    names.filter(|name| name.starts_with(PREFIX) || name.starts_with("segment-build")).count() as i32
}

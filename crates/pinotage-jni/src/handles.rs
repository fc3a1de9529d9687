//! What Java holds, by number. A number that was given back names nothing any more, whoever uses it.

use std::any::Any;
use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use pinotage_common::{Error, Result};

type Handles = HashMap<i64, Arc<dyn Any + Send + Sync>>;

static OPEN: LazyLock<Mutex<Handles>> = LazyLock::new(Mutex::default);
static NEXT: AtomicI64 = AtomicI64::new(1);

fn open() -> MutexGuard<'static, Handles> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps a value for Java.
pub(crate) fn put<T: Any + Send + Sync>(value: T) -> i64 {
    let handle = NEXT.fetch_add(1, Ordering::Relaxed);
    open().insert(handle, Arc::new(value));
    handle
}

/// The value of a handle.
///
/// # Errors
///
/// `unexpected` for a handle that was closed, or is of something else.
pub(crate) fn get<T: Any + Send + Sync>(handle: i64) -> Result<Arc<T>> {
    let value = open().get(&handle).cloned();
    value
        .and_then(|value| value.downcast().ok())
        .ok_or_else(|| Error::unexpected("something was used after it was closed").with("handle", handle))
}

/// Gives a value up; one that is gone stays so. Calls that use it now end first.
pub(crate) fn remove(handle: i64) {
    let value = open().remove(&handle);
    // Dropping it may join threads, which others need not wait for.
    drop(value);
}

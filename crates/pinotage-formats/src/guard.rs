//! The border to readers that we did not write: their panics become errors.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use pinotage_common::{Error, Result};

/// Calls a third-party reader. A panic there means that the bytes were not what it expected, so it is reported as a
/// corrupt file. The reader must not be used again afterwards: every caller drops it on error.
pub(crate) fn guarded<T>(path: &Path, call: impl FnOnce() -> Result<T>) -> Result<T> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result,
        Err(payload) => {
            Err(corrupt(path, format!("expected a readable file, the decoder stopped: {}", text(&*payload))))
        }
    }
}

/// A file whose bytes are not what the format demands.
pub(crate) fn corrupt(path: &Path, message: impl Into<String>) -> Error {
    Error::corrupt(message)
        .with("file", path.display())
        .action("get an intact copy of the file; if it is still being written, read it when it is complete")
}

fn text(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

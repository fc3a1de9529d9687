//! Jobs that run in epochs: read, write, remember, publish, and go on from there after a crash.
//!
//! Readers and writers are threads. An epoch ends so: readers stop between two batches ([`gate`]), each writer is told behind
//! the last row that was sent, readers go on, and when all writers have put their rows away one record has everything
//! ([`state`]). What it has for the target waits there until [`publish`] has brought it in.

mod gate;
mod intake;
mod postgres;
mod publish;
mod run;
mod source;
mod sqlite;
mod staging;
mod state;
mod status;
pub(crate) mod store;
mod whole;

use arrow::array::RecordBatch;
use pinotage_common::{Error, ErrorKind};

pub use run::{EpochReport, EpochSummary, run_epochs};
pub(crate) use run::{check_epochs, replaces_table};
pub(crate) use source::input_id;
pub use staging::{GcOptions, StagedEntry, StagedRun, StagingReport, staging_gc};
pub use status::{EpochStatus, SplitStatus};

/// What a writer is told.
enum ToWriter {
    /// Rows of a partition.
    Rows(u32, RecordBatch),
    /// An epoch ends, perhaps the last.
    Barrier { epoch: u64, last: bool },
    /// An epoch is recorded.
    Recorded(u64),
}

/// The error of a thread whose partner has gone; the partner's own error is the one that is shown.
fn is_stopped() -> Error {
    Error::new(ErrorKind::Cancelled, "another part of the job has stopped")
}

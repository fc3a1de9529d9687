//! Tables that change between the look at them and their reading: they are looked at again.

use std::time::Duration;

use pinotage_common::{Error, ErrorKind};

/// The pauses before a table is looked at again. A controller has the new archive of a segment before it tells of it.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(100), Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(5)];

/// How often it was looked again.
#[derive(Debug, Default)]
pub(crate) struct Again(usize);

impl Again {
    /// The pause before the next look; nothing when the error is another one, or it was looked often enough.
    pub(super) fn after(&mut self, error: &Error) -> Option<Duration> {
        let pause = PAUSES.get(self.0).copied().filter(|_| error.kind() == ErrorKind::CommitConflict)?;
        self.0 += 1;
        // The answer has a warning of its own.
        tracing::info!(%error, look = self.0, "the table changed after it was looked at: looking again");
        Some(pause)
    }
}

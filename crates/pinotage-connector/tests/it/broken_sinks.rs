//! Each suite of the kit finds the sinks that break its promise.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arrow::array::RecordBatch;
use pinotage_common::{Error, Result};
use pinotage_connector::kit::{SinkCase, SinkTarget};
use pinotage_connector::{Committable, Committer, Context, Delivery, OpenBuffer, Prepared, Refused, Sink, Writer};

use crate::json_lines::{Folder, JsonLines, batch, epochs};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Break {
    /// The last row of a batch.
    LosesARow,
    /// What comes once more gets another name.
    DoublesAtCommit,
    /// Rows come when they are prepared.
    CommitsAtPrepare,
    /// Takes up the open rows of its own partition alone.
    ForgetsOpenRowsOfOthers,
    /// Leaves out what it does not know.
    IgnoresVersions,
    AbortsNothing,
    /// Says that a state that was set back is fine.
    ChecksNothing,
    /// Removes files with open rows before the next record has others.
    RemovesTooEarly,
    /// Forgets rows when memory is wanted.
    ForgetsRowsForMemory,
    DropsLateRows,
    /// All writers have one life.
    HasOneLife,
    GoesOn,
    RefusesWithoutReason,
    TakesAllRows,
}

struct Target {
    folder: Folder,
    breaks: Break,
}

impl SinkTarget for Target {
    fn sink(&self) -> Box<dyn Sink> {
        Box::new(Broken { inner: self.folder.lines(), breaks: self.breaks })
    }

    fn rows(&self) -> Vec<RecordBatch> {
        self.folder.rows()
    }
}

/// Files of JSON by a sink that breaks one promise.
struct Broken {
    inner: JsonLines,
    breaks: Break,
}

impl Sink for Broken {
    fn delivery(&self) -> Delivery {
        self.inner.delivery()
    }

    fn refused(&self, batch: &RecordBatch) -> Result<Vec<Refused>> {
        let rows = if self.breaks == Break::RefusesWithoutReason { batch.num_rows() as u32 } else { 0 };
        let refused = |row| Refused { row, column: None, rule: "none", message: String::new() };
        Ok((0..rows).map(refused).collect())
    }

    fn open(&self, mut open: Vec<OpenBuffer>, context: &Context) -> Result<Box<dyn Writer>> {
        match self.breaks {
            Break::ForgetsOpenRowsOfOthers => open.retain(|buffer| buffer.partition == context.task),
            Break::IgnoresVersions => open.retain(|buffer| buffer.detail.starts_with("1 ")),
            _ => {}
        }
        let committer = self.inner.committer(context)?;
        let inner = self.inner.open(open, context)?;
        Ok(Box::new(BrokenWriter { inner, committer, breaks: self.breaks, rest: None, late: false }))
    }

    fn committer(&self, context: &Context) -> Result<Box<dyn Committer>> {
        let inner = self.inner.committer(context)?;
        Ok(Box::new(BrokenCommitter { inner, sink: self.inner.clone(), breaks: self.breaks }))
    }
}

struct BrokenWriter {
    inner: Box<dyn Writer>,
    committer: Box<dyn Committer>,
    breaks: Break,
    /// A batch that waits in memory.
    rest: Option<(u32, RecordBatch)>,
    late: bool,
}

impl BrokenWriter {
    fn flush(&mut self) -> Result<()> {
        self.rest.take().map_or(Ok(()), |(partition, batch)| self.inner.write(partition, batch))
    }
}

impl Writer for BrokenWriter {
    fn write(&mut self, partition: u32, batch: RecordBatch) -> Result<()> {
        self.flush()?;
        if self.breaks == Break::DropsLateRows && self.late {
            return Ok(());
        }
        let lost = usize::from(self.breaks == Break::LosesARow).min(batch.num_rows());
        self.rest = Some((partition, batch.slice(0, batch.num_rows() - lost)));
        Ok(())
    }

    fn prepare(&mut self, epoch: u64, last: bool) -> Result<Prepared> {
        self.flush()?;
        let prepared = self.inner.prepare(epoch, last)?;
        if self.breaks == Break::CommitsAtPrepare {
            self.committer.commit(&prepared.committables)?;
        }
        Ok(prepared)
    }

    fn life(&self) -> Option<&str> {
        (self.breaks == Break::HasOneLife).then_some("one")
    }

    fn watermark(&mut self, millis: i64) -> Result<()> {
        self.late = millis > 0;
        Ok(())
    }

    fn shrink(&mut self, _memory: u64) -> Result<bool> {
        if self.breaks == Break::ForgetsRowsForMemory {
            self.rest = None;
        }
        Ok(true)
    }

    fn recorded(&mut self, epoch: u64) -> Result<()> {
        self.inner.recorded(epoch + u64::from(self.breaks == Break::RemovesTooEarly))
    }
}

impl Drop for BrokenWriter {
    fn drop(&mut self) {
        if self.breaks == Break::GoesOn {
            loop {
                std::thread::park();
            }
        }
    }
}

struct BrokenCommitter {
    inner: Box<dyn Committer>,
    sink: JsonLines,
    breaks: Break,
}

impl Committer for BrokenCommitter {
    fn commit(&mut self, committables: &[Committable]) -> Result<()> {
        static COPIES: AtomicU64 = AtomicU64::new(0);
        if self.breaks == Break::DoublesAtCommit {
            for committable in committables {
                let seen = self.sink.folder.join(&committable.detail[1..]);
                let copy = format!("copy_{}.json", COPIES.fetch_add(1, Ordering::Relaxed));
                if seen.exists() {
                    std::fs::copy(&seen, self.sink.folder.join(copy))
                        .map_err(|error| Error::io(error, "cannot double", &seen))?;
                }
            }
        }
        let known = |committable: &&Committable| self.breaks != Break::IgnoresVersions || committable.version == 1;
        self.inner.commit(&committables.iter().filter(known).cloned().collect::<Vec<_>>())
    }

    fn abort(&mut self, committables: &[Committable]) -> Result<()> {
        match self.breaks {
            Break::AbortsNothing => self.inner.commit(committables),
            _ => self.inner.abort(committables),
        }
    }

    fn check(&mut self, epoch: u64) -> Result<()> {
        if self.breaks == Break::ChecksNothing { Ok(()) } else { self.inner.check(epoch) }
    }
}

/// The suite finds fault, for this reason.
#[track_caller]
pub(crate) fn panics(what: &str, reason: &str, suite: impl FnOnce()) {
    let panic = catch_unwind(AssertUnwindSafe(suite)).expect_err(&format!("{what} was not noticed"));
    let text = panic.downcast_ref::<String>().cloned();
    let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default();
    assert!(text.contains(reason), "{what}: {text}");
}

#[track_caller]
fn is_caught(breaks: Break, reason: &str, suite: impl Fn(&SinkCase<'_>)) {
    // Of some epochs files come, of others rows stay open.
    let make = || -> Box<dyn SinkTarget> { Box::new(Target { folder: Folder::new(30), breaks }) };
    let epochs = epochs();
    panics(&format!("{breaks:?}"), reason, || suite(&SinkCase { make: &make, epochs: &epochs }));
}

#[test]
fn each_is_caught_by_the_suite_that_is_for_it() {
    is_caught(Break::LosesARow, "without failures: expected 133 rows", |case| case.every_row_arrives());
    is_caught(Break::DoublesAtCommit, "after committing twice", |case| case.committing_again_changes_nothing());
    is_caught(Break::DoublesAtCommit, "Committed: expected", |case| case.survives_death_at_every_step());
    is_caught(Break::CommitsAtPrepare, "a target that fits the recorded epoch", |case| {
        case.survives_death_at_every_step()
    });
    is_caught(Break::CommitsAtPrepare, "aborted rows have come", |case| case.aborted_rows_never_arrive());
    is_caught(Break::CommitsAtPrepare, "that nobody committed", |case| case.stops_within_its_deadline());
    is_caught(Break::ForgetsOpenRowsOfOthers, "2, 3 and 1 tasks", |case| case.goes_on_with_other_tasks());
    is_caught(Break::AbortsNothing, "aborted rows have come", |case| case.aborted_rows_never_arrive());
    is_caught(Break::IgnoresVersions, "was taken", |case| case.unknown_versions_are_refused());
    is_caught(Break::IgnoresVersions, "were left out", |case| case.unreadable_open_rows_are_refused());
    is_caught(Break::ChecksNothing, "a state that was set back", |case| case.refuses_a_state_that_was_set_back());
    is_caught(Break::RemovesTooEarly, "cannot read open rows", |case| case.recorded_epochs_outlive_their_writers());
    is_caught(Break::ForgetsRowsForMemory, "after giving memory back", |case| case.gives_memory_back());
    is_caught(Break::DropsLateRows, "after being told of the time", |case| case.keeps_rows_behind_the_watermark());
    is_caught(Break::HasOneLife, "two writers have one life", |case| case.lives_are_told_apart());
    is_caught(Break::GoesOn, "go on for more than", |case| case.stops_within(Duration::from_secs(1)));
    let rows = batch(0..3);
    is_caught(Break::RefusesWithoutReason, "without a reason", |case| case.names_refused_rows(&rows, &[0, 1, 2]));
    is_caught(Break::RefusesWithoutReason, "other rows are refused", |case| case.names_refused_rows(&rows, &[1]));
    is_caught(Break::TakesAllRows, "takes none", |case| {
        case.waits_for_a_target_that_is_held(&|_| Box::new(()));
    });
}

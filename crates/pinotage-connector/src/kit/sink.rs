//! What a sink has to hold.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;

use super::row_texts;
use crate::{Committable, Context, Delivery, Lives, OpenBuffer, Sink, Writer};

/// How long a writer may take to end when the job is given up, however slow the machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// A writer that has not gone on for so long waits.
const STILL: Duration = Duration::from_millis(500);

/// A sink whose target is empty when a suite begins.
#[derive(Clone, Copy)]
pub struct SinkCase<'a> {
    /// Makes a target that is empty.
    pub make: &'a dyn Fn() -> Box<dyn SinkTarget>,
    /// What is written: batches of one epoch each, all rows unlike each other.
    pub epochs: &'a [RecordBatch],
}

/// A target, and how to reach it.
pub trait SinkTarget {
    /// A sink into the target, as each new process would make it.
    fn sink(&self) -> Box<dyn Sink>;

    /// All rows that the target has, in any order.
    fn rows(&self) -> Vec<RecordBatch>;
}

/// What an engine would have recorded.
#[derive(Debug, Default, Clone)]
pub(super) struct Recorded {
    pub(super) epoch: u64,
    pub(super) open: Vec<OpenBuffer>,
    /// Not known to have been committed.
    pub(super) committables: Vec<Committable>,
    /// The processes until now, which an engine writes down before they do anything.
    lives: Lives,
}

impl Recorded {
    /// A process goes on behind the record, with so many tasks.
    pub(super) fn begin(&mut self, sink: &dyn Sink, tasks: u32) -> Vec<Box<dyn Writer>> {
        static PROCESSES: AtomicU64 = AtomicU64::new(1);
        self.lives.begin(format!("{:016x}", PROCESSES.fetch_add(1, Ordering::Relaxed)), self.epoch);
        let mut committer = sink.committer(&context(self)).expect("a committer");
        committer.check(self.epoch).expect("a target that fits the recorded epoch");
        writers(sink, self, tasks)
    }

    /// All writers prepare, and what they give is recorded.
    pub(super) fn end_epoch(&mut self, writers: &mut [Box<dyn Writer>], last: bool) {
        let mut open = Vec::new();
        for writer in writers {
            let prepared = writer.prepare(self.epoch + 1, last).expect("a prepared epoch");
            assert!(prepared.rejected.is_empty(), "rows were rejected: {:?}", prepared.rejected);
            self.committables.extend(prepared.committables);
            open.extend(prepared.open);
        }
        assert!(!last || open.is_empty(), "rows stay open behind the last epoch");
        self.open = open;
        self.epoch += 1;
    }
}

/// Where a process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Death {
    /// Rows were written, nothing was prepared.
    Written,
    /// Writers have prepared, nothing was recorded.
    Prepared,
    /// The epoch was recorded, nothing was committed.
    Recorded,
    /// It was committed, and nobody knows.
    Committed,
}

impl SinkCase<'_> {
    /// All promises of a sink, one after the other.
    pub fn all(&self) {
        self.every_row_arrives();
        self.committing_again_changes_nothing();
        self.survives_death_at_every_step();
        self.goes_on_with_other_tasks();
        self.aborted_rows_never_arrive();
        self.unknown_versions_are_refused();
        self.unreadable_open_rows_are_refused();
        self.refuses_a_state_that_was_set_back();
        self.recorded_epochs_outlive_their_writers();
        self.gives_memory_back();
        self.keeps_rows_behind_the_watermark();
        self.lives_are_told_apart();
        self.stops_within_its_deadline();
    }

    /// Without failures every row is there once.
    pub fn every_row_arrives(&self) {
        let target = (self.make)();
        let mut recorded = Recorded::default();
        for (at, batch) in self.epochs.iter().enumerate() {
            self.epoch(&*target, &mut recorded, batch, 1, at + 1 == self.epochs.len());
        }
        self.check(&*target, "without failures");
    }

    /// Committables that are in the target already stay what they are.
    pub fn committing_again_changes_nothing(&self) {
        let target = (self.make)();
        let mut recorded = Recorded::default();
        let mut all = Vec::new();
        for (at, batch) in self.epochs.iter().enumerate() {
            self.prepare(&*target, &mut recorded, batch, 1, at + 1 == self.epochs.len());
            all.extend(recorded.committables.iter().cloned());
            self.commit(&*target, &mut recorded);
            let mut again = Recorded { committables: all.clone(), ..recorded.clone() };
            self.commit(&*target, &mut again);
        }
        self.check(&*target, "after committing twice");
    }

    /// Processes that die at any step, one behind the other, lose no row and bring none twice.
    pub fn survives_death_at_every_step(&self) {
        for turn in 0..2 {
            let target = (self.make)();
            let mut recorded = Recorded::default();
            for at in 0..self.epochs.len() {
                self.die(&*target, &mut recorded, at, Death::Written);
                self.die(&*target, &mut recorded, at, Death::Prepared);
                let death = if at % 2 == turn { Death::Recorded } else { Death::Committed };
                self.die(&*target, &mut recorded, at, death);
                // The next life commits what was recorded before it reads on.
                drop(recorded.begin(&*target.sink(), 1));
                self.commit(&*target, &mut recorded);
                self.check_no_more(&*target, at + 1, &format!("after deaths in epoch {}, {death:?}", at + 1));
            }
            self.check(&*target, "after deaths in all epochs");
        }
    }

    /// Open rows are taken over when there are more or fewer tasks.
    pub fn goes_on_with_other_tasks(&self) {
        let target = (self.make)();
        let mut recorded = Recorded::default();
        for (at, (batch, tasks)) in self.epochs.iter().zip([2, 3, 1].iter().cycle()).enumerate() {
            self.epoch(&*target, &mut recorded, batch, *tasks, at + 1 == self.epochs.len());
        }
        self.check(&*target, "with 2, 3 and 1 tasks");
    }

    /// What was aborted never comes.
    pub fn aborted_rows_never_arrive(&self) {
        let target = (self.make)();
        let mut recorded = Recorded::default();
        let Some(first) = self.epochs.first() else { return };
        self.prepare(&*target, &mut recorded, first, 1, true);
        for _ in 0..2 {
            let mut committer = target.sink().committer(&context(&recorded)).expect("a committer");
            committer.abort(&recorded.committables).expect("aborting, twice");
        }
        assert_eq!(row_texts(&target.rows()), Vec::<String>::new(), "aborted rows have come");
    }

    /// Committables of a version that nobody has written yet are refused, not guessed at.
    pub fn unknown_versions_are_refused(&self) {
        let target = (self.make)();
        let unknown = Committable { version: u32::MAX, rows: 1, detail: String::new() };
        let mut committer = target.sink().committer(&Context::new("kit", "0")).expect("a committer");
        let error = committer.commit(&[unknown]).expect_err("a committable of version 2^32 - 1 was taken");
        assert_eq!(error.kind(), pinotage_common::ErrorKind::Unsupported, "{error}");
    }

    /// Open rows that somebody kept in words of a later version are refused, not left out.
    pub fn unreadable_open_rows_are_refused(&self) {
        let target = (self.make)();
        let unreadable = OpenBuffer { partition: 0, rows: 1, detail: "rows as version 2^32 - 1 keeps them".into() };
        let opened = target.sink().open(vec![unreadable], &Context { epoch: 1, ..Context::new("kit", "0") });
        assert!(opened.is_err(), "open rows that nobody can read were left out");
    }

    /// A state that knows of fewer epochs than the target has is refused, where rows count once; the latest one is not.
    pub fn refuses_a_state_that_was_set_back(&self) {
        let target = (self.make)();
        if target.sink().delivery() == Delivery::AtLeastOnce {
            return;
        }
        let mut recorded = Recorded::default();
        for (at, batch) in self.epochs.iter().enumerate() {
            self.epoch(&*target, &mut recorded, batch, 1, at + 1 == self.epochs.len());
        }
        let check = |recorded: &Recorded| {
            target.sink().committer(&context(recorded)).expect("a committer").check(recorded.epoch)
        };
        check(&recorded).expect("a target that fits its state");
        let error = check(&Recorded::default()).expect_err("a state that was set back was taken");
        assert_eq!(error.kind(), pinotage_common::ErrorKind::CommitConflict, "{error}");
        self.check(&*target, "after a state was refused");
    }

    /// A job that is given up ends soon, with rows that are written and not prepared, and leaves nothing in the target.
    pub fn stops_within_its_deadline(&self) {
        self.stops_within(DEADLINE);
    }

    /// The same, with another deadline than that of all.
    pub fn stops_within(&self, deadline: Duration) {
        for prepared in [false, true] {
            let target = (self.make)();
            let (sink, mut recorded) = (target.sink(), Recorded::default());
            let mut writers = recorded.begin(&*sink, 2);
            self.epochs.iter().for_each(|batch| write(&*sink, &mut writers, batch));
            if prepared {
                writers.iter_mut().for_each(|writer| drop(writer.prepare(1, true).expect("a prepared epoch")));
            }
            let (ended, has_ended) = channel();
            std::thread::spawn(move || {
                drop(writers);
                let _ = ended.send(());
            });
            assert!(has_ended.recv_timeout(deadline).is_ok(), "writers go on for more than {deadline:?}");
            assert_eq!(row_texts(&target.rows()), Vec::<String>::new(), "rows have come that nobody committed");
        }
    }

    /// Rows that the target does not take are named, by their places in a batch of good and bad ones.
    pub fn names_refused_rows(&self, batch: &RecordBatch, expected: &[u32]) {
        let found = (self.make)().sink().refused(batch).expect("rows that are looked at");
        let rows: Vec<u32> = found.iter().map(|refused| refused.row).collect();
        assert_eq!(rows, expected, "other rows are refused");
        for refused in found {
            let is_name = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
            assert!(!refused.rule.is_empty() && refused.rule.bytes().all(is_name), "no name of a rule: {refused:?}");
            assert!(!refused.message.is_empty(), "without a reason: {refused:?}");
        }
    }

    /// A target that takes nothing makes writing wait, before all batches are written: they would wait in memory. `hold` keeps a
    /// target from taking anything until its outcome is dropped. Returns how many batches were written before.
    pub fn waits_for_a_target_that_is_held(&self, hold: &dyn Fn(&dyn SinkTarget) -> Box<dyn std::any::Any>) -> usize {
        let target = (self.make)();
        let held = hold(&*target);
        let sink = target.sink();
        let mut recorded = Recorded::default();
        let mut writers = recorded.begin(&*sink, 1);
        let (wrote, written) = channel();
        let mut before = 0;
        let prepared = std::thread::scope(|scope| {
            let (sink, epochs) = (&*sink, self.epochs);
            let writing = scope.spawn(move || {
                for batch in epochs {
                    write(sink, &mut writers, batch);
                    let _ = wrote.send(());
                }
                let prepared = writers.remove(0).prepare(1, true).expect("a prepared epoch");
                (prepared, writers)
            });
            while before < self.epochs.len() {
                match written.recv_timeout(STILL) {
                    Ok(()) => before += 1,
                    Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
                }
            }
            assert!(before < self.epochs.len(), "all batches were taken by a sink whose target takes none");
            drop(held);
            writing.join().expect("written rows").0
        });
        recorded.committables = prepared.committables;
        recorded.epoch = 1;
        self.commit(&*target, &mut recorded);
        self.check(&*target, "after the target was held");
        before
    }

    /// Every row is there, once.
    pub(super) fn check(&self, target: &dyn SinkTarget, when: &str) {
        let (expected, found) = (self.expected(self.epochs.len()), found(target));
        assert!(found == expected, "{when}: expected {} rows, found {}", expected.len(), found.len());
    }

    /// Behind some epochs there are no rows but those of these epochs, each once; some may still be open.
    fn check_no_more(&self, target: &dyn SinkTarget, epochs: usize, when: &str) {
        let (expected, found) = (self.expected(epochs), found(target));
        let is_one = |row: &String| expected.binary_search(row).is_ok();
        let once = found.windows(2).all(|rows| rows[0] != rows[1]);
        assert!(
            once && found.iter().all(is_one),
            "{when}: expected {} rows at most, found {}",
            expected.len(),
            found.len()
        );
    }

    fn expected(&self, epochs: usize) -> Vec<String> {
        let mut rows = row_texts(&self.epochs[..epochs]);
        rows.sort();
        rows
    }

    fn epoch(&self, target: &dyn SinkTarget, recorded: &mut Recorded, batch: &RecordBatch, tasks: u32, last: bool) {
        self.prepare(target, recorded, batch, tasks, last);
        self.commit(target, recorded);
    }

    /// Writes and records an epoch with new writers.
    fn prepare(&self, target: &dyn SinkTarget, recorded: &mut Recorded, batch: &RecordBatch, tasks: u32, last: bool) {
        let sink = target.sink();
        let mut writers = recorded.begin(&*sink, tasks);
        write(&*sink, &mut writers, batch);
        recorded.end_epoch(&mut writers, last);
    }

    pub(super) fn commit(&self, target: &dyn SinkTarget, recorded: &mut Recorded) {
        let mut committer = target.sink().committer(&context(recorded)).expect("a committer");
        committer.commit(&recorded.committables).expect("a commit");
        recorded.committables.clear();
    }

    /// A process that dies before its epoch was recorded had other rows in it than the next one will have: more of them.
    fn die(&self, target: &dyn SinkTarget, recorded: &mut Recorded, at: usize, death: Death) {
        let last = at + 1 == self.epochs.len();
        match death {
            Death::Written | Death::Prepared => {
                let sink = target.sink();
                let mut writers = recorded.begin(&*sink, 1);
                self.epochs.iter().skip(at).take(2).for_each(|batch| write(&*sink, &mut writers, batch));
                if death == Death::Prepared {
                    recorded.clone().end_epoch(&mut writers, at + 2 >= self.epochs.len());
                }
            }
            Death::Recorded => self.prepare(target, recorded, &self.epochs[at], 1, last),
            Death::Committed => {
                self.prepare(target, recorded, &self.epochs[at], 1, last);
                self.commit(target, &mut recorded.clone());
            }
        }
    }
}

/// The rows of a target, in order.
fn found(target: &dyn SinkTarget) -> Vec<String> {
    let mut rows = row_texts(&target.rows());
    rows.sort();
    if target.sink().delivery() == Delivery::AtLeastOnce {
        rows.dedup();
    }
    rows
}

fn context(recorded: &Recorded) -> Context {
    Context { epoch: recorded.epoch, lives: recorded.lives.clone(), ..Context::new("kit", "0") }
}

fn writers(sink: &dyn Sink, recorded: &Recorded, tasks: u32) -> Vec<Box<dyn Writer>> {
    let open = |task| {
        let context = Context { task, tasks, ..context(recorded) };
        let own = recorded.open.iter().filter(|buffer| buffer.partition % tasks == task).cloned().collect();
        sink.open(own, &context).expect("an open writer")
    };
    (0..tasks).map(open).collect()
}

/// Rows go where an engine sends them.
pub(super) fn write(sink: &dyn Sink, writers: &mut [Box<dyn Writer>], batch: &RecordBatch) {
    let tasks = writers.len() as u32;
    let partitions = sink.partitions(batch).expect("the partitions of rows");
    let mut rows: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for row in 0..batch.num_rows() as u32 {
        let partition = partitions.as_ref().map_or(row % tasks, |partitions| partitions[row as usize]);
        rows.entry(partition).or_default().push(row);
    }
    for (partition, rows) in rows {
        let part = take_record_batch(batch, &UInt32Array::from(rows)).expect("rows of a partition");
        // In two batches: what is full in between is sealed in between.
        let half = part.num_rows() / 2;
        for part in [part.slice(0, half), part.slice(half, part.num_rows() - half)] {
            writers[(partition % tasks) as usize].write(partition, part).expect("written rows");
        }
    }
}

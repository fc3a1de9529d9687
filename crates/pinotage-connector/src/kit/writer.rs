//! What the writers of a sink have to hold while they live: an engine keeps them from epoch to epoch.

use std::collections::BTreeSet;
use std::ops::Range;

use super::sink::{Recorded, SinkCase, SinkTarget, write};
use crate::Writer;

/// Beside each other.
const TASKS: u32 = 2;

impl SinkCase<'_> {
    /// What the last record has is there when its process dies, whether writers were told of records or not, and whatever they
    /// have prepared since. Epochs come into the target together, behind all of them.
    pub fn recorded_epochs_outlive_their_writers(&self) {
        let all = self.epochs.len();
        for told in [true, false] {
            for dies_behind in 1..all {
                let target = (self.make)();
                let mut recorded = Recorded::default();
                self.live(&*target, &mut recorded, 0..dies_behind, told);
                self.live(&*target, &mut recorded, dies_behind..all, told);
                self.commit(&*target, &mut recorded);
                self.check(&*target, &format!("when writers have lived through {dies_behind} epochs, told {told}"));
            }
        }
    }

    /// Asked for memory in between, writers lose no row and write none twice, whether they give some or not.
    pub fn gives_memory_back(&self) {
        self.is_not_changed_by("giving memory back", &mut |writer, at| {
            writer.shrink((64 << 20) >> (at * 4).min(10)).expect("memory that was given back, or not");
        });
    }

    /// Rows that come behind a watermark, or with an earlier time than it, are written as all others.
    pub fn keeps_rows_behind_the_watermark(&self) {
        self.is_not_changed_by("being told of the time", &mut |writer, at| {
            let millis = [0, 1_000_000_000_000, i64::MAX / 2][at % 3];
            writer.watermark(millis).expect("a watermark that was taken");
        });
    }

    /// Two writers never have one life, and a life stays what it is.
    pub fn lives_are_told_apart(&self) {
        let target = (self.make)();
        let (sink, mut recorded) = (target.sink(), Recorded::default());
        let mut first = recorded.begin(&*sink, TASKS);
        let lives = |writers: &[Box<dyn Writer>]| -> Vec<String> {
            writers.iter().filter_map(|writer| writer.life().map(str::to_owned)).collect()
        };
        let before = lives(&first);
        self.epochs.iter().take(1).for_each(|batch| write(&*sink, &mut first, batch));
        recorded.end_epoch(&mut first, false);
        assert_eq!(lives(&first), before, "a life has changed");
        let all: Vec<String> = before.into_iter().chain(lives(&recorded.begin(&*sink, TASKS))).collect();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "two writers have one life: {all:?}");
    }

    /// Writers that live through all epochs, with something that happens to them before and amid the rows of each.
    fn is_not_changed_by(&self, what: &str, between: &mut dyn FnMut(&mut dyn Writer, usize)) {
        let target = (self.make)();
        let sink = target.sink();
        let mut recorded = Recorded::default();
        let mut writers = recorded.begin(&*sink, TASKS);
        for (at, batch) in self.epochs.iter().enumerate() {
            let half = batch.num_rows() / 2;
            for part in [batch.slice(0, half), batch.slice(half, batch.num_rows() - half)] {
                writers.iter_mut().for_each(|writer| between(&mut **writer, at));
                write(&*sink, &mut writers, &part);
            }
            recorded.end_epoch(&mut writers, at + 1 == self.epochs.len());
        }
        self.commit(&*target, &mut recorded);
        self.check(&*target, &format!("after {what}"));
    }

    /// A process that goes on behind a record and writes some epochs; of the one behind them, if there is one, it has prepared all
    /// rows and recorded nothing.
    fn live(&self, target: &dyn SinkTarget, recorded: &mut Recorded, epochs: Range<usize>, told: bool) {
        let sink = target.sink();
        let mut writers = recorded.begin(&*sink, TASKS);
        for at in epochs.clone() {
            write(&*sink, &mut writers, &self.epochs[at]);
            recorded.end_epoch(&mut writers, at + 1 == self.epochs.len());
            if told {
                writers.iter_mut().for_each(|writer| writer.recorded(recorded.epoch).expect("a record that was told"));
            }
        }
        if let Some(unrecorded) = self.epochs.get(epochs.end) {
            write(&*sink, &mut writers, unrecorded);
            recorded.clone().end_epoch(&mut writers, epochs.end + 1 == self.epochs.len());
        }
    }
}

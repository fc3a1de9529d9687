//! What a source has to hold.

use std::collections::BTreeSet;
use std::sync::mpsc::channel;
use std::time::Duration;

use arrow::array::RecordBatch;
use pinotage_common::Retry;

use super::row_texts;
use crate::{BadRow, Context, Next, Position, Reader, Source, Split, SplitState};

/// Waiting for rows that have to be there.
const WAIT: Duration = Duration::from_millis(50);

/// Times that a reader may have nothing, one behind the other, before it counts as having no more: 10 s.
const PATIENCE: usize = 200;

/// How long a reader may take to end when the job is to stop, however slow the machine.
const DEADLINE: Duration = Duration::from_secs(20);

/// Rows of a batch at most: epochs end between two batches, and a batch waits in memory.
const BATCH_ROWS: usize = 1 << 16;

/// Positions that are tried; with more of them every so many is left out.
const TRIED: usize = 40;

/// A source with rows that do not change while it is tried.
#[derive(Clone, Copy)]
pub struct SourceCase<'a> {
    /// Makes the source anew, as another process would.
    pub make: &'a dyn Fn() -> Box<dyn Source>,
    /// The records of all splits, bad ones included. Of a source without an end so many of each split are looked at.
    pub records: u64,
}

/// What a split has.
#[derive(Debug, Default, PartialEq)]
struct Content {
    rows: Vec<String>,
    bad: Vec<BadRow>,
    /// Rows and bad rows before each position.
    positions: Vec<(Position, usize, usize)>,
}

impl SourceCase<'_> {
    /// All promises of a source, one after the other.
    pub fn all(&self) {
        self.splits_stay_the_same();
        self.reads_every_record_once();
        self.resumes_behind_every_position();
        self.refuses_positions_of_others();
        self.stops_between_batches();
        self.says_what_bad_rows_are();
        self.gives_rows_in_small_parts();
        self.stops_within_its_deadline();
        self.acknowledging_loses_nothing();
    }

    /// A source that is made anew has the same splits, each once, and keeps those that it had, however far they have been read.
    pub fn splits_stay_the_same(&self) {
        let (first, second) = ((self.make)(), (self.make)());
        let splits = first.plan(&[]).expect("a plan");
        assert_eq!(splits, second.plan(&[]).expect("a second plan"), "the splits are others the second time");
        let ids: BTreeSet<_> = splits.iter().map(|split| &split.id).collect();
        assert_eq!(ids.len(), splits.len(), "two splits have one id: {splits:?}");
        let read: Vec<Content> = splits.iter().map(|split| self.read(split, None)).collect();
        for (how, at) in [("not read", None), ("begun", Some(0)), ("read", Some(usize::MAX))] {
            let ended = how == "read" && first.is_bounded();
            let position = |content: &Content| {
                let at = at?.min(content.positions.len().checked_sub(1)?);
                Some(content.positions[at].0.clone())
            };
            let states = splits.iter().zip(&read);
            let known: Vec<SplitState> = states
                .map(|(split, content)| SplitState { split: split.clone(), position: position(content), ended })
                .collect();
            for source in [&second, &(self.make)()] {
                let again = source.plan(&known).expect("a plan of known splits");
                assert_eq!(splits, again, "splits that are known and {how} are planned differently");
            }
        }
    }

    /// Reading gives each record once, and the same ones each time; positions grow.
    pub fn reads_every_record_once(&self) {
        let mut records = 0;
        for split in self.splits() {
            let content = self.read(&split, None);
            self.assert_same(&content, &self.read(&split, None), &split, "has other rows the second time");
            let positions: Vec<_> = content.positions.iter().map(|(position, ..)| position).collect();
            assert!(positions.is_sorted_by(|a, b| a < b), "positions do not grow: {positions:?}");
            let found = (content.rows.len() + content.bad.len()) as u64;
            match self.limit() {
                None => records += found,
                Some(limit) => assert!(found >= limit as u64, "split `{}` has come to an end", split.id),
            }
        }
        assert!(self.limit().is_some() || records == self.records, "{records} records instead of {}", self.records);
    }

    /// Behind each position come exactly the rows that had not come.
    pub fn resumes_behind_every_position(&self) {
        for split in self.splits() {
            let whole = self.read(&split, None);
            let step = whole.positions.len().div_ceil(TRIED).max(1);
            for (position, rows, bad) in whole.positions.iter().step_by(step).chain(whole.positions.last()) {
                self.assert_rest(&split, &whole, (position, *rows, *bad));
            }
        }
    }

    /// A position that the source cannot have given is refused, not guessed at.
    pub fn refuses_positions_of_others(&self) {
        let foreign = Position::text("\u{1}a position of nobody");
        for split in self.splits() {
            let source = (self.make)();
            let opened = source.open(&split, Some(&foreign), &Context::new("kit", "0"));
            let read = opened.and_then(|mut reader| reader.next(WAIT).map(drop));
            assert!(read.is_err(), "split `{}` was read behind a position that is none", split.id);
        }
    }

    /// What was recorded may be forgotten when that is told, once or twice, and nothing behind it.
    ///
    /// A system that forgets has fewer rows afterwards: this one comes last.
    pub fn acknowledging_loses_nothing(&self) {
        for split in self.splits() {
            let whole = self.read(&split, None);
            let Some((position, rows, bad)) = whole.positions.get(whole.positions.len() / 2) else { continue };
            let state = SplitState { split: split.clone(), position: Some(position.clone()), ended: false };
            let source = (self.make)();
            for _ in 0..2 {
                source.acknowledge(std::slice::from_ref(&state)).expect("an acknowledgement");
            }
            drop(source);
            self.assert_rest(&split, &whole, (position, *rows, *bad));
        }
    }

    /// Rows behind a position that are gone are an error that says so, never rows from elsewhere: `lose` takes away what the first
    /// split has behind its first position, as a system does that keeps rows for some time only.
    pub fn says_that_rows_are_gone(&self, lose: &dyn Fn()) {
        let Some(split) = self.splits().into_iter().next() else { panic!("a source without splits") };
        let content = self.read(&split, None);
        let (position, ..) = content.positions.first().expect("a position");
        lose();
        let source = (self.make)();
        let known = SplitState { split: split.clone(), position: Some(position.clone()), ended: false };
        // Who plans them notices, or who opens them, or who reads.
        let planned = source.plan(&[known]).map(drop);
        let opened = planned.and_then(|()| source.open(&split, Some(position), &Context::new("kit", "0")));
        let read = opened.and_then(|mut reader| reader.next(WAIT).map(drop));
        let error = read.expect_err("rows that are gone were passed over");
        assert_eq!(error.retry(), Retry::Permanent, "they do not come back by themselves: {error}");
    }

    /// A record that is no row has a place, a rule that is a name, a reason, and its bytes.
    pub fn says_what_bad_rows_are(&self) {
        for split in self.splits() {
            for bad in self.read(&split, None).bad {
                let is_name = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
                assert!(!bad.rule.is_empty() && bad.rule.bytes().all(is_name), "no name of a rule: {bad:?}");
                assert!(!bad.message.is_empty() && !bad.raw.is_empty(), "without a reason or its bytes: {bad:?}");
                assert!(!bad.place.file.is_empty(), "without a place: {bad:?}");
            }
        }
    }

    /// Who asks gets some rows, not all that there are: nobody has to hold more than a batch.
    pub fn gives_rows_in_small_parts(&self) {
        for split in self.splits() {
            let source = (self.make)();
            let mut reader = source.open(&split, None, &Context::new("kit", "0")).expect("an open split");
            let mut found = 0;
            while let Some(rows) = next(reader.as_mut()).filter(|_| self.limit().is_none_or(|limit| found < limit)) {
                let records = rows.batch.num_rows() + rows.bad.len();
                assert!(records <= BATCH_ROWS, "split `{}` gives {records} records at a time", split.id);
                found += records;
            }
        }
    }

    /// Asked to stop, a reader ends soon, whether it has just begun, is at work, or waits for rows.
    pub fn stops_within_its_deadline(&self) {
        self.stops_within(DEADLINE);
    }

    /// The same, with another deadline than that of all.
    pub fn stops_within(&self, deadline: Duration) {
        for split in self.splits() {
            for batches in [0, 1, usize::MAX] {
                let source = (self.make)();
                let context = Context::new("kit", "0");
                let mut reader = source.open(&split, None, &context).expect("an open split");
                let limit = self.limit().unwrap_or(usize::MAX);
                let mut found = 0;
                for _ in 0..batches {
                    match next(reader.as_mut()) {
                        Some(rows) if found < limit => found += rows.batch.num_rows() + rows.bad.len(),
                        _ => break,
                    }
                }
                let (ended, has_ended) = channel();
                // Nobody waits for one that goes on.
                std::thread::spawn(move || {
                    // An error is as good an end as any.
                    let _ = reader.next(WAIT);
                    drop(reader);
                    let _ = ended.send(());
                });
                context.cancel.cancel();
                let stopped = has_ended.recv_timeout(deadline);
                assert!(stopped.is_ok(), "split `{}` goes on for more than {deadline:?}", split.id);
            }
        }
    }

    /// A reader that is dropped between two batches, like one whose process dies, leaves nothing that disturbs the next.
    pub fn stops_between_batches(&self) {
        for split in self.splits() {
            let whole = self.read(&split, None);
            for batches in 0..3 {
                let source = (self.make)();
                let context = Context::new("kit", "0");
                let mut reader = source.open(&split, None, &context).expect("an open split");
                for _ in 0..batches {
                    next(reader.as_mut());
                }
                context.cancel.cancel();
                drop(reader);
                self.assert_same(&whole, &self.read(&split, None), &split, "is another one now");
            }
        }
    }

    /// Records of each split that are looked at, where there are always more.
    fn limit(&self) -> Option<usize> {
        let is_bounded = (self.make)().is_bounded();
        (!is_bounded).then(|| usize::try_from(self.records).unwrap_or(usize::MAX))
    }

    fn splits(&self) -> Vec<Split> {
        (self.make)().plan(&[]).expect("a plan")
    }

    /// Of a source without an end a batch has what there was at the moment.
    fn assert_same(&self, one: &Content, other: &Content, split: &Split, what: &str) {
        let (rows, bad) = match self.limit() {
            None => {
                assert!(one == other, "split `{}` {what}", split.id);
                return;
            }
            Some(_) => (one.rows.len().min(other.rows.len()), one.bad.len().min(other.bad.len())),
        };
        let same = one.rows[..rows] == other.rows[..rows] && one.bad[..bad] == other.bad[..bad];
        assert!(same, "split `{}` {what}", split.id);
    }

    /// Behind a position comes what had not come before it.
    fn assert_rest(&self, split: &Split, whole: &Content, (position, rows, bad): (&Position, usize, usize)) {
        let rest = self.read(split, Some(position));
        let at = format!("split `{}` behind {position:?}", split.id);
        let (rows, bad) = (&whole.rows[rows..], &whole.bad[bad..]);
        // Of a source without an end both were read so far as their batches went, from different places.
        let ends = |rest: usize, whole: usize| {
            if self.limit().is_none() { (rest, whole) } else { (rest.min(whole), rest.min(whole)) }
        };
        let (rest_end, end) = ends(rest.rows.len(), rows.len());
        assert!(rest.rows[..rest_end] == rows[..end], "{at}: other rows");
        let (rest_end, end) = ends(rest.bad.len(), bad.len());
        assert_eq!(rest.bad[..rest_end], bad[..end], "{at}: other bad rows");
    }

    fn read(&self, split: &Split, behind: Option<&Position>) -> Content {
        let source = (self.make)();
        let mut reader = source.open(split, behind, &Context::new("kit", "0")).expect("an open split");
        let mut content = Content::default();
        let mut batches: Vec<RecordBatch> = Vec::new();
        let mut rows = 0;
        let limit = self.limit().unwrap_or(usize::MAX);
        while rows + content.bad.len() < limit {
            let Some(some) = next(reader.as_mut()) else { break };
            let names = |schema: &arrow::datatypes::Schema| -> Vec<String> {
                schema.fields().iter().map(|field| field.name().clone()).collect()
            };
            let (found, said) = (names(&some.batch.schema()), names(&source.schema()));
            assert_eq!(found, said, "a batch has other columns than the source says");
            rows += some.batch.num_rows();
            content.bad.extend(some.bad);
            content.positions.push((some.position, rows, content.bad.len()));
            batches.push(some.batch);
        }
        content.rows = row_texts(&batches);
        content
    }
}

/// The next rows; none at the end, or when there have been none for a long time.
fn next(reader: &mut dyn Reader) -> Option<crate::Rows> {
    for _ in 0..PATIENCE {
        match reader.next(WAIT).expect("the next rows") {
            Next::Rows(rows) => return Some(rows),
            Next::Waiting => {}
            Next::End => return None,
        }
    }
    None
}

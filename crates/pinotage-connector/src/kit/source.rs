//! What a source has to hold.

use std::collections::BTreeSet;
use std::time::Duration;

use arrow::array::RecordBatch;

use super::row_texts;
use crate::{BadRow, Context, Next, Position, Reader, Source, Split};

/// Waiting for rows that have to be there.
const WAIT: Duration = Duration::from_millis(50);

/// Times that a reader may have nothing, one behind the other, before it counts as having no more: 10 s.
const PATIENCE: usize = 200;

/// Positions that are tried; with more of them every so many is left out.
const TRIED: usize = 40;

/// A source with rows that do not change while it is tried.
#[derive(Clone, Copy)]
pub struct SourceCase<'a> {
    /// Makes the source anew, as another process would.
    pub make: &'a dyn Fn() -> Box<dyn Source>,
    /// The records of all splits, bad ones included.
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
        self.stops_between_batches();
    }

    /// A source that is made anew has the same splits, each once, and keeps those that it had.
    pub fn splits_stay_the_same(&self) {
        let (first, second) = ((self.make)(), (self.make)());
        let splits = first.plan(&[]).expect("a plan");
        assert_eq!(splits, second.plan(&[]).expect("a second plan"), "the splits are others the second time");
        let ids: BTreeSet<_> = splits.iter().map(|split| &split.id).collect();
        assert_eq!(ids.len(), splits.len(), "two splits have one id: {splits:?}");
        let known: Vec<_> = splits
            .iter()
            .map(|split| crate::SplitState { split: split.clone(), position: None, ended: false })
            .collect();
        let again = second.plan(&known).expect("a plan of known splits");
        assert_eq!(splits, again, "splits that are known are planned differently");
    }

    /// Reading gives each record once, and the same ones each time; positions grow.
    pub fn reads_every_record_once(&self) {
        let mut records = 0;
        for split in self.splits() {
            let content = self.read(&split, None);
            assert_eq!(content, self.read(&split, None), "split `{}` has other rows the second time", split.id);
            let positions: Vec<_> = content.positions.iter().map(|(position, ..)| position).collect();
            assert!(positions.is_sorted_by(|a, b| a < b), "positions do not grow: {positions:?}");
            for bad in &content.bad {
                assert!(!bad.rule.is_empty() && !bad.message.is_empty(), "a bad row without a reason: {bad:?}");
            }
            records += (content.rows.len() + content.bad.len()) as u64;
        }
        assert_eq!(records, self.records, "records were lost or came twice");
    }

    /// Behind each position come exactly the rows that had not come.
    pub fn resumes_behind_every_position(&self) {
        for split in self.splits() {
            let whole = self.read(&split, None);
            let step = whole.positions.len().div_ceil(TRIED).max(1);
            for (position, rows, bad) in whole.positions.iter().step_by(step).chain(whole.positions.last()) {
                let rest = self.read(&split, Some(position));
                let at = format!("split `{}` behind {position:?}", split.id);
                assert_eq!(rest.rows, whole.rows[*rows..], "{at}: other rows");
                assert_eq!(rest.bad, whole.bad[*bad..], "{at}: other bad rows");
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
                assert_eq!(self.read(&split, None), whole, "split `{}` is another one now", split.id);
            }
        }
    }

    fn splits(&self) -> Vec<Split> {
        (self.make)().plan(&[]).expect("a plan")
    }

    fn read(&self, split: &Split, behind: Option<&Position>) -> Content {
        let source = (self.make)();
        let mut reader = source.open(split, behind, &Context::new("kit", "0")).expect("an open split");
        let mut content = Content::default();
        let mut batches: Vec<RecordBatch> = Vec::new();
        let mut rows = 0;
        while let Some(some) = next(reader.as_mut()) {
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

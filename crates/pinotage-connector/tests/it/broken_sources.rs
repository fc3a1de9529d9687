//! Each suite of the kit finds the sources that break its promise.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use arrow::datatypes::SchemaRef;
use pinotage_common::{Error, Result, Retry};
use pinotage_connector::kit::SourceCase;
use pinotage_connector::{BadRow, Context, Next, Place, Position, Reader, Source, Split, SplitState};

use crate::countdown::Countdown;

const ROWS: u64 = 1000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Break {
    /// Other ids the second time.
    RenamesSplits,
    /// Splits that have been read are no splits any more.
    ForgetsSplits,
    /// One row less the second time.
    ReadsLess,
    /// The same position twice.
    StandsStill,
    LosesARowAtResume,
    RepeatsARowAtResume,
    /// Begins anew behind a position that it does not know.
    TakesAnyPosition,
    /// A reader that is dropped takes its rows with it.
    ForgetsWhatWasRead,
    /// A bad row without a reason.
    GivesNoReason,
    GivesAllAtOnce,
    GoesOn,
    /// Forgets a row more than it was told.
    ForgetsTooMuch,
    /// Passes over what is gone.
    SkipsWhatIsGone,
    /// Thinks that it comes back.
    WaitsForWhatIsGone,
}

/// A countdown that breaks one promise.
struct Broken {
    inner: Countdown,
    breaks: Break,
    system: Arc<System>,
}

/// What outlives a source.
#[derive(Default)]
struct System {
    plans: AtomicU64,
    opens: AtomicU64,
    forgotten: AtomicU64,
    gone: AtomicBool,
}

impl Source for Broken {
    fn schema(&self) -> SchemaRef {
        self.inner.schema()
    }

    fn is_bounded(&self) -> bool {
        true
    }

    fn plan(&self, known: &[SplitState]) -> Result<Vec<Split>> {
        let mut splits = self.inner.plan(known)?;
        let number = self.system.plans.fetch_add(1, Ordering::Relaxed);
        match self.breaks {
            Break::RenamesSplits => splits[0].id = format!("split {number}"),
            Break::ForgetsSplits => splits.retain(|_| known.iter().all(|known| known.position.is_none())),
            _ => {}
        }
        Ok(splits)
    }

    fn open(&self, split: &Split, behind: Option<&Position>, context: &Context) -> Result<Box<dyn Reader>> {
        let opens = self.system.opens.fetch_add(1, Ordering::Relaxed);
        let taken = behind.map_or(Some(0), Position::as_number);
        let resumed = |by: i64| taken.map(|taken| Position::number(taken.saturating_add_signed(by).min(ROWS)));
        let forgotten = self.system.forgotten.load(Ordering::Relaxed);
        let gone = self.system.gone.load(Ordering::Relaxed);
        let other = match (self.breaks, behind) {
            (Break::LosesARowAtResume, Some(_)) => resumed(1),
            (Break::RepeatsARowAtResume, Some(_)) => resumed(-1),
            (Break::TakesAnyPosition, Some(_)) => Some(Position::number(taken.unwrap_or(0))),
            (Break::ReadsLess, None) if opens > 0 => Some(Position::number(1)),
            (Break::ForgetsTooMuch, Some(_)) if taken.is_some_and(|taken| taken < forgotten) => {
                Some(Position::number(forgotten))
            }
            (Break::ForgetsWhatWasRead, None) => Some(Position::number(forgotten)),
            (Break::SkipsWhatIsGone, _) if gone => Some(Position::number(ROWS)),
            (Break::WaitsForWhatIsGone, _) if gone => return Err(Error::not_found("gone").retry_as(Retry::Temporary)),
            _ => behind.cloned(),
        };
        let inner = self.inner.open(split, other.as_ref(), context)?;
        Ok(Box::new(BrokenReader {
            inner,
            breaks: self.breaks,
            system: Arc::clone(&self.system),
            context: context.clone(),
        }))
    }

    fn acknowledge(&self, recorded: &[SplitState]) -> Result<()> {
        let taken = recorded[0].position.as_ref().and_then(Position::as_number).unwrap_or(0);
        if self.breaks == Break::ForgetsTooMuch {
            self.system.forgotten.store(taken + 1, Ordering::Relaxed);
        }
        Ok(())
    }
}

struct BrokenReader {
    inner: Box<dyn Reader>,
    breaks: Break,
    system: Arc<System>,
    context: Context,
}

impl Reader for BrokenReader {
    fn next(&mut self, wait: Duration) -> Result<Next> {
        let mut next = self.inner.next(wait)?;
        if self.breaks == Break::GoesOn && self.context.cancel.is_cancelled() {
            loop {
                std::thread::park();
            }
        }
        let Next::Rows(rows) = &mut next else { return Ok(next) };
        match self.breaks {
            Break::StandsStill => rows.position = Position::number(1),
            Break::GivesNoReason => rows.bad.push(bad("")),
            Break::GivesAllAtOnce => rows.bad.extend((0..1 << 17).map(|_| bad("no row"))),
            _ => {}
        }
        Ok(next)
    }
}

impl Drop for BrokenReader {
    fn drop(&mut self) {
        if self.breaks == Break::ForgetsWhatWasRead && self.context.cancel.is_cancelled() {
            self.system.forgotten.store(1, Ordering::Relaxed);
        }
    }
}

fn bad(message: &str) -> BadRow {
    let place = Place { file: "countdown".into(), ..Place::default() };
    BadRow { place, column: None, rule: "no-row", message: message.into(), raw: vec![0] }
}

/// The suite finds fault with the source, for this reason.
#[track_caller]
fn is_caught(breaks: Break, reason: &str, suite: impl Fn(&SourceCase<'_>, &System)) {
    let system = Arc::new(System::default());
    let make =
        || -> Box<dyn Source> { Box::new(Broken { inner: Countdown::new(ROWS), breaks, system: Arc::clone(&system) }) };
    let case = SourceCase { make: &make, records: ROWS };
    crate::broken_sinks::panics(&format!("{breaks:?}"), reason, || suite(&case, &system));
}

#[test]
fn each_is_caught_by_the_suite_that_is_for_it() {
    is_caught(Break::RenamesSplits, "the splits are others", |case, _| case.splits_stay_the_same());
    is_caught(Break::ForgetsSplits, "are planned differently", |case, _| case.splits_stay_the_same());
    is_caught(Break::ReadsLess, "has other rows the second time", |case, _| case.reads_every_record_once());
    is_caught(Break::StandsStill, "positions do not grow", |case, _| case.reads_every_record_once());
    is_caught(Break::LosesARowAtResume, "other rows", |case, _| case.resumes_behind_every_position());
    is_caught(Break::RepeatsARowAtResume, "other rows", |case, _| case.resumes_behind_every_position());
    is_caught(Break::TakesAnyPosition, "a position that is none", |case, _| case.refuses_positions_of_others());
    is_caught(Break::ForgetsWhatWasRead, "is another one now", |case, _| case.stops_between_batches());
    is_caught(Break::GivesNoReason, "without a reason", |case, _| case.says_what_bad_rows_are());
    is_caught(Break::GivesAllAtOnce, "records at a time", |case, _| case.gives_rows_in_small_parts());
    is_caught(Break::GoesOn, "goes on for more than", |case, _| case.stops_within(Duration::from_secs(1)));
    is_caught(Break::ForgetsTooMuch, "other rows", |case, _| case.acknowledging_loses_nothing());
    for breaks in [Break::SkipsWhatIsGone, Break::WaitsForWhatIsGone] {
        let reason = if breaks == Break::SkipsWhatIsGone { "were passed over" } else { "by themselves" };
        is_caught(breaks, reason, |case, system| {
            case.says_that_rows_are_gone(&|| system.gone.store(true, Ordering::Relaxed));
        });
    }
}

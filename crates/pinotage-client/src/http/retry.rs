//! Whether and when to try again.

use std::time::Duration;

use pinotage_common::Error;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};

use super::answer::Answer;
use super::call::Repeat;
use crate::options::Retries;

/// What a failed attempt means for the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// It would fail in the same way.
    Never,
    /// It may go well; nobody knows whether this one arrived.
    Lost,
    /// It may go well; the server gave up on this one, perhaps half-way.
    Failed,
    /// It may go well, and this one changed nothing.
    Harmless,
}

/// A failed attempt.
pub(super) struct Failed {
    pub(super) error: Error,
    pub(super) again: Again,
    /// The server named the pause.
    pub(super) after: Option<Duration>,
}

impl Failed {
    pub(super) fn never(error: Error) -> Self {
        Self { error, again: Again::Never, after: None }
    }
}

/// What an answer means for the next attempt.
pub(super) fn answered(answer: &Answer) -> Again {
    match answer.status() {
        StatusCode::CONFLICT if answer.is_busy() => Again::Harmless,
        StatusCode::TOO_MANY_REQUESTS => Again::Harmless,
        StatusCode::NOT_IMPLEMENTED | StatusCode::HTTP_VERSION_NOT_SUPPORTED => Again::Never,
        status if status.is_server_error() => Again::Failed,
        _ => Again::Never,
    }
}

/// `Retry-After` in seconds. A date would need this machine's clock to be right: the usual pause is as good.
pub(super) fn named_pause(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// The pause before the next attempt, or none when there is none.
///
/// `attempt` counts from 1, `elapsed` from the first, `random` is in 0..1.
pub(super) fn pause(
    retries: &Retries,
    repeat: Repeat,
    (again, after): (Again, Option<Duration>),
    attempt: u32,
    elapsed: Duration,
    random: f64,
) -> Option<Duration> {
    let allowed = match again {
        Again::Never => false,
        Again::Lost => repeat != Repeat::IfNotArrived,
        Again::Failed => repeat == Repeat::Safe,
        Again::Harmless => true,
    };
    if !allowed || attempt >= retries.attempts {
        return None;
    }
    let doubled = retries.pause.duration().saturating_mul(1u32.checked_shl(attempt - 1).unwrap_or(u32::MAX));
    let usual = doubled.min(retries.max_pause.duration()).mul_f64(1.0 - random / 2.0);
    let pause = usual.max(after.unwrap_or_default());
    (elapsed.saturating_add(pause) <= retries.give_up_after.duration()).then_some(pause)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(repeat: Repeat, again: Again, after: Option<u64>, attempt: u32, elapsed: u64) -> Option<f64> {
        let retries = Retries::default();
        let after = after.map(Duration::from_secs);
        pause(&retries, repeat, (again, after), attempt, Duration::from_secs(elapsed), 0.0).map(|it| it.as_secs_f64())
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_shrink_by_up_to_half() {
        let pauses: Vec<_> = (1..=6).map(|at| seconds(Repeat::Safe, Again::Lost, None, at, 0)).collect();
        assert_eq!(pauses, [Some(0.25), Some(0.5), Some(1.0), Some(2.0), Some(4.0), None]);
        let many = Retries { attempts: u32::MAX, ..Retries::default() };
        let at = |attempt, random| {
            pause(&many, Repeat::Safe, (Again::Lost, None), attempt, Duration::ZERO, random).unwrap().as_secs_f64()
        };
        assert_eq!(at(100, 0.0), 15.0);
        assert!((7.5..7.6).contains(&at(100, 0.999)));
    }

    #[test]
    fn the_server_may_ask_for_a_longer_pause_but_not_for_ever() {
        assert_eq!(seconds(Repeat::IfNotArrived, Again::Harmless, Some(30), 1, 0), Some(30.0));
        assert_eq!(seconds(Repeat::IfNotArrived, Again::Harmless, Some(30), 1, 290), None);
    }

    #[test]
    fn what_may_have_arrived_is_only_repeated_when_that_is_safe() {
        assert_eq!(seconds(Repeat::IfNotArrived, Again::Lost, None, 1, 0), None);
        assert_eq!(seconds(Repeat::IfNotArrived, Again::Harmless, None, 1, 0), Some(0.25));
        assert_eq!(seconds(Repeat::Safe, Again::Never, None, 1, 0), None);
    }
}

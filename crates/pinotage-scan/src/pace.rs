//! Not more rows a second than were allowed.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Lets rows through at a steady rate; whoever comes first goes first.
#[derive(Debug)]
pub(crate) struct Pace {
    rate: Option<u64>,
    /// When the rows that were let through until now are paid for.
    paid: Mutex<Instant>,
}

impl Pace {
    /// At most so many rows a second; `None` is as many as there are.
    pub(crate) fn new(rate: Option<u64>) -> Self {
        Self { rate, paid: Mutex::new(Instant::now()) }
    }

    /// Waits until these rows may come.
    pub(crate) async fn pass(&self, rows: usize) {
        let Some(rate) = self.rate else { return };
        let now = Instant::now();
        let cost = Duration::from_secs_f64(rows as f64 / rate as f64);
        let due = {
            let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
            // Time in which nobody came is lost: no burst follows a pause.
            *paid = (*paid).max(now) + cost;
            *paid
        };
        tokio::time::sleep(due.saturating_duration_since(now)).await;
    }
}

//! Where readers wait while an epoch ends.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

#[derive(Debug, Default)]
struct Inside {
    /// Readers that may be at work.
    live: usize,
    /// Those that wait.
    parked: usize,
    is_closed: bool,
    /// Nobody waits any more: the job is given up.
    is_broken: bool,
}

/// Readers pass between two batches. When the gate is closed they wait there, so that all that they have sent belongs to the
/// epoch that ends, and nothing to the next.
#[derive(Debug, Default)]
pub(super) struct Gate {
    inside: Mutex<Inside>,
    changed: Condvar,
}

impl Gate {
    pub(super) fn new(readers: usize) -> Self {
        Self { inside: Mutex::new(Inside { live: readers, ..Inside::default() }), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits while the gate is closed. False when the reader has to stop.
    pub(super) fn pass(&self) -> bool {
        let mut inside = self.lock();
        if inside.is_closed && !inside.is_broken {
            inside.parked += 1;
            self.changed.notify_all();
            inside = self
                .changed
                .wait_while(inside, |inside| inside.is_closed && !inside.is_broken)
                .unwrap_or_else(PoisonError::into_inner);
            inside.parked -= 1;
        }
        !inside.is_broken
    }

    /// A reader has ended and comes no more.
    pub(super) fn leave(&self) {
        self.lock().live -= 1;
        self.changed.notify_all();
    }

    /// Closes the gate and waits until all readers wait in front of it or have ended. False when the job is given up.
    pub(super) fn close(&self) -> bool {
        let mut inside = self.lock();
        inside.is_closed = true;
        inside = self
            .changed
            .wait_while(inside, |inside| inside.parked < inside.live && !inside.is_broken)
            .unwrap_or_else(PoisonError::into_inner);
        !inside.is_broken
    }

    pub(super) fn open(&self) {
        self.lock().is_closed = false;
        self.changed.notify_all();
    }

    /// Lets everybody go.
    pub(super) fn give_up(&self) {
        self.lock().is_broken = true;
        self.changed.notify_all();
    }

    /// All readers have ended.
    pub(super) fn is_empty(&self) -> bool {
        self.lock().live == 0
    }

    /// Waits until an epoch is due, all readers have ended, or the job is given up.
    pub(super) fn wait(&self, for_at_most: std::time::Duration) {
        let inside = self.lock();
        let _ = self.changed.wait_timeout_while(inside, for_at_most, |inside| inside.live > 0 && !inside.is_broken);
    }
}

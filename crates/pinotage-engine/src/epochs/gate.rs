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

    /// One of the readers; it comes no more when the value goes.
    pub(super) fn reader(&self) -> Leaving<'_> {
        Leaving(self)
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

/// See [`Gate::reader`].
pub(super) struct Leaving<'a>(&'a Gate);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        let mut inside = self.0.lock();
        inside.live -= 1;
        // Nobody knows what a reader has sent that has panicked: the epoch must not end as if it were whole.
        inside.is_broken |= std::thread::panicking();
        drop(inside);
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn nothing_passes_a_closed_gate() {
        let (gate, passed) = (Gate::new(3), AtomicU32::new(0));
        std::thread::scope(|scope| {
            for _ in 0..3 {
                let (leaving, gate, passed) = (gate.reader(), &gate, &passed);
                scope.spawn(move || {
                    let _leaving = leaving;
                    while gate.pass() && passed.load(Ordering::SeqCst) < 3000 {
                        passed.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
            while !gate.is_empty() {
                assert!(gate.close());
                let before = passed.load(Ordering::SeqCst);
                std::thread::yield_now();
                assert_eq!(passed.load(Ordering::SeqCst), before, "a reader went on");
                gate.open();
            }
        });
    }

    #[test]
    fn who_waits_for_a_reader_that_panics_is_let_go() {
        let gate = Gate::new(2);
        let panicked = std::thread::scope(|scope| {
            let leaving = gate.reader();
            let reader = scope.spawn(move || {
                let _leaving = leaving;
                panic!("a defect, on purpose");
            });
            assert!(!gate.close(), "the epoch has ended without it");
            reader.join()
        });
        assert!(panicked.is_err());
    }
}

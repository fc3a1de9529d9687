//! A real server behind a gate that holds a call until the test has done what it wants to do at that moment.

use std::process::Child;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::{Action, Fake, Relay, Request};

/// How long a process may take until it makes the call.
const LIMIT: Duration = Duration::from_secs(180);

/// A real server behind a gate. All requests pass, but for the one that is held.
pub struct Gate {
    fake: Fake,
    holding: Arc<Mutex<Option<Holding>>>,
}

/// When a call is held.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Side {
    /// Before the real server gets it.
    Before,
    /// After the real server has done it, and before who called gets the answer.
    After,
}

/// The gate's end of a hold.
struct Holding {
    side: Side,
    wanted: Box<dyn FnMut(&Request) -> bool + Send>,
    reached: Sender<()>,
    go: Receiver<()>,
}

/// The test's end of a hold. When it is dropped the call is lost: it never arrives, or its answer does not.
pub struct Hold {
    reached: Receiver<()>,
    go: Sender<()>,
}

impl Gate {
    /// In front of a URL without a slash at its end.
    pub fn new(real: &str) -> Self {
        let holding = Arc::new(Mutex::new(None::<Holding>));
        let (relay, slot) = (Relay::new(real), Arc::clone(&holding));
        let act = Action::decide(move |request| {
            let held = slot.lock().unwrap().take_if(|held| (held.wanted)(request));
            let Some(Holding { side, reached, go, .. }) = held else { return relay.forward(request) };
            let passes = || reached.send(()).is_ok() && go.recv().is_ok();
            match side {
                Side::Before if passes() => relay.forward(request),
                Side::Before => Action::DropAfter,
                Side::After => {
                    let answer = relay.forward(request);
                    if passes() { answer } else { Action::DropAfter }
                }
            }
        });
        Self { fake: Fake::new().otherwise(act).start(), holding }
    }

    /// Where it listens, without a slash at the end.
    pub fn url(&self) -> String {
        self.fake.url()
    }

    /// Holds the first call from now on that is wanted, instead of the one that was to be held before. The function sees
    /// every request until then, in the order of their arrival.
    pub fn hold(&self, side: Side, wanted: impl FnMut(&Request) -> bool + Send + 'static) -> Hold {
        let (reached, is_reached) = mpsc::channel();
        let (go, may_go) = mpsc::channel();
        let holding = Holding { side, wanted: Box::new(wanted), reached, go: may_go };
        *self.holding.lock().unwrap() = Some(holding);
        Hold { reached: is_reached, go }
    }
}

impl Hold {
    /// Waits until the call of a process is held.
    ///
    /// # Panics
    /// When the process ends without it, or makes no such call for minutes.
    pub fn await_call(&self, process: &mut Child) {
        let end = Instant::now() + LIMIT;
        loop {
            match self.reached.recv_timeout(Duration::from_millis(20)) {
                Ok(()) => return,
                Err(RecvTimeoutError::Disconnected) => panic!("another call is to be held"),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if let Some(status) = process.try_wait().unwrap() {
                panic!("the process ended without the call: {status}");
            }
            assert!(Instant::now() < end, "no such call within {LIMIT:?}");
        }
    }

    /// Waits until a call of this process is held.
    ///
    /// # Panics
    /// When there is no such call for minutes.
    pub fn await_own_call(&self) {
        self.reached.recv_timeout(LIMIT).unwrap_or_else(|_| panic!("no such call within {LIMIT:?}"));
    }

    /// Lets the call go on as if nothing had been.
    pub fn release(self) {
        self.go.send(()).unwrap();
    }
}

//! A controller in front of a real one, of which some answers and requests get lost.

use std::sync::{Arc, Mutex};

use pinotage_client::{Address, Connection, Controller, Retries};
use pinotage_common::TimeSpan;
use pinotage_sink::Target;
use pinotage_testkit::fake::{Action, Fake, Relay};

use crate::support::Fixture;

/// What becomes of a request.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// It never arrives.
    LoseRequest,
    /// The controller does as it is told, and its answer is lost.
    LoseAnswer,
    /// Somebody else answers.
    Answer(u16, String),
}

/// A fault of the first request whose path ends so; then of the next one, if it is named again.
pub(crate) type Faults = Vec<(&'static str, Fault)>;

/// The fixture's table through such a controller, with so many attempts; it ends with the fake.
pub(crate) fn between(fixture: &Fixture, attempts: u32, faults: Faults) -> (Target, Fake) {
    let faults = Arc::new(Mutex::new(faults));
    let relay = Relay::new(&fixture.cluster.controller);
    let act = Action::decide(move |request| {
        let fault = {
            let mut faults = faults.lock().unwrap();
            let at = faults.iter().position(|(end, _)| request.path.ends_with(end));
            at.map(|at| faults.remove(at).1)
        };
        match fault {
            None => relay.forward(request),
            Some(Fault::LoseRequest) => Action::DropAfter,
            Some(Fault::LoseAnswer) => {
                relay.forward(request);
                Action::DropAfter
            }
            Some(Fault::Answer(status, body)) => Action::status(status, body),
        }
    });
    let fake = Fake::new().otherwise(act).start();
    let mut connection = Connection::new(Address::parse(&fake.url()).unwrap());
    connection.retries = Retries { attempts, pause: TimeSpan::millis(1), ..Retries::default() };
    (Target::offline(Controller::new(&connection).unwrap(), &fixture.target.table), fake)
}

//! A controller in front of a real one, of which some answers and requests get lost.

use std::sync::{Arc, Mutex};

use pinotage_client::{Address, Connection, Controller, Retries};
use pinotage_common::TimeSpan;
use pinotage_sink::Target;
use pinotage_testkit::fake::{Action, Fake, Request};
use ureq::Agent;
use ureq::http::{self, Method, Response};

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
    let real = fixture.cluster.controller.clone();
    let agent: Agent = Agent::config_builder().http_status_as_error(false).build().into();
    let act = Action::decide(move |request| {
        let fault = {
            let mut faults = faults.lock().unwrap();
            let at = faults.iter().position(|(end, _)| request.path.ends_with(end));
            at.map(|at| faults.remove(at).1)
        };
        match fault {
            None => forward(&agent, &real, request),
            Some(Fault::LoseRequest) => Action::DropAfter,
            Some(Fault::LoseAnswer) => {
                forward(&agent, &real, request);
                Action::DropAfter
            }
            Some(Fault::Answer(status, body)) => Action::status(status, body),
        }
    });
    let mut script = Fake::new();
    for method in ["GET", "POST", "PUT"] {
        for parts in 1..=5 {
            script = script.on(method, &"/*".repeat(parts), act.clone());
        }
    }
    let fake = script.start();
    let mut connection = Connection::new(Address::parse(&fake.url()).unwrap());
    connection.retries = Retries { attempts, pause: TimeSpan::millis(1), ..Retries::default() };
    (Target::offline(Controller::new(&connection).unwrap(), &fixture.target.table), fake)
}

fn forward(agent: &Agent, real: &str, request: &Request) -> Action {
    let method: Method = request.method.parse().unwrap();
    let mut builder = http::Request::builder().method(&method).uri(format!("{real}{}?{}", request.path, request.query));
    for (name, value) in &request.headers {
        if !["host", "content-length", "connection", "accept-encoding"].contains(&name.as_str()) {
            builder = builder.header(name, value);
        }
    }
    let answer: Result<Response<ureq::Body>, ureq::Error> = match method {
        Method::GET => agent.run(builder.body(()).unwrap()),
        _ => agent.run(builder.body(request.body.clone()).unwrap()),
    };
    match answer {
        Ok(mut answer) => Action::status(answer.status().as_u16(), answer.body_mut().read_to_vec().unwrap()),
        // The real one is away, too.
        Err(_) => Action::DropBefore,
    }
}

//! The real server behind a fake.

use ureq::Agent;
use ureq::http::{self, Method};

use super::{Action, Request};

/// Hands requests on to a real server.
pub struct Relay {
    agent: Agent,
    real: String,
}

impl Relay {
    /// To a URL without a slash at its end.
    pub fn new(real: &str) -> Self {
        let agent = Agent::config_builder().http_status_as_error(false).build().into();
        Self { agent, real: real.into() }
    }

    /// What the real server answers; when it is away, the connection is closed.
    pub fn forward(&self, request: &Request) -> Action {
        let method: Method = request.method.parse().unwrap();
        let uri = format!("{}{}?{}", self.real, request.path, request.query);
        let mut builder = http::Request::builder().method(&method).uri(uri);
        for (name, value) in &request.headers {
            if !["host", "content-length", "connection", "accept-encoding"].contains(&name.as_str()) {
                builder = builder.header(name, value);
            }
        }
        let answer = match method {
            Method::GET | Method::DELETE => self.agent.run(builder.body(()).unwrap()),
            _ => self.agent.run(builder.body(request.body.clone()).unwrap()),
        };
        match answer {
            Ok(mut answer) => Action::status(answer.status().as_u16(), answer.body_mut().read_to_vec().unwrap()),
            Err(_) => Action::DropBefore,
        }
    }
}

//! A controller, broker or server that does what a script says, mostly something bad.
//!
//! Plain threads and sockets, so that it can do what no HTTP library lets a server do.
//!
//! ```
//! use pinotage_testkit::fake::{Action, Fake};
//!
//! let fake = Fake::new()
//!     .on("POST", "/v2/segments", Action::error(500, "no leader"))
//!     .on("POST", "/v2/segments", Action::json(r#"{"status": "done"}"#))
//!     .start();
//! assert!(fake.url().starts_with("http://127.0.0.1:"));
//! assert!(fake.requests().is_empty());
//! ```

mod connection;
mod gate;
mod line;
mod relay;
mod request;

use std::collections::VecDeque;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

pub use gate::{Gate, Hold, Side};
pub use line::{Break, Line};
pub use relay::Relay;
pub use request::Request;

/// What the fake does with a request.
#[derive(Clone)]
pub enum Action {
    /// Answers.
    Answer {
        /// The status.
        status: u16,
        /// Headers beside those of the body.
        headers: Vec<(&'static str, String)>,
        /// The body.
        body: Vec<u8>,
    },
    /// Answers with a status and a body before the request's body was read, and says that it closes the connection.
    Refuse(u16, &'static str),
    /// Closes the connection before the body was read.
    DropBefore,
    /// Reads the whole request and closes the connection: who asked does not know that it arrived.
    DropAfter,
    /// Reads the whole request and never answers.
    Hang,
    /// Announces the whole body, sends so many bytes of it and closes the connection.
    Truncate(Vec<u8>, usize),
    /// Announces the whole body, sends so many bytes of it and nothing more.
    Stall(Vec<u8>, usize),
    /// Sends bytes that are no HTTP.
    Garbage(&'static [u8]),
    /// Looks at the request first.
    Decide(Arc<dyn Fn(&Request) -> Action + Send + Sync>),
}

impl Action {
    /// A status and a body.
    pub fn status(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::Answer { status, headers: Vec::new(), body: body.into() }
    }

    /// A status and Pinot's form of an error.
    pub fn error(status: u16, error: &str) -> Self {
        Self::status(status, serde_json::json!({"code": status, "error": error}).to_string())
    }

    /// 200 with a document.
    pub fn json(body: impl ToString) -> Self {
        Self::status(200, body.to_string())
    }

    /// What a function makes of the request.
    pub fn decide(decide: impl Fn(&Request) -> Action + Send + Sync + 'static) -> Self {
        Self::Decide(Arc::new(decide))
    }
}

/// The script of a fake, before it starts.
#[derive(Default)]
pub struct Script {
    rules: Vec<Rule>,
    otherwise: Option<Action>,
}

struct Rule {
    method: &'static str,
    path: String,
    actions: VecDeque<Action>,
}

/// A running fake; it ends with this value.
pub struct Fake {
    address: SocketAddr,
    scheme: &'static str,
    state: Arc<State>,
}

struct State {
    rules: Mutex<Vec<Rule>>,
    otherwise: Option<Action>,
    requests: Mutex<Vec<Request>>,
    ended: AtomicBool,
}

impl Fake {
    /// An empty script: all is answered with 404.
    #[allow(clippy::new_ret_no_self)]
    pub fn new() -> Script {
        Script::default()
    }

    /// Where it listens, without a slash at the end.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// The port it listens at.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// All requests whose head was read, in the order of their arrival.
    pub fn requests(&self) -> Vec<Request> {
        self.state.requests.lock().unwrap().clone()
    }
}

impl Script {
    /// Says what becomes of requests to a path, in which `*` stands for one part. The first action of a path is for the
    /// first request, the second for the second one; the last one stays.
    pub fn on(mut self, method: &'static str, path: &str, action: Action) -> Self {
        match self.rules.iter_mut().find(|rule| rule.method == method && rule.path == path) {
            Some(rule) => rule.actions.push_back(action),
            None => self.rules.push(Rule { method, path: path.into(), actions: VecDeque::from([action]) }),
        }
        self
    }

    /// Says what becomes of all other requests, instead of 404.
    pub fn otherwise(mut self, action: Action) -> Self {
        self.otherwise = Some(action);
        self
    }

    /// Starts it on a free port.
    pub fn start(self) -> Fake {
        self.listen("http", None)
    }

    /// Starts it on a free port with TLS.
    pub fn start_tls(self, config: ServerConfig) -> Fake {
        self.listen("https", Some(Arc::new(config)))
    }

    /// Starts it on a free port with TLS, under a certificate that nobody signed but itself, which is written to a file.
    pub fn start_secure(self, certificate: &Path) -> Fake {
        let key = KeyPair::generate().unwrap();
        let own = CertificateParams::new([Ipv4Addr::LOCALHOST.to_string()]).unwrap().self_signed(&key).unwrap();
        fs::write(certificate, own.pem()).unwrap();
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        self.start_tls(builder.with_single_cert(vec![own.der().clone()], key).unwrap())
    }

    fn listen(self, scheme: &'static str, tls: Option<Arc<ServerConfig>>) -> Fake {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            rules: Mutex::new(self.rules),
            otherwise: self.otherwise,
            requests: Mutex::default(),
            ended: AtomicBool::new(false),
        });
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.ended.load(Ordering::SeqCst) {
                    return;
                }
                let (state, tls) = (Arc::clone(&shared), tls.clone());
                // A peer that goes away ends its own connection only.
                thread::spawn(move || stream.and_then(|stream| connection::serve(stream, tls, &state)));
            }
        });
        Fake { address, scheme, state }
    }
}

impl State {
    fn action(&self, request: &Request) -> Action {
        let mut rules = self.rules.lock().unwrap();
        match rules.iter_mut().find(|rule| rule.method == request.method && matches(&rule.path, &request.path)) {
            Some(rule) if rule.actions.len() > 1 => rule.actions.pop_front().unwrap(),
            Some(rule) => rule.actions[0].clone(),
            None => self.otherwise.clone().unwrap_or_else(|| {
                Action::error(404, &format!("the script has no {} {}", request.method, request.path))
            }),
        }
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::SeqCst);
        // Wakes the listener, which then sees that it is over.
        let _ = TcpStream::connect(self.address);
    }
}

fn matches(pattern: &str, path: &str) -> bool {
    let (mut pattern, mut path) = (pattern.split('/'), path.split('/'));
    loop {
        match (pattern.next(), path.next()) {
            (None, None) => return true,
            (Some(expected), Some(found)) if expected == "*" || expected == found => {}
            _ => return false,
        }
    }
}

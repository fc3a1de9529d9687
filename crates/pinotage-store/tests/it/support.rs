//! A web server that does what a test says, byte by byte, and small helpers.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use pinotage_common::Secret;
use pinotage_store::{S3Options, StoreOptions};

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// With the query.
    pub(crate) target: String,
    headers: Vec<(String, String)>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The first byte of a range that is asked for.
    pub(crate) fn range_start(&self) -> Option<usize> {
        self.header("range")?.strip_prefix("bytes=")?.split('-').next()?.parse().ok()
    }
}

/// A server on a free loopback port; it runs until the test's process ends or its answers do.
pub(crate) struct Scripted {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Scripted {
    /// Answers each request with the bytes that the function makes of its number and content, then closes the
    /// connection; after `None` it listens no more.
    pub(crate) fn start(answer: impl Fn(usize, &Request) -> Option<Vec<u8>> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = requests.clone();
        let answer = Arc::new(answer);
        thread::spawn(move || {
            let gone = Arc::new(Mutex::new(false));
            for stream in listener.incoming() {
                if *gone.lock().unwrap() {
                    return;
                }
                let (seen, answer, gone) = (seen.clone(), answer.clone(), gone.clone());
                let address = listener.local_addr().unwrap();
                thread::spawn(move || {
                    let mut stream = stream.unwrap();
                    let Some(request) = read(&stream) else { return };
                    let number = {
                        let mut seen = seen.lock().unwrap();
                        seen.push(request.clone());
                        seen.len() - 1
                    };
                    match answer(number, &request) {
                        // The client may have gone away.
                        Some(bytes) => drop(stream.write_all(&bytes)),
                        None => {
                            *gone.lock().unwrap() = true;
                            let _ = TcpStream::connect(address);
                        }
                    }
                });
            }
        });
        Self { url, requests }
    }

    /// What was asked so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let request = Request { method, target, headers };
    let length = request.header("content-length").map_or(0, |length| length.parse().unwrap());
    std::io::copy(&mut reader.take(length), &mut std::io::sink()).ok()?;
    Some(request)
}

/// An answer; the body may be shorter than the header says.
pub(crate) fn answer(status: &str, headers: &[(&str, &str)], length: usize, body: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n").into_bytes();
    for (name, value) in headers {
        bytes.extend(format!("{name}: {value}\r\n").bytes());
    }
    bytes.extend(b"\r\n");
    bytes.extend(body);
    Some(bytes)
}

/// An answer of S3 with an error code.
pub(crate) fn refusal(status: &str, code: &str) -> Option<Vec<u8>> {
    let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>no</Message></Error>");
    answer(status, &[("Content-Type", "application/xml")], body.len(), body.as_bytes())
}

/// Options for S3 at an endpoint, with keys that nothing but the endpoint sees, and one retry.
pub(crate) fn s3_options(endpoint: &str) -> StoreOptions {
    StoreOptions {
        s3: S3Options {
            endpoint: Some(endpoint.to_owned()),
            region: Some("us-east-1".into()),
            access_key: Some(Secret::new("ACCESSKEY4711")),
            secret_key: Some(Secret::new("SECRETKEY4711")),
            ..S3Options::default()
        },
        retries: 1,
        ..StoreOptions::default()
    }
}

/// Bytes that repeat in no short period.
pub(crate) fn bytes(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// The names in a folder, those that begin with a dot included.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

//! A line to a real server that breaks.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// What becomes of a connection when it has brought some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// It is closed.
    Cut,
    /// Nothing comes any more, as from a process that was stopped.
    Stall,
}

/// How much a connection brings before it breaks.
#[derive(Clone, Copy)]
enum Limit {
    Bytes(usize),
    Messages(usize),
}

/// A port that hands connections on to another one, until each has brought so much.
pub struct Line {
    port: u16,
    connections: Arc<AtomicUsize>,
    brought: Arc<AtomicUsize>,
    messages: Arc<AtomicUsize>,
}

impl Line {
    /// To a port of this machine. It ends with the tests' process.
    pub fn new(target: u16, limit: usize, end: Break) -> Self {
        Self::start(target, Limit::Bytes(limit), end)
    }

    /// To a port of this machine that speaks gRPC over plain HTTP/2: cut when an answer has so many whole messages.
    pub fn cut_after(target: u16, messages: usize) -> Self {
        Self::start(target, Limit::Messages(messages), Break::Cut)
    }

    fn start(target: u16, limit: Limit, end: Break) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let line = Self { port, connections: Arc::default(), brought: Arc::default(), messages: Arc::default() };
        let (connections, brought) = (Arc::clone(&line.connections), Arc::clone(&line.brought));
        let messages = Arc::clone(&line.messages);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                connections.fetch_add(1, Ordering::SeqCst);
                let (brought, messages) = (Arc::clone(&brought), Arc::clone(&messages));
                thread::spawn(move || bring(client, target, limit, end, &brought, &messages));
            }
        });
        line
    }

    /// Where it listens, on the loopback address.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Connections until now.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Bytes that all connections have brought until now.
    pub fn brought(&self) -> usize {
        self.brought.load(Ordering::SeqCst)
    }

    /// Messages of the longest answer until now, of [`Line::cut_after`].
    pub fn messages(&self) -> usize {
        self.messages.load(Ordering::SeqCst)
    }
}

fn bring(
    mut client: TcpStream,
    target: u16,
    limit: Limit,
    end: Break,
    brought: &AtomicUsize,
    messages: &AtomicUsize,
) -> io::Result<()> {
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, target))?;
    let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
    let asking = thread::spawn(move || io::copy(&mut from, &mut to));
    let mut buffer = [0; 4096];
    let (mut left, mut answers) =
        (if let Limit::Bytes(bytes) = limit { bytes } else { usize::MAX }, Answers::default());
    while left > 0 {
        let wanted = buffer.len().min(left);
        let read = server.read(&mut buffer[..wanted])?;
        if read == 0 {
            break;
        }
        let mut passed = read;
        if let Limit::Messages(most) = limit {
            let found = buffer[..read].iter().position(|byte| {
                let message = answers.push(*byte);
                messages.fetch_max(message, Ordering::SeqCst);
                message >= most
            });
            if let Some(last) = found {
                (passed, left) = (last + 1, last + 1);
            }
        }
        client.write_all(&buffer[..passed])?;
        brought.fetch_add(passed, Ordering::SeqCst);
        left -= passed;
    }
    if end == Break::Stall && left == 0 {
        // Until the client goes away.
        let _ = asking.join();
    }
    let _ = client.shutdown(Shutdown::Both);
    server.shutdown(Shutdown::Both)
}

/// What a server sends by HTTP/2, as far as messages of gRPC are concerned.
#[derive(Default)]
struct Answers {
    head: Vec<u8>,
    /// Bytes of the frame that are still to come.
    frame: usize,
    /// The stream whose data the frame is.
    data: Option<u32>,
    streams: HashMap<u32, Answer>,
}

/// The messages of one answer.
#[derive(Default)]
struct Answer {
    head: Vec<u8>,
    left: usize,
    messages: usize,
}

impl Answers {
    /// Takes a byte, and says how many messages the answer has that it belongs to.
    fn push(&mut self, byte: u8) -> usize {
        if self.frame == 0 {
            // Three bytes of length, one of the kind, one of flags, four of the stream.
            self.head.push(byte);
            if let [high, middle, low, kind, _, stream @ ..] = self.head.as_slice()
                && let Ok(stream) = <[u8; 4]>::try_from(stream)
            {
                self.frame = u32::from_be_bytes([0, *high, *middle, *low]) as usize;
                self.data = (*kind == 0).then(|| u32::from_be_bytes(stream));
                self.head.clear();
            }
            return 0;
        }
        self.frame -= 1;
        let Some(stream) = self.data else { return 0 };
        let answer = self.streams.entry(stream).or_default();
        if answer.left > 0 {
            answer.left -= 1;
        } else {
            // One byte whether it is compressed, four of length.
            answer.head.push(byte);
            let Some(length) = answer.head.get(1..5) else { return answer.messages };
            answer.left = u32::from_be_bytes([length[0], length[1], length[2], length[3]]) as usize;
            answer.head.clear();
        }
        answer.messages += usize::from(answer.left == 0);
        answer.messages
    }
}

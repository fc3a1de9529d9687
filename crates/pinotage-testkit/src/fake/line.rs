//! A line to a real server that breaks.

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

/// A port that hands connections on to another one, until each has brought so many bytes.
pub struct Line {
    port: u16,
    connections: Arc<AtomicUsize>,
    brought: Arc<AtomicUsize>,
}

impl Line {
    /// To a port of this machine. It ends with the tests' process.
    pub fn new(target: u16, limit: usize, end: Break) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let line =
            Self { port: listener.local_addr().unwrap().port(), connections: Arc::default(), brought: Arc::default() };
        let (connections, brought) = (Arc::clone(&line.connections), Arc::clone(&line.brought));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                connections.fetch_add(1, Ordering::SeqCst);
                let brought = Arc::clone(&brought);
                thread::spawn(move || bring(client, target, limit, end, &brought));
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
}

fn bring(mut client: TcpStream, target: u16, limit: usize, end: Break, brought: &AtomicUsize) -> io::Result<()> {
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, target))?;
    let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
    let asking = thread::spawn(move || io::copy(&mut from, &mut to));
    let mut buffer = [0; 4096];
    let mut left = limit;
    while left > 0 {
        let wanted = buffer.len().min(left);
        let read = server.read(&mut buffer[..wanted])?;
        if read == 0 {
            break;
        }
        client.write_all(&buffer[..read])?;
        brought.fetch_add(read, Ordering::SeqCst);
        left -= read;
    }
    if end == Break::Stall && left == 0 {
        // Until the client goes away.
        let _ = asking.join();
    }
    let _ = client.shutdown(Shutdown::Both);
    server.shutdown(Shutdown::Both)
}

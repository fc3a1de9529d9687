//! One connection of a fake.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::{Action, Request, State};

/// The longest head of a request.
const MAX_HEAD_BYTES: u64 = 64 << 10;

pub(super) fn serve(stream: TcpStream, tls: Option<Arc<ServerConfig>>, state: &State) -> io::Result<()> {
    stream.set_nodelay(true)?;
    match tls {
        None => requests(BufReader::new(stream), state),
        Some(config) => {
            let connection = ServerConnection::new(config).map_err(io::Error::other)?;
            requests(BufReader::new(StreamOwned::new(connection, stream)), state)
        }
    }
}

fn requests<S: Read + Write>(mut stream: BufReader<S>, state: &State) -> io::Result<()> {
    if stream.fill_buf()?.first().is_some_and(|byte| !byte.is_ascii_uppercase()) {
        // It is spoken to in another protocol, such as TLS.
        stream.get_mut().write_all(b"HTTP/1.1 400 Fake\r\nconnection: close\r\n\r\n")?;
        return wait(&mut stream);
    }
    while let Some(mut request) = head(&mut stream)? {
        let length = request.header("content-length").map_or(0, |length| length.parse().unwrap());
        let mut action = state.action(&request);
        if !matches!(action, Action::DropBefore | Action::Refuse(..)) {
            stream.by_ref().take(length).read_to_end(&mut request.body)?;
            if request.body.len() as u64 != length {
                return Ok(());
            }
        }
        while let Action::Decide(decide) = action {
            action = decide(&request);
        }
        state.requests.lock().unwrap().push(request);
        let stop = !matches!(action, Action::Answer { .. });
        match action {
            Action::Answer { status, headers, body } => {
                let out = stream.get_mut();
                write!(out, "HTTP/1.1 {status} Fake\r\ncontent-length: {}\r\n", body.len())?;
                for (name, value) in headers {
                    write!(out, "{name}: {value}\r\n")?;
                }
                out.write_all(b"\r\n")?;
                out.write_all(&body)?;
            }
            Action::Refuse(status, body) => {
                let length = body.len();
                write!(
                    stream.get_mut(),
                    "HTTP/1.1 {status} Fake\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
                )?;
                // As real servers do: to close at once could take the answer back.
                wait(&mut stream)?;
            }
            Action::Truncate(body, bytes) => part(stream.get_mut(), &body, bytes)?,
            Action::Stall(body, bytes) => {
                part(stream.get_mut(), &body, bytes)?;
                wait(&mut stream)?;
            }
            Action::Hang => wait(&mut stream)?,
            Action::Garbage(bytes) => stream.get_mut().write_all(bytes)?,
            Action::DropBefore | Action::DropAfter | Action::Decide(_) => {}
        }
        stream.get_mut().flush()?;
        if stop {
            return Ok(());
        }
    }
    Ok(())
}

fn part(out: &mut impl Write, body: &[u8], bytes: usize) -> io::Result<()> {
    write!(out, "HTTP/1.1 200 Fake\r\ncontent-length: {}\r\n\r\n", body.len())?;
    out.write_all(&body[..bytes])?;
    out.flush()
}

/// Until the peer gives up.
fn wait(stream: &mut impl Read) -> io::Result<()> {
    io::copy(stream, &mut io::sink()).map(drop)
}

/// The next request without its body; none when the peer has no more.
fn head(stream: &mut impl BufRead) -> io::Result<Option<Request>> {
    let mut head = Vec::new();
    let mut lines = stream.take(MAX_HEAD_BYTES);
    while !head.ends_with(b"\r\n\r\n") {
        if lines.read_until(b'\n', &mut head)? == 0 {
            return Ok(None);
        }
    }
    let head = String::from_utf8_lossy(&head);
    let mut lines = head.lines();
    let mut first = lines.next().unwrap_or_default().split(' ');
    let (method, target) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let header = |line: &str| line.split_once(':').map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()));
    Ok(Some(Request {
        method: method.into(),
        path: path.into(),
        query: query.into(),
        headers: lines.filter_map(header).collect(),
        body: Vec::new(),
    }))
}

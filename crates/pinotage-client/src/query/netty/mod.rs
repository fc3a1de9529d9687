//! Queries to servers by the protocol of Pinot's own brokers: TCP, a frame there and a frame back.
//!
//! A connection carries one query at a time, so a query that is not wanted any more takes its connection with it: the server
//! works on until its time-out, but what it would send goes nowhere. Nothing in this protocol says who asks.

mod compact;
mod request;

use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use hyper::Uri;
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::rt::TokioIo;
use pinotage_common::{Error, Result};
use pinotage_spec::PinotQuery;
use rustls::ClientConfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tower_service::Service as _;

use self::request::{PREFIX_BYTES, frame};
use super::blocks::Blocks;
use super::data_table::DataTable;
use super::failure::Asked;
use super::server::{ServerAddress, ServerQuery};
use crate::http::{Connector, Way};

/// What is made ready for an answer before its bytes come; it grows with them.
const FIRST_BYTES: usize = 1 << 20;

type Wire = TokioIo<MaybeHttpsStream<Way>>;

/// Connections that nobody uses.
type Idle = Arc<Mutex<HashMap<ServerAddress, Vec<Wire>>>>;

/// The query ports of a cluster's servers that its brokers use.
pub(super) struct NettyServers {
    connect_timeout: Duration,
    connector: HttpsConnector<Connector>,
    idle: Idle,
}

/// Why there is no answer.
enum Broken {
    /// The connection.
    Io(io::Error),
    /// Nothing comes.
    Silent,
}

impl NettyServers {
    pub(super) fn new(connect_timeout: Duration, connector: Connector, tls: ClientConfig) -> Self {
        Self { connect_timeout, connector: HttpsConnector::from((connector, tls)), idle: Idle::default() }
    }

    /// Asks, and waits until the answer begins.
    pub(super) async fn submit(
        &self,
        asked: Asked,
        query: &ServerQuery,
        tree: &PinotQuery,
        max_bytes: usize,
    ) -> Result<Blocks> {
        let frame = frame(asked.request_id, query, tree)?;
        let patience = Blocks::patience(query.timeout);
        let (wire, length) = loop {
            let idle =
                self.idle.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&asked.server).and_then(Vec::pop);
            let used = idle.is_some();
            let mut wire = match idle {
                Some(wire) => wire,
                None => self.connect(&asked).await?,
            };
            match exchange(&mut wire, &frame, patience).await {
                Ok(length) => break (wire, length),
                // The server was stopped since: perhaps it is back.
                Err(Broken::Io(_)) if used => {}
                Err(Broken::Io(error)) => return Err(asked.broken(&error)),
                Err(Broken::Silent) => return Err(asked.silent(patience)),
            }
        };
        if length > max_bytes {
            return Err(asked.too_long(&format!("{length} bytes, expected at most {max_bytes}")));
        }
        let bytes = BytesMut::with_capacity(length.min(FIRST_BYTES));
        Ok(Blocks::whole(Answer { wire, bytes, length, idle: Arc::clone(&self.idle) }, asked, query))
    }

    async fn connect(&self, asked: &Asked) -> Result<Wire> {
        let uri: Uri = asked.server.url().parse().map_err(|error| {
            Error::invalid_config("expected the host of a server").with("host", &asked.server.host).caused_by(error)
        })?;
        let mut connector = self.connector.clone();
        let connect = async {
            poll_fn(|context| connector.poll_ready(context)).await?;
            connector.call(uri).await
        };
        match tokio::time::timeout(self.connect_timeout, connect).await {
            Ok(Ok(wire)) => Ok(TokioIo::new(wire)),
            Ok(Err(error)) => Err(asked.broken(&*error)),
            Err(_) => Err(asked.unreachable(self.connect_timeout)),
        }
    }
}

/// Sends a request and reads how long its answer is.
async fn exchange(wire: &mut Wire, frame: &[u8], patience: Duration) -> Result<usize, Broken> {
    let exchange = async {
        wire.write_all(frame).await?;
        wire.flush().await?;
        let mut length = [0; PREFIX_BYTES];
        wire.read_exact(&mut length).await?;
        Ok(u32::from_be_bytes(length) as usize)
    };
    tokio::time::timeout(patience, exchange).await.map_err(|_| Broken::Silent)?.map_err(Broken::Io)
}

/// An answer that has begun.
pub(super) struct Answer {
    wire: Wire,
    bytes: BytesMut,
    length: usize,
    idle: Idle,
}

impl Answer {
    /// Reads on until all is there; goes on where it was when it is dropped meanwhile.
    pub(super) async fn read(&mut self, asked: &Asked, patience: Duration) -> Result<()> {
        while self.bytes.len() < self.length {
            let missing = self.length - self.bytes.len();
            let mut rest = (&mut self.bytes).limit(missing);
            let read = tokio::time::timeout(patience, self.wire.read_buf(&mut rest)).await;
            match read.map_err(|_| asked.silent(patience))? {
                Ok(0) => return Err(asked.broken(&io::Error::from(io::ErrorKind::UnexpectedEof))),
                Ok(_) => {}
                Err(error) => return Err(asked.broken(&error)),
            }
        }
        Ok(())
    }

    /// What was read. The connection can be used again if it is the answer to our question.
    pub(super) fn table(self, asked: &Asked) -> Result<DataTable> {
        let table = DataTable::parse(self.bytes.freeze()).map_err(|error| asked.named(error))?;
        let found = table.metadata().request_id;
        if found == Some(asked.request_id) {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            idle.entry(asked.server.clone()).or_default().push(self.wire);
        } else if table.exceptions().is_empty() {
            return Err(asked.incomplete(format_args!("the answer to another question ({found:?})")));
        }
        Ok(table)
    }
}

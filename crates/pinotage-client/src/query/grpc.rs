//! Queries to servers by gRPC: one method that streams data tables.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hyper::http::uri::PathAndQuery;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use pinotage_common::{ByteSize, Error, Result};
use tonic::client::Grpc;

use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};
use tonic_prost::ProstCodec;

use super::blocks::Blocks;
use super::failure::Asked;
use super::message::{SUBMIT, ServerRequest, ServerResponse};
use super::server::{ServerAddress, ServerQuery};
use crate::http::Http;

/// The longest message by default. Servers put at most 10,000 rows into a part of a streamed answer; one that is not
/// streamed is a single message.
const MAX_MESSAGE: ByteSize = ByteSize::mib(1024);

/// What a server may send of one answer before it is read.
const STREAM_WINDOW_BYTES: u32 = 4 << 20;

/// For all answers together no limit but HTTP/2's: an answer that nobody reads must not hold up the others.
const CONNECTION_WINDOW_BYTES: u32 = (1 << 31) - 1;

/// The longest HTTP/2 frame: fewer, longer ones cost less.
const FRAME_BYTES: u32 = 1 << 20;

/// Sooner than what lies between takes an idle connection for dead. Servers refuse HTTP/2's own pings.
const TCP_KEEPALIVE: Duration = Duration::from_secs(60);

/// The gRPC query services of a cluster's servers; each has one connection, made when it is first asked, which lives in the
/// runtime that asked first. A proxy of the connection options is not used: servers are asked directly.
///
/// # Pinot equivalent
///
/// `org.apache.pinot.common.utils.grpc.ServerGrpcQueryClient`
#[derive(Debug)]
pub struct GrpcServers {
    http: Http,
    connector: HttpsConnector<HttpConnector>,
    max_message: ByteSize,
    channels: Mutex<HashMap<ServerAddress, Channel>>,
    next_request_id: AtomicI64,
}

impl GrpcServers {
    /// Reads certificates; connects to nothing. Who asks, whom to trust and how long to wait for a connection is as for
    /// [`crate::Controller::http`].
    ///
    /// # Errors
    ///
    /// Those of [`Http::new`].
    pub fn new(http: &Http) -> Result<Self> {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
        connector.set_keepalive(Some(TCP_KEEPALIVE));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(http.tls()?)
            .https_or_http()
            .enable_http2()
            .wrap_connector(connector);
        // Servers tell queries apart by number only: another process should not come to the same ones.
        let first = fastrand::i64(1 << 32..1 << 62);
        Ok(Self {
            http: http.clone(),
            connector,
            max_message: MAX_MESSAGE,
            channels: Mutex::default(),
            next_request_id: AtomicI64::new(first),
        })
    }

    /// Sets the longest message, 1 GiB by default. A longer one is an error.
    #[must_use]
    pub fn with_max_message(mut self, limit: ByteSize) -> Self {
        self.max_message = limit;
        self
    }

    /// Asks a server. It has answered for good when [`Blocks`] ends.
    ///
    /// # Errors
    ///
    /// Those of reaching the server, `permission-denied`, `invalid-config` for a query that it cannot read. The
    /// cause [`crate::ServerFailure`] says whether another server may be asked.
    pub async fn submit(&self, server: &ServerAddress, query: &ServerQuery) -> Result<Blocks> {
        let request_id = self.next_request_id.fetch_add(1, Ordering::Relaxed);
        let mut metadata = HashMap::from([
            ("requestId".to_owned(), request_id.to_string()),
            ("brokerId".to_owned(), query.client.clone()),
            ("enableStreaming".to_owned(), query.streaming.to_string()),
            ("payloadType".to_owned(), "sql".to_owned()),
        ]);
        let mut secrets = Vec::new();
        if let Some((name, value, sent)) = self.http.authorization()? {
            metadata.insert(name, value);
            secrets = sent;
        }
        let asked = Asked { server: server.clone(), table: query.table.clone(), request_id, secrets };
        let request = ServerRequest { metadata, sql: query.sql.clone(), segments: query.segments.clone() };
        let limit = usize::try_from(self.max_message.bytes()).unwrap_or(usize::MAX);
        let mut client = Grpc::new(self.channel(server)?).max_decoding_message_size(limit);
        tracing::debug!(%server, request_id, segments = query.segments.len(), "query");
        let submit = async {
            client.ready().await.map_err(|error| Status::from_error(Box::new(error)))?;
            let codec = ProstCodec::<ServerRequest, ServerResponse>::default();
            client.server_streaming(Request::new(request), PathAndQuery::from_static(SUBMIT), codec).await
        };
        // A server sends its first word with its first rows.
        let patience = Blocks::patience(query.timeout) + self.http.connect_timeout();
        let answer = tokio::time::timeout(patience, submit).await.map_err(|_| asked.silent(patience))?;
        let messages = answer.map_err(|status| asked.status(&status))?.into_inner();
        Ok(Blocks::new(messages, asked, query))
    }

    fn channel(&self, server: &ServerAddress) -> Result<Channel> {
        // Nothing can be half done in the map.
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(channel) = channels.get(server) {
            return Ok(channel.clone());
        }
        let endpoint = Endpoint::from_shared(server.url()).map_err(|error| {
            Error::invalid_config("expected the host of a server").with("host", &server.host).caused_by(error)
        })?;
        let endpoint = endpoint
            .connect_timeout(self.http.connect_timeout())
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .max_frame_size(FRAME_BYTES);
        let channel = endpoint.connect_with_connector_lazy(self.connector.clone());
        channels.insert(server.clone(), channel.clone());
        Ok(channel)
    }
}

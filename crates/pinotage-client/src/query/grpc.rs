//! Queries to servers by gRPC: one method that streams data tables.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hyper::http::uri::PathAndQuery;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use pinotage_common::{Error, Result};
use rustls::ClientConfig;
use tonic::client::Grpc;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};
use tonic_prost::ProstCodec;

use super::blocks::Blocks;
use super::failure::Asked;
use super::message::{SUBMIT, ServerRequest, ServerResponse};
use super::server::{ServerAddress, ServerQuery};
use crate::http::Connector;

/// What a server may send of one answer before it is read.
const STREAM_WINDOW_BYTES: u32 = 4 << 20;

/// For all answers together no limit but HTTP/2's: an answer that nobody reads must not hold up the others.
const CONNECTION_WINDOW_BYTES: u32 = (1 << 31) - 1;

/// The longest HTTP/2 frame: fewer, longer ones cost less.
const FRAME_BYTES: u32 = 1 << 20;

/// The gRPC query services of a cluster's servers.
pub(super) struct GrpcServers {
    connect_timeout: Duration,
    connector: HttpsConnector<Connector>,
    channels: Mutex<HashMap<ServerAddress, Channel>>,
}

impl GrpcServers {
    pub(super) fn new(connect_timeout: Duration, connector: Connector, tls: ClientConfig) -> Self {
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http2().wrap_connector(connector);
        Self { connect_timeout, connector, channels: Mutex::default() }
    }

    /// Asks, and waits until the answer begins.
    pub(super) async fn submit(
        &self,
        asked: Asked,
        query: &ServerQuery,
        sql: String,
        authorization: Option<(String, String)>,
        max_bytes: usize,
    ) -> Result<Blocks> {
        let mut metadata = HashMap::from([
            ("requestId".to_owned(), asked.request_id.to_string()),
            ("brokerId".to_owned(), query.client.clone()),
            ("enableStreaming".to_owned(), query.streaming.to_string()),
            ("payloadType".to_owned(), "sql".to_owned()),
        ]);
        metadata.extend(authorization);
        let request = ServerRequest { metadata, sql, segments: query.segments.clone() };
        let mut client = Grpc::new(self.channel(&asked.server)?).max_decoding_message_size(max_bytes);
        let submit = async {
            client.ready().await.map_err(|error| Status::from_error(Box::new(error)))?;
            let codec = ProstCodec::<ServerRequest, ServerResponse>::default();
            client.server_streaming(Request::new(request), PathAndQuery::from_static(SUBMIT), codec).await
        };
        // A server sends its first word with its first rows.
        let patience = Blocks::patience(query.timeout) + self.connect_timeout;
        let answer = tokio::time::timeout(patience, submit).await.map_err(|_| asked.silent(patience))?;
        let messages = answer.map_err(|status| asked.status(&status))?.into_inner();
        Ok(Blocks::stream(messages, asked, query))
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
            .connect_timeout(self.connect_timeout)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .max_frame_size(FRAME_BYTES);
        let channel = endpoint.connect_with_connector_lazy(self.connector.clone());
        channels.insert(server.clone(), channel.clone());
        Ok(channel)
    }
}

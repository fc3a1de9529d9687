//! Servers of both protocols.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};

use pinotage_common::{ByteSize, Error, Result};

use super::blocks::Blocks;
use super::failure::Asked;
use super::grpc::GrpcServers;
use super::netty::NettyServers;
use super::server::{Protocol, ServerAddress, ServerQuery, Statement};
use crate::http::Http;

/// The longest message by default. Servers put at most 10,000 rows into a part of a streamed answer; one that is not
/// streamed is a single message.
const MAX_MESSAGE: ByteSize = ByteSize::mib(1024);

/// The query services of a cluster's servers. Connections are made when they are needed, through the proxy of the connection
/// options, and live in the runtime that asked first: one a server by gRPC, one a query by Netty, which are used again.
///
/// # Pinot equivalent
///
/// `org.apache.pinot.common.utils.grpc.ServerGrpcQueryClient`, `org.apache.pinot.core.transport.QueryRouter`
pub struct QueryServers {
    http: Http,
    grpc: GrpcServers,
    netty: NettyServers,
    max_message: ByteSize,
    next_request_id: AtomicI64,
}

impl QueryServers {
    /// Reads certificates; connects to nothing. Who asks, whom to trust and how long to wait for a connection is as for
    /// [`crate::Controller::http`].
    ///
    /// # Errors
    ///
    /// Those of [`Http::new`].
    pub fn new(http: &Http) -> Result<Self> {
        let (timeout, tls) = (http.connect_timeout(), http.tls()?);
        let connector = http.connector(&tls)?;
        // Servers tell queries apart by number only: another process should not come to the same ones.
        let first = fastrand::i64(1 << 32..1 << 62);
        Ok(Self {
            http: http.clone(),
            grpc: GrpcServers::new(timeout, connector.clone(), tls.clone()),
            netty: NettyServers::new(timeout, connector, tls),
            max_message: MAX_MESSAGE,
            next_request_id: AtomicI64::new(first),
        })
    }

    /// Sets the longest message, 1 GiB by default; by Netty that is the whole answer. A longer one is an error.
    #[must_use]
    pub fn with_max_message(mut self, limit: ByteSize) -> Self {
        self.max_message = limit;
        self
    }

    /// Asks a server. It has answered for good when [`Blocks`] ends.
    ///
    /// # Errors
    ///
    /// Those of reaching the server, `permission-denied`, `invalid-config` for a query that it cannot read, `unsupported` for
    /// SQL by Netty. The cause [`crate::ServerFailure`] says whether another server may be asked.
    pub async fn submit(&self, server: &ServerAddress, query: &ServerQuery) -> Result<Blocks> {
        let request_id = self.request_id();
        let mut asked = Asked { server: server.clone(), table: query.table.clone(), request_id, secrets: Vec::new() };
        let limit = usize::try_from(self.max_message.bytes()).unwrap_or(usize::MAX);
        tracing::debug!(%server, request_id, segments = query.segments.len(), "query");
        match (server.protocol, &query.statement) {
            (Protocol::Grpc, statement) => {
                let mut authorization = None;
                if let Some((name, value, secrets)) = self.http.authorization()? {
                    authorization = Some((name, value));
                    asked.secrets = secrets;
                }
                self.grpc.submit(asked, query, statement.to_string(), authorization, limit).await
            }
            (Protocol::Netty, Statement::Query(tree)) => self.netty.submit(asked, query, tree, limit).await,
            (Protocol::Netty, Statement::Sql(_)) => {
                Err(asked.named(Error::unsupported("servers take SQL by gRPC only, not by Netty")))
            }
        }
    }

    fn request_id(&self) -> i64 {
        self.next_request_id.fetch_add(1, Ordering::Relaxed)
    }
}

impl fmt::Debug for QueryServers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("QueryServers").field(&self.http).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::http::Address;
    use crate::options::Connection;

    #[test]
    fn no_two_queries_have_the_same_number() {
        let http = Http::new(&Connection::new(Address::parse("localhost:9000").unwrap())).unwrap();
        // As in two processes: neither knows of the other.
        let clients = [0, 1].map(|_| QueryServers::new(&http).unwrap());
        let numbers: BTreeSet<i64> = (0..100).map(|at| clients[at % 2].request_id()).collect();
        assert_eq!(numbers.len(), 100);
    }
}

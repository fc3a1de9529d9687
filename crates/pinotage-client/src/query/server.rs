//! Which server is asked for what.

use std::fmt;
use std::time::Duration;

use pinotage_common::{Error, Result};
use pinotage_spec::PinotQuery;

use crate::controller::Instance;

/// What a server is asked by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// gRPC: answers come in parts.
    Grpc,
    /// The protocol of Pinot's own brokers: an answer is a single message.
    Netty,
}

/// Where a query service of a server is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ServerAddress {
    /// The server's name in the routing, such as `Server_10.0.0.7_8098`.
    pub name: String,
    /// Its host; the certificate has to be for it.
    pub host: String,
    /// The port of the service.
    pub port: u16,
    /// The port speaks TLS (`pinot.server.grpctls.enabled`, `pinot.server.nettytls.enabled`).
    pub tls: bool,
    /// What the port speaks.
    pub protocol: Protocol,
}

impl ServerAddress {
    /// The gRPC query service of an instance.
    ///
    /// # Errors
    ///
    /// `unsupported` when the server has none.
    pub fn grpc(instance: &Instance, tls: bool) -> Result<Self> {
        let port = instance.grpc_port.ok_or_else(|| {
            Error::unsupported("expected a server with a gRPC port, found none").with("server", &instance.name).action(
                "ask by Netty (`transport`), or set `pinot.server.grpc.enable=true` on the servers and restart them",
            )
        })?;
        Ok(Self::at(instance, port, tls, Protocol::Grpc))
    }

    /// The query service of an instance that brokers use. With TLS it has another port, which controllers do not tell.
    ///
    /// # Errors
    ///
    /// `unsupported` when the controller does not tell the port.
    pub fn netty(instance: &Instance, tls_port: Option<u16>) -> Result<Self> {
        let port = tls_port.or(instance.port).ok_or_else(|| {
            Error::unsupported("expected a server with a port for brokers, found none").with("server", &instance.name)
        })?;
        Ok(Self::at(instance, port, tls_port.is_some(), Protocol::Netty))
    }

    fn at(instance: &Instance, port: u16, tls: bool, protocol: Protocol) -> Self {
        let host = instance.host.strip_prefix("Server_").unwrap_or(&instance.host).to_owned();
        Self { name: instance.name.clone(), host, port, tls, protocol }
    }

    /// Its URL, as connections want it.
    pub(super) fn url(&self) -> String {
        format!("{}://{self}", if self.tls { "https" } else { "http" })
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') && !self.host.starts_with('[') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// What is asked. Nobody adds what a broker would: the time boundary, default options, a limit above 10.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Statement {
    /// Any text, with its options before it: `SET timeoutMs=10000; SELECT …`. Servers read text by gRPC only.
    Sql(String),
    /// A query that both protocols carry.
    Query(PinotQuery),
}

impl From<&str> for Statement {
    fn from(sql: &str) -> Self {
        Self::Sql(sql.to_owned())
    }
}

impl From<String> for Statement {
    fn from(sql: String) -> Self {
        Self::Sql(sql)
    }
}

impl From<PinotQuery> for Statement {
    fn from(query: PinotQuery) -> Self {
        Self::Query(query)
    }
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sql(sql) => f.write_str(sql),
            Self::Query(query) => write!(f, "{query}"),
        }
    }
}

/// A query for segments of one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerQuery {
    /// The table with its type, such as `sales_OFFLINE`; the statement has the same behind FROM.
    pub table: String,
    /// What is asked.
    pub statement: Statement,
    /// The segments, each once. None at all means none.
    pub segments: Vec<String>,
    /// The server may look into more segments than these, as Pinot 1.3 and later do in upsert tables: into those that began
    /// in the last seconds, and into both forms of one that is being committed. Another request may give the same rows, so
    /// the statement has to leave them out by a condition on `$segmentName`.
    pub more_segments: bool,
    /// The option `timeoutMs` of the statement: the server stops then, and the client waits a little longer for each message.
    pub timeout: Duration,
    /// The answer may come in parts. Only a selection without ORDER BY does, and only by gRPC.
    pub streaming: bool,
    /// Who asks, for the server's log.
    pub client: String,
}

impl ServerQuery {
    /// A streamed query with the server's usual time-out of 15 s.
    pub fn new(table: impl Into<String>, statement: impl Into<Statement>, segments: Vec<String>) -> Self {
        Self {
            table: table.into(),
            statement: statement.into(),
            segments,
            more_segments: false,
            timeout: Duration::from_secs(15),
            streaming: true,
            client: "pinotage".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_without_the_port_is_refused_with_advice() {
        let read = |port: i32| -> Instance {
            let text = format!(
                r#"{{"instanceName":"Server_::1_8098","hostName":"Server_::1","grpcPort":{port},"port":8098}}"#
            );
            serde_json::from_str(&text).unwrap()
        };
        let error = ServerAddress::grpc(&read(-1), false).unwrap_err();
        assert!(error.advice().contains("pinot.server.grpc.enable"), "{error}");
        assert_eq!(ServerAddress::grpc(&read(8090), true).unwrap().url(), "https://[::1]:8090");
        assert_eq!(ServerAddress::netty(&read(-1), None).unwrap().url(), "http://[::1]:8098");
        assert_eq!(ServerAddress::netty(&read(-1), Some(8091)).unwrap().url(), "https://[::1]:8091");
    }

    #[test]
    fn a_host_is_what_follows_the_prefix_of_its_instance() {
        for host in ["Server_pinot-1.example.org", "pinot-1.example.org"] {
            let text = format!(r#"{{"instanceName":"Server_x_8098","hostName":"{host}","grpcPort":8090,"port":8098}}"#);
            let instance: Instance = serde_json::from_str(&text).unwrap();
            let addresses = [ServerAddress::grpc(&instance, false), ServerAddress::netty(&instance, None)];
            for address in addresses.map(Result::unwrap) {
                assert_eq!((address.host.as_str(), address.name.as_str()), ("pinot-1.example.org", "Server_x_8098"));
            }
        }
    }
}

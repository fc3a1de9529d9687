//! Which server is asked for what.

use std::fmt;
use std::time::Duration;

use pinotage_common::{Error, Result};

use crate::controller::Instance;

/// Where the gRPC query service of a server is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ServerAddress {
    /// The server's name in the routing, such as `Server_10.0.0.7_8098`.
    pub name: String,
    /// Its host; the certificate has to be for it.
    pub host: String,
    /// The port of its gRPC query service.
    pub port: u16,
    /// The port speaks TLS (`pinot.server.grpctls.enabled`).
    pub tls: bool,
}

impl ServerAddress {
    /// The gRPC query service of an instance.
    ///
    /// # Errors
    ///
    /// `unsupported` when the server has none.
    pub fn of(instance: &Instance, tls: bool) -> Result<Self> {
        let port = instance.grpc_port.ok_or_else(|| {
            Error::unsupported("expected a server with a gRPC port, found none")
                .with("server", &instance.name)
                .action("set `pinot.server.grpc.enable=true` on the servers, which is the default, and restart them")
        })?;
        let host = instance.host.strip_prefix("Server_").unwrap_or(&instance.host).to_owned();
        Ok(Self { name: instance.name.clone(), host, port, tls })
    }

    /// Its URL, as HTTP/2 wants it.
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

/// A query for segments of one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerQuery {
    /// The table with its type, such as `sales_OFFLINE`; the text has the same behind FROM.
    pub table: String,
    /// The text, with its options before it: `SET timeoutMs=10000; SELECT …`. Nobody adds what a broker would: the time
    /// boundary, default options, a limit above 10.
    pub sql: String,
    /// The segments, each once. None at all means none.
    pub segments: Vec<String>,
    /// The server may look into more segments than these, as Pinot 1.3 and later do in upsert tables: into those that began
    /// in the last seconds, and into both forms of one that is being committed. Another request may give the same rows, so
    /// the text has to leave them out by a condition on `$segmentName`.
    pub more_segments: bool,
    /// The option `timeoutMs` of the text: the server stops then, and the client waits a little longer for each message.
    pub timeout: Duration,
    /// The answer may come in parts. Only a selection without ORDER BY does.
    pub streaming: bool,
    /// Who asks, for the server's log.
    pub client: String,
}

impl ServerQuery {
    /// A streamed query with the server's usual time-out of 15 s.
    pub fn new(table: impl Into<String>, sql: impl Into<String>, segments: Vec<String>) -> Self {
        Self {
            table: table.into(),
            sql: sql.into(),
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
        let error = ServerAddress::of(&read(-1), false).unwrap_err();
        assert!(error.advice().contains("pinot.server.grpc.enable"), "{error}");
        assert_eq!(ServerAddress::of(&read(8090), true).unwrap().url(), "https://[::1]:8090");
    }
}

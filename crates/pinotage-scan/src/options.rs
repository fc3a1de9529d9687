//! What a job, a URL or an engine says about reading a table.

use std::path::PathBuf;

use pinotage_common::{ByteSize, Error, Result, TimeSpan};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a table is read. Everything has a default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ScanOptions {
    /// Who decodes the segments.
    pub reader: Reader,
    /// What a null is read as.
    pub nulls: Nulls,
    /// What happens when no server has a segment that the table needs.
    pub missing_segments: MissingSegments,
    /// The most rows of a batch.
    pub batch_rows: usize,
    /// What one request to a server may be expected to answer; it is repeated as a whole on another replica. By `netty` 16 MiB
    /// are the most.
    pub request_size: ByteSize,
    /// Requests that one server gets at a time from this process.
    pub requests_per_server: usize,
    /// The most groups of one answer that servers aggregate; a server holds them in memory. With more, rows are read.
    pub max_groups: u32,
    /// Threads that a server may use for one request (`maxExecutionThreads`). Default: as the server decides.
    pub max_execution_threads: Option<u32>,
    /// Rows a second that all readers of this process together give of the table. Servers are asked for two seconds of them
    /// at a time, as far as segments are that small. Default: as fast as it goes.
    pub rows_per_second: Option<u64>,
    /// How long a server may work for one request (`timeoutMs`; Pinot's own default of 15 s is too short for a scan).
    pub timeout: TimeSpan,
    /// How servers are asked.
    pub transport: Transport,
    /// Whether the servers' query ports speak TLS. Default: when the controller does.
    pub server_tls: Option<bool>,
    /// The port at which all servers speak TLS by `netty` (`pinot.server.nettytls.port`); controllers do not tell it.
    pub netty_tls_port: u16,
    /// How often a request is tried, on one replica after the other.
    pub attempts: u32,
    /// What answers that are not complete yet may hold in memory, all together; what is more goes to `spill`. Read directly, batches
    /// of long rows have fewer of them, so that about 32 batches fit.
    pub memory: ByteSize,
    /// A folder for answers that do not fit in memory. Default: the system's folder for temporary files.
    pub spill: Option<PathBuf>,
    /// A folder that keeps the segments which were read directly. Default: a temporary one that ends with the process.
    pub cache: Option<PathBuf>,
    /// What that folder may hold; the segments that were not used for the longest time go first.
    pub cache_size: ByteSize,
}

impl Default for ScanOptions {
    fn default() -> Self {
        Self {
            reader: Reader::Auto,
            nulls: Nulls::Sql,
            missing_segments: MissingSegments::Error,
            batch_rows: 8192,
            request_size: ByteSize::mib(64),
            requests_per_server: 2,
            max_groups: 1_000_000,
            max_execution_threads: None,
            rows_per_second: None,
            timeout: TimeSpan::secs(300),
            transport: Transport::Auto,
            server_tls: None,
            netty_tls_port: 8091,
            attempts: 4,
            memory: ByteSize::mib(512),
            spill: None,
            cache: None,
            cache_size: ByteSize::mib(10 << 10),
        }
    }
}

/// Who decodes the segments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Reader {
    /// Whatever reads the table exactly, with less work for the cluster when much is read.
    #[default]
    Auto,
    /// Servers.
    Server,
    /// This process, from the deep store; servers are not troubled.
    Direct,
}

impl Reader {
    /// As it is written in options and URLs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Server => "server",
            Self::Direct => "direct",
        }
    }
}

/// How servers are asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Transport {
    /// By gRPC where the controller tells a server's port for it, else by Netty.
    #[default]
    Auto,
    /// By gRPC: answers come in parts, and say who asks.
    Grpc,
    /// By the protocol of Pinot's own brokers: an answer is a single message, and nothing in it says who asks.
    Netty,
}

/// What a null is read as.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Nulls {
    /// A null, where the table keeps nulls.
    #[default]
    Sql,
    /// The column's default value, in every column: what Pinot's own queries see without `enableNullHandling`.
    Default,
}

/// What happens when no server has a segment that the table needs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum MissingSegments {
    /// The scan fails and names them.
    #[default]
    Error,
    /// Their rows are missing, and the plan says so with every segment's name.
    Skip,
}

impl ScanOptions {
    /// Refuses what cannot work.
    ///
    /// # Errors
    ///
    /// `invalid-config` with the option's name.
    pub fn validate(&self) -> Result<()> {
        let at_least = |option: &'static str, value: u64, least: u64| {
            if value >= least {
                return Ok(());
            }
            Err(Error::invalid_config(format!("expected at least {least}, found {value}")).with("option", option))
        };
        at_least("batchRows", self.batch_rows as u64, 1)?;
        at_least("requestSize", self.request_size.bytes(), 1)?;
        at_least("requestsPerServer", self.requests_per_server as u64, 1)?;
        at_least("maxGroups", self.max_groups.into(), 1)?;
        at_least("maxExecutionThreads", self.max_execution_threads.unwrap_or(1).into(), 1)?;
        at_least("rowsPerSecond", self.rows_per_second.unwrap_or(1), 1)?;
        at_least("timeout", self.timeout.duration().as_millis() as u64, 1)?;
        at_least("attempts", self.attempts.into(), 1)
    }
}

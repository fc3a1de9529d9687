//! What it means that a server did not answer, or not in full.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use pinotage_common::{Error, ErrorKind, Retry, Secret};
use tonic::{Code, Status};

use super::server::ServerAddress;
use crate::broker::QueryException;
use crate::http::{connection, cut};

/// How much of a server's words is shown, in characters.
const MAX_WORDS: usize = 1_000;

/// How many missing segments an error names; [`ServerFailure::missing_segments`] has all of them.
const MAX_SEGMENTS: usize = 10;

const RELOAD: &str = "reload the table's segments, so that they get the columns that were added to the schema";

/// Who may give the answer that a server did not give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Remedy {
    /// Another server that has the segments, at once.
    OtherReplica,
    /// Any, this one too, after a pause.
    Later,
    /// Nobody: the query is wrong, or not allowed.
    Nobody,
}

/// Why a server's answer cannot be used: a cause of the errors of [`crate::QueryServers`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFailure {
    /// The server's name.
    pub server: String,
    /// Who may give the answer instead.
    pub remedy: Remedy,
    /// What went wrong, as the server says.
    pub exceptions: Vec<QueryException>,
    /// Segments that the server does not have. Only they have to be asked for again, with all that was answered thrown away.
    pub missing_segments: Vec<String>,
}

impl ServerFailure {
    /// The failure of a server that caused an error.
    pub fn of(error: &Error) -> Option<&Self> {
        causes(error).find_map(|cause| cause.downcast_ref())
    }
}

impl fmt::Display for ServerFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whom = match self.remedy {
            Remedy::OtherReplica => "another replica may",
            Remedy::Later => "it may later",
            Remedy::Nobody => "nobody can",
        };
        write!(f, "the server {} did not answer in full; {whom}", self.server)
    }
}

impl StdError for ServerFailure {}

/// Whom was asked for what, for errors.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) server: ServerAddress,
    pub(super) table: String,
    pub(super) request_id: i64,
    /// They are never shown, not even when a server does.
    pub(super) secrets: Vec<Secret>,
}

impl Asked {
    /// The answer is not whole, for a reason of ours.
    pub(super) fn incomplete(&self, reason: impl fmt::Display) -> Error {
        let message = format!("expected the server's whole answer, found {reason}");
        self.fail(Error::new(ErrorKind::Unavailable, message), Remedy::OtherReplica)
            .action("ask another replica; look at the server's log")
    }

    /// The server says nothing any more.
    pub(super) fn silent(&self, patience: Duration) -> Error {
        self.incomplete(format_args!("no message for {} s", patience.as_secs_f64()))
    }

    /// A limit of the query cut the answer: it would at any server.
    pub(super) fn limited(&self, found: &str) -> Error {
        let message = format!("expected the server's whole answer, found {found}");
        self.fail(Error::new(ErrorKind::ResourceExhausted, message), Remedy::Nobody)
            .action("raise the limit by an option of the query, or group by less")
    }

    /// The server lacks a column in some segments.
    pub(super) fn stale(&self, segments: i32) -> Error {
        let message = format!("expected all columns in all segments, found {segments} segments that lack one");
        self.fail(Error::new(ErrorKind::Unavailable, message), Remedy::OtherReplica).action(RELOAD)
    }

    /// What the server says that went wrong.
    pub(super) fn exceptions(&self, exceptions: &[QueryException]) -> Error {
        let missing: Vec<String> =
            exceptions.iter().filter(|it| it.error_code == 235).flat_map(|it| missing_segments(&it.message)).collect();
        let worst = exceptions.iter().max_by_key(|it| meaning(it).0);
        let nothing = QueryException { error_code: 0, message: String::new() };
        let (remedy, kind, advice) = meaning(worst.unwrap_or(&nothing));
        let words = worst.map_or_else(String::new, |it| self.words(&it.message));
        // A column that was asked for is in the schema of the cluster, but not yet in the server's.
        let advice = if words.contains("Failed to find column") { RELOAD } else { advice };
        let mut error = Error::new(kind, format!("the server could not answer: {words}"));
        if let Some(worst) = worst {
            error = error.with("code", worst.error_code);
        }
        if !missing.is_empty() {
            let shown = missing.iter().take(MAX_SEGMENTS).map(String::as_str).collect::<Vec<_>>().join(", ");
            let more = if missing.len() > MAX_SEGMENTS { ", …" } else { "" };
            error = error.with("missing segments", format!("{shown}{more}"));
        }
        let failure = ServerFailure {
            server: self.server.name.clone(),
            remedy,
            exceptions: exceptions.to_vec(),
            missing_segments: missing,
        };
        self.place(error, failure).action(advice)
    }

    /// What gRPC says that went wrong.
    pub(super) fn status(&self, status: &Status) -> Error {
        let words = self.words(status.message());
        let (kind, remedy, message, advice) = match status.code() {
            Code::InvalidArgument => (
                ErrorKind::InvalidConfig,
                Remedy::Nobody,
                format!("the server finds the query wrong: {words}"),
                "correct the query; the server's log has the reason",
            ),
            // A table that it does not have is an exception in the answer.
            Code::NotFound | Code::PermissionDenied | Code::Unauthenticated => (
                ErrorKind::PermissionDenied,
                Remedy::Nobody,
                format!("the server does not let us read the table: {words}"),
                "set or correct `auth`, or give this user the permission to read the table",
            ),
            Code::Unimplemented => (
                ErrorKind::Unsupported,
                Remedy::Nobody,
                format!("the server does not know the service: {words}"),
                "use the port of a Pinot server's gRPC query service (`grpcPort` of the instance)",
            ),
            // The client's own limit of a message.
            Code::OutOfRange => return self.too_long(&words),
            Code::ResourceExhausted => (
                ErrorKind::Unavailable,
                Remedy::Later,
                format!("the server has too much to do: {words}"),
                "try again later, or ask for less at once",
            ),
            _ => return self.lost(status, &words).with("status", format_args!("{:?}", status.code())),
        };
        self.fail(Error::new(kind, message), remedy).action(advice)
    }

    /// The answer passes the client's own limit.
    pub(super) fn too_long(&self, words: &str) -> Error {
        let message = format!("the server's answer is too long: {words}");
        self.fail(Error::new(ErrorKind::ResourceExhausted, message), Remedy::Nobody)
            .action("ask for fewer segments or columns at once, or raise the limit of a message")
    }

    /// There is no connection after this time.
    pub(super) fn unreachable(&self, patience: Duration) -> Error {
        let message = format!("no connection to the server within {} s", patience.as_secs_f64());
        self.fail(Error::new(ErrorKind::Unavailable, message), Remedy::OtherReplica)
            .action("check the address and the firewalls between, or raise `timeouts.connect`")
    }

    /// The connection was not made, or is lost.
    pub(super) fn broken(&self, error: &(dyn StdError + 'static)) -> Error {
        self.lost(error, &error.to_string())
    }

    fn lost(&self, error: &(dyn StdError + 'static), words: &str) -> Error {
        if let Some((kind, reason, advice)) = connection(&self.server.to_string(), error) {
            let remedy = if kind == ErrorKind::InvalidConfig { Remedy::Nobody } else { Remedy::OtherReplica };
            return self.fail(Error::new(kind, format!("cannot ask the server: {reason}")), remedy).action(advice);
        }
        let reason = causes(error).last().map_or_else(|| words.to_owned(), |cause| self.words(&cause.to_string()));
        let message = format!("the server's answer is not there or is cut off: {reason}");
        // In TLS 1.3 a client without a certificate is told so after the handshake, if it still listens.
        let advice = if self.server.tls {
            "look at the server's log; if the port asks for certificates set `tls.keyStore` to one that the server trusts"
        } else {
            "look at the server's log; check its address, and whether its port speaks TLS"
        };
        self.fail(Error::new(ErrorKind::Unavailable, message), Remedy::OtherReplica).action(advice)
    }

    fn fail(&self, error: Error, remedy: Remedy) -> Error {
        let server = self.server.name.clone();
        self.place(error, ServerFailure { server, remedy, exceptions: Vec::new(), missing_segments: Vec::new() })
    }

    /// Adds who was asked for what, and who may answer instead.
    fn place(&self, error: Error, failure: ServerFailure) -> Error {
        let retry = if failure.remedy == Remedy::Nobody { Retry::Permanent } else { Retry::Temporary };
        self.named(error).retry_as(retry).caused_by(failure)
    }

    /// Adds who was asked for what.
    pub(super) fn named(&self, error: Error) -> Error {
        error
            .with("server", format_args!("{} at {}", self.server.name, self.server))
            .with("table", &self.table)
            .with("request id", self.request_id)
    }

    /// The server's words on one line, without our secrets.
    fn words(&self, text: &str) -> String {
        let mut words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for secret in &self.secrets {
            words = words.replace(secret.expose(), "***");
        }
        cut(words, MAX_WORDS)
    }
}

fn causes<'a>(error: &'a dyn StdError) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(error.source(), |&cause| cause.source())
}

/// What an exception means. The larger the remedy, the worse.
///
/// # Pinot equivalent
///
/// `org.apache.pinot.spi.exception.QueryErrorCode`
fn meaning(exception: &QueryException) -> (Remedy, ErrorKind, &'static str) {
    let elsewhere = |advice| (Remedy::OtherReplica, ErrorKind::Unavailable, advice);
    // While it plans, a server gives this the code of any failure.
    let timed_out = exception.error_code == 200 && exception.message.contains("Query timed out");
    match if timed_out { 250 } else { exception.error_code } {
        230 | 235 => elsewhere("ask another replica; if none has it, look at the states of the table's segments"),
        240 | 250 | 400 => {
            elsewhere("raise the time-out, ask for fewer segments at once, or look at the server's load")
        }
        210 | 211 | 425 | 427 => elsewhere("ask another replica, or try again later"),
        245 | 429 => (Remedy::Later, ErrorKind::Unavailable, "try again later, or ask for less at once"),
        180 => (Remedy::Nobody, ErrorKind::PermissionDenied, "set or correct `auth`, or give this user the permission"),
        190 | 191 => (Remedy::Nobody, ErrorKind::NotFound, "check the table's name and that it is enabled"),
        100 | 150..=160 | 700 | 710 | 720 => (Remedy::Nobody, ErrorKind::InvalidConfig, "correct the query"),
        503 => (Remedy::Nobody, ErrorKind::Cancelled, "somebody stopped the query at the server: run it again"),
        _ => (Remedy::Nobody, ErrorKind::Unavailable, "look at the server's words above and its log"),
    }
}

/// The names in `2 segments [a, b] missing on server: …`.
fn missing_segments(message: &str) -> Vec<String> {
    let list = message.split_once(" segments [").and_then(|(_, rest)| rest.split_once("] missing on server"));
    list.map(|(names, _)| names.split(", ").map(str::to_owned).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::server::Protocol;
    use super::*;

    #[test]
    fn the_worst_exception_decides_and_missing_segments_are_named() {
        let server = ServerAddress {
            name: "Server_h_1".into(),
            host: "h".into(),
            port: 8090,
            tls: false,
            protocol: Protocol::Grpc,
        };
        let secrets = vec![Secret::new("hunter2")];
        let asked = Asked { server, table: "t_OFFLINE".into(), request_id: 7, secrets };
        let exception = |error_code, message: &str| QueryException { error_code, message: message.into() };
        let missing = exception(235, "SegmentMissingError:\n2 segments [a, b c] missing on server: Server_h_1");
        let error = asked.exceptions(std::slice::from_ref(&missing));
        let failure = ServerFailure::of(&error).unwrap();
        assert_eq!((failure.remedy, error.retry()), (Remedy::OtherReplica, Retry::Temporary));
        assert_eq!(failure.missing_segments, ["a", "b c"]);
        let text = error.to_string();
        assert!(text.contains("Server_h_1") && text.contains("t_OFFLINE") && text.contains("a, b c"), "{text}");
        let late = exception(200, "Query execution error on: Server_h_1 Query timed out while generating the plan");
        assert_eq!(ServerFailure::of(&asked.exceptions(&[late])).unwrap().remedy, Remedy::OtherReplica);
        let error = asked.exceptions(&[exception(200, "Failed to find column: c in schema: t")]);
        assert!(error.advice().contains("reload") && error.retry() == Retry::Permanent, "{error}");
        let error = asked.exceptions(&[missing, exception(150, "no hunter2 here")]);
        assert_eq!(ServerFailure::of(&error).unwrap().remedy, Remedy::Nobody);
        assert_eq!((error.kind(), error.retry()), (ErrorKind::InvalidConfig, Retry::Permanent));
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
}

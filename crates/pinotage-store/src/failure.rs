//! What a store's answer means, and whose move it is.

use std::error::Error as StdError;
use std::fmt;

use object_store::client::{HttpError, HttpErrorKind};
use pinotage_common::{Error, ErrorKind, Retry};

use crate::{Location, StoreOptions};

/// The longest answer of a server that is kept in an error.
const MAX_ANSWER: usize = 500;

/// Turns a client's errors into ours, without the secrets it knows.
#[derive(Clone, Default)]
pub(crate) struct Failures {
    secrets: Vec<String>,
}

/// What a server said, cleaned of secrets: the cause of our errors in place of the client's own, which shows them.
#[derive(Debug)]
struct Answer(String);

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for Answer {}

impl Failures {
    pub(crate) fn new(options: &StoreOptions) -> Self {
        Self { secrets: options.secrets().map(str::to_owned).collect() }
    }

    /// The error of an operation (`cannot read`) at a location.
    pub(crate) fn explain(&self, operation: &str, location: &Location, error: object_store::Error) -> Error {
        let text = chain(&error);
        let meaning = Meaning::of(&error, &text, location);
        let mut found = Error::new(meaning.kind, format!("{operation}: {}", meaning.message)).with("uri", location);
        if let Some(advice) = meaning.advice {
            found = found.action(advice);
        }
        if meaning.permanent {
            found = found.retry_as(Retry::Permanent);
        }
        found.caused_by(Answer(self.clean(&text, location.query())))
    }

    /// Cuts the queries of URLs and every known secret out of a text.
    fn clean(&self, text: &str, query: Option<&str>) -> String {
        let mut text = text.to_owned();
        for secret in self.secrets.iter().map(String::as_str).chain(query.filter(|query| !query.is_empty())) {
            text = text.replace(secret, "***");
        }
        let mut clean = String::with_capacity(text.len());
        for (index, word) in text.split(' ').enumerate() {
            if index > 0 {
                clean.push(' ');
            }
            match word.split_once('?') {
                Some((url, _)) if url.contains("://") => {
                    clean.push_str(url);
                    clean.push_str("?***");
                }
                _ => clean.push_str(word),
            }
        }
        if let Some((end, _)) = clean.char_indices().nth(MAX_ANSWER) {
            clean.truncate(end);
            clean.push('…');
        }
        clean
    }
}

/// What a failure comes down to.
struct Meaning {
    kind: ErrorKind,
    message: String,
    advice: Option<&'static str>,
    permanent: bool,
}

/// Error codes of S3, Azure and Google, as they stand between the tags of an answer, and one phrase of the client; with
/// the message and the advice for each.
const CODES: &[(&[&str], ErrorKind, &str, &str)] = &[
    (
        &[">NoSuchBucket<", ">ContainerNotFound<"],
        ErrorKind::NotFound,
        "there is no such bucket or container",
        "check the name after the scheme, the account or endpoint, and that the bucket exists",
    ),
    (
        &[
            ">InvalidAccessKeyId<",
            ">SignatureDoesNotMatch<",
            ">AuthenticationFailed<",
            ">InvalidAuthenticationInfo<",
            ">AuthorizationFailure<",
        ],
        ErrorKind::PermissionDenied,
        "the store does not know these credentials",
        "check access key and secret key (or account key), and that they belong to this endpoint",
    ),
    (
        &[">ExpiredToken<", ">InvalidToken<", ">TokenRefreshRequired<"],
        ErrorKind::PermissionDenied,
        "the session token has expired or is not valid",
        "get new temporary credentials and run the job again",
    ),
    (
        &[">RequestTimeTooSkewed<"],
        ErrorKind::PermissionDenied,
        "the clock of this machine differs from the store's",
        "set the clock of this machine, then run the job again",
    ),
    (
        &[
            ">AuthorizationHeaderMalformed<",
            ">PermanentRedirect<",
            ">IllegalLocationConstraintException<",
            "Received redirect without LOCATION",
        ],
        ErrorKind::InvalidConfig,
        "the bucket is in another region",
        "set `s3.region` to the region of the bucket",
    ),
    (
        &[">SlowDown<", ">ServerBusy<", ">TooManyRequests<"],
        ErrorKind::Unavailable,
        "the store asks for fewer requests",
        "run the job again later, or lower `concurrency`",
    ),
];

impl Meaning {
    fn of(error: &object_store::Error, text: &str, location: &Location) -> Self {
        use object_store::Error as E;
        let new = |kind, message: String, advice| Self { kind, message, advice, permanent: false };
        let code = CODES.iter().find(|(codes, ..)| codes.iter().any(|code| text.contains(code)));
        if let Some((_, kind, message, advice)) = code {
            return new(*kind, (*message).into(), Some(*advice));
        }
        // What went wrong when a download went on is wrapped.
        let error = innermost(error);
        match error {
            E::NotFound { .. } => Self::missing(),
            E::PermissionDenied { .. } => Self::denied("access is denied"),
            E::Unauthenticated { .. } => Self::denied("the store wants credentials"),
            E::Precondition { .. } | E::NotModified { .. } => new(
                ErrorKind::CommitConflict,
                "it was changed in the meantime".into(),
                Some("find out what writes there, then run the job again"),
            ),
            E::AlreadyExists { .. } => new(ErrorKind::AlreadyExists, "it exists already".into(), None),
            E::InvalidPath { .. } => new(
                ErrorKind::Unsupported,
                "a key has an empty, `.` or `..` part, which cannot be addressed".into(),
                Some("rename the object, or name a folder without it"),
            ),
            E::NotSupported { .. } | E::NotImplemented { .. } => {
                new(ErrorKind::Unsupported, "the store cannot do this".into(), None)
            }
            _ if is_about_credentials(text) => new(
                ErrorKind::PermissionDenied,
                "no credentials were found".into(),
                Some(
                    "put them into the store's options or the environment (AWS_ACCESS_KEY_ID, \
                     GOOGLE_APPLICATION_CREDENTIALS, AZURE_STORAGE_ACCOUNT_KEY), or set `anonymous: true`",
                ),
            ),
            _ => Self::of_transport(error, text, location),
        }
    }

    fn denied(message: &str) -> Self {
        Self {
            kind: ErrorKind::PermissionDenied,
            message: message.into(),
            advice: Some(
                "give these credentials the right to list, read and write there, or name others in the options",
            ),
            permanent: true,
        }
    }

    fn missing() -> Self {
        Self {
            kind: ErrorKind::NotFound,
            message: "not found".into(),
            advice: Some("check the bucket and the key; names are case-sensitive"),
            permanent: true,
        }
    }

    fn of_transport(error: &object_store::Error, text: &str, location: &Location) -> Self {
        let unavailable = |message: String, advice| Self {
            kind: ErrorKind::Unavailable,
            message,
            advice: Some(advice),
            permanent: false,
        };
        if let Some(status) = status(text) {
            let message = format!("the store answered with status {status}");
            return match status {
                // Listings have these under no name of their own.
                401 | 403 => Self::denied("access is denied"),
                404 => Self::missing(),
                408 | 429 | 500.. => unavailable(message, "run the job again later"),
                // A HEAD request has no body that would name the reason.
                _ => Self {
                    kind: ErrorKind::InvalidConfig,
                    message,
                    advice: Some("check endpoint, region and key; the store's own words stand above"),
                    permanent: true,
                },
            };
        }
        match http_error(error).map(HttpError::kind) {
            Some(HttpErrorKind::Connect) if text.to_ascii_lowercase().contains("certificate") => Self {
                kind: ErrorKind::PermissionDenied,
                message: "the server's certificate is not trusted".into(),
                advice: Some("add its authority to the trust store of this machine (or SSL_CERT_FILE)"),
                permanent: true,
            },
            Some(HttpErrorKind::Connect) => unavailable(
                format!("no connection to the store of `{}`", location.bucket()),
                "check the host or endpoint, that the server runs, and the network between",
            ),
            Some(HttpErrorKind::Timeout) => {
                unavailable("no answer in time".into(), "run the job again later, or raise `timeout`")
            }
            Some(_) => unavailable("the connection broke".into(), "run the job again later"),
            None => Self {
                kind: ErrorKind::Unavailable,
                message: "the store's client failed".into(),
                advice: Some("the cause stands above; check the store's options"),
                permanent: true,
            },
        }
    }
}

/// The status that the client's message names.
fn status(text: &str) -> Option<u16> {
    let (_, rest) = text.split_once("status code: ")?;
    rest.get(..3)?.parse().ok()
}

fn is_about_credentials(text: &str) -> bool {
    // Where machines of a cloud get their identity from; elsewhere nobody answers there.
    ["169.254.169.254", "169.254.170.2", "metadata.google.internal", "/computeMetadata/", "/latest/api/token"]
        .iter()
        .any(|place| text.contains(place))
}

/// The first of the client's own errors that says more than that something failed.
fn innermost(error: &object_store::Error) -> &object_store::Error {
    let mut found = error;
    while let object_store::Error::Generic { source, .. } = found
        && let Some(inner) = source.downcast_ref()
    {
        found = inner;
    }
    found
}

fn http_error(error: &object_store::Error) -> Option<&HttpError> {
    let mut next = error.source();
    while let Some(cause) = next {
        if let Some(found) = cause.downcast_ref() {
            return Some(found);
        }
        next = cause.source();
    }
    None
}

/// The message with all causes that it does not repeat.
fn chain(error: &object_store::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}

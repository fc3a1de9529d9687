//! One request, before it is sent.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use pinotage_common::{Error, Result};
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use url::Url;

use super::address::shown;
use crate::options::Timeouts;

/// Whether a request may be sent again when nobody knows if it arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// The second time changes nothing.
    Safe,
    /// The second time changes nothing, but what the server answers with 500 it would answer again.
    IfLost,
    /// Only when it cannot have arrived: nothing listened, or the server said 429.
    IfNotArrived,
}

/// Which of the time-outs holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// `timeouts.request`
    Request,
    /// `timeouts.transfer`
    Transfer,
    /// `timeouts.publish`
    Publish,
}

impl Wait {
    pub(super) fn time(self, timeouts: &Timeouts) -> (Duration, &'static str) {
        match self {
            Self::Request => (timeouts.request.duration(), "timeouts.request"),
            Self::Transfer => (timeouts.transfer.duration(), "timeouts.transfer"),
            Self::Publish => (timeouts.publish.duration(), "timeouts.publish"),
        }
    }
}

/// What a part of a form holds.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    /// A file, read anew for each attempt.
    File(PathBuf),
    /// Bytes in memory.
    Bytes(Bytes),
}

/// What a request carries.
#[derive(Debug)]
pub(super) enum Payload {
    None,
    Bytes(Bytes),
    /// The name of the part and of its file.
    Part(String, Content),
}

/// One request, before it is sent.
#[derive(Debug)]
pub(crate) struct Call {
    /// What it is for, as in `cannot list the tables`.
    pub(super) what: &'static str,
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Payload,
    /// The file that gets the answer, which is too long for memory.
    pub(super) save: Option<PathBuf>,
    pub(super) repeat: Repeat,
    pub(super) wait: Wait,
}

impl Call {
    /// A request that is safe to repeat unless it is a POST.
    pub(crate) fn new(what: &'static str, method: Method, url: Url) -> Self {
        let repeat = if method == Method::POST { Repeat::IfNotArrived } else { Repeat::Safe };
        Self {
            what,
            method,
            url,
            headers: HeaderMap::new(),
            body: Payload::None,
            save: None,
            repeat,
            wait: Wait::Request,
        }
    }

    /// Sends a document.
    pub(crate) fn json(self, body: &impl Serialize) -> Result<Self> {
        let bytes = serde_json::to_vec(body)
            .map_err(|error| Error::unexpected("a request cannot be written as JSON").caused_by(error))?;
        let call = Self { body: Payload::Bytes(bytes.into()), ..self };
        Ok(call.header(CONTENT_TYPE, HeaderValue::from_static("application/json")))
    }

    /// Sends a form of one part, as Pinot wants uploads.
    pub(crate) fn part(self, name: &str, content: Content) -> Self {
        Self { body: Payload::Part(name.to_owned(), content), ..self }
    }

    /// Writes the answer to a file, in one atomic step.
    pub(crate) fn save(self, path: &Path) -> Self {
        Self { save: Some(path.to_owned()), ..self }
    }

    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// The call site says in a comment why the second time changes nothing.
    pub(crate) fn safe_to_repeat(mut self) -> Self {
        self.repeat = Repeat::Safe;
        self
    }

    /// As [`Call::safe_to_repeat`], where a 500 is a refusal.
    pub(crate) fn safe_if_lost(mut self) -> Self {
        self.repeat = Repeat::IfLost;
        self
    }

    pub(crate) fn wait(mut self, wait: Wait) -> Self {
        self.wait = wait;
        self
    }

    /// The request as errors and logs show it.
    pub(super) fn shown(&self) -> String {
        format!("{} {}", self.method, shown(&self.url))
    }

    /// `host:port`
    pub(super) fn target(&self) -> String {
        let port = self.url.port_or_known_default().unwrap_or_default();
        format!("{}:{port}", self.url.host_str().unwrap_or_default())
    }
}

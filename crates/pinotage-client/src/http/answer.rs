//! What a server answered.

use std::collections::BTreeMap;

use bytes::Bytes;
use pinotage_common::{Error, ErrorKind, Result, Secret};
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, LOCATION};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value as Json;
use url::Url;

use super::address::cut;

/// How much of a refusal is read, in bytes, and how much of it is shown, in characters.
pub(super) const MAX_REFUSAL_BYTES: usize = 64 << 10;
const MAX_WORDS: usize = 1_000;

/// What a server answered, refusals included.
pub(crate) struct Answer {
    pub(super) what: &'static str,
    pub(super) request: String,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) saved: u64,
    pub(super) attempts: u32,
    pub(super) secrets: Vec<Secret>,
}

impl Answer {
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    pub(crate) fn body(&self) -> &Bytes {
        &self.body
    }

    /// Attempts it took. After the second, what was asked for may have been done by the first.
    pub(crate) fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The bytes that were written to a file.
    pub(crate) fn saved(&self) -> u64 {
        self.saved
    }

    /// The server's own words, without our secrets.
    pub(crate) fn words(&self) -> String {
        let text = String::from_utf8_lossy(self.body.get(..MAX_REFUSAL_BYTES).unwrap_or(&self.body));
        let mut words = words(&text);
        for secret in &self.secrets {
            words = words.replace(secret.expose(), "***");
        }
        // Last, or the beginning of a secret could stay.
        cut(words, MAX_WORDS)
    }

    /// The answer, unless it is a refusal.
    pub(crate) fn ok(self) -> Result<Self> {
        if self.status.is_success() { Ok(self) } else { Err(self.refusal()) }
    }

    /// The document in the answer, unless it is a refusal.
    pub(crate) fn json<T: DeserializeOwned>(self) -> Result<T> {
        self.ok()?.read()
    }

    /// Pinot said that it did it, and not somebody on the way who lets nobody through.
    pub(crate) fn done(self) -> Result<()> {
        self.json::<BTreeMap<String, IgnoredAny>>().map(drop)
    }

    /// The document in the answer.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|error| self.unreadable(&error.to_string()))
    }

    /// Somebody else is at it: the one conflict that goes away by itself.
    pub(crate) fn is_busy(&self) -> bool {
        self.status == StatusCode::CONFLICT && self.words().contains("retry later")
    }

    /// An answer that says yes but is not what this client knows.
    pub(crate) fn unreadable(&self, reason: &str) -> Error {
        let error = Error::new(ErrorKind::Unsupported, format!("cannot {}: the answer is not as expected", self.what))
            .with("expected", cut(reason.to_owned(), 300))
            .with("answer", cut(self.words(), 300))
            .action("check that the address is that of a Pinot controller, broker or server as asked for");
        self.place(error)
    }

    /// The error that a refusal is.
    pub(crate) fn refusal(&self) -> Error {
        let said = |who: &str| format!("cannot {}: {who}", self.what);
        let error = match self.status.as_u16() {
            300..=399 => {
                let target =
                    self.headers.get(LOCATION).and_then(|to| to.to_str().ok()).and_then(|to| Url::parse(to).ok());
                let to = target.map(|url| url.origin().ascii_serialization()).unwrap_or_else(|| "elsewhere".into());
                Error::invalid_config(said(&format!("the server redirects to {to}"))).action("use the address it names")
            }
            400 | 422 => Error::invalid_config(said("the server finds the request wrong"))
                .action("correct what the server names"),
            401 if self.secrets.is_empty() => {
                Error::new(ErrorKind::PermissionDenied, said("the server asks who we are")).action("set `auth`")
            }
            401 => Error::new(ErrorKind::PermissionDenied, said("the server refuses the password or token"))
                .action("correct `auth`"),
            403 => Error::new(ErrorKind::PermissionDenied, said("the server forbids it"))
                .action("check the password or token in `auth`, give this user the permission, or correct what the server names"),
            404 => Error::not_found(said("the server does not find it"))
                .action("check the names, and that the address is the right server's"),
            405 | 501 => Error::unsupported(said("this server cannot do it"))
                .action("check the address; perhaps the Pinot release is too old for this call"),
            407 => Error::new(ErrorKind::PermissionDenied, said("the proxy asks who we are"))
                .action("set `proxy.user` and `proxy.password`"),
            409 => Error::new(ErrorKind::CommitConflict, said("the server sees a conflict")),
            410 => Error::not_found(said("it is gone")),
            412 => Error::new(ErrorKind::CommitConflict, said("it was changed in between")),
            413 => Error::new(ErrorKind::ResourceExhausted, said("it is too large for the server"))
                .action("raise the server's or proxy's limit of a request, or send less"),
            429 => Error::new(ErrorKind::Unavailable, said("the server has too much to do")).action("try again later"),
            500..=599 => Error::new(ErrorKind::Unavailable, said("the server failed"))
                .action("look at the server's words above and its log, then try again"),
            _ => Error::new(ErrorKind::Unsupported, said("the server gave an unknown answer")),
        };
        self.quote(error)
    }

    /// The error that a refusal is to who knows better what it means.
    pub(crate) fn error(&self, kind: ErrorKind, reason: &str, advice: &str) -> Error {
        self.quote(Error::new(kind, format!("cannot {}: {reason}", self.what)).action(advice))
    }

    /// Adds what the server said, and at which attempt.
    fn quote(&self, error: Error) -> Error {
        let (words, error) = (self.words(), error.with("status", self.status.as_u16()));
        let error = self.place(if words.is_empty() { error } else { error.with("answer", words) });
        if self.attempts > 1 { error.with("attempts", self.attempts) } else { error }
    }

    /// Adds which request it was.
    pub(super) fn place(&self, error: Error) -> Error {
        error.with("request", &self.request)
    }
}

/// What a body says: Pinot's `error`, the text of a page, or the text itself, on one line.
fn words(text: &str) -> String {
    let text = match serde_json::from_str::<Json>(text) {
        Ok(Json::Object(fields)) => ["error", "message", "status", "_error"]
            .iter()
            .find_map(|key| fields.get(*key).and_then(Json::as_str).map(str::to_owned))
            .unwrap_or_else(|| text.to_owned()),
        Ok(Json::String(text)) => text,
        _ if text.trim_start().starts_with('<') => without_tags(text),
        _ => text.to_owned(),
    };
    let line: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|it| !it.is_empty()).collect();
    line.join(" ")
}

/// The readable part of a page.
fn without_tags(page: &str) -> String {
    let mut text = String::new();
    let mut rest = page;
    while let Some((before, tag)) = rest.split_once('<') {
        text.push_str(before);
        text.push(' ');
        let lower = tag.get(..6).unwrap_or_default().to_ascii_lowercase();
        // What stands in these two is no text.
        let hidden = ["style", "script"].into_iter().find(|name| lower.starts_with(name));
        let after = hidden.and_then(|name| tag.find(&format!("</{name}")).and_then(|at| tag.get(at..))).unwrap_or(tag);
        rest = after.split_once('>').map_or("", |(_, rest)| rest);
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_every_form() {
        for (body, expected) in [
            (r#"{"code":404,"error":"Table x not found"}"#, "Table x not found"),
            (r#"{"status":"done"}"#, "done"),
            (r#"{"code":500}"#, r#"{"code":500}"#),
            ("\"quoted\"", "quoted"),
            ("{broken", "{broken"),
            ("two\n\tlines\u{7}", "two lines"),
            ("", ""),
            (
                "<!DOCTYPE html><html><head><style>p{color:red}</style><title>502 Bad Gateway</title></head><body>nginx",
                "502 Bad Gateway nginx",
            ),
            ("<unclosed", ""),
        ] {
            assert_eq!(words(body), expected);
        }
    }
}

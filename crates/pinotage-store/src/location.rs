//! Where something is: a URI or a local path, checked and in one form.

use std::fmt;
use std::path::{Component, Path};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use pinotage_common::{Error, Result};
use url::Url;

use crate::scheme::Scheme;

/// What stands unescaped in the path of a URI; everything else is percent-encoded.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/')
    .remove(b'=')
    .remove(b'+')
    .remove(b',')
    .remove(b':')
    .remove(b'@');

/// A file, object or folder: a local path or a URI of one of the [schemes](Scheme).
///
/// | text | meaning |
/// | --- | --- |
/// | `data/a.csv`, `/data/a.csv`, `file:///data/a.csv` | a local path |
/// | `s3://bucket/key`, `s3a://bucket/key` | Amazon S3 and what speaks its protocol |
/// | `gs://bucket/key` | Google Cloud Storage |
/// | `abfss://container@account.dfs.core.windows.net/key`, `abfs`, `wasb`, `wasbs` | Azure Blob Storage |
/// | `az://container/key` | the same, with the account from the options |
/// | `http://host/key`, `https://host/key?signature` | one file of a web server, to read |
///
/// URIs are percent-decoded once; plain local paths are taken as they are. `..` works in plain local paths only, by the
/// text and never above the root; in a URI an empty, `.` or `..` part is refused, encoded or not, as are `%2F` and
/// control characters: what is checked is what is opened. A slash at the end is dropped.
///
/// `Display` gives the canonical URI (for local files the absolute path) without the query of a signed URL.
///
/// # Examples
///
/// ```
/// use pinotage_store::Location;
/// let file = Location::parse("s3://bucket/2024/a%20b.csv")?;
/// assert_eq!((file.bucket(), file.key()), ("bucket", "2024/a b.csv"));
/// assert_eq!(file.to_string(), "s3://bucket/2024/a%20b.csv");
/// assert_eq!(Location::parse("/data/a b.csv")?.to_uri(), "file:///data/a%20b.csv");
/// assert!(Location::parse("s3://bucket/../other").is_err());
/// # Ok::<(), pinotage_common::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Location {
    pub(crate) scheme: Scheme,
    /// `bucket`, `container`, `container@account.host` or `host:port`; empty for local files.
    authority: String,
    /// Decoded; without a slash at either end, local ones with the one at the start.
    key: String,
    /// Of a signed URL: a secret.
    query: Option<String>,
}

impl Location {
    /// Parses a URI or a path; relative paths start at the working directory.
    ///
    /// # Errors
    ///
    /// `invalid-config` for a text that breaks a rule above, `unsupported` for a scheme that Pinotage does not speak
    /// (`hdfs`, `ftp`, …), with what to do instead.
    pub fn parse(text: &str) -> Result<Self> {
        let base =
            std::env::current_dir().map_err(|error| Error::io(error, "cannot find the working directory", "."))?;
        Self::parse_in(text, &base)
    }

    /// Parses a URI or a path; relative paths start at the absolute path `base`.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    pub fn parse_in(text: &str, base: &Path) -> Result<Self> {
        match split_scheme(text) {
            None => Self::local(&base.join(text)),
            Some((name, rest)) => {
                let scheme = Scheme::parse(name).map_err(|error| error.with("uri", without_query(text)))?;
                Self::uri(scheme, rest).map_err(|error| error.with("uri", hide_user(&without_query(text))))
            }
        }
    }

    /// Whether a text is a URI, of whatever scheme, and no path.
    pub fn is_uri(text: &str) -> bool {
        split_scheme(text).is_some()
    }

    /// A local path; `.` and `..` are resolved by the text, before any link is followed.
    ///
    /// # Errors
    ///
    /// `invalid-config` for a path that is not absolute, not UTF-8, or leads above the root.
    pub fn local(path: &Path) -> Result<Self> {
        let wrong = |message: &str| Err(Error::invalid_config(message).with("path", path.display()));
        let Some(text) = path.to_str() else { return wrong("expected a path in UTF-8") };
        if text.contains('\0') {
            return wrong("expected a path without a NUL character");
        }
        if !path.is_absolute() {
            return wrong("expected an absolute path");
        }
        let mut parts: Vec<&str> = Vec::new();
        for component in path.components() {
            match component {
                Component::Normal(part) => parts.push(part.to_str().unwrap_or_default()),
                Component::ParentDir if parts.pop().is_none() => return wrong("expected a path that stays below `/`"),
                _ => {}
            }
        }
        Ok(Self { scheme: Scheme::File, authority: String::new(), key: format!("/{}", parts.join("/")), query: None })
    }

    /// `rest` follows the colon of the scheme.
    fn uri(scheme: Scheme, rest: &str) -> Result<Self> {
        let (rest, query) = match rest.split_once('?') {
            Some((rest, query)) if scheme.is_http() => (rest, Some(query.to_owned())),
            _ => (rest, None),
        };
        if rest.contains(['?', '#']) {
            return Err(Error::invalid_config("expected a URI without `?` and `#`")
                .action("write %3F for `?` and %23 for `#` when the name has them"));
        }
        let Some(rest) = rest.strip_prefix("//") else {
            // Java writes `file:/path`.
            return match scheme {
                Scheme::File => Self::local(Path::new(&format!("/{}", decode(rest.trim_start_matches('/'))?))),
                _ => Err(Error::invalid_config(format!("expected two slashes after `{scheme}:`"))
                    .action(format!("write `{scheme}://…`"))),
            };
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        if scheme == Scheme::File {
            if !matches!(authority, "" | "localhost") {
                return Err(Error::invalid_config(format!("expected no host in a file URI, found `{authority}`"))
                    .action("write `file:///path` with three slashes"));
            }
            return Self::local(Path::new(&format!("/{}", decode(path)?)));
        }
        Ok(Self { scheme, authority: scheme.check_authority(authority)?, key: decode(path)?, query })
    }

    /// How it is reached.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The bucket or container; the host and port of a web server; empty for local files.
    pub fn bucket(&self) -> &str {
        self.authority.split_once('@').map_or(&self.authority, |(container, _)| container)
    }

    /// The bucket, container with account, or host.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// The host of the Azure account, when the URI names it.
    pub(crate) fn account_host(&self) -> Option<&str> {
        self.authority.split_once('@').map(|(_, host)| host)
    }

    /// The decoded path inside of the bucket, without a slash at either end; the absolute path of a local file.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The last part of the key; empty for a whole bucket.
    pub fn name(&self) -> &str {
        self.key.rsplit('/').next().unwrap_or_default()
    }

    /// The path of a local file, which needs no copy to be read.
    pub fn local_path(&self) -> Option<&Path> {
        (self.scheme == Scheme::File).then(|| Path::new(&self.key))
    }

    /// The folder that it is in; a whole bucket is its own.
    pub fn parent(&self) -> Self {
        let (parent, _) = self.key.rsplit_once('/').unwrap_or_default();
        let root = self.scheme == Scheme::File && parent.is_empty();
        self.with_key(if root { "/".to_owned() } else { parent.to_owned() })
    }

    /// The location below this one.
    ///
    /// # Errors
    ///
    /// `invalid-config` when a part of the relative key is empty, `.` or `..`.
    pub fn join(&self, relative: &str) -> Result<Self> {
        check_key(relative).map_err(|error| error.with("uri", self).with("key", relative))?;
        Ok(self.with_key(match self.key.as_str() {
            "" | "/" => format!("{}{relative}", self.key),
            key => format!("{key}/{relative}"),
        }))
    }

    /// The same store, another key, which came from the store itself.
    pub(crate) fn with_key(&self, key: String) -> Self {
        Self { key, ..self.clone() }
    }

    /// What a [`Pattern`](crate::Pattern) is matched against: the local path, or `scheme:/bucket/key`, decoded.
    pub fn match_text(&self) -> String {
        match self.scheme {
            Scheme::File => self.key.clone(),
            _ => format!("{}:/{}/{}", self.scheme, self.authority, self.key),
        }
    }

    /// The canonical URI, also of a local file (`file:///data/a%20b.csv`), without the query of a signed URL.
    pub fn to_uri(&self) -> String {
        // Keys of local files begin with the slash.
        let slash = if self.scheme == Scheme::File { "" } else { "/" };
        format!("{}://{}{slash}{}", self.scheme, self.authority, utf8_percent_encode(&self.key, ESCAPED))
    }

    /// Whether two locations are served by one client.
    pub(crate) fn same_store(&self, other: &Self) -> bool {
        (self.scheme, &self.authority, &self.query) == (other.scheme, &other.authority, &other.query)
    }

    /// The URL of a web server without the key, with the query.
    pub(crate) fn server(&self) -> String {
        let query = self.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        format!("{}://{}/{query}", self.scheme, self.authority)
    }

    /// The query of a signed URL.
    pub(crate) fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.scheme {
            Scheme::File => f.write_str(&self.key),
            _ => f.write_str(&self.to_uri()),
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The scheme and what follows its colon; `None` for a local path.
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = text.split_once(':')?;
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "+.-".contains(c));
    (is_name && rest.starts_with('/')).then_some((name, rest))
}

/// Decodes part by part, so that no encoded slash or `..` slips through.
fn decode(path: &str) -> Result<String> {
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.is_empty() {
        return Ok(String::new());
    }
    let mut parts = Vec::new();
    for part in path.split('/') {
        let mut rest = part;
        while let Some((_, after)) = rest.split_once('%') {
            if !after.as_bytes().get(..2).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)) {
                return Err(Error::invalid_config("expected two hexadecimal digits after `%`")
                    .action("write %25 for a `%` that belongs to the name"));
            }
            rest = after;
        }
        let part = percent_decode_str(part)
            .decode_utf8()
            .map_err(|error| Error::invalid_config("expected a path in UTF-8").caused_by(error))?;
        if part.contains('/') {
            return Err(Error::invalid_config("expected no encoded slash (%2F)").action("write a plain `/`"));
        }
        parts.push(part.into_owned());
    }
    let key = parts.join("/");
    check_key(&key)?;
    Ok(key)
}

fn check_key(key: &str) -> Result<()> {
    if key.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(Error::invalid_config("expected no empty, `.` or `..` part in the path")
            .action("write the path in full, with single slashes; rename objects that have such keys"));
    }
    if key.chars().any(char::is_control) {
        return Err(Error::invalid_config("expected no control character in the path"));
    }
    Ok(())
}

/// The text without what may be the signature of a signed URL.
fn without_query(text: &str) -> String {
    text.split(['?', '#']).next().unwrap_or_default().to_owned()
}

/// The text without a user and password before the host; containers of Azure stand there too and stay.
fn hide_user(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    match authority.rsplit_once('@') {
        Some((user, host)) if user.contains(':') => format!("{scheme}://***@{host}{path}"),
        _ => text.to_owned(),
    }
}

impl Scheme {
    /// The authority in its canonical form.
    fn check_authority(self, authority: &str) -> Result<String> {
        let wrong = |message: String| Err(Error::invalid_config(message));
        if self.is_http() {
            let url = Url::parse(&format!("{self}://{authority}/"))
                .map_err(|error| Error::invalid_config("expected a host after the scheme").caused_by(error))?;
            if authority.contains('@') {
                return Err(Error::invalid_config("expected no user and password in a URI")
                    .action("use a signed URL, or a token in the option `http.token`"));
            }
            let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
            return Ok(format!("{}{port}", url.host_str().unwrap_or_default()));
        }
        let (bucket, host) = match authority.split_once('@') {
            Some((bucket, host)) if self.is_azure() => (bucket, Some(host)),
            _ => (authority, None),
        };
        let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "-._$".contains(c));
        if bucket.is_empty() {
            return wrong(format!("expected a bucket or container after `{self}://`"));
        }
        if !plain(bucket) || bucket.starts_with('.') {
            return Err(Error::invalid_config("expected the name of a bucket or container, found other characters")
                .action(format!(
                    "put credentials into the store's options, not into the URI; write `{self}://name/…`"
                )));
        }
        if let Some(host) = host {
            let mut labels = host.split('.');
            let account = labels.next().unwrap_or_default();
            if !plain(host)
                || account.is_empty()
                || !matches!(labels.next(), Some("dfs" | "blob"))
                || labels.next().is_none()
            {
                return Err(Error::invalid_config("expected the host of an Azure account after `@`")
                    .action(format!("write `{self}://container@account.dfs.core.windows.net/…`")));
            }
        }
        Ok(authority.to_owned())
    }
}

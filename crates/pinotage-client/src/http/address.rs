//! Where a controller, broker or server is, and the URLs of its resources.

use std::borrow::Cow;
use std::fmt;

use pinotage_common::{Error, Result};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use url::Url;

/// Where a controller, broker or server is: `host:9000`, `http://host:9000`, `https://host/behind/a/path`.
///
/// Without a scheme it is `http`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Address(Url);

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    ///
    /// `invalid-config` for what is no address, for schemes other than http and https, and for an address with a user,
    /// a password, a query or a fragment: secrets have options of their own, which are never shown.
    pub fn parse(text: &str) -> Result<Self> {
        let full = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let bad = |what: &str| {
            Error::invalid_config(format!(
                "expected an address such as `host:9000` or `https://host:9443`, found {what}"
            ))
        };
        // The text is not shown before it is known to hold no password.
        let url = Url::parse(&full).map_err(|error| bad(&format!("something else ({error})")))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(bad("one with a user or password in it")
                .action("take them out of the address and give them as `auth: {kind: basic, user: …, password: …}`"));
        }
        if !matches!(url.scheme(), "http" | "https") {
            return Err(bad(&format!("the scheme `{}`", url.scheme())).action("use http or https"));
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(bad("no host"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(bad("one with `?` or `#`").action("end the address behind its path"));
        }
        Ok(Self(url))
    }

    /// The address of a host and a port, of the scheme of this one.
    ///
    /// # Errors
    ///
    /// `invalid-config` for what is no host.
    pub fn sibling(&self, host: &str, port: u16) -> Result<Self> {
        let host = if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() };
        Self::parse(&format!("{}://{host}:{port}", self.0.scheme()))
    }

    /// The traffic is encrypted.
    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// The URL of a resource: the parts of its path are percent-encoded, slashes inside them too.
    pub(crate) fn url(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Url> {
        let mut url = self.0.clone();
        // `Url` drops such parts without a word, and the request would go to another resource.
        if let Some(part) = path.iter().find(|part| matches!(**part, "" | "." | "..")) {
            return Err(Error::invalid_config(format!("`{part}` cannot be a name in a URL")));
        }
        url.path_segments_mut().map_err(|()| Error::unexpected("an http URL has a path"))?.pop_if_empty().extend(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }
}

impl TryFrom<String> for Address {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).map_err(|error| error.message().to_owned())
    }
}

impl JsonSchema for Address {
    fn schema_name() -> Cow<'static, str> {
        "Address".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "Where a server is: `host:9000` or `https://host:9443`.",
            "examples": ["localhost:9000"]
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

/// Query parameters of Pinot whose values are shown; all others could hold a secret.
const SHOWN: [&str; 19] = [
    "allowRefresh",
    "cleanup",
    "enableParallelPushProtection",
    "excludeReplacedSegments",
    "forceCleanup",
    "forceDownload",
    "forceRevert",
    "override",
    "reload",
    "retention",
    "segmentLineageEntryId",
    "segments",
    "state",
    "tableName",
    "tableType",
    "type",
    "validDocIdsType",
    "validationTypesToSkip",
    "verbose",
];

/// A URL as errors and logs show it: without user, password and unknown parameters.
pub(crate) fn shown(url: &Url) -> String {
    let mut bare = url.clone();
    bare.set_query(None);
    bare.set_fragment(None);
    // Both only fail for URLs that have no host.
    let _ = bare.set_username("");
    let _ = bare.set_password(None);
    let mut text = bare.to_string();
    for (at, (key, value)) in url.query_pairs().enumerate() {
        let value = if SHOWN.contains(&key.as_ref()) { value.as_ref() } else { "***" };
        text.push(if at == 0 { '?' } else { '&' });
        text.push_str(&format!("{key}={value}"));
    }
    cut(text, 500)
}

/// The beginning of a text.
pub(crate) fn cut(mut text: String, limit: usize) -> String {
    if let Some((at, _)) = text.char_indices().nth(limit) {
        text.truncate(at);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_path_are_encoded_and_none_is_lost() {
        let address = Address::parse("https://host/pinot/").unwrap();
        let url = address.url(&["segments", "db.t", "a/b %?"], &[("type", "OFFLINE")]).unwrap();
        assert_eq!(url.as_str(), "https://host/pinot/segments/db.t/a%2Fb%20%25%3F?type=OFFLINE");
        assert!(address.url(&["segments", ".."], &[]).is_err());
        assert!(address.url(&["segments", ""], &[]).is_err());
        assert_eq!(address.sibling("::1", 8097).unwrap().to_string(), "https://[::1]:8097");
    }

    #[test]
    fn addresses_with_secrets_are_refused_without_showing_them() {
        for text in ["http://loader:hunter2@host:9000", "loader:hunter2@host:9000", "http://host:9000?token=hunter2"] {
            let error = Address::parse(text).unwrap_err();
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
        for text in ["", "ftp://host", "http://", "host:port", "s3://bucket/x"] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn unknown_parameters_are_not_shown() {
        let url = Url::parse("http://u:p@h/x?type=OFFLINE&sig=hunter2#f").unwrap();
        assert_eq!(shown(&url), "http://h/x?type=OFFLINE&sig=***");
    }
}

//! Who asks.

use std::path::PathBuf;

use pinotage_common::Secret;
use schemars::JsonSchema;
use serde::Deserialize;

/// Who asks: one header, sent with every request to controllers, brokers and servers.
///
/// # Pinot equivalent
///
/// `org.apache.pinot.common.auth.AuthConfig`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Auth {
    /// No header.
    #[default]
    None,
    /// `Authorization: Basic …` from a user and a password.
    Basic {
        /// The user's name; it cannot hold a colon.
        user: String,
        /// The user's password.
        password: Secret,
    },
    /// `Authorization: Bearer …` from a token.
    Bearer {
        /// The token, without the word `Bearer`.
        token: Secret,
    },
    /// A token in a file, read again for each request, so that whoever renews it needs no restart.
    TokenFile {
        /// The file; blanks around the token do not count.
        path: PathBuf,
        /// The header's name.
        #[serde(default = "authorization")]
        header: String,
        /// The word before the token; empty when the file has it already.
        #[serde(default = "bearer")]
        prefix: String,
    },
    /// A header of any name, sent as it stands here.
    Header {
        /// The header's name.
        name: String,
        /// Its whole value.
        value: Secret,
    },
}

fn authorization() -> String {
    "Authorization".into()
}

fn bearer() -> String {
    "Bearer".into()
}

//! An HTTP proxy.

use pinotage_common::Secret;
use schemars::JsonSchema;
use serde::Deserialize;

/// An HTTP proxy between here and the cluster. Queries to servers, which are not HTTP, need it to allow CONNECT to their ports.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Proxy {
    /// Its address, such as `http://proxy:3128`.
    pub url: String,
    /// The user's name, when the proxy asks for one.
    #[serde(default)]
    pub user: Option<String>,
    /// The user's password.
    #[serde(default)]
    pub password: Option<Secret>,
    /// Hosts that are reached without it: names, domains with a leading dot, addresses or networks such as `10.0.0.0/8`.
    #[serde(default)]
    pub except: Vec<String>,
}

//! Whose certificates are trusted, and our own.

use std::path::PathBuf;

use pinotage_common::Secret;
use schemars::JsonSchema;
use serde::Deserialize;

/// Whose certificates are trusted, and our own. Host names are always checked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Tls {
    /// The authorities that are trusted, instead of the operating system's.
    pub trust_store: Option<TrustStore>,
    /// Our own certificate, for listeners that ask for one.
    pub key_store: Option<KeyStore>,
    /// Believe every server to be who it says. Anybody on the way can then read and change what is sent, passwords
    /// included; each run warns about it.
    pub insecure_trust_any_server: bool,
}

/// Certificates of authorities in a file: PEM, PKCS#12 or JKS; the file's first bytes tell which.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TrustStore {
    /// The file.
    pub path: PathBuf,
    /// Its password; PEM has none.
    #[serde(default)]
    pub password: Option<Secret>,
}

/// A certificate with its private key: PEM, PKCS#12 or JKS; the file's first bytes tell which.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeyStore {
    /// The file. PEM: the certificate, the authorities between, and the key unless `keyPath` has it.
    pub path: PathBuf,
    /// PEM only: the file of the private key.
    #[serde(default)]
    pub key_path: Option<PathBuf>,
    /// The file's password; PEM has none.
    #[serde(default)]
    pub password: Option<Secret>,
    /// JKS only: the key's own password, when it is not the file's.
    #[serde(default)]
    pub key_password: Option<Secret>,
    /// Which key, when the file has several.
    #[serde(default)]
    pub alias: Option<String>,
}

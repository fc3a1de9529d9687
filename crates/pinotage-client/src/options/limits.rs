//! How long to wait, and how often to try.

use pinotage_common::TimeSpan;
use schemars::JsonSchema;
use serde::Deserialize;

/// How long to wait. Each attempt has its own time.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Timeouts {
    /// For the connection with its TLS handshake.
    pub connect: TimeSpan,
    /// For the whole answer to a question; in a download, for the next byte.
    pub request: TimeSpan,
    /// For the whole of an upload or a download.
    pub transfer: TimeSpan,
    /// For a call in which the controller waits for servers: it does so up to 10 minutes when segments are published.
    pub publish: TimeSpan,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: TimeSpan::secs(10),
            request: TimeSpan::secs(60),
            transfer: TimeSpan::secs(3600),
            publish: TimeSpan::secs(660),
        }
    }
}

/// How often to try what may go well later: lost connections, answers 429 and 5xx, a segment that somebody else is
/// pushing. What changes something and is not safe to repeat is only tried again when it cannot have arrived.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Retries {
    /// Attempts in all; 1 never tries again.
    pub attempts: u32,
    /// The pause before the second attempt. It doubles with each attempt, less a random part of up to half.
    pub pause: TimeSpan,
    /// The longest pause, unless the server asks for a longer one.
    pub max_pause: TimeSpan,
    /// No attempt begins later than this after the first.
    pub give_up_after: TimeSpan,
}

impl Default for Retries {
    fn default() -> Self {
        Self {
            attempts: 6,
            pause: TimeSpan::millis(250),
            max_pause: TimeSpan::secs(15),
            give_up_after: TimeSpan::secs(300),
        }
    }
}

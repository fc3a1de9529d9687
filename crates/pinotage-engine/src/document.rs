//! Documents of web servers.

use pinotage_client::{Connection, Http};
use pinotage_common::Result;

use crate::cluster::runtime;

/// The text at a URL, such as a controller's `/tables/t/schema`. The connection says how its server is spoken to.
///
/// # Errors
///
/// Those of [`Http::document`].
pub fn document(connection: &Connection, url: &str) -> Result<String> {
    runtime()?.block_on(Http::new(connection)?.document(url))
}

//! Which table of which cluster.

use std::path::Path;

use pinotage_client::{Address, Connection};
use pinotage_common::{Error, Result};
use pinotage_job::connection_file;

/// The connection and the table's name, of what was given for an option: `pinot://host:port/table`, or the name alone when a
/// file has the connection.
pub(crate) fn place(table: &str, connection: Option<&Path>, option: &str) -> Result<(Connection, String)> {
    if let Some(path) = connection {
        if table.contains("://") {
            return Err(Error::invalid_config("`--connection` has the controller's address already")
                .with("option", option)
                .action("give the table's name alone"));
        }
        return Ok((connection_file(path)?, table.to_owned()));
    }
    let bad = || {
        Error::invalid_config(format!("expected a table such as `pinot://host:9000/flights`, found `{table}`"))
            .with("option", option)
    };
    let (scheme, rest) = table.split_once("://").ok_or_else(bad)?;
    let scheme = match scheme {
        "pinot" => "http",
        "pinot+https" => "https",
        _ => return Err(bad()),
    };
    let (host, table) =
        rest.rsplit_once('/').filter(|(host, table)| !host.is_empty() && !table.is_empty()).ok_or_else(bad)?;
    Ok((Connection::new(Address::parse(&format!("{scheme}://{host}"))?), table.to_owned()))
}

//! Which table of which cluster.

use std::path::Path;

use pinotage_client::Connection;
use pinotage_common::{Error, Result};
use pinotage_engine::TableSource;
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
    match TableSource::parse(table).map_err(|error| error.with("option", option))? {
        TableSource::Cluster { connection, table, options } if *options == Default::default() => {
            Ok((*connection, table))
        }
        TableSource::Cluster { .. } => Err(Error::invalid_config("options of a scan are of no use here")
            .with("option", option)
            .action("leave out what stands behind `?`")),
        TableSource::Local(_) => {
            Err(Error::invalid_config(format!("expected a table such as `pinot://host:9000/flights`, found `{table}`"))
                .with("option", option))
        }
    }
}

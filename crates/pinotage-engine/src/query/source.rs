//! Where a table is: a path or a URL.

use std::path::{Path, PathBuf};

use pinotage_client::{Address, Connection};
use pinotage_common::{Error, Result};
use pinotage_job::connection_file;
use pinotage_scan::ScanOptions;
use serde_json::{Map, Value as Json};

/// Where a table is.
#[derive(Debug, Clone)]
pub enum TableSource {
    /// A segment, a folder of segments, or a file.
    Local(PathBuf),
    /// A table of a cluster.
    Cluster {
        /// How the cluster is reached.
        connection: Box<Connection>,
        /// The table's name, with a type at its end when only that half is meant.
        table: String,
        /// How it is read.
        options: Box<ScanOptions>,
    },
}

impl TableSource {
    /// Reads a path, or a URL such as `pinot://host:9000/flights?reader=direct`, `pinot+https://…` for TLS. What stands
    /// behind `?` is the scan's options, and `connection`: a file that says how the cluster is reached, in place of the
    /// address (`pinot:///flights?connection=prod.yaml`).
    ///
    /// # Errors
    ///
    /// `invalid-config` for what is no such URL, and those of reading the connection file.
    pub fn parse(text: &str) -> Result<Self> {
        let (scheme, rest) = match text.split_once("://") {
            Some(("pinot", rest)) => ("http", rest),
            Some(("pinot+https", rest)) => ("https", rest),
            Some((scheme, _)) => {
                return Err(Error::invalid_config(format!(
                    "expected a path or a table of a cluster, found `{scheme}:`"
                ))
                .action("name a file, a folder of segments, or a table as `pinot://host:9000/flights`"));
            }
            None => return Ok(Self::Local(text.into())),
        };
        let bad = || Error::invalid_config("expected a table such as `pinot://host:9000/flights`").with("table", text);
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (host, table) = place.rsplit_once('/').filter(|(_, table)| !table.is_empty()).ok_or_else(bad)?;
        let mut connection_path = None;
        let mut options = Map::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').ok_or_else(bad)?;
            match key {
                "connection" => connection_path = Some(value),
                _ => {
                    // Numbers and flags are themselves, sizes and lengths of time are texts.
                    let plain = value.parse::<u64>().map(Json::from).ok();
                    let plain = plain.or_else(|| value.parse::<bool>().ok().map(Json::from));
                    options.insert(key.to_owned(), plain.unwrap_or_else(|| value.into()));
                }
            }
        }
        let options: ScanOptions = serde_json::from_value(Json::Object(options)).map_err(|error| {
            Error::invalid_config(format!("the options behind `?`: {error}"))
                .with("table", text)
                .action("use the options of a scan, such as `reader=direct` or `nulls=default`")
        })?;
        options.validate().map_err(|error| error.with("table", text))?;
        let connection = match (connection_path, host.is_empty()) {
            (Some(path), true) => connection_file(Path::new(path))?,
            (None, false) => Connection::new(Address::parse(&format!("{scheme}://{host}"))?),
            _ => {
                return Err(bad().action("give the address in the URL, or leave it out and name a `connection` file"));
            }
        };
        Ok(Self::Cluster { connection: Box::new(connection), table: table.to_owned(), options: Box::new(options) })
    }
}

impl From<PathBuf> for TableSource {
    fn from(path: PathBuf) -> Self {
        Self::Local(path)
    }
}

#[cfg(test)]
mod tests {
    use pinotage_scan::{Nulls, Reader};

    use super::*;

    #[test]
    fn a_url_has_address_table_and_options() {
        let text = "pinot+https://h:9443/sales?reader=direct&nulls=default&requestSize=1MiB&rowsPerSecond=7";
        let TableSource::Cluster { connection, table, options } = TableSource::parse(text).unwrap() else {
            panic!("expected a cluster")
        };
        assert_eq!((connection.controller.to_string().as_str(), table.as_str()), ("https://h:9443", "sales"));
        assert_eq!((options.reader, options.nulls, options.rows_per_second), (Reader::Direct, Nulls::Default, Some(7)));
        assert!(matches!(TableSource::parse("out/a?b").unwrap(), TableSource::Local(_)));
    }

    #[test]
    fn what_is_no_table_is_refused_with_a_reason() {
        for text in [
            "s3://b/t",
            "pinot://h:9000",
            "pinot:///t",
            "pinot://h/t?reader=fast",
            "pinot://h/t?x=1",
            "pinot://h/t?batchRows=0",
        ] {
            let error = TableSource::parse(text).unwrap_err();
            assert_eq!(error.kind(), pinotage_common::ErrorKind::InvalidConfig, "{text}: {error}");
        }
    }
}

//! Where a table is: a path or a URL.

use std::path::PathBuf;

use pinotage_client::Connection;
use pinotage_common::Result;
use pinotage_job::TableUrl;
use pinotage_scan::ScanOptions;

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
    /// Reads a path, or a [`TableUrl`].
    ///
    /// # Errors
    ///
    /// Those of [`TableUrl::parse`] and of what the connection file says.
    pub fn parse(text: &str) -> Result<Self> {
        Ok(match TableUrl::parse(text)? {
            None => Self::Local(text.into()),
            Some(TableUrl { connection, table, options }) => {
                Self::Cluster { connection: Box::new(connection.open()?), table, options: Box::new(options) }
            }
        })
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

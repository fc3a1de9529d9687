//! Tables of clusters as they are named: a URL with the options of a scan.

use std::path::{Path, PathBuf};

use pinotage_client::{Address, Connection};
use pinotage_common::{Error, Result};
use pinotage_scan::ScanOptions;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use crate::plan::{connection_text, read_connection};

/// How a cluster is reached, as somebody wrote it: its variables have no values yet, so that it can be sent elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConnectionText {
    text: String,
    /// The folder of files that it names.
    base: PathBuf,
}

impl ConnectionText {
    /// Everything by default but the address.
    pub fn of_address(address: &str) -> Self {
        Self::of_document(&json!({ "controller": address }))
    }

    /// The keys of `sink.connection`.
    pub fn of_document(document: &Json) -> Self {
        Self { text: document.to_string(), base: PathBuf::from(".") }
    }

    /// A file with these keys.
    ///
    /// # Errors
    ///
    /// Those of reading the file.
    pub fn of_file(path: &Path) -> Result<Self> {
        Ok(Self { text: read_connection(path)?, base: path.parent().unwrap_or(Path::new(".")).to_owned() })
    }

    /// The connection, with the values that variables have here.
    ///
    /// # Errors
    ///
    /// `invalid-config` with the nearest key for what cannot be; `not-found` for a variable that is not set.
    pub fn open(&self) -> Result<Connection> {
        connection_text(&self.text, &self.base)
    }
}

/// A table of a cluster, and how it is read: `pinot://host:9000/flights?reader=direct`, `pinot+https://…` for TLS. What stands
/// behind `?` is the scan's options, and `connection`: a file that says how the cluster is reached, in place of the address
/// (`pinot:///flights?connection=prod.yaml`).
#[derive(Debug, Clone)]
pub struct TableUrl {
    /// How the cluster is reached.
    pub connection: ConnectionText,
    /// The table's name, with a type at its end when only that half is meant.
    pub table: String,
    /// How it is read.
    pub options: ScanOptions,
}

impl TableUrl {
    /// Reads a URL; nothing when the text has no scheme.
    ///
    /// # Errors
    ///
    /// `invalid-config` for what is no such URL, and those of reading the connection file.
    pub fn parse(text: &str) -> Result<Option<Self>> {
        let (scheme, rest) = match text.split_once("://") {
            Some(("pinot", rest)) => ("http", rest),
            Some(("pinot+https", rest)) => ("https", rest),
            Some((scheme, _)) => {
                return Err(Error::invalid_config(format!(
                    "expected a path or a table of a cluster, found `{scheme}:`"
                ))
                .action("name a file, a folder of segments, or a table as `pinot://host:9000/flights`"));
            }
            None => return Ok(None),
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
            (Some(path), true) => ConnectionText::of_file(Path::new(path))?,
            (None, false) => {
                let address = format!("{scheme}://{host}");
                Address::parse(&address)?;
                ConnectionText::of_address(&address)
            }
            _ => {
                return Err(bad().action("give the address in the URL, or leave it out and name a `connection` file"));
            }
        };
        Ok(Some(Self { connection, table: table.to_owned(), options }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_travels_without_the_values_of_its_variables() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("prod.yaml");
        std::fs::write(folder.path().join("password"), "hidden").unwrap();
        let yaml = "controller: https://h:9443\nauth: {kind: basic, user: u, password: \"${file:password}\"}\n";
        std::fs::write(&path, yaml).unwrap();
        let url = TableUrl::parse(&format!("pinot:///sales?connection={}", path.display())).unwrap().unwrap();
        let sent = serde_json::to_string(&url.connection).unwrap();
        assert!(!sent.contains("hidden"), "{sent}");
        let connection = serde_json::from_str::<ConnectionText>(&sent).unwrap().open().unwrap();
        let pinotage_client::Auth::Basic { password, .. } = &connection.auth else { panic!("{:?}", connection.auth) };
        assert_eq!(password.expose(), "hidden");
    }
}

//! What Java says about reading a table.

use std::collections::BTreeMap;

use pinotage_common::{Error, Result};
use pinotage_job::{ConnectionText, TableUrl};
use pinotage_scan::ScanOptions;
use serde::Deserialize;
use serde_json::{Map, Value as Json};

/// The keys of the options' JSON.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Words {
    /// A URL, or a name beside `controller` or `connection`.
    table: String,
    controller: Option<String>,
    connection: Option<Json>,
    /// The options of a scan; they come before those of a URL. Texts stand for numbers and flags, too.
    #[serde(default)]
    scan: Map<String, Json>,
    /// `precision,scale` of BIG_DECIMAL columns that are to be decimals; `*` for all others.
    #[serde(default)]
    decimals: BTreeMap<String, String>,
}

/// A table, and how it is read.
#[derive(Debug)]
pub(crate) struct TableOptions {
    pub(crate) connection: ConnectionText,
    pub(crate) table: String,
    pub(crate) scan: ScanOptions,
    pub(crate) decimals: BTreeMap<String, String>,
}

impl TableOptions {
    /// Reads JSON.
    ///
    /// # Errors
    ///
    /// `invalid-config` for what cannot be.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let words: Words = serde_json::from_str(text)
            .map_err(|error| Error::invalid_config(format!("the options of a table to read: {error}")))?;
        let url = TableUrl::parse(&words.table)?;
        let both = || {
            Err(Error::invalid_config("the cluster is named more than once")
                .with("table", &words.table)
                .action("name it by the table's URL, by `controller` or by `connection`"))
        };
        let (connection, table, scan) = match (url, &words.controller, &words.connection) {
            (Some(url), None, None) => (url.connection, url.table, url.options),
            (None, Some(controller), None) => {
                (ConnectionText::of_address(controller), words.table.clone(), ScanOptions::default())
            }
            (None, None, Some(connection)) => {
                (ConnectionText::of_document(connection), words.table.clone(), ScanOptions::default())
            }
            (None, None, None) => {
                return Err(Error::invalid_config("no cluster is named")
                    .with("table", &words.table)
                    .action("name the table as `pinot://host:9000/flights`, or set `controller` or `connection`"));
            }
            _ => return both(),
        };
        Ok(Self { connection, table, scan: with(scan, words.scan)?, decimals: words.decimals })
    }
}

/// The names of all options of a scan.
pub(crate) fn names() -> Result<Vec<String>> {
    Ok(object(ScanOptions::default())?.into_iter().map(|(name, _)| name).collect())
}

fn object(scan: ScanOptions) -> Result<Map<String, Json>> {
    match serde_json::to_value(scan) {
        Ok(Json::Object(all)) => Ok(all),
        _ => Err(Error::unexpected("options are an object")),
    }
}

/// The options with some others.
fn with(scan: ScanOptions, more: Map<String, Json>) -> Result<ScanOptions> {
    let mut all = object(scan)?;
    all.extend(more.into_iter().map(|(key, value)| (key, plain(value))));
    let scan: ScanOptions = serde_json::from_value(Json::Object(all)).map_err(|error| {
        Error::invalid_config(format!("the options of the scan: {error}"))
            .action("use the options of a scan, such as `reader` or `nulls`")
    })?;
    scan.validate()?;
    Ok(scan)
}

/// Options of SQL are all texts.
fn plain(value: Json) -> Json {
    let Json::String(text) = &value else { return value };
    let number = text.parse::<u64>().map(Json::from).ok();
    number.or_else(|| text.parse::<bool>().map(Json::from).ok()).unwrap_or(value)
}

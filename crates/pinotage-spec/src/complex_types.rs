//! `ingestionConfig.complexTypeConfig`: how nested values become columns and rows.

use pinotage_common::{Error, Result};
use serde_json::Value as Json;

use crate::TableConfig;
use crate::schema::strings;

/// Which lists that are not unnested become JSON text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListsToJson {
    /// None of them.
    None,
    /// Those whose first item is a list or map. Pinot's default.
    NonPrimitive,
    /// All of them.
    All,
}

/// How maps become columns, and items of lists rows.
///
/// # Pinot equivalent
///
/// `org.apache.pinot.spi.config.table.ingestion.ComplexTypeConfig`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComplexTypes {
    /// `fieldsToUnnest`, outer lists before those inside of them.
    pub unnest: Vec<String>,
    /// `delimiter`, between a column and a key inside of it.
    pub delimiter: String,
    /// `collectionNotUnnestedToJson`
    pub lists: ListsToJson,
    /// `prefixesToRename`: the first prefix that a name has is replaced.
    pub prefixes: Vec<(String, String)>,
}

impl ComplexTypes {
    /// A column's name after renaming; `None` if no prefix is its.
    pub fn renamed(&self, name: &str) -> Option<String> {
        self.prefixes.iter().find_map(|(prefix, other)| Some(format!("{other}{}", name.strip_prefix(prefix.as_str())?)))
    }

    /// The names before renaming that can give a column.
    pub fn sources(&self, column: &str) -> Vec<String> {
        let own = std::iter::once(column.to_owned());
        let before =
            |(prefix, other): &(String, String)| Some(format!("{prefix}{}", column.strip_prefix(other.as_str())?));
        let all = own.chain(self.prefixes.iter().filter_map(before));
        all.filter(|name| self.renamed(name).as_deref().unwrap_or(name) == column).collect()
    }

    /// Whether a name is inside of a column.
    pub fn is_inside(&self, name: &str, column: &str) -> bool {
        name.strip_prefix(column).is_some_and(|rest| rest.starts_with(self.delimiter.as_str()))
    }
}

impl TableConfig {
    /// `ingestionConfig.complexTypeConfig`
    ///
    /// # Errors
    ///
    /// `invalid-config` for a mode that Pinot does not have.
    pub fn complex_types(&self) -> Result<Option<ComplexTypes>> {
        let Some(config) = self.json().pointer("/ingestionConfig/complexTypeConfig").filter(|json| !json.is_null())
        else {
            return Ok(None);
        };
        let mut unnest = strings(config, "fieldsToUnnest");
        // As Java orders text.
        unnest.sort_by(|a, b| a.encode_utf16().cmp(b.encode_utf16()));
        let lists = match config.get("collectionNotUnnestedToJson").and_then(Json::as_str) {
            None | Some("NON_PRIMITIVE") => ListsToJson::NonPrimitive,
            Some("NONE") => ListsToJson::None,
            Some("ALL") => ListsToJson::All,
            Some(other) => {
                return Err(Error::invalid_config(format!("unknown `collectionNotUnnestedToJson` {other}"))
                    .with("option", "ingestionConfig.complexTypeConfig.collectionNotUnnestedToJson")
                    .action("use NONE, NON_PRIMITIVE or ALL"));
            }
        };
        let prefixes = config.get("prefixesToRename").and_then(Json::as_object).into_iter().flatten();
        let prefixes = prefixes.filter_map(|(prefix, other)| Some((prefix.clone(), other.as_str()?.to_owned())));
        let delimiter = config.get("delimiter").and_then(Json::as_str).unwrap_or(".").to_owned();
        Ok(Some(ComplexTypes { unnest, delimiter, lists, prefixes: prefixes.collect() }))
    }
}

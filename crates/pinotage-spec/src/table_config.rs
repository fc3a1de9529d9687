//! A Pinot table config file.

use std::path::Path;

use pinotage_common::{Error, Result};
use serde_json::Value as Json;

use crate::partition::PartitionConfig;
use crate::schema::{array, strings};
use crate::{FieldSpec, Schema};

/// A Pinot table config, with its document kept as it was read.
///
/// # Pinot equivalent
///
/// `org.apache.pinot.spi.config.table.TableConfig`
#[derive(Debug, Clone)]
pub struct TableConfig {
    name: String,
    json: Json,
}

impl TableConfig {
    /// Reads a table config from JSON text.
    ///
    /// # Errors
    ///
    /// `invalid-config` for text that is no JSON (with line and column) or has no `tableName`.
    pub fn from_json(text: &str) -> Result<Self> {
        let json: Json = serde_json::from_str(text).map_err(|error| {
            Error::invalid_config(format!("expected a Pinot table config in JSON: {error}"))
                .action("correct the JSON at that line and column")
        })?;
        Self::from_document(json)
    }

    /// Reads a table config file.
    ///
    /// # Errors
    ///
    /// As [`TableConfig::from_json`], with the file's name, and those of reading the file.
    pub fn from_file(path: &Path) -> Result<Self> {
        let text =
            std::fs::read_to_string(path).map_err(|error| Error::io(error, "cannot read the table config", path))?;
        Self::from_json(&text).map_err(|error| error.with("file", path.display()))
    }

    /// Reads a table config from a parsed document.
    ///
    /// # Errors
    ///
    /// As [`TableConfig::from_json`].
    pub fn from_document(json: Json) -> Result<Self> {
        let name = json
            .get("tableName")
            .and_then(Json::as_str)
            .filter(|name| !name.is_empty())
            .ok_or_else(|| {
                Error::invalid_config("expected the table config to have a `tableName`")
                    .action("add `\"tableName\": \"<table>\"` to the table config")
            })?
            .to_owned();
        if json.get("tableType").and_then(Json::as_str).is_some_and(|kind| !matches!(kind, "OFFLINE" | "REALTIME")) {
            return Err(Error::invalid_config(format!("`{}` is not a `tableType`", json["tableType"]))
                .action("use OFFLINE or REALTIME"));
        }
        Ok(Self { name, json })
    }

    /// The table's name without type suffix.
    pub fn raw_name(&self) -> &str {
        self.name.strip_suffix("_OFFLINE").or_else(|| self.name.strip_suffix("_REALTIME")).unwrap_or(&self.name)
    }

    /// The document as it was read, with keys that Pinotage does not know.
    pub fn json(&self) -> &Json {
        &self.json
    }

    /// `segmentsConfig.timeColumnName`
    pub fn time_column(&self) -> Option<&str> {
        self.json.pointer("/segmentsConfig/timeColumnName").and_then(Json::as_str).filter(|name| !name.is_empty())
    }

    /// The push type: REFRESH unless `segmentsConfig` or the batch ingestion config says APPEND.
    pub fn is_append(&self) -> bool {
        self.push_type().is_some_and(|push| push.eq_ignore_ascii_case("APPEND"))
    }

    /// The push type is REFRESH and says so: what is pushed is the whole table.
    pub fn is_refresh(&self) -> bool {
        self.push_type().is_some_and(|push| push.eq_ignore_ascii_case("REFRESH"))
    }

    fn push_type(&self) -> Option<&str> {
        ["/ingestionConfig/batchIngestionConfig/segmentIngestionType", "/segmentsConfig/segmentPushType"]
            .iter()
            .find_map(|pointer| self.json.pointer(pointer).and_then(Json::as_str))
    }

    /// `segmentPushFrequency` is hourly, which lengthens normalised dates in segment names.
    pub fn is_hourly(&self) -> bool {
        ["/ingestionConfig/batchIngestionConfig/segmentIngestionFrequency", "/segmentsConfig/segmentPushFrequency"]
            .iter()
            .find_map(|pointer| self.json.pointer(pointer).and_then(Json::as_str))
            .is_some_and(|frequency| frequency.eq_ignore_ascii_case("HOURLY"))
    }

    /// `tableIndexConfig.nullHandlingEnabled`
    pub fn null_handling_enabled(&self) -> bool {
        self.index_flag("nullHandlingEnabled")
    }

    /// Nulls of a column are kept, beside its default value.
    pub fn tracks_nulls(&self, schema: &Schema, field: &FieldSpec) -> bool {
        if schema.column_based_null_handling() { !field.not_null } else { self.null_handling_enabled() }
    }

    /// The table keeps the newest row of each primary key (`upsertConfig`).
    pub fn is_upsert(&self) -> bool {
        self.json.pointer("/upsertConfig/mode").and_then(Json::as_str).is_some_and(|mode| mode != "NONE")
    }

    /// A query of an upsert table sees all its segments as of one moment (`upsertConfig.consistencyMode`, Pinot 1.3 and
    /// later); otherwise a row that is updated meanwhile can come twice, or not at all.
    pub fn is_upsert_consistent(&self) -> bool {
        self.json.pointer("/upsertConfig/consistencyMode").and_then(Json::as_str).is_some_and(|mode| mode != "NONE")
    }

    /// The column of an upsert table that marks deleted rows (`upsertConfig.deleteRecordColumn`, Pinot 1.0 and later).
    pub fn delete_record_column(&self) -> Option<&str> {
        self.json.pointer("/upsertConfig/deleteRecordColumn").and_then(Json::as_str).filter(|name| !name.is_empty())
    }

    /// The table drops rows whose primary key it has already (`dedupConfig`).
    pub fn is_dedup(&self) -> bool {
        self.json.pointer("/dedupConfig/dedupEnabled").is_some_and(is_true)
    }

    /// The first of `tableIndexConfig.sortedColumn`, or the column with a `SORTED` index in `fieldConfigList`.
    pub fn sorted_column(&self) -> Option<String> {
        let index = self.index_config();
        match index.get("sortedColumn") {
            Some(Json::String(column)) if !column.is_empty() => Some(column.clone()),
            Some(Json::Array(columns)) if !columns.is_empty() => columns[0].as_str().map(str::to_owned),
            _ => None,
        }
    }

    /// `tableIndexConfig`, or null.
    pub(crate) fn index_config(&self) -> &Json {
        self.json.get("tableIndexConfig").unwrap_or(&Json::Null)
    }

    /// A list of column names in `tableIndexConfig`.
    pub(crate) fn index_columns(&self, key: &str) -> Vec<String> {
        strings(self.index_config(), key)
    }

    /// A flag of `tableIndexConfig`, false when absent.
    pub(crate) fn index_flag(&self, key: &str) -> bool {
        self.index_config().get(key).is_some_and(is_true)
    }

    /// The entry of `fieldConfigList` for a column, or null.
    pub(crate) fn field_config(&self, column: &str) -> &Json {
        array(&self.json, "fieldConfigList")
            .iter()
            .find(|entry| entry.get("name").and_then(Json::as_str) == Some(column))
            .unwrap_or(&Json::Null)
    }

    /// Columns named anywhere in the index configuration, to find spelling errors.
    pub(crate) fn named_columns(&self) -> Vec<(&'static str, String)> {
        const LISTS: [&str; 10] = [
            "noDictionaryColumns",
            "invertedIndexColumns",
            "varLengthDictionaryColumns",
            "rangeIndexColumns",
            "bloomFilterColumns",
            "jsonIndexColumns",
            "onHeapDictionaryColumns",
            "sortedColumn",
            "fstIndexColumns",
            "noDictionaryConfig",
        ];
        let mut named = Vec::new();
        for list in LISTS {
            match self.index_config().get(list) {
                Some(Json::Object(map)) => named.extend(map.keys().map(|column| (list, column.clone()))),
                _ => named.extend(self.index_columns(list).into_iter().map(|column| (list, column))),
            }
        }
        named.extend(self.partitions_json().map(|(column, _)| ("segmentPartitionConfig", column.clone())));
        named.extend(
            array(&self.json, "fieldConfigList")
                .iter()
                .filter_map(|entry| entry.get("name").and_then(Json::as_str))
                .map(|column| ("fieldConfigList", column.to_owned())),
        );
        named
    }

    fn partitions_json(&self) -> impl Iterator<Item = (&String, &Json)> {
        self.json
            .pointer("/tableIndexConfig/segmentPartitionConfig/columnPartitionMap")
            .and_then(Json::as_object)
            .into_iter()
            .flatten()
    }

    /// `segmentPartitionConfig` of a column.
    ///
    /// # Errors
    ///
    /// `invalid-config` for an unknown function or a count that is not positive.
    pub fn partition(&self, column: &str) -> Result<Option<PartitionConfig>> {
        self.partitions_json()
            .find(|(name, _)| name.as_str() == column)
            .map(|(_, json)| PartitionConfig::from_json(json).map_err(|error| error.with("column", column)))
            .transpose()
    }

    /// `ingestionConfig.transformConfigs`: columns and the expressions that they are computed by.
    pub fn transforms(&self) -> impl Iterator<Item = (&str, &str)> {
        let list = self.json.pointer("/ingestionConfig/transformConfigs").and_then(Json::as_array);
        list.into_iter()
            .flatten()
            .filter_map(|entry| Some((entry.get("columnName")?.as_str()?, entry.get("transformFunction")?.as_str()?)))
    }

    /// `ingestionConfig.filterConfig.filterFunction`: rows for which it is true are dropped.
    pub fn filter_function(&self) -> Option<&str> {
        let function = self.json.pointer("/ingestionConfig/filterConfig/filterFunction")?;
        function.as_str().filter(|function| !function.is_empty())
    }

    /// `ingestionConfig.continueOnError`
    pub fn continues_on_error(&self) -> bool {
        self.json.pointer("/ingestionConfig/continueOnError").is_some_and(is_true)
    }

    /// `ingestionConfig.enrichmentConfigs`: columns that are computed before all others, in this order, whatever the rows have of
    /// that name; each with its expression.
    ///
    /// # Errors
    ///
    /// `unsupported` for enrichers other than `generateColumn`, and for one before `complexTypeConfig`; `invalid-config` for one
    /// without functions.
    pub fn enrichments(&self) -> Result<Vec<(&str, &str)>> {
        const OPTION: &str = "ingestionConfig.enrichmentConfigs";
        let list = self.json.pointer("/ingestionConfig/enrichmentConfigs").and_then(Json::as_array);
        let (mut before, mut after) = (Vec::new(), Vec::new());
        for entry in list.into_iter().flatten() {
            let kind = entry.get("enricherType").and_then(Json::as_str).unwrap_or_default();
            if kind != "generateColumn" {
                return Err(Error::unsupported(format!("the enricher `{kind}` is not there"))
                    .with("option", OPTION)
                    .action("use `generateColumn`, or do the same in `transform.sql` and build with a table config without it"));
            }
            let functions = entry.pointer("/properties/fieldToFunctionMap").and_then(Json::as_object);
            let functions = functions.ok_or_else(|| {
                Error::invalid_config("expected `properties.fieldToFunctionMap` in the enricher")
                    .with("option", OPTION)
                    .action(
                        "write `{\"enricherType\": \"generateColumn\", \"properties\": {\"fieldToFunctionMap\": {…}}}`",
                    )
            })?;
            let is_before = entry.get("preComplexTypeTransform").is_some_and(is_true);
            if is_before && self.complex_types()?.is_some() {
                return Err(Error::unsupported("an enricher before `complexTypeConfig` is not there")
                    .with("option", OPTION)
                    .action("leave out `preComplexTypeTransform`, or compute the column in `transform.sql`"));
            }
            let columns = functions.iter().filter_map(|(column, function)| Some((column.as_str(), function.as_str()?)));
            if is_before { before.extend(columns) } else { after.extend(columns) }
        }
        before.append(&mut after);
        Ok(before)
    }

    /// Ingestion features of the table that change rows and that are not carried out yet, by their JSON path.
    ///
    /// A job must refuse such a table: its segments would hold other rows than Pinot's own job makes.
    pub fn unsupported_ingestion(&self) -> Vec<&'static str> {
        ["/ingestionConfig/schemaConformingTransformerConfig", "/ingestionConfig/schemaConformingTransformerV2Config"]
            .into_iter()
            .filter(|pointer| match self.json.pointer(pointer) {
                None | Some(Json::Null) => false,
                Some(Json::Array(list)) => !list.is_empty(),
                Some(Json::Object(map)) => map.values().any(|value| !value.is_null()),
                Some(_) => true,
            })
            .collect()
    }
}

/// Pinot reads flags written as JSON booleans or as text.
pub(crate) fn is_true(json: &Json) -> bool {
    json.as_bool().unwrap_or_else(|| json.as_str().is_some_and(|text| text.eq_ignore_ascii_case("true")))
}

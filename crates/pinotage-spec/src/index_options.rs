//! The secondary indexes that a table config asks for on a column, with their options.

use std::collections::BTreeSet;

use pinotage_common::{Error, Result};
use serde_json::Value as Json;

use crate::schema::strings;
use crate::table_config::is_true;
use crate::{DataType, FieldSpec, StoredType, TableConfig};

/// How a range index is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangeLayout {
    /// Version 1: the docs of about twenty ranges of values. Pinot writes it for columns with several values a row.
    Ranges,
    /// Version 2: the docs by each bit of their value (`RangeBitmap`).
    Slices,
}

/// How a bloom filter is sized (`BloomFilterConfig`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BloomOptions {
    /// `fpp`: the share of absent values that pass.
    pub false_positives: f64,
    /// `maxSizeInBytes`: a filter that would be larger lets more values pass instead.
    pub max_bytes: Option<u32>,
}

/// What of a JSON document is indexed (`JsonIndexConfig`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JsonOptions {
    /// `maxLevels`: objects and lists below so many are left out.
    pub max_levels: Option<usize>,
    /// `excludeArray`
    pub exclude_arrays: bool,
    /// `disableCrossArrayUnnest`: of several lists each has its own records, not all combinations.
    pub separate_arrays: bool,
    /// `includePaths`: nothing but these and what is below them.
    pub include_paths: Option<BTreeSet<String>>,
    /// `excludePaths`
    pub exclude_paths: BTreeSet<String>,
    /// `excludeFields`
    pub exclude_fields: BTreeSet<String>,
    /// `indexPaths`: patterns of paths; none is all.
    pub index_paths: BTreeSet<String>,
    /// `maxValueLength` in UTF-16 units: longer values are replaced.
    pub max_value_length: Option<usize>,
    /// `skipInvalidJson`, or `ingestionConfig.continueOnError`: what is no JSON is replaced, too.
    pub skip_invalid: bool,
}

/// What a table config says about the indexes of one column.
pub(crate) struct IndexConfigs<'a> {
    table: &'a TableConfig,
    column: &'a str,
    /// The column's entry of `fieldConfigList`, or null.
    field: &'a Json,
    /// The column is one of a timestamp index, which has a range index.
    is_timestamp: bool,
}

impl<'a> IndexConfigs<'a> {
    pub(crate) fn of(table: &'a TableConfig, column: &'a str, is_timestamp: bool) -> Self {
        Self { table, column, field: table.field_config(column), is_timestamp }
    }

    /// A list of `tableIndexConfig` names the column.
    pub(crate) fn is_listed(&self, list: &str) -> bool {
        self.table.index_columns(list).iter().any(|column| column == self.column)
    }

    /// `indexTypes` (or the older `indexType`) of the field config names this index.
    pub(crate) fn has_type(&self, index: &str) -> bool {
        let named = |value: &Json| value.as_str().is_some_and(|name| name.eq_ignore_ascii_case(index));
        self.field.get("indexType").is_some_and(named)
            || self.field.get("indexTypes").and_then(Json::as_array).is_some_and(|list| list.iter().any(named))
    }

    /// `indexes.<name>` of the field config, where it is present and not switched off.
    fn options(&self, index: &str) -> Option<&'a Json> {
        self.field.get("indexes")?.get(index).filter(|index| {
            !index.is_null() && !index.get("disabled").is_some_and(is_true) && index.get("enabled").is_none_or(is_true)
        })
    }

    /// The index is asked for in one of the three places.
    pub(crate) fn is_asked_for(&self, index: &str, list: &str, index_type: &str) -> bool {
        self.is_listed(list) || self.has_type(index_type) || self.options(index).is_some()
    }

    /// The bloom filter, if one is asked for and written: of floating-point numbers it holds texts that depend on the Java of
    /// who asks, so servers make theirs.
    ///
    /// # Errors
    ///
    /// `invalid-config` for a BOOLEAN column, as Pinot says, and a share that is none.
    pub(crate) fn bloom(&self, field: &FieldSpec) -> Result<Option<BloomOptions>> {
        let configs = self.table.index_config().get("bloomFilterConfigs");
        let options = self.options("bloom").or_else(|| configs?.get(self.column).filter(|it| it.is_object()));
        if options.is_none() && !self.is_asked_for("bloom", "bloomFilterColumns", "BLOOM") {
            return Ok(None);
        }
        if field.data_type == DataType::Boolean {
            return Err(Error::invalid_config("a BOOLEAN column cannot have a bloom filter")
                .action("leave out the bloom filter of the column"));
        }
        let fpp = options.and_then(|it| it.get("fpp")).and_then(Json::as_f64).filter(|fpp| *fpp != 0.0).unwrap_or(0.05);
        if !(fpp > 0.0 && fpp < 1.0) {
            return Err(Error::invalid_config(format!("expected `fpp` between 0 and 1, found {fpp}")));
        }
        let max_bytes = options.and_then(|it| it.get("maxSizeInBytes")).and_then(Json::as_u64).filter(|max| *max > 0);
        let options =
            BloomOptions { false_positives: fpp, max_bytes: max_bytes.map(|max| max.min(i32::MAX as u64) as u32) };
        Ok(Some(options).filter(|_| !is_floating(field)))
    }

    /// The JSON index, if one is asked for.
    ///
    /// # Errors
    ///
    /// `invalid-config` for a column of several values or of another type than text, as Pinot says.
    pub(crate) fn json(&self, field: &FieldSpec) -> Result<Option<JsonOptions>> {
        let configs = self.table.index_config().get("jsonIndexConfigs");
        let options = self.options("json").or_else(|| configs?.get(self.column).filter(|it| it.is_object()));
        if options.is_none() && !self.is_asked_for("json", "jsonIndexColumns", "JSON") {
            return Ok(None);
        }
        if !field.single_value || field.data_type.stored() != StoredType::String {
            return Err(Error::invalid_config("a JSON index needs single values of type JSON or STRING")
                .action("leave out the JSON index of the column"));
        }
        let options = options.unwrap_or(&Json::Null);
        let flag = |key: &str| options.get(key).is_some_and(is_true);
        let number = |key: &str| options.get(key)?.as_u64().filter(|number| *number > 0).map(|number| number as usize);
        let set = |key: &str| -> BTreeSet<String> { strings(options, key).into_iter().collect() };
        Ok(Some(JsonOptions {
            max_levels: number("maxLevels"),
            exclude_arrays: flag("excludeArray"),
            separate_arrays: flag("disableCrossArrayUnnest"),
            include_paths: options.get("includePaths").filter(|it| it.is_array()).map(|_| set("includePaths")),
            exclude_paths: set("excludePaths"),
            exclude_fields: set("excludeFields"),
            index_paths: set("indexPaths"),
            max_value_length: number("maxValueLength"),
            skip_invalid: flag("skipInvalidJson")
                || self.table.json().pointer("/ingestionConfig/continueOnError").is_some_and(is_true),
        }))
    }

    /// The range index, if one is asked for. Any version but 2 is version 1 to Pinot, too.
    ///
    /// # Errors
    ///
    /// `invalid-config` for values without a dictionary that are no numbers, as Pinot says.
    pub(crate) fn range(&self, field: &FieldSpec, raw: bool) -> Result<Option<RangeLayout>> {
        if !self.is_timestamp && !self.is_asked_for("range", "rangeIndexColumns", "RANGE") {
            return Ok(None);
        }
        if raw && !is_ranged_raw(field) {
            return Err(Error::invalid_config(format!(
                "a {} column without dictionary cannot have a range index",
                field.data_type
            ))
            .action("give the column a dictionary, or leave out the range index"));
        }
        let version = match self.options("range") {
            Some(options) => options.get("version").and_then(Json::as_i64),
            None => self.table.index_config().get("rangeIndexVersion").and_then(Json::as_i64).filter(|it| *it > 0),
        };
        Ok(Some(match version.unwrap_or(2) {
            2 if field.single_value => RangeLayout::Slices,
            _ => RangeLayout::Ranges,
        }))
    }
}

/// Values of the column have a range index without a dictionary, too.
pub(crate) fn is_ranged_raw(field: &FieldSpec) -> bool {
    matches!(field.data_type.stored(), StoredType::Int | StoredType::Long | StoredType::Float | StoredType::Double)
}

/// Java writes the values in more than one way.
pub(crate) fn is_floating(field: &FieldSpec) -> bool {
    matches!(field.data_type.stored(), StoredType::Float | StoredType::Double)
}

//! A Pinot schema file.

use std::path::Path;

use indexmap::IndexMap;
use pinotage_common::{Error, Result};
use serde_json::Value as Json;

use crate::{FieldSpec, FieldType};

/// A Pinot schema, with its document kept as it was read.
///
/// # Pinot equivalent
///
/// `org.apache.pinot.spi.data.Schema`
#[derive(Debug, Clone)]
pub struct Schema {
    name: String,
    fields: IndexMap<String, FieldSpec>,
    column_based_null_handling: bool,
    primary_key_columns: Vec<String>,
    json: Json,
}

impl Schema {
    /// Reads a schema from JSON text.
    ///
    /// # Errors
    ///
    /// `invalid-config` for text that is no JSON (with line and column) or a column that Pinot would refuse;
    /// `unsupported` for types and lists that cannot be written.
    pub fn from_json(text: &str) -> Result<Self> {
        let json: Json = serde_json::from_str(text).map_err(|error| {
            Error::invalid_config(format!("expected a Pinot schema in JSON: {error}"))
                .action("correct the JSON at that line and column")
        })?;
        Self::from_document(json)
    }

    /// Reads a schema file.
    ///
    /// # Errors
    ///
    /// As [`Schema::from_json`], with the file's name, and those of reading the file.
    pub fn from_file(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|error| Error::io(error, "cannot read the schema", path))?;
        Self::from_json(&text).map_err(|error| error.with("file", path.display()))
    }

    /// Reads a schema from a parsed document.
    ///
    /// # Errors
    ///
    /// As [`Schema::from_json`].
    pub fn from_document(json: Json) -> Result<Self> {
        let name = json
            .get("schemaName")
            .and_then(Json::as_str)
            .ok_or_else(|| {
                Error::invalid_config("expected the schema to have a `schemaName`")
                    .action("add `\"schemaName\": \"<table>\"` to the schema")
            })?
            .to_owned();
        let mut fields = IndexMap::new();
        for (list, field_type) in [
            ("dimensionFieldSpecs", FieldType::Dimension),
            ("metricFieldSpecs", FieldType::Metric),
            ("dateTimeFieldSpecs", FieldType::DateTime),
            ("complexFieldSpecs", FieldType::Complex),
        ] {
            for entry in array(&json, list) {
                let field = FieldSpec::from_json(entry, field_type)?;
                let column = field.name.clone();
                if fields.insert(column.clone(), field).is_some() {
                    return Err(Error::invalid_config("expected every column once")
                        .with("column", column)
                        .action("remove the second definition of the column"));
                }
            }
        }
        if json.get("timeFieldSpec").is_some_and(|spec| !spec.is_null()) {
            return Err(Error::unsupported("`timeFieldSpec` cannot be written")
                .action("rewrite it as an entry of `dateTimeFieldSpecs`"));
        }
        if fields.is_empty() {
            return Err(Error::invalid_config("expected the schema to have at least one column")
                .action("add a column to `dimensionFieldSpecs`, `metricFieldSpecs` or `dateTimeFieldSpecs`"));
        }
        let primary_key_columns: Vec<String> = strings(&json, "primaryKeyColumns");
        if let Some(missing) = primary_key_columns.iter().find(|column| !fields.contains_key(*column)) {
            return Err(Error::invalid_config("a primary key column is not in the schema").with("column", missing));
        }
        Ok(Self {
            name,
            fields,
            column_based_null_handling: json
                .get("enableColumnBasedNullHandling")
                .and_then(Json::as_bool)
                .unwrap_or(false),
            primary_key_columns,
            json,
        })
    }

    /// `schemaName`
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The columns: dimensions, metrics, date-times, maps, each in the order of the file.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = &FieldSpec> {
        self.fields.values()
    }

    /// The column of that name.
    pub fn field(&self, name: &str) -> Option<&FieldSpec> {
        self.fields.get(name)
    }

    /// `enableColumnBasedNullHandling`
    pub fn column_based_null_handling(&self) -> bool {
        self.column_based_null_handling
    }

    /// `primaryKeyColumns`
    pub fn primary_key_columns(&self) -> &[String] {
        &self.primary_key_columns
    }

    /// Columns that Pinot computes where the rows lack them, each with its `transformFunction`.
    ///
    /// A table config's `transformConfigs` of the same column take their place.
    pub fn derived(&self) -> impl Iterator<Item = (&str, &str)> {
        let lists = ["dimensionFieldSpecs", "metricFieldSpecs", "dateTimeFieldSpecs"];
        let fields = lists.into_iter().flat_map(|list| array(&self.json, list));
        fields.filter_map(|field| {
            let function = field.get("transformFunction")?.as_str().filter(|function| !function.is_empty())?;
            Some((field.get("name")?.as_str()?, function))
        })
    }

    /// The document as it was read, with keys that Pinotage does not know.
    pub fn json(&self) -> &Json {
        &self.json
    }
}

/// The elements of a list, none when it is absent.
pub(crate) fn array<'a>(json: &'a Json, key: &str) -> &'a [Json] {
    json.get(key).and_then(Json::as_array).map_or(&[], Vec::as_slice)
}

/// The strings of a list, none when it is absent.
pub(crate) fn strings(json: &Json, key: &str) -> Vec<String> {
    array(json, key).iter().filter_map(|value| value.as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DataType, Value};

    #[test]
    fn reads_a_schema_with_defaults() {
        let schema = Schema::from_json(
            r#"{"schemaName": "t", "enableColumnBasedNullHandling": true, "futureKey": 1,
                "dimensionFieldSpecs": [{"name": "tags", "dataType": "STRING", "singleValueField": false, "transformFunction": ""},
                                        {"name": "n", "transformFunction": "m + 1", "dataType": "INT", "defaultNullValue": -1}],
                "metricFieldSpecs": [{"name": "m", "dataType": "DOUBLE"}],
                "dateTimeFieldSpecs": [{"name": "ts", "dataType": "TIMESTAMP", "format": "TIMESTAMP", "granularity": "1:MILLISECONDS"}],
                "complexFieldSpecs": [{"name": "map", "dataType": "MAP", "fieldType": "COMPLEX", "childFieldSpecs": {}}]}"#,
        )
        .unwrap();
        assert_eq!(schema.fields().len(), 5);
        assert_eq!(schema.field("map").unwrap().data_type, DataType::Map);
        assert!(!schema.field("tags").unwrap().single_value);
        assert_eq!(schema.field("n").unwrap().default_null_value, Value::Int(-1));
        assert_eq!(schema.field("m").unwrap().default_null_value, Value::Double(0.0));
        assert_eq!(schema.field("ts").unwrap().data_type, DataType::Timestamp);
        assert_eq!(schema.derived().collect::<Vec<_>>(), [("n", "m + 1")]);
        assert_eq!(schema.json()["futureKey"], 1);
    }

    #[test]
    fn refuses_what_pinot_refuses() {
        for (fields, expected) in [
            (r#""metricFieldSpecs": [{"name": "a", "dataType": "STRING"}]"#, "metric column"),
            (r#""metricFieldSpecs": [{"name": "a", "dataType": "INT", "singleValueField": false}]"#, "multi-value"),
            (r##""dimensionFieldSpecs": [{"name": "#a", "dataType": "INT"}]"##, "column name"),
            (r#""dimensionFieldSpecs": [{"name": "a", "dataType": "MAP"}]"#, "complexFieldSpecs"),
            (r#""complexFieldSpecs": [{"name": "a", "dataType": "INT"}]"#, "complexFieldSpecs"),
            (r#""complexFieldSpecs": [{"name": "a", "dataType": "LIST"}]"#, "LIST"),
            (r#""dimensionFieldSpecs": [{"name": "a", "dataType": "INT", "defaultNullValue": "x"}]"#, "INT"),
            (r#""dimensionFieldSpecs": [{"name": "a", "dataType": "INT"}, {"name": "a", "dataType": "INT"}]"#, "once"),
            (r#""dimensionFieldSpecs": []"#, "at least one column"),
        ] {
            let error = Schema::from_json(&format!(r#"{{"schemaName": "t", {fields}}}"#)).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}

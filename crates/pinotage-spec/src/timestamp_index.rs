//! Timestamp indexes: hidden columns that hold a time cut to a unit of the calendar, with a range index.

use pinotage_common::{Error, Result};
use serde_json::Value as Json;

use crate::index_options::IndexConfigs;
use crate::schema::array;
use crate::{
    CalendarUnit, DataType, DateTimeFormat, DateTimeSpec, FieldSpec, FieldType, Schema, StoredType, TableConfig,
};

/// A column that Pinot makes of a column of times: `$ts$DAY` for days of `ts`.
///
/// # Pinot equivalent
///
/// `TimestampIndexUtils`, `TimestampConfig`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimestampIndex {
    /// The column of times.
    pub source: String,
    /// What its values are cut to.
    pub unit: CalendarUnit,
}

impl TimestampIndex {
    /// The timestamp indexes of a table config: `timestampConfig.granularities` of `fieldConfigList`.
    ///
    /// # Errors
    ///
    /// `invalid-config` for what Pinot refuses: an unknown granularity or one named twice, a column that the schema does not have, of
    /// several values, or not stored as LONG.
    pub fn all(schema: &Schema, table: &TableConfig) -> Result<Vec<Self>> {
        let mut indexes: Vec<Self> = Vec::new();
        for entry in array(table.json(), "fieldConfigList") {
            let (Some(source), Some(config)) =
                (entry.get("name").and_then(Json::as_str), entry.get("timestampConfig").filter(|it| !it.is_null()))
            else {
                continue;
            };
            let field = schema.field(source);
            if field.is_none_or(|field| !field.single_value || field.data_type.stored() != StoredType::Long) {
                return Err(Error::invalid_config("a timestamp index needs single values of type TIMESTAMP or LONG")
                    .with("column", source)
                    .action("leave out the `timestampConfig` of the column"));
            }
            for granularity in array(config, "granularities") {
                // Java reads the names of an enum as they are written.
                let unit =
                    granularity.as_str().and_then(|name| CalendarUnit::parse(name).filter(|it| it.name() == name));
                let unit = unit.ok_or_else(|| {
                    Error::invalid_config(format!("{granularity} is no granularity of a timestamp index"))
                        .with("column", source)
                        .action(format!("use {}", CalendarUnit::ALL.map(CalendarUnit::name).join(", ")))
                })?;
                let index = Self { source: source.to_owned(), unit };
                if indexes.contains(&index) || schema.field(&index.column()).is_some() {
                    return Err(Error::invalid_config(format!("`{}` is there twice", index.column()))
                        .with("column", source)
                        .action("name each granularity once, and leave its column out of the schema"));
                }
                indexes.push(index);
            }
        }
        Ok(indexes)
    }

    /// The field config says `"indexTypes": ["TIMESTAMP"]`, of a column of that type: what the oldest releases want to see.
    pub(crate) fn is_declared(&self, schema: &Schema, table: &TableConfig) -> bool {
        let is_time = schema.field(&self.source).is_some_and(|field| field.data_type == DataType::Timestamp);
        is_time && IndexConfigs::of(table, &self.source, false).has_type("TIMESTAMP")
    }

    /// The name of the hidden column.
    pub fn column(&self) -> String {
        format!("${}${}", self.source, self.unit.name())
    }

    /// The hidden column.
    pub fn field(&self) -> FieldSpec {
        let granularity = match self.unit {
            CalendarUnit::Millisecond => "1:MILLISECONDS",
            CalendarUnit::Second => "1:SECONDS",
            CalendarUnit::Minute => "1:MINUTES",
            CalendarUnit::Hour => "1:HOURS",
            CalendarUnit::Day => "1:DAYS",
            CalendarUnit::Week => "7:DAYS",
            CalendarUnit::Month => "30:DAYS",
            CalendarUnit::Quarter => "90:DAYS",
            CalendarUnit::Year => "365:DAYS",
        };
        let mut field = FieldSpec::new(self.column(), DataType::Timestamp, FieldType::DateTime);
        field.date_time = Some(DateTimeSpec {
            format_text: "TIMESTAMP".into(),
            granularity: granularity.into(),
            format: DateTimeFormat::Timestamp,
        });
        field
    }
}

/// A column that is stored and not shown: Pinot leaves names that begin with `$` out of `SELECT *`.
pub fn is_hidden(column: &str) -> bool {
    column.starts_with('$')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ColumnPlan, PinotVersion};

    const SCHEMA: &str = r#"{"schemaName": "t", "enableColumnBasedNullHandling": true, "dimensionFieldSpecs": [
        {"name": "many", "dataType": "LONG", "singleValueField": false}, {"name": "text", "dataType": "STRING"}],
        "dateTimeFieldSpecs": [{"name": "ts", "dataType": "TIMESTAMP", "format": "TIMESTAMP", "granularity": "1:SECONDS"}]}"#;

    fn plans(fields: &str) -> Result<Vec<ColumnPlan>> {
        let table = format!(r#"{{"tableName": "t", "fieldConfigList": [{fields}]}}"#);
        ColumnPlan::resolve_for(&Schema::from_json(SCHEMA)?, &TableConfig::from_json(&table)?, PinotVersion::NEWEST)
    }

    #[test]
    fn hidden_columns_have_a_range_index_and_stay_out_of_the_table() {
        let fields = r#"{"name": "ts", "timestampConfig": {"granularities": ["DAY", "WEEK"]}}"#;
        let stored = plans(fields).unwrap();
        let names: Vec<&str> = stored.iter().map(|column| column.field.name.as_str()).collect();
        assert_eq!(names, ["many", "text", "ts", "$ts$DAY", "$ts$WEEK"]);
        for column in &stored[3..] {
            assert!(column.range.is_some() && column.tracks_nulls, "{column:?}");
        }
        assert!(stored[2].range.is_none() && is_hidden("$ts$DAY") && !is_hidden("ts"));
        assert_eq!(stored[4].field.date_time.as_ref().unwrap().granularity, "7:DAYS");
        let table = TableConfig::from_json(&format!(r#"{{"tableName": "t", "fieldConfigList": [{fields}]}}"#)).unwrap();
        assert_eq!(ColumnPlan::resolve(&Schema::from_json(SCHEMA).unwrap(), &table).unwrap().len(), 3);
    }

    #[test]
    fn what_pinot_refuses_is_refused() {
        for (fields, expected) in [
            (r#"{"name": "text", "timestampConfig": {"granularities": ["DAY"]}}"#, "text"),
            (r#"{"name": "many", "timestampConfig": {"granularities": ["DAY"]}}"#, "many"),
            (r#"{"name": "ts", "timestampConfig": {"granularities": ["DECADE"]}}"#, "DECADE"),
            (r#"{"name": "ts", "timestampConfig": {"granularities": ["day"]}}"#, "day"),
            (r#"{"name": "ts", "timestampConfig": {"granularities": ["DAY", "DAY"]}}"#, "twice"),
        ] {
            let error = plans(fields).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
        assert_eq!(plans(r#"{"name": "ts", "timestampConfig": {"granularities": []}}"#).unwrap().len(), 3);
    }
}

//! One column of a schema (`FieldSpec`).

use std::borrow::Cow;

use pinotage_common::{Error, Result};
use serde_json::Value as Json;

use crate::{DataType, DateTimeFormat, FieldType, StoredType, Value, java};

/// What happens to a STRING, JSON or BYTES value longer than the column's `maxLength`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaxLengthStrategy {
    /// Cut it (default of STRING).
    TrimLength,
    /// The row is bad.
    Error,
    /// The default null value takes its place.
    SubstituteDefaultValue,
    /// Keep it (default of JSON and BYTES).
    NoAction,
}

impl MaxLengthStrategy {
    /// Pinot's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TrimLength => "TRIM_LENGTH",
            Self::Error => "ERROR",
            Self::SubstituteDefaultValue => "SUBSTITUTE_DEFAULT_VALUE",
            Self::NoAction => "NO_ACTION",
        }
    }
}

/// `FieldSpec.DEFAULT_MAX_LENGTH`, in UTF-16 units (STRING, JSON) or bytes (BYTES).
pub const DEFAULT_MAX_LENGTH: usize = 512;

/// One column of a schema.
///
/// # Pinot equivalent
///
/// `DimensionFieldSpec`, `MetricFieldSpec`, `DateTimeFieldSpec`, `ComplexFieldSpec`
#[derive(Debug, Clone, PartialEq)]
pub struct FieldSpec {
    /// The column's name.
    pub name: String,
    /// The logical type.
    pub data_type: DataType,
    /// Which list of the schema it stands in.
    pub field_type: FieldType,
    /// False for a multi-value column; only dimensions may be multi-value.
    pub single_value: bool,
    /// `notNull`: with column-based null handling, nulls of this column are not tracked.
    pub not_null: bool,
    /// The value stored for a null.
    pub default_null_value: Value,
    /// The longest value in UTF-16 units (STRING, JSON) or bytes (BYTES); 512 unless the schema says otherwise.
    pub max_length: usize,
    /// What happens to longer values; by default depends on the type.
    pub max_length_strategy: MaxLengthStrategy,
    /// `maxLength` stands in the schema (it is then repeated in a segment's metadata).
    pub max_length_is_explicit: bool,
    /// BIG_DECIMAL keeps trailing zeros instead of stripping them.
    pub allow_trailing_zeros: bool,
    /// `format` and `granularity` of a date-time column, as written.
    pub date_time: Option<DateTimeSpec>,
    /// `childFieldSpecs` of a map: what its keys and values are said to be.
    pub children: Vec<FieldSpec>,
}

/// The `format` and `granularity` of a date-time column.
#[derive(Debug, Clone, PartialEq)]
pub struct DateTimeSpec {
    /// As written in the schema, for the metadata.
    pub format_text: String,
    /// As written in the schema, for the metadata.
    pub granularity: String,
    /// The parsed format.
    pub format: DateTimeFormat,
}

impl FieldSpec {
    /// A single-value column with Pinot's defaults, for schemas that are inferred and for tests.
    pub fn new(name: impl Into<String>, data_type: DataType, field_type: FieldType) -> Self {
        Self {
            name: name.into(),
            data_type,
            field_type,
            single_value: true,
            not_null: false,
            default_null_value: default_null_value(data_type, field_type),
            max_length: DEFAULT_MAX_LENGTH,
            max_length_strategy: default_strategy(data_type),
            max_length_is_explicit: false,
            allow_trailing_zeros: false,
            date_time: None,
            children: Vec::new(),
        }
    }

    /// The default null value is longer than `maxLength` itself: what happens to values of that length happens to nulls.
    pub fn default_is_too_long(&self) -> bool {
        match &self.default_null_value {
            Value::String(text) => java::utf16_len(text) > self.max_length,
            Value::Bytes(bytes) => self.data_type != DataType::Map && bytes.len() > self.max_length,
            _ => false,
        }
    }

    /// What a segment has for a null: the default null value, cut where values of its length are.
    pub fn stored_null(&self) -> Cow<'_, Value> {
        if self.max_length_strategy != MaxLengthStrategy::TrimLength || !self.default_is_too_long() {
            return Cow::Borrowed(&self.default_null_value);
        }
        Cow::Owned(match &self.default_null_value {
            Value::String(text) => {
                let (whole, half) = java::cut_utf16(text, self.max_length);
                Value::String(format!("{whole}{}", if half { "?" } else { "" }))
            }
            Value::Bytes(bytes) => Value::Bytes(bytes[..self.max_length].to_vec()),
            other => other.clone(),
        })
    }

    /// Reads one entry of a schema's field list.
    pub(crate) fn from_json(json: &Json, field_type: FieldType) -> Result<Self> {
        let name = json
            .get("name")
            .and_then(Json::as_str)
            .ok_or_else(|| Error::invalid_config("expected every field spec to have a `name`"))?;
        Self::parse(name, json, field_type).map_err(|error| error.with("column", name))
    }

    fn parse(name: &str, json: &Json, field_type: FieldType) -> Result<Self> {
        let text = |key: &str| json.get(key).and_then(Json::as_str);
        let flag = |key: &str, default| json.get(key).and_then(Json::as_bool).unwrap_or(default);
        let data_type: DataType = text("dataType")
            .ok_or_else(|| Error::invalid_config("expected the column to have a `dataType`"))?
            .parse()?;
        let mut field = Self::new(name, data_type, field_type);
        field.single_value = flag("singleValueField", true);
        field.not_null = flag("notNull", false);
        field.allow_trailing_zeros = flag("allowTrailingZeros", false);
        if let Some(max) = json.get("maxLength").filter(|max| !max.is_null()) {
            field.max_length = max.as_u64().and_then(|max| usize::try_from(max).ok()).ok_or_else(|| {
                Error::invalid_config(format!("expected `maxLength` to be a whole number, found `{max}`"))
            })?;
            field.max_length_is_explicit = true;
        }
        if let Some(strategy) = text("maxLengthExceedStrategy") {
            field.max_length_strategy = match strategy.to_ascii_uppercase().as_str() {
                "TRIM_LENGTH" => MaxLengthStrategy::TrimLength,
                "ERROR" => MaxLengthStrategy::Error,
                "SUBSTITUTE_DEFAULT_VALUE" => MaxLengthStrategy::SubstituteDefaultValue,
                "NO_ACTION" => MaxLengthStrategy::NoAction,
                _ => {
                    return Err(Error::invalid_config(format!("`{strategy}` is not a `maxLengthExceedStrategy`"))
                        .action("use TRIM_LENGTH, ERROR, SUBSTITUTE_DEFAULT_VALUE or NO_ACTION"));
                }
            };
        }
        match json.get("defaultNullValue") {
            None | Some(Json::Null) => {}
            Some(Json::String(value)) => field.default_null_value = Value::parse(data_type, value)?,
            Some(value) => field.default_null_value = Value::parse(data_type, &value.to_string())?,
        }
        if field_type == FieldType::DateTime {
            let format_text = text("format")
                .ok_or_else(|| Error::invalid_config("expected the date-time column to have a `format`"))?;
            field.date_time = Some(DateTimeSpec {
                format_text: format_text.into(),
                granularity: text("granularity").unwrap_or("1:MILLISECONDS").into(),
                format: DateTimeFormat::parse(format_text)?,
            });
        }
        for (child, spec) in json.get("childFieldSpecs").and_then(Json::as_object).into_iter().flatten() {
            let child = Self::parse(child, spec, FieldType::Dimension).map_err(|error| error.with("child", child))?;
            field.children.push(child);
        }
        field.check()?;
        Ok(field)
    }

    fn check(&self) -> Result<()> {
        // A line that begins with `#` or `!` is a comment in index_map: the column's indexes would be lost.
        if self.name.is_empty() || self.name.starts_with(['#', '!', '$']) || self.name.chars().any(char::is_control) {
            return Err(Error::invalid_config(format!(
                "expected a column name that does not start with `#`, `!` or `$`, found `{}`",
                self.name
            ))
            .action("rename the column"));
        }
        if !self.single_value && self.field_type != FieldType::Dimension {
            return Err(Error::invalid_config("only dimension columns can be multi-value")
                .action("move the column to `dimensionFieldSpecs` or drop `singleValueField`"));
        }
        if !self.single_value && self.data_type == DataType::Json {
            return Err(Error::invalid_config("a JSON column cannot be multi-value")
                .action("make it single-value: a JSON value can hold an array"));
        }
        if (self.data_type == DataType::Map) != (self.field_type == FieldType::Complex) {
            return Err(Error::invalid_config(format!(
                "expected MAP columns in `complexFieldSpecs` and no others, found a column of type {}",
                self.data_type
            ))
            .action("move the column to the list of its kind"));
        }
        let metric = matches!(
            self.data_type.stored(),
            StoredType::Int
                | StoredType::Long
                | StoredType::Float
                | StoredType::Double
                | StoredType::BigDecimal
                | StoredType::Bytes
        ) && !matches!(self.data_type, DataType::Boolean | DataType::Timestamp);
        if self.field_type == FieldType::Metric && !metric {
            return Err(Error::invalid_config(format!("a metric column cannot be of type {}", self.data_type))
                .action("move the column to `dimensionFieldSpecs`"));
        }
        Ok(())
    }
}

const fn default_strategy(data_type: DataType) -> MaxLengthStrategy {
    match data_type {
        DataType::String => MaxLengthStrategy::TrimLength,
        _ => MaxLengthStrategy::NoAction,
    }
}

/// `FieldSpec.getDefaultNullValue`
fn default_null_value(data_type: DataType, field_type: FieldType) -> Value {
    let metric = field_type == FieldType::Metric;
    match data_type {
        DataType::Int => Value::Int(if metric { 0 } else { i32::MIN }),
        DataType::Long => Value::Long(if metric { 0 } else { i64::MIN }),
        DataType::Float => Value::Float(if metric { 0.0 } else { f32::NEG_INFINITY }),
        DataType::Double => Value::Double(if metric { 0.0 } else { f64::NEG_INFINITY }),
        DataType::BigDecimal => Value::BigDecimal(0.into()),
        DataType::Boolean => Value::Int(0),
        DataType::Timestamp => Value::Long(0),
        DataType::String | DataType::Json => Value::String("null".into()),
        DataType::Bytes => Value::Bytes(Vec::new()),
        // No entry.
        DataType::Map => Value::Bytes(vec![0; 4]),
    }
}

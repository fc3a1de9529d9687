//! Pinot's data types and what they are stored as (`FieldSpec.DataType`, `FieldSpec.FieldType`).

use std::fmt;
use std::str::FromStr;

use pinotage_common::Error;

/// A column's logical type.
///
/// # Pinot equivalent
///
/// `FieldSpec.DataType`, without the types that Pinot 1.5 cannot store in a column (`STRUCT`, `LIST`, `UNKNOWN`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DataType {
    /// 32-bit signed integer.
    Int,
    /// 64-bit signed integer.
    Long,
    /// IEEE-754 single.
    Float,
    /// IEEE-754 double.
    Double,
    /// Decimal of any precision, stored as scale and unscaled value.
    BigDecimal,
    /// Stored as INT 0 or 1.
    Boolean,
    /// Stored as LONG, milliseconds since the epoch.
    Timestamp,
    /// UTF-8 text.
    String,
    /// JSON text, re-serialised by Pinot.
    Json,
    /// Raw bytes; hexadecimal wherever it has to be text.
    Bytes,
    /// Texts and JSON values by key.
    Map,
}

/// What the bytes of a column are.
///
/// # Pinot equivalent
///
/// `FieldSpec.DataType.getStoredType`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StoredType {
    /// 4 bytes.
    Int,
    /// 8 bytes.
    Long,
    /// 4 bytes.
    Float,
    /// 8 bytes.
    Double,
    /// Variable: big-endian scale, then the unscaled value.
    BigDecimal,
    /// Variable: UTF-8.
    String,
    /// Variable: as they are.
    Bytes,
    /// Variable: the number of entries, then keys and values with their lengths.
    Map,
}

/// Which list of the schema a column stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FieldType {
    /// `dimensionFieldSpecs`
    Dimension,
    /// `metricFieldSpecs`
    Metric,
    /// `dateTimeFieldSpecs`
    DateTime,
    /// `complexFieldSpecs`
    Complex,
}

impl DataType {
    /// Every type of dimensions, metrics and times, in Pinot's order; MAP is none of these.
    pub const ALL: [DataType; 10] = [
        DataType::Int,
        DataType::Long,
        DataType::Float,
        DataType::Double,
        DataType::BigDecimal,
        DataType::Boolean,
        DataType::Timestamp,
        DataType::String,
        DataType::Json,
        DataType::Bytes,
    ];

    /// Pinot's name, as in a schema file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Int => "INT",
            Self::Long => "LONG",
            Self::Float => "FLOAT",
            Self::Double => "DOUBLE",
            Self::BigDecimal => "BIG_DECIMAL",
            Self::Boolean => "BOOLEAN",
            Self::Timestamp => "TIMESTAMP",
            Self::String => "STRING",
            Self::Json => "JSON",
            Self::Bytes => "BYTES",
            Self::Map => "MAP",
        }
    }

    /// What the bytes of such a column are.
    pub const fn stored(self) -> StoredType {
        match self {
            Self::Int | Self::Boolean => StoredType::Int,
            Self::Long | Self::Timestamp => StoredType::Long,
            Self::Float => StoredType::Float,
            Self::Double => StoredType::Double,
            Self::BigDecimal => StoredType::BigDecimal,
            Self::String | Self::Json => StoredType::String,
            Self::Bytes => StoredType::Bytes,
            Self::Map => StoredType::Map,
        }
    }
}

impl StoredType {
    /// The number of bytes of one value, `None` where it varies.
    pub const fn fixed_width(self) -> Option<usize> {
        match self {
            Self::Int | Self::Float => Some(4),
            Self::Long | Self::Double => Some(8),
            Self::BigDecimal | Self::String | Self::Bytes | Self::Map => None,
        }
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for DataType {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let upper = text.to_ascii_uppercase();
        Self::ALL.into_iter().chain([Self::Map]).find(|data_type| data_type.name() == upper).ok_or_else(|| match upper
            .as_str()
        {
            "STRUCT" | "LIST" | "UUID" | "OPEN_STRUCT" => {
                Error::unsupported(format!("columns of type `{upper}` cannot be written yet"))
                    .action("declare the column as JSON or STRING, or leave it out of the schema")
            }
            _ => Error::invalid_config(format!("`{text}` is not a Pinot data type"))
                .action("use one of INT, LONG, FLOAT, DOUBLE, BIG_DECIMAL, BOOLEAN, TIMESTAMP, STRING, JSON, BYTES"),
        })
    }
}

impl FieldType {
    /// The name in `metadata.properties`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dimension => "DIMENSION",
            Self::Metric => "METRIC",
            Self::DateTime => "DATE_TIME",
            Self::Complex => "COMPLEX",
        }
    }
}

//! The types of columns in an answer, and the Arrow types that they are read as.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use arrow::datatypes::{DataType as Arrow, Field};
use pinotage_common::Error;
use pinotage_spec::DataType;

/// The type of a column in an answer.
///
/// # Pinot equivalent
///
/// `org.apache.pinot.common.utils.DataSchema.ColumnDataType`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ColumnDataType {
    /// One value of a type that columns have.
    Single(DataType),
    /// Values of such a type.
    Array(DataType),
    /// 16 bytes; Pinot 1.6 and later.
    Uuid,
    /// Lists of 16 bytes.
    UuidArray,
    /// Keys and values; Pinot 1.3 and later.
    Map,
    /// What a server has of an aggregation before the broker merges it.
    Object,
    /// Only nulls.
    Unknown,
}

/// The Arrow type of one UUID.
const UUID: Arrow = Arrow::FixedSizeBinary(16);

impl ColumnDataType {
    /// The Arrow type that such a column is read as: the canonical one of `pinotage_spec`, lists of non-null items, and
    /// for MAP keys with values that are JSON text. Aggregations in between have none: see `DataTable::intermediate`.
    pub fn to_arrow(self) -> Option<Arrow> {
        let list = |item: Arrow| Arrow::List(Arc::new(Field::new("item", item, false)));
        Some(match self {
            Self::Single(data_type) => data_type.to_arrow(),
            Self::Array(data_type) => list(data_type.to_arrow()),
            Self::Uuid => UUID,
            Self::UuidArray => list(UUID),
            Self::Map => DataType::Map.to_arrow(),
            Self::Unknown => Arrow::Null,
            Self::Object => return None,
        })
    }

    /// The number of bytes of a cell; `version` is that of the data table.
    pub(super) fn width(self, version: i32) -> usize {
        match self {
            Self::Single(DataType::Int | DataType::Boolean | DataType::String | DataType::Json) => 4,
            Self::Single(DataType::Float) if version >= 4 => 4,
            _ => 8,
        }
    }
}

impl fmt::Display for ColumnDataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Single(data_type) => f.write_str(data_type.name()),
            Self::Array(data_type) => write!(f, "{}_ARRAY", data_type.name()),
            Self::Uuid => f.write_str("UUID"),
            Self::UuidArray => f.write_str("UUID_ARRAY"),
            Self::Map => f.write_str("MAP"),
            Self::Object => f.write_str("OBJECT"),
            Self::Unknown => f.write_str("UNKNOWN"),
        }
    }
}

impl FromStr for ColumnDataType {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let single = |name: &str| DataType::ALL.into_iter().find(|known| known.name() == name);
        let known = match name {
            "UUID" => Some(Self::Uuid),
            "UUID_ARRAY" => Some(Self::UuidArray),
            "MAP" => Some(Self::Map),
            "OBJECT" => Some(Self::Object),
            "UNKNOWN" => Some(Self::Unknown),
            // Pinot has no such lists.
            "JSON_ARRAY" => None,
            _ => match name.strip_suffix("_ARRAY") {
                Some(item) => single(item).map(Self::Array),
                None => single(name).map(Self::Single),
            },
        };
        known.ok_or_else(|| {
            Error::unsupported(format!("expected a known type of a column, found `{name}`"))
                .action("leave the column out of the query, or use a release of Pinotage that knows the type")
        })
    }
}

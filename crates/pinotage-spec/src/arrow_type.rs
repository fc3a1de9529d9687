//! The record contract: what Arrow type a Pinot column has on its way out of a segment and into one.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType as Arrow, Field, Fields, Schema as ArrowSchema, TimeUnit};

use crate::{ColumnPlan, DataType, FieldSpec};

/// The key of a field's metadata that names the Pinot type where the Arrow type alone does not (JSON, BIG_DECIMAL).
pub const PINOT_TYPE_KEY: &str = "pinot.type";

impl DataType {
    /// The canonical Arrow type of one value. The values of a map are JSON text, because a map may hold any.
    pub fn to_arrow(self) -> Arrow {
        match self {
            Self::Int => Arrow::Int32,
            Self::Long => Arrow::Int64,
            Self::Float => Arrow::Float32,
            Self::Double => Arrow::Float64,
            Self::Boolean => Arrow::Boolean,
            Self::Timestamp => Arrow::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
            Self::BigDecimal | Self::String | Self::Json => Arrow::Utf8,
            Self::Bytes => Arrow::Binary,
            Self::Map => {
                let entries = [Field::new("keys", Arrow::Utf8, false), Field::new("values", Arrow::Utf8, false)];
                let entries = Arrow::Struct(Fields::from_iter(entries));
                Arrow::Map(Arc::new(Field::new("entries", entries, false)), false)
            }
        }
    }
}

/// The canonical Arrow field of a column; a multi-value column is a list of non-null items.
pub fn arrow_field(field: &FieldSpec, nullable: bool) -> Field {
    let item = field.data_type.to_arrow();
    let data_type = if field.single_value { item } else { Arrow::List(Arc::new(Field::new("item", item, false))) };
    let arrow = Field::new(&field.name, data_type, nullable);
    match field.data_type {
        DataType::Json | DataType::BigDecimal => {
            arrow.with_metadata(HashMap::from([(PINOT_TYPE_KEY.into(), field.data_type.name().into())]))
        }
        _ => arrow,
    }
}

/// The canonical Arrow schema of a table: a column is nullable exactly when its nulls are tracked.
pub fn arrow_schema(columns: &[ColumnPlan]) -> ArrowSchema {
    ArrowSchema::new(columns.iter().map(|column| arrow_field(&column.field, column.tracks_nulls)).collect::<Vec<_>>())
}

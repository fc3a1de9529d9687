//! Which Arrow types a column takes at all: the one place of the rule, asked before the first row.

use arrow::datatypes::DataType as Arrow;
use pinotage_common::{Error, Result};
use pinotage_spec::{DataType, FieldSpec};

/// The type of a value once dictionaries and views are unpacked.
pub(crate) fn unpacked(arrow: &Arrow) -> Arrow {
    match arrow {
        Arrow::Dictionary(_, value) => unpacked(value),
        Arrow::Utf8View | Arrow::LargeUtf8 => Arrow::Utf8,
        Arrow::BinaryView | Arrow::LargeBinary | Arrow::FixedSizeBinary(_) => Arrow::Binary,
        other => other.clone(),
    }
}

/// The item type of a list.
pub(crate) fn item(arrow: &Arrow) -> Option<&Arrow> {
    match arrow {
        Arrow::List(item) | Arrow::LargeList(item) | Arrow::FixedSizeList(item, _) => Some(item.data_type()),
        _ => None,
    }
}

/// Refuses what can never convert.
///
/// # Errors
///
/// `schema-mismatch` that names both types and what to do.
pub(crate) fn accept(field: &FieldSpec, arrow: &Arrow) -> Result<()> {
    let refuse = |advice: &str| {
        let many = if field.single_value { "" } else { " multi-value" };
        Err(Error::schema_mismatch(format!("a {}{many} column cannot be made from {arrow}", field.data_type))
            .with("column", &field.name)
            .action(advice))
    };
    if let Some(item) = item(arrow).filter(|_| field.data_type != DataType::Json) {
        if field.single_value {
            return refuse("make the column multi-value in the schema, or pick one value in the SQL transform");
        }
        return accept_value(field, &unpacked(item)).or_else(refuse);
    }
    accept_value(field, &unpacked(arrow)).or_else(refuse)
}

fn accept_value(field: &FieldSpec, arrow: &Arrow) -> Result<(), &'static str> {
    use DataType::{BigDecimal, Boolean, Bytes, Double, Float, Int, Json, Long, String, Timestamp};
    const CAST: &str = "convert it in the SQL transform, for example with CAST";
    let target = field.data_type;
    match arrow {
        Arrow::Null | Arrow::Utf8 => Ok(()),
        Arrow::Boolean => match target {
            Bytes | Timestamp | BigDecimal => Err(CAST),
            _ => Ok(()),
        },
        Arrow::Int64 => {
            if target == Bytes {
                Err(CAST)
            } else {
                Ok(())
            }
        }
        Arrow::Int8 | Arrow::Int16 | Arrow::Int32 | Arrow::UInt8 | Arrow::UInt16 | Arrow::UInt32 | Arrow::UInt64 => {
            match target {
                Bytes => Err(CAST),
                // Pinot refuses it too: nobody can tell what the number counts.
                Timestamp => Err("give milliseconds since the epoch as a 64-bit integer, or a timestamp"),
                _ => Ok(()),
            }
        }
        Arrow::Float16 | Arrow::Float32 | Arrow::Float64 | Arrow::Decimal128(..) | Arrow::Decimal256(..) => {
            match target {
                Bytes | Timestamp => Err(CAST),
                _ => Ok(()),
            }
        }
        Arrow::Binary => match target {
            Bytes | String => Ok(()),
            _ => Err(CAST),
        },
        Arrow::Timestamp(..) => match target {
            Timestamp => Ok(()),
            Long if field.date_time.is_some() => Ok(()),
            _ => Err("declare the column as TIMESTAMP, or convert it in the SQL transform with to_char or CAST"),
        },
        Arrow::Date32 | Arrow::Date64 => match target {
            Timestamp | String => Ok(()),
            Int | Long if field.date_time.is_some() => Ok(()),
            _ => Err("declare the column as TIMESTAMP, or as a date-time column that counts days"),
        },
        Arrow::Struct(_) | Arrow::Map(..) | Arrow::List(_) | Arrow::LargeList(_) | Arrow::FixedSizeList(..) => {
            match target {
                Json => Ok(()),
                _ => Err("declare the column as JSON, or pick a field in the SQL transform"),
            }
        }
        Arrow::Time32(_) | Arrow::Time64(_) => {
            Err("Pinot has no time of day: convert it to text or a number in the SQL transform")
        }
        _ if matches!(target, Float | Double | Boolean) => Err(CAST),
        _ => Err(CAST),
    }
}

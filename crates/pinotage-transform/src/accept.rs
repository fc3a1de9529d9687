//! Which Arrow types a column takes at all: the one place of the rule, asked before the first row.
//!
//! `docs/reference/type-table.md` shows it; a test compares the two.

use arrow::datatypes::{DataType as Arrow, TimeUnit};
use pinotage_common::{Error, Result};
use pinotage_spec::{DataType, DateTimeFormat, FieldSpec};

use crate::{date, nested};

/// The type of a value once dictionaries, runs and views are unpacked.
pub(crate) fn unpacked(arrow: &Arrow) -> Arrow {
    match arrow {
        Arrow::Dictionary(_, value) => unpacked(value),
        Arrow::RunEndEncoded(_, value) => unpacked(value.data_type()),
        Arrow::Utf8View | Arrow::LargeUtf8 => Arrow::Utf8,
        Arrow::BinaryView | Arrow::LargeBinary | Arrow::FixedSizeBinary(_) => Arrow::Binary,
        other => other.clone(),
    }
}

/// The item type of a list.
pub(crate) fn item(arrow: &Arrow) -> Option<&Arrow> {
    match arrow {
        Arrow::List(item)
        | Arrow::LargeList(item)
        | Arrow::FixedSizeList(item, _)
        | Arrow::ListView(item)
        | Arrow::LargeListView(item) => Some(item.data_type()),
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
        let many = if field.single_value { "a" } else { "a multi-value" };
        Err(Error::schema_mismatch(format!("{many} {} column cannot be made from {arrow}", field.data_type))
            .with("column", &field.name)
            .action(advice))
    };
    let plain = unpacked(arrow);
    match item(&plain).filter(|_| field.data_type != DataType::Json) {
        Some(_) if field.single_value => {
            refuse("make the column multi-value in the schema, or pick one value in the SQL transform")
        }
        Some(item) => accept_value(field, &unpacked(item)).or_else(refuse),
        None => accept_value(field, &plain).or_else(refuse),
    }
}

/// One value. Refusals carry the advice.
fn accept_value(field: &FieldSpec, arrow: &Arrow) -> Result<(), &'static str> {
    use DataType::{BigDecimal, Boolean, Bytes, Double, Float, Int, Json, Long, Map, String, Timestamp};
    const CAST: &str = "convert it in the SQL transform, for example with CAST";
    let target = field.data_type;
    let takes = |accepted: bool, advice| if accepted { Ok(()) } else { Err(advice) };
    if target == Map {
        return match arrow {
            Arrow::Null | Arrow::Utf8 => Ok(()),
            Arrow::Struct(_) | Arrow::Map(..) => {
                takes(nested::can_write(arrow), "convert what is inside in the SQL transform")
            }
            _ => Err("give a struct, a map or a JSON object as text"),
        };
    }
    match arrow {
        Arrow::Null | Arrow::Utf8 => Ok(()),
        Arrow::Int64 => takes(target != Bytes, CAST),
        Arrow::Boolean => takes(!matches!(target, Bytes | Timestamp), CAST),
        // Pinot refuses it too: nobody can tell what the number counts.
        Arrow::Int8
        | Arrow::Int16
        | Arrow::Int32
        | Arrow::UInt8
        | Arrow::UInt16
        | Arrow::UInt32
        | Arrow::UInt64
        | Arrow::Float16
        | Arrow::Float32
        | Arrow::Float64
        | Arrow::Decimal32(..)
        | Arrow::Decimal64(..)
        | Arrow::Decimal128(..)
        | Arrow::Decimal256(..) => match target {
            Timestamp => Err("give milliseconds since the epoch as a 64-bit integer, or a timestamp"),
            Bytes | Map => Err(CAST),
            Int | Long | Float | Double | BigDecimal | Boolean | String | Json => Ok(()),
        },
        Arrow::Binary => takes(matches!(target, Bytes | String), CAST),
        // Of finer ones some of Pinot's readers store milliseconds, others what the file has.
        Arrow::Timestamp(TimeUnit::Second | TimeUnit::Millisecond, _)
            if target == Long && field.date_time.is_none() =>
        {
            Ok(())
        }
        Arrow::Timestamp(..) => takes(
            target == Timestamp || is_count(field),
            "declare the column as TIMESTAMP, or convert it in the SQL transform with to_char or CAST",
        ),
        Arrow::Date32 | Arrow::Date64 => match target {
            Timestamp => Ok(()),
            Int | Long if field.date_time.is_none() => Ok(()),
            String => match field.date_time.as_ref().map(|spec| &spec.format) {
                None => Ok(()),
                Some(format) => takes(
                    date::can_write(format),
                    "give the column a pattern of the letters y M d D E H h m s S a, or convert it with to_char",
                ),
            },
            _ if is_count(field) => Ok(()),
            _ => Err("declare the column as TIMESTAMP, or as a date-time column that counts days"),
        },
        Arrow::Struct(_) | Arrow::Map(..) => match target {
            Json if nested::can_write(arrow) => Ok(()),
            Json => Err("JSON cannot hold one of the types inside: convert it in the SQL transform"),
            _ => Err("declare the column as JSON, or pick a field in the SQL transform"),
        },
        list if item(list).is_some() => {
            takes(target == Json && nested::can_write(list), "declare the column as JSON, or flatten the list")
        }
        Arrow::Time32(_) | Arrow::Time64(_) => {
            Err("Pinot has no time of day: convert it to text or a number in the SQL transform")
        }
        _ => Err(CAST),
    }
}

/// The column counts units since the epoch.
fn is_count(field: &FieldSpec) -> bool {
    matches!(field.data_type, DataType::Int | DataType::Long)
        && field
            .date_time
            .as_ref()
            .is_some_and(|spec| matches!(spec.format, DateTimeFormat::Epoch { .. } | DateTimeFormat::Timestamp))
}

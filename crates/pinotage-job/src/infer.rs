//! A schema and a table config for rows that have none, to be saved and edited.

use arrow::datatypes::{DataType as Arrow, Schema as ArrowSchema};
use serde_json::{Value as Json, json};

/// A Pinot schema for Arrow columns. Numbers stay dimensions: what is a metric only the owner knows.
pub fn infer_schema(table: &str, columns: &ArrowSchema) -> Json {
    let mut dimensions = Vec::new();
    let mut times = Vec::new();
    for field in columns.fields() {
        let (item, single) = match field.data_type() {
            Arrow::List(item) | Arrow::LargeList(item) | Arrow::FixedSizeList(item, _) => (item.data_type(), false),
            other => (other, true),
        };
        let data_type = pinot_type(item);
        if matches!(item, Arrow::Timestamp(..) | Arrow::Date32 | Arrow::Date64) && single {
            times.push(json!({"name": field.name(), "dataType": "TIMESTAMP", "format": "TIMESTAMP", "granularity": "1:MILLISECONDS"}));
        } else if single || data_type == "JSON" {
            dimensions.push(json!({"name": field.name(), "dataType": data_type}));
        } else {
            dimensions.push(json!({"name": field.name(), "dataType": data_type, "singleValueField": false}));
        }
    }
    json!({"schemaName": table, "enableColumnBasedNullHandling": true, "dimensionFieldSpecs": dimensions, "metricFieldSpecs": [], "dateTimeFieldSpecs": times})
}

/// A table config with Pinot's defaults; the only time column, if there is one, becomes the table's.
pub fn infer_table_config(table: &str, schema: &Json) -> Json {
    let mut segments = json!({"replication": "1", "segmentPushType": "APPEND"});
    if let Some([only]) = schema["dateTimeFieldSpecs"].as_array().map(Vec::as_slice) {
        segments["timeColumnName"] = only["name"].clone();
    }
    json!({"tableName": format!("{table}_OFFLINE"), "tableType": "OFFLINE", "segmentsConfig": segments, "tenants": {},
           "tableIndexConfig": {"loadMode": "MMAP"}, "metadata": {}})
}

fn pinot_type(arrow: &Arrow) -> &'static str {
    match arrow {
        Arrow::Boolean => "BOOLEAN",
        Arrow::Int8 | Arrow::Int16 | Arrow::Int32 | Arrow::UInt8 | Arrow::UInt16 => "INT",
        Arrow::Int64 | Arrow::UInt32 | Arrow::UInt64 => "LONG",
        Arrow::Float16 | Arrow::Float32 => "FLOAT",
        Arrow::Float64 => "DOUBLE",
        Arrow::Decimal128(..) | Arrow::Decimal256(..) => "BIG_DECIMAL",
        Arrow::Timestamp(..) | Arrow::Date32 | Arrow::Date64 => "TIMESTAMP",
        Arrow::Binary | Arrow::LargeBinary | Arrow::BinaryView | Arrow::FixedSizeBinary(_) => "BYTES",
        Arrow::Struct(_) | Arrow::Map(..) | Arrow::List(_) | Arrow::LargeList(_) | Arrow::FixedSizeList(..) => "JSON",
        _ => "STRING",
    }
}

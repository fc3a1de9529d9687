//! The types of columns in the SQL of engines.

use arrow::datatypes::{DataType, Field};
use pinotage_common::{Error, Result};

use super::text::named;

/// What an engine calls a type whose name is its own.
pub(super) struct Dialect {
    engine: &'static str,
    binary: &'static str,
    /// Whether binaries of one length have a type of their own.
    sized_binary: bool,
    instant: &'static str,
    local_time: &'static str,
    /// Before the fields of a row, and between the name of each and its type.
    row: (&'static str, &'static str),
}

pub(super) const FLINK: Dialect = Dialect {
    engine: "Flink",
    binary: "BYTES",
    sized_binary: true,
    instant: "TIMESTAMP_LTZ(3)",
    local_time: "TIMESTAMP(3)",
    row: ("ROW", " "),
};

pub(super) const SPARK: Dialect = Dialect {
    engine: "Spark",
    binary: "BINARY",
    sized_binary: false,
    instant: "TIMESTAMP",
    local_time: "TIMESTAMP_NTZ",
    row: ("STRUCT", ": "),
};

/// A column's type.
pub(super) fn sql_type(dialect: &Dialect, field: &Field) -> Result<String> {
    use DataType as Arrow;
    Ok(match field.data_type() {
        Arrow::Boolean => "BOOLEAN".into(),
        Arrow::Int8 => "TINYINT".into(),
        Arrow::Int16 | Arrow::UInt8 => "SMALLINT".into(),
        Arrow::Int32 | Arrow::UInt16 => "INT".into(),
        Arrow::Int64 | Arrow::UInt32 => "BIGINT".into(),
        Arrow::Float32 => "FLOAT".into(),
        Arrow::Float64 => "DOUBLE".into(),
        Arrow::Utf8 | Arrow::LargeUtf8 | Arrow::Utf8View | Arrow::Null => "STRING".into(),
        Arrow::FixedSizeBinary(size) if dialect.sized_binary => format!("BINARY({size})"),
        Arrow::Binary | Arrow::LargeBinary | Arrow::BinaryView | Arrow::FixedSizeBinary(_) => dialect.binary.into(),
        Arrow::Date32 => "DATE".into(),
        Arrow::Timestamp(_, zone) => if zone.is_some() { dialect.instant } else { dialect.local_time }.into(),
        Arrow::Decimal128(precision, scale) => format!("DECIMAL({precision}, {scale})"),
        Arrow::Dictionary(_, values) => sql_type(dialect, &Field::new(field.name(), (**values).clone(), true))?,
        Arrow::List(item) | Arrow::LargeList(item) => format!("ARRAY<{}>", sql_type(dialect, item)?),
        Arrow::Struct(fields) => {
            let (row, is) = dialect.row;
            let inner: Result<Vec<String>> = fields
                .iter()
                .map(|field| Ok(format!("{}{is}{}", named(field.name()), sql_type(dialect, field)?)))
                .collect();
            format!("{row}<{}>", inner?.join(", "))
        }
        other => {
            return Err(Error::unsupported(format!("{} reads no column of type {other}", dialect.engine))
                .with("column", field.name())
                .action("load the files with our own engine"));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_have_the_names_of_their_engine() {
        let inner = vec![Field::new("a b", DataType::Binary, true), Field::new("n", DataType::Int8, true)];
        let field = Field::new("rows", DataType::new_list(DataType::Struct(inner.into()), true), true);
        assert_eq!(sql_type(&FLINK, &field).unwrap(), "ARRAY<ROW<`a b` BYTES, `n` TINYINT>>");
        assert_eq!(sql_type(&SPARK, &field).unwrap(), "ARRAY<STRUCT<`a b`: BINARY, `n`: TINYINT>>");
        let time = Field::new("t", DataType::Duration(arrow::datatypes::TimeUnit::Second), true);
        assert!(sql_type(&SPARK, &time).unwrap_err().to_string().contains("Spark reads no column"));
    }
}

//! What decides on the partition of a row, as `PinotPartitioner` of Java has it.

use pinotage_sink::upsert::KeySerializer;
use pinotage_sink::writer::Partitioning;
use pinotage_spec::{DataType, PartitionFunction, Schema};

/// As `PinotPartitioner.of` reads it; nothing for numbers whose text is not the same in every release of Java.
pub(crate) fn parts(schema: &Schema, partitioning: Partitioning<'_>) -> Option<Vec<String>> {
    let (function, partitions, seed, of_null, columns, values) = match partitioning {
        Partitioning::Column { column, config, of_null } => {
            let (function, seed, values) = match &config.function {
                PartitionFunction::Murmur => ("Murmur", 0, &[][..]),
                PartitionFunction::Murmur3 { seed } => ("Murmur3", *seed, &[][..]),
                PartitionFunction::Murmur3X64 { seed } => ("Murmur3X64", *seed, &[][..]),
                PartitionFunction::Modulo => ("Modulo", 0, &[][..]),
                PartitionFunction::HashCode => ("HashCode", 0, &[][..]),
                PartitionFunction::ByteArray => ("ByteArray", 0, &[][..]),
                PartitionFunction::BoundedColumnValue { values } => ("BoundedColumnValue", 0, values.as_slice()),
            };
            (function, config.num_partitions, seed, of_null, vec![column.to_owned()], values)
        }
        Partitioning::Stream(key) => {
            let function = match key.serializer {
                KeySerializer::String => "stream-string",
                KeySerializer::Int => "stream-int",
                KeySerializer::Long => "stream-long",
                KeySerializer::Bytes => "stream-bytes",
                KeySerializer::Json => "stream-json",
            };
            (function, key.partitions, 0, 0, key.columns.clone(), &[][..])
        }
    };
    let mut parts = vec![
        function.to_owned(),
        partitions.to_string(),
        (seed as i32).to_string(),
        of_null.to_string(),
        columns.len().to_string(),
    ];
    for column in columns {
        let data_type = schema.field(&column)?.data_type;
        if matches!(data_type, DataType::Float | DataType::Double) {
            return None;
        }
        parts.extend([column, data_type.name().to_owned()]);
    }
    parts.extend_from_slice(values);
    Some(parts)
}

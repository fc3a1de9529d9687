//! The partition that a table's stream gives a row.

use std::io::Write as _;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, UInt32Array};
use arrow::datatypes::{DataType as Arrow, Int32Type, Int64Type};
use pinotage_common::{Error, Result};
use pinotage_spec::{DataType, Schema, kafka_partition};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::keys::unpacked;
use super::upload::stream_partitions;
use crate::Snapshot;

/// The key of the records in a table's stream. Uploaded rows have to go where the stream's producer sends rows of the same
/// key: a server decides between those of one partition only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StreamKey {
    /// The columns that the key is made of: one, or with `json` several, in their order.
    pub columns: Vec<String>,
    /// How the producer writes the key.
    #[serde(default)]
    pub serializer: KeySerializer,
    /// The partitions of the topic.
    pub partitions: u32,
}

/// How a stream's producer writes keys. The partition is that of Kafka's default partitioner for these bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum KeySerializer {
    /// Text in UTF-8, as Kafka's `StringSerializer`: a STRING column, or the digits of an INT or LONG column.
    #[default]
    String,
    /// Four bytes, as Kafka's `IntegerSerializer`: an INT column.
    Int,
    /// Eight bytes, as Kafka's `LongSerializer`: a LONG, INT or TIMESTAMP column.
    Long,
    /// The bytes themselves, as Kafka's `ByteArraySerializer`: a BYTES column.
    Bytes,
    /// An object with all columns without blanks, `{"id":1,"city":"Rome"}`, as Kafka Connect's `JsonConverter` without schemas
    /// writes keys: STRING, INT, LONG and BOOLEAN columns.
    Json,
}

impl KeySerializer {
    fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Int => "int",
            Self::Long => "long",
            Self::Bytes => "bytes",
            Self::Json => "json",
        }
    }

    /// The types of columns that this serializer takes.
    fn takes(self, data_type: DataType) -> bool {
        use DataType::{Boolean, Bytes, Int, Long, String, Timestamp};
        match self {
            Self::String => matches!(data_type, String | Int | Long),
            Self::Int => data_type == Int,
            Self::Long => matches!(data_type, Long | Int | Timestamp),
            Self::Bytes => data_type == Bytes,
            Self::Json => matches!(data_type, String | Int | Long | Boolean),
        }
    }
}

impl StreamKey {
    /// The key that most producers write: the primary key, one column as text and several as JSON.
    ///
    /// # Errors
    ///
    /// `invalid-config` as [`StreamKey::check`], among others for a schema without a primary key.
    pub fn of_primary_key(schema: &Schema, partitions: u32) -> Result<Self> {
        let columns = schema.primary_key_columns().to_vec();
        let serializer = if columns.len() == 1 { KeySerializer::String } else { KeySerializer::Json };
        let key = Self { columns, serializer, partitions };
        key.check(schema)?;
        Ok(key)
    }

    /// The key that a user has chosen, or else [`StreamKey::of_primary_key`] in as many partitions as the table's stream has.
    ///
    /// # Errors
    ///
    /// Those of [`StreamKey::check`]; `invalid-config` when the stream has another number of partitions, or has not begun and
    /// nothing says how many there will be; `unsupported` for a table of several streams.
    pub fn resolve(chosen: Option<&Self>, schema: &Schema, table: &Snapshot) -> Result<Self> {
        let bad = |message: String| Error::invalid_config(message).with("option", "upsert.streamKey");
        match (chosen, stream_partitions(table)?) {
            (Some(key), Some(found)) if key.partitions != found => {
                Err(bad(format!("the table consumes {found} partitions, and the key has {}", key.partitions)))
            }
            (Some(key), _) => {
                key.check(schema)?;
                Ok(key.clone())
            }
            (None, Some(_)) if schema.primary_key_columns().is_empty() => {
                let message =
                    "the table has no primary key, so that nobody knows by which columns its stream spreads rows";
                Err(bad(message.into())
                    .action("name them by `upsert.streamKey`: `columns`, `serializer` and `partitions`"))
            }
            (None, Some(found)) => Self::of_primary_key(schema, found),
            (None, None) => Err(bad("the table's stream has not begun, so its partitions are not known".into())
                .action("set `streamKey` with the columns and the number of partitions")),
        }
    }

    /// Refuses a key that rows of this schema do not have, or whose rows of one primary key could be in several partitions.
    ///
    /// # Errors
    ///
    /// `invalid-config`.
    pub fn check(&self, schema: &Schema) -> Result<()> {
        let bad = |message: String| Err(Error::invalid_config(message).with("option", "upsert.streamKey"));
        if i32::try_from(self.partitions).is_err() || self.partitions == 0 {
            return bad(format!(
                "expected a topic to have between 1 and 2^31 - 1 partitions, found {}",
                self.partitions
            ));
        }
        if self.columns.is_empty() || (self.columns.len() > 1 && self.serializer != KeySerializer::Json) {
            return bad(format!(
                "expected one column for a key that is written as `{}`, found {}; only `json` takes several",
                self.serializer.name(),
                self.columns.len()
            ));
        }
        for column in &self.columns {
            let Some(field) = schema.field(column) else {
                return bad(format!("the stream's key has a column that the schema does not have: `{column}`"));
            };
            if !field.single_value || !self.serializer.takes(field.data_type) {
                let kind = if field.single_value { "" } else { "multi-value " };
                return bad(format!(
                    "`{column}` is a {kind}{} column, and keys written as `{}` have none of these",
                    field.data_type,
                    self.serializer.name()
                ));
            }
            let keys = schema.primary_key_columns();
            if !keys.is_empty() && !keys.contains(column) {
                return bad(format!(
                    "`{column}` is no primary key column: rows of one primary key would be in several partitions"
                ));
            }
        }
        Ok(())
    }

    /// The partition of each row; null where a column of the key is null (but for `json`). A producer sends rows without a key
    /// anywhere, so such a row can go nowhere.
    ///
    /// # Errors
    ///
    /// `schema-mismatch` for a column that is missing or not of a type that [`StreamKey::check`] lets through.
    pub fn partitions(&self, rows: &RecordBatch) -> Result<UInt32Array> {
        let columns = self.columns.iter().map(|name| {
            let column = rows.column_by_name(name).map(unpacked).transpose()?;
            column.ok_or_else(|| {
                Error::schema_mismatch("a column of the stream's key is missing in the rows").with("column", name)
            })
        });
        let columns = columns.collect::<Result<Vec<ArrayRef>>>()?;
        match (self.serializer, columns.as_slice()) {
            (KeySerializer::Json, columns) => self.json_partitions(columns, rows.num_rows()),
            (_, [column]) => self.column_partitions(column),
            _ => {
                Err(Error::invalid_config("expected one column for the stream's key")
                    .with("option", "upsert.streamKey"))
            }
        }
    }

    /// The bytes of a key are the text of its value.
    pub(super) fn is_text(&self) -> bool {
        self.serializer == KeySerializer::String
    }

    fn column_partitions(&self, column: &ArrayRef) -> Result<UInt32Array> {
        let n = self.partitions.max(1);
        let mut digits = Vec::with_capacity(20);
        let mut of_digits = |number: i64| {
            digits.clear();
            // Writing to a vector cannot fail.
            let _ = write!(digits, "{number}");
            kafka_partition(&digits, n)
        };
        let of_long = |value: i64| kafka_partition(&value.to_be_bytes(), n);
        Ok(match (self.serializer, column.data_type()) {
            (KeySerializer::String, Arrow::Utf8) => {
                column.as_string::<i32>().iter().map(|text| Some(kafka_partition(text?.as_bytes(), n))).collect()
            }
            (KeySerializer::String, Arrow::Int32) => {
                column.as_primitive::<Int32Type>().iter().map(|value| Some(of_digits(value?.into()))).collect()
            }
            (KeySerializer::String, Arrow::Int64) => {
                column.as_primitive::<Int64Type>().iter().map(|value| Some(of_digits(value?))).collect()
            }
            (KeySerializer::Int, Arrow::Int32) => {
                let values = column.as_primitive::<Int32Type>().iter();
                values.map(|value| Some(kafka_partition(&value?.to_be_bytes(), n))).collect()
            }
            (KeySerializer::Long, Arrow::Int32) => {
                column.as_primitive::<Int32Type>().iter().map(|value| Some(of_long(value?.into()))).collect()
            }
            (KeySerializer::Long, Arrow::Int64) => {
                column.as_primitive::<Int64Type>().iter().map(|value| Some(of_long(value?))).collect()
            }
            (KeySerializer::Long, Arrow::Timestamp(arrow::datatypes::TimeUnit::Millisecond, _)) => {
                let values = column.as_primitive::<arrow::datatypes::TimestampMillisecondType>().iter();
                values.map(|value| Some(of_long(value?))).collect()
            }
            (KeySerializer::Bytes, Arrow::Binary) => {
                column.as_binary::<i32>().iter().map(|value| Some(kafka_partition(value?, n))).collect()
            }
            (_, found) => return Err(self.mismatch(&self.columns[0], found)),
        })
    }

    fn json_partitions(&self, columns: &[ArrayRef], rows: usize) -> Result<UInt32Array> {
        let mut names = Vec::with_capacity(columns.len());
        for (name, column) in self.columns.iter().zip(columns) {
            if !matches!(column.data_type(), Arrow::Utf8 | Arrow::Int32 | Arrow::Int64 | Arrow::Boolean) {
                return Err(self.mismatch(name, column.data_type()));
            }
            let mut text = Vec::new();
            write_json_text(&mut text, name);
            text.push(b':');
            names.push(text);
        }
        let mut key = Vec::new();
        let partitions = (0..rows).map(|row| {
            key.clear();
            for (at, (name, column)) in names.iter().zip(columns).enumerate() {
                key.push(if at == 0 { b'{' } else { b',' });
                key.extend_from_slice(name);
                write_json(&mut key, column, row);
            }
            key.push(b'}');
            kafka_partition(&key, self.partitions.max(1))
        });
        Ok(UInt32Array::from_iter_values(partitions))
    }

    fn mismatch(&self, column: &str, found: &Arrow) -> Error {
        Error::schema_mismatch(format!("a key written as `{}` has no column of {found}", self.serializer.name()))
            .with("column", column)
    }
}

fn write_json(out: &mut Vec<u8>, column: &ArrayRef, row: usize) {
    // Writing to a vector cannot fail.
    let _ = match column.data_type() {
        _ if column.is_null(row) => out.write_all(b"null"),
        Arrow::Int32 => write!(out, "{}", column.as_primitive::<Int32Type>().value(row)),
        Arrow::Int64 => write!(out, "{}", column.as_primitive::<Int64Type>().value(row)),
        Arrow::Boolean => write!(out, "{}", column.as_boolean().value(row)),
        _ => {
            write_json_text(out, column.as_string::<i32>().value(row));
            Ok(())
        }
    };
}

/// As Jackson does: what need not be escaped is not, and escapes have capital digits.
fn write_json_text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    for &byte in text.as_bytes() {
        let short = match byte {
            b'"' | b'\\' => byte,
            0x08 => b'b',
            b'\t' => b't',
            b'\n' => b'n',
            0x0c => b'f',
            b'\r' => b'r',
            0..0x20 => {
                // Writing to a vector cannot fail.
                let _ = write!(out, "\\u{byte:04X}");
                continue;
            }
            _ => {
                out.push(byte);
                continue;
            }
        };
        out.extend_from_slice(&[b'\\', short]);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{BinaryArray, BooleanArray, Int32Array, Int64Array, StringArray};
    use serde_json::json;

    use super::*;

    fn key(columns: &[&str], serializer: KeySerializer, partitions: u32) -> StreamKey {
        StreamKey { columns: columns.iter().map(|&name| name.to_owned()).collect(), serializer, partitions }
    }

    fn found(serializer: KeySerializer, column: ArrayRef) -> Vec<Option<u32>> {
        let rows = RecordBatch::try_from_iter([("k", column)]).unwrap();
        key(&["k"], serializer, 8).partitions(&rows).unwrap().iter().collect()
    }

    #[test]
    fn options_are_read_and_unknown_ones_refused() {
        let read = |json| serde_json::from_value::<StreamKey>(json);
        let found = read(json!({"columns": ["a"], "partitions": 4})).unwrap();
        assert_eq!(found, key(&["a"], KeySerializer::String, 4));
        let found = read(json!({"columns": ["a", "b"], "serializer": "json", "partitions": 4})).unwrap();
        assert_eq!(found.serializer, KeySerializer::Json);
        assert!(read(json!({"columns": ["a"], "partitions": 4, "partition": 1})).is_err());
        assert!(read(json!({"columns": ["a"], "partitions": 4, "serializer": "avro"})).is_err());
    }

    #[test]
    fn keys_that_rows_cannot_have_are_refused() {
        let schema = Schema::from_document(json!({
            "schemaName": "t", "primaryKeyColumns": ["s", "n"],
            "dimensionFieldSpecs": [{"name": "s", "dataType": "STRING"}, {"name": "n", "dataType": "LONG"},
                {"name": "d", "dataType": "DOUBLE"}, {"name": "other", "dataType": "STRING"},
                {"name": "many", "dataType": "STRING", "singleValueField": false}],
        }))
        .unwrap();
        for good in [
            key(&["s"], KeySerializer::String, 1),
            key(&["n"], KeySerializer::Long, 8),
            key(&["n", "s"], KeySerializer::Json, 8),
        ] {
            good.check(&schema).unwrap();
        }
        assert_eq!(StreamKey::of_primary_key(&schema, 8).unwrap(), key(&["s", "n"], KeySerializer::Json, 8));
        for (wrong, words) in [
            (key(&["s"], KeySerializer::String, 0), "partitions"),
            (key(&["s"], KeySerializer::String, u32::MAX), "partitions"),
            (key(&[], KeySerializer::String, 8), "one column"),
            (key(&["s", "n"], KeySerializer::String, 8), "only `json` takes several"),
            (key(&["gone"], KeySerializer::String, 8), "does not have"),
            (key(&["n"], KeySerializer::Int, 8), "LONG"),
            (key(&["d"], KeySerializer::String, 8), "DOUBLE"),
            (key(&["many"], KeySerializer::String, 8), "multi-value"),
            (key(&["other"], KeySerializer::String, 8), "no primary key column"),
        ] {
            let error = wrong.check(&schema).unwrap_err();
            assert!(error.message().contains(words), "{error}");
        }
    }

    #[test]
    fn the_streams_partitions_are_the_keys() {
        use crate::upsert::upload::tests::segment;
        use pinotage_common::ErrorKind;
        let schema = Schema::from_document(json!({"schemaName": "t", "primaryKeyColumns": ["k"],
            "dimensionFieldSpecs": [{"name": "k", "dataType": "LONG"}]}))
        .unwrap();
        let table = |names: &[&str]| Snapshot {
            segments: names.iter().map(|&name| (name.to_owned(), segment(name, 0))).collect(),
            ..Snapshot::default()
        };
        let stream =
            table(&["t__0__3__20231114T2213Z", "t__2__0__20231114T2213Z", "j-r__t__7__20231114T2213Z__0-0", "t_9"]);
        let none = table(&["t_9"]);
        let several = table(&["t__10000__0__20231114T2213Z"]);
        let resolve = |chosen: Option<StreamKey>, table| StreamKey::resolve(chosen.as_ref(), &schema, table);
        let long = |partitions| key(&["k"], KeySerializer::Long, partitions);
        assert_eq!(resolve(None, &stream).unwrap(), key(&["k"], KeySerializer::String, 3));
        assert_eq!(resolve(Some(long(3)), &stream).unwrap(), long(3));
        assert_eq!(resolve(Some(long(5)), &none).unwrap(), long(5));
        for (chosen, table, kind) in [
            (Some(long(4)), &stream, ErrorKind::InvalidConfig),
            (Some(key(&["k"], KeySerializer::Bytes, 3)), &stream, ErrorKind::InvalidConfig),
            (None, &none, ErrorKind::InvalidConfig),
            (None, &several, ErrorKind::Unsupported),
        ] {
            assert_eq!(resolve(chosen, table).unwrap_err().kind(), kind);
        }
    }

    /// What the client of Kafka 3.9.2 says of eight partitions; `tests/it/upsert/keys.rs` asks it about many more.
    #[test]
    fn known_answers() {
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), Some("apple"), Some("1"), None]));
        assert_eq!(found(KeySerializer::String, texts), [Some(4), Some(5), Some(7), None]);
        let longs: ArrayRef = Arc::new(Int64Array::from(vec![None, Some(1)]));
        assert_eq!(found(KeySerializer::Long, longs)[0], None);
    }

    #[test]
    fn whole_numbers_are_written_alike_in_any_column() {
        let ints: ArrayRef = Arc::new(Int32Array::from(vec![0, -1, i32::MAX, i32::MIN, 17]));
        let longs: ArrayRef = Arc::new(Int64Array::from(vec![0, -1, i32::MAX.into(), i32::MIN.into(), 17]));
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["0", "-1", "2147483647", "-2147483648", "17"]));
        for serializer in [KeySerializer::String, KeySerializer::Long] {
            assert_eq!(found(serializer, ints.clone()), found(serializer, longs.clone()));
        }
        assert_eq!(found(KeySerializer::String, ints), found(KeySerializer::String, texts.clone()));
        let packed = texts.as_string::<i32>().iter().collect::<arrow::array::DictionaryArray<Int32Type>>();
        assert_eq!(found(KeySerializer::String, Arc::new(packed)), found(KeySerializer::String, texts));
    }

    #[test]
    fn json_keys_are_written_as_jackson_writes_them() {
        let text = |value: &str| {
            let mut out = Vec::new();
            write_json_text(&mut out, value);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(text("a\"b\\c/\u{8}\t\n\u{c}\r\u{1f}\u{7f}é😀"), "\"a\\\"b\\\\c/\\b\\t\\n\\f\\r\\u001F\u{7f}é😀\"");
        let rows = RecordBatch::try_from_iter([
            ("id", Arc::new(Int64Array::from(vec![Some(1), None])) as ArrayRef),
            ("city", Arc::new(StringArray::from(vec!["Rome", "Oslo"])) as ArrayRef),
            ("old", Arc::new(BooleanArray::from(vec![true, false])) as ArrayRef),
        ])
        .unwrap();
        let found = key(&["id", "city", "old"], KeySerializer::Json, 8).partitions(&rows).unwrap();
        let written = [r#"{"id":1,"city":"Rome","old":true}"#, r#"{"id":null,"city":"Oslo","old":false}"#];
        assert_eq!(found, UInt32Array::from_iter_values(written.map(|text| kafka_partition(text.as_bytes(), 8))));
    }

    #[test]
    fn columns_of_other_types_are_errors() {
        let bytes: ArrayRef = Arc::new(BinaryArray::from_vec(vec![b"a"]));
        let rows = RecordBatch::try_from_iter([("k", bytes)]).unwrap();
        for serializer in [KeySerializer::String, KeySerializer::Int, KeySerializer::Long, KeySerializer::Json] {
            assert!(key(&["k"], serializer, 8).partitions(&rows).is_err(), "{serializer:?}");
        }
        assert!(key(&["gone"], KeySerializer::Bytes, 8).partitions(&rows).is_err());
        assert_eq!(key(&["k"], KeySerializer::Bytes, 8).partitions(&rows).unwrap().len(), 1);
    }
}

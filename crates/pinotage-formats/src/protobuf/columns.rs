//! Messages to columns, with nulls where Pinot has them.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, ListArray,
    MapArray, NullArray, RecordBatch, RecordBatchOptions, StringArray, StructArray, UInt32Array, UInt64Array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::cast;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use prost_reflect::{DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, MapKey, ReflectMessage, Syntax, Value};

/// The columns of the schema, made of the fields of the same place.
pub(super) fn batch(
    messages: &[DynamicMessage],
    fields: &[FieldDescriptor],
    schema: &SchemaRef,
) -> Result<RecordBatch, ArrowError> {
    let columns = fields.iter().zip(schema.fields()).map(|(field, column)| {
        let values: Vec<_> = messages
            .iter()
            .map(|message| (!field.supports_presence() || message.has_field(field)).then(|| message.get_field(field)))
            .collect();
        let found = array(field, &values)?;
        if found.data_type() == column.data_type() { Ok(found) } else { cast(&found, column.data_type()) }
    });
    let count = RecordBatchOptions::new().with_row_count(Some(messages.len()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns.collect::<Result<_, _>>()?, &count)
}

type Values<'a> = [Option<Cow<'a, Value>>];

fn array(field: &FieldDescriptor, values: &Values<'_>) -> Result<ArrayRef, ArrowError> {
    let kind = field.kind();
    match &kind {
        Kind::Message(entry) if field.is_map() => {
            map(&entry.map_entry_value_field().kind(), values.iter().map(|value| value.as_ref()?.as_map()))
        }
        kind if field.is_list() => list(kind, values.iter().map(|value| value.as_ref()?.as_list())),
        kind => singles(kind, &values.iter().map(Option::as_deref).collect::<Vec<_>>()),
    }
}

/// An empty list is null, and so is one whose items all are.
fn list<'a>(kind: &Kind, lists: impl Iterator<Item = Option<&'a [Value]>>) -> Result<ArrayRef, ArrowError> {
    let (mut lengths, mut items) = (Vec::new(), Vec::new());
    for list in lists {
        let before = items.len();
        items.extend(list.unwrap_or_default().iter().filter(|item| is_value(kind, item)).map(Some));
        lengths.push(items.len() - before);
    }
    let nulls = NullBuffer::from_iter(lengths.iter().map(|&length| length > 0));
    let items = singles(kind, &items)?;
    let field = arrow::datatypes::Field::new_list_field(items.data_type().clone(), true);
    Ok(Arc::new(ListArray::try_new(Arc::new(field), OffsetBuffer::from_lengths(lengths), items, Some(nulls))?))
}

/// An empty map is null; entries whose value is null are left out. In the order of their keys.
fn map<'a>(
    kind: &Kind,
    maps: impl Iterator<Item = Option<&'a std::collections::HashMap<MapKey, Value>>>,
) -> Result<ArrayRef, ArrowError> {
    use arrow::datatypes::{Field, Fields};
    let (mut lengths, mut keys, mut items, mut nulls) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for map in maps {
        let mut entries: Vec<_> = map.into_iter().flatten().collect();
        nulls.push(!entries.is_empty());
        entries.retain(|(_, value)| is_value(kind, value));
        entries.sort_unstable_by_key(|(key, _)| *key);
        lengths.push(entries.len());
        for (key, value) in entries {
            keys.push(key_text(key));
            items.push(Some(value));
        }
    }
    let keys: ArrayRef = Arc::new(StringArray::from_iter_values(&keys));
    let items = singles(kind, &items)?;
    let fields = Fields::from(vec![
        Field::new("key", DataType::Utf8, false),
        Field::new("value", items.data_type().clone(), true),
    ]);
    let entries = StructArray::try_new(fields.clone(), vec![keys, items], None)?;
    let field = Field::new("entries", DataType::Struct(fields), false);
    let offsets = OffsetBuffer::from_lengths(lengths);
    Ok(Arc::new(MapArray::try_new(Arc::new(field), offsets, entries, Some(NullBuffer::from(nulls)), false)?))
}

fn key_text(key: &MapKey) -> Cow<'_, str> {
    match key {
        MapKey::Bool(key) => key.to_string().into(),
        MapKey::I32(key) => key.to_string().into(),
        MapKey::I64(key) => key.to_string().into(),
        MapKey::U32(key) => key.to_string().into(),
        MapKey::U64(key) => key.to_string().into(),
        MapKey::String(key) => key.into(),
    }
}

/// Whether it is more than null: a message without any set field is not, nor is a number that a closed enum does not have.
fn is_value(kind: &Kind, value: &Value) -> bool {
    match (kind, value) {
        (Kind::Message(_), Value::Message(message)) => is_set(message),
        (Kind::Enum(kind), Value::EnumNumber(number)) => enum_name(kind, *number).is_some(),
        _ => true,
    }
}

fn is_set(message: &DynamicMessage) -> bool {
    message.descriptor().fields().any(|field| message.has_field(&field))
}

/// The name of a value. Enums of proto3 keep numbers without a name, under the name that Java gives them.
fn enum_name(kind: &EnumDescriptor, number: i32) -> Option<String> {
    match kind.get_value(number) {
        Some(value) => Some(value.name().to_owned()),
        None if kind.parent_file().syntax() == Syntax::Proto2 => None,
        None => Some(format!("UNKNOWN_ENUM_VALUE_{}_{number}", kind.name())),
    }
}

fn singles(kind: &Kind, values: &[Option<&Value>]) -> Result<ArrayRef, ArrowError> {
    macro_rules! numbers {
        ($array:ident, $get:ident) => {
            Arc::new(values.iter().map(|value| value.and_then(Value::$get)).collect::<$array>())
        };
    }
    Ok(match kind {
        Kind::Double => numbers!(Float64Array, as_f64),
        Kind::Float => numbers!(Float32Array, as_f32),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => numbers!(Int32Array, as_i32),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => numbers!(Int64Array, as_i64),
        Kind::Uint32 | Kind::Fixed32 => numbers!(UInt32Array, as_u32),
        Kind::Uint64 | Kind::Fixed64 => numbers!(UInt64Array, as_u64),
        Kind::Bool => numbers!(BooleanArray, as_bool),
        Kind::String => numbers!(StringArray, as_str),
        Kind::Bytes => numbers!(BinaryArray, as_bytes),
        Kind::Enum(kind) => {
            let name = |value: &Option<&Value>| enum_name(kind, value.and_then(Value::as_enum_number)?);
            Arc::new(values.iter().map(name).collect::<StringArray>())
        }
        Kind::Message(descriptor) => {
            let messages: Vec<Option<&DynamicMessage>> = values
                .iter()
                .map(|value| value.and_then(Value::as_message).filter(|message| is_set(message)))
                .collect();
            let (mut fields, mut columns) = (Vec::new(), Vec::new());
            for field in descriptor.fields() {
                // Inside of messages only what is set counts, whether the field tells that or not.
                let values: Vec<_> = messages
                    .iter()
                    .map(|message| message.filter(|message| message.has_field(&field)).map(|it| it.get_field(&field)))
                    .collect();
                let column = array(&field, &values)?;
                fields.push(arrow::datatypes::Field::new(field.name(), column.data_type().clone(), true));
                columns.push(column);
            }
            if fields.is_empty() {
                return Ok(Arc::new(NullArray::new(values.len())));
            }
            let nulls = messages.iter().map(Option::is_some).collect::<NullBuffer>();
            Arc::new(StructArray::try_new(fields.into(), columns, Some(nulls))?)
        }
    })
}

//! The type of messages, from a set of descriptors.

use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use pinotage_common::{Error, Result};
use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};

use crate::options::shorten;

/// The type of the messages of Protobuf files.
#[derive(Debug, Clone, PartialEq)]
pub struct ProtobufSchema {
    message: MessageDescriptor,
    /// Whether a message, or one inside of it, has fields that must be set.
    has_required: bool,
}

impl ProtobufSchema {
    /// Reads a set of descriptors, as `protoc --include_imports --descriptor_set_out=FILE` writes it, and picks a message by its
    /// name, with or without its package. Without a name it is the first message of the first file, as in Pinot, unless another
    /// file of the set imports that one: then it is not what the set is about.
    ///
    /// # Errors
    ///
    /// Those of reading the file; `invalid-config` for what is no set of descriptors, lacks an import or has no such message.
    ///
    /// # Pinot equivalent
    ///
    /// `descriptorFile` of `ProtoBufRecordReaderConfig`
    pub fn load(descriptor_file: &Path, message: Option<&str>) -> Result<Self> {
        let place = |error: Error| error.with("file", descriptor_file.display());
        let bytes = std::fs::read(descriptor_file)
            .map_err(|error| Error::io(error, "cannot read the descriptors", descriptor_file))?;
        let pool = DescriptorPool::decode(bytes.as_slice()).map_err(|error| {
            place(Error::invalid_config("expected a set of Protobuf descriptors with all that they import"))
                .action("write it with `protoc --include_imports --descriptor_set_out=FILE FILES`")
                .caused_by(error)
        })?;
        let message = match message {
            Some(name) => named(&pool, name),
            None => first(&pool),
        };
        let message = message.map_err(|problem| {
            let known: Vec<String> = pool.all_messages().map(|message| message.full_name().to_owned()).collect();
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            place(Error::invalid_config(problem).with("option", "protobuf.messageType"))
                .action(format!("name one of: {}", shorten(&known)))
        })?;
        let mut schema = Self { message, has_required: false };
        schema.has_required = has_required(&schema.message, &mut Vec::new());
        schema.columns().map_err(place)?;
        Ok(schema)
    }

    /// The descriptors and the message's name as bytes: others mean other rows.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.message.parent_pool().encode_to_vec();
        bytes.extend_from_slice(self.message.full_name().as_bytes());
        bytes
    }

    pub(super) fn message(&self) -> &MessageDescriptor {
        &self.message
    }

    /// A column for every field.
    pub(super) fn columns(&self) -> Result<SchemaRef> {
        Ok(Arc::new(Schema::new(fields_of(&self.message, &mut Vec::new())?)))
    }

    /// The first required field that a message does not have, as `a.b`.
    pub(super) fn missing(&self, message: &DynamicMessage) -> Option<String> {
        if self.has_required { missing(message) } else { None }
    }
}

fn named(pool: &DescriptorPool, name: &str) -> Result<MessageDescriptor, String> {
    let mut short = pool.all_messages().filter(|message| message.name() == name);
    let found = pool.get_message_by_name(name).or_else(|| short.next().filter(|_| short.next().is_none()));
    found.ok_or_else(|| format!("the descriptors have no message `{name}`, or several"))
}

fn first(pool: &DescriptorPool) -> Result<MessageDescriptor, String> {
    let protos: Vec<_> = pool.file_descriptor_protos().collect();
    let file = protos.first().ok_or("the set of descriptors is empty")?;
    if protos.iter().any(|other| other.dependency.iter().any(|import| import == file.name())) {
        return Err("the descriptors do not say which of their messages is meant".to_owned());
    }
    let file = pool.get_file_by_name(file.name());
    file.and_then(|file| file.messages().next()).ok_or_else(|| "the first file of the set has no message".to_owned())
}

fn has_required(message: &MessageDescriptor, seen: &mut Vec<MessageDescriptor>) -> bool {
    if seen.contains(message) {
        return false;
    }
    seen.push(message.clone());
    message.fields().any(|field| match field.kind() {
        _ if field.is_required() => true,
        Kind::Message(inner) => has_required(&inner, seen),
        _ => false,
    })
}

fn missing(message: &DynamicMessage) -> Option<String> {
    use prost_reflect::ReflectMessage;
    if let Some(field) = message.descriptor().fields().find(|field| field.is_required() && !message.has_field(field)) {
        return Some(field.name().to_owned());
    }
    message.fields().find_map(|(field, value)| {
        let inside = match value {
            Value::Message(inner) => missing(inner),
            Value::List(items) => items.iter().filter_map(Value::as_message).find_map(missing),
            Value::Map(entries) => entries.values().filter_map(Value::as_message).find_map(missing),
            _ => None,
        };
        inside.map(|inside| format!("{}.{inside}", field.name()))
    })
}

fn fields_of(message: &MessageDescriptor, above: &mut Vec<MessageDescriptor>) -> Result<Fields> {
    if above.contains(message) {
        return Err(Error::unsupported(format!("messages `{}` stand inside of themselves", message.full_name()))
            .action("write the rows as JSON lines, where such a column is text"));
    }
    above.push(message.clone());
    let fields = message
        .fields()
        .map(|field| {
            let inside = |error: Error| error.with("field", field.full_name());
            Ok(Field::new(field.name(), type_of(&field, above).map_err(inside)?, true))
        })
        .collect();
    above.pop();
    fields
}

fn type_of(field: &FieldDescriptor, above: &mut Vec<MessageDescriptor>) -> Result<DataType> {
    let kind = field.kind();
    if let (true, Kind::Message(entry)) = (field.is_map(), &kind) {
        let value = single(&entry.map_entry_value_field().kind(), above)?;
        let entries = Fields::from(vec![Field::new("key", DataType::Utf8, false), Field::new("value", value, true)]);
        return Ok(DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entries), false)), false));
    }
    let item = single(&kind, above)?;
    Ok(if field.is_list() { DataType::new_list(item, true) } else { item })
}

fn single(kind: &Kind, above: &mut Vec<MessageDescriptor>) -> Result<DataType> {
    Ok(match kind {
        Kind::Double => DataType::Float64,
        Kind::Float => DataType::Float32,
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => DataType::Int32,
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => DataType::Int64,
        Kind::Uint32 | Kind::Fixed32 => DataType::UInt32,
        Kind::Uint64 | Kind::Fixed64 => DataType::UInt64,
        Kind::Bool => DataType::Boolean,
        Kind::String | Kind::Enum(_) => DataType::Utf8,
        Kind::Bytes => DataType::Binary,
        Kind::Message(message) => match fields_of(message, above)? {
            // Without fields it is always empty, which is null.
            fields if fields.is_empty() => DataType::Null,
            fields => DataType::Struct(fields),
        },
    })
}

//! What the binary formats share: plain types instead of encodings, columns picked by name, rows in bounded batches.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, ListArray, RecordBatch, RecordBatchOptions, StringArray};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use pinotage_common::{Error, Result};

use crate::ReadOptions;
use crate::options::{nullable, project, projection, shorten};

/// The columns to hand out.
pub(crate) struct Conform {
    /// For every output column its place in the file's schema.
    pub(crate) indices: Vec<usize>,
    /// The schema of the batches handed out.
    pub(crate) schema: SchemaRef,
}

impl Conform {
    /// Picks the wanted columns of a file whose (plain) schema is `file`. A given schema says order and types for several
    /// files: this one must have the same names and types.
    pub(crate) fn try_new(
        path: &Path,
        file: &SchemaRef,
        given: Option<&SchemaRef>,
        options: &ReadOptions,
    ) -> Result<Self> {
        let mismatch = |message: String, column: &str| {
            Error::schema_mismatch(message).with("file", path.display()).with("column", column)
        };
        for (i, field) in file.fields().iter().enumerate() {
            if file.fields().iter().take(i).any(|other| other.name() == field.name()) {
                let message = format!("expected every column once, found `{}` twice", field.name());
                return Err(mismatch(message, field.name()));
            }
        }
        let Some(given) = given else {
            let indices = projection(file, options.columns.as_deref())?;
            let schema = project(file, &indices)?;
            return Ok(Self { indices, schema });
        };
        let known: Vec<&str> = file.fields().iter().map(|field| field.name().as_str()).collect();
        for field in file.fields() {
            if given.index_of(field.name()).is_err() && options.unknown_columns == crate::UnknownColumns::Quarantine {
                let message = format!("expected only columns of the schema, found `{}`", field.name());
                return Err(mismatch(message, field.name())
                    .action("add the column to the schema, or set `unknown_columns` to ignore"));
            }
        }
        let selected = projection(given, options.columns.as_deref())?;
        let schema = project(given, &selected)?;
        let mut indices = Vec::with_capacity(selected.len());
        let mut fields = Vec::with_capacity(selected.len());
        for field in schema.fields() {
            let index = file.index_of(field.name()).map_err(|_| {
                let message = format!("expected a column `{}`, the file has none", field.name());
                mismatch(message, field.name()).action(format!("the file has: {}", shorten(&known)))
            })?;
            let found = nullable(file.field(index));
            let wanted = nullable(field);
            if !found.data_type().equals_datatype(wanted.data_type()) {
                let message = format!(
                    "expected type {} as in the first file, found {}",
                    field.data_type(),
                    file.field(index).data_type()
                );
                return Err(mismatch(message, field.name()));
            }
            indices.push(index);
            // The names and flags of inner fields are those of the given schema, nulls are allowed as in either.
            fields.push(wanted.with_metadata(field.metadata().clone()));
        }
        let schema = Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()));
        Ok(Self { indices, schema })
    }

    /// The wanted columns of a batch; `places` says where in the batch each output column stands.
    pub(crate) fn apply(&self, batch: &RecordBatch, places: &[usize]) -> Result<RecordBatch, ArrowError> {
        let columns = self
            .schema
            .fields()
            .iter()
            .zip(places)
            .map(|(field, &place)| {
                let column = batch
                    .columns()
                    .get(place)
                    .ok_or_else(|| ArrowError::SchemaError(format!("a batch has no column {place}")))?;
                let column = uuids_as_text(without_unions(column)?, field.data_type());
                if column.data_type() == field.data_type() { Ok(column) } else { cast(&column, field.data_type()) }
            })
            .collect::<Result<Vec<_>, _>>()?;
        let count = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(self.schema.clone(), columns, &count)
    }
}

/// A union of one type (Avro's `["int"]`) is that type; also one that is the item of lists.
fn without_unions(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    match column.data_type() {
        DataType::Union(types, _) if types.len() == 1 => {
            let union = column.as_union();
            let Some((id, _)) = types.iter().next() else { return Ok(column.clone()) };
            let values = without_unions(union.child(id))?;
            match union.offsets() {
                Some(offsets) => take(&values, &Int32Array::new(offsets.clone(), None), None),
                None => Ok(values),
            }
        }
        DataType::List(item) if matches!(item.data_type(), DataType::Union(types, _) if types.len() == 1) => {
            let list = column.as_list::<i32>();
            let values = without_unions(list.values())?;
            let item = item.as_ref().clone().with_data_type(values.data_type().clone()).with_nullable(true);
            Ok(Arc::new(ListArray::try_new(Arc::new(item), list.offsets().clone(), values, list.nulls().cloned())?))
        }
        _ => Ok(column.clone()),
    }
}

/// UUIDs as the text that they were, where text is wanted; also as items of lists.
fn uuids_as_text(column: ArrayRef, wanted: &DataType) -> ArrayRef {
    match (column.data_type(), wanted) {
        (DataType::FixedSizeBinary(16), DataType::Utf8) => {
            let text = |uuid: &[u8]| {
                let mut text = String::with_capacity(36);
                for (at, byte) in uuid.iter().enumerate() {
                    text.push_str(if matches!(at, 4 | 6 | 8 | 10) { "-" } else { "" });
                    text.extend(
                        [byte >> 4, byte & 15].iter().filter_map(|digit| char::from_digit(u32::from(*digit), 16)),
                    );
                }
                text
            };
            Arc::new(column.as_fixed_size_binary().iter().map(|uuid| uuid.map(text)).collect::<StringArray>())
        }
        (DataType::List(item), DataType::List(wanted)) if *item.data_type() == DataType::FixedSizeBinary(16) => {
            let list = column.as_list::<i32>();
            let values = uuids_as_text(Arc::clone(list.values()), wanted.data_type());
            let item = Arc::new(item.as_ref().clone().with_data_type(values.data_type().clone()));
            Arc::new(ListArray::new(item, list.offsets().clone(), values, list.nulls().cloned()))
        }
        _ => column,
    }
}

/// The schema with text in the place of UUIDs, which `arrow-avro` makes bytes of.
pub(crate) fn with_uuids_as_text(schema: &Schema) -> SchemaRef {
    let is_uuid = |field: &Field| {
        let says = |key: &str, name: &str| field.metadata().get(key).is_some_and(|value| value == name);
        *field.data_type() == DataType::FixedSizeBinary(16)
            && (says("logicalType", "uuid") || says("ARROW:extension:name", "arrow.uuid"))
    };
    let text = |field: &Field| Field::new(field.name(), DataType::Utf8, field.is_nullable());
    let fields = schema.fields().iter().map(|field| match field.data_type() {
        _ if is_uuid(field) => Arc::new(text(field)),
        DataType::List(item) if is_uuid(item) => {
            Arc::new(field.as_ref().clone().with_data_type(DataType::List(Arc::new(text(item)))))
        }
        _ => Arc::clone(field),
    });
    Arc::new(Schema::new_with_metadata(fields.collect::<Vec<_>>(), schema.metadata().clone()))
}

/// The schema with views, dictionaries, run ends and unions of one type unpacked.
pub(crate) fn plain_schema(schema: &Schema) -> SchemaRef {
    let fields: Vec<Field> = schema.fields().iter().map(|field| plain_field(field)).collect();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

fn plain_field(field: &Field) -> Field {
    field.clone().with_data_type(plain_type(field.data_type()))
}

fn plain_type(data_type: &DataType) -> DataType {
    let inner = |field: &Field| Arc::new(plain_field(field));
    match data_type {
        DataType::Dictionary(_, value) => plain_type(value),
        DataType::RunEndEncoded(_, value) => plain_type(value.data_type()),
        DataType::Union(types, _) if types.len() == 1 => {
            types.iter().next().map_or(DataType::Null, |(_, field)| plain_type(field.data_type()))
        }
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        DataType::List(item) | DataType::ListView(item) => DataType::List(inner(item)),
        DataType::LargeList(item) | DataType::LargeListView(item) => DataType::LargeList(inner(item)),
        DataType::FixedSizeList(item, size) => DataType::FixedSizeList(inner(item), *size),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(|field| plain_field(field)).collect()),
        DataType::Map(entries, sorted) => DataType::Map(inner(entries), *sorted),
        other => other.clone(),
    }
}

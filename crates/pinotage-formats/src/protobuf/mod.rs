//! Protobuf: messages one behind the other, each behind its length as a varint.
//!
//! # Pinot equivalent
//!
//! `ProtoBufRecordReader`. Values are those of `ProtoBufRecordExtractor`, but for unsigned numbers, which stay unsigned.

mod columns;
mod schema;

use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use pinotage_common::{Error, Result};
use prost_reflect::{DynamicMessage, FieldDescriptor};

pub use self::schema::ProtobufSchema;
use crate::compression::{Input, open_file};
use crate::conform::Conform;
use crate::guard::{corrupt, guarded};
use crate::options::BATCH_TEXT_BYTES;
use crate::sequence::Sequence;
use crate::{ReadOptions, RowPositions, SourceBatch, SourceReader};

/// Reads a file of messages.
pub(crate) struct ProtobufReader {
    sequence: Sequence,
    messages: ProtobufSchema,
    /// The fields behind the output columns.
    fields: Vec<FieldDescriptor>,
    conform: Conform,
    batch_rows: usize,
    next_row: u64,
    finished: bool,
}

pub(crate) fn infer_schema(path: &Path, options: &ReadOptions) -> Result<SchemaRef> {
    open_file(path)?;
    schema_of(options)?.columns().map_err(|error| error.with("file", path.display()))
}

fn schema_of(options: &ReadOptions) -> Result<&ProtobufSchema> {
    options.protobuf.as_ref().ok_or_else(|| {
        Error::invalid_config("Protobuf files do not say what their messages are").with("option", "protobuf").action(
            "name the file that `protoc --include_imports --descriptor_set_out=FILE` writes, in a job as `source.protobuf.descriptorFile`",
        )
    })
}

impl ProtobufReader {
    pub(crate) fn try_new(path: &Path, options: &ReadOptions, schema: Option<SchemaRef>) -> Result<Self> {
        let sequence = Sequence::new(Input::open(path)?, options.max_row_bytes, "messages");
        let messages = schema_of(options)?.clone();
        let columns = messages.columns().map_err(|error| error.with("file", path.display()))?;
        let conform = Conform::try_new(path, &columns, schema.as_ref(), options)?;
        let all: Vec<FieldDescriptor> = messages.message().fields().collect();
        let fields = conform.indices.iter().filter_map(|&index| all.get(index).cloned()).collect();
        Ok(Self { sequence, messages, fields, conform, batch_rows: options.batch_rows, next_row: 0, finished: false })
    }

    /// The next message and its length; `None` at the end of the file, which is between two messages.
    fn message(&mut self, row: u64) -> Result<Option<(DynamicMessage, usize)>> {
        let Self { sequence, messages, .. } = self;
        let start = sequence.offset;
        let placed = |error: Error| error.with("row", row);
        let Some(length) = sequence.number().map_err(placed)? else { return Ok(None) };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > sequence.limit {
            return Err(placed(sequence.too_large(length)));
        }
        let bytes = sequence.bytes(length).map_err(placed)?;
        let path = sequence.input.path();
        let broken = |problem: String| corrupt(path, problem).with("offset", start).with("row", row);
        let message = guarded(path, || {
            DynamicMessage::decode(messages.message().clone(), bytes.as_slice()).map_err(|error| {
                broken(format!("expected a message `{}`", messages.message().full_name())).caused_by(error)
            })
        })?;
        match messages.missing(&message) {
            None => Ok(Some((message, length))),
            Some(field) => Err(broken(format!("expected the required field `{field}`, the message has none"))),
        }
    }

    fn read(&mut self) -> Result<Option<SourceBatch>> {
        let mut messages = Vec::new();
        let mut bytes = 0;
        while messages.len() < self.batch_rows && bytes < BATCH_TEXT_BYTES {
            let Some((message, length)) = self.message(self.next_row + messages.len() as u64)? else { break };
            bytes += length;
            messages.push(message);
        }
        if messages.is_empty() {
            return Ok(None);
        }
        let path = self.sequence.input.path();
        let batch: RecordBatch = guarded(path, || {
            columns::batch(&messages, &self.fields, &self.conform.schema)
                .map_err(|error| Error::unexpected("cannot make columns of the messages").caused_by(error))
        })?;
        let rows = RowPositions::consecutive(self.next_row, messages.len());
        self.next_row += messages.len() as u64;
        Ok(Some(SourceBatch { batch, rows, bad: Vec::new() }))
    }
}

impl SourceReader for ProtobufReader {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.conform.schema)
    }

    fn next_batch(&mut self) -> Result<Option<SourceBatch>> {
        if self.finished {
            return Ok(None);
        }
        let result = self.read();
        self.finished = !matches!(result, Ok(Some(_)));
        result
    }

    fn bytes_read(&self) -> u64 {
        self.sequence.input.bytes_read()
    }
}

//! The two doors: what columns a file has, and its rows.

use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use pinotage_common::Result;

use crate::parts::{PART_BYTES, PartedReader, Spawn};
use crate::{Format, ReadOptions, SourceBatch, arrow_ipc, avro, csv, json, orc, parquet, protobuf};

/// Rows of one file, batch by batch, in file order.
pub trait SourceReader: Send {
    /// The schema of every batch, after projection.
    fn schema(&self) -> SchemaRef;

    /// The next rows; `None` after the last ones.
    ///
    /// # Errors
    ///
    /// `corrupt-segment` when the container is broken, `resource-exhausted` when a row is larger than
    /// [`ReadOptions::max_row_bytes`]. The reader is finished after an error.
    fn next_batch(&mut self) -> Result<Option<SourceBatch>>;

    /// Bytes of the (compressed) file consumed so far, for progress.
    fn bytes_read(&self) -> u64;
}

/// The columns of a file, before projection: declared types first, then what the file says or a sample shows.
///
/// # Errors
///
/// `not-found`, `corrupt-segment`, `unsupported` and, for options that contradict each other, `invalid-config`.
pub fn infer_schema(path: &Path, format: Format, options: &ReadOptions) -> Result<SchemaRef> {
    options.validate()?;
    match format {
        Format::Csv => csv::infer_schema(path, options),
        Format::Json => json::infer_schema(path, options),
        Format::Parquet => parquet::infer_schema(path, options),
        Format::Avro => avro::infer_schema(path, options),
        Format::Arrow => arrow_ipc::infer_schema(path, options),
        Format::Orc => orc::infer_schema(path, options),
        Format::Protobuf => protobuf::infer_schema(path, options),
    }
}

/// Opens a file for reading.
///
/// For CSV and JSON `schema` is the full schema of the file, before projection, usually made by [`infer_schema`] from
/// the first of several files; `None` infers it from this file. Other files carry their schema, or it is that of
/// [`ReadOptions::protobuf`], and a given one must have the same column names, else `schema-mismatch`.
///
/// # Errors
///
/// As [`infer_schema`].
pub fn open(
    path: &Path,
    format: Format,
    options: &ReadOptions,
    schema: Option<SchemaRef>,
) -> Result<Box<dyn SourceReader>> {
    options.validate()?;
    Ok(match format {
        Format::Csv => Box::new(csv::CsvReader::try_new(path, options, schema)?),
        Format::Json => Box::new(json::JsonReader::try_new(path, options, schema)?),
        Format::Parquet => Box::new(parquet::ParquetReader::try_new(path, options, schema)?),
        Format::Avro => Box::new(avro::AvroReader::try_new(path, options, schema)?),
        Format::Arrow => Box::new(arrow_ipc::IpcReader::try_new(path, options, schema)?),
        Format::Orc => Box::new(orc::OrcReader::try_new(path, options, schema)?),
        Format::Protobuf => Box::new(protobuf::ProtobufReader::try_new(path, options, schema)?),
    })
}

/// Opens a file as [`open`] does, and reads parts of it at the same time: columns of Parquet, and parts of CSV, and of JSON with a
/// row a line, without an outer compression. Other files, and small ones, are read by the caller's thread alone. Rows, places and
/// bad rows are the same however many parts are read at a time; about 24 MiB are held for each part of a text.
///
/// # Errors
///
/// As [`open`].
pub fn open_parallel(
    path: &Path,
    format: Format,
    options: &ReadOptions,
    schema: Option<SchemaRef>,
    (parts_at_once, spawn): (usize, Arc<Spawn>),
) -> Result<Box<dyn SourceReader>> {
    options.validate()?;
    let is_large = || std::fs::metadata(path).is_ok_and(|metadata| metadata.len() > 2 * PART_BYTES);
    if parts_at_once > 1 && is_large() {
        let parts = match format {
            Format::Csv => csv::CsvReader::parts(path, options, schema.clone())?,
            Format::Json => json::JsonReader::parts(path, options, schema.clone())?,
            Format::Parquet => {
                let lanes = Some((parts_at_once, spawn));
                return Ok(Box::new(parquet::ParquetReader::try_new_in(path, options, schema, lanes)?));
            }
            _ => None,
        };
        if let Some(parts) = parts {
            return Ok(Box::new(PartedReader::try_new(path, parts, PART_BYTES, parts_at_once, spawn)?));
        }
    }
    open(path, format, options, schema)
}

//! Parquet: the `parquet` crate's reader, with plain types, projection and places in errors.

mod lanes;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatchReader;
use arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef, TimeUnit};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::{ConvertedType, Encoding, Type as PhysicalType};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};
use parquet::schema::types::SchemaDescriptor;
use pinotage_common::{Error, Result};

use self::lanes::Lanes;
use crate::compression::{open_file, refuse_compression};
use crate::conform::{Conform, plain_schema};
use crate::guard::{corrupt, guarded};
use crate::parts::Spawn;
use crate::{ReadOptions, RowPositions, SourceBatch, SourceReader};

/// Reads a Parquet file.
pub(crate) struct ParquetReader {
    path: PathBuf,
    reader: Option<Columns>,
    conform: Conform,
    /// For every output column its place in the reader's batches, which keep the file's order.
    places: Vec<usize>,
    /// For every row group its number of rows and its bytes in the file.
    row_groups: Vec<(u64, u64)>,
    next_row: u64,
    total_rows: u64,
    file_bytes: u64,
}

/// Who reads the columns.
enum Columns {
    Together(Box<ParquetRecordBatchReader>),
    Lanes(Lanes),
}

pub(crate) fn infer_schema(path: &Path, _: &ReadOptions) -> Result<SchemaRef> {
    Ok(load(path, false)?.1.schema().clone())
}

/// The footer, read with types that are plain where the file's are views or dictionaries, unless dictionaries are kept.
fn load(path: &Path, keep_dictionaries: bool) -> Result<(std::fs::File, ArrowReaderMetadata)> {
    refuse_compression(path, "Parquet")?;
    let file = open_file(path)?;
    let metadata = guarded(path, || {
        let broken = |error| corrupt(path, "expected a Parquet file with a readable footer").caused_by(error);
        let found = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).map_err(broken)?;
        let mut plain = as_annotated(&plain_schema(found.schema()), found.parquet_schema());
        if keep_dictionaries {
            plain = with_dictionaries(&plain, found.metadata());
        }
        if &plain == found.schema() {
            return Ok(found);
        }
        let options = ArrowReaderOptions::new().with_schema(plain);
        ArrowReaderMetadata::try_new(found.metadata().clone(), options).map_err(|error| {
            Error::unsupported("cannot read the file's types as plain Arrow types")
                .with("file", path.display())
                .caused_by(error)
        })
    })?;
    Ok((file, metadata))
}

/// The schema with what Arrow's own rules lose: text where the file says ENUM, which they take for bytes; and microseconds for
/// 96-bit timestamps, whose nanoseconds in 64 bits end in the year 2262.
fn as_annotated(schema: &Schema, parquet: &SchemaDescriptor) -> SchemaRef {
    fn annotated(field: &FieldRef, leaf: &mut usize, parquet: &SchemaDescriptor) -> FieldRef {
        let mut inner = |field: &FieldRef| annotated(field, leaf, parquet);
        let data_type = match field.data_type() {
            DataType::Struct(fields) => DataType::Struct(fields.iter().map(inner).collect()),
            DataType::List(item) => DataType::List(inner(item)),
            DataType::LargeList(item) => DataType::LargeList(inner(item)),
            DataType::FixedSizeList(item, size) => DataType::FixedSizeList(inner(item), *size),
            DataType::Map(entries, sorted) => DataType::Map(inner(entries), *sorted),
            value => {
                let written = (*leaf < parquet.num_columns()).then(|| parquet.column(*leaf));
                *leaf += 1;
                match written {
                    Some(column) if *value == DataType::Binary && column.converted_type() == ConvertedType::ENUM => {
                        DataType::Utf8
                    }
                    Some(column) if column.physical_type() == PhysicalType::INT96 => {
                        DataType::Timestamp(TimeUnit::Microsecond, None)
                    }
                    _ => value.clone(),
                }
            }
        };
        Arc::new(field.as_ref().clone().with_data_type(data_type))
    }
    let mut leaf = 0;
    let fields: Vec<FieldRef> = schema.fields().iter().map(|field| annotated(field, &mut leaf, parquet)).collect();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

/// The schema with dictionaries for the columns of text whose every page refers to its row group's dictionary.
fn with_dictionaries(schema: &Schema, file: &ParquetMetaData) -> SchemaRef {
    let parquet = file.file_metadata().schema_descr();
    let mut fields: Vec<FieldRef> = schema.fields().iter().cloned().collect();
    for leaf in 0..parquet.num_columns() {
        let field =
            fields.get_mut(parquet.get_column_root_idx(leaf)).filter(|field| *field.data_type() == DataType::Utf8);
        let Some(field) = field.filter(|_| parquet.column(leaf).converted_type() == ConvertedType::UTF8) else {
            continue;
        };
        let refers = |group: &RowGroupMetaData| {
            let mask = group.columns().get(leaf).and_then(ColumnChunkMetaData::page_encoding_stats_mask);
            mask.is_some_and(|mask| mask.is_only(Encoding::PLAIN_DICTIONARY) || mask.is_only(Encoding::RLE_DICTIONARY))
        };
        if file.row_groups().iter().all(refers) {
            let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
            *field = Arc::new(field.as_ref().clone().with_data_type(dictionary));
        }
    }
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

/// A reader of some columns, which are in the file's order.
fn build(
    path: &Path,
    file: std::fs::File,
    metadata: ArrowReaderMetadata,
    columns: Vec<usize>,
    batch_rows: usize,
) -> Result<ParquetRecordBatchReader> {
    let count = columns.len();
    let reader = guarded(path, || {
        let mask = ProjectionMask::roots(metadata.parquet_schema(), columns);
        ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata)
            .with_projection(mask)
            .with_batch_size(batch_rows)
            .build()
            .map_err(|error| corrupt(path, "expected readable row groups").caused_by(error))
    })?;
    debug_assert!(reader.schema().fields().len() == count);
    Ok(reader)
}

impl ParquetReader {
    pub(crate) fn try_new(path: &Path, options: &ReadOptions, schema: Option<SchemaRef>) -> Result<Self> {
        Self::try_new_in(path, options, schema, None)
    }

    /// Opens a file whose columns are read in so many lanes at the same time.
    pub(crate) fn try_new_in(
        path: &Path,
        options: &ReadOptions,
        schema: Option<SchemaRef>,
        lanes: Option<(usize, Arc<Spawn>)>,
    ) -> Result<Self> {
        let (file, metadata) = load(path, options.keep_dictionaries && schema.is_none())?;
        let conform = Conform::try_new(path, metadata.schema(), schema.as_ref(), options)?;
        let file_bytes = file.metadata().map_or(0, |metadata| metadata.len());
        let row_groups: Vec<(u64, u64)> = metadata
            .metadata()
            .row_groups()
            .iter()
            .map(|group| (group.num_rows().max(0) as u64, group.compressed_size().max(0) as u64))
            .collect();
        let total_rows = metadata.metadata().file_metadata().num_rows().max(0) as u64;
        let mut in_file_order = conform.indices.clone();
        in_file_order.sort_unstable();
        let places = conform.indices.iter().filter_map(|index| in_file_order.binary_search(index).ok()).collect();
        let reader = match lanes.filter(|_| in_file_order.len() > 1) {
            Some(lanes) => Columns::Lanes(Lanes::try_new(path, &metadata, &in_file_order, options.batch_rows, lanes)?),
            None => Columns::Together(Box::new(build(path, file, metadata, in_file_order, options.batch_rows)?)),
        };
        Ok(Self {
            path: path.to_owned(),
            reader: Some(reader),
            conform,
            places,
            row_groups,
            next_row: 0,
            total_rows,
            file_bytes,
        })
    }

    /// The row group of the next row, and the rows before it.
    fn row_group(&self) -> (usize, u64) {
        let mut before = 0u64;
        for (i, (rows, _)) in self.row_groups.iter().enumerate() {
            if self.next_row < before.saturating_add(*rows) {
                return (i, before);
            }
            before = before.saturating_add(*rows);
        }
        (self.row_groups.len(), before)
    }

    fn read(&mut self) -> Result<Option<SourceBatch>> {
        let Some(reader) = &mut self.reader else {
            return Ok(None);
        };
        let Self { path, conform, places, .. } = self;
        let unreadable = |error| corrupt(path, "expected readable pages").caused_by(error);
        let batch = guarded(path, || {
            let batch = match reader {
                Columns::Together(reader) => reader.next().transpose().map_err(unreadable)?,
                Columns::Lanes(lanes) => lanes.next()?,
            };
            batch.map(|batch| conform.apply(&batch, places)).transpose().map_err(unreadable)
        })?;
        let Some(batch) = batch else {
            // The footer's count is a promise: fewer rows are not the end but damage.
            if self.next_row != self.total_rows {
                return Err(corrupt(path, format!("expected {} rows, found {}", self.total_rows, self.next_row)));
            }
            return Ok(None);
        };
        let rows = RowPositions::consecutive(self.next_row, batch.num_rows());
        self.next_row += batch.num_rows() as u64;
        Ok(Some(SourceBatch { batch, rows, bad: Vec::new() }))
    }
}

impl SourceReader for ParquetReader {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.conform.schema)
    }

    fn next_batch(&mut self) -> Result<Option<SourceBatch>> {
        let group = self.row_group().0;
        let result = self.read().map_err(|error| error.with("row group", group).with("row", self.next_row));
        if !matches!(result, Ok(Some(_))) {
            self.reader = None;
        }
        result
    }

    /// Whole row groups behind the reader, and a share of the one it is in; the file's size at the end.
    fn bytes_read(&self) -> u64 {
        if self.reader.is_none() {
            return self.file_bytes;
        }
        let (group, before) = self.row_group();
        let done: u64 = self.row_groups.iter().take(group).map(|(_, bytes)| bytes).sum();
        let share = self.row_groups.get(group).map_or(0, |(rows, bytes)| {
            let part = u128::from(*bytes) * u128::from(self.next_row - before);
            (part / u128::from((*rows).max(1))) as u64
        });
        done.saturating_add(share).min(self.file_bytes)
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use arrow::datatypes::TimestampMicrosecondType;
    use parquet::data_type::{ByteArray, ByteArrayType, Int96, Int96Type};
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    use super::*;

    #[test]
    fn enums_are_text_and_old_timestamps_reach_the_year_9999() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        let message =
            "message m { required group g { required binary in (ENUM); } required binary e (ENUM); required int96 t; }";
        let schema = Arc::new(parse_message_type(message).unwrap());
        let file = std::fs::File::create(&path).unwrap();
        let mut writer = SerializedFileWriter::new(file, schema, Arc::new(WriterProperties::default())).unwrap();
        let mut group = writer.next_row_group().unwrap();
        for _ in 0..2 {
            let mut column = group.next_column().unwrap().unwrap();
            column.typed::<ByteArrayType>().write_batch(&[ByteArray::from("RED")], None, None).unwrap();
            column.close().unwrap();
        }
        let mut column = group.next_column().unwrap().unwrap();
        // The last day of 9999, 1 ms after midnight.
        let time = Int96::from(vec![1_000_000, 0, 2_440_588 + 2_932_896]);
        column.typed::<Int96Type>().write_batch(&[time], None, None).unwrap();
        column.close().unwrap();
        group.close().unwrap();
        writer.close().unwrap();

        let mut reader = ParquetReader::try_new(&path, &ReadOptions::default(), None).unwrap();
        assert_eq!(reader.schema(), infer_schema(&path, &ReadOptions::default()).unwrap());
        let batch = reader.next_batch().unwrap().unwrap().batch;
        assert_eq!(batch.column(0).as_struct().column(0).as_string::<i32>().value(0), "RED");
        assert_eq!(batch.column(1).as_string::<i32>().value(0), "RED");
        let times = batch.column(2).as_primitive::<TimestampMicrosecondType>();
        assert_eq!(times.value(0), 2_932_896 * 86_400_000_000 + 1000);
    }
}

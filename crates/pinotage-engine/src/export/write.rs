//! Batches as bytes of a format, and as files that are there whole or not at all.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::writer::{FileWriter, StreamWriter};
use arrow::json::LineDelimitedWriter;
use arrow::json::writer::{EncoderOptions, make_encoder};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use pinotage_common::{Error, ErrorKind, Result};

/// A row group of Parquet is written when it has this many bytes, so that memory does not grow with the file.
const ROW_GROUP_BYTES: usize = 32 << 20;

/// What rows are written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowFormat {
    /// Parquet with zstd.
    Parquet,
    /// An Arrow IPC file.
    Arrow,
    /// An Arrow IPC stream, for pipes.
    ArrowStream,
    /// CSV with a header; a list is written as JSON.
    Csv,
    /// A JSON object a line.
    Json,
}

impl RowFormat {
    /// The format that the end of a file's name says.
    pub fn of(path: &Path) -> Option<Self> {
        Some(match path.extension()?.to_str()? {
            "parquet" => Self::Parquet,
            "arrow" => Self::Arrow,
            "csv" => Self::Csv,
            "json" | "jsonl" | "ndjson" => Self::Json,
            _ => return None,
        })
    }

    /// How names of its files end.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Arrow | Self::ArrowStream => "arrow",
            Self::Csv => "csv",
            Self::Json => "json",
        }
    }
}

/// Writes batches of one schema. Holds one row group of Parquet, and nothing in other formats.
pub struct RowWriter<W: Write + Send>(Kind<W>);

#[expect(clippy::large_enum_variant, reason = "there is one a file")]
enum Kind<W: Write + Send> {
    Parquet(ArrowWriter<W>),
    Arrow(FileWriter<W>),
    Stream(StreamWriter<W>),
    Csv(arrow::csv::Writer<W>, SchemaRef),
    Json(LineDelimitedWriter<W>),
}

impl<W: Write + Send> RowWriter<W> {
    /// Begins to write.
    ///
    /// # Errors
    ///
    /// Those of writing.
    pub fn new(out: W, schema: &SchemaRef, format: RowFormat) -> Result<Self> {
        let kind = match format {
            RowFormat::Parquet => {
                let level = ZstdLevel::try_new(1).map_err(|error| failed(error.into()))?;
                let properties = WriterProperties::builder().set_compression(Compression::ZSTD(level)).build();
                let writer = ArrowWriter::try_new(out, Arc::clone(schema), Some(properties));
                Kind::Parquet(writer.map_err(|error| failed(error.into()))?)
            }
            RowFormat::Arrow => Kind::Arrow(FileWriter::try_new(out, schema).map_err(failed)?),
            RowFormat::ArrowStream => Kind::Stream(StreamWriter::try_new(out, schema).map_err(failed)?),
            RowFormat::Csv => {
                let mut writer = arrow::csv::Writer::new(out);
                // The header also stands where there is no row.
                let flat = flat_schema(schema);
                writer.write(&RecordBatch::new_empty(Arc::clone(&flat))).map_err(failed)?;
                Kind::Csv(writer, flat)
            }
            RowFormat::Json => Kind::Json(
                arrow::json::WriterBuilder::new()
                    .with_explicit_nulls(true)
                    .build::<_, arrow::json::writer::LineDelimited>(out),
            ),
        };
        Ok(Self(kind))
    }

    /// Writes a batch.
    ///
    /// # Errors
    ///
    /// Those of writing; `unsupported` for a type that the format does not have.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        match &mut self.0 {
            Kind::Parquet(writer) => writer.write(batch).map_err(ArrowError::from).and_then(|()| {
                let full = writer.in_progress_size() >= ROW_GROUP_BYTES;
                if full { writer.flush().map_err(ArrowError::from) } else { Ok(()) }
            }),
            Kind::Arrow(writer) => writer.write(batch),
            Kind::Stream(writer) => writer.write(batch),
            Kind::Csv(writer, schema) => flat(batch, schema).and_then(|batch| writer.write(&batch)),
            Kind::Json(writer) => writer.write(batch),
        }
        .map_err(failed)
    }

    /// Writes what is left and gives the output back.
    ///
    /// # Errors
    ///
    /// Those of writing.
    pub fn finish(self) -> Result<W> {
        let mut out = match self.0 {
            Kind::Parquet(writer) => writer.into_inner().map_err(ArrowError::from),
            Kind::Arrow(writer) => writer.into_inner(),
            Kind::Stream(writer) => writer.into_inner(),
            Kind::Csv(writer, _) => Ok(writer.into_inner()),
            Kind::Json(mut writer) => writer.finish().map(|()| writer.into_inner()),
        }
        .map_err(failed)?;
        out.flush().map_err(|error| failed(error.into()))?;
        Ok(out)
    }
}

fn failed(error: ArrowError) -> Error {
    match error {
        ArrowError::IoError(_, error) if error.kind() == io::ErrorKind::StorageFull => {
            Error::new(ErrorKind::ResourceExhausted, "no room for the rows").caused_by(error)
        }
        ArrowError::NotYetImplemented(_) | ArrowError::InvalidArgumentError(_) => {
            Error::unsupported("the format cannot hold these rows")
                .action("write parquet or arrow, or leave the column out")
                .caused_by(error)
        }
        error => Error::unexpected("cannot write the rows").caused_by(error),
    }
}

/// CSV has no lists.
fn flat_schema(schema: &SchemaRef) -> SchemaRef {
    if !schema.fields().iter().any(|field| field.data_type().is_nested()) {
        return Arc::clone(schema);
    }
    let field = |field: &Arc<Field>| match field.data_type().is_nested() {
        true => Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8)),
        false => Arc::clone(field),
    };
    Arc::new(Schema::new(schema.fields().iter().map(field).collect::<Vec<_>>()))
}

fn flat(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    if batch.schema_ref() == schema {
        return Ok(batch.clone());
    }
    let columns = batch.schema_ref().fields().iter().zip(batch.columns()).map(|(field, column)| {
        if field.data_type().is_nested() { json(field, column) } else { Ok(Arc::clone(column)) }
    });
    RecordBatch::try_new(Arc::clone(schema), columns.collect::<Result<_, _>>()?)
}

fn json(field: &Arc<Field>, column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let options = EncoderOptions::default();
    let mut encoder = make_encoder(field, column, &options)?;
    let mut texts = StringBuilder::with_capacity(column.len(), column.len() * 16);
    let mut text = Vec::new();
    for row in 0..column.len() {
        if encoder.is_null(row) {
            texts.append_null();
            continue;
        }
        text.clear();
        encoder.encode(row, &mut text);
        texts.append_value(String::from_utf8_lossy(&text));
    }
    Ok(Arc::new(texts.finish()))
}

/// Writes a file that appears when it is complete, and gives its rows and bytes.
///
/// # Errors
///
/// Those of the batches and of writing; then there is no file, or the old one.
pub fn write_file(
    path: &Path,
    schema: &SchemaRef,
    format: RowFormat,
    batches: impl Iterator<Item = Result<RecordBatch>>,
) -> Result<(u64, u64)> {
    let mut file = WholeFile::create(path.to_owned(), schema, format)?;
    for batch in batches {
        file.write(&batch?)?;
    }
    file.finish()
}

/// What names of files begin with that are not complete.
pub(super) const UNFINISHED: &str = ".pinotage-";

/// A file that appears when it is complete.
pub(super) struct WholeFile {
    path: PathBuf,
    writer: RowWriter<BufWriter<tempfile::NamedTempFile>>,
    rows: u64,
}

impl WholeFile {
    pub(super) fn create(path: PathBuf, schema: &SchemaRef, format: RowFormat) -> Result<Self> {
        let failed = |error| Error::io(error, "cannot write the file", &path);
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(failed)?;
        let mut builder = tempfile::Builder::new();
        builder.prefix(UNFINISHED).suffix(".tmp");
        // As any new file: the umask decides, and not only its owner may read it.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = builder.tempfile_in(folder).map_err(failed)?;
        let writer =
            RowWriter::new(BufWriter::new(file), schema, format).map_err(|error| error.with("file", path.display()))?;
        Ok(Self { path, writer, rows: 0 })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.rows += batch.num_rows() as u64;
        self.writer.write(batch).map_err(|error| error.with("file", self.path.display()))
    }

    /// Puts the file in its place, and gives its rows and bytes.
    pub(super) fn finish(self) -> Result<(u64, u64)> {
        let failed = |error| Error::io(error, "cannot write the file", &self.path);
        let file = self.writer.finish().map_err(|error| error.with("file", self.path.display()))?;
        let file = file.into_inner().map_err(|error| failed(error.into_error()))?;
        file.as_file().sync_all().map_err(failed)?;
        let bytes = file.as_file().metadata().map_err(failed)?.len();
        file.persist(&self.path).map_err(|error| failed(error.error))?;
        Ok((self.rows, bytes))
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Float64Array, Int32Array, ListArray};
    use arrow::datatypes::Int32Type;

    use super::*;

    fn batch() -> RecordBatch {
        let lists = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), Some(2)]), None]);
        RecordBatch::try_from_iter_with_nullable([
            ("n", Arc::new(Int32Array::from(vec![Some(1_234_567), None])) as ArrayRef, true),
            ("f", Arc::new(Float64Array::from(vec![0.1, 1e6])), false),
            ("list", Arc::new(lists), true),
        ])
        .unwrap()
    }

    #[test]
    fn texts_have_plain_numbers_and_lists_as_json() {
        let text = |format| {
            let mut writer = RowWriter::new(Vec::new(), batch().schema_ref(), format).unwrap();
            writer.write(&batch()).unwrap();
            String::from_utf8(writer.finish().unwrap()).unwrap()
        };
        assert_eq!(text(RowFormat::Csv), "n,f,list\n1234567,0.1,\"[1,2]\"\n,1000000.0,\n");
        assert_eq!(
            text(RowFormat::Json),
            "{\"n\":1234567,\"f\":0.1,\"list\":[1,2]}\n{\"n\":null,\"f\":1000000.0,\"list\":null}\n"
        );
        let empty = RowWriter::new(Vec::new(), batch().schema_ref(), RowFormat::Csv).unwrap();
        assert_eq!(empty.finish().unwrap(), b"n,f,list\n");
    }

    #[test]
    fn a_file_is_whole_or_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        let (rows, bytes) =
            write_file(&path, batch().schema_ref(), RowFormat::Parquet, [Ok(batch()), Ok(batch())].into_iter())
                .unwrap();
        let old = fs::read(&path).unwrap();
        assert_eq!((rows, bytes), (4, old.len() as u64));
        let broken = [Ok(batch()), Err(Error::unexpected("broken"))].into_iter();
        assert!(write_file(&path, batch().schema_ref(), RowFormat::Parquet, broken).is_err());
        assert_eq!(fs::read(&path).unwrap(), old);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

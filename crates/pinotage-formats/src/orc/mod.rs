//! ORC: the stripe decoders of `orc-rust`, with projection and places in errors.
//!
//! `orc-rust` believes what a file says about itself: a wrong length makes it ask for that much memory, and a type inside of itself
//! never ends. So the tail is read here first ([`tail`]), no byte is handed over from outside the file ([`source`]), and the
//! items of lists and maps are counted before they are decoded ([`lengths`]).

mod lengths;
mod padding;
mod source;
mod tail;
mod times;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use orc_rust::array_decoder::NaiveStripeDecoder;
use orc_rust::error::OrcError;
use orc_rust::projection::ProjectionMask;
use orc_rust::reader::metadata::{FileMetadata, read_metadata};
use orc_rust::schema::{ArrowSchemaOptions, DataType as OrcType, RootDataType, TimestampPrecision};
use orc_rust::stripe::{Stripe, StripeMetadata};
use pinotage_common::{Error, ErrorKind, Result};

use self::source::Source;
use crate::compression::{open_file, refuse_compression};
use crate::conform::Conform;
use crate::guard::{corrupt, guarded};
use crate::{ReadOptions, RowPositions, SourceBatch, SourceReader};

/// Items of lists, maps and dictionaries of one stripe at most, for each byte of `max_row_bytes`.
const ITEMS_FACTOR: u64 = 2;

/// Reads an ORC file.
pub(crate) struct OrcReader {
    path: PathBuf,
    source: Source,
    metadata: FileMetadata,
    /// The wanted columns in the order of the file, and what they are in Arrow.
    columns: RootDataType,
    types: SchemaRef,
    conform: Conform,
    /// For every output column its place in the decoder's batches, which keep the file's order.
    places: Vec<usize>,
    decoder: Option<NaiveStripeDecoder>,
    /// Stripes that have begun, and the row behind them.
    stripes: usize,
    stripe_end: u64,
    next_row: u64,
    batch_rows: usize,
    most_items: u64,
    finished: bool,
}

pub(crate) fn infer_schema(path: &Path, options: &ReadOptions) -> Result<SchemaRef> {
    let (_, metadata) = load(path, options)?;
    Ok(schema_of(metadata.root_data_type()))
}

fn load(path: &Path, options: &ReadOptions) -> Result<(Source, FileMetadata)> {
    refuse_compression(path, "ORC")?;
    let file = open_file(path)?;
    let mut source = Source::try_new(file).map_err(|error| Error::io(error, "cannot open", path))?;
    let metadata = guarded(path, || {
        let packing = tail::check(&source, options.max_row_bytes)
            .map_err(|problem| corrupt(path, format!("expected an ORC file, {problem}")))?;
        let metadata = read_metadata(&mut source)
            .map_err(|error| corrupt(path, "expected an ORC file with a readable footer").caused_by(error))?;
        source.is_packed(packing);
        Ok(metadata)
    })?;
    for column in metadata.root_data_type().children() {
        refuse_types(column.data_type())
            .map_err(|error| error.with("file", path.display()).with("column", column.name()))?;
    }
    let stripes = metadata.stripe_metadatas().iter().map(StripeMetadata::number_of_rows);
    let rows = stripes.fold(0u64, u64::saturating_add);
    if rows != metadata.number_of_rows() {
        return Err(corrupt(path, format!("expected {} rows, the stripes have {rows}", metadata.number_of_rows())));
    }
    Ok((source, metadata))
}

/// What has no type here.
fn refuse_types(data_type: &OrcType) -> Result<()> {
    match data_type {
        OrcType::Union { .. } => Err(Error::unsupported("expected columns of one type, found a union")
            .action("write the column as a struct with a field for each type, or as text")),
        OrcType::Decimal { precision, scale, .. } if !(1..=38).contains(precision) || scale > precision => {
            Err(Error::corrupt(format!("expected a decimal of at most 38 digits, found {data_type}"))
                .action("get an intact copy of the file"))
        }
        OrcType::Struct { children, .. } => children.iter().try_for_each(|child| refuse_types(child.data_type())),
        OrcType::List { child, .. } => refuse_types(child),
        OrcType::Map { key, value, .. } => refuse_types(key).and_then(|()| refuse_types(value)),
        _ => Ok(()),
    }
}

/// Times count microseconds: nanoseconds would end in 2262.
fn schema_of(columns: &RootDataType) -> SchemaRef {
    let options = ArrowSchemaOptions::new().with_timestamp_precision(TimestampPrecision::Microsecond);
    Arc::new(columns.create_arrow_schema_with_options(&Default::default(), options))
}

impl OrcReader {
    pub(crate) fn try_new(path: &Path, options: &ReadOptions, schema: Option<SchemaRef>) -> Result<Self> {
        let (source, metadata) = load(path, options)?;
        let root = metadata.root_data_type();
        let conform = Conform::try_new(path, &schema_of(root), schema.as_ref(), options)?;
        let mut in_file_order = conform.indices.clone();
        in_file_order.sort_unstable();
        let places = conform.indices.iter().filter_map(|index| in_file_order.binary_search(index).ok()).collect();
        let wanted = in_file_order.iter().filter_map(|&index| root.children().get(index));
        let mask = ProjectionMask::roots(root, wanted.map(|column| column.data_type().column_index()));
        let columns = root.project(&mask);
        Ok(Self {
            path: path.to_owned(),
            types: schema_of(&columns),
            columns,
            source,
            metadata,
            conform,
            places,
            decoder: None,
            stripes: 0,
            stripe_end: 0,
            next_row: 0,
            batch_rows: options.batch_rows,
            most_items: (options.max_row_bytes as u64).saturating_mul(ITEMS_FACTOR),
            finished: false,
        })
    }

    /// Begins the next stripe; false behind the last one.
    fn begin(&mut self) -> Result<bool> {
        let Self { path, source, metadata, columns, types, .. } = self;
        let Some(stripe) = metadata.stripe_metadatas().get(self.stripes) else { return Ok(false) };
        let broken = |error: OrcError| corrupt(path, "expected a readable stripe").caused_by(error);
        let decoder = guarded(path, || {
            let read = Stripe::new(source, metadata, columns, stripe).map_err(broken)?;
            let items = lengths::check(&read, self.most_items)
                .map_err(|problem| corrupt(path, format!("expected a readable stripe, {problem}")))?;
            if items > self.most_items {
                return Err(too_many(path, items));
            }
            let schema = Arc::new(Schema::new(times::decoded(types.fields())));
            NaiveStripeDecoder::new(read, schema, self.batch_rows).map_err(broken)
        })?;
        self.decoder = Some(decoder);
        self.stripes += 1;
        self.stripe_end += stripe.number_of_rows();
        Ok(true)
    }

    fn read(&mut self) -> Result<Option<SourceBatch>> {
        loop {
            if self.next_row == self.stripe_end && !self.begin()? {
                return Ok(None);
            }
            let Self { path, decoder: Some(decoder), conform, places, types, columns, .. } = self else {
                return Err(Error::unexpected("a stripe has no decoder"));
            };
            let batch = guarded(path, || {
                let broken = || corrupt(path, "expected readable columns");
                let Some(batch) = decoder.next() else { return Ok(None) };
                let batch = batch.map_err(|error| broken().caused_by(error))?;
                let batch = times::in_microseconds(&batch, types)
                    .and_then(|batch| unpadded(batch, columns))
                    .map_err(|error| broken().caused_by(error))?;
                conform.apply(&batch, places).map(Some).map_err(|error| broken().caused_by(error))
            })?;
            if let Some(batch) = self.count(batch)? {
                let rows = RowPositions::consecutive(self.next_row - batch.num_rows() as u64, batch.num_rows());
                return Ok(Some(SourceBatch { batch, rows, bad: Vec::new() }));
            }
        }
    }

    /// The footer's counts are promises: fewer rows are not the end of a stripe but damage.
    fn count(&mut self, batch: Option<RecordBatch>) -> Result<Option<RecordBatch>> {
        let rows = batch.as_ref().map_or(0, RecordBatch::num_rows) as u64;
        let left = self.stripe_end - self.next_row;
        if rows > left || rows == 0 && left > 0 {
            return Err(corrupt(&self.path, format!("expected {left} more rows in the stripe, found {rows}")));
        }
        self.next_row += rows;
        Ok(batch.filter(|_| rows > 0))
    }
}

/// The same rows with values of CHAR as they were written.
fn unpadded(batch: RecordBatch, columns: &RootDataType) -> Result<RecordBatch, ArrowError> {
    let types = || columns.children().iter().map(|column| column.data_type());
    if !types().any(padding::has_char) {
        return Ok(batch);
    }
    let arrays = batch.columns().iter().zip(types()).map(|(array, data_type)| padding::strip(array, data_type));
    RecordBatch::try_new(batch.schema(), arrays.collect::<Result<_, _>>()?)
}

fn too_many(path: &Path, items: u64) -> Error {
    Error::new(ErrorKind::ResourceExhausted, "expected fewer items of lists, maps and dictionaries in a stripe")
        .with("file", path.display())
        .with("option", "max_row_bytes")
        .action(format!(
            "raise `max_row_bytes` to {}; if that is not plausible the file is damaged",
            items.div_ceil(ITEMS_FACTOR)
        ))
}

impl SourceReader for OrcReader {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.conform.schema)
    }

    fn next_batch(&mut self) -> Result<Option<SourceBatch>> {
        if self.finished {
            return Ok(None);
        }
        let stripe = self.stripes.saturating_sub(1);
        let result = self.read().map_err(|error| error.with("stripe", stripe).with("row", self.next_row));
        self.finished = !matches!(result, Ok(Some(_)));
        result
    }

    /// The stripes behind the reader and a share of the one it is in, of the file's size.
    fn bytes_read(&self) -> u64 {
        let rows = self.metadata.number_of_rows().max(1);
        let share = u128::from(self.source.size()) * u128::from(self.next_row) / u128::from(rows);
        if self.finished { self.source.size() } else { share as u64 }
    }
}

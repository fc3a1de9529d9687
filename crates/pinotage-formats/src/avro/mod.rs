//! Avro object container files.
//!
//! `arrow-avro` decodes the values. The container around them is read here: `arrow-avro` takes a truncated block for the
//! end of the file, does not compare sync markers and never returns from a block with more bytes than its count of
//! records uses. It is handed only blocks that were walked to their last byte before.

mod container;
mod walk;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::datatypes::SchemaRef;
use arrow_avro::reader::{Reader, ReaderBuilder};
use pinotage_common::{Error, Result};

use self::container::{Feed, Shared};
use crate::conform::{Conform, plain_schema, with_uuids_as_text};
use crate::guard::{corrupt, guarded};
use crate::{ReadOptions, RowPositions, SourceBatch, SourceReader};

/// Rows of a batch at most, for the reason that batches of text are small.
const MOST_BATCH_ROWS: usize = 4_096;

/// Reads an Avro file.
pub(crate) struct AvroReader {
    path: PathBuf,
    reader: Option<Reader<Feed>>,
    shared: Arc<Mutex<Shared>>,
    conform: Conform,
    /// For every output column its place in the reader's batches.
    places: Vec<usize>,
    next_row: u64,
}

pub(crate) fn infer_schema(path: &Path, options: &ReadOptions) -> Result<SchemaRef> {
    let (reader, _) = build(path, options, None)?;
    Ok(with_uuids_as_text(&plain_schema(&reader.schema())))
}

fn lock(shared: &Mutex<Shared>) -> std::sync::MutexGuard<'_, Shared> {
    // A panic in the decoder cannot leave the counters half-written.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn build(
    path: &Path,
    options: &ReadOptions,
    projection: Option<Vec<usize>>,
) -> Result<(Reader<Feed>, Arc<Mutex<Shared>>)> {
    let feed = Feed::open(path, options.max_row_bytes)?;
    let shared = feed.shared();
    let reader = guarded(path, || {
        let mut builder = ReaderBuilder::new().with_batch_size(options.batch_rows.min(MOST_BATCH_ROWS));
        if let Some(projection) = projection {
            builder = builder.with_projection(projection);
        }
        builder.build(feed).map_err(|error| {
            Error::unsupported("expected an Avro schema that maps to Arrow")
                .with("file", path.display())
                .action("see the cause; recursive records and some unions have no Arrow type")
                .caused_by(error)
        })
    });
    match lock(&shared).error.take() {
        Some(error) => Err(error),
        None => reader.map(|reader| (reader, shared.clone())),
    }
}

impl AvroReader {
    pub(crate) fn try_new(path: &Path, options: &ReadOptions, schema: Option<SchemaRef>) -> Result<Self> {
        let (mut reader, mut shared) = build(path, options, None)?;
        let full = with_uuids_as_text(&plain_schema(&reader.schema()));
        let conform = Conform::try_new(path, &full, schema.as_ref(), options)?;
        let mut places = conform.indices.clone();
        // An empty projection still counts rows, so everything is read for it.
        if !places.is_empty() && places.len() < full.fields().len() {
            (reader, shared) = build(path, options, Some(places.clone()))?;
            places = (0..conform.indices.len()).collect();
        }
        Ok(Self { path: path.to_owned(), reader: Some(reader), shared, conform, places, next_row: 0 })
    }

    fn read(&mut self) -> Result<Option<SourceBatch>> {
        let Some(reader) = &mut self.reader else {
            return Ok(None);
        };
        let Self { path, conform, places, shared, .. } = self;
        let result = guarded(path, || match reader.next() {
            None => Ok(None),
            Some(batch) => batch
                .and_then(|batch| conform.apply(&batch, places))
                .map(Some)
                .map_err(|error| corrupt(path, "expected readable records").caused_by(error)),
        });
        let mut shared = lock(shared);
        if let Some(error) = shared.error.take() {
            return Err(error);
        }
        let batch = result.map_err(|error| error.with("block", shared.blocks))?;
        let Some(batch) = batch else {
            if self.next_row != shared.records {
                return Err(Error::unsupported(format!(
                    "expected {} records, found {}: records without any byte cannot be read",
                    shared.records, self.next_row
                ))
                .with("file", path.display()));
            }
            return Ok(None);
        };
        let rows = RowPositions::consecutive(self.next_row, batch.num_rows());
        self.next_row += batch.num_rows() as u64;
        Ok(Some(SourceBatch { batch, rows, bad: Vec::new() }))
    }
}

impl SourceReader for AvroReader {
    fn schema(&self) -> SchemaRef {
        self.conform.schema.clone()
    }

    fn next_batch(&mut self) -> Result<Option<SourceBatch>> {
        let result = self.read();
        if !matches!(result, Ok(Some(_))) {
            self.reader = None;
        }
        result
    }

    fn bytes_read(&self) -> u64 {
        lock(&self.shared).bytes_read
    }
}

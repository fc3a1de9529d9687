//! The columns of a Parquet file in lanes that are decoded at the same time.
//!
//! A batch has the same rows in every lane, so the batches are those that one reader of all columns gives, however many lanes
//! there are. A lane is some batches ahead, and never waits on a thread of the pool: a task decodes a few and ends.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{FieldRef, Schema};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReader};
use pinotage_common::{Error, Result};

use crate::compression::open_file;
use crate::guard::{corrupt, guarded};
use crate::parts::Spawn;

/// Batches that a task decodes.
const STEP: usize = 4;

/// Some columns of the file.
struct Lane {
    /// The places of its columns among those that are read.
    places: Vec<usize>,
    /// The step that runs.
    running: Option<Receiver<Step>>,
    ready: VecDeque<RecordBatch>,
    /// What comes behind the batches that are ready.
    failed: Option<Error>,
}

/// What a task has decoded, and the reader unless that was the end.
struct Step {
    batches: Vec<RecordBatch>,
    rest: Result<Option<ParquetRecordBatchReader>>,
}

/// Reads a file's columns at the same time.
pub(super) struct Lanes {
    path: PathBuf,
    spawn: Arc<Spawn>,
    lanes: Vec<Lane>,
    columns: usize,
}

impl Lanes {
    /// Opens the file once for each lane. `columns` are in the file's order.
    ///
    /// # Errors
    ///
    /// As those of opening the file once.
    pub(super) fn try_new(
        path: &Path,
        metadata: &ArrowReaderMetadata,
        columns: &[usize],
        batch_rows: usize,
        (lanes, spawn): (usize, Arc<Spawn>),
    ) -> Result<Self> {
        let mut all = Self { path: path.to_owned(), spawn, lanes: Vec::new(), columns: columns.len() };
        for places in shared_out(metadata, columns, lanes) {
            let file = open_file(path)?;
            let roots = places.iter().filter_map(|place| columns.get(*place).copied()).collect::<Vec<_>>();
            let reader = super::build(path, file, metadata.clone(), roots, batch_rows)?;
            all.lanes.push(Lane { places, running: Some(all.begin(reader)), ready: VecDeque::new(), failed: None });
        }
        Ok(all)
    }

    /// Decodes the next batches of a lane on another thread.
    fn begin(&self, mut reader: ParquetRecordBatchReader) -> Receiver<Step> {
        let (sender, receiver) = sync_channel(1);
        let path = self.path.clone();
        (self.spawn)(Box::new(move || {
            let mut batches = Vec::with_capacity(STEP);
            let ended = guarded(&path, || {
                while batches.len() < STEP {
                    match reader.next() {
                        None => return Ok(true),
                        Some(batch) => batches
                            .push(batch.map_err(|error| corrupt(&path, "expected readable pages").caused_by(error))?),
                    }
                }
                Ok(false)
            });
            let rest = ended.map(|ended| (!ended).then_some(reader));
            // Nobody waits for it any more when the lanes are gone.
            let _ = sender.send(Step { batches, rest });
        }));
        receiver
    }

    /// The next rows of all lanes; `None` after the last ones.
    ///
    /// # Errors
    ///
    /// `corrupt-segment` for pages that cannot be read, and for columns of different lengths.
    pub(super) fn next(&mut self) -> Result<Option<RecordBatch>> {
        let mut columns: Vec<Option<(FieldRef, ArrayRef)>> = vec![None; self.columns];
        let mut rows = None;
        for at in 0..self.lanes.len() {
            let batch = self.take(at)?;
            let found = batch.as_ref().map(RecordBatch::num_rows);
            if *rows.get_or_insert(found) != found {
                return Err(corrupt(&self.path, "expected columns of the same length"));
            }
            let (Some(batch), Some(lane)) = (batch, self.lanes.get(at)) else { continue };
            let fields = batch.schema_ref().fields().iter().zip(batch.columns());
            for (place, (field, array)) in lane.places.iter().zip(fields) {
                if let Some(column) = columns.get_mut(*place) {
                    *column = Some((Arc::clone(field), Arc::clone(array)));
                }
            }
        }
        if rows.flatten().is_none() {
            return Ok(None);
        }
        let (fields, arrays): (Vec<FieldRef>, Vec<ArrayRef>) = columns.into_iter().flatten().unzip();
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays);
        batch.map(Some).map_err(|error| corrupt(&self.path, "expected columns of the same length").caused_by(error))
    }

    /// The next batch of a lane. The step behind the one that is taken begins at once.
    fn take(&mut self, at: usize) -> Result<Option<RecordBatch>> {
        loop {
            let Some(lane) = self.lanes.get_mut(at) else { return Ok(None) };
            if let Some(batch) = lane.ready.pop_front() {
                return Ok(Some(batch));
            }
            if let Some(error) = lane.failed.take() {
                return Err(error);
            }
            let Some(running) = lane.running.take() else { return Ok(None) };
            let Step { batches, rest } = running.recv().map_err(|_| {
                Error::unexpected("a thread that read columns of the file has panicked")
                    .with("file", self.path.display())
            })?;
            lane.ready.extend(batches);
            match rest {
                Ok(None) => {}
                Err(error) => lane.failed = Some(error),
                Ok(Some(reader)) => {
                    let running = self.begin(reader);
                    if let Some(lane) = self.lanes.get_mut(at) {
                        lane.running = Some(running);
                    }
                }
            }
        }
    }
}

/// The columns for so many lanes, as even as their bytes in the file let it be.
fn shared_out(metadata: &ArrowReaderMetadata, columns: &[usize], lanes: usize) -> Vec<Vec<usize>> {
    let parquet = metadata.parquet_schema();
    let mut bytes = vec![0_u64; columns.len()];
    for group in metadata.metadata().row_groups() {
        for (leaf, chunk) in group.columns().iter().enumerate().take(parquet.num_columns()) {
            let place = columns.binary_search(&parquet.get_column_root_idx(leaf));
            if let Some(bytes) = place.ok().and_then(|place| bytes.get_mut(place)) {
                // What is packed well costs as well.
                *bytes += chunk.compressed_size().max(0) as u64 + chunk.uncompressed_size().max(0) as u64 / 4;
            }
        }
    }
    let mut order: Vec<usize> = (0..columns.len()).collect();
    order.sort_by_key(|place| std::cmp::Reverse(bytes.get(*place).copied()));
    let mut shared: Vec<(u64, Vec<usize>)> = vec![(0, Vec::new()); lanes.min(columns.len())];
    for place in order {
        if let Some((sum, places)) = shared.iter_mut().min_by_key(|(sum, _)| *sum) {
            *sum += bytes.get(place).copied().unwrap_or(0);
            places.push(place);
        }
    }
    // A reader gives columns in the file's order.
    shared
        .into_iter()
        .map(|(_, mut places)| {
            places.sort_unstable();
            places
        })
        .filter(|places| !places.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use arrow::array::{
        DictionaryArray, Float64Array, Int32Array, Int64Array, ListArray, StringArray, StructArray,
        TimestampMillisecondArray,
    };
    use arrow::datatypes::Int32Type;
    use parquet::arrow::ArrowWriter;
    use parquet::file::properties::WriterProperties;

    use super::super::ParquetReader;
    use super::*;
    use crate::{ReadOptions, SourceBatch, SourceReader};

    const ROWS: i64 = 10_000;

    fn write(path: &Path) {
        let word = |row: i64| ["ale", "bread", "cheese", "dates"][(row * row % 4) as usize];
        let words: DictionaryArray<Int32Type> = (0..ROWS).map(|row| (row % 11 > 0).then(|| word(row))).collect();
        let lists = (0..ROWS)
            .map(|row| (row % 7 > 0).then(|| (0..row % 4).map(|item| Some((item * row) as i32)).collect::<Vec<_>>()));
        let inner: ArrayRef = Arc::new(Int64Array::from_iter_values(0..ROWS));
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("n", Arc::new(Int64Array::from_iter((0..ROWS).map(|row| (row % 3 > 0).then_some(row))))),
            ("words", Arc::new(words)),
            ("text", Arc::new(StringArray::from_iter_values((0..ROWS).map(|row| format!("text of {row}"))))),
            ("lists", Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(lists))),
            (
                "nested",
                Arc::new(StructArray::from(vec![(
                    Arc::new(arrow::datatypes::Field::new("n", arrow::datatypes::DataType::Int64, true)),
                    inner,
                )])),
            ),
            ("d", Arc::new(Float64Array::from_iter_values((0..ROWS).map(|row| row as f64 / 7.0)))),
            ("t", Arc::new(TimestampMillisecondArray::from_iter_values(0..ROWS))),
            ("i", Arc::new(Int32Array::from_iter_values((0..ROWS).map(|row| (row % 5) as i32)))),
        ];
        let batch =
            RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)))
                .unwrap();
        let options = WriterProperties::builder()
            .set_max_row_group_row_count(Some(1_700))
            .set_data_page_row_count_limit(300)
            .build();
        let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), Some(options)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    }

    /// The batches with the number of their first row, and how it ended.
    fn all(path: &Path, options: &ReadOptions, lanes: Option<usize>) -> (Vec<(u64, RecordBatch)>, Option<String>) {
        let spawn: Arc<Spawn> = Arc::new(|task| drop(std::thread::spawn(task)));
        let mut batches = Vec::new();
        let mut reader = match ParquetReader::try_new_in(path, options, None, lanes.map(|lanes| (lanes, spawn))) {
            Ok(reader) => reader,
            Err(error) => return (batches, Some(error.to_string())),
        };
        let error = loop {
            match reader.next_batch() {
                Ok(None) => break None,
                Err(error) => break Some(error.to_string()),
                Ok(Some(SourceBatch { batch, rows, .. })) => batches.push((rows.row_number(0), batch)),
            }
        };
        (batches, error)
    }

    #[test]
    fn lanes_give_the_batches_of_one_reader() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        write(&path);
        for keep_dictionaries in [false, true] {
            for columns in [None, Some(vec!["text".to_owned(), "n".to_owned(), "lists".to_owned()])] {
                let options = ReadOptions { keep_dictionaries, columns, batch_rows: 512, ..ReadOptions::default() };
                let expected = all(&path, &options, None);
                assert_eq!(expected.0.iter().map(|(_, batch)| batch.num_rows() as i64).sum::<i64>(), ROWS);
                for lanes in [1, 2, 3, 20] {
                    assert!(all(&path, &options, Some(lanes)) == expected, "{lanes} lanes");
                }
            }
        }
    }

    /// Rows before the damage come, and then an error that names the file, whoever reads.
    #[test]
    fn damage_is_found_by_every_lane() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        write(&path);
        let bytes = std::fs::read(&path).unwrap();
        let options = ReadOptions { batch_rows: 512, ..ReadOptions::default() };
        let mut failures = 0;
        for at in (4..bytes.len() - 3000).step_by(bytes.len() / 40) {
            let mut damaged = bytes.clone();
            damaged[at..at + 20].fill(0xa5);
            std::fs::write(&path, damaged).unwrap();
            let (one, many) = (all(&path, &options, None), all(&path, &options, Some(3)));
            assert_eq!(one.1.is_some(), many.1.is_some(), "at {at}: {:?} {:?}", one.1, many.1);
            failures += usize::from(many.1.is_some());
            let rows = |batches: &[(u64, RecordBatch)]| {
                batches.iter().map(|(first, batch)| (*first, batch.num_rows())).collect::<Vec<_>>()
            };
            assert_eq!(rows(&one.0), rows(&many.0), "at {at}");
            assert!(many.1.is_none_or(|error| error.contains("a.parquet")));
        }
        assert!(failures > 10, "{failures}");
    }
}

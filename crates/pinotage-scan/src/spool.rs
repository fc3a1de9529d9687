//! Batches that wait until their answer is known to be complete: in memory, and on disk when there are too many.

use std::fs::File;
use std::io::{BufReader, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use pinotage_common::{Error, Result};

/// What all waiting batches of a scan may hold in memory.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: u64,
    held: AtomicU64,
    folder: PathBuf,
}

impl Budget {
    pub(crate) fn new(limit: u64, folder: Option<PathBuf>) -> Arc<Self> {
        let folder = folder.unwrap_or_else(std::env::temp_dir);
        Arc::new(Self { limit, held: AtomicU64::new(0), folder })
    }

    /// Takes memory, if there is some left.
    fn take(&self, bytes: u64) -> bool {
        let more = |held: u64| held.checked_add(bytes).filter(|held| *held <= self.limit);
        self.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }
}

/// The batches of one answer.
pub(crate) struct Spool {
    budget: Arc<Budget>,
    schema: SchemaRef,
    held: Vec<RecordBatch>,
    held_bytes: u64,
    /// Without a name: it is gone with the process.
    file: Option<StreamWriter<File>>,
}

impl Spool {
    pub(crate) fn new(budget: &Arc<Budget>, schema: &SchemaRef) -> Self {
        Self { budget: Arc::clone(budget), schema: Arc::clone(schema), held: Vec::new(), held_bytes: 0, file: None }
    }

    /// Adds a batch. May wait for the disk.
    pub(crate) fn push(&mut self, batch: RecordBatch) -> Result<()> {
        let bytes = batch.get_array_memory_size() as u64;
        // Once on disk, all that follows goes there: the order stays.
        if self.file.is_none() && self.budget.take(bytes) {
            self.held_bytes += bytes;
            self.held.push(batch);
            return Ok(());
        }
        let failed = |error: ArrowError| {
            Error::new(pinotage_common::ErrorKind::ResourceExhausted, "cannot write an answer to disk")
                .with("folder", self.budget.folder.display())
                .action("make room there, name another folder by `spill`, or raise `memory`")
                .caused_by(error)
        };
        let file = match &mut self.file {
            Some(file) => file,
            free => {
                let file = tempfile::tempfile_in(&self.budget.folder).map_err(|error| failed(error.into()))?;
                free.insert(StreamWriter::try_new(file, &self.schema).map_err(failed)?)
            }
        };
        file.write(&batch).map_err(failed)
    }

    /// Gives all batches, in their order, until `give` wants no more. Waits for the disk.
    pub(crate) fn give(mut self, give: &mut dyn FnMut(RecordBatch) -> bool) -> Result<()> {
        for batch in std::mem::take(&mut self.held) {
            if !give(batch) {
                return Ok(());
            }
        }
        let Some(mut file) = self.file.take() else { return Ok(()) };
        let failed = |error: ArrowError| Error::unexpected("cannot read an answer back from disk").caused_by(error);
        file.finish().map_err(failed)?;
        let mut file = file.into_inner().map_err(failed)?;
        file.seek(SeekFrom::Start(0)).map_err(|error| failed(error.into()))?;
        for batch in StreamReader::try_new(BufReader::new(file), None).map_err(failed)? {
            if !give(batch.map_err(failed)?) {
                break;
            }
        }
        Ok(())
    }

    #[cfg(test)]
    fn is_on_disk(&self) -> bool {
        self.file.is_some()
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        self.budget.held.fetch_sub(self.held_bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{AsArray, Int64Array};
    use arrow::datatypes::{DataType, Field, Int64Type, Schema};

    use super::*;

    #[test]
    fn batches_come_back_in_their_order_from_memory_and_disk() {
        let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, false)]));
        let batch = |at: i64| {
            RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(Int64Array::from(vec![at; 100]))]).unwrap()
        };
        let budget = Budget::new(3 * batch(0).get_array_memory_size() as u64, None);
        let mut spool = Spool::new(&budget, &schema);
        for at in 0..10 {
            spool.push(batch(at)).unwrap();
            assert_eq!(spool.is_on_disk(), at >= 3);
        }
        let mut found = Vec::new();
        let mut give = |batch: RecordBatch| {
            found.push(batch.column(0).as_primitive::<Int64Type>().value(99));
            true
        };
        spool.give(&mut give).unwrap();
        assert_eq!(found, (0..10).collect::<Vec<_>>());
        assert_eq!(budget.held.load(Ordering::Relaxed), 0, "memory is given back");
    }
}

//! All inputs of a job as the one table of SQL over many rows.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use pinotage_common::{Error, Result};
use pinotage_formats::{ReadOptions, open};

use crate::objects::{Objects, in_file};
use crate::prepare::{Input, Prepared};
use crate::quarantine::BadRecord;
use crate::sql::Source;

/// The inputs, what reading them found, and how far it is.
pub(crate) struct WholeSource {
    inputs: Vec<Input>,
    objects: Arc<Objects>,
    /// Where copies of objects are for as long as they are read.
    folder: PathBuf,
    stopped: AtomicBool,
    read: ReadOptions,
    schema: SchemaRef,
    rows: AtomicU64,
    bytes: AtomicU64,
    found: Mutex<Found>,
}

#[derive(Default)]
struct Found {
    /// Good and bad rows of each input. A SELECT that names the table twice reads it twice and counts it once.
    rows: BTreeMap<usize, (u64, u64)>,
    bad: Vec<BadRecord>,
    failure: Option<Error>,
}

impl WholeSource {
    pub(crate) fn new(job: &Prepared, inputs: &[Input], folder: &Path) -> Self {
        Self {
            inputs: inputs.to_vec(),
            objects: Arc::clone(&job.objects),
            folder: folder.to_owned(),
            stopped: AtomicBool::new(false),
            read: job.read.clone(),
            schema: job.source_schema.clone(),
            rows: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            found: Mutex::default(),
        }
    }

    /// Gives up a copy that is under way when the value goes.
    pub(crate) fn stop_when_dropped(self: &Arc<Self>) -> Stop {
        Stop(Arc::clone(self))
    }

    /// Rows and bytes read so far.
    pub(crate) fn progress(&self) -> (u64, u64) {
        (self.rows.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }

    /// Rows read, and those of them that the SQL took in.
    pub(crate) fn rows(&self) -> (u64, u64) {
        let found = self.found();
        found.rows.values().fold((0, 0), |(read, good), (more, bad)| (read + more + bad, good + more))
    }

    /// Bad rows found since the last call.
    pub(crate) fn take_bad(&self) -> Vec<BadRecord> {
        std::mem::take(&mut self.found().bad)
    }

    fn found(&self) -> std::sync::MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn scan_input(&self, at: usize, input: &Input, send: &mut dyn FnMut(RecordBatch) -> bool) -> Result<bool> {
        let file: Arc<str> = input.file.to_string().into();
        let opened = self.objects.open(&input.file, &self.folder, &|| self.stopped.load(Ordering::Relaxed))?;
        let mut reader = open(&opened.path, input.format, &self.read, Some(Arc::clone(&self.schema)))?;
        let (mut good, mut bad, mut bytes) = (0, 0, 0);
        while let Some(rows) = reader.next_batch()? {
            good += rows.batch.num_rows() as u64;
            self.rows.fetch_add((rows.batch.num_rows() + rows.bad.len()) as u64, Ordering::Relaxed);
            self.bytes.fetch_add(reader.bytes_read().saturating_sub(bytes), Ordering::Relaxed);
            bytes = reader.bytes_read();
            {
                let mut found = self.found();
                // What an earlier scan has told is not told again.
                let told = found.rows.get(&at).copied().unwrap_or_default();
                for row in rows.bad {
                    bad += 1;
                    if bad > told.1 {
                        found.bad.push(BadRecord::unreadable(&file, row));
                    }
                }
                found.rows.insert(at, (told.0.max(good), told.1.max(bad)));
            }
            let batch =
                RecordBatch::try_new(Arc::clone(&self.schema), rows.batch.columns().to_vec()).map_err(|_| {
                    Error::schema_mismatch("the columns are not those of the job's first input")
                        .action("give all inputs of one job the same columns and types")
                })?;
            if !send(batch) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// See [`WholeSource::stop_when_dropped`].
pub(crate) struct Stop(Arc<WholeSource>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.stopped.store(true, Ordering::Relaxed);
    }
}

impl Source for WholeSource {
    fn scan(&self, send: &mut dyn FnMut(RecordBatch) -> bool) -> Result<()> {
        for (at, input) in self.inputs.iter().enumerate() {
            if !self.scan_input(at, input, send).map_err(in_file(&input.file))? {
                break;
            }
        }
        Ok(())
    }

    fn fail(&self, error: Error) {
        self.found().failure.get_or_insert(error);
    }

    fn failure(&self) -> Option<Error> {
        self.found().failure.take()
    }
}

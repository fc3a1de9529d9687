//! The writer of a task of an engine: any rows in, segments and what is open out.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use pinotage_common::{Error, Result};
use pinotage_connector::{BadRow, Context, OpenBuffer, Place, Prepared, Sink as _, Writer, by_partition, row_json};
use pinotage_sink::writer::{PinotSink, staged_files};
use pinotage_transform::{BadValue, Conversion};
use tempfile::TempDir;

use crate::table::{Table, too_many};

/// Which task of a job.
pub(crate) struct Task {
    pub(crate) run: String,
    pub(crate) epoch: u64,
    pub(crate) task: u32,
    pub(crate) tasks: u32,
    /// 0 for what the options say.
    pub(crate) memory: u64,
    /// The table may have segments of later epochs than this one.
    pub(crate) apart: bool,
}

/// The writer of a task.
pub(crate) struct TaskWriter {
    inside: Mutex<Inside>,
    pub(crate) rows: SchemaRef,
    context: Context,
    table: Arc<Table>,
}

struct Inside {
    conversion: Conversion,
    // Before the sink, which it is made from.
    writer: Option<Box<dyn Writer>>,
    sink: PinotSink,
    /// What is made for an object store lies there, until it is put.
    _folder: Option<TempDir>,
    read: u64,
    bad: u64,
}

impl TaskWriter {
    pub(crate) fn open(table: Arc<Table>, rows: SchemaRef, task: Task, open: Vec<OpenBuffer>) -> Result<Self> {
        let is_run = task.run.len() == 16 && task.run.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_run || task.task >= task.tasks {
            return Err(Error::invalid_config(format!(
                "expected a run of 16 hexadecimal digits and a task of those there are, found `{}` and {} of {}",
                task.run, task.task, task.tasks
            )));
        }
        let conversion = table.conversion(&rows)?;
        let context = Context {
            epoch: task.epoch,
            task: task.task,
            tasks: task.tasks,
            ..Context::new(&table.job.name, &task.run)
        };
        let memory = if task.memory == 0 { table.job.limits.memory.bytes() } else { task.memory };
        let (sink, folder) = table.writing(task.epoch, table.job.sink.segment.sealing().within(memory))?;
        let sink = if task.apart { sink.with_names_apart() } else { sink };
        table.sink.recall(&open, [], &context)?;
        let writer = Some(sink.open(open, &context)?);
        // Engines ask for the names before the first row.
        for name in ["rows read", "rows written", "rows filtered", "rows quarantined"] {
            context.metrics.counter(name);
        }
        let inside = Mutex::new(Inside { conversion, writer, sink, _folder: folder, read: 0, bad: 0 });
        Ok(Self { inside, rows, context, table })
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes rows; those that the table does not take come back with their number.
    pub(crate) fn write(&self, batch: &RecordBatch) -> Result<Vec<BadRow>> {
        self.context.cancel.check()?;
        let mut inside = self.lock();
        let Inside { conversion, writer, sink, read, bad, .. } = &mut *inside;
        let writer = writer.as_mut().ok_or_else(failed_before)?;
        let converted = self.table.convert(conversion, batch)?;
        *read += batch.num_rows() as u64;
        *bad += converted.bad.len() as u64;
        self.count("rows read", batch.num_rows() as u64);
        self.count("rows written", converted.batch.num_rows() as u64);
        self.count("rows filtered", converted.filtered);
        self.count("rows quarantined", converted.bad.len() as u64);
        let rejected = bad_rows(converted.bad, batch);
        let budget = self.table.job.limits.errors;
        if let Some(first) = rejected.first().filter(|_| budget.is_spent(*bad)) {
            return Err(too_many(budget, &first.message));
        }
        let parts = by_partition(sink, converted.batch, 0)?;
        let mut written = parts.into_iter().filter(|(_, part)| part.num_rows() > 0);
        let result = written.try_for_each(|(partition, part)| writer.write(partition, part));
        self.closed_after(result, &mut inside)?;
        Ok(rejected)
    }

    fn count(&self, name: &'static str, rows: u64) {
        self.context.metrics.counter(name).fetch_add(rows, Ordering::Relaxed);
    }

    /// Rows that came in no batch, because no batch can have them.
    pub(crate) fn refused(&self, rows: u64, first: &str) -> Result<()> {
        let mut inside = self.lock();
        inside.read += rows;
        inside.bad += rows;
        self.count("rows read", rows);
        self.count("rows quarantined", rows);
        let budget = self.table.job.limits.errors;
        if budget.is_spent(inside.bad) { Err(too_many(budget, first)) } else { Ok(()) }
    }

    /// Whether the share of bad rows is judged at the end of each epoch, when there are enough of them to be a share.
    fn judge(&self, inside: &Inside, last: bool) -> Result<()> {
        const JUDGED_ROWS: u64 = 10_000;
        let budget = self.table.job.limits.errors;
        let many = inside.read >= JUDGED_ROWS || last;
        match many && budget.is_exceeded(inside.bad, inside.read) {
            true => Err(too_many(budget, "they were given back before")),
            false => Ok(()),
        }
    }

    pub(crate) fn prepare(&self, epoch: u64, last: bool) -> Result<Prepared> {
        let mut inside = self.lock();
        self.judge(&inside, last)?;
        let writer = inside.writer.as_mut().ok_or_else(failed_before)?;
        let prepared = writer.prepare(epoch, last);
        let prepared = self.closed_after(prepared, &mut inside)?;
        match prepared.rejected.first() {
            Some(row) => Err(Error::unexpected("rows of the table were rejected").with("reason", &row.message)),
            None => Ok(prepared),
        }
    }

    /// After an error nothing since the last recorded epoch counts: the writer goes.
    fn closed_after<T>(&self, result: Result<T>, inside: &mut Inside) -> Result<T> {
        if result.is_err() {
            inside.writer = None;
        }
        result
    }

    /// Its life, and the files of others that open rows of it are in.
    pub(crate) fn staged(&self, open: &[OpenBuffer]) -> Result<Vec<String>> {
        let inside = self.lock();
        let life = inside.writer.as_ref().ok_or_else(failed_before)?.life().unwrap_or_default();
        let mut names = vec![life.to_owned()];
        names.extend(staged_files(open, [])?.into_iter().filter(|file| !file.contains(life)));
        Ok(names)
    }

    pub(crate) fn begin(&self, epoch: u64) {
        if let Some(writer) = &mut self.lock().writer {
            writer.begin(epoch);
        }
    }

    pub(crate) fn watermark(&self, millis: i64) -> Result<()> {
        let mut inside = self.lock();
        let writer = inside.writer.as_mut().ok_or_else(failed_before)?;
        let result = writer.watermark(millis);
        self.closed_after(result, &mut inside)
    }

    /// Whether it makes do with so much memory from now on.
    pub(crate) fn shrink(&self, memory: u64) -> Result<bool> {
        let mut inside = self.lock();
        // One that has failed holds nothing.
        let Some(writer) = inside.writer.as_mut() else { return Ok(true) };
        let result = writer.shrink(memory);
        self.closed_after(result, &mut inside)
    }

    pub(crate) fn recorded(&self, epoch: u64) -> Result<()> {
        self.lock().writer.as_mut().map_or(Ok(()), |writer| writer.recorded(epoch))
    }

    pub(crate) fn metrics(&self) -> Vec<(&'static str, u64)> {
        self.context.metrics.now().into_iter().collect()
    }

    pub(crate) fn cancel(&self) {
        self.context.cancel.cancel();
    }
}

/// Rows of a batch as they come back.
pub(crate) fn bad_rows(bad: Vec<BadValue>, batch: &RecordBatch) -> Vec<BadRow> {
    let row = |value: BadValue| BadRow {
        place: Place { row_number: value.row.into(), ..Place::default() },
        column: Some(value.column).filter(|column| !column.is_empty()),
        rule: value.rule,
        message: value.message,
        raw: row_json(batch, value.row as usize),
    };
    bad.into_iter().map(row).collect()
}

fn failed_before() -> Error {
    Error::unexpected("a writer was used after it had failed").action("open another one behind the last recorded epoch")
}

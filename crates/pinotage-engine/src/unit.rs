//! A unit of work: its inputs read, selected, conformed, and sealed into segments under temporary names.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use pinotage_common::{Error, ErrorKind, Result};
use pinotage_connector::row_json;
use pinotage_formats::{Format, SourceBatch, SourceReader, Spawn, open, open_parallel};
use pinotage_spec::SegmentNameGenerator;
use pinotage_transform::{Changes, Conversion};

use crate::built::{Built, Passing};
use crate::manifest::Counts;
use crate::objects::in_file;
use crate::prepare::{Input, Prepared};
use crate::quarantine::{BadRecord, Quarantine, RunId};
use crate::run::Observer;
use crate::sealing::Sealing;
use crate::sql::{RowSql, SqlWay, WholeSql};
use crate::whole_source::WholeSource;

/// Rules of bad rows that only the engine knows.
pub(crate) const SQL_ERROR: &str = "sql-error";

/// What every unit of a run shares.
pub(crate) struct Workshop<'a> {
    pub(crate) job: &'a Prepared,
    pub(crate) pool: &'a Arc<rayon::ThreadPool>,
    /// Parts of one input that are read at the same time.
    pub(crate) parts_at_once: usize,
    pub(crate) id: &'a RunId,
    /// How this run names its segments.
    pub(crate) names: SegmentNameGenerator,
    pub(crate) creation_time_millis: i64,
    pub(crate) cancelled: &'a (dyn Fn() -> bool + Sync),
    pub(crate) observer: &'a dyn Observer,
}

impl Workshop<'_> {
    /// Builds the segments of a unit into a hidden folder of the output. The inputs of a unit are read one after the other, or
    /// together when the SQL needs many rows at a time.
    pub(crate) fn build(&self, inputs: &[Input], sequence: u64) -> Result<Built> {
        let plan = &self.job.plan;
        // The job's name keeps jobs apart that share an output.
        let staging = plan.output.join(format!(".staging-{}-{sequence}", plan.file.name));
        let _ = fs::remove_dir_all(&staging);
        let name = format!("{}-{sequence}.parquet", plan.file.name);
        let passing = Passing { staging: staging.clone(), quarantine: plan.quarantine.join(format!(".{name}.tmp")) };
        let named = inputs.first().and_then(|input| input.named.as_ref());
        let mut intake = Intake {
            shop: self,
            counts: Counts::default(),
            changes: Changes::default(),
            bad: Quarantine::new(&plan.quarantine, &name, self.id),
            segments: Sealing::try_new(
                self.job,
                self.pool,
                &staging,
                &self.names,
                (sequence, named),
                self.creation_time_millis,
            )?,
        };
        let read = match (&self.job.sql, inputs) {
            (Some(SqlWay::Whole(_)), inputs) => intake.read_whole(inputs, &staging),
            (_, inputs) => inputs.iter().try_for_each(|input| intake.read_rows(input, &staging)),
        };
        read.and_then(|()| {
            let Intake { counts, changes, bad, segments, .. } = intake;
            let (segments, merged) = segments.finish()?;
            if segments.is_empty() && plan.one_to_one.as_ref().is_some_and(|one_to_one| one_to_one.fail_on_empty) {
                let path = inputs.first().map(|input| input.file.to_string()).unwrap_or_default();
                return Err(Error::invalid_data("the input has no rows for its segment")
                    .with("file", path)
                    .action("remove or exclude the file, or set `failOnEmptySegment: false`"));
            }
            let quarantined = bad.rows();
            let written = segments.iter().map(|segment| segment.num_docs).sum();
            let counts = Counts { written, merged, quarantined, ..counts };
            if !counts.are_complete() {
                return Err(Error::unexpected(format!("rows are missing: {counts:?}")));
            }
            if plan.file.limits.errors.is_exceeded(quarantined, counts.read) {
                return Err(too_many(&bad, self.job));
            }
            let quarantine = (bad.finish()?, plan.quarantine.join(&name));
            Ok(Built { counts, segments, changes, passing, quarantine })
        })
    }

    fn check_cancelled(&self) -> Result<()> {
        match (self.cancelled)() {
            false => Ok(()),
            true => Err(Error::new(ErrorKind::Cancelled, "the run was stopped; inputs that were complete are kept")),
        }
    }
}

/// Opens an input under the columns that the job expects. Text gets its types from them, other formats bring their own, and
/// so do the inputs of a job that makes one segment of each.
pub(crate) fn open_input(job: &Prepared, input: &Input, path: &Path) -> Result<Box<dyn SourceReader>> {
    open(path, input.format, &job.read, given_schema(job, input))
}

fn given_schema(job: &Prepared, input: &Input) -> Option<SchemaRef> {
    let text = matches!(input.format, Format::Csv | Format::Json) && input.named.is_none();
    text.then(|| job.source_schema.clone())
}

/// What a unit has taken in so far.
struct Intake<'a> {
    shop: &'a Workshop<'a>,
    counts: Counts,
    changes: Changes,
    bad: Quarantine,
    segments: Sealing<'a>,
}

impl Intake<'_> {
    fn reject(&mut self, row: BadRecord) -> Result<()> {
        self.bad.push(row)?;
        match self.shop.job.plan.file.limits.errors.is_spent(self.bad.rows()) {
            true => Err(too_many(&self.bad, self.shop.job)),
            false => Ok(()),
        }
    }

    /// One input, batch by batch.
    fn read_rows(&mut self, input: &Input, staging: &Path) -> Result<()> {
        let in_file = in_file(&input.file);
        let job = self.shop.job;
        let opened = job.objects.open(&input.file, staging, self.shop.cancelled)?;
        let pool = Arc::clone(self.shop.pool);
        let parts = (self.shop.parts_at_once, Arc::new(move |task| pool.spawn(task)) as Arc<Spawn>);
        let mut reader =
            open_parallel(&opened.path, input.format, &job.read, given_schema(job, input), parts).map_err(&in_file)?;
        let source = reader.schema();
        let transform = job.plan.file.transform.as_ref();
        let sql = transform.map(|transform| RowSql::try_new(&transform.sql, &source)).transpose()?;
        let conversion =
            Conversion::try_new(&job.destined(), &sql.as_ref().map_or(source, RowSql::schema)).map_err(&in_file)?;
        let file: Arc<str> = input.file.to_string().into();
        let mut bytes = 0;
        while let Some(rows) = reader.next_batch().map_err(&in_file)? {
            self.shop.check_cancelled()?;
            let read = (rows.batch.num_rows() + rows.bad.len()) as u64;
            self.counts.read += read;
            let now = reader.bytes_read();
            self.shop.observer.advanced(read, now.saturating_sub(bytes));
            bytes = now;
            let good = self.conform(&conversion, sql.as_ref(), rows, &file).map_err(&in_file)?;
            self.segments.append(&good)?;
        }
        Ok(())
    }

    /// Source rows to canonical rows; what does not get through is counted with its place in the file.
    fn conform(
        &mut self,
        conversion: &Conversion,
        sql: Option<&RowSql>,
        source: SourceBatch,
        file: &Arc<str>,
    ) -> Result<RecordBatch> {
        let SourceBatch { batch, rows, bad } = source;
        for row in bad {
            self.reject(BadRecord::unreadable(file, row))?;
        }
        let (selected, origin) = match sql {
            None => (batch.clone(), None),
            Some(sql) => {
                let selected = sql.apply(&batch)?;
                self.counts.filtered += (batch.num_rows() - selected.rows.len() - selected.bad.len()) as u64;
                for (row, message) in selected.bad {
                    self.reject(BadRecord::of_row(file, &batch, &rows, row, (None, SQL_ERROR, message)))?;
                }
                (selected.batch, Some(selected.rows))
            }
        };
        let conformed = conversion.convert(&selected)?;
        self.changes.add(&conformed.changes);
        self.counts.filtered += conformed.filtered;
        self.counts.made += conformed.made;
        for value in conformed.bad {
            let row = origin.as_ref().map_or(Some(value.row), |rows| rows.get(value.row as usize).copied());
            let fault = (Some(value.column), value.rule, value.message);
            self.reject(BadRecord::of_row(file, &batch, &rows, row.unwrap_or_default(), fault))?;
        }
        Ok(conformed.batch)
    }

    /// All inputs as one table, through SQL over many rows at a time. Bad rows of the inputs carry their place in their file,
    /// bad rows that the SQL made are shown as it made them.
    fn read_whole(&mut self, inputs: &[Input], spill: &Path) -> Result<()> {
        let job = self.shop.job;
        let Some(transform) = &job.plan.file.transform else {
            return Err(Error::unexpected("SQL over all inputs that is not there"));
        };
        fs::create_dir_all(spill).map_err(|error| Error::io(error, "cannot create the output folder", spill))?;
        let source = Arc::new(WholeSource::new(job, inputs, spill));
        let columns = &job.source_schema;
        let mut rows = WholeSql::start(&transform.sql, columns, Arc::clone(&source), job.sql_memory(), spill)?;
        // Dropped before the rows, which wait until nobody reads any more.
        let _stop = source.stop_when_dropped();
        let conversion = Conversion::try_new(&job.destined(), &job.selected)?;
        let made: Arc<str> = "transform.sql".into();
        let shop = self.shop;
        let mut shown = (0, 0);
        let (mut filtered, mut first) = (0, 0);
        loop {
            let next = rows.next(&mut || {
                let now = source.progress();
                shop.observer.advanced(now.0.saturating_sub(shown.0), now.1.saturating_sub(shown.1));
                shown = now;
                for row in source.take_bad() {
                    self.reject(row)?;
                }
                shop.check_cancelled()
            })?;
            let Some(batch) = next else { break };
            let conformed = conversion.convert(&batch)?;
            self.counts.made += batch.num_rows() as u64 + conformed.made;
            self.changes.add(&conformed.changes);
            filtered += conformed.filtered;
            for value in conformed.bad {
                self.reject(BadRecord {
                    file: Arc::clone(&made),
                    row_number: first + u64::from(value.row),
                    line: None,
                    offset: None,
                    column: Some(value.column),
                    rule: value.rule,
                    message: value.message,
                    raw: row_json(&batch, value.row as usize),
                })?;
            }
            first += batch.num_rows() as u64;
            self.segments.append(&conformed.batch)?;
        }
        let (read, taken) = source.rows();
        (self.counts.read, self.counts.filtered) = (read, taken + filtered);
        Ok(())
    }
}

fn too_many(bad: &Quarantine, job: &Prepared) -> Error {
    let limit = job.plan.file.limits.errors;
    Error::invalid_data(format!("more than {limit} bad rows, the first: {}", bad.first())).action(
        match &job.plan.one_to_one {
            Some(_) => {
                "correct these rows, or set `ingestionConfig.continueOnError` in the table config to keep them aside"
            }
            None => "correct these rows, or raise `limits.errors`; nothing of this input was written",
        },
    )
}

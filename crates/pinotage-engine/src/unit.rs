//! A unit of work: its inputs read, selected, conformed, and sealed into segments under temporary names.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::SchemaRef;
use pinotage_common::{Error, ErrorKind, Result};
use pinotage_connector::{Refused, Sink};
use pinotage_formats::{Format, SourceBatch, SourceReader, Spawn, open, open_parallel};
use pinotage_spec::SegmentNameGenerator;
use pinotage_transform::{BadValue, Changes, Conformed, Conformer, Contributions, Ingested, Ingestion};

use crate::built::{Built, Passing};
use crate::manifest::Counts;
use crate::objects::in_file;
use crate::prepare::{Input, Prepared};
use crate::quarantine::{BadRecord, Quarantine, RunId, row_text};
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

/// Rows of some columns to rows of the table.
pub(crate) struct Conversion {
    ingestion: Option<Ingestion>,
    conformer: Conformer,
    contributions: Option<Contributions>,
}

/// The rows of a batch that are rows of the table.
pub(crate) struct Converted {
    pub(crate) batch: RecordBatch,
    /// By their row in the batch that came in.
    pub(crate) bad: Vec<BadValue>,
    pub(crate) filtered: u64,
    /// Rows that unnesting added.
    pub(crate) made: u64,
    pub(crate) changes: Changes,
}

impl Conversion {
    pub(crate) fn try_new(job: &Prepared, columns: &SchemaRef) -> Result<Self> {
        let ingestion = Ingestion::try_new(&job.schema, &job.table, columns, job.version)?;
        let columns = ingestion.as_ref().map_or_else(|| Arc::clone(columns), Ingestion::schema);
        let conformer = Conformer::try_new(&job.columns, job.table.time_column(), &columns, job.conform)?;
        let contributions = Contributions::try_new(&job.schema, &job.table, &job.columns, &columns)?;
        Ok(Self { ingestion, conformer, contributions })
    }

    /// Canonical rows, which have what they add in the place of metrics where the table aggregates. What the sink does not take is
    /// bad.
    fn conform(&self, batch: &RecordBatch, sink: Option<&dyn Sink>) -> Result<Conformed> {
        let mut conformed = self.conformer.conform(batch)?;
        if let Some(sink) = sink {
            refuse(&mut conformed, sink)?;
        }
        if let Some(contributions) = &self.contributions {
            contributions.apply(batch, &mut conformed)?;
        }
        Ok(conformed)
    }

    pub(crate) fn convert(&self, batch: &RecordBatch) -> Result<Converted> {
        self.convert_for(batch, None)
    }

    /// Rows that a sink takes.
    pub(crate) fn convert_for(&self, batch: &RecordBatch, sink: Option<&dyn Sink>) -> Result<Converted> {
        let Some(ingestion) = &self.ingestion else {
            let Conformed { batch, bad, changes, .. } = self.conform(batch, sink)?;
            return Ok(Converted { batch, bad, filtered: 0, made: 0, changes });
        };
        let Ingested { batch, rows, mut bad, filtered, mut made, mut changes } = ingestion.apply(batch)?;
        let mut conformed = self.conform(&batch, sink)?;
        if let Some(rows) = &rows {
            let origin = |row: u32| rows.get(row as usize).copied().unwrap_or_default();
            conformed.bad.iter_mut().for_each(|value| value.row = origin(value.row));
            conformed.bad.dedup_by_key(|value| value.row);
            let spoiled = |row: u32| conformed.bad.binary_search_by_key(&row, |value| value.row).is_ok();
            // A row of the input is taken whole or not at all.
            let lost = rows.iter().filter(|row| spoiled(**row)).count();
            made -= (lost - conformed.bad.len()) as u64;
            if let Some(kept) = conformed.kept.as_ref().filter(|kept| rows.len() - kept.len() < lost) {
                let keep: Vec<bool> = kept.iter().map(|row| !spoiled(origin(*row))).collect();
                conformed.batch = filter_record_batch(&conformed.batch, &BooleanArray::from(keep))
                    .map_err(|error| Error::unexpected("cannot leave out rows of a batch").caused_by(error))?;
            }
        }
        bad.append(&mut conformed.bad);
        changes.add(&conformed.changes);
        Ok(Converted { batch: conformed.batch, bad, filtered, made, changes })
    }
}

/// Takes the rows out that a sink does not take.
fn refuse(conformed: &mut Conformed, sink: &dyn Sink) -> Result<()> {
    let refused = sink.refused(&conformed.batch)?;
    if refused.is_empty() {
        return Ok(());
    }
    let mut keep = vec![true; conformed.batch.num_rows()];
    let kept = conformed.kept.take().unwrap_or_else(|| (0..keep.len() as u32).collect());
    for Refused { row, column, rule, message } in refused {
        let at = row as usize;
        let (Some(keep), Some(row)) = (keep.get_mut(at), kept.get(at).copied()) else {
            return Err(Error::unexpected("a sink refuses a row that it was not given"));
        };
        *keep = false;
        let column = column.unwrap_or_default();
        conformed.bad.push(BadValue { row, column, rule, message, value: String::new() });
    }
    conformed.bad.sort_by_key(|bad| bad.row);
    conformed.kept = Some(kept.into_iter().zip(&keep).filter(|(_, keep)| **keep).map(|(row, _)| row).collect());
    conformed.batch = filter_record_batch(&conformed.batch, &BooleanArray::from(keep))
        .map_err(|error| Error::unexpected("cannot leave out rows of a batch").caused_by(error))?;
    Ok(())
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
        let conversion = Conversion::try_new(job, &sql.as_ref().map_or(source, RowSql::schema)).map_err(&in_file)?;
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
        let conversion = Conversion::try_new(job, &job.selected)?;
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
                    raw: row_text(&batch, value.row as usize),
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

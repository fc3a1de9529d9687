//! Bad rows as a source: what stood in the quarantine of a job goes through the job once more.
//!
//! A replay is a job of its own, with a state, a staging folder and a quarantine below those of the job whose rows it brings.
//! Each quarantine file is a split and positions are its rows, so that epochs make sure of each row's coming once. A row that
//! fails again is in a new file of the replay's own quarantine, which is a split of the next replay.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::compute::interleave_record_batch;
use arrow::datatypes::SchemaRef;
use pinotage_common::{Error, Result};
use pinotage_connector::{BadRow, Context, Next, Place, Places, Position, Reader, Rows, Source, Split, SplitState};
use pinotage_formats::{Format, SourceReader, infer_schema};
use pinotage_job::{ErrorBudget, InputFile, Plan};
use pinotage_sink::publish::REPLAY;

use super::files::{self, BadRows, QuarantineFile, quarantine_files};
use super::parse::{Parsed, Parser, Way};
use crate::epochs::{EpochStatus, input_id, replaces_table, store};
use crate::objects::Objects;
use crate::prepare::{Prepared, format_of, prepare};
use crate::sql::SqlWay;

/// The folder of a replay below the job's own.
const FOLDER: &str = "replay";

/// The replay of a job: its name, state, staging and quarantine keep it apart from the job.
pub(crate) fn replay_plan(plan: &Plan) -> Plan {
    let mut plan = plan.clone();
    plan.file.name += REPLAY;
    plan.state = plan.state.join(FOLDER);
    plan.staging = plan.staging.join(FOLDER);
    // A plain name always can be joined.
    plan.staging_store = plan.staging_store.and_then(|at| at.join(FOLDER).ok());
    plan.quarantine = plan.quarantine.join(FOLDER);
    // Nothing is lost when a row fails again, and other rows need not wait for it.
    plan.file.limits.errors = ErrorBudget::Percent(100.0);
    plan
}

/// A job whose source is its own quarantine: run it with [`run_epochs`](crate::run_epochs). None when nothing has been
/// quarantined.
///
/// # Errors
///
/// `unsupported` for a job without epochs, which builds changed inputs again by itself; `not-found` for one without a state; those of
/// [`prepare`](crate::prepare).
pub fn prepare_replay(plan: Plan) -> Result<Option<Prepared>> {
    if plan.checkpoint.is_none() {
        return Err(Error::unsupported("a job that remembers its inputs has no rows to replay").action(
            "correct the job or the files and run it again: inputs that are made differently are built anew, with all their rows",
        ));
    }
    let (run, files) = replayed_files(&plan)?;
    if files.is_empty() {
        return Ok(None);
    }
    let mut job = prepare(plan, false)?;
    if let Some(SqlWay::Whole(operator)) = &job.sql {
        return Err(Error::unsupported("SQL over many rows makes its rows of all, and a replay has some")
            .with("option", "transform.sql")
            .with("operator", operator)
            .action("give the job a new `state` and a new table, and let it read everything again"));
    }
    if replaces_table(&job) {
        return Err(Error::unsupported(
            "a REFRESH table is wholly what its job makes, and a replay makes some of its rows",
        )
        .with("table", job.table.raw_name())
        .action("give the job a new `state` and let it read everything again"));
    }
    job.plan = replay_plan(&job.plan);
    job.replay = Some(files);
    job.replay_of = Some(run);
    Ok(Some(job))
}

/// The run of the job, and the files that a replay brings, by the names that its state knows them by. Files of other states are not among them: their
/// rows are not missing from what this state has read.
fn replayed_files(plan: &Plan) -> Result<(String, BTreeMap<String, PathBuf>)> {
    let Some(status) = EpochStatus::look(plan)? else {
        return Err(Error::not_found("the job has no state, so nothing of it is in the quarantine")
            .with("state", store::place(plan))
            .action("run the job first, or bring back its state"));
    };
    let replay = replay_plan(plan);
    let mut files = BTreeMap::new();
    let mut add = |of: &Plan, run: &str, folder: &str| -> Result<()> {
        let prefix = format!("{}-{run}-", of.file.name);
        for name in files::names(&of.quarantine)?.into_iter().filter(|name| name.starts_with(&prefix)) {
            files.insert(format!("{folder}{name}"), of.quarantine.join(name));
        }
        Ok(())
    };
    add(plan, &status.run, "")?;
    if let Some(status) = EpochStatus::look(&replay)? {
        add(&replay, &status.run, "replay/")?;
    }
    Ok((status.run, files))
}

/// The quarantine files of a job and of its replay, with how far each has been replayed.
///
/// # Errors
///
/// Those of [`quarantine_files`] and of reading the job's state.
pub fn job_quarantine_files(plan: &Plan) -> Result<Vec<QuarantineFile>> {
    let replay = replay_plan(plan);
    let mut all = Vec::new();
    for plan in [plan, &replay] {
        all.extend(quarantine_files(&plan.quarantine)?.into_iter().filter(|file| file.job == plan.file.name));
    }
    let Some(status) = EpochStatus::look(&replay)? else { return Ok(all) };
    for (id, path) in replayed_files(plan)?.1 {
        let replayed = status.splits.iter().find(|split| split.id == id);
        let rows = replayed.and_then(|split| split.position.as_ref()?.parse().ok()).unwrap_or(0);
        all.iter_mut().filter(|file| file.path == path).for_each(|file| file.replayed = Some(rows));
    }
    Ok(all)
}

/// Bad rows of some files.
pub(crate) struct Replay {
    files: BTreeMap<String, PathBuf>,
    parser: Arc<Parser>,
    how: Arc<How>,
}

/// How the rows of each input were written.
struct How {
    /// What the job says of all its files, if it does.
    format: Option<Format>,
    is_generated: bool,
    /// The job's inputs by the names that quarantine files have them by.
    inputs: BTreeMap<String, InputFile>,
    objects: Arc<Objects>,
    parser: Arc<Parser>,
    known: Mutex<BTreeMap<String, Way>>,
}

impl Replay {
    pub(crate) fn try_new(job: &Prepared, files: BTreeMap<String, PathBuf>) -> Result<Self> {
        let source = &job.plan.file.source;
        let parser = Arc::new(Parser { options: job.read.clone(), schema: Arc::clone(&job.source_schema) });
        let mut inputs = BTreeMap::new();
        for input in &job.inputs {
            inputs.insert(input_id(&job.plan.base, &input.file)?, input.file.clone());
        }
        let how = How {
            format: source.format.as_ref().map(|format| format.parse()).transpose()?,
            is_generated: source.generator.is_some(),
            inputs,
            objects: Arc::clone(&job.objects),
            parser: Arc::clone(&parser),
            known: Mutex::default(),
        };
        Ok(Self { files, parser, how: Arc::new(how) })
    }
}

impl How {
    /// How the rows of a file were written.
    fn of(&self, file: &str) -> Result<Way> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(way) = known.get(file) {
            return Ok(way.clone());
        }
        let format = match self.format {
            _ if self.is_generated => None,
            Some(format) => Some(format),
            None => Some(format_of(file.as_ref())?),
        };
        let way = match format {
            Some(Format::Csv) => Way::Csv(self.columns(file)?.into()),
            Some(Format::Json) => Way::Json,
            _ => Way::Written,
        };
        known.insert(file.to_owned(), way.clone());
        Ok(way)
    }

    /// The columns of a CSV file in their order there, which its rows do not tell.
    fn columns(&self, file: &str) -> Result<Vec<String>> {
        let csv = &self.parser.options.csv;
        if let Some(names) = &csv.column_names {
            return Ok(names.clone());
        }
        let input = self.inputs.get(file).ok_or_else(|| {
            Error::not_found(
                "rows of a CSV file cannot be read without its header, and the file is no input of the job any more",
            )
            .with("file", file)
            .action("bring the file back; or name the columns in `source.csv.columnNames`")
        })?;
        let here = self.objects.open(input, &std::env::temp_dir(), &|| false)?;
        let schema = infer_schema(&here.path, Format::Csv, &self.parser.options);
        let schema = schema.map_err(|error| error.with("file", file))?;
        Ok(schema.fields().iter().map(|field| field.name().clone()).collect())
    }
}

impl Source for Replay {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.parser.schema)
    }

    fn is_bounded(&self) -> bool {
        true
    }

    fn plan(&self, _known: &[SplitState]) -> Result<Vec<Split>> {
        Ok(self.files.keys().map(|id| Split { id: id.clone(), detail: String::new() }).collect())
    }

    fn open(&self, split: &Split, behind: Option<&Position>, _context: &Context) -> Result<Box<dyn Reader>> {
        let path = self.files.get(&split.id).ok_or_else(|| {
            Error::not_found("a quarantine file is gone that was not replayed to its end")
                .with("file", &split.id)
                .action("bring it back")
        })?;
        let first = match behind {
            None => 0,
            Some(position) => position.as_number().ok_or_else(|| {
                Error::invalid_config(format!("`{}` is no position in a quarantine file", position.as_str()))
                    .with("file", &split.id)
            })?,
        };
        let reader = files::reader(path, None)?;
        Ok(Box::new(ReplayReader {
            reader,
            parser: Arc::clone(&self.parser),
            how: Arc::clone(&self.how),
            first,
            next: 0,
        }))
    }
}

struct ReplayReader {
    reader: Box<dyn SourceReader>,
    parser: Arc<Parser>,
    how: Arc<How>,
    /// Rows before this one have been taken already.
    first: u64,
    /// The number of the next row in the file.
    next: u64,
}

impl Reader for ReplayReader {
    fn next(&mut self, _wait: Duration) -> Result<Next> {
        while let Some(read) = self.reader.next_batch()? {
            let before = self.next;
            self.next += read.batch.num_rows() as u64;
            if self.next <= self.first {
                continue;
            }
            let skipped = self.first.saturating_sub(before) as usize;
            return self.take(&read.batch, skipped).map(Next::Rows);
        }
        Ok(Next::End)
    }
}

impl ReplayReader {
    /// Rows of one input stand together, and are parsed together.
    fn take(&self, batch: &RecordBatch, skipped: usize) -> Result<Rows> {
        let rows = BadRows::of(batch);
        let mut all = Vec::new();
        let mut from = skipped;
        while from < batch.num_rows() {
            let file = rows.text("file", from)?.unwrap_or_default();
            let mut to = from + 1;
            while to < batch.num_rows() && rows.text("file", to)?.unwrap_or_default() == file {
                to += 1;
            }
            let raw = (from..to).map(|row| rows.raw(row)).collect::<Result<Vec<_>>>()?;
            all.extend(self.parser.parse(&raw, &self.how.of(file)?)?);
            from = to;
        }
        let mut taken = Vec::new();
        let mut places = Vec::new();
        let mut bad = Vec::new();
        for (parsed, row) in all.into_iter().zip(skipped..) {
            let place = Place {
                file: rows.text("file", row)?.unwrap_or_default().to_owned(),
                row_number: rows.number("row_number", row)?.unwrap_or_default(),
                line: rows.number("line", row)?,
                offset: rows.number("offset", row)?,
            };
            let raw = rows.raw(row)?.to_vec();
            match parsed {
                Parsed::Row(batch, at) => {
                    taken.push((batch, at));
                    places.push((place, raw));
                }
                Parsed::Bad { column, rule, message } => bad.push(BadRow { place, column, rule, message, raw }),
            }
        }
        Ok(Rows {
            batch: together(&self.parser.schema, &taken)?,
            places: Box::new(ReplayPlaces(places)),
            bad,
            position: Position::number(self.next),
        })
    }
}

/// Rows of several batches as one.
fn together(schema: &SchemaRef, rows: &[(Arc<RecordBatch>, usize)]) -> Result<RecordBatch> {
    if rows.is_empty() {
        return Ok(RecordBatch::new_empty(Arc::clone(schema)));
    }
    let mut batches: Vec<&RecordBatch> = Vec::new();
    let mut indices = Vec::with_capacity(rows.len());
    for (batch, row) in rows {
        if batches.last().is_none_or(|last| !std::ptr::eq(*last, &**batch)) {
            batches.push(batch);
        }
        indices.push((batches.len() - 1, *row));
    }
    let joined = interleave_record_batch(&batches, &indices);
    joined.and_then(|batch| batch.with_schema(Arc::clone(schema))).map_err(|error| {
        Error::schema_mismatch("replayed rows have other columns than the job's source").caused_by(error)
    })
}

/// Where rows stood in the input that they came from, and how they were written there.
#[derive(Debug)]
struct ReplayPlaces(Vec<(Place, Vec<u8>)>);

impl Places for ReplayPlaces {
    fn place(&self, row: usize) -> Place {
        self.0.get(row).map(|(place, _)| place.clone()).unwrap_or_default()
    }

    fn raw(&self, row: usize) -> Option<Vec<u8>> {
        self.0.get(row).map(|(_, raw)| raw.clone())
    }
}

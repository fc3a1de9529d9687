//! The run of a job with epochs, from its state to its state.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pinotage_common::{Error, ErrorKind, Result, Retry};
use pinotage_connector::{
    Cancel, Clock as _, Committable, Context, OpenBuffer, Prepared as Ended, Sink, Source, Split, SplitState,
    SystemClock, Writer,
};
use pinotage_job::file::{Archive, Checkpoint};
use pinotage_sink::check_uploadable;
use pinotage_sink::upsert::{StreamTable, UpsertTable};
use pinotage_sink::writer::{Destination, PinotSink, Sealing, check_offline, latest_creation};
use pinotage_spec::PinotVersion;
use pinotage_transform::Changes;

use super::gate::Gate;
use super::intake::{Intake, Taken, too_many};
use super::publish::{Pace, Publisher};
use super::source::source_of;
use super::state::{EpochRecord, Remembered, State};
use super::{ToWriter, is_stopped, postgres, staging, store};
use crate::manifest::Counts;
use crate::prepare::Prepared;
use crate::quarantine::{BadRecord, Quarantine, RunId};
use crate::run::Observer;
use crate::sql::SqlWay;

/// Batches on their way to a writer.
const CHANNEL: usize = 4;

/// Longer than any job.
const FOR_EVER: Duration = Duration::from_secs(1 << 32);

/// What a reader takes in memory.
const READER_MEMORY: u64 = 32 << 20;

/// The longest pause before a job is started again.
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// Bad rows are judged as a share when so many rows have been read.
const JUDGED_ROWS: u64 = 10_000;

/// An epoch that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpochReport {
    /// Its number.
    pub epoch: u64,
    /// The rows of all epochs so far.
    pub counts: Counts,
    /// Rows of segments that are not full yet.
    pub open_rows: u64,
    /// Segments that are not in the target yet.
    pub waiting: usize,
}

/// What a run came to.
#[derive(Debug, Clone, Default)]
pub struct EpochSummary {
    /// The id of the job's state.
    pub run: String,
    /// The last epoch.
    pub epoch: u64,
    /// The rows of all epochs, those of earlier processes included.
    pub counts: Counts,
    /// Values that were changed because the schema demands it, in this process.
    pub changes: Changes,
    /// Rows that lost against later ones of their key and were not built, in this process.
    pub superseded: u64,
    /// Segments that this process has brought into the target.
    pub published: u64,
    /// Segments that are recorded and not in the target yet.
    pub waiting: usize,
    /// Rows that are recorded, of segments that are not full yet.
    pub open_rows: u64,
    /// The source has come to its end and all its rows are in the target.
    pub is_complete: bool,
    /// Where segments go.
    pub target: String,
    /// What was done to schema and table.
    pub steps: Vec<String>,
    /// Keys of the documents that Pinot does not know and left out.
    pub ignored: Vec<String>,
}

/// Refuses what cannot run in epochs, before anything is read.
pub(crate) fn check_epochs(job: &Prepared) -> Result<()> {
    let upserts = UpsertTable::read(&job.schema, &job.table, PinotVersion::NEWEST)?;
    job.plan.database.iter().try_for_each(postgres::check)?;
    if job.plan.beside_stream {
        let ttl = upserts.as_ref().and_then(UpsertTable::time_to_live);
        ttl.map_or(Ok(()), |ttl| ttl.check_push(&job.plan.file.sink.push))?;
    } else {
        upserts.map_or(Ok(()), |upserts| upserts.check_remembers())?;
        check_offline(&job.schema, &job.table)?;
    }
    let event_time = job.plan.file.sink.segment.sealing().event_time;
    event_time.map_or(Ok(()), |event_time| event_time.check(&job.schema, &job.table))?;
    let source = source_of(job)?;
    if replaces_table(job) && !source.is_bounded() {
        return Err(Error::unsupported("a REFRESH table is wholly what its job makes, and this source has no end")
            .with("table", job.table.raw_name())
            .action("make the table APPEND (`segmentIngestionType`)"));
    }
    if let Some(SqlWay::Whole(operator)) = job.sql.as_ref().filter(|_| !source.is_bounded()) {
        return Err(Error::unsupported("SQL over many rows needs a source that has an end")
            .with("option", "transform.sql")
            .with("operator", operator)
            .action("select row by row: expressions and WHERE"));
    }
    Ok(())
}

/// What the table has goes when all that the job makes comes.
pub(crate) fn replaces_table(job: &Prepared) -> bool {
    job.plan.connection.is_some() && job.table.is_refresh()
}

/// Runs a job with epochs, until its source ends or somebody asks it to stop; then it ends its epoch and can be run again.
///
/// # Errors
///
/// Those of source and target that do not pass, or not within `checkpoint.restarts`; `invalid-data` beyond `limits.errors`. What
/// has been recorded stays, and the next run goes on behind it.
pub fn run_epochs(
    job: &Prepared,
    threads: Option<usize>,
    cancel: &Cancel,
    observer: &Arc<dyn Observer + Send + Sync>,
) -> Result<EpochSummary> {
    let checkpoint = job.plan.checkpoint.ok_or_else(|| Error::unexpected("the job has no `checkpoint`"))?;
    let (mut restarts, mut pause, mut reached) = (0, checkpoint.restart_delay.duration(), 0);
    loop {
        let life = Life { job, checkpoint, threads, cancel, observer };
        let error = match life.live() {
            Ok(summary) => return Ok(summary),
            Err(error) => error,
        };
        let epoch = last_epoch(job);
        if epoch > reached {
            (restarts, pause, reached) = (0, checkpoint.restart_delay.duration(), epoch);
        }
        let may_pass = error.kind() == ErrorKind::Unavailable && error.retry() == Retry::Temporary;
        if !may_pass || restarts >= checkpoint.restarts || cancel.is_cancelled() {
            return Err(error.with("epoch", epoch));
        }
        restarts += 1;
        observer.warning(&format!("the job goes on behind epoch {epoch} in {} s: {error}", pause.as_secs_f32()));
        cancel.sleep(pause);
        pause = (pause * 2).min(MAX_PAUSE);
    }
}

/// The last epoch that was recorded, as far as that can be told.
fn last_epoch(job: &Prepared) -> u64 {
    let remembered = store::look(&job.plan).and_then(Remembered::of).ok().flatten();
    remembered.and_then(|remembered| remembered.last).map_or(0, |record| record.epoch)
}

/// One attempt: from the recorded epoch until the end, or an error.
struct Life<'a> {
    job: &'a Prepared,
    checkpoint: Checkpoint,
    threads: Option<usize>,
    cancel: &'a Cancel,
    observer: &'a Arc<dyn Observer + Send + Sync>,
}

/// How many threads do what, and in how much memory.
struct Crew {
    readers: u32,
    writers: u32,
    /// Memory of SQL over many rows, if the job has such.
    sql: Option<usize>,
    sealing: Sealing,
}

impl Life<'_> {
    fn live(&self) -> Result<EpochSummary> {
        let (job, plan) = (self.job, &self.job.plan);
        let mut summary = EpochSummary::default();
        let mut state =
            State::open(store::open(plan)?, &plan.file.name, job.replay_of.as_deref(), SystemClock.now_millis())?;
        let last = state.last()?.unwrap_or_default();
        let source = source_of(job)?;
        let splits = splits(&*source, &last)?;
        let crew = self.crew(splits.values().filter(|split| !split.ended).count());
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(self.threads.or(plan.file.threads).unwrap_or(cores).max(1))
            .build()
            .map_err(|error| Error::unexpected("cannot start threads").caused_by(error))?;
        let destination = match &job.cluster {
            Some(cluster) => {
                (summary.steps, summary.ignored) = cluster.make_fit(self.cancel)?;
                summary.target = cluster.key();
                let observer: Arc<dyn pinotage_sink::publish::PushObserver + Send + Sync> = self.observer.clone();
                Destination::Table(Box::new(cluster.destination(&plan.file.sink.push, observer)))
            }
            None => {
                summary.target = plan.output_text();
                let archives = (plan.archive == Archive::TarGz).then_some(plan.file.sink.archive_level);
                Destination::Folder { path: plan.output.clone(), archives }
            }
        };
        let interval = match destination {
            Destination::Folder { .. } => Duration::ZERO,
            Destination::Table(_) => plan.file.sink.publish.interval.duration(),
        };
        let documents = (job.schema.clone(), job.table.clone());
        let staging = match &plan.staging_store {
            Some(at) => job.objects.staging(&plan.staging, at),
            None => plan.staging.clone().into(),
        };
        let (sealing, pool) = (crew.sealing.clone(), Arc::new(pool));
        let waiting = state.waiting()?;
        let beside = job.cluster.as_ref().and_then(|cluster| Some((cluster, cluster.version?)));
        let sink = match beside {
            None => {
                let documents = (documents.0, documents.1, job.version);
                let sink = PinotSink::try_new(documents, staging, sealing, destination, pool)?;
                match last.created_millis {
                    Some(created) => sink.created_behind(created),
                    None => sink,
                }
            }
            Some((cluster, version)) => {
                let table = StreamTable {
                    target: &cluster.target,
                    schema: &job.schema,
                    version,
                    key: plan.file.sink.upsert.stream_key.as_ref(),
                    ties: plan.file.sink.upsert.ties,
                };
                let upload = table.upload(last.epoch == 0, SystemClock.now_millis());
                let mut upload = cluster.wait(self.cancel, upload)?;
                if let Some(latest) = latest_creation(&last.open, waiting.epochs.values().flatten())? {
                    upload.1.skip_to(latest.saturating_add(1));
                }
                self.observer.note(check_uploadable(job.table.json())?);
                let sink = PinotSink::beside_stream(documents, staging, sealing, destination, upload, pool)?;
                let margin = plan.file.sink.upsert.ttl_margin;
                sink.watching(&cluster.target, cluster.runtime(), margin)?
            }
        };
        let sink = sink.rolling_up()?;
        if sink.merges_rows() && !source.is_bounded() {
            return Err(Error::unsupported(
                "partial upserts merge the rows of a key ahead, and this source has no end",
            )
            .with("option", "upsertConfig.mode")
            .action("load what there is up to now, and let the table's stream bring the rest"));
        }
        if sink.merges_rows() && job.replay.is_some() {
            return Err(Error::unsupported("partial upserts merge all rows of a key, and a replay has some of them")
                .with("option", "upsertConfig.mode")
                .action("bring the rows through the table's stream"));
        }
        let context = Context {
            epoch: last.epoch,
            lives: state.begin_life(last.epoch)?,
            tasks: crew.readers,
            cancel: self.cancel.clone(),
            ..Context::new(&plan.file.name, state.run())
        };
        sink.recall(&last.open, waiting.epochs.values().flatten(), &context)?;
        self.settle_quarantine(&last, &context)?;
        let mut committer = sink.committer(&context)?;
        committer.check(last.epoch)?;
        staging::remove_copies(plan, &context.run);
        staging::remove_old(plan, &context.run, &last.open, &waiting, &**self.observer);
        let publisher = Publisher::new(waiting);
        summary.run = context.run.clone();
        let state = Mutex::new(state);
        let at_end = replaces_table(job);
        let pace =
            Pace { interval, at_end, tries: self.checkpoint.restarts, pause: self.checkpoint.restart_delay.duration() };
        // Rows may come into the quarantine after they were replayed for the first time.
        let is_read = last.finished && splits.values().all(|split| split.ended);
        let outcome = std::thread::scope(|scope| {
            let publishing =
                scope.spawn(|| publisher.run(&state, &mut *committer, &pace, self.cancel, &**self.observer));
            let read = match is_read {
                true => Ok((last.clone(), Changes::default())),
                false => self.read(&crew, &context, (&source, &sink), (last, splits), &state, &publisher),
            };
            // After an error what is recorded is published all the same, unless that is what failed.
            publisher.close(read.as_ref().is_ok_and(|(record, _)| record.finished));
            let published = publishing.join().unwrap_or_else(|_| Err(Error::unexpected("publishing has panicked")));
            match (read, published) {
                (Err(error), Err(publishing)) if error.kind() == ErrorKind::Cancelled => Err(publishing),
                (Err(error), _) => Err(error),
                // Whoever asked to stop has not asked for an error.
                (Ok(read), Err(error)) if error.kind() == ErrorKind::Cancelled && self.cancel.is_cancelled() => {
                    Ok(read)
                }
                (Ok(_), Err(error)) => Err(error),
                (Ok(read), Ok(())) => Ok(read),
            }
        });
        let (record, changes) = outcome.map_err(|error| {
            // Who has taken over removes the files that this process still works with.
            match state.into_inner().unwrap_or_else(PoisonError::into_inner).lost() {
                Some(lost) if error.kind() != ErrorKind::CommitConflict => lost.caused_by(error),
                _ => error,
            }
        })?;
        summary.epoch = record.epoch;
        summary.counts = record.counts;
        summary.changes = changes;
        summary.superseded = context.metrics.now().get("rows superseded").copied().unwrap_or_default();
        summary.published = publisher.published();
        summary.waiting = publisher.waiting();
        summary.open_rows = record.open.iter().map(|open| open.rows).sum();
        summary.is_complete = record.finished && summary.waiting == 0;
        staging::remove_empty(plan, &context.run);
        Ok(summary)
    }

    /// Segments that are open, built and waiting to be built fit into `limits.memory` together, beside what is read.
    fn crew(&self, splits: usize) -> Crew {
        let file = &self.job.plan.file;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = self.threads.or(file.threads).unwrap_or(cores).max(1);
        let whole = matches!(self.job.sql, Some(SqlWay::Whole(_)));
        let (segment, queue) = (&file.sink.segment, file.sink.segment.queue as u64);
        // SQL over many rows has a half.
        let memory = file.limits.memory.bytes() / if whole { 2 } else { 1 };
        // Reading has a half at most: what is left decides how large segments become.
        let fitting = usize::try_from(memory / 2 / READER_MEMORY).unwrap_or(usize::MAX);
        let readers = if whole { 1 } else { threads.min(splits).min(fitting).max(1) };
        let sql = whole.then(|| usize::try_from(memory).unwrap_or(usize::MAX));
        let memory = memory.saturating_sub(READER_MEMORY * readers as u64).max(1 << 20);
        let partitioned =
            self.job.plan.beside_stream || self.job.columns.iter().any(|column| column.partition.is_some());
        let fitting = (memory / (segment.max_bytes.bytes().max(1) * (queue + 1))).max(1);
        // Rows without a partition stay with their reader's writer.
        let writers = fitting.min(if partitioned { threads } else { readers } as u64);
        Crew {
            readers: readers as u32,
            writers: writers as u32,
            sql,
            sealing: segment.sealing().within(memory / writers),
        }
    }

    fn quarantine_name(context: &Context, epoch: u64) -> String {
        format!("{}-{}-{epoch}.parquet", context.job, context.run)
    }

    fn quarantine(&self, context: &Context, epoch: u64) -> Quarantine {
        let id = RunId { job: context.job.clone(), run: context.run.clone(), epoch };
        Quarantine::new(&self.job.plan.quarantine, &Self::quarantine_name(context, epoch), &id)
    }

    /// A crash between the record and the file's name leaves the file under its temporary one; without a record it is nobody's.
    fn settle_quarantine(&self, last: &EpochRecord, context: &Context) -> Result<()> {
        let folder = &self.job.plan.quarantine;
        if let Some(name) = &last.quarantine {
            let (from, to) = (folder.join(format!(".{name}.tmp")), folder.join(name));
            if from.exists() {
                fs::rename(&from, &to).map_err(|error| Error::io(error, "cannot put the quarantine in place", &to))?;
            }
        }
        let unrecorded = folder.join(format!(".{}.tmp", Self::quarantine_name(context, last.epoch + 1)));
        match fs::remove_file(&unrecorded) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::io(error, "cannot remove an old quarantine", &unrecorded))
            }
            _ => Ok(()),
        }
    }

    /// Reads and records until the source ends or somebody asks to stop. Returns the last record.
    fn read(
        &self,
        crew: &Crew,
        context: &Context,
        (source, sink): (&Arc<dyn Source>, &PinotSink),
        (mut last, splits): (EpochRecord, BTreeMap<String, SplitState>),
        state: &Mutex<State>,
        publisher: &Publisher,
    ) -> Result<(EpochRecord, Changes)> {
        let waiting = if replaces_table(self.job) { usize::MAX } else { self.job.plan.file.sink.publish.waiting };
        // Each new start would read an epoch more, however much waits already.
        if !publisher.wait_for_room(waiting, self.cancel) {
            return Err(is_stopped());
        }
        let gate = Gate::new(crew.readers as usize);
        let taken = Mutex::new(Taken {
            queue: splits.values().filter(|split| !split.ended).cloned().collect::<VecDeque<_>>(),
            splits,
            counts: last.counts,
            changes: Changes::default(),
            bad: self.quarantine(context, last.epoch + 1),
        });
        let failure: Mutex<Option<Error>> = Mutex::default();
        // The first error is the one that counts; what others say is that they were stopped.
        let fail = |error: Error| {
            let mut failure = failure.lock().unwrap_or_else(PoisonError::into_inner);
            match &*failure {
                Some(known) if known.kind() != ErrorKind::Cancelled => {}
                _ => *failure = Some(error),
            }
            drop(failure);
            gate.give_up();
        };
        let read = std::thread::scope(|scope| {
            let (ended, replies) = channel();
            let mut writers = Vec::new();
            for task in 0..crew.writers {
                let (sender, receiver) = sync_channel(CHANNEL);
                let own = |open: &&OpenBuffer| open.partition % crew.writers == task;
                let open = last.open.iter().filter(own).cloned().collect();
                let context = Context { task, tasks: crew.writers, ..context.clone() };
                let (ended, fail) = (ended.clone(), &fail);
                writers.push(sender);
                scope.spawn(move || {
                    let ended = Replies(ended);
                    let written = sink.open(open, &context).and_then(|writer| write(writer, &receiver, &ended));
                    drop(receiver);
                    written.unwrap_or_else(fail);
                });
            }
            drop(ended);
            let intake = Intake {
                job: self.job,
                source,
                sink,
                gate: &gate,
                taken: &taken,
                writers: writers.clone(),
                observer: &**self.observer,
                cancel: self.cancel,
            };
            let intake = Arc::new(intake);
            for task in 0..crew.readers {
                let (intake, fail, leaving) = (Arc::clone(&intake), &fail, gate.reader());
                let context = Context { task, tasks: crew.readers, ..context.clone() };
                scope.spawn(move || {
                    let _leaving = leaving;
                    let read = match crew.sql {
                        Some(memory) => intake.read_whole(task, memory, &context),
                        None => intake.read(task, &context),
                    };
                    drop(intake);
                    if let Err(error) = read {
                        fail(error);
                    }
                });
            }
            drop(intake);
            // SQL over many rows gives nothing that could be recorded before it is through.
            let interval = crew.sql.map_or(self.checkpoint.interval.duration(), |_| FOR_EVER);
            let result = loop {
                gate.wait(interval);
                match self.end_epoch(&mut last, context, (&gate, &taken), (&writers, &replies), state) {
                    Err(error) => break Err(error),
                    Ok(committables) => publisher.add(last.epoch, committables),
                }
                for writer in &writers {
                    let _ = writer.send(ToWriter::Recorded(last.epoch));
                }
                if let Err(error) = source.acknowledge(&last.splits) {
                    self.observer.warning(&format!("the source was not told how far it has been read: {error}"));
                }
                self.observer.epoch(&EpochReport {
                    epoch: last.epoch,
                    counts: last.counts,
                    open_rows: last.open.iter().map(|open| open.rows).sum(),
                    waiting: publisher.waiting(),
                });
                if gate.is_empty() {
                    break Ok(());
                }
                if !publisher.wait_for_room(waiting, self.cancel) {
                    break Err(is_stopped());
                }
                gate.open();
            };
            gate.give_up();
            drop(writers);
            result
        });
        let failure = failure.into_inner().unwrap_or_else(PoisonError::into_inner);
        match (failure, read) {
            (Some(error), _) | (None, Err(error)) => Err(error),
            (None, Ok(())) => Ok((last, taken.into_inner().unwrap_or_else(PoisonError::into_inner).changes)),
        }
    }

    /// Ends an epoch: all that was read before belongs to it. Readers wait at the closed gate when this returns.
    fn end_epoch(
        &self,
        last: &mut EpochRecord,
        context: &Context,
        (gate, taken): (&Gate, &Mutex<Taken>),
        (writers, replies): (&[SyncSender<ToWriter>], &Receiver<Option<Ended>>),
        state: &Mutex<State>,
    ) -> Result<Vec<Committable>> {
        if !gate.close() {
            return Err(is_stopped());
        }
        let epoch = last.epoch + 1;
        let (splits, counts, mut bad) = {
            let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
            let many = taken.counts.read >= JUDGED_ROWS || gate.is_empty();
            if many && self.job.plan.file.limits.errors.is_exceeded(taken.counts.quarantined, taken.counts.read) {
                return Err(too_many(&taken, self.job));
            }
            let bad = std::mem::replace(&mut taken.bad, self.quarantine(context, epoch + 1));
            (taken.splits.values().cloned().collect::<Vec<SplitState>>(), taken.counts, bad)
        };
        let finished = splits.iter().all(|split| split.ended);
        for writer in writers {
            writer.send(ToWriter::Barrier { epoch, last: finished }).map_err(|_| is_stopped())?;
        }
        let mut record = EpochRecord {
            epoch,
            splits,
            counts,
            finished,
            millis: context.clock.now_millis(),
            ..EpochRecord::default()
        };
        let (mut committables, mut rejected) = (Vec::new(), Vec::new());
        for _ in writers {
            let ended = replies.recv().ok().flatten().ok_or_else(is_stopped)?;
            record.open.extend(ended.open);
            committables.extend(ended.committables);
            rejected.extend(ended.rejected);
        }
        if !rejected.is_empty() {
            let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
            for counts in [&mut taken.counts, &mut record.counts] {
                counts.written = counts.written.saturating_sub(rejected.len() as u64);
                counts.quarantined += rejected.len() as u64;
            }
            let is_spent = self.job.plan.file.limits.errors.is_spent(record.counts.quarantined);
            rejected.into_iter().try_for_each(|row| bad.push(BadRecord::of_source(row)))?;
            if is_spent {
                return Err(too_many(&taken, self.job));
            }
        }
        record.open.sort_by(|one, other| (one.partition, &one.detail).cmp(&(other.partition, &other.detail)));
        let bad: Option<PathBuf> = bad.finish()?;
        record.quarantine = bad.is_some().then(|| Self::quarantine_name(context, epoch));
        record.created_millis = last.created_millis.max(latest_creation(&record.open, &committables)?);
        state.lock().unwrap_or_else(PoisonError::into_inner).record(&record, &committables)?;
        *last = record;
        self.settle_quarantine(last, context)?;
        Ok(committables)
    }
}

/// The splits of a source, each with how far it has been read.
fn splits(source: &dyn Source, last: &EpochRecord) -> Result<BTreeMap<String, SplitState>> {
    let mut splits: BTreeMap<String, SplitState> =
        last.splits.iter().map(|state| (state.split.id.clone(), state.clone())).collect();
    let planned = source.plan(&last.splits)?;
    let is_gone = |state: &&SplitState| !state.ended && !planned.iter().any(|split| split.id == state.split.id);
    if let Some(gone) = splits.values().find(is_gone) {
        return Err(Error::not_found("a part of the source is gone that was not read to its end")
            .with("split", &gone.split.id)
            .action("bring it back; what was read of it stays"));
    }
    for split in planned {
        let new = |split: Split| SplitState { split, position: None, ended: false };
        splits.entry(split.id.clone()).or_insert_with(|| new(split));
    }
    Ok(splits)
}

/// What a writer's thread says at the end of each epoch, and that it has gone. Whoever waits for all writers would wait for ever for
/// one that failed while the others live.
struct Replies(Sender<Option<Ended>>);

impl Drop for Replies {
    fn drop(&mut self) {
        let _ = self.0.send(None);
    }
}

/// A writer's thread, until nobody sends any more.
fn write(mut writer: Box<dyn Writer>, told: &Receiver<ToWriter>, ended: &Replies) -> Result<()> {
    for told in told {
        match told {
            ToWriter::Rows(partition, batch) => writer.write(partition, batch)?,
            ToWriter::Barrier { epoch, last } => {
                if ended.0.send(Some(writer.prepare(epoch, last)?)).is_err() {
                    return Ok(());
                }
            }
            // What cannot be removed now is found by `pinotage staging gc`.
            ToWriter::Recorded(epoch) => drop(writer.recorded(epoch)),
        }
    }
    Ok(())
}

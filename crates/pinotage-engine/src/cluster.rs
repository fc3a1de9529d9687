//! The cluster of a job: its table before the run, its segments after it.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pinotage_client::Controller;
use pinotage_common::{Error, ErrorKind, Result};
use pinotage_connector::Cancel;
use pinotage_job::Plan;
use pinotage_job::file::CreateTable;
use pinotage_sink::bootstrap::{self, Comparison, Documents, Step};
use pinotage_sink::publish::{Foreign, Mark, Publication, PushObserver, PushOptions, foreign, publish};
use pinotage_sink::writer::TableDestination;
use pinotage_sink::{LocalSegment, Snapshot, Target, check_table, check_uploadable, needs_partitions};
use pinotage_spec::{PinotVersion, Schema, TableConfig};
use serde_json::Value as Json;

use crate::manifest::{Manifest, Pending, SegmentRecord};
use crate::output::Output;
use crate::retention::Retention;

/// How often a call is asked whether it is still wanted.
const CANCEL_PAUSE: Duration = Duration::from_millis(50);

/// The cluster of a job.
#[derive(Debug)]
pub struct Cluster {
    /// The table.
    pub target: Target,
    /// The tables of other clusters that get the same segments, with their configs.
    copies: Vec<(Target, Json)>,
    /// What has to be done before the table is the job's.
    pub steps: Vec<Step>,
    comparison: Comparison,
    runtime: tokio::runtime::Runtime,
    /// The release, where it matters.
    pub(crate) version: Option<PinotVersion>,
}

/// What the cluster says before anything is known about the rows.
pub(crate) struct Asked {
    target: Target,
    pub(crate) found: Documents,
    copies: Vec<(Target, Documents)>,
    runtime: tokio::runtime::Runtime,
}

/// What a run did in the cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PushSummary {
    /// The table, as [`Cluster::key`].
    pub target: String,
    /// What was done, or would be done, to schema and table.
    pub steps: Vec<String>,
    /// Keys of the documents that Pinot does not know and left out.
    pub ignored: Vec<String>,
    /// Segments that came.
    pub pushed: Vec<String>,
    /// Segments that went.
    pub replaced: Vec<String>,
    /// Segments that were pushed by earlier runs and that somebody has deleted since.
    pub missing: Vec<String>,
}

impl Asked {
    /// Asks the controller of a job, if it has one, for schema and table.
    pub(crate) fn ask(plan: &Plan) -> Result<Option<Self>> {
        let Some(connection) = &plan.connection else { return Ok(None) };
        let runtime = runtime()?;
        let ask = |connection| {
            let controller = Controller::new(connection)?;
            let target = match plan.beside_stream {
                true => Target::realtime(controller, &plan.file.sink.table),
                false => Target::offline(controller, &plan.file.sink.table),
            };
            let found = runtime.block_on(bootstrap::documents(&target))?;
            Ok((target, found))
        };
        let (target, found) = ask(connection)?;
        let copies = plan.copies.iter().map(ask).collect::<Result<_>>()?;
        Ok(Some(Self { target, found, copies, runtime }))
    }

    /// The cluster's schema.
    pub(crate) fn schema(&self) -> Result<Option<Schema>> {
        self.found.schema.clone().map(Schema::from_document).transpose()
    }

    /// The cluster's table config.
    pub(crate) fn table(&self) -> Result<Option<TableConfig>> {
        self.found.table.clone().map(TableConfig::from_document).transpose()
    }

    /// The cluster's release.
    pub(crate) fn version(&self) -> Result<PinotVersion> {
        self.runtime.block_on(release(&self.target.controller))
    }

    /// Compares with what the job wants. Returns the table config as it will be.
    pub(crate) fn compare(self, plan: &Plan, schema: &Schema, table: &TableConfig) -> Result<(Cluster, TableConfig)> {
        let Self { target, found, runtime, .. } = self;
        let comparison = runtime.block_on(bootstrap::compare(&target, &found, schema, table))?;
        if plan.file.sink.create_table == CreateTable::Never
            && let Some(step) = comparison.steps.first()
        {
            let kind = if found.table.is_none() { ErrorKind::NotFound } else { ErrorKind::InvalidConfig };
            return Err(Error::new(kind, format!("with `createTable: never` the run would have to {step}"))
                .with("table", target.key())
                .action("make the cluster's table fit, take `createTable: never` out, or leave out `schema` and `tableConfig` to build for the table as it is"));
        }
        let table = TableConfig::from_document(comparison.table.clone())?;
        let steps = comparison.steps.clone();
        Ok((Cluster { target, copies: Vec::new(), steps, comparison, runtime, version: None }, table))
    }

    /// Takes a REALTIME table as it is: its stream is not the job's to change.
    pub(crate) fn beside_stream(self, schema: &Schema, given: Option<PinotVersion>) -> Result<(Cluster, TableConfig)> {
        let version = given.map_or_else(|| self.version(), Ok)?;
        let Self { target, found, runtime, .. } = self;
        let table = found.table.ok_or_else(|| {
            Error::not_found("there is no such REALTIME table")
                .with("table", target.key())
                .action("create it with its stream first: `POST /tables`, or the controller's user interface")
        })?;
        check_uploadable(&table)?;
        let config = TableConfig::from_document(table.clone())?;
        let comparison = Comparison { steps: Vec::new(), schema: schema.json().clone(), table };
        let steps = Vec::new();
        Ok((Cluster { target, copies: Vec::new(), steps, comparison, runtime, version: Some(version) }, config))
    }

    /// Takes the tables as they are, whatever the job builds with.
    pub(crate) fn accept(self, schema: &Schema, table: &TableConfig) -> Result<Cluster> {
        check_table(table.json())?;
        let Self { target, found, copies, runtime } = self;
        let table = existing(&target, found)?;
        let copies = copies.into_iter().map(|(target, found)| {
            let table = existing(&target, found)?;
            Ok((target, table))
        });
        let copies = copies.collect::<Result<_>>()?;
        let comparison = Comparison { steps: Vec::new(), schema: schema.json().clone(), table };
        Ok(Cluster { target, copies, steps: Vec::new(), comparison, runtime, version: None })
    }
}

/// The table config of a table that must be there.
pub(crate) fn existing(target: &Target, found: Documents) -> Result<Json> {
    let table = found.table.ok_or_else(|| {
        Error::not_found("there is no such table").with("table", target.key()).action(
            "correct the name, or create the table first: a job file of Pinotage's own does, with `pinotage run`",
        )
    })?;
    check_table(&table)?;
    Ok(table)
}

impl Cluster {
    /// Controller and table as the state remembers them, as [`Target::key`]; several behind each other.
    pub fn key(&self) -> String {
        self.tables().map(|(target, _)| target.key()).collect::<Vec<_>>().join(", ")
    }

    /// Makes the table fit. Returns what was done, and the keys that Pinot does not know.
    pub(crate) fn make_fit(&self, cancel: &Cancel) -> Result<(Vec<String>, Vec<String>)> {
        let applied = bootstrap::apply(&self.target, &self.comparison);
        let ignored = self.runtime.block_on(until_cancelled(cancel.flag(), applied))?;
        Ok((self.steps.iter().map(ToString::to_string).collect(), ignored))
    }

    /// The table as a place for segments.
    pub(crate) fn destination(
        &self,
        options: &PushOptions,
        observer: Arc<dyn PushObserver + Send + Sync>,
    ) -> TableDestination {
        TableDestination {
            target: self.target.clone(),
            config: self.comparison.table.clone(),
            options: options.clone(),
            observer,
            runtime: self.runtime(),
        }
    }

    /// Where requests run.
    pub(crate) fn runtime(&self) -> tokio::runtime::Handle {
        self.runtime.handle().clone()
    }

    /// Runs a call to its end, unless the job is to stop.
    pub(crate) fn wait<T>(&self, cancel: &Cancel, call: impl Future<Output = Result<T>>) -> Result<T> {
        self.runtime.block_on(until_cancelled(cancel.flag(), call))
    }

    /// How long the table keeps rows.
    pub(crate) fn retention(&self) -> Option<Retention> {
        Retention::of(&self.comparison.table)
    }

    /// The tables that get the segments, with their configs.
    fn tables(&self) -> impl Iterator<Item = (&Target, &Json)> {
        let first = (&self.target, &self.comparison.table);
        std::iter::once(first).chain(self.copies.iter().map(|(target, table)| (target, table)))
    }
}

/// What a run needs to know to publish.
pub(crate) struct Publisher<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) plan: &'a Plan,
    pub(crate) output: Output<'a>,
    /// What the job makes is the whole table.
    pub(crate) replaces_table: bool,
    pub(crate) cancel: &'a AtomicBool,
    pub(crate) observer: &'a dyn PushObserver,
}

impl Publisher<'_> {
    /// Before anything is built: the table is made to fit, what an earlier run began is brought to its end, and segments
    /// that this state does not know are looked for.
    pub(crate) fn begin(&self, manifest: &mut Manifest, summary: &mut PushSummary) -> Result<()> {
        let cluster = self.cluster;
        summary.target = cluster.key();
        summary.steps = cluster.steps.iter().map(ToString::to_string).collect();
        summary.ignored = self.wait(bootstrap::apply(&cluster.target, &cluster.comparison))?;
        self.settle(manifest, summary)?;
        let (known, foreign, missing) = self.look(manifest)?;
        summary.missing = missing;
        if !foreign.is_empty() && self.plan.file.sink.push.foreign == Foreign::Refuse {
            let (kind, what) = match self.replaces_table {
                true => ("a REFRESH table is wholly what its job makes", "that this job did not push"),
                false => (
                    "rows would be there twice",
                    "that this job pushed with another state, or by another address of the cluster",
                ),
            };
            return Err(Error::new(
                ErrorKind::CommitConflict,
                format!("the table has {} segments {what}, and {kind}", foreign.len()),
            )
            .with("table", cluster.key())
            .with("segment", foreign.first().map_or("", String::as_str))
            .with("known", known)
            .action("bring back the job's state, or set `sink.push.foreign` to `replace` (they go when the job's segments come) or to `keep`"));
        }
        Ok(())
    }

    /// Brings a publication that was cut short to its end.
    fn settle(&self, manifest: &mut Manifest, summary: &mut PushSummary) -> Result<()> {
        let key = self.cluster.key();
        let Some(pending) = manifest.pending(&key)? else { return Ok(()) };
        let records = manifest.segments()?;
        let segments: BTreeMap<&str, (&str, &SegmentRecord)> = records
            .iter()
            .flat_map(|(unit, segments)| {
                segments.iter().map(|segment| (segment.name.as_str(), (unit.as_str(), segment)))
            })
            .collect();
        let mut to = Vec::new();
        for name in &pending.to {
            match segments.get(name.as_str()) {
                Some((unit, segment)) => to.push((*unit, *segment)),
                None => return manifest.give_up(&key),
            }
        }
        let snapshots = self.snapshots()?;
        let holds = |snapshot: &Snapshot, segment: &SegmentRecord| {
            snapshot.segment(&segment.name).is_some_and(|found| found.crc == Some(segment.crc))
        };
        for (_, segment) in &to {
            let is_pushed = snapshots.iter().all(|snapshot| holds(snapshot, segment));
            if !is_pushed && !self.output.holds(&segment.file)? {
                // Built again under other names; what came half-way is taken back when it is in the way.
                return manifest.give_up(&key);
            }
        }
        self.publish(manifest, &to, pending.clone(), summary)
    }

    /// The number of segments that the state knows, those of the table that it should know and does not, and those that it
    /// knows and that are gone.
    fn look(&self, manifest: &Manifest) -> Result<(usize, Vec<String>, Vec<String>)> {
        let key = self.cluster.key();
        let snapshots = self.snapshots()?;
        let mut known: BTreeSet<String> = manifest.retired(&key)?.into_keys().collect();
        let mut missing = Vec::new();
        for segment in manifest.segments()?.into_values().flatten() {
            let is_gone = || snapshots.iter().any(|snapshot| !snapshot.holds(&segment.name));
            if segment.pushed.as_ref() == Some(&key) && is_gone() {
                missing.push(segment.name.clone());
            }
            // What another address has and this one shows is the same cluster: its rows would be there twice.
            if segment.pushed.as_ref().is_none_or(|pushed| *pushed == key) {
                known.insert(segment.name);
            }
        }
        let mark = self.mark(manifest)?;
        let mut others = BTreeSet::new();
        // What is overwritten by name needs to be nobody's.
        for snapshot in snapshots.iter().filter(|_| !self.overwrites()) {
            others.extend(foreign(snapshot, &known, &mark, self.replaces_table)?);
        }
        Ok((known.len(), others.into_iter().collect(), missing))
    }

    /// Segments take the place of those of their names, whoever pushed them.
    fn overwrites(&self) -> bool {
        self.plan.one_to_one.as_ref().is_some_and(|one_to_one| !one_to_one.replaces_table)
    }

    /// What each table holds.
    fn snapshots(&self) -> Result<Vec<Snapshot>> {
        self.cluster.tables().map(|(target, _)| self.wait(target.snapshot())).collect()
    }

    fn mark(&self, manifest: &Manifest) -> Result<Mark> {
        let (run, epoch) = manifest.run()?;
        Ok(Mark { job: self.plan.file.name.clone(), run, epoch })
    }

    /// After everything is built: what is not in the table yet comes, what has to go goes, in one step. Whose age was `told`
    /// before, by unit, is not told again.
    pub(crate) fn end(
        &self,
        manifest: &mut Manifest,
        summary: &mut PushSummary,
        told: &BTreeSet<String>,
    ) -> Result<()> {
        let key = self.cluster.key();
        let records = manifest.segments()?;
        let pattern = self.plan.one_to_one.as_ref().and_then(|one_to_one| one_to_one.push_pattern.as_ref());
        let mut to: Vec<(&str, &SegmentRecord)> = Vec::new();
        for (unit, segments) in &records {
            for segment in segments.iter().filter(|segment| segment.pushed.as_ref() != Some(&key)) {
                let text = self.output.match_text(&segment.file)?;
                if pattern.is_none_or(|pattern| pattern.matches(&text)) {
                    to.push((unit, segment));
                }
            }
        }
        let mut from = manifest.retired(&key)?;
        if self.plan.file.sink.push.foreign == Foreign::Replace && !to.is_empty() {
            let (_, foreign, _) = self.look(manifest)?;
            from.extend(foreign.into_iter().map(|name| (name, 0)));
        }
        if to.is_empty() && from.is_empty() {
            return Ok(());
        }
        self.warn_of_retention(&to, told);
        let pending = Pending { to: to.iter().map(|(_, segment)| segment.name.clone()).collect(), from };
        manifest.publish(&key, &pending)?;
        self.publish(manifest, &to, pending, summary)
    }

    /// Says which segments the controller would soon delete.
    fn warn_of_retention(&self, to: &[(&str, &SegmentRecord)], told: &BTreeSet<String>) {
        let Some(retention) = self.cluster.retention() else { return };
        let is_old = |segment: &SegmentRecord| segment.end_millis.is_some_and(|end| retention.is_over(end));
        let mut old = to.iter().filter(|(unit, segment)| is_old(segment) && !told.contains(*unit));
        if let Some((_, first)) = old.next() {
            self.observer.warning(&format!(
                "{} of {} segments, the first is {}, are older than the {retention} that the table keeps: the controller will \
                 delete them",
                old.count() + 1,
                to.len(),
                first.name,
            ));
        }
    }

    fn publish(
        &self,
        manifest: &mut Manifest,
        to: &[(&str, &SegmentRecord)],
        pending: Pending,
        summary: &mut PushSummary,
    ) -> Result<()> {
        let plan = self.plan;
        let mark = self.mark(manifest)?;
        let partitioned = self.cluster.tables().any(|(_, table)| needs_partitions(table));
        let local = |(unit, segment): &(&str, &SegmentRecord)| {
            let (path, stored) = self.output.source(&segment.file)?;
            let opened = match &stored {
                _ if !partitioned => None,
                None => Some(LocalSegment::open(&path)?),
                Some(stored) => Some(self.wait(LocalSegment::open_stored(stored.clone()))?),
            };
            let archive_uris = plan.one_to_one.as_ref().and_then(|one_to_one| one_to_one.archive_uris.as_ref());
            let place = self.output.location(&segment.file);
            let archive_uri = archive_uris.map(|uris| place.map(|place| uris.of(&place))).transpose()?;
            Ok(LocalSegment {
                name: segment.name.clone(),
                crc: segment.crc,
                num_docs: segment.num_docs,
                path,
                partitions: opened.map(|opened| opened.partitions).unwrap_or_default(),
                custom: mark.custom(unit),
                archive_uri,
                stored,
            })
        };
        let publication = Publication {
            to: to.iter().map(local).collect::<Result<_>>()?,
            from: pending.from.clone(),
            own_prefix: Some(format!("{}_", name_prefix(plan, &mark.run))),
            overwrite: self.overwrites(),
            history: None,
            time_to_live: None,
        };
        for (target, table) in self.cluster.tables() {
            self.wait(publish(target, table, &publication, &plan.file.sink.push, self.observer))?;
        }
        manifest.published(&self.cluster.key(), &pending)?;
        if !plan.keeps_segments {
            to.iter().try_for_each(|(_, segment)| self.output.remove(&segment.file))?;
        }
        summary.pushed.extend(pending.to);
        summary.replaced.extend(pending.from.into_keys());
        Ok(())
    }

    fn wait<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        self.cluster.runtime.block_on(until_cancelled(self.cancel, call))
    }
}

/// Threads for calls to a cluster.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Error::unexpected("cannot start threads").caused_by(error))
}

/// Runs a call to its end, unless the user stops it; whatever it began is gone on with by the next one.
pub(crate) async fn until_cancelled<T>(cancel: &AtomicBool, call: impl Future<Output = Result<T>>) -> Result<T> {
    let stopped = async {
        while !cancel.load(Ordering::Relaxed) {
            tokio::time::sleep(CANCEL_PAUSE).await;
        }
    };
    tokio::select! {
        result = call => result,
        () = stopped => Err(Error::new(
            ErrorKind::Cancelled,
            "the run was stopped; segments on their way into the cluster are not visible yet",
        )),
    }
}

/// What the names of all segments of a job's state begin with.
pub(crate) fn name_prefix(plan: &Plan, run: &str) -> String {
    format!("{}_{}_{run}", plan.file.sink.table, plan.file.name)
}

/// The release of a cluster, by its controller; old ones do not tell.
pub(crate) async fn release(controller: &Controller) -> Result<PinotVersion> {
    let versions = controller.versions().await?;
    let version = ["pinot-controller", "pinot-common"].iter().find_map(|part| versions.get(*part));
    version.map_or(Ok(PinotVersion::OLDEST), |text| PinotVersion::parse(text))
}

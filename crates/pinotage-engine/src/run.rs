//! Runs a job: decides what is missing, builds it, records it.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use pinotage_common::{Error, ErrorKind, Result};
use pinotage_job::Plan;
use pinotage_sink::publish::PushObserver;
use pinotage_spec::SegmentNameGenerator;
use pinotage_transform::Changes;

use crate::built::{aside, remove_strays, remove_unfinished};
use crate::cluster::{Cluster, Publisher, PushSummary, name_prefix};
use crate::epochs::EpochReport;
use crate::identity::InputRecord;
use crate::manifest::{Counts, Manifest, SegmentRecord};
use crate::output::{is_object, remove};
use crate::prepare::{Input, Prepared};
use crate::quarantine::RunId;
use crate::unit::Workshop;
use crate::units::{Covered, Group, Unit, groups, identities};

/// Is told how a run goes on; called from several threads.
pub trait Observer: PushObserver {
    /// So many inputs of so many bytes are to be built.
    fn started(&self, _inputs: usize, _bytes: u64) {}
    /// So many more rows and input bytes have been read.
    fn advanced(&self, _rows: u64, _bytes: u64) {}
    /// An epoch has ended.
    fn epoch(&self, _report: &EpochReport) {}
}

/// An observer that says nothing.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl Observer for Silent {}
impl PushObserver for Silent {}

/// How a job is run.
#[derive(Debug)]
pub struct RunOptions<'a> {
    /// Build every input, changed or not.
    pub force: bool,
    /// Say what would be built and build nothing.
    pub dry_run: bool,
    /// Worker threads, before the job's own number.
    pub threads: Option<usize>,
    /// Set from outside to stop: the inputs under way are given up, nothing half-written stays.
    pub cancel: &'a AtomicBool,
    /// Written into the segments; no checksum covers it.
    pub creation_time_millis: i64,
}

/// What a run did with an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputStatus {
    /// Its segments were built.
    Built,
    /// It was built by an earlier run and has not changed.
    Unchanged,
    /// It would be built (dry run).
    Missing,
}

/// What a run did with one input, with several that are put together, or with all when the SQL needs many rows at a time.
#[derive(Debug, Clone)]
pub struct InputSummary {
    /// The file, `FILE and N more`, or `all N inputs`.
    pub name: String,
    /// What was done.
    pub status: InputStatus,
    /// Its rows.
    pub counts: Counts,
    /// Its segments.
    pub segments: Vec<SegmentRecord>,
}

/// What a run did.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// The inputs, in order.
    pub inputs: Vec<InputSummary>,
    /// Inputs of earlier runs that are not there any more; their segments are left alone.
    pub vanished: Vec<String>,
    /// Values that were changed because the schema demands it.
    pub changes: Changes,
    /// What was done in the cluster, if the job has one.
    pub push: Option<PushSummary>,
}

/// Runs a job.
///
/// # Errors
///
/// Those of the inputs; `invalid-data` when an input has more bad rows than `limits.errors`; `cancelled`. What other inputs
/// have finished stays; what failed leaves nothing in the output.
pub fn run(job: &Prepared, options: &RunOptions<'_>, observer: &dyn Observer) -> Result<Summary> {
    let plan = &job.plan;
    let mut summary = Summary::default();
    if options.dry_run && !Manifest::exists(&plan.state) {
        let missing = |group: Group| InputSummary {
            name: group.name,
            status: InputStatus::Missing,
            counts: Counts::default(),
            segments: Vec::new(),
        };
        summary.inputs = groups(job, &BTreeMap::new()).into_iter().map(missing).collect();
        summary.push = job.cluster.as_ref().map(would_do);
        return Ok(summary);
    }
    let mut manifest = Manifest::open(&plan.state)?;
    let replaces_table = match &plan.one_to_one {
        Some(one_to_one) => one_to_one.replaces_table,
        None => job.table.is_refresh(),
    };
    let output = job.output();
    let publisher = job.cluster.as_ref().map(|cluster| Publisher {
        cluster,
        plan,
        output,
        replaces_table,
        cancel: options.cancel,
        observer,
    });
    let mut pushed = PushSummary::default();
    if !options.dry_run {
        remove_unfinished(plan)?;
        if !plan.keeps_segments {
            remove_strays(plan, &manifest)?;
        }
    }
    if let Some(publisher) = publisher.as_ref().filter(|_| !options.dry_run) {
        publisher.begin(&mut manifest, &mut pushed)?;
    }
    let target = job.cluster.as_ref().map(Cluster::key);
    let fingerprint = job.fingerprint();
    let mut known = manifest.segments()?;
    let listed = if known.is_empty() { None } else { output.listed()? };
    let mut work = Vec::new();
    let mut renamed = HashSet::new();
    let members = manifest.members()?;
    let groups = groups(job, &members);
    for group in &groups {
        let now = identities(job, &manifest, &group.uri, &group.inputs, &fingerprint, options.cancel)?;
        let before = manifest.input(&group.uri)?;
        let segments = known.remove(&group.uri).unwrap_or_default();
        if !options.dry_run {
            segments.iter().try_for_each(|segment| remove(&aside(plan, segment)))?;
        }
        let is_pushed = |segment: &SegmentRecord| target.is_some() && segment.pushed == target;
        let mut in_place = true;
        for segment in segments.iter().filter(|segment| !is_pushed(segment)) {
            in_place &= match &listed {
                Some(listed) => listed.contains(&segment.file),
                None => !is_object(&segment.file) && output.holds(&segment.file)?,
            };
        }
        let unchanged = match replaces_table || group.gone.is_empty() {
            true => now.first().zip(before.as_ref()).is_some_and(|((_, now), before)| now.is_same_as(before)),
            // The rows of inputs that are gone stay, as long as the others are what they were.
            false => {
                let is_same = |(uri, now): &(String, InputRecord)| {
                    Ok::<_, Error>(manifest.input(uri)?.is_some_and(|before| before.hash == now.hash))
                };
                let mut inputs = now.iter().skip(1).map(is_same);
                before.as_ref().is_some_and(|before| before.fingerprint == fingerprint)
                    && inputs.try_fold(true, |all, same| same.map(|same| all && same))?
            }
        };
        let status = match unchanged && in_place && !options.force {
            true => InputStatus::Unchanged,
            false => InputStatus::Missing,
        };
        if status == InputStatus::Missing {
            let fingerprints =
                now.first().zip(before.as_ref()).map(|((_, now), before)| (&now.fingerprint, &before.fingerprint));
            if plan.one_to_one.is_some() && fingerprints.is_some_and(|(now, before)| now != before) {
                renamed.insert(work.len());
            }
            if !options.force && !replaces_table {
                group.gone.first().map_or(Ok(()), |gone| Err(rows_would_go(gone, &group.name)))?;
            }
            let (uri, inputs) = (group.uri.clone(), group.inputs.clone());
            work.push(Unit { index: summary.inputs.len(), uri, inputs, now, old: segments.clone() });
        }
        summary.vanished.extend(group.gone.iter().cloned());
        let counts = before.map(|before| before.counts).unwrap_or_default();
        summary.inputs.push(InputSummary { name: group.name.clone(), status, counts, segments });
    }
    // Segments made the other way, of each input or of several together, hold the same rows once more.
    let covered = Covered::new(job, &groups, &members);
    let (superseded, vanished): (Vec<_>, Vec<_>) = known.into_iter().partition(|(uri, _)| covered.supersedes(uri));
    if !options.force && !replaces_table {
        let mut gone = superseded.iter().filter_map(|(unit, _)| Some((unit, covered.gone(unit).next()?)));
        gone.next().map_or(Ok(()), |(unit, gone)| Err(rows_would_go(gone, unit)))?;
    }
    for (uri, _) in &vanished {
        let before = summary.vanished.len();
        summary.vanished.extend(covered.gone(uri).cloned());
        if summary.vanished.len() == before {
            summary.vanished.push(uri.clone());
        }
    }
    if options.dry_run {
        summary.push = job.cluster.as_ref().map(would_do);
        return Ok(summary);
    }
    if plan.one_to_one.is_some() {
        // Names that count inputs move when one comes or goes. They are free before anything is built: another input may take them.
        for (_, unit) in work.iter_mut().enumerate().filter(|(at, _)| renamed.contains(at)) {
            for segment in unit.old.drain(..) {
                output.remove(&segment.file)?;
            }
            manifest.forget(&unit.uri)?;
        }
        if !replaces_table {
            vanished.iter().try_for_each(|(uri, _)| manifest.abandon(uri))?;
        }
    }
    let told = tell_of_old(job, &work, observer);
    build_all(job, options, observer, &work, &mut manifest, &mut summary)?;
    for (uri, segments) in superseded {
        segments.iter().try_for_each(|segment| output.remove(&segment.file))?;
        manifest.forget(&uri)?;
    }
    if let Some(publisher) = publisher {
        if publisher.replaces_table {
            // The table is what the inputs are now.
            for (uri, segments) in &vanished {
                segments.iter().try_for_each(|segment| output.remove(&segment.file))?;
                manifest.forget(uri)?;
            }
        }
        publisher.end(&mut manifest, &mut pushed, &told)?;
        summary.push = Some(pushed);
    }
    Ok(summary)
}

/// What is not there any more cannot be built again.
fn rows_would_go(gone: &str, group: &str) -> Error {
    Error::new(
        ErrorKind::CommitConflict,
        "an input is gone that was put together with others which have to be built again",
    )
    .with("file", gone)
    .with("together with", group)
    .action("bring the file back; or run with `--force`, and its rows go")
}

/// Says which inputs are too old for the table, as far as their first rows tell; returns their units.
fn tell_of_old(job: &Prepared, work: &[Unit], observer: &dyn Observer) -> BTreeSet<String> {
    let Some(retention) = job.cluster.as_ref().and_then(Cluster::retention) else { return BTreeSet::new() };
    let inputs = || work.iter().flat_map(|unit| unit.inputs.iter().map(move |input| (unit, input)));
    let old = retention.old(job, inputs().map(|(_, input)| input));
    if let Some(warning) = retention.warning(&old, inputs().count()) {
        observer.warning(&warning);
    }
    let is_old = |input: &Input| old.iter().any(|(old, _)| std::ptr::eq(*old, input));
    inputs().filter(|(_, input)| is_old(input)).map(|(unit, _)| unit.uri.clone()).collect()
}

fn would_do(cluster: &Cluster) -> PushSummary {
    PushSummary {
        target: cluster.key(),
        steps: cluster.steps.iter().map(ToString::to_string).collect(),
        ..PushSummary::default()
    }
}

/// What an input takes that is read, or a part of one while it waits for its turn.
const PART_MEMORY: u64 = 32 << 20;

/// Parts of one input that threads without an input of their own may read, in the memory that open segments leave.
fn parts_at_once(plan: &Plan, threads: usize, workers: usize) -> usize {
    let left = plan.file.limits.memory.bytes() / workers as u64;
    let fitting = left.saturating_sub(plan.file.sink.segment.max_bytes.bytes()) / PART_MEMORY;
    (threads / workers).min(usize::try_from(fitting).unwrap_or(usize::MAX)).max(1)
}

fn build_all(
    job: &Prepared,
    options: &RunOptions<'_>,
    observer: &dyn Observer,
    work: &[Unit],
    manifest: &mut Manifest,
    summary: &mut Summary,
) -> Result<()> {
    let (plan, output) = (&job.plan, job.output());
    observer.started(work.len(), work.iter().filter_map(|unit| unit.now.first()).map(|(_, now)| now.size).sum());
    if work.is_empty() {
        return Ok(());
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = options.threads.or(plan.file.threads).unwrap_or(cores).max(1);
    // Each unit holds one segment and what it reads; more units at a time than fit the memory are not started. A job spec has
    // no limit but the number of its units.
    let read = if plan.one_to_one.is_some() { 0 } else { PART_MEMORY };
    let each = plan.file.sink.segment.max_bytes.bytes().saturating_add(read).max(1);
    let fitting = usize::try_from(plan.file.limits.memory.bytes() / each).unwrap_or(usize::MAX).max(1);
    let workers = threads.min(fitting).min(work.len());
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map(Arc::new)
        .map_err(|error| Error::unexpected("cannot start threads").caused_by(error))?;
    fs::create_dir_all(&plan.output)
        .map_err(|error| Error::io(error, "cannot create the output folder", &plan.output))?;
    let (run, epoch) = manifest.begin()?;
    let names = match (&job.cluster, &plan.file.sink.segment_name) {
        // No two runs of any job ever choose such a name.
        (Some(_), None) => SegmentNameGenerator::NormalizedDate {
            prefix: name_prefix(plan, &run),
            postfix: Some(epoch.to_string()),
            append: false,
            hourly: false,
        },
        _ => job.names.clone(),
    };
    let next = AtomicUsize::new(0);
    let stop = AtomicBool::new(false);
    let workshop = Workshop {
        job,
        pool: &pool,
        parts_at_once: parts_at_once(plan, threads, workers),
        id: &RunId { job: plan.file.name.clone(), run, epoch },
        names,
        creation_time_millis: options.creation_time_millis,
        cancelled: &|| options.cancel.load(Ordering::Relaxed) || stop.load(Ordering::Relaxed),
        observer,
    };
    let sequences = work.iter().map(|unit| manifest.sequence(&unit.uri)).collect::<Result<Vec<u64>>>()?;
    let shared = Mutex::new((manifest, summary, None::<(usize, Error)>));
    let worker = || {
        while !stop.load(Ordering::Relaxed) {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let (Some(unit), Some(sequence)) = (work.get(at), sequences.get(at)) else { break };
            let built = workshop.build(&unit.inputs, *sequence);
            let Ok(mut shared) = shared.lock() else { break };
            let (manifest, summary, failure) = &mut *shared;
            let result = built.and_then(|built| {
                built.check_names(manifest, &unit.uri, plan)?;
                let (counts, segments, changes) = built.publish(output, &unit.old, workshop.cancelled)?;
                manifest.commit(&unit.now, counts, &segments)?;
                for old in unit.old.iter().filter(|old| !segments.iter().any(|kept| kept.file == old.file)) {
                    output.remove(&old.file)?;
                }
                Ok((counts, segments, changes))
            });
            match result {
                Ok((counts, segments, changes)) => {
                    summary.changes.add(&changes);
                    if let Some(input) = summary.inputs.get_mut(unit.index) {
                        (input.status, input.counts, input.segments) = (InputStatus::Built, counts, segments);
                    }
                }
                Err(error) => {
                    stop.store(true, Ordering::Relaxed);
                    // The first input in order that failed is reported, whichever thread was faster; an input that was only
                    // given up because of it is no failure of its own.
                    let replaces = failure.as_ref().is_none_or(|(index, known)| match (error.kind(), known.kind()) {
                        (ErrorKind::Cancelled, _) => false,
                        (_, ErrorKind::Cancelled) => true,
                        _ => unit.index < *index,
                    });
                    if replaces {
                        *failure = Some((unit.index, error));
                    }
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(worker);
        }
    });
    match shared.into_inner() {
        Ok((_, _, None)) => Ok(()),
        Ok((_, _, Some((_, error)))) => Err(error),
        Err(_) => Err(Error::unexpected("a worker thread panicked")),
    }
}

//! Runs a job: decides what is missing, builds it, records it.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use pinotage_common::{Error, ErrorKind, Result};
use pinotage_sink::publish::PushObserver;
use pinotage_spec::SegmentNameGenerator;
use pinotage_transform::Changes;

use crate::built::{aside, remove_strays};
use crate::cluster::{Cluster, Publisher, PushSummary, name_prefix};
use crate::manifest::{Counts, Manifest, SegmentRecord};
use crate::output::{is_object, remove};
use crate::prepare::Prepared;
use crate::quarantine::RunId;
use crate::sql::SqlWay;
use crate::unit::Workshop;
use crate::units::{ALL, Unit, identities, units, uri};

/// Is told how a run goes on; called from several threads.
pub trait Observer: PushObserver {
    /// So many inputs of so many bytes are to be built.
    fn started(&self, _inputs: usize, _bytes: u64) {}
    /// So many more rows and input bytes have been read.
    fn advanced(&self, _rows: u64, _bytes: u64) {}
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

/// What a run did with one input, or with all of them when the SQL needs many rows at a time.
#[derive(Debug, Clone)]
pub struct InputSummary {
    /// The file, or `all N inputs`.
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
    let units = units(job);
    if options.dry_run && !Manifest::exists(&plan.state) {
        let missing = |(name, _, _)| InputSummary {
            name,
            status: InputStatus::Missing,
            counts: Counts::default(),
            segments: Vec::new(),
        };
        summary.inputs = units.into_iter().map(missing).collect();
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
    if !plan.keeps_segments && !options.dry_run {
        remove_strays(plan, &manifest)?;
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
    for (name, uri, inputs) in units {
        let now = identities(job, &manifest, &uri, &inputs, &fingerprint, options.cancel)?;
        let before = manifest.input(&uri)?;
        let segments = known.remove(&uri).unwrap_or_default();
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
        let unchanged = now.first().zip(before.as_ref()).is_some_and(|((_, now), before)| now.is_same_as(before));
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
            work.push(Unit { index: summary.inputs.len(), uri, inputs, now, old: segments.clone() });
        }
        let counts = before.map(|before| before.counts).unwrap_or_default();
        summary.inputs.push(InputSummary { name, status, counts, segments });
    }
    // Segments made the other way, of each input or of all together, hold the same rows once more.
    let is_whole = matches!(job.sql, Some(SqlWay::Whole(_)));
    let (superseded, vanished): (Vec<_>, Vec<_>) = known.into_iter().partition(|(uri, _)| is_whole || uri == ALL);
    summary.vanished = vanished.iter().map(|(uri, _)| uri.clone()).collect();
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
            summary.vanished.iter().try_for_each(|uri| manifest.abandon(uri))?;
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

/// Says which inputs are too old for the table, as far as their first rows tell; returns their units.
fn tell_of_old(job: &Prepared, work: &[Unit], observer: &dyn Observer) -> BTreeSet<String> {
    let Some(retention) = job.cluster.as_ref().and_then(Cluster::retention) else { return BTreeSet::new() };
    let old = retention.old(job, work.iter().flat_map(|unit| &unit.inputs));
    if let Some(warning) = retention.warning(&old, work.len()) {
        observer.warning(&warning);
    }
    old.into_iter().map(|(input, _)| uri(&job.plan, &input.file)).collect()
}

fn would_do(cluster: &Cluster) -> PushSummary {
    PushSummary {
        target: cluster.key(),
        steps: cluster.steps.iter().map(ToString::to_string).collect(),
        ..PushSummary::default()
    }
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
    // Each unit may hold one segment; more units at a time than that fit the memory are not started.
    let fitting = (plan.file.limits.memory.bytes() / plan.file.sink.segment.max_bytes.bytes().max(1)).max(1) as usize;
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
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
        for _ in 0..threads.min(fitting).min(work.len()) {
            scope.spawn(worker);
        }
    });
    match shared.into_inner() {
        Ok((_, _, None)) => Ok(()),
        Ok((_, _, Some((_, error)))) => Err(error),
        Err(_) => Err(Error::unexpected("a worker thread panicked")),
    }
}

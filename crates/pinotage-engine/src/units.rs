//! What a run does at a time: an input, or all of them.

use std::sync::atomic::{AtomicBool, Ordering};

use pinotage_common::Result;
use pinotage_job::{InputFile, Plan};
use xxhash_rust::xxh3::Xxh3;

use crate::identity::{InputRecord, identify, together};
use crate::manifest::{Manifest, SegmentRecord};
use crate::prepare::{Input, Prepared};
use crate::sql::SqlWay;

/// The name of an input in the manifest: its place relative to the job, so that a moved project stays built; or its URI.
pub(crate) fn uri(plan: &Plan, file: &InputFile) -> String {
    match file {
        InputFile::Local(path) => path.strip_prefix(&plan.base).unwrap_or(path).display().to_string(),
        InputFile::Object(entry) => entry.location.to_uri(),
    }
}

/// The manifest's name for the unit of all inputs.
pub(crate) const ALL: &str = "*";

/// A unit of work: an input, or all of them.
pub(crate) struct Unit {
    pub(crate) index: usize,
    pub(crate) uri: String,
    pub(crate) inputs: Vec<Input>,
    /// What is recorded when the unit is in place: the unit itself first.
    pub(crate) now: Vec<(String, InputRecord)>,
    pub(crate) old: Vec<SegmentRecord>,
}

/// The units of a job: name for people, name in the manifest, inputs.
pub(crate) fn units(job: &Prepared) -> Vec<(String, String, Vec<Input>)> {
    match &job.sql {
        Some(SqlWay::Whole(_)) => vec![(format!("all {} inputs", job.inputs.len()), ALL.into(), job.inputs.clone())],
        _ => {
            let unit = |input: &Input| (input.file.to_string(), uri(&job.plan, &input.file), vec![input.clone()]);
            job.inputs.iter().map(unit).collect()
        }
    }
}

/// What the inputs of a unit are now, the unit itself first.
pub(crate) fn identities(
    job: &Prepared,
    manifest: &Manifest,
    unit: &str,
    inputs: &[Input],
    fingerprint: &str,
    cancel: &AtomicBool,
) -> Result<Vec<(String, InputRecord)>> {
    let mut records = Vec::new();
    for input in inputs {
        let uri = uri(&job.plan, &input.file);
        let fingerprint = &with_name(fingerprint, input);
        let content = || job.objects.open(&input.file, &job.plan.output, &|| cancel.load(Ordering::Relaxed));
        let now = identify(&input.file, fingerprint, manifest.input(&uri)?.as_ref(), &content)?;
        records.push((uri, now));
    }
    if unit == ALL {
        // Inputs of which only the content counts: their fingerprint is no unit's own.
        records.iter_mut().for_each(|(_, record)| record.fingerprint.clear());
        records.insert(0, (unit.to_owned(), together(&records, fingerprint)));
    }
    Ok(records)
}

/// Another name is another segment.
fn with_name(fingerprint: &str, input: &Input) -> String {
    let Some(named) = &input.named else { return fingerprint.to_owned() };
    let mut hasher = Xxh3::new();
    hasher.update(format!("{fingerprint} {:?} {}", named.name, named.folder.display()).as_bytes());
    format!("{:032x}", hasher.digest128())
}

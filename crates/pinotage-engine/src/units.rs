//! What a run does at a time: an input, several that are put together, or all of them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};

use pinotage_common::Result;
use pinotage_job::{InputFile, Plan};
use xxhash_rust::xxh3::Xxh3;

use crate::identity::{InputRecord, identify, together};
use crate::manifest::{Manifest, SegmentRecord};
use crate::prepare::{Input, Prepared};
use crate::sql::SqlWay;

/// The name of an input in the manifest: its place relative to the job, so that a moved project stays built; or its URI.
fn uri(plan: &Plan, file: &InputFile) -> String {
    match file {
        InputFile::Local(path) => path.strip_prefix(&plan.base).unwrap_or(path).display().to_string(),
        InputFile::Object(entry) => entry.location.to_uri(),
    }
}

/// The manifest's name for the unit of all inputs.
const ALL: &str = "*";

/// What the manifest's names of units of several inputs begin with; the size up to which they are put together and the first
/// input follow.
const PACK: char = '+';

/// Inputs that make segments together, and nothing else makes segments of them.
pub(crate) struct Group {
    /// The name for people.
    pub(crate) name: String,
    /// The name in the manifest.
    pub(crate) uri: String,
    pub(crate) inputs: Vec<Input>,
    /// Inputs that the segments were made of, too, and that are not there any more.
    pub(crate) gone: Vec<String>,
}

/// A unit of work: a group whose segments are to be built.
pub(crate) struct Unit {
    pub(crate) index: usize,
    pub(crate) uri: String,
    pub(crate) inputs: Vec<Input>,
    /// What is recorded when the unit is in place: the unit itself first.
    pub(crate) now: Vec<(String, InputRecord)>,
    pub(crate) old: Vec<SegmentRecord>,
}

/// The groups of a job's inputs. `members` says which unit an input was built in.
pub(crate) fn groups(job: &Prepared, members: &BTreeMap<String, String>) -> Vec<Group> {
    if matches!(job.sql, Some(SqlWay::Whole(_))) {
        let name = format!("all {} inputs", job.inputs.len());
        return vec![Group { name, uri: ALL.into(), inputs: job.inputs.clone(), gone: Vec::new() }];
    }
    match job.plan.file.source.pack_bytes {
        Some(target) if job.plan.one_to_one.is_none() => packs(job, target.bytes(), members),
        _ => job.inputs.iter().map(|input| Group::alone(job, input)).collect(),
    }
}

impl Group {
    fn alone(job: &Prepared, input: &Input) -> Self {
        let uri = uri(&job.plan, &input.file);
        Self { name: input.file.to_string(), uri, inputs: vec![input.clone()], gone: Vec::new() }
    }
}

/// What was put together stays together; what is new is put together in the order of the inputs, large inputs apart.
fn packs(job: &Prepared, target: u64, members: &BTreeMap<String, String>) -> Vec<Group> {
    let prefix = format!("{PACK}{target}:");
    let mut groups: Vec<Group> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    // The group that new inputs go to, and how much it has.
    let mut open: Option<(usize, u64)> = None;
    for input in &job.inputs {
        let own = uri(&job.plan, &input.file);
        let size = input.file.len_bytes();
        let pack = match members.get(&own).filter(|unit| unit.starts_with(&prefix)) {
            Some(pack) => pack.clone(),
            None if size >= target => {
                groups.push(Group::alone(job, input));
                continue;
            }
            None => match &mut open {
                Some((at, bytes)) if *bytes + size <= target && groups[*at].inputs[0].format == input.format => {
                    *bytes += size;
                    groups[*at].inputs.push(input.clone());
                    continue;
                }
                _ => {
                    open = Some((groups.len(), size));
                    format!("{prefix}{own}")
                }
            },
        };
        let at = *places.entry(pack.clone()).or_insert(groups.len());
        if at == groups.len() {
            groups.push(Group { name: String::new(), uri: pack, inputs: Vec::new(), gone: Vec::new() });
        }
        groups[at].inputs.push(input.clone());
    }
    let present: HashSet<String> = job.inputs.iter().map(|input| uri(&job.plan, &input.file)).collect();
    for (member, unit) in members.iter().filter(|(member, _)| !present.contains(*member)) {
        if let Some(at) = places.get(unit) {
            groups[*at].gone.push(member.clone());
        }
    }
    for group in groups.iter_mut().filter(|group| group.name.is_empty()) {
        group.name = match group.inputs.as_slice() {
            [only] => only.file.to_string(),
            [first, more @ ..] => format!("{} and {} more", first.file, more.len()),
            [] => String::new(),
        };
    }
    groups
}

/// What the groups of a run cover, to tell what the units of earlier runs are worth.
pub(crate) struct Covered<'a> {
    /// The inputs of all groups.
    inputs: HashSet<String>,
    members: &'a BTreeMap<String, String>,
    /// The units of several inputs that inputs of the groups were built in.
    units: HashSet<&'a str>,
    by_all: bool,
}

impl<'a> Covered<'a> {
    pub(crate) fn new(job: &Prepared, groups: &[Group], members: &'a BTreeMap<String, String>) -> Self {
        let inputs = groups.iter().flat_map(|group| &group.inputs).map(|input| uri(&job.plan, &input.file));
        let inputs: HashSet<String> = inputs.collect();
        let units = inputs.iter().filter_map(|input| members.get(input)).map(String::as_str).collect();
        Self { inputs, members, units, by_all: groups.iter().any(|group| group.uri == ALL) }
    }

    /// Whether segments of a unit that is no group any more hold rows of inputs that are in groups now.
    pub(crate) fn supersedes(&self, unit: &str) -> bool {
        self.by_all || unit == ALL || self.inputs.contains(unit) || self.units.contains(unit)
    }

    /// The inputs that a unit was built of together, except those that are in groups.
    pub(crate) fn gone(&self, unit: &str) -> impl Iterator<Item = &'a String> {
        let members = self.members.iter().filter(move |(_, built_in)| *built_in == unit);
        members.map(|(input, _)| input).filter(|input| !self.inputs.contains(*input))
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
    if unit == ALL || unit.starts_with(PACK) {
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

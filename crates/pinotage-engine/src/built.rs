//! Segments and quarantine of a unit on their way to their final names.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use pinotage_common::{Error, ErrorKind, Result};
use pinotage_job::Plan;
use pinotage_job::pinot_spec::OWN_NAMES;
use pinotage_transform::Changes;

use crate::manifest::{Counts, Manifest, SegmentRecord};
use crate::objects::Cancelled;
use crate::output::{Output, remove};

/// A built unit whose segments wait under temporary names.
pub(crate) struct Built {
    pub(crate) counts: Counts,
    pub(crate) segments: Vec<SegmentRecord>,
    pub(crate) changes: Changes,
    pub(crate) passing: Passing,
    /// The temporary and the final name of the quarantine file; without bad rows there is only the final name, to remove.
    pub(crate) quarantine: (Option<PathBuf>, PathBuf),
}

/// What a unit leaves on its way, removed with this value.
pub(crate) struct Passing {
    /// The hidden folder of its segments.
    pub(crate) staging: PathBuf,
    /// The temporary name of its quarantine file.
    pub(crate) quarantine: PathBuf,
}

impl Drop for Passing {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.staging);
        let _ = fs::remove_file(&self.quarantine);
    }
}

impl Built {
    /// A segment of another input must not be replaced.
    pub(crate) fn check_names(&self, manifest: &Manifest, uri: &str, plan: &Plan) -> Result<()> {
        for segment in &self.segments {
            if let Some(owner) = manifest.owner(&segment.name)?.filter(|owner| owner != uri) {
                return Err(Error::new(
                    ErrorKind::AlreadyExists,
                    format!("the segment `{}` of `{owner}` has the same name", segment.name),
                )
                .action(match &plan.one_to_one {
                    Some(_) => OWN_NAMES,
                    None => "choose another `sink.segmentName`, so that every input's segments have names of their own",
                }));
            }
        }
        Ok(())
    }

    /// Moves segments and quarantine to their final names, segments into a store where the output is there.
    ///
    /// A crash in between leaves whole segments that the manifest does not know; the next run builds the same ones over them.
    pub(crate) fn publish(
        mut self,
        output: Output<'_>,
        old: &[SegmentRecord],
        cancelled: Cancelled<'_>,
    ) -> Result<(Counts, Vec<SegmentRecord>, Changes)> {
        let plan = output.plan;
        for segment in &mut self.segments {
            let (from, to) = (self.passing.staging.join(&segment.file), plan.output.join(&segment.file));
            segment.file = output.name(&segment.file)?;
            let keeps = plan.one_to_one.as_ref().is_some_and(|one_to_one| !one_to_one.overwrite);
            if keeps && !old.iter().any(|old| old.file == segment.file) && output.holds(&segment.file)? {
                return Err(Error::new(
                    ErrorKind::AlreadyExists,
                    "the output has a segment that this job has not made",
                )
                .with("file", output.location(&segment.file)?)
                .action("remove the file, or set `overwriteOutput: true`"));
            }
            if plan.store_output.is_some() {
                output.put(&from, &segment.file, cancelled)?;
                continue;
            }
            let failed = |error| Error::io(error, "cannot put the segment in place", &to);
            if let Some(folder) = to.parent() {
                fs::create_dir_all(folder).map_err(failed)?;
            }
            if to.is_dir() {
                // A folder cannot be replaced in one step: the old one steps aside first.
                let aside = aside(plan, segment);
                let _ = fs::remove_dir_all(&aside);
                fs::rename(&to, &aside).map_err(failed)?;
                fs::rename(&from, &to).map_err(failed)?;
                let _ = fs::remove_dir_all(&aside);
            } else {
                fs::rename(&from, &to).map_err(failed)?;
            }
        }
        let (temporary, target) = &self.quarantine;
        match temporary {
            Some(temporary) => fs::rename(temporary, target)
                .map_err(|error| Error::io(error, "cannot put the quarantine in place", target))?,
            None if !old.is_empty() && target.exists() => {
                fs::remove_file(target)
                    .map_err(|error| Error::io(error, "cannot remove the old quarantine", target))?;
            }
            None => {}
        }
        Ok((self.counts, self.segments, self.changes))
    }
}

/// Where a folder waits while it is replaced; a run that was killed right then leaves it for the next one to remove.
pub(crate) fn aside(plan: &Plan, segment: &SegmentRecord) -> PathBuf {
    plan.output.join(format!(".{}.old", segment.file))
}

/// Removes what runs of this job that were killed were building. Units that are built again would do it themselves; those that
/// had been built before do not come to it.
pub(crate) fn remove_unfinished(plan: &Plan) -> Result<()> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let name = &plan.file.name;
    for (folder, before, behind) in
        [(&plan.output, format!(".staging-{name}-"), ""), (&plan.quarantine, format!(".{name}-"), ".parquet.tmp")]
    {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let file = entry.file_name();
            let rest = file.to_str().and_then(|file| file.strip_prefix(&before)?.strip_suffix(behind));
            if rest.is_some_and(is_number) {
                remove(&entry.path())?;
            }
        }
    }
    Ok(())
}

/// Removes what runs that were killed have left where segments only pass: all but those that wait to be pushed.
pub(crate) fn remove_strays(plan: &Plan, manifest: &Manifest) -> Result<()> {
    let Ok(entries) = fs::read_dir(&plan.output) else { return Ok(()) };
    let segments = manifest.segments()?;
    let waiting = segments.values().flatten().filter(|segment| segment.pushed.is_none());
    let waiting: HashSet<&OsStr> = waiting.filter_map(|segment| Path::new(&segment.file).iter().next()).collect();
    let mut strays = entries.flatten().filter(|entry| !waiting.contains(&*entry.file_name()));
    strays.try_for_each(|entry| remove(&entry.path()))
}

//! What killed processes left in the staging folder of a job.

use std::collections::BTreeSet;
use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use pinotage_common::{Error, ErrorKind, Result};
use pinotage_connector::OpenBuffer;
use pinotage_job::Plan;
use pinotage_sink::writer::staged_files;
use pinotage_store::{Entry, Location};
use serde::Serialize;

use super::source::COPIES;
use super::state::{Remembered, Waiting};
use super::store;
use crate::objects::Objects;
use crate::quarantine::replay_plan;
use crate::run::Observer;

/// What is done with what no state refers to.
#[derive(Debug, Clone, Copy, Default)]
pub struct GcOptions {
    /// Remove it.
    pub delete: bool,
    /// Remove that of other runs too: of states that were lost, and of other jobs with the same staging folder.
    pub all_runs: bool,
}

/// What lies in the staging folder of a job and no state refers to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StagingReport {
    /// The folder, or its URI in an object store.
    pub staging: String,
    /// The process that has the job now: what it is writing is listed too.
    pub process: Option<String>,
    /// By run.
    pub runs: Vec<StagedRun>,
}

/// The part of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StagedRun {
    /// The run's id, and the name of its folder.
    pub run: String,
    /// The job's state is of this run.
    pub is_own: bool,
    /// It has been removed.
    pub removed: bool,
    /// What nobody refers to.
    pub entries: Vec<StagedEntry>,
}

/// A file, or a folder with all that is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StagedEntry {
    /// Its path in the folder of the run.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// When something in it was changed last, in milliseconds since 1970.
    pub changed_millis: i64,
}

/// Looks for files in the staging folder of a job that its state does not refer to, and removes them if it is told to.
///
/// # Errors
///
/// `unsupported` for a job without epochs; `unavailable` when files are to be removed while another process has the job.
///
/// The first report is the job's own; one of its replay follows when it has a folder.
pub fn staging_gc(plan: &Plan, options: GcOptions) -> Result<Vec<StagingReport>> {
    if plan.checkpoint.is_none() {
        return Err(Error::unsupported("only jobs with epochs keep something in a staging folder")
            .action("name a job with `checkpoint`; other jobs remove by themselves what killed runs left"));
    }
    let replay = replay_plan(plan);
    let mut reports = vec![gc(plan, options)?];
    if replay.staging_store.is_some() || replay.staging.exists() {
        reports.push(gc(&replay, options)?);
    }
    Ok(reports)
}

fn gc(plan: &Plan, options: GcOptions) -> Result<StagingReport> {
    let mut report = StagingReport { staging: plan.staging_text(), process: store::holder(plan)?, runs: Vec::new() };
    let place = Place::of(plan)?;
    // Without files there is nothing to do, and no state to make for it.
    let runs = place.runs()?;
    let _hold = (options.delete && !runs.is_empty()).then(|| store::hold(plan)).transpose()?;
    let remembered = Remembered::of(store::look(plan)?)?;
    for run in runs {
        let own = remembered.as_ref().filter(|remembered| remembered.run.id == run);
        let needed = match own {
            None => BTreeSet::new(),
            Some(own) => needed(own.last.iter().flat_map(|last| &last.open), &own.waiting)?,
        };
        let entries = place.unneeded(&run, &needed)?;
        let removed = options.delete && (own.is_some() || options.all_runs);
        if removed {
            place.remove(&run, &entries)?;
        }
        if !entries.is_empty() {
            report.runs.push(StagedRun { run, is_own: own.is_some(), removed, entries });
        }
    }
    Ok(report)
}

/// Removes what is old and what the state that a run begins with does not need. Whoever calls has the job's lease.
///
/// A run removes by itself what nobody has needed for long: a state that somebody brings back from a copy may be older than the
/// last epoch, and needs its files.
pub(super) fn remove_old(plan: &Plan, run: &str, open: &[OpenBuffer], waiting: &Waiting, observer: &dyn Observer) {
    let retention = plan.checkpoint.unwrap_or_default().staging_retention.duration();
    let old = || -> Result<()> {
        let place = Place::of(plan)?;
        let mut entries = place.unneeded(run, &needed(open, waiting)?)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
        let retention = i64::try_from(retention.as_millis()).unwrap_or(i64::MAX);
        entries.retain(|entry| now.saturating_sub(entry.changed_millis) > retention);
        place.remove(run, &entries)
    };
    if let Err(error) = old() {
        observer.warning(&format!("old files stay in staging: {error}"));
    }
}

/// Removes what processes leave on this machine that nothing has to outlive: copies of objects, and files that have not come into
/// the store. Whoever calls has the job's lease.
pub(super) fn remove_copies(plan: &Plan, run: &str) {
    let _ = fs::remove_dir_all(plan.staging.join(COPIES));
    if plan.staging_store.is_some() {
        let _ = fs::remove_dir_all(plan.staging.join(run));
    }
}

/// Removes folders of a run in which nothing is left. Nobody works there any more.
pub(super) fn remove_empty(plan: &Plan, run: &str) {
    let folder = plan.staging.join(run);
    for entry in entries(&folder).unwrap_or_default() {
        // Not one that has something in it, and no file.
        let _ = fs::remove_dir(entry.path());
    }
    let _ = fs::remove_dir(folder);
    let _ = fs::remove_dir(plan.staging.join(COPIES));
}

/// Where the files are.
enum Place {
    Folder(PathBuf),
    Store(Box<Objects>, Location),
}

impl Place {
    fn of(plan: &Plan) -> Result<Self> {
        Ok(match &plan.staging_store {
            None => Self::Folder(plan.staging.clone()),
            Some(at) => Self::Store(Box::new(Objects::new(&plan.file.store)?), at.clone()),
        })
    }

    /// The runs that have a folder. What has another name than a run is not ours.
    fn runs(&self) -> Result<BTreeSet<String>> {
        let is_run = |name: &String| name.len() == 16 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        let names: Vec<String> = match self {
            Self::Folder(folder) => {
                entries(folder)?.iter().filter_map(|entry| entry.file_name().into_string().ok()).collect()
            }
            Self::Store(objects, at) => {
                let listed = objects.list(at, true)?;
                let name = |entry: &Entry| Some(below(at, entry)?.split_once('/')?.0.to_owned());
                listed.iter().filter_map(name).collect()
            }
        };
        Ok(names.into_iter().filter(is_run).collect())
    }

    /// What is in the folder of a run and not needed.
    fn unneeded(&self, run: &str, needed: &BTreeSet<String>) -> Result<Vec<StagedEntry>> {
        match self {
            Self::Folder(folder) => unneeded(&folder.join(run), needed),
            Self::Store(objects, at) => {
                let at = at.join(run)?;
                let staged = |entry: Entry| StagedEntry {
                    path: below(&at, &entry).unwrap_or_default().to_owned(),
                    bytes: entry.size,
                    changed_millis: entry.modified.map_or(0, |time| time.timestamp_millis()),
                };
                let mut entries: Vec<StagedEntry> = objects.list(&at, true)?.into_iter().map(staged).collect();
                entries.retain(|entry| !entry.path.is_empty() && !needed.contains(&entry.path));
                entries.sort_by(|one, other| one.path.cmp(&other.path));
                Ok(entries)
            }
        }
    }

    fn remove(&self, run: &str, entries: &[StagedEntry]) -> Result<()> {
        match self {
            Self::Folder(folder) => remove(&folder.join(run), entries),
            Self::Store(objects, at) => {
                let at = at.join(run)?;
                entries.iter().try_for_each(|entry| match objects.delete(&at.join(&entry.path)?) {
                    Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
                    _ => Ok(()),
                })
            }
        }
    }
}

/// The key of an object below a folder.
fn below<'e>(at: &Location, entry: &'e Entry) -> Option<&'e str> {
    entry.location.key().strip_prefix(at.key())?.strip_prefix('/')
}

fn needed<'a>(open: impl IntoIterator<Item = &'a OpenBuffer>, waiting: &'a Waiting) -> Result<BTreeSet<String>> {
    staged_files(open, waiting.epochs.values().flatten())
}

/// What is in a folder; nothing when it is not there.
fn entries(folder: &Path) -> Result<Vec<DirEntry>> {
    match fs::read_dir(folder).and_then(Iterator::collect) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries.map_err(|error| Error::io(error, "cannot look into staging", folder)),
    }
}

/// What is in the folder of a run and not needed. A folder with something that is needed is looked into.
fn unneeded(folder: &Path, needed: &BTreeSet<String>) -> Result<Vec<StagedEntry>> {
    let mut unneeded = Vec::new();
    for entry in entries(folder)? {
        let name = entry.file_name().to_string_lossy().into_owned();
        let within = format!("{name}/");
        if needed.contains(&name) {
            continue;
        }
        if !needed.iter().any(|needed| needed.starts_with(&within)) {
            unneeded.extend(measured(&entry.path(), name)?);
            continue;
        }
        for inner in entries(&entry.path())? {
            let name = format!("{within}{}", inner.file_name().to_string_lossy());
            if !needed.contains(&name) {
                unneeded.extend(measured(&inner.path(), name)?);
            }
        }
    }
    unneeded.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(unneeded)
}

/// None when it has gone in between, as files of a running job do.
fn measured(path: &Path, name: String) -> Result<Option<StagedEntry>> {
    let mut entry = StagedEntry { path: name, bytes: 0, changed_millis: i64::MIN };
    let mut left = vec![path.to_owned()];
    while let Some(path) = left.pop() {
        let metadata = match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            metadata => metadata.map_err(|error| Error::io(error, "cannot look into staging", &path))?,
        };
        let changed = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        entry.changed_millis = entry.changed_millis.max(changed.map_or(0, |since| since.as_millis() as i64));
        match metadata.is_dir() {
            true => left.extend(entries(&path)?.iter().map(DirEntry::path)),
            false => entry.bytes += metadata.len(),
        }
    }
    Ok((entry.changed_millis != i64::MIN).then_some(entry))
}

fn remove(folder: &Path, entries: &[StagedEntry]) -> Result<()> {
    for entry in entries {
        let path = folder.join(&entry.path);
        let is_folder = fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_dir());
        let removed = if is_folder { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Error::io(error, "cannot remove from staging", &path));
            }
            _ => {}
        }
    }
    // Only if nothing is left in it.
    let _ = fs::remove_dir(folder);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::time::Duration;

    use pinotage_connector::Committable;

    use super::*;
    use crate::run::Silent;

    fn put(path: &Path, days: u64) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "x").unwrap();
        let time = SystemTime::now() - Duration::from_secs(days * 24 * 3600 + 60);
        File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
    }

    /// At its start a run removes what is old and not needed, of itself alone.
    #[test]
    fn a_run_removes_its_old_files() {
        let staging = tempfile::tempdir().unwrap();
        let folder = staging.path().join("run");
        for (file, days) in
            [("0-1-a-1.arrow", 30), ("0-1-a-2.arrow", 30), ("0-1-a-3.arrow", 6), ("life/t_0.tar.gz", 30)]
        {
            put(&folder.join(file), days);
        }
        put(&folder.join("life/t_1.tar.gz"), 8);
        put(&staging.path().join("other/0-1-b-1.arrow"), 30);
        let file = r#"{"version":1,"files":[{"name":"0-1-a-1.arrow","rows":1,"bytes":1,"hash":1}],"sinceMillis":0,"sealed":null}"#;
        let open = [OpenBuffer { partition: 0, rows: 1, detail: file.into() }];
        let segment =
            r#"{"name":"t_0","file":"life/t_0.tar.gz","crc":1,"rows":1,"epoch":1,"creationMillis":1,"partitions":{}}"#;
        let committable = Committable { version: 1, rows: 1, detail: segment.into() };
        let waiting = Waiting { epochs: [(1, vec![committable])].into(), through: None };
        let job = "name: j\nsource: {kind: generator, generator: {columns: {a: {type: INT, values: {sequence: {}}}}}}\n\
            sink: {kind: pinot, table: t, output: out}\ncheckpoint: {stagingRetention: 7d}\n";
        let keeps = |retention: &str| {
            let mut plan = Plan::from_yaml(&job.replace("7d", retention), staging.path()).unwrap();
            plan.staging = staging.path().to_owned();
            plan
        };
        // For ever.
        remove_old(&keeps("200000000000d"), "run", &open, &waiting, &Silent);
        assert!(folder.join("0-1-a-2.arrow").exists() && folder.join("life/t_1.tar.gz").exists());
        remove_old(&keeps("7d"), "run", &open, &waiting, &Silent);
        let left: Vec<bool> = [
            "0-1-a-1.arrow",
            "0-1-a-2.arrow",
            "0-1-a-3.arrow",
            "life/t_0.tar.gz",
            "life/t_1.tar.gz",
            "../other/0-1-b-1.arrow",
        ]
        .map(|file| folder.join(file).exists())
        .into();
        assert_eq!(left, [true, false, true, true, false, true]);
    }
}

//! A folder with the rows of a table, brought up to date part by part.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::physical_plan::ExecutionPlan;
use pinotage_common::{Error, Result};
use pinotage_scan::{ScanPlan, Split};
use xxhash_rust::xxh3::xxh3_64;

use super::part::PartWriter;
use super::record::{FileRecord, Head, PartRecord, Record};
use super::write::UNFINISHED;
use super::{Export, ExportSummary, counted, lasting, scan};
use crate::lock::Lock;
use crate::query::{Again, ScanExec};

const VERSION: u32 = 1;

/// Whoever writes into the folder has locked it. It stays: who removes it could remove that of the next one.
pub(super) const LOCK: &str = "_pinotage-export.lock";

pub(super) fn export(export: &Export, folder: &Path, progress: &(dyn Fn(u64) + Sync)) -> Result<ExportSummary> {
    let options = &export.options;
    let head = Head {
        version: VERSION,
        table: export.table.clone(),
        columns: export
            .schema()
            .fields()
            .iter()
            .map(|field| (field.name().clone(), field.data_type().to_string()))
            .collect(),
        filter: options.filter.clone(),
        format: options.format.extension().to_owned(),
        partition_by: options.partition_by.clone(),
    };
    // A folder with something else in it stays as it is.
    Record::read(folder, &head)?;
    fs::create_dir_all(folder).map_err(|error| Error::io(error, "cannot make the folder", folder))?;
    let advice = "wait until it has ended, or name another folder; when it was stopped, run again";
    let _lock = Lock::take(&folder.join(LOCK), "another export writes into the folder", advice)
        .map_err(|error| error.with("folder", folder.display()))?;

    let (mut plan, mut again) = (Arc::clone(&export.plan), Again::default());
    let mut removed = 0;
    // What was there before this run.
    let mut earlier_files: Option<BTreeSet<PathBuf>> = None;
    let (kept, written) = loop {
        let earlier = Record::read(folder, &head)?;
        let (kept, missing) = match scan(&plan).map(ScanExec::plan) {
            Some(plan) => divide(folder, plan, earlier),
            None => (Vec::new(), Vec::new()),
        };
        let kept_files: Vec<FileRecord> = kept.iter().flat_map(|part| part.files.clone()).collect();
        earlier_files.get_or_insert_with(|| kept_files.iter().map(|file| file.path.clone()).collect());
        // Before anything new comes: at every moment no row stands in two files.
        removed += remove_others(folder, &kept_files)?;
        let record = Record::begin(folder, &head, &kept)?;
        match read_all(export, &plan, folder, &missing, &record, progress) {
            Ok(written) => break (kept, [kept_files, written].concat()),
            // Parts that are complete stay, so far as the new plan has their segments.
            Err(error) => plan = export.plan_again(error, &mut again)?,
        }
    };
    let earlier_files = earlier_files.unwrap_or_default();
    let (earlier, written): (Vec<FileRecord>, Vec<FileRecord>) =
        written.into_iter().partition(|file| earlier_files.contains(&file.path));
    let mut summary = ExportSummary {
        rows: written.iter().map(|file| file.rows).sum(),
        bytes: written.iter().map(|file| file.bytes).sum(),
        files: written.len(),
        kept: (earlier.len(), earlier.iter().map(|file| file.rows).sum()),
        removed,
        ..ExportSummary::default()
    };
    let Some(plan) = scan(&plan).map(ScanExec::plan) else { return Ok(summary) };
    let (then, now) = (lasting(plan), export.lasting_now()?);
    summary.warnings = export.warnings().take();
    let new = now.iter().filter(|(name, crc)| then.get(*name) != Some(crc)).count();
    let gone = then.keys().filter(|name| !now.contains_key(*name)).count();
    if new + gone > 0 {
        summary.warnings.push(format!(
            "the table changed while it was read: {new} segments are new or have other rows, {gone} have gone; run again to bring the folder up to date"
        ));
    }
    let passing = plan.splits.iter().flat_map(Split::segments).filter(|name| !then.contains_key(*name)).count();
    if passing > 0 {
        summary.warnings.push(format!(
            "{passing} segments are still growing, or others decide which of their rows count: each run reads them again"
        ));
    }
    let there: HashSet<&str> = kept.iter().flat_map(|part| part.segments.keys()).map(String::as_str).collect();
    summary.missing = plan.missing.iter().filter(|name| !there.contains(name.as_str())).cloned().collect();
    if summary.missing.len() < plan.missing.len() {
        summary.warnings.push(format!(
            "{} of the segments that no server has loaded are in the folder from an earlier run",
            plan.missing.len() - summary.missing.len()
        ));
    }
    Ok(summary)
}

/// A part that has to be read.
struct Missing {
    split: Split,
    half: String,
    condition: String,
    segments: BTreeMap<String, Option<u64>>,
}

impl Missing {
    /// The same for the same segments, with no character that a file's name could not have.
    fn name(&self) -> String {
        let text = format!("{} {} {:?}", self.half, self.condition, self.segments);
        format!("part-{:016x}", xxh3_64(text.as_bytes()))
    }
}

/// What of the earlier parts is still right, and what is missing.
fn divide(folder: &Path, plan: &ScanPlan, earlier: Vec<PartRecord>) -> (Vec<PartRecord>, Vec<Missing>) {
    let halves: Vec<(String, String, &BTreeMap<String, u64>)> = plan
        .halves
        .iter()
        .map(|half| (half.table_type.of(&plan.table), format!("{:?}", half.predicate), &half.lasting))
        .collect();
    let there = |file: &FileRecord| {
        fs::metadata(folder.join(&file.path)).is_ok_and(|found| found.is_file() && found.len() == file.bytes)
    };
    let right = |part: &PartRecord| {
        let half = halves.iter().find(|(name, condition, _)| (name, condition) == (&part.half, &part.condition));
        let same = half.is_some_and(|(.., lasting)| {
            part.segments.iter().all(|(name, crc)| crc.is_some() && lasting.get(name) == crc.as_ref())
        });
        same && part.files.iter().all(there)
    };
    let kept: Vec<PartRecord> = earlier.into_iter().filter(right).collect();
    let done: HashSet<(&str, &str)> = kept
        .iter()
        .flat_map(|part| part.segments.keys().map(|segment| (part.half.as_str(), segment.as_str())))
        .collect();
    let mut missing = Vec::new();
    for split in &plan.splits {
        let half = plan.half(split);
        let name = half.table_type.of(&plan.table);
        let Some(split) = split.retain(|segment| !done.contains(&(name.as_str(), segment))) else { continue };
        let segments = split.segments().map(|name| (name.to_owned(), half.lasting.get(name).copied())).collect();
        missing.push(Missing { segments, split, condition: format!("{:?}", half.predicate), half: name });
    }
    (kept, missing)
}

/// Removes what no kept part has, and what is left of stopped runs. Only files with names of ours go.
fn remove_others(folder: &Path, kept: &[FileRecord]) -> Result<usize> {
    let kept: BTreeSet<PathBuf> = kept.iter().map(|file| folder.join(&file.path)).collect();
    let failed = |error| Error::io(error, "cannot remove what is left of an earlier export", folder);
    let mut removed = 0;
    let mut folders = vec![(folder.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_dir() && depth == 0 && name.contains('=') {
                folders.push((path, depth + 1));
            } else if kind.is_file() && (name.starts_with(UNFINISHED) || is_part(&name) && !kept.contains(&path)) {
                fs::remove_file(&path).map_err(failed)?;
                removed += usize::from(is_part(&name));
            }
        }
        if depth > 0 {
            // When it is empty.
            let _ = fs::remove_dir(&folder);
        }
    }
    Ok(removed)
}

fn is_part(name: &str) -> bool {
    name.strip_prefix("part-").and_then(|rest| rest.get(..16)).is_some_and(|hash| {
        hash.bytes().all(|byte| byte.is_ascii_hexdigit()) && matches!(name.as_bytes().get(21), Some(b'.' | b'-'))
    })
}

/// Reads some parts at a time, and records each when its files are complete.
fn read_all(
    export: &Export,
    plan: &Arc<dyn ExecutionPlan>,
    folder: &Path,
    parts: &[Missing],
    record: &Record,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Vec<FileRecord>> {
    let read = |part: &Missing| {
        let writer = PartWriter {
            folder,
            name: &part.name(),
            schema: &export.schema(),
            format: export.options.format,
            partition_by: export.options.partition_by.as_deref(),
        };
        let files = writer.write(counted(export.rows(plan, &part.split)?, progress))?;
        let (half, condition) = (part.half.clone(), part.condition.clone());
        record.add(&PartRecord { half, condition, segments: part.segments.clone(), files: files.clone() })?;
        Ok(files)
    };
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let results: Mutex<Vec<Result<Vec<FileRecord>>>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..export.options.parallelism.clamp(1, parts.len().max(1)) {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed)
                    && let Some(part) = parts.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    let result = read(part);
                    stop.fetch_or(result.is_err(), Ordering::Relaxed);
                    results.lock().unwrap_or_else(PoisonError::into_inner).push(result);
                }
            });
        }
    });
    let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(results.into_iter().collect::<Result<Vec<_>>>()?.concat())
}

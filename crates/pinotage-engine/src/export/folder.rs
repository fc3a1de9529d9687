//! A folder with the rows of a table, brought up to date part by part.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use pinotage_common::{Error, Result};
use pinotage_scan::{ScanPlan, Split};
use xxhash_rust::xxh3::xxh3_64;

use super::part::PartWriter;
use super::record::{FileRecord, Head, PartRecord, Record};
use super::write::UNFINISHED;
use super::{Export, ExportSummary, counted, lasting};

const VERSION: u32 = 1;

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
    let earlier = Record::read(folder, &head)?;
    let (kept, missing) = match export.plan() {
        Some(plan) => divide(folder, plan, earlier),
        None => (Vec::new(), Vec::new()),
    };
    fs::create_dir_all(folder).map_err(|error| Error::io(error, "cannot make the folder", folder))?;
    let files = |parts: &[PartRecord]| parts.iter().flat_map(|part| part.files.clone()).collect::<Vec<FileRecord>>();
    let kept_files = files(&kept);
    // Before anything new comes: at every moment no row stands in two files.
    let removed = remove_others(folder, &kept_files)?;
    let record = Record::begin(folder, &head, &kept)?;
    let written = read_all(export, folder, &missing, &record, progress)?;

    let mut summary = ExportSummary {
        rows: written.iter().map(|file| file.rows).sum(),
        bytes: written.iter().map(|file| file.bytes).sum(),
        files: written.len(),
        kept: (kept_files.len(), kept_files.iter().map(|file| file.rows).sum()),
        removed,
        warnings: Vec::new(),
    };
    let Some(plan) = export.plan() else { return Ok(summary) };
    let (then, now) = (lasting(plan), export.lasting_now()?);
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
        let files = writer.write(counted(export.rows(&part.split)?, progress))?;
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

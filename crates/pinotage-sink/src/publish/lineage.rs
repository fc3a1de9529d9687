//! Replacements: looked for, started, gone on with, ended, taken back.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use pinotage_client::{LineageEntry, LineageState, Replacement};
use pinotage_common::{Error, ErrorKind, Result};

use super::upload::{Existing, upload_all};
use super::{Publication, PushObserver, PushOptions, wait};
use crate::{Snapshot, Target, Waiting};

/// Replaces segments in one step.
pub(super) async fn replace(
    target: &Target,
    snapshot: &Snapshot,
    publication: &Publication,
    leaving: Vec<String>,
    options: &PushOptions,
    observer: &dyn PushObserver,
) -> Result<()> {
    let Publication { to, own_prefix, .. } = publication;
    let mut names: Vec<String> = to.iter().map(|segment| segment.name.clone()).collect();
    names.sort();
    let id = match earlier(snapshot, &names) {
        Some(entry) if entry.state == LineageState::Completed => return wait(target, to, options, observer).await,
        Some(entry) if entry.state == LineageState::InProgress => entry.id.clone(),
        _ => {
            check_unused(target, snapshot, &names)?;
            let force = clear(target, snapshot, &names, &leaving, own_prefix.as_deref()).await?;
            let custom_map = to.first().map(|segment| segment.custom.clone()).unwrap_or_default();
            let replacement = Replacement { segments_from: leaving, segments_to: names.clone(), custom_map };
            start(target, &replacement, force).await?
        }
    };
    let pushed = async {
        upload_all(target, snapshot, to, &Existing::Never, options, observer).await?;
        // Ending waits for the servers in any case; here a segment that cannot be loaded is told with its reason, at once.
        let waiting = PushOptions { wait_seconds: options.wait_seconds.max(60), ..options.clone() };
        wait(target, to, &waiting, observer).await?;
        check_leaving(target, &publication.from).await?;
        target.controller.end_replace_segments(&target.table, target.table_type, &id, false).await
    };
    match pushed.await {
        Ok(()) => Ok(()),
        Err(error) if goes_on(&error) => Err(error),
        Err(error) => {
            let taken_back = take_back(target, &id, &names).await;
            Err(match taken_back {
                Ok(()) => error.with("replacement", "reverted"),
                Err(other) => error.with("replacement", format!("{id} is still in progress: {other}")),
            })
        }
    }
}

/// What goes is still what was decided on: the rows of a segment that somebody has refreshed since would be lost. CRC 0 stands
/// for any.
async fn check_leaving(target: &Target, from: &BTreeMap<String, u64>) -> Result<()> {
    let known = target.controller.all_segment_metadata(&target.table, target.table_type).await?;
    for (name, crc) in from.iter().filter(|(_, crc)| **crc != 0) {
        let found = known.get(name).and_then(|segment| segment.crc);
        if let Some(found) = found.filter(|found| found != crc) {
            return Err(Error::new(
                ErrorKind::CommitConflict,
                format!("a segment that was to go has been refreshed: expected CRC {crc}, found {found}"),
            )
            .with("table", target.table_type.of(&target.table))
            .with("segment", name)
            .action("find out who else pushes this name, then run again"));
        }
    }
    Ok(())
}

/// The next call may go on where this one ended: nobody has refused anything, only answers are missing.
fn goes_on(error: &Error) -> bool {
    error.kind() == ErrorKind::Unavailable && !error.context().iter().any(|(key, _)| *key == "server")
}

/// The latest entry that brings exactly these segments.
fn earlier<'a>(snapshot: &'a Snapshot, names: &[String]) -> Option<&'a LineageEntry> {
    let wanted: BTreeSet<&String> = names.iter().collect();
    snapshot.lineage.iter().rev().find(|entry| entry.segments_to.iter().collect::<BTreeSet<_>>() == wanted)
}

/// Starts a replacement; when the answer was lost, looks whether it has started.
async fn start(target: &Target, replacement: &Replacement, force: bool) -> Result<String> {
    match target.controller.start_replace_segments(&target.table, target.table_type, replacement, force).await {
        Err(error) if error.kind() == ErrorKind::Unavailable => {
            let snapshot = target.snapshot().await?;
            match earlier(&snapshot, &replacement.segments_to) {
                Some(entry) if entry.state == LineageState::InProgress => Ok(entry.id.clone()),
                _ => Err(error),
            }
        }
        result => result,
    }
}

/// Names of a replacement that was taken back are not used again. As long as the controller keeps its entry queries do not see
/// segments of these names, wherever else they stand, and the controller's retention task deletes them.
fn check_unused(target: &Target, snapshot: &Snapshot, names: &[String]) -> Result<()> {
    let used = snapshot
        .lineage
        .iter()
        .filter(|entry| entry.state == LineageState::Reverted)
        .find_map(|entry| Some((entry, names.iter().find(|name| entry.segments_to.contains(name))?)));
    let Some((entry, name)) = used else { return Ok(()) };
    Err(Error::new(
        ErrorKind::CommitConflict,
        "a replacement with a segment of this name was taken back, and Pinot would hide and delete it",
    )
    .with("table", target.table_type.of(&target.table))
    .with("replacement", &entry.id)
    .with("segment", name)
    .action(
        "build the segments again under other names (`pinotage run --force`), or wait until the controller's retention task has \
         removed the entry: `pinotage push --list` shows it until then",
    ))
}

/// Removes what an earlier run of this job left in the way. Returns whether the next start has to drop an entry: one that was
/// reverted would keep its names from being used again.
async fn clear(
    target: &Target,
    snapshot: &Snapshot,
    names: &[String],
    leaving: &[String],
    own_prefix: Option<&str>,
) -> Result<bool> {
    let touched: BTreeSet<&String> = names.iter().chain(leaving).collect();
    let mut force = false;
    for entry in snapshot.lineage.iter().filter(|entry| entry.state == LineageState::InProgress) {
        let all = || entry.segments_to.iter().chain(&entry.segments_from);
        if !all().any(|name| touched.contains(name)) {
            continue;
        }
        let own = own_prefix.is_some_and(|prefix| entry.segments_to.iter().all(|name| name.starts_with(prefix)));
        if !own {
            return Err(Error::new(ErrorKind::CommitConflict, "another replacement of these segments is in progress")
                .with("table", target.table_type.of(&target.table))
                .with("replacement", &entry.id)
                .with("segment", entry.segments_to.first().map_or("", String::as_str))
                .action(
                    "wait until it has ended; if nobody is at work on it, take it back with `pinotage push --revert`",
                ));
        }
        if entry.segments_to.iter().any(|name| names.contains(name)) {
            remove(target, &entry.segments_to).await?;
            force = true;
        } else {
            take_back(target, &entry.id, &entry.segments_to).await?;
        }
    }
    Ok(force)
}

/// Deletes segments and waits until they are gone: the controller starts no replacement with names that are taken.
async fn remove(target: &Target, names: &[String]) -> Result<()> {
    target.controller.delete_segments(&target.table, target.table_type, names).await?;
    let waiting = Waiting::default();
    let (start, mut pause) = (Instant::now(), waiting.pause);
    loop {
        let known = target.controller.all_segment_metadata(&target.table, target.table_type).await?;
        let ideal = target.controller.ideal_state(&target.table, target.table_type).await?;
        let left = names.iter().find(|name| known.contains_key(*name) || ideal.contains_key(*name));
        let Some(left) = left else { return Ok(()) };
        if start.elapsed() > waiting.limit {
            return Err(Error::new(ErrorKind::Unavailable, "a segment that was taken back is still in the cluster")
                .with("segment", left)
                .action("run again a little later; the controller deletes it"));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(3));
    }
}

async fn take_back(target: &Target, id: &str, names: &[String]) -> Result<()> {
    target.controller.revert_replace_segments(&target.table, target.table_type, id, true).await?;
    target.controller.delete_segments(&target.table, target.table_type, names).await
}

/// Takes replacements of a table back: those in progress, or the one with the given id in whatever state. Queries see again
/// what they saw before. Returns what was taken back.
///
/// # Errors
///
/// `not-found` when there is nothing of the kind; `commit-conflict` when the controller refuses, for example because a later
/// replacement builds on it.
pub async fn revert(target: &Target, id: Option<&str>) -> Result<Vec<LineageEntry>> {
    let entries = target.controller.lineage(&target.table, target.table_type).await?;
    let chosen: Vec<LineageEntry> = entries
        .into_iter()
        .filter(|entry| match id {
            Some(id) => entry.id == id,
            None => entry.state == LineageState::InProgress,
        })
        .collect();
    if chosen.is_empty() {
        let what = id.map_or("no replacement is in progress".into(), |id| format!("there is no replacement `{id}`"));
        return Err(Error::not_found(what)
            .with("table", target.table_type.of(&target.table))
            .action("nothing needs to be taken back; `--list` shows all replacements"));
    }
    for entry in &chosen {
        target.controller.revert_replace_segments(&target.table, target.table_type, &entry.id, true).await?;
    }
    Ok(chosen)
}

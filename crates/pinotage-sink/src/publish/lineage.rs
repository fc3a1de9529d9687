//! Replacements: looked for, started, gone on with, ended, taken back.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use pinotage_client::{LineageEntry, LineageState, Replacement};
use pinotage_common::{Error, ErrorKind, Result, Retry};

use super::upload::{Existing, other_bytes, upload_all};
use super::{Publication, PushObserver, PushOptions, check_alone_now, wait};
use crate::{Before, LocalSegment, Snapshot, Target, Waiting};

/// Replaces segments in one step.
pub(super) async fn replace(
    target: &Target,
    snapshot: &Snapshot,
    publication: &Publication,
    leaving: Vec<String>,
    options: &PushOptions,
    observer: &dyn PushObserver,
) -> Result<()> {
    let Publication { to: all, from, own_prefix, .. } = publication;
    let whole = earlier(snapshot, &names(all));
    if whole.is_some_and(|entry| entry.state == LineageState::Completed) {
        return complete(target, all, options, observer).await;
    }
    // What queries see already has come: to take it away, only for all to come together, would cost rows for a while.
    let visible = snapshot.visible();
    let is_there = |segment: &&LocalSegment| {
        let name = &segment.name;
        visible.contains(name.as_str()) && has_bytes(snapshot, segment) && !snapshot.failed.contains(name)
    };
    let to: &[LocalSegment] = &all.iter().filter(|segment| !is_there(segment)).cloned().collect::<Vec<_>>();
    if to.is_empty() {
        wait(target, all, Before::Nothing, options, observer).await?;
        check_leaving(target, from).await?;
        return target.controller.delete_segments(&target.table, target.table_type, &leaving).await;
    }
    check_others(snapshot, to)?;
    let names = names(to);
    let failed = names.iter().any(|name| snapshot.failed.contains(name));
    let mut now = Cow::Borrowed(snapshot);
    let id = match earlier(snapshot, &names) {
        Some(entry) if entry.state == LineageState::Completed => {
            return complete(target, all, options, observer).await;
        }
        Some(entry) if entry.state == LineageState::InProgress && !failed && takes_away(snapshot, entry, &leaving) => {
            entry.id.clone()
        }
        found => {
            // What a server could not load is pushed once more, from the beginning; so is what was to take the place of others.
            let ours = found.filter(|entry| entry.state == LineageState::InProgress).map(|entry| entry.id.as_str());
            let in_the_way = InTheWay { names: &names, leaving: &leaving, own_prefix: own_prefix.as_deref(), ours };
            // The second are of a replacement whose entry was lost, or deleted by hand.
            if in_the_way.clear(target, snapshot).await? || to.iter().any(|segment| has_bytes(snapshot, segment)) {
                remove(target, &names).await?;
                now = Cow::Owned(target.snapshot().await?);
            }
            // What the segments say about themselves stays out of it: Pinot 0.11 refuses it and nobody could read it.
            let replacement =
                Replacement { segments_from: leaving, segments_to: names.clone(), ..Replacement::default() };
            match start(target, &replacement).await {
                // Names that are taken since the table was looked at: by whom?
                Err(error) if error.kind() == ErrorKind::CommitConflict => {
                    check_alone_now(target, publication).await?;
                    return Err(error);
                }
                started => started?,
            }
        }
    };
    let pushed = async {
        if publication.history.is_some() {
            let lineage = check_alone_now(target, publication).await?;
            // Pinot 0.11 loses an entry when another one is written at the same moment: nothing would hide what comes.
            if !lineage.iter().any(|entry| entry.id == id && entry.state == LineageState::InProgress) {
                return Err(Error::new(ErrorKind::Unavailable, "a replacement that was started is gone")
                    .with("replacement", &id)
                    .action("run again"));
            }
        }
        upload_all(target, &now, to, &Existing::Never, options, observer).await?;
        // Ending waits for the servers in any case; here a segment that cannot be loaded is told with its reason, at once.
        let wait_seconds = if options.wait_seconds == 0 { 60 } else { options.wait_seconds };
        let waiting = PushOptions { wait_seconds, ..options.clone() };
        wait(target, to, Before::Nothing, &waiting, observer).await?;
        check_leaving(target, from).await?;
        target.controller.end_replace_segments(&target.table, target.table_type, &id, false).await
    };
    match pushed.await {
        Ok(()) => complete(target, all, options, observer).await,
        Err(error) if goes_on(&error) => Err(error),
        // The controller says so of what it failed to do behind the end: to take it back would hide rows that queries see.
        Err(_) if has_ended(target, &id).await => complete(target, all, options, observer).await,
        // Not by us: the controller's retention manager, or a person. What has to come is still in staging.
        Err(error) if publication.history.is_some() && is_gone(target, &id).await => {
            Err(Error::new(ErrorKind::Unavailable, "the replacement was taken back before it ended")
                .with("replacement", &id)
                .action("the segments are pushed again")
                .caused_by(error))
        }
        Err(error) => {
            let taken_back = take_back(target, &id, &names).await;
            Err(match taken_back {
                Ok(()) => error.with("replacement", "reverted"),
                Err(other) => error.with("replacement", format!("{id} is still in progress: {other}")),
            })
        }
    }
}

/// Queries see what the replacement brings.
async fn has_ended(target: &Target, id: &str) -> bool {
    let lineage = target.controller.lineage(&target.table, target.table_type).await;
    lineage.is_ok_and(|lineage| lineage.iter().any(|entry| entry.id == id && entry.state == LineageState::Completed))
}

/// Nobody can end the replacement any more.
async fn is_gone(target: &Target, id: &str) -> bool {
    let lineage = target.controller.lineage(&target.table, target.table_type).await;
    lineage.is_ok_and(|lineage| !lineage.iter().any(|entry| entry.id == id && entry.state != LineageState::Reverted))
}

/// Sorted.
fn names(segments: &[LocalSegment]) -> Vec<String> {
    let mut names: Vec<String> = segments.iter().map(|segment| segment.name.clone()).collect();
    names.sort();
    names
}

/// The cluster knows a segment of this name with these bytes, whether servers are to have it or not.
fn has_bytes(snapshot: &Snapshot, segment: &LocalSegment) -> bool {
    snapshot.segments.get(&segment.name).is_some_and(|found| found.crc == Some(segment.crc))
}

/// What has the name of a segment that comes, and is of no replacement, is somebody else's and must stay.
fn check_others(snapshot: &Snapshot, to: &[LocalSegment]) -> Result<()> {
    let is_taken = |segment: &&LocalSegment| {
        let name = &segment.name;
        snapshot.segments.contains_key(name) && !has_bytes(snapshot, segment) && !snapshot.is_brought(name)
    };
    match to.iter().find(is_taken) {
        None => Ok(()),
        Some(segment) => {
            let found = snapshot.segments.get(&segment.name).and_then(|found| found.crc);
            Err(other_bytes(segment, found).with("segment", &segment.name))
        }
    }
}

/// After the end queries see these names. What somebody has deleted right before comes back: Pinot 0.11 ends without it.
async fn complete(
    target: &Target,
    to: &[LocalSegment],
    options: &PushOptions,
    observer: &dyn PushObserver,
) -> Result<()> {
    let snapshot = target.snapshot().await?;
    let gone = to.iter().filter(|segment| !snapshot.holds(&segment.name)).cloned().collect::<Vec<_>>();
    if !gone.is_empty() {
        remove(target, &names(&gone)).await?;
        let snapshot = target.snapshot().await?;
        upload_all(target, &snapshot, &gone, &Existing::Never, options, observer).await?;
    }
    wait(target, to, Before::Nothing, options, observer).await
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
    error.kind() == ErrorKind::Unavailable && error.retry() == Retry::Temporary
}

/// The latest entry that brings exactly these segments.
fn earlier<'a>(snapshot: &'a Snapshot, names: &[String]) -> Option<&'a LineageEntry> {
    let wanted: BTreeSet<&String> = names.iter().collect();
    snapshot.lineage.iter().rev().find(|entry| entry.segments_to.iter().collect::<BTreeSet<_>>() == wanted)
}

/// What goes by the entry, of what is there, is what is to go: it may have been decided anew since.
fn takes_away(snapshot: &Snapshot, entry: &LineageEntry, leaving: &[String]) -> bool {
    let going = entry.segments_from.iter().filter(|name| snapshot.holds(name));
    going.collect::<BTreeSet<_>>() == leaving.iter().collect::<BTreeSet<_>>()
}

/// Starts a replacement; when the answer was lost, looks whether it has started.
async fn start(target: &Target, replacement: &Replacement) -> Result<String> {
    match target.controller.start_replace_segments(&target.table, target.table_type, replacement, false).await {
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

/// What a replacement must not meet.
struct InTheWay<'a> {
    names: &'a [String],
    leaving: &'a [String],
    own_prefix: Option<&'a str>,
    /// The id of a replacement that is this one.
    ours: Option<&'a str>,
}

impl InTheWay<'_> {
    /// Reverts what an earlier run of this job left in the way. Returns whether there was something.
    async fn clear(&self, target: &Target, snapshot: &Snapshot) -> Result<bool> {
        let Self { names, leaving, own_prefix, ours } = *self;
        let touched: BTreeSet<&String> = names.iter().chain(leaving).collect();
        let mut any = snapshot.lineage.iter().any(|entry| is_reverted(entry, names));
        for entry in snapshot.lineage.iter().filter(|entry| entry.state == LineageState::InProgress) {
            let all = || entry.segments_to.iter().chain(&entry.segments_from);
            if !all().any(|name| touched.contains(name)) {
                continue;
            }
            let own = ours == Some(&entry.id)
                || own_prefix.is_some_and(|prefix| entry.segments_to.iter().all(|name| name.starts_with(prefix)));
            if !own {
                return Err(Error::new(
                    ErrorKind::CommitConflict,
                    "another replacement of these segments is in progress",
                )
                .with("table", target.table_type.of(&target.table))
                .with("replacement", &entry.id)
                .with("segment", entry.segments_to.first().map_or("", String::as_str))
                .action(
                    "wait until it has ended; if nobody is at work on it, take it back with `pinotage push --revert`",
                ));
            }
            take_back(target, &entry.id, &entry.segments_to).await?;
            any = true;
        }
        Ok(any)
    }
}

/// Segments of a replacement that was taken back keep their names taken until they are gone, and queries do not see what has
/// such a name until the replacement is forgotten, which is the work of Pinot's retention manager.
pub(crate) async fn remove(target: &Target, names: &[String]) -> Result<()> {
    let Target { controller, table, table_type } = target;
    controller.delete_segments(table, *table_type, names).await?;
    let waiting = Waiting::default();
    let (start, mut pause) = (Instant::now(), waiting.pause);
    loop {
        let known = controller.all_segment_metadata(table, *table_type).await?;
        let ideal = controller.ideal_state(table, *table_type).await?;
        let left = match names.iter().find(|name| known.contains_key(*name) || ideal.contains_key(*name)) {
            Some(left) => left.clone(),
            None => {
                let lineage = controller.lineage(table, *table_type).await?;
                let Some(entry) = lineage.into_iter().find(|entry| is_reverted(entry, names)) else { return Ok(()) };
                controller.run_periodic_task("RetentionManager", table, *table_type).await?;
                entry.id
            }
        };
        if start.elapsed() > waiting.limit {
            return Err(Error::new(ErrorKind::Unavailable, "what was taken back is still in the cluster")
                .with("table", table_type.of(table))
                .with("segment or replacement", left)
                .action("run again a little later; the controller deletes it"));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(3));
    }
}

/// The replacement was taken back and would have brought one of the segments.
fn is_reverted(entry: &LineageEntry, names: &[String]) -> bool {
    entry.state == LineageState::Reverted && entry.segments_to.iter().any(|name| names.contains(name))
}

async fn take_back(target: &Target, id: &str, names: &[String]) -> Result<()> {
    let Target { controller, table, table_type } = target;
    if let Err(error) = controller.revert_replace_segments(table, *table_type, id, true).await {
        // Pinot 0.11 loses an entry when another one is written at the same moment; then nothing hides these segments.
        let lost = !controller.lineage(table, *table_type).await?.iter().any(|entry| entry.id == id);
        if !lost {
            return Err(error);
        }
    }
    controller.delete_segments(table, *table_type, names).await
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

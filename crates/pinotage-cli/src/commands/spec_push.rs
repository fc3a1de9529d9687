//! Job specs that only push: `SegmentTarPush` and the like.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use pinotage_common::{Error, ErrorKind, Result};
use pinotage_engine::{Pusher, Replace, remove_segment_files, segment_files_below};
use pinotage_job::pinot_spec::{PushWishes, is_consistent};
use pinotage_sink::LocalSegment;
use pinotage_sink::publish::Publication;
use pinotage_spec::TableConfig;
use pinotage_store::Location;

use crate::output::print;
use crate::progress::Progress;

/// The segment files that are pushed.
pub(crate) fn segments(wishes: &PushWishes) -> Result<Vec<LocalSegment>> {
    let pattern = wishes.file_pattern.as_ref();
    let chosen = |path: &str| pattern.is_none_or(|pattern| pattern.matches(path));
    let mut segments = segment_files_below(&wishes.output, &wishes.store, &chosen)?;
    for segment in &mut segments {
        let place = match &segment.stored {
            Some(stored) => stored.entry.location.clone(),
            None => Location::local(&segment.path)?,
        };
        segment.archive_uri = wishes.archive_uris.as_ref().map(|uris| uris.of(&place));
    }
    Ok(segments)
}

/// Pushes the segment files to each controller, one after the other.
pub(crate) fn run(wishes: &PushWishes, dry_run: bool) -> Result<ExitCode> {
    let segments = segments(wishes)?;
    let options = wishes.options();
    let cancel = Arc::new(AtomicBool::new(false));
    super::run::stop_on_ctrl_c(&cancel);
    let mut text = String::new();
    for connection in &wishes.connections {
        let pusher = Pusher::new(connection, &wishes.table)?;
        let publication = publication(&pusher, &segments)?;
        let (table, coming, going) = (pusher.key(), publication.to.len(), publication.from.len());
        if dry_run {
            let _ = writeln!(text, "table {table}: would push {coming} segments, {going} would go");
            continue;
        }
        if coming == 0 && going == 0 {
            let _ = writeln!(text, "table {table} has all {} segments", segments.len());
            continue;
        }
        let progress = Progress::default();
        let result = pusher.push(&publication, &options, &cancel, &progress);
        progress.finish();
        result?;
        let _ = writeln!(text, "pushed {coming} segments to {table}, loaded by all their servers; {going} went");
        text.push_str(&progress.uploaded());
    }
    if wishes.clean_up_output && !dry_run {
        remove_segment_files(&segments)?;
    }
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// What comes and what goes: segments of the same names, or everything where the table wants that.
fn publication(pusher: &Pusher, segments: &[LocalSegment]) -> Result<Publication> {
    if !is_consistent(&TableConfig::from_document(pusher.table()?)?) {
        return Ok(Publication { overwrite: true, ..pusher.plan(segments, Replace::SameNames)? });
    }
    let publication = pusher.plan(segments, Replace::Everything)?;
    match publication.to.iter().find(|segment| publication.from.contains_key(&segment.name)) {
        None => Ok(publication),
        Some(taken) => Err(Error::new(
            ErrorKind::AlreadyExists,
            "the table wants `consistentDataPush`, which needs names of segments that are new",
        )
        .with("table", pusher.key())
        .with("segment", &taken.name)
        .action("build the segments with another `segment.name.postfix`, or in the same job that pushes them")),
    }
}

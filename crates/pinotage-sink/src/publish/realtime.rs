//! Segments into a REALTIME table, beside those of its stream.

use pinotage_common::{Error, ErrorKind, Result};
use serde_json::Value as Json;

use super::late::Reach;
use super::upload::{Existing, upload_all};
use super::{Publication, PushObserver, PushOptions, check_alone, check_alone_now, check_names, lineage, wait};
use crate::kinds::check_uploaded;
use crate::{Before, LocalSegment, Snapshot, Target};

/// Uploads segments that are new, one by one; one that is there with our CRC is done. Queries see each as soon as it is loaded.
pub(super) async fn upload(
    target: &Target,
    table: &Json,
    publication: &Publication,
    options: &PushOptions,
    observer: &dyn PushObserver,
) -> Result<()> {
    let Publication { to, from, overwrite, .. } = publication;
    if !from.is_empty() || *overwrite {
        return Err(Error::new(ErrorKind::Unsupported, "segments of a REALTIME table are added, and replace none")
            .with("table", target.key())
            .action("push the rows under new names: with a primary key the greater comparison value counts"));
    }
    to.iter().try_for_each(|segment| check_uploaded(table, segment))?;
    check_names(to)?;
    let mut snapshot = target.snapshot().await?;
    check_alone(&snapshot, publication)?;
    let failed = to.iter().filter(|it| snapshot.failed.contains(&it.name) && is_there(&snapshot, it));
    let failed: Vec<String> = failed.map(|segment| segment.name.clone()).collect();
    // What a server could not load is pushed once more.
    if !failed.is_empty() {
        lineage::remove(target, &failed).await.map_err(|error| not_deleted(error, &failed[0]))?;
        snapshot = target.snapshot().await?;
    }
    let reach = match &publication.time_to_live {
        Some(ttl) => {
            ttl.check_push(options)?;
            Some(Reach::of(ttl, to).await?)
        }
        None => None,
    };
    let (there, coming): (Vec<&LocalSegment>, Vec<_>) = to.iter().partition(|it| is_there(&snapshot, it));
    if let Some(reach) = &reach {
        reach.before(target, coming.iter().copied()).await?;
    }
    if publication.history.is_some() && to.len() > 1 {
        // Nothing hides segments of this half. Of two copies of a state each shows the other one segment at most.
        upload_all(target, &snapshot, &to[..1], &Existing::Never, options, observer).await?;
        check_alone_now(target, publication).await?;
        snapshot = target.snapshot().await?;
    }
    // Where keys are forgotten the stream may have gone on since the last ones.
    let together = if reach.is_some() { options.parallelism.max(1) } else { to.len().max(1) };
    for part in to.chunks(together) {
        if let Some(reach) = &reach {
            reach.before(target, part.iter().filter(|it| !is_there(&snapshot, it))).await?;
        }
        upload_all(target, &snapshot, part, &Existing::Never, options, observer).await?;
    }
    wait(target, to, Before::Nothing, options, observer).await?;
    match &reach {
        Some(reach) => reach.after(target, (&coming, &there), observer).await,
        None => Ok(()),
    }
}

/// The table has the segment, with our CRC.
fn is_there(snapshot: &Snapshot, segment: &LocalSegment) -> bool {
    snapshot.segment(&segment.name).is_some_and(|found| found.crc == Some(segment.crc))
}

/// Pinot 0.11 guesses from a segment's name which half of the table it is of, and takes ours for one of the OFFLINE half.
fn not_deleted(error: Error, segment: &str) -> Error {
    if error.kind() != ErrorKind::PermissionDenied {
        return error;
    }
    Error::unsupported("a server could not load a segment, and the controller does not delete it so that it can be pushed again")
        .with("segment", segment)
        .action("have servers try again with `POST /segments/<table>_REALTIME/<segment>/reset` when what their logs say is corrected")
        .caused_by(error)
}

//! Archives to the controller, several at a time.

use std::collections::BTreeMap;
use std::path::PathBuf;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use pinotage_client::{CustomMap, Upload};
use pinotage_common::{ByteSize, Error, ErrorKind, Result};
use pinotage_segment::write::archive_folder;

use super::{PushObserver, PushOptions};
use crate::{LocalSegment, Snapshot, Target};

/// What may be in the cluster under a segment's name.
pub(super) enum Existing {
    /// Nothing but the segment itself.
    Never,
    /// Segments with these CRCs, which are replaced.
    Replace(BTreeMap<String, u64>),
}

/// Uploads the segments; those that are there already with our CRC are left alone.
pub(super) async fn upload_all(
    target: &Target,
    snapshot: &Snapshot,
    segments: &[LocalSegment],
    existing: &Existing,
    options: &PushOptions,
    observer: &dyn PushObserver,
) -> Result<()> {
    let is_missing =
        |segment: &&LocalSegment| snapshot.segment(&segment.name).is_none_or(|found| found.crc != Some(segment.crc));
    let missing: Vec<&LocalSegment> = segments.iter().filter(is_missing).collect();
    observer.pushing(missing.len());
    let uploads = missing.into_iter().map(|segment| async move {
        let bytes = upload(target, segment, existing).await.map_err(|error| error.with("segment", &segment.name))?;
        observer.pushed(ByteSize(bytes));
        Ok(())
    });
    stream::iter(uploads).buffer_unordered(options.parallelism.max(1)).try_collect().await
}

/// Uploads one segment and returns the length of its archive in bytes.
async fn upload(target: &Target, segment: &LocalSegment, existing: &Existing) -> Result<u64> {
    let (archive, _temporary) = archive(segment).await?;
    let bytes = std::fs::metadata(&archive)
        .map_err(|error| Error::io(error, "cannot read the segment's archive", &archive))?
        .len();
    let mut upload = Upload::new(&target.table, target.table_type);
    // Two uploads of the same segment at the same time, of a first try that hangs and the second, must not mix.
    upload.parallel_push_protection = true;
    upload.custom_map = (!segment.custom.is_empty()).then(|| CustomMap::Update(segment.custom.clone()));
    let replaced = match existing {
        Existing::Never => None,
        Existing::Replace(crcs) => crcs.get(&segment.name).copied(),
    };
    upload.allow_refresh = replaced.is_some();
    upload.if_match = replaced;
    match target.controller.upload_segment(&upload, &segment.name, &archive).await {
        Ok(()) => Ok(bytes),
        // Perhaps an earlier call or attempt of ours brought it there.
        Err(error) if matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::CommitConflict) => {
            match found_crc(target, segment).await? {
                Some(crc) if crc == segment.crc => Ok(bytes),
                found => Err(Error::new(
                    ErrorKind::CommitConflict,
                    format!(
                        "the cluster has a segment of this name with CRC {}, ours has {}",
                        found.map_or("unknown".into(), |crc| crc.to_string()),
                        segment.crc
                    ),
                )
                .action("find out who else pushes this name; give this job's segments another name, or delete that one")
                .caused_by(error)),
            }
        }
        Err(error) => Err(error),
    }
}

async fn found_crc(target: &Target, segment: &LocalSegment) -> Result<Option<u64>> {
    match target.controller.segment_metadata(&target.table, target.table_type, &segment.name).await {
        Ok(found) => Ok(found.crc),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The archive of a segment; a folder becomes one that lives until it is uploaded.
async fn archive(segment: &LocalSegment) -> Result<(PathBuf, Option<tempfile::TempDir>)> {
    if !segment.path.is_dir() {
        return Ok((segment.path.clone(), None));
    }
    let temporary = tempfile::tempdir()
        .map_err(|error| Error::io(error, "cannot make a temporary folder", std::env::temp_dir()))?;
    let (folder, archive) = (segment.path.clone(), temporary.path().join(format!("{}.tar.gz", segment.name)));
    let target = archive.clone();
    tokio::task::spawn_blocking(move || archive_folder(&folder, &target))
        .await
        .map_err(|error| Error::unexpected("archiving a segment ended early").caused_by(error))??;
    Ok((archive, Some(temporary)))
}

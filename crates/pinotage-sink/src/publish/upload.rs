//! Segments to the controller, several at a time.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use pinotage_client::{CopyToDeepStore, CustomMap, MetadataOnly, Upload};
use pinotage_common::{ArchiveLevel, ByteSize, Error, ErrorKind, Result};
use pinotage_segment::read::SegmentDocuments;
use pinotage_segment::write::archive_folder;

use super::deep_store::DeepStore;
use super::foreign::ORIGIN;
use super::form::check_uri;
use super::{Form, PushObserver, PushOptions};
use crate::{LocalSegment, Snapshot, Target};

/// What may be in the cluster under a segment's name.
pub(super) enum Existing {
    /// Nothing but the segment itself.
    Never,
    /// Segments with these CRCs, which are replaced.
    Replace(BTreeMap<String, u64>),
}

impl Existing {
    fn crc(&self, segment: &LocalSegment) -> Option<u64> {
        match self {
            Self::Never => None,
            Self::Replace(crcs) => crcs.get(&segment.name).copied(),
        }
    }
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
    let table = target.controller.http().qualified(&target.table);
    let deep_store = if options.form == Form::Tar { None } else { DeepStore::new(options, table)? };
    let uploads = Uploads { target, existing, options, observer, deep_store };
    if options.form == Form::MetadataBatch {
        return uploads.in_one_request(missing).await;
    }
    let pushed = missing.into_iter().map(|segment| async {
        let parcel = uploads.prepare(segment).await?;
        uploads.send(&parcel).await
    });
    stream::iter(pushed).buffer_unordered(uploads.parallelism()).try_collect().await
}

/// What uploads of one call have in common.
struct Uploads<'a> {
    target: &'a Target,
    existing: &'a Existing,
    options: &'a PushOptions,
    observer: &'a dyn PushObserver,
    deep_store: Option<DeepStore>,
}

/// A segment, ready to be sent.
struct Parcel<'a> {
    segment: &'a LocalSegment,
    /// The length of its archive; 0 when the archive is somewhere else.
    bytes: ByteSize,
    content: Content,
}

enum Content {
    /// The archive; a temporary one lives as long as its folder.
    Archive {
        path: PathBuf,
        _temporary: Option<tempfile::TempDir>,
    },
    Uri(String),
    Metadata(MetadataOnly),
}

impl Uploads<'_> {
    fn parallelism(&self) -> usize {
        self.options.parallelism.max(1)
    }

    /// Does everything that comes before the request to the controller.
    async fn prepare<'s>(&self, segment: &'s LocalSegment) -> Result<Parcel<'s>> {
        self.content(segment).await.map_err(|error| error.with("segment", &segment.name))
    }

    async fn content<'s>(&self, segment: &'s LocalSegment) -> Result<Parcel<'s>> {
        if self.options.form == Form::Tar {
            let (path, _temporary) = archive(segment, self.options.archive_level).await?;
            return Ok(Parcel { segment, bytes: length(&path)?, content: Content::Archive { path, _temporary } });
        }
        let (uri, bytes) = match (&segment.archive_uri, &self.deep_store) {
            (Some(uri), _) => (uri.clone(), ByteSize(0)),
            (None, Some(deep_store)) => {
                let (path, _temporary) = archive(segment, self.options.archive_level).await?;
                let (uri, bytes) = (deep_store.put(&segment.name, &path).await?, length(&path)?);
                self.observer.stored(bytes);
                (uri, bytes)
            }
            (None, None) => return Err(self.options.without_folder()),
        };
        check_uri(self.options.form, &uri)?;
        if self.options.form == Form::Uri {
            return Ok(Parcel { segment, bytes, content: Content::Uri(uri) });
        }
        let (path, _copy) = match &segment.stored {
            Some(stored) => stored.fetch().await.map(|(path, copy)| (path, Some(copy)))?,
            None => (segment.path.clone(), None),
        };
        let documents = blocking(move || SegmentDocuments::read(&path)).await?;
        let metadata = MetadataOnly {
            name: segment.name.clone(),
            metadata_properties: documents.metadata_properties.into(),
            creation_meta: documents.creation_meta.into(),
            download_uri: uri,
        };
        Ok(Parcel { segment, bytes, content: Content::Metadata(metadata) })
    }

    /// Uploads one segment.
    async fn send(&self, parcel: &Parcel<'_>) -> Result<()> {
        let sent = self.send_or_find(parcel).await;
        sent.map_err(|error| error.with("segment", &parcel.segment.name))?;
        self.observer.pushed(parcel.bytes);
        Ok(())
    }

    async fn send_or_find(&self, Parcel { segment, content, .. }: &Parcel<'_>) -> Result<()> {
        let controller = &self.target.controller;
        let replaced = self.existing.crc(segment);
        let mut upload = self.upload(&segment.custom);
        upload.allow_refresh = replaced.is_some();
        upload.if_match = replaced;
        let sent = match content {
            Content::Archive { path, .. } => controller.upload_segment(&upload, &segment.name, path).await,
            Content::Uri(uri) => controller.upload_uri(&upload, uri).await,
            Content::Metadata(metadata) => controller.upload_metadata(&upload, metadata, self.copy()).await,
        };
        match sent {
            // Perhaps an earlier call or attempt of ours brought it there.
            Err(error) if is_conflict(&error) => match found_crc(self.target, segment).await? {
                Some(crc) if crc == segment.crc => Ok(()),
                found => Err(other_bytes(segment, found).caused_by(error)),
            },
            sent => sent,
        }
    }

    /// Uploads new segments in one request, and those that replace others one by one: Pinot replaces them so in any case,
    /// and only by itself a segment can say which one it replaces.
    async fn in_one_request(&self, segments: Vec<&LocalSegment>) -> Result<()> {
        let prepared = segments.into_iter().map(|segment| self.prepare(segment));
        let prepared = stream::iter(prepared).buffer_unordered(self.parallelism());
        let parcels: Vec<Parcel<'_>> = prepared.try_collect().await?;
        let (mut single, new): (Vec<_>, Vec<_>) =
            parcels.into_iter().partition(|parcel| self.existing.crc(parcel.segment).is_some());
        for new in alike(new) {
            let metadata: Vec<MetadataOnly> = new.iter().filter_map(Parcel::metadata).cloned().collect();
            let mut upload = self.upload(&common(new.iter().map(|parcel| &parcel.segment.custom)));
            upload.allow_refresh = false;
            match self.target.controller.upload_metadata_batch(&upload, &metadata, self.copy()).await {
                Ok(()) => new.iter().for_each(|parcel| self.observer.pushed(parcel.bytes)),
                // Some are there already: each for itself finds out whether it is one of them.
                Err(error) if is_conflict(&error) => single.extend(new),
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Unsupported) => {
                    self.observer.note(
                        "the controller takes no batches, as Pinot does since 1.3: segments are pushed one by one",
                    );
                    single.extend(new);
                }
                Err(error) => return Err(error),
            }
        }
        stream::iter(&single).map(|parcel| self.send(parcel)).buffer_unordered(self.parallelism()).try_collect().await
    }

    fn upload(&self, custom: &BTreeMap<String, String>) -> Upload {
        let mut upload = Upload::new(&self.target.table, self.target.table_type);
        // Two uploads of the same segment at the same time, of a first try that hangs and the second, must not mix.
        upload.parallel_push_protection = true;
        upload.custom_map = (!custom.is_empty()).then(|| CustomMap::Update(custom.clone()));
        upload
    }

    fn copy(&self) -> CopyToDeepStore {
        if self.options.copy_to_deep_store { CopyToDeepStore::Yes } else { CopyToDeepStore::No }
    }
}

impl Parcel<'_> {
    fn metadata(&self) -> Option<&MetadataOnly> {
        if let Content::Metadata(metadata) = &self.content { Some(metadata) } else { None }
    }
}

/// Segments of the same epoch of the same process: whose they are must not get lost.
fn alike(parcels: Vec<Parcel<'_>>) -> Vec<Vec<Parcel<'_>>> {
    let mut groups: BTreeMap<Vec<Option<String>>, Vec<Parcel<'_>>> = BTreeMap::new();
    for parcel in parcels {
        let origin = ORIGIN.iter().map(|key| parcel.segment.custom.get(*key).cloned()).collect();
        groups.entry(origin).or_default().push(parcel);
    }
    groups.into_values().collect()
}

/// The entries that all maps have: a request has one map for all its segments.
fn common<'a>(mut maps: impl Iterator<Item = &'a BTreeMap<String, String>>) -> BTreeMap<String, String> {
    let mut common = maps.next().cloned().unwrap_or_default();
    maps.for_each(|map| common.retain(|key, value| map.get(key) == Some(value)));
    common
}

/// The error of a segment whose name the cluster has with other bytes.
pub(super) fn other_bytes(segment: &LocalSegment, found: Option<u64>) -> Error {
    let found = found.map_or("unknown".into(), |crc| crc.to_string());
    Error::new(
        ErrorKind::CommitConflict,
        format!("the cluster has a segment of this name with CRC {found}, ours has {}", segment.crc),
    )
    .action("find out who else pushes this name; give this job's segments another name, or delete that one")
}

/// There may be such a segment already.
fn is_conflict(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::CommitConflict)
}

async fn found_crc(target: &Target, segment: &LocalSegment) -> Result<Option<u64>> {
    match target.controller.segment_metadata(&target.table, target.table_type, &segment.name).await {
        Ok(found) => Ok(found.crc),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The archive of a segment; what a folder becomes, or the copy of one in a store, lives as long as the second value.
async fn archive(segment: &LocalSegment, level: ArchiveLevel) -> Result<(PathBuf, Option<tempfile::TempDir>)> {
    if let Some(stored) = &segment.stored {
        return stored.fetch().await.map(|(path, copy)| (path, Some(copy)));
    }
    if !segment.path.is_dir() {
        return Ok((segment.path.clone(), None));
    }
    let temporary = tempfile::tempdir()
        .map_err(|error| Error::io(error, "cannot make a temporary folder", std::env::temp_dir()))?;
    let (folder, archive) = (segment.path.clone(), temporary.path().join(format!("{}.tar.gz", segment.name)));
    let target = archive.clone();
    blocking(move || archive_folder(&folder, level, &target)).await?;
    Ok((archive, Some(temporary)))
}

fn length(archive: &Path) -> Result<ByteSize> {
    let metadata = std::fs::metadata(archive);
    let metadata = metadata.map_err(|error| Error::io(error, "cannot read the segment's archive", archive))?;
    Ok(ByteSize(metadata.len()))
}

/// Runs work with files where it does not hold up the runtime.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Error::unexpected("work with a segment's files ended early").caused_by(error))?
}

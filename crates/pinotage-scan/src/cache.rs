//! Segments on local disk: fetched once, kept while there is room.

use std::collections::HashMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::{fs, io};

use pinotage_common::{Error, Result};
use pinotage_segment::read::{OpenOptions, Segment};
use tempfile::TempDir;
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;

/// Where archives are fetched to and unpacked, beside the segments that are ready.
const WORK: &str = ".work";

/// A folder of unpacked segments, shared by the scans of a process. Other processes may share the folder: a segment
/// appears in it in one step.
pub(crate) struct SegmentCache {
    folder: PathBuf,
    limit: u64,
    clock: AtomicU64,
    entries: Mutex<HashMap<String, Arc<Entry>>>,
    _temporary: Option<TempDir>,
}

#[derive(Default)]
struct Entry {
    segment: OnceCell<Arc<Segment>>,
    used: AtomicU64,
    bytes: AtomicU64,
}

impl SegmentCache {
    /// A cache in a folder, or in a temporary one.
    pub(crate) fn new(folder: Option<&Path>, limit: u64) -> Result<Self> {
        let temporary = match folder {
            Some(_) => None,
            None => Some(
                tempfile::Builder::new()
                    .prefix("pinotage-segments-")
                    .tempdir()
                    .map_err(|error| Error::io(error, "cannot make a temporary folder", std::env::temp_dir()))?,
            ),
        };
        let folder = folder.or(temporary.as_ref().map(TempDir::path)).map(Path::to_owned).unwrap_or_default();
        let work = folder.join(WORK);
        fs::create_dir_all(&work).map_err(|error| Error::io(error, "cannot make the folder of segments", &work))?;
        let cache = Self { folder, limit, clock: AtomicU64::new(1), entries: Mutex::default(), _temporary: temporary };
        cache.find_kept()?;
        Ok(cache)
    }

    /// What an earlier process left is of use.
    fn find_kept(&self) -> Result<()> {
        let failed = |error| Error::io(error, "cannot list the folder of segments", &self.folder);
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        for kept in fs::read_dir(&self.folder).map_err(failed)? {
            let kept = kept.map_err(failed)?;
            let Ok(key) = kept.file_name().into_string() else { continue };
            if key != WORK {
                let entry = Entry::default();
                entry.bytes.store(bytes_of(&kept.path()).map_err(failed)?, Ordering::Relaxed);
                entries.insert(key, Arc::new(entry));
            }
        }
        Ok(())
    }

    /// A segment; `fetch` writes its archive to a path when it is not there. Several callers wait for one fetch.
    pub(crate) async fn get<F: Future<Output = Result<()>>>(
        &self,
        table: &str,
        segment: &str,
        crc: u64,
        fetch: impl FnOnce(PathBuf) -> F,
    ) -> Result<Arc<Segment>> {
        let key = format!("{}.{}.{crc}", file_name(table), file_name(segment));
        let entry = {
            let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(entries.entry(key.clone()).or_default())
        };
        entry.used.store(self.clock.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        let opened = entry
            .segment
            .get_or_try_init(|| async {
                let place = self.folder.join(&key);
                if !place.exists() {
                    self.bring(&place, fetch).await?;
                }
                let open = move || -> Result<(Segment, u64)> {
                    let folder = only_folder(&place)?;
                    let bytes = bytes_of(&place).map_err(|error| Error::io(error, "cannot list", &place))?;
                    Ok((Segment::open(&folder)?, bytes))
                };
                let (segment, bytes) = blocking(open).await?;
                entry.bytes.store(bytes, Ordering::Relaxed);
                check_crc(&segment, crc)?;
                Ok::<_, Error>(Arc::new(segment))
            })
            .await;
        match opened {
            Ok(segment) => {
                let segment = Arc::clone(segment);
                drop(entry);
                self.make_room();
                Ok(segment)
            }
            Err(error) => {
                // What is there is not the segment: it is fetched again next time.
                let place = self.folder.join(&key);
                let _ = fs::remove_dir_all(&place);
                Err(error)
            }
        }
    }

    async fn bring<F: Future<Output = Result<()>>>(
        &self,
        place: &Path,
        fetch: impl FnOnce(PathBuf) -> F,
    ) -> Result<()> {
        let work = self.folder.join(WORK);
        let work = tempfile::tempdir_in(&work).map_err(|error| Error::io(error, "cannot make a folder", &work))?;
        let archive = work.path().join("archive");
        fetch(archive.clone()).await?;
        let place = place.to_owned();
        blocking(move || {
            let unpacked = work.path().join("segment");
            fs::create_dir(&unpacked).map_err(|error| Error::io(error, "cannot make a folder", &unpacked))?;
            Segment::unpack(&archive, &unpacked, &OpenOptions::default())?;
            match fs::rename(&unpacked, &place) {
                // Another process was faster.
                Err(_) if place.exists() => Ok(()),
                renamed => renamed.map_err(|error| Error::io(error, "cannot keep the segment", &place)),
            }
        })
        .await
    }

    /// Removes what was not used for the longest time; what is being read stays.
    pub(crate) fn make_room(&self) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let size = |entry: &Entry| entry.bytes.load(Ordering::Relaxed);
        let mut total: u64 = entries.values().map(|entry| size(entry)).sum();
        if total <= self.limit {
            return;
        }
        let idle = |entry: &Arc<Entry>| {
            Arc::strong_count(entry) == 1 && entry.segment.get().is_none_or(|segment| Arc::strong_count(segment) == 1)
        };
        let mut oldest: Vec<(u64, String)> = entries
            .iter()
            .filter(|(_, entry)| idle(entry))
            .map(|(key, entry)| (entry.used.load(Ordering::Relaxed), key.clone()))
            .collect();
        oldest.sort_unstable();
        for (_, key) in oldest {
            if total <= self.limit {
                break;
            }
            if let Some(entry) = entries.remove(&key) {
                total -= size(&entry);
                // What cannot be removed is found by the next process.
                let _ = fs::remove_dir_all(self.folder.join(&key));
            }
        }
    }
}

/// The segment is the one that the cluster's record is about.
fn check_crc(segment: &Segment, expected: u64) -> Result<()> {
    let name = &segment.metadata().name;
    match segment.creation().map(|creation| creation.crc) {
        Some(found) if found == expected => Ok(()),
        Some(found) => Err(Error::new(
            pinotage_common::ErrorKind::CommitConflict,
            "the segment was replaced after the plan was made",
        )
        .with("segment", name)
        .with("expected", expected)
        .with("found", found)
        .action("read the table again")),
        None => {
            Err(Error::invalid_data("the segment has no `creation.meta`: whether it is the one of the plan is unknown")
                .with("segment", name)
                .action("read the table with `reader=server`, or upload the segment again"))
        }
    }
}

/// A name that is one file's, whatever stands in it.
fn file_name(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    name.bytes().fold(String::with_capacity(name.len()), |mut text, byte| {
        if plain(byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
        text
    })
}

/// The folder in a folder.
fn only_folder(place: &Path) -> Result<PathBuf> {
    let failed = |error| Error::io(error, "cannot list the kept segment", place);
    for found in fs::read_dir(place).map_err(failed)? {
        let path = found.map_err(failed)?.path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "v3") {
            return Ok(path);
        }
    }
    Ok(place.to_owned())
}

fn bytes_of(folder: &Path) -> io::Result<u64> {
    let mut total = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.metadata()?;
        total += if kind.is_dir() { bytes_of(&entry.path())? } else { kind.len() };
    }
    Ok(total)
}

/// Runs what waits for disks beside the threads that wait for the network.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    joined(tokio::task::spawn_blocking(work)).await
}

/// What came of work in another thread.
pub(crate) async fn joined<T>(work: JoinHandle<Result<T>>) -> Result<T> {
    work.await.unwrap_or_else(|error| Err(Error::unexpected("a thread ended early").caused_by(error)))
}

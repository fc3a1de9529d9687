//! Segments that are there already, into a table.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use pinotage_client::{Connection, Controller, LineageEntry};
use pinotage_common::{Error, Result};
use pinotage_sink::publish::{self, Publication, PushObserver, PushOptions};
use pinotage_sink::{LocalSegment, Target, bootstrap};
use pinotage_store::{Location, StoreOptions};
use serde_json::Value as Json;

use crate::cluster::{self, until_cancelled};
use crate::objects::Objects;

/// A table of a cluster, for commands that need no job.
#[derive(Debug)]
pub struct Pusher {
    target: Target,
    runtime: tokio::runtime::Runtime,
}

/// What a push does with segments that the table has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Replace {
    /// They stay. A segment with the name of one of them and other bytes is refused.
    #[default]
    Nothing,
    /// Those of the same names are replaced, one by one.
    SameNames,
    /// All go when the new ones come. In one step, unless a name is used again.
    Everything,
}

impl Pusher {
    /// The OFFLINE half of a table.
    ///
    /// # Errors
    ///
    /// Those of the connection's certificates and tokens.
    pub fn new(connection: &Connection, table: &str) -> Result<Self> {
        Ok(Self { target: Target::offline(Controller::new(connection)?, table), runtime: cluster::runtime()? })
    }

    /// The table, as [`Target::key`].
    pub fn key(&self) -> String {
        self.target.key()
    }

    /// What [`Pusher::push`] would push and replace.
    ///
    /// # Errors
    ///
    /// `not-found` when there is no such table.
    pub fn plan(&self, segments: &[LocalSegment], replace: Replace) -> Result<Publication> {
        self.runtime.block_on(async {
            let snapshot = self.target.snapshot().await?;
            let crc = |name: &str| snapshot.segment(name).and_then(|segment| segment.crc).unwrap_or_default();
            let from: BTreeMap<String, u64> = match replace {
                Replace::Nothing => BTreeMap::new(),
                Replace::SameNames => segments
                    .iter()
                    .filter(|segment| snapshot.holds(&segment.name))
                    .map(|segment| (segment.name.clone(), crc(&segment.name)))
                    .collect(),
                Replace::Everything => {
                    snapshot.visible().into_iter().map(|name| (name.to_owned(), crc(name))).collect()
                }
            };
            // What is there with the same bytes neither comes nor goes.
            let is_there = |segment: &LocalSegment| crc(&segment.name) == segment.crc && snapshot.holds(&segment.name);
            let to: Vec<LocalSegment> = segments.iter().filter(|segment| !is_there(segment)).cloned().collect();
            let from = from
                .into_iter()
                .filter(|(name, _)| !segments.iter().any(|segment| segment.name == *name && is_there(segment)))
                .collect();
            Ok(Publication { to, from, ..Publication::default() })
        })
    }

    /// The table's config.
    ///
    /// # Errors
    ///
    /// `not-found` when there is no such table; `unsupported` when nothing can be pushed to its kind.
    pub fn table(&self) -> Result<Json> {
        self.runtime.block_on(self.config())
    }

    async fn config(&self) -> Result<Json> {
        cluster::existing(&self.target, bootstrap::documents(&self.target).await?)
    }

    /// Pushes segments, so that queries see all of them or none.
    ///
    /// # Errors
    ///
    /// Those of [`publish::publish`]; `cancelled`.
    pub fn push(
        &self,
        publication: &Publication,
        options: &PushOptions,
        cancel: &AtomicBool,
        observer: &dyn PushObserver,
    ) -> Result<()> {
        let call = async {
            let table = self.config().await?;
            publish::publish(&self.target, &table, publication, options, observer).await
        };
        self.runtime.block_on(until_cancelled(cancel, call))
    }

    /// The replacements of the table, the oldest first.
    ///
    /// # Errors
    ///
    /// `not-found` when there is no such table.
    pub fn replacements(&self) -> Result<Vec<LineageEntry>> {
        self.runtime.block_on(self.target.controller.lineage(&self.target.table, self.target.table_type))
    }

    /// Takes replacements back: those in progress, or one whatever its state.
    ///
    /// # Errors
    ///
    /// Those of [`publish::revert`].
    pub fn revert(&self, id: Option<&str>) -> Result<Vec<LineageEntry>> {
        self.runtime.block_on(publish::revert(&self.target, id))
    }
}

/// The segments at some paths: a segment's folder or archive, or a folder of such.
///
/// # Errors
///
/// `not-found` when a path has none; `corrupt-segment` for one that makes no sense.
pub fn segments_at(paths: &[PathBuf]) -> Result<Vec<LocalSegment>> {
    let mut segments = Vec::new();
    for path in paths {
        let places = if is_segment(path) { vec![path.clone()] } else { below(path)? };
        if places.is_empty() {
            return Err(Error::not_found("there is no segment here")
                .with("path", path.display())
                .action("name segments' folders or `tar.gz` archives, or a folder of them"));
        }
        for place in places {
            segments.push(LocalSegment::open(&place)?);
        }
    }
    Ok(segments)
}

/// The segment files (`.tar.gz`) below a folder, here or in an object store, at any depth, whose whole path is wanted; that of
/// an object is `scheme:/bucket/key`.
///
/// # Errors
///
/// `not-found` when there is none; `corrupt-segment` for one that makes no sense; those of the store.
pub fn segment_files_below(
    folder: &Location,
    store: &StoreOptions,
    is_wanted: &dyn Fn(&str) -> bool,
) -> Result<Vec<LocalSegment>> {
    let segments = match folder.local_path() {
        Some(path) => {
            let mut files = archives_below(path)?;
            files.retain(|path| is_wanted(&path.to_string_lossy()));
            files.iter().map(|path| LocalSegment::open(path)).collect::<Result<Vec<_>>>()?
        }
        None => {
            let objects = Objects::new(store)?;
            let mut files = objects.list(folder, true)?;
            files.retain(|file| file.location.name().ends_with(".tar.gz") && is_wanted(&file.location.match_text()));
            objects.open_archives(files)?
        }
    };
    match segments.is_empty() {
        false => Ok(segments),
        true => Err(Error::not_found("there is no segment file here")
            .with("path", folder)
            .action("check the folder and the pattern, which is matched against whole paths: `glob:**/*.tar.gz`")),
    }
}

/// Removes segment files, from where [`segment_files_below`] found them.
///
/// # Errors
///
/// Those of the file system or the store.
pub fn remove_segment_files(segments: &[LocalSegment]) -> Result<()> {
    let runtime = cluster::runtime()?;
    segments.iter().try_for_each(|segment| match &segment.stored {
        Some(stored) => runtime.block_on(stored.store.delete(&stored.entry.location)),
        None => std::fs::remove_file(&segment.path)
            .map_err(|error| Error::io(error, "cannot remove the segment file", &segment.path)),
    })
}

fn archives_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let failed = |error| Error::io(error, "cannot list the folder", &folder);
        for entry in std::fs::read_dir(&folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            // Hidden ones are on their way to be built or removed.
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            match path.is_dir() {
                _ if name.starts_with('.') => {}
                true => folders.push(path),
                false if name.ends_with(".tar.gz") => files.push(path),
                false => {}
            }
        }
    }
    files.sort();
    Ok(files)
}

fn is_segment(path: &Path) -> bool {
    let is_archive = path.is_file() && path.extension().is_some_and(|extension| extension == "gz");
    is_archive || path.join("v3/metadata.properties").is_file() || path.join("metadata.properties").is_file()
}

fn below(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).map_err(|error| Error::io(error, "cannot list the folder", folder))?;
    let mut places = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| Error::io(error, "cannot list the folder", folder))?.path();
        // Hidden ones are on their way to be built or removed.
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if !hidden && is_segment(&path) {
            places.push(path);
        }
    }
    places.sort();
    Ok(places)
}

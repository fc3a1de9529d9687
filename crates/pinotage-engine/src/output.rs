//! Where a job keeps its segments: a folder, or one of an object store.
//!
//! The manifest names a segment of a folder by its path in it, so that a moved project stays built, and one in a store by its
//! URI.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use pinotage_common::{Error, Result};
use pinotage_job::Plan;
use pinotage_sink::StoredArchive;
use pinotage_store::Location;

use crate::objects::{Cancelled, Objects};

/// The output of a job.
#[derive(Clone, Copy)]
pub(crate) struct Output<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) objects: &'a Objects,
}

/// A segment's place.
enum Place {
    Local(PathBuf),
    Object(Location),
}

impl Output<'_> {
    /// What the manifest calls a segment that is built as `file`.
    pub(crate) fn name(&self, file: &str) -> Result<String> {
        match &self.plan.store_output {
            Some(folder) => Ok(folder.join(file)?.to_uri()),
            None => Ok(file.to_owned()),
        }
    }

    fn place(&self, name: &str) -> Result<Place> {
        match is_object(name) {
            true => Ok(Place::Object(Location::parse(name)?)),
            false => Ok(Place::Local(self.plan.output.join(name))),
        }
    }

    /// The names that are there, as far as one listing tells; nothing for a folder, where each is looked for.
    pub(crate) fn listed(&self) -> Result<Option<HashSet<String>>> {
        let Some(folder) = &self.plan.store_output else { return Ok(None) };
        let found = self.objects.list(folder, true)?;
        Ok(Some(found.into_iter().map(|entry| entry.location.to_uri()).collect()))
    }

    pub(crate) fn holds(&self, name: &str) -> Result<bool> {
        match self.place(name)? {
            Place::Local(path) => Ok(path.exists()),
            Place::Object(at) => self.objects.exists(&at),
        }
    }

    /// The segment's path or URI, as users see it and patterns match it.
    pub(crate) fn match_text(&self, name: &str) -> Result<String> {
        Ok(match self.place(name)? {
            Place::Local(path) => path.to_string_lossy().into_owned(),
            Place::Object(at) => at.match_text(),
        })
    }

    pub(crate) fn location(&self, name: &str) -> Result<Location> {
        match self.place(name)? {
            Place::Local(path) => Location::parse(&path.to_string_lossy()),
            Place::Object(at) => Ok(at),
        }
    }

    /// Puts an archive into the store; it stays on this machine.
    pub(crate) fn put(&self, from: &Path, name: &str, cancelled: Cancelled<'_>) -> Result<()> {
        self.objects.put(from, &self.location(name)?, cancelled)
    }

    /// Removes a segment, folder or archive, if it is there.
    pub(crate) fn remove(&self, name: &str) -> Result<()> {
        match self.place(name)? {
            Place::Local(path) => remove(&path),
            Place::Object(at) => self.objects.delete(&at),
        }
    }

    /// Where a push takes the segment from.
    pub(crate) fn source(&self, name: &str) -> Result<(PathBuf, Option<StoredArchive>)> {
        match self.place(name)? {
            Place::Local(path) => Ok((path, None)),
            Place::Object(at) => Ok((PathBuf::from(at.name()), Some(self.objects.archive(&at)?))),
        }
    }
}

/// Whether the manifest's name of a segment is a URI; no path in a folder has two slashes.
pub(crate) fn is_object(name: &str) -> bool {
    name.contains("://")
}

/// Removes a segment, folder or archive, if it is there.
pub(crate) fn remove(path: &Path) -> Result<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::io(error, "cannot remove the old segment", path))
        }
        _ => Ok(()),
    }
}

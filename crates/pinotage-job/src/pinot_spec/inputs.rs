//! The inputs of a job spec, and what their segments are called.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use pinotage_common::{Error, ErrorKind, Result};
use pinotage_store::Location;

use super::names::Names;
use super::notes::Notes;
use super::pattern::PathPattern;
use crate::input::{InputFile, Listing, sort};
use crate::one_to_one::{InputName, NamedInput};

/// Which files of a folder are inputs.
pub(super) struct Selection {
    pub(super) recursive: bool,
    pub(super) include: Option<PathPattern>,
    pub(super) exclude: Option<PathPattern>,
}

impl Selection {
    /// The files below a folder, or the file itself, sorted.
    pub(super) fn find(&self, place: &Location, list: Listing<'_>) -> Result<Vec<InputFile>> {
        let mut files = match place.local_path() {
            Some(path) => self.local(path)?,
            None => list(place, self.recursive)?.into_iter().map(InputFile::Object).collect(),
        };
        files.retain(|file| {
            let text = file.match_text();
            self.include.as_ref().is_none_or(|pattern| pattern.matches(&text))
                && !self.exclude.as_ref().is_some_and(|pattern| pattern.matches(&text))
        });
        sort(&mut files);
        match files.is_empty() {
            false => Ok(files),
            true => Err(Error::not_found("no input file").with("path", place).action(
                "check `inputDirURI` and the patterns, which are matched against whole paths: `glob:**/*.csv`",
            )),
        }
    }

    fn local(&self, place: &Path) -> Result<Vec<InputFile>> {
        let mut files = Vec::new();
        match fs::metadata(place) {
            Ok(metadata) if metadata.is_dir() => self.list(place, &mut files)?,
            Ok(_) => files.push(InputFile::Local(place.to_owned())),
            Err(error) => return Err(Error::io(error, "cannot list `inputDirURI`", place)),
        }
        Ok(files)
    }

    fn list(&self, folder: &Path, files: &mut Vec<InputFile>) -> Result<()> {
        let failed = |error| Error::io(error, "cannot list `inputDirURI`", folder);
        for entry in fs::read_dir(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_dir() {
                if self.recursive {
                    self.list(&entry.path(), files)?;
                }
            } else if entry.path().is_file() {
                files.push(InputFile::Local(entry.path()));
            }
        }
        Ok(())
    }
}

/// Numbers the files as Pinot does and names their segments.
pub(super) fn name(
    place: &Location,
    files: Vec<InputFile>,
    names: &Names,
    notes: &mut Notes,
) -> Result<Vec<NamedInput>> {
    let place = Path::new(place.key());
    let mut counts: HashMap<PathBuf, usize> = HashMap::new();
    let mut taken: HashMap<String, InputFile> = HashMap::new();
    let mut inputs = Vec::with_capacity(files.len());
    for file in files {
        let text = match &file {
            InputFile::Object(entry) => entry.location.to_uri(),
            InputFile::Local(path) => path.to_str().map(ToOwned::to_owned).ok_or_else(|| {
                Error::invalid_config("expected the path of every input in UTF-8")
                    .with("file", path.display())
                    .action("rename the file, or exclude it with `excludeFileNamePattern`")
            })?,
        };
        let parent = file.path().parent().unwrap_or(place);
        let folder = parent.strip_prefix(place).unwrap_or(Path::new("")).to_owned();
        let group = if names.global_sequence { place } else { parent };
        let count = counts.entry(group.to_owned()).or_default();
        let name = names.of(&text, *count, notes);
        *count += 1;
        if let InputName::Whole(name) = &name
            && let Some(other) = taken.insert(name.clone(), file.clone())
        {
            return Err(Error::new(ErrorKind::AlreadyExists, format!("two inputs would have the segment `{name}`"))
                .with("file", other)
                .with("file", file)
                .action(OWN_NAMES));
        }
        inputs.push(NamedInput { file, name, folder });
    }
    Ok(inputs)
}

/// What to do about inputs whose segments have the same name.
pub const OWN_NAMES: &str = "set `use.global.directory.sequence.id: true` in `segmentNameGeneratorSpec.configs`, or take names \
     that tell the inputs apart: Pinot would keep only one of them";

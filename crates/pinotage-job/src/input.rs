//! From the paths of a job to its input files.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use pinotage_common::{Error, Result};
use pinotage_store::{Entry, Location};

/// A file that a job reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InputFile {
    /// A file of this machine.
    Local(PathBuf),
    /// An object or a web server's file, as it was when it was listed.
    Object(Entry),
}

/// Lists a folder of an object store, or the one object or web server's file that the location names; `true` asks for the
/// folders below, too.
pub type Listing<'a> = &'a dyn Fn(&Location, bool) -> Result<Vec<Entry>>;

impl InputFile {
    /// The path; that of an object inside of its bucket.
    pub fn path(&self) -> &Path {
        match self {
            Self::Local(path) => path,
            Self::Object(entry) => Path::new(entry.location.key()),
        }
    }

    /// Where it lies on this machine, if it does.
    pub fn local_path(&self) -> Option<&Path> {
        match self {
            Self::Local(path) => Some(path),
            Self::Object(_) => None,
        }
    }

    /// Its bytes; 0 for a file that cannot be looked at.
    pub fn len_bytes(&self) -> u64 {
        match self {
            Self::Local(path) => std::fs::metadata(path).map_or(0, |metadata| metadata.len()),
            Self::Object(entry) => entry.size,
        }
    }

    /// What a pattern is matched against: the path, or `scheme:/bucket/key`.
    pub(crate) fn match_text(&self) -> String {
        match self {
            Self::Local(path) => path.to_string_lossy().into_owned(),
            Self::Object(entry) => entry.location.match_text(),
        }
    }
}

impl fmt::Display for InputFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(path) => path.display().fmt(f),
            Self::Object(entry) => entry.location.fmt(f),
        }
    }
}

/// The files behind paths and URIs: a file itself, the visible files of a folder, or those whose name matches a pattern with
/// `*`. Sorted, each once.
///
/// # Errors
///
/// `not-found` for a path behind which there is no file; `invalid-config` for two URLs that differ in their queries alone,
/// which could not be told apart; those of `list`.
pub fn expand_paths(base: &Path, paths: &[String], list: Listing<'_>) -> Result<Vec<InputFile>> {
    let mut files = Vec::new();
    for text in paths {
        let before = files.len();
        let is_uri = Location::is_uri(text);
        let place = if is_uri { Some(Location::parse(text)?) } else { None };
        match &place {
            Some(at) if at.local_path().is_none() => objects(at, list, &mut files)?,
            Some(at) => local(Path::new(at.key()), &mut files)?,
            None => local(&base.join(text), &mut files)?,
        }
        if files.len() == before {
            // Without the query of a signed URL.
            let shown = if is_uri { text.split('?').next().map(PathBuf::from) } else { None };
            return Err(Error::not_found("no input file")
                .with("path", shown.unwrap_or_else(|| base.join(text)).display())
                .action("check the spelling of `source.paths`; they are relative to the job file"));
        }
    }
    sort(&mut files);
    files.dedup();
    let twice = files.windows(2).find(|pair| pair[0].to_string() == pair[1].to_string());
    match twice {
        None => Ok(files),
        Some(pair) => Err(Error::invalid_config("two inputs differ in the query of their URL alone")
            .with("uri", &pair[0])
            .action("name one of them, or give the files paths of their own")),
    }
}

/// In the order of their paths, part by part.
pub(crate) fn sort(files: &mut [InputFile]) {
    files.sort_by_cached_key(|file| PathBuf::from(file.match_text()));
}

fn local(path: &Path, files: &mut Vec<InputFile>) -> Result<()> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if name.contains('*') {
        list_local(path.parent().unwrap_or(path), &|file| matches(name, file), files)?;
    } else if path.is_dir() {
        list_local(path, &|_| true, files)?;
    } else if path.is_file() {
        files.push(InputFile::Local(path.to_owned()));
    }
    Ok(())
}

fn list_local(folder: &Path, wanted: &dyn Fn(&str) -> bool, files: &mut Vec<InputFile>) -> Result<()> {
    let failed = |error| Error::io(error, "cannot list the input folder", folder);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_file() && is_visible(name) && wanted(name) {
            files.push(InputFile::Local(path));
        }
    }
    Ok(())
}

fn objects(at: &Location, list: Listing<'_>, files: &mut Vec<InputFile>) -> Result<()> {
    let pattern = at.name();
    let found = match pattern.contains('*') {
        true => list(&at.parent(), false)?,
        false => list(at, false)?,
    };
    let wanted = |entry: &Entry| {
        let name = entry.location.name();
        entry.location == *at || is_visible(name) && (!pattern.contains('*') || matches(pattern, name))
    };
    files.extend(found.into_iter().filter(wanted).map(InputFile::Object));
    Ok(())
}

fn is_visible(name: &str) -> bool {
    !name.starts_with(['.', '_'])
}

/// `*` stands for any characters.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_match_any_characters() {
        for (pattern, name, expected) in [
            ("*.csv", "a.csv", true),
            ("*.csv", "a.csv.gz", false),
            ("a*b*c", "aXbYc", true),
            ("a*b", "ab", true),
            ("a*ab", "ab", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn objects_are_chosen_as_files_are() {
        let list = |folder: &Location, below: bool| {
            assert!(!below);
            let names = ["b.csv", "a.csv", "_SUCCESS", ".hidden.csv", "readme.txt"];
            let entry = |name: &str| Ok(Entry { location: folder.join(name)?, size: 1, etag: None, modified: None });
            match folder.to_string().as_str() {
                "s3://bucket/in" => names.into_iter().map(entry).collect(),
                "s3://bucket/in/.hidden.csv" | "https://host/a.csv" => {
                    Ok(vec![Entry { location: folder.clone(), size: 1, etag: None, modified: None }])
                }
                _ => Ok(Vec::new()),
            }
        };
        let found = |paths: &[&str]| -> Result<Vec<String>> {
            let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
            Ok(expand_paths(Path::new("/jobs"), &paths, &list)?.iter().map(ToString::to_string).collect())
        };
        let all = ["s3://bucket/in/a.csv", "s3://bucket/in/b.csv", "s3://bucket/in/readme.txt"];
        assert_eq!(found(&["s3a://bucket/in/", "s3://bucket/in"]).unwrap(), all);
        assert_eq!(found(&["s3://bucket/in/*.csv"]).unwrap(), all[..2]);
        assert_eq!(found(&["s3://bucket/in/.hidden.csv"]).unwrap(), ["s3://bucket/in/.hidden.csv"]);
        assert_eq!(found(&["https://host/a.csv?key=1"]).unwrap(), ["https://host/a.csv"]);
        for (paths, expected) in [
            (vec!["s3://bucket/none"], "s3://bucket/none"),
            (vec!["https://host/a.csv?key=1", "https://host/a.csv?key=2"], "query of their URL"),
            (vec!["hdfs://name/in"], "HDFS"),
        ] {
            let error = found(&paths).unwrap_err().to_string();
            assert!(error.contains(expected) && !error.contains("key="), "{error}");
        }
    }
}

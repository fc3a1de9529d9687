//! From the paths of a job to its input files.

use std::fs;
use std::path::{Path, PathBuf};

use pinotage_common::{Error, Result};

/// The files behind paths: a file itself, the visible files of a folder, or those whose name matches a pattern with `*`.
/// Sorted, each once.
///
/// # Errors
///
/// `not-found` for a path behind which there is no file.
pub fn expand_paths(base: &Path, paths: &[String]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for text in paths {
        let path = base.join(text);
        let before = files.len();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if name.contains('*') {
            list(path.parent().unwrap_or(base), &|file| matches(&name, file), &mut files)?;
        } else if path.is_dir() {
            list(&path, &|_| true, &mut files)?;
        } else if path.is_file() {
            files.push(path.clone());
        }
        if files.len() == before {
            return Err(Error::not_found("no input file")
                .with("path", path.display())
                .action("check the spelling of `source.paths`; they are relative to the job file"));
        }
    }
    files.sort();
    files.dedup();
    Ok(files)
}

fn list(folder: &Path, wanted: &dyn Fn(&str) -> bool, files: &mut Vec<PathBuf>) -> Result<()> {
    let failed = |error| Error::io(error, "cannot list the input folder", folder);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_file() && !name.starts_with(['.', '_']) && wanted(name) {
            files.push(path);
        }
    }
    Ok(())
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
}

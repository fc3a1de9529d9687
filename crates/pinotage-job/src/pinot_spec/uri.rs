//! The URIs of a job spec.

use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;
use pinotage_common::{Error, Result};

/// What a URI points to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// A file or folder of this machine, as an absolute path.
    Local(PathBuf),
    /// A document of a controller.
    Http(String),
}

impl Place {
    /// Reads a URI; without a scheme it is a path, relative to the working directory.
    pub(super) fn parse(option: &'static str, text: &str, working: &Path) -> Result<Self> {
        let Some((scheme, rest)) = scheme(text) else { return Ok(Self::Local(working.join(text))) };
        match scheme.to_ascii_lowercase().as_str() {
            "http" | "https" => Ok(Self::Http(text.to_owned())),
            "file" => {
                let path = match rest.strip_prefix("//") {
                    // An authority of a `file:` URI is this machine or none.
                    Some(rest) => rest.strip_prefix("localhost").unwrap_or(rest),
                    None => rest,
                };
                let path = percent_decode_str(path).decode_utf8().map_err(|error| {
                    Error::invalid_config(format!("`{text}` is no URI of a file in UTF-8"))
                        .with("option", option)
                        .caused_by(error)
                })?;
                match path.starts_with('/') {
                    true => Ok(Self::Local(PathBuf::from(path.as_ref()))),
                    false => Err(Error::invalid_config(format!("`{text}` names no absolute path"))
                        .with("option", option)
                        .action("write `file:///folder/file`, or a path without `file:`")),
                }
            }
            "hdfs" => Err(Error::unsupported("HDFS cannot be read or written without a JVM")
                .with("option", option)
                .action("copy the files to a disk or an object store first, for example with `hdfs dfs -get`")),
            scheme => Err(Error::unsupported(format!("`{scheme}:` is not there yet: files of this machine are"))
                .with("option", option)
                .action("copy the files to a disk of this machine and name its folder")),
        }
    }

    /// A local path; a controller has no folders.
    pub(super) fn local(option: &'static str, text: &str, working: &Path) -> Result<PathBuf> {
        match Self::parse(option, text, working)? {
            Self::Local(path) => Ok(path),
            Self::Http(uri) => Err(Error::invalid_config(format!("`{uri}` is no folder"))
                .with("option", option)
                .action("name a folder of this machine")),
        }
    }
}

fn scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    is_scheme.then_some((scheme, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_and_paths_are_told_apart() {
        let parse = |text| Place::parse("inputDirURI", text, Path::new("/jobs"));
        for (text, path) in [
            ("examples/batch", "/jobs/examples/batch"),
            ("/data/a b", "/data/a b"),
            ("file:/data", "/data"),
            ("file:///data/a%20b", "/data/a b"),
            ("file://localhost/data", "/data"),
        ] {
            assert_eq!(parse(text).unwrap(), Place::Local(path.into()), "{text}");
        }
        assert_eq!(parse("http://c:9000/x").unwrap(), Place::Http("http://c:9000/x".into()));
        for (text, expected) in [("s3://b/k", "`s3:`"), ("hdfs:///x", "JVM"), ("file:x", "absolute")] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains("inputDirURI"), "{error}");
        }
    }
}
